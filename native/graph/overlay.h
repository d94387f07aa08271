// A small set of arcs that is searched beside the base, so that a write is seen without rebuilding it. Its nodes may
// be ones that the base does not have.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "graph/adjacency.h"

namespace lode::graph {

// The overlay's arcs one way: rows of the nodes that have any, found by hash.
class OverlaySide {
public:
    // valid_from, valid_to: [arcs.n] half-open, or null for arcs that are always valid.
    OverlaySide(const Arcs& arcs, const std::int64_t* valid_from, const std::int64_t* valid_to);

    Adjacency::Range arcs(std::int32_t node) const noexcept {
        for (std::size_t at = place(node); table_[at] != 0; at = (at + 1) & mask_) {
            const std::size_t row = table_[at] - 1;
            if (owners_[row] == node) return {starts_[row], starts_[row + 1]};
        }
        return {0, 0};
    }
    bool empty() const noexcept { return owners_.empty(); }
    bool valid_at(std::size_t arc, std::int64_t at) const noexcept {
        return from_.empty() || (from_[arc] <= at && at < to_[arc]);
    }
    const std::int32_t* nodes() const noexcept { return nodes_.data(); }
    const std::uint8_t* classes() const noexcept { return classes_.data(); }
    const std::int32_t* edges() const noexcept { return edges_.data(); }

private:
    std::size_t place(std::int32_t node) const noexcept {
        return static_cast<std::size_t>((static_cast<std::uint32_t>(node) * 0x9E3779B97F4A7C15U) >> 32) & mask_;
    }

    std::vector<std::int32_t> owners_;   // [n_rows] nodes that have arcs, ascending
    std::vector<std::size_t> starts_;    // [n_rows + 1]
    std::vector<std::int32_t> nodes_;    // [n]
    std::vector<std::uint8_t> classes_;  // [n]
    std::vector<std::int32_t> edges_;    // [n]
    std::vector<std::int64_t> from_;     // [n] or empty
    std::vector<std::int64_t> to_;
    std::size_t mask_ = 0;
    std::vector<std::uint32_t> table_;  // row + 1, 0 = free; a power of two, at most half full
};

// Both ways. Building costs O(n log n) in its own size, whatever the base's.
class Overlay {
public:
    // arcs: nodes < n_nodes, which is how many nodes base and overlay have together.
    Overlay(const Arcs& arcs, std::size_t n_nodes, const std::int64_t* valid_from, const std::int64_t* valid_to);

    std::size_t n_nodes() const noexcept { return n_nodes_; }
    const OverlaySide& side(bool upstream) const noexcept { return upstream ? upstream_ : downstream_; }

private:
    std::size_t n_nodes_;
    OverlaySide downstream_;
    OverlaySide upstream_;
};

}  // namespace lode::graph
