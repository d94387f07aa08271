"""How healthy a store is: shares with their intervals, what is wrong by id, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from motherlode.core.sql import Session
from motherlode.core.time import EVER, iso_text, now, to_micros
from motherlode.errors import InputError
from motherlode.nuggets.ledger import key_hash
from motherlode.nuggets.reading import ANSWERING
from motherlode.nuggets.reads import StoreReads
from motherlode.nuggets.schema import Schema
from motherlode.nuggets.wilson import wilson_bounds

__all__ = ["SEVERITIES", "Check", "Scorecard", "examine"]

SEVERITIES = ("ok", "notice", "warning", "critical")
_N_EXAMPLES = 5
_OPEN = f"v.recorded_to = {EVER}"
_ANSWERS = f"{_OPEN} AND v.state IN ({', '.join(repr(state) for state in ANSWERING)})"
_DATED = "(v.start_granularity IS NOT NULL OR v.end_granularity IS NOT NULL)"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was counted.

    value: numerator / denominator, 0 where nothing was counted; `low` and `high` are its Wilson interval (95 %), for
        those who see the store as a sample of what its sources say
    examples: ids of nuggets (of documents, for sources) among the first that were counted
    advice: what to do, empty where nothing needs doing
    """

    name: str
    meaning: str
    numerator: int
    denominator: int
    severity: str
    examples: tuple[str, ...] = ()
    advice: str = ""

    @property
    def value(self) -> float:
        return self.numerator / self.denominator if self.denominator else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """(low, high)."""
        return wilson_bounds(self.numerator, self.denominator)

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        low, high = self.interval
        return {
            "name": self.name,
            "meaning": self.meaning,
            "value": self.value,
            "numerator": self.numerator,
            "denominator": self.denominator,
            "low": low,
            "high": high,
            "severity": self.severity,
            "examples": list(self.examples),
            "advice": self.advice,
        }


@dataclass(frozen=True, slots=True)
class Scorecard:
    """All checks of a store as it stands now.

    n_nuggets: those that answer (active, superseded, contested); n_keys: what they are about
    tenures_per_functional_key: mean number of holders, one after another, of what can have one at a time
    """

    examined_at: datetime
    n_nuggets: int
    n_keys: int
    n_claims: int
    n_documents: int
    tenures_per_functional_key: float
    checks: tuple[Check, ...]

    def __getitem__(self, name: str) -> Check:
        for check in self.checks:
            if check.name == name:
                return check
        raise KeyError(name)

    @property
    def severity(self) -> str:
        """The worst of the checks."""
        return max((check.severity for check in self.checks), key=SEVERITIES.index)

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "examined_at": iso_text(self.examined_at),
            "severity": self.severity,
            "n_nuggets": self.n_nuggets,
            "n_keys": self.n_keys,
            "n_claims": self.n_claims,
            "n_documents": self.n_documents,
            "tenures_per_functional_key": self.tenures_per_functional_key,
            "checks": [check.to_dict() for check in self.checks],
        }


def _before(moment: datetime, n_days: float) -> datetime:
    """So many days earlier, or the first day of the calendar."""
    first = datetime.min.replace(tzinfo=moment.tzinfo)
    return moment - timedelta(days=n_days) if n_days <= (moment - first).days else first


def examine(store: StoreReads, *, stale_after_days: float = 730, at: datetime | None = None) -> Scorecard:
    """Examine a store: temporal depth, drift, conflicts, renames, sources, what waits for people, broken links.

    stale_after_days: how old the newest evidence of what is taken to hold now may be; by its document's date, else by
    when it was recorded. at: the time to count from, by default now

    Cost: a few passes over the newest versions and their evidence, in the database; seconds for a million nuggets.
    Errors: InputError for a negative age, a naive time.
    """
    if not stale_after_days >= 0:
        raise InputError(f"stale_after_days is a number of days, 0 or more, not {stale_after_days!r}")
    moment = now() if at is None else at
    to_micros(moment)
    with store.reading() as session:
        work = _Examination(session, store.ledger(session).schema, _before(moment, stale_after_days))
        checks = tuple(work.checks())
        return Scorecard(moment, work.n_nuggets, work.n_keys, work.n_claims, work.n_documents, work.tenures, checks)


class _Examination:
    """The checks over one snapshot."""

    def __init__(self, session: Session, schema: Schema, stale_before: datetime) -> None:
        self.session = session
        self.schema = schema
        self.stale_before = stale_before
        self.n_claims = self._count("SELECT COUNT(*) FROM nugget_claims")
        self.n_documents = self._count("SELECT COUNT(DISTINCT source) FROM nugget_documents")
        self.n_nuggets, self.n_keys = self._row(
            f"SELECT COUNT(*), COUNT(DISTINCT v.key) FROM nugget_versions v WHERE {_ANSWERS}"
        )
        self.tenures = 0.0

    def _row(self, sql: str, values: tuple[object, ...] = ()) -> tuple[int, ...]:
        row = self.session.one(sql, values)
        return () if row is None else tuple(int(value or 0) for value in row)

    def _count(self, sql: str, values: tuple[object, ...] = ()) -> int:
        return self._row(sql, values)[0]

    def checks(self) -> list[Check]:
        return [
            *self._depth(),
            self._drift(),
            *self._links(),
            self._conflicts(),
            self._renames(),
            self._single_source(),
            self._pending(),
            self._orphans(),
        ]

    def _of(
        self,
        name: str,
        meaning: str,
        base: str,
        counted: str,
        limits: tuple[float, float],
        advice: str,
        values: tuple[object, ...] = (),
        *,
        wanted: bool = False,
    ) -> Check:
        """A share of versions. limits: from where it is a notice and a warning; wanted: much of it is good."""
        n_all, n = self._row(
            f"SELECT COUNT(*), SUM(CASE WHEN {counted} THEN 1 ELSE 0 END) FROM nugget_versions v WHERE {base}", values
        )
        fault = f"NOT ({counted})" if wanted else counted
        examples = self._examples(f"{base} AND {fault}", values)
        return _check(name, meaning, n, n_all, limits, examples, advice, wanted=wanted)

    def _examples(self, where: str, values: tuple[object, ...]) -> tuple[str, ...]:
        rows = self.session.execute(
            f"SELECT v.nugget_id FROM nugget_versions v WHERE {where} ORDER BY v.version LIMIT {_N_EXAMPLES}", values
        )
        return tuple(row[0] for row in rows)

    def _depth(self) -> list[Check]:
        functional = sorted(p.name for p in self.schema.predicates if p.cardinality == "functional")
        marks = ", ".join("?" * len(functional)) or "NULL"
        n_keys, n_tenures, n_deep = self._row(
            "SELECT COUNT(*), SUM(n), SUM(CASE WHEN n > 1 THEN 1 ELSE 0 END) FROM (SELECT COUNT(*) AS n "
            f"FROM nugget_versions v WHERE {_ANSWERS} AND v.predicate IN ({marks}) GROUP BY v.key) AS keys",
            tuple(functional),
        )
        self.tenures = n_tenures / n_keys if n_keys else 0.0
        both = "v.start_granularity IS NOT NULL AND v.end_granularity IS NOT NULL"
        undated = "give documents a published_at and extract dates, or hand in claims with valid_from"
        return [
            self._of("known_validity", "nuggets of which a start or an end is known", _ANSWERS, _DATED, (0.8, 0.5),
                     undated, wanted=True),
            self._of("both_bounds", "nuggets of which start and end are known, derived ends included", _ANSWERS, both,
                     (0, 0), ""),
            _check("functional_history", "keys with one holder at a time that had several holders", n_deep, n_keys,
                   (0, 0), (), ""),
            self._of("undated", "nuggets of which no date is known: they match any date and come last", _ANSWERS,
                     f"NOT {_DATED}", (0.2, 0.5), undated),
        ]  # fmt: skip

    def _drift(self) -> Check:
        current = f"{_OPEN} AND v.state IN ('active', 'contested') AND v.end_latest = {EVER}"
        fresh = (
            f"SELECT 1 FROM {self._evidence()} JOIN nugget_documents d ON d.doc = c.doc "
            "WHERE CASE WHEN d.published IS NULL THEN c.recorded_at >= ? ELSE d.published >= ? END"
        )
        # A year is as late as its last day, and '..' of an open range is older than any date.
        values = (to_micros(self.stale_before), f"{self.stale_before:%Y-%m-%d}")
        return self._of_evidence(
            "drift", "nuggets taken to hold now whose newest evidence is old", current, f"NOT EXISTS ({fresh})", values
        )

    def _of_evidence(self, name: str, meaning: str, base: str, fault: str, values: tuple[object, ...]) -> Check:
        n_all = self._count(f"SELECT COUNT(*) FROM nugget_versions v WHERE {base}")
        n = self._count(f"SELECT COUNT(*) FROM nugget_versions v WHERE {base} AND {fault}", values)
        examples = self._examples(f"{base} AND {fault}", values) if n else ()
        advice = "ingest newer versions of their documents, or close them with a claim that is negated"
        return _check(name, meaning, n, n_all, (0.25, 0.5), examples, advice)

    def _evidence(self) -> str:
        """FROM: the claims ``c`` behind a version ``v``."""
        if self.session.dialect == "sqlite":
            # CROSS: from a nugget to its claims; the planner would go from each claim through all nuggets.
            return "json_each(v.claims) AS j CROSS JOIN nugget_claims c ON c.seq = j.value"
        return (
            "json_array_elements_text(CAST(v.claims AS json)) AS j(value) "
            "JOIN nugget_claims c ON c.seq = CAST(j.value AS BIGINT)"
        )

    def _links(self) -> list[Check]:
        superseded = f"{_OPEN} AND v.state = 'superseded'"
        known = (
            f"EXISTS (SELECT 1 FROM nugget_versions w WHERE w.nugget_id = v.superseded_by AND w.recorded_to = {EVER}) "
            "OR EXISTS (SELECT 1 FROM nugget_aliases a WHERE a.alias = v.superseded_by)"
        )
        broken = "the store contradicts itself: report it, and derive it anew with store.set_schema(store.schema)"
        return [
            self._of("superseded_without_successor", "superseded nuggets that name no successor", superseded,
                     "v.superseded_by IS NULL", (0, 0), broken),
            self._of("dangling_superseded_by", "nuggets whose successor is not in the store", f"{_OPEN} AND "
                     "v.superseded_by IS NOT NULL", f"NOT ({known})", (0, 0), broken),
        ]  # fmt: skip

    def _conflicts(self) -> Check:
        n = self._count(f"SELECT COUNT(DISTINCT v.key) FROM nugget_versions v WHERE {_OPEN} AND v.state = 'contested'")
        examples = self._examples(f"{_OPEN} AND v.state = 'contested'", ()) if n else ()
        advice = (
            "settle them: store.decide(nugget, 'prefer', …), store.trust(publisher, …), or min_sources in the schema"
        )
        return _check("contested_keys", "keys on which sources disagree", n, self.n_keys, (0.02, 0.1), examples, advice)

    def _renames(self) -> Check:
        """Renames that are stated from one side only."""
        pairs = [(p.name, p.inverse) for p in self.schema.predicates if p.renaming and p.inverse is not None]
        n, n_all, examples = 0, 0, list[str]()
        for forward, backward in pairs:
            for said, other in ((forward, backward), (backward, forward)):
                n_all += self._count(
                    f"SELECT COUNT(*) FROM nugget_versions v WHERE {_ANSWERS} AND v.predicate = ?", (said,)
                )
                rows = self.session.execute(
                    f"SELECT v.scope, v.subject_key, v.object_key FROM nugget_versions v WHERE {_ANSWERS} "
                    "AND v.predicate = ? EXCEPT SELECT v.scope, substr(v.object_key, 6), 'name:' || v.subject_key "
                    f"FROM nugget_versions v WHERE {_ANSWERS} AND v.predicate = ?",
                    (said, other),
                )
                n += len(rows)
                for scope, subject, name in sorted(rows)[: _N_EXAMPLES - len(examples)]:
                    key = key_hash(scope, subject, said)
                    examples += self._examples(f"{_ANSWERS} AND v.key = ? AND v.object_key = ?", (key, name))[:1]
        return _check(
            "renames_without_counterpart", "renames that are stated from one of the two names only", min(n, n_all),
            n_all, (0.5, 2), tuple(examples), "chains read both sides, so nothing breaks; a source may be missing",
        )  # fmt: skip

    def _single_source(self) -> Check:
        return self._of("single_source", "nuggets that one publisher alone says", _ANSWERS, "v.n_sources <= 1",
                        (0.8, 2), "add sources, or ask for more with min_sources in the schema")  # fmt: skip

    def _pending(self) -> Check:
        base, advice = f"{_OPEN} AND v.state <> 'retracted'", "work the review queue: accept, edit or reject"
        return self._of(
            "pending_reviews", "nuggets that wait for a person", base, "v.state = 'pending'", (0.05, 0.2), advice
        )

    def _orphans(self) -> Check:
        """Documents none of whose claims is evidence of a nugget that answers."""
        used = f"SELECT DISTINCT c.doc FROM nugget_versions v, {self._evidence()} WHERE {_ANSWERS}"
        rows = self.session.execute(
            f"SELECT DISTINCT source FROM nugget_documents EXCEPT "
            f"SELECT d.source FROM nugget_documents d WHERE d.doc IN ({used})"
        )
        examples = tuple(sorted(row[0] for row in rows)[:_N_EXAMPLES])
        advice = "look at what was extracted from them; erase what is not needed"
        return _check("orphaned_sources", "documents of which nothing answers any question", len(rows),
                      self.n_documents, (0.2, 0.5), examples, advice)  # fmt: skip


def _check(
    name: str,
    meaning: str,
    n: int,
    n_all: int,
    limits: tuple[float, float],
    examples: tuple[str, ...],
    advice: str,
    *,
    wanted: bool = False,
) -> Check:
    """Judge a share: from a notice and from a warning on. Without advice it only informs; limits of 0 allow none."""
    if not advice or not n_all:
        severity = "ok"
    elif not any(limits):
        severity = "critical" if n else "ok"
    else:
        share = n / n_all
        far = [share < limit if wanted else share > limit for limit in limits]
        severity = "warning" if far[1] else "notice" if far[0] else "ok"
    return Check(name, meaning, n, n_all, severity, examples, advice if severity != "ok" else "")
