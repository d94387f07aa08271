"""Events and counters as rows, and the ledger that a process keeps of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from motherlode.core.sql import Session
from motherlode.nuggets.ledger import Event, Ledger, without_names
from motherlode.nuggets.schema import Schema

__all__ = ["LedgerCache", "erase_name", "insert_event", "load_events", "read_state", "write_state"]

_COUNTERS = ("seq", "doc", "version", "recorded_at", "n_events")


def read_state(session: Session) -> dict[str, int]:
    """The store's counters; what was never counted is 0."""
    return {**dict.fromkeys(_COUNTERS, 0), **dict(session.execute("SELECT name, value FROM nugget_state"))}


def write_state(session: Session, state: dict[str, int]) -> None:
    """Keep the counters."""
    session.execute_many(
        "INSERT INTO nugget_state (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        sorted(state.items()),
    )


def load_events(session: Session, known_at: int | None = None) -> list[Event]:
    """The events recorded up to a time, in the order in which they were."""
    rows = session.execute(
        "SELECT event_id, type, decided_at, actor, reason, payload, recorded_at FROM nugget_events "
        "ORDER BY recorded_at, event_id"
    )
    return [
        Event(row[0], row[1], row[2], row[3], row[4], json.loads(row[5]), row[6])
        for row in rows
        if known_at is None or row[6] <= known_at
    ]


def insert_event(session: Session, event: Event) -> None:
    """Keep an event."""
    session.execute(
        "INSERT INTO nugget_events (event_id, type, decided_at, actor, reason, payload, recorded_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            event.event_id,
            event.type,
            event.decided_at,
            event.actor,
            event.reason,
            _payload_text(event.payload),
            event.recorded_at,
        ),
    )


def erase_name(session: Session, name: str) -> None:
    """Put a hash in the place of an erased document's id in what people said of it; their ids stay, and hold."""
    rows = session.execute("SELECT event_id, payload FROM nugget_events WHERE type IN ('retract', 'trust')")
    said = [(event_id, json.loads(payload)) for event_id, payload in rows]
    session.execute_many(
        "UPDATE nugget_events SET payload = ? WHERE event_id = ?",
        [(_payload_text(kept), event_id) for event_id, was in said if (kept := without_names(was, name)) != was],
    )


def _payload_text(payload: Mapping[str, Any]) -> str:
    return json.dumps(dict(payload), sort_keys=True)


@dataclass
class LedgerCache:
    """The newest ledger of a store in this process; events are few, and seldom new.

    Only what is committed comes in: states are told apart by their number of events, and a write that is rolled back
    frees the number it had.
    """

    schema: Schema | None = None
    held: tuple[int, Ledger] | None = None

    def current(self, session: Session, n_events: int) -> Ledger:
        """The ledger of all events; read anew when their number has changed."""
        held = self.held
        if held is None or held[0] != n_events:
            held = self.held = n_events, Ledger.of(load_events(session), self.schema)
        return held[1]
