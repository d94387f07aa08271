"""The nugget store and processes: several writers, kills in the middle of a document, a reader beside a writer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from motherlode.nuggets.memory import MemoryStore
from motherlode.nuggets.record import Claim, Document
from motherlode.nuggets.store import NuggetStore, open_nuggets
from tests.nugget_worlds import derived_rows, stored_rows

pytestmark = pytest.mark.skipif(os.name == "nt", reason="kills are POSIX")

N_CLAIMS = 10  # of one document

_WRITER = """
import sys
from motherlode.nuggets.record import Claim, Document
from motherlode.nuggets.store import open_nuggets

where, who, first, last = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
with open_nuggets(where) as store:
    for n in range(first, last):
        source = f"{who}-{n}"
        claims = [
            Claim(f"Company {(n + i) % 97}", "ceo", f"Person {(n + i) % 11}", valid_from=str(1950 + i), source=source)
            for i in range(N_CLAIMS)
        ]
        store.ingest(Document(source, f"text of {source}"), claims=claims)
        print(source, flush=True)
""".replace("N_CLAIMS", str(N_CLAIMS))


def _start(where: str, who: str, first: int, last: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _WRITER, where, who, str(first), str(last)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _claims_of(source: str) -> list[Claim]:
    who, _, number = source.rpartition("-")
    n = int(number)
    assert who
    return [
        Claim(f"Company {(n + i) % 97}", "ceo", f"Person {(n + i) % 11}", valid_from=str(1950 + i), source=source)
        for i in range(N_CLAIMS)
    ]


def _is_derived_whole(store: NuggetStore) -> set[str]:
    """The documents that the store has, after comparing what is derived of them with the obvious store."""
    with store.reading() as session:
        rows = session.execute(
            "SELECT d.source, COUNT(c.seq) FROM nugget_documents d LEFT JOIN nugget_claims c ON c.doc = d.doc "
            "GROUP BY d.source"
        )
    assert {n for _, n in rows} <= {N_CLAIMS}, "a document is there in part"
    memory = MemoryStore()
    for source, _ in rows:
        memory.assert_claims(_claims_of(source), 1, Document(source, f"text of {source}"))
    assert stored_rows(store) == derived_rows(memory.nuggets())
    return {source for source, _ in rows}


def test_four_writers_end_in_the_state_of_one(sql_place: str) -> None:
    with open_nuggets(sql_place) as store:
        writers = [_start(sql_place, f"writer{i}", 0, 6) for i in range(4)]
        for writer in writers:
            said, _ = writer.communicate(timeout=120)
            assert writer.returncode == 0
            assert len(said.split()) == 6
        assert len(_is_derived_whole(store)) == 24


def _kill_while_writing(where: str, n_runs: int, still: Callable[[int], float]) -> None:
    said: set[str] = set()
    for run in range(n_runs):
        writer = _start(where, f"run{run}", 0, 10_000)
        assert writer.stdout is not None
        said.add(writer.stdout.readline().strip())  # it is writing
        time.sleep(still(run))
        writer.send_signal(signal.SIGKILL)
        rest, _ = writer.communicate(timeout=60)
        said |= {line for line in rest.split("\n") if line}
    with open_nuggets(where) as store:
        held = _is_derived_whole(store)
    assert said <= held
    assert len(held) <= len(said) + n_runs  # at most one a run that was kept and not yet said


def test_a_killed_writer_loses_nothing_it_acknowledged_and_leaves_no_half_document(sql_place: str) -> None:
    _kill_while_writing(sql_place, 4, lambda run: 0.05 + 0.037 * run)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_a_hundred_kills_of_a_writer(tmp_path: Path) -> None:
    _kill_while_writing(str(tmp_path / "facts.db"), 100, lambda run: 0.01 + 0.003 * (run % 31))


def test_a_reader_s_snapshot_is_not_touched_by_a_writer_beside_it(sql_place: str) -> None:
    with open_nuggets(sql_place) as store:
        store.assert_claims([Claim("Foo", "ceo", "Ann", valid_from="2000", source="a")])
        with store.reading() as session:
            before = session.execute("SELECT COUNT(*) FROM nugget_versions")
            writer = _start(sql_place, "beside", 0, 2)
            writer.communicate(timeout=60)
            assert session.execute("SELECT COUNT(*) FROM nugget_versions") == before
        assert len(store.nuggets("Company 0")) > 0
