#include "index/clustering.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <vector>

#include "index/nearest.h"
#include "index/parallel.h"
#include "index/random.h"

namespace lode {
namespace {

constexpr std::size_t kBlock = 960;  // rows per block of the final assignment: a multiple of Nearest's row block

// In double: errors are differences of such sums, and small where the vectors share a large mean.
double squared_norm(const float* x, std::size_t dim) {
    double sum = 0;
    for (std::size_t d = 0; d < dim; ++d) sum += static_cast<double>(x[d]) * x[d];
    return sum;
}

// k-means of one group; the scratch is reused from group to group by one worker.
class GroupKmeans {
public:
    GroupKmeans(const Kernels& kernels, const Vectors& vectors, const std::uint32_t* order,
                const KmeansOptions& options)
        : kernels_(kernels), vectors_(vectors), order_(order), options_(options), dim_(vectors.dim), nearest_(kernels),
          block_(kBlock * vectors.dim), gain_(kBlock), label_(kBlock) {}

    double run(const Group& group, float* centroids, std::uint32_t* assignment) {
        float* own = centroids + static_cast<std::size_t>(group.first) * dim_;
        if (group.k > 1) train(group, own);
        else std::fill(own, own + dim_, 0.0F);
        return assign_and_average(group, own, assignment);
    }

private:
    void read(std::uint64_t position, float* out) const { vectors_.read(kernels_, order_[position], out); }

    // Lloyd's iterations on a sample of the group, started from k distinct points.
    void train(const Group& group, float* centroids) {
        const std::size_t n = group.end - group.begin;
        const std::size_t k = group.k;
        std::size_t n_sample = n;
        if (options_.points_per_centroid != 0) n_sample = std::min(n, std::max(k, k * options_.points_per_centroid));
        Random random(options_.seed * 0x9E3779B97F4A7C15ULL + group.id);
        choose(random, n, n_sample);
        sample_.resize(n_sample * dim_);
        for (std::size_t i = 0; i < n_sample; ++i) read(group.begin + chosen_[i], sample_.data() + i * dim_);
        std::memcpy(centroids, sample_.data(), k * dim_ * sizeof(float));  // the sample is in random order
        labels_.resize(n_sample);
        gains_.resize(n_sample);
        for (std::size_t iteration = 0; iteration < options_.n_iterations; ++iteration) {
            nearest_.set_centroids(centroids, k, dim_);
            for (std::size_t at = 0; at < n_sample; at += kBlock) {
                stop_if(options_.cancel);
                nearest_.find(sample_.data() + at * dim_, std::min(kBlock, n_sample - at), labels_.data() + at,
                              gains_.data() + at);
            }
            if (!move_to_means(centroids, k, n_sample)) break;
        }
    }

    // n_sample distinct numbers below n in random order (Fisher-Yates).
    void choose(Random& random, std::size_t n, std::size_t n_sample) {
        chosen_.resize(n);
        std::iota(chosen_.begin(), chosen_.end(), 0U);
        for (std::size_t i = 0; i < n_sample; ++i) std::swap(chosen_[i], chosen_[i + random.below(n - i)]);
    }

    void accumulate(const float* rows, const std::uint32_t* labels, std::size_t n) {
        for (std::size_t i = 0; i < n; ++i) {
            float* sum = sums_.data() + labels[i] * dim_;
            const float* row = rows + i * dim_;
            for (std::size_t d = 0; d < dim_; ++d) sum[d] += row[d];
            ++counts_[labels[i]];
        }
    }

    // Writes means; returns whether any centroid moved. An emptied cluster takes half of the largest one.
    bool move_to_means(float* centroids, std::size_t k, std::size_t n_sample) {
        sums_.assign(k * dim_, 0.0F);
        counts_.assign(k, 0);
        accumulate(sample_.data(), labels_.data(), n_sample);
        bool moved = false;
        for (std::size_t c = 0; c < k; ++c) {
            if (counts_[c] != 0) moved |= write_mean(c, centroids + c * dim_);
        }
        for (std::size_t c = 0; c < k; ++c) {
            if (counts_[c] != 0) continue;
            const std::size_t largest =
                static_cast<std::size_t>(std::max_element(counts_.begin(), counts_.end()) - counts_.begin());
            if (counts_[largest] < 2) break;
            moved = true;
            for (std::size_t d = 0; d < dim_; ++d) {
                const float nudge = d % 2 == 0 ? 1.0F / 1024 : -1.0F / 1024;
                centroids[c * dim_ + d] = centroids[largest * dim_ + d] * (1 + nudge);
                centroids[largest * dim_ + d] *= 1 - nudge;
            }
            counts_[c] = counts_[largest] / 2;
            counts_[largest] -= counts_[c];
        }
        return moved;
    }

    bool write_mean(std::size_t c, float* centroid) const {
        const float inverse = 1.0F / static_cast<float>(counts_[c]);
        bool moved = false;
        for (std::size_t d = 0; d < dim_; ++d) {
            const float mean = sums_[c * dim_ + d] * inverse;
            moved |= mean != centroid[d];
            centroid[d] = mean;
        }
        return moved;
    }

    // Assigns every token of the group, then moves each centroid to the mean of what it got: with a sampled training
    // this last step sees all points, and it can only lower the error, whose value follows from the sums.
    double assign_and_average(const Group& group, float* centroids, std::uint32_t* assignment) {
        const std::size_t k = group.k;
        sums_.assign(k * dim_, 0.0F);
        counts_.assign(k, 0);
        if (k > 1) nearest_.set_centroids(centroids, k, dim_);
        double energy = 0;  // sum of |x|^2
        for (std::uint64_t at = group.begin; at < group.end; at += kBlock) {
            stop_if(options_.cancel);
            const std::size_t rows = std::min<std::uint64_t>(kBlock, group.end - at);
            for (std::size_t i = 0; i < rows; ++i) {
                read(at + i, block_.data() + i * dim_);
                energy += squared_norm(block_.data() + i * dim_, dim_);
            }
            if (k > 1) nearest_.find(block_.data(), rows, label_.data(), gain_.data());
            else std::fill(label_.begin(), label_.begin() + static_cast<std::ptrdiff_t>(rows), 0U);
            accumulate(block_.data(), label_.data(), rows);
            for (std::size_t i = 0; i < rows; ++i) assignment[order_[at + i]] = group.first + label_[i];
        }
        for (std::size_t c = 0; c < k; ++c) {
            if (counts_[c] == 0) continue;
            write_mean(c, centroids + c * dim_);
            energy -= squared_norm(centroids + c * dim_, dim_) * static_cast<double>(counts_[c]);
        }
        return std::max(0.0, energy);  // sum |x|^2 - n_c |mean_c|^2
    }

    const Kernels& kernels_;
    const Vectors& vectors_;
    const std::uint32_t* order_;
    const KmeansOptions& options_;
    std::size_t dim_;
    Nearest nearest_;
    std::vector<float> sample_, sums_, gains_, block_, gain_;
    std::vector<std::uint32_t> labels_, chosen_, counts_, label_;
};

}  // namespace

void group_spreads(const Kernels& kernels, const Vectors& vectors, const std::uint32_t* order, const Group* groups,
                   std::size_t n_groups, std::size_t n_threads, double* spread) {
    parallel_for(n_groups, n_threads, [&](std::size_t g, std::size_t) {
        const std::size_t dim = vectors.dim;
        std::vector<float> row(dim);
        std::vector<double> sum(dim, 0.0);
        double energy = 0;
        for (std::uint64_t at = groups[g].begin; at < groups[g].end; ++at) {
            vectors.read(kernels, order[at], row.data());
            for (std::size_t d = 0; d < dim; ++d) sum[d] += row[d];
            energy += squared_norm(row.data(), dim);
        }
        const double n = static_cast<double>(groups[g].end - groups[g].begin);
        double mean_energy = 0;
        for (std::size_t d = 0; d < dim; ++d) mean_energy += (sum[d] / n) * (sum[d] / n);
        spread[g] = n == 0 ? 0 : std::max(0.0, energy / n - mean_energy);
    });
}

void cluster_groups(const Kernels& kernels, const Vectors& vectors, const std::uint32_t* order, const Group* groups,
                    std::size_t n_groups, const KmeansOptions& options, std::size_t n_threads, float* centroids,
                    std::uint32_t* assignment, double* squared_error) {
    n_threads = std::max<std::size_t>(1, std::min(n_threads, n_groups));
    std::vector<GroupKmeans> workers;
    workers.reserve(n_threads);
    for (std::size_t w = 0; w < n_threads; ++w) workers.emplace_back(kernels, vectors, order, options);
    parallel_for(n_groups, n_threads, [&](std::size_t g, std::size_t worker) {
        squared_error[g] = workers[worker].run(groups[g], centroids, assignment);
    });
}

void assign_nearest(const Kernels& kernels, const Vectors& vectors, const float* centroids, std::size_t n_centroids,
                    std::size_t n_threads, std::uint32_t* labels, const CancelFlag* cancel) {
    constexpr std::size_t kRowsPerTask = 16 * kBlock;
    const std::size_t n_tasks = (vectors.n + kRowsPerTask - 1) / kRowsPerTask;
    n_threads = std::max<std::size_t>(1, std::min(n_threads, n_tasks));
    std::vector<Nearest> nearest(n_threads, Nearest(kernels));
    for (Nearest& one : nearest) one.set_centroids(centroids, n_centroids, vectors.dim);
    parallel_for(n_tasks, n_threads, [&](std::size_t task, std::size_t worker) {
        std::vector<float> rows(kBlock * vectors.dim);
        std::vector<float> gain(kBlock);
        const std::size_t end = std::min(vectors.n, (task + 1) * kRowsPerTask);
        for (std::size_t at = task * kRowsPerTask; at < end; at += kBlock) {
            stop_if(cancel);
            const std::size_t n = std::min(kBlock, end - at);
            for (std::size_t i = 0; i < n; ++i) vectors.read(kernels, at + i, rows.data() + i * vectors.dim);
            nearest[worker].find(rows.data(), n, labels + at, gain.data());
        }
    });
}

void assign_in_groups(const Kernels& kernels, const float* rows, std::size_t dim, const std::uint32_t* order,
                      const Group* groups, std::size_t n_groups, const float* centroids, std::size_t n_threads,
                      std::uint32_t* assignment, float* gain) {
    struct Worker {
        explicit Worker(const Kernels& kernels) : nearest(kernels) {}
        Nearest nearest;
        std::vector<float> block, gains;
        std::vector<std::uint32_t> labels;
    };
    std::vector<Worker> workers(std::max<std::size_t>(1, n_threads), Worker(kernels));
    parallel_for(n_groups, n_threads, [&](std::size_t g, std::size_t w) {
        const Group& group = groups[g];
        if (group.k == 0 || group.begin == group.end) return;
        Worker& worker = workers[w];
        worker.nearest.set_centroids(centroids + std::size_t{group.first} * dim, group.k, dim);
        worker.block.resize(kBlock * dim);
        worker.gains.resize(kBlock);
        worker.labels.resize(kBlock);
        for (std::uint64_t at = group.begin; at < group.end; at += kBlock) {
            const std::size_t n = std::min<std::size_t>(kBlock, group.end - at);
            for (std::size_t i = 0; i < n; ++i) {
                std::memcpy(worker.block.data() + i * dim, rows + order[at + i] * dim, dim * sizeof(float));
            }
            worker.nearest.find(worker.block.data(), n, worker.labels.data(), worker.gains.data());
            for (std::size_t i = 0; i < n; ++i) {
                const std::uint32_t token = order[at + i];
                if (!(worker.gains[i] > gain[token])) continue;
                gain[token] = worker.gains[i];
                assignment[token] = group.first + worker.labels[i];
            }
        }
    });
}

}  // namespace lode
