"""The one door to the native core of this feature: which nodes are affected, and by what path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from motherlode import _native
from motherlode.errors import InputError

if TYPE_CHECKING:
    from motherlode.lifecycle.csr import Graph, Overlay

__all__ = ["MAX_CONDITIONS", "Direction", "Hop", "Reached", "check_array", "integers", "native", "neighbours", "reach"]

native = _native

MAX_CONDITIONS: int = native.MAX_CONDITIONS
_NO_LIMIT = (1 << 31) - 1

Direction = Literal["downstream", "upstream"]


@dataclass(frozen=True, slots=True)
class Hop:
    """One step of a path: the node, its condition and depth there, and the edge that was crossed (−1 for a seed)."""

    node: int
    condition: int
    depth: int
    edge: int


@dataclass(frozen=True, slots=True)
class Reached:
    """What `reach` found. All arrays have n_rows rows: first the n_nodes answers, one for each node, in settle order
    (condition descending, then depth, identities since either changed, and node ascending), then the other steps that
    paths go through.

    all_nodes: int32; all_conditions: uint8; all_depths: int32
    all_parent_nodes, all_parent_edges: int32, the previous node and the edge crossed from there; −1 for seeds
    all_parent_rows: int32, the row of the previous step, which may be one of the others; −1 for seeds
    truncated: n_max nodes are there and at least one more is affected
    """

    n_nodes: int
    truncated: bool
    all_nodes: NDArray[np.int32]
    all_conditions: NDArray[np.uint8]
    all_depths: NDArray[np.int32]
    all_parent_nodes: NDArray[np.int32]
    all_parent_edges: NDArray[np.int32]
    all_parent_rows: NDArray[np.int32]

    @property
    def nodes(self) -> NDArray[np.int32]:
        """int32 [n_nodes], each once."""
        return self.all_nodes[: self.n_nodes]

    @property
    def conditions(self) -> NDArray[np.uint8]:
        """uint8 [n_nodes], the strongest that each can get."""
        return self.all_conditions[: self.n_nodes]

    @property
    def depths(self) -> NDArray[np.int32]:
        """int32 [n_nodes], the smallest at which it gets that."""
        return self.all_depths[: self.n_nodes]

    @property
    def parent_nodes(self) -> NDArray[np.int32]:
        """int32 [n_nodes], −1 for seeds."""
        return self.all_parent_nodes[: self.n_nodes]

    @property
    def parent_edges(self) -> NDArray[np.int32]:
        """int32 [n_nodes], −1 for seeds."""
        return self.all_parent_edges[: self.n_nodes]

    def path(self, row: int) -> list[Hop]:
        """The steps from a seed to an answer, a row of `nodes`; InputError for a row that is not there."""
        if not 0 <= row < self.n_nodes:
            raise InputError(f"row {row}: there are {self.n_nodes} answers, give a row of `nodes`")
        hops = []
        while row >= 0:
            hops.append(
                Hop(
                    int(self.all_nodes[row]),
                    int(self.all_conditions[row]),
                    int(self.all_depths[row]),
                    int(self.all_parent_edges[row]),
                )
            )
            row = int(self.all_parent_rows[row])
        return hops[::-1]


def reach(
    graph: Graph,
    overlay: Overlay | None,
    seeds: ArrayLike,
    conditions: ArrayLike,
    transfer: ArrayLike,
    identity: ArrayLike,
    direction: Direction = "downstream",
    *,
    max_depth: int | None = None,
    at: int | None = None,
    n_max: int | None = None,
) -> Reached:
    """Every node that the seeds affect: its strongest condition, the smallest depth of that, one such path.

    seeds: int32 [n_seeds], nodes; one given twice counts as its strongest
    conditions: uint8 [n_seeds], theirs, in 1 … n_conditions − 1; larger is more severe, 0 would be "not affected"
    transfer: uint8 [n_classes, n_conditions], n_conditions ≤ `MAX_CONDITIONS`: what a condition becomes across an arc
        of a class; 0 ends there. Never larger than the condition, and monotone in it. Arcs of later classes are closed
    identity: bool [n_classes], classes whose ends are the same thing: crossing one adds nothing to the depth
    direction: "downstream" from sources to targets, "upstream" the other way
    max_depth: paths of more do not count; a node whose strongest condition is further away gets the strongest of those
        within. None: no bound
    at: only arcs whose edges are valid then (valid_from ≤ at < valid_to) count; None: intervals are not looked at
    n_max: stop after so many nodes, the first in settle order, and say so; ≥ 1. None: all

    Of equally good paths the parent is the smallest previous node, then the smallest edge; at equal condition and depth
    a path with fewer identities since either changed comes first. Plain reachability is one condition: ``transfer``
    ones in column 1. Exact, whatever the cycles. Cost: the arcs of the nodes found, once for each of their steps (see
    native/graph/reach.h), nothing that grows with the graph; the GIL is released. Raises InputError.
    """
    chosen = integers("seeds", seeds, np.int32)
    given = integers("conditions", conditions, np.uint8)
    table, same = _rules(transfer, identity)
    n_nodes = max(graph.n_nodes, overlay.n_nodes if overlay is not None else 0)
    for name, value, least in (("max_depth", max_depth, 0), ("n_max", n_max, 1)):
        if value is not None and value < least:
            raise InputError(f"{name}={value}: give {least} or more, or None for no bound")
    try:
        *arrays, n_found, truncated = graph.view.reach(
            *_written(overlay), chosen, given, table, same, _upstream(direction),
            _NO_LIMIT if max_depth is None else min(max_depth, _NO_LIMIT), _instant(at),
            _NO_LIMIT if n_max is None else n_max,
        )  # fmt: skip
    except ValueError:
        # the native core checks the values, in microseconds; what is wrong with them is worked out only here
        _explain(chosen, given, table, n_nodes)
        raise
    return Reached(n_found, truncated, *arrays)


def neighbours(
    graph: Graph,
    overlay: Overlay | None,
    node: int,
    direction: Direction = "downstream",
    at: int | None = None,
) -> tuple[NDArray[np.int32], NDArray[np.uint8], NDArray[np.int32]]:
    """The arcs of one node: (other ends, classes, edges), sorted by them; ``at`` as in `reach`.

    Where nothing is left out or added these are read-only views of the graph's arrays and cost the same for any number;
    otherwise copies. Raises InputError for a node that is not there.
    """
    n_nodes = max(graph.n_nodes, overlay.n_nodes if overlay is not None else 0)
    if not 0 <= node < n_nodes:
        raise InputError(f"node {node}: the graph has nodes 0 … {n_nodes - 1}")
    upstream = _upstream(direction)
    if overlay is None and (at is None or graph.valid_from is None):
        side = graph.upstream if upstream else graph.downstream
        row = slice(int(side.offsets[node]), int(side.offsets[node + 1]))
        mine = side.nodes[row], side.classes[row], side.edges[row]
        for column in mine:
            column.flags.writeable = False
        return mine
    found: tuple[NDArray[np.int32], NDArray[np.uint8], NDArray[np.int32]]
    found = graph.view.neighbours(*_written(overlay), node, upstream, _instant(at))
    return found


def check_array(name: str, array: Any, dtype: type[np.generic]) -> None:
    """Refuses what the native core cannot read as it stands: another type, more dimensions, gaps."""
    if not isinstance(array, np.ndarray) or array.dtype != dtype or array.ndim != 1 or not array.flags.c_contiguous:
        seen = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
        raise InputError(f"{name} is {seen}: give a one-dimensional C-contiguous array of {np.dtype(dtype)}")


def integers(
    name: str, values: ArrayLike, dtype: type[np.signedinteger[Any] | np.unsignedinteger[Any]]
) -> NDArray[Any]:
    """Values as a contiguous array of a type that holds them all; InputError where one does not fit."""
    array = np.asarray(values)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise InputError(f"{name} is {array.dtype} {array.shape}: give a one-dimensional array of whole numbers")
    if array.dtype != dtype and array.size:
        limits = np.iinfo(dtype)
        # of a few numbers Python's own minimum is the faster one
        few = array.tolist() if array.size <= 64 else (int(array.min()), int(array.max()))
        if min(few) < limits.min or max(few) > limits.max:
            raise InputError(f"{name} has {min(few)} … {max(few)}: {np.dtype(dtype)} does not hold it")
    return np.ascontiguousarray(array, dtype=dtype)


def _rules(transfer: ArrayLike, identity: ArrayLike) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    table, same = np.asarray(transfer), np.asarray(identity)
    if table.ndim != 2 or table.dtype.kind not in "iu" or not 2 <= table.shape[1] <= MAX_CONDITIONS:
        raise InputError(
            f"transfer is {table.dtype} {table.shape}: give whole numbers [n_classes, n_conditions], "
            f"n_conditions 2 … {MAX_CONDITIONS}"
        )
    if same.shape != (len(table),) or len(table) > 256 or (same.size and same.dtype != np.bool_):
        raise InputError(f"identity is {same.dtype} {same.shape}: give a bool for each of {len(table)} classes (≤ 256)")
    if table.dtype != np.uint8:
        if table.size and not 0 <= int(table.min()) <= int(table.max()) < 256:
            raise InputError(
                f"transfer has {int(table.min())} … {int(table.max())}: a condition is 0 … {MAX_CONDITIONS - 1}"
            )
        table = table.astype(np.uint8)
    return np.ascontiguousarray(table), np.ascontiguousarray(same, np.uint8)


def _explain(seeds: NDArray[np.int32], conditions: NDArray[np.uint8], table: NDArray[np.uint8], n_nodes: int) -> None:
    """Raises the InputError that says what the native core refused."""
    if len(seeds) != len(conditions):
        raise InputError(f"{len(seeds)} seeds and {len(conditions)} conditions: give one for each seed")
    if len(seeds) and not 0 <= int(seeds.min()) <= int(seeds.max()) < n_nodes:
        raise InputError(f"seeds are {int(seeds.min())} … {int(seeds.max())}: the graph has nodes 0 … {n_nodes - 1}")
    n_conditions = table.shape[1]
    if len(conditions) and not 1 <= int(conditions.min()) <= int(conditions.max()) < n_conditions:
        raise InputError(
            f"conditions are {int(conditions.min())} … {int(conditions.max())}: "
            f"transfer has columns for 1 … {n_conditions - 1}"
        )
    for wrong, what in (
        (table > np.arange(n_conditions), "is more severe than before"),
        (np.diff(table.astype(np.int64), axis=1, prepend=0) < 0, "is less than what a weaker condition becomes"),
    ):
        if wrong.any():
            c, q = (int(i) for i in np.argwhere(wrong)[0])
            raise InputError(
                f"transfer[{c}, {q}] = {int(table[c, q])} {what}: crossing an arc may only weaken, and a stronger "
                "condition may not become weaker than a weaker one"
            )


def _written(overlay: Overlay | None) -> tuple[Any, Any]:
    return (None, None) if overlay is None else (overlay.view, overlay.removed)


def _upstream(direction: str) -> bool:
    if direction not in ("downstream", "upstream"):
        raise InputError(f"direction={direction!r}: choose downstream or upstream")
    return direction == "upstream"


def _instant(at: int | None) -> int | None:
    if at is not None and not -(1 << 63) <= at < 1 << 63:
        raise InputError(f"at={at}: intervals are 64-bit whole numbers")
    return at
