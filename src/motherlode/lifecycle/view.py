"""The graph at a moment: every question is asked of a view."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from motherlode.core.sql import Database
from motherlode.lifecycle import impact as _impact
from motherlode.lifecycle.detail import owners, show
from motherlode.lifecycle.difference import diff
from motherlode.lifecycle.doctor import doctor
from motherlode.lifecycle.fingerprint import fingerprint
from motherlode.lifecycle.lineage import Lineage, lineage, path, unused
from motherlode.lifecycle.search import search
from motherlode.lifecycle.selectors import select

if TYPE_CHECKING:
    from motherlode.lifecycle.snapshot import Snapshots
    from motherlode.lifecycle.walking import Pin

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
        self.pinned: Pin | None = None

    def pinned_to(self, pin: Pin) -> GraphView:
        """The view as an answer saw it: later writes are not in it."""
        view = GraphView(
            self.database,
            self.snapshots,
            self.clock,
            valid_at=self.valid_at,
            known_at=self.known_at,
            min_confidence=self.min_confidence,
        )
        view.pinned = pin
        return view

    impact = _impact.impact
    path = path
    unused = unused
    fingerprint = fingerprint
    search = search
    select = select
    show = show
    owners = owners
    diff = diff
    doctor = doctor

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
