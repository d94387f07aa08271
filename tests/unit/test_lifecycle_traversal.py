"""The lifecycle graph and its traversal at their edges, by hand."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from motherlode.errors import InputError
from motherlode.lifecycle.csr import Adjacency, Graph, Overlay, build_graph
from motherlode.lifecycle.kernels import MAX_CONDITIONS, Hop, neighbours, reach

KEEPS, WEAKENS, SAME = 0, 1, 2
TRANSFER = [[0, 1, 2, 3], [0, 0, 1, 2], [0, 1, 2, 3]]
IDENTITY = [False, False, True]


def graph_of(*arcs: tuple[int, int, int], n_nodes: int, **options: Any) -> Graph:
    """Arcs (source, target, class); edge i is the i-th."""
    source, target, classes = zip(*arcs, strict=True) if arcs else ((), (), ())
    return build_graph(source, target, classes, range(len(arcs)), n_nodes, **options)


def ask(graph: Graph, *seeds: tuple[int, int], overlay: Overlay | None = None, **options: Any) -> dict[int, Any]:
    """Node → (condition, depth)."""
    found = reach(graph, overlay, [n for n, _ in seeds], [q for _, q in seeds], TRANSFER, IDENTITY, **options)
    columns = (found.nodes, found.conditions, found.depths)
    return {n: (q, d) for n, q, d in zip(*(column.tolist() for column in columns), strict=True)}


def test_a_condition_weakens_on_its_way_and_ends_at_zero() -> None:
    graph = graph_of((0, 1, WEAKENS), (1, 2, WEAKENS), (2, 3, WEAKENS), n_nodes=4)
    assert ask(graph, (0, 3)) == {0: (3, 0), 1: (2, 1), 2: (1, 2)}


def test_the_strongest_condition_wins_over_the_nearest() -> None:
    graph = graph_of((0, 3, WEAKENS), (0, 1, KEEPS), (1, 2, KEEPS), (2, 3, KEEPS), n_nodes=4)
    assert ask(graph, (0, 3))[3] == (3, 3)


def test_a_bound_on_depth_gives_the_strongest_condition_within_it() -> None:
    graph = graph_of((0, 3, WEAKENS), (0, 1, KEEPS), (1, 2, KEEPS), (2, 3, KEEPS), (3, 4, KEEPS), n_nodes=5)
    assert ask(graph, (0, 3), max_depth=3) == {0: (3, 0), 1: (3, 1), 2: (3, 2), 3: (3, 3), 4: (2, 2)}
    assert ask(graph, (0, 3), max_depth=2) == {0: (3, 0), 1: (3, 1), 2: (3, 2), 3: (2, 1), 4: (2, 2)}
    assert ask(graph, (0, 3), max_depth=0) == {0: (3, 0)}


def test_a_path_may_go_through_a_weaker_step_of_a_node_that_it_shows_as_stronger() -> None:
    graph = graph_of(
        (0, 3, WEAKENS), (0, 1, KEEPS), (1, 2, KEEPS), (2, 3, KEEPS), (3, 4, WEAKENS), (5, 4, WEAKENS), n_nodes=6
    )
    capped = [[0, 1, 2, 3], [0, 1, 2, 2], [0, 1, 2, 3]]
    found = reach(graph, None, [0], [3], capped, IDENTITY)
    row = found.nodes.tolist().index(4)
    assert found.path(row) == [Hop(0, 3, 0, -1), Hop(3, 2, 1, 0), Hop(4, 2, 2, 4)]
    assert found.path(found.nodes.tolist().index(3))[-1] == Hop(3, 3, 3, 3)


def test_an_identity_adds_no_hop_and_is_crossed_at_the_greatest_depth() -> None:
    graph = graph_of((0, 1, KEEPS), (1, 2, SAME), (2, 1, SAME), (2, 3, KEEPS), n_nodes=4)
    assert ask(graph, (0, 2), max_depth=1) == {0: (2, 0), 1: (2, 1), 2: (2, 1)}
    assert ask(graph, (0, 2))[3] == (2, 2)


def test_cycles_and_arcs_to_oneself_end() -> None:
    graph = graph_of((0, 0, KEEPS), (0, 1, KEEPS), (1, 0, SAME), (1, 1, SAME), n_nodes=2)
    assert ask(graph, (0, 3)) == {0: (3, 0), 1: (3, 1)}


def test_several_seeds_each_spread_their_own_condition_and_a_seed_may_get_a_stronger_one() -> None:
    graph = graph_of((0, 1, KEEPS), (1, 2, KEEPS), (3, 2, KEEPS), n_nodes=4)
    assert ask(graph, (0, 1), (3, 3), (0, 1)) == {3: (3, 0), 2: (3, 1), 0: (1, 0), 1: (1, 1)}
    assert ask(graph, (0, 3), (1, 1))[1] == (3, 1)
    assert ask(graph, (0, 1), (0, 2))[0] == (2, 0)


def test_no_seeds_reach_nothing_and_a_graph_may_be_empty() -> None:
    assert ask(graph_of(n_nodes=3)) == {}
    assert ask(graph_of(n_nodes=0)) == {}
    assert ask(graph_of(n_nodes=1), (0, 1)) == {0: (1, 0)}


def test_equally_good_parents_are_the_smallest_node_then_the_smallest_edge() -> None:
    graph = build_graph([0, 0, 2, 1, 1], [2, 1, 3, 3, 3], [0, 0, 0, 2, 0], [0, 1, 2, 9, 4], 4)
    found = reach(graph, None, [0], [1], [[0, 1]] * 3, [False] * 3)
    assert found.nodes.tolist() == [0, 1, 2, 3]
    assert (found.parent_nodes.tolist()[3], found.parent_edges.tolist()[3]) == (1, 4)


def test_upstream_follows_arcs_backwards() -> None:
    graph = graph_of((0, 1, KEEPS), (1, 2, WEAKENS), n_nodes=3)
    assert ask(graph, (2, 3), direction="upstream") == {2: (3, 0), 1: (2, 1), 0: (2, 2)}


def test_intervals_are_half_open_and_ignored_without_an_instant() -> None:
    limits = {"valid_from": np.array([10], np.int64), "valid_to": np.array([20], np.int64)}
    graph = graph_of((0, 1, KEEPS), n_nodes=2, **limits)
    assert [len(ask(graph, (0, 1), at=at)) for at in (9, 10, 19, 20)] == [1, 2, 2, 1]
    assert [len(neighbours(graph, None, 0, at=at)[0]) for at in (9, 10, 19, 20)] == [0, 1, 1, 0]
    assert len(ask(graph, (0, 1))) == 2


def test_an_overlay_shows_a_new_node_a_new_arc_and_a_removal_at_once() -> None:
    graph = graph_of((0, 1, KEEPS), (1, 2, KEEPS), n_nodes=3)
    removed = np.zeros(2, np.uint8)
    overlay = Overlay([1], [3], [WEAKENS], [2], removed=removed)
    assert ask(graph, (0, 3), overlay=overlay) == {0: (3, 0), 1: (3, 1), 2: (3, 2), 3: (2, 2)}
    removed[1] = 1
    assert ask(graph, (0, 3), overlay=overlay) == {0: (3, 0), 1: (3, 1), 3: (2, 2)}
    assert ask(graph, (3, 3), overlay=overlay, direction="upstream") == {3: (3, 0), 1: (2, 1), 0: (2, 2)}
    assert [column.tolist() for column in neighbours(graph, overlay, 1)] == [[3], [WEAKENS], [2]]


def test_an_overlay_may_have_nodes_without_arcs_and_arcs_with_intervals() -> None:
    graph = graph_of(n_nodes=1)
    assert ask(graph, (4, 2), overlay=Overlay(n_nodes=5)) == {4: (2, 0)}
    timed = Overlay([0], [1], [KEEPS], [0], valid_from=np.array([5], np.int64), valid_to=np.array([6], np.int64))
    assert [len(ask(graph, (0, 1), overlay=timed, at=at)) for at in (4, 5, 6)] == [1, 2, 1]


def test_a_removed_edge_may_come_back_in_the_overlay_under_its_number() -> None:
    graph = graph_of((0, 1, KEEPS), n_nodes=2)
    overlay = Overlay([0], [1], [WEAKENS], [0], removed=np.ones(1, np.uint8))
    assert ask(graph, (0, 3), overlay=overlay) == {0: (3, 0), 1: (2, 1)}


def test_stopping_early_says_so_and_a_full_answer_does_not() -> None:
    graph = graph_of((0, 1, KEEPS), (1, 2, KEEPS), n_nodes=3)
    for n_max, truncated in ((1, True), (2, True), (3, False), (4, False)):
        found = reach(graph, None, [0], [1], TRANSFER, IDENTITY, n_max=n_max)
        assert (found.nodes.tolist(), found.truncated) == ([0, 1, 2][:n_max], truncated)


def test_a_hub_with_a_million_children_and_a_chain_of_a_hundred_thousand() -> None:
    n = 1_000_000
    hub = build_graph(np.zeros(n, np.int32), np.arange(1, n + 1), np.zeros(n, np.uint8), np.arange(n), n + 1)
    found = reach(hub, None, [0], [3], TRANSFER, IDENTITY)
    assert found.n_nodes == n + 1
    assert np.array_equal(found.nodes, np.arange(n + 1))
    assert reach(hub, None, [n], [3], TRANSFER, IDENTITY, "upstream").nodes.tolist() == [n, 0]
    n = 100_000
    chain = build_graph(np.arange(n), np.arange(1, n + 1), np.zeros(n, np.uint8), np.arange(n), n + 1)
    found = reach(chain, None, [0], [1], TRANSFER, IDENTITY)
    assert found.depths[-1] == n
    assert len(found.path(n)) == n + 1


def test_arrays_may_be_mapped_files_and_equal_arcs_give_equal_bytes(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    source, target = rng.integers(0, 50, (2, 400))
    classes, edges = rng.integers(0, 3, 400), rng.integers(0, 300, 400)
    order = rng.permutation(400)
    graph = build_graph(source, target, classes, edges, 50)
    other = build_graph(source[order], target[order], classes[order], edges[order], 50)
    mapped = []
    for name in ("downstream", "upstream"):
        columns = []
        for field in ("offsets", "nodes", "classes", "edges"):
            array = getattr(getattr(graph, name), field)
            assert np.array_equal(array, getattr(getattr(other, name), field))
            np.save(tmp_path / f"{name}-{field}.npy", array)
            columns.append(np.load(tmp_path / f"{name}-{field}.npy", mmap_mode="r"))
        mapped.append(Adjacency(*columns))
    assert ask(Graph(mapped[0], mapped[1]), (0, 3)) == ask(graph, (0, 3))


def test_threads_share_a_graph() -> None:
    rng = np.random.default_rng(5)
    source, target = rng.integers(0, 3000, (2, 9000))
    graph = build_graph(source, target, rng.integers(0, 3, 9000), np.arange(9000), 3000)
    expected = [ask(graph, (seed, 3)) for seed in range(30)]
    wrong: list[int] = []

    def work() -> None:
        wrong.extend(seed for seed in range(30) if ask(graph, (seed, 3)) != expected[seed])

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_neighbours_are_sorted_and_cannot_be_written_to() -> None:
    graph = build_graph([0, 0, 0], [2, 1, 1], [1, 2, 0], [0, 1, 2], 3)
    nodes, classes, edges = neighbours(graph, None, 0)
    assert (nodes.tolist(), classes.tolist(), edges.tolist()) == ([1, 1, 2], [0, 2, 1], [2, 1, 0])
    with pytest.raises(ValueError, match="read-only"):
        nodes[0] = 2
    assert [len(column) for column in neighbours(graph, None, 1)] == [0, 0, 0]
    assert neighbours(graph, None, 1, "upstream")[0].tolist() == [0, 0]


ONE = graph_of((0, 1, KEEPS), n_nodes=2)
EMPTY = np.empty(0, np.int32)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ask(ONE, (2, 1)), "seeds are 2 … 2: the graph has nodes 0 … 1"),
        (lambda: ask(ONE, (0, 0)), "conditions are 0 … 0: transfer has columns for 1 … 3"),
        (lambda: ask(ONE, (0, 4)), "conditions are 4"),
        (lambda: reach(ONE, None, [0, 1], [1], TRANSFER, IDENTITY), "2 seeds and 1 conditions"),
        (lambda: reach(ONE, None, [0], [1], [[0, 2, 2]], [False]), "transfer[0, 1] = 2 is more severe"),
        (lambda: reach(ONE, None, [0], [1], [[0, 1, 0]], [False]), "transfer[0, 2] = 0 is less than what a weaker"),
        (lambda: reach(ONE, None, [0], [1], [[0, -1]], [False]), "transfer has -1 … 0: a condition is 0 … 15"),
        (lambda: reach(ONE, None, [0], [1], [0, 1], [False]), "transfer is int64 (2,)"),
        (lambda: reach(ONE, None, [0], [1], [[0] * 17], [False]), f"n_conditions 2 … {MAX_CONDITIONS}"),
        (lambda: reach(ONE, None, [0], [1], [[0, 1]], [0]), "identity is int64"),
        (lambda: reach(ONE, None, [0], [1], [[0, 1]], [False] * 2), "a bool for each of 1 classes"),
        (lambda: reach(ONE, None, [0.5], [1], TRANSFER, IDENTITY), "seeds is float64"),
        (lambda: ask(ONE, (0, 1), max_depth=-1), "max_depth=-1"),
        (lambda: ask(ONE, (0, 1), n_max=0), "n_max=0: give 1 or more"),
        (lambda: ask(ONE, (0, 1), at=1 << 63), "at=9223372036854775808"),
        (lambda: ask(ONE, (0, 1), direction="down"), "direction='down': choose downstream or upstream"),
        (lambda: neighbours(ONE, None, 2), "node 2: the graph has nodes 0 … 1"),
        (lambda: reach(ONE, None, [0], [1], TRANSFER, IDENTITY).path(2), "row 2: there are 2 answers"),
        (lambda: build_graph([0], [2], [0], [0], 2), "target has 2 … 2: expected 0 … 1"),
        (lambda: build_graph([0], [1], [64], [0], 2), "classes has 64 … 64: expected 0 … 63"),
        (lambda: build_graph([0], [1], [256], [0], 2), "classes has 256 … 256: uint8 does not hold it"),
        (lambda: build_graph([0], [1], [0], [-1], 2), "edges has -1 … -1"),
        (lambda: build_graph([0], [1], [0], [], 2), "have [1, 1, 1, 0] entries"),
        (lambda: build_graph([], [], [], [], -1), "n_nodes=-1"),
        (lambda: build_graph([[0]], [1], [0], [0], 2), "source is int64 (1, 1)"),
        (lambda: build_graph([0], [1], [0], [0], 2, valid_from=np.zeros(1, np.int64)), "only one of valid_from"),
        (
            lambda: build_graph([0], [1], [0], [1], 2, valid_from=np.zeros(1, np.int64), valid_to=np.ones(1, np.int64)),
            "edges go up to 1, but there are 1 intervals",
        ),
        (lambda: Overlay([0], [5], [0], [0], n_nodes=5), "target has 5 … 5: expected 0 … 4"),
        (lambda: Overlay(removed=np.zeros(3, bool)), "removed is bool (3,)"),
        (
            lambda: Overlay([0], [1], [0], [0], valid_from=np.zeros(2, np.int64), valid_to=np.ones(2, np.int64)),
            "2 valid_from and 2 valid_to: give 1 of both",
        ),
        (
            lambda: Graph(ONE.downstream, Adjacency(np.zeros(3, np.int64), EMPTY, np.empty(0, np.uint8), EMPTY)),
            "downstream has 2 nodes and 1 arcs, upstream 2 and 0",
        ),
        (
            lambda: Graph(Adjacency(np.ones(3, np.int64), EMPTY, np.empty(0, np.uint8), EMPTY), ONE.upstream),
            "downstream.offsets do not go from 0 to 0",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused_with_the_value_and_what_was_expected(call: Any, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        call()
