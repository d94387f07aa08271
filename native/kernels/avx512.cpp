// AVX-512 F, BW, VL, DQ and VNNI. Compiled with its own flags; everything here is local to this file.
#include "kernels.h"

// MSVC has no macro of its own for VNNI; its AVX-512 switch accepts the intrinsics.
#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__AVX512DQ__) && \
    (defined(__AVX512VNNI__) || defined(_MSC_VER))

#include "avx512_dots.h"
#include "avx512_scores.h"
#include "avx512_words.h"

namespace lode {
namespace {

// --- Scores of centroids in 16 bits -------------------------------------------------------------------------------

void narrow_i16(const std::int32_t* dots, std::size_t n_rows, std::size_t n_lanes, const std::int32_t* offset,
                int shift, std::int16_t* out) {
    const __m128i count = _mm_cvtsi32_si128(shift);
    const std::size_t whole = n_lanes / kLanes * kLanes;
    for (std::size_t i = 0; i < n_rows; ++i, dots += n_lanes, out += n_lanes) {
        for (std::size_t q = 0; q < whole; q += kLanes) {
            const __m512i value = _mm512_sub_epi32(load(dots + q), load(offset + q));
            _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + q),
                                _mm512_cvtsepi32_epi16(_mm512_sra_epi32(value, count)));
        }
        if (whole != n_lanes) {
            const __m256i value =
                _mm256_sub_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(dots + whole)),
                                 _mm256_loadu_si256(reinterpret_cast<const __m256i*>(offset + whole)));
            _mm_storeu_si128(reinterpret_cast<__m128i*>(out + whole),
                             _mm256_cvtsepi32_epi16(_mm256_sra_epi32(value, count)));
        }
    }
}

// Rows of 16 lanes go two at a time: queries of up to 16 tokens are the common case.
std::size_t rows_of_16_above(const std::int16_t* rows, std::size_t n_rows, const std::int16_t* threshold,
                             std::uint32_t* found) {
    const __m512i floor = _mm512_broadcast_i64x4(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(threshold)));
    std::size_t count = 0;
    std::size_t i = 0;
    for (; i + 2 <= n_rows; i += 2) {
        const __mmask32 above = _mm512_cmpgt_epi16_mask(load(rows + i * 16), floor);
        found[count] = static_cast<std::uint32_t>(i);
        count += (above & 0xFFFFU) != 0 ? 1 : 0;
        found[count] = static_cast<std::uint32_t>(i + 1);
        count += (above >> 16) != 0 ? 1 : 0;
    }
    if (i < n_rows) {
        const __m256i row = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(rows + i * 16));
        found[count] = static_cast<std::uint32_t>(i);
        count += _mm256_cmpgt_epi16_mask(row, _mm512_castsi512_si256(floor)) != 0 ? 1 : 0;
    }
    return count;
}

std::size_t rows_above_i16(const std::int16_t* rows, std::size_t n_rows, std::size_t n_lanes,
                           const std::int16_t* threshold, std::uint32_t* found) {
    if (n_lanes == 16) return rows_of_16_above(rows, n_rows, threshold, found);
    const std::size_t whole = n_lanes / 32 * 32;
    const auto tail = static_cast<__mmask32>((std::uint64_t{1} << (n_lanes - whole)) - 1);
    std::size_t count = 0;
    for (std::size_t i = 0; i < n_rows; ++i, rows += n_lanes) {
        __mmask32 above = 0;
        for (std::size_t q = 0; q < whole; q += 32) {
            above |= _mm512_cmpgt_epi16_mask(load(rows + q), load(threshold + q));
        }
        if (tail != 0) {
            above |= _mm512_mask_cmpgt_epi16_mask(tail, _mm512_maskz_loadu_epi16(tail, rows + whole),
                                                  _mm512_maskz_loadu_epi16(tail, threshold + whole));
        }
        found[count] = static_cast<std::uint32_t>(i);
        count += above != 0 ? 1 : 0;
    }
    return count;
}

void max_table_i16(const std::int16_t* table, const std::uint32_t* row_ids, std::size_t n_rows, std::size_t n_lanes,
                   std::int16_t* best) {
    std::size_t q = 0;
    for (; q + 32 <= n_lanes; q += 32) {
        __m512i top = load(best + q);
        for (std::size_t i = 0; i < n_rows; ++i) top = _mm512_max_epi16(top, load(table + row_ids[i] * n_lanes + q));
        _mm512_storeu_si512(best + q, top);
    }
    if (q + 16 <= n_lanes) {
        __m256i top = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(best + q));
        for (std::size_t i = 0; i < n_rows; ++i) {
            const std::int16_t* row = table + row_ids[i] * n_lanes + q;
            top = _mm256_max_epi16(top, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row)));
        }
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(best + q), top);
        q += 16;
    }
    if (q < n_lanes) {
        __m128i top = load16(best + q);
        for (std::size_t i = 0; i < n_rows; ++i) {
            top = _mm_max_epi16(top, load16(table + row_ids[i] * n_lanes + q));
        }
        _mm_storeu_si128(reinterpret_cast<__m128i*>(best + q), top);
    }
}

// --- Residuals and MaxSim -----------------------------------------------------------------------------------------

inline __m512 centered(const std::int32_t* dots, const float* offset) {
    return _mm512_sub_ps(_mm512_cvtepi32_ps(load(dots)), _mm512_loadu_ps(offset));
}

inline __m256 centered8(const std::int32_t* dots, const float* offset) {
    return _mm256_sub_ps(_mm256_cvtepi32_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(dots))),
                         _mm256_loadu_ps(offset));
}

void decode_residual(const std::int16_t* table, const std::uint32_t* row_ids, const std::int32_t* dots,
                     const float* offset, const float* scale, float unit, std::size_t n_rows, std::size_t n_lanes,
                     float* scores) {
    const __m512 units = _mm512_set1_ps(unit);
    const std::size_t whole = n_lanes / kLanes * kLanes;
    for (std::size_t i = 0; i < n_rows; ++i, dots += n_lanes, scores += n_lanes) {
        const __m512 scales = _mm512_set1_ps(scale[i]);
        const std::int16_t* row = table + row_ids[i] * n_lanes;
        for (std::size_t q = 0; q < whole; q += kLanes) {
            const __m512 base = _mm512_cvtepi32_ps(
                _mm512_cvtepi16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(row + q))));
            _mm512_storeu_ps(scores + q,
                             _mm512_fmadd_ps(scales, centered(dots + q, offset + q), _mm512_mul_ps(units, base)));
        }
        if (whole != n_lanes) {
            const __m256 base = _mm256_mul_ps(_mm512_castps512_ps256(units),
                                              _mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(load16(row + whole))));
            const __m256 rest = centered8(dots + whole, offset + whole);
            _mm256_storeu_ps(scores + whole, _mm256_fmadd_ps(_mm512_castps512_ps256(scales), rest, base));
        }
    }
}

void add_residual(const std::int32_t* dots, const float* offset, const float* scale, std::size_t n_rows,
                  std::size_t n_lanes, float* scores) {
    const std::size_t whole = n_lanes / kLanes * kLanes;
    for (std::size_t i = 0; i < n_rows; ++i, dots += n_lanes, scores += n_lanes) {
        const __m512 scales = _mm512_set1_ps(scale[i]);
        for (std::size_t q = 0; q < whole; q += kLanes) {
            _mm512_storeu_ps(scores + q,
                             _mm512_fmadd_ps(scales, centered(dots + q, offset + q), _mm512_loadu_ps(scores + q)));
        }
        if (whole != n_lanes) {
            const __m256 rest = centered8(dots + whole, offset + whole);
            _mm256_storeu_ps(scores + whole,
                             _mm256_fmadd_ps(_mm512_castps512_ps256(scales), rest, _mm256_loadu_ps(scores + whole)));
        }
    }
}

// The maximum of two has a latency of four cycles, so four rows at a time. On NaN it gives its second operand.
void max_rows_f32(const float* scores, std::size_t n_rows, std::size_t n_cols, std::size_t ld, float* best) {
    std::size_t c = 0;
    for (; c + kLanes <= n_cols; c += kLanes) {
        __m512 top = _mm512_loadu_ps(best + c);
        __m512 second = top;
        __m512 third = top;
        __m512 fourth = top;
        const float* at = scores + c;
        std::size_t i = 0;
        for (; i + 4 <= n_rows; i += 4, at += 4 * ld) {
            top = _mm512_max_ps(_mm512_loadu_ps(at), top);
            second = _mm512_max_ps(_mm512_loadu_ps(at + ld), second);
            third = _mm512_max_ps(_mm512_loadu_ps(at + 2 * ld), third);
            fourth = _mm512_max_ps(_mm512_loadu_ps(at + 3 * ld), fourth);
        }
        for (; i < n_rows; ++i, at += ld) top = _mm512_max_ps(_mm512_loadu_ps(at), top);
        _mm512_storeu_ps(best + c, _mm512_max_ps(_mm512_max_ps(top, second), _mm512_max_ps(third, fourth)));
    }
    if (c < n_cols) {
        __m256 top = _mm256_loadu_ps(best + c);
        for (std::size_t i = 0; i < n_rows; ++i) top = _mm256_max_ps(_mm256_loadu_ps(scores + i * ld + c), top);
        _mm256_storeu_ps(best + c, top);
    }
}

// --- Float products -----------------------------------------------------------------------------------------------

struct GemmTile {
    const float* a;
    std::size_t lda;
    const float* panel;
    std::size_t dim;
    float* out;
    std::size_t ldo;
};

// Rows x 16 * Panels columns in registers, one pass over dim.
template <std::size_t Panels, std::size_t Rows>
void gemm_tile(GemmTile tile) {
    __m512 sum[Rows][Panels];
    LODE_UNROLL for (std::size_t r = 0; r < Rows; ++r) {
        LODE_UNROLL for (std::size_t p = 0; p < Panels; ++p) sum[r][p] = _mm512_setzero_ps();
    }
    const float* a = tile.a;
    const float* panel = tile.panel;
    for (std::size_t d = 0; d < tile.dim; ++d, ++a, panel += kPanel) {
        LODE_UNROLL for (std::size_t r = 0; r < Rows; ++r) {
            const __m512 value = _mm512_set1_ps(a[r * tile.lda]);
            LODE_UNROLL for (std::size_t p = 0; p < Panels; ++p) {
                sum[r][p] = _mm512_fmadd_ps(value, _mm512_loadu_ps(panel + p * tile.dim * kPanel), sum[r][p]);
            }
        }
    }
    LODE_UNROLL for (std::size_t r = 0; r < Rows; ++r) {
        LODE_UNROLL for (std::size_t p = 0; p < Panels; ++p) {
            _mm512_storeu_ps(tile.out + r * tile.ldo + p * kPanel, sum[r][p]);
        }
    }
}

template <std::size_t Panels, class Heights>
struct GemmTiles;
template <std::size_t Panels, std::size_t... Rows>
struct GemmTiles<Panels, std::index_sequence<Rows...>> {
    static constexpr void (*of_height[])(GemmTile) = {gemm_tile<Panels, Rows + 1>...};
};

template <std::size_t Panels>
void gemm_panels(GemmTile tile, std::size_t n_rows) {
    constexpr std::size_t kRows = Panels == 2 ? kWide : kNarrow;
    using Tiles = GemmTiles<Panels, std::make_index_sequence<kRows>>;
    for (std::size_t i = 0; i < n_rows; i += kRows) {
        Tiles::of_height[smaller(kRows, n_rows - i) - 1](tile);
        tile.a += kRows * tile.lda;
        tile.out += kRows * tile.ldo;
    }
}

void gemm_f32(const float* a, std::size_t lda, std::size_t n_rows, const float* packed_b, std::size_t n_cols,
              std::size_t dim, float* out, std::size_t ldo) {
    std::size_t c = 0;
    for (; c + 2 * kPanel <= n_cols; c += 2 * kPanel) {
        gemm_panels<2>({a, lda, packed_b + c * dim, dim, out + c, ldo}, n_rows);
    }
    if (c < n_cols) gemm_panels<1>({a, lda, packed_b + c * dim, dim, out + c, ldo}, n_rows);
}

void argmax_bias_f32(const float* scores, std::size_t n_rows, std::size_t n_cols, std::size_t ld, const float* bias,
                     std::uint32_t first, float* value, std::uint32_t* index) {
    const __m512i nowhere = _mm512_set1_epi32(-1);
    const __m512i step = _mm512_set1_epi32(16);
    const __m512i start = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    for (std::size_t i = 0; i < n_rows; ++i) {
        __m512 best = _mm512_set1_ps(value[i]);
        __m512i best_at = nowhere;
        __m512i at = start;
        for (std::size_t c = 0; c < n_cols; c += 16) {
            const __m512 candidate = _mm512_add_ps(_mm512_loadu_ps(scores + i * ld + c), _mm512_loadu_ps(bias + c));
            const __mmask16 better = _mm512_cmp_ps_mask(candidate, best, _CMP_GT_OQ);
            best = _mm512_mask_mov_ps(best, better, candidate);
            best_at = _mm512_mask_mov_epi32(best_at, better, at);
            at = _mm512_add_epi32(at, step);
        }
        const __mmask16 improved = _mm512_cmpneq_epi32_mask(best_at, nowhere);
        if (improved == 0) continue;
        const float top = _mm512_mask_reduce_max_ps(improved, best);
        const __mmask16 winners = _mm512_mask_cmp_ps_mask(improved, best, _mm512_set1_ps(top), _CMP_EQ_OQ);
        value[i] = top;
        index[i] = first + _mm512_mask_reduce_min_epu32(winners, best_at);
    }
}

// Two streams of sixteen words: a comparison waits for the one before it.
template <std::size_t Width>
inline std::uint8_t nearest_of_256(const float* row, const float* words, const float* bias) {
    constexpr unsigned kStreams = 2;
    __m512 x[Width];
    for (std::size_t d = 0; d < Width; ++d) x[d] = _mm512_set1_ps(row[d]);
    const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    __m512 value[kStreams];
    __m512i found[kStreams];
    for (unsigned j = 0; j < kStreams; ++j) {
        value[j] = _mm512_set1_ps(-__builtin_inff());
        found[j] = _mm512_add_epi32(lanes, _mm512_set1_epi32(static_cast<int>(16 * j)));
    }
    for (int first = 0; first < 256; first += 16 * static_cast<int>(kStreams)) {
        for (unsigned j = 0; j < kStreams; ++j) {
            const int begin = first + static_cast<int>(16 * j);
            __m512 sum = _mm512_loadu_ps(bias + begin);
            for (std::size_t d = 0; d < Width; ++d) {
                sum = _mm512_fmadd_ps(x[d], _mm512_loadu_ps(words + d * 256 + begin), sum);
            }
            const __mmask16 better = _mm512_cmp_ps_mask(sum, value[j], _CMP_GT_OQ);
            value[j] = _mm512_mask_mov_ps(value[j], better, sum);
            found[j] = _mm512_mask_mov_epi32(found[j], better, _mm512_add_epi32(lanes, _mm512_set1_epi32(begin)));
        }
    }
    const float top = _mm512_reduce_max_ps(_mm512_max_ps(value[0], value[1]));
    const __m512 tops = _mm512_set1_ps(top);
    const std::uint32_t low = _mm512_mask_reduce_min_epu32(_mm512_cmp_ps_mask(value[0], tops, _CMP_EQ_OQ), found[0]);
    const std::uint32_t high = _mm512_mask_reduce_min_epu32(_mm512_cmp_ps_mask(value[1], tops, _CMP_EQ_OQ), found[1]);
    return static_cast<std::uint8_t>(low < high ? low : high);
}

void nearest_word(const float* rows, std::size_t ld, std::size_t n_rows, const float* words, const float* bias,
                  std::size_t width, std::uint8_t* codes, std::size_t ldo) {
    const auto nearest = width == 2 ? nearest_of_256<2> : width == 4 ? nearest_of_256<4> : nearest_of_256<8>;
    for (std::size_t i = 0; i < n_rows; ++i) codes[i * ldo] = nearest(rows + i * ld, words, bias);
}

void half_to_float(const std::uint16_t* in, std::size_t n, float* out) {
    std::size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        _mm512_storeu_ps(out + i, _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(in + i))));
    }
    if (i < n) {
        const auto tail = static_cast<__mmask16>((1U << (n - i)) - 1);
        _mm512_mask_storeu_ps(out + i, tail, _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(tail, in + i)));
    }
}

const Kernels kTable{
    "avx512",      dot<1>,          dot<2>,        dot<4>,       dot<7>,       narrow_i16,      rows_above_i16,
    max_table_i16, decode_residual, add_residual,  max_rows_f32, gemm_f32,     argmax_bias_f32, half_to_float,
    dot<7>,        nearest_word,    word_products, sum_words,    score_u6_i16,
};

}  // namespace

const Kernels* const kAvx512 = &kTable;

}  // namespace lode

#else

namespace lode {
const Kernels* const kAvx512 = nullptr;
}

#endif
