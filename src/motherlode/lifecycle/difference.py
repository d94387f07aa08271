"""``diff``: what changed between two moments, on either axis of time."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from motherlode.core.sql import Session, in_batches, places
from motherlode.core.time import parse_instant, to_micros
from motherlode.errors import InputError
from motherlode.lifecycle.reading import Moment
from motherlode.lifecycle.relations import RELATION_NAMES
from motherlode.lifecycle.walking import walking

if TYPE_CHECKING:
    from motherlode.lifecycle.view import GraphView

__all__ = ["AttributeChange", "Diff", "EdgeChange", "diff"]


@dataclass(frozen=True, slots=True)
class EdgeChange:
    """An edge that came or went."""

    source: str
    relation: str
    target: str
    provider: str
    confidence: float
    evidence: str


@dataclass(frozen=True, slots=True)
class AttributeChange:
    """A component of which a provider says something else."""

    uri: str
    provider: str
    aspect: str
    attributes: dict[str, tuple[Any, Any]]
    """(before, after) by name; None where it was not there."""


@dataclass
class Diff:
    """What is different at the second moment. Each list is sorted by address."""

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

    On the known axis the other is the view's valid time, and the other way round. Raises InputError for another axis or
    a text that is no instant.
    """
    if axis not in ("known", "valid"):
        raise InputError(f"axis={axis!r}: choose 'known' (when it was recorded) or 'valid' (when it held)")
    with walking(view) as walk:
        instants = [to_micros(at) if isinstance(at, datetime) else parse_instant(at) for at in (first, second)]
        moments = [
            Moment(walk.moment.valid_at, at) if axis == "known" else Moment(at, walk.moment.known_at) for at in instants
        ]
        found = Diff(axis)
        _edges(walk.reading.session, moments, found)
        _entities(walk.reading.session, moments, found)
    return found


def _only(session: Session, columns: str, table: str, alias: str, here: Moment, there: Moment) -> list[tuple[Any, ...]]:
    """Rows that hold at one moment and not at the other."""
    return session.execute(
        f"SELECT {columns} FROM {table} {alias} WHERE {here.where(alias)} AND NOT ({there.where(alias)})"
    )


def _edges(session: Session, moments: list[Moment], found: Diff) -> None:
    columns = "e.source, e.relation, e.target, e.provider, e.confidence, e.evidence"
    before = set(_only(session, columns, "lifecycle_edges", "e", moments[0], moments[1]))
    after = set(_only(session, columns, "lifecycle_edges", "e", moments[1], moments[0]))
    gone, new = before - after, after - before
    uris = _uris(session, {number for row in gone | new for number in (row[0], row[2])})
    providers = {int(number): str(name) for number, name in session.execute("SELECT id, name FROM lifecycle_providers")}
    for rows, edges in ((gone, found.edges_removed), (new, found.edges_added)):
        edges += sorted(
            (
                EdgeChange(uris[s], RELATION_NAMES[r], uris[t], providers[p], confidence, evidence)
                for s, r, t, p, confidence, evidence in rows
            ),
            key=lambda edge: (edge.source, edge.relation, edge.target, edge.provider, edge.evidence),
        )


def _entities(session: Session, moments: list[Moment], found: Diff) -> None:
    columns = "f.component, f.provider, f.aspect, f.content"
    before = set(_only(session, columns, "lifecycle_facts", "f", moments[0], moments[1]))
    after = set(_only(session, columns, "lifecycle_facts", "f", moments[1], moments[0]))
    gone = {row[:3]: row[3] for row in before - after}
    new = {row[:3]: row[3] for row in after - before}
    touched = {key[0] for key in (*gone, *new)}
    uris = _uris(session, touched)
    held = [_described(session, touched, moment) for moment in moments]
    found.removed += sorted(uris[number] for number in held[0] - held[1])
    found.added += sorted(uris[number] for number in held[1] - held[0])
    texts = _attributes(session, {*gone.values(), *new.values()})
    providers = {int(number): str(name) for number, name in session.execute("SELECT id, name FROM lifecycle_providers")}
    for key in sorted(gone.keys() | new.keys(), key=lambda k: (uris[k[0]], providers[k[1]], k[2])):
        number, provider, aspect = key
        if number not in held[0] or number not in held[1]:
            continue
        old, current = texts.get(gone.get(key, 0), {}), texts.get(new.get(key, 0), {})
        changes = {
            name: (old.get(name), current.get(name))
            for name in sorted(old.keys() | current.keys())
            if old.get(name) != current.get(name)
        }
        if changes:
            found.changed.append(AttributeChange(uris[number], providers[provider], aspect, changes))


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
