// Which documents hold which vocabulary ids, and BM25 over that.
//
// A centroid belongs to one token type, so a token's centroid tells its vocabulary id, and the lists of a type's
// centroids are together the posting list of that id. Tokens of which this is not true (rare types that share a pool,
// types that had no centroid of their own) are exceptions, whose ids are stored. A flat index stores the ids of all
// tokens.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "index/view.h"

namespace lode {

inline constexpr std::int64_t kPoolType = -1;         // the "id" of centroids that rare types share: it names no token
inline constexpr std::size_t kMaxQueryTerms = 65534;  // slots are 16 bits wide

// Integers as a file holds them: unsigned ones of 1, 2 or 4 bytes, or signed ones of 8.
struct Integers {
    const void* data = nullptr;
    unsigned bytes = 8;
    std::size_t n = 0;

    std::int64_t operator[](std::size_t i) const noexcept {
        switch (bytes) {
            case 1:
                return read<std::uint8_t>(i);
            case 2:
                return read<std::uint16_t>(i);
            case 4:
                return read<std::uint32_t>(i);
            default:
                return read<std::int64_t>(i);
        }
    }

private:
    template <class T>
    std::int64_t read(std::size_t i) const noexcept {
        T value;
        std::memcpy(&value, static_cast<const T*>(data) + i, sizeof value);
        return value;
    }
};

struct TermSegment {
    Segment documents;   // codes are not looked at
    bool coded = true;   // false: there is no assignment, `ids` has one for every token
    Integers positions;  // coded: ascending numbers of the tokens whose centroid does not tell their id
    Integers ids;        // theirs
};

// The token types of a codebook; a vocabulary id may have several.
struct TermTypes {
    std::size_t n_centroids = 0;
    std::size_t n_types = 0;
    const std::int64_t* ids = nullptr;     // [n_types]
    const std::uint32_t* first = nullptr;  // [n_types + 1]
};

// score(d) = sum over terms of weight * tf * (k1 + 1) / (tf + k1 * (1 - b + b * length(d) / average_length)); with
// weight = idf * occurrences in the query this is BM25 (Robertson and Zaragoza 2009, equation 3.15).
struct Bm25 {
    double k1 = 1.2;
    double b = 0.75;
    double average_length = 1;  // > 0
};

class Lexicon {
public:
    Lexicon(const TermTypes& types, std::vector<TermSegment> segments);

    std::uint64_t n_docs() const noexcept { return n_docs_; }

    // In how many documents that are not deleted each of the ids occurs. ids: distinct
    std::vector<std::int64_t> frequencies(const std::vector<std::int64_t>& ids) const;

    // A bit for each document that is not deleted and holds all of the ids. ids: distinct
    std::vector<std::uint8_t> matching(const std::vector<std::int64_t>& ids) const;

    // The k best documents that hold any of the ids and that the filter keeps; exact. ids: distinct, at most
    // kMaxQueryTerms; weights: >= 0, one for each
    std::vector<Hit> search(const std::vector<std::int64_t>& ids, const std::vector<double>& weights, const Bm25& bm25,
                            std::size_t k, const DocumentFilter& filter) const;

private:
    TermTypes types_;
    std::vector<std::pair<std::int64_t, std::uint32_t>> by_id_;  // (id, type), sorted, without the pool
    std::vector<TermSegment> segments_;
    std::uint64_t n_docs_ = 0;
};

}  // namespace lode
