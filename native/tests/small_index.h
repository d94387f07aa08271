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
        out.list_offsets = lists.offsets.data();
        out.list_counts = lists.counts.data();
        out.lists = lists.bytes.data();
        out.lists_bytes = lists.bytes.size();
        return out;
    }

    std::vector<float> random_query(std::size_t n_tokens) {
        std::vector<float> query(n_tokens * book.dim);
        for (float& value : query) value = numbers.unit();
        return query;
    }

    Numbers numbers;
    Rotation rotation;
    Codebook book;
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

    void encode(const IndexShape& shape) {
        const std::size_t n = assignment.size();
        scales.resize(n);
        codes.assign(n * row_bytes(shape.dim, shape.bits) + kReadSlack, 0xFF);
        if (shape.refine_bits != 0) {
            refine_scales.resize(n);
            refine_codes.assign(n * row_bytes(shape.dim, shape.refine_bits) + kReadSlack, 0xFF);
        }
        const CodedTier tiers[2] = {{shape.bits, codes.data(), scales.data()},
                                    {shape.refine_bits, refine_codes.data(), refine_scales.data()}};
        const Vectors vectors{tokens.data(), false, n, shape.dim};
        error = encode_residuals(*kReference, vectors, 0, n, rotation, centroid_rows.data(), book.centroid_scale,
                                 book.residual_unit, assignment.data(), tiers, shape.refine_bits == 0 ? 1 : 2, 2);
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
