"""The vocabulary id of every stored token: what the centroids tell, and the file of those that they do not tell."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from motherlode.core.files import ContainerWriter
from motherlode.retrieval.clustering import POOL_ID

if TYPE_CHECKING:
    from motherlode.retrieval.segments import Segment

__all__ = ["StoredTerms", "TermExceptions", "centroid_kinds", "smallest", "write_terms"]


def centroid_kinds(type_first: NDArray[np.uint32], type_ids: NDArray[np.int64], n_centroids: int) -> NDArray[np.int64]:
    """The vocabulary id of each centroid's type, int64 [n_centroids]; -1 where rare types share it."""
    bounds = np.minimum.accumulate(np.minimum(type_first.astype(np.int64), n_centroids)[::-1])[::-1]
    kinds = np.full(n_centroids, POOL_ID, np.int64)
    owned = np.repeat(type_ids, np.diff(bounds))
    kinds[int(bounds[0]) : int(bounds[0]) + len(owned)] = owned
    return kinds


class StoredTerms:
    """Vocabulary ids of the tokens of an opened segment; ``terms[a:b]`` gives int64 [b - a].

    assignment: uint32 [n_tokens], kinds: of the centroids; None in a flat index
    """

    def __init__(
        self, segment: Segment, assignment: NDArray[np.uint32] | None, kinds: NDArray[np.int64] | None
    ) -> None:
        self._assignment, self._kinds = assignment, kinds
        self._positions, self._ids = segment.term_positions, segment.term_ids

    def __getitem__(self, rows: slice) -> NDArray[np.int64]:
        if self._kinds is None or self._assignment is None:
            return self._ids[rows].astype(np.int64)
        ids = self._kinds[np.minimum(self._assignment[rows], len(self._kinds) - 1)]
        begin, end = np.searchsorted(self._positions, [rows.start, rows.start + len(ids)])
        places = self._positions[begin:end].astype(np.int64) - rows.start
        there = (places >= 0) & (places < len(ids))  # a flipped bit
        ids[places[there]] = self._ids[begin:end][there]
        return ids


class TermExceptions:
    """Gathers the tokens whose centroid does not tell their id, a piece of a segment after the other."""

    def __init__(self, kinds: NDArray[np.int64] | None) -> None:
        """kinds: of the centroids; None in a flat index, where no token has one."""
        self._kinds = kinds
        self._n_tokens = 0
        self._positions = [np.zeros(0, np.int64)]
        self._ids = [np.zeros(0, np.uint8)]

    def add(self, ids: NDArray[Any], assignment: NDArray[np.uint32] | None) -> None:
        """ids: integers [n], of the tokens that follow; assignment: uint32 [n], their centroids."""
        wide = ids.astype(np.int64)
        if self._kinds is None or assignment is None:
            self._ids.append(smallest(wide))
        else:
            told = self._kinds[assignment]
            odd = np.flatnonzero((told != wide) | (told == POOL_ID))
            self._positions.append(odd + self._n_tokens)
            self._ids.append(smallest(wide[odd]))
        self._n_tokens += len(wide)

    def write(self, create: Callable[[str], ContainerWriter]) -> list[str]:
        """Writes the file where there is anything to write; returns its role, or nothing."""
        ids = np.concatenate(self._ids)
        if not len(ids):
            return []
        with create("terms") as writer:
            if self._kinds is not None:
                writer.add("positions", smallest(np.concatenate(self._positions)))
            writer.add("ids", smallest(ids.astype(np.int64)))
        return ["terms"]


def write_terms(
    create: Callable[[str], ContainerWriter],
    kinds: NDArray[np.int64] | None,
    ids: Any,
    assignment: NDArray[np.uint32] | None,
    chunk_tokens: int = 1 << 16,
) -> list[str]:
    """The file of a segment whose arrays are at hand.

    ids: integers [n_tokens], may be memory-mapped; assignment: uint32 [n_tokens], or None in a flat index
    """
    found = TermExceptions(kinds)
    for begin in range(0, len(ids), chunk_tokens):
        rows = slice(begin, begin + chunk_tokens)
        found.add(ids[rows], None if assignment is None else assignment[rows])
    return found.write(create)


def smallest(values: NDArray[np.int64]) -> NDArray[Any]:
    """The same integers as u1, u2 or u4 where they fit, else i8."""
    if len(values) and values.min() < 0:
        return values
    top = int(values.max(initial=0))
    for dtype in (np.uint8, np.uint16, np.uint32):
        if top <= np.iinfo(dtype).max:
            return values.astype(dtype)
    return values
