"""Arrays of others, seen as numpy's without a copy: torch tensors (torch is not imported), DLPack, Arrow columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from motherlode.errors import InputError, UnsupportedError

__all__ = ["as_array", "as_strings", "from_arrow", "from_documents"]

_DLPACK_CPU = 1
_CHUNK_DTYPES = (np.float16, np.float32)


def as_array(value: Any, name: str) -> NDArray[Any]:
    """A numpy array, over the same memory where that is possible: numpy, DLPack on the CPU, Arrow lists of one size."""
    if isinstance(value, np.ndarray):
        return np.asarray(value)
    if _is_nested_arrow(value):
        return _arrow_matrix(value, name)
    if hasattr(value, "__dlpack__") and hasattr(value, "__dlpack_device__"):
        return _from_dlpack(value, name)
    try:
        return np.asarray(value)
    except ValueError as error:  # lists of unequal lengths
        raise InputError(
            f"{name}: {error}; expected a rectangular array (motherlode.from_documents joins one array per document)"
        ) from None
    except (RuntimeError, TypeError) as error:  # a list of tensors that numpy cannot read
        raise InputError(f"{name}: {error}; expected an array of numbers") from None


def _from_dlpack(value: Any, name: str) -> NDArray[Any]:
    dtype = str(getattr(value, "dtype", ""))
    if "bfloat16" in dtype:
        raise InputError(f"{name}: dtype {dtype}, which numpy does not have; convert with .float()")
    if getattr(value, "requires_grad", False):
        raise InputError(f"{name}: a tensor that requires grad; give .detach().cpu()")
    device = getattr(value, "device", "another device")
    try:
        on_cpu = int(value.__dlpack_device__()[0]) == _DLPACK_CPU
    except (BufferError, RuntimeError, ValueError):
        on_cpu = False
    if not on_cpu:
        raise InputError(f"{name}: a tensor on {device}; search runs on the CPU, give .detach().cpu()")
    try:
        return np.from_dlpack(value)
    except (BufferError, RuntimeError, TypeError) as error:
        pass_on = error
    try:  # what DLPack cannot say, numpy may still be able to read: Arrow's booleans, negative strides
        return np.asarray(value)
    except (RuntimeError, TypeError, ValueError):
        raise InputError(f"{name}: {pass_on}; expected a dense array of numbers on the CPU") from None


def from_documents(documents: Any) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Joins one array per document, as encoders return them, to the vectors and offsets that an index is built from.

    documents: a sequence of arrays [n_doc_tokens, dim] (numpy, torch tensors on the CPU, nested lists), a document
        without tokens being [0, dim] or an empty list; or one array [n_docs, n_doc_tokens, dim]; or an Arrow column,
        which is handed to :func:`from_arrow`

    Returns vectors [n_tokens, dim], float16 when all documents are, otherwise float32; and offsets int64 [n_docs + 1].
    Several arrays are copied once, into the result; one array of three dimensions, or one document, is not copied.
    Raises InputError, naming the document, where a shape or a dtype does not fit; for no documents at all, which have
    no dim; for tensors that require grad or are not on the CPU.
    """
    if _is_nested_arrow(documents):
        return from_arrow(documents)
    if hasattr(documents, "ndim") or hasattr(documents, "__dlpack__"):
        block = as_array(documents, "documents")
        if block.ndim != 3:
            raise InputError(
                f"documents: shape {block.shape}; expected [n_docs, n_doc_tokens, dim], or a list of one array "
                "[n_doc_tokens, dim] per document"
            )
        _check_floats(block.dtype, "documents")
        n_docs, n_doc_tokens, dim = block.shape
        return block.reshape(n_docs * n_doc_tokens, dim), np.arange(n_docs + 1, dtype=np.int64) * n_doc_tokens
    if isinstance(documents, (str, bytes, dict)) or not isinstance(documents, Iterable):
        raise InputError(f"documents: a {type(documents).__name__}; expected a list of arrays [n_doc_tokens, dim]")
    arrays = [_document(document, f"documents[{i}]") for i, document in enumerate(documents)]
    known = [(i, array) for i, array in enumerate(arrays) if array.ndim == 2]
    if not known:
        raise InputError(f"documents: none of {len(arrays)} has tokens, so the dim is unknown; give [0, dim] arrays")
    first, dim = known[0][0], known[0][1].shape[1]
    for i, array in known:
        if array.shape[1] != dim:
            raise InputError(f"documents[{i}]: dim {array.shape[1]}; documents[{first}] has {dim}")
    offsets = np.zeros(len(arrays) + 1, np.int64)
    np.cumsum([len(array) for array in arrays], out=offsets[1:])
    rows = [array for _, array in known]
    half = all(array.dtype == np.float16 for array in rows)
    if len(rows) == 1 and rows[0].dtype in _CHUNK_DTYPES:
        return rows[0], offsets
    with np.errstate(over="ignore"):  # what does not fit becomes infinite, and an index refuses that by name
        return np.concatenate(rows, dtype=np.float16 if half else np.float32, casting="unsafe"), offsets


def _document(document: Any, name: str) -> NDArray[Any]:
    """[n_doc_tokens, dim]; or [0] for a document that says nothing of its dim."""
    array = as_array(document, name)
    if array.shape == (0,):
        return array
    if array.ndim == 3 and len(array) == 1:
        array = array[0]  # a batch of one, as some encoders return it
    if array.ndim != 2:
        raise InputError(f"{name}: shape {array.shape}; expected [n_doc_tokens, dim]")
    _check_floats(array.dtype, name)
    return array


def _check_floats(dtype: np.dtype[Any], name: str) -> None:
    if dtype.kind != "f":
        raise InputError(f"{name}: dtype {dtype}; expected float16, float32 or float64")


def as_strings(values: Any) -> list[Any]:
    """The values as a list; Arrow columns give Python's strings."""
    return list(values.to_pylist() if hasattr(values, "to_pylist") else values)


# Arrow: columns of lists, through pyarrow where it is installed


def _is_arrow(value: Any) -> bool:
    return hasattr(value, "__arrow_c_array__") or hasattr(value, "__arrow_c_stream__")


def _is_nested_arrow(value: Any) -> bool:
    """A column of lists; Arrow's flat columns are read as any array is, and frames of pandas as they always were."""
    if not _is_arrow(value):
        return False
    kind = getattr(value, "type", getattr(value, "dtype", None))
    return hasattr(kind, "value_type") or type(kind).__name__ in ("List", "Array")  # pyarrow, polars


def from_arrow(column: Any) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Vectors and offsets of an Arrow column with one list of token vectors per row.

    column: a pyarrow Array or ChunkedArray, or anything that exports one through Arrow's C data interface (polars,
        duckdb, nanoarrow), of one of the types

        - list<fixed_size_list<float>[dim]>, the natural one; large_list too
        - list<list<float>>, as JSON and datasets have it, where all inner lists have one length
        - fixed_size_list<fixed_size_list<float>[dim]>[n_doc_tokens]
        - fixed_size_list<float>[dim]: one vector per row, so documents of one token

        with float16, float32 or float64 values (halffloat, float, double)

    Returns vectors [n_tokens, dim] and offsets int64 [n_docs + 1], as :func:`motherlode.build_index` takes them. The
    vectors of a column in one chunk are not copied, slices of it neither; several chunks are copied once. An empty list
    is a document without tokens. Raises InputError for nulls (naming the row), other types and lists of unequal length;
    UnsupportedError without pyarrow.
    """
    parts = [_arrow_documents(chunk) for chunk in _chunks(column)]
    if len(parts) == 1:
        return parts[0]
    filled = [(vectors, offsets) for vectors, offsets in parts if len(vectors)] or parts[:1]
    lengths = np.concatenate([np.diff(offsets) for _, offsets in parts])
    _one_dim([vectors for vectors, _ in filled], "column")
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return np.concatenate([vectors for vectors, _ in filled]), offsets


def _one_dim(parts: Sequence[NDArray[Any]], name: str) -> None:
    for one, other in pairwise(parts):
        if one.shape[1] != other.shape[1]:
            raise InputError(f"{name}: vectors of dim {one.shape[1]} and of dim {other.shape[1]}; expected one dim")


def _arrow_matrix(column: Any, name: str) -> NDArray[Any]:
    """A column of vectors as [n_rows, dim]."""
    chunks = _chunks(column)
    if any(_depth(chunk.type) != 1 for chunk in chunks):
        raise InputError(
            f"{name}: a column of {chunks[0].type}, lists of vectors; motherlode.from_arrow gives vectors and offsets"
        )
    parts = [_rows(chunk, name) for chunk in chunks]
    _one_dim(parts, name)
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _chunks(column: Any) -> list[Any]:
    """The column as pyarrow's arrays; at least one, which may be empty."""
    try:
        import pyarrow
    except ImportError:
        raise UnsupportedError("Arrow columns are read through pyarrow: pip install 'motherlode[data]'") from None
    if isinstance(column, (pyarrow.Table, pyarrow.RecordBatch)):
        names = ", ".join(map(repr, column.schema.names))
        raise InputError(f"column: a table; give one of its columns: {names}")
    if not isinstance(column, (pyarrow.Array, pyarrow.ChunkedArray)):
        if not _is_arrow(column):
            raise InputError(f"column: a {type(column).__name__}; expected an Arrow column of lists of vectors")
        is_stream = hasattr(column, "__arrow_c_stream__")
        column = pyarrow.chunked_array(column) if is_stream else pyarrow.array(column)
    if isinstance(column, pyarrow.ChunkedArray):
        filled = [chunk for chunk in column.chunks if len(chunk)]
        return filled or [pyarrow.array([], column.type)]
    return [column]


def _depth(kind: Any) -> int:
    """How many lists a value is in."""
    return 1 + _depth(kind.value_type) if hasattr(kind, "value_type") and hasattr(kind, "value_field") else 0


def _arrow_documents(array: Any) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Vectors and offsets of one chunk."""
    depth = _depth(array.type)
    if depth == 1:
        return _rows(array, "column"), np.arange(len(array) + 1, dtype=np.int64)
    if depth != 2:
        raise InputError(f"column: type {array.type}; expected lists of vectors, list<fixed_size_list<float>[dim]>")
    bounds, inner = _lists(array, "column", "document")
    return _rows(inner, "column"), bounds


def _rows(array: Any, name: str) -> NDArray[Any]:
    """A list array of one length as [n_rows, dim]."""
    bounds, values = _lists(array, name, "vector")
    dim = getattr(array.type, "list_size", None)
    if dim is None:
        lengths = np.diff(bounds)
        dim = int(lengths[0]) if len(lengths) else 0
        if (lengths != dim).any():
            row = int(np.flatnonzero(lengths != dim)[0])
            raise InputError(f"{name}: vector {row} has {lengths[row]} values, vector 0 has {dim}; expected one dim")
    _no_nulls(values, name, "value")
    try:
        flat = values.to_numpy(zero_copy_only=True)
    except ValueError:  # pyarrow's error: not a plain numeric type
        raise InputError(f"{name}: values of type {values.type}; expected halffloat, float or double") from None
    _check_floats(flat.dtype, name)
    found: NDArray[Any] = flat.reshape(len(array), dim)
    return found


def _lists(array: Any, name: str, what: str) -> tuple[NDArray[np.int64], Any]:
    """Bounds from 0, and the values that the lists hold, of an array that may be a slice."""
    _no_nulls(array, name, what)
    size = getattr(array.type, "list_size", None)
    if size is not None:
        values = array.values.slice(array.offset * size, len(array) * size)
        return np.arange(len(array) + 1, dtype=np.int64) * size, values
    if not hasattr(array, "offsets") or hasattr(array, "sizes"):  # list views may overlap
        raise InputError(f"{name}: type {array.type}; cast it to list<fixed_size_list<float>[dim]>")
    bounds = array.offsets.to_numpy().astype(np.int64)
    return bounds - bounds[0], array.values.slice(int(bounds[0]), int(bounds[-1] - bounds[0]))


def _no_nulls(array: Any, name: str, what: str) -> None:
    if array.null_count:
        row = int(np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False))[0])
        raise InputError(f"{name}: {what} {row} is null; drop it, or give an empty list for a document without tokens")
