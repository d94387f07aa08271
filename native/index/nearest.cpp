#include "index/nearest.h"

#include <algorithm>
#include <limits>

namespace lode {
namespace {

constexpr std::size_t kRows = 96;      // 48 KiB of rows at dim 128: they stay in L1/L2 while the panels pass
constexpr std::size_t kColumns = 256;  // so that the block of scores stays in L2

}  // namespace

std::size_t pack_panels(const float* rows, std::size_t n, std::size_t dim, std::vector<float>& packed) {
    const std::size_t padded = (n + kPanel - 1) / kPanel * kPanel;
    packed.assign(padded * dim, 0.0F);
    for (std::size_t c = 0; c < n; ++c) {
        float* column = packed.data() + c / kPanel * kPanel * dim + c % kPanel;
        for (std::size_t d = 0; d < dim; ++d) column[d * kPanel] = rows[c * dim + d];
    }
    return padded;
}

void Nearest::set_centroids(const float* centroids, std::size_t n, std::size_t dim) {
    n_ = n;
    dim_ = dim;
    padded_ = pack_panels(centroids, n, dim, packed_);
    bias_.assign(padded_, -std::numeric_limits<float>::infinity());
    for (std::size_t c = 0; c < n; ++c) {
        float norm = 0;
        for (std::size_t d = 0; d < dim; ++d) norm += centroids[c * dim + d] * centroids[c * dim + d];
        bias_[c] = -0.5F * norm;
    }
    scores_.resize(kRows * std::min(padded_, kColumns));
}

void Nearest::find(const float* rows, std::size_t n_rows, std::uint32_t* index, float* gain) {
    std::fill(gain, gain + n_rows, -std::numeric_limits<float>::infinity());
    std::fill(index, index + n_rows, 0U);
    for (std::size_t i = 0; i < n_rows; i += kRows) {
        const std::size_t rows_here = std::min(kRows, n_rows - i);
        for (std::size_t c = 0; c < padded_; c += kColumns) {
            const std::size_t columns = std::min(kColumns, padded_ - c);
            kernels_.gemm_f32(rows + i * dim_, dim_, rows_here, packed_.data() + c * dim_, columns, dim_,
                              scores_.data(), columns);
            kernels_.argmax_bias_f32(scores_.data(), rows_here, columns, columns, bias_.data() + c,
                                     static_cast<std::uint32_t>(c), gain + i, index + i);
        }
    }
}

}  // namespace lode
