#include "index/postings.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace lode {
namespace {

void append_list(const std::uint32_t* documents, std::size_t n, std::vector<std::uint8_t>& bytes) {
    std::int64_t previous = -1;
    for (std::size_t at = 0; at < n; at += kPostingBlock) {
        const std::size_t count = std::min(kPostingBlock, n - at);
        std::uint32_t gaps[kPostingBlock];
        std::uint32_t all = 0;
        for (std::size_t i = 0; i < count; ++i) {
            gaps[i] = static_cast<std::uint32_t>(documents[at + i] - previous - 1);
            previous = documents[at + i];
            all |= gaps[i];
        }
        const unsigned width = static_cast<unsigned>(std::bit_width(all));
        bytes.push_back(static_cast<std::uint8_t>(width));
        std::uint64_t pending = 0;
        unsigned filled = 0;
        for (std::size_t i = 0; i < count; ++i) {
            pending |= static_cast<std::uint64_t>(gaps[i]) << filled;
            for (filled += width; filled >= 8; filled -= 8) {
                bytes.push_back(static_cast<std::uint8_t>(pending));
                pending >>= 8;
            }
        }
        if (filled != 0) bytes.push_back(static_cast<std::uint8_t>(pending));
    }
}

}  // namespace

Postings build_postings(const std::uint32_t* assignment, const std::int64_t* doc_offsets, std::size_t n_docs,
                        std::size_t n_lists) {
    Postings result;
    const std::size_t n_tokens = static_cast<std::size_t>(doc_offsets[n_docs]);
    std::vector<std::uint64_t> start(n_lists + 1, 0);
    for (std::size_t t = 0; t < n_tokens; ++t) ++start[assignment[t] + 1];
    for (std::size_t list = 0; list < n_lists; ++list) start[list + 1] += start[list];
    std::vector<std::uint32_t> documents(n_tokens);
    std::vector<std::uint64_t> fill(start.begin(), start.end() - 1);
    for (std::size_t doc = 0; doc < n_docs; ++doc) {  // documents ascend, so each list is born sorted
        for (std::int64_t t = doc_offsets[doc]; t < doc_offsets[doc + 1]; ++t) {
            documents[fill[assignment[t]]++] = static_cast<std::uint32_t>(doc);
        }
    }
    result.offsets.reserve(n_lists + 1);
    result.counts.reserve(n_lists);
    for (std::size_t list = 0; list < n_lists; ++list) {
        std::uint32_t* begin = documents.data() + start[list];
        std::uint32_t* end = std::unique(begin, documents.data() + start[list + 1]);
        result.offsets.push_back(result.bytes.size());
        result.counts.push_back(static_cast<std::uint32_t>(end - begin));
        append_list(begin, static_cast<std::size_t>(end - begin), result.bytes);
    }
    result.offsets.push_back(result.bytes.size());
    result.bytes.insert(result.bytes.end(), kPostingSlack, 0);
    return result;
}

std::size_t decode_postings(const std::uint8_t* begin, const std::uint8_t* end, std::size_t count, std::uint32_t n_docs,
                            std::uint32_t* documents) noexcept {
    std::size_t written = 0;
    std::uint64_t next = 0;  // previous + 1
    const std::uint8_t* at = begin;
    while (written < count && at < end) {
        const unsigned width = *at++;
        const std::size_t here = std::min(kPostingBlock, count - written);
        const std::size_t bytes = (here * width + 7) / 8;
        if (width > 32 || bytes > static_cast<std::size_t>(end - at)) return written;
        const std::uint64_t mask = (std::uint64_t{1} << width) - 1;
        std::size_t bit = 0;
        for (std::size_t i = 0; i < here; ++i, bit += width) {
            std::uint64_t word;
            std::memcpy(&word, at + bit / 8, sizeof word);  // width + 7 <= 39 bits: one load is enough
            next += (word >> (bit % 8)) & mask;
            if (next >= n_docs) return written;
            documents[written++] = static_cast<std::uint32_t>(next++);
        }
        at += bytes;
    }
    return written;
}

}  // namespace lode
