"""``lode lifecycle`` as a person runs it: sources in, the headline question answered, everything else one verb away."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from motherlode.lifecycle.exports import read_answer
from motherlode.lifecycle.graph import open_lifecycle
from motherlode.lifecycle.record import Edge, Observation
from motherlode.lifecycle.uris import make_uri
from tests.e2e.lifecycle_commands import make_odd, make_shop, run
from tests.lifecycle_exports_world import (
    AMOUNT,
    AMOUNT_7D,
    CHAMPION,
    FEATURE,
    MODEL,
    VERSION,
)


@pytest.fixture(scope="module")
def shop_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="module")
def odd_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_odd(tmp_path_factory.mktemp("odd"))


def _event(job: str, inputs: list[str], outputs: list[str], at: str = "2026-03-01T00:00:00Z") -> dict[str, Any]:
    named = [[{"namespace": "postgres://db", "name": name} for name in names] for names in (inputs, outputs)]
    return {
        "eventTime": at, "producer": "https://example.org", "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json",
        "eventType": "COMPLETE", "run": {"runId": f"0198a0d4-0000-7000-8000-{len(job):012}"},
        "job": {"namespace": "airflow", "name": job}, "inputs": named[0], "outputs": named[1],
    }  # fmt: skip


def test_events_go_in_and_the_question_is_answered(tmp_path: Path) -> None:
    events = [
        _event("clean", ["raw.orders"], ["core.orders"]),
        _event("report", ["core.orders"], ["mart.sales"]),
        {"x": 1},
    ]
    (tmp_path / "events.ndjson").write_text("".join(f"{json.dumps(event)}\n" for event in events), "utf-8")
    done = run(tmp_path, "ingest", "events.ndjson")
    assert re.match(r"openlineage .*/events.ndjson \(ndjson without dbt_schema_version\)\n", done.stdout)
    assert "1 in quarantine" in done.stdout
    assert "quarantined: events.ndjson:3" in done.stdout
    assert done.stdout.endswith("in .lode/lifecycle.db\n")
    assert (tmp_path / ".lode" / "lifecycle.db").is_file()
    done = run(tmp_path, "impact", "dataset:raw.orders", "--change", "freshness", code=0)
    assert done.stdout.startswith("Late data in dataset:raw.orders leaves 2 datasets and 2 pipelines stale.\nSTALE 4\n")
    assert "  –read_by→ clean –writes→ core.orders –read_by→ report –writes→\n" in done.stdout
    assert "incomplete" in done.stdout
    assert "1 thing could not be read and wait in quarantine" in done.stdout.replace("waits", "wait")
    again = json.loads(run(tmp_path, "ingest", "events.ndjson", "--json").stdout)
    assert again["sources"][0]["changed"] == 0
    assert again["sources"][0]["kind"] == "openlineage"


def test_a_project_is_read_as_everything_it_is_and_a_broken_part_fails_alone(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    schema = "https://schemas.getdbt.com/dbt/manifest/v12.json"
    manifest = {"metadata": {"dbt_schema_version": schema, "adapter_type": "duckdb"}, "nodes": {}, "sources": {}}
    (tmp_path / "target" / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    stage = "stages:\n  train:\n    cmd: python train.py\n    deps: [data.csv]\n    outs: [model.bin]\n"
    (tmp_path / "dvc.yaml").write_text(stage, "utf-8")
    (tmp_path / "mlruns").mkdir()  # no experiment in it
    (tmp_path / "e.json").write_text(json.dumps(_event("clean", ["a.b"], ["c.d"])), "utf-8")
    done = run(tmp_path, "ingest", ".", "mlruns", "e.json", "--json", code=2)
    kinds = {source["kind"]: source["error"] for source in json.loads(done.stdout)["sources"]}
    assert list(kinds) == ["dbt", "dvc", "mlflow", "openlineage"]
    assert kinds["mlflow"] is not None
    assert {kind for kind, error in kinds.items() if error is None} == {"dbt", "dvc", "openlineage"}
    assert "pipeline" in run(tmp_path, "downstream", "data.csv").stdout
    assert "error: mlflow (" in done.stderr
    assert "1 component downstream" in run(tmp_path, "downstream", "a.b", "--type", "dataset").stdout


def test_impact_is_a_table_worst_first_with_owner_depth_and_path(shop_folder: Path) -> None:
    lines = run(shop_folder, "impact", "column:orders.amount").stdout.splitlines()
    assert lines[1] == "BREAKS 5  MASKED 3"
    assert lines[3].split() == ["severity", "depth", "type", "owner", "name"]
    rows = [line for line in lines if line.startswith(("BREAKS  ", "MASKED  "))]
    assert [row.split()[0] for row in rows] == ["BREAKS"] * 5 + ["MASKED"] * 3
    model = next(at for at, line in enumerate(lines) if line.endswith("  ranking"))
    assert lines[model].split() == ["BREAKS", "4", "model", "alice", "ranking"]
    assert " ".join(part.strip() for part in lines[model + 1 : model + 3]) == (
        "–derives→ orders.amount_7d –feeds→ orders.amount_7d –input_of→ ranking@v5 –current_of→ (confidence 0.90)"
    )
    assert "owners to ask: alice (1)" in lines
    assert any(line.startswith("complete: nothing is known to be missing · least certain edge 0.90") for line in lines)
    assert max(len(line) for line in lines[3:]) <= 100


def test_dropping_a_column_that_nobody_reads_breaks_nothing(shop_folder: Path) -> None:
    done = run(shop_folder, "impact", "orders.comment", "--fail-on", "INFORM")
    assert done.stdout.startswith("Dropping column:orders.comment breaks nothing: it stops at 1 dataset.\n")


def test_the_gate_fails_with_code_1_prints_the_table_and_writes_the_report(shop_folder: Path, tmp_path: Path) -> None:
    report, page = tmp_path / "impact.md", tmp_path / "impact.html"
    gate = ("impact", FEATURE, "--change", "drop", "--fail-on", "BREAKS", "--markdown", report, "--html", page)
    done = run(shop_folder, *gate, code=1)
    assert "ranking@champion" in done.stdout
    assert "gate failed: 3 BREAKS, and BREAKS or worse may not be" in done.stderr
    assert report.read_text("utf-8").startswith("## Dropping feature:orders.amount\\_7d breaks 1 deployment, 1 model")
    assert page.read_text("utf-8").startswith("<!doctype html>")
    run(shop_folder, "impact", FEATURE, "--change", "deprecate", "--fail-on", "BREAKS")  # nothing breaks: 0
    assert "expected one of BREAKS" in run(shop_folder, "impact", FEATURE, "--fail-on", "BAD", code=2).stderr
    assert "--at" in run(shop_folder, "impact", "--help").stdout


def test_the_gate_can_ask_for_completeness(odd_folder: Path) -> None:
    done = run(odd_folder, "impact", "feature:root", "--fail-on-incomplete", code=1)
    assert "gate failed: the answer is incomplete: openlineage (/events): 50 things could not be read" in done.stderr


def test_many_rows_show_the_nearest_and_count_the_rest(odd_folder: Path) -> None:
    done = run(odd_folder, "impact", "feature:root")
    rows = [line for line in done.stdout.splitlines() if line.startswith("BREAKS  ")]
    assert [row.split()[1] for row in rows] == ["1"] * 30 + ["2"] * 10
    assert "140 more: 50 at depth 2, 90 at depth 3 (--all shows them)" in done.stdout
    whole = run(odd_folder, "impact", "feature:root", "--all")
    assert sum(line.startswith("BREAKS  ") for line in whole.stdout.splitlines()) == 180
    assert "more:" not in whole.stdout
    drawn = run(odd_folder, "impact", "feature:root", "--tree").stdout
    assert "18 branches more (--all)" in drawn
    assert "more:" in drawn


def test_a_tree_shows_each_component_below_what_it_depends_on(shop_folder: Path) -> None:
    lines = run(shop_folder, "impact", FEATURE, "--tree").stdout.splitlines()
    at = lines.index("feature:orders.amount_7d")
    assert lines[at + 1 : at + 5] == [
        "├── –input_of→ model_version:ranking@v5 BREAKS",
        "│   ├── –deployed_as→ deployment:ranking@champion BREAKS",
        "│   └── –current_of→ model:ranking BREAKS alice",
        "└── ←has_feature– feature_view:orders MASKED",
    ]


def test_formats_are_printed_whole_for_machines(shop_folder: Path) -> None:
    saved = read_answer(run(shop_folder, "impact", FEATURE, "--json").stdout)
    assert [row.uri for row in saved.rows] == [VERSION, MODEL, CHAMPION, saved.rows[3].uri]
    rows = list(csv.DictReader(io.StringIO(run(shop_folder, "upstream", CHAMPION, "--csv").stdout)))
    assert [row["uri"] for row in rows[:3]] == [CHAMPION, VERSION, FEATURE]
    assert run(shop_folder, "downstream", AMOUNT, "--mermaid").stdout.startswith("flowchart LR\n")
    assert run(shop_folder, "downstream", AMOUNT, "--dot").stdout.startswith("digraph lifecycle {\n")
    assert "one format at a time" in run(shop_folder, "impact", FEATURE, "--csv", "--json", code=2).stderr


def test_lineage_and_the_path_between_two_things(shop_folder: Path) -> None:
    done = run(shop_folder, "upstream", MODEL, "--max-depth", 1)
    assert done.stdout.startswith("1 component upstream of model:ranking\n")
    assert "incomplete\n  not all were looked for (n_max or max_depth)" in done.stdout
    lines = run(shop_folder, "path", "orders.amount", "model:ranking").stdout.splitlines()
    told = " ".join(" ".join(lines).split())
    assert "1.00 python column:orders.amount –derives→ column:orders.amount_7d columnLineage facet" in told
    assert "0.90 python feature:orders.amount_7d –input_of→ model_version:ranking@v5 signature" in told
    steps = json.loads(run(shop_folder, "path", "orders.amount", MODEL, "--json").stdout)
    assert [step["relation"] for step in steps] == ["derives", "feeds", "input_of", "current_of"]
    done = run(shop_folder, "path", MODEL, AMOUNT)
    assert done.stdout == f"nothing is known to flow from {MODEL} to {AMOUNT}\n"


def test_questions_as_of_another_time_and_of_sure_edges_only(shop_folder: Path) -> None:
    done = run(shop_folder, "impact", FEATURE, "--at", "1969-12-31")
    assert "reaches nothing that is known here" in done.stdout
    done = run(shop_folder, "impact", FEATURE, "--known-at", "2020-01-01", code=2)
    assert "was not known yet at that recorded time" in done.stderr
    done = run(shop_folder, "impact", FEATURE, "--min-confidence", "0.95")
    assert "ranking" not in done.stdout
    assert "edges with a confidence below 0.95 were not followed" in done.stdout
    assert "no time zone" in run(shop_folder, "impact", FEATURE, "--at", "2020-01-01T00:00", code=2).stderr


def test_components_are_found_selected_shown_and_their_owners_named(shop_folder: Path) -> None:
    first = run(shop_folder, "search", "ranking").stdout.splitlines()[2]
    assert first.split() == ["model", "alice", "ranking"]
    assert "tags pii orders as sold" in run(shop_folder, "search", "sold", columns=200).stdout
    assert "nothing is found by 'zebra'" in run(shop_folder, "search", "zebra").stdout
    chosen = json.loads(run(shop_folder, "select", "+model:ranking", "--exclude", "type:column", "--json").stdout)
    assert {row["type"] for row in chosen} == {
        *("dataset", "feature", "feature_view", "model", "model_version", "pipeline")
    }
    shown = run(shop_folder, "show", "shop.public.orders").stdout
    for part in (
        "dataset of postgres (Data)",
        "owners: shop",
        "tags: pii",
        "orders as sold",
        "→ has_column",
        "last enriched 2",
    ):
        assert part in shown
    told = json.loads(run(shop_folder, "show", FEATURE, "--json").stdout)
    assert {(edge["word"], edge["uri"]) for edge in told["neighbours"]} >= {
        ("fed_by", AMOUNT_7D),
        ("input_of", VERSION),
    }
    assert "names 2 different things" in run(shop_folder, "show", "orders.amount_7d", code=2).stderr
    done = run(shop_folder, "owners", VERSION)
    assert done.stdout.splitlines()[-1].split() == ["alice", "1", "hop", "upstream", "model:ranking"]


def test_unused_components_are_listed_with_their_addresses(odd_folder: Path) -> None:
    done = run(odd_folder, "unused", "--type", "dataset")
    assert done.stdout.startswith("90 components that nothing is known to use\n")  # the last level of the fan
    assert done.stdout.endswith("50 more (--all shows them)\n")
    assert len(json.loads(run(odd_folder, "unused", "--json").stdout)) == 96  # and six models


def test_people_decide_and_take_it_back(tmp_path: Path) -> None:
    a, b = make_uri("dataset", "x", "orders"), make_uri("dataset", "y", "Orders")
    with open_lifecycle(tmp_path / "g.db") as graph:
        graph.add([Observation(a, version=1), Observation(b, version=1)])
    db = ("--db", tmp_path / "g.db")
    done = run(tmp_path, "confirm", a, "same_as", b, "--actor", "ann", "--reason", "one table", *db)
    assert "undo it: lode lifecycle undo 1 --actor ann" in done.stdout
    assert f"also: {b}" in run(tmp_path, "show", a, *db).stdout
    again = run(tmp_path, "confirm", a, "same_as", b, "--actor", "ann", "--reason", "x", *db, code=2)
    assert "decided 'confirm' on this edge before" in again.stderr
    run(tmp_path, "undo", 1, "--actor", "bob", *db)
    listed = run(tmp_path, "decisions", *db).stdout
    assert "confirm, undone" in listed
    assert "undone by bob" in listed
    assert "also:" not in run(tmp_path, "show", a, *db).stdout
    done = run(tmp_path, "refuse", a, "nonsense", b, "--actor", "ann", "--reason", "x", *db, code=2)
    assert "relation 'nonsense' is not declared" in done.stderr


def test_what_changed_between_two_moments(tmp_path: Path) -> None:
    uri = make_uri("dataset", "x", "orders")
    with open_lifecycle(tmp_path / "g.db") as graph:
        graph.add([Observation(uri, version=1, attributes={"description": "old"})])
        graph.add(
            [Observation(uri, version=2, attributes={"description": "new"}, edges=(Edge(uri, "feeds", FEATURE),))]
        )
    db = ("--db", tmp_path / "g.db", "--axis", "valid")
    done = run(tmp_path, "diff", "1970-01-01T00:00:00.000001Z", "1970-01-02", *db)
    assert "+  edge       dataset:orders feeds feature:orders.amount_7d" in done.stdout
    assert "~  attribute  dataset:orders: description" in done.stdout
    assert "'old' → 'new'" in done.stdout
    told = json.loads(run(tmp_path, "diff", "1970-01-02", "1970-01-03", *db, "--json").stdout)
    assert told["edges_added"] == []
    assert "nothing changed" in run(tmp_path, "diff", "1970-01-02", "1970-01-03", *db).stdout


def test_the_doctor_scores_and_can_be_a_gate(shop_folder: Path) -> None:
    told = json.loads(run(shop_folder, "doctor", "--json").stdout)
    assert 0 < told["score"] < 1
    checks = {check["name"]: check for check in told["checks"]}
    done = run(shop_folder, "doctor", "--min-score", "0.99", code=1)
    assert "gate failed: the score is" in done.stderr
    assert all(name.replace("_", " ") in done.stdout for name in checks)
    run(shop_folder, "doctor", "--min-score", "0.01")


def test_quarantine_and_waiting_notices_are_listed(odd_folder: Path) -> None:
    done = run(odd_folder, "quarantine")
    assert done.stdout.startswith("50 things in quarantine\n")
    assert "10 more (--all shows them)" in done.stdout
    assert "nothing is in quarantine" in run(odd_folder, "quarantine", "--provider", "dbt").stdout
    assert run(odd_folder, "work").stdout == "no notice waits\n"


def test_work_hydrates_what_a_notice_speaks_of(tmp_path: Path) -> None:
    from motherlode.lifecycle import OpenLineage
    from motherlode.lifecycle.naming import dataset_uri

    (tmp_path / "e.json").write_text(json.dumps(_event("clean", ["raw.orders"], ["core.orders"])), "utf-8")
    with open_lifecycle(tmp_path / "g.db") as graph:
        graph.notify(OpenLineage(tmp_path / "e.json"), dataset_uri("postgres://db", "raw.orders"))
    db = ("--db", tmp_path / "g.db")
    assert "1 notice waiting" in run(tmp_path, "work", *db).stdout
    done = run(tmp_path, "work", "e.json", *db)
    assert "no notice waits" in done.stdout
    assert "1 item" in done.stdout
    assert "raw.orders" in run(tmp_path, "show", "raw.orders", *db).stdout


def test_the_whole_graph_goes_out_and_openlineage_says_what_it_leaves_out(shop_folder: Path, tmp_path: Path) -> None:
    run(shop_folder, "export", "json", "--out", tmp_path / "graph.json")
    assert len(json.loads((tmp_path / "graph.json").read_text("utf-8"))["edges"]) >= 16
    done = run(shop_folder, "export", "openlineage")
    assert [("dataset" in json.loads(line)) for line in done.stdout.splitlines()].count(True) == 2
    assert "OpenLineage has no words for" in done.stderr
    assert "1 input_of" in done.stderr
    (tmp_path / "events.ndjson").write_text(done.stdout, "utf-8")
    run(tmp_path, "ingest", "events.ndjson")
    assert "–derives→" in run(tmp_path, "impact", AMOUNT).stdout
    assert run(shop_folder, "export", "csv").stdout.startswith("source,relation,target,")
    assert "is of an answer" in run(shop_folder, "export", "markdown", code=2).stderr


def test_mistakes_are_one_line_that_says_what_to_do(shop_folder: Path, tmp_path: Path) -> None:
    done = run(tmp_path, "impact", "orders", code=2)
    assert done.stderr.strip() == (
        "error: .lode/lifecycle.db: there is no lifecycle graph yet; `lode lifecycle ingest SOURCE…` begins one"
    )
    done = run(shop_folder, "impact", "feature:orders.amount_8d", code=2)
    assert done.stderr.startswith("error: nothing here is called 'feature:orders.amount_8d'; did you mean")
    done = run(shop_folder, "impact", FEATURE, "--change", "explode", code=2)
    assert "change 'explode': expected one of drop, delete" in done.stderr
    assert "LODE" not in run(shop_folder, "doctor", LODE_LIFECYCLE=str(shop_folder / ".lode" / "lifecycle.db")).stderr
    (tmp_path / "broken.db").write_bytes(b"SQLite format 3\x00garbage")
    run(tmp_path, "impact", "x", "--db", "broken.db", code=2)
