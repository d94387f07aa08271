"""Fields of records that become metadata columns: which ones, and from what text to what value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from motherlode.errors import DataError, InputError

__all__ = ["MetadataFields"]

_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0")


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return float(text)


def _boolean(text: str) -> bool:
    if text.lower() not in _TRUE + _FALSE:
        raise ValueError(text)
    return text.lower() in _TRUE


def _strings(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


_READERS: dict[str, Callable[[str], Any]] = {
    "string": str,
    "number": _number,
    "boolean": _boolean,
    "timestamp": datetime.fromisoformat,
    "strings": _strings,
}


class MetadataFields:
    """The fields that ``SourceOptions.metadata_fields`` names, each as ``name`` or ``name:type``.

    Without a type a value stays what the file says it is, which in CSV and TSV is a string. ``optional`` are names of
    fields that a record may lack.
    """

    def __init__(self, wanted: Sequence[str], optional: Sequence[str] = ()) -> None:
        self._types: dict[str, str | None] = dict.fromkeys(optional)
        self._optional = frozenset(optional)
        for item in wanted:
            name, colon, kind = item.rpartition(":")
            if not colon or kind not in _READERS:
                if colon and kind.isidentifier():
                    raise InputError(f"metadata field {item!r}: no type {kind!r}; there are {', '.join(_READERS)}")
                name, kind = item, ""
            self._types[name] = kind or None
            self._optional -= {name}

    def values(self, record: Mapping[str, Any], where: str) -> dict[str, Any] | None:
        """The record's metadata; empty text is NULL, and so is a field that it lacks."""
        row = {
            name: self._value(record[name], kind, name, where) for name, kind in self._types.items() if name in record
        }
        return row or None

    def check(self, record: Mapping[str, Any], where: str) -> None:
        """Raises InputError where the first record has none of a field."""
        for name in self._types:
            if name not in record and name not in self._optional:
                raise InputError(
                    f"{where}: no field {name!r} (--metadata); the record has {', '.join(map(repr, record))}."
                )

    def _value(self, value: Any, kind: str | None, name: str, where: str) -> Any:
        if value is None or (isinstance(value, str) and not value.strip() and kind != "string"):
            return None
        if kind == "string" and not isinstance(value, str):
            return str(value)
        if kind is None or not isinstance(value, str):
            return value
        try:
            return _READERS[kind](value.strip())
        except ValueError:
            message = f"{where}: {name!r} holds {value!r}, which is no {kind}; leave the type out, or mend the file."
            raise DataError(message, found=value, expected=kind) from None
