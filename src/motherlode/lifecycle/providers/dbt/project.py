"""A manifest as a graph: what each of its unique ids is called here, and what it depends on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from motherlode.errors import InputError
from motherlode.lifecycle.naming import dataset_uri, pipeline_uri
from motherlode.lifecycle.providers.dbt.artifacts import mapping, objects, text
from motherlode.lifecycle.record import Edge, Rejected
from motherlode.lifecycle.uris import make_uri

__all__ = ["BUILT", "TABLES", "Project"]

BUILT = frozenset({"model", "seed", "snapshot"})
"""What a run of dbt makes a table or view of."""
TABLES = BUILT | {"source"}

_GROUPS = ("nodes", "sources", "exposures", "metrics", "semantic_models", "saved_queries", "unit_tests", "functions")
_TYPES = {"test": "data_test"}
_EXPOSURES = {"ml": "model"}
_RELATIONS = {"exposure": "feeds", "metric": "feeds", "semantic_model": "feeds", "saved_query": "feeds"}
"""How what depends on something says it; what is not here reads it."""


class Project:
    """manifest, catalog: the artefacts' JSON; namespace: of the datasets, as OpenLineage has it."""

    def __init__(self, manifest: Mapping[str, Any], catalog: Mapping[str, Any], namespace: str) -> None:
        self.manifest = manifest
        self.namespace = namespace
        self.nodes = {
            uid: node for group in _GROUPS for uid, node in objects(manifest.get(group)).items() if uid.strip()
        }
        self.catalog = {**objects(catalog.get("nodes")), **objects(catalog.get("sources"))}
        self.rejected: list[Rejected] = []
        self._addresses: dict[str, str] = {}

    def of_kind(self, *kinds: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """(unique id, node) of those kinds of resource, in the order of their ids."""
        for uid in sorted(self.nodes):
            if self.kind(uid) in kinds:
                yield uid, self.nodes[uid]

    def kind(self, uid: str) -> str:
        """The kind of resource: what the node says, else the first part of the id."""
        return text(self.nodes.get(uid, {}).get("resource_type")) or uid.partition(".")[0]

    def address(self, uid: str) -> str:
        """Of a table or view: its dataset; of what is no table: itself. A name that is missing leaves the id."""
        found = self._addresses.get(uid)
        if found is None:
            try:
                found = self._address(uid)
            except InputError:  # a kind of resource that is no word
                found = make_uri("node", "dbt", uid)
            self._addresses[uid] = found
        return found

    def _address(self, uid: str) -> str:
        node, kind = self.nodes.get(uid), self.kind(uid)
        if kind in TABLES:
            name = None if node is None else self.dataset_name(node, kind)
            return make_uri("node", "dbt", uid) if name is None else dataset_uri(self.namespace, name)
        short = uid.partition(".")[2] or uid
        if kind == "exposure":
            told = (text(mapping(node).get("type")) or "exposure").lower()
            return make_uri(_EXPOSURES.get(told, told), "dbt", short)
        return make_uri(_TYPES.get(kind, kind), "dbt", short)

    def dataset_name(self, node: Mapping[str, Any], kind: str) -> str | None:
        """``database.schema.table`` as OpenLineage's dbt events say it: a source by its name, not its identifier."""
        table = text(node.get("name" if kind == "source" else "alias")) or text(node.get("name"))
        parts = [text(node.get("database")), text(node.get("schema")), table]
        return None if table is None else ".".join(part for part in parts if part)

    def target(self, uid: str) -> str:
        """What the edges of a node's parents end in: the pipeline that makes the table, or the thing itself."""
        return pipeline_uri("", uid, "dbt") if self.kind(uid) in BUILT else self.address(uid)

    @cached_property
    def parents(self) -> dict[str, list[str]]:
        """Unique id → unique ids that it depends on, as ``parent_map`` has them; ``depends_on`` where it has none."""
        told = mapping(self.manifest.get("parent_map"))
        found = {uid: _ids(parents) for uid, parents in told.items() if uid.strip()}
        for uid, node in self.nodes.items():
            if uid not in found:
                found[uid] = _ids(mapping(node.get("depends_on")).get("nodes"))
        return found

    def edges_into(self, uid: str) -> list[Edge]:
        """One edge from each parent; from a thing to itself there is none."""
        target, kind = self.target(uid), self.kind(uid)
        relation = (
            "input_of" if kind == "exposure" and target.startswith("lode://model/") else _RELATIONS.get(kind, "read_by")
        )
        edges = [
            Edge(self.address(parent), relation, target, evidence=f"depends_on of {uid}")
            for parent in self.parents[uid]
        ]
        return [edge for edge in dict.fromkeys(edges) if edge.source != edge.target]


def _ids(value: object) -> list[str]:
    return sorted({each for each in value if isinstance(each, str) and each.strip()}) if isinstance(value, list) else []
