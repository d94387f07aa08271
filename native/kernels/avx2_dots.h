// The dots of code rows with AVX2: a part of avx2.cpp, which alone includes it and has the flags it needs.
#pragma once

#include <immintrin.h>

#include "kernels.h"

namespace lode {
namespace {

template <unsigned Bits>
inline __m256i plane_of(__m256i block, unsigned plane) {
    if constexpr (Bits == 7) {
        return block;
    } else {
        const __m256i mask = _mm256_set1_epi8(static_cast<char>((1U << Bits) - 1));
        return _mm256_and_si256(_mm256_srli_epi16(block, static_cast<int>(plane * Bits)), mask);
    }
}

// Sum of one block for one query in eight int32 lanes. In 16 bits no plane sum overflows:
// 8 planes x 2 x 1 x 127, 4 x 2 x 3 x 127, 2 x 2 x 15 x 127, 1 x 2 x 127 x 127 are all below 2^15.
template <unsigned Planes>
inline __m256i block_dot(const __m256i* planes, const std::int8_t* query) {
    __m256i sum = _mm256_maddubs_epi16(planes[0], _mm256_loadu_si256(reinterpret_cast<const __m256i*>(query)));
    for (unsigned p = 1; p < Planes; ++p) {
        sum = _mm256_add_epi16(
            sum, _mm256_maddubs_epi16(planes[p],
                                      _mm256_loadu_si256(reinterpret_cast<const __m256i*>(query + p * kBlockBytes))));
    }
    return _mm256_madd_epi16(sum, _mm256_set1_epi16(1));
}

// Sums of the eight lanes of a, b, c and d. Shuffles and adds: a horizontal add is three instructions in one.
inline __m128i reduce4(__m256i a, __m256i b, __m256i c, __m256i d) {
    const __m256i ab = _mm256_add_epi32(_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
    const __m256i cd = _mm256_add_epi32(_mm256_unpacklo_epi32(c, d), _mm256_unpackhi_epi32(c, d));
    const __m256i all = _mm256_add_epi32(_mm256_unpacklo_epi64(ab, cd), _mm256_unpackhi_epi64(ab, cd));
    return _mm_add_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
}

// One row whose codes are a single block: unpacked once for all queries.
template <unsigned Bits>
inline void dot_one_block(const std::uint8_t* row, const std::int8_t* arranged, std::size_t n_queries,
                          std::int32_t* out) {
    constexpr unsigned kPlanes = 8 / stored_bits(Bits);
    constexpr std::size_t kQuery = kBlockBytes * kPlanes;
    const __m256i codes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row));
    __m256i planes[kPlanes];
    for (unsigned p = 0; p < kPlanes; ++p) planes[p] = plane_of<Bits>(codes, p);
    for (std::size_t q = 0; q < n_queries; q += 4) {
        const std::int8_t* query = arranged + q * kQuery;
        _mm_storeu_si128(
            reinterpret_cast<__m128i*>(out + q),
            reduce4(block_dot<kPlanes>(planes, query), block_dot<kPlanes>(planes, query + kQuery),
                    block_dot<kPlanes>(planes, query + 2 * kQuery), block_dot<kPlanes>(planes, query + 3 * kQuery)));
    }
}

template <unsigned Bits>
void dot(const std::uint8_t* rows, std::size_t stride, std::size_t n_rows, std::size_t blocks,
         const std::int8_t* arranged, std::size_t n_queries, std::int32_t* out, std::size_t ldo) {
    constexpr unsigned kPlanes = 8 / stored_bits(Bits);
    const std::size_t block_query = kBlockBytes * kPlanes;
    const std::size_t query_bytes = blocks * block_query;
    for (std::size_t i = 0; i < n_rows; ++i) {
        const std::uint8_t* row = rows + i * stride;
        if (blocks == 1) {
            dot_one_block<Bits>(row, arranged, n_queries, out + i * ldo);
            continue;
        }
        for (std::size_t q = 0; q < n_queries; q += 4) {
            const std::int8_t* query = arranged + q * query_bytes;
            __m256i sum[4] = {_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256(),
                              _mm256_setzero_si256()};
            for (std::size_t block = 0; block < blocks; ++block) {
                const __m256i codes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row + block * kBlockBytes));
                __m256i planes[kPlanes];
                for (unsigned p = 0; p < kPlanes; ++p) planes[p] = plane_of<Bits>(codes, p);
                for (unsigned j = 0; j < 4; ++j) {
                    sum[j] = _mm256_add_epi32(
                        sum[j], block_dot<kPlanes>(planes, query + j * query_bytes + block * block_query));
                }
            }
            _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i * ldo + q), reduce4(sum[0], sum[1], sum[2], sum[3]));
        }
    }
}

// Up to four blocks of 6-bit codes and 7-bit queries in 16 bits: 4 x 2 x 63 x 63 < 2^15. A widening multiply per four
// blocks instead of per block: the multipliers are what limits this loop.
template <std::size_t Blocks>
inline __m256i group_dot(const __m256i* codes, const std::int8_t* query) {
    __m256i sum = _mm256_maddubs_epi16(codes[0], _mm256_loadu_si256(reinterpret_cast<const __m256i*>(query)));
    for (std::size_t b = 1; b < Blocks; ++b) {
        sum = _mm256_add_epi16(
            sum, _mm256_maddubs_epi16(codes[b],
                                      _mm256_loadu_si256(reinterpret_cast<const __m256i*>(query + b * kBlockBytes))));
    }
    return _mm256_madd_epi16(sum, _mm256_set1_epi16(1));
}

template <std::size_t Blocks>
inline void add_group(const std::uint8_t* row, const std::int8_t* query, std::size_t query_bytes, __m256i* sum) {
    __m256i codes[Blocks];
    for (std::size_t b = 0; b < Blocks; ++b) {
        codes[b] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row + b * kBlockBytes));
    }
    for (unsigned j = 0; j < 4; ++j) {
        sum[j] = _mm256_add_epi32(sum[j], group_dot<Blocks>(codes, query + j * query_bytes));
    }
}

// Lanes summed in pairs of (a, b): what two rows have for one query, interleaved.
inline __m256i interleave(__m256i a, __m256i b) {
    return _mm256_add_epi32(_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b));
}

inline __m128i fold(__m256i first, __m256i second) {
    const __m256i both = _mm256_add_epi32(_mm256_unpacklo_epi64(first, second), _mm256_unpackhi_epi64(first, second));
    return _mm_add_epi32(_mm256_castsi256_si128(both), _mm256_extracti128_si256(both, 1));
}

// Two rows of four blocks (97 to 128 dimensions): their codes stay in registers and every query is loaded once for
// both.
inline void dot_row_pair(const std::uint8_t* row, std::size_t stride, const std::int8_t* arranged,
                         std::size_t n_queries, std::int32_t* out, std::size_t ldo) {
    constexpr std::size_t kBlocks = 4;
    __m256i first[kBlocks];
    __m256i second[kBlocks];
    for (std::size_t b = 0; b < kBlocks; ++b) {
        first[b] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row + b * kBlockBytes));
        second[b] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row + stride + b * kBlockBytes));
    }
    const __m256i ones = _mm256_set1_epi16(1);
    for (std::size_t q = 0; q < n_queries; q += 4) {
        __m256i both[4];
        for (unsigned j = 0; j < 4; ++j) {
            const std::int8_t* query = arranged + (q + j) * kBlocks * kBlockBytes;
            __m256i value = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(query));
            __m256i a = _mm256_maddubs_epi16(first[0], value);
            __m256i b = _mm256_maddubs_epi16(second[0], value);
            for (std::size_t block = 1; block < kBlocks; ++block) {
                value = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(query + block * kBlockBytes));
                a = _mm256_add_epi16(a, _mm256_maddubs_epi16(first[block], value));
                b = _mm256_add_epi16(b, _mm256_maddubs_epi16(second[block], value));
            }
            both[j] = interleave(_mm256_madd_epi16(a, ones), _mm256_madd_epi16(b, ones));
        }
        const __m128 low = _mm_castsi128_ps(fold(both[0], both[1]));   // a0 b0 a1 b1
        const __m128 high = _mm_castsi128_ps(fold(both[2], both[3]));  // a2 b2 a3 b3
        _mm_storeu_ps(reinterpret_cast<float*>(out + q), _mm_shuffle_ps(low, high, 0x88));
        _mm_storeu_ps(reinterpret_cast<float*>(out + ldo + q), _mm_shuffle_ps(low, high, 0xDD));
    }
}

void dot_u6(const std::uint8_t* rows, std::size_t stride, std::size_t n_rows, std::size_t blocks,
            const std::int8_t* arranged, std::size_t n_queries, std::int32_t* out, std::size_t ldo) {
    const std::size_t query_bytes = blocks * kBlockBytes;
    std::size_t i = 0;
    if (blocks == 4) {
        for (; i + 2 <= n_rows; i += 2) {
            dot_row_pair(rows + i * stride, stride, arranged, n_queries, out + i * ldo, ldo);
        }
    }
    for (; i < n_rows; ++i) {
        const std::uint8_t* row = rows + i * stride;
        for (std::size_t q = 0; q < n_queries; q += 4) {
            const std::int8_t* query = arranged + q * query_bytes;
            __m256i sum[4] = {_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256(),
                              _mm256_setzero_si256()};
            std::size_t block = 0;
            for (; block + 4 <= blocks; block += 4) {
                add_group<4>(row + block * kBlockBytes, query + block * kBlockBytes, query_bytes, sum);
            }
            for (; block < blocks; ++block) {
                add_group<1>(row + block * kBlockBytes, query + block * kBlockBytes, query_bytes, sum);
            }
            _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i * ldo + q), reduce4(sum[0], sum[1], sum[2], sum[3]));
        }
    }
}

}  // namespace
}  // namespace lode
