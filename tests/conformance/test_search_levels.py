"""Searching a compressed index: every CPU level against the reference level and against numpy over decoded tokens."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import motherlode
from motherlode.core.files import Container
from motherlode.retrieval.index import Index
from motherlode.retrieval.reference import CENTROID_ZERO, decoded_vectors, rotation_matrix, search_reference
from tests.corpora import Corpus, make_corpus, maxsim, ranked

ALL = 1 << 30
EVERYTHING: dict[str, Any] = {
    "k_centroids": ALL,
    "k_gather": ALL,
    "k_docs_to_score": ALL,
    "k_refine": ALL,
    "stop_sigma": 0.0,
}
SHAPES = [  # dim, bits, refine_bits, n_centroids
    (1, 2, 0, 3), (5, 1, 2, 20), (16, 4, 0, 40), (33, 2, 2, 60), (64, 1, 0, 30), (100, 4, 4, 25), (128, 2, 0, 90),
]  # fmt: skip


def shape_name(shape: tuple[int, int, int, int]) -> str:
    return "dim{}-bits{}+{}".format(*shape)


@pytest.fixture(scope="module", params=SHAPES, ids=shape_name)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Corpus]:
    """One index per shape, built at the level that the environment chooses."""
    dim, bits, refine_bits, n_centroids = request.param
    corpus = make_corpus(80, dim, longest=15, seed=dim)
    path = tmp_path_factory.mktemp("index") / "it"
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("LODE_CPU_LEVEL", raising=False)
        motherlode.build_index(
            path, corpus.vectors, corpus.offsets, corpus.token_ids,
            kind="compressed", n_centroids=n_centroids, bits=bits, refine_bits=refine_bits,
        )  # fmt: skip
    return path, corpus


def queries(corpus: Corpus) -> list[NDArray[np.float32]]:
    full = [i for i in range(corpus.n_docs) if len(corpus.document(i))]
    return [corpus.query(full[3 * n], n_tokens) for n, n_tokens in enumerate((1, 4, 9, 16, 31, 32, 64, 65))]


def score_tolerance(index: Index, query: NDArray[np.float32]) -> NDArray[np.float64]:
    """How far the search may be from :func:`search_reference`, by document.

    The search rounds the rotated query to steps of 1/63 of its largest value where it meets centroids and words (1/127
    for words of four bits and for refinement codes): half a step times the sum of absolute values, on each side.
    Centroid scores are then cut to multiples of a unit, so that the largest there can be fits in 16 bits.
    """
    state = index.snapshot
    facts, book, segment = state.manifest["codebook"], state.files["codebook"], state.segments[0].main
    rotation = rotation_matrix(index.dim, facts["rotation_seed"])
    basis = book.array("basis", np.float32)
    basis = basis.reshape(index.dim, index.dim) if basis.size else np.eye(index.dim, dtype=np.float32)
    largest = float(np.abs(query @ rotation.T).max())
    turned = float(np.abs(query @ rotation.T @ basis.T).max())
    rotated = decoded_vectors(index) @ rotation.T
    centroids = facts["scale"] * _centroid_values(book, segment, index)
    residuals = np.abs((rotated - centroids) @ basis.T).sum(axis=1)
    bound = 63 * np.sqrt(index.dim) * facts["norm"]
    unit = facts["scale"] * largest / 63 * max(1.0, 2 * bound / 32767)
    token = largest * np.abs(centroids).sum(axis=1) / 126 + turned * residuals / 126 + unit
    token += 1e-5 * np.abs(rotated).sum(axis=1) * largest  # float32 rounding
    offsets = segment.array("doc_offsets", np.uint64).astype(np.int64)
    return np.array([len(query) * token[a:b].max(initial=0) for a, b in pairwise(offsets)])


def _centroid_values(book: Container, segment: Container, index: Index) -> NDArray[np.float64]:
    stride = (index.dim + 7) // 8 * 8  # a byte per code
    codes = book.array("centroids", np.uint8)[:-64].reshape(-1, stride)[:, : index.dim].astype(np.float64)
    ids = segment.array("assignment", np.uint8)[:-4].reshape(index.n_tokens, -1).astype(np.int64)
    values: NDArray[np.float64] = (codes - CENTROID_ZERO)[ids @ (256 ** np.arange(ids.shape[1]))]
    return values


def found(index: Index, query: Any, level: str, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Any:
    monkeypatch.setenv("LODE_CPU_LEVEL", level)
    return index.search(query, **options)


def test_decoded_tokens_are_as_far_from_the_given_ones_as_the_index_says(
    built: tuple[Path, Corpus], level: str
) -> None:
    path, corpus = built
    index = motherlode.open_index(path)
    left = ((decoded_vectors(index) - corpus.vectors).astype(np.float64) ** 2).sum(axis=1).mean()
    assert left == pytest.approx(index.info()["codebook"]["coding_error"], rel=1e-3, abs=1e-9)


def test_a_flat_index_decodes_to_the_vectors_it_was_given(tmp_path: Path, level: str) -> None:
    corpus = make_corpus(20, 7, dtype=np.float16)
    index = motherlode.build_index(tmp_path / "it", corpus.vectors, corpus.offsets, kind="flat")
    np.testing.assert_array_equal(decoded_vectors(index), corpus.vectors.astype(np.float32))
    query = corpus.query(3, 5)
    hits = search_reference(index, query, 9)
    assert hits.positions.tolist() == ranked(maxsim(corpus.vectors, corpus.offsets, query), 9)
    assert hits.positions.tolist() == index.search(query, 9).positions.tolist()


@pytest.mark.parametrize("coarse", ["exhaustive", "ranges"])
def test_a_search_of_everything_is_numpys_maxsim_within_the_rounding_of_the_query(
    built: tuple[Path, Corpus], level: str, monkeypatch: pytest.MonkeyPatch, coarse: str
) -> None:
    path, corpus = built
    index = motherlode.open_index(path)
    for query in queries(corpus):
        hits = found(index, query, level, monkeypatch, k=corpus.n_docs, coarse=coarse, **EVERYTHING)
        expected = search_reference(index, query, corpus.n_docs)
        assert sorted(hits.positions) == sorted(expected.positions)
        assert (np.diff(hits.scores) <= 0).all()
        exact = dict(zip(expected.positions.tolist(), expected.scores.tolist(), strict=True))
        tolerance = score_tolerance(index, query)
        for score, doc in zip(hits.scores.tolist(), hits.positions.tolist(), strict=True):
            assert abs(score - exact[doc]) <= tolerance[doc], f"document {doc} of {len(query)} query tokens"


@pytest.mark.parametrize("coarse", ["exhaustive", "ranges"])
@pytest.mark.parametrize("options", [{}, {"k": 3, "k_centroids": 2, "k_gather": 20, "k_docs_to_score": 9}, EVERYTHING])
def test_every_level_gives_the_hits_of_the_reference(
    built: tuple[Path, Corpus], level: str, monkeypatch: pytest.MonkeyPatch, coarse: str, options: dict[str, Any]
) -> None:
    path, corpus = built
    index = motherlode.open_index(path)
    for query in queries(corpus):
        ours = found(index, query, level, monkeypatch, coarse=coarse, **options)
        theirs = found(index, query, "reference", monkeypatch, coarse=coarse, **options)
        # Scores differ by the rounding of fused multiply-adds; only documents that close may change places, and the
        # last may make way for one that scores as it does.
        np.testing.assert_allclose(ours.scores, theirs.scores, rtol=1e-5, atol=1e-5)
        score_of = dict(zip(theirs.positions.tolist(), theirs.scores.tolist(), strict=True))
        for doc, score in zip(ours.positions.tolist(), ours.scores.tolist(), strict=True):
            assert score == pytest.approx(score_of.get(doc, theirs.scores[-1]), rel=1e-5, abs=1e-5)


def test_a_batch_gives_the_hits_of_single_searches(built: tuple[Path, Corpus], level: str) -> None:
    path, corpus = built
    index = motherlode.open_index(path)
    batch = index.search_batch(queries(corpus), n_threads=3)
    for query, hits in zip(queries(corpus), batch, strict=True):
        alone = index.search(query)
        assert hits.positions.tolist() == alone.positions.tolist()
        assert hits.scores.tolist() == alone.scores.tolist()


def test_an_index_built_at_one_level_finds_the_same_at_any_other(tmp_path: Path, level: str) -> None:
    corpus = make_corpus(100, 24, seed=9)
    index = motherlode.build_index(
        tmp_path / "it", corpus.vectors, corpus.offsets, corpus.token_ids, kind="compressed", bits=4, refine_bits=4
    )
    query = corpus.query(7, 12)
    hits = index.search(query, 5, **EVERYTHING)
    assert hits.positions.tolist() == ranked(maxsim(corpus.vectors, corpus.offsets, query), 5)
    assert search_reference(index, query, 5).positions.tolist() == hits.positions.tolist()
