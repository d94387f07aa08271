"""Two small tables that the tests of the SQL contract write to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager

from motherlode.core.sql import Database, Migration, Session, open_database

__all__ = ["Open", "count_up", "create_counters", "create_items", "names", "opener"]

Open = Callable[..., Database]


def create_items(session: Session) -> None:
    session.execute("CREATE TABLE items (id BIGINT PRIMARY KEY, name TEXT, share DOUBLE PRECISION, body BYTEA)")


def create_counters(session: Session) -> None:
    session.execute("CREATE TABLE counters (name TEXT PRIMARY KEY, value BIGINT NOT NULL)")
    session.execute("INSERT INTO counters (name, value) VALUES ('n', 0)")


@contextmanager
def opener(place: str) -> Iterator[Open]:
    """A function that opens the place with the migrations that it is given, or both; all are closed at the end."""
    with ExitStack() as stack:

        def open_it(*migrations: Migration, timeout_s: float = 30) -> Database:
            chosen: Sequence[Migration] = migrations or (create_items, create_counters)
            database = open_database(place, migrations=chosen, namespace="things", timeout_s=timeout_s)
            return stack.enter_context(closing(database))

        yield open_it


def names(database: Database) -> list[str]:
    with database.read() as session:
        return [name for (name,) in session.execute("SELECT name FROM items ORDER BY id")]


def count_up(database: Database, times: int) -> None:
    for _ in range(times):
        with database.write() as session:
            row = session.one("SELECT value FROM counters WHERE name = ?", ("n",))
            assert row is not None
            session.execute("UPDATE counters SET value = ? WHERE name = ?", (row[0] + 1, "n"))
