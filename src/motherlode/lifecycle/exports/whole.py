"""The whole graph at a view's moment, read a batch at a time: components, and edges between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from motherlode.lifecycle.completeness import source_gaps
from motherlode.lifecycle.reading import ComponentRow, EdgeRow, Moment, Reading
from motherlode.lifecycle.view import GraphView
from motherlode.lifecycle.walking import walking

__all__ = ["Whole", "WholeComponent", "whole_of"]

_BATCH = 1000


@dataclass(frozen=True, slots=True)
class WholeComponent:
    """A component with what is said of it. attributes: None when nobody describes it."""

    row: ComponentRow
    attributes: dict[str, Any] | None
    owners: tuple[str, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Whole:
    """Everything at one moment. why_incomplete: what is known to be missing from the sources."""

    view: GraphView
    moment: Moment
    why_incomplete: tuple[str, ...]

    def components(self, types: tuple[str, ...] = ()) -> Iterator[WholeComponent]:
        """Those that are described then, or that an edge of then refers to; in the order of their ids."""
        for ids in self._pages("lifecycle_components c", "c.id", _in_types(types)):
            with self.view.database.read() as session:
                reading = Reading(session, self.moment)
                attributes = reading.attributes(ids)
                rest = [number for number in ids if number not in attributes]
                shown = attributes.keys() | {number for number in rest if self._is_referred_to(reading, number)}
                rows = reading.components(shown)
                owners, tags = reading.labels(shown, "owned_by"), reading.labels(shown, "tagged")
            for number in sorted(shown):
                yield WholeComponent(
                    rows[number],
                    attributes.get(number),
                    tuple(owner.name for owner in owners.get(number, ())),
                    tuple(tag.name for tag in tags.get(number, ())),
                )

    def _is_referred_to(self, reading: Reading, number: int) -> bool:
        return any(
            reading.session.one(
                f"SELECT 1 FROM lifecycle_edges e WHERE e.{end} = ? AND {self.moment.where('e')} LIMIT 1", (number,)
            )
            for end in ("source", "target")
        )

    def edges(self) -> Iterator[EdgeRow]:
        """In the order of their ids."""
        sure = f" AND e.confidence >= {self.view.min_confidence!r}" if self.view.min_confidence > 0 else ""
        for ids in self._pages("lifecycle_edges e", "e.id", f" AND {self.moment.where('e')}{sure}"):
            with self.view.database.read() as session:
                rows = Reading(session, self.moment).edges(ids)
            yield from (rows[number] for number in ids)

    def _pages(self, table: str, column: str, condition: str) -> Iterator[list[int]]:
        """Ids in pages, each found in a session of its own, so that a slow reader holds none open."""
        last = -1
        while True:
            with self.view.database.read() as session:
                found = session.execute(
                    f"SELECT {column} FROM {table} WHERE {column} > ?{condition} ORDER BY {column} LIMIT {_BATCH}",
                    (last,),
                )
            if not found:
                return
            last = found[-1][0]
            yield [number for (number,) in found]


def _in_types(types: tuple[str, ...]) -> str:
    """A condition; types are lower-case words, so they are quoted as they are."""
    named = [f"'{name}'" for name in types if name.replace("_", "").isalnum()]
    return f" AND c.type IN ({', '.join(named)})" if named else ""


def whole_of(view: GraphView) -> Whole:
    """The graph of a view, held at the moment of this call whatever is written later."""
    with walking(view) as walk:
        return Whole(view, walk.moment, tuple(source_gaps(walk)))
