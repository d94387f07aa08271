"""Sweeps of providers, and thin events hydrated one by one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from motherlode.core.collection import without_collection
from motherlode.core.ports import Progress
from motherlode.core.sql import Database, Session, in_batches, next_id
from motherlode.errors import InputError, LodeError
from motherlode.lifecycle.aspects import AspectKey
from motherlode.lifecycle.components import Addresses
from motherlode.lifecycle.record import Item, Provider
from motherlode.lifecycle.recording import Recording, Source, Tally
from motherlode.lifecycle.uris import parse_uri

__all__ = ["IngestReport", "Ingestion", "ProviderReport"]

_ITEMS_PER_TRANSACTION = 5000
_MOST_KNOWN = 1_000_000  # addresses kept with their ids, about 200 bytes each
_FIRST_RETRY = 5_000_000  # µs; doubles with each attempt
_LONGEST_RETRY = 3_600_000_000


@dataclass
class ProviderReport:
    """What one provider's sweep brought."""

    name: str
    scope: str
    tally: Tally = field(default_factory=Tally)
    error: LodeError | None = None


@dataclass
class IngestReport:
    """What a call of ingest brought: one entry a provider, and how many edges the rules concluded or withdrew."""

    providers: list[ProviderReport] = field(default_factory=list)
    n_inferred: int = 0
    n_withdrawn: int = 0

    @property
    def failed(self) -> list[ProviderReport]:
        """Providers that could not be read as a whole; what others said is recorded all the same."""
        return [report for report in self.providers if report.error is not None]


class Ingestion:
    """Writes what providers say into a database. Any number of processes may do so at once."""

    def __init__(self, database: Database, clock: Callable[[], int]) -> None:
        self._database, self._clock = database, clock
        self._known = Addresses()
        self._turn = threading.Lock()

    @contextmanager
    def recording(self) -> Iterator[Recording]:
        """One write transaction. Writers of one process take turns: what they know of ids is one dictionary."""
        with self._turn:
            if len(self._known) > _MOST_KNOWN:
                self._known = Addresses()
            try:
                with without_collection(), self._database.write() as session:
                    recording = Recording(session, self._clock(), self._known)
                    yield recording
                    recording.finish()
            except BaseException:
                self._known = Addresses()  # it may hold ids that were never written
                raise

    def ask(self, question: Callable[[Session], bool]) -> bool:
        """Answer a question about what is recorded."""
        with self._database.read() as session:
            return question(session)

    def sweep(self, provider: Provider, progress: Progress) -> ProviderReport:
        """Everything the provider has, in transactions of some thousand items; then, of a listing, what is missing.

        An interruption keeps what was committed and retracts nothing; the next sweep does the rest.
        """
        _check(provider)
        report = ProviderReport(provider.name, provider.scope)
        asked_at = self._clock()
        seen: set[AspectKey] = set()
        progress.start(f"reading {provider.name}", None, "items")
        try:
            for batch in _as_far_as_it_goes(provider.observe()):
                if isinstance(batch, LodeError):
                    raise batch
                with self.recording() as recording:
                    source = self._source(recording, provider, asked_at)
                    tally, keys = recording.add(source, batch)
                report.tally.add(tally)
                seen |= keys
                progress.advance(len(batch))
            with self.recording() as recording:
                source = self._source(recording, provider, asked_at)
                report.tally.n_gone += recording.end_sweep(source, seen)
        except LodeError as error:
            report.error = error
            with self.recording() as recording:
                source = self._source(recording, provider, asked_at)
                recording.session.execute(
                    "UPDATE lifecycle_providers SET error = ? WHERE id = ?", (str(error)[:2000], source.id)
                )
        finally:
            progress.finish()
        return report

    def _source(self, recording: Recording, provider: Provider, asked_at: int) -> Source:
        return recording.source(provider.name, provider.scope, is_listing=provider.is_listing, asked_at=asked_at)

    def add(self, name: str, scope: str, items: Iterable[Item]) -> Tally:
        """Items that came by themselves: events of a stream, statements of a program."""
        tally = Tally()
        for batch in in_batches(items, _ITEMS_PER_TRANSACTION):
            with self.recording() as recording:
                tally.add(recording.add(recording.source(name, scope, is_listing=False), batch)[0])
        return tally

    def notify(self, provider: str, scope: str, subject: str, event: str) -> None:
        """Keep a thin event until `work` has hydrated what it speaks of. Several for one subject are one."""
        parse_uri(subject)
        now = self._clock()
        with self._database.write() as session:
            number = next_id(session, "lifecycle_notices")
            session.execute(
                "INSERT INTO lifecycle_notices (id, provider, scope, event, subject, received_at, attempts, next_at) "
                "VALUES (?, ?, ?, ?, ?, ?, 0, ?) ON CONFLICT (provider, scope, subject) DO UPDATE SET "
                "event = excluded.event, received_at = excluded.received_at, attempts = 0, next_at = excluded.next_at",
                (number, provider, scope, event, subject, now, now),
            )

    def work(self, providers: Sequence[Provider], *, limit: int = 1000) -> Tally:
        """Hydrate what is due, once each; what fails is tried again later, with longer and longer pauses."""
        by_scope = {(provider.name, provider.scope): provider for provider in providers}
        due: list[tuple[int, str, str, str, int]] = []
        with self._database.read() as session:
            for key in by_scope:
                due += session.execute(
                    "SELECT next_at, provider, scope, subject, received_at FROM lifecycle_notices WHERE next_at <= ? "
                    "AND provider = ? AND scope = ? ORDER BY next_at, id LIMIT ?",
                    (self._clock(), *key, limit),
                )
        tally = Tally()
        for _, name, scope, subject, received_at in sorted(due)[:limit]:
            provider = by_scope[name, scope]
            try:
                tally.add(self.hydrate(provider, subject))
            except LodeError as error:
                self._postpone(name, scope, subject, str(error))
                continue
            with self._database.write() as session:  # an event that came meanwhile stays
                session.execute(
                    "DELETE FROM lifecycle_notices "
                    "WHERE provider = ? AND scope = ? AND subject = ? AND received_at = ?",
                    (name, scope, subject, received_at),
                )
        return tally

    def hydrate(self, provider: Provider, subject: str) -> Tally:
        """Fetch and record the present state of one component."""
        asked_at = self._clock()
        items = list(provider.hydrate(subject))
        with self.recording() as recording:
            return recording.hydrate(self._source(recording, provider, asked_at), subject, items)

    def _postpone(self, name: str, scope: str, subject: str, error: str) -> None:
        with self._database.write() as session:
            row = session.one(
                "SELECT attempts FROM lifecycle_notices WHERE provider = ? AND scope = ? AND subject = ?",
                (name, scope, subject),
            )
            attempts = 1 + (row[0] if row else 0)
            pause = min(_FIRST_RETRY << min(attempts, 20), _LONGEST_RETRY)
            session.execute(
                "UPDATE lifecycle_notices SET attempts = ?, next_at = ?, error = ? "
                "WHERE provider = ? AND scope = ? AND subject = ?",
                (attempts, self._clock() + pause, error[:2000], name, scope, subject),
            )


def _as_far_as_it_goes(items: Iterator[Item]) -> Iterator[list[Item] | LodeError]:
    """Batches of items; where the source fails, what came before it, then its error."""
    batch: list[Item] = []
    try:
        for item in items:
            batch.append(item)
            if len(batch) == _ITEMS_PER_TRANSACTION:
                yield batch
                batch = []
    except LodeError as error:
        yield batch
        yield error
        return
    yield batch


def _check(provider: object) -> None:
    if not isinstance(provider, Provider):
        raise InputError(
            f"{provider!r:.100} is no provider: it needs name, scope, is_listing, observe() and hydrate(subject)"
        )
