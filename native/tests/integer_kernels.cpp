// Integer kernels of every level against sums written out here: the same to the bit.
#include <algorithm>
#include <cstring>
#include <string>

#include "check.h"

namespace lode::test {
namespace {

constexpr unsigned kWidths[] = {1, 2, 4, 6, 7};
constexpr std::int32_t kUntouched = 0x5AA55AA5;

// What the inputs of one case look like. The extremes are where a 16-bit sum would overflow.
enum class Content { kRandom, kAllHigh, kAllLow, kAlternating, kZeroCodes, kCount };

struct DotCase {
    std::size_t dim;
    unsigned bits;
    std::size_t n_rows;
    std::size_t n_queries;
    std::size_t ldo;
    Content content;

    std::string name(const Kernels& kernels) const {
        char text[160];
        std::snprintf(text, sizeof text, "%s dot_u%u dim %zu, %zu rows, %zu queries, ldo %zu, content %d", kernels.name,
                      bits, dim, n_rows, n_queries, ldo, static_cast<int>(content));
        return text;
    }
};

class Dots {
public:
    // Compares every level with the sums over the dimensions as they were before packing.
    void run(const DotCase& one) {
        prepare(one);
        const std::size_t stride = row_bytes(one.dim, one.bits);
        const std::size_t n_out = one.n_rows == 0 ? 0 : (one.n_rows - 1) * one.ldo + one.n_queries;
        for (const Kernels* kernels : levels()) {
            std::int32_t* out = out_memory_.take<std::int32_t>(n_out);
            std::fill(out, out + n_out, kUntouched);
            dot_rows(*kernels, one.bits)(rows_, stride, one.n_rows, n_blocks(one.dim, one.bits), arranged_,
                                         one.n_queries, out, one.ldo);
            CHECK(
                std::equal(out, out + n_out, expected_.begin(), expected_.begin() + static_cast<std::ptrdiff_t>(n_out)),
                "%s", one.name(*kernels).c_str());
        }
    }

private:
    void prepare(const DotCase& one) {
        const std::size_t stride = row_bytes(one.dim, one.bits);
        const std::size_t padded_dim = stride * 8 / stored_bits(one.bits);
        const int top = (1 << one.bits) - 1;
        const int limit = one.bits == 6 ? 63 : 127;
        codes_.resize(one.n_rows * padded_dim);
        queries_.resize(one.n_queries * one.dim);
        for (std::uint8_t& code : codes_) {
            code = static_cast<std::uint8_t>(one.content == Content::kRandom
                                                 ? numbers_.below(static_cast<std::size_t>(top) + 1)
                                             : one.content == Content::kZeroCodes ? 0
                                                                                  : top);
        }
        for (std::size_t i = 0; i < queries_.size(); ++i) {
            queries_[i] =
                static_cast<std::int8_t>(one.content == Content::kAllHigh       ? limit
                                         : one.content == Content::kAllLow      ? -limit
                                         : one.content == Content::kAlternating ? (i % 2 == 0 ? limit : -limit)
                                                                                : numbers_.within(limit));
        }
        // Codes past `dim` hold garbage: the arranged query is 0 there.
        rows_ = row_memory_.take<std::uint8_t>(one.n_rows * stride, kReadSlack, 0xFF);
        for (std::size_t i = 0; i < one.n_rows; ++i) {
            pack_row(codes_.data() + i * padded_dim, padded_dim, one.bits, rows_ + i * stride);
        }
        const std::size_t bytes = arranged_bytes(one.dim, one.bits);
        arranged_ = query_memory_.take<std::int8_t>(one.n_queries * bytes);
        for (std::size_t q = 0; q < one.n_queries; ++q) {
            arrange_query(queries_.data() + q * one.dim, one.dim, one.bits, arranged_ + q * bytes);
        }
        expected_.assign(one.n_rows * one.ldo, kUntouched);
        for (std::size_t i = 0; i < one.n_rows; ++i) {
            for (std::size_t q = 0; q < one.n_queries; ++q) {
                const std::uint8_t* code = codes_.data() + i * padded_dim;
                const std::int8_t* query = queries_.data() + q * one.dim;
                std::int32_t sum = 0;
                for (std::size_t d = 0; d < one.dim; ++d) sum += code[d] * query[d];
                expected_[i * one.ldo + q] = sum;
            }
        }
    }

    Numbers numbers_{1};
    Guarded row_memory_{2 << 20}, query_memory_{2 << 20}, out_memory_{1 << 20};
    std::vector<std::uint8_t> codes_;
    std::vector<std::int8_t> queries_;
    std::vector<std::int32_t> expected_;
    std::uint8_t* rows_ = nullptr;
    std::int8_t* arranged_ = nullptr;
};

}  // namespace

TEST_GROUP(dots_of_every_dimension_up_to_300_equal_the_sums_of_the_unpacked_codes) {
    Dots dots;
    std::size_t n = 0;  // walks through all numbers of rows and queries, so that every pair of remainders comes up
    for (std::size_t dim = 1; dim <= 300; ++dim) {
        for (const unsigned bits : kWidths) {
            for (int repeat = 0; repeat < 2; ++repeat, ++n) {
                const std::size_t n_queries = 4 + 4 * (n % 16);
                dots.run({dim, bits, n * 7 % 41, n_queries, n_queries + (n % 3 == 0 ? 0 : 4 * (n % 4)),
                          static_cast<Content>(n % 7 < 4 ? n % 7 + 1 : 0)});
            }
        }
    }
}

TEST_GROUP(dots_of_every_number_of_rows_and_queries_equal_the_sums_of_the_unpacked_codes) {
    Dots dots;
    for (const unsigned bits : kWidths) {
        for (std::size_t n_queries = 4; n_queries <= 64; n_queries += 4) {
            for (std::size_t n_rows = 0; n_rows <= 40; ++n_rows) {
                dots.run({20, bits, n_rows, n_queries, n_queries, Content::kRandom});
            }
        }
    }
}

TEST_GROUP(dots_of_large_dimensions_equal_the_sums_of_the_unpacked_codes) {
    Dots dots;
    for (const std::size_t dim : {384, 768, 1000, 1024, 4096}) {
        for (const unsigned bits : kWidths) {
            for (int content = 0; content < static_cast<int>(Content::kCount); ++content) {
                dots.run({dim, bits, 13, 20, 24, static_cast<Content>(content)});
            }
            dots.run({dim, bits, 37, 64, 64, Content::kRandom});
        }
    }
    for (const unsigned bits : kWidths) dots.run({128, bits, 500, 32, 32, Content::kRandom});
}

TEST_GROUP(narrowed_dots_saturate_and_round_towards_minus_infinity) {
    Numbers numbers(2);
    Guarded dots_memory(1 << 20), offset_memory(1 << 12), out_memory(1 << 20);
    for (std::size_t n_lanes = 8; n_lanes <= 64; n_lanes += 8) {
        for (std::size_t n_rows = 0; n_rows <= 40; ++n_rows) {
            const int shift = static_cast<int>(numbers.below(13));
            std::int32_t* dots = dots_memory.take<std::int32_t>(n_rows * n_lanes);
            std::int32_t* offset = offset_memory.take<std::int32_t>(n_lanes);
            for (std::size_t q = 0; q < n_lanes; ++q) offset[q] = numbers.within(1 << 20);
            std::vector<std::int16_t> expected(n_rows * n_lanes);
            for (std::size_t i = 0; i < n_rows * n_lanes; ++i) {
                dots[i] = numbers.within(i % 3 == 0 ? 1 << 30 : 1 << 16);
                const std::int64_t wide = dots[i] - std::int64_t{offset[i % n_lanes]};
                const std::int64_t unit = std::int64_t{1} << shift;
                const std::int64_t floor = wide >= 0 ? wide / unit : -((-wide + unit - 1) / unit);
                expected[i] = static_cast<std::int16_t>(std::clamp<std::int64_t>(floor, -32768, 32767));
            }
            for (const Kernels* kernels : levels()) {
                std::int16_t* out = out_memory.take<std::int16_t>(n_rows * n_lanes);
                kernels->narrow_i16(dots, n_rows, n_lanes, offset, shift, out);
                CHECK(std::equal(expected.begin(), expected.end(), out), "%s %zu rows, %zu lanes, shift %d",
                      kernels->name, n_rows, n_lanes, shift);
            }
        }
    }
}

TEST_GROUP(rows_above_names_exactly_the_rows_with_a_lane_above_its_threshold) {
    Numbers numbers(3);
    Guarded row_memory(1 << 20), threshold_memory(1 << 12), found_memory(1 << 16);
    for (std::size_t n_lanes = 8; n_lanes <= 64; n_lanes += 8) {
        for (std::size_t n_rows = 0; n_rows <= 40; ++n_rows) {
            std::int16_t* rows = row_memory.take<std::int16_t>(n_rows * n_lanes);
            std::int16_t* threshold = threshold_memory.take<std::int16_t>(n_lanes);
            for (std::size_t q = 0; q < n_lanes; ++q) {
                threshold[q] = static_cast<std::int16_t>(n_rows % 5 == 0 ? 32767 : n_rows % 5 == 1 ? -32768 : 20000);
            }
            std::vector<std::uint32_t> expected;
            for (std::size_t i = 0; i < n_rows; ++i) {
                bool above = false;
                for (std::size_t q = 0; q < n_lanes; ++q) {
                    const int value =
                        numbers.below(n_lanes) == 0 ? 20001 - static_cast<int>(q % 2) : numbers.within(20000);
                    rows[i * n_lanes + q] = static_cast<std::int16_t>(i % 11 == 10 ? -32768 : value);
                    above |= rows[i * n_lanes + q] > threshold[q];
                }
                if (above) expected.push_back(static_cast<std::uint32_t>(i));
            }
            for (const Kernels* kernels : levels()) {
                std::uint32_t* found = found_memory.take<std::uint32_t>(n_rows);
                const std::size_t count = kernels->rows_above_i16(rows, n_rows, n_lanes, threshold, found);
                CHECK(std::equal(expected.begin(), expected.end(), found, found + count), "%s %zu rows, %zu lanes",
                      kernels->name, n_rows, n_lanes);
            }
        }
    }
}

TEST_GROUP(max_table_takes_the_maximum_of_the_named_rows) {
    Numbers numbers(4);
    constexpr std::size_t kTableRows = 50;
    Guarded table_memory(1 << 16), id_memory(1 << 12), best_memory(1 << 12);
    for (std::size_t n_lanes = 8; n_lanes <= 64; n_lanes += 8) {
        for (std::size_t n_rows = 0; n_rows <= 40; ++n_rows) {
            std::int16_t* table = table_memory.take<std::int16_t>(kTableRows * n_lanes);
            for (std::size_t i = 0; i < kTableRows * n_lanes; ++i) table[i] = static_cast<std::int16_t>(numbers.bits());
            std::uint32_t* ids = id_memory.take<std::uint32_t>(n_rows);
            for (std::size_t i = 0; i < n_rows; ++i) ids[i] = static_cast<std::uint32_t>(numbers.below(kTableRows));
            std::vector<std::int16_t> start(n_lanes);
            for (std::int16_t& value : start)
                value = static_cast<std::int16_t>(numbers.below(3) == 0 ? -32768 : numbers.within(32767));
            std::vector<std::int16_t> expected = start;
            for (std::size_t i = 0; i < n_rows; ++i) {
                for (std::size_t q = 0; q < n_lanes; ++q)
                    expected[q] = std::max(expected[q], table[ids[i] * n_lanes + q]);
            }
            for (const Kernels* kernels : levels()) {
                std::int16_t* best = best_memory.take<std::int16_t>(n_lanes);
                std::copy(start.begin(), start.end(), best);
                kernels->max_table_i16(table, ids, n_rows, n_lanes, best);
                CHECK(std::equal(expected.begin(), expected.end(), best), "%s %zu rows, %zu lanes", kernels->name,
                      n_rows, n_lanes);
            }
        }
    }
}

}  // namespace lode::test
