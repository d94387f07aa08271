// What a search reads: pointers into memory-mapped files, checked where they are used.
//
// The caller guarantees the sizes of the arrays (the container's header is verified at open). Their contents may be
// wrong: every id and offset is bounds-checked or clamped before it is followed, so a flipped bit changes a score and
// never leaves the mapping.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "kernels/kernels.h"

namespace lode {

// A hint to bring the cache line at `address` in; never faults, whatever the address.
inline void prefetch_line(const void* address) noexcept {
#if defined(__GNUC__) || defined(__clang__)
    __builtin_prefetch(address);
#else
    (void)address;
#endif
}

// What all documents share: the centroids and how codes are made.
struct Codebook {
    std::size_t dim = 0;
    std::uint64_t rotation_seed = 0;
    unsigned bits = 2;
    unsigned refine_bits = 0;  // 0: no refinement tier
    std::size_t n_centroids = 0;
    const std::uint8_t* centroids = nullptr;  // [n_centroids][row_bytes(dim, 6)] and kReadSlack
    float centroid_scale = 0;
    float centroid_norm = 0;                    // largest Euclidean norm of a centroid's codes - 32
    float residual_unit = 1;                    // value of a stored residual scale of 1
    const float* basis = nullptr;               // [dim][dim] of the product codes; nullptr: none
    const std::uint8_t* words = nullptr;        // words_size(dim, bits), product.h
    std::size_t n_types = 0;                    // token types; type j owns centroids [type_first[j], type_first[j + 1])
    const std::uint32_t* type_first = nullptr;  // [n_types + 1]
    const std::uint8_t* type_rows = nullptr;    // [n_types][row_bytes(dim, 6)]: mean of a type, as centroids are coded
};

// Bit i of a bitmap, lowest bit of a byte first.
inline bool bit_at(const std::uint8_t* bits, std::uint64_t i) noexcept {
    return ((bits[i >> 3] >> (i & 7)) & 1U) != 0;
}

// One immutable set of documents.
struct Segment {
    std::size_t n_docs = 0;
    std::size_t n_tokens = 0;
    const std::uint8_t* deleted = nullptr;       // [ceil(n_docs / 8)] a bit for each document; nullptr: none
    const std::uint64_t* doc_offsets = nullptr;  // [n_docs + 1]
    const std::uint8_t* assignment = nullptr;    // [n_tokens] little-endian centroid ids of id_bytes each, and 4 bytes
    unsigned id_bytes = 4;
    const std::uint8_t* codes = nullptr;    // [n_tokens][row_bytes(dim, bits)]
    const std::uint16_t* scales = nullptr;  // [n_tokens] float16
    const std::uint8_t* refine_codes = nullptr;
    const std::uint16_t* refine_scales = nullptr;
    std::size_t n_lists = 0;                      // centroids at the time of writing; 0: no lists, all are candidates
    const std::uint64_t* list_offsets = nullptr;  // [n_lists + 1]
    const std::uint32_t* list_counts = nullptr;   // [n_lists]
    const std::uint8_t* lists = nullptr;          // [lists_bytes], kPostingSlack of them slack
    std::size_t lists_bytes = 0;

    struct Range {
        std::size_t begin;
        std::size_t end;
    };

    // Tokens of a document (doc < n_docs); empty where the file is wrong.
    Range tokens(std::size_t doc) const noexcept {
        const std::uint64_t begin = doc_offsets[doc];
        const std::uint64_t end = doc_offsets[doc + 1];
        return begin <= end && end <= n_tokens ? Range{static_cast<std::size_t>(begin), static_cast<std::size_t>(end)}
                                               : Range{0, 0};
    }

    // Centroid ids of tokens [begin, begin + n), clamped below n_centroids.
    void read_assignment(std::size_t begin, std::size_t n, std::size_t n_centroids, std::uint32_t* out) const noexcept {
        const std::uint32_t mask = id_bytes == 4 ? 0xFFFFFFFFU : (1U << (8 * id_bytes)) - 1;
        const std::uint32_t last = static_cast<std::uint32_t>(n_centroids - 1);
        const std::uint8_t* at = assignment + begin * id_bytes;
        if (id_bytes == 2) {  // the usual width, in a form that compilers vectorise
            for (std::size_t i = 0; i < n; ++i) {
                std::uint16_t id;
                std::memcpy(&id, at + 2 * i, sizeof id);
                out[i] = std::min<std::uint32_t>(id, last);
            }
            return;
        }
        for (std::size_t i = 0; i < n; ++i, at += id_bytes) {
            std::uint32_t id;
            std::memcpy(&id, at, sizeof id);
            out[i] = std::min(id & mask, last);
        }
    }
};

// The segments of an index, one after the other: a document's number is its segment's first plus its place there.
class SegmentSet {
public:
    struct Place {
        const Segment& segment;
        std::uint64_t document;  // within the segment
    };

    explicit SegmentSet(std::vector<Segment> segments) : segments_(std::move(segments)) {
        for (const Segment& segment : segments_) {
            firsts_.push_back(n_docs_);
            n_docs_ += segment.n_docs;
        }
    }

    std::size_t size() const noexcept { return segments_.size(); }
    std::uint64_t n_docs() const noexcept { return n_docs_; }
    const Segment& operator[](std::size_t i) const noexcept { return segments_[i]; }
    std::uint64_t first(std::size_t i) const noexcept { return firsts_[i]; }
    // number < n_docs().
    Place find(std::uint64_t number) const noexcept {
        if (segments_.size() == 1) return {segments_.front(), number};
        const std::size_t i =
            static_cast<std::size_t>(std::upper_bound(firsts_.begin(), firsts_.end(), number) - firsts_.begin()) - 1;
        return {segments_[i], number - firsts_[i]};
    }

private:
    std::vector<Segment> segments_;
    std::vector<std::uint64_t> firsts_;
    std::uint64_t n_docs_ = 0;
};

// Which documents a search may return: those that are not deleted and whose bit is set.
struct DocumentFilter {
    const std::uint8_t* allowed = nullptr;  // [ceil(n_docs / 8)] over all segments; nullptr: all

    bool keeps(const Segment& segment, std::uint64_t first, std::uint64_t document) const noexcept {
        return (segment.deleted == nullptr || !bit_at(segment.deleted, document)) &&
               (allowed == nullptr || bit_at(allowed, first + document));
    }
};

inline constexpr std::size_t kExhaustiveCentroids = 131072;  // up to here scoring all of them is the fastest

struct SearchOptions {
    std::size_t k = 10;
    std::size_t k_centroids = 32;          // lists per query token
    std::size_t k_gather = 1024;           // documents whose centroids are scored in full
    std::size_t k_docs_to_score = 160;     // documents whose residual codes are scored
    std::size_t k_refine = 0;              // documents whose refinement tier is scored
    float alpha = -1;                      // keep documents within alpha * |k-th best| of it; negative: off
    std::size_t beta = 0;                  // stop after so many scored documents in a row outside the top k; 0: off
    float stop_sigma = 0;                  // stop when a document's codes would have to add that unusual a gain; 0: off
    bool score_all = false;                // score every document that the filter keeps, by its codes
    int coarse = 0;                        // 0: by size, 1: exhaustive, 2: token-type ranges
    std::size_t k_types = 64;              // token types whose centroids are scanned per query token
    std::vector<std::uint32_t> own_types;  // types of the query's own tokens, scanned in any case
};

struct Hit {
    float score;
    std::uint64_t position;
};

// Larger score first, then earlier position.
inline bool better(const Hit& a, const Hit& b) noexcept {
    return a.score != b.score ? a.score > b.score : a.position < b.position;
}

}  // namespace lode
