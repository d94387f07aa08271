#include <nanobind/stl/tuple.h>

#include "bindings/bind.h"
#include "index/encode.h"
#include "index/postings.h"

namespace lode::bind {
namespace {

void code_centroids(InOut<float, 2> centroids, std::uint64_t rotation_seed, std::size_t n_threads) {
    const Rotation rotation(centroids.shape(1), rotation_seed);
    const nb::gil_scoped_release release;
    rotate_rows(rotation, centroids.data(), centroids.shape(0), n_threads);
}

void quantise_centroids(In<float, 2> centroids, float scale, InOut<std::uint8_t, 2> rows) {
    require(rows.shape(0) == centroids.shape(0) && rows.shape(1) == row_bytes(centroids.shape(1), kCentroidBits),
            "rows: wrong shape");
    const nb::gil_scoped_release release;
    encode_centroids(centroids.data(), centroids.shape(0), centroids.shape(1), scale, rows.data());
}

void check_centroids(const Vectors& view, const In<std::uint8_t, 2>& rows, const In<std::uint32_t, 1>& assignment) {
    require(rows.shape(1) == row_bytes(view.dim, kCentroidBits), "centroid_rows: wrong shape");
    for (std::size_t i = 0; i < assignment.shape(0); ++i) {
        require(assignment.data()[i] < rows.shape(0), "assignment: a centroid that is not there");
    }
}

// The product book of the tokens at `sample`: basis float [dim][dim] (of no rows where there is none), words, step.
auto train(const std::string& name, AnyMatrix vectors, In<std::int64_t, 1> sample, std::uint64_t rotation_seed,
           In<std::uint8_t, 2> centroid_rows, float centroid_scale, In<std::uint32_t, 1> assignment, unsigned bits,
           std::uint64_t seed, std::size_t n_threads) {
    const Kernels& kernels = level(name);
    const Vectors view = vectors_of(vectors);
    require(bits == 1 || bits == 2 || bits == 4, "bits must be 1, 2 or 4");
    require(assignment.shape(0) == sample.shape(0), "assignment: not as long as the sample");
    check_centroids(view, centroid_rows, assignment);
    for (std::size_t i = 0; i < sample.shape(0); ++i) {
        require(sample.data()[i] >= 0 && static_cast<std::size_t>(sample.data()[i]) < view.n, "sample: out of range");
    }
    ProductBook book;
    interruptible([&](const CancelFlag* cancel) {
        const Rotation rotation(view.dim, rotation_seed);
        book =
            train_residuals(kernels, view, sample.data(), sample.shape(0), rotation,
                            {centroid_rows.data(), centroid_scale, assignment.data()}, bits, seed, n_threads, cancel);
    });
    return std::make_tuple(to_numpy(std::move(book.basis)), to_numpy(std::move(book.words)), book.step);
}

double encode(const std::string& name, AnyMatrix vectors, std::size_t begin, std::uint64_t rotation_seed,
              In<std::uint8_t, 2> centroid_rows, float centroid_scale, In<float, 1> basis, In<std::uint8_t, 1> words,
              float word_step, float residual_unit, In<std::uint32_t, 1> assignment, unsigned bits,
              InOut<std::uint8_t, 2> codes, InOut<std::uint16_t, 1> scales, unsigned refine_bits,
              InOut<std::uint8_t, 2> refine_codes, InOut<std::uint16_t, 1> refine_scales, std::size_t n_threads) {
    const Kernels& kernels = level(name);
    const Vectors view = vectors_of(vectors);
    const std::size_t n = assignment.shape(0);
    require(residual_unit > 0 && word_step > 0, "residual_unit and word_step must be positive");
    require(begin + n <= view.n, "assignment: longer than the vectors");
    require(bits == 1 || bits == 2 || bits == 4, "bits must be 1, 2 or 4");
    require(refine_bits == 0 || refine_bits == 1 || refine_bits == 2 || refine_bits == 4, "refine_bits: 0, 1, 2 or 4");
    require(basis.shape(0) == 0 || basis.shape(0) == view.dim * view.dim, "basis: wrong shape");
    require(words.shape(0) == words_size(view.dim, bits), "words: wrong shape");
    require(codes.shape(0) == n && codes.shape(1) == row_bytes(view.dim, bits) && scales.shape(0) == n,
            "codes or scales: wrong shape");
    require(refine_bits == 0 || (refine_codes.shape(0) == n && refine_scales.shape(0) == n &&
                                 refine_codes.shape(1) == row_bytes(view.dim, refine_bits)),
            "refine_codes or refine_scales: wrong shape");
    check_centroids(view, centroid_rows, assignment);
    ProductBook book{view.dim,
                     bits,
                     {basis.data(), basis.data() + basis.shape(0)},
                     {words.data(), words.data() + words.shape(0)},
                     word_step};
    const CodedTier first{bits, codes.data(), scales.data()};
    const CodedTier second{refine_bits, refine_codes.data(), refine_scales.data()};
    const nb::gil_scoped_release release;
    const Rotation rotation(view.dim, rotation_seed);
    return encode_residuals(kernels, view, begin, begin + n, rotation,
                            {centroid_rows.data(), centroid_scale, assignment.data()}, book, residual_unit, first,
                            second, n_threads);
}

auto postings(In<std::uint32_t, 1> assignment, In<std::int64_t, 1> doc_offsets, std::size_t n_lists) {
    require(doc_offsets.shape(0) > 0, "doc_offsets: empty");
    const std::size_t n_docs = doc_offsets.shape(0) - 1;
    require(doc_offsets.data()[0] == 0, "doc_offsets: must start at 0");
    for (std::size_t d = 0; d < n_docs; ++d) {
        require(doc_offsets.data()[d] <= doc_offsets.data()[d + 1], "doc_offsets: must not fall");
    }
    require(static_cast<std::size_t>(doc_offsets.data()[n_docs]) == assignment.shape(0), "doc_offsets: wrong end");
    for (std::size_t i = 0; i < assignment.shape(0); ++i)
        require(assignment.data()[i] < n_lists, "assignment: too large");
    Postings built;
    {
        const nb::gil_scoped_release release;
        built = build_postings(assignment.data(), doc_offsets.data(), n_docs, n_lists);
    }
    return std::make_tuple(to_numpy(std::move(built.offsets)), to_numpy(std::move(built.counts)),
                           to_numpy(std::move(built.bytes)));
}

// Decodes one list; shorter than `count` where the bytes are wrong. `bytes` must end with kPostingSlack spare bytes.
auto decode(In<std::uint8_t, 1> bytes, std::size_t begin, std::size_t end, std::size_t count, std::uint32_t n_docs) {
    require(begin <= end && end + kPostingSlack <= bytes.shape(0), "begin and end outside the lists");
    std::vector<std::uint32_t> documents(count);
    documents.resize(decode_postings(bytes.data() + begin, bytes.data() + end, count, n_docs, documents.data()));
    return to_numpy(std::move(documents));
}

}  // namespace

void bind_encoding(nb::module_& m) {
    m.def("rotate_centroids", &code_centroids, nb::arg("centroids"), nb::arg("rotation_seed"), nb::arg("n_threads"));
    m.def("encode_centroids", &quantise_centroids, nb::arg("centroids"), nb::arg("scale"), nb::arg("rows"));
    m.def("train_product", &train, nb::arg("level"), nb::arg("vectors"), nb::arg("sample"), nb::arg("rotation_seed"),
          nb::arg("centroid_rows"), nb::arg("centroid_scale"), nb::arg("assignment"), nb::arg("bits"), nb::arg("seed"),
          nb::arg("n_threads"));
    m.def("encode_residuals", &encode, nb::arg("level"), nb::arg("vectors"), nb::arg("begin"), nb::arg("rotation_seed"),
          nb::arg("centroid_rows"), nb::arg("centroid_scale"), nb::arg("basis"), nb::arg("words"), nb::arg("word_step"),
          nb::arg("residual_unit"), nb::arg("assignment"), nb::arg("bits"), nb::arg("codes"), nb::arg("scales"),
          nb::arg("refine_bits"), nb::arg("refine_codes"), nb::arg("refine_scales"), nb::arg("n_threads"));
    m.def("build_postings", &postings, nb::arg("assignment"), nb::arg("doc_offsets"), nb::arg("n_lists"));
    m.def("decode_postings", &decode, nb::arg("bytes"), nb::arg("begin"), nb::arg("end"), nb::arg("count"),
          nb::arg("n_docs"));
}

}  // namespace lode::bind
