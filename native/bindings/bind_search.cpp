#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/vector.h>

#include <memory>
#include <optional>

#include "bindings/bind.h"
#include "index/encode.h"
#include "index/exact.h"
#include "index/parallel.h"
#include "index/postings.h"
#include "index/search.h"

namespace lode::bind {
namespace {

using Scores = nb::ndarray<nb::numpy, float, nb::ndim<1>>;
using Positions = nb::ndarray<nb::numpy, std::int64_t, nb::ndim<1>>;

std::pair<Scores, Positions> to_arrays(const std::vector<Hit>& hits) {
    std::vector<float> scores(hits.size());
    std::vector<std::int64_t> positions(hits.size());
    for (std::size_t i = 0; i < hits.size(); ++i) {
        scores[i] = hits[i].score;
        positions[i] = static_cast<std::int64_t>(hits[i].position);
    }
    return {to_numpy(std::move(scores)), to_numpy(std::move(positions))};
}

// A bit for each document, lowest bit of a byte first; None for no bitmap.
using Bits = std::optional<In<std::uint8_t, 1>>;

const std::uint8_t* bits_of(const Bits& bits, std::uint64_t n_docs) {
    if (!bits) return nullptr;
    require(bits->shape(0) >= (n_docs + 7) / 8, "a bitmap is shorter than the documents");
    return bits->data();
}

std::pair<Scores, Positions> exact(const std::string& name, AnyMatrix vectors, In<std::int64_t, 1> doc_offsets,
                                   In<float, 2> query, std::size_t k, std::size_t n_threads, Bits left_out) {
    const Kernels& kernels = level(name);
    const Vectors view = vectors_of(vectors);
    require(doc_offsets.shape(0) > 0, "doc_offsets: empty");
    require(query.shape(1) == view.dim, "query: wrong dimension");
    const std::size_t n_docs = doc_offsets.shape(0) - 1;
    const std::uint8_t* skipped = bits_of(left_out, n_docs);
    std::vector<Hit> hits;
    {
        const nb::gil_scoped_release release;
        hits = exact_search(kernels, view, doc_offsets.data(), n_docs, query.data(), query.shape(0), k, n_threads,
                            skipped);
    }
    return to_arrays(hits);
}

SearchOptions options_of(std::size_t k, std::size_t k_centroids, std::size_t k_gather, std::size_t k_docs_to_score,
                         std::size_t k_refine, float alpha, std::size_t beta, float stop_sigma, bool score_all,
                         int coarse, std::size_t k_types, std::vector<std::uint32_t> own_types) {
    return {k,    k_centroids, k_gather,  k_docs_to_score, k_refine, alpha,
            beta, stop_sigma,  score_all, coarse,          k_types,  std::move(own_types)};
}

// The three of them view arrays that Python keeps alive (usually of memory-mapped files).
class PyCodebook {
public:
    PyCodebook(std::uint64_t rotation_seed, unsigned bits, unsigned refine_bits, In<std::uint8_t, 1> centroids,
               std::size_t dim, std::size_t n_centroids, float centroid_scale, float centroid_norm, float residual_unit,
               In<float, 1> basis, In<std::uint8_t, 1> words, In<std::uint32_t, 1> type_first,
               In<std::uint8_t, 1> type_rows)
        : keep_{nb::cast(centroids), nb::cast(basis), nb::cast(words), nb::cast(type_first), nb::cast(type_rows)} {
        require(dim > 0, "dim must be positive");
        require(bits == 1 || bits == 2 || bits == 4, "bits must be 1, 2 or 4");
        require(refine_bits == 0 || refine_bits == 1 || refine_bits == 2 || refine_bits == 4,
                "refine_bits must be 0, 1, 2 or 4");
        require(basis.shape(0) == 0 || basis.shape(0) == dim * dim, "basis: wrong size");
        require(words.shape(0) == words_size(dim, bits), "words: wrong size");
        const std::size_t stride = row_bytes(dim, kCentroidBits);
        require(centroids.shape(0) >= n_centroids * stride + kReadSlack, "centroids: too short");
        require(type_first.shape(0) > 0 && type_rows.shape(0) >= (type_first.shape(0) - 1) * stride + kReadSlack,
                "types: too short");
        book = {dim,
                rotation_seed,
                bits,
                refine_bits,
                n_centroids,
                centroids.data(),
                centroid_scale,
                centroid_norm,
                residual_unit,
                basis.shape(0) == 0 ? nullptr : basis.data(),
                words.data(),
                type_first.shape(0) - 1,
                type_first.data(),
                type_rows.data()};
    }

    Codebook book;

private:
    std::vector<nb::object> keep_;
};

// A segment without lists has list_offsets of length 1.
class PySegment {
public:
    PySegment(const PyCodebook& owner, In<std::uint64_t, 1> doc_offsets, std::size_t n_tokens,
              In<std::uint8_t, 1> assignment, unsigned id_bytes, In<std::uint8_t, 1> codes, In<std::uint16_t, 1> scales,
              In<std::uint8_t, 1> refine_codes, In<std::uint16_t, 1> refine_scales, In<std::uint64_t, 1> list_offsets,
              In<std::uint32_t, 1> list_counts, In<std::uint8_t, 1> lists, Bits deleted)
        : keep_{nb::cast(doc_offsets),  nb::cast(assignment),
                nb::cast(codes),        nb::cast(scales),
                nb::cast(refine_codes), nb::cast(refine_scales),
                nb::cast(list_offsets), nb::cast(list_counts),
                nb::cast(lists),        deleted ? nb::cast(*deleted) : nb::none()} {
        const Codebook& book = owner.book;
        require(doc_offsets.shape(0) > 0 && id_bytes >= 1 && id_bytes <= 4, "doc_offsets or id_bytes");
        require(assignment.shape(0) >= n_tokens * id_bytes + 4, "assignment: too short");
        require(codes.shape(0) >= n_tokens * row_bytes(book.dim, book.bits) + kReadSlack, "codes: too short");
        require(scales.shape(0) >= n_tokens, "scales: too short");
        require(book.refine_bits == 0 ||
                    (refine_codes.shape(0) >= n_tokens * row_bytes(book.dim, book.refine_bits) + kReadSlack &&
                     refine_scales.shape(0) >= n_tokens),
                "refinement: too short");
        const std::size_t n_lists = list_counts.shape(0);
        require(list_offsets.shape(0) == n_lists + 1 && n_lists <= book.n_centroids, "lists: wrong length");
        require(lists.shape(0) >= kPostingSlack, "lists: too short");
        const std::size_t n_docs = doc_offsets.shape(0) - 1;
        segment = {n_docs,
                   n_tokens,
                   bits_of(deleted, n_docs),
                   doc_offsets.data(),
                   assignment.data(),
                   id_bytes,
                   codes.data(),
                   scales.data(),
                   refine_codes.data(),
                   refine_scales.data(),
                   n_lists,
                   list_offsets.data(),
                   list_counts.data(),
                   lists.data(),
                   lists.shape(0)};
    }

    Segment segment;

private:
    std::vector<nb::object> keep_;
};

class PySearcher {
public:
    PySearcher(nb::handle book, nb::list segments) : keep_{nb::borrow(book), segments} {
        std::vector<Segment> views;
        for (const nb::handle segment : segments) views.push_back(nb::cast<const PySegment&>(segment).segment);
        const Codebook& codebook = nb::cast<const PyCodebook&>(book).book;
        dim_ = codebook.dim;
        searcher_ = std::make_unique<Searcher>(codebook, std::move(views));
        require(searcher_->n_docs() < 0xFFFFFFFFU, "an index holds fewer than 2^32 documents");
    }

    std::pair<Scores, Positions> search(const std::string& name, In<float, 2> query, const SearchOptions& options,
                                        Bits allowed) const {
        const Kernels& kernels = level(name);
        require(query.shape(1) == dim_, "query: wrong dimension");
        const DocumentFilter filter{bits_of(allowed, searcher_->n_docs())};
        std::vector<Hit> hits;
        {
            const nb::gil_scoped_release release;
            hits = searcher_->search(kernels, query.data(), query.shape(0), options, filter);
        }
        return to_arrays(hits);
    }

    nb::list search_batch(const std::string& name, In<float, 2> tokens, In<std::int64_t, 1> offsets,
                          const SearchOptions& options, std::size_t n_threads, Bits allowed) const {
        const Kernels& kernels = level(name);
        require(tokens.shape(1) == dim_ && offsets.shape(0) > 0, "queries: wrong shape");
        const std::size_t n = offsets.shape(0) - 1;
        for (std::size_t i = 0; i < n; ++i) {
            require(offsets.data()[i] >= 0 && offsets.data()[i] <= offsets.data()[i + 1], "offsets must not fall");
        }
        require(static_cast<std::size_t>(offsets.data()[n]) <= tokens.shape(0), "offsets past the queries");
        const DocumentFilter filter{bits_of(allowed, searcher_->n_docs())};
        std::vector<std::vector<Hit>> hits(n);
        interruptible([&](const CancelFlag* cancel) {
            parallel_for(n, n_threads, [&](std::size_t i, std::size_t) {
                stop_if(cancel);
                const std::int64_t begin = offsets.data()[i];
                hits[i] = searcher_->search(kernels, tokens.data() + static_cast<std::size_t>(begin) * dim_,
                                            static_cast<std::size_t>(offsets.data()[i + 1] - begin), options, filter);
            });
        });
        nb::list out;
        for (const std::vector<Hit>& one : hits) out.append(nb::cast(to_arrays(one)));
        return out;
    }

private:
    std::vector<nb::object> keep_;
    std::size_t dim_ = 0;
    std::unique_ptr<Searcher> searcher_;
};

}  // namespace

void bind_search(nb::module_& m) {
    m.def("exact_search", &exact, nb::arg("level"), nb::arg("vectors"), nb::arg("doc_offsets"), nb::arg("query"),
          nb::arg("k"), nb::arg("n_threads"), nb::arg("left_out") = nb::none());
    nb::class_<SearchOptions>(m, "SearchOptions")
        .def(
            "__init__",
            [](SearchOptions* self, std::size_t k, std::size_t k_centroids, std::size_t k_gather,
               std::size_t k_docs_to_score, std::size_t k_refine, float alpha, std::size_t beta, float stop_sigma,
               bool score_all, int coarse, std::size_t k_types, std::vector<std::uint32_t> own_types) {
                new (self) SearchOptions(options_of(k, k_centroids, k_gather, k_docs_to_score, k_refine, alpha, beta,
                                                    stop_sigma, score_all, coarse, k_types, std::move(own_types)));
            },
            nb::arg("k"), nb::arg("k_centroids"), nb::arg("k_gather"), nb::arg("k_docs_to_score"), nb::arg("k_refine"),
            nb::arg("alpha"), nb::arg("beta"), nb::arg("stop_sigma"), nb::arg("score_all"), nb::arg("coarse"),
            nb::arg("k_types"), nb::arg("own_types"));
    nb::class_<PyCodebook>(m, "CodebookView")
        .def(nb::init<std::uint64_t, unsigned, unsigned, In<std::uint8_t, 1>, std::size_t, std::size_t, float, float,
                      float, In<float, 1>, In<std::uint8_t, 1>, In<std::uint32_t, 1>, In<std::uint8_t, 1>>(),
             nb::arg("rotation_seed"), nb::arg("bits"), nb::arg("refine_bits"), nb::arg("centroids"), nb::arg("dim"),
             nb::arg("n_centroids"), nb::arg("centroid_scale"), nb::arg("centroid_norm"), nb::arg("residual_unit"),
             nb::arg("basis"), nb::arg("words"), nb::arg("type_first"), nb::arg("type_rows"));
    nb::class_<PySegment>(m, "SegmentView")
        .def(nb::init<const PyCodebook&, In<std::uint64_t, 1>, std::size_t, In<std::uint8_t, 1>, unsigned,
                      In<std::uint8_t, 1>, In<std::uint16_t, 1>, In<std::uint8_t, 1>, In<std::uint16_t, 1>,
                      In<std::uint64_t, 1>, In<std::uint32_t, 1>, In<std::uint8_t, 1>, Bits>(),
             nb::arg("codebook"), nb::arg("doc_offsets"), nb::arg("n_tokens"), nb::arg("assignment"),
             nb::arg("id_bytes"), nb::arg("codes"), nb::arg("scales"), nb::arg("refine_codes"),
             nb::arg("refine_scales"), nb::arg("list_offsets"), nb::arg("list_counts"), nb::arg("lists"),
             nb::arg("deleted") = nb::none());
    nb::class_<PySearcher>(m, "Searcher")
        .def(nb::init<nb::handle, nb::list>(), nb::arg("codebook"), nb::arg("segments"))
        .def("search", &PySearcher::search, nb::arg("level"), nb::arg("query"), nb::arg("options"),
             nb::arg("allowed") = nb::none())
        .def("search_batch", &PySearcher::search_batch, nb::arg("level"), nb::arg("tokens"), nb::arg("offsets"),
             nb::arg("options"), nb::arg("n_threads"), nb::arg("allowed") = nb::none());
}

}  // namespace lode::bind
