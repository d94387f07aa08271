"""Complete sets: CSV and JSON of answers and of the graph, and JSON read back."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from motherlode.core.time import parse_instant
from motherlode.errors import DataError, InputError
from motherlode.lifecycle.exports import export, export_parts, read_answer
from motherlode.lifecycle.record import Edge, Observation
from motherlode.lifecycle.uris import make_uri
from tests.lifecycle_exports_world import (
    AMOUNT,
    AMOUNT_7D,
    CHAMPION,
    FEATURE,
    HOSTILE,
    MODEL,
    VERSION,
    VIEW,
    fan,
    hostile,
    shop,
    world,
)


def _table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_of_an_impact_has_the_changed_feature_and_everything_it_reaches_worst_first() -> None:
    rows = _table(export(world().impact(FEATURE), "csv"))
    assert [(row["role"], row["uri"], row["severity"], row["depth"]) for row in rows] == [
        ("changed", FEATURE, "", "0"),
        ("affected", VERSION, "BREAKS", "1"),
        ("affected", MODEL, "BREAKS", "2"),
        ("affected", CHAMPION, "BREAKS", "2"),
        ("affected", VIEW, "MASKED", "1"),
    ]
    model = rows[2]
    assert model["path"] == f"{FEATURE} input_of {VERSION} | {VERSION} current_of {MODEL}"
    assert (model["owners"], model["confidence"], model["evidence"]) == ("alice", "0.9", "signature | ")
    assert model["provider"] == "python | python"
    assert model["confirmed_at"].startswith("2026-03-01T00:00:01Z | ")
    assert {(row["complete"], row["why_incomplete"]) for row in rows} == {("yes", "")}


def test_csv_of_an_impact_that_reaches_nothing_still_says_whether_that_is_complete() -> None:
    graph = world()
    graph.add([Observation(make_uri("dataset", "x", "lonely"), version=1)])
    report = graph.impact("dataset:lonely")
    assert len(report) == 0
    assert [(row["role"], row["complete"]) for row in _table(export(report, "csv"))] == [("changed", "yes")]
    assert "reaches nothing that is known here" in export(report, "markdown")
    assert read_answer(export(report, "json")).rows == ()


def test_an_incomplete_answer_says_so_and_why_in_every_format() -> None:
    graph = world()
    graph.add([Observation(MODEL, "serving", 20, edges=(Edge(MODEL, "scored", make_uri("dataset", "x", "unknown")),))])
    report = graph.impact(FEATURE)
    why = "1 component was referred to but never described"
    assert report.why_incomplete[0].startswith(why)
    rows = _table(export(report, "csv"))
    assert {row["complete"] for row in rows} == {"no"}
    assert all(row["why_incomplete"].startswith(why) for row in rows)
    head = read_answer(export(report, "json")).head
    assert (head.complete, list(head.why_incomplete)) == (False, report.why_incomplete)
    for form in ("mermaid", "dot", "markdown", "html"):
        assert why in export(report, form), form


def test_csv_keeps_hostile_names_as_cells_and_spreadsheets_do_not_run_them() -> None:
    report = world(hostile()).impact("feature:source")
    rows = _table(export(report, "csv"))[1:]
    evidence = {row["evidence"] for row in rows}
    assert evidence == {f"'{name}" if name.startswith("=") else name for name in HOSTILE}
    assert not [cell for row in rows for cell in row.values() if cell.startswith(("=", "+", "-", "@"))]


def test_json_round_trips_to_equal_rows_with_paths_and_instants() -> None:
    report = world().impact(AMOUNT, "distribution")
    saved = read_answer(export(report, "json"))
    assert saved.head.targets == report.targets
    assert (saved.head.kind, saved.head.change, saved.head.complete) == ("impact", "distribution", True)
    assert saved.head.oldest_hop is not None
    assert parse_instant(saved.head.oldest_hop) == report.oldest_hop
    assert saved.head.confidence == report.confidence == 0.9
    assert [(row.uri, row.severity, row.depth, row.owners, row.confidence, row.path) for row in saved.rows] == [
        (row.uri, row.severity, row.depth, row.owners, row.confidence, row.path) for row in report.rows
    ]


def test_json_of_lineage_has_rows_without_severity_and_confidence_of_the_least_certain_hop() -> None:
    lineage = world().upstream(MODEL)
    saved = read_answer(export(lineage, "json"))
    assert saved.head.kind == "upstream"
    assert [(row.uri, row.depth) for row in saved.rows] == [(row.uri, row.depth) for row in lineage.rows]
    sure = {row.uri: row.confidence for row in saved.rows}
    assert (sure[VERSION], sure[FEATURE], sure[AMOUNT]) == (1.0, 0.9, 0.9)
    assert {row.severity for row in saved.rows} == {None}


def test_hostile_names_survive_json_unchanged() -> None:
    saved = read_answer(export(world(hostile()).impact("feature:source"), "json"))
    assert {row.path[0].evidence for row in saved.rows} == set(HOSTILE)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda told: told.update(version=2), "has version 2, expected 1"),
        (lambda told: told.update(format="x"), "no exported answer"),
        (lambda told: told["rows"][0].pop("path"), "damaged"),
        (lambda told: told["rows"][0]["path"][0].update(confirmed_at="yesterday"), "damaged"),
        (lambda told: told.pop("targets"), "damaged"),
    ],
)
def test_json_that_is_not_an_answer_is_refused_by_name(change: Any, message: str) -> None:
    told = json.loads(export(world().impact(FEATURE), "json"))
    change(told)
    with pytest.raises(DataError, match=message):
        read_answer(json.dumps(told))
    with pytest.raises(DataError, match="no JSON"):
        read_answer("{")


def test_lineage_of_chosen_types_exports_only_those() -> None:
    graph = world()
    lineage = graph.downstream(AMOUNT, types=["model", "feature"])
    assert [row["type"] for row in _table(export(lineage, "csv"))] == ["column", "feature", "model"]


def test_the_graphs_csv_has_every_edge_of_the_moment_and_none_of_another() -> None:
    graph = world()
    said = {(edge.source, edge.relation, edge.target) for item in shop() for edge in item.edges}  # type: ignore[union-attr]
    before = _table(export(graph, "csv"))
    assert {(row["source"], row["relation"], row["target"]) for row in before} == said
    assert len(before) == len(said)
    then = graph.clock()
    graph.add([Observation(FEATURE, version=30)])  # no longer made from the column
    gone = said - {(row["source"], row["relation"], row["target"]) for row in _table(export(graph, "csv"))}
    assert gone == {(AMOUNT_7D, "feeds", FEATURE)}
    earlier = graph.as_of(valid_at="2026-03-01", known_at="2026-03-02")
    assert earlier.known_at is not None
    assert earlier.known_at > then
    known = graph.as_of()
    known.known_at = then
    assert len(_table(export(known, "csv"))) == len(said)


def test_the_graphs_json_has_components_with_what_is_said_of_them() -> None:
    told = json.loads(export(world(), "json"))
    components = {found["uri"]: found for found in told["components"]}
    orders = components["lode://dataset/postgres/db:5432/shop.public.orders"]
    assert orders["attributes"] == {"description": "orders as sold"}
    assert (orders["owners"], orders["tags"], orders["described"]) == (["shop"], ["pii"], True)
    assert components["lode://team/directory/shop"]["described"] is False
    assert len(told["edges"]) == 16
    assert told["edges"][0]["valid_to"] is None
    assert (told["kind"], told["complete"]) == ("graph", True)


def test_weak_edges_are_left_out_of_a_view_that_does_not_follow_them() -> None:
    view = world().as_of(min_confidence=0.95)
    relations = [row["relation"] for row in _table(export(view, "csv"))]
    assert (relations.count("input_of"), relations.count("current_of")) == (0, 1)
    assert "lode://model_version" not in export(view.impact(FEATURE), "csv")


def test_parts_of_a_complete_set_come_before_all_of_it_was_read() -> None:
    graph = world(fan([2500]))
    report = graph.impact("feature:root")
    parts = export_parts(report, "csv")
    for _ in range(3):
        next(parts)
    assert "rows" not in report.__dict__  # the cached list of all rows was never made
    assert sum(1 for _ in parts) == 2499


def test_a_wrong_format_or_size_is_refused_with_what_is_possible() -> None:
    graph = world()
    report = graph.impact(FEATURE)
    with pytest.raises(InputError, match="expected one of csv, dot, html, json, markdown, mermaid, openlineage"):
        export(report, "pdf")
    with pytest.raises(InputError, match="of a whole graph"):
        export(report, "openlineage")
    with pytest.raises(InputError, match="is of an answer"):
        export(graph, "markdown")
    with pytest.raises(InputError, match="n_max=0"):
        export(report, "dot", n_max=0)
