"""Vectors made elsewhere, in ``.npy`` files, where an encoder is expected."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from motherlode.core.ports import TokenVectors
from motherlode.errors import DataError, InputError, UnsupportedError

__all__ = ["Precomputed", "open_precomputed"]


def open_precomputed(path: str | os.PathLike[str]) -> Precomputed:
    """Open ``FILE.npy`` and what stands beside it, memory-mapped.

    FILE.npy: float16 or float32, [n_tokens, dim], or [n_docs, dim] for one vector a document
    FILE.offsets.npy: integers [n_docs + 1]; without it each row is a document of its own
    FILE.token_ids.npy: integers [n_tokens]; optional

    Errors: InputError where a file is missing; DataError where they do not fit together.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise InputError(f"no vectors at {file}: expected a .npy file with float16 or float32 [n_tokens, dim].")
    vectors = _mapped(file)
    if vectors.ndim != 2 or vectors.dtype not in (np.float16, np.float32):
        raise DataError(
            f"{file} holds {vectors.dtype} {list(vectors.shape)}, expected float16 or float32 [n_tokens, dim].",
            path=str(file),
            found=f"{vectors.dtype} {list(vectors.shape)}",
        )
    beside = {name: file.with_suffix(f".{name}.npy") for name in ("offsets", "token_ids")}
    offsets = _mapped(beside["offsets"]) if beside["offsets"].is_file() else np.arange(len(vectors) + 1)
    token_ids = _mapped(beside["token_ids"]) if beside["token_ids"].is_file() else None
    offsets = _checked_integers(offsets, beside["offsets"]).astype(np.int64)
    if len(offsets) < 1 or offsets[0] != 0 or offsets[-1] != len(vectors) or (np.diff(offsets) < 0).any():
        raise DataError(
            f"{beside['offsets']} must rise from 0 to the {len(vectors)} rows of {file.name}.",
            path=str(beside["offsets"]),
        )
    if token_ids is not None and len(_checked_integers(token_ids, beside["token_ids"])) != len(vectors):
        raise DataError(
            f"{beside['token_ids']} has {len(token_ids)} ids for the {len(vectors)} rows of {file.name}.",
            path=str(beside["token_ids"]),
            found=len(token_ids),
            expected=len(vectors),
        )
    return Precomputed(vectors, offsets, token_ids, path=file)


class Precomputed:
    """An encoder that looks nothing up but the place: the next texts get the next rows.

    vectors: float16 or float32 [n_tokens, dim]
    offsets: int64 [n_texts + 1]
    token_ids: integers [n_tokens] or None

    ``encode_documents`` hands out the documents in order, from ``position`` on (set it to continue elsewhere).
    ``encode_queries`` wants all queries of the file at once, in their order: a single question cannot be encoded.
    """

    def __init__(
        self,
        vectors: NDArray[Any],
        offsets: NDArray[np.int64],
        token_ids: NDArray[Any] | None = None,
        *,
        path: Path | None = None,
        dim: int | None = None,
    ) -> None:
        self._vectors, self._offsets, self._token_ids, self._path = vectors, offsets, token_ids, path
        self._dim = int(vectors.shape[1]) if dim is None else dim
        self.position = 0

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The encoder as an index remembers it: its dimension, but no vectors, so it refuses to encode."""
        dim = int(config["dim"])
        return cls(np.empty((0, dim), np.float16), np.zeros(1, np.int64), dim=dim)

    @property
    def name(self) -> str:
        return "precomputed"

    @property
    def dim(self) -> int:
        return self._dim

    @property
    def n_texts(self) -> int:
        """How many documents (or queries) the file holds."""
        return len(self._offsets) - 1

    @property
    def config(self) -> Mapping[str, Any]:
        return {"kind": "precomputed", "file": self._path.name if self._path else "", "dim": self._dim}

    @property
    def arrays(self) -> Mapping[str, NDArray[Any]]:
        return {}

    def encode_documents(self, texts: Sequence[str]) -> TokenVectors:
        """The vectors of the next ``len(texts)`` documents."""
        begin, end = self.position, self.position + len(texts)
        if end > self.n_texts:
            raise InputError(
                f"{self._path or 'the precomputed file'} holds {self.n_texts} documents, but the source has more: one "
                "document of the source, not split into passages, belongs to each."
            )
        self.position = end
        return self._slice(begin, end)

    def encode_queries(self, texts: Sequence[str]) -> TokenVectors:
        """The vectors of all queries in the file; ``texts`` must be as many, in the same order."""
        if not self.n_texts:
            raise UnsupportedError(
                "this index was built from precomputed vectors, so it cannot encode a question: search with the "
                "question's own vectors, index.search(vectors), or give their file (lode eval --encoder "
                "precomputed:QUERIES.npy)."
            )
        if len(texts) != self.n_texts:
            raise InputError(
                f"{self._path or 'the precomputed file'} holds {self.n_texts} queries, {len(texts)} were asked for: "
                "give exactly the queries it was made from, in the same order."
            )
        found = self._slice(0, self.n_texts)
        return TokenVectors(found.vectors.astype(np.float32), found.offsets, found.token_ids)

    def _slice(self, begin: int, end: int) -> TokenVectors:
        offsets = self._offsets[begin : end + 1]
        rows = slice(int(offsets[0]), int(offsets[-1]))
        token_ids = None if self._token_ids is None else np.asarray(self._token_ids[rows], dtype=np.int32)
        return TokenVectors(np.asarray(self._vectors[rows]), offsets - offsets[0], token_ids)


def _mapped(file: Path) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.load(file, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise DataError(f"{file} is not a readable .npy file: {error}.", path=str(file)) from error
    return array


def _checked_integers(array: NDArray[Any], file: Path) -> NDArray[Any]:
    if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer):
        raise DataError(
            f"{file} holds {array.dtype} {list(array.shape)}, expected integers in one row.", path=str(file)
        )
    return array
