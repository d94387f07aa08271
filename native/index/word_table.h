// Residual scores looked up instead of computed: a query's products with every word of the product codes.
//
// A token's residual dot is a sum over its groups of (word, query) products. Decoding a token and multiplying it costs
// the same for every token; the table costs once per query and then one addition per group and 16 query tokens. Both
// give the same integers, so which of them runs never shows in a score.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "index/product.h"
#include "index/query.h"

namespace lode {

// Whether the table pays: the one place that knows. n_tokens: document tokens that will be looked up, about.
bool table_pays(const Codebook& book, std::size_t lanes, std::size_t n_tokens) noexcept;

// The table of one query chunk.
class WordTable {
public:
    void build(const Kernels& kernels, const ProductDecoder& decoder, const Codebook& book, const QueryChunk& chunk);

    // dots[i * lanes + q] of the rows codes[i * row_bytes(dim, bits) ...), as dot_rows over decoded words gives them.
    void dots(const Kernels& kernels, const std::uint8_t* codes, std::size_t n, std::int32_t* out) const {
        kernels.sum_words(table_.data(), codes, stride_, n, n_groups_, lanes_, start_.data(), out);
    }

private:
    std::size_t stride_ = 0, n_groups_ = 0, lanes_ = 0;
    std::vector<std::int16_t> table_;  // [n_groups][kWords][lanes] products with words around zero
    std::vector<std::int32_t> start_;  // [lanes] what turns their sum into the product with words as they are stored
    std::vector<std::int8_t> pairs_;
    std::vector<std::int16_t> offset_;
};

}  // namespace lode
