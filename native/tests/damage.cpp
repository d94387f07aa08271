// Wrong bytes in an index: scores may change, but nothing is read or written outside its arrays. The sanitizer build is
// the judge; hits must stay well formed in any build.
#include <algorithm>
#include <cmath>

#include "small_index.h"

namespace lode::test {
namespace {

constexpr std::size_t kArrays = 14;

// The bytes of array `which`.
std::pair<std::uint8_t*, std::size_t> array_of(SmallIndex& index, std::size_t which) {
    const auto bytes = [](auto& values) {
        return std::pair{reinterpret_cast<std::uint8_t*>(values.data()), values.size() * sizeof values[0]};
    };
    switch (which) {
        case 0:
            return bytes(index.centroid_rows);
        case 1:
            return bytes(index.type_first);
        case 2:
            return bytes(index.type_rows);
        case 3:
            return bytes(index.doc_offsets);
        case 4:
            return bytes(index.ids);
        case 5:
            return bytes(index.codes);
        case 6:
            return bytes(index.scales);
        case 7:
            return bytes(index.refine_codes);
        case 8:
            return bytes(index.refine_scales);
        case 9:
            return bytes(index.lists.offsets);
        case 10:
            return bytes(index.lists.counts);
        case 11:
            return bytes(index.product.basis);
        case 12:
            return bytes(index.product.words);
        default:
            return bytes(index.lists.bytes);
    }
}

void damage(SmallIndex& index, std::size_t which, std::size_t n_changes) {
    const auto [bytes, size] = array_of(index, which);
    for (std::size_t i = 0; i < n_changes && size != 0; ++i) {
        std::uint8_t& byte = bytes[index.numbers.below(size)];
        byte = static_cast<std::uint8_t>(i % 3 == 2 ? index.numbers.bits() : byte ^ (1U << index.numbers.below(8)));
    }
}

void search_damaged(SmallIndex& index, const char* what, std::size_t which, std::size_t round) {
    const std::size_t n_docs = index.doc_offsets.size() - 1;
    const Searcher searcher(index.codebook(), {index.segment()});
    const std::size_t n_tokens = 1 + index.numbers.below(20);
    const std::vector<float> query = index.random_query(n_tokens);
    for (const Kernels* kernels : levels()) {
        for (int coarse = 1; coarse <= 2; ++coarse) {
            SearchOptions options;
            options.coarse = coarse;
            options.k_centroids = 6;
            options.k_types = 2;
            options.own_types = {1, 0xFFFFFFFFU};
            options.k_refine = 20;
            const std::vector<Hit> hits = searcher.search(*kernels, query.data(), n_tokens, options);
            CHECK(well_formed(hits, options.k, n_docs), "%s %s %zu, round %zu, coarse %d", kernels->name, what, which,
                  round, coarse);
        }
    }
}

}  // namespace

TEST_GROUP(an_index_with_flipped_bits_in_one_array_answers_without_leaving_its_arrays) {
    const SmallIndex whole({24, 50, 60, 2, 2, 2, 8, 31});
    Numbers seeds(32);
    for (std::size_t which = 0; which < kArrays; ++which) {
        for (std::size_t round = 0; round < 21; ++round) {
            SmallIndex index = whole;
            index.numbers = Numbers(seeds.bits());
            damage(index, which, std::size_t{1} << (round % 7));
            search_damaged(index, "array", which, round);
        }
    }
}

TEST_GROUP(an_index_of_noise_answers_without_leaving_its_arrays) {
    Numbers seeds(33);
    for (std::size_t round = 0; round < 40; ++round) {
        SmallIndex index({static_cast<std::size_t>(1 + round), 40, 30, 1U << (round % 3), 1U << (round / 3 % 3),
                          static_cast<unsigned>(2 + round % 3), 8, seeds.bits()});
        for (std::size_t which = 0; which < kArrays; ++which) {
            if (round % 2 == 1 && which == 3) continue;  // with whole documents the later stages are reached
            const auto [bytes, size] = array_of(index, which);
            for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(index.numbers.bits() >> 7);
        }
        search_damaged(index, "noise", 0, round);
    }
}

TEST_GROUP(posting_lists_of_noise_decode_to_ascending_documents_inside_their_bounds) {
    Numbers numbers(34);
    Guarded byte_memory(1 << 14), document_memory(1 << 14);
    for (std::size_t round = 0; round < 6000; ++round) {
        const std::size_t size = numbers.below(round % 10 == 0 ? 1200 : 60);
        std::uint8_t* bytes = byte_memory.take<std::uint8_t>(size, kPostingSlack, 0xFF);
        for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(numbers.bits() >> 9);
        if (size != 0 && round % 3 != 0)
            bytes[0] = static_cast<std::uint8_t>(numbers.below(34));  // a width that can be
        const std::size_t count = numbers.below(400);
        const auto n_docs = static_cast<std::uint32_t>(round % 4 == 0 ? 0xFFFFFFFFU : numbers.below(100000));
        std::uint32_t* documents = document_memory.take<std::uint32_t>(count);
        const std::size_t n = decode_postings(bytes, bytes + size, count, n_docs, documents);
        bool good = n <= count;
        for (std::size_t i = 0; i < n && good; ++i)
            good = documents[i] < n_docs && (i == 0 || documents[i] > documents[i - 1]);
        CHECK(good, "round %zu: %zu of %zu documents from %zu bytes", round, n, count, size);
    }
}

}  // namespace lode::test
