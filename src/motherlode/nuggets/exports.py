"""What a store holds, as JSON values: claims that another store reads, nuggets and events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from motherlode.core.time import PartialDate, from_micros, iso_text
from motherlode.nuggets.claim_rows import DocumentRow
from motherlode.nuggets.event_rows import load_events
from motherlode.nuggets.ledger import Rank
from motherlode.nuggets.reading import Filter, Moment, bound_of, known_micros, select_nuggets
from motherlode.nuggets.reads import StoreReads
from motherlode.nuggets.values import split_quantity

__all__ = ["RECORDS", "claim_record", "export_claims", "export_events", "export_nuggets"]

RECORDS = (
    "SELECT c.seq, c.subject, c.said_predicate, c.object, c.object_kind, c.object_key, c.start_earliest, "
    "c.start_latest, c.start_granularity, c.end_earliest, c.end_latest, c.end_granularity, d.source, c.publisher, "
    "c.scope, c.negated, c.text, c.span_begin, c.span_end, c.confidence, c.kind, d.version, d.published, c.doc, "
    "c.claim_id FROM nugget_claims c JOIN nugget_documents d ON d.doc = c.doc "
)
"""SELECT … FROM of claims as `claim_record` takes them; WHERE may follow."""


def export_claims(store: StoreReads) -> Iterator[dict[str, Any]]:
    """All claims, in the order of their recording, each with its document's id, version and date.

    `claims_from_jsonl` reads them, and a store that is given them derives the same nuggets (under the same events, see
    `export_events`). Left out are the claims that a newer version of their document retracts by saying nothing at all:
    a file of claims cannot tell of a version without one.
    """
    silenced = _silenced(store)
    last = 0
    while True:
        with store.reading() as session:  # no snapshot for longer than a batch: a reader may take its time
            rows = session.execute(RECORDS + "WHERE c.seq > ? ORDER BY c.seq LIMIT 5000", (last,))
        if not rows:
            return
        for row in rows:
            last = row[0]
            if row[23] not in silenced:
                yield claim_record(row)


def _silenced(store: StoreReads) -> set[int]:
    """Versions of documents whose newest version makes no claim."""
    with store.reading() as session:
        rows = session.execute("SELECT doc, source, version, published, recorded_at, text_digest FROM nugget_documents")
        claiming = {row[0] for row in session.execute("SELECT DISTINCT doc FROM nugget_claims")}
    versions: dict[str, list[tuple[Rank, int]]] = {}
    for row in rows:
        document = DocumentRow(*row)
        if document.rank is not None:
            versions.setdefault(document.source, []).append((document.rank, document.doc))
    found: set[int] = set()
    for listed in versions.values():
        newest = max(rank or () for rank, _ in listed)
        if not any(rank == newest and doc in claiming for rank, doc in listed):
            found |= {doc for rank, doc in listed if rank != newest}
    return found


def claim_record(row: tuple[Any, ...]) -> dict[str, Any]:
    """A row of `RECORDS` as `bulk.claim_of` reads it; what has its default is left out."""
    told = {
        "subject": row[1],
        "predicate": row[2],
        **_object(row[3], row[4]),
        "valid_from": _shown(bound_of(*row[6:9])),
        "valid_to": _shown(bound_of(*row[9:12])),
        "source": row[12],
        "publisher": None if row[13] == row[12] else row[13],
        "scope": None if row[14] == "global" else row[14],
        "negated": True if row[15] else None,
        "text": row[16],
        "span": None if row[17] is None else [row[17], row[18]],
        "confidence": row[19],
        "kind": None if row[20] == "semantic_fact" else row[20],
        "version": row[21],
        "published_at": row[22],
    }
    return {name: value for name, value in told.items() if value is not None}


def _shown(stated: PartialDate | None) -> str | None:
    return None if stated is None else str(stated)


def _object(shown: str, kind: str) -> dict[str, Any]:
    match kind:
        case "number":
            amount, unit = split_quantity(shown)
            exact = Decimal(amount)
            whole = int(exact) if exact == exact.to_integral_value() else float(exact)
            # As a number where JSON keeps it as it is written; else as text, which loses nothing.
            said: int | float | str = whole if str(Decimal(str(whole))) == amount else amount
            return {"object": said, "object_kind": "number", **({"unit": unit} if unit else {})}
        case "truth":
            return {"object": shown == "yes"}
        case "date":
            return {"object": shown, "object_kind": "date"}
    return {"object": shown}


def export_nuggets(store: StoreReads, known_at: Moment | None = None) -> Iterator[dict[str, Any]]:
    """All nuggets in every state, as `Nugget.to_dict` tells them, as they were known at a time; by subject."""
    with store.reading() as session:
        found = select_nuggets(session, "1 = 1", [], Filter(known_at=known_micros(known_at)))
    for nugget in found:
        yield nugget.to_dict()


def export_events(store: StoreReads, known_at: Moment | None = None) -> Iterator[dict[str, Any]]:
    """Everything that people and policies said, in the order of its recording."""
    with store.reading() as session:
        events = load_events(session, known_micros(known_at))
    for event in events:
        yield {
            "event_id": event.event_id,
            "type": event.type,
            "actor": event.actor,
            "reason": event.reason,
            "decided_at": iso_text(from_micros(event.decided_at)),
            "recorded_at": iso_text(from_micros(event.recorded_at)),
            "payload": json.loads(json.dumps(dict(event.payload))),
        }
