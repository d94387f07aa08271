"""Run where MLflow is: writes a store with its client, then says what the client reports of it, as JSON.

python mlflow_client.py URI write | python mlflow_client.py URI report FILE
"""

from __future__ import annotations

import json
import sys
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

warnings.simplefilter("ignore")


def write() -> None:
    mlflow, pandas = import_module("mlflow"), import_module("pandas")

    class Doubles(mlflow.pyfunc.PythonModel):  # type: ignore[misc,name-defined]
        def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
            return model_input["amount_7d"] * 2

    client = mlflow.MlflowClient()
    rows = pandas.DataFrame({"user_id": [1, 2], "amount_7d": [1.5, 2.5], "label": [0, 1]})
    signature = mlflow.models.infer_signature(rows[["user_id", "amount_7d"]], rows["amount_7d"])
    mlflow.set_experiment("Ranking größe")
    mlflow.set_experiment_tag("team", "search")
    for number in range(3):
        with mlflow.start_run(run_name=f"train-{number}", description="nightly"):
            train = mlflow.data.from_pandas(rows, source="s3://shop/features.parquet", name="features", targets="label")
            mlflow.log_input(train, context="training")
            extra = mlflow.data.from_pandas(rows[["user_id"]], source=f"data/val-{number}.csv", name="val")
            mlflow.log_input(extra, context="evaluation")
            mlflow.log_params({"lr": 0.1 * number, "model/depth": 3})
            for step in range(3):
                mlflow.log_metric("auc", 0.7 + step / 100, step=step)
            mlflow.log_metric("bad", float("nan"))
            mlflow.set_tags({"tier": "gold", "owner": "ada@example.org"})
            mlflow.pyfunc.log_model(
                name="model", python_model=Doubles(), signature=signature, registered_model_name="ranking"
            )
    with mlflow.start_run(run_name="without data"):
        mlflow.log_metric("auc", 0.5)
    client.set_registered_model_alias("ranking", "champion", "2")
    client.set_registered_model_alias("ranking", "Challenger", "3")
    client.update_registered_model("ranking", description="ranks items")
    client.update_model_version("ranking", "1", description="the first")
    client.set_model_version_tag("ranking", "1", "reviewed", "yes")
    client.set_registered_model_tag("ranking", "tier", "gold")
    client.transition_model_version_stage("ranking", "1", "Production")
    client.copy_model_version("models:/ranking/2", "ranking-prod")
    mlflow.set_experiment("Old")
    with mlflow.start_run(run_name="gone"):
        pass
    client.delete_run(mlflow.last_active_run().info.run_id)
    client.delete_experiment(client.create_experiment("Deleted"))


def report() -> dict[str, Any]:
    mlflow = import_module("mlflow")
    client, everything = mlflow.MlflowClient(), mlflow.entities.ViewType.ALL
    experiments = client.search_experiments(view_type=everything)
    ids = [each.experiment_id for each in experiments]
    runs = client.search_runs(ids, run_view_type=everything)
    logged = client.search_logged_models(ids)
    models = [client.get_registered_model(each.name) for each in client.search_registered_models()]
    versions = [
        client.get_model_version(model.name, each.version)
        for model in models
        for each in client.search_model_versions(f"name='{model.name}'")
    ]
    return {
        "experiments": [[e.name, e.lifecycle_stage, dict(e.tags), e.last_update_time] for e in experiments],
        "runs": [_of_run(run, {e.experiment_id: e.name for e in experiments}) for run in runs],
        "logged": [
            {
                "id": model.model_id, "name": model.name, "run": model.source_run_id,
                "at": model.last_updated_timestamp,
                "inputs": mlflow.models.get_model_info(f"models:/{model.model_id}").signature.inputs.input_names(),
                "params": dict(model.params),
            }
            for model in logged
        ],
        "models": [[m.name, m.description, dict(m.tags), dict(m.aliases), m.last_updated_timestamp] for m in models],
        "versions": [
            {
                "name": v.name, "version": v.version, "run": v.run_id, "stage": v.current_stage, "source": v.source,
                "description": v.description, "tags": dict(v.tags), "at": v.last_updated_timestamp,
            }
            for v in versions
        ],
    }  # fmt: skip


def _of_run(run: Any, experiments: dict[str, str]) -> dict[str, Any]:
    inputs = run.inputs.dataset_inputs if run.inputs else []
    outputs = run.outputs.model_outputs if run.outputs else []
    return {
        "id": run.info.run_id, "name": run.info.run_name, "stage": run.info.lifecycle_stage, "status": run.info.status,
        "experiment": experiments[run.info.experiment_id], "user": run.info.user_id or run.data.tags.get("mlflow.user"),
        "end": run.info.end_time, "params": dict(run.data.params),
        "metrics": {name: str(value) for name, value in run.data.metrics.items()},
        "tags": {name: value for name, value in run.data.tags.items() if not name.startswith("mlflow.")},
        "source": run.data.tags["mlflow.source.name"],
        "inputs": [
            [each.dataset.name, each.dataset.digest, json.loads(each.dataset.source),
             {tag.key: tag.value for tag in each.tags},
             [column["name"] for column in json.loads(each.dataset.schema)["mlflow_colspec"]]]
            for each in inputs
        ],
        "outputs": [each.model_id for each in outputs],
    }  # fmt: skip


if __name__ == "__main__":
    mlflow = import_module("mlflow")
    mlflow.set_tracking_uri(sys.argv[1])
    mlflow.set_registry_uri(sys.argv[1])
    if sys.argv[2] == "write":
        write()
    else:
        Path(sys.argv[3]).write_text(json.dumps(report()), "utf-8")
