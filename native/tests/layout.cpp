// What every level builds on: packing of codes, arranging of queries, choosing a level.
#include <algorithm>
#include <cstring>

#include "check.h"

namespace lode::test {

TEST_GROUP(packed_codes_come_back_and_fill_exactly_their_row) {
    Numbers numbers(21);
    Guarded memory(1 << 16);
    for (const unsigned bits : {1U, 2U, 4U, 6U, 7U}) {
        for (std::size_t dim = 1; dim <= 300; ++dim) {
            std::vector<std::uint8_t> codes(dim), back(dim, 0xEE);
            for (std::uint8_t& code : codes) code = static_cast<std::uint8_t>(numbers.below(std::size_t{1} << bits));
            const std::size_t bytes = row_bytes(dim, bits);
            std::uint8_t* row = memory.take<std::uint8_t>(bytes);
            pack_row(codes.data(), dim, bits, row);
            unpack_row(row, dim, bits, back.data());
            CHECK(codes == back, "bits %u dim %zu", bits, dim);
            CHECK(bytes % 8 == 0 && bytes * 8 >= dim * stored_bits(bits) && bytes * 8 < dim * stored_bits(bits) + 64,
                  "bits %u dim %zu: %zu bytes", bits, dim, bytes);
        }
    }
}

TEST_GROUP(a_row_of_two_bit_codes_has_the_bytes_computed_by_hand) {
    // Dimension p * 8 + i sits in byte i, plane p: byte 0 holds dimensions 0, 8, 16 and 24, lowest bits first.
    std::uint8_t codes[32];
    for (std::size_t d = 0; d < 32; ++d) codes[d] = static_cast<std::uint8_t>(d / 8);
    std::uint8_t row[8];
    pack_row(codes, 32, 2, row);
    for (const std::uint8_t byte : row) CHECK(byte == 0b11'10'01'00, "found 0x%02x", byte);
}

TEST_GROUP(an_arranged_query_holds_every_value_once_and_zeros_elsewhere) {
    Guarded memory(1 << 16);
    for (const unsigned bits : {1U, 2U, 4U, 6U, 7U}) {
        for (const std::size_t dim : {1, 7, 31, 32, 33, 64, 100, 128, 200, 300}) {
            std::vector<std::int8_t> query(dim);
            for (std::size_t d = 0; d < dim; ++d) query[d] = static_cast<std::int8_t>(d % 127 + 1);
            const std::size_t bytes = arranged_bytes(dim, bits);
            std::int8_t* arranged = memory.take<std::int8_t>(bytes);
            arrange_query(query.data(), dim, bits, arranged);
            std::vector<std::int8_t> found(arranged, arranged + bytes);
            std::sort(found.begin(), found.end());
            std::sort(query.begin(), query.end());
            CHECK(std::equal(query.begin(), query.end(), found.end() - static_cast<std::ptrdiff_t>(dim)) &&
                      std::count(found.begin(), found.end(), 0) == static_cast<std::ptrdiff_t>(bytes - dim),
                  "bits %u dim %zu", bits, dim);
        }
    }
}

TEST_GROUP(levels_are_found_by_name_and_the_best_is_the_last) {
    std::size_t count = 0;
    const Kernels* const* table = available_levels(&count);
    CHECK(count >= 1 && table[0] == kReference, "the reference is always there");
    CHECK(best_level() == table[count - 1], "best_level");
    for (std::size_t i = 0; i < count; ++i) CHECK(level_by_name(table[i]->name) == table[i], "%s", table[i]->name);
    CHECK(level_by_name("sse17") == nullptr, "an unknown level");
    for (const Kernels* level : levels()) {
        for (const unsigned bits : {0U, 3U, 5U, 8U, 64U}) CHECK(dot_rows(*level, bits) == nullptr, "bits %u", bits);
        for (const unsigned bits : {1U, 2U, 4U, 6U, 7U}) CHECK(dot_rows(*level, bits) != nullptr, "bits %u", bits);
    }
}

}  // namespace lode::test
