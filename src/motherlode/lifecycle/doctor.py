"""``doctor``: how good the metadata is, what is missing, and what a person could mend first."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from motherlode.lifecycle.inference.formation import possible_matches
from motherlode.lifecycle.inference.matching import MATCHED_TYPES
from motherlode.lifecycle.reading import ComponentRow
from motherlode.lifecycle.relations import RELATIONS
from motherlode.lifecycle.walking import Walk, walking

if TYPE_CHECKING:
    from motherlode.lifecycle.view import GraphView

__all__ = ["Check", "ProviderHealth", "Quality", "Suggestion", "doctor"]

_EXAMPLES = 5
_PEOPLE = ("user", "team", "tag")
_LABELLED = ("dataset", "feature", "feature_view", "model", "pipeline", "deployment")
_FLOW = ", ".join(str(relation.code) for relation in RELATIONS.values() if relation.flow)
_MOST_SUGGESTIONS = 1000


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that can be had or lacked. n_good of n_all have it; examples of those that do not, as type:name."""

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

    Cost: a scan of what holds at the view's moment.
    """
    with walking(view) as walk:
        quality = Quality()
        session, moment = walk.reading.session, walk.moment
        described = {
            number
            for (number,) in session.execute(
                f"SELECT DISTINCT f.component FROM lifecycle_facts f WHERE {moment.where('f')}"
            )
        }
        rows = [ComponentRow(*row) for row in session.execute(
            "SELECT id, uri, type, platform, name FROM lifecycle_components ORDER BY type, name, id"
        )]  # fmt: skip
        ends = _ends(walk)
        known = [row for row in rows if row.id in described]
        quality.n_components, quality.n_edges = len(known), ends.n_edges
        quality.checks = _checks(walk, rows, known, described, ends)
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
        subjects = [row.id for row in known if row.type in MATCHED_TYPES][:_MOST_SUGGESTIONS]
        quality.suggestions = _suggestions(walk, subjects)
    return quality


@dataclass(frozen=True, slots=True)
class _Ends:
    """Components at the ends of edges of some relations."""

    n_edges: int
    linked: set[int]
    owned: set[int]
    fed: set[int]
    columned: set[int]
    trained: set[int]


def _ends(walk: Walk) -> _Ends:
    session, moment = walk.reading.session, walk.moment

    def column(end: str, relations: str) -> set[int]:
        rows = session.execute(
            f"SELECT DISTINCT e.{end} FROM lifecycle_edges e WHERE e.relation IN ({relations}) AND {moment.where('e')}"
        )
        return {number for (number,) in rows}

    def code(*names: str) -> str:
        return ", ".join(str(RELATIONS[name].code) for name in names)

    row = session.one(f"SELECT count(*) FROM lifecycle_edges e WHERE {moment.where('e')}")
    return _Ends(
        0 if row is None else int(row[0]),
        column("source", _FLOW) | column("target", _FLOW),
        column("source", code("owned_by")),
        column("target", code("feeds", "derives", "influences", "masks")),
        column("source", code("has_column")),
        column("target", code("trains")) | column("target", code("input_of")),
    )


def _checks(
    walk: Walk, rows: list[ComponentRow], known: list[ComponentRow], described: set[int], ends: _Ends
) -> list[Check]:
    labelled = [row for row in known if row.type in _LABELLED]
    texts = walk.reading.attributes([row.id for row in labelled])
    told = {number for number, said in texts.items() if str(said.get("description") or "").strip()}
    seen = [row for row in rows if (row.id in described or row.id in ends.linked) and row.type not in _PEOPLE]
    resolved = described | walk.reading.described([row.id for row in seen if row.type == "column"])
    connectable = [row for row in known if row.type not in (*_PEOPLE, "experiment", "project")]

    def of(kind: str) -> list[ComponentRow]:
        return [row for row in known if row.type == kind]

    return [
        _check(
            "described", "of datasets, features, models, pipelines, deployments: have a description", labelled, told
        ),
        _check("owned", "of the same: have an owner", labelled, ends.owned),
        _check("features with lineage", "features: a source column or feature is known", of("feature"), ends.fed),
        _check("tables with columns", "datasets: their columns are known", of("dataset"), ends.columned),
        _check("models with data", "versions: training data or inputs known", of("model_version"), ends.trained),
        _check("connected", "have at least one lineage edge; the others are orphans", connectable, ends.linked),
        _check("resolved", "what is referred to is described; the others dangle", seen, resolved),
    ]


def _check(name: str, meaning: str, among: list[ComponentRow], good: set[int]) -> Check:
    bad = [row for row in among if row.id not in good]
    examples = tuple(f"{row.type}:{row.name}" for row in bad[:_EXAMPLES])
    return Check(name, meaning, len(among) - len(bad), len(among), examples)


def _suggestions(walk: Walk, subjects: list[int]) -> list[Suggestion]:
    found = possible_matches(walk.reading.session, subjects)
    rows = walk.reading.components({number for guess in found for number in (guess.first, guess.second)})
    return [
        Suggestion(rows[guess.first].uri, rows[guess.second].uri, guess.confidence, guess.evidence)
        for guess in sorted(found, key=lambda guess: (-guess.confidence, guess.first, guess.second))
    ]
