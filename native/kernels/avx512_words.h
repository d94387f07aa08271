// Residual scores by table with AVX-512: a part of avx512.cpp, which alone includes it and has the flags it needs.
#pragma once

#include "avx512_dots.h"

namespace lode {
namespace {

inline __m256i load32(const void* at) {
    return _mm256_loadu_si256(static_cast<const __m256i*>(at));
}

// A pair of dimensions is one multiply: bytes times bytes, summed in twos. 32 lanes, then 16, then 8.
template <std::size_t Width>
void products_of(const std::uint8_t* words, const std::int8_t* pairs, const std::int16_t* offset, std::size_t n_lanes,
                 std::int16_t* out) {
    constexpr std::size_t kPairs = Width / 2;
    const auto two = [&](std::size_t w, std::size_t p) {
        std::int16_t both;
        std::memcpy(&both, words + w * Width + 2 * p, sizeof both);
        return both;
    };
    std::size_t q = 0;
    for (; q + 32 <= n_lanes; q += 32) {
        __m512i query[kPairs];
        for (std::size_t p = 0; p < kPairs; ++p) query[p] = load(pairs + (p * n_lanes + q) * 2);
        const __m512i zero = load(offset + q);
        for (std::size_t w = 0; w < 256; ++w) {
            __m512i sum = _mm512_maddubs_epi16(_mm512_set1_epi16(two(w, 0)), query[0]);
            for (std::size_t p = 1; p < kPairs; ++p) {
                sum = _mm512_add_epi16(sum, _mm512_maddubs_epi16(_mm512_set1_epi16(two(w, p)), query[p]));
            }
            _mm512_storeu_si512(out + w * n_lanes + q, _mm512_sub_epi16(sum, zero));
        }
    }
    if (q + 16 <= n_lanes) {
        __m256i query[kPairs];
        for (std::size_t p = 0; p < kPairs; ++p) query[p] = load32(pairs + (p * n_lanes + q) * 2);
        const __m256i zero = load32(offset + q);
        for (std::size_t w = 0; w < 256; ++w) {
            __m256i sum = _mm256_maddubs_epi16(_mm256_set1_epi16(two(w, 0)), query[0]);
            for (std::size_t p = 1; p < kPairs; ++p) {
                sum = _mm256_add_epi16(sum, _mm256_maddubs_epi16(_mm256_set1_epi16(two(w, p)), query[p]));
            }
            _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + w * n_lanes + q), _mm256_sub_epi16(sum, zero));
        }
        q += 16;
    }
    if (q == n_lanes) return;
    __m128i query[kPairs];
    for (std::size_t p = 0; p < kPairs; ++p) query[p] = load16(pairs + (p * n_lanes + q) * 2);
    const __m128i zero = load16(offset + q);
    for (std::size_t w = 0; w < 256; ++w) {
        __m128i sum = _mm_maddubs_epi16(_mm_set1_epi16(two(w, 0)), query[0]);
        for (std::size_t p = 1; p < kPairs; ++p) {
            sum = _mm_add_epi16(sum, _mm_maddubs_epi16(_mm_set1_epi16(two(w, p)), query[p]));
        }
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out + w * n_lanes + q), _mm_sub_epi16(sum, zero));
    }
}

void word_products(const std::uint8_t* words, std::size_t width, const std::int8_t* pairs, const std::int16_t* offset,
                   std::size_t n_lanes, std::int16_t* out) {
    (width == 2 ? products_of<2> : width == 4 ? products_of<4> : products_of<8>)(words, pairs, offset, n_lanes, out);
}

// Entries are added in twos in 16 bits and then widened.
inline void sum_row_16(const std::int16_t* table, const std::uint8_t* codes, std::size_t n_groups, std::size_t n_lanes,
                       const std::int32_t* start, std::int32_t* out) {
    const std::size_t group = 256 * n_lanes;
    const auto entry = [&](std::size_t g) { return load32(table + g * group + codes[g] * n_lanes); };
    __m512i sum = load(start);
    __m512i other = _mm512_setzero_si512();  // two sums: an addition waits for the one before it
    std::size_t g = 0;
    for (; g + 4 <= n_groups; g += 4) {
        sum = _mm512_add_epi32(sum, _mm512_cvtepi16_epi32(_mm256_add_epi16(entry(g), entry(g + 1))));
        other = _mm512_add_epi32(other, _mm512_cvtepi16_epi32(_mm256_add_epi16(entry(g + 2), entry(g + 3))));
    }
    for (; g < n_groups; ++g) sum = _mm512_add_epi32(sum, _mm512_cvtepi16_epi32(entry(g)));
    _mm512_storeu_si512(out, _mm512_add_epi32(sum, other));
}

inline void sum_row_8(const std::int16_t* table, const std::uint8_t* codes, std::size_t n_groups, std::size_t n_lanes,
                      const std::int32_t* start, std::int32_t* out) {
    const std::size_t group = 256 * n_lanes;
    const auto entry = [&](std::size_t g) { return load16(table + g * group + codes[g] * n_lanes); };
    __m256i sum = load32(start);
    std::size_t g = 0;
    for (; g + 2 <= n_groups; g += 2) {
        sum = _mm256_add_epi32(sum, _mm256_cvtepi16_epi32(_mm_add_epi16(entry(g), entry(g + 1))));
    }
    if (g < n_groups) sum = _mm256_add_epi32(sum, _mm256_cvtepi16_epi32(entry(g)));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), sum);
}

void sum_words(const std::int16_t* table, const std::uint8_t* codes, std::size_t stride, std::size_t n_rows,
               std::size_t n_groups, std::size_t n_lanes, const std::int32_t* start, std::int32_t* sums) {
    for (std::size_t i = 0; i < n_rows; ++i, codes += stride, sums += n_lanes) {
        std::size_t q = 0;
        for (; q + 16 <= n_lanes; q += 16) sum_row_16(table + q, codes, n_groups, n_lanes, start + q, sums + q);
        if (q < n_lanes) sum_row_8(table + q, codes, n_groups, n_lanes, start + q, sums + q);
    }
}

}  // namespace
}  // namespace lode
