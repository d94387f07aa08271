"""What every part of the store stands on: the database, the clock, one snapshot, one write transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import Self

from motherlode.core.sql import Database, Session
from motherlode.core.time import Clock, now, to_micros
from motherlode.nuggets.event_rows import LedgerCache, load_events, read_state
from motherlode.nuggets.ledger import Ledger
from motherlode.nuggets.recording import Recording
from motherlode.nuggets.schema import Schema
from motherlode.nuggets.statements import ReadTexts

__all__ = ["StoreAccess"]


class StoreAccess:
    """A database and what is known of its events."""

    def __init__(self, database: Database, *, schema: Schema | None = None, clock: Clock = now) -> None:
        self._database = database
        self._clock = clock
        self._ledgers = LedgerCache(schema)
        self.read_texts = ReadTexts()
        """Claims of passages that were read for an audit; forgotten by `erase`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the database; the store cannot be used any more."""
        self._database.close()

    @property
    def database(self) -> Database:
        """Where it lives."""
        return self._database

    @property
    def clock(self) -> Clock:
        """What tells it the present."""
        return self._clock

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._database.where}>"

    def reading(self) -> AbstractContextManager[Session]:
        """One snapshot for several reads."""
        return self._database.read()

    @contextmanager
    def recording(self) -> Iterator[Recording]:
        """One write transaction; all of it is recorded at one time, or nothing."""
        with self._database.write() as session:
            work = Recording(session, to_micros(self._clock()), self._ledgers)
            yield work
            work.finish()

    @property
    def schema(self) -> Schema:
        """The predicates as they are known now."""
        with self.reading() as session:
            return self.ledger(session).schema

    def ledger(self, session: Session, known_at: int | None = None) -> Ledger:
        """What all events add up to, as of a snapshot; or those that were recorded up to a time (microseconds)."""
        n_events = read_state(session)["n_events"]
        if known_at is not None:
            known = session.one("SELECT COUNT(*) FROM nugget_events WHERE recorded_at <= ?", (known_at,))
            if known is not None and known[0] < n_events:
                return Ledger.of(load_events(session, known_at), self._ledgers.schema)
        return self._ledgers.current(session, n_events)
