"""Reports of runs, united: what a pipeline's newest completed run read and wrote, whatever order reports come in."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from motherlode.core.sql import Session, in_batches, places
from motherlode.core.time import EVER, from_micros, iso_text
from motherlode.errors import InputError
from motherlode.lifecycle.components import Interner
from motherlode.lifecycle.contents import content_of
from motherlode.lifecycle.record import Edge, Observation, Rejected, RunReport

__all__ = ["Runs"]

_COUNTING = {"COMPLETE", "RUNNING"}  # streaming jobs only ever run
_ENDING = {"COMPLETE", "ABORT", "FAIL"}
_ORDER = ("OTHER", "START", "RUNNING", "COMPLETE", "ABORT", "FAIL")


@dataclass
class _Run:
    """A join of reports: every field grows or keeps the largest, so that order and repetition do not matter."""

    job: str
    first_at: int
    last_at: int = 0
    state: str = "OTHER"
    counted_at: int | None = None
    edges: set[Edge] = field(default_factory=set)
    attributes: dict[str, Any] = field(default_factory=dict)
    revision: int = 0

    def unite(self, report: RunReport) -> None:
        self.job = max(self.job, report.job)
        self.first_at = min(self.first_at, report.at)
        self.last_at = max(self.last_at, report.at)
        self.state = max(self.state, report.state, key=_ORDER.index)
        if report.state in _COUNTING:
            self.counted_at = max(report.at, self.counted_at or report.at)
        self.edges.update(report.edges)
        for name, value in report.attributes.items():
            text = json.dumps(value, sort_keys=True)
            if name not in self.attributes or json.dumps(self.attributes[name], sort_keys=True) < text:
                self.attributes[name] = value

    def values(self) -> tuple[object, ...]:
        """What reports can change."""
        shown = json.dumps(self.attributes, sort_keys=True)
        return self.job, self.first_at, self.last_at, self.state, self.counted_at, len(self.edges), shown


class Runs:
    """The united runs inside one write transaction."""

    def __init__(self, session: Session, components: Interner) -> None:
        self._session, self._components = session, components

    def unite(self, provider: int, reports: Iterable[RunReport], rejected: list[Rejected]) -> list[Observation]:
        """Add reports to what is known of their runs; what follows for the runs and their pipelines."""
        good: dict[str, list[RunReport]] = {}
        for report in reports:
            try:
                self._check(report)
                good.setdefault(report.run, []).append(report)
            except InputError as error:
                rejected.append(Rejected(f"{report.run} ({report.state})", str(error)))
        if not good:
            return []
        runs = self._load([self._components.id_of(run) for run in good])
        changed: dict[str, _Run] = {}
        for address, its_reports in good.items():
            known = runs.get(self._components.id_of(address))
            run = _Run(its_reports[0].job, its_reports[0].at) if known is None else known
            before = None if known is None else run.values()
            for report in its_reports:
                run.unite(report)
            if run.values() != before:
                run.revision += 1
                changed[address] = run
        announcements = self._announcements(changed.values())
        self._write(provider, changed)
        return [*(_run_seen(*pair) for pair in changed.items()), *_io_seen(changed.values()), *announcements]

    def _check(self, report: RunReport) -> None:
        if report.state not in _ORDER:
            raise InputError(f"state {report.state!r} of a run: expected one of {', '.join(_ORDER)}")
        if not -EVER < report.at < EVER:
            raise InputError(f"at={report.at} is no instant; give microseconds since 1970")
        content_of(report.attributes, report.edges, self._components.ids)
        self._components.id_of(report.run)
        self._components.id_of(report.job)

    def _load(self, numbers: list[int]) -> dict[int, _Run]:
        runs = {}
        for batch in in_batches(numbers):
            for number, job, first_at, last_at, state, counted_at, edges, attributes, revision in self._session.execute(
                "SELECT r.run, c.uri, r.first_at, r.last_at, r.state, r.counted_at, r.edges, r.attributes, r.revision "
                f"FROM lifecycle_runs r JOIN lifecycle_components c ON c.id = r.job WHERE r.run IN ({places(batch)})",
                batch,
            ):
                its_edges = {Edge(*edge) for edge in json.loads(edges)}
                runs[number] = _Run(
                    job, first_at, last_at, state, counted_at, its_edges, json.loads(attributes), revision
                )
        return runs

    def _write(self, provider: int, runs: dict[str, _Run]) -> None:
        rows = []
        for address, run in runs.items():
            edges = json.dumps(sorted(run.edges), ensure_ascii=False)
            attributes = json.dumps(run.attributes, ensure_ascii=False)
            job, number = self._components.id_of(run.job), self._components.id_of(address)
            when = (run.first_at, run.last_at, run.state, run.counted_at)
            rows.append((number, provider, job, *when, edges, attributes, run.revision))
        self._session.execute_many(
            "INSERT INTO lifecycle_runs (run, provider, job, first_at, last_at, state, counted_at, edges, attributes, "
            "revision) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run) DO UPDATE SET job = excluded.job, "
            "first_at = excluded.first_at, last_at = excluded.last_at, state = excluded.state, counted_at = "
            "excluded.counted_at, edges = excluded.edges, attributes = excluded.attributes, "
            "revision = excluded.revision",
            rows,
            trusted=True,
        )

    def _announcements(self, runs: Iterable[_Run]) -> list[Observation]:
        """What runs that have not completed say they will do: it counts until a run of the pipeline has completed."""
        jobs: dict[str, list[_Run]] = {}
        for run in runs:
            jobs.setdefault(run.job, []).append(run)
        numbers = {self._components.id_of(job): job for job in jobs}
        counted = set()
        for batch in in_batches(sorted(numbers)):
            counted |= {
                numbers[number]
                for (number,) in self._session.execute(
                    "SELECT DISTINCT job FROM lifecycle_runs "
                    f"WHERE job IN ({places(batch)}) AND counted_at IS NOT NULL",
                    batch,
                )
            }
        seen = []
        for job, its_runs in jobs.items():
            if job in counted:
                continue
            ends = [run.counted_at for run in its_runs if run.counted_at is not None]
            if ends:
                seen.append(Observation(job, "announced", EVER - 1, valid_from=min(ends), gone=True))
                continue
            seen += [
                Observation(job, "announced", run.last_at, len(run.edges), run.first_at, edges=tuple(run.edges))
                for run in its_runs
            ]
        return seen


def _run_seen(address: str, run: _Run) -> Observation:
    attributes = {
        **run.attributes,
        "state": run.state,
        "started_at": iso_text(from_micros(run.first_at)),
        "ended_at": iso_text(from_micros(run.last_at)) if run.state in _ENDING else None,
    }
    edges = (Edge(run.job, "has_run", address),)
    return Observation(address, "definition", run.last_at, run.revision, run.first_at, attributes, edges)


def _io_seen(runs: Iterable[_Run]) -> list[Observation]:
    """Of one version the larger set of edges counts, so that it does not matter which report came last."""
    return [
        Observation(run.job, "io", run.counted_at, len(run.edges), run.first_at, edges=tuple(run.edges))
        for run in runs
        if run.counted_at is not None
    ]
