// The dots of code rows with AVX-512 VNNI: a part of avx512.cpp, which alone includes it and has the flags it needs.
//
// One vpdpbusd adds the products of four codes to 16 queries at once: the four codes are broadcast, and the queries
// are first regrouped as [quad of dimensions][query][4]. So a lane is a query, and no sum is ever taken across lanes.
// Regrouping costs about as much as two rows. Codes are unsigned and below 128, so nothing saturates.
#pragma once

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"  // GCC 105593: its own _mm512_undefined_* draw these warnings
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include <immintrin.h>

#include <cstring>
#include <utility>

#include "kernels.h"

// The loops over a tile's registers: only when they are unrolled do its sums stay in registers.
#if defined(__GNUC__)
#define LODE_UNROLL _Pragma("GCC unroll 16")
#else
#define LODE_UNROLL
#endif

namespace lode {
namespace {

constexpr std::size_t smaller(std::size_t a, std::size_t b) {
    return a < b ? a : b;
}

constexpr std::size_t kLanes = 16;
constexpr std::size_t kChunkCodes = 256;  // at most: 8 KiB of regrouped queries, and they stay in L1
constexpr std::size_t kQuad = 4;
constexpr std::size_t kWide = 8;     // rows of a tile of 32 lanes: 16 sums, and as many hide the latency of either
constexpr std::size_t kNarrow = 12;  // rows of a tile of 16 lanes

inline __m512i load(const void* at) {
    return _mm512_loadu_si512(at);
}
inline __m128i load16(const void* at) {
    return _mm_loadu_si128(static_cast<const __m128i*>(at));
}

// Four rows of 16 queries each, 16 bytes apart: lane b of the result is query 4 * b of them. Queries past the last
// four repeat it; their lanes are never stored.
inline __m512i every_fourth(const std::int8_t* query, std::size_t query_bytes, std::size_t last_four) {
    const auto at = [&](std::size_t b) { return load16(query + smaller(b, last_four) * 4 * query_bytes); };
    const __m512i one = _mm512_inserti32x4(_mm512_castsi128_si512(at(0)), at(1), 1);
    return _mm512_inserti32x4(_mm512_inserti32x4(one, at(2), 2), at(3), 3);
}

// Regroups 16 bytes (four quads) of up to 16 queries: lanes[quad * Groups * 64 ..] holds that quad of every query.
template <std::size_t Groups>
inline void regroup(const std::int8_t* query, std::size_t query_bytes, std::size_t last_four, std::int8_t* lanes) {
    const __m512i a = every_fourth(query, query_bytes, last_four);
    const __m512i b = every_fourth(query + query_bytes, query_bytes, last_four);
    const __m512i c = every_fourth(query + 2 * query_bytes, query_bytes, last_four);
    const __m512i d = every_fourth(query + 3 * query_bytes, query_bytes, last_four);
    const __m512i ab_low = _mm512_unpacklo_epi32(a, b);
    const __m512i ab_high = _mm512_unpackhi_epi32(a, b);
    const __m512i cd_low = _mm512_unpacklo_epi32(c, d);
    const __m512i cd_high = _mm512_unpackhi_epi32(c, d);
    constexpr std::size_t kStep = Groups * 64;
    _mm512_storeu_si512(lanes, _mm512_unpacklo_epi64(ab_low, cd_low));
    _mm512_storeu_si512(lanes + kStep, _mm512_unpackhi_epi64(ab_low, cd_low));
    _mm512_storeu_si512(lanes + 2 * kStep, _mm512_unpacklo_epi64(ab_high, cd_high));
    _mm512_storeu_si512(lanes + 3 * kStep, _mm512_unpackhi_epi64(ab_high, cd_high));
}

// The planes of one block of codes, one after the other, `used` bytes each (a row's last block may be shorter than 32;
// what is written past a plane is overwritten by the next, so the last one spills 24 bytes).
template <unsigned Bits>
inline void expand(const std::uint8_t* block, std::size_t used, std::uint8_t* codes) {
    constexpr unsigned kPlanes = 8 / Bits;
    const __m256i packed = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(block));
    if (used == kBlockBytes) {
        const __m512i mask = _mm512_set1_epi8(static_cast<char>((1U << Bits) - 1));
        const __m512i twice = _mm512_broadcast_i64x4(packed);
        const __m512i odd = _mm512_inserti64x4(_mm512_setzero_si512(), _mm256_set1_epi16(Bits), 1);
        for (unsigned p = 0; p < kPlanes; p += 2) {
            const __m512i shift = _mm512_add_epi16(odd, _mm512_set1_epi16(static_cast<short>(p * Bits)));
            _mm512_storeu_si512(codes + p * kBlockBytes, _mm512_and_si512(_mm512_srlv_epi16(twice, shift), mask));
        }
    } else {
        const __m256i mask = _mm256_set1_epi8(static_cast<char>((1U << Bits) - 1));
        for (unsigned p = 0; p < kPlanes; ++p) {
            _mm256_storeu_si256(reinterpret_cast<__m256i*>(codes + p * used),
                                _mm256_and_si256(_mm256_srli_epi16(packed, static_cast<int>(p * Bits)), mask));
        }
    }
}

// What a tile of rows needs to know: its codes, the regrouped queries, and where the sums go.
struct DotTile {
    const std::uint8_t* codes;
    std::size_t codes_stride;
    const std::int8_t* lanes;
    std::size_t n_quads;
    std::int32_t* out;
    std::size_t ldo;
    __mmask16 last;  // lanes of the last group that are stored
    bool add;        // to what `out` holds: sums of the chunks before
};

#if defined(__GNUC__)
using Sums = std::int32_t __attribute__((vector_size(64)));  // GCC copies every sum twice a step if it is an __m512i
#else
using Sums = __m512i;
#endif

template <std::size_t Groups, std::size_t Rows>
void dot_tile(DotTile tile) {
    Sums sum[Rows][Groups];
    LODE_UNROLL for (std::size_t r = 0; r < Rows; ++r) {
        LODE_UNROLL for (std::size_t g = 0; g < Groups; ++g) sum[r][g] = (Sums)_mm512_setzero_si512();
    }
    const std::uint8_t* codes = tile.codes;
    const std::int8_t* lanes = tile.lanes;
    for (std::size_t quad = 0; quad < tile.n_quads; ++quad, codes += kQuad, lanes += Groups * 64) {
        LODE_UNROLL for (std::size_t r = 0; r < Rows; ++r) {
            std::int32_t four;
            std::memcpy(&four, codes + r * tile.codes_stride, sizeof four);
            const __m512i code = _mm512_set1_epi32(four);
            LODE_UNROLL for (std::size_t g = 0; g < Groups; ++g) {
                sum[r][g] = (Sums)_mm512_dpbusd_epi32((__m512i)sum[r][g], code, load(lanes + g * 64));
            }
        }
    }
    LODE_UNROLL for (std::size_t r = 0; r < Rows; ++r) {
        LODE_UNROLL for (std::size_t g = 0; g < Groups; ++g) {
            const __mmask16 stored = g + 1 == Groups ? tile.last : static_cast<__mmask16>(0xFFFF);
            std::int32_t* out = tile.out + r * tile.ldo + g * kLanes;
            __m512i total = (__m512i)sum[r][g];
            if (tile.add) total = _mm512_add_epi32(total, _mm512_maskz_loadu_epi32(stored, out));
            _mm512_mask_storeu_epi32(out, stored, total);
        }
    }
}

// Tiles of every height up to the full one, so that no row of a tail goes alone: of_height[rows - 1].
template <std::size_t Groups, class Heights>
struct DotTiles;
template <std::size_t Groups, std::size_t... Rows>
struct DotTiles<Groups, std::index_sequence<Rows...>> {
    static constexpr void (*of_height[])(DotTile) = {dot_tile<Groups, Rows + 1>...};
};

// Sums of up to 16 * Groups queries.
template <unsigned Bits, std::size_t Groups>
void dot_lanes(const std::uint8_t* rows, std::size_t stride, std::size_t n_rows, std::size_t blocks,
               const std::int8_t* arranged, std::size_t n_queries, std::int32_t* out, std::size_t ldo) {
    constexpr std::size_t kPlanes = 8 / stored_bits(Bits);
    constexpr std::size_t kChunkBlocks = kChunkCodes / (kBlockBytes * kPlanes);
    constexpr bool kPacked = kPlanes > 1;  // otherwise rows are codes already
    constexpr std::size_t kRows = Groups == 2 ? kWide : kNarrow;
    using Tiles = DotTiles<Groups, std::make_index_sequence<kRows>>;
    alignas(64) std::int8_t lanes[(kChunkCodes / kQuad + 4) * Groups * 64];
    alignas(64) std::uint8_t expanded[kRows * kChunkCodes + kBlockBytes];

    const std::size_t query_bytes = blocks * kBlockBytes * kPlanes;
    const std::size_t in_last = n_queries - (Groups - 1) * kLanes;
    const auto last = static_cast<__mmask16>((1U << in_last) - 1);
    for (std::size_t chunk = 0; chunk < blocks; chunk += kChunkBlocks) {
        const std::size_t end = smaller(blocks, chunk + kChunkBlocks);
        std::size_t n_quads = 0;
        for (std::size_t block = chunk; block < end; ++block) {
            const std::size_t used = smaller(kBlockBytes, stride - block * kBlockBytes);
            for (std::size_t plane = 0; plane < kPlanes; ++plane) {
                const std::int8_t* from = arranged + (block * kPlanes + plane) * kBlockBytes;
                for (std::size_t g = 0; g < Groups; ++g) {
                    const std::int8_t* query = from + g * kLanes * query_bytes;
                    const std::size_t last_four = g + 1 == Groups ? in_last / 4 - 1 : 3;
                    std::int8_t* to = lanes + (n_quads * Groups + g) * 64;
                    regroup<Groups>(query, query_bytes, last_four, to);
                    if (used > 16) regroup<Groups>(query + 16, query_bytes, last_four, to + 4 * Groups * 64);
                }
                n_quads += used / kQuad;
            }
        }
        DotTile tile{rows + chunk * kBlockBytes, stride, lanes, n_quads, out, ldo, last, chunk != 0};
        for (std::size_t i = 0; i < n_rows; i += kRows) {
            const std::size_t n = smaller(kRows, n_rows - i);
            if constexpr (kPacked) {
                for (std::size_t r = 0; r < n; ++r) {
                    std::uint8_t* codes = expanded + r * kChunkCodes;
                    for (std::size_t block = chunk; block < end; ++block) {
                        const std::size_t used = smaller(kBlockBytes, stride - block * kBlockBytes);
                        expand<Bits>(rows + (i + r) * stride + block * kBlockBytes, used, codes);
                        codes += kPlanes * used;
                    }
                }
                tile.codes = expanded;
                tile.codes_stride = kChunkCodes;
            }
            Tiles::of_height[n - 1](tile);
            if constexpr (!kPacked) tile.codes += n * stride;
            tile.out += n * ldo;
        }
    }
}

template <unsigned Bits>
void dot(const std::uint8_t* rows, std::size_t stride, std::size_t n_rows, std::size_t blocks,
         const std::int8_t* arranged, std::size_t n_queries, std::int32_t* out, std::size_t ldo) {
    const std::size_t query_bytes = blocks * kBlockBytes * (8 / stored_bits(Bits));
    for (std::size_t q = 0; q < n_queries; q += 2 * kLanes) {
        const std::size_t n = smaller(2 * kLanes, n_queries - q);
        const auto function = n > kLanes ? dot_lanes<Bits, 2> : dot_lanes<Bits, 1>;
        function(rows, stride, n_rows, blocks, arranged + q * query_bytes, n, out + q, ldo);
    }
}

}  // namespace
}  // namespace lode
