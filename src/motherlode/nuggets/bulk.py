"""Claims in bulk: from JSONL, Arrow and data frames into a store, and out of it again as JSON values.

One record is one claim; its fields are those of `Claim`, and what is missing has the default. Besides:

object_kind   how ``object`` is meant where its type does not say so: name, number, date or truth. A date in JSON is
              text, and without "object_kind": "date" it is a name
number        the object as a number, in place of ``object``; ``unit`` belongs to it
span_begin, span_end   in place of ``span``, for tables without lists
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

from motherlode.core.collection import without_collection
from motherlode.core.ports import NullProgress, Progress
from motherlode.core.sql import in_batches
from motherlode.core.time import PartialDate, parse_partial_date
from motherlode.errors import InputError
from motherlode.nuggets.record import Claim
from motherlode.nuggets.recording import BULK_CLAIMS
from motherlode.nuggets.values import Quantity, Value, parse_value

if TYPE_CHECKING:
    from motherlode.nuggets.store import NuggetStore

__all__ = ["CLAIM_FIELDS", "assert_rows", "claim_of", "claims_from_jsonl", "claims_from_rows"]

_DATES = ("valid_from", "valid_to", "published_at")
_TEXTS = ("subject", "predicate", "source", "publisher", "scope", "text", "unit", "kind")
_IDS = ("subject", "source", "publisher")  # which tables often hold as numbers
_OBJECT_KINDS = ("name", "number", "date", "truth")
_OWN = tuple(one.name for one in fields(Claim) if one.init)
CLAIM_FIELDS = (*_OWN, "object_kind", "number", "span_begin", "span_end")
"""What a record of a claim may hold."""


def claims_from_jsonl(path: str | Path) -> Iterator[Claim]:
    """The claims of a JSONL file, one object a line, as they are asked for; empty lines are passed over.

    Errors: InputError with file, line and field for what is no UTF-8, no JSON, no claim; for a file that cannot be
    opened.
    """
    path = Path(path)
    try:
        lines = path.open("rb")
    except OSError as error:
        raise InputError(f"cannot read claims from {path}: {error.strerror or error}") from None
    with lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield claim_of(_parsed(line, f"{path}, line {number}"), f"{path}, line {number}")


def _parsed(line: bytes, where: str) -> Any:
    try:
        # Numbers stay as written: 0.1 is one tenth, not the nearest binary fraction.
        return json.loads(line.decode("utf-8-sig"), parse_float=Decimal)
    except UnicodeDecodeError as error:
        raise InputError(f"{where}: no UTF-8 text (byte {error.start}); a file of claims has JSON lines") from None
    except json.JSONDecodeError as error:
        raise InputError(f"{where}: no JSON ({error.msg} at column {error.colno}); one claim a line") from None
    except RecursionError:
        raise InputError(f"{where}: nested too deeply to be a claim") from None


def claims_from_rows(rows: Any) -> Iterator[Claim]:
    """Claims of a table, row by row: an Arrow table, record batch or reader, a pandas or polars frame, or mappings.

    Columns are fields of a claim (see the head of this module); empty cells (None, NaN, NaT) count as missing. `Claim`
    objects pass as they are.

    Errors: InputError with row (from 1) and column.
    """
    for number, row in enumerate(_mappings(rows), 1):
        yield row if isinstance(row, Claim) else claim_of(row, f"row {number}")


def _mappings(rows: Any) -> Iterator[Any]:
    """The rows of whatever table it is, told by what it can do: none of these packages is imported here."""
    if hasattr(rows, "collect_schema") and hasattr(rows, "collect"):  # polars, a lazy frame
        rows = rows.collect()
    if hasattr(rows, "iter_rows"):  # polars
        return iter(rows.iter_rows(named=True))
    if hasattr(rows, "to_batches"):  # an Arrow table
        return (row for batch in rows.to_batches(max_chunksize=10_000) for row in batch.to_pylist())
    if hasattr(rows, "to_pylist") and hasattr(rows, "schema"):  # a record batch
        return iter(rows.to_pylist())
    if hasattr(rows, "itertuples") and hasattr(rows, "columns"):  # pandas
        names = [str(name) for name in rows.columns]
        return (dict(zip(names, row, strict=True)) for row in rows.itertuples(index=False, name=None))
    if hasattr(rows, "read_next_batch"):  # a reader of record batches
        return (row for batch in rows for row in batch.to_pylist())
    if isinstance(rows, Mapping | str | bytes) or not isinstance(rows, Iterable):
        raise InputError(
            f"rows are an Arrow table, a data frame, or mappings one after another, not {type(rows).__name__}"
        )
    return iter(rows)


def claim_of(row: Any, where: str = "row") -> Claim:
    """A claim from one mapping of its fields; ``where`` begins the message of an error."""
    if not isinstance(row, Mapping):
        raise InputError(f"{where}: a claim is an object with subject, predicate and object, not {type(row).__name__}")
    given = {str(name): plain for name, value in row.items() if (plain := _plain(value)) is not None}
    for name in row:
        if name not in CLAIM_FIELDS:
            raise InputError(f"{where}: unknown field {name!r}; a claim has {', '.join(CLAIM_FIELDS)}")
    try:
        return Claim(**_arguments(given))
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def _plain(value: Any) -> Any:
    """The value as Python has it; None for an empty cell."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return None
    if type(value).__module__ == "numpy" and hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float | Decimal) and value != value else value


def _arguments(given: dict[str, Any]) -> dict[str, Any]:
    for name in ("subject", "predicate"):
        if name not in given:
            raise InputError(f"no {name!r}; a claim has at least subject, predicate and object")
    for name in _TEXTS:
        value = given.get(name)
        if name in _IDS and type(value) is int:
            given[name] = value = str(value)
        if value is not None and not isinstance(value, str):
            raise InputError(f"{name!r} is text, not {value!r}")
    for name in _DATES:
        if name in given:
            given[name] = _date(name, given[name])
    version = given.get("version")
    if isinstance(version, float | Decimal) and version == int(version):  # a column with gaps is made of fractions
        given["version"] = version = int(version)
    if version is not None and (isinstance(version, bool) or not isinstance(version, str | int | float | Decimal)):
        raise InputError(f"'version' is text or a number, not {version!r}")
    if isinstance(version, float | Decimal):
        given["version"] = str(version)
    if "negated" in given:
        given["negated"] = _truth("negated", given["negated"])
    confidence = given.get("confidence")
    if confidence is not None:
        if isinstance(confidence, bool) or not isinstance(confidence, int | float | Decimal):
            raise InputError(f"'confidence' is a number from 0 to 1, not {confidence!r}")
        given["confidence"] = float(confidence)
    span = _span(given)
    given["object"] = _object(given)
    kept = {name: value for name, value in given.items() if name in _OWN and name != "span"}
    if isinstance(given["object"], Quantity):
        kept.pop("unit", None)
    return kept if span is None else {**kept, "span": span}


def _date(name: str, value: Any) -> PartialDate:
    if type(value) is int:  # 2011 is a year
        value = f"{value:04}"
    try:
        return parse_partial_date(value)
    except InputError as error:
        raise InputError(f"{name!r}: {error}") from None


def _truth(name: str, value: Any) -> bool:
    if isinstance(value, bool) or (type(value) is int and value in (0, 1)):
        return bool(value)
    if isinstance(value, str) and value.strip().casefold() in ("true", "false", "yes", "no"):
        return value.strip().casefold() in ("true", "yes")
    raise InputError(f"{name!r} is true or false, not {value!r}")


def _span(given: Mapping[str, Any]) -> tuple[int, int] | None:
    parts = given.get("span", [given.get("span_begin"), given.get("span_end")])
    if "span" not in given and parts == [None, None]:
        return None
    parts = list(parts) if isinstance(parts, Iterable) and not isinstance(parts, str) else [parts]
    whole = [int(part) if isinstance(part, float) and part == int(part) else part for part in parts]
    if len(whole) != 2 or any(type(part) is not int for part in whole):
        raise InputError(f"'span' is begin and end in characters, e.g. [10, 42], not {parts!r}")
    return whole[0], whole[1]


def _object(given: Mapping[str, Any]) -> Value:
    value, number, kind, unit = (given.get(name) for name in ("object", "number", "object_kind", "unit"))
    if value is None and number is None:
        raise InputError("no 'object' (or 'number'); a claim has at least subject, predicate and object")
    if value is not None and number is not None:
        raise InputError(f"either 'object' or 'number', not both: {value!r} and {number!r}")
    if number is not None:
        value, kind = number, "number"
    match kind:
        case None | "name":
            if kind and not isinstance(value, str):
                raise InputError(f"'object' is a name by its object_kind, but not text: {value!r}")
            if value is not None and not isinstance(value, str | int | float | bool | Decimal | date | PartialDate):
                raise InputError(f"'object' is text, a number, a date or a truth value, not {value!r}")
            return value  # type: ignore[return-value]
        case "number":
            return _number(value, unit)
        case "date":
            return _date("object", value)
        case "truth":
            return _truth("object", value)
    raise InputError(f"'object_kind' is one of {', '.join(_OBJECT_KINDS)}, not {kind!r}")


def _number(value: Any, unit: str | None) -> Quantity:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        raise InputError(f"the object is a number, not {value!r}")
    if not isinstance(value, str):
        return Quantity(Decimal(str(value)), unit)
    try:
        return Quantity(Decimal(value.strip()), unit)
    except InvalidOperation:
        return Quantity(parse_value(value, unit or "(none)").amount, unit)


def assert_rows(store: NuggetStore, rows: Any, *, batch: int = 20_000, progress: Progress | None = None) -> int:
    """Record the claims of a table, of mappings or of `claims_from_jsonl`; how many there were.

    batch: claims in one transaction. What is recorded already is not recorded twice, so that an interrupted call is
    repeated as it was.

    Errors: InputError with row and column; the batches before it are recorded.
    Cost: deriving dominates; see `NuggetStore.assert_claims`.
    """
    if batch < 1:
        raise InputError(f"a batch is at least one claim, not {batch}")
    progress = progress or NullProgress()
    progress.start("recording claims", len(rows) if hasattr(rows, "__len__") else None, "claims")
    n_claims = 0
    for listed in in_batches(claims_from_rows(rows), batch):
        with without_collection(is_bulk=len(listed) >= BULK_CLAIMS), store.recording() as work:
            work.add(listed)
        n_claims += len(listed)
        progress.advance(len(listed))
    progress.finish()
    return n_claims
