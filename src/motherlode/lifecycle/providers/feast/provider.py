"""Feast as a provider: its registry becomes observations, without Feast being installed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from motherlode.lifecycle.naming import column_uri
from motherlode.lifecycle.providers.feast.observations import (
    micros,
    of_entity,
    of_project,
    of_saved_dataset,
    of_service,
    of_view,
    plain,
    request_fields,
    source_column,
    view_sources,
)
from motherlode.lifecycle.providers.feast.registry import Record, read_registry
from motherlode.lifecycle.providers.feast.sources import address_of, column_of, kind_of, paths_of, source_name
from motherlode.lifecycle.providers.guarding import guarded
from motherlode.lifecycle.providers.tags import owner_edges, tag_edges
from motherlode.lifecycle.record import Edge, Item, Observation, Rejected

__all__ = ["Feast"]

_VIEWS = ("feature_views", "stream_feature_views", "on_demand_feature_views", "label_views")


class Feast:
    """Everything in a Feast registry: projects, entities, data sources, feature views, features, services, saved data.

    where: the registry's file (Feast's own protobuf file, or a SQLite file of its SQL registry), or a repository's
        folder, whose feature_store.yaml names registry and project. Registries in buckets and on servers are not read.
    project: only this one; by default all of the registry, of a folder its own.
    timeout_s: how long a locked SQLite file is waited for.

    Addresses: ``lode://feature/feast/<project>/<view>.<feature>`` (named ``<view>.<feature>``), ``lode://feature_view/
    feast/<project>/<view>``, and so on for feature_service and feature_entity. A data source is the dataset where its
    data lie; a query, pushed and request data are ``lode://dataset/feast/<project>/<source>``, and a relative path is
    ``lode://dataset/feast/<project>/<path>``.

    A feature's column is the one that the field mapping says, or an aggregation's; a feature of a view with another
    transformation has none, because Feast keeps only its code. Versions are Feast's last-updated times.

    `observe` raises InputError (nothing there), DataError (no registry, a newer version that cannot be read),
    ConflictError (locked), UnsupportedError (a registry elsewhere; a folder without PyYAML).
    """

    name = "feast"
    is_listing = True

    def __init__(self, where: str | Path, *, project: str | None = None, timeout_s: float = 5) -> None:
        self._where, self._project, self._timeout_s = Path(where), project, timeout_s
        self.scope = f"{where}#{project}" if project else str(where)

    def observe(self) -> Iterator[Item]:
        """Every object of the registry; the whole of it is in memory meanwhile."""
        records: list[Record] = []
        for item in read_registry(self._where, self._project, self._timeout_s):
            if isinstance(item, Rejected):
                yield item
            else:
                records.append(item)
        join_keys: dict[str, dict[str, str]] = {}
        for record in records:
            if record.kind == "entities":
                keys = join_keys.setdefault(record.project, {})
                keys[record.name] = record.spec.get("join_key") or record.name
        for record in records:
            yield from guarded(f"{record.kind} {record.name}", _of(record, join_keys.get(record.project, {})))
        yield from guarded("data sources", _datasets(records))

    def hydrate(self, subject: str) -> Iterable[Item]:
        """The present state of one component. A registry is one file, which is read as a whole."""
        return [item for item in self.observe() if isinstance(item, Observation) and item.subject == subject]


def _of(record: Record, join_keys: Mapping[str, str]) -> Iterator[Observation]:
    if record.kind in _VIEWS:
        yield from of_view(record, join_keys)
    elif record.kind == "projects":
        yield of_project(record)
    elif record.kind == "entities" and not record.name.startswith("__dummy"):
        yield of_entity(record)
    elif record.kind == "feature_services":
        yield of_service(record)
    elif record.kind == "saved_datasets":
        yield of_saved_dataset(record)


@dataclass(slots=True)
class _Dataset:
    """What all sources at one address, and all views that read it, say of it."""

    names: set[str] = field(default_factory=set)
    kinds: set[str] = field(default_factory=set)
    paths: set[str] = field(default_factory=set)
    columns: dict[str, None] = field(default_factory=dict)
    descriptions: set[str] = field(default_factory=set)
    queries: set[str] = field(default_factory=set)
    batch_sources: set[str] = field(default_factory=set)
    edges: dict[Edge, None] = field(default_factory=dict)
    version: int | None = None

    def at(self, version: int | None) -> None:
        if version is not None:
            self.version = max(version, self.version or version)


def _datasets(records: list[Record]) -> Iterator[Observation]:
    """Data sources, declared ones and those that stand only in a view, by where their data lie."""
    found: dict[str, _Dataset] = {}
    for record in records:
        if record.kind == "data_sources":
            _add(found, record.spec, record.project, "").at(micros(record.meta.get("updated")))
        elif record.kind in _VIEWS:
            updated = micros(record.meta.get("updated"))
            for source, _ in view_sources(record.spec, record.name):
                dataset = _add(found, source, record.project, record.name)
                dataset.at(updated)
                for name in _columns(record, source):
                    dataset.columns.setdefault(column_of(source, name))
            for name, source in sorted(record.spec.get("sources", {}).items()):
                if "request" in source:
                    _add(found, source["request"], record.project, name).at(updated)
    for address, dataset in sorted(found.items()):
        columns = sorted(dataset.columns)
        attributes = plain(
            {
                "sources": sorted(dataset.names),
                "source_type": ", ".join(sorted(dataset.kinds)),
                "description": "; ".join(sorted(dataset.descriptions)),
                "paths": sorted(dataset.paths),
                "query": "; ".join(sorted(dataset.queries)),
                "batch_sources": sorted(dataset.batch_sources),
                "columns": columns,
            }
        )
        said = f"read from source {', '.join(sorted(dataset.names))}"
        edges = [Edge(address, "has_column", column_uri(address, name), 1.0, said) for name in columns]
        yield Observation(address, "feast", dataset.version, attributes=attributes, edges=(*dataset.edges, *edges))


def _columns(record: Record, source: Mapping[str, Any]) -> Iterator[str]:
    """The view's names of columns that it reads."""
    for each in record.spec.get("features", []):
        column = source_column(record.spec, each["name"]) if each.get("name", "").strip() else None
        if column is not None:
            yield column
    for each in record.spec.get("entity_columns", []):
        if each.get("name", "").strip() and not each["name"].startswith("__dummy"):
            yield each["name"]
    if source.get("timestamp_field", "").strip():
        yield source["timestamp_field"]


def _add(found: dict[str, _Dataset], source: Mapping[str, Any], project: str, view: str) -> _Dataset:
    address = address_of(source, project, view)
    dataset = found.setdefault(address, _Dataset())
    dataset.names.add(source_name(source, view))
    dataset.kinds.add(kind_of(source))
    dataset.paths.update(paths_of(source))
    if source.get("description", "").strip():
        dataset.descriptions.add(source["description"])
    for options in ("bigquery", "snowflake", "redshift", "trino", "athena", "spark"):
        if query := source.get(options, {}).get("query", "").strip():
            dataset.queries.add(query)
    for name in ("timestamp_field", "created_timestamp_column", "date_partition_column"):
        if source.get(name, "").strip():
            dataset.columns.setdefault(column_of(source, source[name]))
    for name in request_fields(source):
        dataset.columns.setdefault(name)
    dataset.edges.update(dict.fromkeys(owner_edges(address, source.get("owner", ""), "owner in the registry")))
    dataset.edges.update(dict.fromkeys(tag_edges(address, source.get("tags", {}))))
    behind = source.get("batch_source")
    if behind:
        _add(found, behind, project, view)
        dataset.batch_sources.add(source_name(behind, view))
    return dataset
