#include "index/query.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "index/encode.h"

namespace lode {
namespace {

// Query tokens as integers within +-levels, one step for the whole query so that scores add up as integers.
struct Quantised {
    std::vector<std::int8_t> values;  // [n_tokens][dim]
    float step = 0;
    float norm = 0;  // largest Euclidean norm of a token, in steps
};

Quantised quantise(const std::vector<float>& rotated, std::size_t dim, float largest, int levels) {
    Quantised out;
    const float limit = static_cast<float>(levels);
    out.step = largest / limit;
    out.values.resize(rotated.size());
    const float inverse = out.step > 0 ? 1.0F / out.step : 0.0F;
    for (std::size_t q = 0; q < rotated.size() / dim; ++q) {
        float energy = 0;
        for (std::size_t d = 0; d < dim; ++d) {
            const float level = std::clamp(std::nearbyint(rotated[q * dim + d] * inverse), -limit, limit);
            out.values[q * dim + d] = static_cast<std::int8_t>(static_cast<int>(level));
            energy += level * level;
        }
        out.norm = std::max(out.norm, std::sqrt(energy));
    }
    return out;
}

std::int32_t sum_of(const std::int8_t* values, std::size_t dim) {
    std::int32_t sum = 0;
    for (std::size_t d = 0; d < dim; ++d) sum += values[d];
    return sum;
}

void fill_chunk(const Codebook& book, const std::int8_t* coarse, const std::int8_t* fine, std::size_t n,
                QueryChunk& chunk) {
    const std::size_t dim = book.dim;
    chunk.n = n;
    chunk.padded = (n + 3) / 4 * 4;
    chunk.lanes = (n + 7) / 8 * 8;
    chunk.centroid_offset.assign(chunk.lanes, 0);
    chunk.offset.assign(chunk.lanes, 0.0F);
    chunk.refine_offset.assign(chunk.lanes, 0.0F);
    const auto arrange = [&](const std::int8_t* tokens, unsigned bits, std::vector<std::int8_t>& arranged) {
        const std::size_t bytes = arranged_bytes(dim, bits);
        arranged.assign(chunk.padded * bytes, 0);
        for (std::size_t q = 0; q < n; ++q) arrange_query(tokens + q * dim, dim, bits, arranged.data() + q * bytes);
    };
    arrange(coarse, kCentroidBits, chunk.centroid_codes);
    arrange(fine, book.bits, chunk.codes);
    if (book.refine_bits != 0) arrange(fine, book.refine_bits, chunk.refine_codes);
    for (std::size_t q = 0; q < n; ++q) {
        chunk.centroid_offset[q] = kCentroidZero * sum_of(coarse + q * dim, dim);
        const float sum = static_cast<float>(sum_of(fine + q * dim, dim));
        chunk.offset[q] = center(book.bits) * sum;
        if (book.refine_bits != 0) chunk.refine_offset[q] = center(book.refine_bits) * sum;
    }
}

}  // namespace

void prepare_query(const Codebook& book, const Rotation& rotation, const float* query, std::size_t n_tokens,
                   Query& out) {
    const std::size_t dim = book.dim;
    std::vector<float> rotated(query, query + n_tokens * dim);
    float peak = std::numeric_limits<float>::min();  // brought to 1 first: a rotation of the largest floats overflows
    for (const float value : rotated) peak = std::max(peak, std::fabs(value));
    for (float& value : rotated) value /= peak;
    float largest = 0;
    for (std::size_t q = 0; q < n_tokens; ++q) rotation.apply(rotated.data() + q * dim);
    for (const float value : rotated) largest = std::max(largest, std::fabs(value));
    const Quantised coarse = quantise(rotated, dim, largest, kQueryLevels);
    const Quantised fine = quantise(rotated, dim, largest, 127);
    // Cauchy-Schwarz: no |dot| exceeds this, so after the shift every score fits in 16 bits.
    const float bound = coarse.norm * book.centroid_norm;
    for (out.shift = 0; bound > std::ldexp(32767.0F, out.shift);) ++out.shift;
    out.step = fine.step * peak * book.residual_unit;
    out.unit = book.centroid_scale * coarse.step * peak * std::ldexp(1.0F, out.shift);
    out.chunks.resize((n_tokens + kQueryChunk - 1) / kQueryChunk);
    for (std::size_t c = 0; c < out.chunks.size(); ++c) {
        const std::size_t begin = c * kQueryChunk;
        fill_chunk(book, coarse.values.data() + begin * dim, fine.values.data() + begin * dim,
                   std::min(kQueryChunk, n_tokens - begin), out.chunks[c]);
    }
}

}  // namespace lode
