"""The lifecycle graph as arrays: compressed rows both ways, and the small overlay of what was written since.

Nodes are 0 … n_nodes − 1. An arc goes from a source to a target (upstream → downstream), has a class (what the relation
means for propagation) and the row of the reified edge that it comes from; one edge may give several arcs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from motherlode.errors import InputError
from motherlode.lifecycle.kernels import check_array, integers, native

__all__ = ["MAX_CLASSES", "MAX_NODES", "Adjacency", "Graph", "Overlay", "build_graph"]

MAX_CLASSES = 64
MAX_NODES = (1 << 31) - 2


@dataclass(frozen=True, slots=True)
class Adjacency:
    """Arcs of every node, one way; C-contiguous arrays in memory or mapped read-only.

    offsets: int64 [n_nodes + 1], row v is ``offsets[v]:offsets[v + 1]``
    nodes: int32 [n_arcs], the other end; a row ascends by (node, class, edge)
    classes: uint8 [n_arcs]
    edges: int32 [n_arcs]
    """

    offsets: NDArray[np.int64]
    nodes: NDArray[np.int32]
    classes: NDArray[np.uint8]
    edges: NDArray[np.int32]


class Graph:
    """A base graph that never changes: its arcs both ways, and maybe when its edges are valid.

    downstream, upstream: the same arcs by source and by target, as `build_graph` makes them
    valid_from, valid_to: int64 [n_edges], half-open intervals of the edges, in any unit of time; None: always valid

    Keeps the arrays and copies nothing. Damaged arrays give wrong answers, but are never read past their ends: an arc
    to a node that is not there is not crossed, and an edge without an interval is never valid. Safe to use from several
    threads. Raises InputError for types, shapes or lengths that do not go together.
    """

    def __init__(
        self,
        downstream: Adjacency,
        upstream: Adjacency,
        valid_from: NDArray[np.int64] | None = None,
        valid_to: NDArray[np.int64] | None = None,
    ) -> None:
        for name, side in (("downstream", downstream), ("upstream", upstream)):
            _check_adjacency(name, side)
        if len(downstream.offsets) != len(upstream.offsets) or len(downstream.nodes) != len(upstream.nodes):
            raise InputError(
                f"downstream has {len(downstream.offsets) - 1} nodes and {len(downstream.nodes)} arcs, upstream "
                f"{len(upstream.offsets) - 1} and {len(upstream.nodes)}: give the two ways of one graph"
            )
        _check_intervals(valid_from, valid_to, None)
        self.downstream = downstream
        self.upstream = upstream
        self.valid_from = valid_from
        self.valid_to = valid_to
        self.view: Any = native.GraphView(
            downstream.offsets, downstream.nodes, downstream.classes, downstream.edges,
            upstream.offsets, upstream.nodes, upstream.classes, upstream.edges, valid_from, valid_to,
        )  # fmt: skip
        """The native graph, for `motherlode.lifecycle.kernels`."""

    @property
    def n_nodes(self) -> int:
        return len(self.downstream.offsets) - 1

    @property
    def n_arcs(self) -> int:
        return len(self.downstream.nodes)


class Overlay:
    """Arcs that are searched beside a base graph, and the base's edges that are gone: a write, visible at once.

    source, target: int32 [n_arcs], nodes of the base or new ones below n_nodes
    classes: uint8 [n_arcs], below `MAX_CLASSES`
    edges: int32 [n_arcs], ≥ 0; may be rows that the base does not have
    n_nodes: how many nodes base and overlay have together; None: as many as the largest node here asks for
    valid_from, valid_to: int64 [n_arcs], half-open, by arc (not by edge); None: always valid
    removed: uint8 [n], not 0 where the base's arcs of that edge row no longer count; edges past its end are there. Not
        copied, so that the caller can mark one more; arcs of the overlay are not looked up in it.

    Cost: O(n_arcs log n_arcs), whatever the base's size. Raises InputError for what is out of range.
    """

    def __init__(
        self,
        source: ArrayLike = (),
        target: ArrayLike = (),
        classes: ArrayLike = (),
        edges: ArrayLike = (),
        *,
        n_nodes: int | None = None,
        valid_from: NDArray[np.int64] | None = None,
        valid_to: NDArray[np.int64] | None = None,
        removed: NDArray[np.uint8] | None = None,
    ) -> None:
        needed = max((int(np.max(ends)) + 1 for ends in (source, target) if np.size(ends)), default=0)
        self.n_nodes = needed if n_nodes is None else n_nodes
        if not 0 <= self.n_nodes <= MAX_NODES:
            raise InputError(f"n_nodes={self.n_nodes}: give 0 … {MAX_NODES}")
        arcs = _check_arcs(source, target, classes, edges, self.n_nodes)
        self.n_arcs = len(arcs[0])
        _check_intervals(valid_from, valid_to, self.n_arcs)
        if removed is not None:
            check_array("removed", removed, np.uint8)
        self.removed = removed
        self.view: Any = native.OverlayView(*arcs, self.n_nodes, valid_from, valid_to)
        """The native overlay, for `motherlode.lifecycle.kernels`."""


def build_graph(
    source: ArrayLike,
    target: ArrayLike,
    classes: ArrayLike,
    edges: ArrayLike,
    n_nodes: int,
    *,
    valid_from: NDArray[np.int64] | None = None,
    valid_to: NDArray[np.int64] | None = None,
) -> Graph:
    """Compresses arcs both ways, sorted, without the GIL.

    source, target: int32 [n_arcs], each in 0 … n_nodes − 1; arcs from a node to itself and equal arcs are kept
    classes: uint8 [n_arcs], below `MAX_CLASSES`
    edges: int32 [n_arcs], rows of the edges, ≥ 0
    valid_from, valid_to: int64 [n_edges] of the edges, n_edges above every edge

    Equal arcs in any order give equal arrays. Cost: counting sorts, O(n_nodes + n_arcs) and a sort of each row; 9 bytes
    an arc and 8 a node each way, and once more 8 a node while it runs. Raises InputError for what is out of range.
    """
    if not 0 <= n_nodes <= MAX_NODES:
        raise InputError(f"n_nodes={n_nodes}: give 0 … {MAX_NODES}")
    arcs = _check_arcs(source, target, classes, edges, n_nodes)
    n_arcs = len(arcs[0])
    _check_intervals(valid_from, valid_to, None)
    if valid_from is not None and n_arcs and int(arcs[3].max()) >= len(valid_from):
        raise InputError(
            f"edges go up to {int(arcs[3].max())}, but there are {len(valid_from)} intervals: give one for each edge"
        )
    sides = [
        Adjacency(
            np.empty(n_nodes + 1, np.int64),
            np.empty(n_arcs, np.int32),
            np.empty(n_arcs, np.uint8),
            np.empty(n_arcs, np.int32),
        )
        for _ in range(2)
    ]
    down, up = sides
    native.build_adjacency(
        *arcs, down.offsets, down.nodes, down.classes, down.edges, up.offsets, up.nodes, up.classes, up.edges
    )
    return Graph(down, up, valid_from, valid_to)


def _check_arcs(
    source: ArrayLike, target: ArrayLike, classes: ArrayLike, edges: ArrayLike, n_nodes: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.uint8], NDArray[np.int32]]:
    arcs = (
        integers("source", source, np.int32),
        integers("target", target, np.int32),
        integers("classes", classes, np.uint8),
        integers("edges", edges, np.int32),
    )
    if len({len(column) for column in arcs}) != 1:
        lengths = [len(column) for column in arcs]
        raise InputError(f"source, target, classes and edges have {lengths} entries: give one of each for every arc")
    names, limits = ("source", "target", "classes", "edges"), (n_nodes, n_nodes, MAX_CLASSES, 1 << 31)
    for name, column, limit in zip(names, arcs, limits, strict=True):
        if len(column) and not 0 <= int(column.min()) <= int(column.max()) < limit:
            raise InputError(f"{name} has {int(column.min())} … {int(column.max())}: expected 0 … {limit - 1}")
    return arcs


def _check_adjacency(name: str, side: Adjacency) -> None:
    check_array(f"{name}.offsets", side.offsets, np.int64)
    check_array(f"{name}.nodes", side.nodes, np.int32)
    check_array(f"{name}.classes", side.classes, np.uint8)
    check_array(f"{name}.edges", side.edges, np.int32)
    n_arcs = len(side.nodes)
    if len(side.classes) != n_arcs or len(side.edges) != n_arcs:
        raise InputError(f"{name} has {n_arcs} nodes, {len(side.classes)} classes, {len(side.edges)} edges: one each")
    if len(side.offsets) == 0 or side.offsets[0] != 0 or side.offsets[-1] != n_arcs:
        raise InputError(f"{name}.offsets do not go from 0 to {n_arcs}, the number of arcs: build the graph anew")


def _check_intervals(valid_from: Any, valid_to: Any, n_arcs: int | None) -> None:
    if (valid_from is None) != (valid_to is None):
        raise InputError("only one of valid_from and valid_to was given: give both or neither")
    if valid_from is None:
        return
    check_array("valid_from", valid_from, np.int64)
    check_array("valid_to", valid_to, np.int64)
    if len(valid_from) != len(valid_to) or (n_arcs is not None and len(valid_from) != n_arcs):
        expected = "as many of both" if n_arcs is None else f"{n_arcs} of both, one for each arc"
        raise InputError(f"{len(valid_from)} valid_from and {len(valid_to)} valid_to: give {expected}")
