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
            if (list.centroid >= segment.n_lists) continue;  // a centroid that is younger than the segment
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

void Gatherer::finish(const Segment& segment, std::uint64_t first, const DocumentFilter& filter, std::size_t k,
                      std::vector<Candidate>& out) {
    constexpr unsigned kBuckets = 4096;
    constexpr unsigned kBucketShift = kScoreBits - 12;
    found_.clear();
    histogram_.assign(kBuckets, 0);
    const bool all = segment.deleted == nullptr && filter.allowed == nullptr;
    std::size_t n_kept = 0;
    for (std::size_t i = 0; i < n_touched_; ++i) {
        const std::uint32_t document = touched_[i];
        if (!all && !filter.keeps(segment, first, document)) {
            accumulators_[document] = 0;
            continue;
        }
        touched_[n_kept++] = document;
        ++histogram_[(accumulators_[document] & kScoreMask) >> kBucketShift];
    }
    n_touched_ = n_kept;
    unsigned bucket = kBuckets;
    for (std::size_t above = 0; bucket > 0 && above < k;) above += histogram_[--bucket];
    const std::uint32_t floor = bucket << kBucketShift;
    for (std::size_t i = 0; i < n_touched_; ++i) {
        const std::uint32_t document = touched_[i];
        const std::uint32_t score = accumulators_[document] & kScoreMask;
        if (score >= floor) found_.push_back({score, static_cast<std::uint32_t>(first + document)});
    }
    keep_best(found_, k);
    if (found_.size() < k) fill_up(segment, first, filter, k - found_.size(), found_);
    for (std::size_t i = 0; i < n_touched_; ++i) accumulators_[touched_[i]] = 0;
    out.insert(out.end(), found_.begin(), found_.end());
}

void Gatherer::fill_up(const Segment& segment, std::uint64_t first, const DocumentFilter& filter, std::size_t n,
                       std::vector<Candidate>& out) const {
    for (std::size_t document = 0; document < segment.n_docs && n != 0; ++document) {
        const Segment::Range range = segment.tokens(document);
        if (accumulators_[document] == 0 && range.begin != range.end && filter.keeps(segment, first, document)) {
            out.push_back({0, static_cast<std::uint32_t>(first + document)});
            --n;
        }
    }
}

void add_all(const Segment& segment, std::uint64_t first, const DocumentFilter& filter, std::vector<Candidate>& out) {
    for (std::size_t document = 0; document < segment.n_docs; ++document) {
        if (filter.allowed != nullptr && (first + document) % 8 == 0 && filter.allowed[(first + document) / 8] == 0) {
            document += 7;  // most filters keep few
            continue;
        }
        const Segment::Range range = segment.tokens(document);
        if (range.begin != range.end && filter.keeps(segment, first, document)) {
            out.push_back({0, static_cast<std::uint32_t>(first + document)});
        }
    }
}

void add_interaction(const Kernels& kernels, const Codebook& book, const SegmentSet& segments, const QueryChunk& chunk,
                     ScoreTable& table, std::vector<std::uint32_t>& row_ids, std::vector<Candidate>& candidates) {
    constexpr std::size_t kTokens = 1024;
    row_ids.resize(kTokens);
    std::int16_t best[kQueryChunk];
    for (std::size_t c = 0; c < candidates.size(); ++c) {
        if (c + 8 < candidates.size()) {
            const SegmentSet::Place coming = segments.find(candidates[c + 8].document);
            prefetch_line(coming.segment.doc_offsets + coming.document);
        }
        if (c + 2 < candidates.size()) {
            const SegmentSet::Place coming = segments.find(candidates[c + 2].document);
            const Segment::Range next = coming.segment.tokens(coming.document);
            prefetch_line(coming.segment.assignment + next.begin * coming.segment.id_bytes);
            prefetch_line(coming.segment.assignment + next.begin * coming.segment.id_bytes + 64);
        }
        std::fill(best, best + chunk.lanes, static_cast<std::int16_t>(-32768));
        const SegmentSet::Place place = segments.find(candidates[c].document);
        const Segment::Range range = place.segment.tokens(place.document);
        for (std::size_t at = range.begin; at < range.end; at += kTokens) {
            const std::size_t n = std::min(kTokens, range.end - at);
            place.segment.read_assignment(at, n, book.n_centroids, row_ids.data());
            table.resolve(row_ids.data(), n);
            kernels.max_table_i16(table.rows(), row_ids.data(), n, chunk.lanes, best);
        }
        for (std::size_t q = 0; q < chunk.n; ++q) candidates[c].score += best[q];
    }
}

}  // namespace lode
