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
    bool wants(std::int16_t score) const noexcept { return !full_ || score > threshold_; }
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
struct ScoreTable {
    std::vector<std::int16_t> rows;
    std::vector<TopCentroids> top;  // [chunk.n]
    std::vector<std::int32_t> dots;  // scratch of one block
};

// Scores every centroid.
void score_all_centroids(const Kernels& kernels, const Codebook& book, const Query& query, const QueryChunk& chunk,
                         std::size_t k_centroids, ScoreTable& table);

}  // namespace lode
