// Scores of centroids with AVX-512: a part of avx512.cpp, which alone includes it and has the flags it needs.
#pragma once

#include "avx512_dots.h"

namespace lode {
namespace {

// Rows x 16 query tokens. A quad of dimensions of all 16 is one register, and one multiply a row.
template <std::size_t Rows>
void score_tile(const std::uint8_t* rows, std::size_t stride, const std::int8_t* quads, std::size_t n_lanes,
                const std::int16_t* offset, __mmask16 stored, std::int16_t* out) {
    Sums sum[Rows];
    LODE_UNROLL for (std::size_t r = 0; r < Rows; ++r) sum[r] = (Sums)_mm512_setzero_si512();
    for (std::size_t quad = 0; quad < stride / kQuad; ++quad, rows += kQuad, quads += kQuad * n_lanes) {
        const __m512i query = _mm512_maskz_loadu_epi32(stored, quads);
        LODE_UNROLL for (std::size_t r = 0; r < Rows; ++r) {
            std::int32_t four;
            std::memcpy(&four, rows + r * stride, sizeof four);
            sum[r] = (Sums)_mm512_dpbusd_epi32((__m512i)sum[r], _mm512_set1_epi32(four), query);
        }
    }
    const __m256i zero = _mm256_maskz_loadu_epi16(stored, offset);
    LODE_UNROLL for (std::size_t r = 0; r < Rows; ++r) {
        const __m256i low = _mm512_cvtepi32_epi16((__m512i)sum[r]);
        _mm256_mask_storeu_epi16(out + r * n_lanes, stored, _mm256_sub_epi16(low, zero));
    }
}

void score_u6_i16(const std::uint8_t* rows, std::size_t stride, std::size_t n_rows, const std::int8_t* quads,
                  std::size_t n_lanes, const std::int16_t* offset, std::int16_t* out) {
    for (std::size_t q = 0; q < n_lanes; q += kLanes) {
        const auto stored = static_cast<__mmask16>(n_lanes - q < kLanes ? 0xFF : 0xFFFF);
        std::size_t i = 0;
        for (; i + kNarrow <= n_rows; i += kNarrow) {
            score_tile<kNarrow>(rows + i * stride, stride, quads + kQuad * q, n_lanes, offset + q, stored,
                                out + i * n_lanes + q);
        }
        for (; i < n_rows; ++i) {
            score_tile<1>(rows + i * stride, stride, quads + kQuad * q, n_lanes, offset + q, stored,
                          out + i * n_lanes + q);
        }
    }
}

}  // namespace
}  // namespace lode
