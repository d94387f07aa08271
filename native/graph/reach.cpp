#include "graph/reach.h"

#include <algorithm>
#include <bit>
#include <iterator>
#include <numeric>
#include <stdexcept>
#include <tuple>

namespace lode::graph {
namespace {

constexpr std::size_t kAhead = 16;       // steps whose slots are asked for early
constexpr std::size_t kRowsAhead = 6;    // rows of which each next thing is asked for
constexpr std::size_t kSlotsAhead = 24;  // arcs of a row
constexpr std::size_t kFewKeys = 64;     // fewer are sorted by comparison
constexpr std::size_t kManyKeys = 4096;  // from here on digits are wide
constexpr unsigned kDigitBits = 11;
constexpr std::size_t kClasses = 256;

// A function that only prefetches has no effect that GCC 12 knows of, and is dropped where it is not inlined first.
#if defined(__GNUC__)
#define LODE_ALWAYS_INLINE inline __attribute__((always_inline))
#else
#define LODE_ALWAYS_INLINE inline
#endif

LODE_ALWAYS_INLINE void prefetch(const void* address) noexcept {
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
                work_.now.push_back(key_of(steps[work_.order[w]].node, work_.order[w]));
            }
            cross_in_condition();
            while (!work_.now.empty()) {
                const std::size_t begin = work_.settled.size();
                settle();
                work_.now.clear();
                if (summary_.truncated) return;
                for (std::size_t q = 0; q <= condition_; ++q) round_first_[q] = work_.queued[q].size();
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

    // The steps of this round that no earlier one dominates become rows, by node. One that was queued twice gets the
    // better parent.
    void settle() {
        sort_keys();
        const std::vector<Step>& steps = work_.queued[condition_];
        const std::vector<std::uint64_t>& now = work_.now;
        for (std::size_t i = 0; i < now.size(); ++i) {
            if (i + kAhead < now.size()) {
                prefetch(slots_ + (now[i + kAhead] >> 32));
                prefetch(steps.data() + static_cast<std::uint32_t>(now[i + kAhead]));
            }
            const Step& step = steps[static_cast<std::uint32_t>(now[i])];
            Slot& slot = slots_[step.node];
            if (slot.settled <= depth_) {
                const bool twice = slot.settled == depth_ && slot.depth == depth_ && slot.tag == (tag_ | condition_);
                if (twice) keep_better_parent(work_.settled[slot.step], step);
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
            slot = {tag_ | condition_, depth_, depth_, static_cast<std::uint32_t>(work_.settled.size())};
            work_.settled.push_back(step);
        }
        if (work_.settled.size() > kMost || steps.size() > kMost) {
            throw std::length_error("more than 2^31 steps in one traversal");
        }
    }

    static std::uint64_t key_of(std::int32_t node, std::uint32_t number) noexcept {
        return static_cast<std::uint64_t>(node) << 32 | number;
    }

    // By node, then number: few by comparison, more by counting sorts of the node's digits, wide ones where they pay.
    void sort_keys() {
        std::vector<std::uint64_t>& keys = work_.now;
        std::vector<std::uint64_t>& other = work_.sorting;
        if (std::is_sorted(keys.begin(), keys.end())) return;
        if (keys.size() < kFewKeys) {
            std::sort(keys.begin(), keys.end());
            return;
        }
        other.resize(keys.size());
        const unsigned digit_bits = keys.size() < kManyKeys ? 8 : kDigitBits;
        const std::uint64_t digit = (std::uint64_t{1} << digit_bits) - 1;
        const unsigned end = 32 + static_cast<unsigned>(std::bit_width(view_.n_nodes));
        for (unsigned shift = 32; shift < end; shift += digit_bits) {
            std::uint32_t fill[(std::size_t{1} << kDigitBits) + 1];
            std::fill(fill, fill + digit + 2, 0U);
            for (const std::uint64_t key : keys) ++fill[((key >> shift) & digit) + 1];
            std::partial_sum(fill, fill + digit + 2, fill);
            for (const std::uint64_t key : keys) other[fill[(key >> shift) & digit]++] = key;
            keys.swap(other);
        }
    }

    // Rows of a round ascend by node, and so do the parents they give.
    template <bool kFiltered>
    void expand(std::size_t begin, std::size_t end) {
        const Adjacency base = view_.base;
        for (std::size_t row = begin; row < end; ++row) {
            prefetch_rows(row, end);
            if constexpr (kFiltered) prefetch_intervals(row, end);
            const std::int32_t node = work_.settled[row].node;
            const Adjacency::Range arcs = base.arcs(static_cast<std::size_t>(node));
            std::int32_t before = -1;
            for (std::size_t a = arcs.begin; a < arcs.end; ++a) {
                if (a + kSlotsAhead < arcs.end) prefetch_slot(base.nodes[a + kSlotsAhead]);
                const std::int32_t to = base.nodes[a];
                cross(row, node, to, base.classes[a], base.edges + a, before != to,
                      [&] { return !kFiltered || view_.filter.keeps(base.edges[a]); });
                before = to;
            }
            if (view_.overlay != nullptr) expand_overlay(row, node);
        }
    }

    void expand_overlay(std::size_t row, std::int32_t node) {
        const OverlaySide& over = *view_.overlay;
        const Adjacency::Range arcs = over.arcs(node);
        for (std::size_t a = arcs.begin; a < arcs.end; ++a) {
            cross(row, node, over.nodes()[a], over.classes()[a], over.edges() + a, false,
                  [&] { return !view_.filter.has_at || over.valid_at(a, view_.filter.at); });
        }
    }

    // first: no other arc of this row led to the node so far.
    template <class Counts>
    LODE_ALWAYS_INLINE void cross(std::size_t row, std::int32_t from, std::int32_t to, std::uint8_t arc_class,
                                  const std::int32_t* edge, bool first, Counts&& counts) {
        const Crossing crossing = crossings_[arc_class];
        // a damaged file may name any node
        if (crossing.condition == 0 || static_cast<std::size_t>(static_cast<std::uint32_t>(to)) >= view_.n_nodes)
            return;
        const std::int32_t depth = depth_ + crossing.depth;
        const Slot& slot = slots_[to];
        if ((slot.tag & ~15U) == tag_) {
            if (depth >= slot.settled) return;  // most arcs of a large answer end here or at the next line
            if (first && depth == slot.depth && (slot.tag & 15U) == crossing.condition &&
                slot.step >= round_first_[crossing.condition]) {
                return;  // queued in this round from a smaller node
            }
        }
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
        if (condition == condition_) {
            (step.depth == depth_ ? work_.now : work_.next).push_back(key_of(step.node, number));
        }
    }

    static void keep_better_parent(Step& kept, const Step& other) noexcept {
        if (std::tie(other.parent_node, other.parent_edge) < std::tie(kept.parent_node, kept.parent_edge)) kept = other;
    }

    LODE_ALWAYS_INLINE void prefetch_slot(std::int32_t node) const noexcept {
        if (static_cast<std::size_t>(static_cast<std::uint32_t>(node)) < view_.n_nodes) prefetch(slots_ + node);
    }

    // Asks for what rows further on will read: first where their arcs are, then the arcs, then the slots of their ends.
    LODE_ALWAYS_INLINE void prefetch_rows(std::size_t row, std::size_t end) const noexcept {
        const Step* rows = work_.settled.data();
        const Adjacency& base = view_.base;
        if (row + 3 * kRowsAhead < end) {
            const auto node = static_cast<std::size_t>(rows[row + 3 * kRowsAhead].node);
            if (node < base.n_nodes) prefetch(base.offsets + node);
        }
        if (row + 2 * kRowsAhead < end) {
            const Adjacency::Range arcs = base.arcs(static_cast<std::size_t>(rows[row + 2 * kRowsAhead].node));
            if (arcs.begin < arcs.end) {
                prefetch(base.nodes + arcs.begin);
                prefetch(base.classes + arcs.begin);
                prefetch(base.edges + arcs.begin);
            }
        }
        if (row + kRowsAhead < end) {
            const Adjacency::Range arcs = base.arcs(static_cast<std::size_t>(rows[row + kRowsAhead].node));
            const std::size_t last = std::min(arcs.end, arcs.begin + kSlotsAhead);
            for (std::size_t a = arcs.begin; a < last; ++a) prefetch_slot(base.nodes[a]);
        }
    }

    // Asks for the intervals of arcs that will be looked up: those whose ends are not settled yet.
    LODE_ALWAYS_INLINE void prefetch_intervals(std::size_t row, std::size_t end) const noexcept {
        const Adjacency& base = view_.base;
        const Filter& filter = view_.filter;
        if (row + kRowsAhead / 2 >= end || !filter.has_at || filter.valid_from == nullptr) return;
        const Adjacency::Range arcs = base.arcs(static_cast<std::size_t>(work_.settled[row + kRowsAhead / 2].node));
        const std::size_t last = std::min(arcs.end, arcs.begin + kSlotsAhead);
        for (std::size_t a = arcs.begin; a < last; ++a) {
            const auto node = static_cast<std::size_t>(static_cast<std::uint32_t>(base.nodes[a]));
            const auto edge = static_cast<std::size_t>(static_cast<std::uint32_t>(base.edges[a]));
            if (node >= view_.n_nodes || edge >= filter.n_edges) continue;
            if ((slots_[node].tag & ~15U) == tag_ && slots_[node].settled <= depth_ + 1) continue;
            prefetch(filter.valid_from + edge);
            prefetch(filter.valid_to + edge);
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
    std::size_t round_first_[kMaxConditions] = {};  // how many steps were queued when the round began
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
            const Step& step = workspace.settled[row];
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
