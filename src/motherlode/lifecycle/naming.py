"""How the things of other systems are named here, so that two providers that mean one thing say one address.

Datasets follow OpenLineage's naming: a namespace (``postgres://db.example:5432``, ``s3://bucket``, ``file``) and a name
in it (``shop.public.orders``, ``raw/orders.parquet``). https://openlineage.io/docs/spec/naming
"""

from __future__ import annotations

import re

from motherlode.lifecycle.uris import Uri, make_uri, parse_uri

__all__ = [
    "COLUMN_MARK",
    "column_name",
    "column_uri",
    "dataset_of_column",
    "dataset_uri",
    "dataset_version_uri",
    "owner_uri",
    "pipeline_uri",
    "run_uri",
    "tag_uri",
]

COLUMN_MARK = "::"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(?://)?(.*)", re.DOTALL)
_EXTENSION = re.compile(r"(?:\.(?:avro|csv|delta|feather|json|jsonl|orc|parquet|tsv|txt|bz2|gz|snappy|zst))+$")
_PLATFORMS = {"postgresql": "postgres", "s3a": "s3", "s3n": "s3", "wasb": "wasbs", "abfs": "abfss"}


def _place(namespace: str, name: str, default: str) -> tuple[str, str]:
    match = _SCHEME.fullmatch(namespace)
    platform, rest = (match[1].lower(), match[2]) if match else (default, namespace)
    platform = _PLATFORMS.get(platform, platform)
    if match is None and re.fullmatch(r"[a-z][a-z0-9_+.-]*", namespace) and default == "":
        platform, rest = namespace, ""  # a namespace that is only a scheme, as "file" or "bigquery"
    rest = rest.rstrip("/")
    joined = name if not rest else f"{rest}/{name.lstrip('/')}"
    return platform or "unknown", joined


def dataset_uri(namespace: str, name: str) -> str:
    """The address of OpenLineage's dataset `name` in `namespace`."""
    platform, joined = _place(namespace, name, "")
    return make_uri("dataset", platform, joined)


def column_uri(dataset: str, column: str) -> str:
    """The address of a column of the dataset at the address `dataset`."""
    parts = parse_uri(dataset)
    return make_uri("column", parts.platform, f"{parts.id}{COLUMN_MARK}{column}")


def dataset_of_column(column: str) -> str | None:
    """The dataset's address of a column's; None for what is not a column of one."""
    parts = parse_uri(column)
    head, mark, _ = parts.id.rpartition(COLUMN_MARK)
    return make_uri("dataset", parts.platform, head) if mark and parts.type == "column" else None


def column_name(column: str) -> str:
    """`orders.amount` of a column's address: the last part of its dataset's name and its own."""
    parts: Uri = parse_uri(column)
    head, _, name = parts.id.rpartition(COLUMN_MARK)
    return f"{re.split(r'[/.]', _EXTENSION.sub('', head))[-1]}.{name}"


def dataset_version_uri(dataset: str, version: str) -> str:
    """The address of a version of the dataset at the address `dataset`, e.g. a snapshot or a table format's version."""
    parts = parse_uri(dataset)
    return make_uri("dataset_version", parts.platform, f"{parts.id}@{version}")


def pipeline_uri(namespace: str, name: str, platform: str = "openlineage") -> str:
    """The address of a job: OpenLineage's namespace and name, or a platform of its own."""
    return make_uri("pipeline", platform, f"{namespace}/{name}" if namespace else name)


def run_uri(run_id: str, platform: str = "openlineage") -> str:
    """The address of a run of a pipeline."""
    return make_uri("pipeline_run", platform, run_id)


def owner_uri(name: str) -> str:
    """The address of an owner: ``team:search`` and ``group:search`` are teams, everything else a user."""
    kind, mark, rest = name.strip().partition(":")
    if mark and kind.lower() in {"team", "group"}:
        return make_uri("team", "directory", rest.strip())
    return make_uri("user", "directory", rest.strip() if mark and kind.lower() == "user" else name.strip())


def tag_uri(name: str) -> str:
    """The address of a label, e.g. ``pii`` or ``tier=gold``."""
    return make_uri("tag", "label", name.strip())
