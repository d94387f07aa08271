"""What a file or folder is taken for; and where the graph is when nobody says."""

from __future__ import annotations

import gzip
import json
import sqlite3
from pathlib import Path

import pytest

from motherlode.errors import InputError, UnsupportedError
from motherlode.lifecycle.graph import open_lifecycle
from motherlode.workflows.lifecycle import default_place, gate, opened_lifecycle, recognise, write_parts
from motherlode.workflows.lifecycle_sources import Recognised
from tests.lifecycle_exports_world import AMOUNT, FEATURE, VERSION, world

MANIFEST = json.dumps({"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json"}})


def _kinds(found: list[Recognised]) -> list[tuple[str, str]]:
    return [(each.kind, each.where) for each in found]


def _sqlite(path: Path, *tables: str) -> Path:
    with sqlite3.connect(path) as connection:
        for table in tables:
            connection.execute(f"CREATE TABLE {table} (x)")
    connection.close()
    return path


def test_files_are_known_by_what_is_in_them_and_by_their_names(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    manifest = tmp_path / "target" / "manifest.json"
    manifest.write_text(MANIFEST)
    assert _kinds(recognise(str(manifest))) == [("dbt", str(manifest))]
    assert "dbt_schema_version" in recognise(str(manifest))[0].why
    store = _sqlite(tmp_path / "mlflow.db", "experiments", "runs", "tags")
    assert _kinds(recognise(str(store))) == [("mlflow", f"sqlite:///{store}")]
    (tmp_path / "registry.db").write_bytes(b"\x0a\x05shop1")
    assert _kinds(recognise(str(tmp_path / "registry.db"))) == [("feast", str(tmp_path / "registry.db"))]
    registry = _sqlite(tmp_path / "feast.sqlite", "feast_metadata", "projects")
    assert _kinds(recognise(str(registry))) == [("feast", str(registry))]
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    assert _kinds(recognise(str(tmp_path / "dvc.yaml"))) == [("dvc", str(tmp_path))]
    events = tmp_path / "events.ndjson.gz"
    events.write_bytes(gzip.compress(b'{"eventType": "COMPLETE"}\n'))
    assert _kinds(recognise(str(events))) == [("openlineage", str(events))]
    (tmp_path / "manifest.json").write_text('{"files": []}')  # somebody else's
    assert _kinds(recognise(str(tmp_path / "manifest.json"))) == [("openlineage", str(tmp_path / "manifest.json"))]


def test_a_dvc_file_below_belongs_to_the_repository_around_it(tmp_path: Path) -> None:
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "raw.csv.dvc").write_text("outs: []\n")
    assert _kinds(recognise(str(tmp_path / "data" / "raw.csv.dvc"))) == [("dvc", str(tmp_path))]


def test_a_projects_folder_is_everything_that_it_is(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "target" / "manifest.json").write_text(MANIFEST)
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    (tmp_path / "feature_store.yaml").write_text("project: shop\n")
    (tmp_path / "mlruns" / "0").mkdir(parents=True)
    (tmp_path / "mlruns" / "0" / "meta.yaml").write_text("experiment_id: '0'\n")
    (tmp_path / "params.json").write_text("{}")  # no event of its own right
    assert [each.kind for each in recognise(str(tmp_path))] == ["dbt", "dvc", "feast", "mlflow"]
    assert _kinds(recognise(str(tmp_path / "mlruns"))) == [("mlflow", str(tmp_path / "mlruns"))]


def test_a_folder_of_events_is_openlineages(tmp_path: Path) -> None:
    (tmp_path / "day" / "1").mkdir(parents=True)
    (tmp_path / "day" / "1" / "a.json").write_text("{}")
    [found] = recognise(str(tmp_path))
    assert (found.kind, found.why) == ("openlineage", "a folder with day/1/a.json")


def test_one_source_has_one_scope_wherever_the_command_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sub").mkdir()
    events = tmp_path / "events.json"
    events.write_text("[]")
    monkeypatch.chdir(tmp_path)
    here = recognise("events.json")
    monkeypatch.chdir(tmp_path / "sub")
    there = recognise("../events.json", "openlineage")
    assert here[0].provider().scope == str(events)
    assert Path(there[0].where).resolve() == events
    assert _kinds(recognise("sqlite:///x.db")) == [("mlflow", f"sqlite:///{tmp_path / 'sub' / 'x.db'}")]


def test_what_is_nothing_known_is_refused_with_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or folder; expected dbt's"):
        recognise(str(tmp_path / "missing"))
    with pytest.raises(InputError, match="not clear what this is"):
        recognise(str(tmp_path))
    other = _sqlite(tmp_path / "other.db", "songs", "albums")
    with pytest.raises(InputError, match="found albums, songs"):
        recognise(str(other))
    open_lifecycle(tmp_path / "graph.db").close()
    with pytest.raises(InputError, match="a lifecycle graph itself; name it with --db"):
        recognise(str(tmp_path / "graph.db"))
    with pytest.raises(InputError, match="kind 'spark': expected one of dbt, dvc, feast, mlflow, openlineage"):
        recognise(str(tmp_path), "spark")
    with pytest.raises(UnsupportedError, match="not from a server"):
        recognise("http://localhost:5000")
    (tmp_path / "broken.json.gz").write_bytes(b"not gzip")
    with pytest.raises(InputError, match="cannot be read"):
        recognise(str(tmp_path / "broken.json.gz"))


def test_the_graph_is_where_the_variable_says_unless_it_says_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LODE_LIFECYCLE", raising=False)
    assert default_place() == str(Path(".lode/lifecycle.db"))
    monkeypatch.setenv("LODE_LIFECYCLE", "off")
    assert default_place() == str(Path(".lode/lifecycle.db"))
    monkeypatch.setenv("LODE_LIFECYCLE", "/data/graph.db")
    assert default_place() == "/data/graph.db"


def test_reading_makes_no_graph_and_writing_makes_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LODE_LIFECYCLE", raising=False)
    with pytest.raises(InputError, match="no lifecycle graph yet; `lode lifecycle ingest"):
        with opened_lifecycle(None):
            pass
    assert list(tmp_path.iterdir()) == []
    with opened_lifecycle(None, create=True) as graph:
        assert graph.database.read_only is False
    assert (tmp_path / ".lode" / "lifecycle.db").is_file()
    with opened_lifecycle(None) as graph:
        assert graph.database.read_only is True
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="its folder cannot be made"):
        with opened_lifecycle(str(tmp_path / "file" / "graph.db"), create=True):
            pass


def test_the_gate_fails_for_a_severity_and_every_worse_one() -> None:
    graph = world()
    report = graph.impact(AMOUNT)
    assert gate(report, "breaks", fail_on_incomplete=False) == ["5 BREAKS, and BREAKS or worse may not be"]
    assert gate(report, "INFORM", fail_on_incomplete=False) == ["5 BREAKS, and INFORM or worse may not be"]
    assert gate(report, "MASKED", fail_on_incomplete=True) == ["5 BREAKS, 3 MASKED, and MASKED or worse may not be"]
    assert gate(report, None, fail_on_incomplete=True) == []
    harmless = graph.impact("orders.comment")
    assert gate(harmless, "INFORM", fail_on_incomplete=False) == []
    soft = graph.impact(FEATURE, "deprecate")
    assert gate(soft, "BREAKS", fail_on_incomplete=False) == []
    assert gate(soft, "INFORM", fail_on_incomplete=False) == ["3 INFORM, and INFORM or worse may not be"]
    with pytest.raises(InputError, match="severity 'fatal': expected one of BREAKS, DEGRADES, STALE, INFORM, MASKED"):
        gate(soft, "fatal", fail_on_incomplete=False)


def test_the_gate_fails_for_what_is_not_known_when_asked_to() -> None:
    view = world().as_of(min_confidence=0.95)
    report = view.impact(VERSION)
    assert gate(report, None, fail_on_incomplete=False) == []
    [why] = gate(report, None, fail_on_incomplete=True)
    assert why == "the answer is incomplete: edges with a confidence below 0.95 were not followed"


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("old")

    def parts() -> object:
        yield "new"
        raise InputError("no more")

    with pytest.raises(InputError, match="no more"):
        write_parts(parts(), tmp_path / "out.csv")  # type: ignore[arg-type]
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("out.csv", "old")]
    with pytest.raises(InputError, match="cannot be written"):
        write_parts(["x"], tmp_path / "no" / "out.csv")
