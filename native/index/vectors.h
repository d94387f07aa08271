// Token vectors as the caller holds them: float16 or float32 rows, read and never copied whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/kernels.h"

namespace lode {

struct Vectors {
    const void* data = nullptr;
    bool half = false;
    std::size_t n = 0;
    std::size_t dim = 0;

    // Copies row i as float32.
    void read(const Kernels& kernels, std::size_t i, float* out) const noexcept {
        if (half) {
            kernels.half_to_float(static_cast<const std::uint16_t*>(data) + i * dim, dim, out);
        } else {
            std::memcpy(out, static_cast<const float*>(data) + i * dim, dim * sizeof(float));
        }
    }
};

}  // namespace lode
