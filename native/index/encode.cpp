#include "index/encode.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <vector>

#include "index/parallel.h"

namespace lode {
namespace {

constexpr std::size_t kChunk = 1024;

// The step of the uniform quantiser with the least squared error for a normal variable of unit variance
// (Max, 1960, table II), by bits.
float best_step(unsigned bits) {
    return bits == 1 ? 1.596F : bits == 2 ? 0.9957F : 0.3352F;
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

// The second tier of one token: codes of `residual`, which is then reduced by what they stand for. Returns the scale.
std::uint16_t encode_levels(float* residual, std::size_t dim, unsigned bits, std::uint8_t* codes) {
    const float middle = center(bits);
    float energy = 0;
    for (std::size_t d = 0; d < dim; ++d) energy += residual[d] * residual[d];
    const float step = best_step(bits) * std::sqrt(energy / static_cast<float>(dim));
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

// What is left of a token after its coded centroid, in the rotated space.
class Residuals {
public:
    Residuals(const Kernels& kernels, const Vectors& vectors, const Rotation& rotation, const CodedCentroids& centroids,
              float inverse_unit)
        : kernels_(kernels), vectors_(vectors), rotation_(rotation), centroids_(centroids), inverse_unit_(inverse_unit),
          stride_(row_bytes(vectors.dim, kCentroidBits)), codes_(vectors.dim) {}

    void read(std::size_t token, std::uint32_t centroid, float* out) {
        vectors_.read(kernels_, token, out);
        rotation_.apply(out);
        unpack_row(centroids_.rows + centroid * stride_, vectors_.dim, kCentroidBits, codes_.data());
        for (std::size_t d = 0; d < vectors_.dim; ++d) {
            out[d] -= static_cast<float>(static_cast<int>(codes_[d]) - kCentroidZero) * centroids_.scale;
            out[d] *= inverse_unit_;
        }
    }

private:
    const Kernels& kernels_;
    const Vectors& vectors_;
    const Rotation& rotation_;
    const CodedCentroids& centroids_;
    float inverse_unit_;
    std::size_t stride_;
    std::vector<std::uint8_t> codes_;
};

// Encodes a block of tokens; the scratch is reused from block to block by one worker.
class BlockEncoder {
public:
    BlockEncoder(const Kernels& kernels, const ProductBook& book, const Basis& basis)
        : kernels_(kernels), book_(book), basis_(basis), encoder_(kernels, book.dim, book.bits, book.words.data()),
          decoder_(book.dim, book.bits, book.words.data()), turned_(kChunk * basis.stride()), targets_(turned_.size()),
          levels_(book.dim), words_(decoder_.row_size()) {}

    // rows: residuals float [n][dim], n <= kChunk; the tiers are indexed from the block's first token.
    double encode(const float* rows, std::size_t n, const CodedTier& first, const CodedTier& second) {
        const std::size_t dim = book_.dim;
        const std::size_t stride = basis_.stride();
        basis_.apply(kernels_, rows, n, turned_.data());
        for (std::size_t i = 0; i < n; ++i) {
            const float* row = turned_.data() + i * stride;
            float energy = 0;
            for (std::size_t d = 0; d < dim; ++d) energy += row[d] * row[d];
            const float scale = energy > 0 ? std::sqrt(static_cast<float>(dim) / energy) / book_.step : 0.0F;
            for (std::size_t d = 0; d < stride; ++d) targets_[i * stride + d] = row[d] * scale;
        }
        encoder_.encode(targets_.data(), stride, n, first.codes);
        double error = 0;
        for (std::size_t i = 0; i < n; ++i) {
            float* row = turned_.data() + i * stride;
            first.scales[i] = subtract_words(row, first.codes + i * row_bytes(dim, first.bits));
            if (second.bits != 0) {
                second.scales[i] = encode_levels(row, dim, second.bits, levels_.data());
                pack_row(levels_.data(), dim, second.bits, second.codes + i * row_bytes(dim, second.bits));
            }
            for (std::size_t d = 0; d < dim; ++d) error += double{row[d]} * double{row[d]};
        }
        return error;
    }

private:
    // Reduces the residual by what its codes stand for; returns the float16 scale.
    std::uint16_t subtract_words(float* residual, const std::uint8_t* codes) {
        const float zero = static_cast<float>(word_zero(book_.bits));
        decoder_.expand(codes, 0, 1, words_.data(), 0);
        float projection = 0;
        float norm = 0;
        for (std::size_t d = 0; d < book_.dim; ++d) {
            const float value = static_cast<float>(words_[d]) - zero;
            projection += residual[d] * value;
            norm += value * value;
        }
        const std::uint16_t stored = half_of(norm > 0 ? projection / norm : 0.0F);
        const float scale = half_value(stored);
        for (std::size_t d = 0; d < book_.dim; ++d) residual[d] -= scale * (static_cast<float>(words_[d]) - zero);
        return stored;
    }

    const Kernels& kernels_;
    const ProductBook& book_;
    const Basis& basis_;
    ProductEncoder encoder_;
    ProductDecoder decoder_;
    std::vector<float> turned_, targets_;  // [kChunk][stride]
    std::vector<std::uint8_t> levels_, words_;
};

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

ProductBook train_residuals(const Kernels& kernels, const Vectors& vectors, const std::int64_t* sample, std::size_t n,
                            const Rotation& rotation, const CodedCentroids& centroids, unsigned bits,
                            std::uint64_t seed, std::size_t n_threads, const CancelFlag* cancel) {
    std::vector<float> rows(n * vectors.dim);
    parallel_for((n + kChunk - 1) / kChunk, n_threads, [&](std::size_t chunk, std::size_t) {
        Residuals residuals(kernels, vectors, rotation, centroids, 1.0F);
        for (std::size_t i = chunk * kChunk; i < std::min(n, (chunk + 1) * kChunk); ++i) {
            residuals.read(static_cast<std::size_t>(sample[i]), centroids.assignment[i], rows.data() + i * vectors.dim);
        }
    });
    return train_product(kernels, rows.data(), n, vectors.dim, bits, seed, n_threads, cancel);
}

double encode_residuals(const Kernels& kernels, const Vectors& vectors, std::size_t begin, std::size_t end,
                        const Rotation& rotation, const CodedCentroids& centroids, const ProductBook& book,
                        float residual_unit, const CodedTier& first, const CodedTier& second, std::size_t n_threads) {
    const std::size_t n = end - begin;
    const std::size_t dim = vectors.dim;
    const std::size_t n_chunks = (n + kChunk - 1) / kChunk;
    const Basis basis(dim, book.basis.empty() ? nullptr : book.basis.data());
    std::vector<double> errors(n_chunks, 0.0);
    std::vector<std::unique_ptr<BlockEncoder>> encoders(std::max<std::size_t>(1, n_threads));
    parallel_for(n_chunks, n_threads, [&](std::size_t chunk, std::size_t worker) {
        if (!encoders[worker]) encoders[worker] = std::make_unique<BlockEncoder>(kernels, book, basis);
        Residuals residuals(kernels, vectors, rotation, centroids, 1.0F / residual_unit);
        const std::size_t at = chunk * kChunk;
        const std::size_t here = std::min(kChunk, n - at);
        std::vector<float> rows(here * dim);
        for (std::size_t i = 0; i < here; ++i) {
            residuals.read(begin + at + i, centroids.assignment[at + i], rows.data() + i * dim);
        }
        CodedTier more = second;
        if (second.bits != 0) {
            more.codes += at * row_bytes(dim, second.bits);
            more.scales += at;
        }
        errors[chunk] = encoders[worker]->encode(
            rows.data(), here, {first.bits, first.codes + at * row_bytes(dim, first.bits), first.scales + at}, more);
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
