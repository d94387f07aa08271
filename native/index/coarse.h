// The coarse stage: query tokens against centroids. Fills a table of scores and finds each token's best centroids.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "index/query.h"
#include "index/view.h"

namespace lode {

// Best centroids of one query token, best first; equal scores in order of their id.
struct Nearby {
    std::int16_t score;
    std::uint32_t centroid;
};

// Keeps the k best of a stream with a threshold that only rises.
class TopCentroids {
public:
    void reset(std::size_t k) {
        k_ = k;
        threshold_ = -32768;
        kept_.clear();
        full_ = false;
    }
    std::int16_t threshold() const noexcept { return full_ ? threshold_ : static_cast<std::int16_t>(-32768); }
    bool wants(std::int16_t score) const noexcept { return !full_ || score >= threshold_; }
    void push(std::int16_t score, std::uint32_t centroid) {
        kept_.push_back({score, centroid});
        if (kept_.size() >= 2 * k_ + 32) shrink();
    }
    const std::vector<Nearby>& finish();

private:
    void shrink();

    std::size_t k_ = 0;
    std::int16_t threshold_ = -32768;
    bool full_ = false;
    std::vector<Nearby> kept_;
};

// Scores of centroids for one chunk of query tokens: rows of `lanes` int16, in units of Query::unit.
//
// After `score_all` row c is centroid c. After `score_ranges` only the scanned centroids have rows, after `score_none`
// none has; `resolve` scores the others when a document asks for them.
class ScoreTable {
public:
    ScoreTable() = default;

    void score_all(const Kernels& kernels, const Codebook& book, const Query& query, const QueryChunk& chunk,
                   std::size_t k_centroids);

    // Scores nothing yet: `resolve` does, centroid by centroid.
    void score_none(const Kernels& kernels, const Codebook& book, const Query& query, const QueryChunk& chunk);

    // Scores the type means, then the centroids of each token's k_types best types and of the types in `own_types`.
    void score_ranges(const Kernels& kernels, const Codebook& book, const Query& query, const QueryChunk& chunk,
                      std::size_t k_centroids, std::size_t k_types, const std::vector<std::uint32_t>& own_types);

    // Turns centroid ids (below n_centroids) into row numbers, in place.
    void resolve(std::uint32_t* ids, std::size_t n) {
        if (!complete_) resolve_missing(ids, n);
    }

    const std::int16_t* rows() const noexcept { return rows_.data(); }
    const std::vector<Nearby>& nearest(std::size_t token) { return top_[token].finish(); }

private:
    void begin(const Kernels& kernels, const Codebook& book, const Query& query, const QueryChunk& chunk);
    void forget_rows();
    void reset_top(std::size_t k);
    // Scores `n` consecutive coded rows into rows_[at ..).
    void score_rows(const std::uint8_t* coded, std::size_t n, std::size_t at);
    // Offers rows_[at .. at + n), which are centroids first .., to the tokens' best.
    void offer(std::size_t at, std::size_t n, std::uint32_t first);
    void resolve_missing(std::uint32_t* ids, std::size_t n);
    void choose_types(std::size_t k_types, const std::vector<std::uint32_t>& own_types);

    static constexpr std::uint32_t kAbsent = 0xFFFFFFFFU;

    const Kernels* kernels_ = nullptr;
    const Codebook* book_ = nullptr;
    const Query* query_ = nullptr;
    const QueryChunk* chunk_ = nullptr;
    bool complete_ = true;
    std::vector<std::int16_t> rows_;
    std::vector<TopCentroids> top_;       // [chunk.n]
    std::vector<std::int32_t> dots_;      // scratch of one block
    std::vector<std::uint32_t> row_of_;   // [n_centroids], kAbsent where there is no row
    std::vector<std::uint32_t> has_row_;  // centroids with a row: row i belongs to has_row_[i]
    std::vector<std::uint32_t> types_;    // types to scan, ascending
};

}  // namespace lode
