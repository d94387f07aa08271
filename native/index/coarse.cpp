#include "index/coarse.h"

#include <algorithm>

#include "index/encode.h"

namespace lode {
namespace {

constexpr std::size_t kBlock = 256;  // centroids per block: 32 KiB of codes at dim 128, and their dots stay in L1/L2

bool nearer(const Nearby& a, const Nearby& b) noexcept {
    return a.score != b.score ? a.score > b.score : a.centroid < b.centroid;
}

}  // namespace

void TopCentroids::shrink() {
    if (kept_.size() <= k_) return;
    std::nth_element(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(k_ - 1), kept_.end(), nearer);
    kept_.resize(k_);
    threshold_ = kept_[k_ - 1].score;
    full_ = true;
}

const std::vector<Nearby>& TopCentroids::finish() {
    shrink();
    std::sort(kept_.begin(), kept_.end(), nearer);
    return kept_;
}

void score_all_centroids(const Kernels& kernels, const Codebook& book, const Query& query, const QueryChunk& chunk,
                         std::size_t k_centroids, ScoreTable& table) {
    const std::size_t stride = row_bytes(book.dim, kCentroidBits);
    const std::size_t blocks = n_blocks(book.dim, kCentroidBits);
    const std::size_t lanes = chunk.lanes;
    const std::size_t k = std::min(k_centroids, book.n_centroids);
    if (table.rows.size() < book.n_centroids * lanes) table.rows.resize(book.n_centroids * lanes);
    table.dots.assign(kBlock * lanes, 0);  // the lanes past `padded` stay 0
    table.top.resize(std::max(table.top.size(), chunk.n));
    for (std::size_t q = 0; q < chunk.n; ++q) table.top[q].reset(k);
    std::int16_t threshold[kQueryChunk];
    std::fill(threshold, threshold + kQueryChunk, static_cast<std::int16_t>(32767));
    std::uint32_t found[kBlock];
    for (std::size_t first = 0; first < book.n_centroids; first += kBlock) {
        const std::size_t n = std::min(kBlock, book.n_centroids - first);
        std::int16_t* rows = table.rows.data() + first * lanes;
        kernels.dot_u7(book.centroids + first * stride, stride, n, blocks, chunk.centroid_codes.data(), chunk.padded,
                       table.dots.data(), lanes);
        kernels.narrow_i16(table.dots.data(), n, lanes, chunk.centroid_offset.data(), query.shift, rows);
        for (std::size_t q = 0; q < chunk.n; ++q) threshold[q] = table.top[q].threshold();
        const std::size_t n_found = kernels.rows_above_i16(rows, n, lanes, threshold, found);
        for (std::size_t f = 0; f < n_found; ++f) {
            const std::int16_t* row = rows + found[f] * lanes;
            for (std::size_t q = 0; q < chunk.n; ++q) {
                if (row[q] >= threshold[q] && table.top[q].wants(row[q])) {
                    table.top[q].push(row[q], static_cast<std::uint32_t>(first + found[f]));
                }
            }
        }
    }
}

}  // namespace lode
