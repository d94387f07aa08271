// Posting lists centroid -> documents: sorted, distinct, as differences packed in blocks of 128.
//
// A list is a run of blocks. A block is one byte w (0..32) and then its differences of w bits each, lowest bit first,
// padded to a whole byte; a difference is document - previous - 1, and before the first document stands -1. The number
// of documents of a list is kept beside its offset.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace lode {

inline constexpr std::size_t kPostingBlock = 128;
inline constexpr std::size_t kPostingSlack = 8;  // readable bytes after the last list

struct Postings {
    std::vector<std::uint64_t> offsets;  // [n_lists + 1]
    std::vector<std::uint32_t> counts;   // [n_lists]
    std::vector<std::uint8_t> bytes;     // lists, then kPostingSlack zeros
};

// assignment [n_tokens] < n_lists; doc_offsets [n_docs + 1].
Postings build_postings(const std::uint32_t* assignment, const std::int64_t* doc_offsets, std::size_t n_docs,
                        std::size_t n_lists);

// Decodes at most `count` documents below n_docs from [begin, end) and stops at the first thing that cannot be:
// a width over 32, a block that passes the end, a document past n_docs. Reads up to kPostingSlack bytes past `end`.
// Returns how many were written.
std::size_t decode_postings(const std::uint8_t* begin, const std::uint8_t* end, std::size_t count, std::uint32_t n_docs,
                            std::uint32_t* documents) noexcept;

}  // namespace lode
