"""Where MLflow says that a dataset lies, read into an address."""

from __future__ import annotations

import json
from typing import Any

import pytest

from motherlode.lifecycle.providers.mlflow.records import LoggedDataset
from motherlode.lifecycle.providers.mlflow.sources import address_of, columns_of, paths_of


def logged(kind: str, source: Any, schema: str = "") -> LoggedDataset:
    return LoggedDataset("Größen", "d1", kind, source if isinstance(source, str) else json.dumps(source), schema)


@pytest.mark.parametrize(
    ("kind", "source", "address"),
    [
        ("local", {"uri": "./data/val.csv"}, "mlflow/Ranking/data/val.csv"),
        ("local", {"uri": "/srv/data/val.csv/"}, "file//srv/data/val.csv"),
        ("local", {"uri": "file:///srv/data/val.csv"}, "file//srv/data/val.csv"),
        ("local", {"uri": "C:\\data\\val.csv"}, "file/C:/data/val.csv"),
        ("s3", {"uri": "s3://shop/a%20b/features.parquet"}, "s3/shop/a%20b/features.parquet"),
        ("s3", {"uri": "s3a://Shop/X"}, "s3/Shop/X"),
        ("gs", {"uri": "gs://shop/x"}, "gs/shop/x"),
        ("http", {"url": "https://ada:pw@example.org:8080/a.csv?X-Sig=abc#f"}, "https/example.org:8080/a.csv"),
        ("http", {"url": "https://example.org"}, "https/example.org"),
        ("hugging_face", {"path": "org/Name", "config_name": "en", "split": "train"}, "huggingface/org/Name"),
        ("delta_table", {"path": "s3://shop/delta/orders", "delta_table_version": 3}, "s3/shop/delta/orders"),
        (
            "delta_table",
            {"delta_table_name": "main.shop.orders", "is_databricks_uc_table": True},
            "databricks/main.shop.orders",
        ),
        ("delta_table", {"delta_table_name": "shop.orders"}, "delta/shop.orders"),
        ("spark", {"table_name": "shop.orders"}, "spark/shop.orders"),
        ("dbfs", {"uri": "dbfs:/mnt/x"}, "dbfs/mnt/x"),
        ("code", {"tags": {"mlflow.user": "ada"}}, "mlflow/Ranking/Größen"),
        ("spark", {"sql": "select 1"}, "mlflow/Ranking/Größen"),
        ("local", {"uri": " "}, "mlflow/Ranking/Größen"),
        ("local", "[1]", "mlflow/Ranking/Größen"),
        ("local", "{half", "mlflow/Ranking/Größen"),
        ("s3", "s3://shop/x", "s3/shop/x"),
    ],
)
def test_a_source_becomes_an_address(kind: str, source: Any, address: str) -> None:
    assert address_of(logged(kind, source), "Ranking") == f"lode://dataset/{address}"


def test_paths_are_compared_by_their_ends_and_hold_nothing_secret() -> None:
    assert paths_of(logged("local", {"uri": "./data/val.csv"})) == ["data/val.csv"]
    assert paths_of(logged("local", {"uri": "../../data/val.csv"})) == ["data/val.csv"]
    assert paths_of(logged("local", {"uri": "file:///srv/data/val.csv"})) == ["/srv/data/val.csv"]
    assert paths_of(logged("http", {"url": "https://ada:pw@example.org/a.csv?sig=1"})) == ["https://example.org/a.csv"]
    assert paths_of(logged("code", {"tags": {}})) == []


def test_columns_are_those_with_names() -> None:
    spec = [{"type": "long", "name": "id"}, {"type": "double"}, {"type": {"type": "array"}, "name": "Größe"}]
    assert columns_of(logged("local", {}, json.dumps({"mlflow_colspec": spec}))) == {
        "id": "long",
        "Größe": '{"type": "array"}',
    }
    tensor = json.dumps([{"name": "x", "type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 3]}}])
    both = {"mlflow_tensorspec": {"features": tensor, "targets": None}}
    assert columns_of(logged("local", {}, json.dumps(both))) == {"x": "tensor(float64, [-1, 3])"}
    assert columns_of(logged("local", {})) == {}
    with pytest.raises(ValueError, match="a list"):
        columns_of(logged("local", {}, "[]"))
