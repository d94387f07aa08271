"""The graph at a moment: every question is asked of a view."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from motherlode.core.sql import Database
from motherlode.lifecycle import impact as _impact
from motherlode.lifecycle.lineage import Lineage, lineage, path, unused

if TYPE_CHECKING:
    from motherlode.lifecycle.snapshot import Snapshots

__all__ = ["GraphView"]


class GraphView:
    """The graph as it held at one instant, as recorded by another. Made by `LifecycleGraph.as_of`.

    valid_at, known_at: microseconds since 1970; None: now
    min_confidence: edges less certain than this are not followed
    """

    def __init__(
        self,
        database: Database,
        snapshots: Snapshots,
        clock: Callable[[], int],
        *,
        valid_at: int | None = None,
        known_at: int | None = None,
        min_confidence: float = 0.0,
    ) -> None:
        self.database, self.snapshots, self.clock = database, snapshots, clock
        self.valid_at, self.known_at, self.min_confidence = valid_at, known_at, min_confidence

    impact = _impact.impact
    path = path
    unused = unused

    def upstream(
        self, target: str, *, max_depth: int | None = None, n_max: int | None = None, types: Collection[str] = ()
    ) -> Lineage:
        """What the target is made from; see `lineage`."""
        return lineage(self, target, "upstream", max_depth=max_depth, n_max=n_max, types=types)

    def downstream(
        self, target: str, *, max_depth: int | None = None, n_max: int | None = None, types: Collection[str] = ()
    ) -> Lineage:
        """What is made from the target; see `lineage`."""
        return lineage(self, target, "downstream", max_depth=max_depth, n_max=n_max, types=types)
