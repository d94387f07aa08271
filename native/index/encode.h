// Residual codes: what is left of a token after its centroid, rotated, in 1, 2 or 4 bits a dimension and one scale.
//
// A tier quantises what the tiers before it left over. Codes stand for code - center(bits); the scale is the least-
// squares one, <r, c> / <c, c>, so that scale * c is the best approximation of r along c.
#pragma once

#include <cstddef>
#include <cstdint>

#include "index/rotation.h"
#include "index/vectors.h"

namespace lode {

inline constexpr unsigned kCentroidBits = 6;
inline constexpr int kCentroidZero = 32;  // the code of 0: value = (code - 32) * centroid_scale
inline constexpr int kQueryLevels = 63;   // query values against centroid codes: integers within +-63

// The value that is subtracted from a code: the middle of its range.
inline float center(unsigned bits) {
    return 0.5F * static_cast<float>((1U << bits) - 1);
}

struct CodedTier {
    unsigned bits = 0;                // 0: the tier does not exist
    std::uint8_t* codes = nullptr;    // [n][row_bytes(dim, bits)]
    std::uint16_t* scales = nullptr;  // [n] float16
};

// Rotates float centroids [n][dim] in place.
void rotate_rows(const Rotation& rotation, float* rows, std::size_t n, std::size_t n_threads);

// Centroid rows as 6-bit codes: code = clamp(round(c / scale), -31, 31) + 32.
void encode_centroids(const float* centroids, std::size_t n, std::size_t dim, float scale, std::uint8_t* rows);

// Encodes tokens [begin, end) of `vectors`; assignment[i] and the tiers are indexed from `begin`. Centroids are the
// coded rows, so that their rounding is absorbed by the residual. Scales are stored in units of `residual_unit`, which
// should be near the residuals' size: a float16 has few exponents. Adds up the squared error that is left.
double encode_residuals(const Kernels& kernels, const Vectors& vectors, std::size_t begin, std::size_t end,
                        const Rotation& rotation, const std::uint8_t* centroid_rows, float centroid_scale,
                        float residual_unit, const std::uint32_t* assignment, const CodedTier* tiers,
                        std::size_t n_tiers, std::size_t n_threads);

float half_value(std::uint16_t half) noexcept;
std::uint16_t half_of(float value) noexcept;  // round to nearest even; overflow gives the largest finite half

}  // namespace lode
