"""The obvious version of the store: all items in a set, everything computed anew for each question. Tests run both.

It knows what holds now, asserted and concluded; history, search and identity guesses are the store's own.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from itertools import product
from typing import Any, NamedTuple

from motherlode.core.time import EVER
from motherlode.lifecycle.contents import content_of
from motherlode.lifecycle.inference.rules import RULES, Rule
from motherlode.lifecycle.record import Edge, Item, Observation, RunReport
from motherlode.lifecycle.uris import parse_uri

__all__ = ["MemoryGraph", "StatedEdge"]

_STATES = ("OTHER", "START", "RUNNING", "COMPLETE", "ABORT", "FAIL")


class StatedEdge(NamedTuple):
    """An edge that holds now, with who says so."""

    source: str
    relation: str
    target: str
    provider: str
    aspect: str
    confidence: float
    evidence: str


class MemoryGraph:
    """A bag of items. Neither their order nor their number of times matters."""

    def __init__(self) -> None:
        self._items: list[tuple[str, Item]] = []

    def add(self, items: Iterable[Item], provider: str) -> None:
        """Put items into the bag."""
        self._items += [(provider, item) for item in items]

    def newest(self) -> dict[tuple[str, str, str], Observation]:
        """The observation that counts of each (provider, subject, aspect); those that say "gone" are not there."""
        seen = [(provider, item) for provider, item in self._items if isinstance(item, Observation)]
        seen += self._from_runs()
        best: dict[tuple[str, str, str], tuple[tuple[int, int, str], Observation]] = {}
        for provider, item in seen:
            digest = "" if item.gone else content_of(item.attributes, item.edges, defaultdict(int)).digest
            rank = (item.version or 0, item.revision, digest)
            key = (provider, item.subject, item.aspect)
            if key not in best or best[key][0] < rank:
                best[key] = (rank, item)
        return {key: item for key, (_, item) in best.items() if not item.gone}

    def _from_runs(self) -> list[tuple[str, Observation]]:
        reports: dict[tuple[str, str], list[RunReport]] = {}
        for provider, item in self._items:
            if isinstance(item, RunReport):
                reports.setdefault((provider, item.run), []).append(item)
        runs = [(provider, its) for (provider, _), its in reports.items()]
        with_counted = {max(r.job for r in its) for _, its in runs if any(_counts(r) for r in its)}
        found = []
        for provider, its in runs:
            job, edges = max(r.job for r in its), tuple({edge for r in its for edge in r.edges})
            found.append((provider, _run(its, job)))
            counted = [r.at for r in its if _counts(r)]
            if counted:
                found.append((provider, Observation(job, "io", max(counted), len(edges), edges=edges)))
            elif job not in with_counted:
                last = max(r.at for r in its)
                found.append((provider, Observation(job, "announced", last, len(edges), edges=edges)))
        return found

    def asserted(self) -> set[StatedEdge]:
        """What providers state now."""
        return {
            StatedEdge(edge.source, edge.relation, edge.target, provider, aspect, float(edge.confidence), edge.evidence)
            for (provider, _, aspect), item in self.newest().items()
            for edge in item.edges
        }

    def concluded(self, rules: Iterable[Rule] = RULES) -> dict[tuple[str, str, str, str], float]:
        """Confidence of everything that the rules conclude, by (source, relation, target, rule): the least fixpoint."""
        stated: dict[tuple[str, str, str], float] = {}
        for edge in self.asserted():
            key = (edge.source, edge.relation, edge.target)
            stated[key] = max(stated.get(key, 0.0), edge.confidence)
        concluded: dict[tuple[str, str, str, str], float] = {}
        while True:
            known = dict(stated)
            for (source, relation, target, _), confidence in concluded.items():
                key = (source, relation, target)
                known[key] = max(known.get(key, 0.0), confidence)
            new: dict[tuple[str, str, str, str], float] = {}
            for rule in rules:
                for x, y, confidence in _applied(rule, known):
                    key4 = (x, rule.concludes, y, rule.name)
                    new[key4] = max(new.get(key4, 0.0), confidence)
            if new == concluded:
                return concluded
            concluded = new


def _counts(report: RunReport) -> bool:
    return report.state in ("COMPLETE", "RUNNING")


def _run(reports: list[RunReport], job: str) -> Observation:
    attributes: dict[str, Any] = {}
    for name in {name for report in reports for name in report.attributes}:
        attributes[name] = max(
            (report.attributes[name] for report in reports if name in report.attributes),
            key=lambda value: json.dumps(value, sort_keys=True),
        )
    state = max((report.state for report in reports), key=_STATES.index)
    last = max(report.at for report in reports)
    edges = (Edge(job, "has_run", reports[0].run),)
    return Observation(reports[0].run, "definition", min(last, EVER - 1), 0, None, attributes | {"state": state}, edges)


def _applied(rule: Rule, known: dict[tuple[str, str, str], float]) -> set[tuple[str, str, float]]:
    """(X, Y, confidence) of a rule over edges, by trying every edge at every step."""
    chains: list[tuple[str, str, float, tuple[tuple[str, str, str], ...]]] = []
    for place, (name, way) in enumerate(rule.steps):
        steps: list[tuple[str, str, float, tuple[tuple[str, str, str], ...]]] = []
        for key, confidence in known.items():
            if key[1] == name and way in ("along", "either"):
                steps.append((key[0], key[2], confidence, (key,)))
            if key[1] == name and way in ("against", "either"):
                steps.append((key[2], key[0], confidence, (key,)))
        if place == 0:
            chains = steps
        else:
            chains = [
                (x, y, min(a, b), (*before, *after))
                for (x, middle, a, before), (near, y, b, after) in product(chains, steps)
                if middle == near
            ]
    return {
        (*_ordered(rule, x, y), round(rule.confidence * confidence, 6))
        for x, y, confidence, edges in chains
        if x != y and len(set(edges)) == len(edges) and _fits(rule, x, y)
    }


def _ordered(rule: Rule, x: str, y: str) -> tuple[str, str]:
    return (y, x) if rule.concludes == "same_as" and x > y else (x, y)


def _fits(rule: Rule, x: str, y: str) -> bool:
    types = (parse_uri(x).type, parse_uri(y).type)
    if any(want not in (None, have) for want, have in zip(rule.ends, types, strict=True)):
        return False
    return not rule.same_column or x.rpartition("::")[2].casefold() == y.rpartition("::")[2].casefold()
