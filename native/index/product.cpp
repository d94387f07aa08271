#include "index/product.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "index/nearest.h"
#include "index/random.h"

namespace lode {
namespace {

constexpr std::size_t kMinTraining = 4096;
constexpr int kIterations = 10;
constexpr int kSweeps = 30;  // Jacobi converges quadratically: seven or eight are usual

// Eigenvectors of a symmetric matrix by cyclic Jacobi rotations (Golub, Van Loan, section 8.5): rows of `vectors`.
void eigenvectors(std::vector<double>& a, std::size_t n, std::vector<double>& vectors) {
    vectors.assign(n * n, 0.0);
    for (std::size_t i = 0; i < n; ++i) vectors[i * n + i] = 1;
    double total = 0;
    for (const double value : a) total += value * value;
    for (int sweep = 0; sweep < kSweeps; ++sweep) {
        double off = 0;
        for (std::size_t p = 0; p < n; ++p) {
            for (std::size_t q = p + 1; q < n; ++q) off += a[p * n + q] * a[p * n + q];
        }
        if (off <= 1e-18 * total) return;
        for (std::size_t p = 0; p < n; ++p) {
            for (std::size_t q = p + 1; q < n; ++q) {
                const double apq = a[p * n + q];
                if (apq == 0) continue;
                const double theta = (a[q * n + q] - a[p * n + p]) / (2 * apq);
                const double t = (theta >= 0 ? 1 : -1) / (std::fabs(theta) + std::sqrt(theta * theta + 1));
                const double c = 1 / std::sqrt(t * t + 1);
                const double s = t * c;
                for (std::size_t k = 0; k < n; ++k) {
                    const double kp = a[k * n + p];
                    const double kq = a[k * n + q];
                    a[k * n + p] = c * kp - s * kq;
                    a[k * n + q] = s * kp + c * kq;
                }
                for (std::size_t k = 0; k < n; ++k) {
                    const double pk = a[p * n + k];
                    const double qk = a[q * n + k];
                    a[p * n + k] = c * pk - s * qk;
                    a[q * n + k] = s * pk + c * qk;
                    const double vp = vectors[p * n + k];
                    const double vq = vectors[q * n + k];
                    vectors[p * n + k] = c * vp - s * vq;
                    vectors[q * n + k] = s * vp + c * vq;
                }
            }
        }
    }
}

// Scales rows to norm sqrt(dim), in place; leaves out those without one. Returns how many are left.
std::size_t normalise(float* rows, std::size_t n, std::size_t dim) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < n; ++i) {
        double energy = 0;
        for (std::size_t d = 0; d < dim; ++d) energy += double{rows[i * dim + d]} * double{rows[i * dim + d]};
        if (!(energy > 0) || !std::isfinite(energy)) continue;
        const double scale = std::sqrt(static_cast<double>(dim) / energy);
        for (std::size_t d = 0; d < dim; ++d) {
            rows[kept * dim + d] = static_cast<float>(double{rows[i * dim + d]} * scale);
        }
        ++kept;
    }
    return kept;
}

// Second moments of the rows, drawn towards the identity where rows are few. In double and in order of rows: the same
// whatever the number of threads.
std::vector<double> second_moments(const float* rows, std::size_t n, std::size_t dim, std::size_t n_threads) {
    std::vector<double> moments(dim * dim, 0.0);
    constexpr std::size_t kBand = 8;  // rows of the result per task
    parallel_for((dim + kBand - 1) / kBand, n_threads, [&](std::size_t band, std::size_t) {
        const std::size_t last = std::min(dim, (band + 1) * kBand);
        for (std::size_t i = 0; i < n; ++i) {
            const float* row = rows + i * dim;
            for (std::size_t a = band * kBand; a < last; ++a) {
                const double value = double{row[a]};
                double* out = moments.data() + a * dim;
                for (std::size_t b = 0; b < dim; ++b) out[b] += value * double{row[b]};
            }
        }
    });
    const double prior = static_cast<double>(dim);
    for (std::size_t a = 0; a < dim; ++a) {
        for (std::size_t b = 0; b < dim; ++b) {
            moments[a * dim + b] = (moments[a * dim + b] + (a == b ? prior : 0.0)) / (static_cast<double>(n) + prior);
        }
    }
    return moments;
}

// Deals directions out to groups of `width`, the largest variance first, always to the open group whose product of
// variances is the smallest so far; an empty group counts as the smallest.
std::vector<std::size_t> allocate(const std::vector<double>& variances, std::size_t width) {
    const std::size_t dim = variances.size();
    std::vector<std::size_t> order(dim);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return variances[a] > variances[b]; });
    const std::size_t n = (dim + width - 1) / width;
    std::vector<std::vector<std::size_t>> groups(n);
    std::vector<double> weight(n, 0.0);
    // Relative to the least variance every factor is at least 1, so a fuller group never looks smaller for being full.
    const double least = std::max(variances[order.back()], 1e-300);
    for (const std::size_t direction : order) {
        std::size_t best = n;
        for (std::size_t g = 0; g < n; ++g) {
            const std::size_t room = g + 1 < n ? width : dim - width * (n - 1);
            if (groups[g].size() >= room) continue;
            if (best == n || weight[g] < weight[best]) best = g;
        }
        groups[best].push_back(direction);
        weight[best] += std::log(std::max(variances[direction], least) / least) + 1e-9;
    }
    std::vector<std::size_t> dealt;
    for (const auto& group : groups) dealt.insert(dealt.end(), group.begin(), group.end());
    return dealt;
}

// Two independent standard normal numbers (Box, Muller 1958).
void normal_pair(Random& random, float* a, float* b) {
    const double u = (static_cast<double>(random.next() >> 11) + 1) * 0x1p-53;
    const double angle = static_cast<double>(random.next() >> 11) * 0x1p-53 * 6.283185307179586;
    const double radius = std::sqrt(-2 * std::log(u));
    *a = static_cast<float>(radius * std::cos(angle));
    *b = static_cast<float>(radius * std::sin(angle));
}

// Words [kWords][width] as the kernel wants them: columns [width][kWords], and -|w|^2 / 2.
void arrange_words(const float* words, std::size_t width, float* columns, float* bias) {
    for (std::size_t w = 0; w < kWords; ++w) {
        float norm = 0;
        for (std::size_t d = 0; d < width; ++d) {
            const float value = words[w * width + d];
            columns[d * kWords + w] = value;
            norm += value * value;
        }
        bias[w] = -0.5F * norm;
    }
}

// Words of one group by Lloyd's iterations over n points float [n][width].
void train_words(const Kernels& kernels, const std::vector<float>& points, std::size_t n, std::size_t width,
                 std::uint64_t seed, const CancelFlag* cancel, float* words) {
    Random random(seed);
    std::vector<std::uint32_t> order(n);
    std::iota(order.begin(), order.end(), 0U);
    for (std::size_t w = 0; w < kWords; ++w) {
        std::swap(order[w], order[w + random.below(n - w)]);
        std::memcpy(words + w * width, points.data() + order[w] * width, width * sizeof(float));
    }
    std::vector<std::uint8_t> label(n);
    std::vector<float> columns(kWords * width);
    std::vector<float> bias(kWords);
    std::vector<double> sums(kWords * width);
    std::vector<std::size_t> counts(kWords);
    for (int iteration = 0; iteration < kIterations; ++iteration) {
        stop_if(cancel);
        arrange_words(words, width, columns.data(), bias.data());
        kernels.nearest_word(points.data(), width, n, columns.data(), bias.data(), width, label.data(), 1);
        std::fill(sums.begin(), sums.end(), 0.0);
        std::fill(counts.begin(), counts.end(), std::size_t{0});
        for (std::size_t i = 0; i < n; ++i) {
            ++counts[label[i]];
            for (std::size_t d = 0; d < width; ++d) sums[label[i] * width + d] += double{points[i * width + d]};
        }
        for (std::size_t w = 0; w < kWords; ++w) {
            if (counts[w] == 0) {  // starts again at some point
                std::memcpy(words + w * width, points.data() + random.below(n) * width, width * sizeof(float));
                continue;
            }
            for (std::size_t d = 0; d < width; ++d) {
                words[w * width + d] = static_cast<float>(sums[w * width + d] / static_cast<double>(counts[w]));
            }
        }
    }
}

}  // namespace

ProductBook train_product(const Kernels& kernels, float* residuals, std::size_t n, std::size_t dim, unsigned bits,
                          std::uint64_t seed, std::size_t n_threads, const CancelFlag* cancel) {
    ProductBook book;
    book.dim = dim;
    book.bits = bits;
    const std::size_t width = group_width(bits);
    const std::size_t groups = code_groups(dim, bits);
    n = normalise(residuals, n, dim);
    std::vector<double> variances(dim, 1.0);
    if (dim <= kMaxBasisDim) {
        std::vector<double> moments = second_moments(residuals, n, dim, n_threads);
        std::vector<double> vectors;
        eigenvectors(moments, dim, vectors);
        std::vector<double> found(dim);
        for (std::size_t d = 0; d < dim; ++d) found[d] = moments[d * dim + d];
        const std::vector<std::size_t> dealt = allocate(found, width);
        book.basis.resize(dim * dim);
        for (std::size_t d = 0; d < dim; ++d) {
            variances[d] = found[dealt[d]];
            for (std::size_t k = 0; k < dim; ++k) {
                book.basis[d * dim + k] = static_cast<float>(vectors[dealt[d] * dim + k]);
            }
        }
    }
    const Basis basis(dim, book.basis.empty() ? nullptr : book.basis.data());
    std::vector<float> rotated(n * basis.stride());
    constexpr std::size_t kChunk = 1024;
    parallel_for((n + kChunk - 1) / kChunk, n_threads, [&](std::size_t chunk, std::size_t) {
        const std::size_t begin = chunk * kChunk;
        basis.apply(kernels, residuals + begin * dim, std::min(kChunk, n - begin),
                    rotated.data() + begin * basis.stride());
    });
    const std::size_t n_points = std::max(n, kMinTraining);
    std::vector<float> words(groups * kWords * width);
    parallel_for(groups, n_threads, [&](std::size_t g, std::size_t) {
        std::vector<float> points(n_points * width, 0.0F);
        const std::size_t used = std::min(width, dim - g * width);
        Random random(seed * 0x9E3779B97F4A7C15ULL + 2 * g);
        for (std::size_t i = 0; i < n_points; ++i) {
            if (i < n) {
                std::memcpy(points.data() + i * width, rotated.data() + i * basis.stride() + g * width,
                            used * sizeof(float));
                continue;
            }
            float drawn[8] = {};
            for (std::size_t d = 0; d < used; d += 2) normal_pair(random, drawn + d, drawn + d + 1);
            for (std::size_t d = 0; d < used; ++d) {
                points[i * width + d] = drawn[d] * static_cast<float>(std::sqrt(variances[g * width + d]));
            }
        }
        train_words(kernels, points, n_points, width, seed * 0x9E3779B97F4A7C15ULL + 2 * g + 1, cancel,
                    words.data() + g * kWords * width);
    });
    float largest = std::numeric_limits<float>::min();
    for (const float value : words) largest = std::max(largest, std::fabs(value));
    const float zero = static_cast<float>(word_zero(bits));
    book.step = largest / (zero - 1);
    book.words.resize(words.size());
    for (std::size_t i = 0; i < words.size(); ++i) {
        book.words[i] = static_cast<std::uint8_t>(static_cast<int>(std::nearbyint(words[i] / book.step) + zero));
    }
    return book;
}

Basis::Basis(std::size_t dim, const float* matrix) : dim_(dim), stride_((dim + kPanel - 1) / kPanel * kPanel) {
    if (matrix == nullptr) return;
    std::vector<float> clean(matrix, matrix + dim * dim);
    for (float& value : clean) value = std::fabs(value) <= 1.0001F ? value : 0.0F;  // NaN fails the comparison too
    pack_panels(clean.data(), dim, dim, packed_);
}

void Basis::apply(const Kernels& kernels, const float* rows, std::size_t n, float* out) const {
    if (!packed_.empty()) {
        kernels.gemm_f32(rows, dim_, n, packed_.data(), stride_, dim_, out, stride_);
        return;
    }
    for (std::size_t i = 0; i < n; ++i) {
        std::memcpy(out + i * stride_, rows + i * dim_, dim_ * sizeof(float));
        std::fill(out + i * stride_ + dim_, out + (i + 1) * stride_, 0.0F);
    }
}

ProductEncoder::ProductEncoder(const Kernels& kernels, std::size_t dim, unsigned bits, const std::uint8_t* words)
    : kernels_(kernels), dim_(dim), bits_(bits), words_(words_size(dim, bits)), bias_(code_groups(dim, bits) * kWords) {
    const std::size_t size = kWords * group_width(bits);
    const float zero = static_cast<float>(word_zero(bits));
    std::vector<float> values(size);
    for (std::size_t g = 0; g < code_groups(dim, bits); ++g) {
        for (std::size_t i = 0; i < size; ++i) values[i] = static_cast<float>(words[g * size + i]) - zero;
        arrange_words(values.data(), group_width(bits), words_.data() + g * size, bias_.data() + g * kWords);
    }
}

void ProductEncoder::encode(const float* rows, std::size_t stride, std::size_t n, std::uint8_t* codes) const {
    const std::size_t width = group_width(bits_);
    const std::size_t out_stride = row_bytes(dim_, bits_);
    const std::size_t groups = code_groups(dim_, bits_);
    for (std::size_t i = 0; i < n; ++i) {
        std::fill(codes + i * out_stride + groups, codes + (i + 1) * out_stride, std::uint8_t{0});
    }
    for (std::size_t g = 0; g < groups; ++g) {  // a group's words stay in L1 while the rows pass
        kernels_.nearest_word(rows + g * width, stride, n, words_.data() + g * width * kWords,
                              bias_.data() + g * kWords, width, codes + g, out_stride);
    }
}

ProductDecoder::ProductDecoder(std::size_t dim, unsigned bits, const std::uint8_t* words)
    : n_groups_(code_groups(dim, bits)), width_(group_width(bits)), words_(words, words + words_size(dim, bits)) {
    const unsigned mask = (1U << word_bits(bits)) - 1;
    for (std::uint8_t& value : words_) value = static_cast<std::uint8_t>(value & mask);
}

template <std::size_t Width>
void ProductDecoder::expand_rows(const std::uint8_t* codes, std::size_t stride, std::size_t n, std::uint8_t* out,
                                 std::size_t ldo) const noexcept {
    constexpr std::size_t kTable = kWords * Width;
    for (std::size_t i = 0; i < n; ++i) {
        const std::uint8_t* row = codes + i * stride;
        std::uint8_t* to = out + i * ldo;
        const std::uint8_t* table = words_.data();
        for (std::size_t g = 0; g < n_groups_; ++g, table += kTable, to += Width) {
            std::memcpy(to, table + row[g] * Width, Width);
        }
    }
}

void ProductDecoder::expand(const std::uint8_t* codes, std::size_t stride, std::size_t n, std::uint8_t* out,
                            std::size_t ldo) const noexcept {
    if (width_ == 8) expand_rows<8>(codes, stride, n, out, ldo);
    else if (width_ == 4) expand_rows<4>(codes, stride, n, out, ldo);
    else expand_rows<2>(codes, stride, n, out, ldo);
}

}  // namespace lode
