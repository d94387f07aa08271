"""The tables and views of a dbt project: datasets, their columns, and the pipelines that make them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from motherlode.errors import InputError
from motherlode.lifecycle.naming import column_uri, dataset_uri, owner_uri, tag_uri
from motherlode.lifecycle.providers.dbt.artifacts import mapping, objects, text
from motherlode.lifecycle.providers.dbt.project import BUILT, TABLES, Project
from motherlode.lifecycle.providers.dbt.tests import tests_by_place
from motherlode.lifecycle.providers.places import shown_path
from motherlode.lifecycle.record import Edge, Observation, Rejected
from motherlode.lifecycle.uris import make_uri

__all__ = ["group_uri", "labels", "observe_tables", "owners", "project_uri"]


def observe_tables(project: Project, version: int | None, schema_version: int | None) -> Iterator[Observation]:
    """Every model, seed, snapshot and source that has a name; the others are put into quarantine.

    version: of the manifest; schema_version: of what the manifest and the catalog say of columns together
    """
    tests = tests_by_place(project)
    for uid, node in project.of_kind(*TABLES):
        kind = project.kind(uid)
        if project.dataset_name(node, kind) is None:
            reason = "the node has no name and no alias; expected a node as dbt writes it"
            project.rejected.append(Rejected(uid, reason, repr(node)[:2000]))
            continue
        found = tests.get(uid, {})
        yield _dataset(project, uid, node, found.get(None, []), version)
        yield from _columns(project, uid, node, found, schema_version)
        if kind in BUILT:
            yield from _pipeline(project, uid, node, version)


def project_uri(project: Project) -> str | None:
    """The address of the project; None for a manifest that does not name it (before dbt 1.6)."""
    name = text(mapping(project.manifest.get("metadata")).get("project_name"))
    return None if name is None else make_uri("project", "dbt", name)


def group_uri(name: str) -> str:
    """The address of one of dbt's groups."""
    return make_uri("group", "dbt", name)


def labels(project: Project, subject: str, tags: object) -> list[Edge]:
    """An edge to each tag; dbt takes one tag as well as a list."""
    given = [tags] if isinstance(tags, str) else tags if isinstance(tags, list) else []
    edges = []
    for tag in given:
        try:
            edges.append(Edge(subject, "tagged", tag_uri(str(tag)), evidence="tags"))
        except InputError as error:
            project.rejected.append(Rejected(f"tag of {subject}", str(error)))
    return list(dict.fromkeys(edges))


def owners(project: Project, subject: str, owner: object, evidence: str) -> list[Edge]:
    """Edges to owners: a name, several, or an object with an email or a name."""
    given = owner if isinstance(owner, list) else [owner]
    edges = []
    for each in given:
        told = each if isinstance(each, str) else mapping(each).get("email") or mapping(each).get("name")
        for name in told if isinstance(told, list) else [told]:
            if isinstance(name, str) and name.strip():
                try:
                    edges.append(Edge(subject, "owned_by", owner_uri(name), evidence=evidence))
                except InputError as error:
                    project.rejected.append(Rejected(f"owner of {subject}", str(error)))
    return list(dict.fromkeys(edges))


def _meta(node: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**mapping(mapping(node.get("config")).get("meta")), **mapping(node.get("meta"))}


def _group(node: Mapping[str, Any]) -> str | None:
    return text(node.get("group")) or text(mapping(node.get("config")).get("group"))


def _dataset(
    project: Project, uid: str, node: Mapping[str, Any], tests: list[dict[str, Any]], version: int | None
) -> Observation:
    subject, config, meta = project.address(uid), mapping(node.get("config")), _meta(node)
    location = text(config.get("location"))
    told = {
        "name": text(node.get("alias")) or text(node.get("name")),
        "description": text(node.get("description")),
        "unique_id": uid,
        "resource_type": project.kind(uid),
        "materialized": text(config.get("materialized")),
        "relation_name": text(node.get("relation_name")),
        "package_name": text(node.get("package_name")),
        "path": text(node.get("original_file_path")),
        "paths": [shown_path(location)] if location is not None else None,  # of an external model
        "access": text(node.get("access")),
        "contract": mapping(config.get("contract")).get("enforced") or None,
        "deprecation_date": text(node.get("deprecation_date")),
        "loader": text(node.get("loader")),
        "meta": dict(meta) or None,
        "tests": tests or None,
    }
    edges = [*owners(project, subject, meta.get("owner"), "meta.owner"), *labels(project, subject, node.get("tags"))]
    group, home = _group(node), project_uri(project)
    if group is not None:
        edges.append(Edge(subject, "grouped_in", group_uri(group), evidence="group"))
        edges += owners(project, subject, mapping(_groups(project).get(group)).get("owner"), f"owner of group {group}")
    if home is not None:
        edges.append(Edge(subject, "grouped_in", home, evidence="project"))
    other = _other_name(project, node)
    if other is not None:
        edges.append(_same(subject, other))
    return Observation(subject, "definition", version, attributes=_told(told), edges=tuple(edges))


def _groups(project: Project) -> dict[str, dict[str, Any]]:
    return {str(group.get("name")): group for group in objects(project.manifest.get("groups")).values()}


def _other_name(project: Project, node: Mapping[str, Any]) -> str | None:
    """A source's table is called by its identifier in the database; OpenLineage's dbt events use the source's name."""
    identifier = text(node.get("identifier"))
    if identifier is None or identifier == text(node.get("name")):
        return None
    other = project.dataset_name({**node, "name": identifier}, "source")
    return None if other is None else dataset_uri(project.namespace, other)


def _same(subject: str, other: str) -> Edge:
    return Edge(subject, "same_as", other, evidence="identifier of the source")


def _told(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if value is not None}


def _fields(project: Project, uid: str, node: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The columns: names and types of the catalog where it has them, words and labels of the manifest."""
    described = objects(node.get("columns"))
    listed = objects(mapping(project.catalog.get(uid)).get("columns"))
    by_name = {name.lower(): column for name, column in described.items()}
    fields = []
    for column in sorted(listed.values(), key=lambda each: (_position(each), str(each.get("name")))):
        name = text(column.get("name"))
        if name is not None:
            fields.append({**by_name.pop(name.lower(), {}), "name": name, "type": text(column.get("type"))})
    for name, column in described.items():
        if name.lower() in by_name:
            stated = text(column.get("name")) or name
            fields.append({**column, "name": stated, "type": text(column.get("data_type"))})
    return [field for field in fields if text(field["name"])]


def _position(column: Mapping[str, Any]) -> int:
    index = column.get("index")
    return index if isinstance(index, int) else 1 << 30


def _columns(
    project: Project,
    uid: str,
    node: Mapping[str, Any],
    tests: Mapping[str | None, list[dict[str, Any]]],
    version: int | None,
) -> Iterator[Observation]:
    subject, evidence = project.address(uid), "catalog" if uid in project.catalog else "manifest"
    other = _other_name(project, node)
    told, edges, inner = [], [], []
    for field in _fields(project, uid, node):
        column = column_uri(subject, field["name"])
        plain = _told({part: text(field.get(part)) for part in ("name", "type", "description")})
        attributes = {
            **plain,
            **({"meta": field["meta"]} if mapping(field.get("meta")) else {}),
            **({"constraints": field["constraints"]} if field.get("constraints") else {}),
            **({"tests": tests[field["name"].lower()]} if field["name"].lower() in tests else {}),
        }
        tags = labels(project, column, field.get("tags") or mapping(field.get("config")).get("tags"))
        if other is not None:
            tags.append(_same(column, column_uri(other, field["name"])))
        told.append(plain)
        edges.append(Edge(subject, "has_column", column, evidence=evidence))
        inner.append(Observation(column, "definition", version, attributes=attributes, edges=tuple(tags)))
    if told:
        yield Observation(subject, "schema", version, attributes={"fields": told}, edges=tuple(dict.fromkeys(edges)))
        yield from {each.subject: each for each in inner}.values()


def _pipeline(project: Project, uid: str, node: Mapping[str, Any], version: int | None) -> Iterator[Observation]:
    subject, dataset, config = project.target(uid), project.address(uid), mapping(node.get("config"))
    told = {
        "name": text(node.get("name")),
        "resource_type": project.kind(uid),
        "materialized": text(config.get("materialized")),
        "language": text(node.get("language")),
        "path": text(node.get("original_file_path")),
        "checksum": text(mapping(node.get("checksum")).get("checksum")),
    }
    home = project_uri(project)
    grouped = () if home is None else (Edge(subject, "grouped_in", home, evidence="project"),)
    yield Observation(subject, "definition", version, attributes=_told(told), edges=grouped)
    writes = Edge(subject, "writes", dataset, evidence=f"{project.kind(uid)} {uid}")
    yield Observation(subject, "io", version, edges=(*project.edges_into(uid), writes))
