"""Feast registries written by hand in Protocol Buffers' wire format, with the field numbers of Feast's .proto files."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

CREATED, UPDATED = 1_700_000_000, 1_700_000_100


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def text(field: int, value: str) -> bytes:
    return message(field, value.encode())


def message(field: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return varint(field << 3 | 2) + varint(len(body)) + body


def entry(field: int, key: str, value: str) -> bytes:
    """An entry of a map from text to text."""
    return message(field, text(1, key), text(2, value))


def meta(field: int = 2, created: int = 1, updated: int = 2) -> bytes:
    return message(field, message(created, number(1, CREATED)), message(updated, number(1, UPDATED), number(2, 5000)))


def feature(field: int, name: str, kind: int = 5, *more: bytes) -> bytes:
    """FeatureSpecV2: 1 name, 2 value_type."""
    return message(field, text(1, name), number(2, kind), *more)


def file_source(name: str, uri: str, *more: bytes) -> bytes:
    """DataSource: 20 name, 1 type, 11 file_options (2 uri), 3 timestamp_field."""
    return b"".join([text(20, name), number(1, 1), message(11, text(2, uri)), text(3, "event_ts"), *more])


STATS = file_source(
    "driver_stats",
    "data/stats.parquet",
    text(5, "created"),
    entry(2, "conv", "conv_rate"),
    entry(2, "drv", "driver_id"),
    text(25, "data@example.org"),
    text(23, "Statistics"),
    text(21, "rides"),
)
PUSH = b"".join([text(20, "driver_push"), number(1, 9), message(22), message(26, STATS)])
REQUEST = b"".join([text(20, "request"), number(1, 7), message(18, feature(3, "val", 4))])
KAFKA = b"".join(
    [
        text(20, "trips"),
        number(1, 3),
        message(13, text(1, "broker:9092,b2:9092"), text(2, "Trips")),
        text(3, "at"),
        message(26, STATS),
    ]
)
ENTITY = b"".join(
    [
        message(
            1,
            text(1, "driver"),
            text(9, "rides"),
            text(3, "A driver"),
            text(4, "driver_id"),
            text(10, "ada@example.org"),
            entry(8, "team", "drivers"),
        ),
        meta(),
    ]
)
HOURLY = b"".join(
    [
        message(
            1,
            text(1, "hourly"),
            text(2, "rides"),
            text(3, "driver"),
            feature(4, "conv_rate", 6, entry(3, "pii", "no"), text(4, "Conversion")),
            feature(4, "Größe", 4),
            entry(5, "tier", "gold"),
            message(6, number(1, 86400)),
            message(7, STATS),
            number(8, 1),
            text(10, "By the hour"),
            text(11, "ada@example.org"),
            feature(12, "driver_id", 4),
        ),
        meta(),
    ]
)
FRESH = b"".join(
    [
        message(
            1,
            text(1, "fresh"),
            text(2, "rides"),
            text(3, "driver"),
            feature(4, "conv_rate", 6),
            message(7, STATS),
            message(9, PUSH),
        ),
        meta(),
    ]
)
STREAM = b"".join(
    [
        message(
            1,
            text(1, "stream"),
            text(2, "rides"),
            text(3, "__dummy"),
            feature(4, "sum_fare_3600s"),
            feature(4, "mood"),
            feature(5, "__dummy_id"),
            message(11, KAFKA),
            number(12, 1),
            message(13),
            message(15, text(1, "fare"), text(2, "sum"), message(3, number(1, 3600))),
        ),
        meta(),
    ]
)
PROJECTION = b"".join([text(1, "hourly"), feature(2, "conv_rate", 6)])
ON_DEMAND = b"".join(
    [
        message(
            1, text(1, "plus"), text(2, "rides"), feature(3, "conv_plus"),
            message(4, text(1, "hourly"), message(2, message(3, PROJECTION))),
            message(4, text(1, "request"), message(2, message(2, REQUEST))),
        ),
        meta(),
    ]
)  # fmt: skip
SERVICE = b"".join(
    [
        message(
            1,
            text(1, "ranker"),
            text(2, "rides"),
            message(3, PROJECTION),
            message(3, text(1, "plus"), feature(2, "conv_plus")),
            text(6, "team:search"),
        ),
        meta(),
    ]
)
SAVED = b"".join(
    [
        message(
            1, text(1, "training"), text(2, "rides"), text(3, "hourly:conv_rate"), text(4, "driver_id"),
            message(6, message(4, text(2, "s3://bucket/training.parquet"))), text(8, "ranker"),
        ),
        meta(),
    ]
)  # fmt: skip
PROJECT = b"".join([message(1, text(1, "rides"), text(2, "Rides")), meta()])
OBJECTS = (
    (1, "entities", ENTITY),
    (6, "feature_views", HOURLY),
    (6, "feature_views", FRESH),
    (14, "stream_feature_views", STREAM),
    (8, "on_demand_feature_views", ON_DEMAND),
    (7, "feature_services", SERVICE),
    (11, "saved_datasets", SAVED),
    (12, "data_sources", STATS + meta(50, 3, 4)),
    (17, "projects", PROJECT),
)
"""Field number of the Registry message, table of the SQL registry, and the object."""
PROTO_COLUMNS = {
    "entities": "entity_proto", "data_sources": "data_source_proto", "projects": "project_proto",
    "feature_services": "feature_service_proto", "saved_datasets": "saved_dataset_proto",
}  # fmt: skip


def registry_bytes(*more: bytes, version: str = "1") -> bytes:
    """A registry of one project, rides."""
    head = text(3, version) + text(4, "a-version") + message(5, number(1, UPDATED))
    return b"".join([head, *(message(field, body) for field, _, body in OBJECTS), *more])


def write_file(path: Path, *more: bytes, version: str = "1") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(registry_bytes(*more, version=version))
    return path


def write_sql(path: Path) -> Path:
    """The same as a SQL registry."""
    with closing(sqlite3.connect(path)) as connection:
        for _, table, body in OBJECTS:
            column = PROTO_COLUMNS.get(table, "feature_view_proto")
            connection.execute(f"CREATE TABLE IF NOT EXISTS {table} (name TEXT, project_id TEXT, {column} BLOB)")
            connection.execute(f"INSERT INTO {table} VALUES ('n', 'rides', ?)", (body,))
        connection.commit()
    return path
