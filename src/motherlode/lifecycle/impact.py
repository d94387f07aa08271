"""``impact``: which components are affected by a change, how badly, by what path, and how far to believe it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from motherlode.errors import InputError
from motherlode.lifecycle.completeness import gaps
from motherlode.lifecycle.kernels import Reached
from motherlode.lifecycle.propagation import CHANGES, Severity, impact_table
from motherlode.lifecycle.walking import Step, confirmations, seeds_of, steps_of, walking

if TYPE_CHECKING:
    from motherlode.lifecycle.view import GraphView

__all__ = ["ImpactReport", "ImpactRow", "impact"]


@dataclass(frozen=True, slots=True)
class ImpactRow:
    """One affected component. depth: hops from the change; path: the evidence, from the change to here; confidence: of
    its least certain hop; owners: names.
    """

    uri: str
    type: str
    name: str
    severity: str
    depth: int
    owners: tuple[str, ...]
    confidence: float
    path: tuple[Step, ...]


@dataclass
class ImpactReport:
    """The answer to "what breaks if I change this?".

    ids, depths, severities: int32, int32, uint8 [n], sorted by severity (worst first), then depth; the targets are not
    among them. Everything else is read when it is asked for, as of the same moment.
    """

    targets: tuple[str, ...]
    change: str
    ids: NDArray[np.int32]
    depths: NDArray[np.int32]
    severities: NDArray[np.uint8]
    _view: GraphView = field(repr=False)
    _reached: Reached = field(repr=False)
    _places: NDArray[np.int64] = field(repr=False)
    _cut_at: int | None = field(repr=False)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def view(self) -> GraphView:
        """The view that was asked."""
        return self._view

    @cached_property
    def rows(self) -> list[ImpactRow]:
        """All affected components, worst first."""
        return self.first(len(self))

    def first(self, n: int) -> list[ImpactRow]:
        """The first n rows, without reading the others."""
        return self.rows_at(range(min(n, len(self))))

    def rows_at(self, positions: Sequence[int]) -> list[ImpactRow]:
        """The rows at positions of `ids`, without reading the others."""
        chosen = np.asarray(positions, np.int64)
        with walking(self.view) as walk:
            ids, places = self.ids[chosen].tolist(), self._places[chosen].tolist()
            components = walk.reading.components(ids)
            owners = walk.reading.labels(ids, "owned_by")
            paths = steps_of(walk, self._reached, places)
        rows = []
        for place, number, depth, severity in zip(
            places, ids, self.depths[chosen].tolist(), self.severities[chosen].tolist(), strict=True
        ):
            row, steps = components[number], paths[place]
            rows.append(
                ImpactRow(
                    row.uri,
                    row.type,
                    row.name,
                    Severity(severity).name,
                    depth,
                    tuple(owner.name for owner in owners.get(number, ())),
                    min((step.confidence for step in steps), default=1.0),
                    tuple(steps),
                )
            )
        return rows

    @property
    def paths(self) -> dict[str, tuple[Step, ...]]:
        """Evidence by address."""
        return {row.uri: row.path for row in self.rows}

    @cached_property
    def why_incomplete(self) -> list[str]:
        """What the graph does not know that could add to this answer; [] when nothing is known to be missing."""
        with walking(self._view) as walk:
            found = gaps(walk, self._reached)
        if self._reached.truncated:
            found.insert(0, f"only the first {len(self)} affected components were looked for (n_max)")
        if self._cut_at is not None:
            found.insert(0, f"components more than {self._cut_at} hops away were not looked at (max_depth)")
        if self._view.min_confidence > 0:
            found.append(f"edges with a confidence below {self._view.min_confidence:g} were not followed")
        return found

    @property
    def complete(self) -> bool:
        """Whether nothing is known to be missing."""
        return not self.why_incomplete

    @cached_property
    def oldest_hop(self) -> int | None:
        """When the least recently confirmed edge of all paths was confirmed, microseconds since 1970; None without any.

        An answer is only as fresh as that.
        """
        with walking(self._view) as walk:
            used = {int(edge) for edge in self._reached.all_parent_edges if edge >= 0}
            ages = confirmations(walk, [walk.snapshot.edge_id(edge) for edge in used])
        return min(ages.values(), default=None)

    @cached_property
    def confidence(self) -> float:
        """Of the least certain edge of all paths; 1 without any."""
        with walking(self._view) as walk:
            used = {int(edge) for edge in self._reached.all_parent_edges if edge >= 0}
            return min((walk.snapshot.confidence(edge) for edge in used), default=1.0)

    def count(self, severity: str | None = None, type: str | None = None) -> int:  # noqa: A002 - the column's name
        """How many rows there are, of a severity, of a type."""
        if severity is not None and severity not in Severity.__members__:
            raise InputError(f"severity {severity!r}: expected one of BREAKS, DEGRADES, STALE, INFORM, MASKED")
        if type is None:
            return len(self) if severity is None else int(np.count_nonzero(self.severities == Severity[severity]))
        return sum(1 for row in self.rows if row.type == type and severity in (None, row.severity))

    @property
    def worst(self) -> str | None:
        """The strongest severity among the rows; None without any."""
        return Severity(int(self.severities.max())).name if len(self) else None


def impact(
    view: GraphView,
    target: str | Sequence[str],
    change: str = "drop",
    *,
    max_depth: int | None = None,
    n_max: int | None = None,
) -> ImpactReport:
    """What a change to one or several components does downstream.

    target: an address, ``type:name`` or a name; several are one change to all of them
    change: drop, delete, rename, retype, null_rate, distribution, freshness or deprecate
    max_depth: hops; None: no bound. n_max: how many components; None: all. Either makes the answer say so

    Raises InputError for an unknown target, an ambiguous one, or another kind of change. Exact on what is recorded;
    `complete` says whether that is known to be all. Cost: the edges of what is affected.
    """
    table = impact_table(change)
    names = (target,) if isinstance(target, str) else tuple(target)
    if not names:
        raise InputError("impact of nothing: name at least one component")
    with walking(view) as walk:
        found = [row for name in names for row in seeds_of(walk, name)]
        seeds = tuple(dict.fromkeys(row.id for row in found))
        reached, is_cut = walk.bounded(seeds, table, condition=Severity.SAME, max_depth=max_depth, n_max=n_max)
        kept = view.pinned_to(walk.pin)
    return _report(
        kept, tuple(dict.fromkeys(row.uri for row in found)), change, seeds, reached, max_depth if is_cut else None
    )


def _report(
    view: GraphView, targets: tuple[str, ...], change: str, seeds: tuple[int, ...], reached: Reached, cut_at: int | None
) -> ImpactReport:
    severities = reached.conditions.copy()
    severities[severities == Severity.SAME] = CHANGES[change].severity
    others = np.flatnonzero(~np.isin(reached.nodes, np.array(seeds, np.int32)))
    order = np.lexsort((reached.nodes[others], reached.depths[others], -severities[others].astype(np.int8)))
    places = others[order]
    return ImpactReport(
        targets,
        change,
        reached.nodes[places],
        reached.depths[places],
        severities[places],
        view,
        reached,
        places,
        cut_at,
    )
