"""Checks of what callers hand in, once, at the border."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from motherlode.errors import InputError
from motherlode.retrieval.arrays import as_array, as_strings

__all__ = [
    "check_bits",
    "check_count",
    "check_half_range",
    "check_ids",
    "check_keep_vectors",
    "check_n_centroids",
    "check_offsets",
    "check_query",
    "check_seed",
    "check_token_ids",
    "check_vectors",
]

MAX_DIM = 4096
KEPT_DTYPE = "float16"
_BITS = (1, 2, 4)
_CHUNK_ROWS = 1 << 16
_CHUNK_VALUES = 1 << 22
_MAX_COUNT = 1 << 40


def _as_float32(array: NDArray[Any]) -> NDArray[np.float32]:
    """A C-contiguous float32 array; values that do not fit become infinite, and are refused as such."""
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(array, np.float32)


def check_count(value: Any, name: str) -> int:
    """A whole number, 0 or more; what is beyond any corpus is as good as its end."""
    if isinstance(value, (bool, np.bool_)) or not hasattr(value, "__index__") or value.__index__() < 0:
        raise InputError(f"{name}={value!r}: give a whole number, 0 or more")
    return int(min(value.__index__(), _MAX_COUNT))


def check_n_centroids(value: Any) -> int:
    """A whole number, 1 or more."""
    count = check_count(value, "n_centroids")
    if count == 0:
        raise InputError(f"n_centroids={value!r}: give a positive number, or None for the default")
    return count


def check_bits(bits: Any, refine_bits: Any) -> None:
    """1, 2 or 4 bits per dimension; of the refinement 0, too."""
    if not all(isinstance(b, int) for b in (bits, refine_bits)) or bits not in _BITS or refine_bits not in (0, *_BITS):
        raise InputError(f"bits={bits!r}, refine_bits={refine_bits!r}: bits is 1, 2 or 4, refine_bits 0, 1, 2 or 4")


def check_seed(seed: Any) -> int:
    """A whole number from 0 to 2^64 - 1."""
    if isinstance(seed, (bool, np.bool_)) or not hasattr(seed, "__index__") or not 0 <= seed.__index__() < 1 << 64:
        raise InputError(f"seed={seed!r}: give a whole number from 0 to 2^64 - 1")
    return int(seed.__index__())


def check_vectors(vectors: Any, *, name: str = "vectors") -> NDArray[Any]:
    """[n_tokens, dim] float16 or float32, C-contiguous, finite; memory-mapped arrays stay mapped."""
    array = vectors if isinstance(vectors, np.ndarray) else as_array(vectors, name)
    if array.ndim != 2:
        raise InputError(f"{name}: shape {array.shape}; expected two dimensions [n_tokens, dim]")
    if array.dtype == np.float64:
        array = _as_float32(array)
    if array.dtype not in (np.float16, np.float32):
        raise InputError(f"{name}: dtype {array.dtype}; expected float16 or float32 (convert with .astype('float32'))")
    if not 1 <= array.shape[1] <= MAX_DIM:
        raise InputError(f"{name}: dim {array.shape[1]}; expected 1 to {MAX_DIM}")
    array = np.ascontiguousarray(array)
    for begin in range(0, len(array), _CHUNK_ROWS):
        chunk = array[begin : begin + _CHUNK_ROWS]
        if not np.isfinite(chunk).all():
            row = begin + int(np.flatnonzero(~np.isfinite(chunk).all(axis=1))[0])
            raise InputError(f"{name}: row {row} has NaN or infinite values; remove or fix it before indexing")
    return array


def check_half_range(array: NDArray[Any], *, name: str = "vectors") -> None:
    """Raises InputError, naming the row, for values that float16 cannot hold."""
    if array.dtype == np.float16:
        return
    step = max(1, _CHUNK_VALUES // max(1, array.shape[1]))
    for begin in range(0, len(array), step):
        with np.errstate(over="ignore"):
            fits = np.isfinite(array[begin : begin + step].astype(np.float16)).all(axis=1)
        if not fits.all():
            row = begin + int(np.argmin(fits))
            raise InputError(
                f"{name}: row {row} has values beyond the range of float16, in which this index keeps them; scale the "
                "vectors"
            )


def check_keep_vectors(value: Any, *, flat: bool = False) -> str | None:
    """The dtype that a compressed index keeps its vectors in; None for none, and for a flat index."""
    if value is not None and not (isinstance(value, str) and value == KEPT_DTYPE):
        raise InputError(f"keep_vectors={value!r}: choose {KEPT_DTYPE!r}, or None to keep codes only")
    return None if value is None or flat else KEPT_DTYPE


def check_offsets(offsets: ArrayLike, n_tokens: int) -> NDArray[np.int64]:
    """int64 [n_docs + 1], from 0 to n_tokens, never falling."""
    array = as_array(offsets, "offsets")
    if array.ndim != 1 or len(array) < 1 or array.dtype.kind not in "iu":
        raise InputError(f"offsets: shape {array.shape}, dtype {array.dtype}; expected integers [n_docs + 1]")
    result = np.ascontiguousarray(array, np.int64)
    if result[0] != 0 or result[-1] != n_tokens:
        raise InputError(
            f"offsets: run from {result[0]} to {result[-1]}; expected from 0 to the {n_tokens} rows of vectors"
        )
    if (np.diff(result) < 0).any():
        at = int(np.flatnonzero(np.diff(result) < 0)[0])
        raise InputError(f"offsets: fall from {result[at]} to {result[at + 1]} at document {at}; expected no fall")
    return result


def check_token_ids(token_ids: ArrayLike | None, n_tokens: int, *, name: str = "token_ids") -> NDArray[Any] | None:
    """Any integer dtype [n_tokens], or None."""
    if token_ids is None:
        return None
    array = as_array(token_ids, name)
    if array.shape == (0,):
        array = array.astype(np.int64)  # an empty list has no type of its own
    if array.dtype.kind not in "iu" or array.shape != (n_tokens,):
        raise InputError(
            f"{name}: shape {array.shape}, dtype {array.dtype}; expected integers [{n_tokens}], one per vector"
        )
    return array


def check_ids(ids: Sequence[str] | None, n_docs: int) -> list[str] | None:
    """n_docs distinct strings, or None for the positions."""
    if ids is None:
        return None
    if isinstance(ids, str):
        raise InputError(f"ids={ids!r}: give a list of ids")
    result = as_strings(ids)
    if len(result) != n_docs:
        raise InputError(f"ids: {len(result)} given for {n_docs} documents")
    seen: dict[str, int] = {}
    for position, identifier in enumerate(result):
        if not isinstance(identifier, str):
            raise InputError(f"ids: {identifier!r} at position {position} is no string; convert with str()")
        if identifier in seen:
            places = f"positions {seen[identifier]} and {position}"
            raise InputError(f"ids: {identifier!r} stands at {places}; must be unique")
        seen[identifier] = position
    return result


def check_query(query: Any, dim: int, *, name: str = "query") -> NDArray[np.float32]:
    """float32 [n_query_tokens, dim], finite; a single vector [dim] is one token."""
    array = as_array(query, name)
    if array.dtype.kind not in "fiu":
        raise InputError(f"{name}: dtype {array.dtype}; expected float32 [n_query_tokens, {dim}]")
    if array.ndim == 1 and array.shape == (dim,):
        array = array[np.newaxis]
    if array.ndim == 2 and len(array) == 0:
        return np.zeros((0, dim), np.float32)
    if array.ndim != 2 or array.shape[1] != dim:
        raise InputError(f"{name}: shape {array.shape}; expected [n_query_tokens, {dim}]")
    result = _as_float32(array)
    if not np.isfinite(result).all():
        token = int(np.flatnonzero(~np.isfinite(result).all(axis=1))[0])
        raise InputError(f"{name}: token {token} has NaN or infinite values; fix the encoder's output")
    return result
