"""Other programs' SQLite files, opened for reading."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from motherlode.core.sql import open_foreign_database
from motherlode.errors import ConflictError, DataError, InputError


@pytest.fixture
def theirs(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(tmp_path / "theirs.db")) as connection:
        connection.execute("CREATE TABLE runs (name TEXT)")
        connection.execute("INSERT INTO runs VALUES ('früh'), (CAST(x'66ff' AS TEXT))")
        connection.commit()
        yield connection


def test_their_rows_are_read_also_where_text_is_no_utf_8(theirs: sqlite3.Connection, tmp_path: Path) -> None:
    with open_foreign_database(tmp_path / "theirs.db") as database, database.read() as session:
        assert session.execute("SELECT name FROM runs ORDER BY rowid") == [("früh",), ("f\ufffd",)]
        assert session.one("SELECT count(*) FROM pragma_table_info(?)", ("runs",)) == (1,)


def test_their_file_is_not_changed(theirs: sqlite3.Connection, tmp_path: Path) -> None:
    before = (tmp_path / "theirs.db").read_bytes()
    with open_foreign_database(tmp_path / "theirs.db") as database:
        with pytest.raises(InputError, match="read_only"), database.write():
            pass
    assert (tmp_path / "theirs.db").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["theirs.db"]


def test_a_locked_file_is_a_conflict(theirs: sqlite3.Connection, tmp_path: Path) -> None:
    theirs.execute("BEGIN EXCLUSIVE")
    with pytest.raises(ConflictError, match=r"theirs\.db: another writer held the database"):
        open_foreign_database(tmp_path / "theirs.db", timeout_s=0.1)
    theirs.rollback()
    open_foreign_database(tmp_path / "theirs.db", timeout_s=0.1).close()


def test_a_file_in_the_middle_of_a_broken_transaction_is_a_conflict(theirs: sqlite3.Connection, tmp_path: Path) -> None:
    theirs.execute("PRAGMA cache_size=1")
    theirs.execute("BEGIN")
    theirs.executemany("INSERT INTO runs VALUES (?)", [("x" * 4000,)] * 50)  # spills pages into the file
    for file in tmp_path.iterdir():
        (tmp_path / file.name.replace("theirs", "copy")).write_bytes(file.read_bytes())
    assert (tmp_path / "copy.db-journal").exists()
    with pytest.raises(ConflictError, match="did not finish a transaction"):
        open_foreign_database(tmp_path / "copy.db", timeout_s=0.1)


def test_what_is_no_sqlite_file_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "notes.db").write_bytes(b"these are notes, and no database at all" * 100)
    with pytest.raises(DataError, match=r"notes\.db: found a file that begins with b'these are notes") as caught:
        open_foreign_database(tmp_path / "notes.db")
    assert caught.value.path == str(tmp_path / "notes.db")


@pytest.mark.parametrize(("name", "found"), [("", "a folder"), ("missing.db", "not there")])
def test_a_place_without_a_file_is_refused(tmp_path: Path, name: str, found: str) -> None:
    with pytest.raises(InputError, match=f"is {found}; expected a SQLite file"):
        open_foreign_database(tmp_path / name)
