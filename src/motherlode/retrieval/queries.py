"""Queries as a search takes them: checked vectors, or strings for an index that knows its encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from motherlode.core.ports import Encoder
from motherlode.errors import InputError, UnsupportedError
from motherlode.retrieval.inputs import check_query

__all__ = ["query_vectors"]


class Asked(Protocol):
    """What is asked: an index, sharded or not."""

    @property
    def dim(self) -> int: ...
    @property
    def encoder(self) -> Encoder | None: ...


def query_vectors(index: Asked, queries: Sequence[Any]) -> list[NDArray[np.float32]]:
    """float32 [n_query_tokens, dim] of each query; strings are encoded, all at once."""
    texts = [query for query in queries if isinstance(query, str)]
    if not texts:
        return [check_query(query, index.dim) for query in queries]
    if len(texts) != len(queries):
        raise InputError("queries: strings and vectors mixed; give one kind")
    if index.encoder is None:
        raise UnsupportedError(
            "this index was built from vectors and knows no encoder; search with query vectors, or build it with "
            "build_text_index (or `lode index`)"
        )
    encoded = index.encoder.encode_queries(texts)
    pieces = np.split(encoded.vectors, encoded.offsets[1:-1])
    return [check_query(piece, index.dim) for piece in pieces]
