// What an index is built of: rotation, half floats, residual codes, posting lists, threads.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "index/parallel.h"
#include "small_index.h"

namespace lode::test {
namespace {

double dot(const std::vector<float>& a, const std::vector<float>& b) {
    double sum = 0;
    for (std::size_t d = 0; d < a.size(); ++d) sum += double{a[d]} * double{b[d]};
    return sum;
}

std::vector<std::uint32_t> decode(const Postings& lists, std::size_t list, std::uint32_t n_docs) {
    std::vector<std::uint32_t> documents(lists.counts[list]);
    documents.resize(decode_postings(lists.bytes.data() + lists.offsets[list],
                                     lists.bytes.data() + lists.offsets[list + 1], documents.size(), n_docs,
                                     documents.data()));
    return documents;
}

}  // namespace

TEST_GROUP(rotation_keeps_lengths_and_dot_products_and_depends_on_its_seed) {
    Numbers numbers(41);
    for (std::size_t dim = 1; dim <= 300; ++dim) {
        const Rotation rotation(dim, dim), again(dim, dim), other(dim, dim + 1);
        std::vector<float> a(dim), b(dim);
        for (std::size_t d = 0; d < dim; ++d) {
            a[d] = numbers.unit();
            b[d] = d == dim / 2 ? 1.0F : 0.0F;  // one axis: the sparsest vector there is
        }
        std::vector<float> x = a, y = b, x_again = a, x_other = a;
        rotation.apply(x.data());
        rotation.apply(y.data());
        again.apply(x_again.data());
        other.apply(x_other.data());
        const double tolerance = 1e-5 * std::sqrt(dot(a, a));
        CHECK(std::fabs(std::sqrt(dot(x, x)) - std::sqrt(dot(a, a))) <= tolerance && std::fabs(dot(y, y) - 1) <= 1e-5 &&
                  std::fabs(dot(x, y) - dot(a, b)) <= tolerance,
              "dim %zu: |x| %g for %g, |y| %g for 1, <x, y> %g for %g", dim, dot(x, x), dot(a, a), dot(y, y), dot(x, y),
              dot(a, b));
        CHECK(x == x_again && (dim < 8 || x != x_other), "dim %zu: the same seed rotates alike, another one not", dim);
        std::vector<float> back = x;
        again.undo(back.data());
        for (std::size_t d = 0; d < dim; ++d) {
            CHECK(std::fabs(double{back[d]} - double{a[d]}) <= tolerance, "dim %zu: undone, %g for %g", dim,
                  double{back[d]}, double{a[d]});
        }
        float largest = 0;
        for (const float value : y) largest = std::max(largest, std::fabs(value));
        CHECK(dim < 32 || largest < 0.9F, "dim %zu: an axis keeps %g of its length in one dimension", dim,
              double{largest});
    }
}

TEST_GROUP(every_half_survives_being_widened_and_narrowed) {
    for (unsigned half = 0; half < 65536; ++half) {
        if ((half & 0x7C00U) == 0x7C00U) continue;  // infinities and NaN are never written
        const std::uint16_t back = half_of(half_value(static_cast<std::uint16_t>(half)));
        CHECK(back == half, "half 0x%04x came back as 0x%04x", half, back);
    }
}

TEST_GROUP(a_float_becomes_the_nearest_half_and_the_even_one_of_two) {
    Numbers numbers(42);
    const auto value = [](unsigned half) { return double{half_value(static_cast<std::uint16_t>(half))}; };
    for (std::size_t round = 0; round < 5000; ++round) {
        const unsigned low = static_cast<unsigned>(numbers.below(0x7BFF));
        const double a = value(low), b = value(low + 1);
        const double middle = (a + b) / 2;
        const float inside = static_cast<float>(a + (b - a) * std::fabs(double{numbers.unit()}));
        const unsigned nearest = double{inside} < middle || (double{inside} == middle && low % 2 == 0) ? low : low + 1;
        CHECK(half_of(inside) == nearest, "%.9g became 0x%04x, expected 0x%04x", double{inside}, half_of(inside),
              nearest);
        CHECK(half_of(static_cast<float>(middle)) == (low % 2 == 0 ? low : low + 1), "the tie above 0x%04x", low);
        CHECK(half_of(-inside) == (nearest | 0x8000U), "%.9g negated", double{inside});
    }
    for (const float large : {65504.0F, 65519.0F, 65520.0F, 1e30F, std::numeric_limits<float>::infinity()}) {
        CHECK(half_of(large) == 0x7BFF && half_of(-large) == 0xFBFF, "%g gives the largest finite half", double{large});
    }
    CHECK(half_of(0.0F) == 0 && half_of(1e-9F) == 0 && half_of(0x1p-24F) == 1, "the smallest halves");
}

TEST_GROUP(residual_codes_leave_the_error_they_report_and_more_bits_leave_less) {
    for (const std::size_t dim : {1, 5, 32, 100}) {
        double before = 1e300;
        for (const auto& [bits, refine_bits] : {std::pair{1U, 0U}, {2U, 0U}, {4U, 0U}, {4U, 4U}}) {
            const SmallIndex index({dim, 40, 20, bits, refine_bits, 2, 8, 3});
            std::vector<std::uint8_t> codes(dim);
            double error = 0;
            for (std::size_t t = 0; t < index.assignment.size(); ++t) {
                std::vector<float> left(index.tokens.begin() + static_cast<std::ptrdiff_t>(t * dim),
                                        index.tokens.begin() + static_cast<std::ptrdiff_t>((t + 1) * dim));
                index.rotation.apply(left.data());
                unpack_row(index.centroid_rows.data() + index.assignment[t] * row_bytes(dim, kCentroidBits), dim,
                           kCentroidBits, codes.data());
                const std::vector<double> residual = index.turned_back(index.residual(t));
                for (std::size_t d = 0; d < dim; ++d) {
                    left[d] -= index.book.centroid_scale * static_cast<float>(codes[d] - kCentroidZero);
                    left[d] -= static_cast<float>(residual[d]);
                }
                error += dot(left, left);
            }
            CHECK(std::fabs(error - index.error) <= 1e-4 * error + 1e-9, "dim %zu, bits %u + %u: reported %g, left %g",
                  dim, bits, refine_bits, index.error, error);
            CHECK(dim < 32 || error < 0.5 * before, "dim %zu, bits %u + %u: %g after %g", dim, bits, refine_bits, error,
                  before);
            before = error;
        }
    }
}

TEST_GROUP(the_basis_of_product_codes_is_a_rotation_that_evens_out_the_groups) {
    Numbers numbers(47);
    for (const auto& [dim, bits] : {std::pair<std::size_t, unsigned>{1, 2}, {7, 4}, {10, 1}, {32, 2}}) {
        const std::size_t n = 20 * dim + 5;
        std::vector<float> rows(n * dim);
        for (std::size_t i = 0; i < rows.size(); ++i) {  // later dimensions vary less and less
            rows[i] = numbers.unit() * std::exp(-3.0F * static_cast<float>(i % dim) / static_cast<float>(dim));
        }
        std::vector<float> copy = rows, once_more = rows;
        const ProductBook book = train_product(*best_level(), copy.data(), n, dim, bits, 5, 1);
        const ProductBook again = train_product(*best_level(), once_more.data(), n, dim, bits, 5, 3);
        CHECK(book.basis == again.basis && book.words == again.words && book.step == again.step,
              "dim %zu, bits %u: not the same on three threads", dim, bits);
        double worst = 0;
        for (std::size_t a = 0; a < dim; ++a) {
            for (std::size_t b = 0; b < dim; ++b) {
                double sum = a == b ? -1 : 0;
                for (std::size_t k = 0; k < dim; ++k) {
                    sum += double{book.basis[a * dim + k]} * double{book.basis[b * dim + k]};
                }
                worst = std::max(worst, std::fabs(sum));
            }
        }
        CHECK(worst < 1e-5, "dim %zu, bits %u: rows are orthonormal up to %g", dim, bits, worst);
        const std::size_t width = group_width(bits);
        double low = 1e300, high = -1e300;
        for (std::size_t g = 0; g + 1 <= dim / width; ++g) {
            double product = 0;
            for (std::size_t d = g * width; d < (g + 1) * width; ++d) {
                double variance = 0;
                for (std::size_t i = 0; i < n; ++i) {
                    double value = 0;
                    for (std::size_t k = 0; k < dim; ++k) {
                        value += double{rows[i * dim + k]} * double{book.basis[d * dim + k]};
                    }
                    variance += value * value / static_cast<double>(n);
                }
                product += std::log(variance);
            }
            low = std::min(low, product);
            high = std::max(high, product);
        }
        CHECK(dim < 32 || high - low < 1, "dim %zu, bits %u: log products of variances from %g to %g", dim, bits, low,
              high);
    }
}

TEST_GROUP(every_word_is_the_nearest_to_itself_and_comes_back) {
    Numbers numbers(48);
    for (const std::size_t dim : {1, 9, 64}) {
        for (const unsigned bits : {1U, 2U, 4U}) {
            const std::size_t width = group_width(bits), groups = code_groups(dim, bits), stride = (dim + 15) / 16 * 16;
            std::vector<std::uint8_t> words(words_size(dim, bits));
            for (std::uint8_t& value : words) {
                value = static_cast<std::uint8_t>(numbers.below(std::size_t{1} << word_bits(bits)));
            }
            const ProductDecoder decoder(dim, bits, words.data());
            for (const Kernels* kernels : levels()) {
                ProductEncoder encoder(*kernels, dim, bits, words.data());
                std::vector<float> rows(40 * stride, 0.0F);
                std::vector<std::uint8_t> expected(40 * decoder.row_size()), found(expected.size());
                for (std::size_t i = 0; i < 40; ++i) {
                    for (std::size_t g = 0; g < groups; ++g) {
                        const std::uint8_t* word = words.data() + (g * kWords + numbers.below(kWords)) * width;
                        for (std::size_t d = 0; d < width; ++d) {
                            expected[i * decoder.row_size() + g * width + d] = word[d];
                            rows[i * stride + g * width + d] = static_cast<float>(word[d] - word_zero(bits));
                        }
                    }
                }
                std::vector<std::uint8_t> codes(40 * row_bytes(dim, bits));
                encoder.encode(rows.data(), stride, 40, codes.data());
                decoder.expand(codes.data(), row_bytes(dim, bits), 40, found.data(), decoder.row_size());
                CHECK(found == expected, "%s, dim %zu, bits %u", kernels->name, dim, bits);
            }
        }
    }
}

TEST_GROUP(posting_lists_come_back_sorted_and_distinct) {
    Numbers numbers(43);
    for (std::size_t round = 0; round < 30; ++round) {
        const std::size_t n_docs = 1 + numbers.below(3000), n_lists = 1 + numbers.below(20);
        std::vector<std::int64_t> offsets{0};
        std::vector<std::uint32_t> assignment;
        std::vector<std::vector<std::uint32_t>> expected(n_lists);
        for (std::uint32_t doc = 0; doc < n_docs; ++doc) {
            for (std::size_t t = numbers.below(round % 2 == 0 ? 3 : 12); t > 0; --t) {
                assignment.push_back(static_cast<std::uint32_t>(numbers.below(numbers.below(n_lists) + 1)));
                auto& list = expected[assignment.back()];
                if (list.empty() || list.back() != doc) list.push_back(doc);
            }
            offsets.push_back(static_cast<std::int64_t>(assignment.size()));
        }
        const Postings lists = build_postings(assignment.data(), offsets.data(), n_docs, n_lists);
        CHECK(lists.offsets.size() == n_lists + 1 && lists.offsets.back() + kPostingSlack == lists.bytes.size(),
              "round %zu: sizes", round);
        for (std::size_t list = 0; list < n_lists; ++list) {
            CHECK(decode(lists, list, static_cast<std::uint32_t>(n_docs)) == expected[list], "round %zu, list %zu",
                  round, list);
            std::vector<std::uint32_t> few = decode(lists, list, static_cast<std::uint32_t>(n_docs / 2));
            CHECK(std::all_of(few.begin(), few.end(), [&](std::uint32_t doc) { return doc < n_docs / 2; }),
                  "round %zu, list %zu: documents past n_docs", round, list);
        }
    }
}

TEST_GROUP(a_posting_list_has_the_bytes_computed_by_hand) {
    // Documents 0, 2, 5 in one list: gaps 0, 1, 2 need two bits each: width 2, then 0b10'01'00.
    const std::uint32_t assignment[3] = {0, 0, 0};
    const std::int64_t offsets[7] = {0, 1, 1, 2, 2, 2, 3};
    const Postings lists = build_postings(assignment, offsets, 6, 1);
    CHECK(lists.bytes.size() == 2 + kPostingSlack && lists.bytes[0] == 2 && lists.bytes[1] == 0b10'01'00, "%zu bytes",
          lists.bytes.size());
}

TEST_GROUP(parallel_for_does_every_task_once_and_rethrows_what_a_task_throws) {
    for (const std::size_t n_threads : {0, 1, 2, 7, 40}) {
        for (const std::size_t n_tasks : {0, 1, 5, 300}) {
            std::vector<std::atomic<int>> done(n_tasks);
            std::atomic<std::size_t> largest{0};
            parallel_for(n_tasks, n_threads, [&](std::size_t task, std::size_t worker) {
                ++done[task];
                for (std::size_t seen = largest; worker > seen && !largest.compare_exchange_weak(seen, worker);) {
                }
            });
            CHECK(std::all_of(done.begin(), done.end(), [](const std::atomic<int>& n) { return n == 1; }) &&
                      largest < std::max<std::size_t>(1, n_threads),
                  "%zu tasks on %zu threads", n_tasks, n_threads);
            std::string caught;
            try {
                parallel_for(n_tasks, n_threads, [](std::size_t task, std::size_t) {
                    if (task == 3) throw std::runtime_error("task 3");
                });
            } catch (const std::runtime_error& error) {
                caught = error.what();
            }
            CHECK(caught == (n_tasks > 3 ? "task 3" : ""), "%zu tasks on %zu threads: caught '%s'", n_tasks, n_threads,
                  caught.c_str());
        }
    }
}

}  // namespace lode::test
