"""The shop that dbt, Feast, DVC and MLflow write themselves: what its registries tell, read without any of them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from motherlode.lifecycle.graph import LifecycleGraph, open_lifecycle
from motherlode.lifecycle.providers.dbt import Dbt
from motherlode.lifecycle.providers.dvc import Dvc
from motherlode.lifecycle.providers.feast import Feast
from motherlode.lifecycle.providers.mlflow import MLflow
from motherlode.lifecycle.providers.openlineage import OpenLineage
from motherlode.lifecycle.record import Edge, Item, Observation, Rejected
from motherlode.lifecycle.relations import RELATIONS
from tests.lineage_world.world import World, write_world

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]
AMOUNT = "lode://feature/feast/shop/orders.amount_7d"
COUNTRY = "lode://feature/feast/shop/customers.country"
TABLE = "lode://dataset/feast/shop/../warehouse/exports/order_features.parquet"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return write_world(tmp_path_factory.mktemp("world") / "shop")


@pytest.fixture(scope="module")
def items(world: World) -> list[Item]:
    providers = (MLflow(world.mlflow_uri), Feast(world.feast_repository), Dvc(world.dvc_repository))
    return [item for provider in providers for item in provider.observe()]


@pytest.fixture(scope="module")
def edges(items: list[Item]) -> set[Edge]:
    return {edge for item in items if isinstance(item, Observation) for edge in item.edges}


def reached(edges: set[Edge], start: str) -> set[str]:
    """Everything that a change of `start` may break, except by way of a model that has other versions."""
    found, waiting = {start}, [start]
    while waiting:
        at = waiting.pop()
        for edge in edges:
            follows = RELATIONS[edge.relation].flow and edge.relation not in {"has_version", "has_feature"}
            if edge.source == at and follows and edge.target not in found:
                found.add(edge.target)
                waiting.append(edge.target)
    return found


def test_nothing_is_rejected_and_every_artefact_is_there(world: World, items: list[Item]) -> None:
    assert [item for item in items if isinstance(item, Rejected)] == []
    assert world.dbt_manifest.is_file()
    events = world.openlineage_events.read_text("utf-8").splitlines()
    assert sum('"name": "load_raw.' in event for event in events) == 4
    assert any("order_features" in event and '"COMPLETE"' in event for event in events)


def test_the_model_that_needs_the_feature_breaks_and_the_others_do_not(edges: set[Edge]) -> None:
    broken = reached(edges, AMOUNT)
    assert {"lode://model_version/mlflow/ranking/2", "lode://deployment/mlflow/ranking@champion",
            "lode://model/mlflow/ranking", "lode://feature_service/feast/shop/ranking_inputs"} <= broken  # fmt: skip
    assert not {each for each in broken if "churn" in each or "fallback" in each}
    needs = {edge for edge in edges if edge.source == AMOUNT and edge.relation == "input_of"}
    assert {edge.confidence for edge in needs} == {0.9}
    assert len(needs) == 2  # the logged model and the version that it is registered as
    assert "lode://deployment/mlflow/churn@champion" in reached(edges, COUNTRY)


def test_a_column_of_dbts_table_is_the_feature_under_another_name(edges: set[Edge]) -> None:
    column = f"{TABLE.replace('dataset', 'column')}::amount_last_7_days"
    assert Edge(column, "feeds", AMOUNT, 1.0, "batch source order_features") in edges
    assert "lode://deployment/mlflow/ranking@champion" in reached(edges, column)


def test_the_systems_name_the_same_files_by_paths_with_one_end(items: list[Item]) -> None:
    by_path: dict[str, set[str]] = {}
    for item in items:
        if isinstance(item, Observation) and "/dataset/" in item.subject:
            for path in item.attributes.get("paths", ()):
                by_path.setdefault(path, set()).add(item.subject)
    assert by_path["warehouse/exports/order_features.parquet"] == {
        TABLE, "lode://dataset/dvc/training/../warehouse/exports/order_features.parquet",
    }  # fmt: skip
    assert by_path["data/training_set.parquet"] == {
        "lode://dataset/dvc/training/data/training_set.parquet",
        "lode://dataset/mlflow/ranking/data/training_set.parquet",
        "lode://dataset/mlflow/churn/data/training_set.parquet",
    }


def test_no_path_of_the_machine_is_in_an_address(world: World, items: list[Item]) -> None:
    root = Path(world.dvc_repository).parent.as_posix()
    assert not {item.subject for item in items if isinstance(item, Observation) and root in item.subject}


@pytest.fixture(scope="module")
def graph(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LifecycleGraph]:
    with open_lifecycle(tmp_path_factory.mktemp("graph") / "lifecycle.db") as opened:
        opened.ingest(
            OpenLineage(world.openlineage_events),
            MLflow(world.mlflow_uri),
            Dvc(world.dvc_repository),
            Feast(world.feast_repository),
            Dbt(world.dbt_manifest),
        )
        yield opened


def test_a_column_of_the_warehouse_breaks_the_model_by_a_path_through_all_of_them(graph: LifecycleGraph) -> None:
    report = graph.impact("column:raw.orders.amount", change="drop")
    broken = {(row.type, row.name) for row in report.rows if row.severity == "BREAKS"}
    assert {("feature", "orders.amount_7d"), ("model", "ranking"), ("deployment", "ranking@champion")} <= broken
    assert not any("churn" in row.name for row in report.rows)
    [model] = [row for row in report.rows if (row.type, row.name) == ("model", "ranking")]
    assert [(step.provider, step.relation) for step in model.path] == [
        ("openlineage", "derives"),
        ("openlineage", "derives"),
        ("inference", "same_as"),
        ("feast", "feeds"),
        ("mlflow", "input_of"),
        ("mlflow", "current_of"),
    ]
    assert all(step.evidence for step in model.path[:5])


def test_a_column_that_nobody_reads_breaks_nothing_and_the_answer_is_complete(graph: LifecycleGraph) -> None:
    report = graph.impact("column:raw.customers.Email", change="drop")
    assert report.worst == "MASKED"
    assert report.complete


def test_reading_everything_again_changes_nothing(graph: LifecycleGraph, world: World) -> None:
    before = graph.fingerprint()
    report = graph.ingest(Dbt(world.dbt_manifest), Feast(world.feast_repository), MLflow(world.mlflow_uri))
    assert graph.fingerprint() == before
    assert [one.tally.n_changed for one in report.providers] == [0, 0, 0]


def test_the_gate_fails_on_the_one_and_passes_on_the_other(graph: LifecycleGraph) -> None:
    for column, code in (("orders.amount", 1), ("customers.Email", 0)):
        command = ["lifecycle", "impact", f"column:raw.{column}", "--fail-on", "BREAKS", "--db", graph.database.where]
        done = subprocess.run([sys.executable, "-m", "motherlode.cli", *command], capture_output=True, text=True)
        assert done.returncode == code, done.stderr
