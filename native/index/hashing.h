// A 64-bit hash of bytes that files may keep: FNV-1a, then the finaliser of MurmurHash3, which spreads its low bits.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace lode {

inline std::uint64_t hash_bytes(const std::uint8_t* bytes, std::size_t n) noexcept {
    std::uint64_t h = 0xCBF29CE484222325ULL;
    for (std::size_t i = 0; i < n; ++i) h = (h ^ bytes[i]) * 0x100000001B3ULL;
    h = (h ^ (h >> 33)) * 0xFF51AFD7ED558CCDULL;
    h = (h ^ (h >> 33)) * 0xC4CEB9FE1A85EC53ULL;
    return h ^ (h >> 33);
}

// Strings one after the other: string i is bytes [offsets[i], offsets[i + 1]).
struct Strings {
    const std::uint8_t* bytes = nullptr;
    const std::uint64_t* offsets = nullptr;
    std::size_t n = 0;        // strings
    std::size_t n_bytes = 0;  // offsets past it belong to a damaged file

    bool equal(std::size_t i, const std::uint8_t* other, std::size_t size) const noexcept {
        if (i >= n || offsets[i] > offsets[i + 1] || offsets[i + 1] > n_bytes) return false;
        return offsets[i + 1] - offsets[i] == size && (size == 0 || std::memcmp(bytes + offsets[i], other, size) == 0);
    }
};

// Where `wanted` stands among the stored strings, whose hashes are sorted and belong to the strings order[0], order[1],
// …; -1 where it does not.
inline std::int64_t find_string(const std::uint8_t* wanted, std::size_t size, const std::uint64_t* hashes,
                                const std::uint32_t* order, const Strings& stored) noexcept {
    const std::uint64_t hash = hash_bytes(wanted, size);
    const std::uint64_t* at = std::lower_bound(hashes, hashes + stored.n, hash);
    for (; at != hashes + stored.n && *at == hash; ++at) {
        const std::uint32_t place = order[at - hashes];
        if (stored.equal(place, wanted, size)) return place;
    }
    return -1;
}

}  // namespace lode
