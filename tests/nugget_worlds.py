"""Random small worlds of claims and events, and what a store says of them: shared by the tests of the nugget store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any

from motherlode.core.time import EVER, from_micros
from motherlode.nuggets.derivation import DerivedNugget, Key
from motherlode.nuggets.ledger import Event
from motherlode.nuggets.memory import MemoryStore
from motherlode.nuggets.record import Claim, Document
from motherlode.nuggets.store import NuggetStore

SUBJECTS = ("Apple", "Apple Inc.", "Initech", "Globex")
PREDICATES = ("ceo", "boardMember", "award", "favourite colour")
OBJECTS = ("Jobs", "Cook", "Sculley", 7)
DATES = (None, "1990", "1997", "1997-09-16", "2005-Q2", "2011", "2011-08", "2011-08-24", "2019-01-01", "../2012")
SECOND = 1_000_000
START = 1_600_000_000 * SECOND


@dataclass
class Ticking:
    """A clock that the test turns."""

    micros: int = START

    def __call__(self) -> datetime:
        moment = from_micros(self.micros)
        assert moment is not None
        return moment.astimezone(UTC)


def random_claim(random: Random, *, subjects: tuple[str, ...] = SUBJECTS) -> Claim:
    """A claim whose dates make sense, with few names, so that claims meet."""
    while True:
        start, end = random.choice(DATES), random.choice((None, None, None, *DATES))
        try:
            return Claim(
                random.choice(subjects),
                random.choice(PREDICATES),
                random.choice(OBJECTS),
                valid_from=start,
                valid_to=end,
                source=f"doc-{random.randrange(5)}",
                publisher=random.choice((None, "wire")),
                negated=random.random() < 0.1,
                confidence=random.choice((None, None, 0.9, 0.7, 0.3)),
            )
        except ValueError:
            continue


def random_document(random: Random) -> Document:
    """One of few documents, in one of few versions."""
    return Document(
        f"doc-{random.randrange(5)}",
        version=random.choice((None, 1, 2, "2.10")),
        published_at=random.choice((None, "2020-05-01", "2021")),
    )


def of_document(claims: list[Claim], document: Document) -> list[Claim]:
    """The claims as that document makes them."""
    return [
        Claim(c.subject, c.predicate, c.object, c.valid_from, c.valid_to, document.id, c.publisher,
              negated=c.negated, confidence=c.confidence)
        for c in claims
    ]  # fmt: skip


def derived_rows(nuggets: dict[Key, list[DerivedNugget]]) -> set[tuple[Any, ...]]:
    """What the store in memory says, comparable."""
    return {
        (
            key.scope,
            key.subject,
            key.predicate,
            nugget.nugget_id,
            nugget.object_key,
            nugget.state,
            nugget.preferred,
            nugget.start,
            nugget.end,
            nugget.end_is_derived,
            nugget.n_sources,
            nugget.superseded_by,
            tuple(sorted(nugget.contests)),
            nugget.why,
            tuple(sorted(nugget.aliases)),
        )
        for key, found in nuggets.items()
        for nugget in found
    }


def stored_rows(store: NuggetStore, known_at: int | None = None) -> set[tuple[Any, ...]]:
    """What a store says as of a recorded time, in the same form; read from its tables."""
    import json

    condition = f"recorded_to = {EVER}" if known_at is None else "recorded_from <= ? AND recorded_to > ?"
    with store.reading() as session:
        rows = session.execute(
            "SELECT scope, subject_key, predicate, nugget_id, object_key, state, preferred, start_earliest, "
            "start_latest, start_granularity, end_earliest, end_latest, end_granularity, end_is_derived, n_sources, "
            f"superseded_by, contests, why, aliases FROM nugget_versions WHERE {condition}",
            () if known_at is None else (known_at, known_at),
        )
    return {
        (
            *row[:6],
            bool(row[6]),
            None if row[9] is None else tuple(row[7:10]),
            None if row[12] is None else tuple(row[10:13]),
            bool(row[13]),
            row[14],
            row[15],
            tuple(sorted(map(tuple, json.loads(row[16])))),
            row[17],
            tuple(sorted(json.loads(row[18]))),
        )
        for row in rows
    }


KINDS = {
    "claims": 30, "document": 20, "decide": 14, "undo": 8, "retract": 6, "merge": 5, "trust": 4, "review": 8,
    "erase": 3,
}  # fmt: skip


@dataclass
class Pair:
    """A store and the obvious one, told the same."""

    store: NuggetStore
    memory: MemoryStore
    clock: Ticking
    known: list[int]
    erased: dict[str, int] = field(default_factory=dict)
    """When a document was last erased."""

    def step(self, random: Random, kinds: Mapping[str, int] = KINDS) -> None:
        """One random write to both. kinds: how often each comes."""
        self.clock.micros += random.choice((1, SECOND, 1000 * SECOND))
        at = self.clock.micros
        kind = random.choices(tuple(kinds), tuple(kinds.values()))[0]
        getattr(self, f"_{kind}")(random, at)
        self.known.append(at)

    def _claims(self, random: Random, at: int) -> None:
        claims = [random_claim(random) for _ in range(random.randrange(1, 4))]
        self.store.assert_claims(claims)
        self.memory.assert_claims(claims, at)

    def _document(self, random: Random, at: int) -> None:
        document = random_document(random)
        claims = of_document([random_claim(random) for _ in range(random.randrange(3))], document)
        self.store.ingest(document, claims=claims)
        self.memory.assert_claims(claims, at, document)

    def _decide(self, random: Random, at: int) -> None:
        ids = sorted(nugget.nugget_id for found in self.memory.nuggets().values() for nugget in found)
        if ids:
            nugget, action = random.choice(ids), random.choice(("prefer", "suppress"))
            event = self.memory.decide(nugget, action, "me", "", at)
            assert self.store.decide(nugget, action, actor="me") == event.event_id

    def _undo(self, random: Random, at: int) -> None:
        events = [event.event_id for event in self.memory.events]
        if events:
            self._both("undo", {"event": random.choice(events)}, at)

    def _both(self, kind: str, payload: dict[str, Any], at: int) -> None:
        event = Event.of(kind, payload, "me", "", at)
        self.memory.record(event, at)
        self.store.record_events([event])

    def _retract(self, random: Random, at: int) -> None:
        source = f"doc-{random.randrange(5)}"
        self._both("retract", {"source": source, "version": random.choice((None, None, 1))}, at)

    def _merge(self, random: Random, at: int) -> None:
        pair = random.choice((("apple", "initech"), ("globex", "apple"), ("jobs", "cook"), ("cook", "sculley")))
        self._both("merge", {"first": pair[0], "second": pair[1]}, at)

    def _trust(self, random: Random, at: int) -> None:
        self._both("trust", {"publisher": random.choice(("wire", "doc-1")), "weight": random.choice((0, 1, 3))}, at)

    def _review(self, random: Random, at: int) -> None:
        ids = sorted({claim for found in self.memory.nuggets().values() for n in found for claim in n.claims})
        if ids:
            self._both("review", {"claim": random.choice(ids), "verdict": random.choice(("accept", "reject"))}, at)

    def _erase(self, random: Random, at: int) -> None:
        sources = sorted({row.claim.source for row in self.memory.claims} | {d.id for d, _ in self.memory.documents})
        if sources:
            source = random.choice(sources)
            self.store.erase(source, actor="me")
            self.memory.erase(source)
            self.erased[source] = at

    def check(self) -> None:
        """Both say the same now, and at every time that was ever known; nothing said before names what was erased."""
        for event in self.store.events():
            again = Event.of(event.type, event.payload, event.actor, event.reason, event.decided_at)
            assert again.event_id == event.event_id, event
            for name in ("source", "publisher"):
                erased_at = self.erased.get(event.payload.get(name, ""))
                assert erased_at is None or event.recorded_at > erased_at, event
        for known_at in [None, *self.known]:
            expected = derived_rows(self.memory.nuggets(EVER if known_at is None else known_at))
            found = stored_rows(self.store, known_at)
            assert found == expected, (known_at, found ^ expected)
