"""Reads over versions of nuggets: what held at a valid time, as it was known at a recorded time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from motherlode.core.sql import Session, in_batches, places
from motherlode.core.time import EVER, Granularity, Interval, PartialDate, from_micros, parse_partial_date as parse_date
from motherlode.errors import InputError
from motherlode.nuggets.hits import Contest, Evidence, Nugget

__all__ = [
    "STATES",
    "Filter",
    "Moment",
    "bound_of",
    "full_id",
    "known_micros",
    "nugget_of",
    "read_evidence",
    "read_nuggets",
    "read_versions",
    "select_nuggets",
]

STATES = ("active", "superseded", "contested", "deprecated", "pending", "retracted")
"""States of nuggets that have content; an erased one has none."""
ANSWERING = ("active", "superseded", "contested")
"""What answers a question, each in its time."""

Moment = str | date | datetime | PartialDate

# fmt: off
COLUMNS = (
    "version", "nugget_id", "subject", "predicate", "object", "object_key", "scope", "kind", "state",
    "preferred", "start_earliest", "start_latest", "start_granularity", "end_earliest", "end_latest",
    "end_granularity", "end_is_derived", "n_sources", "confidence", "superseded_by", "contests", "why",
    "recorded_from", "recorded_to", "claims", "aliases", "subject_key", "words", "key",
)
# fmt: on
SELECTED = ", ".join(f"v.{name}" for name in COLUMNS)


def known_micros(known_at: Moment | None) -> int | None:
    """The recorded time that is asked for; None is the newest state."""
    if known_at is None:
        return None
    stated = parse_date(known_at)
    if not stated.is_exact:
        raise InputError(f"known_at is one instant (a day or an ISO timestamp with its zone), not {known_at!r}")
    return stated.earliest


@dataclass(frozen=True, slots=True)
class Filter:
    """Which versions a read may see; part of the statement itself, never a list of ids.

    known_at: microseconds, None is now. window: [begin, end) in which a nugget may hold, None is any time.
    states, scopes, predicates (canonical), sources, kinds: None is any. undated: whether nuggets without dates match
    """

    known_at: int | None = None
    window: tuple[int, int] | None = None
    states: tuple[str, ...] | None = None
    scopes: tuple[str, ...] | None = None
    predicates: tuple[str, ...] | None = None
    sources: tuple[str, ...] | None = None
    kinds: tuple[str, ...] | None = None
    undated: bool = True

    def sql(self) -> tuple[str, list[Any]]:
        """The conditions and their parameters."""
        if self.known_at is None:
            said: list[str] = [f"v.recorded_to = {EVER}"]
            values: list[Any] = []
        else:
            said = ["v.recorded_from <= ?", "v.recorded_to > ?"]
            values = [self.known_at, self.known_at]
        if self.window is not None:
            said.append("v.start_earliest < ? AND v.end_latest > ?")
            values += [self.window[1], self.window[0] + 1]
        if not self.undated:
            said.append("(v.start_granularity IS NOT NULL OR v.end_granularity IS NOT NULL)")
        for column, allowed in (
            ("state", self.states),
            ("scope", self.scopes),
            ("predicate", self.predicates),
            ("kind", self.kinds),
        ):
            if allowed is not None:
                said.append(f"v.{column} IN ({places(allowed)})" if allowed else "1 = 0")
                values += allowed
        if self.sources is not None:
            said.append(f"({' OR '.join(['v.sources LIKE ? ESCAPE ?'] * len(self.sources)) or '1 = 0'})")
            for source in self.sources:
                values += [f"%\n{_escaped(source)}\n%", "\\"]
        return " AND ".join(said), values


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def bound_of(earliest: int, latest: int, granularity: int | None) -> PartialDate | None:
    """A bound from its three columns; None where nothing is stated."""
    return None if granularity is None else PartialDate(earliest, latest, Granularity(granularity))


def nugget_of(row: Sequence[Any]) -> Nugget:
    """A row of `COLUMNS` as a nugget."""
    return Nugget(
        nugget_id=row[1],
        subject=row[2],
        predicate=row[3],
        object=row[4],
        object_kind=row[5].partition(":")[0],
        scope=row[6],
        kind=row[7],
        state=row[8],
        preferred=bool(row[9]),
        interval=Interval(bound_of(*row[10:13]), bound_of(*row[13:16])),
        end_is_derived=bool(row[16]),
        n_sources=row[17],
        confidence=row[18],
        superseded_by=row[19],
        contests=() if row[20] == "[]" else tuple(Contest(*contest) for contest in json.loads(row[20])),
        why=row[21],
        recorded_from=from_micros(row[22]),
        recorded_to=from_micros(row[23]),
        claims=tuple(json.loads(row[24])),
        aliases=() if row[25] == "[]" else tuple(json.loads(row[25])),
    )


def select_nuggets(session: Session, where: str, values: Sequence[Any], allowed: Filter) -> list[Nugget]:
    """Nuggets by a condition over ``v`` and a filter, in the order of subject, predicate and start."""
    condition, more = allowed.sql()
    rows = session.execute(f"SELECT {SELECTED} FROM nugget_versions v WHERE {where} AND {condition}", [*values, *more])
    rows.sort(key=lambda row: (row[26], row[6], row[3], row[10], row[11], row[5], row[1]))
    return [nugget_of(row) for row in rows]


def read_nuggets(session: Session, ids: Iterable[str], known_at: int | None = None) -> dict[str, Nugget]:
    """Nuggets by id as of a recorded time; an id that one had earlier finds it too, under that id."""
    wanted = list(dict.fromkeys(ids))
    allowed = Filter(known_at=known_at)
    found = {}
    for batch in in_batches(wanted):
        for nugget in select_nuggets(session, f"v.nugget_id IN ({places(batch)})", batch, allowed):
            found[nugget.nugget_id] = nugget
    rest = [name for name in wanted if name not in found]
    moved = {
        alias: name
        for batch in in_batches(rest)
        for alias, name in session.execute(
            f"SELECT alias, nugget_id FROM nugget_aliases WHERE alias IN ({places(batch)})", batch
        )
        if alias != name
    }
    if moved:
        targets = read_nuggets(session, moved.values(), known_at)
        found |= {alias: targets[name] for alias, name in moved.items() if name in targets}
    return found


_ID_LENGTH = 33  # a letter and 128 bits as hex
_IDS = {
    "nugget": "SELECT DISTINCT nugget_id FROM nugget_versions WHERE nugget_id >= ? AND nugget_id < ? LIMIT 2",
    "claim": "SELECT DISTINCT claim_id FROM nugget_claims WHERE claim_id >= ? AND claim_id < ? LIMIT 2",
    "event": "SELECT event_id FROM nugget_events WHERE event_id >= ? AND event_id < ? LIMIT 2",
}


def full_id(session: Session, prefix: str, kind: str = "nugget") -> str:
    """The id that begins so, as people copy it from a table; the prefix itself where none or several do.

    kind: nugget, claim or event
    """
    if not 6 <= len(prefix) < _ID_LENGTH:
        return prefix
    rows = session.execute(_IDS[kind], (prefix, prefix + "g"))
    return str(rows[0][0]) if len(rows) == 1 else prefix


def read_versions(session: Session, versions: Sequence[int]) -> dict[int, Nugget]:
    """Nuggets by the numbers of their versions."""
    if not versions:
        return {}
    rows = session.execute(
        f"SELECT {SELECTED} FROM nugget_versions v WHERE v.version IN ({places(versions)})", list(versions)
    )
    return {row[0]: nugget_of(row) for row in rows}


def read_evidence(session: Session, claims: Iterable[int]) -> dict[int, Evidence]:
    """The claims behind nuggets, by their numbers."""
    found = {}
    for batch in in_batches(dict.fromkeys(claims)):
        rows = session.execute(
            "SELECT c.seq, c.claim_id, d.source, c.publisher, d.version, d.published, c.negated, c.text, "
            "c.span_begin, c.span_end, c.confidence, c.recorded_at, c.start_earliest, c.start_latest, "
            "c.start_granularity, c.end_earliest, c.end_latest, c.end_granularity "
            f"FROM nugget_claims c JOIN nugget_documents d ON d.doc = c.doc WHERE c.seq IN ({places(batch)})",
            batch,
        )
        for row in rows:
            start, end = bound_of(*row[12:15]), bound_of(*row[15:18])
            found[row[0]] = Evidence(
                claim_id=row[1],
                source=row[2],
                publisher=row[3],
                version=row[4],
                published_at=row[5],
                valid_from=None if start is None else str(start),
                valid_to=None if end is None else str(end),
                negated=bool(row[6]),
                text=row[7],
                span=None if row[8] is None else (row[8], row[9]),
                confidence=row[10],
                recorded_at=from_micros(row[11]),
            )
    return found
