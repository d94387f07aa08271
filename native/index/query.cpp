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

// rows: float [n_tokens][stride], of which dim count.
Quantised quantise(const std::vector<float>& rows, std::size_t stride, std::size_t dim, int levels) {
    const std::size_t n_tokens = rows.size() / stride;
    const float limit = static_cast<float>(levels);
    float largest = 0;
    for (const float value : rows) largest = std::max(largest, std::fabs(value));
    Quantised out;
    out.step = largest / limit;
    out.values.resize(n_tokens * dim);
    const float inverse = out.step > 0 ? 1.0F / out.step : 0.0F;
    for (std::size_t q = 0; q < n_tokens; ++q) {
        float energy = 0;
        for (std::size_t d = 0; d < dim; ++d) {
            const float level = std::clamp(std::nearbyint(rows[q * stride + d] * inverse), -limit, limit);
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

// Integers of the query's tokens for each kind of code; refine is empty where there is no refinement.
struct QueryCodes {
    Quantised coarse, fine, refine;
};

void fill_chunk(const Codebook& book, const QueryCodes& codes, std::size_t begin, std::size_t n, QueryChunk& chunk) {
    const std::size_t dim = book.dim;
    chunk.n = n;
    chunk.padded = (n + 3) / 4 * 4;
    chunk.lanes = (n + 7) / 8 * 8;
    chunk.centroid_offset.assign(chunk.lanes, 0);
    chunk.short_offset.assign(chunk.lanes, 0);
    chunk.offset.assign(chunk.lanes, 0.0F);
    chunk.refine_offset.assign(chunk.lanes, 0.0F);
    const auto arrange = [&](const Quantised& tokens, unsigned bits, std::vector<std::int8_t>& arranged) {
        const std::size_t bytes = arranged_bytes(dim, bits);
        arranged.assign(chunk.padded * bytes, 0);
        for (std::size_t q = 0; q < n; ++q) {
            arrange_query(tokens.values.data() + (begin + q) * dim, dim, bits, arranged.data() + q * bytes);
        }
    };
    const auto sum = [&](const Quantised& tokens, std::size_t q) {
        return sum_of(tokens.values.data() + (begin + q) * dim, dim);
    };
    arrange(codes.coarse, kCentroidBits, chunk.centroid_codes);
    arrange(codes.fine, word_bits(book.bits), chunk.codes);
    chunk.centroid_quads.assign(row_bytes(dim, kCentroidBits) * chunk.lanes, 0);
    for (std::size_t q = 0; q < n; ++q) {
        const std::int8_t* token = codes.coarse.values.data() + (begin + q) * dim;
        for (std::size_t d = 0; d < dim; ++d) chunk.centroid_quads[(d / 4 * chunk.lanes + q) * 4 + d % 4] = token[d];
    }
    const auto first = codes.fine.values.begin() + static_cast<std::ptrdiff_t>(begin * dim);
    chunk.values.assign(first, first + static_cast<std::ptrdiff_t>(n * dim));
    if (book.refine_bits != 0) arrange(codes.refine, book.refine_bits, chunk.refine_codes);
    for (std::size_t q = 0; q < n; ++q) {
        chunk.centroid_offset[q] = kCentroidZero * sum(codes.coarse, q);
        chunk.short_offset[q] =
            static_cast<std::int16_t>(static_cast<std::uint16_t>(chunk.centroid_offset[q] & 0xFFFF));
        chunk.offset[q] = static_cast<float>(word_zero(book.bits)) * static_cast<float>(sum(codes.fine, q));
        if (book.refine_bits == 0) continue;
        chunk.refine_offset[q] = center(book.refine_bits) * static_cast<float>(sum(codes.refine, q));
    }
}

}  // namespace

void prepare_query(const Kernels& kernels, const Codebook& book, const Rotation& rotation, const Basis& basis,
                   const float* query, std::size_t n_tokens, Query& out) {
    const std::size_t dim = book.dim;
    std::vector<float> rotated(query, query + n_tokens * dim);
    float peak = std::numeric_limits<float>::min();  // brought to 1 first: a rotation of the largest floats overflows
    for (const float value : rotated) peak = std::max(peak, std::fabs(value));
    for (float& value : rotated) value /= peak;
    for (std::size_t q = 0; q < n_tokens; ++q) rotation.apply(rotated.data() + q * dim);
    std::vector<float> turned(n_tokens * basis.stride());
    basis.apply(kernels, rotated.data(), n_tokens, turned.data());
    QueryCodes codes;
    codes.coarse = quantise(rotated, dim, dim, kQueryLevels);
    codes.fine = quantise(turned, basis.stride(), dim, word_query_levels(book.bits));
    if (book.refine_bits != 0) codes.refine = quantise(turned, basis.stride(), dim, 127);
    // Cauchy-Schwarz: no |dot| exceeds this, so after the shift every score fits in 16 bits.
    const float bound = codes.coarse.norm * book.centroid_norm;
    for (out.shift = 0; bound > std::ldexp(32767.0F, out.shift);) ++out.shift;
    out.step = codes.fine.step * peak * book.residual_unit;
    out.refine_step = codes.refine.step * peak * book.residual_unit;
    out.unit = book.centroid_scale * codes.coarse.step * peak * std::ldexp(1.0F, out.shift);
    out.chunks.resize((n_tokens + kQueryChunk - 1) / kQueryChunk);
    for (std::size_t c = 0; c < out.chunks.size(); ++c) {
        const std::size_t begin = c * kQueryChunk;
        fill_chunk(book, codes, begin, std::min(kQueryChunk, n_tokens - begin), out.chunks[c]);
    }
}

}  // namespace lode
