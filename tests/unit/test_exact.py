"""Exact MaxSim: by hand, against numpy, and at its edges."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from motherlode import InputError, exact_search
from motherlode.retrieval.kernels import native
from tests.corpora import make_corpus, maxsim, ranked

# three documents in two dimensions: [1 0] [0 1]; [3 4]; nothing
VECTORS = np.array([[1, 0], [0, 1], [3, 4]], np.float32)
OFFSETS = [0, 2, 3, 3]


def test_the_score_is_the_sum_over_query_tokens_of_the_largest_dot_product() -> None:
    hits = exact_search(VECTORS, OFFSETS, [[1, 0], [0, -1]])
    # document 0: max(1, 0) + max(0, -1) = 1; document 1: 3 - 4 = -1; document 2 has no tokens
    assert hits.ids == ["0", "1"]
    assert hits.scores.tolist() == [1, -1]
    assert hits.positions.tolist() == [0, 1]
    assert list(hits) == [("0", 1.0), ("1", -1.0)]
    assert len(hits) == 2
    assert (hits.scores.dtype.name, hits.positions.dtype.name) == ("float32", "int64")


def test_ids_are_those_given() -> None:
    assert exact_search(VECTORS, OFFSETS, [[0, 1]], ids=["a", "b", "c"]).ids == ["b", "a"]


@pytest.mark.parametrize("k", [0, 1, 5, 60, 61, 10**6, 2**70])
def test_at_most_k_come_back_and_k_above_all_returns_all_that_have_tokens(k: int) -> None:
    corpus = make_corpus(60)
    query = corpus.query(1, 4)
    expected = ranked(maxsim(corpus.vectors, corpus.offsets, query), k)
    assert exact_search(corpus.vectors, corpus.offsets, query, k).positions.tolist() == expected


def test_equal_scores_stand_in_insertion_order() -> None:
    vectors = np.tile(np.array([[1, 2]], np.float32), (2000, 1))
    hits = exact_search(vectors, np.arange(2001), [[1, 1]], 1500, n_threads=3)
    assert hits.positions.tolist() == list(range(1500))


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("dim", [1, 2, 3, 7, 16, 48, 128, 1000, 4096])
def test_it_agrees_with_numpy_at_any_dimension(dim: int, dtype: Any) -> None:
    corpus = make_corpus(30, dim, dtype=dtype)
    query = np.random.default_rng(dim).standard_normal((5, dim)).astype(np.float32)
    scores = maxsim(corpus.vectors, corpus.offsets, query)
    hits = exact_search(corpus.vectors, corpus.offsets, query, 100)
    np.testing.assert_allclose(hits.scores, scores[hits.positions], rtol=1e-4, atol=1e-4)
    assert (np.diff(hits.scores) <= 0).all()
    assert set(hits.positions.tolist()) == set(np.flatnonzero(np.isfinite(scores)).tolist())


@pytest.mark.parametrize("n_tokens", [1, 15, 16, 17, 33, 200, 5000])
def test_it_agrees_with_numpy_for_any_length_of_query_and_document(n_tokens: int) -> None:
    corpus = make_corpus(lengths=[0, 1, 95, 96, 97, 1200, 3], dim=8)
    query = np.random.default_rng(1).standard_normal((n_tokens, 8)).astype(np.float32)
    scores = maxsim(corpus.vectors, corpus.offsets, query)
    hits = exact_search(corpus.vectors, corpus.offsets, query)
    assert hits.positions.tolist() == ranked(scores, 10)
    np.testing.assert_allclose(hits.scores, scores[hits.positions], rtol=1e-5, atol=1e-4 * n_tokens)


def test_the_number_of_threads_changes_nothing() -> None:
    corpus = make_corpus(3000, 16)
    query = corpus.query(1, 8)
    one = exact_search(corpus.vectors, corpus.offsets, query, 50, n_threads=1)
    for n in (2, 5):
        other = exact_search(corpus.vectors, corpus.offsets, query, 50, n_threads=n)
        assert (one.positions == other.positions).all()
        assert (one.scores == other.scores).all()


@pytest.mark.parametrize("level", native.levels())
def test_every_cpu_level_ranks_alike(monkeypatch: pytest.MonkeyPatch, level: str) -> None:
    corpus = make_corpus(40, 40)
    query = corpus.query(1, 9)
    monkeypatch.setenv("LODE_CPU_LEVEL", level)
    expected = ranked(maxsim(corpus.vectors, corpus.offsets, query), 10)
    assert exact_search(corpus.vectors, corpus.offsets, query).positions.tolist() == expected


def test_empty_queries_and_empty_corpora_give_no_hits() -> None:
    assert len(exact_search(VECTORS, OFFSETS, np.zeros((0, 2)))) == 0
    assert len(exact_search(np.zeros((0, 2), np.float32), [0], [[1, 1]])) == 0
    assert len(exact_search(np.zeros((0, 2), np.float32), [0, 0, 0], [[1, 1]])) == 0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"k": -1}, "k=-1"),
        ({"k": 2.5}, "k=2.5"),
        ({"k": None}, "k=None"),
        ({"query": [[1, 2, 3]]}, r"query: shape \(1, 3\); expected \[n_query_tokens, 2\]"),
        ({"query": [[np.nan, 0]]}, "token 0"),
        ({"offsets": [0, 2]}, "from 0 to 2"),
        ({"ids": ["a"]}, "1 given for 3"),
        ({"n_threads": -1}, "n_threads=-1"),
    ],
)
def test_wrong_arguments_are_refused_with_what_was_seen(change: dict[str, Any], says: str) -> None:
    arguments: dict[str, Any] = {"vectors": VECTORS, "offsets": OFFSETS, "query": [[1, 0]], **change}
    with pytest.raises(InputError, match=says):
        exact_search(**arguments)
