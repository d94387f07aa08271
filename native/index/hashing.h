// A 64-bit hash of bytes that files may keep: FNV-1a, then the finaliser of MurmurHash3, which spreads its low bits.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lode {

inline std::uint64_t hash_bytes(const std::uint8_t* bytes, std::size_t n) noexcept {
    std::uint64_t h = 0xCBF29CE484222325ULL;
    for (std::size_t i = 0; i < n; ++i) h = (h ^ bytes[i]) * 0x100000001B3ULL;
    h = (h ^ (h >> 33)) * 0xFF51AFD7ED558CCDULL;
    h = (h ^ (h >> 33)) * 0xC4CEB9FE1A85EC53ULL;
    return h ^ (h >> 33);
}

}  // namespace lode
