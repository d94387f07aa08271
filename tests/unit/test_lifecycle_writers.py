"""Several writers at once: threads of one process, and one of them failing."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from motherlode.errors import InputError
from motherlode.lifecycle import Edge, Observation, make_uri, open_lifecycle
from motherlode.lifecycle.ingestion import Ingestion


def table(name: str) -> str:
    return make_uri("dataset", "db", name)


def test_threads_that_write_at_once_lose_nothing_and_give_no_id_twice(tmp_path: Path) -> None:
    with open_lifecycle(tmp_path / "graph.db") as graph:

        def write(worker: int) -> None:
            for number in range(8):
                name = table(f"w{worker}.t{number}")
                graph.add([Observation(name, version=1, edges=(Edge(table("hub"), "derives", name),))])

        with ThreadPoolExecutor(6) as pool:
            list(pool.map(write, range(6)))
        assert len(graph.impact(table("hub"))) == 48
        with graph.database.read() as session:
            assert session.execute("SELECT count(*), max(id) FROM lifecycle_components") == [(49, 48)]


def test_a_writer_that_waits_does_not_believe_the_ids_of_one_that_failed(tmp_path: Path) -> None:
    with open_lifecycle(tmp_path / "graph.db") as graph:
        graph.add([Observation(table("a"), version=1)])
        inside, go_on = threading.Event(), threading.Event()

        def fail() -> None:
            with contextlib.suppress(InputError), graph.ingestion.recording() as recording:
                recording.components.look_up([table("never")])
                recording.components.id_of(table("never"))
                inside.set()
                go_on.wait(10)
                raise InputError("this one fails")

        failing = threading.Thread(target=fail)
        failing.start()
        assert inside.wait(10)
        writing = threading.Thread(
            target=graph.add,
            args=([Observation(table("b"), version=1, edges=(Edge(table("never"), "derives", table("b")),))],),
        )
        writing.start()
        go_on.set()
        failing.join(10)
        writing.join(10)
        assert [row.name for row in graph.impact(table("never")).rows] == ["b"]


def test_two_openings_of_one_file_see_each_other_s_components(tmp_path: Path) -> None:
    path = tmp_path / "graph.db"
    with open_lifecycle(path) as first, open_lifecycle(path) as second:
        for number in range(6):
            graph = (first, second)[number % 2]
            assert isinstance(graph.ingestion, Ingestion)
            graph.add(
                [
                    Observation(
                        table(f"t{number + 1}"),
                        version=1,
                        edges=(Edge(table(f"t{number}"), "derives", table(f"t{number + 1}")),),
                    )
                ]
            )
            assert len((second, first)[number % 2].impact(table("t0"))) == number + 1
