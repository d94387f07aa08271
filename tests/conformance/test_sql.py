"""One contract for both dialects: transactions, snapshots, migrations."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from motherlode import ConflictError, DataError, InputError
from motherlode.core.sql import Database, Session, open_database
from tests.conformance.sql_items import Open, count_up, create_counters, create_items, names

# Transactions


def test_what_was_written_is_read_by_the_next_session_and_by_another_opening(
    database: Database, open_here: Open
) -> None:
    with database.write() as session:
        assert session.execute("INSERT INTO items (id, name) VALUES (?, ?)", (1, "euro")) == []
        assert session.one("SELECT name FROM items WHERE id = ?", (1,)) == ("euro",)
    assert names(database) == ["euro"]
    assert names(open_here()) == ["euro"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, GeneratorExit])
def test_any_exception_rolls_everything_back(database: Database, error: type[BaseException]) -> None:
    def write() -> None:
        with database.write() as session:
            session.execute("INSERT INTO items (id, name) VALUES (1, 'euro')")
            raise error

    with pytest.raises(error):
        write()
    assert names(database) == []
    count_up(database, 1)  # and the lock is free


def test_a_failed_statement_ends_its_transaction_even_if_the_error_is_caught(database: Database) -> None:
    def leave_after_an_error() -> None:
        with database.write() as session:
            session.execute("INSERT INTO items (id) VALUES (1)")
            with pytest.raises(ConflictError, match="forbids this row"):
                session.execute("INSERT INTO items (id) VALUES (1)")

    def go_on_after_an_error() -> None:
        with database.write() as session:
            session.execute("INSERT INTO items (id) VALUES (2)")
            with pytest.raises(InputError):
                session.execute_many("INSERT INTO items (id) VALUES (?)", [(3,), ("x\0",)])
            session.execute("SELECT 1")

    for act in (leave_after_an_error, go_on_after_an_error):
        with pytest.raises(ConflictError, match="an earlier statement"):
            act()
    assert names(database) == []


def test_a_bad_value_is_refused_before_it_reaches_the_database_and_the_transaction_goes_on(database: Database) -> None:
    with database.write() as session:
        with pytest.raises(InputError):
            session.execute("INSERT INTO items (id, name) VALUES (?, ?)", (1, "a\0b"))
        session.execute("INSERT INTO items (id, name) VALUES (?, ?)", (1, "ab"))
    assert names(database) == ["ab"]


def test_a_write_inside_a_write_is_refused_and_the_outer_one_goes_on(database: Database) -> None:
    with database.write() as session:
        with pytest.raises(InputError, match=r"write\(\) inside write\(\)"):
            with database.write():
                pass
        session.execute("INSERT INTO items (id, name) VALUES (1, 'euro')")
    assert names(database) == ["euro"]


def test_a_read_inside_a_write_sees_what_was_written_so_far(database: Database) -> None:
    with database.write() as session:
        session.execute("INSERT INTO items (id, name) VALUES (1, 'euro')")
        assert names(database) == ["euro"]


def test_a_write_while_this_thread_reads_does_not_change_what_it_reads(database: Database) -> None:
    with database.read() as session:
        assert session.execute("SELECT id FROM items") == []
        with database.write() as writing:
            writing.execute("INSERT INTO items (id, name) VALUES (1, 'euro')")
        assert session.execute("SELECT id FROM items") == []
    assert names(database) == ["euro"]


def test_a_session_is_over_when_its_block_is_left(database: Database) -> None:
    with database.read() as session:
        rows = session.cursor_rows("SELECT value FROM counters")
    with pytest.raises(InputError, match="is over"):
        session.execute("SELECT 1")
    with pytest.raises(InputError, match="is over"):
        next(rows)


def test_a_read_session_cannot_write(database: Database) -> None:
    for statement in ("INSERT INTO items (id) VALUES (1)", "CREATE TABLE more (id BIGINT)", "DROP TABLE items"):
        with pytest.raises(InputError, match=r"read\(\) session cannot write"):
            with database.read() as session:
                session.execute(statement)
    assert names(database) == []


def test_a_closed_database_says_so(database: Database) -> None:
    database.close()
    database.close()
    with pytest.raises(InputError, match="was closed"):
        with database.read():
            pass


# Others at the same time


def test_increments_of_many_threads_are_never_lost(database: Database, open_here: Open) -> None:
    other = open_here()  # as another part of the program would have it: connections of its own
    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(count_up, (database, other)[i % 2], 20) for i in range(6)]:
            done.result()
    with database.read() as session:
        assert session.one("SELECT value FROM counters") == (120,)


def test_a_snapshot_does_not_see_what_is_committed_meanwhile(database: Database) -> None:
    with database.read() as session:
        assert session.one("SELECT value FROM counters") == (0,)
        thread = threading.Thread(target=count_up, args=(database, 3))
        thread.start()
        thread.join()
        assert session.one("SELECT value FROM counters") == (0,)
        assert session.one("SELECT count(*) FROM items") == (0,)
    with database.read() as session:
        assert session.one("SELECT value FROM counters") == (3,)


def test_waiting_for_the_lock_ends_with_a_conflict(database: Database, open_here: Open) -> None:
    other = open_here(timeout_s=0.3)
    with database.write():
        before = time.monotonic()
        with pytest.raises(ConflictError, match=r"longer than 0\.3 s.*timeout_s"):
            with other.write():
                pass
        assert 0.25 < time.monotonic() - before < 5
    with other.write() as session:
        session.execute("INSERT INTO items (id, name) VALUES (1, 'euro')")


def test_threads_of_one_opening_wait_for_each_other_only_so_long(open_here: Open) -> None:
    database = open_here(timeout_s=0.3)
    found: list[BaseException] = []

    def write() -> None:
        try:
            with database.write():
                pass
        except ConflictError as error:
            found.append(error)

    with database.write():
        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
    assert len(found) == 1


def test_a_waiting_writer_goes_on_as_soon_as_the_lock_is_free(database: Database, open_here: Open) -> None:
    other = open_here()
    with ThreadPoolExecutor(1) as pool:
        with database.write():
            waiting = pool.submit(count_up, other, 1)
            time.sleep(0.2)
            assert not waiting.done()
        waiting.result(timeout=10)


def test_a_suspended_stream_of_one_thread_does_not_make_its_later_reads_stale(database: Database) -> None:
    def stream() -> Iterator[int]:
        with database.read() as session:
            for (value,) in session.cursor_rows("SELECT value FROM counters UNION ALL SELECT 7"):
                yield value

    values = stream()
    assert next(values) == 0
    count_up(database, 1)
    with database.read() as session:
        assert session.one("SELECT value FROM counters") == (1,)
    assert list(values) == [7]


# Migrations


def test_migrations_run_once_in_order_and_later_ones_are_added(open_here: Open) -> None:
    ran: list[str] = []

    def first(session: Session) -> None:
        ran.append("first")
        session.execute("CREATE TABLE a (id BIGINT)")

    def second(session: Session) -> None:
        ran.append("second")
        session.execute("ALTER TABLE a ADD COLUMN name TEXT")

    open_here(first).close()
    open_here(first, second).close()
    database = open_here(first, second)
    assert ran == ["first", "second"]
    with database.read() as session:
        assert session.execute("SELECT version, name FROM things_migrations ORDER BY version") == [
            (1, "first"),
            (2, "second"),
        ]


def test_a_migration_that_fails_leaves_nothing_of_itself(open_here: Open) -> None:
    def broken(session: Session) -> None:
        session.execute("CREATE TABLE half (id BIGINT)")
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        open_here(create_items, broken)

    def whole(session: Session) -> None:
        session.execute("CREATE TABLE half (id BIGINT)")

    with open_here(create_items, whole).read() as session:
        assert session.execute("SELECT id FROM half") == []
        assert session.one("SELECT max(version) FROM things_migrations") == (2,)


def test_a_newer_version_is_refused_naming_both(open_here: Open) -> None:
    open_here(create_items, create_counters).close()
    with pytest.raises(DataError, match="version 2, newer than 1") as caught:
        open_here(create_items)
    assert (caught.value.found, caught.value.expected) == (2, 1)


def test_two_namespaces_live_in_one_database_and_do_not_wait_for_each_other_s_migrations(sql_place: str) -> None:
    with open_database(sql_place, migrations=[create_items], namespace="one") as one:
        with open_database(sql_place, migrations=[create_counters], namespace="two") as two:
            count_up(two, 1)
            assert names(one) == []


def test_nothing_is_created_where_that_was_not_asked_for(sql_place: str) -> None:
    for options in ({"create": False}, {"read_only": True}):
        with pytest.raises(InputError, match=r"does not exist|holds no things"):
            open_database(sql_place, migrations=[create_items], namespace="things", **options)
    open_database(sql_place, migrations=[create_items], namespace="things").close()
    with open_database(sql_place, migrations=[create_items], namespace="things", create=False) as database:
        assert names(database) == []
    with open_database(sql_place, migrations=[create_items], namespace="things", read_only=True) as database:
        assert names(database) == []
        with pytest.raises(InputError, match="read_only"):
            with database.write():
                pass
    with pytest.raises(ConflictError, match="version 1, this motherlode reads 2"):
        open_database(sql_place, migrations=[create_items, create_counters], namespace="things", read_only=True)


def test_checkpoint_and_vacuum_work_beside_readers(database: Database) -> None:
    with database.write() as session:
        session.execute_many("INSERT INTO items (id, name) VALUES (?, ?)", ((i, "x" * 50) for i in range(1000)))
        session.execute("DELETE FROM items WHERE id > 10")
        with pytest.raises(InputError, match="inside write"):
            database.checkpoint(["items"])
    assert database.checkpoint(["items"]) is True
    database.vacuum(["items"])
    assert len(names(database)) == 11
