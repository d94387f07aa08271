// The contract of the hot loops. One table of function pointers per CPU level; every level computes the same thing.
//
// Integer kernels are bit-exact across levels. Float kernels differ by the rounding of fused multiply-adds and by
// nothing else: each output element is one sum over dim in ascending order.
//
// Code rows. A row holds `dim` unsigned codes of `bits` (1, 2, 4, or 6 and 7 in a byte of 8) and is padded to 8 bytes:
// stride = row_bytes(dim, bits). Rows are read in blocks of 32 bytes made of four 8-byte units; in a unit, byte i holds
// in its bit-plane p (lowest first) the code of dimension unit * unit_dims + p * 8 + i. So one shift and one mask give
// 32 codes. The last block of a row may reach into the bytes that follow; the arranged query is zero there. Whoever
// owns the memory keeps kReadSlack readable bytes after the last row.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lode {

inline constexpr std::size_t kReadSlack = 64;   // bytes readable after any array of code rows
inline constexpr std::size_t kBlockBytes = 32;  // bytes of codes per block
inline constexpr std::size_t kPanel = 16;       // columns of a packed float panel

inline constexpr unsigned stored_bits(unsigned bits) {
    return bits >= 6 ? 8 : bits;
}
inline constexpr std::size_t row_bytes(std::size_t dim, unsigned bits) {
    return (dim * stored_bits(bits) + 63) / 64 * 8;
}
inline constexpr std::size_t n_blocks(std::size_t dim, unsigned bits) {
    return (row_bytes(dim, bits) + kBlockBytes - 1) / kBlockBytes;
}
// Bytes of one arranged query token: one int8 per code of every block.
inline constexpr std::size_t arranged_bytes(std::size_t dim, unsigned bits) {
    return n_blocks(dim, bits) * kBlockBytes * (8 / stored_bits(bits));
}

// out[row * ldo + q] = sum over dims of code[row][d] * query[q][d]. n_queries is a multiple of 4.
using DotRows = void (*)(const std::uint8_t* rows, std::size_t stride, std::size_t n_rows, std::size_t blocks,
                         const std::int8_t* arranged, std::size_t n_queries, std::int32_t* out, std::size_t ldo);

struct Kernels {
    const char* name;

    DotRows dot_u1, dot_u2, dot_u4, dot_u7;

    // out[i * ld + q] = saturate_int16((dots[i * ld + q] - offset[q]) >> shift); n_lanes is a multiple of 8.
    void (*narrow_i16)(const std::int32_t* dots, std::size_t n_rows, std::size_t n_lanes, const std::int32_t* offset,
                       int shift, std::int16_t* out);

    // Rows with any lane above its threshold: writes their numbers to `found`, returns how many. n_lanes % 8 == 0.
    std::size_t (*rows_above_i16)(const std::int16_t* rows, std::size_t n_rows, std::size_t n_lanes,
                                  const std::int16_t* threshold, std::uint32_t* found);

    // best[q] = max(best[q], table[row_ids[i] * n_lanes + q]) over i. n_lanes % 8 == 0.
    void (*max_table_i16)(const std::int16_t* table, const std::uint32_t* row_ids, std::size_t n_rows,
                          std::size_t n_lanes, std::int16_t* best);

    // The residual decoder: scores[i][q] = unit * table[row_ids[i]][q] + scale[i] * (dots[i][q] - offset[q]).
    // n_lanes % 8 == 0; every [i] array has n_lanes columns.
    void (*decode_residual)(const std::int16_t* table, const std::uint32_t* row_ids, const std::int32_t* dots,
                            const float* offset, const float* scale, float unit, std::size_t n_rows,
                            std::size_t n_lanes, float* scores);
    // A further tier: scores[i][q] += scale[i] * (dots[i][q] - offset[q]).
    void (*add_residual)(const std::int32_t* dots, const float* offset, const float* scale, std::size_t n_rows,
                         std::size_t n_lanes, float* scores);

    // MaxSim's inner step: best[c] = max(best[c], scores[i * ld + c]) over i. n_cols % 8 == 0.
    void (*max_rows_f32)(const float* scores, std::size_t n_rows, std::size_t n_cols, std::size_t ld, float* best);

    // out[i * ldo + c] = sum_d a[i * lda + d] * b[d][c]; b is packed in panels of kPanel columns: [n_cols /
    // kPanel][dim][kPanel].
    void (*gemm_f32)(const float* a, std::size_t lda, std::size_t n_rows, const float* packed_b, std::size_t n_cols,
                     std::size_t dim, float* out, std::size_t ldo);

    // Per row the first column with the largest scores + bias, if that beats value[i] (strictly): index[i] = first + c.
    // n_cols % 16 == 0.
    void (*argmax_bias_f32)(const float* scores, std::size_t n_rows, std::size_t n_cols, std::size_t ld,
                            const float* bias, std::uint32_t first, float* value, std::uint32_t* index);

    void (*half_to_float)(const std::uint16_t* in, std::size_t n, float* out);

    // As dot_u7 for codes below 64 and queries within +-63: small enough to add four products in 16 bits.
    DotRows dot_u6;

    // codes[i * ldo] = the first w with the largest bias[w] + sum_d rows[i * ld + d] * words[d * 256 + w], summed in
    // that order; any w where all are NaN. width is 2, 4 or 8; words [width][256], bias [256].
    void (*nearest_word)(const float* rows, std::size_t ld, std::size_t n_rows, const float* words, const float* bias,
                         std::size_t width, std::uint8_t* codes, std::size_t ldo);

    // A query's products with the 256 words of a group: out[w * n_lanes + q] = sum_d words[w * width + d] * query[d][q]
    // - offset[q]. Dimensions stand in pairs: pairs[(d / 2 * n_lanes + q) * 2 + d % 2]. width is 2, 4 or 8; words are
    // below 64 and queries within +-63, or below 128 and within +-127 where width is 2. n_lanes % 8 == 0.
    void (*word_products)(const std::uint8_t* words, std::size_t width, const std::int8_t* pairs,
                          const std::int16_t* offset, std::size_t n_lanes, std::int16_t* out);

    // What dots of decoded words would be: sums[i * n_lanes + q] = start[q] + sum over groups g of
    // table[(g * 256 + codes[i * stride + g]) * n_lanes + q]. Entries are below 2^14 in size: two add up in 16 bits.
    // n_lanes % 8 == 0.
    void (*sum_words)(const std::int16_t* table, const std::uint8_t* codes, std::size_t stride, std::size_t n_rows,
                      std::size_t n_groups, std::size_t n_lanes, const std::int32_t* start, std::int32_t* sums);

    // The low 16 bits of dots less offset, for codes below 64 and queries within +-63: out[i * n_lanes + q] =
    // sum_d rows[i * stride + d] * query[q][d] - offset[q], where that fits. stride % 8 == 0, a byte per code. Queries
    // stand in fours of dimensions: quads[(d / 4 * n_lanes + q) * 4 + d % 4], zero past dim. n_lanes % 8 == 0.
    void (*score_u6_i16)(const std::uint8_t* rows, std::size_t stride, std::size_t n_rows, const std::int8_t* quads,
                         std::size_t n_lanes, const std::int16_t* offset, std::int16_t* out);
};

// nullptr where the level is not compiled in.
extern const Kernels* const kReference;
extern const Kernels* const kAvx2;
extern const Kernels* const kAvx512;
extern const Kernels* const kNeon;

// --- dispatch.cpp -------------------------------------------------------------------------------------------------

// Levels that are compiled in and that this CPU runs, slowest first; `count` receives how many.
const Kernels* const* available_levels(std::size_t* count) noexcept;

// The level by name, or nullptr when it is unknown, not compiled in, or not supported by this CPU.
const Kernels* level_by_name(const char* name) noexcept;

// The fastest level of this CPU.
const Kernels* best_level() noexcept;

// dot_u1 … dot_u7 by number of bits; nullptr for any other number.
DotRows dot_rows(const Kernels& kernels, unsigned bits) noexcept;

// Puts one int8 query token into the order in which the blocks of `bits` codes are read; pads with 0.
void arrange_query(const std::int8_t* query, std::size_t dim, unsigned bits, std::int8_t* arranged) noexcept;

// Writes `dim` codes (each < 2^bits) as one row of row_bytes(dim, bits); and reads them back.
void pack_row(const std::uint8_t* codes, std::size_t dim, unsigned bits, std::uint8_t* row) noexcept;
void unpack_row(const std::uint8_t* row, std::size_t dim, unsigned bits, std::uint8_t* codes) noexcept;

}  // namespace lode
