#include "index/lexical.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <memory>
#include <numeric>

#include "index/postings.h"
#include "index/top.h"

namespace lode {
namespace {

constexpr std::size_t kTokens = 1024;      // centroid ids read at once
constexpr std::size_t kTermsAtOnce = 16;   // whose bitmaps are in memory together
constexpr std::size_t kFewAllowed = 4096;  // documents that are scored one by one rather than looked for in lists
constexpr double kRounding = 1e-5;         // more than what float32 rounds off a score

using Bits = std::vector<std::uint8_t>;

bool set_bit(Bits& bits, std::size_t i) noexcept {
    const std::uint8_t mask = static_cast<std::uint8_t>(1U << (i & 7));
    const bool fresh = (bits[i >> 3] & mask) == 0;
    bits[i >> 3] |= mask;
    return fresh;
}

void clear_bit(Bits& bits, std::size_t i) noexcept {
    bits[i >> 3] &= static_cast<std::uint8_t>(~(1U << (i & 7)));
}

// The distinct ids of one question: a slot for each, found by id and by centroid.
class Terms {
public:
    struct Centroids {
        std::uint32_t begin;
        std::uint32_t end;
    };

    Terms(const TermTypes& types, const std::vector<std::pair<std::int64_t, std::uint32_t>>& by_id,
          const std::int64_t* ids, std::size_t n)
        : n_(n), mask_(std::bit_ceil(4 * n + 4) - 1), keys_(mask_ + 1), slots_(mask_ + 1, 0), centroids_(n),
          // calloc: of a large codebook only the pages that are written to cost anything
          of_centroid_(static_cast<std::uint16_t*>(
              std::calloc(std::max<std::size_t>(types.n_centroids, 1), sizeof(std::uint16_t)))) {
        if (of_centroid_ == nullptr) throw std::bad_alloc();
        for (std::size_t slot = 0; slot < n; ++slot) {
            std::size_t at = place(ids[slot]);
            while (slots_[at] != 0) at = (at + 1) & mask_;
            keys_[at] = ids[slot];
            slots_[at] = static_cast<std::uint16_t>(slot + 1);
            auto type = std::lower_bound(by_id.begin(), by_id.end(), std::pair{ids[slot], std::uint32_t{0}});
            for (; type != by_id.end() && type->first == ids[slot]; ++type) {
                const std::size_t end = std::min<std::size_t>(types.first[type->second + 1], types.n_centroids);
                const std::size_t begin = std::min<std::size_t>(types.first[type->second], end);
                centroids_[slot].push_back({static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(end)});
                std::fill(of_centroid_.get() + begin, of_centroid_.get() + end, static_cast<std::uint16_t>(slot + 1));
            }
        }
    }

    std::size_t size() const noexcept { return n_; }
    // Slot + 1 of an id or a centroid; 0 where the question does not have it.
    std::uint16_t of_id(std::int64_t id) const noexcept {
        for (std::size_t at = place(id); slots_[at] != 0; at = (at + 1) & mask_) {
            if (keys_[at] == id) return slots_[at];
        }
        return 0;
    }
    std::uint16_t of_centroid(std::uint32_t centroid) const noexcept { return of_centroid_.get()[centroid]; }
    const std::vector<Centroids>& centroids(std::size_t slot) const noexcept { return centroids_[slot]; }

private:
    struct Free {
        void operator()(std::uint16_t* p) const noexcept { std::free(p); }
    };

    std::size_t place(std::int64_t id) const noexcept {
        return static_cast<std::size_t>((static_cast<std::uint64_t>(id) * 0x9E3779B97F4A7C15U) >> 32) & mask_;
    }

    std::size_t n_;
    std::size_t mask_;
    std::vector<std::int64_t> keys_;
    std::vector<std::uint16_t> slots_;
    std::vector<std::vector<Centroids>> centroids_;
    std::unique_ptr<std::uint16_t[], Free> of_centroid_;
};

// One segment seen through the terms of one question.
class Reader {
public:
    Reader(const TermTypes& types, const TermSegment& segment, const Terms& terms)
        : types_(types), segment_(segment), documents_(segment.documents), terms_(terms), counts(terms.size()) {}

    bool listed() const noexcept { return segment_.coded && documents_.n_lists != 0; }

    // Fills `counts` with how often each term occurs in a document; returns its length.
    std::size_t count(std::size_t document) {
        std::fill(counts.begin(), counts.end(), 0);
        const Segment::Range range = documents_.tokens(document);
        if (!segment_.coded) {
            for (std::size_t t = range.begin; t < range.end; ++t) add(terms_.of_id(segment_.ids[t]));
            return range.end - range.begin;
        }
        for (std::size_t at = range.begin; at < range.end; at += kTokens) {
            const std::size_t n = std::min(kTokens, range.end - at);
            documents_.read_assignment(at, n, types_.n_centroids, rows_);
            for (std::size_t i = 0; i < n; ++i) add(terms_.of_centroid(rows_[i]));
        }
        for (std::size_t e = first_exception(range.begin); e < segment_.positions.n; ++e) {
            const std::uint64_t position = static_cast<std::uint64_t>(segment_.positions[e]);
            if (position < range.begin || position >= range.end) break;
            const std::uint16_t wrong = told_by_centroid(position);
            if (wrong != 0 && counts[wrong - 1U] != 0) --counts[wrong - 1U];
            add(terms_.of_id(segment_.ids[e]));
        }
        return range.end - range.begin;
    }

    // Calls found(document) for every document in the lists of a term, some of them more than once; those that are
    // there for an exception only, too.
    template <bool kScored, class Found>
    void each_listed(std::size_t slot, Found&& found) {
        if (decoded_.empty()) decoded_.resize(std::max<std::size_t>(documents_.n_docs, 1));
        const std::size_t payload = documents_.lists_bytes - kPostingSlack;
        for (const Terms::Centroids& own : terms_.centroids(slot)) {
            for (std::size_t c = own.begin; c < std::min<std::size_t>(own.end, documents_.n_lists); ++c) {
                const std::uint64_t begin = documents_.list_offsets[c];
                const std::uint64_t end = documents_.list_offsets[c + 1];
                if (begin > end || end > payload) continue;
                const std::size_t count = std::min<std::size_t>(documents_.list_counts[c], documents_.n_docs);
                const std::size_t n = decode_postings(documents_.lists + begin, documents_.lists + end, count,
                                                      static_cast<std::uint32_t>(documents_.n_docs), decoded_.data());
                for (std::size_t i = 0; i < n; ++i) {
                    if (kScored && i + 4 < n) prefetch(decoded_[i + 4]);
                    found(decoded_[i]);
                }
            }
        }
    }

    // Calls truly(slot, document) for exceptions that are a term, and wrongly(slot, document) for those whose centroid
    // says so.
    template <class Truly, class Wrongly>
    void each_exception(Truly&& truly, Wrongly&& wrongly) const {
        for (std::size_t e = 0; e < segment_.positions.n; ++e) {
            const std::uint64_t position = static_cast<std::uint64_t>(segment_.positions[e]);
            if (position >= documents_.n_tokens) continue;
            const std::uint16_t right = terms_.of_id(segment_.ids[e]);
            const std::uint16_t wrong = told_by_centroid(position);
            if (right == 0 && wrong == 0) continue;
            const std::uint64_t* offsets = documents_.doc_offsets;
            const std::size_t after = static_cast<std::size_t>(
                std::upper_bound(offsets, offsets + documents_.n_docs + 1, position) - offsets);
            if (after == 0 || after > documents_.n_docs) continue;
            if (right != 0) truly(right - 1U, after - 1);
            if (wrong != 0) wrongly(wrong - 1U, after - 1);
        }
    }

    // A bitmap for each term of the documents that hold it.
    std::vector<Bits> holders() {
        std::vector<Bits> bits(terms_.size(), Bits((documents_.n_docs + 7) / 8, 0));
        if (!listed()) {
            for (std::size_t document = 0; document < documents_.n_docs; ++document) {
                count(document);
                for (std::size_t slot = 0; slot < bits.size(); ++slot) {
                    if (counts[slot] != 0) set_bit(bits[slot], document);
                }
            }
            return bits;
        }
        for (std::size_t slot = 0; slot < bits.size(); ++slot) {
            each_listed<false>(slot, [&](std::size_t document) { set_bit(bits[slot], document); });
        }
        std::vector<std::pair<std::size_t, std::size_t>> doubtful;
        each_exception([&](std::size_t slot, std::size_t document) { set_bit(bits[slot], document); },
                       [&](std::size_t slot, std::size_t document) { doubtful.emplace_back(slot, document); });
        for (const auto& [slot, document] : doubtful) {
            count(document);
            if (counts[slot] == 0) clear_bit(bits[slot], document);
        }
        return bits;
    }

private:
    void add(std::uint16_t slot_and_one) noexcept {
        if (slot_and_one != 0) ++counts[slot_and_one - 1U];
    }
    std::uint16_t told_by_centroid(std::uint64_t position) const noexcept {
        std::uint32_t centroid;
        documents_.read_assignment(static_cast<std::size_t>(position), 1, types_.n_centroids, &centroid);
        return terms_.of_centroid(centroid);
    }
    std::size_t first_exception(std::size_t token) const noexcept {
        std::size_t begin = 0;
        for (std::size_t n = segment_.positions.n; n != 0;) {
            const std::size_t half = n / 2;
            const bool before = static_cast<std::uint64_t>(segment_.positions[begin + half]) < token;
            begin = before ? begin + half + 1 : begin;
            n = before ? n - half - 1 : half;
        }
        return begin;
    }
    void prefetch(std::size_t document) const noexcept {
        const Segment::Range range = documents_.tokens(document);
        prefetch_line(documents_.assignment + range.begin * documents_.id_bytes);
        prefetch_line(documents_.assignment + range.begin * documents_.id_bytes + 64);
    }

    const TermTypes& types_;
    const TermSegment& segment_;
    const Segment& documents_;
    const Terms& terms_;
    std::vector<std::uint32_t> decoded_;
    std::uint32_t rows_[kTokens];

public:
    std::vector<std::uint32_t> counts;  // [terms] of the document that was counted last
};

bool is_deleted(const Segment& segment, std::size_t document) noexcept {
    return segment.deleted != nullptr && bit_at(segment.deleted, document);
}

std::size_t n_allowed(const DocumentFilter& filter, std::uint64_t first, std::size_t n) {
    if (filter.allowed == nullptr) return n;
    std::size_t count = 0;
    for (std::uint64_t i = first; i < first + n;) {
        if (i % 8 == 0 && i + 8 <= first + n) {
            count += static_cast<std::size_t>(std::popcount(filter.allowed[i / 8]));
            i += 8;
        } else {
            count += bit_at(filter.allowed, i++) ? 1 : 0;
        }
    }
    return count;
}

// The search of one segment after the other.
class Scorer {
public:
    Scorer(const TermTypes& types, const Terms& terms, const std::vector<double>& weights, const Bm25& bm25,
           std::size_t k, const DocumentFilter& filter)
        : types_(types), terms_(terms), weights_(weights), bm25_(bm25), filter_(filter), top_(k), order_(terms.size()),
          rest_(terms.size()) {
        std::iota(order_.begin(), order_.end(), std::size_t{0});
        std::stable_sort(order_.begin(), order_.end(),
                         [&](std::size_t a, std::size_t b) { return weights[a] > weights[b]; });
        double sum = 0;  // a term adds less than weight * (k1 + 1)
        for (std::size_t i = order_.size(); i-- > 0;) rest_[i] = sum += weights[order_[i]] * (bm25.k1 + 1);
    }

    void scan(const TermSegment& segment, std::uint64_t first) {
        Reader reader(types_, segment, terms_);
        const std::size_t n = segment.documents.n_docs;
        if (!reader.listed() || n_allowed(filter_, first, n) <= std::min(kFewAllowed, n / 8)) {
            for (std::size_t document = 0; document < n; ++document) {
                if (filter_.allowed != nullptr && (first + document) % 8 == 0 &&
                    filter_.allowed[(first + document) / 8] == 0) {
                    document += 7;
                    continue;
                }
                consider(reader, segment.documents, first, document);
            }
            return;
        }
        std::vector<std::vector<std::uint32_t>> exceptions(terms_.size());
        reader.each_exception(
            [&](std::size_t slot, std::size_t d) { exceptions[slot].push_back(static_cast<std::uint32_t>(d)); },
            [](std::size_t, std::size_t) {});
        Bits seen((n + 7) / 8, 0);
        for (std::size_t i = 0; i < order_.size(); ++i) {
            // A document that no term before this one has named holds none of them.
            if (top_.full() && rest_[i] * (1 + kRounding) < static_cast<double>(top_.worst().score)) return;
            const auto meet = [&](std::size_t document) {
                if (set_bit(seen, document)) consider(reader, segment.documents, first, document);
            };
            reader.each_listed<true>(order_[i], meet);
            for (const std::uint32_t document : exceptions[order_[i]]) meet(document);
        }
    }

    std::vector<Hit> finish() const {
        std::vector<Hit> hits = top_.hits();
        std::sort(hits.begin(), hits.end(), better);
        return hits;
    }

private:
    void consider(Reader& reader, const Segment& segment, std::uint64_t first, std::size_t document) {
        if (!filter_.keeps(segment, first, document)) return;
        const double length = static_cast<double>(reader.count(document));
        const double norm = bm25_.k1 * (1 - bm25_.b + bm25_.b * length / bm25_.average_length);
        double score = 0;
        bool holds = false;
        for (std::size_t slot = 0; slot < weights_.size(); ++slot) {
            const double tf = reader.counts[slot];
            if (tf == 0) continue;
            holds = true;
            score += weights_[slot] * (tf * (bm25_.k1 + 1) / (tf + norm));
        }
        if (holds) top_.push({static_cast<float>(score), first + document});
    }

    const TermTypes& types_;
    const Terms& terms_;
    const std::vector<double>& weights_;
    const Bm25& bm25_;
    const DocumentFilter& filter_;
    TopHits top_;
    std::vector<std::size_t> order_;  // slots by falling weight
    std::vector<double> rest_;        // bound of what the terms from there on can add
};

}  // namespace

Lexicon::Lexicon(const TermTypes& types, std::vector<TermSegment> segments)
    : types_(types), segments_(std::move(segments)) {
    by_id_.reserve(types.n_types);
    for (std::size_t type = 0; type < types.n_types; ++type) {
        if (types.ids[type] != kPoolType) by_id_.emplace_back(types.ids[type], static_cast<std::uint32_t>(type));
    }
    std::sort(by_id_.begin(), by_id_.end());
    for (const TermSegment& segment : segments_) n_docs_ += segment.documents.n_docs;
}

std::vector<std::int64_t> Lexicon::frequencies(const std::vector<std::int64_t>& ids) const {
    std::vector<std::int64_t> found(ids.size(), 0);
    for (std::size_t at = 0; at < ids.size(); at += kTermsAtOnce) {
        const Terms terms(types_, by_id_, ids.data() + at, std::min(kTermsAtOnce, ids.size() - at));
        for (const TermSegment& segment : segments_) {
            const std::vector<Bits> bits = Reader(types_, segment, terms).holders();
            const std::uint8_t* deleted = segment.documents.deleted;
            for (std::size_t slot = 0; slot < terms.size(); ++slot) {
                for (std::size_t byte = 0; byte < bits[slot].size(); ++byte) {
                    const unsigned gone = deleted == nullptr ? 0U : deleted[byte];
                    found[at + slot] += std::popcount(bits[slot][byte] & ~gone);
                }
            }
        }
    }
    return found;
}

std::vector<std::uint8_t> Lexicon::matching(const std::vector<std::int64_t>& ids) const {
    Bits found((n_docs_ + 7) / 8, 0);
    std::uint64_t first = 0;
    for (const TermSegment& segment : segments_) {
        const std::size_t n = segment.documents.n_docs;
        Bits all((n + 7) / 8, 0xFF);
        for (std::size_t at = 0; at < ids.size(); at += kTermsAtOnce) {
            const Terms terms(types_, by_id_, ids.data() + at, std::min(kTermsAtOnce, ids.size() - at));
            for (const Bits& bits : Reader(types_, segment, terms).holders()) {
                for (std::size_t byte = 0; byte < all.size(); ++byte) all[byte] &= bits[byte];
            }
        }
        for (std::size_t document = 0; document < n; ++document) {
            if (bit_at(all.data(), document) && !is_deleted(segment.documents, document)) {
                set_bit(found, static_cast<std::size_t>(first) + document);
            }
        }
        first += n;
    }
    return found;
}

std::vector<Hit> Lexicon::search(const std::vector<std::int64_t>& ids, const std::vector<double>& weights,
                                 const Bm25& bm25, std::size_t k, const DocumentFilter& filter) const {
    k = static_cast<std::size_t>(std::min<std::uint64_t>(k, n_docs_));
    if (k == 0 || ids.empty()) return {};
    const Terms terms(types_, by_id_, ids.data(), ids.size());
    Scorer scorer(types_, terms, weights, bm25, k, filter);
    std::uint64_t first = 0;
    for (const TermSegment& segment : segments_) {
        scorer.scan(segment, first);
        first += segment.documents.n_docs;
    }
    return scorer.finish();
}

}  // namespace lode
