#include "graph/workspace.h"

#include <cstring>
#include <new>

namespace lode::graph {
namespace {

constexpr std::uint32_t kLastEpoch = (std::uint32_t{1} << 28) - 1;
constexpr std::size_t kSpare = 4096;  // nodes that overlays may add before the slots are allocated anew

constexpr std::size_t kLong = 1 << 16;

}  // namespace

void Workspace::begin(std::size_t n_nodes) {
    if (n_nodes > capacity_) {
        const std::size_t capacity = n_nodes + n_nodes / 16 + kSpare;
        slots_.reset();
        capacity_ = 0;
        // calloc: pages that no step touches cost nothing
        slots_.reset(static_cast<Slot*>(std::calloc(capacity, sizeof(Slot))));
        if (slots_ == nullptr) throw std::bad_alloc();
        capacity_ = capacity;
        epoch_ = 0;
    } else if (epoch_ == kLastEpoch) {
        std::memset(static_cast<void*>(slots_.get()), 0, capacity_ * sizeof(Slot));
        epoch_ = 0;
    }
    ++epoch_;
    for (std::vector<Step>& steps : queued) steps.clear();
    settled.clear();
    settled_end.fill(0);
    passed.clear();
    now.clear();
    next.clear();
    order.clear();
}

void Workspace::trim() noexcept {
    const auto shorten = [](auto& list) {
        if (list.capacity() > kLong) list = {};
    };
    for (std::vector<Step>& steps : queued) shorten(steps);
    shorten(settled);
    shorten(passed);
    for (auto* keys : {&now, &next, &sorting}) shorten(*keys);
    shorten(order);
}

WorkspacePool::~WorkspacePool() {
    for (std::atomic<Workspace*>& place : kept_) delete place.load();
}

std::unique_ptr<Workspace> WorkspacePool::take() {
    for (std::atomic<Workspace*>& place : kept_) {
        if (Workspace* found = place.exchange(nullptr, std::memory_order_acquire)) {
            return std::unique_ptr<Workspace>(found);
        }
    }
    return std::make_unique<Workspace>();
}

void WorkspacePool::give_back(std::unique_ptr<Workspace> workspace) noexcept {
    for (std::atomic<Workspace*>& place : kept_) {
        Workspace* nobody = nullptr;
        if (&place != kept_.data()) workspace->trim();
        if (place.compare_exchange_strong(nobody, workspace.get(), std::memory_order_release)) {
            static_cast<void>(workspace.release());
            return;
        }
    }
}

}  // namespace lode::graph
