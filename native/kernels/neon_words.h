// Residual scores by table on AArch64: a part of neon.cpp, which alone includes it and has the flags it needs.
#pragma once

#include <arm_neon.h>

#include "kernels.h"

namespace lode {
namespace {

template <std::size_t Width>
void products_of(const std::uint8_t* words, const std::int8_t* pairs, const std::int16_t* offset, std::size_t n_lanes,
                 std::int16_t* out) {
    constexpr std::size_t kPairs = Width / 2;
    for (std::size_t q = 0; q < n_lanes; q += 8) {
        int8x8x2_t query[kPairs];
        for (std::size_t p = 0; p < kPairs; ++p) query[p] = vld2_s8(pairs + (p * n_lanes + q) * 2);
        const int16x8_t zero = vld1q_s16(offset + q);
        for (std::size_t w = 0; w < 256; ++w) {
            int16x8_t sum = vnegq_s16(zero);
            for (std::size_t p = 0; p < kPairs; ++p) {  // words are below 128, so they are the same numbers signed
                const std::uint8_t* two = words + w * Width + 2 * p;
                sum = vmlal_s8(sum, vdup_n_s8(static_cast<std::int8_t>(two[0])), query[p].val[0]);
                sum = vmlal_s8(sum, vdup_n_s8(static_cast<std::int8_t>(two[1])), query[p].val[1]);
            }
            vst1q_s16(out + w * n_lanes + q, sum);
        }
    }
}

void word_products(const std::uint8_t* words, std::size_t width, const std::int8_t* pairs, const std::int16_t* offset,
                   std::size_t n_lanes, std::int16_t* out) {
    (width == 2 ? products_of<2> : width == 4 ? products_of<4> : products_of<8>)(words, pairs, offset, n_lanes, out);
}

// Entries are added in twos in 16 bits and then widened.
void sum_words(const std::int16_t* table, const std::uint8_t* codes, std::size_t stride, std::size_t n_rows,
               std::size_t n_groups, std::size_t n_lanes, const std::int32_t* start, std::int32_t* sums) {
    const std::size_t group = 256 * n_lanes;
    for (std::size_t i = 0; i < n_rows; ++i, codes += stride, sums += n_lanes) {
        for (std::size_t q = 0; q < n_lanes; q += 8) {
            const auto entry = [&](std::size_t g) { return vld1q_s16(table + g * group + codes[g] * n_lanes + q); };
            int32x4_t low = vld1q_s32(start + q);
            int32x4_t high = vld1q_s32(start + q + 4);
            std::size_t g = 0;
            for (; g + 2 <= n_groups; g += 2) {
                const int16x8_t both = vaddq_s16(entry(g), entry(g + 1));
                low = vaddw_s16(low, vget_low_s16(both));
                high = vaddw_high_s16(high, both);
            }
            if (g < n_groups) {
                const int16x8_t last = entry(g);
                low = vaddw_s16(low, vget_low_s16(last));
                high = vaddw_high_s16(high, last);
            }
            vst1q_s32(sums + q, low);
            vst1q_s32(sums + q + 4, high);
        }
    }
}

}  // namespace
}  // namespace lode
