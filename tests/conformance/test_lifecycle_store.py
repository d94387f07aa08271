"""SQLite and PostgreSQL hold the same graph, and a sweep ends in the same one whatever happened before it."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from motherlode.core.ports import NullProgress
from motherlode.errors import ConflictError
from motherlode.lifecycle.graph import LifecycleGraph, open_lifecycle
from motherlode.lifecycle.record import Edge, Item, Observation
from motherlode.lifecycle.uris import make_uri
from tests.lifecycle_random import items
from tests.postgres import PostgresServer

_START = datetime(2026, 1, 1, tzinfo=UTC)


def ticking(where: str) -> LifecycleGraph:
    """A graph whose clock moves on by a second at every look."""
    ticks = itertools.count()
    return open_lifecycle(where, clock=lambda: _START + timedelta(seconds=next(ticks)))


@dataclass
class Shelf:
    """A source that lists everything: components with a version that grows, until somebody restores a backup."""

    stock: dict[str, Observation] = field(default_factory=dict)
    scope: str = "shelf"
    name: str = "shelf"
    is_listing: bool = True
    is_broken: bool = False

    def observe(self) -> Iterator[Item]:
        for number, item in enumerate(list(self.stock.values())):
            if self.is_broken and number == 2:
                raise ConflictError("the shelf fell over")
            yield item

    def hydrate(self, subject: str) -> list[Item]:
        return [item for key, item in self.stock.items() if key == subject]


def thing(number: int) -> str:
    return make_uri("dataset", "shelf", f"thing{number}")


def shaken(rng: random.Random, shelf: Shelf, clock: int) -> str:
    """One change at the source; the address of what changed."""
    address = thing(rng.randrange(6))
    act = rng.random()
    if act < 0.25:
        shelf.stock.pop(address, None)
    elif act < 0.4 and address in shelf.stock:  # a backup comes back: an older version, other content
        shelf.stock[address] = Observation(address, version=rng.randrange(clock), attributes={"n": -clock})
    else:
        edges = (Edge(address, "derives", thing(rng.randrange(6))),) if rng.random() < 0.5 else ()
        version = None if rng.random() < 0.2 else clock
        shelf.stock[address] = Observation(address, version=version, attributes={"n": rng.randrange(4)}, edges=edges)
    return address


def live_through(graph: LifecycleGraph, seed: int) -> Shelf:
    """Changes, of which some are told, late, twice, or never; sweeps now and then; one whole sweep at the end."""
    rng, shelf = random.Random(seed), Shelf()
    late: list[tuple[str, list[Item], int]] = []
    for clock in range(1, 40):
        address = shaken(rng, shelf, clock)
        happened = rng.random()
        if happened < 0.3:
            graph.notify(shelf, address)
        elif happened < 0.5:  # fetched now, recorded later: two hydrations race
            late.append((address, list(shelf.hydrate(address)), graph.clock()))
        if rng.random() < 0.3:
            graph.work(shelf)
        if late and rng.random() < 0.4:
            its_address, its_items, asked_at = late.pop(rng.randrange(len(late)))
            with graph.ingestion.recording() as recording:
                source = recording.source(shelf.name, shelf.scope, is_listing=True, asked_at=asked_at)
                recording.hydrate(source, its_address, its_items)
        if rng.random() < 0.1:
            graph.ingest(shelf)
    graph.ingest(shelf)
    return shelf


def test_whatever_was_told_or_lost_one_sweep_ends_in_the_graph_of_the_source() -> None:
    for seed in range(60):
        with ticking(":memory:") as lived, ticking(":memory:") as fresh:
            shelf = live_through(lived, seed)
            fresh.ingest(shelf)
            assert lived.fingerprint() == fresh.fingerprint(), seed


def test_a_sweep_that_breaks_off_retracts_nothing() -> None:
    shelf = Shelf({thing(n): Observation(thing(n), version=1) for n in range(5)})
    with ticking(":memory:") as graph:
        graph.ingest(shelf)
        before = graph.fingerprint()
        shelf.is_broken = True
        with pytest.raises(ConflictError, match="fell over"):
            graph.ingest(shelf)
        assert graph.fingerprint() == before
        report = graph.ingestion.sweep(shelf, NullProgress())
        assert report.error is not None
        assert "could not be read at the last try" in "".join(graph.impact(thing(0)).why_incomplete)
        shelf.is_broken = False
        graph.ingest(shelf)
        assert graph.impact(thing(0)).complete


def test_sqlite_and_postgresql_hold_the_same_graph_and_give_the_same_answers(postgres_server: PostgresServer) -> None:
    for seed in range(12):
        its = items(random.Random(seed), 14)
        with postgres_server.database() as url, ticking(":memory:") as here, ticking(url) as there:
            for graph in (here, there):
                graph.add(its[:6])
                graph.add(its[6:])
            assert here.fingerprint() == there.fingerprint(), seed
            names = [row.uri for row in here.select("type:dataset type:model_version type:pipeline")]
            for name in names:
                for change in ("drop", "distribution"):
                    mine, theirs = here.impact(name, change), there.impact(name, change)
                    assert [(r.uri, r.severity, r.depth, r.confidence) for r in mine.rows] == [
                        (r.uri, r.severity, r.depth, r.confidence) for r in theirs.rows
                    ]
                    assert mine.why_incomplete == theirs.why_incomplete
                assert [r.uri for r in here.upstream(name).rows] == [r.uri for r in there.upstream(name).rows]
            assert [f.uri for f in here.search("x1")] == [f.uri for f in there.search("x1")]
            assert here.doctor().checks == there.doctor().checks


def test_on_postgresql_too_a_sweep_ends_in_the_graph_of_the_source(postgres_server: PostgresServer) -> None:
    for seed in range(100, 106):
        with postgres_server.database() as url, ticking(url) as lived, ticking(":memory:") as fresh:
            shelf = live_through(lived, seed)
            fresh.ingest(shelf)
            assert lived.fingerprint() == fresh.fingerprint(), seed
