"""What the MLflow provider tells of a store: both kinds of store, edge by edge."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from motherlode.lifecycle.providers.mlflow import MLflow
from motherlode.lifecycle.record import Edge, Observation, Provider
from tests.mlflow_edges import (
    EDGES,
    EXPERIMENT,
    FEATURES,
    LOGGED,
    PIPELINE,
    RUN,
    VERSION,
    edges,
    observed,
    rejected,
)
from tests.mlflow_stores import SqlWorld, colspec, file_world, mlmodel, sql_world, write_meta


@pytest.fixture(params=["sqlite", "files"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> MLflow:
    if request.param == "files":
        return MLflow(file_world(tmp_path / "mlruns"))
    return MLflow(f"sqlite:///{sql_world(tmp_path / 'mlflow.db').path}")


@pytest.fixture
def world(tmp_path: Path) -> SqlWorld:
    return sql_world(tmp_path / "mlflow.db")


def test_a_store_tells_exactly_these_edges(store: MLflow) -> None:
    assert isinstance(store, Provider)
    items = list(store.observe())
    assert edges(items) == EDGES
    assert rejected(items) == []


def test_attributes_are_the_words_of_the_store_and_versions_its_times(store: MLflow) -> None:
    items = list(store.observe())
    run = observed(items, RUN)
    assert run.version == 3_000_000
    assert run.attributes == {
        "name": "first", "status": "FINISHED", "created_at": "1970-01-01T00:00:02Z", "ended_at": "1970-01-01T00:00:03Z",
        "params": {"lr": "0.1"}, "metrics": {"auc": 0.8, "loss": "NaN"},
    }  # fmt: skip
    features = observed(items, FEATURES, "mlflow")
    assert features.version == 2_000_000
    assert features.attributes == {
        "logged_as": ["features"], "source_type": "s3", "paths": ["s3://shop/features.parquet"], "digest": "d1",
        "digests": ["d1"], "columns": ["amount_7d", "label"], "types": {"amount_7d": "double", "label": "double"},
    }  # fmt: skip
    version = observed(items, VERSION)
    assert version.version == 5_000_000
    assert version.attributes == {
        "name": "ranking@v1", "model": "ranking", "version": "1", "created_at": "1970-01-01T00:00:04Z",
        "status": "READY", "source": "models:/m-1", "url": "models:/ranking/1", "inputs": ["amount_7d", "hour"],
        "signature": {"inputs": {"amount_7d": "double", "hour": "double"}}, "flavors": ["python_function", "sklearn"],
    }  # fmt: skip
    model = observed(items, "lode://model/mlflow/ranking")
    assert (model.version, model.attributes["description"]) == (6_000_000, "ranks items")
    assert observed(items, EXPERIMENT).version == 1_500_000
    assert observed(items, LOGGED).attributes["metrics"] == {"auc": 0.9}
    assert observed(items, PIPELINE).attributes == {"name": "train.py", "source_type": "LOCAL", "paths": ["train.py"]}


def test_what_the_store_has_no_time_of_has_no_version(store: MLflow) -> None:
    items = list(store.observe())
    timeless = {(i.subject, i.aspect) for i in items if isinstance(i, Observation) and i.version is None}
    assert (RUN, "labels") in timeless
    assert ("lode://model/mlflow/ranking", "versions") in timeless
    assert ("lode://deployment/mlflow/ranking@champion", "definition") in timeless
    assert (RUN, "definition") not in timeless


def test_hydrating_a_component_tells_what_observing_told_of_it(store: MLflow) -> None:
    items = [item for item in store.observe() if isinstance(item, Observation)]
    subjects = {item.subject for item in items}
    assert len(subjects) == 9
    for subject in subjects:
        assert list(store.hydrate(subject)) == [item for item in items if item.subject == subject]


@pytest.mark.parametrize(
    "subject",
    ["lode://model/mlflow/unknown", "lode://pipeline_run/mlflow/..", "lode://model_version/mlflow/ranking/9",
     "lode://deployment/mlflow/ranking@nobody", "lode://dataset/s3/shop/other.parquet", "lode://model/feast/ranking",
     "lode://pipeline/mlflow/Ranking/other.py", "lode://ab_test/mlflow/x"],
)  # fmt: skip
def test_hydrating_what_the_store_does_not_know_tells_nothing(store: MLflow, subject: str) -> None:
    assert list(store.hydrate(subject)) == []


@pytest.mark.parametrize(
    ("aliases", "stages", "statuses", "current", "confidence", "evidence"),
    [
        ({"champion": 1, "production": 2}, {}, {}, 1, 1.0, "alias champion"),
        ({"Production": 2, "latest": 1}, {1: "Production"}, {}, 2, 1.0, "alias production"),
        ({"challenger": 2}, {1: "Production", 2: "Staging"}, {}, 1, 1.0, "stage Production"),
        ({"latest": 1}, {}, {}, 1, 0.8, "alias latest"),
        ({}, {}, {}, 10, 0.5, "no alias or stage says so: the newest version that is ready"),
        ({}, {}, {10: "PENDING_REGISTRATION"}, 2, 0.5, "no alias or stage says so: the newest version that is ready"),
        ({"champion": 77}, {2: "Production"}, {}, 2, 1.0, "stage Production"),
    ],
)
def test_the_current_version_is_by_alias_then_stage_then_age(
    tmp_path: Path, aliases: dict[str, int], stages: dict[int, str], statuses: dict[int, str], current: int,
    confidence: float, evidence: str,
) -> None:  # fmt: skip
    world = SqlWorld(tmp_path / "mlflow.db")
    world.add("registered_models", name="m")
    for number in (1, 2, 10):
        stage, status = stages.get(number, "None"), statuses.get(number, "READY")
        world.add("model_versions", name="m", version=number, current_stage=stage, status=status)
    for alias, number in aliases.items():
        world.add("registered_model_aliases", name="m", alias=alias, version=number)
    items = list(MLflow(world.path).observe())
    found = [edge for edge in edges(items) if edge.relation == "current_of"]
    expected = Edge(
        f"lode://model_version/mlflow/m/{current}", "current_of", "lode://model/mlflow/m", confidence, evidence
    )
    assert found == [expected]


def test_stages_are_deployments_as_mlflow_addresses_them(world: SqlWorld) -> None:
    world.execute("UPDATE model_versions SET current_stage = 'Staging'")
    where = "lode://deployment/mlflow/ranking/Staging"
    provider = MLflow(world.path)
    assert Edge(VERSION, "deployed_as", where, 1.0, "stage Staging") in edges(provider.observe())
    assert len(list(provider.hydrate(where))) == 1


def test_what_was_deleted_is_told_as_gone(world: SqlWorld) -> None:
    world.execute("UPDATE runs SET lifecycle_stage = 'deleted'")
    world.execute("UPDATE model_versions SET current_stage = 'Deleted_Internal'")
    items = list(MLflow(world.path).observe())
    assert {i.subject for i in items if isinstance(i, Observation) and i.gone} == {RUN, VERSION}
    assert not any(edge.relation in {"trains", "has_version", "current_of"} for edge in edges(items))
    assert all(item.subject not in {FEATURES, PIPELINE} for item in items if isinstance(item, Observation))


def test_runs_of_a_deleted_experiment_are_gone_with_it(world: SqlWorld) -> None:
    world.execute("UPDATE experiments SET lifecycle_stage = 'deleted'")
    items = list(MLflow(world.path).observe())
    assert {i.subject for i in items if isinstance(i, Observation) and i.gone} == {EXPERIMENT, RUN}


def test_a_deleted_experiment_whose_name_is_taken_again_says_nothing(tmp_path: Path) -> None:
    root = file_world(tmp_path / "mlruns")
    write_meta(root / ".trash" / "7", name="Ranking", lifecycle_stage="deleted", creation_time=9000)
    assert not observed(MLflow(root).observe(), EXPERIMENT).gone


def test_the_newest_run_says_what_a_dataset_is_today(world: SqlWorld) -> None:
    world.add("runs", run_uuid="r2", start_time=9000, end_time=None, status="RUNNING")
    world.add(
        "datasets", dataset_uuid="f2", name="feats", digest="d9", dataset_source_type="s3",
        dataset_source='{"uri": "s3://shop/features.parquet"}', dataset_schema=colspec("label"),
    )  # fmt: skip
    world.input("r2", "f2", None)
    items = list(MLflow(world.path).observe())
    features = observed(items, FEATURES, "mlflow")
    assert features.version == 9_000_000
    assert features.attributes["digests"] == ["d1", "d9"]
    assert (features.attributes["columns"], features.attributes["logged_as"]) == (["label"], ["feats", "features"])
    assert [edge.target.rpartition("::")[2] for edge in features.edges] == ["label"]
    run = "lode://pipeline_run/mlflow/r2"
    assert observed(items, run).version is None  # it goes on
    assert Edge(FEATURES, "trains", run, 0.7, "logged as input, digest d9") in edges(items)


def test_a_column_in_two_training_sets_is_half_as_sure(world: SqlWorld) -> None:
    world.add(
        "datasets", dataset_uuid="g", name="more", dataset_source_type="code", dataset_source="{}",
        dataset_schema=colspec("amount_7d"),
    )  # fmt: skip
    world.input("r1", "g")
    found = {
        edge.source: edge.confidence for edge in edges(MLflow(world.path).observe()) if edge.relation == "input_of"
    }
    assert found == {
        "lode://column/s3/shop/features.parquet::amount_7d": 0.5,
        "lode://column/mlflow/Ranking/more::amount_7d": 0.5,
    }


def test_a_signature_of_mlflow_2_comes_from_the_tag_on_the_run(world: SqlWorld) -> None:
    inputs = json.dumps([{"name": "amount_7d", "type": "double"}])
    history = [
        {"artifact_path": "other", "signature": {"inputs": "[]"}},
        {"artifact_path": "model", "signature": {"inputs": inputs, "outputs": None}, "flavors": {"xgboost": {}}},
    ]
    world.add("tags", run_uuid="r1", key="mlflow.log-model.history", value=json.dumps(history))
    world.execute("UPDATE model_versions SET source = 's3://bucket/1/r1/artifacts/model'")
    items = list(MLflow(world.path).observe())
    assert observed(items, VERSION).attributes["inputs"] == ["amount_7d"]
    assert any(edge.relation == "input_of" and edge.target == VERSION for edge in edges(items))


def test_a_signature_is_found_beside_a_store_that_was_moved(world: SqlWorld, tmp_path: Path) -> None:
    world.execute("UPDATE logged_models SET artifact_location = 'file:///srv/elsewhere/mlruns/1/models/m-1/artifacts'")
    assert observed(MLflow(world.path).observe(), LOGGED).attributes["inputs"] == ["amount_7d", "hour"]


def test_a_version_copied_from_another_is_registered_as_it(world: SqlWorld) -> None:
    world.add("registered_models", name="prod-ranking")
    world.add("model_versions", name="prod-ranking", version=3, source="models:/ranking/1")
    copy = "lode://model_version/mlflow/prod-ranking/3"
    assert Edge(VERSION, "registered_as", copy, 1.0, "source models:/ranking/1") in edges(MLflow(world.path).observe())


@pytest.mark.parametrize(
    ("tags", "pipeline"),
    [
        ({"mlflow.source.name": "jobs/train.py"}, "jobs/train.py"),
        ({"mlflow.source.name": "C:\\Users\\ada\\train.py"}, "train.py"),
        ({"mlflow.source.name": "/Shared/Größe", "mlflow.source.type": "NOTEBOOK"}, "/Shared/Größe"),
        (
            {
                "mlflow.source.name": "git@git.example:shop/rank.git",
                "mlflow.source.type": "PROJECT",
                "mlflow.project.entryPoint": "train",
            },
            "git@git.example:shop/rank.git:train",
        ),
        ({"mlflow.source.name": "/usr/lib/python3/ipykernel_launcher.py"}, None),
        ({}, None),
    ],
)
def test_the_pipeline_is_what_the_run_says_it_ran(tmp_path: Path, tags: dict[str, str], pipeline: str | None) -> None:
    world = SqlWorld(tmp_path / "mlflow.db")
    world.add("experiments")
    world.add("runs", run_uuid="r1")
    world.tag("tags", tags, run_uuid="r1")
    found = [edge.source for edge in edges(MLflow(world.path).observe()) if edge.relation == "has_run"]
    assert found == ([] if pipeline is None else [f"lode://pipeline/mlflow/Ranking/{pipeline}"])


def test_other_workspaces_stand_before_their_names(world: SqlWorld) -> None:
    world.add("experiments", experiment_id=2, name="Ranking", workspace="b2b")
    world.add("registered_models", name="ranking", workspace="b2b")
    world.add("model_versions", name="ranking", version=1, workspace="b2b", source="")
    provider = MLflow(world.path)
    found = {edge.target for edge in edges(provider.observe()) if edge.relation == "has_version"}
    assert found == {VERSION, "lode://model_version/mlflow/b2b/ranking/1"}
    assert [i.subject for i in provider.hydrate("lode://model/mlflow/b2b/ranking") if isinstance(i, Observation)] == [
        "lode://model/mlflow/b2b/ranking"
    ] * 3


def test_a_model_whose_artifacts_are_elsewhere_has_no_signature(world: SqlWorld, tmp_path: Path) -> None:
    world.execute("UPDATE logged_models SET artifact_location = 's3://bucket/1/models/m-1/artifacts'")
    items = list(MLflow(world.path).observe())
    assert "inputs" not in observed(items, LOGGED).attributes
    mlmodel(tmp_path / "mlartifacts/1/models/m-1/artifacts", "amount_7d")
    world.execute("UPDATE logged_models SET artifact_location = 'mlflow-artifacts:/1/models/m-1/artifacts'")
    assert observed(MLflow(world.path).observe(), LOGGED).attributes["inputs"] == ["amount_7d"]
