"""``show`` and ``owners``: everything that is recorded of one component, and whom to ask about it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from motherlode.core.sql import places
from motherlode.errors import InputError
from motherlode.lifecycle.kernels import Direction
from motherlode.lifecycle.propagation import lineage_table
from motherlode.lifecycle.reading import ComponentRow, EdgeRow
from motherlode.lifecycle.relations import ENTITY_TYPES, RELATIONS
from motherlode.lifecycle.targets import find
from motherlode.lifecycle.walking import Walk, confirmations, seeds_of, walking

if TYPE_CHECKING:
    from motherlode.lifecycle.view import GraphView

__all__ = ["ComponentDetail", "Neighbour", "Owner", "Statement", "owners", "show"]


_FURTHEST = 3  # hops to look for an owner
_DIRECTIONS: tuple[tuple[Direction, int], ...] = (("upstream", -1), ("downstream", 1))


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
    """One thing under all its addresses, with the attributes that all of them give together.

    neighbours: edges to others first, then identities; n_neighbours: how many there are, shown or not
    enriched_at: when something of it was last recorded or confirmed, microseconds since 1970
    """

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
    n_neighbours: int = 0


def show(view: GraphView, target: str, *, n_max: int = 1000) -> ComponentDetail:
    """Everything recorded of one component, merged addresses included, under the address that the target means.

    n_max: neighbours shown; `n_neighbours` counts all. Raises InputError for an unknown or ambiguous target.
    """
    if n_max < 0:
        raise InputError(f"n_max={n_max}: give 0 or more")
    with walking(view) as walk:
        rows = seeds_of(walk, target)
        meant = find(walk.reading.session, target)[0].id
        row = next(row for row in rows if row.id == meant)
        ids = [each.id for each in rows]
        attributes: dict[str, Any] = {}
        for said in walk.reading.attributes(ids).values():
            attributes |= said
        statements = [each for number in ids for each in _statements(walk, number)]
        n_neighbours, neighbours = _neighbours(walk, ids, {r.uri for r in rows}, n_max)
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
        n_neighbours,
    )


def _statements(walk: Walk, number: int) -> list[Statement]:
    rows = walk.reading.session.execute(
        "SELECT p.name, p.scope, f.aspect, t.attributes, f.valid_from, f.recorded_from FROM lifecycle_facts f "
        "JOIN lifecycle_providers p ON p.id = f.provider JOIN lifecycle_contents t ON t.id = f.content "
        f"WHERE f.component = ? AND {walk.moment.where('f')} ORDER BY p.name, p.scope, f.aspect",
        (number,),
    )
    return [Statement(row[0], row[1], row[2], json.loads(row[3]), row[4], row[5]) for row in rows]


def _neighbours(walk: Walk, ids: list[int], own: set[str], n_max: int) -> tuple[int, list[Neighbour]]:
    """How many edges there are at the component's addresses, and the first n_max, each once."""
    at = places(ids)
    where = f"(e.source IN ({at}) OR e.target IN ({at})) AND {walk.moment.where('e')}"
    session, values = walk.reading.session, [*ids, *ids]
    counted = session.one(f"SELECT count(*) FROM lifecycle_edges e WHERE {where}", values)
    same = RELATIONS["same_as"].code
    rows = session.execute(
        f"SELECT e.id FROM lifecycle_edges e WHERE {where} "
        f"ORDER BY CASE WHEN e.relation = {same} THEN 1 ELSE 0 END, e.id LIMIT ?",
        [*values, n_max],
    )
    numbers = [number for (number,) in rows]
    edges, confirmed = walk.reading.edges(numbers), confirmations(walk, numbers)
    found = [_neighbour(edges[number], edges[number].source in own, confirmed[number]) for number in numbers]
    return 0 if counted is None else int(counted[0]), found


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
    """Owners of the target; where nobody owns it, those of the nearest things upstream and downstream.

    [] when nobody is known within three hops upstream or downstream. Raises InputError for an unknown target.
    """
    with walking(view) as walk:
        seeds = [row.id for row in seeds_of(walk, target)]
        found = _owned(walk, dict.fromkeys(seeds, 0))
        if found:
            return found
        asked = set(seeds)
        for hops in range(1, _FURTHEST + 1):
            near: dict[int, int] = {}
            for direction, sign in _DIRECTIONS:
                reached = walk.reach(seeds, lineage_table(), direction=direction, max_depth=hops)
                for node, depth in zip(reached.nodes.tolist(), reached.depths.tolist(), strict=True):
                    if depth == hops and node not in asked:
                        near.setdefault(node, sign * depth)
            found = _owned(walk, near)
            if found:
                return found
            asked |= near.keys()
    return []


def _owned(walk: Walk, distances: dict[int, int]) -> list[Owner]:
    labels = walk.reading.labels(list(distances), "owned_by")
    rows: dict[int, ComponentRow] = walk.reading.components(labels)
    found = [
        Owner(owner.name, owner.uri, rows[number].uri, distances[number])
        for number, its in labels.items()
        for owner in its
    ]
    return sorted(found, key=lambda owner: (abs(owner.distance), owner.name, owner.of))
