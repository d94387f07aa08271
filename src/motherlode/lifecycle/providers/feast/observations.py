"""Feast's objects as observations: views, features, services, entities, projects, saved datasets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from motherlode.core.time import from_micros, iso_text
from motherlode.lifecycle.naming import column_uri
from motherlode.lifecycle.providers.feast.messages import VALUE_TYPES
from motherlode.lifecycle.providers.feast.registry import Record
from motherlode.lifecycle.providers.feast.sources import address_of, column_of, source_name, storage_address
from motherlode.lifecycle.providers.tags import owner_edges, tag_edges
from motherlode.lifecycle.record import Edge, Observation
from motherlode.lifecycle.uris import make_uri

__all__ = [
    "PLATFORM",
    "feature_uri",
    "micros",
    "of_entity",
    "of_project",
    "of_saved_dataset",
    "of_service",
    "of_view",
    "plain",
    "request_fields",
    "service_uri",
    "source_column",
    "view_sources",
    "view_uri",
]

PLATFORM = "feast"
_DUMMY = "__dummy"  # Feast's own entity for views without one
_VIEW_KINDS = {
    "feature_views": "batch",
    "stream_feature_views": "stream",
    "on_demand_feature_views": "on demand",
    "label_views": "label",
}


def view_uri(project: str, view: str) -> str:
    return make_uri("feature_view", PLATFORM, f"{project}/{view}")


def feature_uri(project: str, view: str, feature: str) -> str:
    return make_uri("feature", PLATFORM, f"{project}/{view}.{feature}")


def service_uri(project: str, service: str) -> str:
    return make_uri("feature_service", PLATFORM, f"{project}/{service}")


def entity_uri(project: str, entity: str) -> str:
    return make_uri("feature_entity", PLATFORM, f"{project}/{entity}")


def project_uri(project: str) -> str:
    return make_uri("project", PLATFORM, project)


def micros(timestamp: Mapping[str, Any] | None) -> int | None:
    """A Timestamp message in microseconds; None for none, and for the zero that stands for none."""
    if not timestamp:
        return None
    found = int(timestamp.get("seconds", 0)) * 1_000_000 + int(timestamp.get("nanos", 0)) // 1000
    return found if found > 0 and from_micros(found) is not None else None


def plain(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is not there."""
    return {name: value for name, value in attributes.items() if value not in (None, "", [], {}, ())}


def _described(record: Record, **more: Any) -> dict[str, Any]:
    instant = micros(record.meta.get("created"))
    return plain(
        {
            "name": record.name,
            "description": record.spec.get("description"),
            "created_at": None if instant is None else iso_text(from_micros(instant)),
            "tags": dict(sorted(record.spec.get("tags", {}).items())),
            **more,
        }
    )


def _belonging(subject: str, record: Record) -> list[Edge]:
    """Project, owner and labels."""
    found = [Edge(subject, "grouped_in", project_uri(record.project))] if record.kind != "projects" else []
    found += owner_edges(subject, record.spec.get("owner", ""), "owner in the registry")
    found += tag_edges(subject, record.spec.get("tags", {}))
    return found


def _observed(subject: str, record: Record, attributes: dict[str, Any], edges: Iterable[Edge]) -> Observation:
    return Observation(
        subject,
        version=micros(record.meta.get("updated")) or micros(record.meta.get("created")),
        attributes=attributes,
        edges=tuple(dict.fromkeys([*edges, *_belonging(subject, record)])),
    )


def of_project(record: Record) -> Observation:
    return _observed(project_uri(record.name), record, _described(record), ())


def of_entity(record: Record) -> Observation:
    described = _described(record, join_key=record.spec.get("join_key"))
    return _observed(entity_uri(record.project, record.name), record, described, ())


def view_sources(spec: Mapping[str, Any], view: str) -> Iterator[tuple[Mapping[str, Any], str]]:
    """The data sources of a view, and how it reads each; behind a push source stands the batch source it has."""
    for field, role in (("batch_source", "batch source"), ("stream_source", "stream source")):
        source = spec.get(field)
        if source:
            name = source_name(source, view)
            yield source, f"{role} {name}"
            behind = source.get("batch_source")
            if behind and behind.get("name") != spec.get("batch_source", {}).get("name"):
                yield behind, f"batch source {source_name(behind, view)} of {name}"


def of_view(record: Record, join_keys: Mapping[str, str]) -> Iterator[Observation]:
    """A view and its features. join_keys: of the project's entities, by name."""
    spec, project = record.spec, record.project
    subject = view_uri(project, record.name)
    edges: list[Edge] = []
    for source, said in view_sources(spec, record.name):
        address = address_of(source, project, record.name)
        edges.append(Edge(address, "feeds", subject, 1.0, said))
        edges += _keys(record, source, address, join_keys)
    edges += (Edge(*edge) for edge in _of_other_views(record, subject))
    for entity in spec.get("entities", []):
        if not entity.startswith(_DUMMY) and entity.strip():
            edges.append(Edge(entity_uri(project, entity), "supports", subject, 1.0, f"entity {entity}"))
    features = [field for field in spec.get("features", []) if field.get("name", "").strip()]
    edges += (Edge(subject, "has_feature", feature_uri(project, record.name, field["name"])) for field in features)
    seconds = spec.get("ttl", {}).get("seconds")
    attributes = _described(
        record,
        kind=_VIEW_KINDS[record.kind],
        online=bool(spec.get("online", False)),
        disabled=spec.get("disabled"),
        ttl_s=seconds,
        entities=[entity for entity in spec.get("entities", []) if not entity.startswith(_DUMMY)],
        features=[field["name"] for field in features],
    )
    yield _observed(subject, record, attributes, edges)
    for field in features:
        yield _of_feature(record, field)


def _of_feature(record: Record, field: Mapping[str, Any]) -> Observation:
    spec, name = record.spec, field["name"]
    subject = feature_uri(record.project, record.name, name)
    edges = list(tag_edges(subject, field.get("tags", {})))
    column = source_column(spec, name)
    if column is not None:
        for source, said in view_sources(spec, record.name):
            where = column_uri(address_of(source, record.project, record.name), column_of(source, column))
            edges.append(Edge(where, "feeds", subject, 1.0, said))
    kind = field.get("type", 0)
    attributes = plain(
        {
            "name": f"{record.name}.{name}",
            "view": record.name,
            "type": VALUE_TYPES.get(kind, str(kind)),
            "description": field.get("description"),
            "tags": dict(sorted(field.get("tags", {}).items())),
        }
    )
    version = micros(record.meta.get("updated")) or micros(record.meta.get("created"))
    return Observation(subject, version=version, attributes=attributes, edges=tuple(dict.fromkeys(edges)))


def source_column(spec: Mapping[str, Any], feature: str) -> str | None:
    """The view's name of the column that a feature is; None where a transformation makes it of whatever it reads."""
    for aggregation in spec.get("aggregations", []):
        name = aggregation.get("name") or f"{aggregation.get('function', '')}_{aggregation.get('column', '')}"
        seconds = aggregation.get("window", {}).get("seconds", 0)
        if feature in {name, f"{name}_{seconds}s"} and aggregation.get("column", "").strip():
            return str(aggregation["column"])
    return None if "udf" in spec or "transformation" in spec else feature


def _keys(record: Record, source: Mapping[str, Any], address: str, join_keys: Mapping[str, str]) -> Iterator[Edge]:
    """Columns without which none of the view's features can be read: join keys and times."""
    subject = view_uri(record.project, record.name)
    entities = [entity for entity in record.spec.get("entities", []) if not entity.startswith(_DUMMY)]
    keys = [field["name"] for field in record.spec.get("entity_columns", []) if field.get("name", "").strip()]
    for key in keys or [join_keys.get(entity, entity) for entity in entities]:
        if not key.startswith(_DUMMY) and key.strip():
            yield Edge(column_uri(address, column_of(source, key)), "feeds", subject, 1.0, f"join key {key}")
    timestamp = source.get("timestamp_field", "")
    if timestamp.strip():
        yield Edge(column_uri(address, column_of(source, timestamp)), "feeds", subject, 1.0, "event timestamp")


def _of_other_views(record: Record, subject: str) -> Iterator[Edge]:
    """What a view takes from other views and from requests."""
    spec, project = record.spec, record.project
    for view in spec.get("source_views", []):
        if view.get("name", "").strip():
            yield Edge(view_uri(view.get("project") or project, view["name"]), "feeds", subject, 1.0, "source view")
    if spec.get("reference_view", "").strip():
        yield Edge(view_uri(project, spec["reference_view"]), "supports", subject, 1.0, "reference feature view")
    for name, source in sorted(spec.get("sources", {}).items()):
        if "request" in source:
            request = source["request"]
            where = address_of(request, project, name)
            yield Edge(where, "feeds", subject, 1.0, f"request source {source_name(request, name)}")
            for field in request_fields(request):
                yield Edge(column_uri(where, field), "feeds", subject, 1.0, "field of the request")
            continue
        projection = source.get("projection", {})
        whole = source.get("view", {}).get("spec", {})
        view = projection.get("view") or whole.get("name") or name
        yield Edge(view_uri(project, view), "feeds", subject, 1.0, f"source view {view}")
        for field in projection.get("features", []) or whole.get("features", []):
            if field.get("name", "").strip():
                feature = feature_uri(project, view, field["name"])
                yield Edge(feature, "feeds", subject, 1.0, f"input of the transformation, from {view}")


def request_fields(source: Mapping[str, Any]) -> list[str]:
    """Names of what a request has to bring."""
    request = source.get("request", {})
    names = [field.get("name", "") for field in request.get("schema", [])] or sorted(request.get("old_schema", {}))
    return [name for name in names if name.strip()]


def of_service(record: Record) -> Observation:
    subject = service_uri(record.project, record.name)
    edges: list[Edge] = []
    views: list[str] = []
    for projection in record.spec.get("features", []):
        view = projection.get("view", "").strip()
        if not view:
            continue
        views.append(view)
        edges.append(Edge(view_uri(record.project, view), "feeds", subject, 1.0, "view of the service"))
        edges += (
            Edge(feature_uri(record.project, view, field["name"]), "feeds", subject, 1.0, "feature of the service")
            for field in projection.get("features", [])
            if field.get("name", "").strip()
        )
    return _observed(subject, record, _described(record, views=list(dict.fromkeys(views))), edges)


def of_saved_dataset(record: Record) -> Observation:
    """A data set that was materialised from features, e.g. for training."""
    spec, project = record.spec, record.project
    subject = storage_address(spec.get("storage", {}), project, record.name)
    edges: list[Edge] = []
    if spec.get("service", "").strip():
        edges.append(Edge(service_uri(project, spec["service"]), "derives", subject, 1.0, "saved from the service"))
    for reference in spec.get("features", []):
        view, mark, feature = reference.partition(":")
        if mark and view.strip() and feature.strip():
            view = view.partition("@")[0]
            edges.append(Edge(view_uri(project, view), "derives", subject, 1.0, "saved from the view"))
            edges.append(Edge(feature_uri(project, view, feature), "derives", subject, 1.0, "saved feature"))
    attributes = _described(record, features=spec.get("features"), join_keys=spec.get("join_keys"))
    observed = _observed(subject, record, attributes, edges)
    return Observation(
        subject, f"saved dataset {record.name}", observed.version, attributes=attributes, edges=observed.edges
    )
