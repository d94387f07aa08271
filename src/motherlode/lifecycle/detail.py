"""``show`` and ``owners``: everything that is recorded of one component, and whom to ask about it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from motherlode.lifecycle.reading import ComponentRow, EdgeRow
from motherlode.lifecycle.relations import ENTITY_TYPES, RELATIONS
from motherlode.lifecycle.walking import Walk, confirmations, seeds_of, walking

if TYPE_CHECKING:
    from motherlode.lifecycle.view import GraphView

__all__ = ["ComponentDetail", "Neighbour", "Owner", "Statement", "owners", "show"]


@dataclass(frozen=True, slots=True)
class Statement:
    """What one provider says of one aspect. valid_from, recorded_from: microseconds since 1970."""

    provider: str
    scope: str
    aspect: str
    attributes: dict[str, Any]
    valid_from: int
    recorded_from: int


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An edge of the component. word: the relation as the component says it, e.g. "read_by" or "reads"; outward:
    whether data flows from the component to the other.
    """

    word: str
    uri: str
    outward: bool
    flow: bool
    provider: str
    confidence: float
    evidence: str
    confirmed_at: int


@dataclass(frozen=True, slots=True)
class ComponentDetail:
    """One thing under all its addresses. enriched_at: when something of it was last recorded."""

    uri: str
    also: tuple[str, ...]
    type: str
    domain: str
    platform: str
    name: str
    attributes: dict[str, Any]
    owners: tuple[str, ...]
    tags: tuple[str, ...]
    groups: tuple[str, ...]
    statements: tuple[Statement, ...]
    neighbours: tuple[Neighbour, ...]
    enriched_at: int | None


def show(view: GraphView, target: str) -> ComponentDetail:
    """Everything recorded of one component, merged addresses included. Raises InputError for an unknown target."""
    with walking(view) as walk:
        rows = seeds_of(walk, target)
        row = next((row for row in rows if row.uri == target), min(rows, key=lambda row: row.id))
        ids = [each.id for each in rows]
        attributes: dict[str, Any] = {}
        for said in walk.reading.attributes(ids).values():
            attributes |= said
        statements = [each for number in ids for each in _statements(walk, number)]
        neighbours = [each for number in ids for each in _neighbours(walk, number, {r.uri for r in rows})]
        labels = {
            relation: tuple(
                dict.fromkeys(label.name for its in walk.reading.labels(ids, relation).values() for label in its)
            )
            for relation in ("owned_by", "tagged", "grouped_in")
        }
    enriched = [each.recorded_from for each in statements] + [each.confirmed_at for each in neighbours]
    return ComponentDetail(
        row.uri,
        tuple(sorted(each.uri for each in rows if each.uri != row.uri)),
        row.type,
        ENTITY_TYPES.get(row.type, "Other"),
        row.platform,
        row.name,
        attributes,
        labels["owned_by"],
        labels["tagged"],
        labels["grouped_in"],
        tuple(statements),
        tuple(neighbours),
        max(enriched, default=None),
    )


def _statements(walk: Walk, number: int) -> list[Statement]:
    rows = walk.reading.session.execute(
        "SELECT p.name, p.scope, f.aspect, t.attributes, f.valid_from, f.recorded_from FROM lifecycle_facts f "
        "JOIN lifecycle_providers p ON p.id = f.provider JOIN lifecycle_contents t ON t.id = f.content "
        f"WHERE f.component = ? AND {walk.moment.where('f')} ORDER BY p.name, p.scope, f.aspect",
        (number,),
    )
    return [Statement(row[0], row[1], row[2], json.loads(row[3]), row[4], row[5]) for row in rows]


def _neighbours(walk: Walk, number: int, own: set[str]) -> list[Neighbour]:
    edges = walk.reading.edges_of(number)
    confirmed = confirmations(walk, [edge.id for edge in edges])
    found = []
    for edge in edges:
        outward = edge.source in own
        if edge.relation == "same_as" and edge.source in own and edge.target in own and edge.source != min(own):
            continue
        found.append(_neighbour(edge, outward, confirmed[edge.id]))
    return found


def _neighbour(edge: EdgeRow, outward: bool, confirmed_at: int) -> Neighbour:
    relation = RELATIONS[edge.relation]
    return Neighbour(
        relation.name if outward else relation.inverse,
        edge.target if outward else edge.source,
        outward,
        relation.flow,
        edge.provider,
        edge.confidence,
        edge.evidence,
        confirmed_at,
    )


@dataclass(frozen=True, slots=True)
class Owner:
    """Whom to ask. of: the component that says so; distance: 0 for the target, else hops away, negative upstream."""

    name: str
    uri: str
    of: str
    distance: int


def owners(view: GraphView, target: str) -> list[Owner]:
    """Owners of the target; where nobody owns it, those of the nearest things that it is a part of or made by.

    [] when nobody is known within three hops upstream or downstream. Raises InputError for an unknown target.
    """
    from motherlode.lifecycle.propagation import lineage_table

    with walking(view) as walk:
        seeds = [row.id for row in seeds_of(walk, target)]
        found = _owned(walk, dict.fromkeys(seeds, 0))
        if found:
            return found
        near: dict[int, int] = {}
        for direction, sign in (("upstream", -1), ("downstream", 1)):
            reached = walk.reach(seeds, lineage_table(), direction=direction, max_depth=3)  # type: ignore[arg-type]
            for node, depth in zip(reached.nodes.tolist(), reached.depths.tolist(), strict=True):
                near.setdefault(node, sign * depth)
        found = _owned(walk, near)
        nearest = min((abs(owner.distance) for owner in found), default=0)
        return [owner for owner in found if abs(owner.distance) == nearest]


def _owned(walk: Walk, distances: dict[int, int]) -> list[Owner]:
    labels = walk.reading.labels(list(distances), "owned_by")
    rows: dict[int, ComponentRow] = walk.reading.components(labels)
    found = [
        Owner(owner.name, owner.uri, rows[number].uri, distances[number])
        for number, its in labels.items()
        for owner in its
    ]
    return sorted(found, key=lambda owner: (abs(owner.distance), owner.name, owner.of))
