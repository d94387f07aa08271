// Scores of centroids with AVX2: a part of avx2.cpp, which alone includes it and has the flags it needs.
#pragma once

#include <immintrin.h>

#include <cstring>

#include "kernels.h"

namespace lode {
namespace {

// Sums for eight query tokens a register, in 16-bit halves that may wrap: what is asked for is the sum's low 16 bits.
// That saves widening, and the horizontal sums that dot products of whole rows end in.
template <std::size_t Rows, std::size_t Vectors>
inline void score_tile(const std::uint8_t* rows, std::size_t stride, const std::int8_t* quads, std::size_t n_quads,
                       std::size_t n_lanes, const std::int16_t* offset, std::int16_t* out) {
    __m256i sum[Rows][Vectors];
    for (std::size_t r = 0; r < Rows; ++r) {
        for (std::size_t v = 0; v < Vectors; ++v) sum[r][v] = _mm256_setzero_si256();
    }
    for (std::size_t quad = 0; quad < n_quads; ++quad, rows += 4, quads += 4 * n_lanes) {
        __m256i query[Vectors];
        for (std::size_t v = 0; v < Vectors; ++v) {
            query[v] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(quads + v * 32));
        }
        for (std::size_t r = 0; r < Rows; ++r) {
            std::int32_t four;
            std::memcpy(&four, rows + r * stride, sizeof four);
            const __m256i code = _mm256_set1_epi32(four);
            for (std::size_t v = 0; v < Vectors; ++v) {
                sum[r][v] = _mm256_add_epi16(sum[r][v], _mm256_maddubs_epi16(code, query[v]));
            }
        }
    }
    const __m256i ones = _mm256_set1_epi16(1);
    const __m256i low = _mm256_set1_epi32(0xFFFF);
    for (std::size_t r = 0; r < Rows; ++r) {
        __m256i half[Vectors];
        for (std::size_t v = 0; v < Vectors; ++v) half[v] = _mm256_and_si256(_mm256_madd_epi16(sum[r][v], ones), low);
        if constexpr (Vectors == 2) {
            const __m256i all = _mm256_permute4x64_epi64(_mm256_packus_epi32(half[0], half[1]), 0xD8);
            const __m256i zero = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(offset));
            _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + r * n_lanes), _mm256_sub_epi16(all, zero));
        } else {
            const __m128i all = _mm_packus_epi32(_mm256_castsi256_si128(half[0]), _mm256_extracti128_si256(half[0], 1));
            const __m128i zero = _mm_loadu_si128(reinterpret_cast<const __m128i*>(offset));
            _mm_storeu_si128(reinterpret_cast<__m128i*>(out + r * n_lanes), _mm_sub_epi16(all, zero));
        }
    }
}

template <std::size_t Vectors>
void score_strip(const std::uint8_t* rows, std::size_t stride, std::size_t n_rows, const std::int8_t* quads,
                 std::size_t n_quads, std::size_t n_lanes, const std::int16_t* offset, std::int16_t* out) {
    constexpr std::size_t kRows = 8 / Vectors;
    std::size_t i = 0;
    for (; i + kRows <= n_rows; i += kRows) {
        score_tile<kRows, Vectors>(rows + i * stride, stride, quads, n_quads, n_lanes, offset, out + i * n_lanes);
    }
    for (; i < n_rows; ++i) {
        score_tile<1, Vectors>(rows + i * stride, stride, quads, n_quads, n_lanes, offset, out + i * n_lanes);
    }
}

void score_u6_i16(const std::uint8_t* rows, std::size_t stride, std::size_t n_rows, const std::int8_t* quads,
                  std::size_t n_lanes, const std::int16_t* offset, std::int16_t* out) {
    std::size_t q = 0;
    for (; q + 16 <= n_lanes; q += 16) {
        score_strip<2>(rows, stride, n_rows, quads + 4 * q, stride / 4, n_lanes, offset + q, out + q);
    }
    if (q < n_lanes) score_strip<1>(rows, stride, n_rows, quads + 4 * q, stride / 4, n_lanes, offset + q, out + q);
}

}  // namespace
}  // namespace lode
