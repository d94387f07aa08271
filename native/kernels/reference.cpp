// The obvious version of every kernel. Slow, and right; all other levels are tested against it.
#include <cstring>
#include <limits>

#include "kernels.h"

namespace lode {
namespace {

template <unsigned Bits>
void dot(const std::uint8_t* rows, std::size_t stride, std::size_t n_rows, std::size_t blocks,
         const std::int8_t* arranged, std::size_t n_queries, std::int32_t* out, std::size_t ldo) {
    constexpr unsigned kStored = stored_bits(Bits);
    constexpr unsigned kPlanes = 8 / kStored;
    constexpr unsigned kMask = (1U << kStored) - 1;
    const std::size_t query_bytes = blocks * kBlockBytes * kPlanes;
    for (std::size_t i = 0; i < n_rows; ++i) {
        for (std::size_t q = 0; q < n_queries; ++q) {
            std::int32_t sum = 0;
            const std::int8_t* query = arranged + q * query_bytes;
            for (std::size_t block = 0; block < blocks; ++block) {
                const std::uint8_t* codes = rows + i * stride + block * kBlockBytes;
                for (unsigned plane = 0; plane < kPlanes; ++plane) {
                    for (std::size_t byte = 0; byte < kBlockBytes; ++byte) {
                        sum += static_cast<std::int32_t>((codes[byte] >> (plane * kStored)) & kMask) * *query++;
                    }
                }
            }
            out[i * ldo + q] = sum;
        }
    }
}

void narrow_i16(const std::int32_t* dots, std::size_t n_rows, std::size_t n_lanes, const std::int32_t* offset,
                int shift, std::int16_t* out) {
    for (std::size_t i = 0; i < n_rows * n_lanes; ++i) {
        const std::int32_t value = (dots[i] - offset[i % n_lanes]) >> shift;
        out[i] = static_cast<std::int16_t>(value < -32768 ? -32768 : value > 32767 ? 32767 : value);
    }
}

std::size_t rows_above_i16(const std::int16_t* rows, std::size_t n_rows, std::size_t n_lanes,
                           const std::int16_t* threshold, std::uint32_t* found) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < n_rows; ++i) {
        bool above = false;
        for (std::size_t q = 0; q < n_lanes; ++q) {
            above |= rows[i * n_lanes + q] > threshold[q];
        }
        if (above) {
            found[count++] = static_cast<std::uint32_t>(i);
        }
    }
    return count;
}

void max_table_i16(const std::int16_t* table, const std::uint32_t* row_ids, std::size_t n_rows, std::size_t n_lanes,
                   std::int16_t* best) {
    for (std::size_t i = 0; i < n_rows; ++i) {
        for (std::size_t q = 0; q < n_lanes; ++q) {
            const std::int16_t value = table[row_ids[i] * n_lanes + q];
            best[q] = value > best[q] ? value : best[q];
        }
    }
}

void decode_residual(const std::int16_t* table, const std::uint32_t* row_ids, const std::int32_t* dots,
                     const float* offset, const float* scale, float unit, std::size_t n_rows, std::size_t n_lanes,
                     float* scores) {
    for (std::size_t i = 0; i < n_rows; ++i) {
        for (std::size_t q = 0; q < n_lanes; ++q) {
            const std::size_t at = i * n_lanes + q;
            scores[at] = unit * static_cast<float>(table[row_ids[i] * n_lanes + q]) +
                         scale[i] * (static_cast<float>(dots[at]) - offset[q]);
        }
    }
}

void add_residual(const std::int32_t* dots, const float* offset, const float* scale, std::size_t n_rows,
                  std::size_t n_lanes, float* scores) {
    for (std::size_t i = 0; i < n_rows; ++i) {
        for (std::size_t q = 0; q < n_lanes; ++q) {
            const std::size_t at = i * n_lanes + q;
            scores[at] += scale[i] * (static_cast<float>(dots[at]) - offset[q]);
        }
    }
}

void max_rows_f32(const float* scores, std::size_t n_rows, std::size_t n_cols, std::size_t ld, float* best) {
    for (std::size_t i = 0; i < n_rows; ++i) {
        for (std::size_t c = 0; c < n_cols; ++c) {
            const float value = scores[i * ld + c];
            best[c] = value > best[c] ? value : best[c];
        }
    }
}

void gemm_f32(const float* a, std::size_t lda, std::size_t n_rows, const float* packed_b, std::size_t n_cols,
              std::size_t dim, float* out, std::size_t ldo) {
    for (std::size_t i = 0; i < n_rows; ++i) {
        for (std::size_t c = 0; c < n_cols; ++c) {
            const float* column = packed_b + (c / kPanel) * dim * kPanel + c % kPanel;
            float sum = 0;
            for (std::size_t d = 0; d < dim; ++d) {
                sum += a[i * lda + d] * column[d * kPanel];
            }
            out[i * ldo + c] = sum;
        }
    }
}

void argmax_bias_f32(const float* scores, std::size_t n_rows, std::size_t n_cols, std::size_t ld, const float* bias,
                     std::uint32_t first, float* value, std::uint32_t* index) {
    for (std::size_t i = 0; i < n_rows; ++i) {
        for (std::size_t c = 0; c < n_cols; ++c) {
            const float candidate = scores[i * ld + c] + bias[c];
            if (candidate > value[i]) {
                value[i] = candidate;
                index[i] = first + static_cast<std::uint32_t>(c);
            }
        }
    }
}

void nearest_word(const float* rows, std::size_t ld, std::size_t n_rows, const float* words, const float* bias,
                  std::size_t width, std::uint8_t* codes, std::size_t ldo) {
    for (std::size_t i = 0; i < n_rows; ++i) {
        float best = -std::numeric_limits<float>::infinity();
        std::uint8_t best_at = 0;
        for (std::size_t w = 0; w < 256; ++w) {
            float sum = bias[w];
            for (std::size_t d = 0; d < width; ++d) sum += rows[i * ld + d] * words[d * 256 + w];
            if (!(sum > best)) continue;
            best = sum;
            best_at = static_cast<std::uint8_t>(w);
        }
        codes[i * ldo] = best_at;
    }
}

void word_products(const std::uint8_t* words, std::size_t width, const std::int8_t* pairs, const std::int16_t* offset,
                   std::size_t n_lanes, std::int16_t* out) {
    for (std::size_t w = 0; w < 256; ++w) {
        for (std::size_t q = 0; q < n_lanes; ++q) {
            std::int32_t sum = -offset[q];
            for (std::size_t d = 0; d < width; ++d) {
                sum += words[w * width + d] * pairs[(d / 2 * n_lanes + q) * 2 + d % 2];
            }
            out[w * n_lanes + q] = static_cast<std::int16_t>(sum);
        }
    }
}

void sum_words(const std::int16_t* table, const std::uint8_t* codes, std::size_t stride, std::size_t n_rows,
               std::size_t n_groups, std::size_t n_lanes, const std::int32_t* start, std::int32_t* sums) {
    for (std::size_t i = 0; i < n_rows; ++i) {
        for (std::size_t q = 0; q < n_lanes; ++q) {
            std::int32_t sum = start[q];
            for (std::size_t g = 0; g < n_groups; ++g) sum += table[(g * 256 + codes[i * stride + g]) * n_lanes + q];
            sums[i * n_lanes + q] = sum;
        }
    }
}

void score_u6_i16(const std::uint8_t* rows, std::size_t stride, std::size_t n_rows, const std::int8_t* quads,
                  std::size_t n_lanes, const std::int16_t* offset, std::int16_t* out) {
    for (std::size_t i = 0; i < n_rows; ++i) {
        for (std::size_t q = 0; q < n_lanes; ++q) {
            std::int32_t sum = -offset[q];
            for (std::size_t d = 0; d < stride; ++d)
                sum += rows[i * stride + d] * quads[(d / 4 * n_lanes + q) * 4 + d % 4];
            out[i * n_lanes + q] = static_cast<std::int16_t>(static_cast<std::uint16_t>(sum & 0xFFFF));
        }
    }
}

void half_to_float(const std::uint16_t* in, std::size_t n, float* out) {
    for (std::size_t i = 0; i < n; ++i) {
        const std::uint32_t sign = (in[i] & 0x8000U) << 16;
        const std::uint32_t exponent = (in[i] >> 10) & 0x1FU;
        const std::uint32_t fraction = in[i] & 0x3FFU;
        std::uint32_t bits = 0;
        if (exponent == 0x1F) {
            bits = sign | 0x7F800000U | (fraction << 13);
        } else if (exponent != 0) {
            bits = sign | ((exponent + 112) << 23) | (fraction << 13);
        } else {  // zero and subnormal halves: fraction * 2^-24 is exact in float
            const float magnitude = static_cast<float>(fraction) * 5.9604644775390625e-8F;
            std::memcpy(&bits, &magnitude, sizeof bits);
            bits |= sign;
        }
        std::memcpy(out + i, &bits, sizeof bits);
    }
}

const Kernels kTable{
    "reference",   dot<1>,          dot<2>,        dot<4>,       dot<7>,       narrow_i16,      rows_above_i16,
    max_table_i16, decode_residual, add_residual,  max_rows_f32, gemm_f32,     argmax_bias_f32, half_to_float,
    dot<6>,        nearest_word,    word_products, sum_words,    score_u6_i16,
};

}  // namespace

const Kernels* const kReference = &kTable;

}  // namespace lode
