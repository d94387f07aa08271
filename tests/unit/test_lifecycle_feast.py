"""What the Feast provider tells of a registry, edge by edge, from both kinds of it; and what it refuses."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pytest

from motherlode.errors import ConflictError, DataError, InputError, UnsupportedError
from motherlode.lifecycle.naming import column_uri
from motherlode.lifecycle.providers.feast import Feast
from motherlode.lifecycle.record import Edge, Item, Observation, Provider, Rejected
from tests.feast_registries import (
    STATS,
    entry,
    feature,
    file_source,
    message,
    meta,
    number,
    registry_bytes,
    text,
    write_file,
    write_sql,
)

STATS_AT = "lode://dataset/feast/rides/data/stats.parquet"
PUSH_AT = "lode://dataset/feast/rides/driver_push"
KAFKA_AT = "lode://dataset/kafka/broker:9092/Trips"
REQUEST_AT = "lode://dataset/feast/rides/request"
SAVED_AT = "lode://dataset/s3/bucket/training.parquet"
PROJECT = "lode://project/feast/rides"
SERVICE = "lode://feature_service/feast/rides/ranker"
ENTITY = "lode://feature_entity/feast/rides/driver"
VERSION = 1_700_000_100_000_005


def view(name: str) -> str:
    return f"lode://feature_view/feast/rides/{name}"


def feature_of(name: str) -> str:
    return f"lode://feature/feast/rides/{name}"


ADA = "lode://user/directory/ada@example.org"
EDGES = {
    Edge(ENTITY, "owned_by", ADA, 1.0, "owner in the registry"),
    Edge(ENTITY, "tagged", "lode://tag/label/team=drivers"),
    Edge(ENTITY, "owned_by", "lode://team/directory/drivers", 0.9, "tag team"),
    # hourly: a batch source with a field mapping
    Edge(STATS_AT, "feeds", view("hourly"), 1.0, "batch source driver_stats"),
    Edge(column_uri(STATS_AT, "drv"), "feeds", view("hourly"), 1.0, "join key driver_id"),
    Edge(column_uri(STATS_AT, "event_ts"), "feeds", view("hourly"), 1.0, "event timestamp"),
    Edge(ENTITY, "supports", view("hourly"), 1.0, "entity driver"),
    Edge(view("hourly"), "has_feature", feature_of("hourly.conv_rate")),
    Edge(view("hourly"), "has_feature", feature_of("hourly.Größe")),
    Edge(view("hourly"), "owned_by", ADA, 1.0, "owner in the registry"),
    Edge(view("hourly"), "tagged", "lode://tag/label/tier=gold"),
    Edge(column_uri(STATS_AT, "conv"), "feeds", feature_of("hourly.conv_rate"), 1.0, "batch source driver_stats"),
    Edge(column_uri(STATS_AT, "Größe"), "feeds", feature_of("hourly.Größe"), 1.0, "batch source driver_stats"),
    Edge(feature_of("hourly.conv_rate"), "tagged", "lode://tag/label/pii=no"),
    # fresh: what is pushed, beside its batch source; its join key stands only at the entity
    Edge(STATS_AT, "feeds", view("fresh"), 1.0, "batch source driver_stats"),
    Edge(column_uri(STATS_AT, "drv"), "feeds", view("fresh"), 1.0, "join key driver_id"),
    Edge(column_uri(STATS_AT, "event_ts"), "feeds", view("fresh"), 1.0, "event timestamp"),
    Edge(PUSH_AT, "feeds", view("fresh"), 1.0, "stream source driver_push"),
    Edge(column_uri(PUSH_AT, "driver_id"), "feeds", view("fresh"), 1.0, "join key driver_id"),
    Edge(ENTITY, "supports", view("fresh"), 1.0, "entity driver"),
    Edge(view("fresh"), "has_feature", feature_of("fresh.conv_rate")),
    Edge(column_uri(STATS_AT, "conv"), "feeds", feature_of("fresh.conv_rate"), 1.0, "batch source driver_stats"),
    Edge(column_uri(PUSH_AT, "conv_rate"), "feeds", feature_of("fresh.conv_rate"), 1.0, "stream source driver_push"),
    # stream: an aggregation's column, and a feature that only the transformation's code knows
    Edge(KAFKA_AT, "feeds", view("stream"), 1.0, "stream source trips"),
    Edge(column_uri(KAFKA_AT, "at"), "feeds", view("stream"), 1.0, "event timestamp"),
    Edge(STATS_AT, "feeds", view("stream"), 1.0, "batch source driver_stats of trips"),
    Edge(column_uri(STATS_AT, "event_ts"), "feeds", view("stream"), 1.0, "event timestamp"),
    Edge(view("stream"), "has_feature", feature_of("stream.sum_fare_3600s")),
    Edge(view("stream"), "has_feature", feature_of("stream.mood")),
    Edge(column_uri(KAFKA_AT, "fare"), "feeds", feature_of("stream.sum_fare_3600s"), 1.0, "stream source trips"),
    Edge(
        column_uri(STATS_AT, "fare"), "feeds", feature_of("stream.sum_fare_3600s"), 1.0,
        "batch source driver_stats of trips",
    ),
    # plus: on demand, of a view and a request
    Edge(view("hourly"), "feeds", view("plus"), 1.0, "source view hourly"),
    Edge(feature_of("hourly.conv_rate"), "feeds", view("plus"), 1.0, "input of the transformation, from hourly"),
    Edge(REQUEST_AT, "feeds", view("plus"), 1.0, "request source request"),
    Edge(column_uri(REQUEST_AT, "val"), "feeds", view("plus"), 1.0, "field of the request"),
    Edge(view("plus"), "has_feature", feature_of("plus.conv_plus")),
    # the service, and what was saved from it
    Edge(view("hourly"), "feeds", SERVICE, 1.0, "view of the service"),
    Edge(view("plus"), "feeds", SERVICE, 1.0, "view of the service"),
    Edge(feature_of("hourly.conv_rate"), "feeds", SERVICE, 1.0, "feature of the service"),
    Edge(feature_of("plus.conv_plus"), "feeds", SERVICE, 1.0, "feature of the service"),
    Edge(SERVICE, "owned_by", "lode://team/directory/search", 1.0, "owner in the registry"),
    Edge(SERVICE, "derives", SAVED_AT, 1.0, "saved from the service"),
    Edge(view("hourly"), "derives", SAVED_AT, 1.0, "saved from the view"),
    Edge(feature_of("hourly.conv_rate"), "derives", SAVED_AT, 1.0, "saved feature"),
    Edge(STATS_AT, "owned_by", "lode://user/directory/data@example.org", 1.0, "owner in the registry"),
    *(
        Edge(subject, "grouped_in", PROJECT)
        for subject in (ENTITY, SERVICE, SAVED_AT, *map(view, ("hourly", "fresh", "stream", "plus")))
    ),
    *(
        Edge(dataset, "has_column", column_uri(dataset, column), 1.0, f"read from source {source}")
        for dataset, source, columns in (
            (STATS_AT, "driver_stats", ("conv", "Größe", "drv", "event_ts", "created", "fare")),
            (PUSH_AT, "driver_push", ("conv_rate",)),
            (KAFKA_AT, "trips", ("fare", "at")),
            (REQUEST_AT, "request", ("val",)),
        )
        for column in columns
    ),
}  # fmt: skip


def edges(items: Iterable[Item]) -> set[Edge]:
    return {edge for item in items if isinstance(item, Observation) for edge in item.edges}


def rejected(items: Iterable[Item]) -> list[Rejected]:
    return [item for item in items if isinstance(item, Rejected)]


def observed(items: Iterable[Item], subject: str) -> Observation:
    (found,) = (item for item in items if isinstance(item, Observation) and item.subject == subject)
    return found


@pytest.fixture(params=["file", "sql"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Feast:
    path = tmp_path / "registry.db"
    return Feast(write_file(path) if request.param == "file" else write_sql(path))


def test_a_registry_tells_exactly_these_edges(registry: Feast) -> None:
    assert isinstance(registry, Provider)
    items = list(registry.observe())
    assert rejected(items) == []
    assert edges(items) == EDGES


def test_attributes_are_the_words_of_the_registry_and_versions_its_times(registry: Feast) -> None:
    items = list(registry.observe())
    hourly = observed(items, view("hourly"))
    assert hourly.version == VERSION
    assert hourly.attributes == {
        "name": "hourly", "description": "By the hour", "created_at": "2023-11-14T22:13:20Z", "tags": {"tier": "gold"},
        "kind": "batch", "online": True, "ttl_s": 86400, "entities": ["driver"], "features": ["conv_rate", "Größe"],
    }  # fmt: skip
    rate = observed(items, feature_of("hourly.conv_rate"))
    assert rate.version == VERSION
    assert rate.attributes == {
        "name": "hourly.conv_rate",
        "view": "hourly",
        "type": "FLOAT",
        "description": "Conversion",
        "tags": {"pii": "no"},
    }
    stats = observed(items, STATS_AT)
    assert (stats.aspect, stats.version) == ("feast", VERSION)
    assert stats.attributes == {
        "sources": ["driver_stats"], "source_type": "file", "description": "Statistics",
        "paths": ["data/stats.parquet"], "columns": ["Größe", "conv", "created", "drv", "event_ts", "fare"],
    }  # fmt: skip
    assert observed(items, PUSH_AT).attributes["batch_sources"] == ["driver_stats"]
    assert observed(items, ENTITY).attributes["join_key"] == "driver_id"
    assert observed(items, view("stream")).attributes["kind"] == "stream"
    assert observed(items, PROJECT).attributes == {
        "name": "rides", "description": "Rides", "created_at": "2023-11-14T22:13:20Z",
    }  # fmt: skip


def test_hydrating_a_component_tells_what_observing_told_of_it(registry: Feast) -> None:
    items = [item for item in registry.observe() if isinstance(item, Observation)]
    assert len({item.subject for item in items}) == len(items) == 18
    for item in items:
        assert list(registry.hydrate(item.subject)) == [item]
    assert list(registry.hydrate(view("unknown"))) == []


def test_a_repository_names_its_registry_and_project(tmp_path: Path) -> None:
    other = b"".join([message(1, text(1, "other"), text(2, "billing")), meta()])
    write_file(tmp_path / "state" / "reg.pb", message(6, other))
    config = tmp_path / "feature_store.yaml"
    config.write_text("project: rides\nregistry:\n  registry_type: file\n  path: state/reg.pb\n")
    assert edges(Feast(tmp_path).observe()) == EDGES
    everything = Feast(tmp_path / "state" / "reg.pb").observe()
    assert "lode://feature_view/feast/billing/other" in {
        item.subject for item in everything if isinstance(item, Observation)
    }
    only = Feast(tmp_path / "state" / "reg.pb", project="billing")
    assert only.scope == f"{tmp_path / 'state' / 'reg.pb'}#billing"
    assert [item.subject for item in only.observe() if isinstance(item, Observation)] == [
        "lode://feature_view/feast/billing/other"
    ]


def test_a_repository_with_a_sql_registry_is_read(tmp_path: Path) -> None:
    write_sql(tmp_path / "registry.sqlite")
    config = tmp_path / "feature_store.yaml"
    config.write_text("project: rides\nregistry: {registry_type: sql, path: 'sqlite:///registry.sqlite'}\n")
    assert edges(Feast(tmp_path).observe()) == EDGES


@pytest.mark.parametrize("place", ["s3://bucket/registry.db", "postgresql+psycopg://ada:secret@db/feast"])
def test_a_registry_elsewhere_is_refused_without_its_password(tmp_path: Path, place: str) -> None:
    (tmp_path / "feature_store.yaml").write_text(f"project: rides\nregistry: {place}\n")
    with pytest.raises(UnsupportedError, match="motherlode reads a file and a SQLite file") as caught:
        list(Feast(tmp_path).observe())
    assert "secret" not in str(caught.value)


def test_a_folder_without_a_repository_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has neither feature_store\.yaml nor data/registry\.db"):
        list(Feast(tmp_path).observe())
    write_file(tmp_path / "data" / "registry.db")
    assert edges(Feast(tmp_path).observe()) == EDGES
    with pytest.raises(InputError, match="is not there"):
        list(Feast(tmp_path / "nowhere.db").observe())


@pytest.mark.parametrize("end", [1, 40, 300, -1])
def test_a_half_written_registry_is_refused_by_name(tmp_path: Path, end: int) -> None:
    path = tmp_path / "registry.db"
    path.write_bytes(registry_bytes()[:end])
    with pytest.raises(DataError, match=r"registry\.db: found .*, expected a Feast registry") as caught:
        list(Feast(path).observe())
    assert caught.value.path == str(path)


@pytest.mark.parametrize("body", [b"", b"SQLite", b"\x00" * 64, b'{"entities": []}', b"\xff" * 40])
def test_what_is_no_registry_is_refused_by_name(tmp_path: Path, body: bytes) -> None:
    (tmp_path / "registry.db").write_bytes(body)
    with pytest.raises(DataError, match="expected a Feast registry with registry_schema_version '1'"):
        list(Feast(tmp_path / "registry.db").observe())


def test_a_newer_registry_is_read_where_it_can_be_and_else_refused_by_name(tmp_path: Path) -> None:
    path = write_file(tmp_path / "registry.db", message(99, b"new"), version="2")
    assert edges(Feast(path).observe()) == EDGES
    path.write_bytes(text(3, "2") + text(4, "x") + message(50, b"new"))
    with pytest.raises(DataError, match="found registry_schema_version '2', and nothing that version 1 has"):
        list(Feast(path).observe())
    path.write_bytes(text(3, "2") + b"\x0b\x0c")
    with pytest.raises(DataError, match="found registry_schema_version '2', then wire type 3"):
        list(Feast(path).observe())


def test_an_object_that_cannot_be_read_is_rejected_and_the_rest_is_told(tmp_path: Path) -> None:
    nameless = message(6, message(1, text(2, "rides")))
    path = write_file(tmp_path / "registry.db", message(6, b"\x0a\xff"), nameless, message(7, number(1, 5)))
    items = list(Feast(path).observe())
    assert edges(items) == EDGES
    found = {each.what: each.reason for each in rejected(items)}
    assert list(found) == ["feature_views[2]", "feature_views[3]", "feature_services[1]"]
    assert "without a name" in found["feature_views[3]"]
    assert "a number where FeatureServiceSpec should be" in found["feature_services[1]"]


def test_messages_inside_messages_without_end_are_rejected(tmp_path: Path) -> None:
    source = STATS
    for _ in range(50):
        source = text(20, "deep") + message(26, source)
    path = write_file(tmp_path / "registry.db", message(12, source))
    (found,) = rejected(Feast(path).observe())
    assert "more than 32 deep" in found.reason


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "places.db")) as connection:
        connection.execute("CREATE TABLE moz_places (url TEXT)")
    with pytest.raises(DataError, match="found a SQLite file without the table entities"):
        list(Feast(tmp_path / "places.db").observe())


def test_a_sql_registry_of_another_layout_is_refused_by_name(tmp_path: Path) -> None:
    path = write_sql(tmp_path / "registry.db")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("ALTER TABLE feature_views RENAME COLUMN feature_view_proto TO body")
    with pytest.raises(DataError, match="the table feature_views without feature_view_proto"):
        list(Feast(path).observe())


def test_a_locked_sql_registry_is_a_conflict(tmp_path: Path) -> None:
    path = write_sql(tmp_path / "registry.db")
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(ConflictError, match="another writer held the database"):
            list(Feast(path, timeout_s=0.1).observe())


@pytest.mark.parametrize(
    ("source", "address"),
    [
        (file_source("s", "/srv/a.parquet"), "file//srv/a.parquet"),
        (file_source("s", "s3://bucket/a.parquet"), "s3/bucket/a.parquet"),
        (file_source("s", ""), "feast/rides/s"),
        (text(20, "s") + number(1, 2) + message(12, text(1, "p.d.Table")), "bigquery/p.d.Table"),
        (text(20, "s") + number(1, 2) + message(12, text(2, "SELECT 1")), "feast/rides/s"),
        (text(20, "s") + number(1, 8) + message(19, text(1, "T"), text(3, "S"), text(4, "D")), "snowflake/D.S.T"),
        (text(20, "s") + number(1, 5) + message(15, text(1, "s.t"), text(4, "D")), "redshift/s.t"),
        (
            text(20, "s") + number(1, 12) + message(35, text(1, "t"), text(3, "db"), text(4, "cat")),
            "awsathena/cat.db.t",
        ),
        (text(20, "s") + number(1, 10) + message(30, text(1, "c.s.t")), "trino/c.s.t"),
        (text(20, "s") + number(1, 11) + message(27, text(3, "hdfs://nn/x")), "hdfs/nn/x"),
        (text(20, "s") + number(1, 11) + message(27, text(1, "db.t")), "spark/db.t"),
        (text(20, "s") + number(1, 4) + message(14, text(1, "eu"), text(2, "clicks")), "kinesis/eu/clicks"),
        (
            text(20, "s")
            + number(1, 6)
            + text(17, "feast.x.PostgreSQLSource")
            + message(16, text(1, '{"table": "shop.o"}')),
            "postgres/shop.o",
        ),
        (text(20, "s") + number(1, 6) + text(17, "x.OwnSource") + message(16, text(1, "no json")), "feast/rides/s"),
    ],
)
def test_a_source_is_the_dataset_where_its_data_lie(tmp_path: Path, source: bytes, address: str) -> None:
    path = tmp_path / "registry.db"
    path.write_bytes(text(3, "1") + message(12, source, text(21, "rides")))
    (item,) = Feast(path).observe()
    assert isinstance(item, Observation)
    assert item.subject == f"lode://dataset/{address}"


def test_names_that_are_no_utf_8_and_names_alike_but_for_case_stay_apart(tmp_path: Path) -> None:
    path = tmp_path / "registry.db"
    views = [message(6, message(1, text(2, "rides"), message(1, name))) for name in (b"Rate", b"rate", b"r\xe4te")]
    path.write_bytes(b"".join([text(3, "1"), *views]))
    assert {item.subject for item in Feast(path).observe() if isinstance(item, Observation)} == {
        view("Rate"), view("rate"), view("r\ufffdte"),
    }  # fmt: skip


def test_two_sources_of_one_place_are_one_dataset(tmp_path: Path) -> None:
    again = file_source("again", "./data/stats.parquet", text(21, "rides"), entry(24, "tier", "gold"))
    path = write_file(tmp_path / "registry.db", message(12, again))
    stats = observed(Feast(path).observe(), STATS_AT)
    assert stats.attributes["sources"] == ["again", "driver_stats"]
    assert Edge(STATS_AT, "tagged", "lode://tag/label/tier=gold") in stats.edges


def test_a_view_of_views_is_fed_by_them(tmp_path: Path) -> None:
    source_view = message(14, text(1, "hourly"), text(2, "rides"))
    derived = b"".join([message(1, text(1, "daily"), text(2, "rides"), feature(4, "conv_rate"), source_view), meta()])
    path = write_file(tmp_path / "registry.db", message(6, derived))
    found = observed(Feast(path).observe(), view("daily"))
    assert Edge(view("hourly"), "feeds", view("daily"), 1.0, "source view") in found.edges
