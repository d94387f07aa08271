"""Scores of given candidates, and the vectors that they come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from motherlode import DataError, Hits, Index, InputError, UnsupportedError, build_index
from motherlode.retrieval import rerank as rerank_module
from motherlode.retrieval.reference import decoded_vectors
from tests.corpora import make_corpus

# Three documents in two dimensions; "none" has no tokens.
#   a: (1, 0), (0, 1)    b: (0.5, 0)    none    c: (0.5, 0)
VECTORS = np.array([[1, 0], [0, 1], [0.5, 0], [0.5, 0]], np.float32)
OFFSETS = [0, 2, 3, 3, 4]
IDS = ["a", "b", "none", "c"]
QUERY = np.array([[1, 0], [2, 2]], np.float32)  # a: 1 + 2 = 3; b and c: 0.5 + 1 = 1.5


@pytest.fixture(params=["flat", "kept"])
def exact(request: pytest.FixtureRequest, tmp_path: Path) -> Index:
    options: dict[str, Any] = {"kind": "flat"}
    if request.param == "kept":
        options = {"kind": "compressed", "keep_vectors": "float16", "n_centroids": 2}
    return build_index(tmp_path / "i", VECTORS, OFFSETS, ids=IDS, **options)


def test_candidates_are_scored_exactly_and_equal_scores_stand_in_order_of_insertion(exact: Index) -> None:
    found = exact.rerank(QUERY, ["c", "none", "b", "a"])
    assert list(found) == [("a", 3.0), ("b", 1.5), ("c", 1.5)]
    assert found.positions.tolist() == [0, 1, 3]
    assert found.scores.dtype == np.float32
    assert isinstance(found, Hits)
    assert found.exact
    assert found.source == ("flat float32" if exact.kind == "flat" else "kept float16")


def test_k_bounds_what_comes_back(exact: Index) -> None:
    assert exact.rerank(QUERY, ["c", "b", "a"], k=2).ids == ["a", "b"]
    assert exact.rerank(QUERY, ["c", "b", "a"], k=0).ids == []
    assert exact.rerank(QUERY, ["c"], 99).ids == ["c"]
    with pytest.raises(InputError, match="k=-1"):
        exact.rerank(QUERY, ["c"], -1)


def test_no_candidates_and_no_query_tokens_give_nothing(exact: Index) -> None:
    for found in (exact.rerank(QUERY, []), exact.rerank(np.zeros((0, 2), np.float32), ["a"])):
        assert list(found) == []
        assert found.scores.shape == found.positions.shape == (0,)
    assert exact.rerank(QUERY, ["none"]).ids == []


def test_blocks_of_candidates_give_the_same_order(exact: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = exact.rerank(QUERY, IDS)
    monkeypatch.setattr(rerank_module, "_BLOCK_TOKENS", 1)
    for k in (None, 1, 2, 3):
        found = exact.rerank(QUERY, IDS[::-1], k)
        assert list(found) == list(whole)[:k]


def test_ids_that_are_not_there_are_named(exact: Index) -> None:
    with pytest.raises(InputError, match=r"ids: the index has no 'x', 'y': never added, deleted, or written after"):
        exact.rerank(QUERY, ["a", "x", "y"])
    with pytest.raises(InputError, match="'5' and 2 more"):
        exact.rerank(QUERY, [str(i) for i in range(1, 8)])


def test_ids_twice_or_of_another_type_are_refused(exact: Index) -> None:
    with pytest.raises(InputError, match="'a' stands at positions 0 and 2"):
        exact.rerank(QUERY, ["a", "b", "a"])
    with pytest.raises(InputError, match="7 at position 0 is no string"):
        exact.rerank(QUERY, [7])  # type: ignore[list-item]
    with pytest.raises(InputError, match="give a list of ids"):
        exact.rerank(QUERY, "a")


def test_a_question_in_words_needs_an_encoder(exact: Index) -> None:
    with pytest.raises(UnsupportedError, match="knows no encoder"):
        exact.rerank("why?", ["a"])


def test_vectors_of_gives_a_documents_rows(exact: Index) -> None:
    found = exact.vectors_of("a")
    np.testing.assert_array_equal(found.vectors, [[1, 0], [0, 1]])
    assert found.vectors.dtype == np.float32
    assert found.exact
    assert exact.vectors_of("none").vectors.shape == (0, 2)


@pytest.mark.parametrize("unknown", ["x", "", "A"])
def test_vectors_of_an_unknown_document_are_an_input_error(exact: Index, unknown: str) -> None:
    with pytest.raises(InputError, match=f"doc_id: the index has no {unknown!r}"):
        exact.vectors_of(unknown)
    with pytest.raises(InputError, match="is no string"):
        exact.vectors_of(3)  # type: ignore[arg-type]


def test_a_deleted_document_has_no_vectors_and_no_score(exact: Index) -> None:
    with exact.writer() as w:
        w.delete(["b"])
    with pytest.raises(InputError, match="no 'b'"):
        exact.vectors_of("b")
    with pytest.raises(InputError, match="no 'b'"):
        exact.rerank(QUERY, ["a", "b"])
    found = exact.rerank(QUERY, ["c", "a"])
    assert (found.ids, found.positions.tolist()) == (["a", "c"], [0, 2])


@pytest.mark.parametrize(
    ("dim", "bits", "refine_bits", "source"),
    [
        (16, 1, 0, "1-bit codes"),
        (12, 2, 0, "2-bit codes"),
        (33, 2, 4, "2+4-bit codes"),
        (8, 4, 1, "4+1-bit codes"),
        (300, 2, 2, "2+2-bit codes"),  # above 256 dimensions residuals are not turned
    ],
)
def test_vectors_are_decoded_from_the_codes_as_the_reference_does(
    tmp_path: Path, dim: int, bits: int, refine_bits: int, source: str
) -> None:
    corpus = make_corpus(80, dim, seed=dim)
    index = build_index(
        tmp_path / "i", corpus.vectors[: corpus.offsets[50]], corpus.offsets[:51],
        corpus.token_ids[: corpus.offsets[50]], kind="compressed", bits=bits, refine_bits=refine_bits,
        ids=[f"d{i}" for i in range(50)],
    )  # fmt: skip
    with index.writer() as w:
        begin = corpus.offsets[50]
        w.add([f"d{i}" for i in range(50, 80)], corpus.vectors[begin:], corpus.offsets[50:] - begin,
              corpus.token_ids[begin:])  # fmt: skip
    every = decoded_vectors(index)
    for i in (0, 1, 7, 49, 50, 63, 79):
        found = index.vectors_of(f"d{i}")
        own = every[corpus.offsets[i] : corpus.offsets[i + 1]]
        np.testing.assert_allclose(found.vectors, own, atol=2e-6)
        assert (found.source, found.exact) == (source, False)
    assert any(len(index.vectors_of(f"d{i}").vectors) for i in (50, 63, 79))


def test_a_damaged_offset_is_named_and_never_followed(tmp_path: Path) -> None:
    index = build_index(tmp_path / "i", VECTORS, OFFSETS, ids=IDS, kind="compressed", n_centroids=2)
    segment = index.snapshot.segments[0]
    segment.offsets = np.array([0, 2, 1 << 40, 3, 4])
    with pytest.raises(DataError, match="does not fit the manifest"):
        index.vectors_of("b")
