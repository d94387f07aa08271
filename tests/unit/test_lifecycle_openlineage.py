"""One OpenLineage event becomes items: what it says, in the precedence of its facets, and nothing it does not say."""

from __future__ import annotations

from typing import Any

import pytest

from motherlode.core.time import parse_instant
from motherlode.lifecycle.providers.openlineage import read_event
from motherlode.lifecycle.providers.openlineage.facets import DATASET_ASPECTS
from motherlode.lifecycle.record import Item, Observation, Rejected, RunReport
from motherlode.lifecycle.relations import RELATIONS

RUN = "41fb5137-f0fd-4ee5-ba5c-56f8571d1bd7"
DB = "postgres://db:5432"
JOB = "lode://pipeline/openlineage/shop/daily_orders"
RAW = "lode://dataset/postgres/db:5432/shop.raw.orders"
OUT = "lode://dataset/postgres/db:5432/shop.public.Daily"


def dataset(name: str, namespace: str = DB, **facets: Any) -> dict[str, Any]:
    return {"namespace": namespace, "name": name, "facets": facets}


def event(**parts: Any) -> dict[str, Any]:
    """A run event as the schema wants it, with other parts; None leaves a part out."""
    whole: dict[str, Any] = {
        "eventType": "COMPLETE",
        "eventTime": "2026-03-01T12:00:00+01:00",
        "producer": "https://example.com/producer",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json",
        "run": {"runId": RUN},
        "job": {"namespace": "shop", "name": "daily_orders"},
        "inputs": [dataset("shop.raw.orders")],
        "outputs": [dataset("shop.public.Daily")],
    } | parts
    return {name: part for name, part in whole.items() if part is not None}


def observed(items: list[Item], subject: str, aspect: str) -> Observation:
    (found,) = (
        each for each in items if isinstance(each, Observation) and (each.subject, each.aspect) == (subject, aspect)
    )
    return found


def report(items: list[Item]) -> RunReport:
    (found,) = (each for each in items if isinstance(each, RunReport))
    return found


def triples(item: Observation | RunReport) -> set[tuple[str, str, str]]:
    return {edge[:3] for edge in item.edges}


def reason(items: list[Item]) -> str:
    (found,) = items
    assert isinstance(found, Rejected)
    return found.reason


def test_a_run_reports_what_its_job_reads_and_writes() -> None:
    found = report(read_event(event(), "one"))
    assert (found.run, found.job, found.state) == (f"lode://pipeline_run/openlineage/{RUN}", JOB, "COMPLETE")
    assert found.at == parse_instant("2026-03-01T11:00:00Z")
    assert triples(found) == {(RAW, "read_by", JOB), (JOB, "writes", OUT)}
    assert found.attributes == {"producer": "https://example.com/producer"}


def test_the_evidence_is_the_same_from_run_to_run() -> None:
    other = event(run={"runId": "00000000-0000-0000-0000-000000000001"}, eventTime="2026-03-02T12:00:00Z")
    assert report(read_event(event(), "one")).edges == report(read_event(other, "two")).edges


def lineage_of_columns() -> dict[str, Any]:
    def source(field: str, *transformations: dict[str, Any]) -> dict[str, Any]:
        return {"namespace": DB, "name": "shop.raw.orders", "field": field, "transformations": list(transformations)}

    return {
        "fields": {
            "day": {"inputFields": [source("created", {"type": "DIRECT", "subtype": "TRANSFORMATION"})]},
            "total": {
                "inputFields": [
                    source(
                        "amount", {"type": "DIRECT", "subtype": "AGGREGATION"}, {"type": "INDIRECT", "subtype": "SORT"}
                    ),
                    source("state", {"type": "INDIRECT", "subtype": "CONDITIONAL", "masking": True}),
                ]
            },
            "who": {"inputFields": [source("email", {"type": "DIRECT", "subtype": "AGGREGATION", "masking": True})]},
            "plain": {"inputFields": [source("plain")]},
            "old": {"inputFields": [source("secret")], "transformationType": "MASKED"},
        },
        "dataset": [source("state", {"type": "INDIRECT", "subtype": "FILTER"})],
    }


COLUMN_EDGES = {
    (f"lode://column/postgres/db:5432/shop.raw.orders::{source}", relation, target)
    for source, relation, target in (
        ("created", "derives", "lode://column/postgres/db:5432/shop.public.Daily::day"),
        ("amount", "derives", "lode://column/postgres/db:5432/shop.public.Daily::total"),
        ("amount", "influences", "lode://column/postgres/db:5432/shop.public.Daily::total"),
        ("state", "influences", "lode://column/postgres/db:5432/shop.public.Daily::total"),
        ("email", "masks", "lode://column/postgres/db:5432/shop.public.Daily::who"),
        ("plain", "derives", "lode://column/postgres/db:5432/shop.public.Daily::plain"),
        ("secret", "masks", "lode://column/postgres/db:5432/shop.public.Daily::old"),
        ("state", "influences", OUT),
    )
}


def test_column_lineage_says_which_column_derives_influences_or_masks_which() -> None:
    found = report(read_event(event(outputs=[dataset("shop.public.Daily", columnLineage=lineage_of_columns())]), "one"))
    assert triples(found) == COLUMN_EDGES | {(RAW, "read_by", JOB), (JOB, "writes", OUT)}
    why = {(edge.source.rpartition("::")[2], edge.relation, edge.target): edge.evidence for edge in found.edges}
    assert why["state", "influences", OUT] == "columnLineage facet of job daily_orders: INDIRECT FILTER"


def test_an_explicit_lineage_facet_speaks_before_column_lineage_but_only_for_its_targets() -> None:
    entry = {
        "namespace": DB,
        "name": "shop.public.Daily",
        "type": "DATASET",
        "inputs": [{"namespace": DB, "name": "shop.raw.orders", "type": "DATASET"}, {"type": "JOB"}],
        "fields": {"day": {"inputs": [{"namespace": DB, "name": "shop.raw.orders", "type": "DATASET", "field": "at"}]}},
    }
    other = dataset("shop.public.other", columnLineage={"fields": {"x": {"inputFields": [
        {"namespace": DB, "name": "shop.raw.orders", "field": "x"}]}}})  # fmt: skip
    given = event(
        job={"namespace": "shop", "name": "daily_orders", "facets": {"lineage": {"entries": [entry]}}},
        outputs=[dataset("shop.public.Daily", columnLineage=lineage_of_columns()), other],
    )
    column = "lode://column/postgres/db:5432/"
    assert triples(report(read_event(given, "one"))) == {
        (RAW, "read_by", JOB),
        (JOB, "writes", OUT),
        (JOB, "writes", "lode://dataset/postgres/db:5432/shop.public.other"),
        (RAW, "derives", OUT),
        (f"{column}shop.raw.orders::at", "derives", f"{column}shop.public.Daily::day"),
        (f"{column}shop.raw.orders::x", "derives", f"{column}shop.public.other::x"),
    }


def test_an_empty_list_of_inputs_says_that_nothing_feeds_the_target() -> None:
    entry = {"namespace": DB, "name": "shop.public.Daily", "type": "DATASET", "inputs": []}
    given = event(
        job={"namespace": "shop", "name": "daily_orders", "facets": {"lineage": {"entries": [entry]}}},
        outputs=[dataset("shop.public.Daily", columnLineage=lineage_of_columns())],
    )
    assert triples(report(read_event(given, "one"))) == {(RAW, "read_by", JOB), (JOB, "writes", OUT)}


def test_a_job_event_declares_what_the_job_reads_and_writes() -> None:
    items = read_event(event(run=None, eventType=None), "one")
    found = observed(items, JOB, "declared_io")
    assert triples(found) == {(RAW, "read_by", JOB), (JOB, "writes", OUT)}
    assert found.version == parse_instant("2026-03-01T11:00:00Z")
    assert not any(isinstance(each, RunReport) for each in items)


def test_a_dataset_event_tells_its_schema_and_its_lineage() -> None:
    given = event(run=None, job=None, inputs=None, outputs=None, eventType=None)
    given["dataset"] = dataset(
        "shop.public.Daily",
        schema={"fields": [
            {"name": "day", "type": "date", "description": "UTC"},
            {"name": "Größe", "type": "struct", "fields": [{"name": "cm", "type": "int"}]},
            {"name": "day", "type": "date", "description": "UTC"},
        ]},
        columnLineage=lineage_of_columns(),
    )  # fmt: skip
    items = read_event(given, "one")
    assert triples(observed(items, OUT, "lineage")) == COLUMN_EDGES
    schema = observed(items, OUT, "schema")
    column = "lode://column/postgres/db:5432/shop.public.Daily::"
    assert [edge[:3] for edge in schema.edges] == [
        (OUT, "has_column", f"{column}day"),
        (OUT, "has_column", f"{column}Größe"),
        (f"{column}Größe", "has_column", f"{column}Größe.cm"),
    ]
    assert schema.attributes["fields"][:2] == [
        {"name": "day", "type": "date", "description": "UTC"},
        {"name": "Größe", "type": "struct", "fields": [{"name": "cm", "type": "int"}]},
    ]


def test_facets_of_a_dataset_become_aspects_each_with_its_own_history() -> None:
    out = dataset(
        "shop.public.Daily",
        documentation={"description": "Orders by day"},
        dataSource={"name": "db", "uri": "postgres://lode:hunter2@db:5432/shop?password=hunter2"},
        ownership={"owners": [{"name": "team:search", "type": "MAINTAINER"}, {"name": "ada@example.com"}]},
        tags={"tags": [{"key": "pii", "value": "true", "field": "who"}, {"key": "tier", "value": "gold"}]},
        symlinks={"identifiers": [{"namespace": "s3://lake", "name": "daily", "type": "LOCATION"}]},
        version={"datasetVersion": "7"},
        storage={"_deleted": True, "_producer": "p", "_schemaURL": "s"},
        lifecycleStateChange={
            "lifecycleStateChange": "RENAME",
            "previousIdentifier": {"namespace": DB, "name": "shop.public.Old"},
        },
    )
    items = read_event(event(outputs=[out]), "one")
    assert observed(items, OUT, "documentation").attributes == {"description": "Orders by day"}
    assert observed(items, OUT, "datasource").attributes == {
        "datasource": {"name": "db", "uri": "postgres://db:5432/shop?password=…"}
    }
    assert triples(observed(items, OUT, "ownership")) == {
        (OUT, "owned_by", "lode://team/directory/search"),
        (OUT, "owned_by", "lode://user/directory/ada@example.com"),
    }
    assert triples(observed(items, OUT, "tags")) == {
        ("lode://column/postgres/db:5432/shop.public.Daily::who", "tagged", "lode://tag/label/pii"),
        (OUT, "tagged", "lode://tag/label/tier=gold"),
    }
    assert triples(observed(items, OUT, "symlinks")) == {(OUT, "same_as", "lode://dataset/s3/lake/daily")}
    assert triples(observed(items, OUT, "version")) == {
        (OUT, "has_version", "lode://dataset_version/postgres/db:5432/shop.public.Daily@7")
    }
    renamed = ("lode://dataset/postgres/db:5432/shop.public.Old", "same_as", OUT)
    assert triples(observed(items, OUT, "lifecycle")) == {renamed}
    assert observed(items, OUT, "storage").gone


def test_a_job_tells_its_sql_its_owners_and_who_starts_it() -> None:
    job = {"namespace": "shop", "name": "daily_orders", "facets": {
        "sql": {"query": "SELECT 1 WHERE token='x'"},
        "sourceCodeLocation": {"type": "git", "url": "https://user:token@example.com/repo.git"},
        "ownership": {"owners": [{"name": "user:ada"}]},
    }}  # fmt: skip
    run = {"runId": RUN, "facets": {
        "parent": {"run": {"runId": "p"}, "job": {"namespace": "airflow", "name": "dag"}},
        "jobDependencies": {
            "upstream": [{"job": {"namespace": "airflow", "name": "load"}}],
            "downstream": [{"job": {"namespace": "airflow", "name": "mail"}, "dependency_type": "DIRECT_INVOCATION"}],
        },
        "environmentVariables": {"environmentVariables": [{"name": "KEY", "value": "hunter2"}]},
    }}  # fmt: skip
    items = read_event(event(job=job, run=run, inputs=[], outputs=[]), "one")
    assert observed(items, JOB, "sql").attributes == {"query": "SELECT 1 WHERE token='x'"}
    location = {"source_code_location": {"type": "git", "url": "https://example.com/repo.git"}}
    assert observed(items, JOB, "source_code_location").attributes == location
    assert triples(observed(items, JOB, "ownership")) == {(JOB, "owned_by", "lode://user/directory/ada")}
    assert triples(report(items)) == {
        ("lode://pipeline/openlineage/airflow/dag", "triggers", JOB),
        ("lode://pipeline/openlineage/airflow/load", "supports", JOB),
        (JOB, "triggers", "lode://pipeline/openlineage/airflow/mail"),
    }
    assert "hunter2" not in repr(items)
    assert report(items).attributes["parent_run"] == "p"


@pytest.mark.parametrize("state", ["COMPLETE", "OTHER"])
def test_a_dropped_dataset_is_gone_in_every_aspect_and_nobody_writes_it(state: str) -> None:
    dropped = dataset("shop.public.Daily", lifecycleStateChange={"lifecycleStateChange": "DROP"})
    items = read_event(event(inputs=[], outputs=[dropped], eventType=state), "one")
    told = [each for each in items if isinstance(each, Observation) and each.subject == OUT]
    assert {each.aspect for each in told} == set(DATASET_ASPECTS)
    assert all(each.gone for each in told)
    assert report(items).edges == ()


@pytest.mark.parametrize("state", ["START", "FAIL"])
def test_a_drop_that_only_began_or_failed_ends_nothing(state: str) -> None:
    dropped = dataset("shop.public.Daily", lifecycleStateChange={"lifecycleStateChange": "DROP"})
    items = read_event(event(outputs=[dropped], eventType=state), "one")
    assert not any(isinstance(each, Observation) and each.subject == OUT for each in items)


def test_every_aspect_that_events_tell_of_datasets_ends_with_a_drop() -> None:
    facets: dict[str, Any] = {
        "documentation": {"description": "d"}, "dataSource": {"name": "n"}, "storage": {"storageLayer": "delta"},
        "datasetType": {"datasetType": "VIEW"}, "catalog": {"framework": "f", "type": "t", "name": "n"},
        "hierarchy": {"hierarchy": [{"type": "DATABASE", "name": "n"}]}, "dataQualityMetrics": {"columnMetrics": {}},
        "dataQualityAssertions": {"assertions": []}, "schema": {"fields": []}, "ownership": {"owners": []},
        "tags": {"tags": []}, "symlinks": {"identifiers": []}, "version": {"datasetVersion": "1"},
        "lifecycleStateChange": {"lifecycleStateChange": "CREATE"}, "columnLineage": lineage_of_columns(),
    }  # fmt: skip
    given = event(run=None, job=None, inputs=None, outputs=None, eventType=None)
    given["dataset"] = dataset("shop.public.Daily", **facets)
    told = {each.aspect for each in read_event(given, "one") if isinstance(each, Observation)}
    assert told == set(DATASET_ASPECTS)


def test_a_job_that_makes_a_node_of_dbt_is_that_node_s_pipeline_and_a_job_of_its_tests_is_not() -> None:
    def told(kind: str) -> dict[str, Observation]:
        facets = {
            "dbt_node": {"unique_id": "model.shop.orders"},
            "jobType": {"processingType": "BATCH", "integration": "DBT", "jobType": kind},
        }
        items = read_event(event(job={"namespace": "shop", "name": "daily_orders", "facets": facets}), "one")
        return {each.aspect: each for each in items if isinstance(each, Observation) and each.subject == JOB}

    assert triples(told("MODEL")["symlinks"]) == {(JOB, "same_as", "lode://pipeline/dbt/model.shop.orders")}
    assert "symlinks" not in told("TEST")


def test_self_edges_and_duplicates_are_left_out() -> None:
    same = {"fields": {"x": {"inputFields": [{"namespace": DB, "name": "shop.public.Daily", "field": "x"}]}}}
    out = dataset("shop.public.Daily", columnLineage=same)
    found = report(read_event(event(outputs=[out, out], inputs=[out]), "one"))
    assert [edge[:3] for edge in found.edges] == [(OUT, "read_by", JOB), (JOB, "writes", OUT)]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"eventTime": None}, "eventTime is missing"),
        ({"eventTime": "2026-03-01T12:00:00"}, "no time zone"),
        ({"eventTime": "yesterday"}, "expected an ISO 8601 time"),
        ({"eventTime": 1700000000}, "eventTime is 1700000000; expected a text"),
        ({"producer": None}, "producer is missing"),
        ({"run": {}}, "run.runId is missing"),
        ({"job": {"namespace": "shop"}}, "job.name is missing"),
        ({"eventType": "DONE"}, "eventType is 'DONE'; expected one of ABORT, COMPLETE"),
        ({"inputs": {}}, "inputs is an object; expected a list"),
        ({"outputs": [{"name": "x"}]}, "outputs[0].namespace is missing"),
        ({"outputs": [dataset("x", schema={"fields": [{"type": "int"}]})]}, "schema.fields[0].name is missing"),
        ({"outputs": [dataset("x", schema=[])]}, "outputs[0].facets.schema is a list; expected an object"),
        ({"outputs": [dataset("x", columnLineage={"fields": {"_1": {}}})]}, "fields._1.inputFields is missing"),
        ({"outputs": [dataset("x", lifecycleStateChange={"lifecycleStateChange": "MOVE"})]}, "expected one of ALTER"),
        ({"run": None, "job": None, "inputs": None, "outputs": None}, "no run, job or dataset"),
    ],
)
def test_an_event_that_breaks_the_schema_is_rejected_with_what_was_found(parts: dict[str, Any], expected: str) -> None:
    assert expected in reason(read_event(event(**parts), "one"))


@pytest.mark.parametrize("given", [None, [], "text", 3, {}])
def test_what_is_no_event_is_rejected(given: object) -> None:
    assert "expected" in reason(read_event(given, "one"))


def test_an_empty_name_costs_only_its_dataset() -> None:
    items = read_event(event(inputs=[dataset("shop.raw.orders"), dataset(" ")]), "one")
    refused = {each.what for each in items if isinstance(each, Rejected)}
    assert refused == {f"one: dataset ' ' in '{DB}'"}
    assert triples(report(items)) == {(RAW, "read_by", JOB), (JOB, "writes", OUT)}


def test_half_a_surrogate_pair_is_rejected_because_nothing_can_store_it() -> None:
    assert "surrogate" in reason(read_event(event(inputs=[dataset("half \ud800")]), "one"))


def test_an_event_nested_without_end_is_rejected() -> None:
    deep: dict[str, Any] = {"name": "deep"}
    for _ in range(100_000):
        deep = {"name": "deep", "fields": [deep]}
    assert "nested" in reason(read_event(event(outputs=[dataset("x", schema={"fields": [deep]})]), "one"))


@pytest.mark.parametrize("unknown", ["${json-unit.any-string}", "{{ is_datetime(result) }}"])
def test_placeholders_are_values_that_nobody_knows(unknown: str) -> None:
    items = read_event(event(run={"runId": unknown}, eventTime=unknown), "one")
    found = observed(items, JOB, "declared_io")
    assert (found.version, triples(found)) == (None, {(RAW, "read_by", JOB), (JOB, "writes", OUT)})
    assert not any(isinstance(each, RunReport) for each in items)
    assert unknown not in repr(items)


def test_a_fragment_without_schema_url_is_read_as_far_as_it_goes() -> None:
    out = dataset("shop.public.Daily", columnLineage=lineage_of_columns())
    fragment = {"eventType": "COMPLETE", "job": {"namespace": "shop"}, "outputs": [out, {"name": "nowhere"}]}
    items = read_event(fragment, "one")
    assert triples(observed(items, OUT, "lineage")) == COLUMN_EDGES
    assert {each.subject for each in items if isinstance(each, Observation)} == {OUT}


def test_what_a_url_or_an_error_says_in_secret_is_left_out() -> None:
    given = event(
        inputs=[dataset("shop.raw.orders", "postgres://lode:hunter2@db:5432")],
        run={"runId": RUN, "facets": {"errorMessage": {
            "message": "no route to mysql://lode:hunter2@db?api_key=hunter2", "programmingLanguage": "JAVA"}}},
    )  # fmt: skip
    items = read_event(given, "one")
    assert "hunter2" not in repr(items)
    assert (RAW, "read_by", JOB) in triples(report(items))
    assert report(items).attributes["error"] == "no route to mysql://db?api_key=…"


def test_namespaces_can_be_called_otherwise() -> None:
    items = read_event(event(inputs=[dataset("a", "postgres://10.0.0.3:5432")]), "x", namespaces={
        "postgres://10.0.0.3:5432": DB})  # fmt: skip
    assert ("lode://dataset/postgres/db:5432/a", "read_by", JOB) in triples(report(items))


def test_every_relation_is_a_declared_one() -> None:
    given = event(outputs=[dataset("shop.public.Daily", columnLineage=lineage_of_columns())])
    assert {edge.relation for edge in report(read_event(given, "one")).edges} <= set(RELATIONS)
