"""The native lexical search finds what a look at every document finds, whatever the index is made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from motherlode import Index, build_index
from motherlode.retrieval import segment_files
from motherlode.retrieval.lexical_reference import holds_reference
from tests.corpora import Corpus, make_corpus
from tests.lexical import check_lexical, words_of

KINDS: dict[str, dict[str, Any]] = {
    "flat": {"kind": "flat"},
    "without a pool": {"kind": "compressed", "n_centroids": 150},
    "with a pool": {"kind": "compressed", "n_centroids": 12},
    "of one centroid": {"kind": "compressed", "n_centroids": 1},
}
QUERIES = [[0], [0, 1, 2], [39], [0, 0, 5, 38], list(range(40)), [7, 1000, 7], [12, 19, 25, 31, 33]]


def corpus_of(n_docs: int = 400) -> Corpus:
    return make_corpus(n_docs, 8, n_types=40, longest=30, seed=4)


@pytest.fixture(params=sorted(KINDS))
def indexed(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Index, list[list[int]]]:
    corpus = corpus_of()
    index = build_index(tmp_path / "i", corpus.vectors, corpus.offsets, corpus.token_ids, **KINDS[request.param])
    return index, [words_of(corpus, i) for i in range(corpus.n_docs)]


@pytest.mark.parametrize("query", QUERIES, ids=str)
@pytest.mark.parametrize("k", [1, 10, 1000])
def test_hits_are_those_of_bm25_over_every_document(
    indexed: tuple[Index, list[list[int]]], query: list[int], k: int
) -> None:
    check_lexical(*indexed, query, k)


@pytest.mark.parametrize("share", [0.0, 0.004, 0.05, 0.9])
def test_a_subset_changes_who_is_found_and_no_score(indexed: tuple[Index, list[list[int]]], share: float) -> None:
    index, documents = indexed
    rng = np.random.default_rng(0)
    allowed = rng.random(len(documents)) < share
    names = [str(i) for i in np.flatnonzero(allowed)]
    for query in QUERIES:
        check_lexical(index, documents, query, 10, allowed.tolist(), index.search_lexical(query, 10, subset=names))


@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_required_and_excluded_terms_are_exact(indexed: tuple[Index, list[list[int]]], query: list[int]) -> None:
    index, documents = indexed
    for required, excluded in [([[1, 2]], []), ([], [[0]]), ([[3], [0, 1]], [[2, 4], [30]]), ([[1000]], [])]:
        allowed = [
            all(holds_reference(d, term) for term in required)
            and not any(holds_reference(d, term) for term in excluded)
            for d in documents
        ]
        hits = index.search_lexical(query, 10, required=required, excluded=excluded)
        check_lexical(index, documents, query, 10, allowed, hits)


def test_segments_with_and_without_lists_rank_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus, more = corpus_of(), make_corpus(90, 8, n_types=60, longest=30, seed=9)  # 20 types that are new
    documents = [words_of(corpus, i) for i in range(corpus.n_docs)]
    for name, options in KINDS.items():
        index = build_index(tmp_path / name, corpus.vectors, corpus.offsets, corpus.token_ids, **options)
        own = list(documents)
        for part, listed in ((range(30), 10**9), (range(30, 60), 0), (range(60, 90), 10**9)):
            monkeypatch.setattr(segment_files, "LISTED_TOKENS", listed)
            for i in part[::3]:
                rows = slice(more.offsets[i], more.offsets[i + 3])
                with index.writer() as w:
                    names = [f"more-{j}" for j in range(i, i + 3)]
                    w.add(names, more.vectors[rows], more.offsets[i : i + 4] - more.offsets[i], more.token_ids[rows])
                own += [words_of(more, j) for j in range(i, i + 3)]
        for query in [*QUERIES, [45], [59, 3, 41], list(range(40, 60))]:
            check_lexical(index, own, query)
        index.compact()
        for query in [*QUERIES, [45], [59, 3, 41], list(range(40, 60))]:
            check_lexical(index, own, query)


def test_every_thread_finds_the_same(indexed: tuple[Index, list[list[int]]]) -> None:
    from concurrent.futures import ThreadPoolExecutor

    index, _ = indexed
    expected = [index.search_lexical(query, 7).ids for query in QUERIES]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(20):
            assert list(pool.map(lambda query: index.search_lexical(query, 7).ids, QUERIES)) == expected
