"""The graph in memory: arrays of what is recorded at one moment, kept up with what is written since.

A snapshot is keyed by the recorded time of the last transaction that it holds. A later write adds its edges to a small
overlay and marks closed ones, so that the next question sees it without anything being built anew.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from motherlode.core.sql import Database, Session
from motherlode.core.time import EVER
from motherlode.lifecycle.csr import Graph, Overlay, build_graph
from motherlode.lifecycle.propagation import arc_classes
from motherlode.lifecycle.relations import RELATION_NAMES

__all__ = ["EdgeTable", "Snapshot", "Snapshots"]

_SMALLEST_REBUILD = 50_000  # edges of an overlay
_REBUILD_SHARE = 0.05  # of the base
_FETCH = 100_000


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

    def arcs(self, first_row: int = 0) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.uint8], NDArray[Any]]:
        """(source, target, class, edge row) of the arcs that the edges give; rows count from first_row."""
        sources, targets, classes, rows = [], [], [], []
        for code in range(len(RELATION_NAMES)):
            mine = np.flatnonzero(self.relation == code).astype(np.int32)
            if not len(mine):
                continue
            for arc_class in arc_classes(code):
                ends = (self.source, self.target) if arc_class % 2 == 0 else (self.target, self.source)
                sources.append(ends[0][mine])
                targets.append(ends[1][mine])
                classes.append(np.full(len(mine), arc_class, np.uint8))
                rows.append(mine + np.int32(first_row))
        if not rows:
            nothing = np.empty(0, np.int32)
            return nothing, nothing, np.empty(0, np.uint8), nothing
        return np.concatenate(sources), np.concatenate(targets), np.concatenate(classes), np.concatenate(rows)


_COLUMNS = "id, source, target, relation, confidence, valid_from, valid_to"
_FIELDS = ("ids", "source", "target", "relation", "confidence", "valid_from", "valid_to")
_TYPES = (np.int64, np.int32, np.int32, np.uint8, np.float32, np.int64, np.int64)


def _table(rows: Iterable[Sequence[Any]]) -> EdgeTable:
    parts: list[tuple[NDArray[Any], ...]] = []
    pending: list[Sequence[Any]] = []

    def pack() -> None:
        columns = zip(*pending, strict=True)
        parts.append(tuple(np.array(column, kind) for column, kind in zip(columns, _TYPES, strict=True)))
        pending.clear()

    for row in rows:
        pending.append(row)
        if len(pending) == _FETCH:
            pack()
    if pending:
        pack()
    if not parts:
        nothing: list[Any] = [np.empty(0, kind) for kind in _TYPES]
        return EdgeTable(*nothing)
    joined: list[Any] = [np.concatenate(columns) for columns in zip(*parts, strict=True)]
    return EdgeTable(*joined)


def _joined(first: EdgeTable, second: EdgeTable) -> EdgeTable:
    pairs = ((getattr(first, name), getattr(second, name)) for name in _FIELDS)
    columns: list[Any] = [np.concatenate(pair) for pair in pairs]
    return EdgeTable(*columns)


def _chosen(table: EdgeTable, mask: NDArray[np.bool_]) -> EdgeTable:
    return EdgeTable(*(getattr(table, name)[mask] for name in _FIELDS))


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is recorded at `stamp`. base: edges of `graph`; added: those of the overlay; removed: uint8 by base row."""

    stamp: int
    n_components: int
    graph: Graph
    base: EdgeTable
    added: EdgeTable
    removed: NDArray[np.uint8] | None

    def overlay(self, min_confidence: float = 0.0) -> Overlay | None:
        """What to search beside the base, without the edges that are less certain."""
        if not len(self.added) and self.removed is None and min_confidence <= 0:
            return None if self.n_components == self.graph.n_nodes else Overlay(n_nodes=self.n_components)
        added, removed = self.added, self.removed
        if min_confidence > 0:
            weak = (self.base.confidence < np.float32(min_confidence)).astype(np.uint8)
            removed = weak if removed is None else weak | removed
            keep = added.confidence >= np.float32(min_confidence)
        else:
            keep = np.ones(len(added), bool)
        source, target, classes, rows = added.arcs()
        kept = keep[rows]
        rows = rows[kept]
        return Overlay(
            source[kept],
            target[kept],
            classes[kept],
            rows + np.int32(len(self.base)),
            n_nodes=self.n_components,
            valid_from=added.valid_from[rows],
            valid_to=added.valid_to[rows],
            removed=removed,
        )

    def edge_id(self, row: int) -> int:
        """The row of lifecycle_edges behind an arc's edge."""
        base = len(self.base)
        return int(self.base.ids[row] if row < base else self.added.ids[row - base])

    def confidence(self, row: int) -> float:
        """Of the edge behind an arc."""
        base = len(self.base)
        return round(float(self.base.confidence[row] if row < base else self.added.confidence[row - base]), 6)

    def relation(self, row: int) -> str:
        """Name of the relation behind an arc."""
        base = len(self.base)
        return RELATION_NAMES[int(self.base.relation[row] if row < base else self.added.relation[row - base])]


class Snapshots:
    """The newest snapshot of a database, and the last ones of earlier recorded times. Safe in several threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._newest: Snapshot | None = None
        self._overlays: dict[float, tuple[Snapshot, Overlay | None]] = {}
        self._earlier: dict[int, Snapshot] = {}

    def at(self, session: Session, known_at: int | None) -> Snapshot:
        """What was recorded at an instant (microseconds); None: what the session sees."""
        stamp = _stamp(session)
        if known_at is not None and known_at < stamp:
            return self._before(session, known_at)
        with self._lock:
            newest = self._newest
        if newest is None or newest.stamp > stamp:
            newest = _load(session, stamp)
        elif newest.stamp < stamp:
            newest = _grown(session, newest, stamp)
        with self._lock:
            if self._newest is None or self._newest.stamp < newest.stamp:
                self._newest = newest
        return newest

    def overlay(self, snapshot: Snapshot, min_confidence: float) -> Overlay | None:
        """The snapshot's overlay, made once."""
        with self._lock:
            found = self._overlays.get(min_confidence)
        if found is not None and found[0] is snapshot:
            return found[1]
        made = snapshot.overlay(min_confidence)
        with self._lock:
            if len(self._overlays) >= 4:
                self._overlays.clear()
            self._overlays[min_confidence] = (snapshot, made)
        return made

    def _before(self, session: Session, known_at: int) -> Snapshot:
        with self._lock:
            found = self._earlier.get(known_at)
        if found is None:
            found = _load(session, known_at)
            with self._lock:
                if len(self._earlier) >= 2:
                    self._earlier.pop(next(iter(self._earlier)))
                self._earlier[known_at] = found
        return found


def _stamp(session: Session) -> int:
    row = session.one("SELECT value FROM lifecycle_state WHERE name = 'stamp'")
    return 0 if row is None else int(row[0])


def _n_components(session: Session) -> int:
    row = session.one("SELECT max(id) FROM lifecycle_components")
    return 0 if row is None or row[0] is None else int(row[0]) + 1


def _load(session: Session, stamp: int) -> Snapshot:
    """Build from the rows that were recorded at the stamp."""
    rows = session.cursor_rows(
        f"SELECT {_COLUMNS} FROM lifecycle_edges WHERE recorded_from <= ? AND recorded_to > ? ORDER BY id",
        (stamp, stamp),
    )
    return _built(stamp, _n_components(session), _table(rows))


def _built(stamp: int, n_components: int, base: EdgeTable) -> Snapshot:
    graph = build_graph(*base.arcs(), n_components, valid_from=base.valid_from, valid_to=base.valid_to)
    return Snapshot(stamp, n_components, graph, base, _table(()), None)


def _grown(session: Session, old: Snapshot, stamp: int) -> Snapshot:
    """The old snapshot with what was written since."""
    closed = session.execute(
        f"SELECT id FROM lifecycle_edges WHERE recorded_to > ? AND recorded_to <= ? AND recorded_to < {EVER}",
        (old.stamp, stamp),
    )
    last = max((int(table.ids[-1]) for table in (old.base, old.added) if len(table)), default=0)
    fresh = _table(
        session.cursor_rows(
            f"SELECT {_COLUMNS} FROM lifecycle_edges WHERE id > ? AND recorded_to > ? ORDER BY id", (last, stamp)
        )
    )
    gone = np.array(sorted(number for (number,) in closed), np.int64)
    removed, added = old.removed, _joined(old.added, fresh)
    if len(gone):
        removed = np.zeros(len(old.base), np.uint8) if removed is None else removed.copy()
        if len(old.base):
            rows = np.searchsorted(old.base.ids, gone).clip(max=len(old.base) - 1)
            removed[rows[old.base.ids[rows] == gone]] = 1
        keep = ~np.isin(added.ids, gone)
        added = _chosen(added, keep)
    n_components = _n_components(session)
    n_changed = len(added) + (0 if removed is None else int(np.count_nonzero(removed)))
    if n_changed > max(_SMALLEST_REBUILD, _REBUILD_SHARE * len(old.base)):
        kept = old.base
        if removed is not None:
            kept = _chosen(kept, removed == 0)
        return _built(stamp, n_components, _joined(kept, added))
    return Snapshot(stamp, n_components, old.graph, old.base, added, removed)
