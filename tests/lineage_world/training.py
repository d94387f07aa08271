"""The DVC repository of the world: the exported files, the training set, and the runs that MLflow keeps."""

from __future__ import annotations

FILES = {
    "dvc.yaml": """
stages:
  training_set:
    desc: Features of each customer as they were, with what to predict
    cmd: $FEAST_PYTHON training_set.py ../feature_repo data
    deps: [training_set.py, raw/orders.csv, ../warehouse/exports/order_features.parquet]
    outs: [data/training_set.parquet, data/retrieved.json]
  train:
    desc: Trains and registers both models
    cmd: $MLFLOW_PYTHON train.py
    deps: [train.py, data/training_set.parquet, data/retrieved.json]
    params: [ranking.weight, churn.weight]
    outs: [models/ranking.json]
    metrics: [metrics.json: {cache: false}]
artifacts:
  shop-ranking: {path: models/ranking.json, type: model, desc: Orders the shop window}
""",
    "params.yaml": "ranking: {weight: 0.3}\nchurn: {weight: 0.1}\n",
    ".dvcignore": "mlruns\n",
    "training_set.py": '''
"""Feast's historical features of each customer, joined with what to predict."""
import json
import sys
from pathlib import Path

import pandas as pd
from feast import FeatureStore

store = FeatureStore(repo_path=sys.argv[1])
orders = pd.read_csv("raw/orders.csv")
customers = pd.DataFrame({"customer_id": sorted(orders["customer_id"].unique())})
customers["event_timestamp"] = pd.Timestamp("2026-04-02", tz="UTC")
service = store.get_feature_service("ranking_inputs")
rows = store.get_historical_features(entity_df=customers, features=service).to_df()
rows["clicked"] = (rows["customer_id"] % 2).astype(int)
references = [f"{view.name}:{field.name}" for view in service.feature_view_projections for field in view.features]
out = Path(sys.argv[2])
out.mkdir(exist_ok=True)
rows.drop(columns="event_timestamp").to_parquet(out / "training_set.parquet")
(out / "retrieved.json").write_text(json.dumps({"project": store.project, "refs": references}))
''',
    "train.py": '''
"""Trains, and keeps what it did in MLflow. The feast.* tags are those that Feast's integration with MLflow sets."""
import json
from pathlib import Path

import mlflow
import pandas as pd
import yaml
from mlflow.models import infer_signature

rows = pd.read_parquet("data/training_set.parquet")
rows["country"] = rows["country"].astype(object)  # the type that signatures know
retrieved = json.loads(Path("data/retrieved.json").read_text())
params = yaml.safe_load(Path("params.yaml").read_text())
client = mlflow.MlflowClient()


class Weighted(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input.select_dtypes("number").sum(axis=1)


def train(model, service, columns, references, weight):
    """One run, one version of the registered model."""
    mlflow.set_experiment(model)
    with mlflow.start_run(run_name=f"nightly {model}"):
        part = rows[["customer_id", *columns, "clicked"]]
        source = "data/training_set.parquet"
        data = mlflow.data.from_pandas(part, source=source, name=f"{model}_rows", targets="clicked")
        mlflow.log_input(data, context="training")
        mlflow.log_param("weight", weight)
        mlflow.log_metric("auc", 0.7 + weight)
        mlflow.set_tags({
            "feast.project": retrieved["project"], "feast.retrieval_type": "historical",
            "feast.feature_refs": ",".join(references), "team": "search" if model == "ranking" else "crm",
        })
        if service:
            mlflow.set_tag("feast.feature_service", service)
        signature = infer_signature(rows[columns], pd.Series([0.5]))
        logged = mlflow.pyfunc.log_model(
            name="model", python_model=Weighted(), signature=signature, registered_model_name=model,
        )
        if service:
            client.set_model_version_tag(model, str(logged.registered_model_version), "feast.feature_service", service)


names = {reference.partition(":")[2]: reference for reference in retrieved["refs"]}
every = ["amount_7d", "n_orders_7d", "country"]
plain = ["n_orders_7d", "country"]
train("ranking", None, plain, [names[column] for column in plain], params["ranking"]["weight"])
train("ranking", "ranking_inputs", every, retrieved["refs"], params["ranking"]["weight"])
train("churn", "churn_inputs", ["country"], [names["country"]], params["churn"]["weight"])
client.set_registered_model_alias("ranking", "champion", "2")
client.set_registered_model_alias("ranking", "fallback", "1")
client.set_registered_model_alias("churn", "champion", "1")
client.update_registered_model("ranking", description="Orders the shop window")
Path("models").mkdir(exist_ok=True)
Path("models/ranking.json").write_text(json.dumps({"columns": every, "weight": params["ranking"]["weight"]}))
Path("metrics.json").write_text(json.dumps({"auc": 0.7 + params["ranking"]["weight"]}))
''',
}
"""Files of the folder training/, beside raw/."""
