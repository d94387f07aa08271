"""``upstream``, ``downstream``, ``path``, ``unused``: what data flows from and to, without asking how badly."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from motherlode.errors import InputError
from motherlode.lifecycle.completeness import source_gaps
from motherlode.lifecycle.kernels import Direction, Reached
from motherlode.lifecycle.present import EdgeArrays, described_components, edges_present, gone_components
from motherlode.lifecycle.propagation import lineage_table
from motherlode.lifecycle.relations import RELATIONS
from motherlode.lifecycle.targets import types_of
from motherlode.lifecycle.walking import Step, Walk, seeds_of, steps_of, walking

if TYPE_CHECKING:
    from motherlode.lifecycle.view import GraphView

__all__ = ["Lineage", "LineageRow", "UnusedRow", "lineage", "path", "unused"]


@dataclass(frozen=True, slots=True)
class LineageRow:
    """One component that data flows from or to. depth: hops; described: whether any provider says what it is."""

    uri: str
    type: str
    name: str
    depth: int
    owners: tuple[str, ...]
    described: bool
    path: tuple[Step, ...]


@dataclass
class Lineage:
    """What is upstream or downstream of a target. ids, depths: int32 [n], by depth; the target is not among them."""

    targets: tuple[str, ...]
    direction: Direction
    ids: NDArray[np.int32]
    depths: NDArray[np.int32]
    truncated: bool
    _view: GraphView = field(repr=False)
    _reached: Reached = field(repr=False)
    _places: NDArray[np.int64] = field(repr=False)
    _types: tuple[str, ...] = field(repr=False)

    def __len__(self) -> int:
        return len(self.rows) if self._types else len(self.ids)

    @cached_property
    def rows(self) -> list[LineageRow]:
        """All of them (of the types asked for), nearest first."""
        return self.rows_at(range(len(self.ids)))

    @property
    def view(self) -> GraphView:
        """The view that was asked."""
        return self._view

    def rows_at(self, positions: Sequence[int]) -> list[LineageRow]:
        """The rows at positions of `ids` (those of the types asked for), without reading the others."""
        at = np.asarray(positions, np.int64)
        columns = (self._places[at].tolist(), self.ids[at].tolist(), self.depths[at].tolist())
        with walking(self.view) as walk:
            components = walk.reading.components(columns[1])
            chosen = [
                (place, number, depth)
                for place, number, depth in zip(*columns, strict=True)
                if not self._types or components[number].type in self._types
            ]
            numbers = [number for _, number, _ in chosen]
            described = walk.reading.described(numbers)
            owners = walk.reading.labels(numbers, "owned_by")
            paths = steps_of(walk, self._reached, [place for place, _, _ in chosen])
        return [
            LineageRow(
                components[number].uri,
                components[number].type,
                components[number].name,
                depth,
                tuple(owner.name for owner in owners.get(number, ())),
                number in described,
                tuple(paths[place]),
            )
            for place, number, depth in chosen
        ]

    @cached_property
    def why_incomplete(self) -> list[str]:
        """What is known to be missing."""
        found = ["not all were looked for (n_max or max_depth)"] if self.truncated else []
        with walking(self._view) as walk:
            n_unknown = len(self.ids) - len(walk.reading.described(self.ids.tolist()))
            if n_unknown:
                found.append(f"{n_unknown:,} of them were referred to but never described")
            found += source_gaps(walk)
        if self._view.min_confidence > 0:
            found.append(f"edges with a confidence below {self._view.min_confidence:g} were not followed")
        return found

    @property
    def complete(self) -> bool:
        """Whether nothing is known to be missing."""
        return not self.why_incomplete


def lineage(
    view: GraphView,
    target: str,
    direction: Direction,
    *,
    max_depth: int | None = None,
    n_max: int | None = None,
    types: Collection[str] = (),
) -> Lineage:
    """Everything that data flows from ("upstream") or to ("downstream").

    max_depth: hops; None: no bound. n_max: how many components; None: all. Where either leaves something out, the
    answer is `truncated`. types: only components of these, or of what a word as "table" stands for, are shown, found
    through whatever is between. Raises InputError for an unknown or ambiguous target and for an unknown type. Cost: the
    edges of what is found.
    """
    with walking(view) as walk:
        chosen = types_of(walk.reading.session, types)
        found = seeds_of(walk, target)
        seeds = [row.id for row in found]
        reached, is_cut = walk.bounded(seeds, lineage_table(), direction=direction, max_depth=max_depth, n_max=n_max)
        kept = view.pinned_to(walk.pin)
    others = np.flatnonzero(~np.isin(reached.nodes, np.array(seeds, np.int32)))
    places = others[np.lexsort((reached.nodes[others], reached.depths[others]))]
    return Lineage(
        tuple(row.uri for row in found),
        direction,
        reached.nodes[places],
        reached.depths[places],
        reached.truncated or is_cut,
        kept,
        reached,
        places,
        chosen,
    )


def path(view: GraphView, source: str, target: str) -> list[Step]:
    """One of the shortest ways that data flows from source to target; [] when there is none.

    Raises InputError for an unknown or ambiguous name.
    """
    with walking(view) as walk:
        starts, ends = seeds_of(walk, source), {row.id for row in seeds_of(walk, target)}
        if ends & {row.id for row in starts}:
            raise InputError(f"{source!r} and {target!r} are the same thing; a path needs two")
        reached = walk.reach([row.id for row in starts], lineage_table())
        places = np.flatnonzero(np.isin(reached.nodes, np.array(sorted(ends), np.int32)))
        if not len(places):
            return []
        place = int(places[np.argmin(reached.depths[places])])
        return steps_of(walk, reached, [place])[place]


@dataclass(frozen=True, slots=True)
class UnusedRow:
    """A component that nothing reads."""

    uri: str
    type: str
    name: str
    owners: tuple[str, ...]


_PARTS = tuple(RELATIONS[name].code for name in ("has_column", "has_version", "has_feature", "has_run"))
_NO_USE = (*_PARTS, RELATIONS["same_as"].code, RELATIONS["current_of"].code)


def unused(
    view: GraphView, types: Collection[str] = ("dataset", "feature", "feature_view", "model")
) -> list[UnusedRow]:
    """Components of some types that nothing is recorded to use: candidates for deprecation, by type and name.

    Use is a flow edge to anything else that is not a mere part of it (its columns, versions, runs, features) and that
    no source has said to be gone; for a dataset, use of one of its columns is use; for a feature view, of one of its
    features; for a model, of a version. The same things under other addresses count together. Who is only referred to
    and never described is a user all the same. Raises InputError for an unknown type. Cost: one pass over the edges in
    memory, and the rows of what is listed.
    """
    with walking(view) as walk:
        kinds = types_of(walk.reading.session, types)
        used = _used(walk, edges_present(walk, view.min_confidence))
        numbers: list[int] = []
        for kind in kinds:
            rows = walk.reading.session.cursor_rows("SELECT id FROM lifecycle_components WHERE type = ?", (kind,))
            ids = np.fromiter((number for (number,) in rows), np.int64)
            ids = ids[ids < len(used)]
            numbers += ids[~used[ids]].tolist()
        described = walk.reading.described(numbers)
        components = walk.reading.components(described)
        owners = walk.reading.labels(described, "owned_by")
    found = [
        UnusedRow(row.uri, row.type, row.name, tuple(owner.name for owner in owners.get(number, ())))
        for number, row in components.items()
    ]
    return sorted(found, key=lambda row: (row.type, row.name, row.uri))


def _used(walk: Walk, edges: EdgeArrays) -> NDArray[np.bool_]:
    """Which components are used, themselves, in a part, or under another address: bool [n_components]."""
    used = np.zeros(walk.snapshot.n_components, np.bool_)
    flow = np.array([relation.flow and relation.code not in _NO_USE for relation in RELATIONS.values()])
    uses = flow[edges.relation] & (edges.source != edges.target)
    is_gone = np.zeros(len(used), np.bool_)
    users = np.zeros(len(used), np.bool_)
    users[edges.target[uses]] = True
    is_gone[gone_components(walk, np.flatnonzero(users & ~described_components(walk)))] = True
    used[edges.source[uses & ~is_gone[edges.target]]] = True
    parts = np.isin(edges.relation, np.array(_PARTS, np.uint8))
    same = edges.relation == RELATIONS["same_as"].code
    whole = np.concatenate([edges.source[parts], edges.source[same], edges.target[same]])
    part = np.concatenate([edges.target[parts], edges.target[same], edges.source[same]])
    while True:  # once for each link of the longest chain of parts
        before = int(np.count_nonzero(used))
        used[whole[used[part]]] = True
        if int(np.count_nonzero(used)) == before:
            return used
