#include "index/encode.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "index/parallel.h"

namespace lode {
namespace {

constexpr std::size_t kChunk = 4096;

// The step of the uniform quantiser with the least squared error for a normal variable of unit variance
// (Max, 1960, table II), by bits.
float best_step(unsigned bits) {
    return bits == 1 ? 1.596F : bits == 2 ? 0.9957F : 0.3352F;
}

// What a tier leaves over is not normal: mostly uniform inside its cells, with tails beyond its outermost levels that
// no later tier reaches. So a 2-bit tier that is to be refined takes wider steps, and the refinement its own; the
// factors minimise the final error on normal data (docs/log.md has the table: 0.0142 against 0.0195 for 2 + 2 bits).
float step_factor(const CodedTier* tiers, std::size_t n_tiers, std::size_t t) {
    if (t == 0) return n_tiers > 1 && tiers[0].bits == 2 ? 1.3F : 1.0F;
    if (tiers[0].bits == 1) return tiers[1].bits == 4 ? 1.2F : 0.95F;
    return tiers[1].bits == 4 ? 1.0F : 0.9F;
}

// Sums over one token for codes made with one step: how much of the residual they carry.
struct Fit {
    float projection;  // <r, c>
    float norm;        // <c, c>
};

// code = floor(r / step + middle + 1/2) clamped to [0, top]; lanes of eight so that it vectorises at the baseline.
inline float level_of(float residual, float inverse, float middle, float top) {
    const float level = std::min(top + 0.5F, std::max(0.0F, residual * inverse + middle + 0.5F));
    return static_cast<float>(static_cast<int>(level));
}

Fit fit_of(const float* residual, std::size_t dim, float inverse, float middle) {
    constexpr std::size_t kLanes = 8;
    const float top = 2 * middle;
    float projection[kLanes] = {};
    float norm[kLanes] = {};
    std::size_t d = 0;
    for (; d + kLanes <= dim; d += kLanes) {
        for (std::size_t i = 0; i < kLanes; ++i) {
            const float code = level_of(residual[d + i], inverse, middle, top) - middle;
            projection[i] += residual[d + i] * code;
            norm[i] += code * code;
        }
    }
    for (; d < dim; ++d) {
        const float code = level_of(residual[d], inverse, middle, top) - middle;
        projection[0] += residual[d] * code;
        norm[0] += code * code;
    }
    Fit fit{0, 0};
    for (std::size_t i = 0; i < kLanes; ++i) {
        fit.projection += projection[i];
        fit.norm += norm[i];
    }
    return fit;
}

// Four bits gain a tenth of their error when each token tries a few steps (.0100 against .0111 of a normal variable);
// one and two bits gain less than a hundredth.
constexpr float kSteps[] = {0.8F, 0.85F, 0.9F, 0.95F, 1.05F, 1.1F, 1.15F, 1.2F};

// One tier of one token: codes of `residual`, which is then reduced by what they stand for. Returns the float16 scale.
std::uint16_t encode_tier(float* residual, std::size_t dim, unsigned bits, float factor, std::uint8_t* codes) {
    const float middle = center(bits);
    float energy = 0;
    for (std::size_t d = 0; d < dim; ++d) energy += residual[d] * residual[d];
    const float step = factor * best_step(bits) * std::sqrt(energy / static_cast<float>(dim));
    float inverse = step > 0 ? 1.0F / step : 0.0F;
    Fit best = fit_of(residual, dim, inverse, middle);
    if (bits == 4) {
        const float usual = inverse;
        for (const float multiple : kSteps) {
            const Fit fit = fit_of(residual, dim, usual / multiple, middle);
            if (fit.projection * fit.projection * best.norm > best.projection * best.projection * fit.norm) {
                best = fit;
                inverse = usual / multiple;
            }
        }
    }
    const std::uint16_t stored = half_of(best.projection / best.norm);
    const float scale = half_value(stored);
    for (std::size_t d = 0; d < dim; ++d) {
        const float level = level_of(residual[d], inverse, middle, 2 * middle);
        codes[d] = static_cast<std::uint8_t>(static_cast<int>(level));
        residual[d] -= scale * (level - middle);
    }
    return stored;
}

}  // namespace

void rotate_rows(const Rotation& rotation, float* rows, std::size_t n, std::size_t n_threads) {
    parallel_for((n + kChunk - 1) / kChunk, n_threads, [&](std::size_t chunk, std::size_t) {
        for (std::size_t i = chunk * kChunk; i < std::min(n, (chunk + 1) * kChunk); ++i) {
            rotation.apply(rows + i * rotation.dim());
        }
    });
}

void encode_centroids(const float* centroids, std::size_t n, std::size_t dim, float scale, std::uint8_t* rows) {
    const std::size_t stride = row_bytes(dim, kCentroidBits);
    std::vector<std::uint8_t> codes(dim);
    const float inverse = scale > 0 ? 1.0F / scale : 0.0F;
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t d = 0; d < dim; ++d) {
            const float level = std::nearbyint(centroids[i * dim + d] * inverse);
            codes[d] =
                static_cast<std::uint8_t>(static_cast<int>(std::min(31.0F, std::max(-31.0F, level))) + kCentroidZero);
        }
        pack_row(codes.data(), dim, kCentroidBits, rows + i * stride);
    }
}

double encode_residuals(const Kernels& kernels, const Vectors& vectors, std::size_t begin, std::size_t end,
                        const Rotation& rotation, const std::uint8_t* centroid_rows, float centroid_scale,
                        float residual_unit, const std::uint32_t* assignment, const CodedTier* tiers,
                        std::size_t n_tiers, std::size_t n_threads) {
    const std::size_t dim = vectors.dim;
    const std::size_t centroid_stride = row_bytes(dim, kCentroidBits);
    const float inverse_unit = 1.0F / residual_unit;
    const std::size_t n_chunks = (end - begin + kChunk - 1) / kChunk;
    std::vector<double> errors(n_chunks, 0.0);
    parallel_for(n_chunks, n_threads, [&](std::size_t chunk, std::size_t) {
        std::vector<float> row(dim);
        std::vector<std::uint8_t> codes(dim);
        double error = 0;
        for (std::size_t i = chunk * kChunk; i < std::min(end - begin, (chunk + 1) * kChunk); ++i) {
            vectors.read(kernels, begin + i, row.data());
            rotation.apply(row.data());
            unpack_row(centroid_rows + assignment[i] * centroid_stride, dim, kCentroidBits, codes.data());
            for (std::size_t d = 0; d < dim; ++d) {
                row[d] -= static_cast<float>(static_cast<int>(codes[d]) - kCentroidZero) * centroid_scale;
                row[d] *= inverse_unit;
            }
            for (std::size_t t = 0; t < n_tiers; ++t) {
                tiers[t].scales[i] =
                    encode_tier(row.data(), dim, tiers[t].bits, step_factor(tiers, n_tiers, t), codes.data());
                pack_row(codes.data(), dim, tiers[t].bits, tiers[t].codes + i * row_bytes(dim, tiers[t].bits));
            }
            for (std::size_t d = 0; d < dim; ++d) error += row[d] * row[d];
        }
        errors[chunk] = error;
    });
    double total = 0;
    for (const double error : errors) total += error;  // in chunk order: the same sum for any number of threads
    return total * static_cast<double>(residual_unit) * static_cast<double>(residual_unit);
}

float half_value(std::uint16_t half) noexcept {
    float out = 0;
    kReference->half_to_float(&half, 1, &out);
    return out;
}

std::uint16_t half_of(float value) noexcept {
    std::uint32_t bits = 0;
    std::memcpy(&bits, &value, sizeof bits);
    const std::uint16_t sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000U);
    const float magnitude = std::fabs(value);
    if (!(magnitude < 65504.0F)) return static_cast<std::uint16_t>(sign | 0x7BFFU);
    if (magnitude < 6.103515625e-5F) {  // subnormal half: multiples of 2^-24
        return static_cast<std::uint16_t>(sign | static_cast<std::uint16_t>(std::nearbyint(magnitude * 16777216.0F)));
    }
    bits &= 0x7FFFFFFFU;
    bits += 0xFFFU + ((bits >> 13) & 1U);
    const std::uint32_t half = (bits >> 13) - (112U << 10);
    return static_cast<std::uint16_t>(sign | std::min(half, 0x7BFFU));
}

}  // namespace lode
