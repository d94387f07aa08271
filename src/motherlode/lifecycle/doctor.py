"""``doctor``: how good the metadata is, what is missing, and what a person could mend first."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from motherlode.core.sql import places
from motherlode.lifecycle.inference.formation import possible_matches
from motherlode.lifecycle.inference.matching import MATCHED_TYPES
from motherlode.lifecycle.present import EdgeArrays, described_components, edges_present
from motherlode.lifecycle.relations import RELATIONS
from motherlode.lifecycle.walking import Walk, walking

if TYPE_CHECKING:
    from motherlode.lifecycle.view import GraphView

__all__ = ["Check", "ProviderHealth", "Quality", "Suggestion", "doctor"]

_EXAMPLES = 5
_PEOPLE = ("user", "team", "tag")
_LABELLED = ("dataset", "feature", "feature_view", "model", "pipeline", "deployment")
_FLOW = np.array([relation.flow and relation.name != "same_as" for relation in RELATIONS.values()])
_MOST_SUGGESTIONS = 1000


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that can be had or lacked. n_good of n_all have it; examples of those that do not, as type:name, those
    with the most lineage first.
    """

    name: str
    meaning: str
    n_good: int
    n_all: int
    examples: tuple[str, ...]

    @property
    def score(self) -> float:
        """Share of those that have it; 1 when there are none."""
        return 1.0 if self.n_all == 0 else self.n_good / self.n_all


@dataclass(frozen=True, slots=True)
class ProviderHealth:
    """One source. swept_at: when its last whole listing began, microseconds; age_s: seconds since it was last heard."""

    name: str
    scope: str
    swept_at: int | None
    age_s: float | None
    n_quarantined: int
    error: str | None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Two addresses that may be one thing, where nothing decided: for `confirm` or `refuse`."""

    first: str
    second: str
    confidence: float
    evidence: str


@dataclass
class Quality:
    """The scorecard."""

    checks: list[Check] = field(default_factory=list)
    providers: list[ProviderHealth] = field(default_factory=list)
    suggestions: list[Suggestion] = field(default_factory=list)
    n_components: int = 0
    n_edges: int = 0

    @property
    def score(self) -> float:
        """Mean of the checks that have anything to look at, 0 … 1; 1 for an empty graph."""
        scores = [check.score for check in self.checks if check.n_all]
        return 1.0 if not scores else sum(scores) / len(scores)


def doctor(view: GraphView) -> Quality:
    """Coverage (descriptions, owners, lineage), orphans, dangling references, freshness, and possible merges.

    What is said of a thing under one of its addresses counts for all of them. Cost: passes over the edges in memory and
    over the facts that hold at the view's moment; a few bytes for each component.
    """
    with walking(view) as walk:
        quality = Quality()
        edges = edges_present(walk, view.min_confidence)
        described = described_components(walk)
        quality.n_components, quality.n_edges = int(np.count_nonzero(described)), len(edges)
        quality.checks = _Coverage(walk, edges, described).checks()
        now = view.clock()
        for provider in walk.reading.providers().values():
            if provider.name in ("inference", "people"):
                continue
            heard = provider.heard_at
            age = None if heard is None else max(0, now - heard) / 1e6
            quality.providers.append(
                ProviderHealth(
                    provider.name, provider.scope, provider.swept_from, age, provider.n_rejected, provider.error
                )
            )
        subjects = np.flatnonzero(described & _of_types(walk, MATCHED_TYPES))[:_MOST_SUGGESTIONS].tolist()
        quality.suggestions = _suggestions(walk, subjects)
    return quality


def _of_types(walk: Walk, types: Collection[str]) -> NDArray[np.bool_]:
    """Which components are of the types: bool [n_components]."""
    found = np.zeros(walk.snapshot.n_components, np.bool_)
    rows = walk.reading.session.cursor_rows(
        f"SELECT id FROM lifecycle_components WHERE type IN ({places(types)})", list(types)
    )
    ids = np.fromiter((number for (number,) in rows), np.int64)
    found[ids[ids < len(found)]] = True
    return found


class _Coverage:
    """What of the graph has what, as one flag for each component."""

    def __init__(self, walk: Walk, edges: EdgeArrays, described: NDArray[np.bool_]) -> None:
        self.walk, self.edges, self.described = walk, edges, described
        n = walk.snapshot.n_components
        flow = _FLOW[edges.relation]
        self.degree = np.bincount(edges.source[flow], minlength=n) + np.bincount(edges.target[flow], minlength=n)
        self.linked = self.degree > 0
        self.identities = edges.relation == RELATIONS["same_as"].code

    def checks(self) -> list[Check]:
        people = _of_types(self.walk, _PEOPLE)
        labelled = self.described & _of_types(self.walk, _LABELLED)
        fed = self.ends("target", "feeds", "derives", "influences", "masks")
        columned = self.ends("source", "has_column")
        trained = self.ends("target", "trains", "input_of")
        mentioned = (self.described | self.linked | self.any_end()) & ~people
        connectable = self.described & ~people & ~_of_types(self.walk, ("experiment", "project"))
        resolved = self.described | self.ends("target", "has_column")

        def of(kind: str) -> NDArray[np.bool_]:
            return self.described & _of_types(self.walk, (kind,))

        return [
            self.check(
                "described",
                "of datasets, features, models, pipelines, deployments: have a description",
                labelled,
                self.told(labelled),
            ),
            self.check("owned", "of the same: have an owner", labelled, self.ends("source", "owned_by")),
            self.check("features with lineage", "features: a source column or feature is known", of("feature"), fed),
            self.check("tables with columns", "datasets: their columns are known", of("dataset"), columned),
            self.check("models with data", "versions: training data or inputs known", of("model_version"), trained),
            self.check("connected", "have at least one lineage edge; the others are orphans", connectable, self.linked),
            self.check("resolved", "what is referred to is described; the others dangle", mentioned, resolved, False),
        ]

    def ends(self, end: str, *relations: str) -> NDArray[np.bool_]:
        """Components at one end of the relations."""
        found = np.zeros(len(self.described), np.bool_)
        mine = np.isin(self.edges.relation, np.array([RELATIONS[name].code for name in relations], np.uint8))
        found[(self.edges.source if end == "source" else self.edges.target)[mine]] = True
        return found

    def any_end(self) -> NDArray[np.bool_]:
        found = np.zeros(len(self.described), np.bool_)
        found[self.edges.source] = True
        found[self.edges.target] = True
        return found

    def told(self, among: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Those that some provider describes in words."""
        found = np.zeros(len(among), np.bool_)
        rows = self.walk.reading.session.cursor_rows(
            "SELECT f.component, t.attributes FROM lifecycle_facts f JOIN lifecycle_contents t ON t.id = f.content "
            f"WHERE {self.walk.moment.where('f')} AND t.attributes LIKE '%\"description\"%'"
        )
        for number, attributes in rows:
            if among[number] and str(json.loads(attributes).get("description") or "").strip():
                found[number] = True
        return found

    def check(
        self, name: str, meaning: str, among: NDArray[np.bool_], good: NDArray[np.bool_], shared: bool = True
    ) -> Check:
        """shared: what one address of a thing has, the others have too."""
        good = self.shared(good) if shared else good
        bad = np.flatnonzero(among & ~good)
        first = bad[np.lexsort((bad, -self.degree[bad]))[:_EXAMPLES]].tolist()
        rows = self.walk.reading.components(first)
        examples = tuple(f"{rows[number].type}:{rows[number].name}" for number in first)
        n_all = int(np.count_nonzero(among))
        return Check(name, meaning, n_all - len(bad), n_all, examples)

    def shared(self, flags: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The flags, also of everything that is the same thing."""
        first, second = self.edges.source[self.identities], self.edges.target[self.identities]
        found = flags.copy()
        while len(first):  # once for each link of the longest chain of identities
            before = int(np.count_nonzero(found))
            found[first[found[second]]] = True
            found[second[found[first]]] = True
            if int(np.count_nonzero(found)) == before:
                break
        return found


def _suggestions(walk: Walk, subjects: list[int]) -> list[Suggestion]:
    session = walk.reading.session
    decided = {
        frozenset(pair)
        for pair in session.execute(
            f"SELECT source, target FROM lifecycle_decisions WHERE relation = {RELATIONS['same_as'].code} "
            "AND undone_at IS NULL"
        )
    }
    found = [
        guess for guess in possible_matches(session, subjects) if frozenset((guess.first, guess.second)) not in decided
    ]
    rows = walk.reading.components({number for guess in found for number in (guess.first, guess.second)})
    return [
        Suggestion(rows[guess.first].uri, rows[guess.second].uri, guess.confidence, guess.evidence)
        for guess in sorted(found, key=lambda guess: (-guess.confidence, guess.first, guess.second))
    ]
