// Kernels over arranged tables, at every level, against sums written out here: the same to the bit.
#include <algorithm>
#include <vector>

#include "check.h"
#include "index/product.h"
#include "index/query.h"
#include "index/word_table.h"

namespace lode::test {
namespace {

constexpr unsigned kBits[] = {1, 2, 4};

// Largest values with one sign are where 16 bits would overflow; the rest is random.
int query_value(Numbers& numbers, std::size_t content, int limit) {
    return content == 0 ? limit : content == 1 ? -limit : numbers.within(limit);
}

int code_value(Numbers& numbers, std::size_t content, int top) {
    return content == 0 ? top : content == 1 ? 0 : static_cast<int>(numbers.below(static_cast<std::size_t>(top) + 1));
}

}  // namespace

TEST_GROUP(word_products_are_the_products_of_every_word_with_every_token) {
    Numbers numbers(11);
    Guarded word_memory(1 << 13), pair_memory(1 << 12), offset_memory(1 << 12), out_memory(1 << 17);
    for (const unsigned bits : kBits) {
        const std::size_t width = group_width(bits);
        const int limit = word_query_levels(bits);
        for (std::size_t n_lanes = 8; n_lanes <= 64; n_lanes += 8) {
            for (std::size_t content = 0; content < 9; ++content) {  // every pair of extremes, then random
                std::uint8_t* words = word_memory.take<std::uint8_t>(kWords * width);
                std::int8_t* pairs = pair_memory.take<std::int8_t>(n_lanes * width);
                std::int16_t* offset = offset_memory.take<std::int16_t>(n_lanes);
                for (std::size_t i = 0; i < kWords * width; ++i)
                    words[i] = static_cast<std::uint8_t>(code_value(numbers, content / 3, 2 * word_zero(bits) - 1));
                std::vector<int> query(n_lanes * width);  // [lane][width]
                for (std::size_t q = 0; q < n_lanes; ++q) {
                    int sum = 0;
                    for (std::size_t d = 0; d < width; ++d) {
                        query[q * width + d] = query_value(numbers, content % 3, limit);
                        pairs[(d / 2 * n_lanes + q) * 2 + d % 2] = static_cast<std::int8_t>(query[q * width + d]);
                        sum += query[q * width + d];
                    }
                    offset[q] = static_cast<std::int16_t>(word_zero(bits) * sum);
                }
                int largest = 0;
                std::vector<std::int16_t> expected(kWords * n_lanes);
                for (std::size_t w = 0; w < kWords; ++w) {
                    for (std::size_t q = 0; q < n_lanes; ++q) {
                        int sum = 0;
                        for (std::size_t d = 0; d < width; ++d)
                            sum += (words[w * width + d] - word_zero(bits)) * query[q * width + d];
                        expected[w * n_lanes + q] = static_cast<std::int16_t>(sum);
                        largest = std::max(largest, std::abs(sum));
                    }
                }
                CHECK(largest < 1 << 14, "%u bits: two of %d do not add up in 16 bits", bits, largest);
                for (const Kernels* kernels : levels()) {
                    std::int16_t* out = out_memory.take<std::int16_t>(kWords * n_lanes);
                    kernels->word_products(words, width, pairs, offset, n_lanes, out);
                    CHECK(std::equal(expected.begin(), expected.end(), out), "%s %u bits, %zu lanes, content %zu",
                          kernels->name, bits, n_lanes, content);
                }
            }
        }
    }
}

TEST_GROUP(sums_of_words_are_the_sums_of_the_named_entries) {
    Numbers numbers(12);
    Guarded table_memory(1 << 21), code_memory(1 << 12), start_memory(1 << 12), out_memory(1 << 14);
    for (std::size_t n_lanes = 8; n_lanes <= 64; n_lanes += 8) {
        for (std::size_t n_groups = 1; n_groups <= 37; n_groups += n_groups < 10 ? 1 : 9) {
            for (std::size_t content = 0; content < 3; ++content) {
                const std::size_t n_rows = (n_groups + content) % 6;
                const std::size_t stride = (n_groups + 7) / 8 * 8;
                std::int16_t* table = table_memory.take<std::int16_t>(n_groups * kWords * n_lanes);
                for (std::size_t i = 0; i < n_groups * kWords * n_lanes; ++i)
                    table[i] = static_cast<std::int16_t>(query_value(numbers, content, (1 << 14) - 1));
                // The last row ends with its codes: what pads the others is never read.
                std::uint8_t* codes =
                    code_memory.take<std::uint8_t>(n_rows == 0 ? 0 : (n_rows - 1) * stride + n_groups);
                for (std::size_t i = 0; i < (n_rows == 0 ? 0 : (n_rows - 1) * stride + n_groups); ++i)
                    codes[i] = static_cast<std::uint8_t>(numbers.below(kWords));
                std::int32_t* start = start_memory.take<std::int32_t>(n_lanes);
                for (std::size_t q = 0; q < n_lanes; ++q) start[q] = numbers.within(1 << 20);
                std::vector<std::int32_t> expected(n_rows * n_lanes);
                for (std::size_t i = 0; i < n_rows * n_lanes; ++i) {
                    expected[i] = start[i % n_lanes];
                    for (std::size_t g = 0; g < n_groups; ++g)
                        expected[i] += table[(g * kWords + codes[i / n_lanes * stride + g]) * n_lanes + i % n_lanes];
                }
                for (const Kernels* kernels : levels()) {
                    std::int32_t* out = out_memory.take<std::int32_t>(n_rows * n_lanes);
                    kernels->sum_words(table, codes, stride, n_rows, n_groups, n_lanes, start, out);
                    CHECK(std::equal(expected.begin(), expected.end(), out), "%s %zu lanes, %zu groups, %zu rows",
                          kernels->name, n_lanes, n_groups, n_rows);
                }
            }
        }
    }
}

TEST_GROUP(scores_of_centroids_are_the_low_16_bits_of_their_dots) {
    Numbers numbers(13);
    Guarded row_memory(1 << 16), quad_memory(1 << 16), offset_memory(1 << 12), out_memory(1 << 14);
    for (std::size_t n_lanes = 8; n_lanes <= 64; n_lanes += 8) {
        for (const std::size_t dim : {1, 7, 8, 33, 96, 128, 200, 768}) {
            for (std::size_t content = 0; content < 9; ++content) {
                const std::size_t n_rows = (dim + content * 5 + n_lanes / 8) % 27;
                const std::size_t stride = row_bytes(dim, 6);
                std::uint8_t* rows = row_memory.take<std::uint8_t>(n_rows * stride);
                for (std::size_t i = 0; i < n_rows * stride; ++i)
                    rows[i] = static_cast<std::uint8_t>(i % stride >= dim ? 63 : code_value(numbers, content / 3, 63));
                std::vector<int> query(n_lanes * dim);
                std::int8_t* quads = quad_memory.take<std::int8_t>(n_lanes * stride);
                std::fill(quads, quads + n_lanes * stride, std::int8_t{0});
                std::int16_t* offset = offset_memory.take<std::int16_t>(n_lanes);
                for (std::size_t q = 0; q < n_lanes; ++q) {
                    offset[q] = static_cast<std::int16_t>(numbers.within(32767));
                    for (std::size_t d = 0; d < dim; ++d) {
                        query[q * dim + d] = query_value(numbers, content % 3, 63);
                        quads[(d / 4 * n_lanes + q) * 4 + d % 4] = static_cast<std::int8_t>(query[q * dim + d]);
                    }
                }
                std::vector<std::int16_t> expected(n_rows * n_lanes);
                for (std::size_t i = 0; i < n_rows * n_lanes; ++i) {
                    int sum = -offset[i % n_lanes];
                    for (std::size_t d = 0; d < dim; ++d)
                        sum += rows[i / n_lanes * stride + d] * query[i % n_lanes * dim + d];
                    const int low = ((sum % 65536) + 65536) % 65536;
                    expected[i] = static_cast<std::int16_t>(low > 32767 ? low - 65536 : low);
                }
                for (const Kernels* kernels : levels()) {
                    std::int16_t* out = out_memory.take<std::int16_t>(n_rows * n_lanes);
                    kernels->score_u6_i16(rows, stride, n_rows, quads, n_lanes, offset, out);
                    CHECK(std::equal(expected.begin(), expected.end(), out),
                          "%s dim %zu, %zu lanes, %zu rows, content %zu", kernels->name, dim, n_lanes, n_rows, content);
                }
            }
        }
    }
}

TEST_GROUP(a_table_of_words_gives_the_dots_of_decoded_words) {
    Numbers numbers(14);
    for (const std::size_t dim : {1, 5, 24, 100, 128, 300}) {
        for (const unsigned bits : kBits) {
            std::vector<std::uint8_t> words(words_size(dim, bits));
            for (std::uint8_t& value : words) value = static_cast<std::uint8_t>(numbers.bits());
            const ProductDecoder decoder(dim, bits, words.data());
            Codebook book;
            book.dim = dim;
            book.bits = bits;
            for (const std::size_t n : {1, 8, 13, 64}) {
                QueryChunk chunk;
                chunk.n = n;
                chunk.padded = (n + 3) / 4 * 4;
                chunk.lanes = (n + 7) / 8 * 8;
                const std::size_t bytes = arranged_bytes(dim, word_bits(bits));
                chunk.codes.assign(chunk.padded * bytes, 0);
                for (std::size_t i = 0; i < n * dim; ++i)
                    chunk.values.push_back(static_cast<std::int8_t>(numbers.within(word_query_levels(bits))));
                for (std::size_t q = 0; q < n; ++q)
                    arrange_query(chunk.values.data() + q * dim, dim, word_bits(bits), chunk.codes.data() + q * bytes);
                const std::size_t n_rows = 11;
                const std::size_t stride = row_bytes(dim, bits);
                const std::size_t word_stride = row_bytes(dim, word_bits(bits));
                std::vector<std::uint8_t> codes(n_rows * stride + kReadSlack);
                for (std::uint8_t& code : codes) code = static_cast<std::uint8_t>(numbers.bits());
                std::vector<std::uint8_t> expanded(n_rows * word_stride + kReadSlack);
                decoder.expand(codes.data(), stride, n_rows, expanded.data(), word_stride);
                for (const Kernels* kernels : levels()) {
                    std::vector<std::int32_t> decoded(n_rows * chunk.lanes, 0), looked_up(n_rows * chunk.lanes, 7);
                    dot_rows(*kernels, word_bits(bits))(expanded.data(), word_stride, n_rows,
                                                        n_blocks(dim, word_bits(bits)), chunk.codes.data(),
                                                        chunk.padded, decoded.data(), chunk.lanes);
                    WordTable table;
                    table.build(*kernels, decoder, book, chunk);
                    table.dots(*kernels, codes.data(), n_rows, looked_up.data());
                    CHECK(decoded == looked_up, "%s dim %zu, %u bits, %zu tokens", kernels->name, dim, bits, n);
                }
            }
        }
    }
}

TEST_GROUP(a_table_is_made_for_many_tokens_and_while_it_fits_in_a_cache) {
    Codebook book;
    book.dim = 128;
    book.bits = 2;
    CHECK(!table_pays(book, 16, 500) && table_pays(book, 16, 5000), "16 lanes: 256 KiB");
    CHECK(table_pays(book, 32, 5000) && !table_pays(book, 40, 5000), "512 KiB is the most");
    book.bits = 4;
    CHECK(table_pays(book, 16, 5000) && !table_pays(book, 24, 5000), "four bits have twice the groups");
}

}  // namespace lode::test
