// Scores of centroids on AArch64: a part of neon.cpp, which alone includes it and has the flags it needs.
#pragma once

#include <arm_neon.h>

#include <cstring>

#include "kernels.h"

namespace lode {
namespace {

// Rows x 8 query tokens. A quad of dimensions of four tokens is one register, and one multiply a row.
template <std::size_t Rows>
inline void score_tile(const std::uint8_t* rows, std::size_t stride, const std::int8_t* quads, std::size_t n_lanes,
                       const std::int16_t* offset, std::int16_t* out) {
    int32x4_t low[Rows];
    int32x4_t high[Rows];
    for (std::size_t r = 0; r < Rows; ++r) low[r] = high[r] = vdupq_n_s32(0);
    for (std::size_t quad = 0; quad < stride / 4; ++quad, rows += 4, quads += 4 * n_lanes) {
        const int8x16_t first = vld1q_s8(quads);
        const int8x16_t second = vld1q_s8(quads + 16);
        for (std::size_t r = 0; r < Rows; ++r) {
            std::int32_t four;
            std::memcpy(&four, rows + r * stride, sizeof four);
            const int8x16_t code = vreinterpretq_s8_s32(vdupq_n_s32(four));  // below 128: the same numbers signed
            low[r] = vdotq_s32(low[r], code, first);
            high[r] = vdotq_s32(high[r], code, second);
        }
    }
    for (std::size_t r = 0; r < Rows; ++r) {
        const int16x8_t all = vmovn_high_s32(vmovn_s32(low[r]), high[r]);
        vst1q_s16(out + r * n_lanes, vsubq_s16(all, vld1q_s16(offset)));
    }
}

void score_u6_i16(const std::uint8_t* rows, std::size_t stride, std::size_t n_rows, const std::int8_t* quads,
                  std::size_t n_lanes, const std::int16_t* offset, std::int16_t* out) {
    constexpr std::size_t kTile = 8;
    for (std::size_t q = 0; q < n_lanes; q += 8) {
        std::size_t i = 0;
        for (; i + kTile <= n_rows; i += kTile) {
            score_tile<kTile>(rows + i * stride, stride, quads + 4 * q, n_lanes, offset + q, out + i * n_lanes + q);
        }
        for (; i < n_rows; ++i) {
            score_tile<1>(rows + i * stride, stride, quads + 4 * q, n_lanes, offset + q, out + i * n_lanes + q);
        }
    }
}

}  // namespace
}  // namespace lode
