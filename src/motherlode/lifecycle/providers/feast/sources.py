"""Feast's data sources as datasets: where each lies, and what it calls its columns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from motherlode.lifecycle.naming import dataset_uri
from motherlode.lifecycle.providers.feast.messages import SOURCE_TYPES
from motherlode.lifecycle.providers.places import place_uri, shown_path

__all__ = ["address_of", "column_of", "kind_of", "paths_of", "source_name", "storage_address"]

_CLASSES = ("postgres", "mssql", "clickhouse", "oracle", "couchbase", "mongodb", "iceberg")
"""Words in the class names of sources that Feast stores as custom ones, and the platforms that they mean."""


def source_name(source: Mapping[str, Any], view: str = "") -> str:
    """The source's own name; sources of old registries have none, and get their view's."""
    return str(source.get("name") or view)


def kind_of(source: Mapping[str, Any]) -> str:
    """file, bigquery, push, …; for a custom one the last part of its class."""
    kind = SOURCE_TYPES.get(source.get("type", 0), "")
    if kind in {"", "custom"}:
        return str(source.get("class_type", "")).rpartition(".")[2] or kind
    return kind


def address_of(source: Mapping[str, Any], project: str, view: str = "") -> str:
    """Where the source's data lie; else (a query, pushed or request data) its name within the project."""
    located = _located(source, project)
    return located or dataset_uri("feast", f"{project}/{source_name(source, view) or 'source'}")


def storage_address(storage: Mapping[str, Any], project: str, name: str) -> str:
    """Where a saved dataset lies, else its name within the project."""
    return _located(storage, project) or dataset_uri("feast", f"{project}/{name}")


def paths_of(source: Mapping[str, Any]) -> list[str]:
    """Paths and tables that the source names, to be compared by their ends."""
    found = [source.get("file", {}).get("uri"), source.get("spark", {}).get("path")]
    found += [
        source.get(kind, {}).get("table") for kind in ("bigquery", "redshift", "snowflake", "trino", "athena", "spark")
    ]
    found.append(_custom(source).get("table"))
    return [shown_path(place) for place in found if isinstance(place, str) and place.strip()]


def column_of(source: Mapping[str, Any], name: str) -> str:
    """The source's column behind a name of the view: `field_mapping` goes from the source's names to the view's."""
    mapping = source.get("field_mapping", {})
    return next((column for column, renamed in sorted(mapping.items()) if renamed == name and column.strip()), name)


def _located(source: Mapping[str, Any], project: str) -> str | None:
    for options in ("file", "spark"):
        place = source.get(options, {}).get("uri" if options == "file" else "path", "").strip()
        if place:
            return place_uri(place, "feast", project)
    for options, platform, parts in (
        ("bigquery", "bigquery", ("table",)),
        ("snowflake", "snowflake", ("database", "schema", "table")),
        ("redshift", "redshift", ("database", "schema", "table")),
        ("trino", "trino", ("table",)),
        ("athena", "awsathena", ("catalog", "database", "table")),
        ("spark", "spark", ("table",)),
    ):
        table = source.get(options, {})
        if table.get("table", "").strip():
            # A table's name may have its database and schema in it already.
            names = [table["table"]] if "." in table["table"] else [table.get(part, "") for part in parts]
            return dataset_uri(platform, ".".join(name for name in names if name))
    kafka, kinesis = source.get("kafka", {}), source.get("kinesis", {})
    if kafka.get("topic", "").strip():
        server = kafka.get("servers", "").split(",")[0].strip()
        return dataset_uri(f"kafka://{server}", kafka["topic"]) if server else dataset_uri("kafka", kafka["topic"])
    if kinesis.get("stream", "").strip():
        return dataset_uri("kinesis", "/".join(filter(None, (kinesis.get("region", ""), kinesis["stream"]))))
    table_name = _custom(source).get("table")
    database = next((word for word in _CLASSES if word in source.get("class_type", "").lower()), None)
    if database and isinstance(table_name, str) and table_name.strip():
        return dataset_uri(database, table_name)
    return None


def _custom(source: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of a custom source, which most write as JSON."""
    try:
        found = json.loads(source.get("custom", {}).get("configuration", b"{}"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
