"""Coding tokens with a codebook: which centroid, what is left of it, and when centroids are missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from motherlode.retrieval.clustering import POOL_ID, group_by_type
from motherlode.retrieval.codebook import CENTROID_ZERO, Codebook
from motherlode.retrieval.kernels import level, native, thread_count

__all__ = ["TokenCodes", "assign_tokens", "encode_tokens", "grow_codebook"]

_MIN_OUTLIERS = 4  # fewer tell nothing
_OUTLIER_SHARE = 0.03  # of new tokens; 0.01 of those of the build are outliers by definition
_OUTLIER_SHARE_OF_FEW = 0.1  # of fewer than _MANY, among which chance alone makes some
_MANY = 2048
_TOKENS_PER_CENTROID = 32


@dataclass(frozen=True, slots=True)
class TokenCodes:
    """Coded tokens in memory.

    assignment: uint32 [n]; codes, refine_codes: uint8 [n, row_bytes]; scales, refine_scales: uint16 [n], float16 bits
    error: summed squared error that the codes leave
    """

    assignment: NDArray[np.uint32]
    codes: NDArray[np.uint8]
    scales: NDArray[np.uint16]
    refine_codes: NDArray[np.uint8]
    refine_scales: NDArray[np.uint16]
    error: float


def encode_tokens(
    book: Codebook, vectors: NDArray[Any], begin: int, assignment: NDArray[np.uint32], n_threads: int
) -> TokenCodes:
    """Codes the tokens from ``begin`` on, as many as there are in ``assignment``."""
    n = len(assignment)
    codes = np.empty((n, native.row_bytes(book.dim, book.bits)), np.uint8)
    scales = np.empty(n, np.uint16)
    n_more = n if book.refine_bits else 0
    more = np.empty((n_more, native.row_bytes(book.dim, book.refine_bits)), np.uint8)
    more_scales = np.empty(n_more, np.uint16)
    error = native.encode_residuals(
        level(), vectors, begin, book.rotation_seed, book.centroids, book.scale, book.basis, book.words, book.word_step,
        book.residual_unit, assignment, book.bits, codes, scales, book.refine_bits, more, more_scales,
        thread_count(n_threads),
    )  # fmt: skip
    return TokenCodes(assignment, codes, scales, more, more_scales, error)


def assign_tokens(
    book: Codebook, vectors: NDArray[Any], token_ids: NDArray[Any] | None, n_threads: int
) -> tuple[NDArray[np.uint32], NDArray[np.float32]]:
    """The nearest centroid of each token, as the clustering would have it, and its squared distance.

    A token's centroids are those of its token type. Without token ids that is the type whose mean is the nearest; a
    token of an unknown type goes to the pool of rare types, or where there is none to the nearest of all centroids.
    """
    n, threads = len(vectors), thread_count(n_threads)
    rows = np.array(vectors, np.float32, order="C")  # a copy, which is turned in place
    native.rotate_centroids(rows, book.rotation_seed, threads)
    centroids = _values(book.centroids, book)
    assignment = np.zeros(n, np.uint32)
    gain = np.full(n, -np.inf, np.float32)
    for tokens, types in _types_of_tokens(book, rows, token_ids, threads):
        order = tokens[np.argsort(types, kind="stable")].astype(np.uint32)
        kinds, begins = np.unique(np.sort(types), return_index=True)
        groups = np.zeros((len(kinds), 4), np.uint64)  # begin, end, first centroid, how many
        groups[:, 0], groups[:, 1] = begins, np.append(begins[1:], len(order))
        known = kinds < len(book.type_ids)
        own = kinds[known]
        groups[known, 2], groups[known, 3] = book.type_first[own], book.type_first[own + 1] - book.type_first[own]
        groups[~known, 3] = len(centroids)
        native.assign_in_groups(level(), rows, order, groups, centroids, threads, assignment, gain)
    energy = np.einsum("ij,ij->i", rows, rows)
    return assignment, np.maximum(energy - 2 * gain, 0)


def _types_of_tokens(
    book: Codebook, rows: NDArray[np.float32], token_ids: NDArray[Any] | None, threads: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Pairs of tokens and the numbers of their types; a type that was extended has several, one pair after the other.

    The number after the last one stands for all centroids.
    """
    if token_ids is None:
        yield np.arange(len(rows)), _nearest_types(book, rows, threads)
        return
    ids = token_ids.astype(np.int64)
    sorter = np.argsort(book.type_ids, kind="stable")
    tokens = np.arange(len(ids))
    for wanted in (ids, np.full(len(ids), POOL_ID)):
        first = np.searchsorted(book.type_ids, wanted, side="left", sorter=sorter)
        last = np.searchsorted(book.type_ids, wanted, side="right", sorter=sorter)
        for turn in range(int((last - first)[tokens].max(initial=0))):
            there = tokens[first[tokens] + turn < last[tokens]]
            yield there, sorter[first[there] + turn]
        tokens = tokens[first[tokens] == last[tokens]]  # of a type that is not there
    if len(tokens):
        yield tokens, np.full(len(tokens), len(book.type_ids))


def grow_codebook(
    book: Codebook, vectors: NDArray[Any], token_ids: NDArray[Any] | None, errors: NDArray[np.float32], n_threads: int
) -> Codebook:
    """A codebook with more centroids where many of these tokens are further from theirs than those of the build were.

    errors: float32 [n], squared distances to the centroids that they have

    Each token type of outliers gets one centroid for every 32 of them, or more, as a further type of the same id.
    Centroids that are there keep their numbers. Returns ``book`` itself where nothing is missing.
    """
    outliers = np.flatnonzero(errors > book.outlier_error)
    share = _OUTLIER_SHARE if len(errors) >= _MANY else _OUTLIER_SHARE_OF_FEW
    if len(outliers) < max(_MIN_OUTLIERS, share * len(errors)):
        return book
    threads = thread_count(n_threads)
    rows = np.array(vectors[outliers], np.float32, order="C")
    native.rotate_centroids(rows, book.rotation_seed, threads)
    if token_ids is None:
        ids = book.type_ids[_nearest_types(book, rows, threads)]
    else:
        ids = token_ids[outliers].astype(np.int64)
    added, kinds, first = _more_centroids(rows, ids, book, threads)
    coded = np.zeros((len(added), book.centroids.shape[1]), np.uint8)
    native.encode_centroids(added, book.scale, coded)
    means = np.add.reduceat(added, first[:-1], axis=0) / np.diff(first)[:, None]
    mean_rows = np.zeros((len(means), book.centroids.shape[1]), np.uint8)
    native.encode_centroids(np.ascontiguousarray(means, np.float32), book.scale, mean_rows)
    steps = coded[:, : book.dim].astype(np.float32) - CENTROID_ZERO
    n_before = len(book.centroids)
    return replace(
        book,
        centroids=np.concatenate([book.centroids, coded]),
        norm=max(book.norm, float(np.sqrt(np.einsum("ij,ij->i", steps, steps).max()))),
        type_first=np.concatenate([book.type_first, (first[1:] + n_before).astype(np.uint32)]),
        type_ids=np.concatenate([book.type_ids, kinds]),
        type_rows=np.concatenate([book.type_rows, mean_rows]),
    )


def _more_centroids(
    rows: NDArray[np.float32], ids: NDArray[np.int64], book: Codebook, threads: int
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
    """Centroids of these tokens type by type, the types, and where each begins.

    A type gets twice as many until its tokens are no outliers on average, or are centroids themselves.
    """
    order, kinds, starts = group_by_type(ids)
    sizes = np.diff(starts)
    counts = -(-sizes // _TOKENS_PER_CENTROID)
    while True:
        first = np.concatenate([[0], np.cumsum(counts)])
        groups = np.stack([starts[:-1], starts[1:], first[:-1], counts, kinds], axis=1).astype(np.uint64)
        added = np.zeros((int(first[-1]), book.dim), np.float32)
        left = np.zeros(len(groups))
        native.cluster_groups(
            level(),
            rows,
            order,
            groups,
            10,
            0,
            book.rotation_seed,
            threads,
            added,
            np.zeros(len(rows), np.uint32),
            left,
        )
        wider = (left > book.outlier_error * sizes) & (counts < sizes)
        if not wider.any():
            return added, kinds, first
        counts = np.where(wider, np.minimum(2 * counts, sizes), counts)


def _nearest_types(book: Codebook, rows: NDArray[np.float32], threads: int) -> NDArray[np.int64]:
    """The type of each turned token whose mean is the nearest."""
    labels = np.zeros(len(rows), np.uint32)
    native.assign_nearest(level(), rows, _values(book.type_rows, book), threads, labels)
    return labels.astype(np.int64)


def _values(rows: NDArray[np.uint8], book: Codebook) -> NDArray[np.float32]:
    values: NDArray[np.float32] = (rows[:, : book.dim].astype(np.float32) - CENTROID_ZERO) * np.float32(book.scale)
    return np.ascontiguousarray(values)
