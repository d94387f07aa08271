"""The lifecycle graph: what depends on what across systems."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime
from types import TracebackType
from typing import Any

from motherlode.core.ports import NullProgress, Progress
from motherlode.core.sql import open_database
from motherlode.core.time import Clock, now, parse_instant, to_micros
from motherlode.lifecycle import decisions as _decisions, tracking as _tracking
from motherlode.lifecycle.inference.formation import Formed, form
from motherlode.lifecycle.ingestion import Ingestion, IngestReport
from motherlode.lifecycle.record import Item, Provider
from motherlode.lifecycle.recording import Tally
from motherlode.lifecycle.snapshot import Snapshots
from motherlode.lifecycle.tables import MIGRATIONS, NAMESPACE
from motherlode.lifecycle.view import GraphView
from motherlode.lifecycle.walking import walking

__all__ = ["LifecycleGraph", "open_lifecycle"]


def open_lifecycle(
    where: str | os.PathLike[str],
    *,
    read_only: bool = False,
    create: bool = True,
    clock: Clock = now,
    timeout_s: float = 30,
) -> LifecycleGraph:
    """Opens a lifecycle graph: a file, ``:memory:``, or a URL ``postgresql://…`` where several machines write.

    timeout_s: bound for every wait for a lock of another writer

    Raises InputError, DataError, ConflictError as `open_database` does. Safe in several threads and processes.
    """
    return LifecycleGraph(where, read_only=read_only, create=create, clock=clock, timeout_s=timeout_s)


class LifecycleGraph(GraphView):
    """An open lifecycle graph. Made by `open_lifecycle`; questions are those of its view of now."""

    def __init__(
        self, where: str | os.PathLike[str], *, read_only: bool, create: bool, clock: Clock, timeout_s: float = 30
    ) -> None:
        options: dict[str, Any] = {"read_only": read_only, "create": create, "timeout_s": timeout_s}
        database = open_database(where, migrations=MIGRATIONS, namespace=NAMESPACE, **options)
        self._clock = clock
        super().__init__(database, Snapshots(database), lambda: to_micros(clock()))
        self.ingestion = Ingestion(database, self.clock)

    def ingest(self, *providers: Provider, strict: bool = True, progress: Progress | None = None) -> IngestReport:
        """Reads everything that the providers have, one after another.

        Idempotent, and the order does not matter. Of a provider that lists everything, what is missing is gone from
        now on. What cannot be read in a source waits in quarantine with the reason. A source that cannot be read as a
        whole does not keep the others from being read: its error is raised at the end, or with ``strict=False`` stands
        in the report.
        """
        report = IngestReport()
        for provider in providers:
            report.providers.append(self.ingestion.sweep(provider, progress or NullProgress()))
        formed = self.form()
        report.n_inferred, report.n_withdrawn = formed.n_inferred, formed.n_withdrawn
        with walking(self):  # makes the snapshot, which those who only read could not keep
            pass
        if strict and report.failed:
            first, *others = (failed.error for failed in report.failed if failed.error is not None)
            for error in others:
                first.add_note(f"Another source failed too: {error}")
            raise first
        return report

    def add(self, items: Iterable[Item], *, provider: str = "python", scope: str = "") -> Tally:
        """Records items that come by themselves: events of a stream, statements of a program."""
        tally = self.ingestion.add(provider, scope, items)
        self.form()
        return tally

    def form(self, again: Iterable[int] = ()) -> Formed:
        """Concludes what follows from everything recorded since the last time, and withdraws what no longer does.

        `ingest`, `add` and `work` end with it. again: ids of components around which to conclude everything anew.
        """
        return form(self.ingestion, again)

    confirm = _decisions.confirm
    refuse = _decisions.refuse
    undo = _decisions.undo
    decisions = _decisions.decisions

    def notify(self, provider: Provider, subject: str, event: str = "changed") -> None:
        """Keeps a thin event: something happened to the component; `work` will ask its provider what it is now."""
        self.ingestion.notify(provider.name, provider.scope, subject, event)

    def work(self, *providers: Provider, limit: int = 1000) -> Tally:
        """Hydrates what notices speak of, those that are due; what fails waits longer with every try."""
        tally = self.ingestion.work(providers, limit=limit)
        self.form()
        return tally

    run, track = _tracking.run, _tracking.track
    declare, withdraw = _tracking.declare, _tracking.withdraw

    def as_of(
        self,
        valid_at: str | datetime | None = None,
        known_at: str | datetime | None = None,
        *,
        min_confidence: float = 0.0,
    ) -> GraphView:
        """The graph as it held at an instant, as it was recorded by another; None: now.

        A date is its first instant, 00:00 UTC. Raises InputError for a naive datetime or a text that is no date.
        """
        return GraphView(
            self.database,
            self.snapshots,
            self.clock,
            valid_at=_micros(valid_at),
            known_at=_micros(known_at),
            min_confidence=min_confidence,
        )

    def close(self) -> None:
        """Closes the database. May be called twice."""
        self.database.close()

    def __enter__(self) -> LifecycleGraph:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"LifecycleGraph({self.database.where!r})"


def _micros(moment: str | datetime | None) -> int | None:
    if moment is None:
        return None
    return to_micros(moment) if isinstance(moment, datetime) else parse_instant(moment)
