"""The SQLite side: the only module that imports sqlite3."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from motherlode.core.sql.statements import SQLITE
from motherlode.errors import ConflictError, DataError, InputError, LodeError

if TYPE_CHECKING:
    import sqlite3

    from motherlode.core.sql.sessions import Session

__all__ = ["SqliteDriver"]

MEMORY = ":memory:"
MMAP_BYTES = 256 << 20
CACHE_KIB = 32 << 10  # per connection
_POLL_S = 0.2  # Python sees Ctrl-C between polls

# Result codes, https://www.sqlite.org/rescode.html; the low byte is the primary one.
_ERROR, _BUSY, _LOCKED, _READONLY, _IOERR, _CORRUPT = 1, 5, 6, 8, 10, 11
_FULL, _CANTOPEN, _PROTOCOL, _TOOBIG, _CONSTRAINT, _NOTADB = 13, 14, 15, 18, 19, 26
_UNIQUE = {1555, 2067, 2579}


class SqliteDriver:
    """Connections to one file, or to one database in memory."""

    dialect = SQLITE

    def __init__(
        self,
        where: str | os.PathLike[str],
        *,
        read_only: bool,
        create: bool,
        timeout_s: float,
        is_foreign: bool = False,
    ) -> None:
        import sqlite3

        self._sqlite3 = sqlite3
        self.errors: tuple[type[BaseException], ...] = (
            sqlite3.Error,
            sqlite3.Warning,
            OverflowError,
            UnicodeEncodeError,
        )
        self.where = os.fspath(where)
        self.in_memory = self.where == MEMORY
        self.place = f"{MEMORY}{id(self)}" if self.in_memory else os.path.realpath(self.where)
        self.has_readers = self.closes_for_fork = not self.in_memory
        self.survives_fork = False
        self._read_only, self._create, self._timeout_s = read_only, create, timeout_s
        self._is_foreign = is_foreign  # another program's file
        self._check_place()

    def connect(self, *, write: bool) -> sqlite3.Connection:
        try:
            raw = self._sqlite3.connect(
                self._uri(),
                uri=True,
                timeout=_POLL_S,
                isolation_level=None,
                check_same_thread=False,  # a generator may be closed by another thread; one at a time uses it
                cached_statements=256,
            )
        except self.errors as error:
            raise self.typed(error) from error
        if self._is_foreign:  # whose text may be no UTF-8; one such name is no reason to lose the other rows
            raw.text_factory = lambda text: text.decode("utf-8", "replace")
        try:
            self._patiently(lambda: self._prepare(raw, write=write))
        except BaseException:
            raw.close()
            raise
        return raw

    def _prepare(self, raw: sqlite3.Connection, *, write: bool) -> None:
        if not self._read_only and not self.in_memory:
            (mode,) = raw.execute("PRAGMA journal_mode=WAL").fetchone()
            if mode != "wal":
                raise ConflictError(
                    f"{self.where}: SQLite cannot keep a write-ahead log here (journal mode {mode!r}), as on some "
                    "network file systems. Put the file on a local disk, or use a PostgreSQL URL."
                )
        else:
            raw.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()  # looks at the header
        raw.execute("PRAGMA synchronous=FULL")  # a commit returns when its log is on the disk
        raw.execute("PRAGMA foreign_keys=ON")
        raw.execute("PRAGMA secure_delete=ON")
        raw.execute("PRAGMA temp_store=MEMORY")
        raw.execute("PRAGMA case_sensitive_like=ON")  # as in PostgreSQL
        raw.execute(f"PRAGMA mmap_size={MMAP_BYTES}")
        raw.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
        if not self.in_memory and not write:  # once: setting it makes all prepared statements be prepared again
            raw.execute("PRAGMA query_only=ON")

    def begin(self, raw: sqlite3.Connection, *, write: bool) -> None:
        if raw.in_transaction:  # an interrupt came between a BEGIN and its block
            raw.rollback()
        if self.in_memory:
            raw.execute(f"PRAGMA query_only={0 if write else 1}")
        if write:
            self._patiently(lambda: raw.execute("BEGIN IMMEDIATE"))
        else:
            # The first read takes the snapshot; here it may meet a log that is being recovered, and can still wait.
            raw.execute("BEGIN")
            self._patiently(lambda: raw.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone())

    def commit(self, raw: sqlite3.Connection) -> None:
        raw.execute("COMMIT")

    def rollback(self, raw: sqlite3.Connection) -> None:
        with contextlib.suppress(*self.errors):
            if raw.in_transaction:  # a full disk has rolled back already
                raw.execute("ROLLBACK")

    def is_usable(self, raw: sqlite3.Connection) -> bool:
        return True

    def execute_many(self, raw: sqlite3.Connection, sql: str, rows: Sequence[Sequence[Any]]) -> int:
        cursor = raw.executemany(sql, rows)
        return max(cursor.rowcount, 0)

    def stream(self, raw: sqlite3.Connection, sql: str, values: Sequence[Any]) -> sqlite3.Cursor:
        return raw.execute(sql, values)

    def has_table(self, session: Session, name: str) -> bool:
        return session.one("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (name,)) is not None

    def checkpoint(self, raw: sqlite3.Connection, tables: Iterable[str] = ()) -> bool:
        """Copies the log into the file and empties it; False when a reader or writer kept it busy until the timeout."""
        if self.in_memory or self._read_only:
            return True
        deadline = time.monotonic() + self._timeout_s
        while True:
            try:
                busy, _, _ = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            except self.errors as error:
                if not _is_busy(error):
                    raise self.typed(error) from error
                busy = 1
            if not busy:
                return True
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)

    def vacuum(self, raw: sqlite3.Connection, tables: Iterable[str] = ()) -> None:
        """Rewrites the file without its free pages."""
        try:
            raw.execute("PRAGMA query_only=OFF")
            raw.execute("PRAGMA temp_store=FILE")  # the copy may be larger than the memory
            self._patiently(lambda: raw.execute("VACUUM"))
            raw.execute("PRAGMA temp_store=MEMORY")
        except self.errors as error:
            raise self.typed(error) from error

    def typed(self, error: BaseException) -> LodeError:
        code = getattr(error, "sqlite_errorcode", None)
        primary = code & 0xFF if code is not None else None
        where, said = self.where, str(error)
        if primary in (_BUSY, _LOCKED, _PROTOCOL):
            return ConflictError(
                f"{where}: another writer held the database for longer than {self._timeout_s:g} s ({said}). Try "
                "again, or open it with a larger timeout_s."
            )
        if primary in (_NOTADB, _CORRUPT):
            expected = "a SQLite 3 database" if primary == _NOTADB else "consistent pages"
            return DataError(
                f"{where}: found {self._found()}, expected {expected} ({said}). Choose another file or restore a copy.",
                path=where,
                found=self._found(),
                expected=expected,
            )
        if primary == _FULL:
            return ConflictError(f"{where}: the disk is full; free some space and write again. Nothing was changed")
        if code == _READONLY:
            return self._refused_write()
        if self._is_foreign and primary in (_READONLY, _CANTOPEN):
            return ConflictError(
                f"{where}: cannot be opened for reading ({said}): its permissions forbid it, or its own program did "
                "not finish a transaction. Check the permissions, or let that program open the file once."
            )
        if primary in (_READONLY, _CANTOPEN, 3, 23):
            return ConflictError(
                f"{where}: the file or its folder cannot be opened for writing ({said}); SQLite also "
                "writes -wal and -shm files beside it. Change the permissions, choose another place, or open it with "
                "read_only=True."
            )
        if primary == _IOERR:
            return ConflictError(
                f"{where}: reading or writing failed ({said}); the transaction was not kept. Check the disk."
            )
        if primary == _CONSTRAINT:
            kind: type[LodeError] = ConflictError if code in _UNIQUE else InputError
            return kind(f"{where}: a rule of the tables forbids this row: {said}.")
        if primary == _ERROR and said.startswith("no such"):
            return DataError(f"{where}: {said}: the tables are not those of this version.", path=where, found=said)
        if isinstance(error, UnicodeEncodeError):
            return InputError(f"a text has half a surrogate pair, which is no character ({said}); decode it anew.")
        return InputError(f"{where}: SQLite refused a statement: {said}")

    def _refused_write(self) -> LodeError:
        if self._read_only or not (self.in_memory or os.access(self.where, os.W_OK)):
            return ConflictError(f"{self.where}: is open for reading only or may not be written; nothing was changed.")
        return InputError(f"{self.where}: a read() session cannot write: use write().")

    def _patiently(self, act: Callable[[], object]) -> None:
        """Repeats what meets a lock until timeout_s is over; errors come out typed."""
        deadline = time.monotonic() + self._timeout_s
        while True:
            try:
                act()
                return
            except self.errors as error:
                if not _is_busy(error) or time.monotonic() >= deadline:
                    raise self.typed(error) from error
                time.sleep(0.001)

    def _uri(self) -> str:
        if self.in_memory:
            return "file::memory:"
        mode = "ro" if self._read_only else "rwc" if self._create else "rw"
        uri = f"{Path(self.where).absolute().as_uri()}?mode={mode}"
        folder = Path(self.where).absolute().parent
        if self._read_only and not os.access(folder, os.W_OK) and not Path(f"{self.where}-wal").exists():
            uri += "&immutable=1"  # a medium that nobody can write to: SQLite cannot make its -shm file there
        return uri

    def _check_place(self) -> None:
        if self.in_memory:
            return
        path = Path(self.where)
        if path.is_dir():
            raise InputError(f"{path} is a folder, expected a file: name one inside it, e.g. {path / 'facts.db'}.")
        if path.exists():
            return
        if not path.absolute().parent.is_dir():
            raise InputError(f"{path}: the folder {path.absolute().parent} does not exist; create it first.")
        if self._read_only or not self._create:
            raise InputError(
                f"{path} does not exist. Check the path, or open it with create=True to begin an empty one."
            )

    def _found(self) -> str:
        try:
            with Path(self.where).open("rb") as file:
                return f"a file that begins with {file.read(16)!r}"
        except OSError as error:
            return f"a file that cannot be read ({error.strerror})"


def _is_busy(error: BaseException) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in (_BUSY, _LOCKED, _PROTOCOL)
