"""What a drawing shows: components and the edges between them, as many as can be looked at, and how many it hides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from motherlode.lifecycle.completeness import source_gaps
from motherlode.lifecycle.exports.answers import Head, Row, head_of, instant_text, rows_of
from motherlode.lifecycle.exports.layers import layers_of
from motherlode.lifecycle.exports.words import doing_of, target_names
from motherlode.lifecycle.impact import ImpactReport
from motherlode.lifecycle.lineage import Lineage
from motherlode.lifecycle.reading import EdgeRow
from motherlode.lifecycle.relations import RELATIONS
from motherlode.lifecycle.view import GraphView
from motherlode.lifecycle.walking import Walk, confirmations, walking

__all__ = ["Arrow", "Node", "Picture", "picture_of"]

_LABELS = {"owned_by": "owners", "tagged": "tags"}
_PEOPLE = ("tag", "team", "user")


@dataclass(frozen=True, slots=True)
class Node:
    """A component as it is drawn. severity: None for what is not affected; depth: hops from the target, or the layer
    of the whole graph's drawing; is_target: what is changed or asked about; described: whether a provider tells
    of it; path: from the target to here, as (position in the picture's arrows, whether along it) a hop
    """

    uri: str
    type: str
    name: str
    severity: str | None
    depth: int
    is_target: bool
    described: bool
    owners: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    path: tuple[tuple[int, bool], ...] = ()


@dataclass(frozen=True, slots=True)
class Arrow:
    """An edge as it is drawn; source and target: positions in the picture's nodes; the rest as in `Step`."""

    source: int
    target: int
    relation: str
    provider: str
    evidence: str
    confidence: float
    rule: str | None
    confirmed_at: str | None
    on_path: bool


@dataclass(frozen=True, slots=True)
class Picture:
    """title: the question in words. nodes: nearest first; n_hidden: components that are not among them, by depth.

    head: None for the whole graph
    """

    title: str
    direction: str
    nodes: tuple[Node, ...]
    arrows: tuple[Arrow, ...]
    n_hidden: Mapping[int, int]
    complete: bool
    why_incomplete: tuple[str, ...]
    moment: str | None
    head: Head | None = None

    def hidden_words(self) -> str:
        """``123 more are not shown: 100 at depth 2, 23 at depth 3``; "" when nothing is hidden."""
        total = sum(self.n_hidden.values())
        if not total:
            return ""
        parts = [f"{n:,} at depth {depth}" for depth, n in sorted(self.n_hidden.items())]
        where = "" if self.head is None else f": {', '.join(parts[:4])}" + (" and deeper" if len(parts) > 4 else "")
        return f"{total:,} more {'is' if total == 1 else 'are'} not shown{where}"


def picture_of(what: ImpactReport | Lineage | GraphView, n_max: int) -> Picture:
    """The nearest n_max components of an answer (worst first at one depth) and what connects them; of a whole graph,
    those with the most edges, without people and labels.
    """
    if isinstance(what, ImpactReport | Lineage):
        return _of_answer(what, n_max)
    return _of_graph(what, n_max)


def _of_answer(answer: ImpactReport | Lineage, n_max: int) -> Picture:
    head = head_of(answer)
    rows, all_depths = _nearest(answer, n_max)
    positions = {number: at for at, number in enumerate(answer.ids.tolist())}
    chosen, numbers = _closed(answer, rows, positions)
    paths = {(step.source, step.relation, step.target) for row in chosen.values() for step in row.path}
    with walking(answer.view) as walk:
        uris = list(numbers)
        told = _told(walk, numbers)
        arrows = _arrows(walk, [numbers[uri] for uri in uris], paths)
    at_arrow = {(uris[arrow.source], arrow.relation, uris[arrow.target]): at for at, arrow in enumerate(arrows)}
    arrows += _gone(chosen.values(), at_arrow, {uri: at for at, uri in enumerate(uris)})
    nodes = []
    for uri in uris:
        row = chosen.get(uri)
        steps = () if row is None else row.path
        path = tuple((at_arrow[step.source, step.relation, step.target], step.forward) for step in steps)
        depth = int(answer.depths[positions[numbers[uri]]]) if numbers[uri] in positions else 0
        severity = None if row is None else row.severity
        is_target = uri in head.targets
        nodes.append(Node(severity=severity, depth=depth, is_target=is_target, path=path, **told[numbers[uri]]))
    n_hidden = all_depths - Counter(node.depth for node in nodes if not node.is_target)
    return Picture(
        _title(answer),
        head.kind,
        tuple(nodes),
        arrows,
        dict(n_hidden),
        head.complete,
        head.why_incomplete,
        head.valid_at or head.asked_at,
        head,
    )


def _closed(
    answer: ImpactReport | Lineage, rows: list[Row], positions: Mapping[int, int]
) -> tuple[dict[str, Row], dict[str, int]]:
    """The rows and what lies on their paths, by address; the ids of all of them and of the targets.

    What connects is drawn as what it is: it may be worse affected by a longer path of its own.
    """
    chosen = {row.uri: row for row in rows}
    with walking(answer.view) as walk:
        numbers = _numbers(walk, [*answer.targets, *chosen])
    while True:
        steps = (step for row in chosen.values() for step in row.path)
        fresh = sorted({uri for step in steps for uri in (step.source, step.target)} - numbers.keys())
        if not fresh:
            return chosen, numbers
        with walking(answer.view) as walk:
            numbers |= _numbers(walk, fresh)
        if isinstance(answer, ImpactReport):
            places = [positions[numbers[uri]] for uri in fresh if numbers[uri] in positions]
            chosen |= {row.uri: row for row in rows_of(answer, places)}


def _nearest(answer: ImpactReport | Lineage, n_max: int) -> tuple[list[Row], Counter[int]]:
    """The nearest rows, and how many there are in all by depth."""
    order = np.lexsort((np.arange(len(answer.ids)), answer.depths))
    if len(answer) == len(answer.ids):
        return list(rows_of(answer, order[:n_max].tolist())), Counter(answer.depths.tolist())
    every = list(rows_of(answer, order.tolist()))  # lineage of some types, which only rows tell
    return every[:n_max], Counter(row.depth for row in every)


def _title(answer: ImpactReport | Lineage) -> str:
    names = list(dict.fromkeys(target_names(answer).values()))
    if isinstance(answer, ImpactReport):
        return f"{doing_of(answer.change, names)}: what is affected"
    told = ", ".join(names[:3]) + (" and more" if len(names) > 3 else "")
    return f"What {told} is made from" if answer.direction == "upstream" else f"What is made from {told}"


def _of_graph(view: GraphView, n_max: int) -> Picture:
    with walking(view) as walk:
        degrees = _degrees(walk, view.min_confidence)
        order = np.lexsort((np.arange(len(degrees)), -degrees))
        order = order[degrees[order] >= 0]
        found = walk.reading.components(order[:n_max].tolist()).values()
        kept = sorted(found, key=lambda row: (row.type == "column", -int(degrees[row.id]), row.uri))  # tables first
        told = _told(walk, {row.uri: row.id for row in kept})
        arrows = _arrows(walk, [row.id for row in kept], set())
        why, moment = tuple(source_gaps(walk)), walk.moment
    depths = layers_of(len(kept), [(arrow.source, arrow.target) for arrow in arrows])
    nodes = tuple(
        Node(severity=None, depth=depth, is_target=False, **told[row.id])
        for row, depth in zip(kept, depths, strict=True)
    )
    n_hidden = {0: len(order) - len(kept)} if len(order) > len(kept) else {}
    moment_text = instant_text(moment.valid_at)
    return Picture("The lifecycle graph", "downstream", nodes, arrows, n_hidden, not why, why, moment_text)


def _degrees(walk: Walk, min_confidence: float) -> NDArray[np.int64]:
    """Edges at each component at the moment; -1 for people and labels and for what nobody speaks of then."""
    degrees = np.zeros(walk.snapshot.n_components, np.int64)
    at = walk.moment.valid_at
    for edges, removed in ((walk.snapshot.base, walk.snapshot.removed), (walk.snapshot.added, None)):
        holds = (edges.valid_from <= at) & (at < edges.valid_to) & (edges.confidence >= np.float32(min_confidence))
        if removed is not None:
            holds &= removed == 0
        for ends in (edges.source, edges.target):
            degrees += np.bincount(ends[holds], minlength=len(degrees))
    session = walk.reading.session
    is_shown = degrees > 0
    facts = f"SELECT DISTINCT f.component FROM lifecycle_facts f WHERE {walk.moment.where('f')}"
    is_shown[[number for (number,) in session.cursor_rows(facts) if number < len(degrees)]] = True
    people = f"SELECT id FROM lifecycle_components WHERE type IN ({', '.join('?' * len(_PEOPLE))})"
    is_shown[[number for (number,) in session.cursor_rows(people, _PEOPLE) if number < len(degrees)]] = False
    return np.where(is_shown, degrees, -1)


def _numbers(walk: Walk, uris: Iterable[str]) -> dict[str, int]:
    found = {}
    for uri in uris:
        row = walk.reading.session.one("SELECT id FROM lifecycle_components WHERE uri = ?", (uri,))
        if row is not None:
            found[uri] = row[0]
    return found


def _told(walk: Walk, numbers: Mapping[str, int]) -> dict[int, dict[str, Any]]:
    """Fields of `Node` by component, all but severity, depth and is_target."""
    ids = list(numbers.values())
    rows, attributes = walk.reading.components(ids), walk.reading.attributes(ids)
    labels = {name: walk.reading.labels(ids, relation) for relation, name in _LABELS.items()}
    return {
        number: {
            "uri": row.uri,
            "type": row.type,
            "name": row.name,
            "described": number in attributes,
            "attributes": attributes.get(number, {}),
            **{name: tuple(other.name for other in its.get(number, ())) for name, its in labels.items()},
        }
        for number, row in rows.items()
    }


def _arrows(walk: Walk, ids: list[int], paths: set[tuple[str, str, str]]) -> tuple[Arrow, ...]:
    """The flow edges of the moment between components, by position; one an edge, however many providers state it."""
    positions = {number: at for at, number in enumerate(ids)}
    found: dict[tuple[int, int, int], int] = {}
    for number in ids:
        for other, arc_class, edge in walk.around(number, "downstream"):
            if other in positions and arc_class % 2 == 0:
                found.setdefault((positions[number], arc_class, positions[other]), walk.snapshot.edge_id(edge))
    rows = walk.reading.edges(found.values())
    confirmed = confirmations(walk, found.values())
    arrows = [
        Arrow(
            source,
            target,
            rows[edge].relation,
            rows[edge].provider,
            rows[edge].evidence,
            rows[edge].confidence,
            _rule(rows[edge]),
            instant_text(confirmed[edge]),
            (rows[edge].source, rows[edge].relation, rows[edge].target) in paths,
        )
        for (source, _, target), edge in found.items()
        if RELATIONS[rows[edge].relation].flow
    ]
    return tuple(sorted(arrows, key=lambda arrow: (arrow.source, arrow.target, arrow.relation)))


def _gone(
    rows: Iterable[Row], at_arrow: dict[tuple[str, str, str], int], places: Mapping[str, int]
) -> tuple[Arrow, ...]:
    """Arrows of paths whose edge ended after the answer was given; adds them to `at_arrow`."""
    found: list[Arrow] = []
    for step in (step for row in rows for step in row.path):
        key = step.source, step.relation, step.target
        if key not in at_arrow:
            at_arrow[key] = len(at_arrow)
            told = step.provider, step.evidence, step.confidence, step.rule, instant_text(step.confirmed_at)
            found.append(Arrow(places[step.source], places[step.target], step.relation, *told, True))
    return tuple(found)


def _rule(row: EdgeRow) -> str | None:
    return row.aspect if row.provider == "inference" else None
