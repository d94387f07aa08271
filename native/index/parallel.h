// Threads for the length of one call: nothing outlives it, so nothing has to survive a fork.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace lode {

// Ends a long call early: whoever holds the flag sets it, and the work throws Cancelled at its next block.
struct Cancelled {};
using CancelFlag = std::atomic<bool>;
inline void stop_if(const CancelFlag* cancel) {
    if (cancel != nullptr && cancel->load(std::memory_order_relaxed)) throw Cancelled{};
}

// Calls work(task, worker) for every task in [0, n_tasks), tasks handed out in order. The first exception is rethrown.
template <class Work>
void parallel_for(std::size_t n_tasks, std::size_t n_threads, Work&& work) {
    n_threads = std::max<std::size_t>(1, std::min(n_threads, n_tasks));
    if (n_threads == 1) {
        for (std::size_t task = 0; task < n_tasks; ++task) work(task, std::size_t{0});
        return;
    }
    std::atomic<std::size_t> next{0};
    std::exception_ptr failure;
    std::mutex failure_lock;
    auto run = [&](std::size_t worker) {
        try {
            for (std::size_t task = next++; task < n_tasks; task = next++) work(task, worker);
        } catch (...) {
            const std::lock_guard<std::mutex> hold(failure_lock);
            if (!failure) failure = std::current_exception();
            next = n_tasks;
        }
    };
    std::vector<std::thread> threads;
    threads.reserve(n_threads - 1);
    for (std::size_t worker = 1; worker < n_threads; ++worker) threads.emplace_back(run, worker);
    run(0);
    for (std::thread& thread : threads) thread.join();
    if (failure) std::rethrow_exception(failure);
}

}  // namespace lode
