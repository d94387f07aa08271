"""Exact MaxSim: the obvious version, the yardstick and the flat index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from motherlode.retrieval.hits import Hits
from motherlode.retrieval.inputs import check_count, check_ids, check_offsets, check_query, check_vectors
from motherlode.retrieval.kernels import level, native, thread_count

__all__ = ["exact_search"]


def exact_search(
    vectors: Any,
    offsets: ArrayLike,
    query: Any,
    k: int = 10,
    *,
    ids: Sequence[str] | None = None,
    n_threads: int = 0,
) -> Hits:
    """Scores every document with MaxSim, sum over query tokens of the largest dot product, and returns the best k.

    vectors: float16 or float32 [n_tokens, dim]; offsets: int64 [n_docs + 1]; query: float32 [n_query_tokens, dim]
    ids: n_docs strings; without them the positions "0", "1", …
    n_threads: 0 for the CPUs this process may use

    Documents without tokens are never returned, an empty query returns empty Hits, equal scores stand in insertion
    order. float16 vectors are widened; products and sums are float32. Raises InputError for wrong shapes or values.
    """
    array = check_vectors(vectors)
    bounds = check_offsets(offsets, len(array))
    names = check_ids(ids, len(bounds) - 1)
    k = check_count(k, "k")
    tokens = check_query(query, array.shape[1])
    scores, positions = native.exact_search(level(), array, bounds, tokens, k, thread_count(n_threads))
    found = [str(p) if names is None else names[p] for p in positions.tolist()]
    return Hits(found, np.asarray(scores), np.asarray(positions))
