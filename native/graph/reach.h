// What is affected: from seeds in given conditions along arcs, whose class says what a condition becomes.
//
// A step is a node in a condition at a depth. Crossing an arc of class c in condition q gives transfer[c][q] <= q,
// which ends there when it is 0, and adds 1 to the depth, or 0 when the class is an identity. Because transfer is
// monotone and never increases, a step is dominated by one of the same node that is at least as strong and at most as
// deep: whatever follows from it follows from the other. So steps are settled by condition, descending, then depth,
// ascending, and a step settles only where it is less deep than every earlier one of its node. A node's first settled
// step is its answer: the strongest condition that any path of at most max_depth gives it, and the smallest depth that
// gives this one. Later steps of the node (weaker, but less deep) may lead to others' answers, and are kept for their
// paths. There are at most n_conditions - 1 steps a node, one where no weaker path is shorter, and always one when
// there is only one condition.
//
// Steps of equal condition and depth settle in rounds: first those that come from a stronger or less deep step, then
// those that come from them by identity, and so on. The parent of a step is, among the settled steps that give it in
// its round, the one of the smallest node, then the one over the smallest edge.
#pragma once

#include <cstddef>
#include <cstdint>

#include "graph/view.h"
#include "graph/workspace.h"

namespace lode::graph {

struct Question {
    std::size_t n_seeds = 0;
    const std::int32_t* seeds = nullptr;            // [n_seeds] < View::n_nodes
    const std::uint8_t* seed_conditions = nullptr;  // [n_seeds] in 1 ... n_conditions - 1
    std::size_t n_classes = 0;                      // at most 256; arcs of other classes are not crossed
    std::size_t n_conditions = 0;                   // at most kMaxConditions
    const std::uint8_t* transfer = nullptr;         // [n_classes, n_conditions]
    const std::uint8_t* identity = nullptr;         // [n_classes] 0 or 1
    std::int32_t max_depth = 0;                     // a path of more does not count
    std::size_t n_max = 0;                          // nodes
};

struct Summary {
    std::size_t n_rows = 0;   // settled steps
    std::size_t n_nodes = 0;  // of them the first of their node
    bool truncated = false;   // n_max nodes were settled and there are more
};

// Where answers are written: n_rows each, first the n_nodes answers in settle order, then the other steps that were
// settled, in theirs. parent_rows are rows of this; the parents of seeds are -1.
struct Rows {
    std::int32_t* nodes;
    std::uint8_t* conditions;
    std::int32_t* depths;
    std::int32_t* parent_nodes;
    std::int32_t* parent_edges;
    std::int32_t* parent_rows;
};

// Cost: O(arcs and nodes of the steps that settle), plus the seeds; nothing that grows with the graph.
Summary reach(const View& view, const Question& question, Workspace& workspace);

// row_numbers: [n_rows] scratch, looked at only when there are other steps
void write_rows(const Workspace& workspace, const Summary& summary, std::int32_t* row_numbers,
                const Rows& out) noexcept;

}  // namespace lode::graph
