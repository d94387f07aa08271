#include "index/search.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "index/encode.h"
#include "index/stopping.h"

namespace lode {
namespace {

constexpr std::size_t kIdleScratches = 64;  // kept between searches; as many as threads that search at once
constexpr std::size_t kOneByOne = 4;        // what a centroid costs alone, in centroids of a block, about
constexpr std::size_t kTokens = 128;        // document tokens scored at a time: their dots stay in L1

// Type means cost a row each, so ranges pay only where types own many centroids.
bool use_ranges(const Codebook& book, const SearchOptions& options) {
    if (book.n_types == 0 || options.coarse == 1) return false;
    return options.coarse == 2 || (book.n_centroids > kExhaustiveCentroids && book.n_centroids > 4 * book.n_types);
}

}  // namespace

Searcher::Searcher(const Codebook& book, std::vector<Segment> segments)
    : book_(book), segments_(std::move(segments)), rotation_(book.dim, book.rotation_seed),
      basis_(book.dim, book.basis), decoder_(book.dim, book.bits, book.words) {}

std::unique_ptr<SearchScratch> Searcher::take_scratch() const {
    // try_lock: after a fork the lock may be held by a thread that the child does not have.
    const std::unique_lock<std::mutex> hold(lock_, std::try_to_lock);
    if (!hold.owns_lock() || idle_.empty()) return std::make_unique<SearchScratch>();
    std::unique_ptr<SearchScratch> scratch = std::move(idle_.back());
    idle_.pop_back();
    return scratch;
}

void Searcher::give_back(std::unique_ptr<SearchScratch> scratch) const {
    if (scratch->tables.size() > 1) return;  // a query of thousands of tokens: its tables are too large to keep
    const std::unique_lock<std::mutex> hold(lock_, std::try_to_lock);
    if (hold.owns_lock() && idle_.size() < kIdleScratches) idle_.push_back(std::move(scratch));
}

std::vector<Hit> Searcher::search(const Kernels& kernels, const float* query, std::size_t n_tokens,
                                  const SearchOptions& options, const DocumentFilter& filter) const {
    if (n_tokens == 0 || options.k == 0 || segments_.n_docs() == 0 || book_.n_centroids == 0) return {};
    std::unique_ptr<SearchScratch> scratch = take_scratch();
    prepare_query(kernels, book_, rotation_, basis_, query, n_tokens, scratch->query);
    if (options.score_all) take_all(filter, *scratch);
    score_centroids(kernels, options, *scratch);
    if (!options.score_all) {
        find_candidates(kernels, options, filter, n_tokens, *scratch);
        prune(options, *scratch);
    }
    std::vector<Hit> hits = rerank(kernels, options, *scratch);
    if (book_.refine_bits != 0 && options.k_refine != 0 && !options.score_all) refine(kernels, options, *scratch, hits);
    const std::size_t k = std::min(options.k, hits.size());
    std::partial_sort(hits.begin(), hits.begin() + static_cast<std::ptrdiff_t>(k), hits.end(), better);
    hits.resize(k);
    give_back(std::move(scratch));
    return hits;
}

// Every document that the filter keeps is a candidate.
void Searcher::take_all(const DocumentFilter& filter, SearchScratch& scratch) const {
    scratch.candidates.clear();
    for (std::size_t i = 0; i < segments_.size(); ++i) {
        add_all(segments_[i], segments_.first(i), filter, scratch.candidates);
    }
}

std::size_t Searcher::count_tokens(const std::vector<Candidate>& candidates) const {
    std::size_t n = 0;
    for (const Candidate& candidate : candidates) {
        const auto [segment, local] = segments_.find(candidate.document);
        const Segment::Range range = segment.tokens(local);
        n += range.end - range.begin;
    }
    return n;
}

void Searcher::score_centroids(const Kernels& kernels, const SearchOptions& options, SearchScratch& scratch) const {
    const std::vector<QueryChunk>& chunks = scratch.query.chunks;
    if (scratch.tables.size() < chunks.size()) scratch.tables.resize(chunks.size());
    const bool ranges = use_ranges(book_, options);
    // Where all candidates are known and their tokens are few, only their centroids count.
    const bool few = options.score_all && count_tokens(scratch.candidates) < book_.n_centroids / kOneByOne;
    for (std::size_t c = 0; c < chunks.size(); ++c) {
        if (few) {
            scratch.tables[c].score_none(kernels, book_, scratch.query, chunks[c]);
        } else if (ranges) {
            scratch.tables[c].score_ranges(kernels, book_, scratch.query, chunks[c], options.k_centroids,
                                           options.k_types, options.own_types);
        } else {  // lists are not read where all documents are scored
            scratch.tables[c].score_all(kernels, book_, scratch.query, chunks[c],
                                        options.score_all ? 0 : options.k_centroids);
        }
    }
}

// The best documents of the lists, and all of the segments that are too small to have lists.
void Searcher::find_candidates(const Kernels& kernels, const SearchOptions& options, const DocumentFilter& filter,
                               std::size_t n_tokens, SearchScratch& scratch) const {
    const std::vector<QueryChunk>& chunks = scratch.query.chunks;
    std::vector<Candidate>& candidates = scratch.candidates;
    candidates.clear();
    const std::size_t n_gather = std::max(options.k_gather, options.k);
    for (std::size_t i = 0; i < segments_.size(); ++i) {
        const Segment& segment = segments_[i];
        if (segment.n_lists == 0) continue;
        scratch.gatherer.begin(segment, n_tokens);
        for (std::size_t c = 0; c < chunks.size(); ++c) {
            scratch.gatherer.add_chunk(segment, chunks[c], scratch.tables[c]);
        }
        scratch.gatherer.finish(segment, segments_.first(i), filter, n_gather, candidates);
    }
    keep_best(candidates, n_gather);
    for (std::size_t i = 0; i < segments_.size(); ++i) {
        if (segments_[i].n_lists == 0) add_all(segments_[i], segments_.first(i), filter, candidates);
    }
    for (Candidate& candidate : candidates) candidate.score = 0;
    for (std::size_t c = 0; c < chunks.size(); ++c) {
        add_interaction(kernels, book_, segments_, chunks[c], scratch.tables[c], scratch.row_ids, candidates);
    }
}

// Keeps the best k_docs_to_score, of those the ones within alpha of the k-th best; best first.
void Searcher::prune(const SearchOptions& options, SearchScratch& scratch) const {
    std::vector<Candidate>& candidates = scratch.candidates;
    keep_best(candidates, std::max(options.k_docs_to_score, options.k));
    std::sort(candidates.begin(), candidates.end(), ahead);
    if (options.alpha < 0 || candidates.size() <= options.k) return;
    const double kth = static_cast<double>(candidates[options.k - 1].score);
    const double floor = kth - static_cast<double>(options.alpha) * std::fabs(kth);
    const auto below = [floor](const Candidate& c) { return static_cast<double>(c.score) < floor; };
    candidates.erase(std::find_if(candidates.begin(), candidates.end(), below), candidates.end());
}

std::vector<Hit> Searcher::rerank(const Kernels& kernels, const SearchOptions& options, SearchScratch& scratch) const {
    std::vector<Hit> hits;
    hits.reserve(scratch.candidates.size());
    StopRule rule(options, scratch.query.unit);
    look_up_words(kernels, scratch);
    const bool stops = !options.score_all;
    const bool refined = options.score_all && book_.refine_bits != 0;
    for (std::size_t c = 0; c < scratch.candidates.size(); ++c) {
        const Candidate candidate = scratch.candidates[c];
        if (stops && rule.stops_before(candidate.score)) break;
        if (c + 1 < scratch.candidates.size()) prefetch(scratch.candidates[c + 1].document);
        const float value = score(kernels, candidate.document, refined, scratch);
        rule.scored(candidate.score, value);
        hits.push_back({value, candidate.document});
    }
    return hits;
}

// Asks for a document's codes while the one before it is scored: they are scattered over a file larger than any cache.
void Searcher::prefetch(std::uint64_t document) const {
    constexpr std::size_t kMost = 8192;
    const auto [segment, local] = segments_.find(document);
    const Segment::Range range = segment.tokens(local);
    const std::size_t stride = row_bytes(book_.dim, book_.bits);
    const std::uint8_t* codes = segment.codes + range.begin * stride;
    const std::size_t bytes = std::min(kMost, (range.end - range.begin) * stride);
    for (std::size_t at = 0; at < bytes; at += 64) prefetch_line(codes + at);
    prefetch_line(segment.scales + range.begin);
    prefetch_line(segment.scales + range.begin + 32);
}

void Searcher::refine(const Kernels& kernels, const SearchOptions& options, SearchScratch& scratch,
                      std::vector<Hit>& hits) const {
    const std::size_t n = std::min(std::max(options.k_refine, options.k), hits.size());
    std::partial_sort(hits.begin(), hits.begin() + static_cast<std::ptrdiff_t>(n), hits.end(), better);
    hits.resize(n);
    for (Hit& hit : hits) hit.score = score(kernels, hit.position, true, scratch);
}

// Makes the tables of words where they pay.
void Searcher::look_up_words(const Kernels& kernels, SearchScratch& scratch) const {
    const std::vector<QueryChunk>& chunks = scratch.query.chunks;
    const std::size_t n_tokens = count_tokens(scratch.candidates);
    scratch.tabled = table_pays(book_, chunks.front().lanes, n_tokens);
    if (!scratch.tabled) return;
    if (scratch.word_tables.size() < chunks.size()) scratch.word_tables.resize(chunks.size());
    for (std::size_t c = 0; c < chunks.size(); ++c) scratch.word_tables[c].build(kernels, decoder_, book_, chunks[c]);
}

// Dots of up to kTokens rows of codes with the tokens of a query chunk, into scratch.dots.
void Searcher::residual_dots(const Kernels& kernels, const std::uint8_t* codes, std::size_t n, std::size_t chunk,
                             SearchScratch& scratch) const {
    if (scratch.tabled) {
        scratch.word_tables[chunk].dots(kernels, codes, n, scratch.dots.data());
        return;
    }
    const QueryChunk& query = scratch.query.chunks[chunk];
    const unsigned width = word_bits(book_.bits);
    const std::size_t stride = row_bytes(book_.dim, width);
    scratch.words.resize(kTokens * stride + kReadSlack);
    decoder_.expand(codes, row_bytes(book_.dim, book_.bits), n, scratch.words.data(), stride);
    dot_rows(kernels, width)(scratch.words.data(), stride, n, n_blocks(book_.dim, width), query.codes.data(),
                             query.padded, scratch.dots.data(), query.lanes);
}

// MaxSim from the codes: centroid score from the table, plus the residual tiers.
float Searcher::score(const Kernels& kernels, std::uint64_t document, bool refined, SearchScratch& scratch) const {
    const SegmentSet::Place place = segments_.find(document);
    const Segment& segment = place.segment;
    const Segment::Range range = segment.tokens(place.document);
    const std::size_t stride = row_bytes(book_.dim, book_.bits);
    const std::size_t refine_stride = row_bytes(book_.dim, book_.refine_bits);
    float total = 0;
    scratch.row_ids.resize(std::max(scratch.row_ids.size(), kTokens));
    scratch.scales.resize(kTokens);
    for (std::size_t c = 0; c < scratch.query.chunks.size(); ++c) {
        const QueryChunk& chunk = scratch.query.chunks[c];
        scratch.dots.resize(std::max(scratch.dots.size(), kTokens * chunk.lanes));
        scratch.scores.resize(scratch.dots.size());
        float best[kQueryChunk];
        std::fill(best, best + chunk.lanes, -std::numeric_limits<float>::infinity());
        for (std::size_t at = range.begin; at < range.end; at += kTokens) {
            const std::size_t n = std::min(kTokens, range.end - at);
            segment.read_assignment(at, n, book_.n_centroids, scratch.row_ids.data());
            const auto load_scales = [&](const std::uint16_t* halves, float step) {
                kernels.half_to_float(halves + at, n, scratch.scales.data());
                for (std::size_t i = 0; i < n; ++i) scratch.scales[i] *= step;
            };
            load_scales(segment.scales, scratch.query.step);
            residual_dots(kernels, segment.codes + at * stride, n, c, scratch);
            scratch.tables[c].resolve(scratch.row_ids.data(), n);
            kernels.decode_residual(scratch.tables[c].rows(), scratch.row_ids.data(), scratch.dots.data(),
                                    chunk.offset.data(), scratch.scales.data(), scratch.query.unit, n, chunk.lanes,
                                    scratch.scores.data());
            if (refined) {
                load_scales(segment.refine_scales, scratch.query.refine_step);
                dot_rows(kernels, book_.refine_bits)(segment.refine_codes + at * refine_stride, refine_stride, n,
                                                     n_blocks(book_.dim, book_.refine_bits), chunk.refine_codes.data(),
                                                     chunk.padded, scratch.dots.data(), chunk.lanes);
                kernels.add_residual(scratch.dots.data(), chunk.refine_offset.data(), scratch.scales.data(), n,
                                     chunk.lanes, scratch.scores.data());
            }
            kernels.max_rows_f32(scratch.scores.data(), n, chunk.lanes, chunk.lanes, best);
        }
        for (std::size_t q = 0; q < chunk.n; ++q) total += best[q];
    }
    // A flipped bit in a scale can make it infinite or NaN; an order needs numbers.
    return std::isfinite(total) ? total : -std::numeric_limits<float>::max();
}

}  // namespace lode
