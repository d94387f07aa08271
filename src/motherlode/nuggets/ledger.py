"""Events that are not claims (decisions, retractions, trust, identity, schema), and what they add up to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from motherlode.core.time import parse_partial_date
from motherlode.errors import InputError
from motherlode.nuggets.derivation import Decision, Key
from motherlode.nuggets.record import Claim, Document, digest
from motherlode.nuggets.schema import Schema, load_schema, predicate_words
from motherlode.nuggets.tenures import KeyClaim
from motherlode.nuggets.values import normalize_name

__all__ = [
    "ACTIONS",
    "EVENT_TYPES",
    "Event",
    "Ledger",
    "Rank",
    "StoredClaim",
    "claim_id",
    "key_hash",
    "name_digest",
    "object_digest",
    "rank_of",
    "stored_claim",
    "without_names",
]

_STATUSES = ("live", "pending", "refused", "distrusted", "retracted")
EVENT_TYPES = ("decide", "erase", "merge", "retract", "review", "schema", "trust", "undo")
ACTIONS = ("prefer", "suppress")

Rank = tuple[Any, ...] | None
"""Where a version stands among those of its document; None: it has neither version nor date."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a person or a policy said, append-only.

    decided_at: microseconds; orders decisions and undos, together with the id. recorded_at: when this store took it.
    """

    event_id: str
    type: str
    decided_at: int
    actor: str
    reason: str
    payload: Mapping[str, Any]
    recorded_at: int = 0

    @property
    def order(self) -> tuple[int, str]:
        return self.decided_at, self.event_id

    @classmethod
    def of(cls, kind: str, payload: Mapping[str, Any], actor: str, reason: str, decided_at: int) -> Event:
        """An event whose id is the hash of what it says, with names hashed: it stays so when the names are erased."""
        if not actor.strip():
            raise InputError(f"the event {kind!r} needs an actor: who says so; it is kept with the reason")
        content = sorted((name, str(value)) for name, value in without_names(payload).items())
        return cls("e" + digest(kind, content, actor, reason, decided_at), kind, decided_at, actor, reason, payload)


_NAMES = ("publisher", "source")  # fields of retract and trust that name a document, or who made it


@lru_cache(maxsize=1 << 17)
def name_digest(name: str) -> str:
    """How events and certificates name an erased document or its publisher."""
    return digest(name)


def without_names(payload: Mapping[str, Any], erased: str | None = None) -> dict[str, Any]:
    """What an event says with documents and publishers by hash (`source_digest`); all, or one that is erased."""
    return dict(
        (f"{name}_digest", name_digest(value))
        if name in _NAMES and value is not None and erased in (None, value)
        else (name, value)
        for name, value in payload.items()
    )


_SEGMENT = re.compile(r"\d+|[^\d.\-_+\s]+")


def rank_of(document: Document | Claim) -> Rank:
    """The order of a document's version: by version (numbers as numbers), else by date of publication."""
    if document.version is not None:
        parts = _SEGMENT.findall(str(document.version).casefold())
        return (1, *((0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts))
    if document.published_at is not None:
        return (0, parse_partial_date(document.published_at).earliest)
    return None


@lru_cache(maxsize=1 << 17)
def key_hash(scope: str, subject_key: str, predicate: str) -> int:
    """63 bits of a key, as databases hold them."""
    return int(digest(scope, subject_key, predicate)[:16], 16) >> 1


def claim_id(claim: Claim, predicate: str, subject_key: str) -> str:
    """Hash of content, stated bounds and document: the same on any day, in any version."""
    interval = claim.interval
    start, end = interval.start, interval.end
    return "c" + digest(
        claim.scope,
        subject_key,
        predicate,
        claim.object_kind,
        claim.object_key,
        claim.negated,
        None if start is None else f"{start.earliest}:{start.latest}",
        None if end is None else f"{end.earliest}:{end.latest}",
        claim.source,
    )


@dataclass(slots=True)
class StoredClaim:
    """A claim as a store holds it: canonical predicate, names as normalised, and the version that makes it."""

    claim_id: str
    scope: str
    subject_key: str
    predicate: str
    object_kind: str
    object_key: str
    start: tuple[int, int, int] | None
    end: tuple[int, int, int] | None
    publisher: str
    negated: bool
    confidence: float | None
    source: str
    rank: Rank
    published: int | None


@dataclass
class Ledger:
    """What all events that are known at a time add up to. Built from the set of events, in whatever order they come.

    Documents and publishers stand in it by `name_digest`: a word on one holds whether or not it was erased since.
    """

    schema: Schema
    trust: dict[str, float] = field(default_factory=dict)
    decisions: dict[int, list[tuple[str, Decision]]] = field(default_factory=dict)
    reviews: dict[str, str] = field(default_factory=dict)
    retracted_claims: set[str] = field(default_factory=set)
    retracted_sources: dict[str, list[tuple[Rank, int]]] = field(default_factory=dict)
    _parents: dict[str, str] = field(default_factory=dict)
    _names: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, events: Iterable[Event], schema: Schema | None = None) -> Ledger:
        """Add up a set of events; of two words on one thing the later (decided_at, event id) counts."""
        events = sorted(events, key=lambda event: event.order)
        ledger = cls(schema or load_schema())
        undos: dict[str, list[Event]] = {}
        for event in events:
            if event.type == "undo":
                undos.setdefault(event.payload["event"], []).append(event)
        for event in events:
            if event.type != "undo" and _stands(event, undos):
                ledger._add(event)
        for name in sorted(ledger._parents):
            ledger._names.setdefault(ledger.name(name), []).append(name)
        return ledger

    def _add(self, event: Event) -> None:
        said = without_names(event.payload)
        match event.type:
            case "decide":
                decision = Decision(
                    said["action"], said["object"], said["begin"], said["end"], event.decided_at, event.event_id
                )
                self.decisions.setdefault(said["key"], []).append((said["object"], decision))
            case "review":
                self.reviews[said["claim"]] = said["verdict"]
            case "trust":
                self.trust[said["publisher_digest"]] = said["weight"]
            case "schema":
                self.schema = load_schema(said["schema"], extend=False)
            case "retract" if said.get("claim"):
                self.retracted_claims.add(said["claim"])
            case "retract":
                up_to = None if said.get("version") is None else rank_of(Document("-", version=said["version"]))
                self.retracted_sources.setdefault(said["source_digest"], []).append((up_to, event.decided_at))
            case "merge":
                first, second = self.name(said["first"]), self.name(said["second"])
                for name in (said["first"], said["second"]):
                    self._parents.setdefault(name, name)
                low, high = sorted((first, second))
                self._parents[low] = low
                self._parents[high] = low

    def name(self, key: str) -> str:
        """The one name of an entity: of all that were merged, the first in the alphabet."""
        while (parent := self._parents.get(key, key)) != key:
            key = parent
        return key

    def names(self, key: str) -> list[str]:
        """All names of the entity that has this one."""
        return self._names.get(self.name(key), [key])

    def key_of(self, claim: StoredClaim) -> Key:
        """The key under which a claim competes, names after merging."""
        return Key(claim.scope, self.name(claim.subject_key), claim.predicate)

    def object_of(self, kind: str, key: str) -> str:
        """The canonical key of a value: names after merging."""
        return f"{kind}:{self.name(key) if kind == 'name' else key}"

    def _retracted(self, source: str) -> Sequence[tuple[Rank, int]]:
        return self.retracted_sources.get(name_digest(source), ()) if self.retracted_sources else ()

    def _trust_in(self, publisher: str) -> float:
        return self.trust.get(name_digest(publisher), 1.0) if self.trust else 1.0

    def status(self, claim: StoredClaim, newest: Rank) -> str:
        """live, pending, refused, distrusted or retracted. newest: the highest rank of its document."""
        if claim.claim_id in self.retracted_claims or (claim.rank is not None and claim.rank != newest):
            return "retracted"
        for up_to, decided_at in self._retracted(claim.source):
            if up_to is None:
                if claim.published is None or claim.published <= decided_at:
                    return "retracted"
            elif claim.rank is not None and claim.rank <= up_to:
                return "retracted"
        verdict = self.reviews.get(claim.claim_id)
        if verdict is not None:
            return "live" if verdict == "accept" else "refused"
        if self._trust_in(claim.publisher) <= 0:
            return "distrusted"
        if claim.confidence is None or claim.confidence >= self.schema.accept:
            return "live"
        return "pending" if claim.confidence >= self.schema.review else "refused"

    def key_claims(self, claims: Iterable[StoredClaim], newest: Mapping[str, Rank]) -> list[KeyClaim]:
        """The claims of a key as the sweep takes them; where versions repeat a claim, the one that stands.

        newest: the highest rank of each document.
        """
        best: dict[str, tuple[Any, KeyClaim]] = {}
        for stored in claims:
            claim = self._key_claim(stored, newest.get(stored.source))
            worth = (_STATUSES.index(claim.status), claim.publisher, -claim.weight)
            if claim.claim_id not in best or worth < best[claim.claim_id][0]:
                best[claim.claim_id] = worth, claim
        return [claim for _, claim in best.values()]

    def _key_claim(self, claim: StoredClaim, newest: Rank) -> KeyClaim:
        return KeyClaim(
            claim.claim_id,
            self.object_of(claim.object_kind, claim.object_key),
            claim.start,
            claim.end,
            claim.publisher,
            self._trust_in(claim.publisher),
            claim.negated,
            self.status(claim, newest),
        )

    def decisions_on(self, key: Key, claims: Iterable[StoredClaim]) -> list[Decision]:
        """Decisions on a key under any of its names, with the objects that its claims have now."""
        said = [
            entry
            for name in self.names(key.subject)
            for entry in self.decisions.get(key_hash(key.scope, name, key.predicate), ())
        ]
        if not said:
            return []
        objects = {
            object_digest(claim.object_kind, name): self.object_of(claim.object_kind, claim.object_key)
            for claim in claims
            for name in (self.names(claim.object_key) if claim.object_kind == "name" else [claim.object_key])
        }
        return [
            Decision(d.action, objects[target], d.begin, d.end, d.decided_at, d.event_id)
            for target, d in said
            if target in objects
        ]


def stored_claim(claim: Claim, schema: Schema, document: Document | None = None) -> StoredClaim:
    """A claim as stores hold it; its version and publisher are the document's where it comes with one."""
    subject_key = normalize_name(claim.subject)
    source: Document | Claim = claim if document is None else document
    published = source.published_at
    interval = claim.interval
    start, end = interval.start, interval.end
    return StoredClaim(
        claim_id(claim, predicate_words(claim.predicate), subject_key),
        claim.scope,
        subject_key,
        schema.find(claim.predicate).name,
        claim.object_kind,
        claim.object_key,
        None if start is None else start.bound,
        None if end is None else end.bound,
        claim.publisher or source.publisher or claim.source,
        claim.negated,
        claim.confidence,
        claim.source,
        rank_of(source),
        None if published is None else parse_partial_date(published).earliest,
    )


def object_digest(kind: str, key: str) -> str:
    """How decisions name an object: by hash, so that erasing the claims leaves nothing readable behind."""
    return digest(kind, key)


def _stands(event: Event, undos: Mapping[str, list[Event]]) -> bool:
    """Whether no standing undo takes it back; an undo can be undone too."""
    return not any(_stands(undo, undos) for undo in undos.get(event.event_id, ()))
