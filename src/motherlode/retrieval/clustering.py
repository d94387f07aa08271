"""Token-aware clustering (TACHIOM, SIGIR 2026, section 3.1): k-means inside each group of tokens of one type.

Differences from the paper: training may use a sample per group, centroids end as the means of all their tokens, small
corpora pool their rarest types instead of losing token-awareness, and tokens without ids get pseudo types.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from motherlode.core.ports import NullProgress, Progress
from motherlode.retrieval.allocation import Allocation, allocate_centroids, default_n_centroids
from motherlode.retrieval.inputs import check_count, check_n_centroids, check_seed, check_token_ids, check_vectors
from motherlode.retrieval.kernels import level, native, thread_count

__all__ = ["Clusters", "group_by_type", "token_aware_clusters"]

POOL_ID = -1  # the "token id" of the pool of rare types
_CHUNK_IDS = 1 << 16
_BATCH_WORK = 4e9  # multiply-adds per native call: short enough for Ctrl-C, long enough to keep threads busy


@dataclass(frozen=True, slots=True)
class Clusters:
    """Centroids grouped by token type, and which one each token belongs to.

    centroids: float32 [n_centroids, dim]; type j owns the contiguous range type_first[j]:type_first[j + 1]
    assignment: uint32 [n_tokens], centroid of each token
    type_ids: int64 [n_types], the token id of each type, ascending; the pool of rare types, if any, has -1
    type_first: uint32 [n_types + 1]
    squared_error: float64 [n_types], summed squared distance of the tokens to their centroids
    allocation: how the centroids were divided
    pseudo_types: whether the types came from a coarse clustering because no token ids were given
    """

    centroids: NDArray[np.float32]
    assignment: NDArray[np.uint32]
    type_ids: NDArray[np.int64]
    type_first: NDArray[np.uint32]
    squared_error: NDArray[np.float64]
    allocation: Allocation
    pseudo_types: bool

    @property
    def mean_squared_error(self) -> float:
        """Mean over tokens of the squared distance to the centroid; 0 without tokens."""
        return float(self.squared_error.sum() / max(1, len(self.assignment)))


def token_aware_clusters(
    vectors: Any,
    token_ids: ArrayLike | None = None,
    n_centroids: int | None = None,
    *,
    n_iterations: int = 10,
    points_per_centroid: int = 0,
    seed: int = 0,
    n_threads: int = 0,
    progress: Progress | None = None,
) -> Clusters:
    """Clusters token vectors by token type and k-means inside each type.

    vectors: float16 or float32 [n_tokens, dim], may be memory-mapped: it is read in pieces, never copied whole
    token_ids: integers [n_tokens], the vocabulary ids; None makes pseudo types by a coarse k-means
    n_centroids: how many in all; None for ``default_n_centroids``. Exactly that many come back unless there are fewer
        tokens
    n_iterations: Lloyd iterations
    points_per_centroid: tokens per centroid that train a type; 0 trains on all of them
    seed: same seed, same result, whatever the number of threads

    Cost: sum over types of n_j * k_j dot products per iteration, about N * K / 1400 at the paper's scale. Memory: 12
    bytes per token, and per thread the training sample of one type.
    Raises InputError for wrong shapes, dtypes or non-finite values.
    """
    array = check_vectors(vectors)
    ids = check_token_ids(token_ids, len(array))
    if n_centroids is not None:
        n_centroids = check_n_centroids(n_centroids)
    n_iterations = check_count(n_iterations, "n_iterations")
    points_per_centroid = check_count(points_per_centroid, "points_per_centroid")
    seed = check_seed(seed)
    report = progress or NullProgress()
    threads = thread_count(n_threads)
    pseudo = ids is None
    if ids is None:
        ids = _pseudo_types(array, seed, threads)
    order, type_ids, starts = group_by_type(ids)
    return _cluster(
        array, order, type_ids, starts, n_centroids, (n_iterations, points_per_centroid, seed), threads, report, pseudo
    )


def group_by_type(ids: NDArray[Any]) -> tuple[NDArray[np.uint32], NDArray[np.int64], NDArray[np.int64]]:
    """Token numbers grouped by type (stable), the types, and where each begins."""
    if ids.dtype == np.uint64:  # ids past 2^63 become negative, here and in queries
        ids = ids.astype(np.int64)
    type_ids, kinds = _numbered(ids)
    order = np.argsort(kinds, kind="stable").astype(np.uint32)
    starts = np.concatenate([[0], np.cumsum(np.bincount(kinds, minlength=len(type_ids)))]).astype(np.int64)
    return order, type_ids.astype(np.int64), starts


def _numbered(ids: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The distinct ids, ascending, and for each id its number among them (16 bits where they do: sorted fastest)."""
    low, high = (int(ids.min()), int(ids.max())) if len(ids) else (0, -1)
    if high - low >= max(1 << 16, len(ids)):
        type_ids, inverse = np.unique(ids, return_inverse=True)
        return type_ids, inverse.astype(np.uint16 if len(type_ids) <= 1 << 16 else np.uint32)
    # A vocabulary: a table of it takes less memory, and less time, than sorting the ids.
    seen = np.zeros(high - low + 1, bool)
    chunks = [slice(at, at + _CHUNK_IDS) for at in range(0, len(ids), _CHUNK_IDS)]
    for chunk in chunks:
        seen[ids[chunk].astype(np.int64) - low] = True
    found = np.flatnonzero(seen)
    numbers = np.zeros(len(seen), np.uint16 if len(found) <= 1 << 16 else np.uint32)
    numbers[found] = np.arange(len(found))
    kinds = np.empty(len(ids), numbers.dtype)
    for chunk in chunks:
        kinds[chunk] = numbers[ids[chunk].astype(np.int64) - low]
    return (found + low).astype(ids.dtype), kinds


def _cluster(
    array: NDArray[Any],
    order: NDArray[np.uint32],
    type_ids: NDArray[np.int64],
    starts: NDArray[np.int64],
    n_centroids: int | None,
    training: tuple[int, int, int],
    threads: int,
    report: Progress,
    pseudo: bool,
) -> Clusters:
    sizes = np.diff(starts)
    groups = np.zeros((len(sizes), 5), np.uint64)  # begin, end, first centroid, k, id
    groups[:, 0], groups[:, 1], groups[:, 3] = starts[:-1], starts[1:], 1
    groups[:, 4] = type_ids.view(np.uint64)
    spreads = np.zeros(len(sizes))
    if len(sizes):
        native.group_spreads(level(), array, order, groups, threads, spreads)
    budget = default_n_centroids(sizes) if n_centroids is None else n_centroids
    allocation = allocate_centroids(sizes, spreads, budget)
    counts = allocation.counts
    if allocation.pooled.any():
        order, type_ids, groups, counts = _with_pool(order, type_ids, groups, allocation)
    first = np.concatenate([[0], np.cumsum(counts)])
    groups[:, 2], groups[:, 3] = first[:-1], counts
    centroids = np.zeros((int(first[-1]), array.shape[1]), np.float32)
    assignment = np.zeros(len(array), np.uint32)
    error = np.zeros(len(groups))
    for batch in _batches(groups, array.shape[1], training, len(array), report):
        part = np.zeros(len(batch))
        native.cluster_groups(
            level(), array, order, np.ascontiguousarray(groups[batch]), *training, threads, centroids, assignment, part
        )
        error[batch] = part
    return Clusters(centroids, assignment, type_ids, first.astype(np.uint32), error, allocation, pseudo)


def _batches(
    groups: NDArray[np.uint64], dim: int, training: tuple[int, int, int], n_tokens: int, report: Progress
) -> Any:
    """Types in order of falling work, in batches of bounded work; advances the progress by their tokens."""
    n = (groups[:, 1] - groups[:, 0]).astype(np.float64)
    k = groups[:, 3].astype(np.float64)
    sample = np.minimum(n, k * training[1]) if training[1] else n
    work = dim * (k * (n + sample * training[0]) + 4 * n)
    order = np.argsort(-work, kind="stable")
    batch_of = np.floor(np.cumsum(work[order]) / _BATCH_WORK)
    report.start("clustering tokens", n_tokens, "tokens")
    for batch in np.split(order, np.flatnonzero(np.diff(batch_of)) + 1):
        if len(batch):
            yield batch
            report.advance(int(n[batch].sum()))
    report.finish()


def _with_pool(
    order: NDArray[np.uint32], type_ids: NDArray[np.int64], groups: NDArray[np.uint64], allocation: Allocation
) -> tuple[NDArray[np.uint32], NDArray[np.int64], NDArray[np.uint64], NDArray[np.int64]]:
    """Moves the tokens of pooled types together, as one type that stands where its id belongs."""
    pooled, kept = np.flatnonzero(allocation.pooled), np.flatnonzero(~allocation.pooled)
    at = int(np.searchsorted(type_ids[kept], POOL_ID))
    pieces = [order[int(groups[j, 0]) : int(groups[j, 1])] for j in (*kept[:at], *pooled, *kept[at:])]
    sizes = (groups[:, 1] - groups[:, 0]).astype(np.int64)
    merged = np.insert(sizes[kept], at, sizes[pooled].sum())
    ends = np.cumsum(merged)
    rows = np.zeros((len(merged), 5), np.uint64)
    rows[:, 0], rows[:, 1] = ends - merged, ends
    kinds = np.insert(type_ids[kept], at, POOL_ID)
    rows[:, 4] = kinds.view(np.uint64)
    counts = np.insert(allocation.counts[kept], at, allocation.pool_centroids)
    return np.concatenate(pieces), kinds, rows, counts


def _pseudo_types(array: NDArray[Any], seed: int, threads: int) -> NDArray[np.int64]:
    """Labels of a coarse k-means with about N^0.4 clusters (at most 512), trained on a sample."""
    n = len(array)
    if n == 0:
        return np.zeros(0, np.int64)
    k = int(min(n, np.clip(2 ** round(0.4 * np.log2(n)), 1, 512)))
    sample = np.sort(np.random.default_rng(seed).choice(n, min(n, 64 * k), replace=False)).astype(np.uint32)
    groups = np.array([[0, len(sample), 0, k, 0]], np.uint64)
    centroids = np.zeros((k, array.shape[1]), np.float32)
    native.cluster_groups(
        level(), array, sample, groups, 10, 0, seed, threads, centroids, np.zeros(n, np.uint32), np.zeros(1)
    )
    labels = np.zeros(n, np.uint32)
    native.assign_nearest(level(), array, centroids, threads, labels)
    return labels.astype(np.int64)
