"""The obvious store: a list of what was recorded, all derived anew at each question. Tests hold the real one to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from motherlode.core.time import EVER
from motherlode.errors import InputError
from motherlode.nuggets.derivation import DerivedNugget, Key, derive
from motherlode.nuggets.ledger import (
    ACTIONS,
    Event,
    Ledger,
    Rank,
    StoredClaim,
    key_hash,
    object_digest,
    rank_of,
    stored_claim,
)
from motherlode.nuggets.record import Claim, Document
from motherlode.nuggets.schema import Schema, load_schema

__all__ = ["MemoryStore"]


@dataclass(frozen=True, slots=True)
class _Recorded:
    claim: Claim
    document: Document | None
    recorded_at: int


@dataclass
class MemoryStore:
    """A nugget store in memory, with times given by the caller. It forgets nothing but what is erased.

    Instants are microseconds since 1970. Each call records at ``at``, which must not go back.
    """

    schema: Schema = field(default_factory=load_schema)
    claims: list[_Recorded] = field(default_factory=list)
    documents: list[tuple[Document, int]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def assert_claims(self, claims: Sequence[Claim], at: int, document: Document | None = None) -> None:
        """Record claims; with a document, as all that this version of it says."""
        if document is not None:
            self.documents.append((document, at))
        self.claims += [_Recorded(claim, document, at) for claim in claims]

    def decide(self, nugget: str, action: str, actor: str, reason: str, at: int) -> Event:
        """Record a decision about a nugget as it stands now."""
        if action not in ACTIONS:
            raise InputError(f"a decision is one of {', '.join(ACTIONS)}, not {action!r}")
        for key, nuggets in self.nuggets().items():
            for found in nuggets:
                if nugget == found.nugget_id or nugget in found.aliases:
                    kind, _, name = found.object_key.partition(":")
                    undated = found.start is None and found.end is None
                    payload = {
                        "action": action,
                        "key": key_hash(*key),
                        "object": object_digest(kind, name),
                        "begin": EVER if undated else found.begin,
                        "end": EVER if found.end is None else found.end[1],
                    }
                    return self.record(Event.of("decide", payload, actor, reason, at), at)
        raise InputError(f"no nugget has the id {nugget!r}")

    def record(self, event: Event, at: int) -> Event:
        """Record an event that was made elsewhere, or here."""
        kept = Event(
            event.event_id, event.type, event.decided_at, event.actor, event.reason, event.payload, recorded_at=at
        )
        if all(event.event_id != known.event_id for known in self.events):
            self.events.append(kept)
        return kept

    def erase(self, source: str) -> None:
        """Forget all claims of a document, at every known time."""
        self.claims = [row for row in self.claims if row.claim.source != source]
        self.documents = [row for row in self.documents if row[0].id != source]

    def nuggets(self, known_at: int = EVER) -> dict[Key, list[DerivedNugget]]:
        """All nuggets as they were known at a time, by key."""
        ledger = Ledger.of((event for event in self.events if event.recorded_at <= known_at), self.schema)
        known = [row for row in self.claims if row.recorded_at <= known_at]
        stored = [stored_claim(row.claim, ledger.schema, row.document) for row in known]
        newest: dict[str, Rank] = {}
        for document, recorded_at in self.documents:
            if recorded_at <= known_at:
                rank = rank_of(document)
                newest[document.id] = max(newest.get(document.id) or (), rank or ())
        for claim in stored:
            newest[claim.source] = max(newest.get(claim.source) or (), claim.rank or ())
        groups: dict[Key, list[StoredClaim]] = {}
        for claim in stored:
            groups.setdefault(ledger.key_of(claim), []).append(claim)
        return {
            key: derive(
                key,
                ledger.schema.find(key.predicate),
                ledger.key_claims(group, newest),
                ledger.decisions_on(key, group),
            )
            for key, group in groups.items()
        }
