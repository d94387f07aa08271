"""Files and folders of OpenLineage events, and the events and facets that OpenLineage itself calls valid or invalid."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from motherlode.errors import DataError, InputError
from motherlode.lifecycle.providers.openlineage import OpenLineage, files, read_event
from motherlode.lifecycle.record import Observation, Provider, Rejected, RunReport
from motherlode.lifecycle.relations import RELATIONS
from motherlode.lifecycle.uris import parse_uri
from tests.lineage_data import openlineage_folder


def event(run: str, job: str = "load") -> dict[str, Any]:
    return {
        "eventType": "COMPLETE",
        "eventTime": "2026-03-01T12:00:00Z",
        "producer": "https://example.com/producer",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json",
        "run": {"runId": run},
        "job": {"namespace": "shop", "name": job},
        "outputs": [{"namespace": "file", "name": "/data/out.csv"}],
    }


def runs(where: Path) -> list[str]:
    return [parse_uri(each.run).id for each in OpenLineage(where).observe() if isinstance(each, RunReport)]


def rejected(where: Path) -> dict[str, str]:
    return {each.what: each.reason for each in OpenLineage(where).observe() if isinstance(each, Rejected)}


def test_a_folder_is_read_with_its_subfolders_in_the_order_of_paths(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "one.json").write_text(json.dumps([event("3"), event("4")]), "utf-8")
    (tmp_path / "a.ndjson").write_text(f"{json.dumps(event('1'))}\n\n{json.dumps(event('2'))}", "utf-8")
    (tmp_path / "c.jsonl.gz").write_bytes(gzip.compress(json.dumps(event("5")).encode()))
    (tmp_path / "d.json").write_text(f"{json.dumps(event('6'))}\n{json.dumps(event('7'))}\n", "utf-8-sig")
    (tmp_path / "notes.txt").write_text("no events", "utf-8")
    assert runs(tmp_path) == ["1", "2", "3", "4", "5", "6", "7"]
    assert rejected(tmp_path) == {}


def test_what_cannot_be_read_is_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    whole = json.dumps(event("1"))
    (tmp_path / "a.ndjson").write_text(f"{whole[:40]}\n{whole}\n3\n", "utf-8")
    (tmp_path / "half.json").write_text(whole[:-5], "utf-8")
    (tmp_path / "latin.json").write_bytes(whole.replace("shop", "Müll").encode("latin-1"))
    (tmp_path / "short.json.gz").write_bytes(gzip.compress(whole.encode())[:-9])
    (tmp_path / "z.json").write_text(json.dumps(event("2")), "utf-8")
    found = rejected(tmp_path)
    assert sorted(found) == ["a.ndjson:1", "a.ndjson:3", "half.json", "latin.json", "short.json.gz"]
    assert all("expected" in reason for reason in found.values())
    assert runs(tmp_path) == ["1", "2"]


@pytest.mark.parametrize("content", [b'{"eventType": ', b"\xff\xfe", b"", b"[" * 100_000])
def test_one_file_that_is_no_json_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "half.json"
    file.write_bytes(content)
    with pytest.raises(DataError, match="half.json: no JSON.*write it anew") as caught:
        list(OpenLineage(file).observe())
    assert caught.value.path == str(file)


def test_where_nothing_is_the_error_says_so(tmp_path: Path) -> None:
    source = OpenLineage(tmp_path / "missing")  # making it touches nothing
    with pytest.raises(InputError, match="there is no such file or folder"):
        list(source.observe())


def test_files_and_lines_have_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = json.dumps(event("1"))
    monkeypatch.setattr(files, "MAX_FILE_BYTES", len(whole) - 1)
    monkeypatch.setattr(files, "MAX_LINE_BYTES", len(whole) + 1)
    (tmp_path / "large.json").write_text(whole, "utf-8")
    (tmp_path / "lines.ndjson").write_text(f"{whole}{' ' * 3 * len(whole)}\n{whole}\n", "utf-8")
    assert sorted(rejected(tmp_path)) == ["large.json", "lines.ndjson:1"]
    assert runs(tmp_path) == ["1"]
    with pytest.raises(DataError, match="name it .ndjson"):
        list(OpenLineage(tmp_path / "large.json").observe())


def test_a_source_keeps_the_contract_of_a_provider(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_text(f"{json.dumps(event('1'))}\n{json.dumps(event('2', 'other'))}\n", "utf-8")
    source = OpenLineage(tmp_path)
    assert isinstance(source, Provider)
    assert (source.name, source.is_listing, source.scope) == ("openlineage", False, tmp_path.as_posix())
    (found,) = (each for each in source.hydrate("lode://pipeline/openlineage/shop/load") if isinstance(each, RunReport))
    assert found.run == "lode://pipeline_run/openlineage/1"
    assert source.hydrate("lode://pipeline/openlineage/shop/nobody") == []
    assert len(source.hydrate("lode://dataset/file//data/out.csv")) == 2


def test_every_valid_event_of_openlineage_is_accepted_and_both_invalid_ones_are_rejected() -> None:
    folder = openlineage_folder() / "events"
    n_events = 0
    for kind in ("flink", "hive", "spark"):
        source = OpenLineage(folder / kind)
        n_events += sum(len(found) if isinstance(found, list) else 1 for found in map(_load, (folder / kind).iterdir()))
        for item in source.observe():
            assert not isinstance(item, Rejected), item
            assert isinstance(item, Observation | RunReport)
            for edge in item.edges:
                assert edge.relation in RELATIONS
                assert "json-unit" not in edge.source + edge.target + edge.evidence
                assert parse_uri(edge.source) != parse_uri(edge.target)
    assert n_events == 97
    for result in sorted(folder.parent.glob("dbt/*/result.json")):
        assert rejected(result) == {}
    assert rejected(folder / "invalid") == {
        "event_invalid_job_facet.json": "job.facets.ownership.owners[0].name is missing; OpenLineage requires it",
        "event_no_run_id.json": "run.runId is missing; OpenLineage requires it",
    }
    assert runs(folder / "invalid") == []


def _load(file: Path) -> Any:
    return json.loads(file.read_text("utf-8"))


def test_the_lineage_of_a_recorded_delta_merge_is_read_column_by_column() -> None:
    file = openlineage_folder() / "events" / "spark" / "deltaMergeCommandVerificationComplete.json"
    (lineage,) = (
        each for each in OpenLineage(file).observe() if isinstance(each, Observation) and each.aspect == "lineage"
    )
    column = "lode://column/file//tmp/delta/"
    assert {(edge.source, edge.relation, edge.target) for edge in lineage.edges} == {
        (f"{column}updates::event_id", "derives", f"{column}events::event_id"),
        (f"{column}updates::updated_at", "derives", f"{column}events::last_updated_at"),
        (f"{column}updates::updated_at", "influences", f"{column}events::last_updated_at"),
    }


RUN_FACETS = ("ParentRunFacet", "ErrorMessageRunFacet", "ExternalQueryRunFacet", "NominalTimeRunFacet", "TagsRunFacet",
              "ProcessingEngineRunFacet", "ExtractionErrorRunFacet", "EnvironmentVariablesRunFacet")  # fmt: skip


def test_every_example_of_a_facet_in_the_specification_is_accepted_where_it_belongs() -> None:
    n_facets = 0
    for file in sorted((openlineage_folder() / "spec" / "tests").glob("*/*.json")):
        facets = _load(file)
        given = event("1")
        kind = file.parent.name
        if kind in RUN_FACETS:
            given["run"]["facets"] = facets
        elif kind.endswith("JobFacet") or (kind == "LineageFacet" and "entries" in facets["lineage"]):
            given["job"]["facets"] = facets
        else:
            given["outputs"][0]["facets"] = facets
        items = read_event(given, file.name)
        assert not any(isinstance(each, Rejected) for each in items), (file, items)
        n_facets += 1
    assert n_facets >= 45
    whole = read_event(_load(openlineage_folder() / "spec" / "tests" / "example_full_event.json"), "full")
    assert any(isinstance(each, RunReport) for each in whole)


W = "lode://dataset/postgres/warehouse:5432/public."
A = "lode://pipeline/openlineage/airflow:"
OWN = "lode://pipeline/openlineage/shop/load"


def _job_lineage(name: str) -> set[tuple[str, str, str]]:
    given = event("1") | {"outputs": []}
    given["job"]["facets"] = _load(openlineage_folder() / "spec" / "tests" / "LineageFacet" / f"{name}.json")
    (found,) = (each for each in read_event(given, name) if isinstance(each, RunReport))
    return {edge[:3] for edge in found.edges}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("dataset-to-job", {("staging_orders::order_id", "read_by", "daily.load")}),
        ("job-to-dataset", {("daily.extract", "writes", "daily_summary")}),
        ("job-to-job", {("daily.transform", "supports", "daily.load")}),
        ("generator", {(OWN, "writes", "extracted_data::total")}),
        ("implicit-job", {("lode://dataset/postgres/production:5432/public.transactions", "read_by", OWN)}),
        (
            "mixed-sources",
            {
                ("orders", "derives", "enriched_orders"),
                ("daily.enrichment", "writes", "enriched_orders"),
                ("orders::customer_id", "derives", "enriched_orders::customer_segment"),
                ("daily.enrichment", "writes", "enriched_orders::customer_segment"),
            },
        ),
    ],
)
def test_the_examples_of_the_lineage_facet_mean_what_they_say(name: str, expected: set[tuple[str, str, str]]) -> None:
    def address(short: str) -> str:
        if short.startswith("lode:"):
            return short
        if short.startswith("daily."):
            return f"lode://pipeline/openlineage/airflow://production/{short}"
        return f"lode://{'column' if '::' in short else 'dataset'}/postgres/warehouse:5432/public.{short}"

    assert _job_lineage(name) == {(address(a), relation, address(b)) for a, relation, b in expected}
