"""Several processes on one database: nothing is lost, nothing happens twice, whatever dies."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.conformance.sql_counters import count_up, open_counters, value
from tests.corpora import ROOT, environment, run_python

pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="forks and signals are POSIX"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # forks beside threads
]


def start(place: str, verb: str, times: int, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.conformance.sql_counters", place, verb, str(times)],
        text=True,
        cwd=ROOT,
        env=environment(PYTHONWARNINGS="error::ResourceWarning"),
        **options,
    )


def in_child(act: Callable[[], object]) -> str:
    """What ``act`` says in a forked child: its answer, or the name of its error."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            said = str(act())
        except BaseException as error:  # noqa: BLE001  the parent judges it
            said = f"{type(error).__name__}: {error}"
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as file:
        said = file.read()
    os.waitpid(child, 0)
    return said


def test_increments_of_several_processes_that_open_at_once_are_never_lost(sql_place: str) -> None:
    processes = [start(sql_place, "count", 25) for _ in range(4)]  # each also runs the migrations, or finds them run
    assert [process.wait(120) for process in processes] == [0, 0, 0, 0]
    with open_counters(sql_place) as database:
        assert value(database) == 100
        with database.read() as session:
            assert session.one("SELECT count(*) FROM counters_migrations") == (2,)


def test_a_forked_child_reads_and_writes_with_connections_of_its_own(sql_place: str) -> None:
    with open_counters(sql_place) as database:
        count_up(database, 1)

        def act() -> int:
            count_up(database, 10)
            return value(database)

        assert in_child(act) == "11"
        count_up(database, 1)
        assert value(database) == 12


def test_what_a_forked_child_commits_outlives_the_parent_s_closing(sql_place: str) -> None:
    """With SQLite's locks inherited, the parent would believe to be the last and delete the log under the child."""
    database = open_counters(sql_place)
    count_up(database, 1)
    context = multiprocessing.get_context("fork")
    go, done = context.Event(), context.Event()

    def work() -> None:
        count_up(database, 1)
        done.set()
        go.wait(30)
        count_up(database, 1)
        os._exit(0)

    child = context.Process(target=work)
    child.start()
    assert done.wait(30)
    database.close()
    with open_counters(sql_place) as again:
        count_up(again, 1)
    go.set()
    child.join(30)
    assert child.exitcode == 0
    with open_counters(sql_place) as again:
        assert value(again) == 4


def test_a_child_forked_inside_a_transaction_leaves_it_to_its_parent(sql_place: str) -> None:
    with open_counters(sql_place, timeout_s=5) as database:
        with database.write() as session:
            session.execute("UPDATE counters SET value = 7")

            def act() -> object:
                return session.execute("UPDATE counters SET value = 8")

            assert in_child(act).startswith("InputError")
            session.execute("UPDATE counters SET value = value + 1")
        assert value(database) == 8
        with database.read() as session:
            assert session.one("SELECT value FROM counters") == (8,)
            said = in_child(lambda: value(database))
            # SQLite's locks do not survive this; PostgreSQL has a new connection for the child.
            assert said == "8" if database.dialect == "postgresql" else said.startswith("ConflictError")
        assert in_child(lambda: value(database)) == "8"


def test_a_fork_waits_for_the_transactions_of_other_threads(sql_place: str) -> None:
    with open_counters(sql_place) as database:
        inside = threading.Event()

        def slow() -> None:
            with database.write() as session:
                inside.set()
                time.sleep(0.5)
                session.execute("UPDATE counters SET value = 5")

        thread = threading.Thread(target=slow)
        thread.start()
        assert inside.wait(10)
        said = in_child(lambda: value(database))
        thread.join()
        assert said == "5" or (database.dialect == "postgresql" and said == "0")


def test_a_killed_writer_keeps_what_it_acknowledged_whole_and_frees_the_lock(sql_place: str) -> None:
    open_counters(sql_place).close()
    acknowledged = -1
    for wait_s in (0.05, 0.1, 0.2, 0.15):
        process = start(sql_place, "write", 1_000_000, stdout=subprocess.PIPE)
        assert process.stdout is not None
        acknowledged = max(acknowledged, int(process.stdout.readline()))
        time.sleep(wait_s)
        process.send_signal(signal.SIGKILL)
        rest, _ = process.communicate(timeout=30)
        acknowledged = max([acknowledged, *(int(line) for line in rest.split("\n")[:-1])])
        with open_counters(sql_place, timeout_s=10) as database:
            count_up(database, 1)
            with database.read() as session:
                ids = [number for (number,) in session.execute("SELECT id FROM numbers ORDER BY id")]
        assert ids == list(range(len(ids)))
        assert len(ids) % 2 == 0, "half a transaction is there"
        assert len(ids) > acknowledged, "an acknowledged row is gone"


def test_ctrl_c_inside_a_transaction_rolls_it_back_and_ctrl_c_while_waiting_ends_the_wait(sql_place: str) -> None:
    code = """
import os, signal, sys, threading, time
from tests.conformance.sql_counters import open_counters, count_up, value

def interrupt():
    time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGINT)

with open_counters(sys.argv[1]) as holder, open_counters(sys.argv[1]) as database:
    threading.Thread(target=interrupt).start()
    try:
        with database.write() as session:
            session.execute("UPDATE counters SET value = 9")
            time.sleep(60)
    except KeyboardInterrupt:
        print(value(database))
    before = time.monotonic()
    with holder.write() as session:
        threading.Thread(target=interrupt).start()
        try:
            count_up(database, 1)
        except KeyboardInterrupt:
            print(time.monotonic() - before < 10)
    count_up(database, 1)
    print(value(database))
"""
    done = run_python(code, sql_place, timeout_s=100)
    assert (done.returncode, done.stdout.split()) == (0, ["0", "True", "1"]), done.stderr


def test_a_database_in_memory_is_refused_in_a_forked_child() -> None:
    with open_counters(":memory:") as database:
        count_up(database, 2)
        assert in_child(lambda: value(database)).startswith("ConflictError")
        assert value(database) == 2


def test_no_connection_is_left_open_when_a_database_is_dropped_or_its_threads_end(sql_place: str) -> None:
    code = """
import gc, sys, threading
from tests.conformance.sql_counters import open_counters, count_up, value
database = open_counters(sys.argv[1])
threads = [threading.Thread(target=count_up, args=(database, 3)) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(value(database))
stream = database.read()
stream.__enter__()
del stream, database, threads
gc.collect()
"""
    done = run_python(code, sql_place, PYTHONWARNINGS="error::ResourceWarning", PYTHONDEVMODE="1")
    assert (done.returncode, done.stdout, done.stderr) == (0, "12\n", "")
