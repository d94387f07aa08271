"""Evaluating rules forward: what follows from each edge that is new."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product

from motherlode.core.sql import Session, in_batches, places
from motherlode.lifecycle.inference.rules import RULES, Rule, Way
from motherlode.lifecycle.inference.supports import Live, Supports
from motherlode.lifecycle.reading import ComponentRow
from motherlode.lifecycle.relations import RELATION_NAMES, RELATIONS

__all__ = ["Chains", "refused_edges"]

_Chain = tuple[int, tuple[Live, ...]]
"""The node at the far end, and the edges on the way to it."""


class Chains:
    """Rules over the edges that hold, inside one write transaction. refused: (source, relation, target) that people
    refused.
    """

    def __init__(
        self,
        session: Session,
        supports: Supports,
        refused: set[tuple[int, int, int]],
        rules: Iterable[Rule] = RULES,
    ) -> None:
        self._session, self._supports, self._refused = session, supports, refused
        self._by_relation: dict[str, list[tuple[Rule, int]]] = {}
        for rule in rules:
            for place, (relation, _) in enumerate(rule.steps):
                self._by_relation.setdefault(relation, []).append((rule, place))
        self._present: set[str] = set()
        self._components: dict[int, ComponentRow] = {}
        self._columns: dict[int, dict[str, list[Live]]] = {}

    def follow(self, opened: Iterable[int], present: Iterable[int]) -> None:
        """Conclude everything that needs at least one of the edges.

        present: codes of relations of which there is an edge at all; a rule with another has nothing to say yet, and
        will be met again by the first edge of that one
        """
        self._present = {RELATION_NAMES[code] for code in present}
        for edge in self._supports.live(opened).values():
            for rule, place in self._by_relation.get(RELATION_NAMES[edge.relation], ()):
                if any(name not in self._present for name, _ in rule.steps):
                    continue
                for near, far in _ends(edge, rule.steps[place][1]):
                    self._apply(rule, place, edge, near, far)

    def _apply(self, rule: Rule, place: int, edge: Live, near: int, far: int) -> None:
        if rule.same_column:
            self._join_columns(rule, place, edge, near, far)
            return
        left = list(self._walk(near, [(name, _turned(way)) for name, way in reversed(rule.steps[:place])]))
        right = list(self._walk(far, rule.steps[place + 1 :])) if left else []
        for (x, before), (y, after) in product(left, right):
            premises = [*reversed(before), edge, *after]
            if x != y and len({premise.id for premise in premises}) == len(premises) and self._fits(rule, x, y):
                self._conclude(rule, x, y, premises)

    def _join_columns(self, rule: Rule, place: int, edge: Live, near: int, far: int) -> None:
        """The same for column ← table — table → column, met by name: two tables of a thousand have a million pairs."""
        if place == 1:  # two tables are one
            tables = [(edge, far)]
            mine = self._columns_of(near)
        elif place == 0:  # a table has a column
            same = self._walk(far, [rule.steps[1]])
            tables = [(edges[0], other) for other, edges in same]
            name = _column(self._component(near))
            mine = {name: [edge]}
        else:  # says what place 0 says from the other side
            return
        for between, other in tables:
            theirs = self._columns_of(other)
            for name in mine.keys() & theirs.keys():
                for first, last in product(mine[name], theirs[name]):
                    if first.target != last.target:
                        self._conclude(rule, first.target, last.target, [first, between, last])

    def _columns_of(self, table: int) -> dict[str, list[Live]]:
        """Edges to a table's columns by folded name; what is stated does not change while rules are followed."""
        if table not in self._columns:
            edges = self._supports.around("source", table, RELATIONS["has_column"].code)
            self._load({edge.target for edge in edges})
            found: dict[str, list[Live]] = {}
            for edge in edges:
                found.setdefault(_column(self._components[edge.target]), []).append(edge)
            self._columns[table] = found
        return self._columns[table]

    def _walk(self, node: int, steps: Iterable[tuple[str, Way]]) -> Iterator[_Chain]:
        chains: list[_Chain] = [(node, ())]
        for name, way in steps:
            code = RELATIONS[name].code
            longer: list[_Chain] = []
            for end, edges in chains:
                if way in ("along", "either"):
                    longer += [(e.target, (*edges, e)) for e in self._supports.around("source", end, code)]
                if way in ("against", "either"):
                    longer += [(e.source, (*edges, e)) for e in self._supports.around("target", end, code)]
            chains = longer
        yield from chains

    def _fits(self, rule: Rule, x: int, y: int) -> bool:
        if rule.ends == (None, None):
            return True
        types = (self._component(x).type, self._component(y).type)
        return all(want in (None, kind) for want, kind in zip(rule.ends, types, strict=True))

    def _conclude(self, rule: Rule, x: int, y: int, premises: list[Live]) -> None:
        if rule.concludes == "same_as" and self._component(x).uri > self._component(y).uri:
            x, y = y, x
        if (x, RELATIONS[rule.concludes].code, y) not in self._refused:
            self._supports.conclude(rule, x, y, premises, f"{rule.name}: {rule.meaning}")

    def _component(self, number: int) -> ComponentRow:
        self._load({number})
        return self._components[number]

    def _load(self, numbers: set[int]) -> None:
        for batch in in_batches(sorted(numbers - self._components.keys())):
            rows = self._session.execute(
                f"SELECT id, uri, type, platform, name FROM lifecycle_components WHERE id IN ({places(batch)})", batch
            )
            self._components.update((row[0], ComponentRow(*row)) for row in rows)


def _column(row: ComponentRow) -> str:
    return row.uri.rpartition("::")[2].casefold()


def _turned(way: Way) -> Way:
    return {"along": "against", "against": "along", "either": "either"}[way]  # type: ignore[return-value]


def _ends(edge: Live, way: Way) -> list[tuple[int, int]]:
    """(node before the step, node after it)."""
    along, against = (edge.source, edge.target), (edge.target, edge.source)
    return {"along": [along], "against": [against], "either": [along, against]}[way]


def refused_edges(session: Session) -> set[tuple[int, int, int]]:
    """What people refused and did not take back."""
    rows = session.execute(
        "SELECT source, relation, target FROM lifecycle_decisions WHERE verdict = 'refuse' AND undone_at IS NULL"
    )
    return {(source, relation, target) for source, relation, target in rows}
