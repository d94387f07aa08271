// AArch64 with dot products (Armv8.2). Compiled with its own flags; everything here is local to this file.
#include "kernels.h"

#if defined(__aarch64__) && defined(__ARM_FEATURE_DOTPROD)

#include <arm_neon.h>

#include <cstring>
#include <utility>

#include "neon_scores.h"
#include "neon_words.h"

// The loops over a tile's registers: only when they are unrolled do its sums stay in registers.
#define LODE_UNROLL _Pragma("GCC unroll 16")

namespace lode {
namespace {

constexpr std::size_t smaller(std::size_t a, std::size_t b) {
    return a < b ? a : b;
}

// --- Dots of code rows --------------------------------------------------------------------------------------------

constexpr std::size_t kChunkCodes = 1024;  // at most: four rows of codes and four queries are 8 KiB
constexpr std::size_t kRows = 4;           // x 4 queries: 16 sums, and 8 registers for what they are made of
constexpr std::size_t kPiece = 16;

// The planes of one block of codes, one after the other, 32 bytes each.
template <unsigned Bits>
inline void expand(const std::uint8_t* block, std::uint8_t* codes) {
    const uint8x16_t mask = vdupq_n_u8((1U << Bits) - 1);
    const uint8x16_t low = vld1q_u8(block);
    const uint8x16_t high = vld1q_u8(block + kPiece);
    for (unsigned p = 0; p < 8 / Bits; ++p) {
        const int8x16_t shift = vdupq_n_s8(static_cast<std::int8_t>(-static_cast<int>(p * Bits)));
        vst1q_u8(codes + p * kBlockBytes, vandq_u8(vshlq_u8(low, shift), mask));
        vst1q_u8(codes + p * kBlockBytes + kPiece, vandq_u8(vshlq_u8(high, shift), mask));
    }
}

// Codes in the order of the arranged queries. Up to `whole` all of them count; from there to `end`, where a row's last
// block holds 16 bytes or fewer, only the first half of every plane.
struct DotTile {
    const std::uint8_t* codes;
    std::size_t codes_stride;
    const std::int8_t* queries;
    std::size_t query_bytes;
    std::size_t whole, end;
    std::int32_t* out;
    std::size_t ldo;
    bool add;  // to what `out` holds: sums of the chunks before
};

template <std::size_t Rows>
inline void add_piece(const DotTile& tile, std::size_t at, int32x4_t (&sum)[Rows][4]) {
    int8x16_t query[4];
    LODE_UNROLL for (std::size_t q = 0; q < 4; ++q) query[q] = vld1q_s8(tile.queries + q * tile.query_bytes + at);
    LODE_UNROLL for (std::size_t r = 0; r < Rows; ++r) {
        // Codes are below 128, so they are the same numbers signed.
        const int8x16_t code = vreinterpretq_s8_u8(vld1q_u8(tile.codes + r * tile.codes_stride + at));
        LODE_UNROLL for (std::size_t q = 0; q < 4; ++q) sum[r][q] = vdotq_s32(sum[r][q], code, query[q]);
    }
}

// Rows x 4 queries.
template <std::size_t Rows>
void dot_tile(DotTile tile) {
    int32x4_t sum[Rows][4];
    LODE_UNROLL for (std::size_t r = 0; r < Rows; ++r) {
        LODE_UNROLL for (std::size_t q = 0; q < 4; ++q) sum[r][q] = vdupq_n_s32(0);
    }
    std::size_t at = 0;
    for (; at < tile.whole; at += kPiece) add_piece<Rows>(tile, at, sum);
    for (; at < tile.end; at += kBlockBytes) add_piece<Rows>(tile, at, sum);
    LODE_UNROLL for (std::size_t r = 0; r < Rows; ++r) {
        std::int32_t* out = tile.out + r * tile.ldo;
        int32x4_t all = vpaddq_s32(vpaddq_s32(sum[r][0], sum[r][1]), vpaddq_s32(sum[r][2], sum[r][3]));
        if (tile.add) all = vaddq_s32(all, vld1q_s32(out));
        vst1q_s32(out, all);
    }
}

// Tiles of every height up to the full one: of_height[rows - 1].
template <class Heights>
struct DotTiles;
template <std::size_t... Rows>
struct DotTiles<std::index_sequence<Rows...>> {
    static constexpr void (*of_height[])(DotTile) = {dot_tile<Rows + 1>...};
};

template <unsigned Bits>
void dot(const std::uint8_t* rows, std::size_t stride, std::size_t n_rows, std::size_t blocks,
         const std::int8_t* arranged, std::size_t n_queries, std::int32_t* out, std::size_t ldo) {
    constexpr std::size_t kPlanes = 8 / stored_bits(Bits);
    constexpr std::size_t kBlockCodes = kBlockBytes * kPlanes;
    constexpr std::size_t kChunkBlocks = kChunkCodes / kBlockCodes;
    using Tiles = DotTiles<std::make_index_sequence<kRows>>;
    alignas(16) std::uint8_t expanded[kRows * kChunkCodes];

    const std::size_t query_bytes = blocks * kBlockCodes;
    for (std::size_t chunk = 0; chunk < blocks; chunk += kChunkBlocks) {
        const std::size_t end = smaller(blocks, chunk + kChunkBlocks);
        const bool half_at_end = end == blocks && stride - (blocks - 1) * kBlockBytes <= kPiece;
        DotTile tile{};
        tile.query_bytes = query_bytes;
        tile.end = (end - chunk) * kBlockCodes;
        tile.whole = half_at_end ? tile.end - kBlockCodes : tile.end;
        tile.ldo = ldo;
        tile.add = chunk != 0;
        for (std::size_t i = 0; i < n_rows; i += kRows) {
            const std::size_t n = smaller(kRows, n_rows - i);
            tile.codes = rows + i * stride + chunk * kBlockBytes;
            tile.codes_stride = stride;
            if constexpr (kPlanes > 1) {  // otherwise rows are codes already
                for (std::size_t r = 0; r < n; ++r) {
                    for (std::size_t block = chunk; block < end; ++block) {
                        expand<Bits>(rows + (i + r) * stride + block * kBlockBytes,
                                     expanded + r * kChunkCodes + (block - chunk) * kBlockCodes);
                    }
                }
                tile.codes = expanded;
                tile.codes_stride = kChunkCodes;
            }
            for (std::size_t q = 0; q < n_queries; q += 4) {
                tile.queries = arranged + q * query_bytes + chunk * kBlockCodes;
                tile.out = out + i * ldo + q;
                Tiles::of_height[n - 1](tile);
            }
        }
    }
}

// --- Scores of centroids in 16 bits -------------------------------------------------------------------------------

void narrow_i16(const std::int32_t* dots, std::size_t n_rows, std::size_t n_lanes, const std::int32_t* offset,
                int shift, std::int16_t* out) {
    const int32x4_t right = vdupq_n_s32(-shift);
    for (std::size_t i = 0; i < n_rows; ++i, dots += n_lanes, out += n_lanes) {
        for (std::size_t q = 0; q < n_lanes; q += 8) {
            const int32x4_t low = vsubq_s32(vld1q_s32(dots + q), vld1q_s32(offset + q));
            const int32x4_t high = vsubq_s32(vld1q_s32(dots + q + 4), vld1q_s32(offset + q + 4));
            vst1q_s16(out + q, vqmovn_high_s32(vqmovn_s32(vshlq_s32(low, right)), vshlq_s32(high, right)));
        }
    }
}

std::size_t rows_above_i16(const std::int16_t* rows, std::size_t n_rows, std::size_t n_lanes,
                           const std::int16_t* threshold, std::uint32_t* found) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < n_rows; ++i, rows += n_lanes) {
        uint16x8_t above = vdupq_n_u16(0);
        for (std::size_t q = 0; q < n_lanes; q += 8) {
            above = vorrq_u16(above, vcgtq_s16(vld1q_s16(rows + q), vld1q_s16(threshold + q)));
        }
        found[count] = static_cast<std::uint32_t>(i);
        count += vmaxvq_u16(above) != 0 ? 1 : 0;
    }
    return count;
}

void max_table_i16(const std::int16_t* table, const std::uint32_t* row_ids, std::size_t n_rows, std::size_t n_lanes,
                   std::int16_t* best) {
    std::size_t q = 0;
    for (; q + 16 <= n_lanes; q += 16) {
        int16x8_t low = vld1q_s16(best + q);
        int16x8_t high = vld1q_s16(best + q + 8);
        for (std::size_t i = 0; i < n_rows; ++i) {
            const std::int16_t* row = table + row_ids[i] * n_lanes + q;
            low = vmaxq_s16(low, vld1q_s16(row));
            high = vmaxq_s16(high, vld1q_s16(row + 8));
        }
        vst1q_s16(best + q, low);
        vst1q_s16(best + q + 8, high);
    }
    if (q < n_lanes) {
        int16x8_t top = vld1q_s16(best + q);
        for (std::size_t i = 0; i < n_rows; ++i) top = vmaxq_s16(top, vld1q_s16(table + row_ids[i] * n_lanes + q));
        vst1q_s16(best + q, top);
    }
}

// --- Residuals and MaxSim -----------------------------------------------------------------------------------------

inline float32x4_t centered(const std::int32_t* dots, const float* offset) {
    return vsubq_f32(vcvtq_f32_s32(vld1q_s32(dots)), vld1q_f32(offset));
}

void decode_residual(const std::int16_t* table, const std::uint32_t* row_ids, const std::int32_t* dots,
                     const float* offset, const float* scale, float unit, std::size_t n_rows, std::size_t n_lanes,
                     float* scores) {
    for (std::size_t i = 0; i < n_rows; ++i, dots += n_lanes, scores += n_lanes) {
        const float32x4_t scales = vdupq_n_f32(scale[i]);
        const std::int16_t* row = table + row_ids[i] * n_lanes;
        for (std::size_t q = 0; q < n_lanes; q += 8) {
            const int16x8_t base = vld1q_s16(row + q);
            const float32x4_t low = vmulq_n_f32(vcvtq_f32_s32(vmovl_s16(vget_low_s16(base))), unit);
            const float32x4_t high = vmulq_n_f32(vcvtq_f32_s32(vmovl_high_s16(base)), unit);
            vst1q_f32(scores + q, vfmaq_f32(low, scales, centered(dots + q, offset + q)));
            vst1q_f32(scores + q + 4, vfmaq_f32(high, scales, centered(dots + q + 4, offset + q + 4)));
        }
    }
}

void add_residual(const std::int32_t* dots, const float* offset, const float* scale, std::size_t n_rows,
                  std::size_t n_lanes, float* scores) {
    for (std::size_t i = 0; i < n_rows; ++i, dots += n_lanes, scores += n_lanes) {
        const float32x4_t scales = vdupq_n_f32(scale[i]);
        for (std::size_t q = 0; q < n_lanes; q += 4) {
            vst1q_f32(scores + q, vfmaq_f32(vld1q_f32(scores + q), scales, centered(dots + q, offset + q)));
        }
    }
}

// As the reference on NaN: what is not larger stays out.
inline float32x4_t larger(float32x4_t value, float32x4_t best) {
    return vbslq_f32(vcgtq_f32(value, best), value, best);
}

void max_rows_f32(const float* scores, std::size_t n_rows, std::size_t n_cols, std::size_t ld, float* best) {
    for (std::size_t c = 0; c < n_cols; c += 8) {
        float32x4_t low = vld1q_f32(best + c);
        float32x4_t high = vld1q_f32(best + c + 4);
        for (std::size_t i = 0; i < n_rows; ++i) {
            low = larger(vld1q_f32(scores + i * ld + c), low);
            high = larger(vld1q_f32(scores + i * ld + c + 4), high);
        }
        vst1q_f32(best + c, low);
        vst1q_f32(best + c + 4, high);
    }
}

// --- Float products -----------------------------------------------------------------------------------------------

constexpr std::size_t kGemmRows = 5;  // x 16 columns: 20 sums, 4 registers of columns, 5 of row values
constexpr std::size_t kVectors = kPanel / 4;

struct GemmTile {
    const float* a;
    std::size_t lda;
    const float* panel;
    std::size_t dim;
    float* out;
    std::size_t ldo;
};

template <std::size_t Rows>
void gemm_tile(GemmTile tile) {
    float32x4_t sum[Rows][kVectors];
    LODE_UNROLL for (std::size_t r = 0; r < Rows; ++r) {
        LODE_UNROLL for (std::size_t v = 0; v < kVectors; ++v) sum[r][v] = vdupq_n_f32(0);
    }
    const float* a = tile.a;
    const float* panel = tile.panel;
    for (std::size_t d = 0; d < tile.dim; ++d, ++a, panel += kPanel) {
        float32x4_t b[kVectors];
        LODE_UNROLL for (std::size_t v = 0; v < kVectors; ++v) b[v] = vld1q_f32(panel + v * 4);
        LODE_UNROLL for (std::size_t r = 0; r < Rows; ++r) {
            const float32x4_t value = vld1q_dup_f32(a + r * tile.lda);
            LODE_UNROLL for (std::size_t v = 0; v < kVectors; ++v) sum[r][v] = vfmaq_f32(sum[r][v], value, b[v]);
        }
    }
    LODE_UNROLL for (std::size_t r = 0; r < Rows; ++r) {
        LODE_UNROLL for (std::size_t v = 0; v < kVectors; ++v) vst1q_f32(tile.out + r * tile.ldo + v * 4, sum[r][v]);
    }
}

template <class Heights>
struct GemmTiles;
template <std::size_t... Rows>
struct GemmTiles<std::index_sequence<Rows...>> {
    static constexpr void (*of_height[])(GemmTile) = {gemm_tile<Rows + 1>...};
};

void gemm_f32(const float* a, std::size_t lda, std::size_t n_rows, const float* packed_b, std::size_t n_cols,
              std::size_t dim, float* out, std::size_t ldo) {
    using Tiles = GemmTiles<std::make_index_sequence<kGemmRows>>;
    for (std::size_t c = 0; c < n_cols; c += kPanel) {
        for (std::size_t i = 0; i < n_rows; i += kGemmRows) {
            Tiles::of_height[smaller(kGemmRows, n_rows - i) - 1](
                {a + i * lda, lda, packed_b + c * dim, dim, out + i * ldo + c, ldo});
        }
    }
}

void argmax_bias_f32(const float* scores, std::size_t n_rows, std::size_t n_cols, std::size_t ld, const float* bias,
                     std::uint32_t first, float* value, std::uint32_t* index) {
    constexpr std::uint32_t kNowhere = 0xFFFFFFFFU;
    constexpr std::uint32_t kStart[4] = {0, 1, 2, 3};
    for (std::size_t i = 0; i < n_rows; ++i) {
        float32x4_t best = vdupq_n_f32(value[i]);
        uint32x4_t best_at = vdupq_n_u32(kNowhere);
        uint32x4_t at = vld1q_u32(kStart);
        for (std::size_t c = 0; c < n_cols; c += 4) {
            const float32x4_t candidate = vaddq_f32(vld1q_f32(scores + i * ld + c), vld1q_f32(bias + c));
            const uint32x4_t better = vcgtq_f32(candidate, best);
            best = vbslq_f32(better, candidate, best);
            best_at = vbslq_u32(better, at, best_at);
            at = vaddq_u32(at, vdupq_n_u32(4));
        }
        if (vminvq_u32(best_at) == kNowhere) continue;  // also where value[i] is NaN: nothing beats it
        const float top = vmaxvq_f32(best);             // lanes that never improved hold value[i], which is smaller
        value[i] = top;
        const uint32x4_t winners = vceqq_f32(best, vdupq_n_f32(top));
        index[i] = first + vminvq_u32(vbslq_u32(winners, best_at, vdupq_n_u32(kNowhere)));
    }
}

// Four streams of four words: a comparison waits for the one before it.
template <std::size_t Width>
inline std::uint8_t nearest_of_256(const float* row, const float* words, const float* bias) {
    constexpr unsigned kStreams = 4;
    constexpr std::uint32_t kStart[4] = {0, 1, 2, 3};
    const uint32x4_t lanes = vld1q_u32(kStart);
    float32x4_t value[kStreams];
    uint32x4_t found[kStreams];
    for (unsigned j = 0; j < kStreams; ++j) {
        value[j] = vdupq_n_f32(-__builtin_inff());
        found[j] = vaddq_u32(lanes, vdupq_n_u32(4 * j));
    }
    for (std::uint32_t first = 0; first < 256; first += 4 * kStreams) {
        for (unsigned j = 0; j < kStreams; ++j) {
            const std::uint32_t begin = first + 4 * j;
            float32x4_t sum = vld1q_f32(bias + begin);
            for (std::size_t d = 0; d < Width; ++d) {
                sum = vfmaq_n_f32(sum, vld1q_f32(words + d * 256 + begin), row[d]);
            }
            const uint32x4_t better = vcgtq_f32(sum, value[j]);
            value[j] = vbslq_f32(better, sum, value[j]);
            found[j] = vbslq_u32(better, vaddq_u32(lanes, vdupq_n_u32(begin)), found[j]);
        }
    }
    const float top = vmaxvq_f32(vmaxq_f32(vmaxq_f32(value[0], value[1]), vmaxq_f32(value[2], value[3])));
    uint32x4_t nearest = vdupq_n_u32(255);
    for (unsigned j = 0; j < kStreams; ++j) {
        nearest = vminq_u32(nearest, vbslq_u32(vceqq_f32(value[j], vdupq_n_f32(top)), found[j], vdupq_n_u32(255)));
    }
    return static_cast<std::uint8_t>(vminvq_u32(nearest));
}

void nearest_word(const float* rows, std::size_t ld, std::size_t n_rows, const float* words, const float* bias,
                  std::size_t width, std::uint8_t* codes, std::size_t ldo) {
    const auto nearest = width == 2 ? nearest_of_256<2> : width == 4 ? nearest_of_256<4> : nearest_of_256<8>;
    for (std::size_t i = 0; i < n_rows; ++i) codes[i * ldo] = nearest(rows + i * ld, words, bias);
}

void half_to_float(const std::uint16_t* in, std::size_t n, float* out) {
    std::size_t i = 0;
    for (; i + 4 <= n; i += 4) vst1q_f32(out + i, vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(in + i))));
    if (i < n) {
        std::uint16_t rest[4] = {};
        float wide[4];
        std::memcpy(rest, in + i, (n - i) * sizeof *in);
        vst1q_f32(wide, vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(rest))));
        std::memcpy(out + i, wide, (n - i) * sizeof *out);
    }
}

const Kernels kTable{
    "neon",        dot<1>,          dot<2>,        dot<4>,       dot<7>,       narrow_i16,      rows_above_i16,
    max_table_i16, decode_residual, add_residual,  max_rows_f32, gemm_f32,     argmax_bias_f32, half_to_float,
    dot<7>,        nearest_word,    word_products, sum_words,    score_u6_i16,
};

}  // namespace

const Kernels* const kNeon = &kTable;

}  // namespace lode

#else

namespace lode {
const Kernels* const kNeon = nullptr;
}

#endif
