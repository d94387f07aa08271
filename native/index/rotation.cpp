#include "index/rotation.h"

#include <cmath>

#include "index/random.h"

namespace lode {
namespace {

void hadamard(float* x, std::size_t n) noexcept {
    for (std::size_t half = 1; half < n; half *= 2) {
        for (std::size_t start = 0; start < n; start += 2 * half) {
            for (std::size_t i = start; i < start + half; ++i) {
                const float a = x[i];
                const float b = x[i + half];
                x[i] = a + b;
                x[i + half] = a - b;
            }
        }
    }
    const float unit = 1.0F / std::sqrt(static_cast<float>(n));
    for (std::size_t i = 0; i < n; ++i) x[i] *= unit;
}

}  // namespace

Rotation::Rotation(std::size_t dim, std::uint64_t seed) : dim_(dim), power_(1) {
    while (power_ * 2 <= dim_) power_ *= 2;
    // A power of two mixes fully in one round; two make it insensitive to sparse inputs. Otherwise the transform
    // alternates between the first and the last 2^n dimensions, and four rounds reach every pair twice.
    rounds_ = power_ == dim_ ? 2 : 4;
    Random random(seed ^ 0x726F746174696F6EULL);
    signs_.resize(rounds_ * dim_);
    for (float& sign : signs_) sign = (random.next() >> 63) != 0 ? 1.0F : -1.0F;
}

void Rotation::apply(float* vector) const noexcept {
    for (std::size_t round = 0; round < rounds_; ++round) {
        const float* signs = signs_.data() + round * dim_;
        for (std::size_t d = 0; d < dim_; ++d) vector[d] *= signs[d];
        hadamard(round % 2 == 0 ? vector : vector + (dim_ - power_), power_);
    }
}

// The transform is its own inverse, and so is a flip of signs.
void Rotation::undo(float* vector) const noexcept {
    for (std::size_t round = rounds_; round-- > 0;) {
        const float* signs = signs_.data() + round * dim_;
        hadamard(round % 2 == 0 ? vector : vector + (dim_ - power_), power_);
        for (std::size_t d = 0; d < dim_; ++d) vector[d] *= signs[d];
    }
}

}  // namespace lode
