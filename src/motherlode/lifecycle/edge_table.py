"""Edges as columns: what the traversal's arrays are made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from motherlode.lifecycle.propagation import arc_classes
from motherlode.lifecycle.relations import RELATION_NAMES

__all__ = ["COLUMNS", "Arcs", "EdgeTable", "empty_table"]

COLUMNS = {
    "id": np.int64,
    "source": np.int32,
    "target": np.int32,
    "relation": np.uint8,
    "confidence": np.float32,
    "valid_from": np.int64,
    "valid_to": np.int64,
}
"""Columns of lifecycle_edges and their types here."""

_FETCH = 50_000

Arcs = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.uint8], NDArray[np.int32]]
"""(source, target, class, edge row)."""


@dataclass(frozen=True, slots=True)
class EdgeTable:
    """Edges as columns. ids: int64, rows of lifecycle_edges, ascending; source, target: int32; relation: uint8;
    confidence: float32; valid_from, valid_to: int64 microseconds, half-open
    """

    ids: NDArray[np.int64]
    source: NDArray[np.int32]
    target: NDArray[np.int32]
    relation: NDArray[np.uint8]
    confidence: NDArray[np.float32]
    valid_from: NDArray[np.int64]
    valid_to: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def read(cls, rows: Iterator[Sequence[Any]], n_most: int) -> EdgeTable:
        """From rows of COLUMNS, at most n_most of them; filled piece by piece, so that no second copy is held."""
        columns = [np.empty(n_most, kind) for kind in COLUMNS.values()]
        n = 0
        pending: list[Sequence[Any]] = []

        def pack() -> None:
            nonlocal n
            for column, values in zip(columns, zip(*pending, strict=True), strict=True):
                column[n : n + len(pending)] = values
            n += len(pending)
            pending.clear()

        for row in rows:
            pending.append(row)
            if len(pending) == _FETCH:
                pack()
        if pending:
            pack()
        filled: list[Any] = [column if n == n_most else column[:n].copy() for column in columns]
        return cls(*filled)

    def chosen(self, mask: NDArray[np.bool_]) -> EdgeTable:
        """The edges where the mask is True."""
        columns: list[Any] = [column[mask] for column in self.columns()]
        return EdgeTable(*columns)

    def followed_by(self, other: EdgeTable) -> EdgeTable:
        """These edges, then the other's."""
        pairs = zip(self.columns(), other.columns(), strict=True)
        columns: list[Any] = [np.concatenate(pair) for pair in pairs]
        return EdgeTable(*columns)

    def columns(self) -> tuple[NDArray[Any], ...]:
        """In the order of COLUMNS."""
        return (
            self.ids,
            self.source,
            self.target,
            self.relation,
            self.confidence,
            self.valid_from,
            self.valid_to,
        )

    def arcs(self) -> Arcs:
        """The arcs that the edges give; an edge's row is its place in the table."""
        codes = np.flatnonzero(np.bincount(self.relation, minlength=len(RELATION_NAMES)))
        parts = [(code, arc_class) for code in codes.tolist() for arc_class in arc_classes(code)]
        mine = {code: np.flatnonzero(self.relation == code).astype(np.int32) for code in {code for code, _ in parts}}
        n_arcs = sum(len(mine[code]) for code, _ in parts)
        source, target = np.empty(n_arcs, np.int32), np.empty(n_arcs, np.int32)
        classes, rows = np.empty(n_arcs, np.uint8), np.empty(n_arcs, np.int32)
        at = 0
        for code, arc_class in parts:
            edges = mine[code]
            place = slice(at, at + len(edges))
            is_back = arc_class % 2 == 1
            source[place] = (self.target if is_back else self.source)[edges]
            target[place] = (self.source if is_back else self.target)[edges]
            classes[place], rows[place] = arc_class, edges
            at += len(edges)
        return source, target, classes, rows


def empty_table() -> EdgeTable:
    """No edges."""
    return EdgeTable.read(iter(()), 0)
