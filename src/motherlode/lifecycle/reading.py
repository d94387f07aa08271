"""Reads of rows: components, what is recorded of them, edges, providers; each as of one moment on both axes."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from motherlode.core.sql import Session, in_batches, places
from motherlode.lifecycle.relations import RELATION_NAMES, RELATIONS

__all__ = ["ComponentRow", "EdgeRow", "Moment", "ProviderRow", "Reading"]

_EDGE = (
    "e.id, s.uri, e.relation, t.uri, p.name, p.scope, e.aspect, e.confidence, e.evidence, e.valid_from, e.valid_to, "
    "e.recorded_from, e.recorded_to, e.provider FROM lifecycle_edges e JOIN lifecycle_components s ON s.id = e.source "
    "JOIN lifecycle_components t ON t.id = e.target JOIN lifecycle_providers p ON p.id = e.provider"
)


@dataclass(frozen=True, slots=True)
class Moment:
    """A point on both axes, microseconds since 1970: what held at valid_at, as recorded at known_at."""

    valid_at: int
    known_at: int

    def where(self, alias: str) -> str:
        """The condition on a row's intervals, with numbers that are ours."""
        return (
            f"{alias}.valid_from <= {self.valid_at} AND {alias}.valid_to > {self.valid_at} "
            f"AND {alias}.recorded_from <= {self.known_at} AND {alias}.recorded_to > {self.known_at}"
        )


@dataclass(frozen=True, slots=True)
class ComponentRow:
    """A component's address and name."""

    id: int
    uri: str
    type: str
    platform: str
    name: str


@dataclass(frozen=True, slots=True)
class EdgeRow:
    """A reified edge as recorded, with addresses for ids."""

    id: int
    source: str
    relation: str
    target: str
    provider: str
    scope: str
    aspect: str
    confidence: float
    evidence: str
    valid_from: int
    valid_to: int
    recorded_from: int
    recorded_to: int
    provider_id: int


@dataclass(frozen=True, slots=True)
class ProviderRow:
    """A provider's state. Instants in microseconds, None: never."""

    id: int
    name: str
    scope: str
    is_listing: bool
    swept_from: int | None
    heard_at: int | None
    n_rejected: int
    error: str | None


class Reading:
    """Reads in one session, at one moment."""

    def __init__(self, session: Session, moment: Moment) -> None:
        self.session, self.moment = session, moment

    def components(self, ids: Iterable[int]) -> dict[int, ComponentRow]:
        """By id."""
        found = {}
        for batch in in_batches(sorted(set(ids))):
            for row in self.session.execute(
                f"SELECT id, uri, type, platform, name FROM lifecycle_components WHERE id IN ({places(batch)})", batch
            ):
                found[row[0]] = ComponentRow(*row)
        return found

    def attributes(self, ids: Collection[int]) -> dict[int, dict[str, Any]]:
        """What providers say of described components; a component that is only referred to is not there.

        Where two say different things of one attribute, the one whose provider's name comes last stands.
        """
        found: dict[int, dict[str, Any]] = {}
        for batch in in_batches(sorted(ids)):
            for number, attributes in self.session.execute(
                "SELECT f.component, c.attributes FROM lifecycle_facts f JOIN lifecycle_contents c ON c.id = f.content "
                "JOIN lifecycle_providers p ON p.id = f.provider "
                f"WHERE f.component IN ({places(batch)}) AND {self.moment.where('f')} "
                "ORDER BY f.component, p.name, p.scope, f.aspect",
                batch,
            ):
                found.setdefault(number, {}).update(json.loads(attributes))
        return found

    def described(self, ids: Collection[int]) -> set[int]:
        """Those of which at least one provider says something; a column, also when its table's schema has it."""
        found: set[int] = set()
        for batch in in_batches(sorted(ids)):
            rows = self.session.execute(
                f"SELECT DISTINCT f.component FROM lifecycle_facts f WHERE f.component IN ({places(batch)}) "
                f"AND {self.moment.where('f')}",
                batch,
            )
            rows += self.session.execute(
                f"SELECT DISTINCT e.target FROM lifecycle_edges e WHERE e.target IN ({places(batch)}) "
                f"AND e.relation = {RELATIONS['has_column'].code} AND {self.moment.where('e')}",
                batch,
            )
            found.update(number for (number,) in rows)
        return found

    def labels(self, ids: Collection[int], relation: str) -> dict[int, list[ComponentRow]]:
        """Owners, tags or groups: the targets of a relation that is not flow."""
        found: dict[int, dict[int, ComponentRow]] = defaultdict(dict)
        for batch in in_batches(sorted(ids)):
            for source, *target in self.session.execute(
                "SELECT e.source, c.id, c.uri, c.type, c.platform, c.name FROM lifecycle_edges e "
                f"JOIN lifecycle_components c ON c.id = e.target WHERE e.source IN ({places(batch)}) "
                f"AND e.relation = {RELATIONS[relation].code} AND {self.moment.where('e')} ORDER BY c.name, c.id",
                batch,
            ):
                found[source][target[0]] = ComponentRow(*target)
        return {source: list(targets.values()) for source, targets in found.items()}

    def edges(self, ids: Iterable[int]) -> dict[int, EdgeRow]:
        """Rows of edges by id, whether they still hold or not."""
        found = {}
        for batch in in_batches(sorted(set(ids))):
            for row in self.session.execute(f"SELECT {_EDGE} WHERE e.id IN ({places(batch)})", batch):
                found[row[0]] = edge_row(row)
        return found

    def edges_of(self, component: int) -> list[EdgeRow]:
        """Everything recorded around one component, in both directions."""
        rows = self.session.execute(
            f"SELECT {_EDGE} WHERE (e.source = ? OR e.target = ?) AND {self.moment.where('e')} ORDER BY e.id",
            (component, component),
        )
        return [edge_row(row) for row in rows]

    def premises(self, ids: Iterable[int]) -> dict[int, list[list[int]]]:
        """The supports of inferred edges: each a list of edges that together give it."""
        supports: dict[int, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
        for batch in in_batches(sorted(set(ids))):
            for edge, support, premise in self.session.execute(
                f"SELECT edge, support, premise FROM lifecycle_premises WHERE edge IN ({places(batch)}) "
                "ORDER BY edge, support, premise",
                batch,
            ):
                supports[edge][support].append(premise)
        return {edge: list(its.values()) for edge, its in supports.items()}

    def providers(self) -> dict[int, ProviderRow]:
        """By id."""
        rows = self.session.execute(
            "SELECT id, name, scope, is_listing, swept_from, heard_at, n_rejected, error FROM lifecycle_providers "
            "ORDER BY id"
        )
        return {row[0]: ProviderRow(row[0], row[1], row[2], bool(row[3]), *row[4:]) for row in rows}


def edge_row(row: tuple[Any, ...]) -> EdgeRow:
    """A row of the edges' SELECT."""
    return EdgeRow(row[0], row[1], RELATION_NAMES[row[2]], *row[3:])
