"""The snapshot beside a database: what it saves, and when it is not believed."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pytest

from motherlode.lifecycle import snapshot as module
from motherlode.lifecycle.graph import LifecycleGraph, open_lifecycle
from motherlode.lifecycle.providers.openlineage import OpenLineage
from motherlode.lifecycle.record import Edge, Observation
from motherlode.lifecycle.snapshot_file import SUFFIX, read_snapshot
from motherlode.lifecycle.uris import make_uri


@pytest.fixture(autouse=True)
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SMALLEST_FILE", 10)


def table(number: int) -> str:
    return make_uri("dataset", "db", f"table{number}")


def chain(first: int, last: int) -> list[Observation]:
    """A line of tables, from the first to the last."""
    return [
        Observation(table(n + 1), version=1, edges=(Edge(table(n), "derives", table(n + 1)),))
        for n in range(first, last)
    ]


def reached(graph: LifecycleGraph, number: int = 0) -> list[str]:
    return [row.name for row in graph.impact(table(number)).rows]


def snapshot_file(path: Path) -> Path:
    return path.with_name(path.name + SUFFIX)


def test_the_next_opening_reads_the_file_and_not_the_edges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "graph.db"
    with open_lifecycle(path) as graph:
        graph.add(chain(0, 40))
        expected = reached(graph)
    assert snapshot_file(path).exists()
    monkeypatch.setattr(module, "_load", None)  # reading the edges would fail
    with open_lifecycle(path) as graph:
        assert reached(graph) == expected
        graph.add(chain(40, 43))
        assert reached(graph) == [f"table{n}" for n in range(1, 44)]


def test_who_only_reads_finds_the_file_of_the_last_ingestion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, events = tmp_path / "graph.db", tmp_path / "events.ndjson"
    event: dict[str, object] = {"eventType": "COMPLETE", "eventTime": "2026-01-01T00:00:00Z", "run": {"runId": "r"}}
    tables = [{"namespace": "db", "name": f"t{number}"} for number in range(20)]
    event |= {
        "job": {"namespace": "n", "name": "job"},
        "inputs": tables,
        "outputs": [{"namespace": "db", "name": "out"}],
    }
    events.write_text(json.dumps(event), "utf-8")
    with open_lifecycle(path) as graph:
        graph.ingest(OpenLineage(events))
    monkeypatch.setattr(module, "_load", None)  # reading the edges would fail
    with open_lifecycle(path, read_only=True) as graph:
        assert [row.name for row in graph.impact("dataset:t3").rows] == ["job", "out"]


def test_a_database_restored_from_a_copy_does_not_believe_the_file_of_its_future(tmp_path: Path) -> None:
    path, copy = tmp_path / "graph.db", tmp_path / "copy.db"
    with open_lifecycle(path) as graph:
        graph.add(chain(0, 20))
        assert len(reached(graph)) == 20
    shutil.copy(path, copy)
    with open_lifecycle(path) as graph:
        graph.add(chain(50, 90))
        module._SMALLEST_REBUILD, before = 1, module._SMALLEST_REBUILD
        try:
            assert len(reached(graph, 50)) == 40
        finally:
            module._SMALLEST_REBUILD = before
    shutil.copy(copy, path)
    with open_lifecycle(path) as graph:
        assert len(reached(graph)) == 20
        graph.add(chain(20, 22))
        assert len(reached(graph)) == 22


@pytest.mark.parametrize("damage", ["empty", "cut", "head", "other"])
def test_a_file_that_is_not_whole_is_ignored_and_made_anew(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "graph.db"
    with open_lifecycle(path) as graph:
        graph.add(chain(0, 40))
        expected = reached(graph)
    file = snapshot_file(path)
    data = bytearray(file.read_bytes())
    if damage == "empty":
        data.clear()
    elif damage == "cut":
        del data[len(data) // 2 :]
    elif damage == "head":
        data[30] ^= 1
    else:
        data[:] = b"not a container" * 1000
    file.write_bytes(bytes(data))
    with open_lifecycle(path) as graph:
        assert reached(graph) == expected
    assert read_snapshot(file, None) is None
    with open_lifecycle(path) as graph:
        assert reached(graph) == expected


def test_where_the_file_cannot_be_written_questions_are_answered_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(module, "write_snapshot", full)
    with open_lifecycle(tmp_path / "graph.db") as graph:
        graph.add(chain(0, 40))
        assert len(reached(graph)) == 40
    assert "No space left" in caplog.text


def test_edges_that_were_withdrawn_are_gone_from_the_arrays_and_come_back(tmp_path: Path) -> None:
    rng = random.Random(0)
    with open_lifecycle(tmp_path / "graph.db") as graph:
        graph.add(chain(0, 60))
        cut = 60
        for version in range(2, 12):
            number = rng.randrange(5, 60)
            assert len(reached(graph)) == cut
            graph.add([Observation(table(number), version=version)])  # no longer derived from its neighbour
            assert len(reached(graph)) == min(cut, number - 1)
            graph.add(
                [
                    Observation(
                        table(number),
                        version=version,
                        revision=1,
                        edges=(Edge(table(number - 1), "derives", table(number)),),
                    )
                ]
            )
