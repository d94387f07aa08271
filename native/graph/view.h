// A graph seen one way, at one instant: the base, what was removed from it, and the overlay beside it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "graph/adjacency.h"
#include "graph/overlay.h"

namespace lode::graph {

// Which arcs count. Intervals and removals of the base are kept by edge; those of the overlay, by arc.
struct Filter {
    bool has_at = false;
    std::int64_t at = 0;
    std::size_t n_edges = 0;                   // of the intervals
    const std::int64_t* valid_from = nullptr;  // [n_edges] half-open with valid_to; null: always valid
    const std::int64_t* valid_to = nullptr;
    std::size_t n_removed = 0;
    const std::uint8_t* removed = nullptr;  // [n_removed] not 0: the edge's base arcs are gone; later edges are there

    bool active() const noexcept { return removed != nullptr || (has_at && valid_from != nullptr); }

    // Whether a base arc of this edge counts. An edge without a row in the intervals (a damaged file) does not.
    bool keeps(std::int32_t edge) const noexcept {
        const auto row = static_cast<std::size_t>(static_cast<std::uint32_t>(edge));
        if (removed != nullptr && row < n_removed && removed[row] != 0) return false;
        if (!has_at || valid_from == nullptr) return true;
        return row < n_edges && valid_from[row] <= at && at < valid_to[row];
    }
};

struct View {
    Adjacency base;
    const OverlaySide* overlay = nullptr;  // null: none
    std::size_t n_nodes = 0;               // of base and overlay together
    Filter filter;
};

struct Neighbours {
    std::vector<std::int32_t> nodes;
    std::vector<std::uint8_t> classes;
    std::vector<std::int32_t> edges;
};

// The arcs of one node that count, sorted by (node, class, edge).
Neighbours neighbours(const View& view, std::int32_t node);

}  // namespace lode::graph
