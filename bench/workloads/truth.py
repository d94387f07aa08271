"""The exact answer: float32 MaxSim of every query with every document, by blocked BLAS products."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.workloads.cache import write_atomically

__all__ = ["exact_top", "write_exact_top"]

# One block of scores (float32 [tokens, query tokens]) should stay in the last-level cache.
_BLOCK_TOKENS = 4096
_BLOCK_QUERY_TOKENS = 512


def exact_top(
    vectors: NDArray[Any],
    offsets: NDArray[np.int64],
    query_vectors: NDArray[np.float32],
    query_offsets: NDArray[np.int64],
    k: int,
    n_threads: int = 2,
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Positions and scores [n_queries, k], best first, ties to the smaller position."""
    if (np.diff(offsets) == 0).any() or (np.diff(query_offsets) == 0).any():
        raise ValueError("a document or query without tokens: leave it out of the benchmark.")
    n_queries = len(query_offsets) - 1
    scores = np.empty((len(offsets) - 1, n_queries), dtype=np.float32)
    query_blocks = _whole_blocks(query_offsets, _BLOCK_QUERY_TOKENS)

    def score(block: tuple[int, int]) -> None:
        first_doc, last_doc = block
        begin, end = offsets[first_doc], offsets[last_doc]
        tokens = np.asarray(vectors[begin:end], dtype=np.float32)
        for first, last in query_blocks:
            rows = slice(query_offsets[first], query_offsets[last])
            products = query_vectors[rows] @ tokens.T
            best = np.maximum.reduceat(products, offsets[first_doc:last_doc] - begin, axis=1)
            starts = query_offsets[first:last] - query_offsets[first]
            scores[first_doc:last_doc, first:last] = np.add.reduceat(best, starts, axis=0).T

    # One BLAS thread below each of ours (prepare.py sees to it): a threaded BLAS took twice the time here.
    with ThreadPoolExecutor(n_threads) as pool:
        list(pool.map(score, _whole_blocks(offsets, _BLOCK_TOKENS)))
    positions = np.empty((n_queries, k), dtype=np.int32)
    for query in range(n_queries):
        column = scores[:, query]
        bound = np.partition(column, -k)[-k]
        candidates = np.flatnonzero(column >= bound)
        positions[query] = candidates[np.lexsort((candidates, -column[candidates]))][:k]
    return positions, np.take_along_axis(scores, positions.T.astype(np.int64), axis=0).T


def write_exact_top(folder: Path, k: int = 100, n_threads: int = 2) -> None:
    """exact_top100.npz of a prepared folder, unless it is there."""
    path = folder / f"exact_top{k}.npz"
    if path.exists():
        return
    names = ("vectors", "offsets", "query_vectors", "query_offsets")
    vectors, offsets, query_vectors, query_offsets = (np.load(folder / f"{n}.npy", mmap_mode="r") for n in names)
    query_vectors, offsets = np.array(query_vectors), np.array(offsets)
    positions, scores = exact_top(vectors, offsets, query_vectors, np.array(query_offsets), k, n_threads)
    buffer = io.BytesIO()
    np.savez(buffer, positions=positions, scores=scores)

    def write(temporary: Path) -> None:
        temporary.write_bytes(buffer.getvalue())

    write_atomically(path, write)


def _whole_blocks(offsets: NDArray[np.int64], n_rows: int) -> list[tuple[int, int]]:
    """(first, last) ranges of whole items, about n_rows rows each."""
    blocks: list[tuple[int, int]] = []
    first, n_items = 0, len(offsets) - 1
    while first < n_items:
        last = int(np.searchsorted(offsets, offsets[first] + n_rows, side="right")) - 1
        last = min(max(last, first + 1), n_items)
        blocks.append((first, last))
        first = last
    return blocks
