"""dbt and OpenLineage's wrapper around it, run for real: their own maps, selections and events are the oracle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from motherlode.lifecycle.naming import column_uri, dataset_uri
from motherlode.lifecycle.providers.dbt import Dbt
from motherlode.lifecycle.providers.openlineage import OpenLineage
from motherlode.lifecycle.record import Item, Observation, Rejected, RunReport
from motherlode.lifecycle.relations import RELATIONS
from motherlode.lifecycle.uris import parse_uri
from tests.conformance.dbt_shop import NAMESPACE, build, dbt
from tests.integrations.environment import Environment

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

DBT = Environment("dbt")
"""Made when it is not there, which takes a minute and a half."""


@pytest.fixture(scope="module")
def python() -> Path:
    return DBT.make()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, python: Path) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    build(folder, python)
    return folder


@pytest.fixture(scope="module")
def manifest(shop: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((shop / "target" / "manifest.json").read_text("utf-8"))
    return found


@pytest.fixture(scope="module")
def items(shop: Path) -> list[Item]:
    return list(Dbt(shop / "target" / "manifest.json").observe())


@pytest.fixture(scope="module")
def events(shop: Path) -> list[Item]:
    return list(OpenLineage(shop / "events.json").observe())


def table(name: str) -> str:
    return dataset_uri(NAMESPACE, f"shop.main.{name}")


def known_ids(items: list[Item]) -> dict[str, str]:
    """Address → unique id, of everything that has one; a pipeline is its model."""
    found = {}
    for each in items:
        if isinstance(each, Observation) and each.aspect == "definition" and "unique_id" in each.attributes:
            found[each.subject] = str(each.attributes["unique_id"])
    for uid in set(found.values()):
        found[f"lode://pipeline/dbt/{uid}"] = uid
    return found


def parents(items: list[Item]) -> dict[str, set[str]]:
    """Our edges back in unique ids: what each depends on."""
    ids = known_ids(items)
    found: dict[str, set[str]] = {uid: set() for uid in ids.values()}
    for each in items:
        for edge in each.edges if isinstance(each, Observation) else ():
            if edge.relation in {"read_by", "feeds", "input_of"} and parse_uri(edge.source).type != "column":
                found[ids[edge.target]].add(ids[edge.source])
    return found


def closure(edges: dict[str, set[str]], start: str) -> set[str]:
    found, waiting = {start}, [start]
    while waiting:
        for each in edges[waiting.pop()] - found:
            found.add(each)
            waiting.append(each)
    return found


def test_nothing_is_rejected_and_every_kind_of_resource_is_there(items: list[Item], events: list[Item]) -> None:
    assert [each for each in (*items, *events) if isinstance(each, Rejected)] == []
    kinds = {parse_uri(each.subject).type for each in items if isinstance(each, Observation)}
    assert kinds == {"column", "dashboard", "data_test", "dataset", "group", "metric", "model", "pipeline", "project",
                     "saved_query", "semantic_model", "unit_test"}  # fmt: skip


def test_edges_are_exactly_parent_map_and_child_map(items: list[Item], manifest: dict[str, Any]) -> None:
    ours = parents(items)
    assert ours == {uid: set(each) for uid, each in manifest["parent_map"].items()}
    assert sum(map(len, ours.values())) >= 20
    children = {parent: {uid for uid in ours if parent in ours[uid]} for parent in ours}
    assert children == {uid: set(each) for uid, each in manifest["child_map"].items()}


@pytest.mark.parametrize(
    ("selection", "start", "is_upstream"),
    [("+exposure:churn", "exposure.shop.churn", True), ("raw_customers+", "seed.shop.raw_customers", False)],
)
def test_what_is_upstream_and_downstream_is_what_dbt_selects(
    items: list[Item], shop: Path, python: Path, selection: str, start: str, is_upstream: bool
) -> None:
    printed = dbt(shop, python, "dbt", "--quiet", "ls", "--select", selection, "--output", "json",
                  "--output-keys", "unique_id")  # fmt: skip
    selected = {json.loads(line)["unique_id"] for line in printed.splitlines() if line.startswith("{")}
    edges = parents(items)
    if not is_upstream:
        edges = {parent: {uid for uid in edges if parent in edges[uid]} for parent in edges}
    kinds = {"test", "unit_test"}  # a selection upstream brings the tests of what it selects
    ours = {uid for uid in closure(edges, start) if uid.partition(".")[0] not in kinds}
    assert {uid for uid in selected if uid.partition(".")[0] not in kinds} == ours
    assert len(ours) >= 4


def test_the_names_of_datasets_are_those_of_the_events(events: list[Item], items: list[Item], shop: Path) -> None:
    ours = {
        each.subject for each in items if isinstance(each, Observation) and parse_uri(each.subject).type == "dataset"
    }
    told = {
        each.subject for each in events if isinstance(each, Observation) and parse_uri(each.subject).type == "dataset"
    }
    built = ("days", "stg_orders", "stg_customers", "Grown_Größe", "orders_snapshot", "customer_features", "paid")
    assert {table(name) for name in built} <= told
    assert told <= ours
    # What runs of dbt's wrapper leave out: seeds, which it does not follow.
    assert ours - told == {table("raw_customers"), table("raw_orders")}


def test_every_job_of_the_events_is_a_pipeline_of_the_manifest_and_reads_the_same(
    events: list[Item], items: list[Item], manifest: dict[str, Any]
) -> None:
    same = {
        each.subject: edge.target
        for each in events
        if isinstance(each, Observation)
        for edge in each.edges
        if edge.relation == "same_as" and edge.target.startswith("lode://pipeline/dbt/")
    }
    reads: dict[str, set[str]] = {}
    for each in events:
        if isinstance(each, RunReport) and each.job in same and each.state == "COMPLETE":
            reads.setdefault(same[each.job], set()).update(e.source for e in each.edges if e.relation == "read_by")
    ids, ours = known_ids(items), parents(items)
    assert {ids[pipeline] for pipeline in reads} == {
        uid for uid, node in manifest["nodes"].items()
        if node["resource_type"] in {"model", "snapshot"} and node["config"]["materialized"] != "ephemeral"
    }  # fmt: skip
    for pipeline, found in reads.items():
        expected = {uid for uid in ours[ids[pipeline]] if not uid.startswith("seed.")}
        assert {ids[each] for each in found} == expected, pipeline


def test_column_lineage_of_the_events_is_what_the_models_say(events: list[Item]) -> None:
    expected = {
        ("raw_customers", "id", "stg_customers", "customer_id"),
        ("raw_customers", "Email", "stg_customers", "email"),
        ("raw_customers", "country", "stg_customers", "country"),
        ("raw_orders", "id", "stg_orders", "order_id"),
        ("raw_orders", "customer_id", "stg_orders", "customer_id"),
        ("raw_orders", "amount", "stg_orders", "amount"),
        ("raw_orders", "status", "stg_orders", "status"),
        ("raw_orders", "ordered_at", "stg_orders", "ordered_at"),
        ("stg_customers", "customer_id", "customer_features", "customer_id"),
        ("stg_customers", "country", "customer_features", "country"),
        ("stg_orders", "amount", "customer_features", "amount_total"),
        ("stg_orders", "customer_id", "paid", "customer_id"),
        ("stg_orders", "amount", "paid", "amount"),
    }
    found = {
        edge[:3]
        for each in events
        if isinstance(each, RunReport) and each.state == "COMPLETE"
        for edge in each.edges
        if parse_uri(edge.source).type == "column"
    }
    assert found == {(column_uri(table(a), b), "derives", column_uri(table(c), d)) for a, b, c, d in expected}


def test_columns_of_the_catalog_and_labels_of_the_manifest_are_told(items: list[Item]) -> None:
    told = {(each.subject, each.aspect): each for each in items if isinstance(each, Observation)}
    fields = told[table("customer_features"), "schema"].attributes["fields"]
    assert [(field["name"], field["type"]) for field in fields] == [
        ("customer_id", "INTEGER"), ("country", "VARCHAR"), ("amount_total", "HUGEINT"), ("n_orders", "BIGINT"),
    ]  # fmt: skip
    email = column_uri(table("stg_customers"), "email")
    assert (email, "tagged", "lode://tag/label/pii") in {edge[:3] for edge in told[email, "definition"].edges}
    key = told[column_uri(table("stg_customers"), "customer_id"), "definition"].attributes["tests"]
    assert {each["test"] for each in key} == {"unique", "not_null"}
    status = told[column_uri(table("stg_orders"), "status"), "definition"].attributes["tests"]
    assert status == [{"test": "accepted_values", "values": ["new", "paid"], "severity": "warn"}]
    owners = {
        edge.target for edge in told[table("customer_features"), "definition"].edges if edge.relation == "owned_by"
    }
    assert owners == {"lode://team/directory/ml", "lode://user/directory/data@example.com"}
    assert told["lode://pipeline/dbt/model.shop.paid", "last_run"].attributes["status"] == "success"


def test_every_relation_is_declared(events: list[Item], items: list[Item]) -> None:
    edges = [edge for each in (*events, *items) if isinstance(each, Observation | RunReport) for edge in each.edges]
    assert {edge.relation for edge in edges} <= set(RELATIONS)
