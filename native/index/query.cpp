#include "index/query.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "index/encode.h"

namespace lode {
namespace {

void fill_chunk(const Codebook& book, const std::int8_t* tokens, std::size_t n, QueryChunk& chunk) {
    const std::size_t dim = book.dim;
    chunk.n = n;
    chunk.padded = (n + 3) / 4 * 4;
    chunk.lanes = (n + 7) / 8 * 8;
    chunk.centroid_offset.assign(chunk.lanes, 0);
    chunk.offset.assign(chunk.lanes, 0.0F);
    chunk.refine_offset.assign(chunk.lanes, 0.0F);
    const auto arrange = [&](unsigned bits, std::vector<std::int8_t>& arranged) {
        const std::size_t bytes = arranged_bytes(dim, bits);
        arranged.assign(chunk.padded * bytes, 0);
        for (std::size_t q = 0; q < n; ++q) arrange_query(tokens + q * dim, dim, bits, arranged.data() + q * bytes);
    };
    arrange(kCentroidBits, chunk.centroid_codes);
    arrange(book.bits, chunk.codes);
    if (book.refine_bits != 0) arrange(book.refine_bits, chunk.refine_codes);
    for (std::size_t q = 0; q < n; ++q) {
        std::int32_t sum = 0;
        for (std::size_t d = 0; d < dim; ++d) sum += tokens[q * dim + d];
        chunk.centroid_offset[q] = kCentroidZero * sum;
        chunk.offset[q] = center(book.bits) * static_cast<float>(sum);
        if (book.refine_bits != 0) chunk.refine_offset[q] = center(book.refine_bits) * static_cast<float>(sum);
    }
}

}  // namespace

void prepare_query(const Codebook& book, const Rotation& rotation, const float* query, std::size_t n_tokens,
                   Query& out) {
    const std::size_t dim = book.dim;
    std::vector<float> rotated(query, query + n_tokens * dim);
    float largest = 0;
    for (std::size_t q = 0; q < n_tokens; ++q) {
        rotation.apply(rotated.data() + q * dim);
        for (std::size_t d = 0; d < dim; ++d) largest = std::max(largest, std::fabs(rotated[q * dim + d]));
    }
    out.step = largest / 127.0F;
    const float inverse = out.step > 0 ? 1.0F / out.step : 0.0F;
    std::vector<std::int8_t> tokens(n_tokens * dim);
    float norm = 0;
    for (std::size_t q = 0; q < n_tokens; ++q) {
        float energy = 0;
        for (std::size_t d = 0; d < dim; ++d) {
            const float level = std::nearbyint(rotated[q * dim + d] * inverse);
            tokens[q * dim + d] = static_cast<std::int8_t>(static_cast<int>(std::clamp(level, -127.0F, 127.0F)));
            energy += level * level;
        }
        norm = std::max(norm, std::sqrt(energy));
    }
    // Cauchy-Schwarz: no |dot| exceeds this, so after the shift every score fits in 16 bits.
    const float bound = norm * book.centroid_norm;
    for (out.shift = 0; bound > std::ldexp(32767.0F, out.shift);) ++out.shift;
    out.unit = book.centroid_scale * out.step * std::ldexp(1.0F, out.shift);
    out.chunks.resize((n_tokens + kQueryChunk - 1) / kQueryChunk);
    for (std::size_t c = 0; c < out.chunks.size(); ++c) {
        const std::size_t begin = c * kQueryChunk;
        fill_chunk(book, tokens.data() + begin * dim, std::min(kQueryChunk, n_tokens - begin), out.chunks[c]);
    }
}

}  // namespace lode
