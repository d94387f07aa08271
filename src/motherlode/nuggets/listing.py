"""Lists of work and of content: conflicts to resolve, claims that wait for review, everything as JSON values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from motherlode.core.sql import Session
from motherlode.core.time import EVER, Granularity, PartialDate, from_micros, parse_partial_date as parse_date
from motherlode.errors import InputError
from motherlode.nuggets.claim_rows import in_batches, places
from motherlode.nuggets.exports import export_claims, export_events, export_nuggets
from motherlode.nuggets.hits import Nugget
from motherlode.nuggets.ledger import Event
from motherlode.nuggets.reading import Filter, Moment, full_id, known_micros, select_nuggets
from motherlode.nuggets.reads import StoreReads
from motherlode.nuggets.record import Claim, When
from motherlode.nuggets.values import Value, stored_value

__all__ = ["PendingClaim", "StoreListing"]

_CLAIM = (
    "c.claim_id, c.subject, c.said_predicate, c.object, c.object_kind, c.start_earliest, c.start_latest, "
    "c.start_granularity, c.end_earliest, c.end_latest, c.end_granularity, d.source, d.version, d.published, "
    "c.publisher, c.scope, c.negated, c.text, c.span_begin, c.span_end, c.confidence, c.kind, c.recorded_at"
)


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
            rows = session.execute(
                f"SELECT {_CLAIM} FROM nugget_claims c JOIN nugget_documents d ON d.doc = c.doc "
                "WHERE c.confidence < ? AND c.confidence >= ? ORDER BY c.confidence DESC, c.seq",
                (ledger.schema.accept, ledger.schema.review),
            )
            waiting = _waiting(session)
        found: dict[str, PendingClaim] = {}
        for row in rows:
            if row[0] in waiting and row[0] not in ledger.reviews:
                said = _claim_values(row)
                found.setdefault(
                    row[0],
                    PendingClaim(
                        row[0], row[1], row[2], row[3], said["valid_from"], said["valid_to"], row[11], row[17], row[20]
                    ),
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
            rows = work.session.execute(
                f"SELECT {_CLAIM} FROM nugget_claims c JOIN nugget_documents d ON d.doc = c.doc WHERE c.claim_id = ? "
                "ORDER BY c.seq",
                (full_id(work.session, claim, "claim"),),
            )
            if not rows:
                raise InputError(f"no claim has the id {claim!r}; review_queue() lists those that wait")
            said = _claim_values(rows[0])
            at = work.at if decided_at is None else parse_date(decided_at).earliest
            event = work.record(Event.of("review", {"claim": rows[0][0], "verdict": "reject"}, actor, reason, at))
            corrected = Claim(
                said["subject"],
                said["predicate"],
                _corrected(said, object),
                valid_from=said["valid_from"] if valid_from is None else valid_from,
                valid_to=said["valid_to"] if valid_to is None else valid_to,
                source=f"review:{actor}",
                scope=said["scope"],
                negated=said["negated"],
                kind=said["kind"],
            )
            work.add([corrected])
            return event.event_id

    def export_claims(self) -> Iterator[dict[str, Any]]:
        """Every claim that stands, as JSON values that `assert_rows` reads back; see `exports.export_claims`."""
        return export_claims(self)

    def export_nuggets(self, *, known_at: Moment | None = None) -> Iterator[dict[str, Any]]:
        """Every nugget as it is, or was, known, as JSON values."""
        return export_nuggets(self, known_at)

    def export_events(self, *, known_at: Moment | None = None) -> Iterator[dict[str, Any]]:
        """Every event as JSON values; `Event(**values)` and `record_events` take them."""
        return export_events(self, known_at)


def _corrected(said: dict[str, Any], value: Value | None) -> Value:
    """The object of a corrected claim; text for a number or a date is read as one, with its unit or the old one."""
    if value is None:
        return stored_value(said["object"], said["object_kind"], said["unit"])
    if not isinstance(value, str) or said["object_kind"] == "name":
        return value
    if said["object_kind"] != "number":
        return stored_value(value.strip(), said["object_kind"])
    amount, unit = _amount_and_unit(value.strip())
    return stored_value(amount, "number", unit or said["unit"])


def _waiting(session: Session) -> set[str]:
    """Ids of the claims that are the evidence of pending nuggets."""
    rows = session.execute(f"SELECT claims FROM nugget_versions WHERE state = ? AND recorded_to = {EVER}", ("pending",))
    seqs = sorted({seq for (claims,) in rows for seq in json.loads(claims)})
    found: set[str] = set()
    for batch in in_batches(seqs):
        rows = session.execute(f"SELECT claim_id FROM nugget_claims WHERE seq IN ({places(batch)})", batch)
        found |= {row[0] for row in rows}
    return found


def _stated(earliest: int | None, latest: int | None, granularity: int | None) -> str | None:
    if earliest is None or latest is None or granularity is None:
        return None
    return str(PartialDate(earliest, latest, Granularity(granularity)))


def _amount_and_unit(shown: str) -> tuple[str, str]:
    """'4.2%' → '4.2' and '%', '12 km' → '12' and 'km', '7' → '7' and ''."""
    end = next((at for at, sign in enumerate(shown) if sign not in "-.0123456789"), len(shown))
    return shown[:end], shown[end:].strip()


def _claim_values(row: tuple[Any, ...]) -> dict[str, Any]:
    value: Any = row[3]
    unit = None
    if row[4] == "number":
        value, unit = _amount_and_unit(row[3])
    elif row[4] == "truth":
        value = row[3] == "yes"
    moment = from_micros(row[22])
    return {
        "subject": row[1],
        "predicate": row[2],
        "object": value,
        "object_kind": row[4],
        "unit": unit,
        "valid_from": _stated(*row[5:8]),
        "valid_to": _stated(*row[8:11]),
        "source": row[11],
        "version": row[12],
        "published_at": row[13],
        "publisher": row[14],
        "scope": row[15],
        "negated": bool(row[16]),
        "text": row[17],
        "span": None if row[18] is None else [row[18], row[19]],
        "confidence": row[20],
        "kind": row[21],
        "recorded_at": None if moment is None else moment.isoformat(),
    }
