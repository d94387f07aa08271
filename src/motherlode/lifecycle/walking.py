"""One question's view of the graph: a session, a moment, the snapshot; walks over it and the paths they took."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from motherlode.errors import InputError
from motherlode.lifecycle.csr import Overlay
from motherlode.lifecycle.kernels import Direction, Reached, neighbours, reach
from motherlode.lifecycle.propagation import identity_classes, lineage_table
from motherlode.lifecycle.reading import ComponentRow, Moment, Reading
from motherlode.lifecycle.snapshot import Snapshot
from motherlode.lifecycle.targets import find

if TYPE_CHECKING:
    from motherlode.lifecycle.view import GraphView

__all__ = ["Pin", "Step", "Walk", "seeds_of", "steps_of", "walking"]


@dataclass(frozen=True, slots=True)
class Step:
    """One hop of a path, as evidence: "source RELATION target", who says so and how sure.

    forward: whether the path crosses it from source to target
    confidence: of the edge; rule: that concluded it, None for what a provider states
    confirmed_at: microseconds since 1970, when its provider last said so
    """

    source: str
    relation: str
    target: str
    forward: bool
    provider: str
    evidence: str
    confidence: float
    rule: str | None
    confirmed_at: int


Pin = tuple[Snapshot, Overlay | None, Moment]
"""The arrays and the moment of one answer."""


@dataclass
class Walk:
    """The state of the world that one question sees."""

    reading: Reading
    snapshot: Snapshot
    overlay: Overlay | None
    moment: Moment

    @property
    def pin(self) -> Pin:
        """What an answer keeps, so that what is read of it later belongs to it, whatever was written meanwhile."""
        return self.snapshot, self.overlay, self.moment

    def reach(
        self,
        seeds: Sequence[int] | NDArray[np.int32],
        table: NDArray[np.uint8],
        *,
        condition: int = 1,
        direction: Direction = "downstream",
        max_depth: int | None = None,
        n_max: int | None = None,
    ) -> Reached:
        """As `kernels.reach`, with one condition for all seeds and the moment's instant."""
        chosen = np.asarray(seeds, np.int32)
        return reach(
            self.snapshot.graph,
            self.overlay,
            chosen,
            np.full(len(chosen), condition, np.uint8),
            table,
            identity_classes(),
            direction,
            max_depth=max_depth,
            at=self.moment.valid_at,
            n_max=n_max,
        )

    def bounded(
        self,
        seeds: Sequence[int],
        table: NDArray[np.uint8],
        *,
        condition: int = 1,
        direction: Direction = "downstream",
        max_depth: int | None = None,
        n_max: int | None = None,
    ) -> tuple[Reached, bool]:
        """As `reach`, with n_max counted without the seeds; and whether max_depth left something out or weaker."""
        limit = None if n_max is None else n_max + len(seeds)

        def within(depth: int | None) -> Reached:
            return self.reach(seeds, table, condition=condition, direction=direction, max_depth=depth, n_max=limit)

        reached = within(max_depth)
        if max_depth is None or reached.truncated:
            return reached, False
        further = within(max_depth + 1)
        is_same = not further.truncated and np.array_equal(np.sort(further.nodes), np.sort(reached.nodes))
        return reached, not (is_same and np.array_equal(np.sort(further.conditions), np.sort(reached.conditions)))

    def same(self, nodes: Iterable[int]) -> NDArray[np.int32]:
        """The nodes and everything that is the same thing."""
        table = np.where(identity_classes()[:, None], lineage_table(), np.uint8(0))
        return self.reach(list(nodes), table).nodes

    def around(self, node: int, direction: Direction) -> Iterator[tuple[int, int, int]]:
        """(other node, class, edge row) of the arcs at one node that are valid now."""
        found = neighbours(self.snapshot.graph, self.overlay, node, direction, at=self.moment.valid_at)
        return zip(*(column.tolist() for column in found), strict=True)


@contextmanager
def walking(view: GraphView) -> Iterator[Walk]:
    """Opens a session and the snapshot that belongs to it; of a view that an answer holds, the answer's own."""
    with view.database.read() as session:
        if view.pinned is not None:
            snapshot, overlay, moment = view.pinned
            yield Walk(Reading(session, moment), snapshot, overlay, moment)
            return
        snapshot = view.snapshots.at(session, view.known_at)
        valid_at = view.clock() if view.valid_at is None else view.valid_at
        moment = Moment(valid_at, snapshot.stamp if view.known_at is None else view.known_at)
        overlay = view.snapshots.overlay(snapshot, view.min_confidence)
        yield Walk(Reading(session, moment), snapshot, overlay, moment)
    view.snapshots.save()


def seeds_of(walk: Walk, target: str) -> list[ComponentRow]:
    """The one component that a target means, with everything that is the same thing.

    Raises InputError when there is none, or when several different things bear the name.
    """
    found = [row for row in find(walk.reading.session, target) if row.id < walk.snapshot.n_components]
    if not found:
        raise InputError(f"{target!r} was not known yet at that recorded time")
    same = walk.same([found[0].id])
    strangers = [row for row in found if row.id not in set(same.tolist())]
    if strangers:
        named = "\n".join(f"  {row.uri}" for row in [found[0], *strangers[:9]])
        raise InputError(f"{target!r} names {1 + len(strangers)} different things; give one address:\n{named}")
    return list(walk.reading.components(same.tolist()).values())


def steps_of(walk: Walk, reached: Reached, rows: Iterable[int]) -> dict[int, list[Step]]:
    """The path of each answer (a row of `reached`), as steps with their evidence."""
    snapshot = walk.snapshot
    paths = {row: reached.path(row) for row in rows}
    used = {hop.edge for path in paths.values() for hop in path if hop.edge >= 0}
    numbers = {edge: snapshot.edge_id(edge) for edge in used}
    edges = walk.reading.edges(numbers.values())
    confirmed = confirmations(walk, edges.keys())
    addresses = {
        row.id: row.uri
        for row in walk.reading.components({hop.node for path in paths.values() for hop in path}).values()
    }
    steps: dict[int, list[Step]] = {}
    for row, path in paths.items():
        steps[row] = []
        for hop in path:
            if hop.edge < 0:
                continue
            edge = edges[numbers[hop.edge]]
            steps[row].append(
                Step(
                    edge.source,
                    edge.relation,
                    edge.target,
                    addresses[hop.node] == edge.target,
                    edge.provider,
                    edge.evidence,
                    edge.confidence,
                    edge.aspect if edge.provider == "inference" else None,
                    confirmed[edge.id],
                )
            )
    return steps


def confirmations(walk: Walk, edges: Iterable[int]) -> dict[int, int]:
    """When each edge was last said to hold: by its provider's last whole listing, or when it was recorded; of a
    conclusion, when the oldest of its premises was.
    """
    providers = walk.reading.providers()
    rows = walk.reading.edges(edges)
    found: dict[int, int] = {}
    inferred: list[int] = []
    for number, row in rows.items():
        swept = providers[row.provider_id].swept_from or 0
        found[number] = max(row.recorded_from, min(swept, walk.moment.known_at))
        if row.provider == "inference":
            inferred.append(number)
    if inferred:
        supports = walk.reading.premises(inferred)
        needed = {premise for its in supports.values() for support in its for premise in support}
        below = confirmations(walk, needed - found.keys()) | found
        for number in inferred:
            ages = [
                min(below.get(premise, found[number]) for premise in support) for support in supports.get(number, [])
            ]
            found[number] = max(ages, default=found[number])
    return found
