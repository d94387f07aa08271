#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/vector.h>

#include <memory>
#include <optional>

#include "bindings/bind.h"
#include "index/lexical.h"
#include "index/postings.h"

namespace lode::bind {
namespace {

using Bits = std::optional<In<std::uint8_t, 1>>;
using AnyRow = nb::ndarray<nb::ro, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

Integers integers_of(const AnyRow& array) {
    const nb::dlpack::dtype type = array.dtype();
    const bool is_unsigned = type.code == static_cast<std::uint8_t>(nb::dlpack::dtype_code::UInt) && type.bits <= 32;
    require(type.lanes == 1 && (is_unsigned || type == nb::dtype<std::int64_t>()), "integers: u1, u2, u4 or i8");
    return {array.data(), type.bits / 8U, array.shape(0)};
}

// Arrays of a segment that Python keeps alive. A flat one has no assignment (length 0) and an id for every token; one
// without lists has list_offsets of length 1.
class PyTermSegment {
public:
    PyTermSegment(In<std::uint64_t, 1> doc_offsets, std::size_t n_tokens, In<std::uint8_t, 1> assignment,
                  unsigned id_bytes, In<std::uint64_t, 1> list_offsets, In<std::uint32_t, 1> list_counts,
                  In<std::uint8_t, 1> lists, AnyRow positions, AnyRow ids, Bits deleted)
        : keep_{nb::cast(doc_offsets),  nb::cast(assignment),
                nb::cast(list_offsets), nb::cast(list_counts),
                nb::cast(lists),        nb::cast(positions),
                nb::cast(ids),          deleted ? nb::cast(*deleted) : nb::none()} {
        require(doc_offsets.shape(0) > 0 && id_bytes >= 1 && id_bytes <= 4, "doc_offsets or id_bytes");
        const std::size_t n_docs = doc_offsets.shape(0) - 1;
        const std::size_t n_lists = list_counts.shape(0);
        segment.coded = assignment.shape(0) != 0;
        segment.positions = integers_of(positions);
        segment.ids = integers_of(ids);
        require(!segment.coded || assignment.shape(0) >= n_tokens * id_bytes + 4, "assignment: too short");
        require(segment.ids.n == (segment.coded ? segment.positions.n : n_tokens), "terms: wrong length");
        require(list_offsets.shape(0) == n_lists + 1 && lists.shape(0) >= kPostingSlack, "lists: too short");
        require(!deleted || deleted->shape(0) >= (n_docs + 7) / 8, "a bitmap is shorter than the documents");
        Segment& documents = segment.documents;
        documents.n_docs = n_docs;
        documents.n_tokens = n_tokens;
        documents.deleted = deleted ? deleted->data() : nullptr;
        documents.doc_offsets = doc_offsets.data();
        documents.assignment = assignment.data();
        documents.id_bytes = id_bytes;
        documents.n_lists = n_lists;
        documents.list_offsets = list_offsets.data();
        documents.list_counts = list_counts.data();
        documents.lists = lists.data();
        documents.lists_bytes = lists.shape(0);
    }

    TermSegment segment;

private:
    std::vector<nb::object> keep_;
};

class PyLexicon {
public:
    PyLexicon(std::size_t n_centroids, In<std::int64_t, 1> type_ids, In<std::uint32_t, 1> type_first, nb::list segments)
        : keep_{nb::cast(type_ids), nb::cast(type_first), segments} {
        require(type_first.shape(0) == type_ids.shape(0) + 1, "types: wrong length");
        require(n_centroids <= 0xFFFFFFFFU, "n_centroids: too many");
        std::vector<TermSegment> views;
        for (const nb::handle segment : segments) views.push_back(nb::cast<const PyTermSegment&>(segment).segment);
        for (const TermSegment& view : views) {
            require(!view.coded || n_centroids > 0 || view.documents.n_tokens == 0, "tokens without centroids");
        }
        const TermTypes types{n_centroids, type_ids.shape(0), type_ids.data(), type_first.data()};
        lexicon_ = std::make_unique<Lexicon>(types, std::move(views));
        require(lexicon_->n_docs() < 0xFFFFFFFFU, "an index holds fewer than 2^32 documents");
    }

    auto frequencies(const std::vector<std::int64_t>& ids) const {
        std::vector<std::int64_t> found;
        {
            const nb::gil_scoped_release release;
            found = lexicon_->frequencies(ids);
        }
        return to_numpy(std::move(found));
    }

    auto matching(const std::vector<std::int64_t>& ids) const {
        std::vector<std::uint8_t> found;
        {
            const nb::gil_scoped_release release;
            found = lexicon_->matching(ids);
        }
        return to_numpy(std::move(found));
    }

    auto search(const std::vector<std::int64_t>& ids, const std::vector<double>& weights, double k1, double b,
                double average_length, std::size_t k, Bits allowed) const {
        require(ids.size() == weights.size() && ids.size() <= kMaxQueryTerms, "ids or weights: wrong length");
        require(average_length > 0 && k1 >= 0 && b >= 0 && b <= 1, "k1, b or average_length");
        require(!allowed || allowed->shape(0) >= (lexicon_->n_docs() + 7) / 8,
                "a bitmap is shorter than the documents");
        const DocumentFilter filter{allowed ? allowed->data() : nullptr};
        std::vector<Hit> hits;
        {
            const nb::gil_scoped_release release;
            hits = lexicon_->search(ids, weights, {k1, b, average_length}, k, filter);
        }
        std::vector<float> scores(hits.size());
        std::vector<std::int64_t> positions(hits.size());
        for (std::size_t i = 0; i < hits.size(); ++i) {
            scores[i] = hits[i].score;
            positions[i] = static_cast<std::int64_t>(hits[i].position);
        }
        return std::make_pair(to_numpy(std::move(scores)), to_numpy(std::move(positions)));
    }

private:
    std::vector<nb::object> keep_;
    std::unique_ptr<Lexicon> lexicon_;
};

}  // namespace

void bind_lexical(nb::module_& m) {
    m.attr("MAX_QUERY_TERMS") = kMaxQueryTerms;
    nb::class_<PyTermSegment>(m, "TermSegmentView")
        .def(nb::init<In<std::uint64_t, 1>, std::size_t, In<std::uint8_t, 1>, unsigned, In<std::uint64_t, 1>,
                      In<std::uint32_t, 1>, In<std::uint8_t, 1>, AnyRow, AnyRow, Bits>(),
             nb::arg("doc_offsets"), nb::arg("n_tokens"), nb::arg("assignment"), nb::arg("id_bytes"),
             nb::arg("list_offsets"), nb::arg("list_counts"), nb::arg("lists"), nb::arg("positions"), nb::arg("ids"),
             nb::arg("deleted") = nb::none());
    nb::class_<PyLexicon>(m, "Lexicon")
        .def(nb::init<std::size_t, In<std::int64_t, 1>, In<std::uint32_t, 1>, nb::list>(), nb::arg("n_centroids"),
             nb::arg("type_ids"), nb::arg("type_first"), nb::arg("segments"))
        .def("frequencies", &PyLexicon::frequencies, nb::arg("ids"))
        .def("matching", &PyLexicon::matching, nb::arg("ids"))
        .def("search", &PyLexicon::search, nb::arg("ids"), nb::arg("weights"), nb::arg("k1"), nb::arg("b"),
             nb::arg("average_length"), nb::arg("k"), nb::arg("allowed") = nb::none());
}

}  // namespace lode::bind
