// The harness: groups of checks that register themselves, random inputs, and memory whose end is watched.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "index/random.h"
#include "kernels/kernels.h"

namespace lode::test {

using GroupFunction = void (*)();

struct Register {
    Register(const char* name, GroupFunction run);
};

// Counts a check of the running group; prints the first few that fail. Returns `passed`.
bool report(bool passed, const char* file, int line, const char* format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 4, 5)))
#endif
    ;

// The levels under test: all that this CPU runs, or the one that was asked for.
const std::vector<const Kernels*>& levels();

inline bool is_reference(const Kernels& kernels) {
    return &kernels == kReference;
}

// Numbers below n, signed numbers in [-limit, limit], floats in [-1, 1).
class Numbers {
public:
    explicit Numbers(std::uint64_t seed) : random_(seed) {}

    std::size_t below(std::size_t n) { return static_cast<std::size_t>(random_.below(n)); }
    int within(int limit) { return static_cast<int>(random_.below(2 * static_cast<unsigned>(limit) + 1)) - limit; }
    float unit() { return static_cast<float>(static_cast<std::int32_t>(random_.next() >> 32)) * 0x1p-31F; }
    std::uint64_t bits() { return random_.next(); }

private:
    Random random_;
};

// Memory in front of a page that must not be touched: take() hands out arrays that end exactly there, so that reading
// or writing one element too many ends the program whatever the level and without a sanitizer.
class Guarded {
public:
    explicit Guarded(std::size_t capacity_bytes);
    ~Guarded();
    Guarded(const Guarded&) = delete;
    Guarded& operator=(const Guarded&) = delete;

    // n items, and `slack` readable bytes after them, filled with `fill`. Valid until the next call.
    template <class T>
    T* take(std::size_t n, std::size_t slack = 0, int fill = 0xA5) {
        return static_cast<T*>(place(n * sizeof(T) + slack, fill));
    }

private:
    void* place(std::size_t bytes, int fill);

    std::uint8_t* begin_;
    std::uint8_t* end_;
    std::size_t mapped_;
};

}  // namespace lode::test

// A group of checks; its name is a sentence.
#define TEST_GROUP(name)                                            \
    static void name();                                             \
    static const lode::test::Register register_##name(#name, name); \
    static void name()

// CHECK(condition, format, …): the format describes the case.
#define CHECK(condition, ...) lode::test::report((condition), __FILE__, __LINE__, __VA_ARGS__)
