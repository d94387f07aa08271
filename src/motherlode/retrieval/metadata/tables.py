"""Metadata as callers bring it: dicts, columns, Arrow, polars or pandas; checked once, at the border."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from motherlode.errors import InputError
from motherlode.retrieval.metadata.columns import Column, column_of_values, concatenated, null_column
from motherlode.retrieval.metadata.values import NULL, TYPES

__all__ = ["Schema", "columns_in_chunks", "columns_of", "rows_of", "schema_of"]

Schema = Mapping[str, str]
_CHUNK_ROWS = 1 << 16


def columns_of(metadata: Any, n_docs: int, schema: Schema | None = None) -> dict[str, Column]:
    """Columns of n_docs values each.

    metadata: n_docs mappings (or None) by document; or a mapping of column names to n_docs values each; or an Arrow
        table, a polars or a pandas data frame with n_docs rows; None for no metadata
    schema: the types that columns have already; a value of another type is refused

    A missing key, None, NaN and NaT are NULL. Raises InputError, naming column and position, for values that a column
    cannot keep, and for a wrong number of them.
    """
    known = schema or {}
    if metadata is None:
        return {}
    if isinstance(metadata, Iterator):  # of a spool: none, or one row for each document
        return columns_in_chunks(metadata, known)
    table = _as_table(metadata)
    if table is None:
        return columns_in_chunks(_checked_rows(metadata, n_docs), known)
    columns = {}
    for name, values in table.items():
        if len(values) != n_docs:
            raise InputError(f"metadata column {name!r}: {len(values)} values for {n_docs} documents")
        columns[_checked_name(name)] = column_of_values(values, name, known.get(name, NULL))
    return columns


def columns_in_chunks(rows: Iterable[Mapping[str, Any] | None], schema: Schema | None = None) -> dict[str, Column]:
    """Columns of rows that come one after the other; a few tens of thousands are in memory as Python values."""
    types, pieces, n_rows = dict(schema or {}), list[tuple[int, dict[str, Column]]](), 0
    for chunk in _chunks(rows):
        piece = _columns_of_rows(chunk, types, n_rows)
        types |= {name: column.type for name, column in piece.items() if column.type != NULL}
        pieces.append((len(chunk), piece))
        n_rows += len(chunk)
    names = dict.fromkeys(name for _, piece in pieces for name in piece)
    return {name: concatenated([piece.get(name) or null_column(n) for n, piece in pieces]) for name in names}


def _chunks(rows: Iterable[Mapping[str, Any] | None]) -> Iterator[list[Mapping[str, Any]]]:
    chunk: list[Mapping[str, Any]] = []
    for row in rows:
        chunk.append(row or {})
        if len(chunk) == _CHUNK_ROWS:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _columns_of_rows(rows: Sequence[Mapping[str, Any]], types: Schema, first: int) -> dict[str, Column]:
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {}
    for name in names:
        values = [row.get(name) for row in rows]
        try:
            columns[_checked_name(name)] = column_of_values(values, name, types.get(name, NULL))
        except InputError as error:
            raise InputError(f"{error} (positions count from document {first})" if first else str(error)) from None
    return columns


def rows_of(metadata: Any, n_docs: int) -> list[dict[str, Any]]:
    """The same input as one dict for each document, with the keys that it gave."""
    table = None if metadata is None else _as_table(metadata)
    if metadata is None:
        return [{} for _ in range(n_docs)]
    if table is None:
        return [dict(row) for row in _checked_rows(metadata, n_docs)]
    columns_of(table, n_docs)  # for its complaints
    return [{name: values[i] for name, values in table.items()} for i in range(n_docs)]


def schema_of(columns: Mapping[str, Column], schema: Schema | None = None) -> dict[str, str]:
    """The types of all columns that are known afterwards; a type replaces "null"."""
    types = dict(schema or {})
    for name, column in columns.items():
        if types.get(name, NULL) == NULL:
            types[name] = column.type
    assert set(types.values()) <= set(TYPES)
    return types


def _checked_rows(metadata: Any, n_docs: int) -> list[Mapping[str, Any]]:
    if isinstance(metadata, (str, bytes)) or not isinstance(metadata, Iterable):
        raise InputError(
            f"metadata is {type(metadata).__name__}; give a dict for each document, a dict of columns, or an Arrow, "
            "polars or pandas table"
        )
    rows = list(metadata)
    if len(rows) != n_docs:
        raise InputError(f"metadata: {len(rows)} rows for {n_docs} documents")
    for position, row in enumerate(rows):
        if row is not None and not isinstance(row, Mapping):
            raise InputError(
                f"metadata: {row!r} at position {position} is {type(row).__name__}; expected a dict or None"
            )
    return [row or {} for row in rows]


def _checked_name(name: Any) -> str:
    if not isinstance(name, str) or not name:
        raise InputError(f"metadata column {name!r}: a name is a string that is not empty")
    return name


def _as_table(metadata: Any) -> dict[str, Sequence[Any]] | None:
    """Columns as lists of Python values; None where the input comes by rows.

    Tables are known by their methods, so that none of their packages is needed here.
    """
    if isinstance(metadata, Mapping):
        return {name: _as_list(values, name) for name, values in metadata.items()}
    if hasattr(metadata, "to_pydict"):  # pyarrow.Table, RecordBatch
        return dict(metadata.to_pydict())
    if hasattr(metadata, "to_dicts") and hasattr(metadata, "get_columns"):  # polars.DataFrame
        return {series.name: series.to_list() for series in metadata.get_columns()}
    if hasattr(metadata, "iterrows") and hasattr(metadata, "columns"):  # pandas.DataFrame
        return {name: _pandas_list(metadata[name]) for name in metadata.columns}
    return None


def _as_list(values: Any, name: Any) -> Sequence[Any]:
    if isinstance(values, (str, bytes, Mapping)) or not isinstance(values, Iterable):
        raise InputError(f"metadata column {name!r} is {type(values).__name__}; expected one value for each document")
    return list(values)


def _pandas_list(series: Any) -> list[Any]:
    missing = series.isna().tolist()
    return [None if gone else value for gone, value in zip(missing, series.tolist(), strict=True)]
