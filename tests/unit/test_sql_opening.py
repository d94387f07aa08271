"""Opening databases that are missing, foreign, damaged, locked or full; what stays on the disk; memory."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from motherlode import ConflictError, DataError, InputError, UnsupportedError
from motherlode.core.sql import Database, Session, open_database
from tests.corpora import run_python


def create(session: Session) -> None:
    session.execute("CREATE TABLE notes (id BIGINT PRIMARY KEY, body TEXT)")


def open_notes(place: str | os.PathLike[str], *, read_only: bool = False, timeout_s: float = 5) -> Database:
    return open_database(place, migrations=[create], namespace="notes", read_only=read_only, timeout_s=timeout_s)


def write_notes(database: Database, *bodies: str) -> None:
    with database.write() as session:
        session.execute_many("INSERT INTO notes (id, body) VALUES (?, ?)", enumerate(bodies))


def notes(database: Database) -> list[str]:
    with database.read() as session:
        return [body for (body,) in session.execute("SELECT body FROM notes ORDER BY id")]


def test_a_file_that_is_no_database_is_named_with_what_was_found_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_bytes(b"Dear reader, this is not a database. " * 200)
    before = path.read_bytes()
    with pytest.raises(DataError, match="Dear reader") as caught:
        open_notes(path)
    assert caught.value.path == str(path)
    assert path.read_bytes() == before


def test_a_damaged_page_is_a_data_error(tmp_path: Path) -> None:
    path = tmp_path / "n.db"
    with open_notes(path) as database:
        write_notes(database, *["x" * 900] * 100)
        assert database.checkpoint()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(path.stat().st_size - 4096))
    with pytest.raises(DataError, match="restore a copy"):
        with open_notes(path) as database:
            notes(database)


@pytest.mark.parametrize(
    ("place", "says"),
    [("missing/n.db", "create it first"), (".", "is a folder"), ("mysql://host/db", "expected a path")],
)
def test_a_wrong_place_says_what_to_do(tmp_path: Path, place: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        open_notes(place if "://" in place else tmp_path / place)


def test_a_namespace_that_is_no_plain_word_is_refused() -> None:
    for namespace in ("", "Nuggets", "a b", "1a", "a;drop"):
        with pytest.raises(InputError, match="namespace"):
            open_database(":memory:", migrations=[create], namespace=namespace)


def test_a_path_with_characters_of_a_url_is_a_path(tmp_path: Path) -> None:
    path = tmp_path / "50% of it? #1 é.db"
    with open_notes(path) as database:
        write_notes(database, "here")
    assert [file.name for file in tmp_path.iterdir()] == [path.name]  # and the log is gone with the last connection
    with open_notes(path, read_only=True) as database:
        assert notes(database) == ["here"]


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="permissions are POSIX")
def test_a_folder_that_may_not_be_written_to_is_a_conflict_and_can_be_read() -> None:
    code = """
import os, sys
from motherlode import ConflictError
from motherlode.core.sql import open_database
from tests.unit.test_sql_opening import notes, open_notes
if os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)  # root may write everywhere
for place in sys.argv[1:]:
    try:
        open_notes(place)
    except ConflictError as error:
        print("read_only=True" in str(error))
with open_notes(sys.argv[1], read_only=True) as database:
    print(notes(database))
"""
    with tempfile.TemporaryDirectory() as name:  # below no folder that is for its owner only
        folder, path = Path(name), Path(name) / "n.db"
        with open_notes(path) as database:
            write_notes(database, "here")
        path.chmod(0o444)
        folder.chmod(0o555)
        try:
            done = run_python(code, path, folder / "new.db")
        finally:
            folder.chmod(0o755)
    assert done.stdout == "True\nTrue\n['here']\n", done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="limits on a file's size as Linux has them")
def test_a_full_disk_is_a_conflict_and_leaves_what_was_committed(tmp_path: Path) -> None:
    code = """
import resource, signal, sys
from motherlode import ConflictError
from tests.unit.test_sql_opening import notes, open_notes, write_notes
database = open_notes(sys.argv[1])
write_notes(database, "kept")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
try:
    with database.write() as session:
        session.execute_many("INSERT INTO notes (id, body) VALUES (?, ?)", ((i, "x" * 1000) for i in range(9, 80000)))
except ConflictError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(notes(database))
"""
    done = run_python(code, tmp_path / "n.db")
    assert done.stdout.endswith("['kept']\n"), done.stderr
    assert "not kept" in done.stdout or "the disk is full" in done.stdout


def test_a_database_that_another_program_holds_is_a_conflict(tmp_path: Path) -> None:
    path = tmp_path / "n.db"
    open_notes(path).close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with open_notes(path, timeout_s=0.2) as database:
        assert notes(database) == []  # reading goes on
        with pytest.raises(ConflictError, match="another writer held"):
            write_notes(database, "x")
        other.execute("ROLLBACK")
        write_notes(database, "x")
    other.close()


def test_every_connection_keeps_the_promises_of_the_house(tmp_path: Path) -> None:
    with open_notes(tmp_path / "n.db") as database:
        for block in (database.read, database.write):
            with block() as session:
                found = {
                    name: session.one(f"PRAGMA {name}")
                    for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "temp_store")
                }
                assert found == {
                    "journal_mode": ("wal",),
                    "synchronous": (2,),  # FULL
                    "foreign_keys": (1,),
                    "secure_delete": (1,),
                    "temp_store": (2,),  # MEMORY
                }


def test_deleted_text_is_in_no_file_after_a_checkpoint(tmp_path: Path) -> None:
    secret = "the patient's name is Ansgar"
    with open_notes(tmp_path / "n.db") as database:
        write_notes(database, *[secret] * 50, "kept")
        assert any(secret.encode() in file.read_bytes() for file in tmp_path.iterdir())
        with database.write() as session:
            session.execute("DELETE FROM notes WHERE body = ?", (secret,))
        assert database.checkpoint() is True
        assert [file.name for file in tmp_path.iterdir() if secret.encode() in file.read_bytes()] == []
        assert notes(database) == ["kept"]


def test_a_checkpoint_that_a_reader_holds_up_says_so_and_goes_through_afterwards(tmp_path: Path) -> None:
    with open_notes(tmp_path / "n.db", timeout_s=0.3) as database:
        with database.read() as session:
            session.one("SELECT 1 FROM notes")
            write_notes(database, "x")
            assert database.checkpoint() is False
        assert database.checkpoint() is True
        assert (tmp_path / "n.db-wal").stat().st_size == 0


def test_a_database_in_memory_is_one_for_all_threads_and_gone_with_its_opening() -> None:
    with open_notes(":memory:") as database, open_notes(":memory:") as other:
        thread = threading.Thread(target=write_notes, args=(database, "from a thread"))
        thread.start()
        thread.join()
        assert notes(database) == ["from a thread"]
        assert notes(other) == []
        with database.read():
            with pytest.raises(InputError, match=r"write\(\) inside read\(\)"):
                write_notes(database, "x")
        with pytest.raises(InputError, match="cannot write"):
            with database.read() as session:
                session.execute("DELETE FROM notes")


def test_a_missing_psycopg_names_the_extra(tmp_path: Path) -> None:
    code = "import sys; sys.modules['psycopg'] = None\nfrom tests.unit.test_sql_opening import *\nopen_notes('postgres://h/d')"
    done = run_python(code)
    assert f"{UnsupportedError.__name__}: " in done.stderr
    assert "pip install 'motherlode[postgres]'" in done.stderr


@pytest.mark.parametrize("module", ["motherlode.core.sql", "motherlode"])
def test_importing_loads_no_driver(module: str) -> None:
    code = f"import sys, {module}; print([name for name in ('sqlite3', 'psycopg') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_server_that_is_not_there_and_a_wrong_database_say_so_without_the_password(postgres_url: str) -> None:
    url = postgres_url.replace("postgres@", "postgres:s3cret@") + "?application_name=x&password=s3cret"
    with open_notes(url) as database:
        assert "s3cret" not in database.where + repr(database)
        assert "application_name=x" in database.where
    cases = [(url.replace("/test_", "/nowhere_"), InputError), ("postgres://u:s3cret@127.0.0.1:1/d", ConflictError)]
    for wrong, kind in cases:
        with pytest.raises(kind) as caught:
            open_notes(wrong)
        assert "s3cret" not in str(caught.value)


def test_connections_that_the_server_ended_are_replaced(postgres_url: str) -> None:
    import psycopg

    with open_notes(postgres_url) as database:
        write_notes(database, "kept")
        with psycopg.connect(postgres_url, autocommit=True) as admin:
            ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            admin.execute(ended + " AND datname = current_database()")
            assert notes(database) == ["kept"]  # while idle: another connection, without an error

            def lose_the_connection() -> None:
                with database.write() as session:
                    session.execute("DELETE FROM notes")
                    admin.execute(ended + " AND datname = current_database()")
                    session.execute("SELECT 1")

            with pytest.raises(ConflictError, match="connection was lost"):
                lose_the_connection()
            assert notes(database) == ["kept"]
