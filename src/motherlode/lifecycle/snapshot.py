"""The graph in memory: arrays of what is recorded at one moment, kept up with what is written since.

A snapshot is keyed by the recorded time of the last transaction that it holds. A later write adds its edges to a small
overlay and marks closed ones, so that the next question sees it without anything being built anew.
"""

from __future__ import annotations

import logging
import secrets
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from motherlode.core.sql import Database, Session, next_id
from motherlode.core.time import EVER
from motherlode.errors import LodeError
from motherlode.lifecycle.csr import Graph, Overlay, build_graph
from motherlode.lifecycle.edge_table import COLUMNS, EdgeTable, empty_table
from motherlode.lifecycle.relations import RELATION_NAMES
from motherlode.lifecycle.snapshot_file import SUFFIX, read_snapshot, write_snapshot

_log = logging.getLogger("motherlode")

__all__ = ["Snapshot", "Snapshots"]

_SMALLEST_REBUILD = 50_000  # edges of an overlay
_REBUILD_SHARE = 0.05  # of the base
_SMALLEST_FILE = 200_000  # edges; fewer are read from the database as fast
_COLUMNS = ", ".join(COLUMNS)


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
        is_file = database.dialect == "sqlite" and database.where != ":memory:"
        self._path = Path(database.where + SUFFIX) if is_file else None
        self._is_unsaved = False

    def at(self, session: Session, known_at: int | None) -> Snapshot:
        """What was recorded at an instant (microseconds); None: what the session sees."""
        stamp = _stamp(session)
        if known_at is not None and known_at < stamp:
            return self._before(session, known_at)
        with self._lock:
            newest = self._newest
        if newest is None:
            newest = self._from_file(session)
        before = None if newest is None else newest.graph
        if newest is None or newest.stamp > stamp:
            newest = _load(session, stamp)
        elif newest.stamp < stamp:
            newest = _grown(session, newest, stamp)
        with self._lock:
            if self._newest is None or self._newest.stamp < newest.stamp:
                self._newest = newest
                self._is_unsaved |= newest.graph is not before
        return newest

    def save(self) -> bool:
        """Write the newest snapshot beside the database's file, where that is worth it; whether it was written.

        Called outside of sessions. A place that cannot be written to costs the next opener time, nothing else.
        """
        with self._lock:
            newest, is_due = self._newest, self._is_unsaved
            self._is_unsaved = False
        if newest is None or not is_due or self._path is None or len(newest.base) < _SMALLEST_FILE:
            return False
        if len(newest.added) or newest.removed is not None or self._database.read_only:
            return False
        token = secrets.randbits(62)
        try:
            write_snapshot(self._path, newest.stamp, token, newest.graph, newest.base)
            with self._database.write() as session:
                session.execute(
                    "INSERT INTO lifecycle_state (name, value) VALUES ('snapshot', ?) "
                    "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                    (token,),
                )
        except (OSError, LodeError) as error:
            _log.warning("the snapshot %s was not written, the next opening will read the edges: %s", self._path, error)
            return False
        return True

    def _from_file(self, session: Session) -> Snapshot | None:
        if self._path is None or not self._path.exists():
            return None
        row = session.one("SELECT value FROM lifecycle_state WHERE name = 'snapshot'")
        found = read_snapshot(self._path, None if row is None else int(row[0]))
        if found is None:
            return None
        stamp, graph, base = found
        return Snapshot(stamp, graph.n_nodes, graph, base, empty_table(), None)

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


def _rows(session: Session, where: str, params: tuple[int, ...]) -> EdgeTable:
    row = session.one(f"SELECT count(*) FROM lifecycle_edges WHERE {where}", params)
    n_edges = 0 if row is None else int(row[0])
    rows = session.cursor_rows(f"SELECT {_COLUMNS} FROM lifecycle_edges WHERE {where} ORDER BY id", params)
    return EdgeTable.read(rows, n_edges)


def _load(session: Session, stamp: int) -> Snapshot:
    """Build from the rows that were recorded at the stamp."""
    base = _rows(session, "recorded_from <= ? AND recorded_to > ?", (stamp, stamp))
    n_components = next_id(session, "lifecycle_components", first=0)
    if stamp < _stamp(session):  # components that nobody had spoken of then were not known
        row = session.one("SELECT max(component) FROM lifecycle_facts WHERE recorded_from <= ?", (stamp,))
        spoken = [-1 if row is None or row[0] is None else int(row[0])]
        spoken += [int(column.max()) for column in (base.source, base.target) if len(column)]
        n_components = min(n_components, 1 + max(spoken))
    return _built(stamp, n_components, base)


def _built(stamp: int, n_components: int, base: EdgeTable) -> Snapshot:
    graph = build_graph(*base.arcs(), n_components, valid_from=base.valid_from, valid_to=base.valid_to)
    return Snapshot(stamp, n_components, graph, base, empty_table(), None)


def _grown(session: Session, old: Snapshot, stamp: int) -> Snapshot:
    """The old snapshot with what was written since."""
    closed = session.execute(
        f"SELECT id FROM lifecycle_edges WHERE recorded_to > ? AND recorded_to <= ? AND recorded_to < {EVER}",
        (old.stamp, stamp),
    )
    last = max((int(table.ids[-1]) for table in (old.base, old.added) if len(table)), default=0)
    added = old.added.followed_by(_rows(session, "id > ? AND recorded_to > ?", (last, stamp)))
    gone = np.array(sorted(number for (number,) in closed), np.int64)
    removed = old.removed
    if len(gone):
        removed = np.zeros(len(old.base), np.uint8) if removed is None else removed.copy()
        if len(old.base):
            rows = np.searchsorted(old.base.ids, gone).clip(max=len(old.base) - 1)
            removed[rows[old.base.ids[rows] == gone]] = 1
        added = added.chosen(~np.isin(added.ids, gone))
    n_components = next_id(session, "lifecycle_components", first=0)
    n_changed = len(added) + (0 if removed is None else int(np.count_nonzero(removed)))
    if n_changed > max(_SMALLEST_REBUILD, _REBUILD_SHARE * len(old.base)):
        kept = old.base if removed is None else old.base.chosen(removed == 0)
        return _built(stamp, n_components, kept.followed_by(added))
    return Snapshot(stamp, n_components, old.graph, old.base, added, removed)
