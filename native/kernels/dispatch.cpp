// Which level runs here, decided once and by name; and the layout of code rows, which all levels share.
#include <array>
#include <cstring>

#include "kernels.h"

#if defined(_MSC_VER) && defined(_M_X64)
#include <intrin.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace lode {
namespace {

struct Features {
    bool avx2 = false;
    bool avx512 = false;
    bool dotprod = false;
};

#if defined(_MSC_VER) && defined(_M_X64)
Features detect() noexcept {
    Features found;
    int leaf[4];
    __cpuidex(leaf, 1, 0);
    const bool os_saves_avx = (leaf[2] & (1 << 27)) != 0 && (_xgetbv(0) & 6) == 6;
    const bool fma = (leaf[2] & (1 << 12)) != 0;
    const bool f16c = (leaf[2] & (1 << 29)) != 0;
    const bool os_saves_zmm = os_saves_avx && (_xgetbv(0) & 0xE6) == 0xE6;
    __cpuidex(leaf, 7, 0);
    const int wanted = (1 << 16) | (1 << 17) | (1 << 30) | static_cast<int>(1U << 31);  // F, DQ, BW, VL
    found.avx2 = os_saves_avx && fma && f16c && (leaf[1] & (1 << 5)) != 0;
    found.avx512 = found.avx2 && os_saves_zmm && (leaf[1] & wanted) == wanted && (leaf[2] & (1 << 11)) != 0;
    return found;
}
#elif defined(__x86_64__)
Features detect() noexcept {
    Features found;
    __builtin_cpu_init();
    found.avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
    found.avx512 = found.avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                   __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
                   __builtin_cpu_supports("avx512vnni");
    return found;
}
#elif defined(__aarch64__) && defined(__linux__)
Features detect() noexcept {
    return {false, false, (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0};
}
#elif defined(__aarch64__) || defined(_M_ARM64)
Features detect() noexcept {
    return {false, false, true};
}  // Apple silicon and Windows on Arm have dot products
#else
Features detect() noexcept {
    return {};
}
#endif

struct Levels {
    std::array<const Kernels*, 4> table{};
    std::size_t count = 0;

    Levels() noexcept {
        const Features features = detect();
        table[count++] = kReference;
        if (kAvx2 != nullptr && features.avx2) table[count++] = kAvx2;
        if (kAvx512 != nullptr && features.avx512) table[count++] = kAvx512;
        if (kNeon != nullptr && features.dotprod) table[count++] = kNeon;
    }
};

const Levels& levels() noexcept {
    static const Levels found;
    return found;
}

}  // namespace

const Kernels* const* available_levels(std::size_t* count) noexcept {
    *count = levels().count;
    return levels().table.data();
}

const Kernels* level_by_name(const char* name) noexcept {
    for (std::size_t i = 0; i < levels().count; ++i) {
        if (std::strcmp(levels().table[i]->name, name) == 0) return levels().table[i];
    }
    return nullptr;
}

const Kernels* best_level() noexcept {
    return levels().table[levels().count - 1];
}

DotRows dot_rows(const Kernels& kernels, unsigned bits) noexcept {
    switch (bits) {
        case 1:
            return kernels.dot_u1;
        case 2:
            return kernels.dot_u2;
        case 4:
            return kernels.dot_u4;
        case 6:
            return kernels.dot_u6;
        case 7:
            return kernels.dot_u7;
        default:
            return nullptr;
    }
}

namespace {

// Where dimension d of a row lives: which byte, which plane.
struct Place {
    std::size_t byte;
    unsigned plane;
};

Place place_of(std::size_t d, unsigned bits) noexcept {
    const unsigned planes = 8 / stored_bits(bits);
    const std::size_t unit_dims = 8 * planes;
    const std::size_t within = d % unit_dims;
    return {d / unit_dims * 8 + within % 8, static_cast<unsigned>(within / 8)};
}

}  // namespace

void arrange_query(const std::int8_t* query, std::size_t dim, unsigned bits, std::int8_t* arranged) noexcept {
    const unsigned planes = 8 / stored_bits(bits);
    std::memset(arranged, 0, arranged_bytes(dim, bits));
    for (std::size_t d = 0; d < dim; ++d) {
        const Place place = place_of(d, bits);
        const std::size_t block = place.byte / kBlockBytes;
        arranged[(block * planes + place.plane) * kBlockBytes + place.byte % kBlockBytes] = query[d];
    }
}

void pack_row(const std::uint8_t* codes, std::size_t dim, unsigned bits, std::uint8_t* row) noexcept {
    std::memset(row, 0, row_bytes(dim, bits));
    for (std::size_t d = 0; d < dim; ++d) {
        const Place place = place_of(d, bits);
        row[place.byte] = static_cast<std::uint8_t>(row[place.byte] | (codes[d] << (place.plane * stored_bits(bits))));
    }
}

void unpack_row(const std::uint8_t* row, std::size_t dim, unsigned bits, std::uint8_t* codes) noexcept {
    const unsigned stored = stored_bits(bits);
    for (std::size_t d = 0; d < dim; ++d) {
        const Place place = place_of(d, bits);
        codes[d] = static_cast<std::uint8_t>((row[place.byte] >> (place.plane * stored)) & ((1U << stored) - 1));
    }
}

}  // namespace lode
