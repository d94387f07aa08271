// Token-aware clustering (TACHIOM, section 3.1): k-means inside each group of tokens that share a vocabulary id.
#pragma once

#include <cstddef>
#include <cstdint>

#include "index/parallel.h"
#include "index/vectors.h"

namespace lode {

struct KmeansOptions {
    std::size_t n_iterations = 10;
    std::size_t points_per_centroid = 0;  // training sample per centroid; 0 trains on every point
    std::uint64_t seed = 0;
    const CancelFlag* cancel = nullptr;
};

// One group: its tokens are order[begin .. end), its centroids are centroids[first .. first + k).
struct Group {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::uint32_t first = 0;
    std::uint32_t k = 0;
    std::uint64_t id = 0;  // seeds the group's own generator, so that no order of work changes the result
};

// Summed per-dimension variance of each group (biased, divided by n): spread[j] for groups[j].
void group_spreads(const Kernels& kernels, const Vectors& vectors, const std::uint32_t* order, const Group* groups,
                   std::size_t n_groups, std::size_t n_threads, double* spread);

// Clusters the given groups: writes their centroids (float [.][dim], at Group::first), the centroid id of each of their
// tokens (assignment[token]), and the summed squared distance per group.
void cluster_groups(const Kernels& kernels, const Vectors& vectors, const std::uint32_t* order, const Group* groups,
                    std::size_t n_groups, const KmeansOptions& options, std::size_t n_threads, float* centroids,
                    std::uint32_t* assignment, double* squared_error);

// labels[i] = nearest of n_centroids centroids (float [n_centroids][dim]) to row i, in parallel over blocks of rows.
void assign_nearest(const Kernels& kernels, const Vectors& vectors, const float* centroids, std::size_t n_centroids,
                    std::size_t n_threads, std::uint32_t* labels, const CancelFlag* cancel = nullptr);

// The nearest centroid of each token among those of its group, for tokens that come after a clustering. Groups' tokens
// are order[begin .. end) of rows float [n][dim], their centroids centroids[first .. first + k). gain[i] = <x, c> -
// |c|^2 / 2 of what was found so far; only what beats it replaces assignment[i]. Groups must not share tokens.
void assign_in_groups(const Kernels& kernels, const float* rows, std::size_t dim, const std::uint32_t* order,
                      const Group* groups, std::size_t n_groups, const float* centroids, std::size_t n_threads,
                      std::uint32_t* assignment, float* gain);

}  // namespace lode
