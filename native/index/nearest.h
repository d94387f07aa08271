// Nearest centroid by squared distance, blocked: argmin |x - c|^2 = argmax <x, c> - |c|^2 / 2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/kernels.h"

namespace lode {

class Nearest {
public:
    explicit Nearest(const Kernels& kernels) : kernels_(kernels) {}

    // Packs n centroids (float [n][dim]); keeps no reference to them.
    void set_centroids(const float* centroids, std::size_t n, std::size_t dim);

    // index[i] = nearest centroid of row i (the first of equals); gain[i] = <x, c> - |c|^2 / 2.
    void find(const float* rows, std::size_t n_rows, std::uint32_t* index, float* gain);

private:
    const Kernels& kernels_;
    std::size_t n_ = 0;
    std::size_t padded_ = 0;
    std::size_t dim_ = 0;
    std::vector<float> packed_;
    std::vector<float> bias_;
    std::vector<float> scores_;
};

// Packs float [n][dim] into panels of kPanel columns, zero-padded; returns the padded number of columns.
std::size_t pack_panels(const float* rows, std::size_t n, std::size_t dim, std::vector<float>& packed);

}  // namespace lode
