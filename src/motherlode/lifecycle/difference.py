"""``diff``: what changed between two moments, on either axis of time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from motherlode.core.sql import Session, in_batches, next_id, places
from motherlode.core.time import EVER, parse_instant, to_micros
from motherlode.errors import InputError
from motherlode.lifecycle.glance import glance
from motherlode.lifecycle.reading import Moment
from motherlode.lifecycle.relations import RELATION_NAMES

if TYPE_CHECKING:
    from motherlode.lifecycle.view import GraphView

__all__ = ["AttributeChange", "Diff", "EdgeChange", "diff"]


@dataclass(frozen=True, slots=True)
class EdgeChange:
    """An edge that came or went, as one provider (and scope: which one of them) states it."""

    source: str
    relation: str
    target: str
    provider: str
    confidence: float
    evidence: str
    scope: str = ""


@dataclass(frozen=True, slots=True)
class AttributeChange:
    """A component of which a provider says something else."""

    uri: str
    provider: str
    aspect: str
    attributes: dict[str, tuple[Any, Any]]
    """(before, after) by name; None where it was not there."""
    scope: str = ""


@dataclass
class Diff:
    """What is different at the second moment. Each list is sorted by address.

    added, removed: components that somebody describes at one of the moments only
    """

    axis: str
    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    changed: list[AttributeChange] = field(default_factory=list)
    edges_added: list[EdgeChange] = field(default_factory=list)
    edges_removed: list[EdgeChange] = field(default_factory=list)

    def __bool__(self) -> bool:
        return any((self.added, self.removed, self.changed, self.edges_added, self.edges_removed))


def diff(view: GraphView, first: str | datetime, second: str | datetime, *, axis: str = "known") -> Diff:
    """What changed between two instants: what was recorded ("known") or what held in the world ("valid").

    On the known axis the other is the view's valid time, and the other way round. An edge that several aspects of a
    provider state is gone when none of them does. Raises InputError for another axis or a text that is no instant.
    Cost: on the known axis what was recorded in between; on the valid axis one pass over everything, of which only
    what differs is held.
    """
    if axis not in ("known", "valid"):
        raise InputError(f"axis={axis!r}: choose 'known' (when it was recorded) or 'valid' (when it held)")
    instants = [to_micros(at) if isinstance(at, datetime) else parse_instant(at) for at in (first, second)]
    with glance(view) as reading:
        session, now = reading.session, reading.moment
        moments = [Moment(now.valid_at, at) if axis == "known" else Moment(at, now.known_at) for at in instants]
        providers = {
            int(number): (str(name), str(scope))
            for number, name, scope in session.execute("SELECT id, name, scope FROM lifecycle_providers")
        }
        found = Diff(axis)
        _edges(session, moments, providers, found)
        _entities(session, moments, providers, found)
    return found


def _differing(session: Session, columns: str, table: str, moments: list[Moment]) -> Iterator[tuple[Any, ...]]:
    """Rows that hold at exactly one of the moments, with 1 in front for the second of them."""
    if moments[0] == moments[1]:
        return
    first, second = (f"(CASE WHEN {moment.where('x')} THEN 1 ELSE 0 END)" for moment in moments)
    sql = f"SELECT {second}, {columns} FROM {table} x WHERE {first} <> {second}"
    low, high = sorted(moment.known_at for moment in moments)
    if low == high:
        yield from session.cursor_rows(sql)
        return
    # Rows are numbered in the order in which they are recorded, and what was closed has an index: nothing else differs.
    opened = _first_after(session, table, low), _first_after(session, table, high)
    yield from session.cursor_rows(f"{sql} AND x.id >= ? AND x.id < ?", opened)
    yield from session.cursor_rows(
        f"{sql} AND x.recorded_to > {low} AND x.recorded_to <= {high} AND x.recorded_to < {EVER} AND x.id < ?",
        opened[:1],
    )


def _first_after(session: Session, table: str, known_at: int) -> int:
    """The smallest id of a row that was recorded after an instant: by halves, for ids and instants grow together."""
    low, high = 0, next_id(session, table)
    while low < high:
        middle = (low + high) // 2
        # The next row there is: numbers may be missing.
        row = session.one(f"SELECT id, recorded_from FROM {table} WHERE id >= ? ORDER BY id LIMIT 1", (middle,))
        if row is None or row[1] > known_at:
            high = middle
        else:
            low = int(row[0]) + 1
    return low


_EdgeKey = tuple[int, int, int, int, float, str]


def _edges(session: Session, moments: list[Moment], providers: dict[int, tuple[str, str]], found: Diff) -> None:
    columns = "x.source, x.relation, x.target, x.provider, x.confidence, x.evidence"
    sides: tuple[set[_EdgeKey], set[_EdgeKey]] = (set(), set())
    for at_second, *edge in _differing(session, columns, "lifecycle_edges", moments):
        sides[at_second].add((edge[0], edge[1], edge[2], edge[3], edge[4], edge[5]))
    gone, new = sides[0] - sides[1], sides[1] - sides[0]
    # What another aspect of the same provider states at the other moment, too, has neither come nor gone.
    gone -= _stated(session, columns, gone, moments[1])
    new -= _stated(session, columns, new, moments[0])
    uris = _uris(session, {number for row in gone | new for number in (row[0], row[2])})
    for rows, edges in ((gone, found.edges_removed), (new, found.edges_added)):
        edges += sorted(
            (
                EdgeChange(uris[s], RELATION_NAMES[r], uris[t], providers[p][0], confidence, evidence, providers[p][1])
                for s, r, t, p, confidence, evidence in rows
            ),
            key=lambda edge: (
                edge.source, edge.relation, edge.target, edge.provider, edge.scope, edge.evidence, edge.confidence
            ),
        )  # fmt: skip


def _stated(session: Session, columns: str, edges: Iterable[_EdgeKey], moment: Moment) -> set[_EdgeKey]:
    """Those of the edges that hold at the moment."""
    wanted = set(edges)
    found: set[_EdgeKey] = set()
    for batch in in_batches(sorted({edge[0] for edge in wanted})):
        for row in session.cursor_rows(
            f"SELECT {columns} FROM lifecycle_edges x WHERE x.source IN ({places(batch)}) AND {moment.where('x')}",
            batch,
        ):
            edge = (row[0], row[1], row[2], row[3], row[4], row[5])
            if edge in wanted:
                found.add(edge)
    return found


def _entities(session: Session, moments: list[Moment], providers: dict[int, tuple[str, str]], found: Diff) -> None:
    sides: tuple[dict[tuple[int, int, str], int], dict[tuple[int, int, str], int]] = ({}, {})
    columns = "x.component, x.provider, x.aspect, x.content"
    for at_second, number, provider, aspect, content in _differing(session, columns, "lifecycle_facts", moments):
        sides[at_second][number, provider, aspect] = content
    gone, new = sides
    touched = {key[0] for key in (*gone, *new)}
    uris = _uris(session, touched)
    held = [_described(session, touched, moment) for moment in moments]
    found.removed += sorted(uris[number] for number in held[0] - held[1])
    found.added += sorted(uris[number] for number in held[1] - held[0])
    stay = held[0] & held[1]
    keys = [key for key in gone.keys() | new.keys() if key[0] in stay and gone.get(key) != new.get(key)]
    keys.sort(key=lambda key: (uris[key[0]], providers[key[1]], key[2]))
    for batch in in_batches(keys):
        texts = _attributes(session, {side[key] for side in sides for key in batch if key in side})
        for key in batch:
            old, current = texts.get(gone.get(key, 0), {}), texts.get(new.get(key, 0), {})
            changes = {
                name: (old.get(name), current.get(name))
                for name in sorted(old.keys() | current.keys())
                if old.get(name) != current.get(name)
            }
            if changes:
                name, scope = providers[key[1]]
                found.changed.append(AttributeChange(uris[key[0]], name, key[2], changes, scope))


def _described(session: Session, numbers: set[int], moment: Moment) -> set[int]:
    found: set[int] = set()
    for batch in in_batches(sorted(numbers)):
        rows = session.execute(
            f"SELECT DISTINCT f.component FROM lifecycle_facts f WHERE f.component IN ({places(batch)}) "
            f"AND {moment.where('f')}",
            batch,
        )
        found.update(number for (number,) in rows)
    return found


def _uris(session: Session, numbers: set[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for batch in in_batches(sorted(numbers)):
        rows = session.execute(f"SELECT id, uri FROM lifecycle_components WHERE id IN ({places(batch)})", batch)
        found.update({int(number): str(uri) for number, uri in rows})
    return found


def _attributes(session: Session, contents: set[int]) -> dict[int, dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {}
    for batch in in_batches(sorted(contents)):
        rows = session.execute(f"SELECT id, attributes FROM lifecycle_contents WHERE id IN ({places(batch)})", batch)
        found.update({int(number): json.loads(text) for number, text in rows})
    return found
