"""Columns in a container: one section of JSON that says what lies where, one section with all the arrays.

A container holds a few dozen sections and a table may have more columns, so the arrays share one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from motherlode.core.files import Container, ContainerWriter
from motherlode.errors import DataError
from motherlode.retrieval.metadata.columns import Column, Dictionary, null_column
from motherlode.retrieval.metadata.values import BOOLEAN, NULL, NUMBER, STRING, STRINGS, TIMESTAMP

__all__ = ["read_columns", "write_columns"]

_ALIGNMENT = 8
_VALUES = {STRING: ("u4",), STRINGS: ("u4",), NUMBER: ("i8", "f8"), BOOLEAN: ("u1",), TIMESTAMP: ("i8",)}


def write_columns(writer: ContainerWriter, columns: Mapping[str, Column]) -> None:
    """Writes sections ``columns`` (JSON) and ``data``; columns without any value are left out."""
    table, at = [], 0
    with writer.section("data", np.uint8) as section:
        for name, column in columns.items():
            if column.type == NULL:
                continue
            parts = {}
            for part, array in _arrays(column).items():
                raw = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
                section.write(raw + bytes(-len(raw) % _ALIGNMENT))
                parts[part] = [at, len(array), array.dtype.str.lstrip("<|")]
                at += len(raw) + -len(raw) % _ALIGNMENT
            table.append({"name": name, "type": column.type, "parts": parts})
    writer.add("columns", np.frombuffer(json.dumps(table).encode(), np.uint8))


def _arrays(column: Column) -> dict[str, NDArray[Any]]:
    values = column.values.view(np.uint8) if column.type == BOOLEAN else column.values
    arrays: dict[str, NDArray[Any]] = {"values": values}
    if column.present is not None:
        arrays["present"] = column.present.view(np.uint8)
    if column.offsets is not None:
        arrays["offsets"] = column.offsets
    if column.dictionary is not None:
        arrays |= {"strings": column.dictionary.blob, "string_offsets": column.dictionary.offsets}
    return arrays


def read_columns(file: Container, n_docs: int) -> dict[str, Column]:
    """The columns of a container by name, as views of its mapping.

    Values are not trusted: codes and offsets that lead nowhere are cut, so that a damaged value is a wrong one and no
    crash. Raises DataError where the table itself cannot be followed.
    """
    data, raw = file.array("data", np.uint8), file.array("columns", np.uint8).tobytes()
    try:
        return {str(entry["name"]): _Reader(data, entry, n_docs).column() for entry in json.loads(raw)}
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        message = (
            f"{file.path}: section 'columns' is damaged: {type(error).__name__}: {error}; expected a table of columns"
        )
        raise DataError(message, path=str(file.path), found=str(error), expected="a table of columns") from None


class _Reader:
    """One entry of the table."""

    def __init__(self, data: NDArray[np.uint8], entry: Mapping[str, Any], n_docs: int) -> None:
        self._data, self._parts, self._n = data, entry["parts"], n_docs
        self._type: str = entry["type"]

    def column(self) -> Column:
        if self._type == NULL:
            return null_column(self._n)
        allowed = _VALUES[self._type]
        lists = self._type == STRINGS
        values = self._array("values", allowed, None if lists else self._n)
        present = self._array("present", ("u1",), self._n) != 0 if "present" in self._parts else None
        if self._type == BOOLEAN:
            values = values != 0
        if self._type not in (STRING, STRINGS):
            return Column(self._type, values, self._n, present)
        bounds = self._array("string_offsets", ("u8",))
        blob = self._array("strings", ("u1",))
        if not len(bounds) or bounds[-1] > len(blob) or (bounds[1:] < bounds[:-1]).any():
            raise ValueError("offsets of strings fall or leave their section")
        dictionary = Dictionary(blob, bounds)
        if len(values) and int(values.max()) >= max(1, len(dictionary)):
            values = np.minimum(values, max(0, len(dictionary) - 1)).astype(np.uint32)
        if not len(dictionary) and len(values):
            present = np.zeros(self._n, bool)
        if not lists:
            return Column(self._type, values, self._n, present, dictionary)
        offsets = self._array("offsets", ("i8",), self._n + 1)
        if offsets[0] != 0 or offsets[-1] != len(values) or (np.diff(offsets) < 0).any():
            raise ValueError("offsets of lists fall or leave their section")
        return Column(self._type, values, self._n, present, dictionary, offsets)

    def _array(self, part: str, allowed: tuple[str, ...], n: int | None = None) -> NDArray[Any]:
        begin, count, dtype = self._parts[part]
        if dtype not in allowed or type(begin) is not int or type(count) is not int:
            raise ValueError(f"{part}: {self._parts[part]}")
        kind = np.dtype("<" + dtype)
        end = begin + count * kind.itemsize
        if not 0 <= begin <= end <= len(self._data) or begin % _ALIGNMENT or (n is not None and count != n):
            raise ValueError(f"{part} does not fit: {self._parts[part]} of {len(self._data)} bytes, {n} items wanted")
        return self._data[begin:end].view(kind)
