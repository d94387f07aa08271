"""Feast itself, applying a repository to both of its registries: its own registry lineage is what we read."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import pytest

from motherlode.lifecycle.naming import column_uri
from motherlode.lifecycle.providers.feast import Feast
from motherlode.lifecycle.record import Edge, Item, Observation, Rejected
from motherlode.lifecycle.uris import parse_uri
from tests.conformance import feast_repository
from tests.integrations.environment import Environment

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]
STATS = "lode://dataset/feast/rides/data/driver_stats.parquet"
WEATHER = "lode://dataset/feast/rides/data/weather.parquet"
SOURCES = {
    STATS: "driver_stats",
    WEATHER: "weather",
    "lode://dataset/feast/rides/driver_push": "driver_push",
    "lode://dataset/feast/rides/request": "request",
    "lode://dataset/kafka/broker:9092/trips": "trips",
}
TYPES = {"feature_view": "featureView", "feature_service": "featureService", "feature_entity": "entity"}


@pytest.fixture(scope="module", params=["file", "sql"])
def applied(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Feast, dict[str, Any]]:
    python = Environment("feast").make()
    folder = tmp_path_factory.mktemp("feast")
    feast_repository.write(folder / "repo", request.param)
    done = subprocess.run(
        [python, feast_repository.__file__, folder / "repo", folder / "report.json"], cwd=folder / "repo",
        capture_output=True, text=True, timeout=600, check=False, env=os.environ | {"FEAST_USAGE": "False"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    return Feast(folder / "repo"), json.loads((folder / "report.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def items(applied: tuple[Feast, dict[str, Any]]) -> list[Item]:
    return list(applied[0].observe())


def edges_of(items: list[Item]) -> set[Edge]:
    return {edge for item in items if isinstance(item, Observation) for edge in item.edges}


def as_feast_says(address: str) -> tuple[str, str] | None:
    """Feast's type and name of one of our components; None for what its lineage does not have."""
    if address in SOURCES:
        return "dataSource", SOURCES[address]
    parts = parse_uri(address)
    name = parts.id.removeprefix("rides/")
    if parts.type == "feature":
        return "feature", name.partition(".")[2]
    return (TYPES[parts.type], name) if parts.type in TYPES else None


def test_our_edges_are_feasts_own_lineage(applied: tuple[Feast, dict[str, Any]], items: list[Item]) -> None:
    ours: set[tuple[str, str, str, str]] = set()
    for edge in edges_of(items):
        source, target = as_feast_says(edge.source), as_feast_says(edge.target)
        if source is None or target is None or edge.relation in {"grouped_in", "owned_by", "tagged"}:
            continue
        if edge.relation == "has_feature":  # Feast draws a feature into its view; here a view has it
            ours.add((*target, *source))
        elif source[0] != "feature":  # which features a service or view takes, Feast's lineage does not say
            ours.add((*source, *target))
    theirs = {tuple(each) for each in applied[1]["direct"] if each[1] != "__dummy"}
    # Feast's lineage leaves out a stream view's entities and features; its registry has them.
    stream = {("entity", "driver"), ("feature", "sum_fare_3600s"), ("feature", "driver_id")}
    missing = {(*each, "featureView", "driver_stream") for each in stream}
    # Of a pushed view it has the batch source alone.
    missing.add(("dataSource", "driver_push", "featureView", "driver_fresh"))
    assert ours - theirs == missing
    assert theirs - ours == set()
    assert len(theirs) >= 25


def test_features_of_services_are_those_that_the_registry_has(
    applied: tuple[Feast, dict[str, Any]], items: list[Item]
) -> None:
    chosen: dict[str, set[str]] = {}
    for edge in edges_of(items):
        if edge.relation == "feeds" and edge.source.startswith("lode://feature/"):
            chosen.setdefault(edge.target.rpartition("/")[2], set()).add(edge.source.rpartition("/")[2])
    assert chosen.pop("plus") == {"driver_hourly.conv_rate", "rain.millimetres"}  # what its definition chose
    assert chosen == {service: set(features) for service, features in applied[1]["services"].items()}
    assert {service: len(features) for service, features in chosen.items()} == {"ranker": 4, "eta": 3}


def test_columns_are_those_of_the_field_mapping_and_the_aggregation(items: list[Item]) -> None:
    found = {
        (edge.source, edge.target.rpartition("/")[2])
        for edge in edges_of(items)
        if edge.relation == "feeds" and edge.source.startswith("lode://column/") and "/feature/" in edge.target
    }
    assert {pair for pair in found if pair[0].startswith(STATS.replace("dataset", "column"))} == {
        (column_uri(STATS, "conv"), "driver_hourly.conv_rate"),
        (column_uri(STATS, "Größe"), "driver_hourly.Größe"),
        (column_uri(STATS, "conv"), "driver_fresh.conv_rate"),
        (column_uri(STATS, "fare"), "driver_stream.sum_fare_3600s"),
        (column_uri(STATS, "drv"), "driver_stream.driver_id"),
    }
    assert (column_uri(WEATHER, "millimetres"), "rain.millimetres") in found


def test_features_and_versions_are_the_registrys(applied: tuple[Feast, dict[str, Any]], items: list[Item]) -> None:
    assert [item for item in items if isinstance(item, Rejected)] == []
    views = {
        item.attributes["name"]: item
        for item in items
        if isinstance(item, Observation) and item.subject.startswith("lode://feature_view/")
    }
    assert {name: item.attributes["features"] for name, item in views.items()} == applied[1]["features"]
    for name, seconds in applied[1]["updated"].items():
        assert views[name].version == pytest.approx(seconds * 1e6, abs=1)


def test_hydrating_is_reading_one_of_them(applied: tuple[Feast, dict[str, Any]], items: list[Item]) -> None:
    for item in items:
        assert isinstance(item, Observation)
        assert list(applied[0].hydrate(item.subject)) == [item]
