// Residual codes: what is left of a token after its centroid, in 1, 2 or 4 bits a dimension and one scale.
//
// The first tier are product codes (product.h). A second one quantises what the first left over, dimension by
// dimension; its codes stand for code - center(bits). The scale of each is the least-squares one, <r, c> / <c, c>, so
// that scale * c is the best approximation of r along c.
#pragma once

#include <cstddef>
#include <cstdint>

#include "index/product.h"
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

// The first tier's width is the product book's.
struct CodedTier {
    unsigned bits = 0;                // 0: the tier does not exist
    std::uint8_t* codes = nullptr;    // [n][row_bytes(dim, bits)]
    std::uint16_t* scales = nullptr;  // [n] float16
};

// What residuals are taken against: centroid rows of 6-bit codes, one for each token.
struct CodedCentroids {
    const std::uint8_t* rows = nullptr;  // [n_centroids][row_bytes(dim, 6)]
    float scale = 0;
    const std::uint32_t* assignment = nullptr;  // of each token that is asked for, from the first one
};

// Rotates float centroids [n][dim] in place.
void rotate_rows(const Rotation& rotation, float* rows, std::size_t n, std::size_t n_threads);

// Centroid rows as 6-bit codes: code = clamp(round(c / scale), -31, 31) + 32.
void encode_centroids(const float* centroids, std::size_t n, std::size_t dim, float scale, std::uint8_t* rows);

// A product book from residuals of the tokens at `sample`; centroids.assignment holds theirs, in that order.
ProductBook train_residuals(const Kernels& kernels, const Vectors& vectors, const std::int64_t* sample, std::size_t n,
                            const Rotation& rotation, const CodedCentroids& centroids, unsigned bits,
                            std::uint64_t seed, std::size_t n_threads, const CancelFlag* cancel = nullptr);

// Encodes tokens [begin, end) of `vectors`; assignment and tiers are indexed from `begin`. Centroids are the coded
// rows, so that their rounding is absorbed by the residual. Scales are stored in units of `residual_unit`, which should
// be near the residuals' size: a float16 has few exponents. Returns the squared error that is left.
double encode_residuals(const Kernels& kernels, const Vectors& vectors, std::size_t begin, std::size_t end,
                        const Rotation& rotation, const CodedCentroids& centroids, const ProductBook& book,
                        float residual_unit, const CodedTier& first, const CodedTier& second, std::size_t n_threads);

float half_value(std::uint16_t half) noexcept;
std::uint16_t half_of(float value) noexcept;  // round to nearest even; overflow gives the largest finite half

}  // namespace lode
