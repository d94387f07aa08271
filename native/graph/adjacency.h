// Directed arcs as compressed rows, both ways: what a traversal reads. Plain arrays, which may be mapped files.
//
// Downstream, row v lists the targets of the arcs that leave v; upstream, the sources of those that enter it. A row is
// sorted by (node, class, edge), so equal arcs in any order give the same bytes.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lode::graph {

struct Adjacency {
    std::size_t n_nodes = 0;
    std::size_t n_arcs = 0;
    const std::int64_t* offsets = nullptr;  // [n_nodes + 1], ascending from 0 to n_arcs
    const std::int32_t* nodes = nullptr;    // [n_arcs] the other end
    const std::uint8_t* classes = nullptr;  // [n_arcs]
    const std::int32_t* edges = nullptr;    // [n_arcs] row of the reified edge

    struct Range {
        std::size_t begin;
        std::size_t end;
    };

    // The arcs of a node; of a node that is not in the base, or whose offsets are damaged, none.
    Range arcs(std::size_t node) const noexcept {
        if (node >= n_nodes) return {0, 0};
        const auto begin = static_cast<std::size_t>(offsets[node]);
        const auto end = static_cast<std::size_t>(offsets[node + 1]);
        return begin <= end && end <= n_arcs ? Range{begin, end} : Range{0, 0};
    }
};

struct Arcs {
    std::size_t n = 0;
    const std::int32_t* sources = nullptr;  // [n] each < n_nodes, as the targets
    const std::int32_t* targets = nullptr;  // [n]
    const std::uint8_t* classes = nullptr;  // [n]
    const std::int32_t* edges = nullptr;    // [n]
};

// Where one way of a graph is written; the arrays are the caller's.
struct AdjacencyOut {
    std::int64_t* offsets;  // [n_nodes + 1]
    std::int32_t* nodes;    // [n]
    std::uint8_t* classes;  // [n]
    std::int32_t* edges;    // [n]
};

// Two counting sorts: by source, whose rows are then sorted one by one, and from those, stable, by target. Besides the
// arrays it needs 8 bytes a node and 12 for each arc of the longest row. Cost: O(n_nodes + n + sum of d log d).
void build_adjacency(const Arcs& arcs, std::size_t n_nodes, const AdjacencyOut& downstream,
                     const AdjacencyOut& upstream);

}  // namespace lode::graph
