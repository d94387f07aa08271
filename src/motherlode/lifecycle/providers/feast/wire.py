"""Protocol Buffers' wire format, read with a table of field numbers: https://protobuf.dev/programming-guides/encoding

A message becomes a dictionary of the fields that the table knows and the bytes have; every other field is skipped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["WireError", "decode", "split"]

Schema = Mapping[str, Mapping[int, tuple[str, str]]]
"""Message to field number to (name, kind). A kind is string, bytes, int, bool or a message; ``*`` before it says that
it is repeated, ``%`` that it is a map from strings to it."""

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_MAX_DEPTH = 32
_SCALARS = {"string": _LENGTH, "bytes": _LENGTH, "int": _VARINT, "bool": _VARINT}


class WireError(ValueError):
    """Bytes that are no message."""


def split(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Field numbers and values of one message: a number for a varint, bytes for everything else."""
    at, end = 0, len(data)
    while at < end:
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if number == 0:
            raise WireError(f"field number 0 at byte {at}")
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        if kind == _LENGTH:
            size, at = _varint(data, at)
        elif kind in {_FIXED64, _FIXED32}:
            size = 8 if kind == _FIXED64 else 4
        else:
            raise WireError(f"wire type {kind} at byte {at}")
        if size > end - at:
            raise WireError(f"a field of {size:,} bytes at byte {at:,} of {end:,}")
        yield number, data[at : at + size]
        at += size


def decode(data: memoryview, message: str, schema: Schema, depth: int = 0) -> dict[str, Any]:
    """The known fields of `data`, which is a `message` of the schema. Raises WireError.

    Text that is no UTF-8 gets U+FFFD in its place. Of a field that comes twice the last counts: nothing is merged.
    """
    if depth > _MAX_DEPTH:
        raise WireError(f"messages more than {_MAX_DEPTH} deep")
    fields = schema[message]
    found: dict[str, Any] = {}
    for number, value in split(data):
        known = fields.get(number)
        if known is None:
            continue
        name, kind = known
        if kind[0] == "%":
            entry = _entry(value, kind[1:], schema, depth)
            found.setdefault(name, {})[entry[0]] = entry[1]
        elif kind[0] == "*":
            found.setdefault(name, []).append(_value(value, kind[1:], schema, depth))
        else:
            found[name] = _value(value, kind, schema, depth)
    return found


def _entry(value: int | memoryview, kind: str, schema: Schema, depth: int) -> tuple[str, Any]:
    if isinstance(value, int):
        raise WireError("a number where an entry of a map should be")
    parts = dict(split(value))
    key = _value(parts.get(1, memoryview(b"")), "string", schema, depth)
    empty: Any = memoryview(b"") if _SCALARS.get(kind, _LENGTH) == _LENGTH else 0
    return key, _value(parts.get(2, empty), kind, schema, depth)


def _value(value: int | memoryview, kind: str, schema: Schema, depth: int) -> Any:
    is_number = isinstance(value, int)
    if is_number != (_SCALARS.get(kind, _LENGTH) == _VARINT):
        raise WireError(f"a {'number' if is_number else 'text'} where {kind} should be")
    if isinstance(value, int):
        return bool(value) if kind == "bool" else value - (1 << 64) if value >> 63 else value
    if kind == "string":
        return bytes(value).decode("utf-8", "replace")
    return bytes(value) if kind == "bytes" else decode(value, kind, schema, depth + 1)


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    for position in range(at, min(at + 10, len(data))):
        byte = data[position]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & ((1 << 64) - 1), position + 1
        shift += 7
    raise WireError(f"a number that does not end at byte {at:,}")
