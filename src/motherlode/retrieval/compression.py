"""A flat index that has grown, compressed: built anew from the vectors that it keeps."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from motherlode.core.ports import Encoder, NullProgress, Progress
from motherlode.retrieval.build import Corpus, check_plan, write_index
from motherlode.retrieval.index import Index
from motherlode.retrieval.inputs import check_bits, check_keep_vectors
from motherlode.retrieval.layout import hold_directory
from motherlode.retrieval.segment_files import joined_columns
from motherlode.retrieval.snapshot import Snapshot, column_of

__all__ = ["compress_index"]


def compress_index(
    index: Index,
    *,
    bits: int = 2,
    refine_bits: int = 0,
    n_centroids: int | None = None,
    seed: int = 0,
    n_threads: int = 0,
    keep_vectors: str | None = None,
    progress: Progress | None = None,
) -> None:
    """Turns a flat index into a compressed one, in its place; does nothing to one that is compressed.

    bits, refine_bits, n_centroids, seed, n_threads, keep_vectors: as in :func:`motherlode.build_index`

    Documents, their order, titles, texts, metadata and the encoder stay, and vocabulary ids where the index was built
    with them; where it was not, a coarse clustering stands in for token types. One writer's transaction: a
    second writer gets a ConflictError, readers keep their state until they refresh, interrupted it changes nothing.
    Memory: the vectors are read where they lie, unless documents were added or deleted since the index was built; then
    they are copied once.
    """
    started = perf_counter()
    check_bits(bits, refine_bits)
    kept = check_keep_vectors(keep_vectors)
    with hold_directory(index.path):
        index.refresh()  # under the lock: nothing that others added meanwhile is lost
        state = index.snapshot
        if state.kind != "flat":
            return
        corpus = _live(state, index.encoder)
        plan = check_plan(corpus, n_centroids, bits, refine_bits, seed, n_threads, None, kept)
        write_index(index.path, corpus, plan, progress or NullProgress(), started, flat=False)
        index.refresh()


def _live(state: Snapshot, encoder: Encoder | None) -> Corpus:
    """The documents that are not deleted, as a build would be given them."""
    lengths = [np.diff(segment.offsets)[~segment.is_deleted] for segment in state.segments]
    offsets = np.cumsum(np.concatenate([np.zeros(1, np.int64), *lengths]))
    kinds = _rows(state, "term_ids") if all(segment.knows_terms for segment in state.segments) else None
    ids, titles, texts = (
        None if column is None else list(column)
        for column in (column_of(state, name) for name in ("ids", "titles", "texts"))
    )
    columns = joined_columns(
        [(int((~s.is_deleted).sum()), {n: c.take(np.flatnonzero(~s.is_deleted)) for n, c in s.columns.items()})
         for s in state.segments]
    )  # fmt: skip
    vectors = _rows(state, "vectors")
    return Corpus(vectors, offsets, kinds, ids, titles, texts, encoder, columns, state.schema)


def _rows(state: Snapshot, name: str) -> NDArray[Any]:
    """Vectors or vocabulary ids of the tokens of documents that are not deleted."""
    if len(state.segments) == 1 and not state.n_deleted:
        only: NDArray[Any] = getattr(state.segments[0], name)
        return only
    empty = np.zeros((0, state.dim) if name == "vectors" else 0, np.float32 if name == "vectors" else np.int64)
    parts = [getattr(s, name)[np.repeat(~s.is_deleted, np.diff(s.offsets))] for s in state.segments]
    return np.concatenate(parts) if parts else empty
