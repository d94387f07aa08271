#include "graph/overlay.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <tuple>

namespace lode::graph {

OverlaySide::OverlaySide(const Arcs& arcs, const std::int64_t* valid_from, const std::int64_t* valid_to) {
    std::vector<std::uint32_t> order(arcs.n);
    std::iota(order.begin(), order.end(), 0U);
    const auto key = [&](std::uint32_t i) {
        return std::make_tuple(arcs.sources[i], arcs.targets[i], arcs.classes[i], arcs.edges[i], i);
    };
    std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) { return key(a) < key(b); });
    nodes_.reserve(arcs.n);
    classes_.reserve(arcs.n);
    edges_.reserve(arcs.n);
    for (const std::uint32_t i : order) {
        if (owners_.empty() || owners_.back() != arcs.sources[i]) {
            owners_.push_back(arcs.sources[i]);
            starts_.push_back(nodes_.size());
        }
        nodes_.push_back(arcs.targets[i]);
        classes_.push_back(arcs.classes[i]);
        edges_.push_back(arcs.edges[i]);
        if (valid_from != nullptr) {
            from_.push_back(valid_from[i]);
            to_.push_back(valid_to[i]);
        }
    }
    starts_.push_back(nodes_.size());
    mask_ = std::bit_ceil(2 * owners_.size() + 2) - 1;
    table_.assign(mask_ + 1, 0);
    for (std::size_t row = 0; row < owners_.size(); ++row) {
        std::size_t at = place(owners_[row]);
        while (table_[at] != 0) at = (at + 1) & mask_;
        table_[at] = static_cast<std::uint32_t>(row + 1);
    }
}

Overlay::Overlay(const Arcs& arcs, std::size_t n_nodes, const std::int64_t* valid_from, const std::int64_t* valid_to)
    : n_nodes_(n_nodes), downstream_(arcs, valid_from, valid_to),
      upstream_({arcs.n, arcs.targets, arcs.sources, arcs.classes, arcs.edges}, valid_from, valid_to) {}

}  // namespace lode::graph
