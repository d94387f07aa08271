"""A flat index that has grown, compressed: built anew from the vectors that it keeps."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from motherlode.core.ports import NullProgress, Progress
from motherlode.errors import UnsupportedError
from motherlode.retrieval.build import (
    _Corpus as Corpus,
    _Plan as Plan,
    _write_index as write_index,
)
from motherlode.retrieval.index import Index
from motherlode.retrieval.inputs import check_bits, check_n_centroids, check_seed
from motherlode.retrieval.kernels import thread_count
from motherlode.retrieval.layout import hold_directory
from motherlode.retrieval.snapshot import Snapshot, column_of

__all__ = ["compress_index"]

_CARRIED = {"flat", "documents", "deleted"}


def compress_index(
    index: Index,
    *,
    bits: int = 2,
    refine_bits: int = 0,
    n_centroids: int | None = None,
    seed: int = 0,
    n_threads: int = 0,
    progress: Progress | None = None,
) -> None:
    """Turns a flat index into a compressed one, in its place; does nothing to one that is compressed.

    bits, refine_bits, n_centroids, seed, n_threads: as in :func:`motherlode.build_index`

    Documents, their order, titles, texts and the encoder stay. A flat index stores no vocabulary ids, so a coarse
    clustering stands in for token types, and documents are added without ids from then on. One writer's transaction: a
    second writer gets a ConflictError, readers keep their state until they refresh, interrupted it changes nothing.
    Memory: the vectors are read where they lie, unless documents were added or deleted since the index was built; then
    they are copied once.
    """
    started = perf_counter()
    check_bits(bits, refine_bits)
    plan = Plan(
        None if n_centroids is None else check_n_centroids(n_centroids),
        bits, refine_bits, check_seed(seed), thread_count(n_threads), 64,
    )  # fmt: skip
    with hold_directory(index.path):
        index.refresh()  # under the lock: nothing that others added meanwhile is lost
        state = index.snapshot
        if state.kind != "flat":
            return
        roles = {role for segment in state.segments for role in segment.files}
        if roles - _CARRIED:
            raise UnsupportedError(f"{index.path}: compressing would lose {sorted(roles - _CARRIED)}; build it anew")
        vectors, offsets = _live(state)
        columns = [column_of(state, name) for name in ("ids", "titles", "texts")]
        ids, titles, texts = (None if column is None else list(column) for column in columns)
        encoder: Any = index.encoder
        corpus = Corpus(vectors, offsets, None, ids, titles, texts, encoder)
        write_index(index.path, corpus, plan, False, progress or NullProgress(), started)
        index.refresh()


def _live(state: Snapshot) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Vectors and offsets of the documents that are not deleted."""
    if len(state.segments) == 1 and not state.n_deleted:
        return state.segments[0].vectors, state.segments[0].offsets
    parts, lengths = [], [np.zeros(1, np.int64)]
    for segment in state.segments:
        sizes = np.diff(segment.offsets)
        kept = ~segment.is_deleted
        parts.append(segment.vectors[np.repeat(kept, sizes)])
        lengths.append(sizes[kept])
    return np.concatenate(parts), np.cumsum(np.concatenate(lengths))
