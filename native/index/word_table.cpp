#include "index/word_table.h"

#include <algorithm>

namespace lode {

// Measured with AVX2 at 128 dimensions (docs/log.md): looking up wins while the table fits in a second-level cache,
// whatever the bits and the lanes; past it every entry is a miss. A token gains 10 ns or more, an entry costs about 60
// ps.
bool table_pays(const Codebook& book, std::size_t lanes, std::size_t n_tokens) noexcept {
    constexpr std::size_t kMostBytes = std::size_t{512} << 10;
    constexpr std::size_t kEntriesPerToken = 128;
    const std::size_t entries = code_groups(book.dim, book.bits) * kWords * lanes;
    return entries * sizeof(std::int16_t) <= kMostBytes && n_tokens >= entries / kEntriesPerToken;
}

void WordTable::build(const Kernels& kernels, const ProductDecoder& decoder, const Codebook& book,
                      const QueryChunk& chunk) {
    const std::size_t width = group_width(book.bits);
    stride_ = row_bytes(book.dim, book.bits);
    n_groups_ = code_groups(book.dim, book.bits);
    lanes_ = chunk.lanes;
    table_.resize(n_groups_ * kWords * lanes_);
    start_.assign(lanes_, 0);
    pairs_.assign(width * lanes_, 0);
    offset_.resize(lanes_);
    for (std::size_t g = 0; g < n_groups_; ++g) {
        std::fill(offset_.begin(), offset_.end(), std::int16_t{0});
        for (std::size_t q = 0; q < chunk.n; ++q) {
            for (std::size_t d = 0; d < width; ++d) {
                const std::size_t at = g * width + d;
                const std::int8_t value = at < book.dim ? chunk.values[q * book.dim + at] : std::int8_t{0};
                pairs_[(d / 2 * lanes_ + q) * 2 + d % 2] = value;
                offset_[q] = static_cast<std::int16_t>(offset_[q] + word_zero(book.bits) * value);
            }
            start_[q] += offset_[q];
        }
        kernels.word_products(decoder.words(g), width, pairs_.data(), offset_.data(), lanes_,
                              table_.data() + g * kWords * lanes_);
    }
}

}  // namespace lode
