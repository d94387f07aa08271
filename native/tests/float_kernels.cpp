// Float kernels of every level: to the bit where the order of operations fixes the result, else within a stated bound.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "check.h"

namespace lode::test {
namespace {

constexpr double kEpsilon = 0x1p-23;
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kUntouched = 12345.0F;

bool same_bits(const float* a, const float* b, std::size_t n) {
    return std::memcmp(a, b, n * sizeof(float)) == 0;
}

void fill(Numbers& numbers, float* values, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) values[i] = numbers.unit();
}

class Gemm {
public:
    void run(std::size_t dim, std::size_t n_rows, std::size_t n_cols, std::size_t ldo, std::size_t lda) {
        const std::size_t n_a = n_rows == 0 ? 0 : (n_rows - 1) * lda + dim;
        const std::size_t n_out = n_rows == 0 ? 0 : (n_rows - 1) * ldo + n_cols;
        float* a = a_memory_.take<float>(n_a);
        float* b = b_memory_.take<float>(n_cols * dim);
        fill(numbers_, a, n_a);
        fill(numbers_, b, n_cols * dim);
        for (const Kernels* kernels : levels()) {
            float* out = out_memory_.take<float>(n_out);
            std::fill(out, out + n_out, kUntouched);
            kernels->gemm_f32(a, lda, n_rows, b, n_cols, dim, out, ldo);
            compare(*kernels, a, b, out, {dim, n_rows, n_cols, ldo, lda, n_out});
        }
    }

private:
    struct Shape {
        std::size_t dim, n_rows, n_cols, ldo, lda, n_out;
    };

    // Levels with fused multiply-adds give the fused sum in ascending order of dimensions, to the bit. Any level stays
    // within dim * 2^-23 * sum |a| |b| of the sum in double.
    static void compare(const Kernels& kernels, const float* a, const float* b, const float* out, const Shape& shape) {
        bool bounded = true;
        bool fused = true;
        bool untouched = true;
        for (std::size_t at = 0; at < shape.n_out; ++at) {
            const std::size_t c = at % shape.ldo;
            if (c >= shape.n_cols) {
                untouched &= out[at] == kUntouched;
                continue;
            }
            const float* row = a + at / shape.ldo * shape.lda;
            const float* column = b + c / kPanel * kPanel * shape.dim + c % kPanel;
            double sum = 0;
            double magnitude = 0;
            float fused_sum = 0;
            for (std::size_t d = 0; d < shape.dim; ++d) {
                const double product = double{row[d]} * double{column[d * kPanel]};
                sum += product;
                magnitude += std::fabs(product);
                fused_sum = std::fma(row[d], column[d * kPanel], fused_sum);
            }
            bounded &= std::fabs(double{out[at]} - sum) <= static_cast<double>(shape.dim) * kEpsilon * magnitude;
            fused &= is_reference(kernels) || out[at] == fused_sum;
        }
        CHECK(bounded && fused && untouched, "%s dim %zu, %zu rows, %zu columns: bounded %d, fused %d, untouched %d",
              kernels.name, shape.dim, shape.n_rows, shape.n_cols, bounded, fused, untouched);
    }

    Numbers numbers_{11};
    Guarded a_memory_{1 << 20}, b_memory_{2 << 20}, out_memory_{1 << 18};
};

// A small float by exponent and fraction, exactly: what a half means.
float half_meaning(unsigned half) {
    const int exponent = static_cast<int>((half >> 10) & 31);
    const int fraction = static_cast<int>(half & 1023);
    float value = 0;
    if (exponent == 31) {
        value = fraction == 0 ? kInfinity : kNaN;
    } else if (exponent == 0) {
        value = static_cast<float>(std::ldexp(fraction, -24));
    } else {
        value = static_cast<float>(std::ldexp(1024 + fraction, exponent - 25));
    }
    return std::copysign(value, (half & 0x8000) != 0 ? -1.0F : 1.0F);
}

struct Residuals {
    std::size_t n_rows, n_lanes;
    std::vector<std::int16_t> table;
    std::vector<std::uint32_t> ids;
    std::vector<std::int32_t> dots;
    std::vector<float> offset, scale, before;
    float unit;

    Residuals(Numbers& numbers, std::size_t rows, std::size_t lanes) : n_rows(rows), n_lanes(lanes) {
        constexpr std::size_t kTableRows = 30;
        for (std::size_t i = 0; i < kTableRows * lanes; ++i) table.push_back(static_cast<std::int16_t>(numbers.bits()));
        for (std::size_t i = 0; i < rows; ++i) ids.push_back(static_cast<std::uint32_t>(numbers.below(kTableRows)));
        for (std::size_t i = 0; i < rows * lanes; ++i) dots.push_back(numbers.within(i % 2 == 0 ? 400 : 8000000));
        for (std::size_t q = 0; q < lanes; ++q) offset.push_back(numbers.unit() * 100000);
        for (std::size_t i = 0; i < rows; ++i) scale.push_back(numbers.unit() * 1e-4F);
        for (std::size_t i = 0; i < rows * lanes; ++i) before.push_back(numbers.unit() * 8);
        unit = numbers.unit() * 1e-5F;
    }

    double magnitude(std::size_t at, double base) const {
        return std::fabs(base) + std::fabs(double{scale[at / n_lanes]}) * (std::fabs(static_cast<double>(dots[at])) +
                                                                           std::fabs(double{offset[at % n_lanes]}));
    }
    double exact(std::size_t at, double base) const {
        return base + double{scale[at / n_lanes]} * (static_cast<double>(dots[at]) - double{offset[at % n_lanes]});
    }
    // Rounded where the kernels round: the dot, the difference, the base, and once for the fused step.
    float fused(std::size_t at, float base) const {
        return std::fma(scale[at / n_lanes], static_cast<float>(dots[at]) - offset[at % n_lanes], base);
    }
    float table_value(std::size_t at) const { return table[ids[at / n_lanes] * n_lanes + at % n_lanes]; }

    void compare(const Kernels& kernels, const char* what, const float* scores, bool first) const {
        bool bounded = true;
        bool same = true;
        for (std::size_t at = 0; at < n_rows * n_lanes; ++at) {
            const double base = first ? double{unit} * double{table_value(at)} : double{before[at]};
            bounded &= std::fabs(double{scores[at]} - exact(at, base)) <= 3 * kEpsilon * magnitude(at, base);
            same &= is_reference(kernels) || scores[at] == fused(at, first ? unit * table_value(at) : before[at]);
        }
        CHECK(bounded && same, "%s %s %zu rows, %zu lanes: bounded %d, fused %d", kernels.name, what, n_rows, n_lanes,
              bounded, same);
    }
};

}  // namespace

TEST_GROUP(float_products_of_every_dimension_up_to_300_are_the_fused_sums) {
    Gemm gemm;
    for (std::size_t dim = 1; dim <= 300; ++dim)
        gemm.run(dim, 1 + dim % 3, 16 + 16 * (dim % 3), 48 + dim % 2, dim + dim % 5);
}

TEST_GROUP(float_products_of_every_number_of_rows_are_the_fused_sums) {
    Gemm gemm;
    for (std::size_t n_rows = 0; n_rows <= 40; ++n_rows) {
        for (std::size_t n_cols = 16; n_cols <= 80; n_cols += 16) gemm.run(5, n_rows, n_cols, n_cols, 5);
    }
    for (const std::size_t dim : {384, 768, 1024, 4096}) gemm.run(dim, 3, 48, 48, dim);
    gemm.run(128, 30, 112, 112, 128);
}

TEST_GROUP(residual_decoders_round_where_they_say) {
    Numbers numbers(12);
    Guarded memory(1 << 20);
    for (std::size_t n_lanes = 8; n_lanes <= 64; n_lanes += 8) {
        for (std::size_t n_rows = 0; n_rows <= 40; n_rows += 1 + n_rows / 8) {
            const Residuals r(numbers, n_rows, n_lanes);
            for (const Kernels* kernels : levels()) {
                float* scores = memory.take<float>(n_rows * n_lanes);
                kernels->decode_residual(r.table.data(), r.ids.data(), r.dots.data(), r.offset.data(), r.scale.data(),
                                         r.unit, n_rows, n_lanes, scores);
                r.compare(*kernels, "decode_residual", scores, true);
                std::copy(r.before.begin(), r.before.end(), scores);
                kernels->add_residual(r.dots.data(), r.offset.data(), r.scale.data(), n_rows, n_lanes, scores);
                r.compare(*kernels, "add_residual", scores, false);
            }
        }
    }
}

TEST_GROUP(max_rows_takes_the_maximum_and_passes_over_NaN) {
    Numbers numbers(13);
    Guarded score_memory(1 << 18), best_memory(1 << 12);
    for (std::size_t n_cols = 8; n_cols <= 80; n_cols += 8) {
        for (std::size_t n_rows = 0; n_rows <= 40; ++n_rows) {
            const std::size_t ld = n_cols + n_rows % 3;
            const std::size_t n = n_rows == 0 ? 0 : (n_rows - 1) * ld + n_cols;
            float* scores = score_memory.take<float>(n);
            fill(numbers, scores, n);
            for (std::size_t i = 0; i < n; i += 1 + numbers.below(9)) {
                scores[i] = i % 4 == 0 ? kNaN : i % 4 == 1 ? -kInfinity : i % 4 == 2 ? kInfinity : -1.0F;
            }
            std::vector<float> start(n_cols, -kInfinity);
            start[n_rows % n_cols] = 0.5F;
            std::vector<float> expected = start;
            for (std::size_t i = 0; i < n_rows; ++i) {
                for (std::size_t c = 0; c < n_cols; ++c) {
                    const float value = scores[i * ld + c];
                    if (value > expected[c]) expected[c] = value;
                }
            }
            for (const Kernels* kernels : levels()) {
                float* best = best_memory.take<float>(n_cols);
                std::copy(start.begin(), start.end(), best);
                kernels->max_rows_f32(scores, n_rows, n_cols, ld, best);
                CHECK(same_bits(best, expected.data(), n_cols), "%s %zu rows, %zu columns", kernels->name, n_rows,
                      n_cols);
            }
        }
    }
}

TEST_GROUP(argmax_gives_the_first_of_equals_and_only_what_beats_the_value_before) {
    Numbers numbers(14);
    Guarded score_memory(1 << 18), bias_memory(1 << 12), value_memory(1 << 10), index_memory(1 << 10);
    for (std::size_t n_cols = 16; n_cols <= 272; n_cols += 16) {
        for (std::size_t n_rows = 0; n_rows <= 40; n_rows += 1 + n_rows / 6) {
            const std::size_t ld = n_cols + n_rows % 2;
            const std::size_t n = n_rows == 0 ? 0 : (n_rows - 1) * ld + n_cols;
            float* scores = score_memory.take<float>(n);
            float* bias = bias_memory.take<float>(n_cols);
            for (std::size_t i = 0; i < n; ++i)
                scores[i] = static_cast<float>(numbers.within(40)) * 0.25F;  // many ties
            for (std::size_t i = 0; i < n; i += 1 + numbers.below(60)) scores[i] = i % 2 == 0 ? kNaN : -kInfinity;
            for (std::size_t c = 0; c < n_cols; ++c)
                bias[c] = c % 5 == 4 ? -kInfinity : 0.5F * static_cast<float>(c % 3);
            std::vector<float> start(n_rows);
            for (std::size_t i = 0; i < n_rows; ++i)
                start[i] = i % 4 == 0 ? -kInfinity : i % 4 == 1 ? 99.0F : i % 4 == 2 ? 10.5F : -3.0F;
            std::vector<float> value = start;
            std::vector<std::uint32_t> index(n_rows, 7);
            for (std::size_t i = 0; i < n_rows; ++i) {
                for (std::size_t c = 0; c < n_cols; ++c) {
                    const float candidate = scores[i * ld + c] + bias[c];
                    if (!(candidate > value[i])) continue;
                    value[i] = candidate;
                    index[i] = 1000 + static_cast<std::uint32_t>(c);
                }
            }
            for (const Kernels* kernels : levels()) {
                float* found_value = value_memory.take<float>(n_rows);
                std::uint32_t* found_index = index_memory.take<std::uint32_t>(n_rows);
                std::copy(start.begin(), start.end(), found_value);
                std::fill(found_index, found_index + n_rows, 7U);
                kernels->argmax_bias_f32(scores, n_rows, n_cols, ld, bias, 1000, found_value, found_index);
                CHECK(std::equal(value.begin(), value.end(), found_value) &&
                          std::equal(index.begin(), index.end(), found_index),
                      "%s %zu rows, %zu columns", kernels->name, n_rows, n_cols);
            }
        }
    }
}

TEST_GROUP(the_nearest_word_is_the_first_of_the_best_at_every_width) {
    Numbers numbers(16);
    Guarded row_memory(1 << 14), word_memory(1 << 14), bias_memory(1 << 12), code_memory(1 << 12);
    for (const std::size_t width : {2, 4, 8}) {
        for (std::size_t n_rows = 0; n_rows <= 30; n_rows += 1 + n_rows / 4) {
            const std::size_t ld = width + n_rows % 3;
            const std::size_t n = n_rows == 0 ? 0 : (n_rows - 1) * ld + width;
            float* rows = row_memory.take<float>(n);
            float* words = word_memory.take<float>(width * 256);
            float* bias = bias_memory.take<float>(256);
            // Small whole numbers: every sum is exact, so ties are ties at every level.
            for (std::size_t i = 0; i < n; ++i) rows[i] = static_cast<float>(numbers.within(3));
            for (std::size_t i = 0; i < width * 256; ++i) words[i] = static_cast<float>(numbers.within(3));
            for (std::size_t w = 0; w < 256; ++w) bias[w] = 0.5F * static_cast<float>(numbers.within(4));
            if (n > 2 * ld) rows[ld] = kNaN;
            const std::size_t ldo = 1 + n_rows % 4;
            for (const Kernels* kernels : levels()) {
                std::uint8_t* codes = code_memory.take<std::uint8_t>(n_rows == 0 ? 0 : (n_rows - 1) * ldo + 1);
                kernels->nearest_word(rows, ld, n_rows, words, bias, width, codes, ldo);
                for (std::size_t i = 0; i < n_rows; ++i) {
                    std::size_t expected = 0;
                    float best = -kInfinity;
                    for (std::size_t w = 0; w < 256; ++w) {
                        float sum = bias[w];
                        for (std::size_t d = 0; d < width; ++d) sum += rows[i * ld + d] * words[d * 256 + w];
                        if (sum > best) expected = w;
                        if (sum > best) best = sum;
                    }
                    const bool nothing = best == -kInfinity;  // a row with NaN: any word will do
                    CHECK(nothing || codes[i * ldo] == expected, "%s width %zu, row %zu of %zu: %u, expected %zu",
                          kernels->name, width, i, n_rows, unsigned{codes[i * ldo]}, expected);
                }
            }
        }
    }
}

TEST_GROUP(all_65536_halves_become_the_floats_they_stand_for) {
    std::vector<std::uint16_t> halves(65536);
    std::vector<float> wide(65536);
    for (unsigned h = 0; h < 65536; ++h) halves[h] = static_cast<std::uint16_t>(h);
    for (const Kernels* kernels : levels()) {
        kernels->half_to_float(halves.data(), halves.size(), wide.data());
        for (unsigned h = 0; h < 65536; ++h) {
            const float expected = half_meaning(h);
            const bool good = std::isnan(expected)
                                  ? std::isnan(wide[h]) && std::signbit(wide[h]) == std::signbit(expected)
                                  : same_bits(&wide[h], &expected, 1);
            CHECK(good, "%s half 0x%04x gave %g, expected %g", kernels->name, h, double{wide[h]}, double{expected});
        }
    }
}

TEST_GROUP(halves_of_every_length_become_floats_and_nothing_past_them_is_touched) {
    Numbers numbers(15);
    Guarded in_memory(1 << 12), out_memory(1 << 12);
    for (std::size_t n = 0; n <= 100; ++n) {
        std::uint16_t* halves = in_memory.take<std::uint16_t>(n);
        for (std::size_t i = 0; i < n; ++i) halves[i] = static_cast<std::uint16_t>(numbers.bits() & 0x7BFFU);
        for (const Kernels* kernels : levels()) {
            float* wide = out_memory.take<float>(n);
            kernels->half_to_float(halves, n, wide);
            bool good = true;
            for (std::size_t i = 0; i < n; ++i) good &= wide[i] == half_meaning(halves[i]);
            CHECK(good, "%s %zu halves", kernels->name, n);
        }
    }
}

}  // namespace lode::test
