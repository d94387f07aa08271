// The search pipeline against a naive one, at every level, from one thread and from many.
#include <algorithm>
#include <cmath>
#include <thread>

#include "index/exact.h"
#include "small_index.h"

namespace lode::test {
namespace {

// Everything open: every list is read, every document scored, so that the result is MaxSim over the decoded tokens.
SearchOptions everything(std::size_t k) {
    SearchOptions options;
    options.k = k;
    options.k_centroids = 1000000;
    options.k_gather = options.k_docs_to_score = options.k_refine = 1000000;
    options.coarse = 1;
    return options;
}

// The obvious version: decode every token, take the dot products in double.
class Naive {
public:
    explicit Naive(const SmallIndex& index) : index_(index), dim_(index.book.dim) {
        std::vector<std::uint8_t> codes(dim_);
        for (std::size_t t = 0; t < index.assignment.size(); ++t) {
            const Codebook& book = index.book;
            unpack_row(index.centroid_rows.data() + index.assignment[t] * row_bytes(dim_, kCentroidBits), dim_,
                       kCentroidBits, codes.data());
            for (std::size_t d = 0; d < dim_; ++d)
                base_.push_back(double{book.centroid_scale} * (codes[d] - kCentroidZero));
            const std::vector<double> residual = index.residual(t);
            const std::vector<double> back = index.turned_back(residual);
            residual_.insert(residual_.end(), back.begin(), back.end());
            base_steps_.push_back(0);
            residual_steps_.push_back(0);
            for (std::size_t d = 0; d < dim_; ++d) {
                size_.push_back(std::fabs(base_[t * dim_ + d]) + std::fabs(back[d]));
                base_steps_.back() += std::fabs(base_[t * dim_ + d]) / 126;
                residual_steps_.back() += std::fabs(residual[d]) / 126;
            }
        }
    }

    struct Score {
        double value = 0;
        double tolerance = 0;
    };

    // Scores of all documents. The pipeline rounds the query: to 1/63 of its largest value against centroids (whose
    // scores are then cut to multiples of `unit`) and words, to 1/127 against refinement codes. That is half a step per
    // dimension; the rest is float rounding.
    std::vector<Score> scores(const std::vector<float>& query) const {
        std::vector<float> rotated = query;
        float largest = 0;
        for (std::size_t q = 0; q < query.size(); q += dim_) index_.rotation.apply(rotated.data() + q);
        for (const float value : rotated) largest = std::max(largest, std::fabs(value));
        const Basis basis(dim_, index_.product.basis.empty() ? nullptr : index_.product.basis.data());
        std::vector<float> turned(query.size() / dim_ * basis.stride());
        basis.apply(*kReference, rotated.data(), query.size() / dim_, turned.data());
        float largest_turned = 0;
        for (const float value : turned) largest_turned = std::max(largest_turned, std::fabs(value));
        Query prepared;
        prepare_query(*kReference, index_.codebook(), index_.rotation, basis, query.data(), query.size() / dim_,
                      prepared);
        std::vector<Score> all(index_.doc_offsets.size() - 1);
        for (std::size_t doc = 0; doc < all.size(); ++doc) {
            for (std::size_t q = 0; q < query.size(); q += dim_) {
                double best = -1e300;
                double tolerance = 0;
                for (std::size_t t = index_.doc_offsets[doc]; t < index_.doc_offsets[doc + 1]; ++t) {
                    double dot = 0;
                    double magnitude = 0;
                    for (std::size_t d = 0; d < dim_; ++d) {
                        dot += double{rotated[q + d]} * (base_[t * dim_ + d] + residual_[t * dim_ + d]);
                        magnitude += std::fabs(double{rotated[q + d]}) * size_[t * dim_ + d];
                    }
                    best = std::max(best, dot);
                    tolerance = std::max(tolerance, double{prepared.unit} + double{largest} * base_steps_[t] +
                                                        double{largest_turned} * residual_steps_[t] + 1e-4 * magnitude);
                }
                all[doc].value += best;
                all[doc].tolerance += tolerance;
            }
        }
        return all;
    }

private:
    const SmallIndex& index_;
    std::size_t dim_;
    std::vector<double> base_, residual_, size_;       // [n_tokens][dim]
    std::vector<double> base_steps_, residual_steps_;  // [n_tokens] how far half a step in every dimension moves a dot
};

void compare_with_naive(const IndexShape& shape) {
    SmallIndex index(shape);
    const Searcher searcher(index.codebook(), {index.segment()});
    const Naive naive(index);
    std::size_t n_with_tokens = 0;
    for (std::size_t doc = 0; doc < shape.n_docs; ++doc)
        n_with_tokens += index.doc_offsets[doc] != index.doc_offsets[doc + 1] ? 1 : 0;
    for (const std::size_t n_query_tokens : {1, 8, 13, 65}) {
        const std::vector<float> query = index.random_query(n_query_tokens);
        const std::vector<Naive::Score> scores = naive.scores(query);
        for (const Kernels* kernels : levels()) {
            const std::vector<Hit> hits =
                searcher.search(*kernels, query.data(), n_query_tokens, everything(shape.n_docs + 5));
            CHECK(well_formed(hits, shape.n_docs, shape.n_docs) && hits.size() == n_with_tokens,
                  "%s %s, %zu query tokens: %zu hits of %zu", kernels->name, shape.name().c_str(), n_query_tokens,
                  hits.size(), n_with_tokens);
            for (const Hit& hit : hits) {
                const Naive::Score& expected = scores[hit.position];
                CHECK(std::fabs(double{hit.score} - expected.value) <= expected.tolerance,
                      "%s %s, %zu query tokens, document %zu: %g, expected %g within %g", kernels->name,
                      shape.name().c_str(), n_query_tokens, static_cast<std::size_t>(hit.position), double{hit.score},
                      expected.value, expected.tolerance);
            }
            // A smaller k is a prefix, and so is the way through the token-type ranges when all of them are scanned.
            SearchOptions few = everything(7);
            const std::vector<Hit> prefix(
                hits.begin(), hits.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(7, hits.size())));
            CHECK(same(searcher.search(*kernels, query.data(), n_query_tokens, few), prefix), "%s %s: k = 7",
                  kernels->name, shape.name().c_str());
            few.coarse = 2;
            few.k_types = 1000000;
            CHECK(same(searcher.search(*kernels, query.data(), n_query_tokens, few), prefix), "%s %s: ranges",
                  kernels->name, shape.name().c_str());
        }
    }
}

}  // namespace

TEST_GROUP(searching_everything_is_maxsim_over_the_decoded_tokens) {
    std::uint64_t seed = 1;
    for (const std::size_t dim : {1, 2, 7, 24, 33, 64, 100, 128}) {
        for (const unsigned bits : {1U, 2U, 4U}) {
            const unsigned refine_bits = seed % 4 == 0 ? 0 : 1U << (seed % 3);
            compare_with_naive({dim, 14, 25, bits, refine_bits, static_cast<unsigned>(2 + seed % 3), 9, seed});
            ++seed;
        }
    }
}

TEST_GROUP(documents_longer_than_a_block_of_tokens_are_scored_whole) {
    compare_with_naive({9, 4, 30, 2, 1, 2, 400, 77});
}

TEST_GROUP(enough_tokens_to_look_their_words_up_score_as_few_do) {
    for (const unsigned bits : {1U, 2U, 4U}) compare_with_naive({16, 30, 20, bits, bits / 2, 2, 160, 90 + bits});
}

TEST_GROUP(all_documents_scored_one_by_one_in_a_block_or_by_table_have_the_same_scores) {
    for (const unsigned bits : {1U, 2U, 4U}) {
        SmallIndex index({20, 64, 1500, bits, bits == 2 ? 2U : 0U, 2, 90, 40 + bits});
        const Searcher searcher(index.codebook(), {index.segment()});
        const std::size_t bytes = 8;
        const std::vector<std::uint8_t> every(bytes, 0xFF);
        for (const std::size_t n_query_tokens : {1, 9, 16, 40, 70}) {
            const std::vector<float> query = index.random_query(n_query_tokens);
            SearchOptions options = everything(64);
            options.score_all = true;
            for (const Kernels* kernels : levels()) {
                const auto search = [&](const std::vector<std::uint8_t>& allowed) {
                    return searcher.search(*kernels, query.data(), n_query_tokens, options, {allowed.data()});
                };
                const std::vector<Hit> all = search(every);
                CHECK(same(all, searcher.search(*kernels, query.data(), n_query_tokens, everything(64))),
                      "%s %u bits, %zu query tokens: all scored, and all searched", kernels->name, bits,
                      n_query_tokens);
                for (const Hit& hit : all) {  // a document on its own: few tokens, no table of any kind
                    std::vector<std::uint8_t> one(bytes, 0);
                    one[hit.position / 8] = static_cast<std::uint8_t>(1U << (hit.position % 8));
                    CHECK(same(search(one), {hit}), "%s %u bits, %zu query tokens: document %zu alone", kernels->name,
                          bits, n_query_tokens, static_cast<std::size_t>(hit.position));
                }
            }
        }
    }
}

TEST_GROUP(a_narrow_search_returns_hits_of_the_full_ranking_and_fills_up_to_k) {
    SmallIndex index({24, 150, 80, 2, 2, 3, 6, 5});
    const Searcher searcher(index.codebook(), {index.segment()});
    for (const Kernels* kernels : levels()) {
        for (std::size_t n = 0; n < 30; ++n) {
            const std::size_t n_tokens = 1 + n % 20;
            const std::vector<float> query = index.random_query(n_tokens);
            SearchOptions options;
            options.k = 1 + index.numbers.below(30);
            options.k_centroids = 1 + index.numbers.below(10);
            options.k_gather = index.numbers.below(60);
            options.k_docs_to_score = index.numbers.below(40);
            options.k_refine = index.numbers.below(20);
            options.alpha = n % 3 == 0 ? 0.3F : -1.0F;
            options.beta = n % 4 == 0 ? 5 : 0;
            options.stop_sigma = n % 5 == 0 ? 0.5F : 0.0F;
            options.coarse = static_cast<int>(n % 3);
            options.k_types = 1 + index.numbers.below(5);
            if (n % 2 == 0) options.own_types = {0, 3, 3, 1000000};
            const std::vector<Hit> hits = searcher.search(*kernels, query.data(), n_tokens, options);
            const std::vector<Hit> all = searcher.search(*kernels, query.data(), n_tokens, everything(150));
            bool known = options.k_refine != 0;  // scores of the last tier, as in the full ranking
            for (const Hit& hit : hits) {
                known &= std::any_of(all.begin(), all.end(), [&](const Hit& other) {
                    return other.position == hit.position && other.score == hit.score;
                });
            }
            CHECK(well_formed(hits, options.k, 150), "%s search %zu", kernels->name, n);
            CHECK(known || options.k_refine == 0, "%s search %zu: a score differs from the full ranking", kernels->name,
                  n);
            CHECK(hits.size() == options.k || options.beta != 0, "%s search %zu: %zu hits for k = %zu", kernels->name,
                  n, hits.size(), options.k);
        }
    }
}

TEST_GROUP(equal_documents_stand_in_order_of_position) {
    SmallIndex index({20, 1, 10, 2, 0, 2, 1, 9});
    SmallIndex many = index;
    for (std::size_t copy = 0; copy < 20; ++copy) {
        many.tokens.insert(many.tokens.end(), index.tokens.begin(), index.tokens.end());
        many.assignment.push_back(index.assignment[0]);
        many.doc_offsets.push_back(many.doc_offsets.back() + 1);
        many.scales.push_back(index.scales[0]);
    }
    const std::size_t n = many.assignment.size();
    const std::size_t stride = row_bytes(20, 2);
    many.codes.assign(n * stride + kReadSlack, 0);
    many.ids.assign(n * 2 + 4, 0);
    for (std::size_t t = 0; t < n; ++t) {
        std::memcpy(many.codes.data() + t * stride, index.codes.data(), stride);
        std::memcpy(many.ids.data() + t * 2, index.ids.data(), 2);
    }
    const std::vector<std::int64_t> offsets(many.doc_offsets.begin(), many.doc_offsets.end());
    many.lists = build_postings(many.assignment.data(), offsets.data(), n, 10);
    const Searcher searcher(many.codebook(), {many.segment()});
    const std::vector<float> query = many.random_query(3);
    for (const Kernels* kernels : levels()) {
        const std::vector<Hit> hits = searcher.search(*kernels, query.data(), 3, everything(5));
        for (std::size_t i = 0; i < 5; ++i)
            CHECK(hits.size() == 5 && hits[i].position == i, "%s hit %zu", kernels->name, i);
    }
}

TEST_GROUP(sixteen_threads_on_one_searcher_find_what_one_thread_finds) {
    SmallIndex index({16, 80, 60, 2, 1, 2, 6, 6});
    const Searcher searcher(index.codebook(), {index.segment()});
    std::vector<std::vector<float>> queries;
    for (std::size_t n = 0; n < 12; ++n) queries.push_back(index.random_query(1 + 3 * n));
    SearchOptions options;
    options.k_centroids = 8;
    options.k_gather = 40;
    options.k_docs_to_score = 20;
    options.k_refine = 12;
    for (const Kernels* kernels : levels()) {
        const auto search = [&](std::size_t n) {
            SearchOptions own = options;
            own.coarse = 1 + static_cast<int>(n % 2);
            return searcher.search(*kernels, queries[n].data(), 1 + 3 * n, own);
        };
        std::vector<std::vector<Hit>> expected;
        for (std::size_t n = 0; n < queries.size(); ++n) expected.push_back(search(n));
        std::vector<int> wrong(16, 0);
        std::vector<std::thread> threads;
        for (std::size_t w = 0; w < wrong.size(); ++w) {
            threads.emplace_back([&, w] {
                for (std::size_t n = 0; n < queries.size(); ++n) {
                    const std::size_t own = (n + w) % queries.size();
                    wrong[w] += same(search(own), expected[own]) ? 0 : 1;
                }
            });
        }
        for (std::thread& thread : threads) thread.join();
        for (std::size_t w = 0; w < wrong.size(); ++w)
            CHECK(wrong[w] == 0, "%s thread %zu: %d searches differ", kernels->name, w, wrong[w]);
    }
}

TEST_GROUP(exact_search_is_maxsim_in_float) {
    Numbers numbers(8);
    for (const std::size_t dim : {1, 3, 17, 64, 130}) {
        std::vector<std::int64_t> offsets{0};
        for (std::size_t doc = 0; doc < 50; ++doc)
            offsets.push_back(offsets.back() +
                              (doc % 9 == 4 ? 0 : 1 + static_cast<std::int64_t>(numbers.below(doc == 20 ? 250 : 8))));
        const auto n_tokens = static_cast<std::size_t>(offsets.back());
        std::vector<float> tokens(n_tokens * dim);
        for (float& value : tokens) value = numbers.unit();
        for (const std::size_t n_query_tokens : {1, 16, 17, 40}) {
            std::vector<float> query(n_query_tokens * dim);
            for (float& value : query) value = numbers.unit();
            for (const Kernels* kernels : levels()) {
                const Vectors vectors{tokens.data(), false, n_tokens, dim};
                const std::vector<Hit> hits =
                    exact_search(*kernels, vectors, offsets.data(), 50, query.data(), n_query_tokens, 60, 3);
                CHECK(well_formed(hits, 60, 50) && hits.size() == 44, "%s dim %zu: %zu hits", kernels->name, dim,
                      hits.size());
                for (const Hit& hit : hits) {
                    double expected = 0;
                    for (std::size_t q = 0; q < n_query_tokens; ++q) {
                        double best = -1e300;
                        for (std::int64_t t = offsets[hit.position]; t < offsets[hit.position + 1]; ++t) {
                            double dot = 0;
                            for (std::size_t d = 0; d < dim; ++d)
                                dot +=
                                    double{query[q * dim + d]} * double{tokens[static_cast<std::size_t>(t) * dim + d]};
                            best = std::max(best, dot);
                        }
                        expected += best;
                    }
                    const double tolerance =
                        0x1p-23 * static_cast<double>(n_query_tokens * dim * (dim + n_query_tokens));
                    CHECK(std::fabs(double{hit.score} - expected) <= tolerance, "%s dim %zu: %g, expected %g",
                          kernels->name, dim, double{hit.score}, expected);
                }
            }
        }
    }
}

TEST_GROUP(segments_find_what_one_index_finds_and_leave_out_what_is_deleted_or_filtered) {
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
        const std::size_t n_docs = 61;
        SmallIndex index({24, n_docs, 25, 2, seed % 3 == 0 ? 2U : 0U, 2, 9, seed});
        const Searcher whole(index.codebook(), {index.segment()});
        // Three segments of which the second has no lists, an empty one among them.
        const SmallIndex::Part first = index.part(0, 20, true), none = index.part(20, 20, true);
        const SmallIndex::Part second = index.part(20, 33, false), third = index.part(33, n_docs, true);
        std::vector<Segment> views;
        for (const SmallIndex::Part* part : {&first, &none, &second, &third}) {
            views.push_back(SmallIndex::view_of(*part));
        }
        std::vector<std::uint8_t> deleted[4], allowed((n_docs + 7) / 8);
        std::vector<bool> gone(n_docs, false), kept(n_docs, false);
        std::size_t start = 0;
        for (std::size_t i = 0; i < views.size(); ++i) {
            deleted[i].assign((views[i].n_docs + 7) / 8 + 1, 0);
            for (std::size_t doc = 0; doc < views[i].n_docs; ++doc) {
                gone[start + doc] = index.numbers.below(4) == 0;
                if (gone[start + doc])
                    deleted[i][doc / 8] = static_cast<std::uint8_t>(deleted[i][doc / 8] | 1U << doc % 8);
            }
            start += views[i].n_docs;
            if (i != 0) views[i].deleted = deleted[i].data();  // the first segment has no bitmap
        }
        std::fill(gone.begin(), gone.begin() + 20, false);
        for (std::size_t doc = 0; doc < n_docs; ++doc) {
            kept[doc] = index.numbers.below(3) != 0;
            if (kept[doc]) allowed[doc / 8] = static_cast<std::uint8_t>(allowed[doc / 8] | 1U << doc % 8);
        }
        const Searcher parts(index.codebook(), views);
        const std::vector<float> query = index.random_query(11);
        for (const Kernels* kernels : levels()) {
            const std::vector<Hit> all = whole.search(*kernels, query.data(), 11, everything(n_docs));
            for (const bool filtered : {false, true}) {
                std::vector<Hit> expected;
                for (const Hit& hit : all) {
                    if (!gone[hit.position] && (!filtered || kept[hit.position])) expected.push_back(hit);
                }
                const DocumentFilter filter{filtered ? allowed.data() : nullptr};
                CHECK(same(parts.search(*kernels, query.data(), 11, everything(n_docs), filter), expected),
                      "%s, seed %zu, filtered %d", kernels->name, static_cast<std::size_t>(seed), filtered ? 1 : 0);
                SearchOptions direct;  // scores all that is left, whatever the limits say
                direct.k = n_docs;
                direct.k_gather = direct.k_docs_to_score = direct.k_refine = 1;
                direct.stop_sigma = 0.1F;
                direct.score_all = true;
                CHECK(same(parts.search(*kernels, query.data(), 11, direct, filter), expected),
                      "%s, seed %zu, filtered %d, all scored", kernels->name, static_cast<std::size_t>(seed),
                      filtered ? 1 : 0);
            }
        }
    }
}

}  // namespace lode::test
