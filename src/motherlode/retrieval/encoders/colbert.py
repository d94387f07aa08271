"""ColBERT checkpoints, Stanford's and PyLate's, read from safetensors with transformers."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from motherlode.core.ports import TextTokens, TokenVectors
from motherlode.errors import DataError, InputError
from motherlode.retrieval.encoders.colbert_checkpoint import Checkpoint, Dense, Settings, open_checkpoint

__all__ = ["ColBERT", "load_colbert"]

_logger = logging.getLogger("motherlode.retrieval.encoders.colbert")
_BATCH_TOKENS = 8192


def load_colbert(name_or_folder: str, *, dtype: str = "float16", device: str = "cpu") -> ColBERT:
    """A ColBERT model from a local folder, or by its Hugging Face name (``name`` or ``name@revision``).

    Understood: Stanford's layout (``linear.weight`` beside the encoder's weights, ``artifact.metadata``) and PyLate's
    (``modules.json`` with Dense modules, ``config_sentence_transformers.json``). Only safetensors are read, no code of
    the checkpoint is run. A folder is never completed from the network.

    dtype: of document vectors, float16 or float32
    device: where torch computes

    Errors: InputError for a folder that holds no ColBERT model; DataError where weights or markers are missing;
    UnsupportedError without torch or transformers, or when the hub cannot be reached.
    """
    return ColBERT(open_checkpoint(name_or_folder), dtype=dtype, device=device)


class ColBERT:
    """Texts to token vectors with a ColBERT checkpoint, as its own training code encodes them.

    A document is ``[CLS] [D] tokens… [SEP]``, cut to the document length; punctuation on the skiplist is encoded but
    gives no vector. A query is ``[CLS] [Q] tokens… [SEP]``, filled with ``[MASK]`` to the query length where the
    checkpoint says so; the masks give vectors, and are attended to only where the checkpoint says so. Vectors pass
    through the linear layer(s) and have unit length.
    """

    def __init__(self, checkpoint: Checkpoint, *, dtype: str = "float16", device: str = "cpu") -> None:
        if dtype not in ("float16", "float32"):
            raise InputError(f"dtype is {dtype!r}, expected 'float16' or 'float32'.")
        self._checkpoint = checkpoint
        self._dtype = dtype
        self._device = device
        self._model: Any = None

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The encoder that once gave this config; refuses a checkpoint whose weights have changed since."""
        checkpoint = open_checkpoint(str(config["model"]), revision=config.get("revision"))
        if checkpoint.sha256 != config["sha256"]:
            raise DataError(
                f"{checkpoint.folder} is not the checkpoint this index was built with: SHA-256 {checkpoint.sha256}, "
                f"expected {config['sha256']}. Give back the old one, or build the index again.",
                path=str(checkpoint.folder),
                found=checkpoint.sha256,
                expected=config["sha256"],
            )
        return cls(checkpoint, dtype=str(config["dtype"]))

    @property
    def name(self) -> str:
        return self._checkpoint.name

    @property
    def dim(self) -> int:
        return self._checkpoint.dim

    @property
    def settings(self) -> Settings:
        """Markers, lengths, masks and skiplist of the checkpoint."""
        return self._checkpoint.settings

    @property
    def config(self) -> Mapping[str, Any]:
        return {
            "kind": "colbert",
            "model": self._checkpoint.name,
            "revision": self._checkpoint.revision,
            "sha256": self._checkpoint.sha256,
            "dim": self.dim,
            "dtype": self._dtype,
        }

    @property
    def arrays(self) -> Mapping[str, NDArray[Any]]:
        return {}

    def encode_documents(self, texts: Sequence[str]) -> TokenVectors:
        """Token vectors of documents; spans count characters of each text, (0, 0) for markers."""
        settings = self.settings
        rows = self._tokenize(texts, self._checkpoint.document_marker_id, settings.document_length)
        keep = [~np.isin(ids, self._checkpoint.skiplist_ids) for ids, _ in rows]
        return self._encode(rows, [len(ids) for ids, _ in rows], keep, np.dtype(self._dtype))

    def encode_queries(self, texts: Sequence[str]) -> TokenVectors:
        """Token vectors of queries, float32, with the vectors of the masks where the checkpoint expands queries."""
        settings = self.settings
        rows = self._tokenize(texts, self._checkpoint.query_marker_id, settings.query_length)
        n_attended = [len(ids) for ids, _ in rows]
        if settings.expand_queries:
            rows = [self._filled_with_masks(ids, spans) for ids, spans in rows]
            if settings.attend_to_masks:
                n_attended = [len(ids) for ids, _ in rows]
        keep = [np.ones(len(ids), dtype=bool) for ids, _ in rows]
        return self._encode(rows, n_attended, keep, np.dtype(np.float32))

    def tokenize(self, texts: Sequence[str]) -> TextTokens:
        """The texts' tokens as documents have them, uncut; no special tokens, markers, masks, skiplist or unknown ones.

        Where the vocabulary tells words after a space from others, all words are taken for such.
        """
        tokenizer = self._checkpoint.tokenizer
        lower = self.settings.lower_case
        spaced = [" " + (text.lower() if lower else text) for text in texts]
        given: Any = {"input_ids": []}
        if spaced:
            given = tokenizer(spaced, add_special_tokens=False, return_offsets_mapping=tokenizer.is_fast)
        left_out = np.array([*self._checkpoint.skiplist_ids, *_ids(tokenizer.unk_token_id)], np.int32)
        ids = [np.array(row, np.int32) for row in given["input_ids"]]
        keep = [~np.isin(row, left_out) for row in ids]
        offsets = np.cumsum([0, *(int(k.sum()) for k in keep)], dtype=np.int64)
        spans = words = None
        if "offset_mapping" in given:  # they count the space
            numbers = [np.array(given.word_ids(i), np.int32) for i in range(len(ids))]
            words = np.concatenate([np.zeros(0, np.int32), *(n[k] for n, k in zip(numbers, keep, strict=True))])
            rows = [np.array(row, np.int32).reshape(-1, 2) - 1 for row in given["offset_mapping"]]
            spans = np.concatenate([np.zeros((0, 2), np.int32), *(r[k] for r, k in zip(rows, keep, strict=True))])
            spans = np.maximum(spans, 0)
        token_ids = np.concatenate([np.zeros(0, np.int32), *(r[k] for r, k in zip(ids, keep, strict=True))])
        return TextTokens(token_ids, offsets, spans, words)

    def _tokenize(
        self, texts: Sequence[str], marker_id: int | None, length: int
    ) -> list[tuple[NDArray[np.int32], NDArray[np.int32]]]:
        """(ids, spans) of each text with its special tokens and the marker behind the first of them."""
        if not texts:
            return []
        room = length - (marker_id is not None)
        tokenizer = self._checkpoint.tokenizer
        encoded = tokenizer(
            [text.lower() for text in texts] if self.settings.lower_case else list(texts),
            truncation=True,
            max_length=room,
            return_offsets_mapping=tokenizer.is_fast,
        )
        rows = []
        for i, token_ids in enumerate(encoded["input_ids"]):
            ids = np.array(token_ids, dtype=np.int32)
            spans = np.zeros((len(ids), 2), dtype=np.int32)
            if "offset_mapping" in encoded:
                spans = np.array(encoded["offset_mapping"][i], dtype=np.int32).reshape(-1, 2)
            if marker_id is not None:
                ids, spans = np.insert(ids, 1, marker_id), np.insert(spans, 1, 0, axis=0)
            rows.append((ids, spans))
        return rows

    def _filled_with_masks(
        self, ids: NDArray[np.int32], spans: NDArray[np.int32]
    ) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        n_masks = max(0, self.settings.query_length - len(ids))
        mask_id = self._checkpoint.expansion_id
        return np.concatenate([ids, np.full(n_masks, mask_id, np.int32)]), np.pad(spans, ((0, n_masks), (0, 0)))

    def _encode(
        self,
        rows: Sequence[tuple[NDArray[np.int32], NDArray[np.int32]]],
        n_attended: Sequence[int],
        keep: Sequence[NDArray[np.bool_]],
        dtype: np.dtype[Any],
    ) -> TokenVectors:
        offsets = np.zeros(len(rows) + 1, dtype=np.int64)
        np.cumsum([int(k.sum()) for k in keep], out=offsets[1:])
        vectors = np.empty((int(offsets[-1]), self.dim), dtype=dtype)
        for i, states in self._states([ids for ids, _ in rows], n_attended):
            vectors[offsets[i] : offsets[i + 1]] = states[keep[i]]
        token_ids = np.concatenate([np.empty(0, np.int32), *(ids[k] for (ids, _), k in zip(rows, keep, strict=True))])
        spans = np.concatenate([np.empty((0, 2), np.int32), *(s[k] for (_, s), k in zip(rows, keep, strict=True))])
        return TokenVectors(vectors, offsets, token_ids, spans)

    def _states(
        self, rows: Sequence[NDArray[np.int32]], n_attended: Sequence[int]
    ) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """(position, float32 [n_tokens, dim] of unit length), batched by length."""
        import torch

        self._load()
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
        while order:
            longest = len(rows[order[-1]])
            batch, order = _split(order, max(1, _BATCH_TOKENS // max(1, longest)))
            input_ids = np.full((len(batch), longest), self._checkpoint.pad_id, dtype=np.int64)
            attention = np.zeros((len(batch), longest), dtype=np.int64)
            for row, i in enumerate(batch):
                input_ids[row, : len(rows[i])] = rows[i]
                attention[row, : n_attended[i]] = 1
            with torch.inference_mode():
                states = self._model(
                    input_ids=torch.from_numpy(input_ids).to(self._device),
                    attention_mask=torch.from_numpy(attention).to(self._device),
                ).last_hidden_state
                for dense in self._checkpoint.dense:
                    states = _projected(states, dense)
                states = torch.nn.functional.normalize(states, p=2, dim=-1).float().cpu().numpy()
            for row, i in enumerate(batch):
                yield i, states[row, : len(rows[i])]

    def _load(self) -> None:
        if self._model is None:
            self._model = self._checkpoint.load_model().to(self._device)
            _logger.info("loaded %s on %s", self._checkpoint.name, self._device)


def _ids(token_id: int | None) -> list[int]:
    return [] if token_id is None else [token_id]


def _split(order: list[int], n_last: int) -> tuple[list[int], list[int]]:
    return order[-n_last:], order[:-n_last]


def _projected(states: Any, dense: Dense) -> Any:
    """One Dense module: activation(x W^T + b), plus x (or x R^T) where it has a residual path."""
    import torch

    weight = torch.from_numpy(dense.weight).to(states.device)
    bias = None if dense.bias is None else torch.from_numpy(dense.bias).to(states.device)
    out = torch.nn.functional.linear(states, weight, bias)
    if dense.activation != "Identity":
        out = getattr(torch.nn, dense.activation)()(out)
    if dense.has_residual:
        residual = dense.residual
        out = out + (
            states
            if residual is None
            else torch.nn.functional.linear(states, torch.from_numpy(residual).to(states.device))
        )
    return out
