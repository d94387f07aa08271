"""Tiny protocols through which a feature asks for, or announces, something without importing a sibling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

__all__ = ["Encoder", "NullProgress", "Progress", "TextTokens", "TokenVectors", "Tokenizer"]


@dataclass(frozen=True, slots=True)
class TokenVectors:
    """Token vectors of a batch of texts, ragged: text ``i`` owns rows ``offsets[i]:offsets[i + 1]``.

    vectors: float16 or float32 [n_tokens, dim]
    offsets: int64 [n_texts + 1]
    token_ids: int32 [n_tokens], the tokenizer's vocabulary ids; None where there is no tokenizer
    spans: int32 [n_tokens, 2], begin and end of each token in characters of its text; None where unknown
    """

    vectors: NDArray[Any]
    offsets: NDArray[np.int64]
    token_ids: NDArray[np.int32] | None = None
    spans: NDArray[np.int32] | None = None


@runtime_checkable
class Encoder(Protocol):
    """Texts to token vectors. Queries and documents may be encoded differently.

    ``config`` (JSON values) and ``arrays`` (small numpy arrays, e.g. a projection) are stored with an index, so that
    ``load_encoder(config, arrays)`` gives back the same encoder.
    """

    @property
    def name(self) -> str: ...
    @property
    def dim(self) -> int: ...
    @property
    def config(self) -> Mapping[str, Any]: ...
    @property
    def arrays(self) -> Mapping[str, NDArray[Any]]: ...
    def encode_documents(self, texts: Sequence[str]) -> TokenVectors: ...
    def encode_queries(self, texts: Sequence[str]) -> TokenVectors: ...


@dataclass(frozen=True, slots=True)
class TextTokens:
    """Tokens of a batch of texts, ragged: text ``i`` owns ``offsets[i]:offsets[i + 1]``.

    token_ids: int32 [n_tokens], the tokenizer's vocabulary ids
    offsets: int64 [n_texts + 1]
    spans: int32 [n_tokens, 2], begin and end of each token in characters of its text; None where unknown
    words: int32 [n_tokens], the number of the word in its text that each token is a piece of; None where unknown
    """

    token_ids: NDArray[np.int32]
    offsets: NDArray[np.int64]
    spans: NDArray[np.int32] | None = None
    words: NDArray[np.int32] | None = None


@runtime_checkable
class Tokenizer(Protocol):
    """What an encoder may do besides: cut texts into the tokens that its documents have, without loading its model."""

    def tokenize(self, texts: Sequence[str]) -> TextTokens:
        """The texts' tokens, not cut off; without special tokens, and without what the vocabulary does not know."""
        ...


class Progress(Protocol):
    """How the library reports long work; the command line draws it, the default says nothing."""

    def start(self, task: str, total: int | None, unit: str) -> None: ...
    def advance(self, n: int) -> None: ...
    def finish(self) -> None: ...


class NullProgress:
    """Reports to nobody."""

    def start(self, task: str, total: int | None, unit: str) -> None:
        pass

    def advance(self, n: int) -> None:
        pass

    def finish(self) -> None:
        pass
