"""Where a logged dataset lies, and which columns it has: MLflow's JSON texts read into addresses and names.

The source types are those of `mlflow.data.dataset_source_registry`; https://mlflow.org/docs/latest/dataset
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from motherlode.lifecycle.naming import dataset_uri
from motherlode.lifecycle.providers.mlflow.records import LoggedDataset
from motherlode.lifecycle.providers.places import has_scheme, place_uri, shown_path

__all__ = ["address_of", "columns_of", "named_types", "paths_of"]


@lru_cache(maxsize=4096)  # runs log the same datasets again and again
def address_of(dataset: LoggedDataset, experiment: str) -> str:
    """The dataset's address: where its source says it lies, else a path or name within its experiment."""
    source = _json_object(dataset.source)
    located = _located(dataset.source_type.lower(), source, experiment)
    if located is not None:
        return located
    return dataset_uri("mlflow", f"{experiment}/{dataset.name or dataset.digest or 'dataset'}")


def paths_of(dataset: LoggedDataset) -> list[str]:
    """The paths that the source names, to be compared by their ends."""
    source = _json_object(dataset.source)
    found = [source.get(key) for key in ("uri", "url", "path", "delta_table_name", "table_name")]
    return [shown_path(path) for path in found if isinstance(path, str) and path.strip()]


def _located(kind: str, source: dict[str, Any], experiment: str) -> str | None:
    table = next((source[key] for key in ("delta_table_name", "table_name") if _is_text(source.get(key))), None)
    place = next((source[key] for key in ("uri", "url", "path") if _is_text(source.get(key))), None)
    if kind in {"hugging_face", "huggingface"}:
        return dataset_uri("huggingface", str(place)) if place else None
    if table is not None:
        platform = "databricks" if "databricks" in kind or source.get("is_databricks_uc_table") else None
        return dataset_uri(platform or ("delta" if "delta" in kind else "spark"), str(table))
    return place_uri(str(place), "mlflow", experiment) if place is not None else None


def columns_of(dataset: LoggedDataset) -> dict[str, str]:
    """Names of columns to their types. Raises ValueError for what is no schema of MLflow's."""
    if not dataset.schema:
        return {}
    schema = json.loads(dataset.schema)
    if not isinstance(schema, dict):
        raise ValueError(f"a {type(schema).__name__}")
    found: dict[str, str] = {}
    for part in ("mlflow_colspec", "mlflow_tensorspec"):
        spec = schema.get(part)
        for each in spec.values() if isinstance(spec, dict) else [spec]:  # {"features": …, "targets": …}
            found.update(named_types(each))
    return found


def named_types(spec: Any) -> dict[str, str]:
    """Names to types of MLflow's list of columns, given as such or as its JSON; unnamed ones are left out."""
    if isinstance(spec, str):
        spec = json.loads(spec)
    if not isinstance(spec, list):
        return {}
    return {
        column["name"]: _type_text(column)
        for column in spec
        if isinstance(column, dict) and _is_text(column.get("name"))
    }


def _type_text(column: dict[str, Any]) -> str:
    kind = column.get("type")
    tensor = column.get("tensor-spec")
    if isinstance(tensor, dict):
        return f"tensor({tensor.get('dtype')}, {tensor.get('shape')})"
    return kind if isinstance(kind, str) else json.dumps(kind)


def _json_object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {"uri": text} if has_scheme(text) else {}
    return found if isinstance(found, dict) else {}


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())
