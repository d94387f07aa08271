// Residual scores by table with AVX2: a part of avx2.cpp, which alone includes it and has the flags it needs.
#pragma once

#include <immintrin.h>

#include <cstring>

#include "kernels.h"

namespace lode {
namespace {

inline __m256i load_256(const void* at) {
    return _mm256_loadu_si256(static_cast<const __m256i*>(at));
}
inline __m128i load_128(const void* at) {
    return _mm_loadu_si128(static_cast<const __m128i*>(at));
}

// Sixteen lanes and a rest of eight. A pair of dimensions is one multiply: bytes times bytes, summed in twos.
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
    for (; q + 16 <= n_lanes; q += 16) {
        __m256i query[kPairs];
        for (std::size_t p = 0; p < kPairs; ++p) query[p] = load_256(pairs + (p * n_lanes + q) * 2);
        const __m256i zero = load_256(offset + q);
        for (std::size_t w = 0; w < 256; ++w) {
            __m256i sum = _mm256_maddubs_epi16(_mm256_set1_epi16(two(w, 0)), query[0]);
            for (std::size_t p = 1; p < kPairs; ++p) {
                sum = _mm256_add_epi16(sum, _mm256_maddubs_epi16(_mm256_set1_epi16(two(w, p)), query[p]));
            }
            _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + w * n_lanes + q), _mm256_sub_epi16(sum, zero));
        }
    }
    if (q == n_lanes) return;
    __m128i query[kPairs];
    for (std::size_t p = 0; p < kPairs; ++p) query[p] = load_128(pairs + (p * n_lanes + q) * 2);
    const __m128i zero = load_128(offset + q);
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

// Entries are added in twos in 16 bits; two such sums become 32 bits in one multiply with ones, which adds them up.
// That leaves lanes 0-3 and 8-11 in one register and 4-7 and 12-15 in the other until the row is done. Lanes is how
// wide the table is where that is known: then an entry's place costs no multiplication.
template <std::size_t Lanes>
inline void sum_row_16(const std::int16_t* table, const std::uint8_t* codes, std::size_t n_groups, std::size_t n_lanes,
                       const std::int32_t* start, std::int32_t* out) {
    const std::size_t lanes = Lanes != 0 ? Lanes : n_lanes;
    const __m256i ones = _mm256_set1_epi16(1);
    const auto entry = [&](std::size_t g) { return load_256(table + (g * 256 + codes[g]) * lanes); };
    __m256i low = _mm256_setzero_si256();
    __m256i high = _mm256_setzero_si256();
    std::size_t g = 0;
    for (; g + 4 <= n_groups; g += 4, table += 4 * 256 * lanes, codes += 4) {
        const __m256i a = _mm256_add_epi16(entry(0), entry(1));
        const __m256i b = _mm256_add_epi16(entry(2), entry(3));
        low = _mm256_add_epi32(low, _mm256_madd_epi16(_mm256_unpacklo_epi16(a, b), ones));
        high = _mm256_add_epi32(high, _mm256_madd_epi16(_mm256_unpackhi_epi16(a, b), ones));
    }
    for (; g < n_groups; ++g, table += 256 * lanes, ++codes) {
        const __m256i zero = _mm256_setzero_si256();
        low = _mm256_add_epi32(low, _mm256_madd_epi16(_mm256_unpacklo_epi16(entry(0), zero), ones));
        high = _mm256_add_epi32(high, _mm256_madd_epi16(_mm256_unpackhi_epi16(entry(0), zero), ones));
    }
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out),
                        _mm256_add_epi32(_mm256_permute2x128_si256(low, high, 0x20), load_256(start)));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 8),
                        _mm256_add_epi32(_mm256_permute2x128_si256(low, high, 0x31), load_256(start + 8)));
}

template <std::size_t Lanes>
inline void sum_row_8(const std::int16_t* table, const std::uint8_t* codes, std::size_t n_groups, std::size_t n_lanes,
                      const std::int32_t* start, std::int32_t* out) {
    const std::size_t lanes = Lanes != 0 ? Lanes : n_lanes;
    const auto entry = [&](std::size_t g) { return load_128(table + (g * 256 + codes[g]) * lanes); };
    __m256i sum = load_256(start);
    std::size_t g = 0;
    for (; g + 2 <= n_groups; g += 2, table += 2 * 256 * lanes, codes += 2) {
        sum = _mm256_add_epi32(sum, _mm256_cvtepi16_epi32(_mm_add_epi16(entry(0), entry(1))));
    }
    if (g < n_groups) sum = _mm256_add_epi32(sum, _mm256_cvtepi16_epi32(entry(0)));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), sum);
}

template <std::size_t Lanes>
void sum_rows(const std::int16_t* table, const std::uint8_t* codes, std::size_t stride, std::size_t n_rows,
              std::size_t n_groups, std::size_t n_lanes, const std::int32_t* start, std::int32_t* sums) {
    const std::size_t lanes = Lanes != 0 ? Lanes : n_lanes;
    for (std::size_t i = 0; i < n_rows; ++i, codes += stride, sums += lanes) {
        std::size_t q = 0;
        for (; q + 16 <= lanes; q += 16) sum_row_16<Lanes>(table + q, codes, n_groups, lanes, start + q, sums + q);
        if (q < lanes) sum_row_8<Lanes>(table + q, codes, n_groups, lanes, start + q, sums + q);
    }
}

void sum_words(const std::int16_t* table, const std::uint8_t* codes, std::size_t stride, std::size_t n_rows,
               std::size_t n_groups, std::size_t n_lanes, const std::int32_t* start, std::int32_t* sums) {
    (n_lanes == 16  ? sum_rows<16>
     : n_lanes == 8 ? sum_rows<8>
                    : sum_rows<0>)(table, codes, stride, n_rows, n_groups, n_lanes, start, sums);
}

}  // namespace
}  // namespace lode
