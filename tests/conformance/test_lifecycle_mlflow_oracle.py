"""MLflow itself, writing both of its stores with its client: what the client reports is what we read."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from motherlode.lifecycle.naming import column_uri
from motherlode.lifecycle.providers.mlflow import MLflow
from motherlode.lifecycle.record import Edge, Item, Observation, Rejected
from motherlode.lifecycle.uris import make_uri
from tests.integrations.environment import Environment

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]
CLIENT = Path(__file__).with_name("mlflow_client.py")
ENVIRONMENT = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_ALLOW_FILE_STORE": "true",
               "GIT_PYTHON_REFRESH": "quiet"}  # fmt: skip
FEATURES = "lode://dataset/s3/shop/features.parquet"


def client(python: Path, folder: Path, uri: str, *arguments: str) -> None:
    done = subprocess.run(
        [python, str(CLIENT), uri, *arguments], cwd=folder, capture_output=True, text=True, timeout=600, check=False,
        env=os.environ | ENVIRONMENT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]


class Written:
    """A store, what its client reports, and what we read."""

    def __init__(self, provider: MLflow, report: dict[str, Any]) -> None:
        self.provider, self.report = provider, report
        self.items: list[Item] = list(provider.observe())
        self.edges = {edge for item in self.items if isinstance(item, Observation) for edge in item.edges}

    def related(self, relation: str) -> set[tuple[str, str]]:
        return {(edge.source, edge.target) for edge in self.edges if edge.relation == relation}

    def observed(self, type_: str, aspect: str = "definition", *, gone: bool = False) -> dict[str, Observation]:
        return {
            item.subject: item
            for item in self.items
            if isinstance(item, Observation) and item.aspect == aspect and item.gone == gone
            and item.subject.startswith(f"lode://{type_}/")
        }  # fmt: skip


@pytest.fixture(scope="module", params=["sqlite", "files"])
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Written:
    python = Environment("mlflow").make()
    folder = tmp_path_factory.mktemp("mlflow")
    uri = "sqlite:///mlflow.db" if request.param == "sqlite" else "file:mlruns"
    client(python, folder, uri, "write")
    client(python, folder, uri, "report", "report.json")
    where = f"sqlite:///{folder}/mlflow.db" if request.param == "sqlite" else folder / "mlruns"
    return Written(MLflow(where), json.loads((folder / "report.json").read_text("utf-8")))


def run_uri(run: dict[str, Any]) -> str:
    return f"lode://pipeline_run/mlflow/{run['id']}"


def test_nothing_is_rejected(written: Written) -> None:
    assert [item for item in written.items if isinstance(item, Rejected)] == []


def test_experiments_are_the_clients(written: Written) -> None:
    expected = {name: (at * 1000, stage) for name, stage, _, at in written.report["experiments"]}
    found = {item.attributes["name"]: (item.version, "active") for item in written.observed("experiment").values()}
    assert found == {name: state for name, state in expected.items() if state[1] == "active"}
    assert set(written.observed("experiment", gone=True)) == {"lode://experiment/mlflow/Deleted"}
    tags = {tuple(tags.items()) for name, _, tags, _ in written.report["experiments"] if name == "Ranking größe"}
    labelled = written.observed("experiment", "labels")["lode://experiment/mlflow/Ranking%20größe"]
    assert {("team", labelled.attributes["tags"]["team"])} <= {pair for each in tags for pair in each}


def test_runs_are_the_clients(written: Written) -> None:
    live = [run for run in written.report["runs"] if run["stage"] == "active"]
    found = written.observed("pipeline_run")
    assert set(found) == {run_uri(run) for run in live}
    assert len(live) == 4
    for run in live:
        item = found[run_uri(run)]
        assert item.version == run["end"] * 1000
        assert item.attributes["name"] == run["name"]
        assert item.attributes["status"] == run["status"]
        assert item.attributes.get("params", {}) == run["params"]
        metrics = {name: str(value).lower() for name, value in item.attributes["metrics"].items()}
        assert metrics == {name: value.lower() for name, value in run["metrics"].items()}
        labels = written.observed("pipeline_run", "labels")[run_uri(run)]
        assert labels.attributes.get("tags", {}) == run["tags"]
        assert (run_uri(run), make_uri("experiment", "mlflow", run["experiment"])) in written.related("grouped_in")
        assert (run_uri(run), f"lode://user/directory/{run['user']}") in written.related("owned_by")
        pipeline = make_uri("pipeline", "mlflow", f"{run['experiment']}/{Path(run['source']).name}")
        assert (pipeline, run_uri(run)) in written.related("has_run")
    gone = {run_uri(run) for run in written.report["runs"] if run["stage"] == "deleted"}
    assert set(written.observed("pipeline_run", gone=True)) == gone
    assert len(gone) == 1


def test_datasets_that_runs_logged_are_the_clients(written: Written) -> None:
    expected: dict[str, set[tuple[str, str]]] = {"trains": set(), "evaluates": set()}
    columns: set[tuple[str, str]] = set()
    for run in written.report["runs"]:
        for _, _, source, tags, names in run["inputs"]:
            uri = source["uri"]
            address = FEATURES if uri.startswith("s3:") else make_uri("dataset", "mlflow", f"{run['experiment']}/{uri}")
            relation = "trains" if tags["mlflow.data.context"] == "training" else "evaluates"
            expected[relation].add((address, run_uri(run)))
            columns |= {(address, column_uri(address, name)) for name in names}
    assert len(expected["trains"]) == len(expected["evaluates"]) == 3
    assert {relation: written.related(relation) for relation in expected} == expected
    assert written.related("has_column") == columns


def test_logged_models_are_the_clients(written: Written) -> None:
    found = {address: item for address, item in written.observed("model_version").items() if "/mlflow/m-" in address}
    assert len(found) == 3
    assert set(found) == {f"lode://model_version/mlflow/{model['id']}" for model in written.report["logged"]}
    for model in written.report["logged"]:
        item = found[f"lode://model_version/mlflow/{model['id']}"]
        assert item.version == model["at"] * 1000
        assert (item.attributes["name"], item.attributes["inputs"]) == (model["name"], model["inputs"])
        assert item.attributes.get("params", {}) == model["params"]
        assert (f"lode://pipeline_run/mlflow/{model['run']}", item.subject) in written.related("produced")
    outputs = {
        (run_uri(run), f"lode://model_version/mlflow/{id_}") for run in written.report["runs"] for id_ in run["outputs"]
    }
    assert outputs == {pair for pair in written.related("produced") if "/mlflow/m-" in pair[1]}


def test_registered_models_versions_and_aliases_are_the_clients(written: Written) -> None:
    models = {name: (description, at) for name, description, _, _, at in written.report["models"]}
    found = written.observed("model")
    assert {i.attributes["name"]: (i.attributes.get("description", ""), i.version) for i in found.values()} == {
        name: (description or "", at * 1000) for name, (description, at) in models.items()
    }
    assert set(models) == {"ranking", "ranking-prod"}
    versions = {f"lode://model_version/mlflow/{v['name']}/{v['version']}": v for v in written.report["versions"]}
    ours = {address: item for address, item in written.observed("model_version").items() if "/m-" not in address}
    assert set(ours) == set(versions)
    assert len(versions) == 4
    for address, version in versions.items():
        assert ours[address].version == version["at"] * 1000
        assert ours[address].attributes.get("description", "") == (version["description"] or "")
        assert ours[address].attributes["inputs"] == ["user_id", "amount_7d"]
        assert (f"lode://model/mlflow/{version['name']}", address) in written.related("has_version")
        tags = written.observed("model_version", "labels")[address].attributes.get("tags", {})
        assert tags == version["tags"]
        origin = version["source"].removeprefix("models:/")
        assert (f"lode://model_version/mlflow/{origin}", address) in written.related("registered_as")
    aliases = {
        (f"lode://model_version/mlflow/{name}/{number}", f"lode://deployment/mlflow/{name}@{alias}")
        for name, _, _, named, _ in written.report["models"]
        for alias, number in named.items()
    }
    stages = {
        (a, f"lode://deployment/mlflow/{v['name']}/Production")
        for a, v in versions.items()
        if v["stage"] == "Production"
    }
    assert len(aliases) == 2
    assert written.related("deployed_as") == aliases | stages
    current = {pair for pair in written.related("current_of") if pair[1].endswith("/ranking")}
    assert current == {("lode://model_version/mlflow/ranking/2", "lode://model/mlflow/ranking")}


def test_the_signatures_columns_are_inputs_of_the_models_trained_on_them(written: Written) -> None:
    needs = {edge for edge in written.edges if edge.relation == "input_of"}
    trained = [*written.report["logged"], *({"id": f"ranking/{n}"} for n in (1, 2, 3)), {"id": "ranking-prod/1"}]
    assert needs == {
        Edge(
            column_uri(FEATURES, name), "input_of", f"lode://model_version/mlflow/{each['id']}", 0.8,
            f"the signature needs {name}, a column of the training data features",
        )
        for each in trained
        for name in ("user_id", "amount_7d")
    }  # fmt: skip


def test_hydrating_is_reading_one_of_them(written: Written) -> None:
    observations = [item for item in written.items if isinstance(item, Observation)]
    for subject in sorted({item.subject for item in observations}):
        assert list(written.provider.hydrate(subject)) == [item for item in observations if item.subject == subject]
