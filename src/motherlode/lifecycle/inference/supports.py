"""Truth maintenance: every conclusion keeps the sets of edges that give it, and goes when none of them holds.

A support is a set of premises. A conclusion is grounded when one of its supports holds entirely, asserted or grounded
in turn; conclusions that only support each other in a circle are not. Its confidence is that of its best support.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from motherlode.core.sql import Session, in_batches, places
from motherlode.core.time import EVER
from motherlode.lifecycle.aspects import Aspects
from motherlode.lifecycle.inference.rules import Rule
from motherlode.lifecycle.relations import RELATIONS

__all__ = ["Live", "Supports"]


@dataclass(frozen=True, slots=True)
class Live:
    """An edge that holds now."""

    id: int
    source: int
    relation: int
    target: int
    confidence: float
    valid_from: int


_COLUMNS = "e.id, e.source, e.relation, e.target, e.confidence, e.valid_from"
_HOLDS = f"e.recorded_to = {EVER} AND e.valid_to = {EVER}"


class Supports:
    """Conclusions and their supports inside one write transaction. provider: the id of "inference"."""

    def __init__(self, session: Session, aspects: Aspects, provider: int, factors: dict[str, float]) -> None:
        self.session, self._aspects, self.provider = session, aspects, provider
        self._factors = factors
        self.n_opened = self.n_closed = 0

    def live(self, ids: Iterable[int]) -> dict[int, Live]:
        """Those of the edges that hold now."""
        found = {}
        for batch in in_batches(sorted(set(ids))):
            for row in self.session.execute(
                f"SELECT {_COLUMNS} FROM lifecycle_edges e WHERE e.id IN ({places(batch)}) AND {_HOLDS}", batch
            ):
                found[row[0]] = Live(*row)
        return found

    def around(self, end: str, node: int, relation: int) -> list[Live]:
        """Edges of a relation that hold now and have `node` at the end "source" or "target"."""
        rows = self.session.execute(
            f"SELECT {_COLUMNS} FROM lifecycle_edges e WHERE e.{end} = ? AND e.relation = ? AND {_HOLDS}",
            (node, relation),
        )
        return [Live(*row) for row in rows]

    def withdraw(self, closed: Iterable[int]) -> None:
        """Take edges that no longer hold out of all supports; conclusions that are left without ground go too."""
        gone = set(closed)
        affected: set[int] = set()
        waiting = list(gone)
        while waiting:
            batch, waiting = waiting[:500], waiting[500:]
            dependents = {
                edge
                for (edge,) in self.session.execute(
                    f"SELECT DISTINCT edge FROM lifecycle_premises WHERE premise IN ({places(batch)})", batch
                )
            }
            waiting += sorted(dependents - affected)
            affected |= dependents
        conclusions = self.live(affected)
        supports = self._supports(conclusions)
        grounded = self._grounded(conclusions, supports, gone)
        lost = [number for number in conclusions if number not in grounded]
        self._remove(lost, conclusions)
        for number, confidence in grounded.items():
            kept = {
                support: premises
                for support, premises in supports[number].items()
                if not any(p in gone or (p in conclusions and p not in grounded) for p in premises)
            }
            self._drop_supports(number, supports[number].keys() - kept.keys())
            if confidence != conclusions[number].confidence:
                self._replace(conclusions[number], confidence)

    def _supports(self, edges: Iterable[int]) -> dict[int, dict[int, list[int]]]:
        found: dict[int, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
        for batch in in_batches(sorted(set(edges))):
            for edge, support, premise in self.session.execute(
                f"SELECT edge, support, premise FROM lifecycle_premises WHERE edge IN ({places(batch)})", batch
            ):
                found[edge][support].append(premise)
        return found

    def _grounded(
        self, conclusions: dict[int, Live], supports: dict[int, dict[int, list[int]]], gone: set[int]
    ) -> dict[int, float]:
        """Which conclusions still hold, with their confidence: the least fixpoint over their supports."""
        outside = {p for its in supports.values() for premises in its.values() for p in premises}
        holding = {
            edge.id: edge.confidence for edge in self.live(outside - gone).values() if edge.id not in conclusions
        }
        grounded: dict[int, float] = {}
        factors = self._rule_factors(conclusions)
        changed = True
        while changed:
            changed = False
            for number in conclusions:
                best = grounded.get(number, 0.0)
                for premises in supports[number].values():
                    known = [holding.get(p, grounded.get(p)) for p in premises]
                    if all(confidence is not None for confidence in known):
                        best = max(best, factors[number] * min(c for c in known if c is not None))
                if best > grounded.get(number, 0.0):
                    grounded[number] = best
                    changed = True
        return grounded

    def _rule_factors(self, edges: Iterable[int]) -> dict[int, float]:
        found = {}
        for batch in in_batches(sorted(set(edges))):
            for number, aspect in self.session.execute(
                f"SELECT id, aspect FROM lifecycle_edges WHERE id IN ({places(batch)})", batch
            ):
                found[number] = self._factors.get(aspect, 1.0)
        return found

    def conclude(self, rule: Rule, source: int, target: int, premises: list[Live], evidence: str) -> None:
        """Add one support for a conclusion, which is made at its first."""
        relation = RELATIONS[rule.concludes].code
        confidence = round(rule.confidence * min(premise.confidence for premise in premises), 6)
        numbers = sorted(premise.id for premise in premises)
        row = self.session.one(
            f"SELECT {_COLUMNS} FROM lifecycle_edges e WHERE e.source = ? AND e.relation = ? AND e.target = ? "
            f"AND e.provider = ? AND e.aspect = ? AND {_HOLDS}",
            (source, relation, target, self.provider, rule.name),
        )
        if row is None:
            valid_from = max(premise.valid_from for premise in premises)
            key = (source, self.provider, rule.name)
            edge = (source, relation, target, confidence, evidence)
            (number,) = self._aspects.open_edges([(key, edge, (valid_from, EVER))])
            self.n_opened += 1
        else:
            known = Live(*row)
            number = known.id
            if confidence > known.confidence:
                number = self._replace(known, confidence)
            its = self._supports([number])[number]
            if numbers in (sorted(premises) for premises in its.values()):
                return
        last = self.session.one("SELECT max(support) FROM lifecycle_premises WHERE edge = ?", (number,))
        support = 0 if last is None or last[0] is None else last[0] + 1
        self.session.execute_many(
            "INSERT INTO lifecycle_premises (edge, support, premise) VALUES (?, ?, ?)",
            [(number, support, premise) for premise in numbers],
        )

    def _replace(self, edge: Live, confidence: float) -> int:
        """The same conclusion with another confidence is another row, in its supports and in those of others."""
        row = self.session.one("SELECT aspect, evidence FROM lifecycle_edges WHERE id = ?", (edge.id,))
        assert row is not None
        aspect, evidence = row
        self._aspects.close_edges([edge.id])
        key = (edge.source, self.provider, aspect)
        triple = (edge.source, edge.relation, edge.target, confidence, evidence)
        (number,) = self._aspects.open_edges([(key, triple, (edge.valid_from, EVER))])
        self.session.execute("UPDATE lifecycle_premises SET edge = ? WHERE edge = ?", (number, edge.id))
        self.session.execute("UPDATE lifecycle_premises SET premise = ? WHERE premise = ?", (number, edge.id))
        return number

    def _remove(self, numbers: list[int], conclusions: dict[int, Live]) -> None:
        """Conclusions without ground end: their past, where they had ground, stays on the axis of valid time."""
        ends = self._ends(numbers)
        self._aspects.close_edges(numbers)
        self.n_closed += len(numbers)
        for number in numbers:
            self._drop_supports(number, None)
            edge, end = conclusions[number], ends.get(number)
            if end is not None and edge.valid_from < end:
                row = self.session.one("SELECT aspect, evidence FROM lifecycle_edges WHERE id = ?", (number,))
                assert row is not None
                key = (edge.source, self.provider, row[0])
                triple = (edge.source, edge.relation, edge.target, edge.confidence, row[1])
                self._aspects.open_edges([(key, triple, (edge.valid_from, end))])

    def _ends(self, numbers: list[int]) -> dict[int, int]:
        """When the first premise of a conclusion ended in the world; nothing for one that was never true."""
        found: dict[int, int] = {}
        for number in numbers:
            rows = self.session.execute(
                "SELECT min(n.valid_to) FROM lifecycle_premises p JOIN lifecycle_edges o ON o.id = p.premise "
                "JOIN lifecycle_edges n ON n.source = o.source AND n.relation = o.relation AND n.target = o.target "
                "AND n.provider = o.provider AND n.subject = o.subject AND n.aspect = o.aspect "
                "AND n.valid_from = o.valid_from "
                f"WHERE p.edge = ? AND n.recorded_to = {EVER} AND n.valid_to < {EVER}",
                (number,),
            )
            if rows and rows[0][0] is not None:
                found[number] = rows[0][0]
        return found

    def _drop_supports(self, number: int, supports: Iterable[int] | None) -> None:
        if supports is None:
            self.session.execute("DELETE FROM lifecycle_premises WHERE edge = ?", (number,))
            return
        self.session.execute_many(
            "DELETE FROM lifecycle_premises WHERE edge = ? AND support = ?", [(number, support) for support in supports]
        )
