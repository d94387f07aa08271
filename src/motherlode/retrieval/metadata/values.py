"""Python values as a column keeps them: which type a value has, and what stands for it on disk."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence, Set
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np

from motherlode.errors import InputError

__all__ = [
    "BOOLEAN",
    "NULL",
    "NUMBER",
    "STRING",
    "STRINGS",
    "TIMESTAMP",
    "TYPES",
    "from_micros",
    "packed_row",
    "parse_timestamp",
    "plain",
    "unpacked_row",
]

STRING, NUMBER, BOOLEAN, TIMESTAMP, STRINGS = "string", "number", "boolean", "timestamp", "strings"
NULL = "null"  # a column of which no value has been seen yet
TYPES = (STRING, NUMBER, BOOLEAN, TIMESTAMP, STRINGS, NULL)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_INT64 = range(-(1 << 63), 1 << 63)


def plain(value: Any) -> tuple[str, Any]:
    """The type of a value, and the value as a column keeps it; ("null", None) for None, NaN and NaT.

    A timestamp becomes microseconds since 1970 in UTC: aware datetimes are converted, naive ones and dates taken as
    UTC. Lists, tuples and sets of strings become a list; a list with None in it is refused. Raises InputError for
    anything else.
    """
    if value is None:
        return NULL, None
    if isinstance(value, str):
        return STRING, str(value)
    if isinstance(value, (bool, np.bool_)):
        return BOOLEAN, bool(value)
    if isinstance(value, (int, np.integer)):
        if int(value) not in _INT64:
            raise InputError(f"{value} is outside of 64 bits; keep it as a string")
        return NUMBER, int(value)
    if isinstance(value, (float, np.floating)):
        return (NULL, None) if math.isnan(value) else (NUMBER, float(value))
    if isinstance(value, np.datetime64):
        return (NULL, None) if np.isnat(value) else (TIMESTAMP, int(value.astype("datetime64[us]").astype(np.int64)))
    if isinstance(value, (datetime, date)):
        return _timestamp(value)
    if isinstance(value, np.ndarray) and value.ndim == 1:
        value = value.tolist()
    if isinstance(value, (Sequence, Set)) and not isinstance(value, (bytes, bytearray, memoryview)):
        return STRINGS, _strings(value)
    raise InputError(
        f"{value!r} is {type(value).__name__}; expected a string, a number, a boolean, a datetime, a list of strings "
        "or None"
    )


def _timestamp(value: date) -> tuple[str, int | None]:
    if value != value:  # pandas' NaT is a datetime that differs from itself
        return NULL, None
    moment = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return TIMESTAMP, (moment - _EPOCH) // _MICROSECOND


def _strings(value: Any) -> list[str]:
    items = sorted(value) if isinstance(value, Set) else list(value)
    for item in items:
        if not isinstance(item, str):
            raise InputError(f"{value!r} holds {item!r}; a list may hold strings only")
    return [str(item) for item in items]


def packed_row(row: Mapping[str, Any] | None, document: str) -> str:
    """One document's metadata as JSON, "" for none; a timestamp is a list of its microseconds."""
    kept: dict[str, Any] = {}
    for name, value in (row or {}).items():
        try:
            kind, stored = plain(value)
        except InputError as error:
            raise InputError(f"metadata {name!r} of document {document!r}: {error}") from None
        kept[name] = [stored] if kind == TIMESTAMP else stored
    return json.dumps(kept) if kept else ""


def unpacked_row(text: str) -> dict[str, Any]:
    """What :func:`packed_row` packed."""
    row: dict[str, Any] = json.loads(text) if text else {}
    return {
        name: from_micros(value[0]) if isinstance(value, list) and value and isinstance(value[0], int) else value
        for name, value in row.items()
    }


def parse_timestamp(text: str) -> int:
    """Microseconds of an ISO 8601 date or date and time; without an offset it is UTC. InputError for others."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(
            f"{text!r} is no ISO 8601 timestamp; write e.g. '2024-05-01' or '2024-05-01T12:00:00Z'"
        ) from None
    found = _timestamp(moment)[1]
    assert found is not None
    return found


def from_micros(micros: int) -> datetime | np.datetime64:
    """The instant as an aware datetime in UTC; as numpy.datetime64 where it lies outside the years 1 to 9999."""
    try:
        return _EPOCH + micros * _MICROSECOND
    except OverflowError:
        return np.datetime64(micros, "us")
