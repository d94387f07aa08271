"""Searching an index: what comes back, in which order, how near to exact, and from any thread."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from motherlode import (
    Hits,
    Index,
    InputError,
    LodeError,
    UnsupportedError,
    build_index,
    exact_search,
    open_index,
)
from motherlode.retrieval.kernels import native
from tests.corpora import Corpus, make_corpus, maxsim, ranked

COARSE = ["auto", "exhaustive", "ranges"]
VARIANTS: dict[str, dict[str, Any]] = {
    "flat": {"kind": "flat"},
    "1 bit": {"kind": "compressed", "bits": 1},
    "2 bits": {"kind": "compressed", "bits": 2},
    "4 bits": {"kind": "compressed", "bits": 4},
    "2 + 2 bits": {"kind": "compressed", "bits": 2, "refine_bits": 2},
}


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return make_corpus(1500, 32, n_types=60, longest=16)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, corpus: Corpus) -> Path:
    folder = tmp_path_factory.mktemp("indexes")
    for name, options in VARIANTS.items():
        build_index(folder / name, corpus.vectors, corpus.offsets, corpus.token_ids, n_centroids=400, **options)
    return folder


@pytest.fixture(params=sorted(VARIANTS))
def index(request: pytest.FixtureRequest, folder: Path) -> Index:
    return open_index(folder / request.param)


@pytest.fixture(params=[name for name in sorted(VARIANTS) if name != "flat"])
def compressed(request: pytest.FixtureRequest, folder: Path) -> Index:
    return open_index(folder / request.param)


def same(a: Hits, b: Hits) -> bool:
    return a.ids == b.ids and np.array_equal(a.scores, b.scores) and np.array_equal(a.positions, b.positions)


def well_formed(hits: Hits, n_docs: int, k: int) -> bool:
    positions = hits.positions.tolist()
    order = list(zip((-hits.scores).tolist(), positions, strict=True))
    return (
        len(hits) <= k
        and len(set(positions)) == len(positions)
        and all(0 <= p < n_docs for p in positions)
        and bool(np.isfinite(hits.scores).all())
        and order == sorted(order)
        and hits.scores.dtype == np.float32
        and hits.positions.dtype == np.int64
    )


def some_queries(corpus: Corpus, n: int, n_tokens: int) -> list[Any]:
    """Noisy tokens of documents that have some."""
    rich = np.flatnonzero(np.diff(corpus.offsets) >= 4)
    return [corpus.query(int(p), n_tokens) for p in np.random.default_rng(5).choice(rich, n, replace=False)]


@pytest.mark.parametrize("coarse", COARSE)
@pytest.mark.parametrize("n_tokens", [0, 1, 33, 64, 65, 200])
def test_queries_of_any_length_give_well_formed_hits_near_the_exact_ones(
    index: Index, corpus: Corpus, n_tokens: int, coarse: str
) -> None:
    query = some_queries(corpus, 1, n_tokens)[0]
    hits = index.search(query, 10, coarse=coarse)
    assert well_formed(hits, corpus.n_docs, 10)
    assert len(hits) == (10 if n_tokens else 0)
    if n_tokens:
        scores = maxsim(corpus.vectors, corpus.offsets, query)
        assert np.abs(hits.scores - scores[hits.positions]).max() < 0.12 * n_tokens


@pytest.mark.parametrize(("name", "coarse"), [("flat", "auto"), ("2 + 2 bits", "exhaustive"), ("2 bits", "ranges")])
def test_a_query_of_5000_tokens_is_a_query(folder: Path, corpus: Corpus, name: str, coarse: str) -> None:
    query = np.concatenate(some_queries(corpus, 10, 500))
    hits = open_index(folder / name).search(query, 10, coarse=coarse)
    assert well_formed(hits, corpus.n_docs, 10)
    assert len(hits) == 10
    for position, score in zip(hits.positions, hits.scores, strict=True):
        exact = (corpus.document(int(position)) @ query.T).max(axis=0).sum()
        assert abs(score / exact - 1) < 0.1


@pytest.mark.parametrize("coarse", COARSE)
def test_k_of_zero_gives_nothing_and_k_above_n_docs_gives_every_document_with_tokens_once(
    index: Index, corpus: Corpus, coarse: str
) -> None:
    query = some_queries(corpus, 1, 8)[0]
    assert len(index.search(query, 0, coarse=coarse)) == 0
    with_tokens = np.flatnonzero(np.diff(corpus.offsets)).tolist()
    for k in (corpus.n_docs, corpus.n_docs + 1, 2**40, 2**70):
        hits = index.search(query, k, coarse=coarse)
        assert sorted(hits.positions.tolist()) == with_tokens
        assert well_formed(hits, corpus.n_docs, k)


def test_flat_is_exact_and_equals_exact_search_and_numpy(folder: Path, corpus: Corpus) -> None:
    index = open_index(folder / "flat")
    for query in some_queries(corpus, 20, 12):
        scores = maxsim(corpus.vectors, corpus.offsets, query)
        hits = index.search(query, 25)
        assert same(hits, exact_search(corpus.vectors, corpus.offsets, query, 25))
        assert hits.positions.tolist() == ranked(scores, 25)
        np.testing.assert_allclose(hits.scores, scores[hits.positions], rtol=1e-5)


def test_scores_come_nearer_to_maxsim_with_every_bit(folder: Path, corpus: Corpus) -> None:
    worst = {}
    for name in VARIANTS:
        index = open_index(folder / name)
        errors = []
        for query in some_queries(corpus, 20, 12):
            hits = index.search(query, 20)
            errors.append(hits.scores - maxsim(corpus.vectors, corpus.offsets, query)[hits.positions])
        worst[name] = float(np.sqrt(np.mean(np.square(errors)))) / 12  # per query token, of at most 1
    assert worst["1 bit"] < 0.09
    assert worst["2 bits"] < 0.045
    assert worst["4 bits"] < 0.02
    assert worst["2 + 2 bits"] < 0.025
    assert worst["flat"] < 1e-6
    assert worst["1 bit"] > worst["2 bits"] > worst["4 bits"] > worst["flat"]
    assert worst["2 bits"] > worst["2 + 2 bits"]


@pytest.mark.parametrize("coarse", COARSE)
def test_the_exact_top_ten_is_found_ever_better_with_every_bit(folder: Path, corpus: Corpus, coarse: str) -> None:
    recall = {}
    for name in VARIANTS:
        index = open_index(folder / name)
        found = 0
        for query in some_queries(corpus, 30, 12):
            exact = exact_search(corpus.vectors, corpus.offsets, query, 10)
            found += len(set(exact.ids) & set(index.search(query, 10, coarse=coarse).ids))
        recall[name] = found / 300
    assert recall["flat"] == 1
    assert recall["4 bits"] > 0.87
    assert recall["2 + 2 bits"] > 0.84
    assert recall["2 bits"] > 0.7
    assert recall["1 bit"] > 0.57
    assert recall["1 bit"] < recall["2 bits"] < recall["4 bits"]
    assert recall["2 bits"] < recall["2 + 2 bits"]


def test_more_work_never_finds_less_of_the_exact_top_ten(compressed: Index, corpus: Corpus) -> None:
    found = []
    for effort in (4, 64, 1500):
        hit = 0
        for query in some_queries(corpus, 20, 12):
            exact = exact_search(corpus.vectors, corpus.offsets, query, 10)
            hits = compressed.search(query, 10, k_centroids=effort, k_gather=effort, k_docs_to_score=effort)
            hit += len(set(exact.ids) & set(hits.ids))
        found.append(hit)
    assert found[0] <= found[1] <= found[2] + 2
    assert found[0] < found[2]


@pytest.mark.parametrize("coarse", COARSE)
def test_equal_documents_stand_in_insertion_order(tmp_path: Path, coarse: str) -> None:
    one = make_corpus(lengths=[5], dim=24).vectors
    other = make_corpus(lengths=[5], dim=24, seed=4).vectors
    order = [0, 1, 0, 0, 1, 0] * 300  # 1200 copies of one document, 600 of the other
    vectors = np.concatenate([(one, other)[which] for which in order])
    offsets = np.arange(len(order) + 1) * 5
    for kind in ("flat", "compressed"):
        index = build_index(tmp_path / kind, vectors, offsets, kind=kind)
        hits = index.search(one[:3], 1500, coarse=coarse)
        first = [i for i, which in enumerate(order) if which == 0]
        second = [i for i, which in enumerate(order) if which == 1]
        assert hits.positions.tolist() == [*first, *second][:1500]
        assert index.search(one[:3], 7, coarse=coarse).positions.tolist() == first[:7]


def test_the_same_query_gives_the_same_hits_every_time(index: Index, corpus: Corpus) -> None:
    for query in some_queries(corpus, 5, 12):
        first = index.search(query, 50)
        index.search(np.ones((3, 32)), 5, coarse="ranges")
        assert all(same(first, index.search(query, 50)) for _ in range(5))


@pytest.mark.parametrize("coarse", COARSE)
@pytest.mark.parametrize("n_threads", [0, 1, 3])
def test_a_batch_gives_what_single_searches_give(index: Index, corpus: Corpus, n_threads: int, coarse: str) -> None:
    queries = [*some_queries(corpus, 12, 9), np.zeros((0, 32), np.float32), *some_queries(corpus, 2, 70)]
    options: dict[str, Any] = {"k_centroids": 20, "k_docs_to_score": 60, "alpha": 0.3, "beta": 10, "coarse": coarse}
    many = index.search_batch(queries, 7, n_threads, **options)
    assert len(many) == len(queries)
    for query, hits in zip(queries, many, strict=True):
        assert same(hits, index.search(query, 7, **options))
    assert index.search_batch([], 7, n_threads) == []


def test_every_option_leaves_the_hits_well_formed(index: Index, corpus: Corpus) -> None:
    queries = some_queries(corpus, 3, 12)
    choices: dict[str, list[Any]] = {
        "k_centroids": [0, 1, 399, 400, 401, 10**6],
        "k_gather": [0, 1, 10**6],
        "k_docs_to_score": [0, 1, 10**6],
        "k_refine": [0, 1, 10**6],
        "alpha": [0, 0.0, 0.5, 1e30],
        "beta": [0, 1, 10**6],
        "query_token_ids": [np.zeros(12, np.int8), np.full(12, 2**63, np.uint64), np.arange(12) - 6, [10**9] * 12],
    }
    for name, values in choices.items():
        for value in values:
            for coarse in COARSE:
                for query in queries:
                    hits = index.search(query, 10, coarse=coarse, **{name: value})
                    assert well_formed(hits, corpus.n_docs, 10)
                    assert len(hits) == 10


def test_alpha_and_beta_off_score_everything_and_on_keep_at_least_k(compressed: Index, corpus: Corpus) -> None:
    for query in some_queries(corpus, 5, 12):
        everything = compressed.search(query, 10, k_docs_to_score=1500, k_gather=1500)
        for options in ({"alpha": 0.0}, {"beta": 1}, {"alpha": 0.0, "beta": 1}):
            hits = compressed.search(query, 10, k_docs_to_score=1500, k_gather=1500, **options)
            assert len(hits) == 10
            assert (hits.scores <= everything.scores).all()


def test_ranges_and_exhaustive_agree_when_all_types_are_scanned(compressed: Index, corpus: Corpus) -> None:
    for query in some_queries(corpus, 10, 12):  # 60 types, and a query token scans 64
        exhaustive = compressed.search(query, 20, coarse="exhaustive")
        assert same(exhaustive, compressed.search(query, 20, coarse="ranges"))
        assert same(exhaustive, compressed.search(query, 20, np.arange(12), coarse="ranges"))


@pytest.mark.parametrize("level", native.levels())
def test_every_cpu_level_finds_the_same_documents(
    compressed: Index, corpus: Corpus, monkeypatch: pytest.MonkeyPatch, level: str
) -> None:
    queries = some_queries(corpus, 10, 12)
    usual = compressed.search_batch(queries, 10)
    monkeypatch.setenv("LODE_CPU_LEVEL", level)
    for query, expected in zip(queries, usual, strict=True):
        hits = compressed.search(query, 10)
        assert hits.ids == expected.ids
        np.testing.assert_allclose(hits.scores, expected.scores, rtol=1e-5)


def test_scores_undo_any_shift_of_the_vectors(tmp_path: Path, corpus: Corpus) -> None:
    shifted = corpus.vectors + np.float32(0.2)
    index = build_index(tmp_path / "i", shifted, corpus.offsets, corpus.token_ids, kind="compressed", bits=4)
    for query in some_queries(corpus, 5, 12):
        hits = index.search(query, 10)
        scores = maxsim(shifted, corpus.offsets, query)
        assert np.abs(hits.scores - scores[hits.positions]).max() < 0.03 * 12


def test_sixteen_threads_search_one_index_and_find_the_same(index: Index, corpus: Corpus) -> None:
    queries = [*some_queries(corpus, 8, 12), *some_queries(corpus, 2, 130)]
    expected = [index.search(query, 10) for query in queries]
    wrong: list[str] = []

    def work(offset: int) -> None:
        for i in range(40):
            at = (i + offset) % len(queries)
            if not same(expected[at], index.search(queries[at], 10, coarse=COARSE[i % 2])):
                wrong.append(f"thread {offset}, query {at}")

    threads = [threading.Thread(target=work, args=(i,)) for i in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_searching_lets_other_threads_run(index: Index, corpus: Corpus) -> None:
    query = np.concatenate(some_queries(corpus, 10, 300))
    ticks = []
    stop = threading.Event()

    def tick() -> None:
        while not stop.is_set():
            ticks.append(time.perf_counter())
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    began = time.perf_counter()
    for _ in range(3):
        index.search(query, 10)
    took = time.perf_counter() - began
    stop.set()
    thread.join()
    inside = [t for t in ticks if began <= t <= began + took]
    assert len(inside) >= min(10, took * 20)  # at least one tick in 50 ms on a busy machine


@pytest.mark.parametrize(
    ("query", "options", "says"),
    [
        (np.ones((2, 31)), {}, r"query: shape \(2, 31\); expected \[n_query_tokens, 32\]"),
        (np.ones((1, 2, 32)), {}, r"shape \(1, 2, 32\)"),
        ([["a"] * 32], {}, "dtype <U1"),
        (np.full((2, 32), np.nan), {}, "token 0 has NaN"),
        (np.array([[0.0] * 32, [np.inf] * 32]), {}, "token 1 has NaN or infinite"),
        (np.ones((2, 32)), {"k": -1}, "k=-1"),
        (np.ones((2, 32)), {"k": 1.5}, "k=1.5"),
        (np.ones((2, 32)), {"query_token_ids": [1]}, r"query_token_ids: shape \(1,\).*expected integers \[2\]"),
        (np.ones((2, 32)), {"query_token_ids": [0.5, 1]}, "query_token_ids: .*float64"),
        (np.ones((2, 32)), {"coarse": "graph"}, "coarse='graph'"),
        (np.ones((2, 32)), {"alpha": -1}, "alpha=-1"),
        (np.ones((2, 32)), {"beta": -1}, "beta=-1"),
    ],
)
def test_a_wrong_query_or_option_is_refused_with_what_was_seen(
    index: Index, query: Any, options: dict[str, Any], says: str
) -> None:
    with pytest.raises(InputError, match=says):
        index.search(query, **options)
    if "query_token_ids" not in options:
        with pytest.raises(InputError, match=says):
            index.search_batch([np.ones((1, 32)), query], **options)


def test_a_text_query_needs_an_encoder_and_the_error_says_how_to_get_one(index: Index) -> None:
    with pytest.raises(UnsupportedError, match="build_text_index"):
        index.search("words")
    with pytest.raises(InputError, match="mixed"):
        index.search_batch(["words", np.ones((1, 32))])


def test_a_float64_list_or_float16_query_is_its_float32(index: Index, corpus: Corpus) -> None:
    query = some_queries(corpus, 1, 5)[0].astype(np.float16)
    expected = index.search(query.astype(np.float32))
    assert same(expected, index.search(query))
    assert same(expected, index.search(query.astype(np.float64).tolist()))
    assert same(index.search(query[:1]), index.search(query[0]))


def test_a_query_of_zeros_scores_zero_for_the_first_documents(index: Index, corpus: Corpus) -> None:
    hits = index.search(np.zeros((4, 32)), 5)
    assert hits.scores.tolist() == [0] * 5
    assert hits.positions.tolist() == np.flatnonzero(np.diff(corpus.offsets))[:5].tolist()


def test_an_index_says_what_it_is(index: Index, corpus: Corpus) -> None:
    assert (index.n_docs, index.n_tokens, index.dim) == (1500, len(corpus.vectors), 32)
    assert repr(index).startswith("<Index '")
    assert f"1,500 documents, {len(corpus.vectors):,} tokens, {index.kind}>" in repr(index)


def test_every_error_that_a_search_raises_is_a_lode_error(index: Index) -> None:
    for wrong in (None, 5, "text", {}, [[1], [2, 3]], np.ones((2, 3, 4)), object()):
        with pytest.raises(LodeError):
            index.search(wrong)
