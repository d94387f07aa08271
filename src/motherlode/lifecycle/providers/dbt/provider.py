"""A dbt project as a source: everything its manifest says, with the catalog and the last run's results beside it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from motherlode.errors import InputError, LodeError
from motherlode.lifecycle.naming import column_uri
from motherlode.lifecycle.providers.dbt.artifacts import instant, mapping, objects, read_artifact, text
from motherlode.lifecycle.providers.dbt.namespaces import namespace_of_project
from motherlode.lifecycle.providers.dbt.project import TABLES, Project
from motherlode.lifecycle.providers.dbt.tables import group_uri, labels, observe_tables, owners, project_uri
from motherlode.lifecycle.providers.dbt.tests import attached_to, column_of
from motherlode.lifecycle.record import Edge, Item, Observation, Rejected

__all__ = ["Dbt"]

_SHOWN = (
    "label", "description", "type", "url", "maturity", "calculation_method", "expression", "filter", "type_params",
    "entities", "measures", "dimensions", "model", "given", "expect", "original_file_path",
)  # fmt: skip
"""What is worth showing of exposures, metrics, semantic models and tests, in the manifest's words."""


class Dbt:
    """A dbt project's artefacts.

    manifest: ``target/manifest.json``, of version 1 to 12 (dbt 0.19 to 1.10)
    catalog, run_results: ``catalog.json`` and ``run_results.json``; by default those beside the manifest, if any
    namespace: OpenLineage's namespace of the project's datasets, e.g. ``postgres://db.example:5432``; by default from
        ``profiles.yml`` beside the project (see `namespace_of_project`), else the adapter's type

    Tables are datasets called as OpenLineage's dbt integration calls them; what makes one is a pipeline. A table's
    parents are read by its pipeline, by tests, metrics and exposures: exactly the manifest's ``parent_map``. An
    exposure of type ml is a model. Manifests tell no column lineage. Two nodes of one table are one dataset.

    `observe` raises InputError, DataError or UnsupportedError for a manifest that is missing, broken or of a newer
    version, and for a catalog or results that were named; those only found beside it are `Rejected` instead.
    """

    name = "dbt"
    is_listing = True

    def __init__(
        self,
        manifest: str | os.PathLike[str],
        catalog: str | os.PathLike[str] | None = None,
        run_results: str | os.PathLike[str] | None = None,
        *,
        namespace: str | None = None,
    ) -> None:
        if namespace is not None and not namespace.strip():
            raise InputError(
                "namespace is empty; give OpenLineage's, e.g. 'postgres://db.example:5432', or leave it out"
            )
        self._manifest = Path(manifest)
        self._catalog = None if catalog is None else Path(catalog)
        self._run_results = None if run_results is None else Path(run_results)
        self._namespace = namespace

    @property
    def scope(self) -> str:
        """The absolute path of the manifest."""
        return self._manifest.absolute().as_posix()

    def observe(self) -> Iterator[Item]:
        """Everything the artefacts say, as of the manifest's ``generated_at``; schemas as of the catalog's if later."""
        manifest = read_artifact(self._manifest, "manifest")
        rejected: list[Rejected] = []
        catalog = self._beside(self._catalog, "catalog", rejected)
        results = self._beside(self._run_results, "run-results", rejected)
        metadata = mapping(manifest.get("metadata"))
        adapter = (text(metadata.get("adapter_type")) or "dbt").lower()
        namespace, source = (self._namespace, "argument") if self._namespace else self._found(adapter)
        project = Project(manifest, catalog, namespace)
        version = _instant(metadata, self._manifest.name, rejected)
        listed = _instant(mapping(catalog.get("metadata")), "catalog.json", rejected)
        schema_version = version if version is None or listed is None else max(version, listed)
        yield from _united(
            [
                *_observe_project(project, source, version),
                *observe_tables(project, version, schema_version),
                *_observe_others(project, version),
                *_observe_results(project, results, rejected),
            ]
        )
        yield from rejected
        yield from project.rejected

    def hydrate(self, subject: str) -> list[Item]:
        """What the artefacts say of one component: they are read anew."""
        return [item for item in self.observe() if isinstance(item, Observation) and item.subject == subject]

    def _found(self, adapter: str) -> tuple[str, str]:
        return namespace_of_project(self._manifest.absolute(), adapter)

    def _beside(self, named: Path | None, kind: str, rejected: list[Rejected]) -> Mapping[str, Any]:
        if named is not None:
            return read_artifact(named, kind)
        path = self._manifest.with_name(f"{kind.replace('-', '_')}.json")
        if not path.is_file():
            return {}
        try:
            return read_artifact(path, kind)
        except LodeError as error:
            rejected.append(Rejected(path.name, str(error)))
            return {}


def _united(observations: list[Observation]) -> Iterator[Observation]:
    """One observation for each aspect of a subject, also where two nodes are one table: the first one's words count."""
    found: dict[tuple[str, str], Observation] = {}
    for each in observations:
        place = each.subject, each.aspect
        first = found.get(place)
        if first is not None:
            edges = tuple(dict.fromkeys((*first.edges, *each.edges)))
            each = replace(first, attributes={**each.attributes, **first.attributes}, edges=edges)
        found[place] = each
    yield from found.values()


def _instant(metadata: Mapping[str, Any], what: str, rejected: list[Rejected]) -> int | None:
    try:
        return instant(metadata.get("generated_at"), "generated_at")
    except InputError as error:
        rejected.append(Rejected(f"{what}: metadata", str(error)))
        return None


def _observe_project(project: Project, source: str, version: int | None) -> Iterator[Observation]:
    metadata = mapping(project.manifest.get("metadata"))
    home = project_uri(project)
    if home is not None:
        told = {
            "dbt_version": text(metadata.get("dbt_version")),
            "adapter_type": text(metadata.get("adapter_type")),
            "namespace": project.namespace,
            "namespace_from": source,
        }
        yield Observation(home, "definition", version, attributes={n: v for n, v in told.items() if v is not None})
    for group in objects(project.manifest.get("groups")).values():
        name = text(group.get("name"))
        if name is not None:
            edges = tuple(owners(project, group_uri(name), group.get("owner"), "owner of the group"))
            yield Observation(group_uri(name), "definition", version, attributes={"name": name}, edges=edges)


def _observe_others(project: Project, version: int | None) -> Iterator[Observation]:
    """Tests, exposures, metrics and the like; also those that the manifest lists without a node."""
    for uid in sorted({*project.nodes, *project.parents}):
        if project.kind(uid) in TABLES:
            if uid not in project.nodes and project.parents[uid]:
                yield Observation(project.target(uid), "io", version, edges=tuple(project.edges_into(uid)))
            continue
        node = project.nodes.get(uid, {})
        subject = project.address(uid)
        told = {"name": text(node.get("name")), "unique_id": uid, **{part: node.get(part) for part in _SHOWN}}
        edges = [*project.edges_into(uid), *owners(project, subject, node.get("owner"), "owner")]
        edges += labels(project, subject, node.get("tags"))
        if project.kind(uid) == "test":
            place, column = attached_to(project, uid, node), column_of(node)
            told["severity"] = text(mapping(node.get("config")).get("severity"))
            if place in project.nodes and column is not None:
                edges.append(
                    Edge(column_uri(project.address(place), column), "read_by", subject, evidence=f"column of {uid}")
                )
        attributes = {name: value for name, value in told.items() if value not in (None, "", [], {})}
        yield Observation(subject, "definition", version, attributes=attributes, edges=tuple(edges))


def _observe_results(project: Project, results: Mapping[str, Any], rejected: list[Rejected]) -> Iterator[Observation]:
    """How each node's last run ended: an aspect of its pipeline or test."""
    if not results:
        return
    version = _instant(mapping(results.get("metadata")), "run_results.json", rejected)
    listed = results.get("results")
    found = {}
    for result in listed if isinstance(listed, list) else []:
        uid = text(mapping(result).get("unique_id"))
        if uid is not None:
            told = {part: result.get(part) for part in ("status", "execution_time", "failures")}
            found[uid] = {name: value for name, value in told.items() if value is not None}
    for uid in sorted(found):
        yield Observation(project.target(uid), "last_run", version, attributes=found[uid])
