// The memory of one traversal, used again by the next: a small answer touches few of its pages.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <memory>
#include <vector>

namespace lode::graph {

inline constexpr std::size_t kMaxConditions = 16;
inline constexpr std::int32_t kNeverSettled = std::numeric_limits<std::int32_t>::max();

// A way to be somewhere: a node in a condition, at a depth, and where that came from. parent_*: -1 for seeds.
struct Step {
    std::int32_t node;
    std::int32_t depth;
    std::int32_t parent_row;  // among the settled steps
    std::int32_t parent_node;
    std::int32_t parent_edge;
};

// What is known of a node. Four bytes say for which traversal, so that nothing is cleared between two of them.
struct Slot {
    std::uint32_t tag;     // epoch * 16 + condition of the step that was queued last
    std::int32_t settled;  // depth of the last settled step, the smallest so far; kNeverSettled: none
    std::int32_t depth;    // of the step that was queued last
    std::uint32_t step;    // its number among the queued of its condition; once it is settled, its row
};

class Workspace {
public:
    // Makes room for nodes below n_nodes and forgets everything.
    void begin(std::size_t n_nodes);

    Slot* slots() noexcept { return slots_.get(); }
    std::uint32_t tag() const noexcept { return epoch_ << 4; }
    void trim() noexcept;  // frees long lists

    std::array<std::vector<Step>, kMaxConditions> queued;  // by condition, in order of discovery
    std::vector<Step> settled;                             // in settle order
    std::array<std::size_t, kMaxConditions + 1>
        settled_end{};                              // rows of condition q: [settled_end[q + 1], settled_end[q])
    std::vector<std::uint32_t> passed;              // settled rows that are not their node's first
    std::vector<std::uint64_t> now, next, sorting;  // queued steps of this round, of depth + 1: node * 2^32 + number
    std::vector<std::uint32_t> order;               // queued steps of a condition by depth

private:
    struct Free {
        void operator()(Slot* p) const noexcept { std::free(p); }
    };

    std::unique_ptr<Slot[], Free> slots_;
    std::size_t capacity_ = 0;
    std::uint32_t epoch_ = 0;
};

// Workspaces between two uses. No lock: a fork while another thread takes one leaves nothing held in the child.
class WorkspacePool {
public:
    WorkspacePool() = default;
    ~WorkspacePool();
    WorkspacePool(const WorkspacePool&) = delete;
    WorkspacePool& operator=(const WorkspacePool&) = delete;

    std::unique_ptr<Workspace> take();
    void give_back(std::unique_ptr<Workspace> workspace) noexcept;  // kept, unless there are many; one with long lists

private:
    static constexpr std::size_t kKept = 8;
    std::array<std::atomic<Workspace*>, kKept> kept_{};
};

}  // namespace lode::graph
