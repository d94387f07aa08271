// A query as the kernels want it: rotated, int8, arranged once per code width.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "index/product.h"
#include "index/rotation.h"
#include "index/view.h"

namespace lode {

// Up to kQueryChunk tokens of a query; longer queries are a sequence of chunks whose scores add up.
inline constexpr std::size_t kQueryChunk = 64;

struct QueryChunk {
    std::size_t n = 0;       // tokens
    std::size_t padded = 0;  // tokens rounded up to 4: what the dot kernels compute
    std::size_t lanes = 0;   // rounded up to 8: what rows of scores are wide
    std::vector<std::int8_t> centroid_codes, codes, refine_codes;  // arranged for centroids, words, refinement codes
    std::vector<std::int8_t> values;                               // [n][dim] what meets words, as it comes
    std::vector<std::int8_t> centroid_quads;                       // what meets centroids, in fours of dimensions
    std::vector<std::int16_t> short_offset;                        // [lanes] the low 16 bits of centroid_offset
    std::vector<std::int32_t> centroid_offset;                     // [lanes] 32 * sum of the token's values
    std::vector<float> offset, refine_offset;                      // [lanes] the same for words and refinement codes
};

struct Query {
    float step = 0;         // value of one unit of the int8 query that meets words
    float refine_step = 0;  // and of the one that meets refinement codes
    int shift = 0;          // table entry = (dot - offset) >> shift
    float unit = 0;         // value of one table entry
    std::vector<QueryChunk> chunks;
};

// query: float [n_tokens][dim], finite.
void prepare_query(const Kernels& kernels, const Codebook& book, const Rotation& rotation, const Basis& basis,
                   const float* query, std::size_t n_tokens, Query& out);

}  // namespace lode
