"""Opening a database, its migrations, its transactions, and the connections that they use in turn."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from motherlode.core.sql.connections import Connections, Lease
from motherlode.core.sql.postgresql import PostgresqlDriver, is_postgresql_url
from motherlode.core.sql.sessions import Session
from motherlode.core.sql.sqlite import SqliteDriver
from motherlode.errors import ConflictError, DataError, InputError

__all__ = ["Database", "Migration", "open_database", "open_foreign_database"]

Migration = Callable[[Session], None]


def open_database(
    where: str | os.PathLike[str],
    *,
    migrations: Sequence[Migration],
    namespace: str,
    read_only: bool = False,
    create: bool = True,
    timeout_s: float = 30,
) -> Database:
    """Opens a database and brings its tables to the version ``len(migrations)``.

    ``where`` is a path, ``:memory:`` (a new database for all threads of this process) or a URL ``postgresql://…``.
    ``namespace`` names the tables' owner, e.g. "nuggets": migration n of ``migrations`` (from 1) runs once, in one
    transaction with its record in ``<namespace>_migrations``; writers of one namespace exclude each other.
    ``create=False`` refuses a place that does not hold this namespace yet. ``timeout_s`` bounds every wait for a lock.

    Raises InputError (nothing there, a wrong path or URL), DataError (not a database; a newer version), ConflictError
    (locked, full, not writable, unreachable), UnsupportedError (psycopg is missing). Safe in several processes at once.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,40}", namespace):
        raise InputError(
            f"namespace {namespace!r}: expected lower-case letters, digits and _, at most 41, e.g. 'nuggets'."
        )
    driver: SqliteDriver | PostgresqlDriver
    if is_postgresql_url(where):
        driver = PostgresqlDriver(str(where), namespace=namespace, read_only=read_only, timeout_s=timeout_s)
    elif isinstance(where, str) and "://" in where:
        raise InputError(f"{where.split('://')[0]}://…: expected a path, ':memory:' or a URL postgresql://….")
    else:
        driver = SqliteDriver(where, read_only=read_only, create=create, timeout_s=timeout_s)
    database = Database(driver, read_only=read_only, timeout_s=timeout_s)
    try:
        _migrate(database, driver, list(migrations), namespace, create=create)
    except BaseException:
        database.close()
        raise
    return database


def open_foreign_database(path: str | os.PathLike[str], *, timeout_s: float = 5) -> Database:
    """Opens another program's SQLite file for reading, e.g. MLflow's: no migrations, and nothing in it changes.

    Text that is no UTF-8 comes back with U+FFFD in its place. SQLite keeps a -shm file beside one with a write-ahead
    log. Raises InputError (not there, a folder), DataError (no SQLite file), ConflictError (locked for longer than
    ``timeout_s``, not readable).
    """
    where = Path(path)
    if not where.is_file():
        raise InputError(f"{where} is {'a folder' if where.is_dir() else 'not there'}; expected a SQLite file.")
    driver = SqliteDriver(where, read_only=True, create=False, timeout_s=timeout_s, is_foreign=True)
    database = Database(driver, read_only=True, timeout_s=timeout_s)
    try:
        with database.read():
            return database
    except BaseException:
        database.close()
        raise


def _migrate(database: Database, driver: Any, migrations: Sequence[Migration], namespace: str, *, create: bool) -> None:
    table, newest = f"{namespace}_migrations", len(migrations)

    def version(session: Session) -> int:
        if not driver.has_table(session, table):
            return 0
        row = session.one(f"SELECT max(version) FROM {table}")
        found = int(row[0] or 0) if row else 0
        if found > newest:
            raise DataError(
                f"{database.where}: its {namespace} tables have version {found}, newer than {newest}, the newest "
                "this motherlode knows. Upgrade motherlode to open them.",
                path=database.where,
                found=found,
                expected=newest,
            )
        return found

    with database.read() as session:
        found = version(session)
    if found == newest and found:
        return
    if found == 0 and (database.read_only or not create):
        raise InputError(
            f"{database.where} holds no {namespace} yet. Check the place, or open it for writing with create=True."
        )
    if database.read_only:
        raise ConflictError(
            f"{database.where}: its {namespace} tables have version {found}, this motherlode reads {newest}. Open "
            "it once for writing, which brings them up to date."
        )
    while True:
        with database.write() as session:
            session.execute(
                f"CREATE TABLE IF NOT EXISTS {table} (version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL)"
            )
            found = version(session)  # under the lock: another opener may have been here
            if found == newest:
                return
            migration = migrations[found]
            migration(session)
            name = getattr(migration, "__name__", type(migration).__name__)
            session.execute(f"INSERT INTO {table} (version, name) VALUES (?, ?)", (found + 1, name))


class Database:
    """An open database, for any number of threads. Made by :func:`open_database`."""

    def __init__(self, driver: SqliteDriver | PostgresqlDriver, *, read_only: bool, timeout_s: float) -> None:
        self._driver = driver
        self.dialect, self.where, self.read_only = driver.dialect, driver.where, read_only
        self._connections = Connections(driver, timeout_s=timeout_s)

    def read(self) -> AbstractContextManager[Session]:
        """A session that sees one state of the database, whatever others commit meanwhile.

        Inside this thread's write() it joins that one and sees what was written so far.
        """
        return self._reading()

    def write(self) -> AbstractContextManager[Session]:
        """A session that holds the write lock from the start; commits at the end, rolls back on any exception.

        InputError inside another write() of this thread (in memory, also inside read()); ConflictError when others
        hold the lock for ``timeout_s``.
        """
        return self._writing()

    @contextmanager
    def _reading(self) -> Iterator[Session]:
        outer = self._connections.in_turn_here()
        if outer is not None:
            yield outer
            return
        lease = self._begin(write=False)
        try:
            yield _session(lease)
        finally:
            self._connections.give_back(lease)

    @contextmanager
    def _writing(self) -> Iterator[Session]:
        if self.read_only:
            raise InputError(f"{self.where} was opened with read_only=True; open it without to write.")
        self._refuse_inside("write()")
        lease = self._begin(write=True)
        try:
            session = _session(lease)
            yield session
            session.commit()
        finally:
            self._connections.give_back(lease)

    def _begin(self, *, write: bool) -> Lease:
        while True:
            lease = self._connections.take(write=write, in_turn=write or self._driver.in_memory)
            try:
                self._driver.begin(lease.raw, write=write)
                lease.session = Session(self._driver, lease.raw, writes=write)
                return lease
            except BaseException:
                # A connection that died while it was idle, as when the server was restarted, is no news: try another.
                is_news = self._driver.is_usable(lease.raw) or not lease.was_idle
                self._connections.give_back(lease)
                if is_news:
                    raise

    def _refuse_inside(self, what: str) -> None:
        outer = self._connections.in_turn_here()
        if outer is not None:
            kind = "write" if outer.writes else "read"
            raise InputError(f"{self.where}: {what} inside {kind}() of the same thread: leave the outer block first.")

    def checkpoint(self, tables: Iterable[str] = ()) -> bool:
        """Removes erased bytes from beside the tables; whether that is complete.

        SQLite: copies the write-ahead log into the file and empties it; False when readers or writers of any process
        kept it busy until ``timeout_s``: call again. PostgreSQL: VACUUM of ``tables``; its log is the server's.
        """
        with self._outside("checkpoint()") as raw:
            return self._driver.checkpoint(raw, tables)

    def vacuum(self, tables: Iterable[str] = ()) -> None:
        """Rewrites the file (SQLite) or ``tables`` (PostgreSQL) without free space. Excludes writers while it runs."""
        with self._outside("vacuum()") as raw:
            self._driver.vacuum(raw, tables)

    @contextmanager
    def _outside(self, what: str) -> Iterator[Any]:
        """A connection without a transaction."""
        self._refuse_inside(what)
        lease = self._connections.take(write=True, in_turn=True)
        try:
            yield lease.raw
        finally:
            self._connections.give_back(lease)

    def close(self) -> None:
        """Closes the connections, those in use at the end of their sessions. May be called twice."""
        self._connections.close()

    def __enter__(self) -> Database:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Database({self.where!r})"


def _session(lease: Lease) -> Session:
    assert lease.session is not None
    return lease.session
