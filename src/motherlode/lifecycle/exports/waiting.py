"""What waits: things that could not be read, and notices of changes that nobody has hydrated yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from motherlode.core.sql import Session
from motherlode.lifecycle.exports.answers import instant_text
from motherlode.lifecycle.graph import LifecycleGraph

__all__ = ["Notice", "Quarantined", "notices", "quarantined"]


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One thing that a provider could not read. seen_at: ISO 8601, the last time."""

    provider: str
    scope: str
    what: str
    reason: str
    body: str
    seen_at: str | None


@dataclass(frozen=True, slots=True)
class Notice:
    """One thin event that waits. attempts: tries that failed, error: the last; next_at: when it is due, ISO 8601."""

    provider: str
    scope: str
    subject: str
    event: str
    attempts: int
    next_at: str | None
    error: str | None


def quarantined(graph: LifecycleGraph, *, provider: str | None = None, limit: int | None = None) -> list[Quarantined]:
    """What is in quarantine, newest first. provider: only of such a source, e.g. ``openlineage``."""
    where, values = ("", []) if provider is None else (" WHERE p.name = ?", [provider])
    with graph.database.read() as session:
        rows = _limited(
            session,
            "SELECT p.name, p.scope, q.what, q.reason, q.body, q.seen_at FROM lifecycle_quarantine q "
            f"JOIN lifecycle_providers p ON p.id = q.provider{where} ORDER BY q.seen_at DESC, q.id",
            values,
            limit,
        )
    return [
        Quarantined(name, scope, what, reason, body, instant_text(seen_at))
        for name, scope, what, reason, body, seen_at in rows
    ]


def notices(graph: LifecycleGraph, *, limit: int | None = None) -> list[Notice]:
    """Notices that wait, the next due first."""
    with graph.database.read() as session:
        rows = _limited(
            session,
            "SELECT provider, scope, subject, event, attempts, next_at, error FROM lifecycle_notices "
            "ORDER BY next_at, id",
            [],
            limit,
        )
    return [
        Notice(name, scope, subject, event, attempts, instant_text(next_at), error)
        for name, scope, subject, event, attempts, next_at, error in rows
    ]


def _limited(session: Session, sql: str, values: list[Any], limit: int | None) -> list[tuple[Any, ...]]:
    return session.execute(sql if limit is None else f"{sql} LIMIT ?", values if limit is None else [*values, limit])
