// Candidates: which documents are worth a closer look.
//
// Every query token's best centroids name documents through their lists. A document's score is the sum over query
// tokens of the best such similarity, and of the k-th one where it was in none of the lists: that is the most it can
// still be, and it gives better candidates than 0. The baseline is the same for all, so only what exceeds it is kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "index/coarse.h"

namespace lode {

struct Candidate {
    std::int64_t score;
    std::uint32_t document;
};

// Larger score first, then earlier document.
inline bool ahead(const Candidate& a, const Candidate& b) noexcept {
    return a.score != b.score ? a.score > b.score : a.document < b.document;
}

// Keeps the `k` best, in no order.
void keep_best(std::vector<Candidate>& candidates, std::size_t k);

class Gatherer {
public:
    void begin(const Segment& segment, std::size_t n_query_tokens);
    void add_chunk(const Segment& segment, const QueryChunk& chunk, ScoreTable& table);
    // Adds the k best documents that the filter keeps, numbered from `first`; where the lists named fewer, documents
    // that have tokens follow in order.
    void finish(const Segment& segment, std::uint64_t first, const DocumentFilter& filter, std::size_t k,
                std::vector<Candidate>& out);

private:
    void add_list(const std::uint32_t* documents, std::size_t n, std::uint32_t gain);
    void fill_up(const Segment& segment, std::uint64_t first, const DocumentFilter& filter, std::size_t n,
                 std::vector<Candidate>& out) const;

    // Low bits: score; high bits: which query token touched it last. Lists of a token come best first, so a document
    // that carries the token's stamp already has its maximum.
    static constexpr unsigned kScoreBits = 20;
    static constexpr std::uint32_t kScoreMask = (1U << kScoreBits) - 1;
    static constexpr std::uint32_t kLastStamp = (1U << (32 - kScoreBits)) - 1;

    std::vector<std::uint32_t> accumulators_;  // [n_docs], all 0 between searches
    std::vector<std::uint32_t> touched_;
    std::size_t n_touched_ = 0;
    std::vector<std::uint32_t> decoded_;
    std::vector<std::uint32_t> histogram_;
    std::vector<Candidate> found_;
    std::uint32_t stamp_ = 0;
    int shift_ = 0;
};

// Adds every document with tokens that the filter keeps, with a score of 0.
void add_all(const Segment& segment, std::uint64_t first, const DocumentFilter& filter, std::vector<Candidate>& out);

// Adds to every candidate's score the sum over the chunk's tokens of the best centroid among the document's tokens.
void add_interaction(const Kernels& kernels, const Codebook& book, const SegmentSet& segments, const QueryChunk& chunk,
                     ScoreTable& table, std::vector<std::uint32_t>& row_ids, std::vector<Candidate>& candidates);

}  // namespace lode
