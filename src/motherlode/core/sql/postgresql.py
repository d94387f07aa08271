"""The PostgreSQL side: the only module that imports psycopg (version 3), and only when a database is opened."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from motherlode.core.sql.statements import POSTGRESQL
from motherlode.errors import ConflictError, DataError, InputError, LodeError, UnsupportedError

if TYPE_CHECKING:
    import psycopg

    from motherlode.core.sql.sessions import Session

__all__ = ["PostgresqlDriver", "is_postgresql_url"]

ROWS_PER_INSERT = 500
MAX_PARAMETERS = 65535  # of one statement, by the protocol
_INSERT = re.compile(
    r"(?P<head>\s*INSERT\s+INTO\s[^'$]*?\sVALUES\s*)(?P<row>\((?:[^()';]|\([^()';]*\))*\))"
    r"(?P<tail>\s*(?:ON\s+CONFLICT\s[^';$]*\sDO\s+NOTHING\s*)?)",
    re.IGNORECASE,
)
_NAMES = itertools.count(1)


def is_postgresql_url(where: object) -> bool:
    return isinstance(where, str) and where.startswith(("postgresql://", "postgres://"))


class PostgresqlDriver:
    """Connections to one database of a server."""

    dialect = POSTGRESQL
    in_memory = has_readers = closes_for_fork = False
    survives_fork = True

    def __init__(self, url: str, *, namespace: str, read_only: bool, timeout_s: float) -> None:
        try:
            import psycopg
        except ImportError as error:
            raise UnsupportedError(
                f"a PostgreSQL URL needs psycopg ({error}): pip install 'motherlode[postgres]'."
            ) from error
        self._psycopg = psycopg
        self.errors: tuple[type[BaseException], ...] = (
            psycopg.Error,
            psycopg.Warning,
            OverflowError,
            UnicodeEncodeError,
        )
        self._url, self._read_only, self._timeout_s = url, read_only, timeout_s
        self.where = self.place = _without_password(url)
        # One lock for each namespace: two stores in one database do not wait for each other.
        digest = hashlib.blake2b(f"motherlode/{namespace}".encode(), digest_size=8).digest()
        self._lock_key = int.from_bytes(digest, "big", signed=True)

    def connect(self, *, write: bool) -> psycopg.Connection[Any]:
        try:
            raw: psycopg.Connection[Any] = self._psycopg.Connection.connect(
                self._url,
                autocommit=True,  # transactions are begun by hand, as on SQLite
                cursor_factory=self._psycopg.RawCursor,
                client_encoding="utf8",
                connect_timeout=max(2, int(self._timeout_s)),
            )
        except self.errors as error:
            raise self._unreachable(error) from error
        try:
            self._prepare(raw)
        except BaseException as error:
            raw.close()
            if isinstance(error, self.errors):
                raise self.typed(error) from error
            raise
        return raw

    def _prepare(self, raw: psycopg.Connection[Any]) -> None:
        raw.server_cursor_factory = self._psycopg.RawServerCursor
        _load_as_sqlite_does(raw)
        # Acknowledged means synced: a server or role that relaxed it is set right for this connection.
        raw.execute(
            "SELECT set_config('lock_timeout', $1, false), set_config('standard_conforming_strings', 'on', false), "
            "CASE WHEN current_setting('synchronous_commit') = 'off' "
            "THEN set_config('synchronous_commit', 'on', false) END",
            (f"{max(1, int(self._timeout_s * 1000))}ms",),
        )
        row = raw.execute("SHOW server_encoding").fetchone()
        if row is None or row[0] != "UTF8":
            raise UnsupportedError(
                f"{self.where}: its encoding is {row and row[0]}, expected UTF8: CREATE DATABASE … ENCODING 'UTF8'."
            )

    def begin(self, raw: psycopg.Connection[Any], *, write: bool) -> None:
        try:
            if raw.info.transaction_status != self._psycopg.pq.TransactionStatus.IDLE:
                raw.rollback()  # an interrupt came between a BEGIN and its block
            if write:
                # READ COMMITTED: every statement after the lock sees what the previous holder committed.
                raw.execute("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
                raw.execute("SELECT pg_advisory_xact_lock($1)", (self._lock_key,))
            else:
                raw.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        except self.errors as error:
            self.rollback(raw)
            raise self.typed(error) from error

    def commit(self, raw: psycopg.Connection[Any]) -> None:
        raw.execute("COMMIT")

    def rollback(self, raw: psycopg.Connection[Any]) -> None:
        try:
            raw.rollback()
        except self.errors:
            raw.close()

    def is_usable(self, raw: psycopg.Connection[Any]) -> bool:
        return not raw.closed and not raw.broken

    def execute_many(self, raw: psycopg.Connection[Any], sql: str, rows: Sequence[Sequence[Any]]) -> int:
        n_changed = 0
        with raw.cursor() as cursor:
            parts = _insert_parts(sql)
            if parts is None:
                cursor.executemany(sql, rows)
                return max(cursor.rowcount, 0)
            per_statement = max(1, min(ROWS_PER_INSERT, MAX_PARAMETERS // max(1, len(rows[0]))))
            for begin in range(0, len(rows), per_statement):
                some = rows[begin : begin + per_statement]
                cursor.execute(_many_rows(parts, len(some), len(some[0])), [value for row in some for value in row])
                n_changed += max(cursor.rowcount, 0)
        return n_changed

    def stream(self, raw: psycopg.Connection[Any], sql: str, values: Sequence[Any]) -> Any:
        cursor = raw.cursor(name=f"motherlode_{next(_NAMES)}")
        return cursor.execute(sql, values)

    def has_table(self, session: Session, name: str) -> bool:
        return session.one("SELECT to_regclass(?)", (name,)) != (None,)

    def checkpoint(self, raw: psycopg.Connection[Any], tables: Iterable[str] = ()) -> bool:
        """VACUUM of the tables, so that the space of deleted rows is used again."""
        return self._vacuum(raw, "VACUUM", tables)

    def vacuum(self, raw: psycopg.Connection[Any], tables: Iterable[str] = ()) -> None:
        """VACUUM FULL ANALYZE of the tables: rewrites them without deleted rows."""
        self._vacuum(raw, "VACUUM (FULL, ANALYZE)", tables)

    def _vacuum(self, raw: psycopg.Connection[Any], verb: str, tables: Iterable[str]) -> bool:
        try:
            for table in tables:
                raw.execute(f'{verb} "{table}"')
        except self.errors as error:
            raise self.typed(error) from error
        return True

    def typed(self, error: BaseException) -> LodeError:
        state = getattr(error, "sqlstate", None) or ""
        where, said = self.where, str(error).strip() or type(error).__name__
        if state in ("55P03", "57014", "40001", "40P01"):
            return ConflictError(
                f"{where}: another writer held the database for longer than {self._timeout_s:g} s ({said}). Try "
                "again, or open it with a larger timeout_s."
            )
        if state == "25006":
            return InputError(f"{where}: a read() session cannot write ({said}): use write().")
        if state.startswith("53"):
            return ConflictError(f"{where}: the server is out of space or slots ({said}); free some and write again.")
        if state in ("23505", "23P01"):
            return ConflictError(f"{where}: a rule of the tables forbids this row: {said}.")
        if state.startswith("23"):
            return InputError(f"{where}: a rule of the tables forbids this row: {said}.")
        if state in ("42P01", "42703", "3F000"):
            return DataError(f"{where}: {said}: the tables are not those of this version.", path=where, found=said)
        if state.startswith("XX") or state == "58030":
            return DataError(
                f"{where}: found damaged data ({said}), expected a sound database.", path=where, found=said
            )
        if state == "42501":
            return ConflictError(f"{where}: this role may not do that ({said}); grant it, or use another role.")
        if isinstance(error, UnicodeEncodeError):
            return InputError(f"a text has half a surrogate pair, which is no character ({said}); decode it anew.")
        if (not state and isinstance(error, self._psycopg.OperationalError)) or state.startswith(("08", "57P")):
            return ConflictError(
                f"{where}: the connection was lost ({said}); what was not committed is gone. Try again."
            )
        return InputError(f"{where}: PostgreSQL refused a statement: {said}")

    def _unreachable(self, error: BaseException) -> LodeError:
        said = str(error).strip()
        if (
            isinstance(error, self._psycopg.ProgrammingError)
            or "does not exist" in said
            or "authentication failed" in said
        ):
            return InputError(f"{self.where}: cannot be opened ({said}). Check user, password and database in the URL.")
        return ConflictError(f"{self.where}: no connection ({said}). Is the server running, and reachable from here?")


def _load_as_sqlite_does(raw: psycopg.Connection[Any]) -> None:
    """Sums of BIGINT (numeric) come as int, averages as float, truth values as int."""
    from psycopg.adapt import Loader

    class NumericLoader(Loader):
        def load(self, data: Any) -> int | float:
            text = bytes(data).decode()
            return int(text) if text.lstrip("-").isdigit() else float(text)

    class BoolLoader(Loader):
        def load(self, data: Any) -> int:
            return int(bytes(data) == b"t")

    raw.adapters.register_loader("numeric", NumericLoader)
    raw.adapters.register_loader("bool", BoolLoader)


def _without_password(url: str) -> str:
    try:
        parts = urlsplit(url)
        user, at, host = parts.netloc.rpartition("@")
        netloc = f"{user.split(':', 1)[0]}{at}{host}"
        query = [(key, value) for key, value in parse_qsl(parts.query) if key not in ("password", "sslpassword")]
    except ValueError:
        return "postgresql://…"
    return urlunsplit((parts.scheme, netloc, parts.path, urlencode(query, safe="/"), ""))


@lru_cache(maxsize=256)
def _insert_parts(sql: str) -> tuple[str, str, str] | None:
    """What stands before, in and after the row of an INSERT that may as well have many: three times as fast.

    Not with DO UPDATE, which refuses to meet one key twice in one statement, where single ones would not.
    """
    match = _INSERT.fullmatch(sql)
    return None if match is None else (match["head"], match["row"], match["tail"])


@lru_cache(maxsize=64)
def _many_rows(parts: tuple[str, str, str], n_rows: int, n_places: int) -> str:
    head, row, tail = parts

    def numbered(first: int) -> str:
        return re.sub(r"\$(\d+)", lambda place: f"${int(place[1]) + first}", row)

    return head + ", ".join(numbered(i * n_places) for i in range(n_rows)) + tail
