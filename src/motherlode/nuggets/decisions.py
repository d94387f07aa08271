"""What people say to a store: decisions, reviews, retractions, names, trust, schema; and how each is taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from motherlode.core.sql import Session
from motherlode.core.time import EVER, parse_partial_date as parse_date
from motherlode.errors import InputError
from motherlode.nuggets.access import StoreAccess
from motherlode.nuggets.event_rows import load_events
from motherlode.nuggets.ledger import ACTIONS, Event, object_digest
from motherlode.nuggets.reading import Moment, full_id, known_micros, read_nuggets
from motherlode.nuggets.recording import Recording
from motherlode.nuggets.schema import Schema
from motherlode.nuggets.values import normalize_name

__all__ = ["StoreDecisions"]


class StoreDecisions(StoreAccess):
    """The part of a store that takes people's word."""

    def _record(
        self,
        kind: str,
        payload: Callable[[Recording], dict[str, Any]],
        actor: str,
        reason: str,
        decided_at: Moment | None,
    ) -> str:
        with self.recording() as work:
            at = work.at if decided_at is None else parse_date(decided_at).earliest
            return work.record(Event.of(kind, payload(work), actor, reason, at)).event_id

    def decide(
        self, nugget: str, action: str, *, actor: str, reason: str = "", decided_at: Moment | None = None
    ) -> str:
        """Record a person's word on a nugget: 'prefer' (the pin) or 'suppress'; the id of the event, for `undo`.

        It outranks every rule and survives later documents. What starts after ``decided_at`` (default: now) is news and
        not covered.

        Errors: InputError for an unknown nugget or action, an empty actor.
        """
        if action not in ACTIONS:
            raise InputError(f"a decision is one of {', '.join(ACTIONS)}, not {action!r}")

        def payload(work: Recording) -> dict[str, Any]:
            row = self._row_of(work.session, nugget)
            kind, _, name = row[2].partition(":")
            undated = row[4] is None and row[6] is None
            return {
                "action": action,
                "key": row[0],
                "object": object_digest(kind, name),
                "begin": EVER if undated else row[3],
                "end": EVER if undated else row[5],
            }

        return self._record("decide", payload, actor, reason, decided_at)

    def _row_of(self, session: Session, nugget: str) -> tuple[Any, ...]:
        """(key, id, object, start, its granularity, end, its granularity) of a nugget as it stands."""
        nugget = full_id(session, nugget)
        found = read_nuggets(session, [nugget]).get(nugget)
        row = None
        if found is not None:
            row = session.one(
                "SELECT key, nugget_id, object_key, start_earliest, start_granularity, end_latest, end_granularity "
                f"FROM nugget_versions WHERE nugget_id = ? AND recorded_to = {EVER}",
                (found.nugget_id,),
            )
        if row is None:
            raise InputError(f"no nugget has the id {nugget!r}; ids come from assert_claims, ask and history")
        return row

    def undo(self, event: str, *, actor: str = "unnamed", reason: str = "", decided_at: Moment | None = None) -> str:
        """Take back a decision, a review, a retraction, a merge, a word on trust, or an undo; the id of this event."""

        def payload(work: Recording) -> dict[str, Any]:
            name = full_id(work.session, event, "event")
            row = work.session.one("SELECT type FROM nugget_events WHERE event_id = ?", (name,))
            if row is None:
                raise InputError(f"no event has the id {event!r}; store.events() lists them")
            if row[0] == "erase":
                raise InputError("an erasure cannot be undone: what it removed is gone")
            return {"event": name}

        return self._record("undo", payload, actor, reason, decided_at)

    def review(
        self, claim: str, verdict: str, *, actor: str, reason: str = "", decided_at: Moment | None = None
    ) -> str:
        """Settle a claim that waits for review: 'accept' or 'reject'; the id of the event."""
        if verdict not in ("accept", "reject"):
            raise InputError(f"a review ends in accept or reject, not {verdict!r}")

        def payload(work: Recording) -> dict[str, Any]:
            return {"claim": self._claim_of(work.session, claim), "verdict": verdict}

        return self._record("review", payload, actor, reason, decided_at)

    def _claim_of(self, session: Session, claim: str) -> str:
        name = full_id(session, claim, "claim")
        if session.one("SELECT 1 FROM nugget_claims WHERE claim_id = ? LIMIT 1", (name,)) is None:
            raise InputError(f"no claim has the id {claim!r}; store.review_queue() lists those that wait")
        return name

    def retract(
        self,
        *,
        source: str | None = None,
        claim: str | None = None,
        version: str | int | None = None,
        actor: str = "unnamed",
        reason: str = "",
        decided_at: Moment | None = None,
    ) -> str:
        """Take back what a document, its versions up to one, or a single claim says; kept, but no longer counted.

        Without ``version``, all versions published up to ``decided_at`` are meant, and those without a date. `undo`
        brings it back.
        Errors: InputError for a document or a claim that the store does not know.
        """
        if (source is None) == (claim is None):
            raise InputError("retract takes either source= (a document's id) or claim= (a claim's id)")

        def payload(work: Recording) -> dict[str, Any]:
            if claim is not None:
                return {"claim": self._claim_of(work.session, claim)}
            if work.session.one("SELECT 1 FROM nugget_documents WHERE source = ? LIMIT 1", (source,)) is None:
                raise InputError(f"the store has no document {source!r}; nothing was retracted")
            return {"source": source, "version": version}

        return self._record("retract", payload, actor, reason, decided_at)

    def merge(self, first: str, second: str, *, actor: str, reason: str = "", decided_at: Moment | None = None) -> str:
        """Say that two names are one entity; the id of the event, whose undo parts them again."""
        names = [normalize_name(first), normalize_name(second)]
        if not all(names):
            raise InputError(f"merge takes two names that are not empty, not {first!r} and {second!r}")
        return self._record("merge", lambda _: {"first": names[0], "second": names[1]}, actor, reason, decided_at)

    def trust(
        self, publisher: str, weight: float, *, actor: str, reason: str = "", decided_at: Moment | None = None
    ) -> str:
        """Say how much a publisher counts among independent sources: 1 is the default, 0 ignores it."""
        if not 0 <= weight <= 100:
            raise InputError(f"trust is between 0 and 100 (1 is usual), not {weight!r}")
        return self._record("trust", lambda _: {"publisher": publisher, "weight": weight}, actor, reason, decided_at)

    def set_schema(
        self, schema: Schema, *, actor: str = "unnamed", reason: str = "", decided_at: Moment | None = None
    ) -> str:
        """Replace the predicates' policies; every nugget is derived anew, and earlier known times stay as they were."""
        return self._record("schema", lambda _: {"schema": schema.to_dict()}, actor, reason, decided_at)

    def record_events(self, events: Iterable[Event]) -> None:
        """Record events that were made elsewhere, e.g. by another store's `events`; known ones change nothing."""
        with self.recording() as work:
            for event in events:
                work.record(event)

    def events(self, *, known_at: Moment | None = None) -> list[Event]:
        """Everything that people and policies said, in the order of its recording."""
        with self.reading() as session:
            return load_events(session, known_micros(known_at))
