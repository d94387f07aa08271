"""MLflow stores written by hand: the tables of its SQLite store, row by row, and the folders of its file store."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import yaml

TABLES = {
    "experiments": "experiment_id INTEGER PRIMARY KEY, name, lifecycle_stage, creation_time, last_update_time, "
    "workspace",
    "experiment_tags": "experiment_id INTEGER, key, value",
    "runs": "run_uuid PRIMARY KEY, name, user_id, status, start_time, end_time, lifecycle_stage, experiment_id INTEGER",
    "tags": "run_uuid, key, value",
    "params": "run_uuid, key, value",
    "latest_metrics": "run_uuid, key, value, is_nan",
    "datasets": "dataset_uuid, experiment_id INTEGER, name, digest, dataset_source_type, dataset_source, "
    "dataset_schema",
    "inputs": "input_uuid, source_type, source_id, destination_type, destination_id",
    "input_tags": "input_uuid, name, value",
    "logged_models": "model_id, experiment_id INTEGER, name, artifact_location, status, source_run_id, "
    "creation_timestamp_ms, last_updated_timestamp_ms, lifecycle_stage, model_type",
    "logged_model_tags": "model_id, tag_key, tag_value",
    "logged_model_params": "model_id, param_key, param_value",
    "logged_model_metrics": "model_id, metric_name, metric_value, metric_timestamp_ms, metric_step, dataset_name, "
    "dataset_digest",
    "registered_models": "name, creation_time, last_updated_time, description, workspace",
    "registered_model_tags": "name, key, value, workspace",
    "registered_model_aliases": "name, alias, version INTEGER, workspace",
    "model_versions": "name, version INTEGER, creation_time, last_updated_time, description, user_id, current_stage, "
    "source, run_id, status, storage_location, workspace",
    "model_version_tags": "name, version INTEGER, key, value, workspace",
    "alembic_version": "version_num",
}
FIRST_TABLES = ("experiments", "runs", "tags", "params")
DEFAULTS: dict[str, dict[str, Any]] = {
    "experiments": {"experiment_id": 1, "name": "Ranking", "lifecycle_stage": "active", "creation_time": 1000},
    "runs": {
        "experiment_id": 1,
        "status": "FINISHED",
        "start_time": 2000,
        "end_time": 3000,
        "lifecycle_stage": "active",
    },
    "latest_metrics": {"is_nan": 0},
    "datasets": {"experiment_id": 1, "digest": "d1"},
    "logged_models": {"experiment_id": 1, "name": "model", "status": 2, "lifecycle_stage": "active"},
    "model_versions": {"current_stage": "None", "status": "READY", "creation_time": 4000, "last_updated_time": 5000},
}


class SqlWorld:
    """A SQLite store in the making: `add` a row, columns that are not named get the table's defaults."""

    def __init__(self, path: Path, tables: tuple[str, ...] = tuple(TABLES)) -> None:
        self.path = path
        with closing(sqlite3.connect(path)) as connection:
            for table in tables:
                connection.execute(f"CREATE TABLE {table} ({TABLES[table]})")
            connection.commit()
        if "alembic_version" in tables:
            self.add("alembic_version", version_num="dc11669786a5")

    def execute(self, sql: str, *values: Any) -> None:
        with closing(sqlite3.connect(self.path)) as connection:
            connection.execute("PRAGMA synchronous=OFF")
            connection.execute("PRAGMA journal_mode=MEMORY")
            connection.execute(sql, values)
            connection.commit()

    def add(self, table: str, **columns: Any) -> None:
        row = DEFAULTS.get(table, {}) | columns
        places = ", ".join("?" * len(row))
        self.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", *row.values())

    def tag(self, table: str, tags: dict[str, str], **owner: Any) -> None:
        for key, value in tags.items():
            self.add(table, key=key, value=value, **owner)

    def input(self, run: str, dataset: str, context: str | None = "training") -> None:
        link = f"{run}-{dataset}"
        self.add(
            "inputs",
            input_uuid=link,
            source_type="DATASET",
            source_id=dataset,
            destination_type="RUN",
            destination_id=run,
        )
        if context is not None:
            self.add("input_tags", input_uuid=link, name="mlflow.data.context", value=context)


def colspec(*names: str) -> str:
    """MLflow's schema of columns of type double."""
    return json.dumps({"mlflow_colspec": [{"type": "double", "name": name, "required": True} for name in names]})


def mlmodel(folder: Path, *inputs: str) -> None:
    """An MLmodel file as MLflow writes it beside a model."""
    folder.mkdir(parents=True, exist_ok=True)
    columns = json.dumps([{"type": "double", "name": name, "required": True} for name in inputs])
    model = {"flavors": {"sklearn": {}, "python_function": {}}, "signature": {"inputs": columns, "outputs": None}}
    (folder / "MLmodel").write_text(yaml.safe_dump(model), "utf-8")


def write_meta(folder: Path, **meta: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "meta.yaml").write_text(yaml.safe_dump(meta, allow_unicode=True), "utf-8")


def write_values(folder: Path, values: dict[str, str]) -> None:
    for name, value in values.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(value, "utf-8")


def sql_world(path: Path) -> SqlWorld:
    """Run r1 of train.py, trained on features.parquet, evaluated on val.csv, made ranking/1, which is champion."""
    world = SqlWorld(path)
    world.add("experiments", last_update_time=1500)
    world.add("runs", run_uuid="r1", name="first", user_id="ada")
    world.tag(
        "tags",
        {"mlflow.source.name": "/srv/ada/train.py", "mlflow.source.type": "LOCAL", "team": "search"},
        run_uuid="r1",
    )
    world.add("params", run_uuid="r1", key="lr", value="0.1")
    world.add("latest_metrics", run_uuid="r1", key="auc", value=0.8)
    world.add("latest_metrics", run_uuid="r1", key="loss", value=0.0, is_nan=1)
    world.add(
        "datasets", dataset_uuid="f", name="features", dataset_source_type="s3",
        dataset_source='{"uri": "s3://shop/features.parquet"}', dataset_schema=colspec("amount_7d", "label"),
    )  # fmt: skip
    world.add(
        "datasets", dataset_uuid="v", name="val", digest="d2", dataset_source_type="local",
        dataset_source='{"uri": "./data/val.csv"}', dataset_schema=colspec("amount_7d"),
    )  # fmt: skip
    world.input("r1", "f")
    world.input("r1", "v", "evaluation")
    world.add(
        "logged_models", model_id="m-1", source_run_id="r1", creation_timestamp_ms=2500, last_updated_timestamp_ms=2600,
        artifact_location=str(path.parent / "mlruns/1/models/m-1/artifacts"),
    )  # fmt: skip
    world.add(
        "inputs", input_uuid="o", source_type="RUN_OUTPUT", source_id="r1", destination_type="MODEL_OUTPUT",
        destination_id="m-1",
    )  # fmt: skip
    world.add(
        "logged_model_metrics", model_id="m-1", metric_name="auc", metric_value=0.9, metric_timestamp_ms=1,
        metric_step=0, dataset_name="val", dataset_digest="d2",
    )  # fmt: skip
    mlmodel(path.parent / "mlruns/1/models/m-1/artifacts", "amount_7d", "hour")
    world.add(
        "registered_models", name="ranking", creation_time=4000, last_updated_time=6000, description="ranks items"
    )
    world.add("model_versions", name="ranking", version=1, source="models:/m-1", run_id="r1", user_id="bob")
    world.add("registered_model_aliases", name="ranking", alias="champion", version=1)
    world.add("registered_model_tags", name="ranking", key="tier", value="gold")
    return world


def file_world(root: Path) -> Path:
    """The same as `sql_world` in the layout of the file store."""
    experiment, run = root / "1", root / "1" / "r1"
    write_meta(
        experiment,
        name="Ranking",
        experiment_id="1",
        lifecycle_stage="active",
        creation_time=1000,
        last_update_time=1500,
    )
    write_meta(
        run,
        run_id="r1",
        run_name="first",
        user_id="ada",
        status=3,
        start_time=2000,
        end_time=3000,
        lifecycle_stage="active",
    )
    write_values(
        run / "tags", {"mlflow.source.name": "/srv/ada/train.py", "mlflow.source.type": "LOCAL", "team": "search"}
    )
    write_values(run / "params", {"lr": "0.1"})
    write_values(run / "metrics", {"auc": "10 0.7 0\n12 0.8 1\n11 0.9 0\n", "loss": "10 nan 0\n"})
    schemas = {"f": ("features", "d1", "s3", "s3://shop/features.parquet", colspec("amount_7d", "label"))}
    schemas["v"] = ("val", "d2", "local", "./data/val.csv", colspec("amount_7d"))
    for id_, (name, digest, kind, uri, schema) in schemas.items():
        write_meta(
            experiment / "datasets" / id_,
            name=name,
            digest=digest,
            source_type=kind,
            source=json.dumps({"uri": uri}),
            schema=schema,
        )
        context = "training" if id_ == "f" else "evaluation"
        link = {
            "source_type": "DATASET",
            "source_id": id_,
            "destination_type": "RUN",
            "tags": {"mlflow.data.context": context},
        }
        write_meta(run / "inputs" / f"in-{id_}", **link)
    write_meta(run / "outputs" / "m-1", source_type="RUN_OUTPUT", destination_type="MODEL_OUTPUT", destination_id="m-1")
    _write_models(root)
    return root


def _write_models(root: Path) -> None:
    logged = root / "1" / "models" / "m-1"
    write_meta(
        logged,
        model_id="m-1",
        name="model",
        status=2,
        source_run_id="r1",
        creation_timestamp=2500,
        last_updated_timestamp=2600,
    )
    write_values(logged / "metrics", {"auc": "1 0.9 0 r1 val d2\n"})
    mlmodel(logged / "artifacts", "amount_7d", "hour")
    model = root / "models" / "ranking"
    write_meta(model, name="ranking", description="ranks items", creation_timestamp=4000, last_updated_timestamp=6000)
    write_values(model / "aliases", {"champion": "1"})
    write_values(model / "tags", {"tier": "gold"})
    write_meta(
        model / "version-1", name="ranking", version=1, source="models:/m-1", run_id="r1", user_id="bob",
        status="READY", current_stage="None", creation_timestamp=4000, last_updated_timestamp=5000,
    )  # fmt: skip
