// One search, start to end: coarse, gather, interaction, residual codes, refinement.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "index/coarse.h"
#include "index/gather.h"
#include "index/product.h"
#include "index/query.h"
#include "index/rotation.h"
#include "index/view.h"
#include "index/word_table.h"

namespace lode {

// Everything a search writes to; kept from search to search so that no memory is touched for the first time.
struct SearchScratch {
    Query query;
    std::vector<ScoreTable> tables;      // one per query chunk
    std::vector<WordTable> word_tables;  // one per query chunk
    bool tabled = false;                 // whether this search has them
    Gatherer gatherer;
    std::vector<Candidate> candidates;
    std::vector<std::uint32_t> row_ids;
    std::vector<std::int32_t> dots;
    std::vector<float> scores, scales;
    std::vector<std::uint8_t> words;
};

// Searches the segments that share one codebook. Safe to call from any number of threads.
class Searcher {
public:
    // Copies what it keeps of the product book (tens of KiB); the rest is read where it lies.
    Searcher(const Codebook& book, std::vector<Segment> segments);

    // query: float [n_tokens][dim], finite. Best first; at most options.k. A hit's position counts the documents of all
    // segments, deleted ones too.
    std::vector<Hit> search(const Kernels& kernels, const float* query, std::size_t n_tokens,
                            const SearchOptions& options, const DocumentFilter& filter = {}) const;

    std::uint64_t n_docs() const noexcept { return segments_.n_docs(); }

private:
    std::unique_ptr<SearchScratch> take_scratch() const;
    void give_back(std::unique_ptr<SearchScratch> scratch) const;

    void take_all(const DocumentFilter& filter, SearchScratch& scratch) const;
    std::size_t count_tokens(const std::vector<Candidate>& candidates) const;
    void score_centroids(const Kernels& kernels, const SearchOptions& options, SearchScratch& scratch) const;
    void find_candidates(const Kernels& kernels, const SearchOptions& options, const DocumentFilter& filter,
                         std::size_t n_tokens, SearchScratch& scratch) const;
    void prune(const SearchOptions& options, SearchScratch& scratch) const;
    std::vector<Hit> rerank(const Kernels& kernels, const SearchOptions& options, SearchScratch& scratch) const;
    void look_up_words(const Kernels& kernels, SearchScratch& scratch) const;
    void residual_dots(const Kernels& kernels, const std::uint8_t* codes, std::size_t n, std::size_t chunk,
                       SearchScratch& scratch) const;
    void prefetch(std::uint64_t document) const;
    void refine(const Kernels& kernels, const SearchOptions& options, SearchScratch& scratch,
                std::vector<Hit>& hits) const;
    float score(const Kernels& kernels, std::uint64_t document, bool refined, SearchScratch& scratch) const;

    Codebook book_;
    SegmentSet segments_;
    Rotation rotation_;
    Basis basis_;
    ProductDecoder decoder_;
    mutable std::mutex lock_;
    mutable std::vector<std::unique_ptr<SearchScratch>> idle_;
};

}  // namespace lode
