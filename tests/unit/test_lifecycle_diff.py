"""What changed between two moments, on either axis, against two views of those moments."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest

from motherlode.core.time import from_micros
from motherlode.errors import InputError
from motherlode.lifecycle.graph import LifecycleGraph
from motherlode.lifecycle.relations import RELATION_NAMES
from motherlode.lifecycle.view import GraphView
from tests.lifecycle_worlds import START, Ticking, model, opened, random_history, said, table

A, B = table("a"), table("b")


def state(graph: LifecycleGraph, view: GraphView) -> tuple[set[Any], dict[str, dict[Any, Any]]]:
    """Edges and statements at a view's moment, straight from the rows and one interval at a time."""
    valid, known = view.valid_at, view.known_at
    holds = (
        f"x.valid_from <= {valid} AND x.valid_to > {valid} AND x.recorded_from <= {known} AND x.recorded_to > {known}"
    )
    with graph.database.read() as session:
        edges = {
            (source, RELATION_NAMES[relation], *rest)
            for source, relation, *rest in session.execute(
                "SELECT s.uri, x.relation, t.uri, p.name, x.confidence, x.evidence, p.scope FROM lifecycle_edges x "
                "JOIN lifecycle_components s ON s.id = x.source JOIN lifecycle_components t ON t.id = x.target "
                f"JOIN lifecycle_providers p ON p.id = x.provider WHERE {holds}"
            )
        }
        facts: dict[str, dict[Any, Any]] = {}
        for uri, name, scope, aspect, attributes in session.execute(
            "SELECT c.uri, p.name, p.scope, x.aspect, t.attributes FROM lifecycle_facts x "
            "JOIN lifecycle_components c ON c.id = x.component JOIN lifecycle_providers p ON p.id = x.provider "
            f"JOIN lifecycle_contents t ON t.id = x.content WHERE {holds}"
        ):
            said_now = {key: value for key, value in json.loads(attributes).items() if value is not None}
            facts.setdefault(uri, {})[name, scope, aspect] = said_now
    return edges, facts


def check(graph: LifecycleGraph, views: list[GraphView], first: int, second: int, axis: str, view: GraphView) -> None:
    found = view.diff(from_micros(first), from_micros(second), axis=axis)  # type: ignore[arg-type]
    (edges_1, facts_1), (edges_2, facts_2) = (state(graph, each) for each in views)
    as_rows = [
        (e.source, e.relation, e.target, e.provider, e.confidence, e.evidence, e.scope) for e in found.edges_added
    ]
    assert (set(as_rows), len(as_rows)) == (edges_2 - edges_1, len(edges_2 - edges_1))
    as_rows = [
        (e.source, e.relation, e.target, e.provider, e.confidence, e.evidence, e.scope) for e in found.edges_removed
    ]
    assert (set(as_rows), len(as_rows)) == (edges_1 - edges_2, len(edges_1 - edges_2))
    assert found.added == sorted(facts_2.keys() - facts_1.keys())
    assert found.removed == sorted(facts_1.keys() - facts_2.keys())
    changed = {
        (uri, *key)
        for uri in facts_1.keys() & facts_2.keys()
        for key in facts_1[uri].keys() | facts_2[uri].keys()
        if facts_1[uri].get(key, {}) != facts_2[uri].get(key, {})
    }
    assert {(c.uri, c.provider, c.scope, c.aspect) for c in found.changed} == changed


@pytest.mark.parametrize("seed", range(12))
def test_a_diff_is_the_difference_of_two_views(seed: int) -> None:
    random, clock = Random(seed), Ticking()
    with opened([], clock=clock) as graph:
        instants = random_history(random, graph, clock, 25)
        now = clock.micros
        for _ in range(12):
            first, second = random.choice(instants) + random.randrange(2), random.choice(instants)
            for valid in (now, START + random.randrange(100) * 1_000_000):
                views = [graph.as_of(from_micros(valid), from_micros(at)) for at in (first, second)]
                check(graph, views, first, second, "known", graph.as_of(valid_at=from_micros(valid)))
            valid_1, valid_2 = (START + random.randrange(100) * 1_000_000 for _ in range(2))
            views = [graph.as_of(from_micros(at), from_micros(second)) for at in (valid_1, valid_2)]
            check(graph, views, valid_1, valid_2, "valid", graph.as_of(known_at=from_micros(second)))


def test_a_diff_on_both_databases_and_by_hand(sql_place: str) -> None:
    clock = Ticking()
    with opened([said(A, ("derives", B), description="old"), said(model("m"))], sql_place, clock=clock) as graph:
        before = clock()
        clock.micros += 1_000_000
        graph.add(
            [said(A, ("feeds", B), at=20, description="new", rows=7), said(B), said(model("m"), at=20, gone=True)]
        )
        found = graph.diff(before, clock())
        assert (found.added, found.removed, bool(found)) == ([B], [model("m")], True)
        (change,) = found.changed
        assert (change.uri, change.provider, change.aspect) == (A, "python", "definition")
        assert change.attributes == {"description": ("old", "new"), "rows": (None, 7)}
        assert [(edge.source, edge.relation, edge.target) for edge in found.edges_added] == [(A, "feeds", B)]
        assert [(edge.source, edge.relation, edge.target) for edge in found.edges_removed] == [(A, "derives", B)]
        back = graph.diff(clock(), before)
        assert (back.added, back.removed) == (found.removed, found.added)
        assert back.edges_added == found.edges_removed
        assert not graph.diff(clock(), clock())
        assert not graph.diff(clock(), "2100-01-01")
        valid = graph.diff("1970-01-01T00:00:00.000015Z", "1970-01-01T00:00:00.000025Z", axis="valid")
        assert (valid.removed, [edge.relation for edge in valid.edges_added]) == ([model("m")], ["feeds"])


def test_an_edge_that_another_aspect_still_states_has_not_gone() -> None:
    clock = Ticking()
    with opened([said(A, ("derives", B)), said(A, ("derives", B), aspect="io")], clock=clock) as graph:
        first = clock()
        clock.micros += 1_000_000
        graph.add([said(A, at=20, aspect="io")])
        assert graph.diff(first, clock()).edges_removed == []
        clock.micros += 1_000_000
        graph.add([said(A, at=20)])
        assert [edge.target for edge in graph.diff(first, clock()).edges_removed] == [B]


def test_another_axis_or_no_instant_is_refused() -> None:
    with opened([said(A)]) as graph:
        with pytest.raises(InputError, match="choose 'known'"):
            graph.diff("2020-01-01", "2021-01-01", axis="sideways")
        with pytest.raises(InputError):
            graph.diff("yesterday-ish", "2021-01-01")
