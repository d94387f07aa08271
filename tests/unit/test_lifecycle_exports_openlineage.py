"""OpenLineage's events of the graph: read back by the provider, valid after OpenLineage's own schemas."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from motherlode.lifecycle.exports import export
from motherlode.lifecycle.exports.openlineage import untold
from motherlode.lifecycle.graph import LifecycleGraph
from motherlode.lifecycle.naming import column_uri, dataset_uri, owner_uri, pipeline_uri, tag_uri
from motherlode.lifecycle.providers.openlineage import OpenLineage, read_event
from motherlode.lifecycle.record import Edge, Observation, Rejected
from motherlode.lifecycle.uris import make_uri, parse_uri
from tests.lifecycle_exports_world import HOSTILE, world
from tests.lineage_data import openlineage_folder

_TYPES = {"dataset", "column", "pipeline", "user", "team", "tag"}


def _edges(graph: LifecycleGraph) -> set[tuple[str, str, str]]:
    """Edges between datasets, columns and jobs, and their labels."""
    told = json.loads(export(graph, "json"))
    found = {(edge["source"], edge["relation"], edge["target"]) for edge in told["edges"]}
    return {edge for edge in found if {parse_uri(edge[0]).type, parse_uri(edge[2]).type} <= _TYPES}


def _read_back(graph: LifecycleGraph) -> LifecycleGraph:
    lines = export(graph, "openlineage").splitlines()
    items = [item for at, line in enumerate(lines, 1) for item in read_event(json.loads(line), f"line {at}")]
    assert [item for item in items if isinstance(item, Rejected)] == []
    return world(items, day=2)


def test_the_shop_reads_back_to_the_same_edges_between_datasets_columns_and_jobs() -> None:
    graph = world()
    said = {edge for edge in _edges(graph) if "model" not in edge[0]}
    assert len(said) == 8
    assert {edge for edge in _edges(_read_back(graph)) if edge[1] != "same_as"} == said - _inferred(graph)
    assert untold(graph) == {"feeds": 2, "has_feature": 1, "input_of": 1, "current_of": 1, "has_version": 1,
                             "deployed_as": 1, "owned_by": 1}  # fmt: skip


def _inferred(graph: LifecycleGraph) -> set[tuple[str, str, str]]:
    told = json.loads(export(graph, "json"))
    return {(e["source"], e["relation"], e["target"]) for e in told["edges"] if e["provider"] == "inference"}


def _everything() -> list[Observation]:
    """Every kind of edge that OpenLineage has words for, with names that are hard to say."""
    a = dataset_uri("postgres://db:5432", "shop.public.Größe")
    b = dataset_uri("file", "/data/out put.parquet")
    c = dataset_uri("bigquery", "p.d.t")
    d = dataset_uri("s3://bucket", f"odd/{HOSTILE[0]}")
    job, nested = pipeline_uri("airflow/eu", "a.b/c"), column_uri(a, "outer.inner")
    ax, ay, bx, cx = column_uri(a, "x"), column_uri(a, "outer"), column_uri(b, "訂單"), column_uri(c, "x")
    edges = (
        *(Edge(a, "has_column", ax), Edge(a, "has_column", ay), Edge(ay, "has_column", nested)),
        *(Edge(b, "has_column", bx), Edge(c, "has_column", cx)),
        *(Edge(a, "read_by", job), Edge(b, "read_by", job), Edge(job, "writes", c), Edge(job, "writes", d)),
        *(Edge(ax, "derives", cx), Edge(ax, "influences", cx), Edge(ax, "masks", bx), Edge(bx, "masks", cx)),
        *(Edge(bx, "derives", cx), Edge(nested, "influences", b), Edge(a, "derives", d), Edge(ax, "derives", d)),
        *(Edge(a, "same_as", dataset_uri("hive", "x.y")), Edge(job, "owned_by", owner_uri("team:Größe & co"))),
        *(
            Edge(c, "owned_by", owner_uri("ann")),
            Edge(c, "tagged", tag_uri("tier=gold")),
            Edge(cx, "tagged", tag_uri("pii")),
        ),
    )
    return [Observation(a, "everything", 1, edges=edges)]


def test_every_relation_that_has_words_there_reads_back_whatever_the_names_hold() -> None:
    graph = world(_everything())
    said = {edge[:3] for item in _everything() for edge in item.edges}
    back = _read_back(graph)
    assert _edges(back) - _inferred(back) == said
    assert untold(graph) - untold(back) == {}


def test_real_producers_events_read_back_to_the_same_edges() -> None:
    graph = world(OpenLineage(openlineage_folder() / "events").observe())
    said = _edges(graph) - _inferred(graph)
    assert len(said) > 300
    kept = {edge for edge in said if edge[1] not in {"triggers", "supports"}}
    back = _read_back(graph)
    assert _edges(back) - _inferred(back) == kept


def test_events_are_valid_after_openlineages_own_schemas() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    referencing = pytest.importorskip("referencing")
    spec = openlineage_folder() / "spec"
    files = [spec / "OpenLineage.json", *(spec / "facets").glob("*.json")]
    schemas = [json.loads(file.read_text("utf-8")) for file in files]
    known = referencing.Registry().with_resources(
        [(schema["$id"], referencing.Resource.from_contents(schema)) for schema in schemas]
    )
    urls = set()
    for line in export(world(_everything()), "openlineage").splitlines():
        event = json.loads(line)
        for url, part in _with_schemas(event):
            jsonschema.Draft202012Validator({"$ref": url}, registry=known).validate(part)
            urls.add(url.rpartition("/")[2])
    assert urls == {
        *("DatasetEvent", "JobEvent", "SchemaDatasetFacet", "ColumnLineageDatasetFacet", "LineageDatasetFacet"),
        *("OwnershipDatasetFacet", "OwnershipJobFacet", "TagsDatasetFacet", "SymlinksDatasetFacet"),
    }


def _with_schemas(event: dict[str, Any]) -> Iterable[tuple[str, dict[str, Any]]]:
    """(schema's URL, part) of the event and of each of its facets; a facet's schema is of an object that holds it."""
    yield event["schemaURL"], event
    thing = event.get("dataset") or event["job"]
    for facet in thing["facets"].values():
        yield facet["_schemaURL"], facet


_characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
_text = st.text(_characters, min_size=1).filter(lambda text: text.strip())


@settings(max_examples=50)
@given(namespace=_text, name=_text, column=_text)
def test_any_dataset_and_column_keeps_its_address(namespace: str, name: str, column: str) -> None:
    uri = dataset_uri(namespace, name)
    field = column_uri(uri, column)
    graph = world([Observation(uri, version=1, edges=(Edge(uri, "has_column", field),))])
    assert _edges(_read_back(graph)) == ({(uri, "has_column", field)} if not untold(graph) else set())


def test_what_openlineage_cannot_name_is_counted_and_nothing_else_is_lost() -> None:
    nameless = pipeline_uri("", "lonely")  # a job without a namespace
    good = dataset_uri("hive", "a.b")
    digits = make_uri("dataset", "3com", "t")  # no scheme begins with a digit
    graph = world(
        [Observation(good, version=1, edges=(Edge(good, "read_by", nameless), Edge(digits, "same_as", good)))]
    )
    assert untold(graph) == {"read_by": 1, "same_as": 1}
    assert [json.loads(line)["dataset"]["name"] for line in export(graph, "openlineage").splitlines()] == ["a.b"]
