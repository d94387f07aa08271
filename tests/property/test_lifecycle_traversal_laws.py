"""Laws of the lifecycle traversal: the native one gives what the obvious one gives, and its paths are paths."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from motherlode.lifecycle.csr import Graph, Overlay, build_graph
from motherlode.lifecycle.kernels import Direction, Reached, neighbours, reach
from motherlode.lifecycle.traversal_reference import Arc, affected, counting_arcs

N_RANDOM = 3000


@dataclass
class World:
    """A base graph, what was written since, and the rules by which conditions travel."""

    n_base: int
    n_nodes: int
    base: list[Arc]
    added: list[Arc]
    removed: set[int]
    transfer: list[list[int]]
    identity: list[bool]
    seeds: list[tuple[int, int]]
    max_depth: int | None = None
    at: int | None = None
    upstream: bool = False
    _built: tuple[Graph, Overlay | None] | None = field(default=None, repr=False)

    @property
    def direction(self) -> Direction:
        return "upstream" if self.upstream else "downstream"

    def arcs(self) -> list[Arc]:
        return counting_arcs(self.base, self.added, self.removed, self.at)

    def graph(self) -> Graph:
        intervals: dict[str, Any] = {}
        if any(arc.valid for arc in self.base):
            n_edges = max(arc.edge for arc in self.base) + 1
            valid = np.tile(np.array([-(1 << 62), 1 << 62], np.int64), (n_edges, 1))
            for arc in self.base:
                if arc.valid:
                    valid[arc.edge] = arc.valid
            intervals = {"valid_from": valid[:, 0].copy(), "valid_to": valid[:, 1].copy()}
        return build_graph(*columns(self.base), self.n_base, **intervals)

    def overlay(self) -> Overlay | None:
        if not self.added and not self.removed and self.n_nodes == self.n_base:
            return None
        intervals: dict[str, Any] = {}
        if any(arc.valid for arc in self.added):
            valid = np.array([arc.valid or (-(1 << 62), 1 << 62) for arc in self.added], np.int64)
            intervals = {"valid_from": valid[:, 0].copy(), "valid_to": valid[:, 1].copy()}
        removed = None
        if self.removed:
            removed = np.zeros(max(self.removed) + 1, np.uint8)
            removed[list(self.removed)] = 1
        return Overlay(*columns(self.added), n_nodes=self.n_nodes, removed=removed, **intervals)

    def ask(self, **options: Any) -> Reached:
        if self._built is None:
            self._built = self.graph(), self.overlay()
        graph, overlay = self._built
        return reach(
            graph, overlay, [node for node, _ in self.seeds], [condition for _, condition in self.seeds],
            np.array(self.transfer), np.array(self.identity), self.direction,
            max_depth=self.max_depth, at=self.at, **options,
        )  # fmt: skip


def columns(arcs: list[Arc]) -> tuple[list[int], list[int], list[int], list[int]]:
    return [a.source for a in arcs], [a.target for a in arcs], [a.arc_class for a in arcs], [a.edge for a in arcs]


def random_world(seed: int) -> World:
    rng = np.random.default_rng(seed)

    def below(n: int) -> int:
        return int(rng.integers(n))

    n_base = 1 + below(12)
    n_nodes = n_base + (below(4) if below(2) else 0)
    n_classes, n_conditions = 1 + below(4), 2 + below(5)
    n_edges = 1 + below(30)
    intervals = below(2) == 1
    # an edge may give several arcs; all of them share its interval
    valid = [(lambda a: (a, a + below(8)))(below(10)) if intervals and below(3) else None for _ in range(n_edges)]
    dense = 1 + below(4)

    def arcs(n: int, nodes: int) -> list[Arc]:
        made = []
        for _ in range(n):
            edge = below(n_edges)
            made.append(Arc(below(nodes), below(nodes), below(n_classes + (below(8) == 0)), edge, valid[edge]))
        return made

    transfer = np.minimum(np.sort(rng.integers(0, n_conditions, (n_classes, n_conditions))), np.arange(n_conditions))
    if below(3) == 0:
        transfer[0] = np.arange(n_conditions)
    return World(
        n_base,
        n_nodes,
        arcs(below(dense * n_base + 1), n_base),
        arcs(below(8), n_nodes) if below(2) else [],
        {below(n_edges) for _ in range(below(6))} if below(3) == 0 else set(),
        transfer.tolist(),
        [below(3) == 0 for _ in range(n_classes)],
        [(below(n_nodes), 1 + below(n_conditions - 1)) for _ in range(1 + below(3))],
        None if below(2) else below(5),
        below(14) if intervals and below(2) else None,
        below(2) == 1,
    )


def check_paths(world: World, found: Reached) -> None:
    """Every answer's path starts at a seed, uses arcs that count, and adds up to the condition and depth it claims."""
    classes: dict[tuple[int, int, int], list[int]] = {}
    for a in world.arcs():
        ends = (a.target, a.source, a.edge) if world.upstream else (a.source, a.target, a.edge)
        classes.setdefault(ends, []).append(a.arc_class)
    for row in range(found.n_nodes):
        hops = found.path(row)
        assert (hops[0].node, hops[0].condition) in world.seeds
        assert (hops[0].depth, hops[0].edge) == (0, -1)
        for before, after in itertools.pairwise(hops):
            crossed = [
                (world.transfer[c][before.condition], before.depth + (not world.identity[c]))
                for c in classes[before.node, after.node, after.edge]
                if c < len(world.transfer)
            ]
            assert (after.condition, after.depth) in crossed
        assert (hops[-1].node, hops[-1].condition, hops[-1].depth) == (
            found.nodes[row], found.conditions[row], found.depths[row],
        )  # fmt: skip


def check(world: World) -> Reached:
    found = world.ask()
    expected = affected(
        world.arcs(), world.seeds, world.transfer, world.identity, upstream=world.upstream, max_depth=world.max_depth
    )
    columns = (found.nodes, found.conditions, found.depths, found.parent_nodes, found.parent_edges)
    got = {n: (q, d, (p, e)) for n, q, d, p, e in zip(*(c.tolist() for c in columns), strict=True)}
    assert got == expected
    assert len(got) == found.n_nodes
    assert not found.truncated
    order = list(zip((-found.conditions.astype(int)).tolist(), found.depths.tolist(), strict=True))
    assert order == sorted(order)
    check_paths(world, found)
    return found


def test_thousands_of_random_graphs_give_what_the_obvious_version_gives() -> None:
    found = [check(random_world(seed)) for seed in range(N_RANDOM)]
    n_passed = sum(len(one.all_nodes) > one.n_nodes for one in found)
    assert n_passed > 10, "no graph needed a weaker but shorter step: the generator is too tame"


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 1 << 40))
def test_any_graph_gives_what_the_obvious_version_gives(seed: int) -> None:
    check(random_world(seed))


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 1 << 40), st.integers(1, 6))
def test_a_truncated_answer_is_the_beginning_of_the_whole_one_and_says_so(seed: int, n_max: int) -> None:
    world = random_world(seed)
    whole, part = world.ask(), world.ask(n_max=n_max)
    assert part.truncated == (whole.n_nodes > n_max)
    n = min(n_max, whole.n_nodes)
    for name in ("nodes", "conditions", "depths", "parent_nodes", "parent_edges"):
        assert np.array_equal(getattr(part, name), getattr(whole, name)[:n])
    check_paths(world, part)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 1 << 40))
def test_an_overlay_gives_what_a_rebuilt_graph_gives(seed: int) -> None:
    world = random_world(seed)
    merged = World(
        world.n_nodes, world.n_nodes, [arc._replace(edge=i) for i, arc in enumerate(world.arcs())], [], set(),
        world.transfer, world.identity, world.seeds, world.max_depth, None, world.upstream,
    )  # fmt: skip
    ours, theirs = world.ask(), merged.ask()
    for name in ("conditions", "depths"):
        assert np.array_equal(getattr(ours, name), getattr(theirs, name))
    assert sorted(ours.nodes.tolist()) == sorted(theirs.nodes.tolist())
    for node in range(world.n_nodes):
        here = neighbours(world.graph(), world.overlay(), node, world.direction, world.at)
        there = [
            (a.source if world.upstream else a.target, a.arc_class, a.edge)
            for a in world.arcs()
            if node == (a.target if world.upstream else a.source)
        ]
        assert list(zip(*(column.tolist() for column in here), strict=True)) == sorted(there)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 1 << 40))
def test_plain_reachability_is_what_networkx_calls_descendants(seed: int) -> None:
    networkx = pytest.importorskip("networkx")
    rng = np.random.default_rng(seed)
    n_nodes, n_arcs = int(rng.integers(2, 200)), int(rng.integers(0, 600))
    source, target = rng.integers(0, n_nodes, (2, n_arcs))
    graph = build_graph(source, target, np.zeros(n_arcs, np.uint8), np.arange(n_arcs), n_nodes)
    theirs = networkx.MultiDiGraph()
    theirs.add_nodes_from(range(n_nodes))
    theirs.add_edges_from(zip(source.tolist(), target.tolist(), strict=True))
    for seed_node in range(0, n_nodes, 7):
        found = reach(graph, None, [seed_node], [1], [[0, 1]], [False])
        lengths = networkx.single_source_shortest_path_length(theirs, seed_node)
        assert dict(zip(found.nodes.tolist(), found.depths.tolist(), strict=True)) == lengths
        up = reach(graph, None, [seed_node], [1], [[0, 1]], [False], "upstream")
        assert set(up.nodes.tolist()) - {seed_node} == networkx.ancestors(theirs, seed_node)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1 << 40))
def test_plain_reachability_is_what_rustworkx_calls_descendants(seed: int) -> None:
    rustworkx = pytest.importorskip("rustworkx")
    rng = np.random.default_rng(seed)
    n_nodes, n_arcs = int(rng.integers(2, 200)), int(rng.integers(0, 600))
    source, target = rng.integers(0, n_nodes, (2, n_arcs))
    graph = build_graph(source, target, np.zeros(n_arcs, np.uint8), np.arange(n_arcs), n_nodes)
    theirs = rustworkx.PyDiGraph()
    theirs.add_nodes_from(range(n_nodes))
    theirs.add_edges_from_no_data(list(zip(source.tolist(), target.tolist(), strict=True)))
    for seed_node in range(0, n_nodes, 7):
        found = reach(graph, None, [seed_node], [1], [[0, 1]], [False])
        assert set(found.nodes.tolist()) - {seed_node} == set(rustworkx.descendants(theirs, seed_node))
