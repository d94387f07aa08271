"""Token-aware clustering: ranges per type, exact errors, one result per seed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from motherlode import Clusters, InputError, token_aware_clusters
from motherlode.retrieval.clustering import POOL_ID
from tests.corpora import Corpus, environment, make_corpus


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return make_corpus(600, 24, n_types=40, longest=20)


@pytest.fixture(scope="module")
def clusters(corpus: Corpus) -> Clusters:
    return token_aware_clusters(corpus.vectors, corpus.token_ids, 150)


def squared_errors(vectors: NDArray[Any], clusters: Clusters) -> NDArray[np.float64]:
    difference = vectors.astype(np.float64) - clusters.centroids[clusters.assignment].astype(np.float64)
    errors: NDArray[np.float64] = np.einsum("ij,ij->i", difference, difference)
    return errors


def types_of(clusters: Clusters) -> NDArray[np.int64]:
    """The type that owns each token's centroid."""
    return np.searchsorted(clusters.type_first, clusters.assignment, side="right") - 1


def same(a: Clusters, b: Clusters) -> bool:
    return np.array_equal(a.centroids, b.centroids) and np.array_equal(a.assignment, b.assignment)


def test_every_type_owns_one_contiguous_range_and_all_ranges_make_all_centroids(clusters: Clusters) -> None:
    assert clusters.type_first[0] == 0
    assert clusters.type_first[-1] == len(clusters.centroids) == 150
    assert (np.diff(clusters.type_first.astype(np.int64)) == clusters.allocation.counts).all()
    assert (np.diff(clusters.type_ids) > 0).all()


def test_every_token_is_assigned_to_a_centroid_of_its_own_type(corpus: Corpus, clusters: Clusters) -> None:
    assert np.array_equal(clusters.type_ids[types_of(clusters)], corpus.token_ids)


def test_the_squared_error_is_what_numpy_computes_per_type(corpus: Corpus, clusters: Clusters) -> None:
    by_type = np.bincount(types_of(clusters), squared_errors(corpus.vectors, clusters), len(clusters.type_ids))
    np.testing.assert_allclose(clusters.squared_error, by_type, rtol=1e-3, atol=1e-4)
    assert clusters.mean_squared_error == pytest.approx(by_type.sum() / len(corpus.vectors), rel=1e-4)


def test_every_centroid_is_the_mean_of_its_tokens(corpus: Corpus, clusters: Clusters) -> None:
    for c in range(len(clusters.centroids)):
        own = corpus.vectors[clusters.assignment == c]
        if len(own):
            np.testing.assert_allclose(clusters.centroids[c], own.mean(axis=0, dtype=np.float64), atol=1e-5)


def test_a_type_with_one_centroid_gets_the_mean_of_all_its_tokens() -> None:
    vectors = np.array([[1, 0], [3, 0], [0, 5], [0, 7], [0, 9]], np.float32)
    clusters = token_aware_clusters(vectors, [4, 4, 2, 2, 2], 2)
    assert clusters.type_ids.tolist() == [2, 4]
    assert clusters.centroids.tolist() == [[0, 7], [2, 0]]
    assert clusters.assignment.tolist() == [1, 1, 0, 0, 0]
    assert clusters.squared_error.tolist() == [8, 2]  # 4 + 0 + 4 and 1 + 1
    assert clusters.mean_squared_error == 2


def test_two_far_groups_of_one_type_are_told_apart() -> None:
    vectors = np.array([[0, 0], [0, 1], [100, 0], [100, 1]] * 16, np.float32)
    clusters = token_aware_clusters(vectors, np.zeros(64, np.int64), 2)
    assert sorted(clusters.centroids.tolist()) == [[0, 0.5], [100, 0.5]]
    assert clusters.squared_error.tolist() == [16]  # 64 tokens, 0.25 each


def test_the_same_seed_gives_the_same_clusters_whatever_the_number_of_threads(corpus: Corpus) -> None:
    for ids in (corpus.token_ids, None):
        one, two, five = (
            token_aware_clusters(corpus.vectors, ids, 150, seed=3, points_per_centroid=8, n_threads=n)
            for n in (1, 2, 5)
        )
        assert same(one, two)
        assert same(one, five)
        assert np.array_equal(one.squared_error, five.squared_error)


def test_another_seed_gives_other_clusters(corpus: Corpus, clusters: Clusters) -> None:
    assert not same(clusters, token_aware_clusters(corpus.vectors, corpus.token_ids, 150, seed=1))


def test_tokens_without_ids_get_pseudo_types_that_keep_near_tokens_together(corpus: Corpus) -> None:
    clusters = token_aware_clusters(corpus.vectors, None, 150)
    assert clusters.pseudo_types
    assert 2 <= len(clusters.type_ids) <= 512
    assert len(clusters.centroids) == 150
    one_type = token_aware_clusters(corpus.vectors, np.zeros(len(corpus.vectors), np.int64), 150)
    assert clusters.mean_squared_error < 1.25 * one_type.mean_squared_error


def test_as_many_centroids_as_tokens_leave_no_error() -> None:
    corpus = make_corpus(20, 8, n_types=6)
    clusters = token_aware_clusters(corpus.vectors, corpus.token_ids, len(corpus.vectors))
    assert len(clusters.centroids) == len(corpus.vectors)
    assert squared_errors(corpus.vectors, clusters).max() < 1e-10
    assert clusters.mean_squared_error < 1e-6


def test_more_centroids_than_tokens_become_one_per_token() -> None:
    corpus = make_corpus(20, 8, n_types=6)
    assert len(token_aware_clusters(corpus.vectors, corpus.token_ids, 10**6).centroids) == len(corpus.vectors)


def test_float16_clusters_like_the_float32_of_the_same_values(corpus: Corpus) -> None:
    half = corpus.vectors.astype(np.float16)
    assert same(
        token_aware_clusters(half, corpus.token_ids, 150),
        token_aware_clusters(half.astype(np.float32), corpus.token_ids, 150),
    )


def test_a_memory_mapped_array_clusters_like_one_in_memory(corpus: Corpus, clusters: Clusters, tmp_path: Path) -> None:
    np.save(tmp_path / "vectors.npy", corpus.vectors)
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    assert same(clusters, token_aware_clusters(mapped, corpus.token_ids, 150))


@pytest.mark.parametrize("points_per_centroid", [0, 64])
def test_the_error_is_that_of_a_plain_lloyd_per_type(
    corpus: Corpus, clusters: Clusters, points_per_centroid: int
) -> None:
    ours = token_aware_clusters(corpus.vectors, corpus.token_ids, 150, points_per_centroid=points_per_centroid)
    plain = 0.0
    for kind, k in zip(clusters.type_ids, clusters.allocation.counts, strict=True):
        plain += lloyd(corpus.vectors[corpus.token_ids == kind].astype(np.float64), int(k))
    assert ours.squared_error.sum() < 1.03 * plain


def lloyd(rows: NDArray[np.float64], k: int, n_iterations: int = 10) -> float:
    """The obvious k-means: random distinct points, ten iterations; the mean error of three starts."""
    errors = []
    for seed in range(3):
        centers = rows[np.random.default_rng(seed).choice(len(rows), k, replace=False)]
        for _ in range(n_iterations):
            near = ((rows[:, None] - centers[None]) ** 2).sum(-1).argmin(1)
            centers = np.array([rows[near == c].mean(0) if (near == c).any() else centers[c] for c in range(k)])
        errors.append(((rows[:, None] - centers[None]) ** 2).sum(-1).min(1).sum())
    return float(np.mean(errors))


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64])
def test_token_ids_may_have_any_integer_type(corpus: Corpus, clusters: Clusters, dtype: Any) -> None:
    assert same(clusters, token_aware_clusters(corpus.vectors, corpus.token_ids.astype(dtype), 150))


@pytest.mark.parametrize("n_centroids", [150, 8])
def test_negative_and_huge_token_ids_are_types_like_others(corpus: Corpus, n_centroids: int) -> None:
    ids = np.array([-(2**63), -5, -1, 0, 7, 2**40, 2**63 - 1])[corpus.token_ids % 7]
    clusters = token_aware_clusters(corpus.vectors, ids, n_centroids)
    assert len(clusters.centroids) == n_centroids
    assert (np.diff(clusters.type_ids) >= 0).all()
    found = clusters.type_ids[types_of(clusters)]
    assert ((found == ids) | (found == POOL_ID)).all()
    beyond = np.array([0, 2**63, 2**64 - 1], np.uint64)[corpus.token_ids % 3]
    wrapped = token_aware_clusters(corpus.vectors, beyond, n_centroids)
    assert wrapped.type_ids.tolist() == [-(2**63), -1, 0]


def test_too_few_centroids_pool_the_rare_types_and_keep_the_head_apart() -> None:
    vectors = np.array([[1, 0]] * 5 + [[0, 1]] * 4 + [[5, 5], [6, 5], [90, 90]], np.float32)
    ids = np.array([30] * 5 + [20] * 4 + [1, 2, 3])
    clusters = token_aware_clusters(vectors, ids, 4)  # five types need 5
    assert clusters.type_ids.tolist() == [POOL_ID, 20, 30]
    assert np.diff(clusters.type_first.astype(np.int64)).tolist() == [2, 1, 1]
    assert clusters.centroids[2:].tolist() == [[0, 1], [1, 0]]
    assert clusters.squared_error.tolist() == [0.5, 0, 0]


def test_nothing_clusters_to_nothing() -> None:
    ids: list[int] | None
    for ids in (None, []):
        clusters = token_aware_clusters(np.zeros((0, 5), np.float32), ids)
        assert clusters.centroids.shape == (0, 5)
        assert len(clusters.assignment) == len(clusters.type_ids) == 0
        assert clusters.mean_squared_error == 0


def test_one_token_is_its_own_centroid() -> None:
    clusters = token_aware_clusters(np.array([[3.5]], np.float32), [9])
    assert clusters.centroids.tolist() == [[3.5]]


def test_equal_tokens_leave_no_error_and_no_nan() -> None:
    clusters = token_aware_clusters(np.full((500, 4), 0.1, np.float32), np.arange(500) % 2, 30)
    assert len(clusters.centroids) == 30
    assert np.isfinite(clusters.centroids).all()
    assert clusters.mean_squared_error < 1e-6


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"n_centroids": 0}, "n_centroids=0"),
        ({"n_centroids": 2.5}, "n_centroids=2.5"),
        ({"n_iterations": -1}, "n_iterations=-1"),
        ({"points_per_centroid": -3}, "points_per_centroid=-3"),
        ({"seed": -1}, "seed=-1"),
        ({"n_threads": -2}, "n_threads=-2"),
        ({"token_ids": [1, 2]}, r"shape \(2,\)"),
        ({"token_ids": [1.0, 2.0, 3.0]}, "dtype float64"),
        ({"vectors": np.zeros((3, 2), np.int32)}, "dtype int32"),
        ({"vectors": np.zeros(3, np.float32)}, r"shape \(3,\)"),
        ({"vectors": np.array([[0, 0], [0, np.nan], [0, 0]], np.float32)}, "row 1"),
    ],
)
def test_wrong_arguments_are_named_with_what_was_seen(change: dict[str, Any], says: str) -> None:
    arguments: dict[str, Any] = {"vectors": np.ones((3, 2), np.float32), "token_ids": [1, 2, 3], **change}
    with pytest.raises(InputError, match=says):
        token_aware_clusters(**arguments)


def test_progress_counts_every_token_once(corpus: Corpus) -> None:
    class Recorder:
        def __init__(self) -> None:
            self.log: list[Any] = []

        def start(self, task: str, total: int | None, unit: str) -> None:
            self.log.append([total, 0])

        def advance(self, n: int) -> None:
            self.log[-1][1] += n

        def finish(self) -> None:
            self.log.append("finished")

    recorder = Recorder()
    token_aware_clusters(corpus.vectors, corpus.token_ids, 150, progress=recorder)
    assert recorder.log == [[len(corpus.vectors), len(corpus.vectors)], "finished"]


LONG_CLUSTERING = """
import sys, numpy as np, motherlode
rng = np.random.default_rng(0)
n_types, n = int(sys.argv[1]), 400_000
vectors = rng.standard_normal((n, 128), dtype=np.float32)
ids = rng.integers(0, n_types, n)
print("ready", flush=True)
motherlode.token_aware_clusters(vectors, ids, 8192, n_iterations=1000)
print("finished", flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX here")
@pytest.mark.parametrize("n_types", [400, 1])
def test_ctrl_c_ends_a_long_clustering_soon(n_types: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", LONG_CLUSTERING, str(n_types)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(1.5)
        asked = time.monotonic()
        process.send_signal(signal.SIGINT)
        rest, error = process.communicate(timeout=20)
        assert time.monotonic() - asked < 5
    finally:
        process.kill()
    assert "finished" not in rest
    assert "KeyboardInterrupt" in error
