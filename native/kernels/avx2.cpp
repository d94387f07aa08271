// AVX2 + FMA + F16C. Compiled with its own flags; everything here is local to this file.
#include "kernels.h"

#if defined(__AVX2__) && defined(__FMA__)

#include "avx2_dots.h"
#include "avx2_scores.h"
#include "avx2_words.h"

namespace lode {
namespace {

void narrow_i16(const std::int32_t* dots, std::size_t n_rows, std::size_t n_lanes, const std::int32_t* offset,
                int shift, std::int16_t* out) {
    const __m128i count = _mm_cvtsi32_si128(shift);
    for (std::size_t i = 0; i < n_rows; ++i) {
        for (std::size_t q = 0; q < n_lanes; q += 8) {
            const std::size_t at = i * n_lanes + q;
            const __m256i value = _mm256_sub_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(dots + at)),
                                                   _mm256_loadu_si256(reinterpret_cast<const __m256i*>(offset + q)));
            const __m256i shifted = _mm256_sra_epi32(value, count);
            _mm_storeu_si128(reinterpret_cast<__m128i*>(out + at),
                             _mm_packs_epi32(_mm256_castsi256_si128(shifted), _mm256_extracti128_si256(shifted, 1)));
        }
    }
}

std::size_t rows_above_i16(const std::int16_t* rows, std::size_t n_rows, std::size_t n_lanes,
                           const std::int16_t* threshold, std::uint32_t* found) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < n_rows; ++i) {
        __m128i above = _mm_setzero_si128();
        for (std::size_t q = 0; q < n_lanes; q += 8) {
            above = _mm_or_si128(
                above, _mm_cmpgt_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(rows + i * n_lanes + q)),
                                       _mm_loadu_si128(reinterpret_cast<const __m128i*>(threshold + q))));
        }
        found[count] = static_cast<std::uint32_t>(i);
        count += _mm_movemask_epi8(above) != 0 ? 1 : 0;
    }
    return count;
}

void max_table_i16(const std::int16_t* table, const std::uint32_t* row_ids, std::size_t n_rows, std::size_t n_lanes,
                   std::int16_t* best) {
    for (std::size_t q = 0; q < n_lanes;) {
        if (n_lanes - q >= 16) {
            __m256i top = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(best + q));
            for (std::size_t i = 0; i < n_rows; ++i) {
                top = _mm256_max_epi16(
                    top, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(table + row_ids[i] * n_lanes + q)));
            }
            _mm256_storeu_si256(reinterpret_cast<__m256i*>(best + q), top);
            q += 16;
        } else {
            __m128i top = _mm_loadu_si128(reinterpret_cast<const __m128i*>(best + q));
            for (std::size_t i = 0; i < n_rows; ++i) {
                top = _mm_max_epi16(
                    top, _mm_loadu_si128(reinterpret_cast<const __m128i*>(table + row_ids[i] * n_lanes + q)));
            }
            _mm_storeu_si128(reinterpret_cast<__m128i*>(best + q), top);
            q += 8;
        }
    }
}

inline __m256 centered(const std::int32_t* dots, const float* offset) {
    return _mm256_sub_ps(_mm256_cvtepi32_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(dots))),
                         _mm256_loadu_ps(offset));
}

void decode_residual(const std::int16_t* table, const std::uint32_t* row_ids, const std::int32_t* dots,
                     const float* offset, const float* scale, float unit, std::size_t n_rows, std::size_t n_lanes,
                     float* scores) {
    const __m256 units = _mm256_set1_ps(unit);
    for (std::size_t i = 0; i < n_rows; ++i) {
        const __m256 scales = _mm256_set1_ps(scale[i]);
        const std::int16_t* row = table + row_ids[i] * n_lanes;
        for (std::size_t q = 0; q < n_lanes; q += 8) {
            const __m256 base =
                _mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(row + q))));
            const std::size_t at = i * n_lanes + q;
            _mm256_storeu_ps(scores + at,
                             _mm256_fmadd_ps(scales, centered(dots + at, offset + q), _mm256_mul_ps(units, base)));
        }
    }
}

void add_residual(const std::int32_t* dots, const float* offset, const float* scale, std::size_t n_rows,
                  std::size_t n_lanes, float* scores) {
    for (std::size_t i = 0; i < n_rows; ++i) {
        const __m256 scales = _mm256_set1_ps(scale[i]);
        for (std::size_t q = 0; q < n_lanes; q += 8) {
            const std::size_t at = i * n_lanes + q;
            _mm256_storeu_ps(scores + at,
                             _mm256_fmadd_ps(scales, centered(dots + at, offset + q), _mm256_loadu_ps(scores + at)));
        }
    }
}

void max_rows_f32(const float* scores, std::size_t n_rows, std::size_t n_cols, std::size_t ld, float* best) {
    for (std::size_t c = 0; c < n_cols; c += 8) {
        __m256 top = _mm256_loadu_ps(best + c);
        for (std::size_t i = 0; i < n_rows; ++i) top = _mm256_max_ps(_mm256_loadu_ps(scores + i * ld + c), top);
        _mm256_storeu_ps(best + c, top);
    }
}

// Rows x 16 columns in registers, one pass over dim.
template <unsigned Rows>
inline void gemm_tile(const float* a, std::size_t lda, const float* panel, std::size_t dim, float* out,
                      std::size_t ldo) {
    __m256 low[Rows];
    __m256 high[Rows];
    for (unsigned r = 0; r < Rows; ++r) low[r] = high[r] = _mm256_setzero_ps();
    for (std::size_t d = 0; d < dim; ++d) {
        const __m256 b_low = _mm256_loadu_ps(panel + d * kPanel);
        const __m256 b_high = _mm256_loadu_ps(panel + d * kPanel + 8);
        for (unsigned r = 0; r < Rows; ++r) {
            const __m256 value = _mm256_broadcast_ss(a + r * lda + d);
            low[r] = _mm256_fmadd_ps(value, b_low, low[r]);
            high[r] = _mm256_fmadd_ps(value, b_high, high[r]);
        }
    }
    for (unsigned r = 0; r < Rows; ++r) {
        _mm256_storeu_ps(out + r * ldo, low[r]);
        _mm256_storeu_ps(out + r * ldo + 8, high[r]);
    }
}

void gemm_f32(const float* a, std::size_t lda, std::size_t n_rows, const float* packed_b, std::size_t n_cols,
              std::size_t dim, float* out, std::size_t ldo) {
    for (std::size_t c = 0; c < n_cols; c += kPanel) {
        const float* panel = packed_b + c * dim;
        std::size_t i = 0;
        for (; i + 6 <= n_rows; i += 6) gemm_tile<6>(a + i * lda, lda, panel, dim, out + i * ldo + c, ldo);
        for (; i + 2 <= n_rows; i += 2) gemm_tile<2>(a + i * lda, lda, panel, dim, out + i * ldo + c, ldo);
        for (; i < n_rows; ++i) gemm_tile<1>(a + i * lda, lda, panel, dim, out + i * ldo + c, ldo);
    }
}

void argmax_bias_f32(const float* scores, std::size_t n_rows, std::size_t n_cols, std::size_t ld, const float* bias,
                     std::uint32_t first, float* value, std::uint32_t* index) {
    const __m256i step = _mm256_set1_epi32(8);
    for (std::size_t i = 0; i < n_rows; ++i) {
        __m256 best = _mm256_set1_ps(value[i]);
        __m256i best_at = _mm256_set1_epi32(-1);
        __m256i at = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        for (std::size_t c = 0; c < n_cols; c += 8) {
            const __m256 candidate = _mm256_add_ps(_mm256_loadu_ps(scores + i * ld + c), _mm256_loadu_ps(bias + c));
            const __m256 better = _mm256_cmp_ps(candidate, best, _CMP_GT_OQ);
            best = _mm256_blendv_ps(best, candidate, better);
            best_at = _mm256_blendv_epi8(best_at, at, _mm256_castps_si256(better));
            at = _mm256_add_epi32(at, step);
        }
        alignas(32) float lane_value[8];
        alignas(32) std::uint32_t lane_at[8];
        _mm256_store_ps(lane_value, best);
        _mm256_store_si256(reinterpret_cast<__m256i*>(lane_at), best_at);
        std::uint32_t winner = 0xFFFFFFFFU;
        float top = value[i];
        for (unsigned lane = 0; lane < 8; ++lane) {
            if (lane_at[lane] == 0xFFFFFFFFU) continue;
            if (lane_value[lane] > top || (lane_value[lane] == top && lane_at[lane] < winner)) {
                top = lane_value[lane];
                winner = lane_at[lane];
            }
        }
        if (winner != 0xFFFFFFFFU) {
            value[i] = top;
            index[i] = first + winner;
        }
    }
}

// Values and where they were found; equal values count as found where the number is smaller.
struct Found {
    __m256 value;
    __m256i at;
};

inline Found first_best(Found a, Found b) {
    const __m256 more = _mm256_cmp_ps(b.value, a.value, _CMP_GT_OQ);
    const __m256 equal = _mm256_cmp_ps(b.value, a.value, _CMP_EQ_OQ);
    const __m256 before = _mm256_castsi256_ps(_mm256_cmpgt_epi32(a.at, b.at));
    const __m256 take = _mm256_or_ps(more, _mm256_and_ps(equal, before));
    return {_mm256_blendv_ps(a.value, b.value, take), _mm256_blendv_epi8(a.at, b.at, _mm256_castps_si256(take))};
}

// Four streams of eight words: a comparison waits for the one before it, so one stream would leave the units idle.
template <std::size_t Width>
inline std::uint8_t nearest_of_256(const float* row, const float* words, const float* bias) {
    constexpr unsigned kStreams = 4;
    __m256 x[Width];
    for (std::size_t d = 0; d < Width; ++d) x[d] = _mm256_broadcast_ss(row + d);
    Found found[kStreams];
    for (Found& one : found) one = {_mm256_set1_ps(-__builtin_inff()), _mm256_setzero_si256()};
    for (int first = 0; first < 256; first += 8 * static_cast<int>(kStreams)) {
        const __m256i at = _mm256_set1_epi32(first);
        for (unsigned j = 0; j < kStreams; ++j) {
            const float* word = words + first + 8 * j;
            __m256 sum = _mm256_loadu_ps(bias + first + 8 * j);
            for (std::size_t d = 0; d < Width; ++d) sum = _mm256_fmadd_ps(x[d], _mm256_loadu_ps(word + d * 256), sum);
            const __m256 better = _mm256_cmp_ps(sum, found[j].value, _CMP_GT_OQ);
            found[j].value = _mm256_blendv_ps(found[j].value, sum, better);
            found[j].at = _mm256_blendv_epi8(found[j].at, at, _mm256_castps_si256(better));
        }
    }
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    for (unsigned j = 0; j < kStreams; ++j) {
        found[j].at =
            _mm256_add_epi32(found[j].at, _mm256_add_epi32(lanes, _mm256_set1_epi32(static_cast<int>(8 * j))));
    }
    Found best = first_best(first_best(found[0], found[1]), first_best(found[2], found[3]));
    best = first_best(
        best, {_mm256_permute2f128_ps(best.value, best.value, 1), _mm256_permute2x128_si256(best.at, best.at, 1)});
    best = first_best(best, {_mm256_permute_ps(best.value, 0x4E), _mm256_shuffle_epi32(best.at, 0x4E)});
    best = first_best(best, {_mm256_permute_ps(best.value, 0xB1), _mm256_shuffle_epi32(best.at, 0xB1)});
    return static_cast<std::uint8_t>(_mm_cvtsi128_si32(_mm256_castsi256_si128(best.at)));
}

void nearest_word(const float* rows, std::size_t ld, std::size_t n_rows, const float* words, const float* bias,
                  std::size_t width, std::uint8_t* codes, std::size_t ldo) {
    const auto nearest = width == 2 ? nearest_of_256<2> : width == 4 ? nearest_of_256<4> : nearest_of_256<8>;
    for (std::size_t i = 0; i < n_rows; ++i) codes[i * ldo] = nearest(rows + i * ld, words, bias);
}

void half_to_float(const std::uint16_t* in, std::size_t n, float* out) {
    std::size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        _mm256_storeu_ps(out + i, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(in + i))));
    }
    for (; i < n; ++i) out[i] = _cvtsh_ss(in[i]);
}

const Kernels kTable{
    "avx2",        dot<1>,          dot<2>,        dot<4>,       dot<7>,       narrow_i16,      rows_above_i16,
    max_table_i16, decode_residual, add_residual,  max_rows_f32, gemm_f32,     argmax_bias_f32, half_to_float,
    dot_u6,        nearest_word,    word_products, sum_words,    score_u6_i16,
};

}  // namespace

const Kernels* const kAvx2 = &kTable;

}  // namespace lode

#else

namespace lode {
const Kernels* const kAvx2 = nullptr;
}

#endif
