// A random rotation that needs no matrix: sign flips and Walsh-Hadamard transforms, O(dim log dim) per vector.
//
// It spreads a vector's energy evenly over the dimensions, so that one scale per token quantises all of them well.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace lode {

class Rotation {
public:
    Rotation(std::size_t dim, std::uint64_t seed);

    std::size_t dim() const noexcept { return dim_; }

    // In place; keeps lengths and dot products up to float rounding.
    void apply(float* vector) const noexcept;

    // In place: what apply made of a vector becomes that vector again, up to float rounding.
    void undo(float* vector) const noexcept;

private:
    std::size_t dim_;
    std::size_t power_;         // largest power of two <= dim
    std::vector<float> signs_;  // [rounds][dim], each +1 or -1
    std::size_t rounds_;
};

}  // namespace lode
