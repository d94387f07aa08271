"""dbt's artefacts as observations: small manifests made here, and those that OpenLineage's own tests use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from motherlode.core.time import parse_instant
from motherlode.errors import DataError, InputError, UnsupportedError
from motherlode.lifecycle.naming import dataset_uri
from motherlode.lifecycle.providers.dbt import Dbt, artifacts
from motherlode.lifecycle.record import Item, Observation, Provider, Rejected
from motherlode.lifecycle.relations import RELATIONS
from motherlode.lifecycle.uris import parse_uri
from tests.lineage_data import openlineage_folder

FOLDERS = ("small", "catalog", "build", "large", "postgres", "duckdb")
VERSIONS = {"small": 2, "catalog": 2, "build": 3, "large": 2, "postgres": 7, "duckdb": 12}
DB = "postgres://db.example:5432"
ORDERS = "lode://dataset/postgres/db.example:5432/shop.public.orders"
RAW = "lode://dataset/postgres/db.example:5432/shop.raw.Bestellungen"
MAKES_ORDERS = "lode://pipeline/dbt/model.shop.orders"


def manifest() -> dict[str, Any]:
    """A project of one source, one model, tests on it, and who uses it."""

    def node(kind: str, name: str, *parents: str, **more: Any) -> dict[str, Any]:
        return {"resource_type": kind, "name": name, "depends_on": {"nodes": list(parents)}, **more}

    place = {"database": "shop", "schema": "public"}
    source, model = "source.shop.raw.Bestellungen", "model.shop.orders"
    accepted = {"name": "accepted_values", "kwargs": {"column_name": "state", "values": ["new", "paid"]}}
    related = {"name": "relationships", "kwargs": {
        "column_name": "customer", "to": "source('raw', 'Bestellungen')", "field": "id",
        "model": "{{ ref('orders') }}"}}  # fmt: skip
    return {
        "metadata": {
            "dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json", "project_name": "shop",
            "generated_at": "2026-03-01T12:00:00.5Z", "adapter_type": "postgres", "dbt_version": "1.10.0",
        },
        "sources": {source: node("source", "Bestellungen", database="shop", schema="raw", identifier="orders_2019",
                                  columns={"id": {"name": "id"}})},
        "nodes": {
            model: node(
                "model", "orders", source, **place, alias="orders", description="One row an order", group="finance",
                tags=["daily", "daily"], meta={"owner": ["ada@example.com", "team:search"]},
                config={"materialized": "table", "contract": {"enforced": True}},
                columns={
                    "state": {"name": "state", "description": "Where it stands", "data_type": "text", "tags": "pii"},
                    "total": {"name": "total"},
                },
            ),
            "test.shop.accepted.1": node("test", "accepted", model, test_metadata=accepted, attached_node=model,
                                         config={"severity": "WARN"}),
            "test.shop.related.2": node("test", "related", source, model, test_metadata=related),
            "test.shop.own.3": node("test", "own", model),
        },
        "exposures": {
            "exposure.shop.churn": node("exposure", "churn", model, "metric.shop.revenue", type="ml", label="Churn",
                                        owner={"name": "Data science", "email": "ds@example.com"}),
            "exposure.shop.weekly": node("exposure", "weekly", model, type="dashboard", url="https://bi.example.com/7"),
        },
        "metrics": {"metric.shop.revenue": node("metric", "revenue", "semantic_model.shop.orders", label="Revenue")},
        "semantic_models": {"semantic_model.shop.orders": node("semantic_model", "orders", model)},
        "groups": {"group.shop.finance": {"name": "finance", "owner": {"email": "cfo@example.com"}}},
    }  # fmt: skip


def written(folder: Path, found: dict[str, Any], name: str = "manifest.json") -> Path:
    (folder / name).write_text(json.dumps(found), "utf-8")
    return folder / name


@pytest.fixture
def items(tmp_path: Path) -> list[Item]:
    return list(Dbt(written(tmp_path, manifest()), namespace=DB).observe())


def observed(items: list[Item], subject: str, aspect: str = "definition") -> Observation:
    (found,) = (
        each for each in items if isinstance(each, Observation) and (each.subject, each.aspect) == (subject, aspect)
    )
    return found


def triples(item: Observation) -> set[tuple[str, str, str]]:
    return {edge[:3] for edge in item.edges}


def test_a_model_is_a_dataset_and_the_pipeline_that_makes_it(items: list[Item]) -> None:
    dataset = observed(items, ORDERS)
    assert dataset.version == parse_instant("2026-03-01T12:00:00.5Z")
    assert triples(dataset) == {
        (ORDERS, "owned_by", "lode://user/directory/ada@example.com"),
        (ORDERS, "owned_by", "lode://team/directory/search"),
        (ORDERS, "owned_by", "lode://user/directory/cfo@example.com"),
        (ORDERS, "tagged", "lode://tag/label/daily"),
        (ORDERS, "grouped_in", "lode://group/dbt/finance"),
        (ORDERS, "grouped_in", "lode://project/dbt/shop"),
    }
    assert dataset.attributes["description"] == "One row an order"
    assert (dataset.attributes["materialized"], dataset.attributes["contract"]) == ("table", True)
    assert dataset.attributes["tests"] == [{"test": "own"}]
    assert triples(observed(items, MAKES_ORDERS, "io")) == {
        (RAW, "read_by", MAKES_ORDERS),
        (MAKES_ORDERS, "writes", ORDERS),
    }


def test_a_source_is_called_by_its_name_and_points_to_its_identifier(items: list[Item]) -> None:
    other = "lode://dataset/postgres/db.example:5432/shop.raw.orders_2019"
    assert (RAW, "same_as", other) in triples(observed(items, RAW))
    column = f"{RAW.replace('dataset', 'column', 1)}::id"
    assert triples(observed(items, column)) == {(column, "same_as", f"{other.replace('dataset', 'column', 1)}::id")}
    assert not any(isinstance(each, Observation) and "source.shop" in each.subject for each in items)


def test_columns_have_their_words_labels_and_tests(items: list[Item]) -> None:
    state = f"{ORDERS.replace('dataset', 'column', 1)}::state"
    assert observed(items, ORDERS, "schema").attributes["fields"] == [
        {"name": "state", "type": "text", "description": "Where it stands"},
        {"name": "total"},
    ]
    assert triples(observed(items, ORDERS, "schema")) == {
        (ORDERS, "has_column", state),
        (ORDERS, "has_column", state.replace("state", "total")),
    }
    column = observed(items, state)
    assert column.attributes["tests"] == [{"test": "accepted_values", "values": ["new", "paid"], "severity": "warn"}]
    assert triples(column) == {(state, "tagged", "lode://tag/label/pii")}


def test_a_test_reads_its_tables_and_the_column_it_looks_at(items: list[Item]) -> None:
    related = "lode://data_test/dbt/shop.related.2"
    customer = f"{ORDERS.replace('dataset', 'column', 1)}::customer"
    expected = {(RAW, "read_by", related), (ORDERS, "read_by", related), (customer, "read_by", related)}
    assert triples(observed(items, related)) == expected


def test_an_exposure_of_type_ml_is_a_model_and_another_is_what_it_says(items: list[Item]) -> None:
    model, revenue = "lode://model/dbt/shop.churn", "lode://metric/dbt/shop.revenue"
    assert triples(observed(items, model)) == {
        (ORDERS, "input_of", model),
        (revenue, "input_of", model),
        (model, "owned_by", "lode://user/directory/ds@example.com"),
    }
    assert observed(items, model).attributes["name"] == "churn"
    weekly = "lode://dashboard/dbt/shop.weekly"
    assert triples(observed(items, weekly)) == {(ORDERS, "feeds", weekly)}
    assert observed(items, weekly).attributes["url"] == "https://bi.example.com/7"
    semantic = "lode://semantic_model/dbt/shop.orders"
    assert triples(observed(items, revenue)) == {(semantic, "feeds", revenue)}
    assert triples(observed(items, semantic)) == {(ORDERS, "feeds", semantic)}


def test_everything_is_told_once_and_in_declared_relations(items: list[Item]) -> None:
    assert not any(isinstance(each, Rejected) for each in items)
    places = [(each.subject, each.aspect) for each in items if isinstance(each, Observation)]
    assert len(places) == len(set(places))
    assert {edge.relation for each in items if isinstance(each, Observation) for edge in each.edges} <= set(RELATIONS)


def test_two_nodes_of_one_table_are_one_dataset(tmp_path: Path) -> None:
    found = manifest()
    found["sources"]["source.other.public.orders"] = {
        "resource_type": "source", "name": "orders", "database": "shop", "schema": "public",
        "tags": ["copied"]}  # fmt: skip
    items = list(Dbt(written(tmp_path, found), namespace=DB).observe())
    dataset = observed(items, ORDERS)
    assert (dataset.attributes["unique_id"], dataset.attributes["materialized"]) == ("model.shop.orders", "table")
    assert (ORDERS, "tagged", "lode://tag/label/copied") in triples(dataset)


def test_the_catalog_gives_types_in_the_database_s_spelling(tmp_path: Path) -> None:
    columns = {name: {"name": name, "type": "TEXT", "index": at} for at, name in enumerate(["EXTRA", "STATE"], 1)}
    written(tmp_path, {
        "metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/catalog/v1.json",
                     "generated_at": "2026-03-02T00:00:00Z"},
        "nodes": {"model.shop.orders": {"columns": columns}},
    }, "catalog.json")  # fmt: skip
    items = list(Dbt(written(tmp_path, manifest()), namespace=DB).observe())
    schema = observed(items, ORDERS, "schema")
    assert schema.version == parse_instant("2026-03-02")
    assert schema.attributes["fields"] == [
        {"name": "EXTRA", "type": "TEXT"},
        {"name": "STATE", "type": "TEXT", "description": "Where it stands"},
        {"name": "total"},
    ]
    state = observed(items, f"{ORDERS.replace('dataset', 'column', 1)}::STATE")
    assert state.attributes["tests"][0]["test"] == "accepted_values"


def test_the_last_run_is_an_aspect_of_pipelines_and_tests(tmp_path: Path) -> None:
    results = {
        "metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/run-results/v6.json",
                     "generated_at": "2026-03-02T00:00:00Z"},
        "results": [{"unique_id": "model.shop.orders", "status": "success", "execution_time": 0.5},
                    {"unique_id": "test.shop.own.3", "status": "fail", "failures": 4}, "odd"],
    }  # fmt: skip
    named = written(tmp_path, results, "other.json")
    items = list(Dbt(written(tmp_path, manifest()), run_results=named, namespace=DB).observe())
    run = observed(items, MAKES_ORDERS, "last_run")
    assert (run.attributes, run.version) == ({"status": "success", "execution_time": 0.5}, parse_instant("2026-03-02"))
    assert observed(items, "lode://data_test/dbt/shop.own.3", "last_run").attributes == {
        "status": "fail",
        "failures": 4,
    }


def test_a_node_without_a_name_is_rejected_and_the_rest_goes_on(tmp_path: Path) -> None:
    found = manifest()
    found["nodes"]["model.shop.bare"] = {"resource_type": "model", "depends_on": {"nodes": ["model.shop.orders"]}}
    found["nodes"]["model.shop.odd"] = 3
    found["metadata"]["generated_at"] = "2026-03-01T12:00:00"
    items = list(Dbt(written(tmp_path, found), namespace=DB).observe())
    refused = {each.what: each.reason for each in items if isinstance(each, Rejected)}
    assert sorted(refused) == ["manifest.json: metadata", "model.shop.bare"]
    assert "no time zone" in refused["manifest.json: metadata"]
    assert observed(items, ORDERS).version is None


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'{"metadata": {', "no JSON"),
        (b"[]", "dbt_schema_version None"),
        (b'{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/catalog/v1.json"}}', "catalog/v1"),
        (b"[" * 100_000, "no JSON"),
        (json.dumps(manifest()).replace("One row", "One \\ud800 row").encode(), "surrogates not allowed"),
    ],
)
def test_what_is_no_manifest_is_refused_by_name(tmp_path: Path, content: bytes, expected: str) -> None:
    file = tmp_path / "manifest.json"
    file.write_bytes(content)
    with pytest.raises(DataError, match=f"manifest.json: .*{expected}.*write it anew with dbt") as caught:
        list(Dbt(file, namespace=DB).observe())
    assert caught.value.path == str(file)


def test_a_newer_manifest_is_refused_by_its_version(tmp_path: Path) -> None:
    found = manifest()
    found["metadata"]["dbt_schema_version"] = "https://schemas.getdbt.com/dbt/manifest/v13.json"
    with pytest.raises(UnsupportedError, match="version 13, but versions up to 12"):
        list(Dbt(written(tmp_path, found)).observe())


def test_a_file_beyond_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifacts, "MAX_BYTES", 100)
    with pytest.raises(DataError, match="more than"):
        list(Dbt(written(tmp_path, manifest())).observe())


def test_a_broken_catalog_is_an_error_when_named_and_quarantined_when_only_found(tmp_path: Path) -> None:
    path = written(tmp_path, manifest())
    (tmp_path / "catalog.json").write_text("{", "utf-8")
    items = list(Dbt(path, namespace=DB).observe())
    assert [each.what for each in items if isinstance(each, Rejected)] == ["catalog.json"]
    assert observed(items, ORDERS).version is not None
    with pytest.raises(DataError, match="catalog.json: no JSON"):
        list(Dbt(path, tmp_path / "catalog.json", namespace=DB).observe())
    with pytest.raises(InputError, match="there is no such file"):
        list(Dbt(path, tmp_path / "missing.json", namespace=DB).observe())


def test_a_project_keeps_the_contract_of_a_provider(tmp_path: Path) -> None:
    source = Dbt(tmp_path / "missing.json")
    assert isinstance(source, Provider)
    assert (source.name, source.is_listing, source.scope) == ("dbt", True, (tmp_path / "missing.json").as_posix())
    with pytest.raises(InputError, match="there is no such file; run dbt"):
        list(source.observe())
    with pytest.raises(InputError, match="namespace is empty"):
        Dbt("manifest.json", namespace=" ")
    known = Dbt(written(tmp_path, manifest()), namespace=DB)
    kept = known.hydrate(ORDERS)
    assert {each.aspect for each in kept if isinstance(each, Observation)} == {"definition", "schema"}
    assert known.hydrate("lode://dataset/postgres/nobody") == []


def _projected(items: list[Item], uids: list[str]) -> dict[str, set[str]]:
    """Our edges, back in dbt's unique ids: which ids each depends on. A table without a node keeps its id."""
    datasets: dict[str, set[str]] = {}
    targets: dict[str, str] = {}
    for each in items:
        if isinstance(each, Observation) and each.aspect == "definition" and "unique_id" in each.attributes:
            datasets.setdefault(each.subject, set()).add(str(each.attributes["unique_id"]))
    for uid in uids:
        kind, _, short = uid.partition(".")
        targets[f"lode://pipeline/dbt/{uid}"] = uid
        targets[f"lode://{'data_test' if kind == 'test' else kind}/dbt/{short}"] = uid
    found: dict[str, set[str]] = {uid: set() for uid in uids}
    for each in items:
        for edge in each.edges if isinstance(each, Observation) else ():
            if edge.relation in {"read_by", "feeds", "input_of"} and parse_uri(edge.source).type != "column":
                found[targets[edge.target]] |= datasets.get(edge.source, {edge.source.removeprefix("lode://node/dbt/")})
    return found


@pytest.mark.parametrize("folder", FOLDERS)
def test_edges_are_those_of_parent_map_for_manifests_of_every_version(folder: str) -> None:
    path = openlineage_folder() / "dbt" / folder / "target" / "manifest.json"
    found = json.loads(path.read_text("utf-8"))
    assert found["metadata"]["dbt_schema_version"].endswith(f"/v{VERSIONS[folder]}.json")
    expected = {uid: set(parents) for uid, parents in found["parent_map"].items()}
    items = list(Dbt(path).observe())
    assert not any(isinstance(each, Rejected) for each in items)
    uids = sorted({*expected, *found["nodes"], *found["sources"]})
    assert _projected(items, uids) == {uid: set() for uid in uids} | expected
    assert sum(map(len, expected.values())) == {"small": 1, "catalog": 1, "build": 4, "large": 29, "postgres": 29,
                                                "duckdb": 14}[folder]  # fmt: skip


@pytest.mark.parametrize("folder", FOLDERS)
def test_datasets_are_called_as_in_openlineage_s_own_dbt_events(folder: str) -> None:
    home = openlineage_folder() / "dbt" / folder
    events = json.loads((home / "result.json").read_text("utf-8"))
    expected = {
        dataset_uri(each["namespace"], each["name"])
        for event in events
        for side in ("inputs", "outputs")
        for each in event.get(side, [])
    }
    assert expected
    items = list(Dbt(home / "target" / "manifest.json").observe())
    assert expected <= {each.subject for each in items if isinstance(each, Observation)}
