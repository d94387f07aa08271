"""A question's session and moment, without the traversal's arrays: for what is answered by rows alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from motherlode.core.sql import Session
from motherlode.lifecycle.reading import Moment, Reading

if TYPE_CHECKING:
    from motherlode.lifecycle.view import GraphView

__all__ = ["glance", "holding"]


@contextmanager
def glance(view: GraphView) -> Iterator[Reading]:
    """Opens a session at the view's moment. As `walking.walking`, which also loads the graph."""
    with view.database.read() as session:
        yield Reading(session, Moment(view.clock() if view.valid_at is None else view.valid_at, _known(session, view)))


def _known(session: Session, view: GraphView) -> int:
    row = session.one("SELECT value FROM lifecycle_state WHERE name = 'stamp'")
    stamp = 0 if row is None else int(row[0])
    return stamp if view.known_at is None else view.known_at


def holding(moment: Moment, alias: str = "c") -> str:
    """The condition on a component that it is there at the moment: described, or at an end of an edge."""
    return (
        f"(EXISTS (SELECT 1 FROM lifecycle_facts f WHERE f.component = {alias}.id AND {moment.where('f')}) "
        f"OR EXISTS (SELECT 1 FROM lifecycle_edges e WHERE e.source = {alias}.id AND {moment.where('e')}) "
        f"OR EXISTS (SELECT 1 FROM lifecycle_edges e WHERE e.target = {alias}.id AND {moment.where('e')}))"
    )
