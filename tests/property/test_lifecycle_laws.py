"""Laws of the lifecycle graph: order does not matter, conclusions are the least fixpoint, as-of is replay."""

from __future__ import annotations

import itertools
import random
from datetime import UTC, datetime, timedelta

import pytest

from motherlode.core.time import EVER
from motherlode.lifecycle.graph import LifecycleGraph, open_lifecycle
from motherlode.lifecycle.inference.formation import MATCH
from motherlode.lifecycle.memory import MemoryGraph, StatedEdge
from motherlode.lifecycle.naming import column_uri
from motherlode.lifecycle.record import Edge, Item, Observation
from motherlode.lifecycle.relations import RELATION_NAMES
from motherlode.lifecycle.uris import make_uri
from motherlode.lifecycle.view import GraphView
from tests.lifecycle_random import items

_START = datetime(2026, 1, 1, tzinfo=UTC)


def ticking() -> LifecycleGraph:
    """A graph in memory whose clock moves on by a second at every look."""
    ticks = itertools.count()
    return open_lifecycle(":memory:", clock=lambda: _START + timedelta(seconds=next(ticks)))


def held(graph: LifecycleGraph) -> tuple[set[StatedEdge], dict[tuple[str, str, str, str], float]]:
    """Edges that hold now: what providers state, and what the rules conclude."""
    stated: set[StatedEdge] = set()
    concluded: dict[tuple[str, str, str, str], float] = {}
    with graph.database.read() as session:
        rows = session.execute(
            "SELECT s.uri, e.relation, t.uri, p.name, e.aspect, e.confidence, e.evidence FROM lifecycle_edges e "
            "JOIN lifecycle_components s ON s.id = e.source JOIN lifecycle_components t ON t.id = e.target "
            f"JOIN lifecycle_providers p ON p.id = e.provider WHERE e.recorded_to = {EVER} AND e.valid_to = {EVER}"
        )
    for source, code, target, provider, aspect, confidence, evidence in rows:
        if provider == "inference":
            if aspect != MATCH:
                key = (source, RELATION_NAMES[code], target, aspect)
                assert key not in concluded, f"concluded twice: {key}"
                concluded[key] = confidence
        else:
            stated.add(StatedEdge(source, RELATION_NAMES[code], target, provider, aspect, confidence, evidence))
    return stated, concluded


def in_pieces(rng: random.Random, its: list[Item]) -> list[list[Item]]:
    """The items in another order, some twice, in pieces of random size."""
    shuffled = its + [rng.choice(its) for _ in range(len(its) // 3)]
    rng.shuffle(shuffled)
    pieces = []
    while shuffled:
        n = rng.randrange(1, 6)
        pieces.append(shuffled[:n])
        shuffled = shuffled[n:]
    return pieces


def check_world(seed: int) -> None:
    """Two graphs that heard the same items in their own orders, and the obvious version, agree."""
    rng = random.Random(seed)
    its = items(rng, rng.randrange(1, 14))
    reference = MemoryGraph()
    reference.add(its, "python")
    prints = set()
    for _ in range(2):
        with ticking() as graph:
            for piece in in_pieces(rng, its):
                graph.add(piece)
            stated, concluded = held(graph)
            assert stated == reference.asserted(), seed
            assert concluded == reference.concluded(), seed
            prints.add(graph.fingerprint())
    assert len(prints) == 1, seed


@pytest.mark.parametrize("block", range(8))
def test_neither_order_nor_repetition_nor_pieces_change_what_holds(block: int) -> None:
    for seed in range(block * 25, block * 25 + 25):
        check_world(seed)


@pytest.mark.long
def test_thousands_of_orders_change_nothing() -> None:
    for seed in range(10_000, 13_000):
        check_world(seed)


def test_which_addresses_are_one_thing_does_not_depend_on_who_spoke_first() -> None:
    n_merges = 0
    for seed in range(60):
        rng = random.Random(seed)
        said = [(f"system{number}", tables(rng, number)) for number in range(3)]
        prints = set()
        for _ in range(3):
            rng.shuffle(said)
            with ticking() as graph:
                for provider, its in said:
                    for piece in in_pieces(rng, its):
                        graph.add(piece, provider=provider)
                prints.add(graph.fingerprint())
                n_merges += sum(row.relation == "same_as" for row in graph.diff("1960-01-01", "2030-01-01").edges_added)
        assert len(prints) == 1, seed
    assert n_merges > 100


def tables(rng: random.Random, system: int) -> list[Item]:
    """Tables of one system, of which others may have the same: by name, by path, by hash, by columns."""
    made: list[Item] = []
    for _ in range(rng.randrange(1, 6)):
        name = rng.choice(["orders", "users", "Orders"])
        if rng.random() < 0.5:
            address = make_uri(
                "dataset", f"db{system}", f"host/{rng.choice(['shop', 'SHOP'])}.{rng.choice('pq')}.{name}"
            )
        else:
            address = make_uri(
                "dataset", rng.choice(["s3", "file", "dvc"]), f"root{system}/{rng.choice('ab')}/data/{name}.csv"
            )
        columns = rng.sample(["id", "amount", "day", "who"], rng.randrange(5))
        attributes = {"columns": columns, "hashes": {"md5": rng.choice("xyz")} if rng.random() < 0.3 else {}}
        edges = tuple(Edge(address, "has_column", column_uri(address, column)) for column in columns)
        made.append(Observation(address, version=rng.randrange(1, 4), attributes=attributes, edges=edges))
    return made


def test_an_overlay_answers_as_a_graph_that_is_built_anew() -> None:
    for seed in range(40):
        rng = random.Random(seed)
        with ticking() as graph:
            for piece in in_pieces(rng, items(rng, 12)):
                graph.add(piece)
                names = _names(graph)
                if not names:  # only that something is gone
                    continue
                target = rng.choice(names)
                grown = _answers(graph, target)
                graph.snapshots = type(graph.snapshots)(graph.database)
                assert grown == _answers(graph, target), (seed, target)


def test_what_was_known_then_is_answered_as_it_was_answered_then() -> None:
    for seed in range(30):
        rng = random.Random(1000 + seed)
        hours = [_START]
        with open_lifecycle(":memory:", clock=lambda hours=hours: hours[-1]) as graph:  # type: ignore[misc]
            then = []
            for piece in in_pieces(rng, items(rng, 12)):
                hours.append(hours[-1] + timedelta(hours=1))
                graph.add(piece)
                names = _names(graph)
                if not names:  # only that something is gone
                    continue
                target = rng.choice(names)
                then.append((hours[-1] + timedelta(minutes=1), target, graph.fingerprint(), _answers(graph, target)))
            for known_at, target, fingerprint, answers in then:
                view = graph.as_of(known_at=known_at)
                assert view.fingerprint() == fingerprint, (seed, known_at)
                assert _answers(view, target) == answers, (seed, known_at)


def _names(graph: LifecycleGraph) -> list[str]:
    """Addresses of which anything was ever recorded."""
    with graph.database.read() as session:
        spoken = " UNION ".join(
            f"SELECT {column} FROM lifecycle_{table}"
            for table, column in (("facts", "component"), ("edges", "source"), ("edges", "target"))
        )
        return [
            str(uri)
            for (uri,) in session.execute(f"SELECT uri FROM lifecycle_components WHERE id IN ({spoken}) ORDER BY id")
        ]


def _answers(graph: GraphView, target: str) -> list[tuple[object, ...]]:
    report = graph.impact(target, "drop")
    down = graph.downstream(target)
    return [
        tuple(zip(report.ids.tolist(), report.depths.tolist(), report.severities.tolist(), strict=True)),
        tuple(zip(down.ids.tolist(), down.depths.tolist(), strict=True)),
        tuple(row.confidence for row in report.rows),
    ]
