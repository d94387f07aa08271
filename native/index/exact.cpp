#include "index/exact.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "index/nearest.h"
#include "index/parallel.h"
#include "index/top.h"

namespace lode {
namespace {

constexpr std::size_t kRows = 96;   // document tokens per block
constexpr std::size_t kDocs = 512;  // documents per task

struct Worker {
    explicit Worker(std::size_t k) : top(k) {}
    TopHits top;
    std::vector<float> rows, scores, best;
};

class ExactQuery {
public:
    ExactQuery(const Kernels& kernels, const Vectors& vectors, const float* query, std::size_t n_tokens)
        : kernels_(kernels), vectors_(vectors), n_(n_tokens),
          columns_(pack_panels(query, n_tokens, vectors.dim, packed_)) {}

    float score(std::size_t begin, std::size_t end, Worker& worker) const {
        const std::size_t dim = vectors_.dim;
        worker.best.assign(columns_, -std::numeric_limits<float>::infinity());
        worker.scores.resize(kRows * columns_);
        for (std::size_t at = begin; at < end; at += kRows) {
            const std::size_t n = std::min(kRows, end - at);
            const float* rows = static_cast<const float*>(vectors_.data) + (vectors_.half ? 0 : at * dim);
            if (vectors_.half) {
                worker.rows.resize(kRows * dim);
                kernels_.half_to_float(static_cast<const std::uint16_t*>(vectors_.data) + at * dim, n * dim,
                                       worker.rows.data());
                rows = worker.rows.data();
            }
            kernels_.gemm_f32(rows, dim, n, packed_.data(), columns_, dim, worker.scores.data(), columns_);
            kernels_.max_rows_f32(worker.scores.data(), n, columns_, columns_, worker.best.data());
        }
        float total = 0;
        for (std::size_t q = 0; q < n_; ++q) total += worker.best[q];
        return std::isfinite(total) ? total : -std::numeric_limits<float>::max();  // a flipped bit; see Searcher
    }

private:
    const Kernels& kernels_;
    const Vectors& vectors_;
    std::size_t n_;
    std::vector<float> packed_;
    std::size_t columns_;
};

}  // namespace

std::vector<Hit> exact_search(const Kernels& kernels, const Vectors& vectors, const std::int64_t* doc_offsets,
                              std::size_t n_docs, const float* query, std::size_t n_query_tokens, std::size_t k,
                              std::size_t n_threads, const std::uint8_t* left_out) {
    if (k == 0 || n_query_tokens == 0 || n_docs == 0) return {};
    k = std::min(k, n_docs);
    const std::size_t n_tasks = (n_docs + kDocs - 1) / kDocs;
    n_threads = std::max<std::size_t>(1, std::min(n_threads, n_tasks));
    const ExactQuery exact(kernels, vectors, query, n_query_tokens);
    std::vector<Worker> workers(n_threads, Worker(k));
    const std::int64_t n_rows = static_cast<std::int64_t>(vectors.n);
    parallel_for(n_tasks, n_threads, [&](std::size_t task, std::size_t w) {
        for (std::size_t doc = task * kDocs; doc < std::min(n_docs, (task + 1) * kDocs); ++doc) {
            if (left_out != nullptr && bit_at(left_out, doc)) continue;
            const std::int64_t begin = doc_offsets[doc];
            const std::int64_t end = doc_offsets[doc + 1];
            if (begin < 0 || begin >= end || end > n_rows) continue;
            const float value = exact.score(static_cast<std::size_t>(begin), static_cast<std::size_t>(end), workers[w]);
            workers[w].top.push({value, doc});
        }
    });
    std::vector<Hit> hits;
    for (const Worker& worker : workers) hits.insert(hits.end(), worker.top.hits().begin(), worker.top.hits().end());
    std::sort(hits.begin(), hits.end(), better);
    hits.resize(std::min(hits.size(), k));
    return hits;
}

}  // namespace lode
