"""What a provider must tell of the store that `tests/mlflow_stores.py` writes, and how tests look at items."""

from __future__ import annotations

from collections.abc import Iterable

from motherlode.lifecycle.record import Edge, Item, Observation, Rejected

RUN = "lode://pipeline_run/mlflow/r1"
LOGGED = "lode://model_version/mlflow/m-1"
VERSION = "lode://model_version/mlflow/ranking/1"
FEATURES = "lode://dataset/s3/shop/features.parquet"
VAL = "lode://dataset/mlflow/Ranking/data/val.csv"
EXPERIMENT = "lode://experiment/mlflow/Ranking"
PIPELINE = "lode://pipeline/mlflow/Ranking/train.py"
NEEDS = "the signature needs amount_7d, a column of the training data features"
EDGES = {
    Edge(RUN, "grouped_in", EXPERIMENT),
    Edge(RUN, "owned_by", "lode://user/directory/ada"),
    Edge(PIPELINE, "has_run", RUN, 1.0, "tag mlflow.source.name"),
    Edge(PIPELINE, "grouped_in", EXPERIMENT),
    Edge(FEATURES, "trains", RUN, 1.0, "logged as input for training, digest d1"),
    Edge(VAL, "evaluates", RUN, 1.0, "logged as input for evaluation, digest d2"),
    Edge(RUN, "produced", LOGGED, 1.0, "logged as output model"),
    Edge(RUN, "tagged", "lode://tag/label/team=search"),
    Edge(RUN, "owned_by", "lode://team/directory/search", 0.9, "tag team"),
    Edge(
        FEATURES,
        "has_column",
        f"{FEATURES.replace('dataset', 'column')}::amount_7d",
        1.0,
        "schema logged with digest d1",
    ),
    Edge(
        FEATURES, "has_column", f"{FEATURES.replace('dataset', 'column')}::label", 1.0, "schema logged with digest d1"
    ),
    Edge(VAL, "has_column", f"{VAL.replace('dataset', 'column')}::amount_7d", 1.0, "schema logged with digest d2"),
    Edge(LOGGED, "grouped_in", EXPERIMENT),
    Edge(RUN, "produced", LOGGED, 1.0, "the model's source run"),
    Edge(VAL, "evaluates", LOGGED, 1.0, "its metrics were measured on val, digest d2"),
    Edge(f"{FEATURES.replace('dataset', 'column')}::amount_7d", "input_of", LOGGED, 0.8, NEEDS),
    Edge("lode://model/mlflow/ranking", "has_version", VERSION),
    Edge(VERSION, "current_of", "lode://model/mlflow/ranking", 1.0, "alias champion"),
    Edge("lode://model/mlflow/ranking", "tagged", "lode://tag/label/tier=gold"),
    Edge(VERSION, "deployed_as", "lode://deployment/mlflow/ranking@champion", 1.0, "alias champion"),
    Edge(RUN, "produced", VERSION, 1.0, "the version's run"),
    Edge(LOGGED, "registered_as", VERSION, 1.0, "source models:/m-1"),
    Edge(VERSION, "owned_by", "lode://user/directory/bob"),
    Edge(f"{FEATURES.replace('dataset', 'column')}::amount_7d", "input_of", VERSION, 0.8, NEEDS),
}


def edges(items: Iterable[Item]) -> set[Edge]:
    return {edge for item in items if isinstance(item, Observation) for edge in item.edges}


def rejected(items: Iterable[Item]) -> list[Rejected]:
    return [item for item in items if isinstance(item, Rejected)]


def observed(items: Iterable[Item], subject: str, aspect: str = "definition") -> Observation:
    (found,) = (i for i in items if isinstance(i, Observation) and (i.subject, i.aspect) == (subject, aspect))
    return found
