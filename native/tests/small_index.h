// A small index in memory, made of random tokens, whose arrays end exactly where the contract says.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "check.h"
#include "index/encode.h"
#include "index/postings.h"
#include "index/search.h"

namespace lode::test {

struct IndexShape {
    std::size_t dim = 32;
    std::size_t n_docs = 60;
    std::size_t n_centroids = 40;
    unsigned bits = 2;
    unsigned refine_bits = 0;
    unsigned id_bytes = 2;
    std::size_t max_doc_tokens = 12;
    std::uint64_t seed = 1;

    std::string name() const {
        return "dim " + std::to_string(dim) + ", " + std::to_string(n_docs) + " documents, bits " +
               std::to_string(bits) + " + " + std::to_string(refine_bits) + ", ids of " + std::to_string(id_bytes);
    }
};

class SmallIndex {
public:
    explicit SmallIndex(const IndexShape& shape) : numbers(shape.seed), rotation(shape.dim, shape.seed) {
        make_tokens(shape);
        make_book(shape);
        encode(shape);
        make_lists(shape);
    }

    // Views of the arrays as they are now; make them anew after a change of size.
    Codebook codebook() const {
        Codebook out = book;
        out.centroids = centroid_rows.data();
        out.n_types = type_first.size() - 1;
        out.type_first = type_first.data();
        out.type_rows = type_rows.data();
        out.basis = product.basis.empty() ? nullptr : product.basis.data();
        out.words = product.words.data();
        return out;
    }
    // What the codes of token t stand for, in the space of the basis, decoded the obvious way.
    std::vector<double> residual(std::size_t t) const {
        std::vector<double> values(book.dim);
        const std::size_t width = 8 / book.bits;
        const double scale = double{book.residual_unit} * double{half_value(scales[t])};
        for (std::size_t d = 0; d < book.dim; ++d) {
            const std::size_t code = codes[t * row_bytes(book.dim, book.bits) + d / width];
            values[d] = scale * (product.words[(d / width * kWords + code) * width + d % width] - word_zero(book.bits));
        }
        if (book.refine_bits == 0) return values;
        std::vector<std::uint8_t> levels(book.dim);
        unpack_row(refine_codes.data() + t * row_bytes(book.dim, book.refine_bits), book.dim, book.refine_bits,
                   levels.data());
        for (std::size_t d = 0; d < book.dim; ++d) {
            values[d] += double{book.residual_unit} * double{half_value(refine_scales[t])} *
                         (levels[d] - double{center(book.refine_bits)});
        }
        return values;
    }
    // Back from the space of the basis.
    std::vector<double> turned_back(const std::vector<double>& values) const {
        if (product.basis.empty()) return values;
        std::vector<double> out(book.dim, 0.0);
        for (std::size_t d = 0; d < book.dim; ++d) {
            for (std::size_t k = 0; k < book.dim; ++k) out[k] += values[d] * double{product.basis[d * book.dim + k]};
        }
        return out;
    }
    Segment segment() const {
        Segment out;
        out.n_docs = doc_offsets.size() - 1;
        out.n_tokens = scales.size();
        out.doc_offsets = doc_offsets.data();
        out.assignment = ids.data();
        out.id_bytes = id_bytes;
        out.codes = codes.data();
        out.scales = scales.data();
        out.refine_codes = refine_codes.data();
        out.refine_scales = refine_scales.data();
        out.n_lists = lists.counts.size();
        out.list_offsets = lists.offsets.data();
        out.list_counts = lists.counts.data();
        out.lists = lists.bytes.data();
        out.lists_bytes = lists.bytes.size();
        return out;
    }

    // The documents [begin, end) as a segment of their own, with lists or without; keep it while the view is used.
    struct Part {
        std::vector<std::uint64_t> offsets;
        Postings lists;
        Segment view;
    };
    Part part(std::size_t begin, std::size_t end, bool listed) const {
        Part out;
        std::vector<std::int64_t> local;
        const std::uint64_t base = doc_offsets[begin];
        for (std::size_t doc = begin; doc <= end; ++doc) {
            out.offsets.push_back(doc_offsets[doc] - base);
            local.push_back(static_cast<std::int64_t>(out.offsets.back()));
        }
        out.view = segment();
        out.view.n_docs = end - begin;
        out.view.n_tokens = out.offsets.back();
        out.view.assignment = ids.data() + base * id_bytes;
        out.view.codes = codes.data() + base * row_bytes(book.dim, book.bits);
        out.view.scales = scales.data() + base;
        if (book.refine_bits != 0) {
            out.view.refine_codes = refine_codes.data() + base * row_bytes(book.dim, book.refine_bits);
            out.view.refine_scales = refine_scales.data() + base;
        }
        out.view.n_lists = 0;
        if (listed) {
            out.lists = build_postings(assignment.data() + base, local.data(), end - begin, book.n_centroids);
            out.view.n_lists = out.lists.counts.size();
        }
        return out;
    }
    // The view of a part, made where the part stays.
    static Segment view_of(const Part& part) {
        Segment view = part.view;
        view.doc_offsets = part.offsets.data();
        view.list_offsets = part.lists.offsets.data();
        view.list_counts = part.lists.counts.data();
        view.lists = part.lists.bytes.data();
        view.lists_bytes = part.lists.bytes.size();
        return view;
    }

    std::vector<float> random_query(std::size_t n_tokens) {
        std::vector<float> query(n_tokens * book.dim);
        for (float& value : query) value = numbers.unit();
        return query;
    }

    Numbers numbers;
    Rotation rotation;
    Codebook book;
    ProductBook product;
    unsigned id_bytes = 2;
    std::vector<float> tokens;  // [n_tokens][dim]
    std::vector<std::uint32_t> assignment;
    std::vector<std::uint64_t> doc_offsets;
    std::vector<std::uint32_t> type_first;
    std::vector<std::uint8_t> centroid_rows, type_rows, ids, codes, refine_codes;
    std::vector<std::uint16_t> scales, refine_scales;
    Postings lists;
    double error = 0;

private:
    void make_tokens(const IndexShape& shape) {
        centroids_.resize(shape.n_centroids * shape.dim);
        for (float& value : centroids_) value = numbers.unit();
        doc_offsets.push_back(0);
        for (std::size_t doc = 0; doc < shape.n_docs; ++doc) {  // every eighth document is empty
            const std::size_t n = doc % 8 == 3 ? 0 : 1 + numbers.below(shape.max_doc_tokens);
            doc_offsets.push_back(doc_offsets.back() + n);
        }
        for (std::size_t t = 0; t < doc_offsets.back(); ++t) {
            assignment.push_back(static_cast<std::uint32_t>(numbers.below(shape.n_centroids)));
            const float* centroid = centroids_.data() + assignment.back() * shape.dim;
            for (std::size_t d = 0; d < shape.dim; ++d) tokens.push_back(centroid[d] + 0.4F * numbers.unit());
        }
    }

    void make_book(const IndexShape& shape) {
        rotate_rows(rotation, centroids_.data(), shape.n_centroids, 1);
        float largest = 0;
        for (const float value : centroids_) largest = std::max(largest, std::fabs(value));
        book.dim = shape.dim;
        book.rotation_seed = shape.seed;
        book.bits = shape.bits;
        book.refine_bits = shape.refine_bits;
        book.n_centroids = shape.n_centroids;
        book.centroid_scale = largest / static_cast<float>(kCentroidZero - 1);
        book.residual_unit = 0.25F;
        const std::size_t stride = row_bytes(shape.dim, kCentroidBits);
        centroid_rows.assign(shape.n_centroids * stride + kReadSlack, 0xFF);
        encode_centroids(centroids_.data(), shape.n_centroids, shape.dim, book.centroid_scale, centroid_rows.data());
        for (std::size_t c = 0; c < shape.n_centroids; ++c) {
            float energy = 0;
            for (std::size_t d = 0; d < shape.dim; ++d)
                energy += static_cast<float>(square(code(centroid_rows, c, kCentroidBits, d) - kCentroidZero));
            book.centroid_norm = std::max(book.centroid_norm, std::sqrt(energy));
        }
        for (std::size_t first = 0; first < shape.n_centroids; first += 7)
            type_first.push_back(static_cast<std::uint32_t>(first));
        type_rows.assign(type_first.size() * stride + kReadSlack, 0xFF);
        for (std::size_t type = 0; type < type_first.size(); ++type) {  // a type's first centroid stands for its mean
            std::memcpy(type_rows.data() + type * stride, centroid_rows.data() + type_first[type] * stride, stride);
        }
        type_first.push_back(static_cast<std::uint32_t>(shape.n_centroids));
    }

    // Not trained, which takes long in an emulator: random words, and another rotation's matrix as the basis.
    void make_product(const IndexShape& shape) {
        product.dim = shape.dim;
        product.bits = shape.bits;
        product.basis.assign(shape.dim * shape.dim, 0.0F);
        const Rotation turn(shape.dim, shape.seed + 1);
        for (std::size_t d = 0; d < shape.dim; ++d) {
            product.basis[d * shape.dim + d] = 1;
            turn.apply(product.basis.data() + d * shape.dim);
        }
        if (shape.seed % 2 == 0) product.basis.clear();
        const int zero = word_zero(shape.bits);
        product.step = 3.0F / static_cast<float>(zero);
        product.words.resize(words_size(shape.dim, shape.bits));
        for (std::uint8_t& value : product.words) {  // the sum of three uniform numbers is nearly normal
            const float normal = numbers.unit() + numbers.unit() + numbers.unit();
            value = static_cast<std::uint8_t>(static_cast<int>(normal / product.step) + zero);
        }
    }

    void encode(const IndexShape& shape) {
        const std::size_t n = assignment.size();
        scales.resize(n);
        codes.assign(n * row_bytes(shape.dim, shape.bits), 0xFF);
        if (shape.refine_bits != 0) {
            refine_scales.resize(n);
            refine_codes.assign(n * row_bytes(shape.dim, shape.refine_bits) + kReadSlack, 0xFF);
        }
        const Vectors vectors{tokens.data(), false, n, shape.dim};
        const CodedCentroids centroids{centroid_rows.data(), book.centroid_scale, assignment.data()};
        make_product(shape);
        error = encode_residuals(*kReference, vectors, 0, n, rotation, centroids, product, book.residual_unit,
                                 {shape.bits, codes.data(), scales.data()},
                                 {shape.refine_bits, refine_codes.data(), refine_scales.data()}, 2);
        id_bytes = shape.id_bytes;
        ids.assign(n * id_bytes + 4, 0);
        for (std::size_t t = 0; t < n; ++t) {
            for (unsigned b = 0; b < id_bytes; ++b)
                ids[t * id_bytes + b] = static_cast<std::uint8_t>(assignment[t] >> (8 * b));
        }
    }

    void make_lists(const IndexShape& shape) {
        const std::vector<std::int64_t> offsets(doc_offsets.begin(), doc_offsets.end());
        lists = build_postings(assignment.data(), offsets.data(), shape.n_docs, shape.n_centroids);
    }

    static int square(int value) { return value * value; }

    int code(const std::vector<std::uint8_t>& rows, std::size_t row, unsigned bits, std::size_t d) const {
        std::vector<std::uint8_t> unpacked(book.dim);
        unpack_row(rows.data() + row * row_bytes(book.dim, bits), book.dim, bits, unpacked.data());
        return unpacked[d];
    }

    std::vector<float> centroids_;
};

// Whether hits are at most k, of documents that exist, each once, finite and best first.
inline bool well_formed(const std::vector<Hit>& hits, std::size_t k, std::size_t n_docs) {
    std::vector<bool> seen(n_docs, false);
    for (std::size_t i = 0; i < hits.size(); ++i) {
        if (hits[i].position >= n_docs || seen[hits[i].position] || !std::isfinite(hits[i].score)) return false;
        seen[hits[i].position] = true;
        if (i != 0 && !better(hits[i - 1], hits[i])) return false;
    }
    return hits.size() <= k;
}

inline bool same(const std::vector<Hit>& a, const std::vector<Hit>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](const Hit& x, const Hit& y) { return x.score == y.score && x.position == y.position; });
}

}  // namespace lode::test
