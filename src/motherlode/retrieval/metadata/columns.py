"""Typed columns in memory or over a mapping: numpy arrays, with dictionaries for strings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from motherlode.errors import InputError
from motherlode.retrieval.metadata.values import BOOLEAN, NULL, NUMBER, STRING, STRINGS, TIMESTAMP, from_micros, plain

__all__ = ["Column", "Dictionary", "column_of_values", "concatenated", "null_column", "replaced"]


class Dictionary:
    """Distinct strings in ascending order of their UTF-8 bytes, decoded at first use.

    blob: uint8, all of them one after the other; offsets: uint64 [n + 1]
    """

    def __init__(self, blob: NDArray[np.uint8], offsets: NDArray[np.uint64]) -> None:
        self.blob, self.offsets = blob, offsets

    @classmethod
    def of(cls, strings: Iterable[str]) -> Dictionary:
        encoded = sorted({string.encode("utf-8", "surrogatepass") for string in strings})
        offsets = np.zeros(len(encoded) + 1, np.uint64)
        np.cumsum([len(one) for one in encoded], out=offsets[1:])
        return cls(np.frombuffer(b"".join(encoded), np.uint8), offsets)

    def __len__(self) -> int:
        return max(0, len(self.offsets) - 1)

    @cached_property
    def encoded(self) -> list[bytes]:
        raw, bounds = self.blob.tobytes(), self.offsets.tolist()
        return [raw[begin:end] for begin, end in pairwise(bounds)]

    @cached_property
    def strings(self) -> list[str]:
        """A damaged value reads as what can be decoded."""
        return [_decoded(one) for one in self.encoded]

    @cached_property
    def codes(self) -> Mapping[str, int]:
        return {string: code for code, string in enumerate(self.strings)}


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return raw.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Column:
    """One value for each document.

    type: "string", "number", "boolean", "timestamp", "strings", or "null" where none is known
    values: [n]: uint32 codes into the dictionary ("string"), int64 or float64 ("number"), bool, int64 microseconds
        ("timestamp"), uint32 codes of all lists one after the other ("strings"); empty for "null"
    n: documents
    present: bool [n], False where the value is NULL; None where none is
    dictionary: of "string" and "strings"
    offsets: int64 [n + 1], where each list of "strings" begins
    """

    type: str
    values: NDArray[Any]
    n: int
    present: NDArray[np.bool_] | None = None
    dictionary: Dictionary | None = None
    offsets: NDArray[np.int64] | None = None

    @property
    def known(self) -> NDArray[np.bool_]:
        """Bool [n], where there is a value."""
        if self.type == NULL:
            return np.zeros(self.n, bool)
        return np.ones(self.n, bool) if self.present is None else self.present

    def value(self, place: int) -> Any:
        """The value of one document as Python has it; None for NULL."""
        if self.type == NULL or (self.present is not None and not self.present[place]):
            return None
        if self.type == STRINGS:
            assert self.offsets is not None
            return [self._string(code) for code in self.values[self.offsets[place] : self.offsets[place + 1]].tolist()]
        value = self.values[place].item()
        if self.type == STRING:
            return self._string(value)
        return from_micros(value) if self.type == TIMESTAMP else value

    def _string(self, code: int) -> str:
        assert self.dictionary is not None
        return self.dictionary.strings[code]

    def take(self, places: NDArray[np.int64]) -> Column:
        """The values at these places, in their order."""
        present = None if self.present is None else self.present[places]
        if self.type == NULL:
            return null_column(len(places))
        if self.offsets is None:
            return Column(self.type, self.values[places], len(places), present, self.dictionary)
        lengths = np.diff(self.offsets)[places]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        rows = np.arange(offsets[-1]) + np.repeat(self.offsets[places] - offsets[:-1], lengths)
        return Column(self.type, self.values[rows], len(places), present, self.dictionary, offsets)


def null_column(n: int) -> Column:
    return Column(NULL, np.zeros(0, np.int64), n)


def column_of_values(values: Sequence[Any], name: str, wanted: str = NULL) -> Column:
    """A column of Python values, NULL for None.

    name: for messages; wanted: the type that the values must have, "null" for that of the first one

    Raises InputError, naming column and position, for values of two types or of one that no column keeps.
    """
    kept: list[Any] = []
    for position, given in enumerate(values):
        try:
            kind, value = plain(given)
        except InputError as error:
            raise InputError(f"metadata column {name!r}, position {position}: {error}") from None
        wanted = kind if wanted == NULL else wanted
        if kind not in (NULL, wanted):
            raise InputError(
                f"metadata column {name!r} holds {_NAMES[wanted]}, but position {position} has {given!r}; a column has "
                "one type"
            )
        kept.append(value)
    present = np.fromiter((value is not None for value in kept), bool, len(kept))
    flags = None if present.all() else present
    if wanted == NULL:
        return null_column(len(kept))
    if wanted in (STRING, STRINGS):
        return _coded(kept, wanted, flags)
    filled = [0 if value is None else value for value in kept]
    if wanted == NUMBER:
        dtype: Any = np.int64 if all(isinstance(value, int) for value in filled) else np.float64
    else:
        dtype = np.bool_ if wanted == BOOLEAN else np.int64
    return Column(wanted, np.array(filled, dtype), len(kept), flags)


_NAMES = {
    STRING: "strings",
    NUMBER: "numbers",
    BOOLEAN: "booleans",
    TIMESTAMP: "timestamps",
    STRINGS: "lists of strings",
    NULL: "nothing yet",
}


def _coded(kept: list[Any], kind: str, present: NDArray[np.bool_] | None) -> Column:
    lists = [[] if value is None else value if kind == STRINGS else [value] for value in kept]
    dictionary = Dictionary.of(string for strings in lists for string in strings)
    codes = dictionary.codes
    flat = np.array([codes[string] for strings in lists for string in strings], np.uint32)
    if kind == STRINGS:
        offsets = np.concatenate([[0], np.cumsum([len(strings) for strings in lists])]).astype(np.int64)
        return Column(kind, flat, len(kept), present, dictionary, offsets)
    values = np.zeros(len(kept), np.uint32)
    values[slice(None) if present is None else present] = flat
    return Column(kind, values, len(kept), present, dictionary)


def concatenated(columns: Sequence[Column]) -> Column:
    """One column of all, with a dictionary of what is in use: nothing stays of values that are not taken along."""
    kinds = {column.type for column in columns} - {NULL}
    if not kinds:
        return null_column(sum(column.n for column in columns))
    kind = kinds.pop()
    if kinds:
        raise InputError(f"metadata of types {kind} and {', '.join(kinds)} cannot stand in one column")
    n = sum(column.n for column in columns)
    known = np.concatenate([column.known for column in columns])
    present = None if known.all() else known
    if kind not in (STRING, STRINGS):
        parts = [np.zeros(column.n, np.int64) if column.type == NULL else column.values for column in columns]
        if kind == BOOLEAN:
            parts = [part.astype(bool) for part in parts]
        return Column(kind, np.concatenate(parts), n, present)
    dictionary, coded = _merged([_used(column, kind) for column in columns])
    if kind == STRING:
        return Column(kind, np.concatenate(coded), n, present, dictionary)
    lengths = [np.zeros(c.n, np.int64) if c.offsets is None else np.diff(c.offsets) for c in columns]
    offsets = np.concatenate([[0], np.cumsum(np.concatenate(lengths))]).astype(np.int64)
    return Column(kind, np.concatenate(coded), n, present, dictionary, offsets)


def _used(column: Column, kind: str) -> tuple[list[str], NDArray[np.int64], NDArray[np.bool_]]:
    """The strings in use, the place of each row's among them, and which rows have one. Of lists the items are rows."""
    if column.type == NULL or column.dictionary is None:
        n_rows = 0 if kind == STRINGS else column.n
        return [], np.zeros(n_rows, np.int64), np.zeros(n_rows, bool)
    rows = np.ones(len(column.values), bool) if column.type == STRINGS else column.known
    codes, places = np.unique(column.values[rows], return_inverse=True)
    inverse = np.zeros(len(column.values), np.int64)
    inverse[rows] = places
    return [column.dictionary.strings[code] for code in codes.tolist()], inverse, rows


def _merged(parts: Sequence[tuple[list[str], Any, Any]]) -> tuple[Dictionary, list[NDArray[np.uint32]]]:
    dictionary = Dictionary.of(string for strings, _, _ in parts for string in strings)
    coded = []
    for strings, inverse, rows in parts:
        translation = np.array([dictionary.codes[string] for string in strings], np.uint32)
        values = np.zeros(len(inverse), np.uint32)
        if len(translation):
            values[rows] = translation[inverse[rows]]
        coded.append(values)
    return dictionary, coded


def replaced(column: Column, changes: Mapping[int, Any], name: str) -> Column:
    """The column with other values at some places."""
    places = np.fromiter(changes, np.int64, len(changes))
    wanted = column.type
    fresh = column_of_values(list(changes.values()), name, wanted)
    both = concatenated([column, fresh])
    order = np.arange(column.n)
    order[places] = column.n + np.arange(len(places))
    return concatenated([both.take(order)])
