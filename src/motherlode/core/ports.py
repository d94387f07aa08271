"""Tiny protocols through which a feature asks for, or announces, something without importing a sibling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Encoder",
    "LifecycleSink",
    "NullProgress",
    "Place",
    "Progress",
    "TextTokens",
    "TokenVectors",
    "Tokenizer",
    "WorkRecord",
]


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


@dataclass(frozen=True, slots=True)
class Place:
    """Data or a model that a piece of work read or wrote.

    where: a path, a URL, or a name as ``python:stdlib``
    digest: of its content or of its files' sizes and times, with the method before a colon; None where unknown
    n_rows: documents, claims, vectors or examples; None where unknown
    """

    where: str
    digest: str | None = None
    n_rows: int | None = None


@dataclass(frozen=True, slots=True)
class WorkRecord:
    """What a piece of work did, announced when it is done.

    kind: of what it made: "index", "nugget_store", "model" (a training), or another type of component
    name: of what it made, as a person calls it; address: where that lies, a path or a URL
    inputs: datasets that it read; outputs: what it wrote besides, e.g. exported files
    models: names of models that it needed, e.g. the encoder's; a path for a local checkpoint
    adds: what was made keeps what earlier work put there, as a store does; otherwise it is made anew
    parameters: settings as JSON values; metrics: name to number, e.g. a loss or a count
    started_at, ended_at: aware instants
    version: of what was made, e.g. the digest of an index's manifest; code_version: of what made it
    """

    kind: str
    name: str
    address: str
    started_at: datetime
    ended_at: datetime
    inputs: tuple[Place, ...] = ()
    outputs: tuple[Place, ...] = ()
    models: tuple[str, ...] = ()
    adds: bool = False
    parameters: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    version: str | None = None
    code_version: str | None = None


@runtime_checkable
class LifecycleSink(Protocol):
    """Where builds, ingestions and trainings tell what they did."""

    def announce(self, record: WorkRecord) -> None:
        """Take note of it. Never raises and never waits for long: the work is done, whatever becomes of the note."""
        ...
