// Exact MaxSim over every document: the flat index and the yardstick of all others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "index/vectors.h"
#include "index/view.h"

namespace lode {

// score(d) = sum_q max_t <query[q], vectors[t]>, t in [doc_offsets[d], doc_offsets[d + 1]). Documents without tokens,
// such whose offsets point outside `vectors`, and those with their bit in `left_out` (nullptr: none) are passed over.
// Best first; at most k.
std::vector<Hit> exact_search(const Kernels& kernels, const Vectors& vectors, const std::int64_t* doc_offsets,
                              std::size_t n_docs, const float* query, std::size_t n_query_tokens, std::size_t k,
                              std::size_t n_threads, const std::uint8_t* left_out = nullptr);

}  // namespace lode
