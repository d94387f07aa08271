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

void ScoreTable::begin(const Kernels& kernels, const Codebook& book, const Query& query, const QueryChunk& chunk) {
    kernels_ = &kernels;
    book_ = &book;
    query_ = &query;
    chunk_ = &chunk;
    dots_.resize(std::max(dots_.size(), kBlock * chunk.lanes));
}

void ScoreTable::reset_top(std::size_t k) {
    if (top_.size() < chunk_->n) top_.resize(chunk_->n);
    for (std::size_t q = 0; q < chunk_->n; ++q) top_[q].reset(k);
}

void ScoreTable::score_rows(const std::uint8_t* coded, std::size_t n, std::size_t at) {
    const std::size_t lanes = chunk_->lanes;
    const std::size_t stride = row_bytes(book_->dim, kCentroidBits);
    if (rows_.size() < (at + n) * lanes) rows_.resize(std::max((at + n) * lanes, rows_.size() + rows_.size() / 2));
    if (query_->shift == 0) {  // the usual case: scores fit in 16 bits as they are
        kernels_->score_u6_i16(coded, stride, n, chunk_->centroid_quads.data(), lanes, chunk_->short_offset.data(),
                               rows_.data() + at * lanes);
        return;
    }
    kernels_->dot_u6(coded, stride, n, n_blocks(book_->dim, kCentroidBits), chunk_->centroid_codes.data(),
                     chunk_->padded, dots_.data(), lanes);
    kernels_->narrow_i16(dots_.data(), n, lanes, chunk_->centroid_offset.data(), query_->shift,
                         rows_.data() + at * lanes);
}

void ScoreTable::offer(std::size_t at, std::size_t n, std::uint32_t first) {
    const std::size_t lanes = chunk_->lanes;
    std::int16_t threshold[kQueryChunk];  // just below what is wanted, for the kernel's strict comparison
    std::fill(threshold, threshold + kQueryChunk, static_cast<std::int16_t>(32767));
    for (std::size_t q = 0; q < chunk_->n; ++q) {
        threshold[q] = static_cast<std::int16_t>(std::max(-32768, top_[q].threshold() - 1));
    }
    std::uint32_t found[kBlock];
    const std::int16_t* rows = rows_.data() + at * lanes;
    const std::size_t n_found = kernels_->rows_above_i16(rows, n, lanes, threshold, found);
    for (std::size_t f = 0; f < n_found; ++f) {
        const std::int16_t* row = rows + found[f] * lanes;
        for (std::size_t q = 0; q < chunk_->n; ++q) {
            if (row[q] > threshold[q] && top_[q].wants(row[q])) top_[q].push(row[q], first + found[f]);
        }
    }
}

void ScoreTable::score_all(const Kernels& kernels, const Codebook& book, const Query& query, const QueryChunk& chunk,
                           std::size_t k_centroids) {
    begin(kernels, book, query, chunk);
    complete_ = true;
    reset_top(std::min(k_centroids, book.n_centroids));
    const std::size_t stride = row_bytes(book.dim, kCentroidBits);
    if (rows_.size() < book.n_centroids * chunk.lanes) rows_.resize(book.n_centroids * chunk.lanes);
    for (std::size_t first = 0; first < book.n_centroids; first += kBlock) {
        const std::size_t n = std::min(kBlock, book.n_centroids - first);
        score_rows(book.centroids + first * stride, n, first);
        if (k_centroids != 0) offer(first, n, static_cast<std::uint32_t>(first));
    }
}

void ScoreTable::score_none(const Kernels& kernels, const Codebook& book, const Query& query, const QueryChunk& chunk) {
    begin(kernels, book, query, chunk);
    forget_rows();
    reset_top(0);
}

void ScoreTable::forget_rows() {
    complete_ = false;
    if (row_of_.size() != book_->n_centroids) {
        row_of_.assign(book_->n_centroids, kAbsent);
    } else {
        for (const std::uint32_t centroid : has_row_) row_of_[centroid] = kAbsent;
    }
    has_row_.clear();
}

void ScoreTable::choose_types(std::size_t k_types, const std::vector<std::uint32_t>& own_types) {
    const std::size_t stride = row_bytes(book_->dim, kCentroidBits);
    reset_top(std::min(k_types, book_->n_types));
    for (std::size_t first = 0; first < book_->n_types; first += kBlock) {
        const std::size_t n = std::min(kBlock, book_->n_types - first);
        score_rows(book_->type_rows + first * stride, n, 0);
        offer(0, n, static_cast<std::uint32_t>(first));
    }
    types_.clear();
    for (const std::uint32_t type : own_types) {
        if (type < book_->n_types) types_.push_back(type);
    }
    for (std::size_t q = 0; q < chunk_->n; ++q) {
        for (const Nearby& type : top_[q].finish()) types_.push_back(type.centroid);
    }
    std::sort(types_.begin(), types_.end());
    types_.erase(std::unique(types_.begin(), types_.end()), types_.end());
}

void ScoreTable::score_ranges(const Kernels& kernels, const Codebook& book, const Query& query, const QueryChunk& chunk,
                              std::size_t k_centroids, std::size_t k_types,
                              const std::vector<std::uint32_t>& own_types) {
    begin(kernels, book, query, chunk);
    forget_rows();
    choose_types(k_types, own_types);
    reset_top(std::min(k_centroids, book.n_centroids));
    const std::size_t stride = row_bytes(book.dim, kCentroidBits);
    for (const std::uint32_t type : types_) {
        const std::uint32_t last =
            std::min<std::uint32_t>(book.type_first[type + 1], static_cast<std::uint32_t>(book.n_centroids));
        for (std::uint32_t first = book.type_first[type]; first < last; first += kBlock) {
            const std::size_t n = std::min<std::size_t>(kBlock, last - first);
            const std::size_t at = has_row_.size();
            score_rows(book.centroids + first * stride, n, at);
            for (std::size_t i = 0; i < n; ++i) {
                row_of_[first + i] = static_cast<std::uint32_t>(at + i);
                has_row_.push_back(static_cast<std::uint32_t>(first + i));
            }
            offer(at, n, first);
        }
    }
}

void ScoreTable::resolve_missing(std::uint32_t* ids, std::size_t n) {
    const std::size_t stride = row_bytes(book_->dim, kCentroidBits);
    constexpr std::size_t kAhead = 8;  // rows to ask for early: they are scattered over more memory than a cache holds
    for (std::size_t i = 0; i < n; ++i) {
        if (i + kAhead < n && row_of_[ids[i + kAhead]] == kAbsent) {
            const std::uint8_t* coming = book_->centroids + ids[i + kAhead] * stride;
            prefetch_line(coming);
            prefetch_line(coming + 64);
        }
        std::uint32_t& row = row_of_[ids[i]];
        if (row == kAbsent) {
            row = static_cast<std::uint32_t>(has_row_.size());
            has_row_.push_back(ids[i]);
            score_rows(book_->centroids + ids[i] * stride, 1, row);
        }
        ids[i] = row;
    }
}

}  // namespace lode
