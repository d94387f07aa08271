"""MLflow stores that are old, newer, damaged, locked, large or somebody else's."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from motherlode.errors import ConflictError, DataError, InputError, UnsupportedError
from motherlode.lifecycle.providers.mlflow import MLflow
from motherlode.lifecycle.record import Edge, Observation
from tests.mlflow_edges import (
    EDGES,
    EXPERIMENT,
    RUN,
    VAL,
    edges,
    observed,
    rejected,
)
from tests.mlflow_stores import FIRST_TABLES, SqlWorld, file_world, sql_world


@pytest.fixture
def world(tmp_path: Path) -> SqlWorld:
    return sql_world(tmp_path / "mlflow.db")


def test_unreadable_parts_are_rejected_by_name_and_the_rest_is_told(world: SqlWorld, tmp_path: Path) -> None:
    world.execute("UPDATE datasets SET dataset_schema = '{\"mlflow_colspec\": [{\"type\"' WHERE name = 'val'")
    (tmp_path / "mlruns/1/models/m-1/artifacts/MLmodel").write_text("signature: {inputs: '[', outputs: null}")
    items = list(MLflow(world.path).observe())
    schema, model = rejected(items)
    assert schema.what == "schema of dataset val, digest d2"
    assert model.what.endswith("models/m-1/artifacts/MLmodel")
    gone = {
        edge for edge in EDGES if edge.relation == "input_of" or (edge.source == VAL and edge.relation == "has_column")
    }
    assert edges(items) == EDGES - gone


def test_times_and_values_that_are_none_do_no_harm(world: SqlWorld) -> None:
    world.execute("UPDATE runs SET end_time = '${json-unit.any-number}', start_time = 'soon'")
    world.execute("UPDATE registered_models SET last_updated_time = 99999999999999999")
    items = list(MLflow(world.path).observe())
    assert observed(items, RUN).version is None
    assert "created_at" not in observed(items, RUN).attributes
    assert edges(items) == EDGES


def test_half_written_files_are_rejected_by_name_and_the_rest_is_told(tmp_path: Path) -> None:
    root = file_world(tmp_path / "mlruns")
    (root / "1/r2").mkdir()
    (root / "1/r2/meta.yaml").write_text("run_id: r2\nname: 'ha")
    (root / "1/datasets/v/meta.yaml").write_text("- a list")
    items = list(MLflow(root).observe())
    assert {each.what: each.body for each in rejected(items)} == {
        "1/r2/meta.yaml": "run_id: r2\nname: 'ha",
        "1/datasets/v/meta.yaml": "- a list",
    }
    assert edges(items) == {
        edge for edge in EDGES if VAL not in edge and not edge.source.endswith("val.csv::amount_7d")
    }


def test_a_store_from_before_registries_and_datasets_is_read(tmp_path: Path) -> None:
    world = SqlWorld(tmp_path / "mlflow.db", FIRST_TABLES)
    world.add("experiments")
    world.add("runs", run_uuid="r1", user_id="ada")
    assert edges(MLflow(world.path).observe()) == {
        Edge(RUN, "grouped_in", EXPERIMENT),
        Edge(RUN, "owned_by", "lode://user/directory/ada"),
    }


@pytest.mark.parametrize(("table", "column"), [("runs", "start_time"), ("model_versions", "source")])
def test_a_newer_store_without_a_needed_column_is_refused_by_name(world: SqlWorld, table: str, column: str) -> None:
    world.execute(f"ALTER TABLE {table} RENAME COLUMN {column} TO {column}_v2")
    world.execute("UPDATE alembic_version SET version_num = 'abc123'")
    with pytest.raises(
        DataError, match=rf"schema version 'abc123' without {table}\.{column}, expected a store of MLflow"
    ):
        list(MLflow(world.path).observe())


def test_more_columns_and_tables_than_known_are_no_harm(world: SqlWorld) -> None:
    world.execute("ALTER TABLE runs ADD COLUMN mood TEXT DEFAULT 'good'")
    world.execute("CREATE TABLE moods (name TEXT)")
    assert edges(MLflow(world.path).observe()) == EDGES


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "places.db")) as connection:
        connection.execute("CREATE TABLE moz_places (url TEXT)")
    with pytest.raises(DataError, match="found tables moz_places, expected the tables of an MLflow store"):
        list(MLflow(tmp_path / "places.db").observe())


def test_a_locked_store_is_a_conflict(world: SqlWorld) -> None:
    with closing(sqlite3.connect(world.path)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ConflictError, match="another writer held the database"):
            list(MLflow(world.path, timeout_s=0.1).observe())


def test_nothing_is_opened_before_it_is_asked(tmp_path: Path) -> None:
    provider = MLflow(f"sqlite:///{tmp_path}/nowhere.db")
    assert (provider.name, provider.scope, provider.is_listing) == ("mlflow", f"sqlite:///{tmp_path}/nowhere.db", True)
    with pytest.raises(InputError, match=r"nowhere\.db is not there"):
        list(provider.observe())
    with pytest.raises(InputError, match="expected MLflow's folder mlruns"):
        list(MLflow(tmp_path / "mlruns").observe())
    with pytest.raises(DataError, match="found an empty folder"):
        list(MLflow(tmp_path).observe())


def test_a_database_server_is_refused_without_its_password() -> None:
    with pytest.raises(UnsupportedError, match=r"^postgresql:…: motherlode reads") as caught:
        MLflow("postgresql://ada:secret@db/mlflow")
    assert "secret" not in str(caught.value)


def test_every_run_of_many_is_told_once(tmp_path: Path) -> None:
    world = SqlWorld(tmp_path / "mlflow.db")
    world.add("experiments")
    with closing(sqlite3.connect(world.path)) as connection:
        rows: list[Any] = [(f"r{i:05}", 1, "FINISHED", i, i + 1, "active") for i in range(1203)]
        columns = "run_uuid, experiment_id, status, start_time, end_time, lifecycle_stage"
        connection.executemany(f"INSERT INTO runs ({columns}) VALUES (?, ?, ?, ?, ?, ?)", rows)
        connection.executemany("INSERT INTO params VALUES (?, 'i', ?)", [(row[0], str(row[3])) for row in rows])
        connection.commit()
    items = [i for i in MLflow(world.path).observe() if isinstance(i, Observation) and i.aspect == "definition"]
    runs = {i.subject: i.attributes["params"]["i"] for i in items if "pipeline_run" in i.subject}
    assert runs == {f"lode://pipeline_run/mlflow/r{i:05}": str(i) for i in range(1203)}
