// What the bindings share: array types, level look-up. They check shapes, release the GIL and call; nothing else.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "index/parallel.h"
#include "index/vectors.h"
#include "kernels/kernels.h"

namespace lode::bind {

namespace nb = nanobind;

template <class T, std::size_t N>
using In = nb::ndarray<const T, nb::ndim<N>, nb::c_contig, nb::device::cpu>;
template <class T, std::size_t N>
using InOut = nb::ndarray<T, nb::ndim<N>, nb::c_contig, nb::device::cpu>;
using AnyMatrix = nb::ndarray<nb::ro, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

// Throws ValueError unless `condition`; Python validates first, so this is the last line before a pointer is followed.
inline void require(bool condition, const char* what) {
    if (!condition) throw nb::value_error(what);
}

inline const Kernels& level(const std::string& name) {
    const Kernels* found = level_by_name(name.c_str());
    require(found != nullptr, "unknown or unsupported CPU level");
    return *found;
}

inline Vectors vectors_of(const AnyMatrix& array) {
    const bool half =
        array.dtype() == nb::dlpack::dtype{static_cast<std::uint8_t>(nb::dlpack::dtype_code::Float), 16, 1};
    require(half || array.dtype() == nb::dtype<float>(), "vectors must be float16 or float32");
    return {array.data(), half, array.shape(0), array.shape(1)};
}

// Hands a vector over to Python without a copy.
template <class T>
nb::ndarray<nb::numpy, T, nb::ndim<1>> to_numpy(std::vector<T>&& values) {
    auto* owned = new std::vector<T>(std::move(values));
    const nb::capsule owner(owned, [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
    return nb::ndarray<nb::numpy, T, nb::ndim<1>>(owned->data(), {owned->size()}, owner);
}

// Calls work(cancel) on a thread of its own while this one looks for signals, so that Ctrl-C ends it within a block.
template <class Work>
void interruptible(Work&& work) {
    CancelFlag cancel{false};
    std::exception_ptr failure;
    std::mutex lock;
    std::condition_variable ended;
    bool done = false;
    bool interrupted = false;
    {
        const nb::gil_scoped_release release;
        std::thread runner([&] {
            try {
                work(&cancel);
            } catch (...) {
                failure = std::current_exception();
            }
            const std::lock_guard<std::mutex> hold(lock);
            done = true;
            ended.notify_one();
        });
        std::unique_lock<std::mutex> hold(lock);
        while (!ended.wait_for(hold, std::chrono::milliseconds(50), [&] { return done; })) {
            hold.unlock();
            if (!interrupted) {
                const nb::gil_scoped_acquire acquire;
                interrupted = PyErr_CheckSignals() != 0;
            }
            cancel = interrupted;
            hold.lock();
        }
        hold.unlock();
        runner.join();
    }
    if (interrupted) throw nb::python_error();
    if (failure) std::rethrow_exception(failure);
}

void bind_kernels(nb::module_& m);
void bind_clustering(nb::module_& m);
void bind_encoding(nb::module_& m);
void bind_search(nb::module_& m);
void bind_lexical(nb::module_& m);
void bind_graph(nb::module_& m);

}  // namespace lode::bind
