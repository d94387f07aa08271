"""Small worlds whose parts may arrive in any order: claims, versions of documents, decisions made beforehand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from motherlode.nuggets.ledger import Event
from motherlode.nuggets.memory import MemoryStore
from motherlode.nuggets.record import Claim, Document
from motherlode.nuggets.store import NuggetStore
from tests.nugget_worlds import SECOND, START, derived_rows, of_document, random_claim, random_document

__all__ = ["Part", "in_memory", "in_store", "random_parts"]

_SUBJECTS = ("Apple", "Apple Inc.", "Apple", "Initech")
_OBJECTS = ("Jobs", "Cook", "Jobs", "Cook", "Sculley")
_PREDICATES = ("ceo", "ceo", "ceo", "ceo", "boardMember")


@dataclass(frozen=True)
class Part:
    """What arrives in one transaction: claims of one document version (None: of several), or an event."""

    claims: tuple[Claim, ...] = ()
    document: Document | None = None
    event: Event | None = None


def random_parts(random: Random, n_claims: int) -> list[Part]:
    """A world: so many claims, with decisions, undos, retractions, reviews, merges and words on trust among them."""
    parts: list[Part] = []
    for _ in range(n_claims):
        # Nearly all on one key, dated and sure, or they would seldom meet.
        claim = random_claim(random, subjects=_SUBJECTS)
        claim = replace(
            claim,
            predicate=random.choice(_PREDICATES),
            object=random.choice(_OBJECTS),
            confidence=claim.confidence if random.random() < 0.2 else None,
        )
        if random.random() < 0.3:
            document = random_document(random)
            parts.append(Part(tuple(of_document([claim], document)), document))
        else:
            parts.append(Part((claim,)))
    whole = MemoryStore()
    for at, part in enumerate(parts, START):
        whole.assert_claims(part.claims, at, part.document)
    events: list[Event] = []
    for i in range(random.randrange(6)):
        decided_at = START + (random.randrange(6) * 10 + i) * SECOND + random.randrange(-1, 2) * 400_000_000 * SECOND
        event = _random_event(random, whole, events, decided_at)
        if event is not None:
            events.append(event)
            # Later decisions are made about what stands now; how they then arrive is another matter.
            whole.record(event, START + 1000 + i)
    return parts + [Part(event=event) for event in events]


def _random_event(random: Random, whole: MemoryStore, events: Sequence[Event], decided_at: int) -> Event | None:
    nuggets = sorted((n for found in whole.nuggets().values() for n in found), key=lambda n: n.nugget_id)
    kinds = ("decide", "decide", "decide", "decide", "undo", "retract", "review", "review", "merge", "trust", "trust")
    nuggets = nuggets[:2]  # the same ones again and again, so that one word is set against another
    match random.choice(kinds):
        case "decide" if nuggets:
            scratch = MemoryStore(whole.schema, list(whole.claims), list(whole.documents), list(whole.events))
            action = random.choice(("prefer", "suppress"))
            return scratch.decide(random.choice(nuggets).nugget_id, action, "ada", "", decided_at)
        case "undo" if events:
            return Event.of("undo", {"event": random.choice(events).event_id}, "ada", "", decided_at)
        case "retract":
            said: dict[str, Any] = {"source": f"doc-{random.randrange(5)}", "version": random.choice((None, None, 1))}
            claims = [claim for nugget in nuggets for claim in nugget.claims]
            if claims and random.random() < 0.5:
                said = {"claim": random.choice(claims)}
            return Event.of("retract", said, "ada", "", decided_at)
        case "review" if nuggets:
            claim = random.choice([claim for nugget in nuggets for claim in nugget.claims])
            verdict = random.choice(("accept", "reject"))
            return Event.of("review", {"claim": claim, "verdict": verdict}, "ada", "", decided_at)
        case "merge":
            first, second = random.choice((("apple", "initech"), ("jobs", "cook"), ("cook", "sculley")))
            return Event.of("merge", {"first": first, "second": second}, "ada", "", decided_at)
        case "trust":
            said = {"publisher": random.choice(("wire", "doc-1")), "weight": random.choice((0, 1, 3))}
            return Event.of("trust", said, "ada", "", decided_at)
    return None


def in_memory(parts: Sequence[Part]) -> set[tuple[Any, ...]]:
    """What the obvious store says when parts arrive in this order."""
    store = MemoryStore()
    for at, part in enumerate(parts, START):
        if part.event is not None:
            store.record(part.event, at)
        else:
            store.assert_claims(part.claims, at, part.document)
    return derived_rows(store.nuggets())


def in_store(
    parts: Sequence[Part], store: NuggetStore, rows: Callable[[NuggetStore], set[tuple[Any, ...]]]
) -> set[tuple[Any, ...]]:
    """What a store says when parts arrive in this order."""
    for part in parts:
        if part.event is not None:
            store.record_events([part.event])
        elif part.document is not None:
            store.ingest(part.document, claims=part.claims)
        else:
            store.assert_claims(part.claims)
    return rows(store)
