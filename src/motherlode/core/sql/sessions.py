"""A session: statements inside one transaction, the same on both dialects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, Protocol

from motherlode.core.sql.statements import check_values, translate
from motherlode.errors import ConflictError, InputError, LodeError

__all__ = ["Driver", "Session"]

ROWS_PER_BATCH = 1000


class Driver(Protocol):
    """One dialect: how to connect, begin and end; what exceptions mean. `raw` is its own connection object."""

    dialect: str
    where: str  # for messages, without a password
    place: str  # one for all drivers of one database
    has_readers: bool  # connections that only read are connections of their own
    survives_fork: bool  # a child may open connections of its own while the parent's are in use
    closes_for_fork: bool  # idle connections are closed before a fork
    errors: tuple[type[BaseException], ...]

    def connect(self, *, write: bool) -> Any:
        """A new connection, ready for transactions. Raises typed errors."""

    def begin(self, raw: Any, *, write: bool) -> None:
        """Starts a snapshot, or takes the write lock."""

    def commit(self, raw: Any) -> None: ...

    def rollback(self, raw: Any) -> None:
        """Never raises: a connection that cannot roll back is closed, and its server or file rolls back."""

    def is_usable(self, raw: Any) -> bool: ...

    def execute_many(self, raw: Any, sql: str, rows: Sequence[Sequence[object]]) -> int:
        """Runs the statement for each row; how many rows of the database changed."""

    def stream(self, raw: Any, sql: str, values: Sequence[object]) -> Any:
        """A cursor that does not hold all rows in memory."""

    def typed(self, error: BaseException) -> LodeError:
        """What an exception of the driver means to a caller."""

    def has_table(self, session: Session, name: str) -> bool: ...


class Session:
    """One transaction's door to the database. Rows are tuples; it ends with the block of `read()` or `write()`."""

    def __init__(self, driver: Driver, raw: Any, *, writes: bool) -> None:
        self._driver, self.raw = driver, raw
        self.dialect = driver.dialect
        self.writes = writes
        self.is_over = False
        self.failure: BaseException | None = None
        self._streams: list[Any] = []

    def execute(self, sql: str, params: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Runs one statement. Its rows, [] when it has none."""
        text, values = self._ready(sql, params)
        try:
            cursor = self.raw.execute(text, values)
            return cursor.fetchall() if cursor.description is not None else []
        except self._driver.errors as error:
            raise self._failed(error) from error
        except BaseException as error:
            self.failure = error
            raise

    def one(self, sql: str, params: Sequence[object] = ()) -> tuple[Any, ...] | None:
        """The first row, or None."""
        text, values = self._ready(sql, params)
        try:
            cursor = self.raw.execute(text, values)
            row: tuple[Any, ...] | None = cursor.fetchone() if cursor.description is not None else None
            cursor.close()
        except self._driver.errors as error:
            raise self._failed(error) from error
        except BaseException as error:
            self.failure = error
            raise
        return row

    def execute_many(self, sql: str, rows: Iterable[Sequence[object]], *, trusted: bool = False) -> int:
        """Runs one statement per row of values, in batches; how many database rows it changed.

        trusted: the caller made the rows of plain values (None, int of 64 bits, float, str without NUL, bytes), as many
        as there are places; they are not looked at again, which is a third of the time of a bulk load.
        """
        text, n_places = translate(sql, self.dialect)
        n_changed = 0
        iterator = iter(rows)
        try:
            while batch := list(islice(iterator, ROWS_PER_BATCH)):
                if not trusted:
                    batch = [check_values(row, n_places, self.dialect) for row in batch]
                self._check_open()
                n_changed += self._driver.execute_many(self.raw, text, batch)
        except self._driver.errors as error:
            raise self._failed(error) from error
        except BaseException as error:  # also a bad row: those before it are in
            self.failure = error
            raise
        return n_changed

    def cursor_rows(self, sql: str, params: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        """Rows one by one, without holding all of them. The iterator ends with the session."""
        text, values = self._ready(sql, params)
        try:
            cursor = self._driver.stream(self.raw, text, values)
        except self._driver.errors as error:
            raise self._failed(error) from error
        except BaseException as error:
            self.failure = error
            raise
        self._streams.append(cursor)
        return self._streamed(cursor)

    def _streamed(self, cursor: Any) -> Iterator[tuple[Any, ...]]:
        while True:
            self._check_open()
            try:
                batch = cursor.fetchmany(ROWS_PER_BATCH)
            except self._driver.errors as error:
                raise self._failed(error) from error
            if not batch:
                break
            yield from batch
        self._streams.remove(cursor)
        cursor.close()

    def commit(self) -> None:
        """For Database: keeps what was written; refused where a statement failed, also if its error was caught."""
        self._check_open()
        try:
            self._driver.commit(self.raw)
        except self._driver.errors as error:
            raise self._failed(error) from error

    def end(self) -> None:
        """For Database: closes what is still being read and rolls back what was not committed; the session is over."""
        self.is_over = True
        for cursor in self._streams:
            with suppress(*self._driver.errors):  # the connection may be gone, and the cursor with it
                cursor.close()
        self._streams.clear()
        self._driver.rollback(self.raw)

    def _ready(self, sql: str, params: Sequence[object]) -> tuple[str, Sequence[object]]:
        self._check_open()
        text, n_places = translate(sql, self.dialect)
        return text, check_values(params, n_places, self.dialect)

    def _check_open(self) -> None:
        if self.is_over:
            raise InputError("this session is over: its `with` block was left. Open another with read() or write().")
        if self.failure is not None:
            raise ConflictError(
                f"an earlier statement of this transaction failed ({self.failure}), so nothing of it can be kept: "
                "leave the `with` block and begin again."
            ) from self.failure

    def _failed(self, error: BaseException) -> LodeError:
        """The error to raise; from here on the transaction can only roll back."""
        self.failure = error
        return self._driver.typed(error)
