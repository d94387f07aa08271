"""What holds for every corpus, query and option."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as arrays

from motherlode import build_index, exact_search, open_index, token_aware_clusters
from motherlode.core.files import Container, ContainerWriter
from motherlode.core.strings import StringColumn, write_strings
from motherlode.retrieval.kernels import native
from tests.corpora import maxsim, ranked

DTYPES = st.sampled_from(["u1", "i1", "<u2", "<i4", ">i4", "<f2", "<f4", ">f8", "<u8", "?"])
LENGTHS = st.lists(st.integers(0, 9), max_size=25)


def whole_numbers(draw: Any, shape: tuple[int, int]) -> Any:
    """Small whole numbers: every dot product is exact in float32, so ties are real ties."""
    return draw(arrays.arrays(np.float32, shape, elements=st.integers(-3, 3).map(float)))


@st.composite
def corpora(draw: Any) -> tuple[Any, Any, Any, Any]:
    dim = draw(st.integers(1, 20))
    offsets = np.concatenate([[0], np.cumsum(draw(LENGTHS))]).astype(np.int64)
    n = int(offsets[-1])
    ids = draw(st.none() | arrays.arrays(np.int64, n, elements=st.integers(-2, 4)))
    return whole_numbers(draw, (n, dim)), offsets, ids, whole_numbers(draw, (draw(st.integers(0, 7)), dim))


@given(corpora(), st.integers(0, 30), st.sampled_from([np.float16, np.float32]), st.integers(1, 3))
def test_exact_search_is_numpy_with_ties_by_position(corpus: Any, k: int, dtype: Any, n_threads: int) -> None:
    vectors, offsets, _, query = corpus
    hits = exact_search(vectors.astype(dtype), offsets, query, k, n_threads=n_threads)
    expected = [] if len(query) == 0 else ranked(maxsim(vectors, offsets, query), k)
    assert hits.positions.tolist() == expected
    assert hits.scores.tolist() == maxsim(vectors, offsets, query)[expected].tolist()


@settings(max_examples=60)
@given(
    corpora(),
    st.sampled_from([1, 2, 4]),
    st.sampled_from([0, 1, 2, 4]),
    st.none() | st.integers(1, 30),
    st.fixed_dictionaries(
        {"k": st.integers(0, 40), "coarse": st.sampled_from(["exhaustive", "ranges"])},
        optional={
            "k_centroids": st.integers(0, 40),
            "k_gather": st.integers(0, 40),
            "k_docs_to_score": st.integers(0, 40),
            "k_refine": st.integers(0, 40),
            "alpha": st.floats(0, 2),
            "beta": st.integers(0, 5),
        },
    ),
)
def test_a_compressed_index_returns_distinct_documents_with_tokens_in_order_of_score(
    corpus: Any, bits: int, refine_bits: int, n_centroids: int | None, options: dict[str, Any]
) -> None:
    vectors, offsets, ids, query = corpus
    with tempfile.TemporaryDirectory() as folder:
        index = build_index(
            Path(folder) / "i",
            vectors,
            offsets,
            ids,
            kind="compressed",
            bits=bits,
            refine_bits=refine_bits,
            n_centroids=n_centroids,
            n_threads=1,
        )
        hits = index.search(query, **options)
        positions = hits.positions.tolist()
        with_tokens = set(np.flatnonzero(np.diff(offsets)).tolist())
        assert set(positions) <= with_tokens
        assert len(positions) == len(set(positions)) == (min(options["k"], len(with_tokens)) if len(query) else 0)
        order = list(zip((-hits.scores).tolist(), positions, strict=True))
        assert order == sorted(order)
        assert np.isfinite(hits.scores).all()
        again = open_index(Path(folder) / "i", verify=True).search_batch([query], n_threads=1, **options)[0]
        assert (again.ids, again.scores.tolist()) == (hits.ids, hits.scores.tolist())


@given(corpora(), st.none() | st.integers(1, 40), st.integers(0, 9))
def test_clusters_keep_types_apart_and_their_errors_add_up(corpus: Any, n_centroids: int | None, sample: int) -> None:
    vectors, _, ids, _ = corpus
    clusters = token_aware_clusters(vectors, ids, n_centroids, points_per_centroid=sample, n_threads=1)
    if n_centroids is not None:
        assert len(clusters.centroids) == min(n_centroids, len(vectors))
    first = clusters.type_first.astype(np.int64)
    assert (np.diff(first) > 0).all()
    assert first[-1] == len(clusters.centroids)
    difference = vectors.astype(np.float64) - clusters.centroids[clusters.assignment]
    total = float((difference**2).sum())
    assert abs(clusters.squared_error.sum() - total) <= 1e-4 * max(1.0, float((vectors**2).sum()))
    if ids is not None:
        kinds = clusters.type_ids[np.searchsorted(first, clusters.assignment, side="right") - 1]
        assert ((kinds == ids) | (kinds == -1)).all()


@given(st.lists(st.tuples(DTYPES, st.integers(0, 300)), max_size=8), st.randoms(use_true_random=False))
def test_a_container_gives_back_any_arrays(sections: list[tuple[str, int]], random: Any) -> None:
    rng = np.random.default_rng(random.getrandbits(32))
    with tempfile.TemporaryDirectory() as folder:
        given_arrays = [rng.integers(0, 2, n).astype(dtype) for dtype, n in sections]
        with ContainerWriter(Path(folder) / "f") as writer:
            for i, array in enumerate(given_arrays):
                writer.add(f"section {i}", array)
        container = Container.open(Path(folder) / "f")
        container.verify()
        for i, array in enumerate(given_arrays):
            found = container.array(f"section {i}", array.dtype)
            assert found.dtype == array.dtype.newbyteorder("<")
            assert np.array_equal(found, array)


@given(st.lists(st.text(st.characters(), max_size=20), max_size=30))
def test_a_column_gives_back_any_strings(values: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        with ContainerWriter(Path(folder) / "f") as writer:
            write_strings(writer, "names", values)
        assert list(StringColumn(Container.open(Path(folder) / "f"), "names")) == values


@given(st.lists(st.sets(st.integers(0, 5000), max_size=300), min_size=1, max_size=4))
def test_posting_lists_decode_to_what_was_encoded(lists: list[set[int]]) -> None:
    pairs = sorted((doc, number) for number, docs in enumerate(lists) for doc in docs)
    n_docs = 5001
    assignment = np.array([number for _, number in pairs], np.uint32)
    offsets = np.searchsorted([doc for doc, _ in pairs], np.arange(n_docs + 1)).astype(np.int64)
    starts, counts, data = native.build_postings(assignment, offsets, len(lists))
    for number, docs in enumerate(lists):
        begin, end, count = int(starts[number]), int(starts[number + 1]), int(counts[number])
        assert native.decode_postings(data, begin, end, count, n_docs).tolist() == sorted(docs)


@given(st.binary(min_size=8, max_size=400), st.integers(0, 1000), st.integers(1, 5000))
def test_any_bytes_decode_to_ascending_documents_below_n_docs(raw: bytes, count: int, n_docs: int) -> None:
    data = np.frombuffer(raw + bytes(8), np.uint8)
    found = native.decode_postings(data, 0, len(raw), count, n_docs).astype(np.int64)
    assert len(found) <= count
    assert (np.diff(found) > 0).all()
    assert len(found) == 0 or found[-1] < n_docs
