#include "graph/adjacency.h"

#include <algorithm>
#include <numeric>
#include <tuple>
#include <vector>

namespace lode::graph {
namespace {

struct Arc {
    std::int32_t node;
    std::int32_t edge;
    std::uint8_t arc_class;

    bool operator<(const Arc& other) const noexcept {
        return std::tie(node, arc_class, edge) < std::tie(other.node, other.arc_class, other.edge);
    }
};

// offsets[v] = how many keys are smaller than v.
void count(const std::int32_t* keys, std::size_t n, std::size_t n_nodes, std::int64_t* offsets) noexcept {
    std::fill(offsets, offsets + n_nodes + 1, 0);
    for (std::size_t i = 0; i < n; ++i) ++offsets[static_cast<std::size_t>(keys[i]) + 1];
    std::partial_sum(offsets, offsets + n_nodes + 1, offsets);
}

void sort_row(std::size_t begin, std::size_t end, const AdjacencyOut& out, std::vector<Arc>& row) {
    row.clear();
    for (std::size_t a = begin; a < end; ++a) row.push_back({out.nodes[a], out.edges[a], out.classes[a]});
    if (std::is_sorted(row.begin(), row.end())) return;
    std::sort(row.begin(), row.end());
    for (std::size_t i = 0; i < row.size(); ++i) {
        out.nodes[begin + i] = row[i].node;
        out.classes[begin + i] = row[i].arc_class;
        out.edges[begin + i] = row[i].edge;
    }
}

}  // namespace

void build_adjacency(const Arcs& arcs, std::size_t n_nodes, const AdjacencyOut& downstream,
                     const AdjacencyOut& upstream) {
    count(arcs.sources, arcs.n, n_nodes, downstream.offsets);
    std::vector<std::int64_t> fill(downstream.offsets, downstream.offsets + n_nodes);
    for (std::size_t i = 0; i < arcs.n; ++i) {
        const auto at = static_cast<std::size_t>(fill[static_cast<std::size_t>(arcs.sources[i])]++);
        downstream.nodes[at] = arcs.targets[i];
        downstream.classes[at] = arcs.classes[i];
        downstream.edges[at] = arcs.edges[i];
    }
    std::vector<Arc> row;
    for (std::size_t v = 0; v < n_nodes; ++v) {
        const auto begin = static_cast<std::size_t>(downstream.offsets[v]);
        const auto end = static_cast<std::size_t>(downstream.offsets[v + 1]);
        if (end - begin > 1) sort_row(begin, end, downstream, row);
    }
    count(arcs.targets, arcs.n, n_nodes, upstream.offsets);
    fill.assign(upstream.offsets, upstream.offsets + n_nodes);
    for (std::size_t v = 0; v < n_nodes; ++v) {  // sources ascend, so each row is born sorted
        for (std::int64_t a = downstream.offsets[v]; a < downstream.offsets[v + 1]; ++a) {
            const auto at = static_cast<std::size_t>(fill[static_cast<std::size_t>(downstream.nodes[a])]++);
            upstream.nodes[at] = static_cast<std::int32_t>(v);
            upstream.classes[at] = downstream.classes[a];
            upstream.edges[at] = downstream.edges[a];
        }
    }
}

}  // namespace lode::graph
