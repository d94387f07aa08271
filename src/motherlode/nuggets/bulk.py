"""Claims that somebody has already: rows of dicts, Arrow tables, data frames, JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from motherlode.core.time import parse_partial_date
from motherlode.errors import InputError
from motherlode.nuggets.record import Claim
from motherlode.nuggets.values import Quantity, parse_value

__all__ = ["claims_of", "read_claims"]

_FIELDS = {field.name for field in fields(Claim) if field.init}
_ALSO = {"object_kind", "recorded_at"}  # of an export; the kind tells numbers and dates from names
_ALIASES = {"start": "valid_from", "end": "valid_to", "document": "source", "value": "object"}


def claims_of(rows: Any, *, where: str = "row") -> Iterator[Claim]:
    """Claims from rows whose columns are the fields of `Claim`; absent and null ones take their defaults.

    rows: mappings, an Arrow table or record batch, a polars or pandas data frame
    where: what a message calls a row

    A column ``object_kind`` (name, number, date, truth) says how an object in text is meant.
    Errors: InputError that names row and field.
    """
    for number, row in enumerate(_rows(rows), start=1):
        yield _claim(row, f"{where} {number}")


def read_claims(path: str | Path) -> Iterator[Claim]:
    """Claims from a file of JSON lines.

    Errors: InputError that names file and line.
    """
    file = Path(path)
    try:
        with file.open("r", encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _claim(_parsed(line, f"{file}:{number}"), f"{file}:{number}")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read as JSON lines: {error}") from None


def _parsed(line: str, where: str) -> Mapping[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise InputError(f"{where}: this line is no JSON ({error})") from None
    if not isinstance(row, dict):
        raise InputError(f"{where}: a claim is a JSON object, not {type(row).__name__}")
    return row


def _rows(rows: Any) -> Iterable[Any]:
    if hasattr(rows, "to_pylist"):  # Arrow
        return list(rows.to_pylist())
    if hasattr(rows, "iter_rows"):  # polars
        return list(rows.iter_rows(named=True))
    if hasattr(rows, "to_dict") and hasattr(rows, "columns"):  # pandas
        return ({name: _missing(value) for name, value in row.items()} for row in rows.to_dict("records"))
    return rows if isinstance(rows, Iterable) else [rows]


def _missing(value: Any) -> Any:
    """None for pandas' NaN and NaT, which differ from themselves."""
    return None if value is None or (not isinstance(value, str | list | tuple) and value != value) else value


def _claim(row: Mapping[str, Any], where: str) -> Claim:
    if not isinstance(row, Mapping):
        raise InputError(f"{where}: a claim is a mapping of its fields, not {type(row).__name__}")
    values = {_ALIASES.get(name, name): value for name, value in row.items() if value is not None}
    unknown = sorted(set(map(str, values)) - _FIELDS - _ALSO)
    if unknown:
        raise InputError(f"{where}: unknown fields {', '.join(unknown)}; a claim has {', '.join(sorted(_FIELDS))}")
    missing = [name for name in ("subject", "predicate", "object") if name not in values]
    if missing:
        raise InputError(f"{where}: a claim needs {', '.join(missing)}")
    kind = values.pop("object_kind", None)
    values.pop("recorded_at", None)
    try:
        values["object"] = _value(values["object"], kind, values.pop("unit", None))
        if "span" in values:
            begin, end = values["span"]
            values["span"] = (int(begin), int(end))
        return Claim(**values)
    except (InputError, TypeError, ValueError) as error:
        raise InputError(f"{where}: {error}") from None


def _value(value: Any, kind: str | None, unit: str | None) -> Any:
    if kind == "date":
        return parse_partial_date(value)
    if kind == "number" or (unit is not None and not isinstance(value, str)):
        try:
            return Quantity(Decimal(str(value).replace(",", "")), unit or None)
        except InvalidOperation:
            raise InputError(f"the object {value!r} is said to be a number") from None
    if kind == "truth" and isinstance(value, str):
        return value.casefold() in ("yes", "true", "1")
    return parse_value(value, unit) if unit else value
