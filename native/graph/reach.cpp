#include "graph/reach.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <tuple>

namespace lode::graph {
namespace {

constexpr std::size_t kAhead = 8;  // steps whose memory is asked for early
constexpr std::size_t kClasses = 256;

inline void prefetch(const void* address) noexcept {
#if defined(__GNUC__)
    __builtin_prefetch(address);
#else
    static_cast<void>(address);
#endif
}

// What crossing an arc of a class gives in the condition at hand.
struct Crossing {
    std::uint8_t condition;  // 0: not crossed
    std::uint8_t depth;      // 0 or 1 more
};

class Traversal {
public:
    Traversal(const View& view, const Question& question, Workspace& workspace)
        : view_(view), question_(question), work_(workspace), slots_(workspace.slots()), tag_(workspace.tag()) {}

    Summary run() {
        for (std::size_t i = 0; i < question_.n_seeds; ++i) {
            const std::uint8_t condition = question_.seed_conditions[i];
            offer(condition, {question_.seeds[i], 0, -1, -1, -1}, [] { return true; });
        }
        for (std::size_t q = question_.n_conditions; q-- > 1;) {
            if (!summary_.truncated) sweep(static_cast<std::uint8_t>(q));
            work_.settled_end[q] = work_.settled.size();
        }
        summary_.n_rows = work_.settled.size();
        return summary_;
    }

private:
    // Settles and expands the steps of one condition, level by level.
    void sweep(std::uint8_t condition) {
        condition_ = condition;
        order_by_depth();
        work_.next.clear();
        const std::vector<Step>& steps = work_.queued[condition];
        for (std::size_t w = 0; w < work_.order.size() || !work_.next.empty();) {
            // steps of depth + 1 wait in `next`: nothing that was queued earlier is less deep
            depth_ = work_.next.empty() ? steps[work_.order[w]].depth : depth_ + 1;
            work_.now.swap(work_.next);
            work_.next.clear();
            for (; w < work_.order.size() && steps[work_.order[w]].depth == depth_; ++w) {
                work_.now.push_back(work_.order[w]);
            }
            cross_in_condition();
            while (!work_.now.empty()) {
                const std::size_t begin = work_.settled.size();
                settle();
                work_.now.clear();
                if (summary_.truncated) return;
                if (view_.filter.active()) {
                    expand<true>(begin, work_.settled.size());
                } else {
                    expand<false>(begin, work_.settled.size());
                }
            }
        }
    }

    // The queued steps of the condition by depth: a counting sort, or where depths are few and far between, a sort.
    void order_by_depth() {
        const std::vector<Step>& steps = work_.queued[condition_];
        std::vector<std::uint32_t>& order = work_.order;
        order.resize(steps.size());
        std::iota(order.begin(), order.end(), 0U);
        const auto shallower = [&](std::uint32_t a, std::uint32_t b) { return steps[a].depth < steps[b].depth; };
        if (std::is_sorted(order.begin(), order.end(), shallower)) return;
        const auto [low, high] = std::minmax_element(steps.begin(), steps.end(),
                                                     [](const Step& a, const Step& b) { return a.depth < b.depth; });
        const std::int32_t least = low->depth;
        const std::size_t n_depths = static_cast<std::size_t>(high->depth - least) + 1;
        if (n_depths > steps.size()) {
            std::stable_sort(order.begin(), order.end(), shallower);
            return;
        }
        std::vector<std::uint32_t> fill(n_depths + 1, 0);
        for (const Step& step : steps) ++fill[static_cast<std::size_t>(step.depth - least) + 1];
        std::partial_sum(fill.begin(), fill.end(), fill.begin());
        for (std::uint32_t i = 0; i < steps.size(); ++i) {
            order[fill[static_cast<std::size_t>(steps[i].depth - least)]++] = i;
        }
    }

    // At max_depth only identities are crossed.
    void cross_in_condition() noexcept {
        for (std::size_t c = 0; c < question_.n_classes; ++c) {
            const bool same = question_.identity[c] != 0;
            const bool open = same || depth_ < question_.max_depth;
            crossings_[c] = {open ? question_.transfer[c * question_.n_conditions + condition_] : std::uint8_t{0},
                             static_cast<std::uint8_t>(same ? 0 : 1)};
        }
    }

    // The steps of this round that no earlier one dominates become rows. One that was queued twice gets the better
    // parent.
    void settle() {
        std::vector<Step>& steps = work_.queued[condition_];
        const std::vector<std::uint32_t>& now = work_.now;
        for (std::size_t i = 0; i < now.size(); ++i) {
            if (i + kAhead < now.size()) prefetch(&slots_[steps[now[i + kAhead]].node]);
            const std::uint32_t number = now[i];
            const Step& step = steps[number];
            Slot& slot = slots_[step.node];
            if (slot.settled <= depth_) {
                const bool twice = slot.settled == depth_ && slot.depth == depth_ && slot.tag == (tag_ | condition_);
                if (twice && slot.step != number) keep_better_parent(steps[slot.step], step);
                continue;
            }
            if (slot.settled == kNeverSettled) {
                if (summary_.n_nodes == question_.n_max) {
                    summary_.truncated = true;
                    continue;
                }
                ++summary_.n_nodes;
            } else {
                work_.passed.push_back(static_cast<std::uint32_t>(work_.settled.size()));
            }
            slot = {tag_ | condition_, depth_, depth_, number};
            work_.settled.push_back(number);
        }
        if (work_.settled.size() > kMost || steps.size() > kMost) {
            throw std::length_error("more than 2^31 steps in one traversal");
        }
    }

    template <bool kFiltered>
    void expand(std::size_t begin, std::size_t end) {
        const Adjacency& base = view_.base;
        for (std::size_t row = begin; row < end; ++row) {
            prefetch_row(row, end);
            const std::int32_t node = work_.queued[condition_][work_.settled[row]].node;
            const Adjacency::Range arcs = base.arcs(static_cast<std::size_t>(node));
            for (std::size_t a = arcs.begin; a < arcs.end; ++a) {
                cross(row, node, base.nodes[a], base.classes[a], base.edges + a,
                      [&] { return !kFiltered || view_.filter.keeps(base.edges[a]); });
            }
            if (view_.overlay != nullptr) expand_overlay(row, node);
        }
    }

    void expand_overlay(std::size_t row, std::int32_t node) {
        const OverlaySide& over = *view_.overlay;
        const Adjacency::Range arcs = over.arcs(node);
        for (std::size_t a = arcs.begin; a < arcs.end; ++a) {
            cross(row, node, over.nodes()[a], over.classes()[a], over.edges() + a,
                  [&] { return !view_.filter.has_at || over.valid_at(a, view_.filter.at); });
        }
    }

    template <class Counts>
    void cross(std::size_t row, std::int32_t from, std::int32_t to, std::uint8_t arc_class, const std::int32_t* edge,
               Counts&& counts) {
        const Crossing crossing = crossings_[arc_class];
        // a damaged file may name any node
        if (crossing.condition == 0 || static_cast<std::size_t>(static_cast<std::uint32_t>(to)) >= view_.n_nodes)
            return;
        const std::int32_t depth = depth_ + crossing.depth;
        const Slot& slot = slots_[to];
        if ((slot.tag & ~15U) == tag_ && depth >= slot.settled) return;  // most arcs of a large answer end here
        offer(crossing.condition, {to, depth, static_cast<std::int32_t>(row), from, *edge}, counts);
    }

    // Queues a step unless one is settled or queued that dominates it. `counts` is asked last: it may be far away.
    template <class Counts>
    void offer(std::uint8_t condition, const Step& step, Counts&& counts) {
        Slot& slot = slots_[step.node];
        const bool seen = (slot.tag & ~15U) == tag_;
        if (seen) {
            if (step.depth >= slot.settled) return;
            const std::uint8_t queued = slot.tag & 15U;
            if (queued >= condition && slot.depth <= step.depth) {
                if (queued == condition && slot.depth == step.depth && counts()) {
                    keep_better_parent(work_.queued[condition][slot.step], step);
                }
                return;
            }
        }
        if (!counts()) return;
        std::vector<Step>& steps = work_.queued[condition];
        const auto number = static_cast<std::uint32_t>(steps.size());
        steps.push_back(step);
        slot = {tag_ | condition, seen ? slot.settled : kNeverSettled, step.depth, number};
        if (condition == condition_) (step.depth == depth_ ? work_.now : work_.next).push_back(number);
    }

    static void keep_better_parent(Step& kept, const Step& other) noexcept {
        if (std::tie(other.parent_node, other.parent_edge) < std::tie(kept.parent_node, kept.parent_edge)) kept = other;
    }

    void prefetch_row(std::size_t row, std::size_t end) const noexcept {
        const std::vector<Step>& steps = work_.queued[condition_];
        const Adjacency& base = view_.base;
        if (row + kAhead < end) {
            const auto node = static_cast<std::size_t>(steps[work_.settled[row + kAhead]].node);
            if (node < base.n_nodes) prefetch(base.offsets + node);
        }
        if (row + kAhead / 2 < end) {
            const auto node = static_cast<std::size_t>(steps[work_.settled[row + kAhead / 2]].node);
            const Adjacency::Range arcs = base.arcs(node);
            if (arcs.begin < arcs.end) {
                prefetch(base.nodes + arcs.begin);
                prefetch(base.classes + arcs.begin);
                prefetch(base.edges + arcs.begin);
            }
        }
    }

    static constexpr std::size_t kMost = (std::size_t{1} << 31) - 1;

    const View& view_;
    const Question& question_;
    Workspace& work_;
    Slot* slots_;
    std::uint32_t tag_;
    std::uint8_t condition_ = 0;
    std::int32_t depth_ = 0;
    Crossing crossings_[kClasses] = {};
    Summary summary_;
};

}  // namespace

Summary reach(const View& view, const Question& question, Workspace& workspace) {
    workspace.begin(view.n_nodes);
    return Traversal(view, question, workspace).run();
}

void write_rows(const Workspace& workspace, const Summary& summary, std::int32_t* row_numbers,
                const Rows& out) noexcept {
    const bool in_order = workspace.passed.empty();
    const std::size_t n = workspace.settled.size();
    if (!in_order) {
        std::size_t first = 0, other = summary.n_nodes, passed = 0;
        for (std::size_t row = 0; row < n; ++row) {
            const bool is_other = passed < workspace.passed.size() && workspace.passed[passed] == row;
            row_numbers[row] = static_cast<std::int32_t>(is_other ? other++ : first++);
            passed += is_other ? 1 : 0;
        }
    }
    std::size_t row = 0;
    for (std::size_t q = kMaxConditions; q-- > 1;) {
        for (; row < workspace.settled_end[q]; ++row) {
            const Step& step = workspace.queued[q][workspace.settled[row]];
            const std::size_t at = in_order ? row : static_cast<std::size_t>(row_numbers[row]);
            out.nodes[at] = step.node;
            out.conditions[at] = static_cast<std::uint8_t>(q);
            out.depths[at] = step.depth;
            out.parent_nodes[at] = step.parent_node;
            out.parent_edges[at] = step.parent_edge;
            out.parent_rows[at] = in_order || step.parent_row < 0 ? step.parent_row : row_numbers[step.parent_row];
        }
    }
}

}  // namespace lode::graph
