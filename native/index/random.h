// Small seeded generator: every random choice of the library comes from here or from numpy, never from the clock.
#pragma once

#include <cstdint>

namespace lode {

// SplitMix64 (Steele, Lea, Flood 2014): one multiply-shift chain per number, any seed is good.
class Random {
public:
    explicit Random(std::uint64_t seed) noexcept : state_(seed) {}

    std::uint64_t next() noexcept {
        std::uint64_t z = (state_ += 0x9E3779B97F4A7C15ULL);
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
        return z ^ (z >> 31);
    }

    // Uniform in [0, n), n > 0. The modulo bias is below n / 2^64.
    std::uint64_t below(std::uint64_t n) noexcept { return next() % n; }

private:
    std::uint64_t state_;
};

}  // namespace lode
