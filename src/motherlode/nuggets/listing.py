"""Lists of work and of content: conflicts to resolve, claims that wait for review, everything as JSON values."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

from motherlode.core.sql import in_batches, places
from motherlode.core.time import EVER, parse_partial_date as parse_date
from motherlode.errors import InputError
from motherlode.nuggets import exports
from motherlode.nuggets.bulk import claim_of
from motherlode.nuggets.exports import RECORDS, claim_record
from motherlode.nuggets.hits import Nugget
from motherlode.nuggets.ledger import Event
from motherlode.nuggets.reading import Filter, Moment, full_id, known_micros, select_nuggets
from motherlode.nuggets.reads import StoreReads
from motherlode.nuggets.record import Claim, When
from motherlode.nuggets.values import Value, split_quantity

__all__ = ["PendingClaim", "StoreListing"]


@dataclass(frozen=True, slots=True)
class PendingClaim:
    """A claim that waits for somebody's verdict; the id is what `review` and `edit_claim` take."""

    claim_id: str
    subject: str
    predicate: str
    object: str
    valid_from: str | None
    valid_to: str | None
    source: str
    text: str | None
    confidence: float | None

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


class StoreListing(StoreReads):
    """The part of a store that lists."""

    def conflicts(self, *, known_at: Moment | None = None) -> list[list[Nugget]]:
        """Contested nuggets, those of one key together, in the order of their subjects."""
        with self.reading() as session:
            found = select_nuggets(session, "v.state = ?", ["contested"], Filter(known_at=known_micros(known_at)))
        keys: dict[tuple[str, str, str], list[Nugget]] = {}
        for nugget in found:
            keys.setdefault((nugget.scope, nugget.subject, nugget.predicate), []).append(nugget)
        return list(keys.values())

    def review_queue(self, *, limit: int = 1000) -> list[PendingClaim]:
        """Claims that wait for review, the surest first."""
        with self.reading() as session:
            ledger = self.ledger(session)
            pending = session.execute(
                f"SELECT claims FROM nugget_versions WHERE state = ? AND recorded_to = {EVER}", ("pending",)
            )
            rows = []
            for batch in in_batches(sorted({seq for (claims,) in pending for seq in json.loads(claims)})):
                rows += session.execute(f"{RECORDS} WHERE c.seq IN ({places(batch)})", batch)
        found: dict[str, PendingClaim] = {}
        for row in sorted((row for row in rows if row[19] is not None), key=lambda row: (-row[19], row[0])):
            if row[24] not in ledger.reviews and ledger.schema.review <= row[19] < ledger.schema.accept:
                said = claim_record(row)
                dates = said.get("valid_from"), said.get("valid_to")
                found.setdefault(
                    row[24], PendingClaim(row[24], row[1], row[2], row[3], *dates, row[12], row[16], row[19])
                )
        return list(found.values())[:limit]

    def edit_claim(
        self,
        claim: str,
        *,
        actor: str,
        reason: str = "",
        object: Value | None = None,  # noqa: A002 - the field's name in Claim
        valid_from: When | None = None,
        valid_to: When | None = None,
        decided_at: Moment | None = None,
    ) -> str:
        """Put a corrected claim in place of one; what is not given stays. The id of the event that rejects the old one.

        The new claim's source is ``review:`` and the actor; undoing the event and retracting that source takes it back.
        It has no text: the sentence is the document's, and goes when that is erased.
        Errors: InputError for an unknown claim, or where nothing is corrected.
        """
        if object is None and valid_from is None and valid_to is None:
            raise InputError("edit_claim corrects object, valid_from or valid_to; give one of them, or review(…)")
        with self.recording() as work:
            name = full_id(work.session, claim, "claim")
            row = work.session.one(RECORDS + "WHERE c.claim_id = ? ORDER BY c.seq LIMIT 1", (name,))
            if row is None:
                raise InputError(f"no claim has the id {claim!r}; review_queue() lists those that wait")
            at = work.at if decided_at is None else parse_date(decided_at).earliest
            event = work.record(Event.of("review", {"claim": name, "verdict": "reject"}, actor, reason, at))
            work.add([_corrected(row, object, valid_from, valid_to, f"review:{actor}")])
            return event.event_id

    export_claims = exports.export_claims
    export_nuggets = exports.export_nuggets
    export_events = exports.export_events


def _pending(row: tuple[Any, ...]) -> PendingClaim:
    said = claim_record(row)
    dates = said.get("valid_from"), said.get("valid_to")
    return PendingClaim(row[24], row[1], row[2], row[3], *dates, row[12], row[16], row[19])


_KEPT = ("subject", "predicate", "object", "object_kind", "unit", "valid_from", "valid_to", "scope", "negated", "kind")


def _corrected(
    row: tuple[Any, ...], value: Value | None, valid_from: When | None, valid_to: When | None, source: str
) -> Claim:
    """A claim with another object or other dates; text for a number or a date is read as one, with the old unit."""
    said = claim_record(row)
    kept = (
        "subject",
        "predicate",
        "object",
        "object_kind",
        "unit",
        "valid_from",
        "valid_to",
        "scope",
        "negated",
        "kind",
    )
    record = {name: said[name] for name in kept if name in said} | {"source": source}
    if isinstance(value, str):
        amount, unit = split_quantity(value.strip()) if row[4] == "number" else (value, "")
        record |= {"object": amount, "object_kind": row[4]} | ({"unit": unit} if unit else {})
    record |= {name: date for name, date in (("valid_from", valid_from), ("valid_to", valid_to)) if date is not None}
    claim = claim_of(record, "the corrected claim")
    return claim if value is None or isinstance(value, str) else replace(claim, object=value, unit=None)
