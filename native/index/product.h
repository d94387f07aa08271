// Product codes for residuals (Jegou, Douze, Schmid, PAMI 2011): every 8 / bits dimensions are one byte, the number of
// one of 256 trained words.
//
// The groups of dimensions are made equally hard first: a rotation into the eigenvectors of the residuals' covariance,
// dealt out so that the product of the eigenvalues is the same in every group (Ge, He, Ke, Sun, PAMI 2014, section
// 4.2, "eigenvalue allocation"). Words are small integers, so that a search turns codes into rows of 6- or 7-bit codes
// and multiplies these with the kernels that centroids have.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "index/parallel.h"
#include "kernels/kernels.h"

namespace lode {

inline constexpr std::size_t kWords = 256;
inline constexpr std::size_t kMaxBasisDim = 256;  // beyond it the eigenvectors cost more than they bring

inline constexpr std::size_t group_width(unsigned bits) {
    return 8 / bits;
}
inline constexpr std::size_t code_groups(std::size_t dim, unsigned bits) {
    return (dim + group_width(bits) - 1) / group_width(bits);
}
// Width of a word's integers. Six bits round a tenth of what 2-bit codes leave over; 4-bit codes need a seventh.
inline constexpr unsigned word_bits(unsigned bits) {
    return bits == 4 ? 7 : 6;
}
inline constexpr int word_zero(unsigned bits) {
    return 1 << (word_bits(bits) - 1);
}
inline constexpr int word_query_levels(unsigned bits) {
    return bits == 4 ? 127 : 63;
}
// Values of all words: [code_groups][kWords][group_width].
inline constexpr std::size_t words_size(std::size_t dim, unsigned bits) {
    return code_groups(dim, bits) * kWords * group_width(bits);
}

// What training makes and a file keeps.
struct ProductBook {
    std::size_t dim = 0;
    unsigned bits = 2;
    std::vector<float> basis;         // [dim][dim], rows orthonormal: v becomes basis * v. Empty: as it is
    std::vector<std::uint8_t> words;  // words_size(dim, bits) integers around word_zero(bits)
    float step = 1;                   // value of an integer of a word, for residuals of norm sqrt(dim)
};

// Trains on float residuals [n][dim], which it overwrites. Deterministic for a seed whatever n_threads is. Few
// residuals are filled up with normal ones of the same covariance, so that words also serve tokens that come later.
ProductBook train_product(const Kernels& kernels, float* residuals, std::size_t n, std::size_t dim, unsigned bits,
                          std::uint64_t seed, std::size_t n_threads, const CancelFlag* cancel = nullptr);

// A matrix that rows are multiplied with; the identity where it was made from nothing.
class Basis {
public:
    // matrix: float [dim][dim] or nullptr. Values outside of [-1, 1], which no rotation has, become 0.
    Basis(std::size_t dim, const float* matrix);

    // Columns that apply() writes per row: dim rounded up, the rest zero.
    std::size_t stride() const noexcept { return stride_; }

    // out[i][0 .. stride) = matrix * rows[i], zero past dim.
    void apply(const Kernels& kernels, const float* rows, std::size_t n, float* out) const;

private:
    std::size_t dim_;
    std::size_t stride_;
    std::vector<float> packed_;
};

// Finds the nearest word of every group.
class ProductEncoder {
public:
    ProductEncoder(const Kernels& kernels, std::size_t dim, unsigned bits, const std::uint8_t* words);

    // rows: float [n][stride] in units of a word's integers, zero past dim, stride >= n_groups * group_width.
    // codes: one byte per group at codes + i * row_bytes(dim, bits), then zeros.
    void encode(const float* rows, std::size_t stride, std::size_t n, std::uint8_t* codes) const;

private:
    const Kernels& kernels_;
    std::size_t dim_;
    unsigned bits_;
    std::vector<float> words_;  // [code_groups][group_width][kWords]
    std::vector<float> bias_;   // [code_groups][kWords]
};

// Turns codes back into words.
class ProductDecoder {
public:
    // words: words_size(dim, bits) bytes, copied; bits that no word has are cleared.
    ProductDecoder(std::size_t dim, unsigned bits, const std::uint8_t* words);

    std::size_t row_size() const noexcept { return n_groups_ * width_; }

    // The words of one group: [kWords][group_width].
    const std::uint8_t* words(std::size_t group) const noexcept { return words_.data() + group * kWords * width_; }

    // out[i * ldo ...) = the words of codes[i * stride ...), row_size() bytes.
    void expand(const std::uint8_t* codes, std::size_t stride, std::size_t n, std::uint8_t* out,
                std::size_t ldo) const noexcept;

private:
    template <std::size_t Width>
    void expand_rows(const std::uint8_t* codes, std::size_t stride, std::size_t n, std::uint8_t* out,
                     std::size_t ldo) const noexcept;

    std::size_t n_groups_;
    std::size_t width_;
    std::vector<std::uint8_t> words_;
};

}  // namespace lode
