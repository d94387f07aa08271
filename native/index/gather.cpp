#include "index/gather.h"

#include <algorithm>

#include "index/postings.h"

namespace lode {

void keep_best(std::vector<Candidate>& candidates, std::size_t k) {
    if (candidates.size() <= k) return;
    if (k != 0) {
        std::nth_element(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(k - 1), candidates.end(),
                         ahead);
    }
    candidates.resize(k);
}

void Gatherer::begin(const Segment& segment, std::size_t n_query_tokens) {
    if (accumulators_.size() < segment.n_docs) {
        accumulators_.resize(segment.n_docs, 0);
        touched_.resize(segment.n_docs + 1);
        decoded_.resize(segment.n_docs);
    }
    n_touched_ = 0;
    stamp_ = 0;
    // A token adds at most 65535 >> shift, so the sum over all tokens fits in kScoreBits.
    for (shift_ = 0; (std::uint64_t{65535} >> shift_) * n_query_tokens > kScoreMask;) ++shift_;
}

void Gatherer::add_list(const std::uint32_t* documents, std::size_t n, std::uint32_t gain) {
    const std::uint32_t stamp = stamp_ << kScoreBits;
    for (std::size_t i = 0; i < n; ++i) {
        const std::uint32_t document = documents[i];
        const std::uint32_t value = accumulators_[document];
        touched_[n_touched_] = document;
        n_touched_ += value == 0 ? 1 : 0;
        const bool first = (value >> kScoreBits) != stamp_;
        accumulators_[document] = first ? (stamp | ((value & kScoreMask) + gain)) : value;
    }
}

void Gatherer::add_chunk(const Segment& segment, const QueryChunk& chunk, ScoreTable& table) {
    const std::size_t payload = segment.lists_bytes - kPostingSlack;
    for (std::size_t q = 0; q < chunk.n; ++q) {
        const std::vector<Nearby>& lists = table.nearest(q);
        if (lists.empty()) continue;
        if (stamp_ == kLastStamp) {  // a query of thousands of tokens: forget the stamps, keep the scores
            for (std::size_t i = 0; i < n_touched_; ++i) {
                accumulators_[touched_[i]] = (accumulators_[touched_[i]] & kScoreMask) | (1U << kScoreBits);
            }
            stamp_ = 1;
        }
        ++stamp_;
        const int baseline = lists.back().score;
        for (const Nearby& list : lists) {
            const std::uint64_t begin = segment.list_offsets[list.centroid];
            const std::uint64_t end = segment.list_offsets[list.centroid + 1];
            if (begin > end || end > payload) continue;
            const std::size_t count = std::min<std::size_t>(segment.list_counts[list.centroid], segment.n_docs);
            const std::size_t n = decode_postings(segment.lists + begin, segment.lists + end, count,
                                                  static_cast<std::uint32_t>(segment.n_docs), decoded_.data());
            add_list(decoded_.data(), n, static_cast<std::uint32_t>(list.score - baseline) >> shift_);
        }
    }
}

void Gatherer::finish(const Segment& segment, std::size_t k, std::vector<Candidate>& out) {
    constexpr unsigned kBuckets = 4096;
    constexpr unsigned kBucketShift = kScoreBits - 12;
    out.clear();
    histogram_.assign(kBuckets, 0);
    for (std::size_t i = 0; i < n_touched_; ++i) {
        ++histogram_[(accumulators_[touched_[i]] & kScoreMask) >> kBucketShift];
    }
    unsigned bucket = kBuckets;
    for (std::size_t above = 0; bucket > 0 && above < k;) above += histogram_[--bucket];
    const std::uint32_t floor = bucket << kBucketShift;
    for (std::size_t i = 0; i < n_touched_; ++i) {
        const std::uint32_t document = touched_[i];
        const std::uint32_t score = accumulators_[document] & kScoreMask;
        if (score >= floor) out.push_back({score, document});
    }
    keep_best(out, k);
    if (out.size() < k) fill_up(segment, k, out);
    for (std::size_t i = 0; i < n_touched_; ++i) accumulators_[touched_[i]] = 0;
}

void Gatherer::fill_up(const Segment& segment, std::size_t k, std::vector<Candidate>& out) const {
    for (std::size_t document = 0; document < segment.n_docs && out.size() < k; ++document) {
        const Segment::Range range = segment.tokens(document);
        if (accumulators_[document] == 0 && range.begin != range.end) {
            out.push_back({0, static_cast<std::uint32_t>(document)});
        }
    }
}

void add_interaction(const Kernels& kernels, const Codebook& book, const Segment& segment, const QueryChunk& chunk,
                     ScoreTable& table, std::vector<std::uint32_t>& row_ids, std::vector<Candidate>& candidates) {
    constexpr std::size_t kTokens = 1024;
    row_ids.resize(kTokens);
    std::int16_t best[kQueryChunk];
    for (std::size_t c = 0; c < candidates.size(); ++c) {
        if (c + 2 < candidates.size()) {
            const Segment::Range next = segment.tokens(candidates[c + 2].document);
            prefetch_line(segment.assignment + next.begin * segment.id_bytes);
            prefetch_line(segment.assignment + next.begin * segment.id_bytes + 64);
        }
        std::fill(best, best + chunk.lanes, static_cast<std::int16_t>(-32768));
        const Segment::Range range = segment.tokens(candidates[c].document);
        for (std::size_t at = range.begin; at < range.end; at += kTokens) {
            const std::size_t n = std::min(kTokens, range.end - at);
            segment.read_assignment(at, n, book.n_centroids, row_ids.data());
            table.resolve(row_ids.data(), n);
            kernels.max_table_i16(table.rows(), row_ids.data(), n, chunk.lanes, best);
        }
        for (std::size_t q = 0; q < chunk.n; ++q) candidates[c].score += best[q];
    }
}

}  // namespace lode
