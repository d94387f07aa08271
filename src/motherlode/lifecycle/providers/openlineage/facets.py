"""The facets of datasets and jobs as observations: one aspect per facet, because events replace facets one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from motherlode.errors import InputError
from motherlode.lifecycle.naming import dataset_version_uri, owner_uri, pipeline_uri, tag_uri
from motherlode.lifecycle.providers.openlineage.reading import Reading, objects, text
from motherlode.lifecycle.providers.secrets import without_secrets
from motherlode.lifecycle.record import Edge, Observation

__all__ = ["DATASET_ASPECTS", "observe_dataset", "observe_job"]

_PLAIN_DATASET = {
    "documentation": ("documentation", ("description",)),
    "dataSource": ("datasource", ("name", "uri")),
    "storage": ("storage", ("storageLayer", "fileFormat")),
    "datasetType": ("type", ("datasetType", "subType")),
    "catalog": ("catalog", ("framework", "type", "name", "metadataUri", "warehouseUri", "source")),
    "hierarchy": ("hierarchy", ("hierarchy",)),
    "dataQualityMetrics": ("quality", ("rowCount", "bytes", "fileCount", "lastUpdated", "columnMetrics")),
    "dataQualityAssertions": ("assertions", ("assertions",)),
}
_PLAIN_JOB = {
    "documentation": ("documentation", ("description",)),
    "jobType": ("type", ("processingType", "integration", "jobType")),
    "sourceCodeLocation": ("source_code_location", ("type", "url", "repoUrl", "path", "version", "tag", "branch")),
    "sourceCode": ("source_code", ("language", "sourceCode")),
    "sql": ("sql", ("query", "dialect")),
}
"""Facets that are attributes only: their aspect, and the fields that are kept."""

_NESTED = frozenset({"datasource", "catalog", "source_code_location"})
"""Their field names are too general to stand alone: they stay together under the aspect's name."""

_EDGE_ASPECTS = {"schema", "ownership", "tags", "symlinks", "lifecycle", "version", "lineage"}
DATASET_ASPECTS = tuple(sorted({"definition", *_EDGE_ASPECTS, *(aspect for aspect, _ in _PLAIN_DATASET.values())}))
"""Every aspect that an event may tell of a dataset: a DROP ends them all."""

_MAX_TEXT = 65536
_DBT_BUILT = frozenset({"model", "seed", "snapshot"})


def observe_dataset(dataset: Mapping[str, Any], reading: Reading) -> Iterator[Observation]:
    """What an event says of a dataset itself; nothing when a fragment does not say which one."""
    uri = reading.dataset(dataset)
    if uri is None:
        return
    facets: dict[str, Any] = {}
    for group in ("inputFacets", "outputFacets", "facets"):
        facets.update(dataset.get(group) or {})
    change = facets.get("lifecycleStateChange") or {}
    if str(change.get("lifecycleStateChange")).upper() == "DROP":
        if reading.has_happened:
            yield from (Observation(uri, aspect, reading.at, gone=True) for aspect in DATASET_ASPECTS)
        return
    named = {"namespace": reading.namespace_of(dataset), "name": text(dataset.get("name"))}
    yield Observation(uri, "definition", reading.at, attributes=named)
    yield from _plain(uri, facets, _PLAIN_DATASET, reading)
    for name, aspect, describe in (
        ("schema", "schema", _schema),
        ("ownership", "ownership", _ownership),
        ("tags", "tags", _tags),
        ("symlinks", "symlinks", _symlinks),
        ("lifecycleStateChange", "lifecycle", _lifecycle),
        ("version", "version", _version),
    ):
        facet = facets.get(name)
        if isinstance(facet, dict):
            is_gone = facet.get("_deleted") is True
            observed = _gone(uri, aspect, reading) if is_gone else describe(uri, facet, reading)
            if observed is not None:
                yield observed


def observe_job(job: Mapping[str, Any], reading: Reading) -> Iterator[Observation]:
    """What an event says of its job itself."""
    if reading.job is None:
        return
    facets = job.get("facets") or {}
    named = {"namespace": reading.namespace_of(job), "name": reading.job_name}
    yield Observation(reading.job, "definition", reading.at, attributes=named)
    yield from _plain(reading.job, facets, _PLAIN_JOB, reading)
    built = _dbt_node(facets)
    if built is not None:
        same = Edge(reading.job, "same_as", pipeline_uri("", built, "dbt"), evidence="dbt_node facet")
        yield Observation(reading.job, "symlinks", reading.at, edges=(same,))
    for name, describe in (("ownership", _ownership), ("tags", _tags)):
        facet = facets.get(name)
        if isinstance(facet, dict):
            is_gone = facet.get("_deleted") is True
            yield _gone(reading.job, name, reading) if is_gone else describe(reading.job, facet, reading)


def _dbt_node(facets: Mapping[str, Any]) -> str | None:
    """The unique id of what a job of dbt makes a table of; a job of tests names its model too, but does not make it."""
    unique_id = text((facets.get("dbt_node") or {}).get("unique_id"))
    kind = (text((facets.get("jobType") or {}).get("jobType")) or "").lower()
    is_built = kind in _DBT_BUILT and unique_id is not None and unique_id.startswith(f"{kind}.")
    return unique_id if is_built else None


def _gone(uri: str, aspect: str, reading: Reading) -> Observation:
    return Observation(uri, aspect, reading.at, gone=True)


def _plain(
    uri: str, facets: Mapping[str, Any], table: Mapping[str, tuple[str, tuple[str, ...]]], reading: Reading
) -> Iterator[Observation]:
    for name, (aspect, fields) in table.items():
        facet = facets.get(name)
        if not isinstance(facet, dict):
            continue
        if facet.get("_deleted") is True:
            yield _gone(uri, aspect, reading)
            continue
        kept = {field: _tidy(field, facet[field]) for field in fields if facet.get(field) is not None}
        if kept:
            yield Observation(uri, aspect, reading.at, attributes={aspect: kept} if aspect in _NESTED else kept)


def _tidy(field: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return without_secrets(value) if field.lower().endswith(("uri", "url")) else value[:_MAX_TEXT]


def _schema(uri: str, facet: Mapping[str, Any], reading: Reading) -> Observation:
    edges: list[Edge] = []
    fields = _fields(facet.get("fields"), uri, uri, "", reading, edges)
    return Observation(uri, "schema", reading.at, attributes={"fields": fields}, edges=tuple(dict.fromkeys(edges)))


def _fields(
    fields: object, dataset: str, owner: str, prefix: str, reading: Reading, edges: list[Edge]
) -> list[dict[str, Any]]:
    """Fields with their types; a nested field is a column ``outer.inner``, which the outer column has."""
    kept = []
    for field in objects(fields):
        name = text(field.get("name"))
        column = None if name is None else reading.column(dataset, f"{prefix}{name}")
        if name is None or column is None:
            continue
        edges.append(Edge(owner, "has_column", column, evidence="schema facet"))
        told = {part: field[part] for part in ("name", "type", "description") if text(field.get(part))}
        inner = _fields(field.get("fields"), dataset, column, f"{prefix}{name}.", reading, edges)
        kept.append({**told, "fields": inner} if inner else told)
    return kept


def _ownership(uri: str, facet: Mapping[str, Any], reading: Reading) -> Observation:
    edges = []
    for owner in objects(facet.get("owners")):
        try:
            edges.append(Edge(uri, "owned_by", owner_uri(str(owner.get("name") or "")), evidence=_kind(owner)))
        except InputError as error:
            reading.refuse(f"owner of {uri}", error)
    return Observation(uri, "ownership", reading.at, edges=tuple(dict.fromkeys(edges)))


def _kind(owner: Mapping[str, Any]) -> str:
    return f"ownership facet{f': {kind}' if (kind := text(owner.get('type'))) else ''}"


def _tags(uri: str, facet: Mapping[str, Any], reading: Reading) -> Observation:
    edges = []
    for tag in objects(facet.get("tags")):
        key, value = text(tag.get("key")), text(tag.get("value"))
        subject = uri if tag.get("field") is None else reading.column(uri, tag["field"])
        if key is None or subject is None:
            continue
        try:
            label = tag_uri(key if value is None or value.lower() == "true" else f"{key}={value}")
        except InputError as error:
            reading.refuse(f"tag of {uri}", error)
            continue
        source = text(tag.get("source"))
        edges.append(Edge(subject, "tagged", label, evidence=f"tags facet{f': {source}' if source else ''}"))
    return Observation(uri, "tags", reading.at, edges=tuple(dict.fromkeys(edges)))


def _symlinks(uri: str, facet: Mapping[str, Any], reading: Reading) -> Observation:
    edges = []
    for identifier in objects(facet.get("identifiers")):
        other = reading.dataset(identifier)
        if other is not None and other != uri:
            kind = text(identifier.get("type"))
            edges.append(Edge(uri, "same_as", other, evidence=f"symlinks facet{f': {kind}' if kind else ''}"))
    return Observation(uri, "symlinks", reading.at, edges=tuple(dict.fromkeys(edges)))


def _lifecycle(uri: str, facet: Mapping[str, Any], reading: Reading) -> Observation | None:
    if facet.get("lifecycleStateChange") is None:
        return None
    state = str(facet["lifecycleStateChange"]).upper()
    previous = reading.dataset(facet.get("previousIdentifier") or {}) if state == "RENAME" else None
    edges = () if previous is None or previous == uri else (Edge(previous, "same_as", uri, evidence="renamed"),)
    return Observation(uri, "lifecycle", reading.at, attributes={"lifecycleStateChange": state}, edges=edges)


def _version(uri: str, facet: Mapping[str, Any], reading: Reading) -> Observation | None:
    version = text(facet.get("datasetVersion"))
    if version is None:
        return None
    edge = Edge(uri, "has_version", dataset_version_uri(uri, version), evidence="version facet")
    return Observation(uri, "version", reading.at, attributes={"datasetVersion": version}, edges=(edge,))
