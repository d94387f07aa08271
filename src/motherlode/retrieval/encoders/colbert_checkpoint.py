"""What stands in a ColBERT checkpoint: the encoder's folder, the linear layers, markers, lengths and skiplist.

Two layouts. Stanford's: encoder and ``linear.weight`` in one ``model.safetensors``, settings in ``artifact.metadata``.
PyLate's (sentence-transformers'): ``modules.json`` lists a Transformer and Dense modules, each in its folder, settings
in ``config_sentence_transformers.json``.
"""

from __future__ import annotations

import hashlib
import json
import re
import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from motherlode.errors import DataError, InputError, UnsupportedError

__all__ = ["Checkpoint", "Dense", "Settings", "open_checkpoint"]

_WEIGHTS = "model.safetensors"
_ACTIVATIONS = frozenset({"Identity", "Tanh", "ReLU", "GELU", "Sigmoid", "SiLU"})
_DOWNLOADED = ["*.json", "*.safetensors", "*.txt", "*.model", "artifact.metadata"]


@dataclass(frozen=True, slots=True)
class Settings:
    """How a checkpoint wants its texts.

    query_marker, document_marker: tokens behind [CLS]; "" for none
    query_length, document_length: in tokens, with special tokens and marker
    expand_queries: fill queries with [MASK] to their length
    attend_to_masks: whether the other tokens see those
    skiplist: tokens of documents that get no vector
    lower_case: lower the text first
    """

    query_marker: str
    document_marker: str
    query_length: int
    document_length: int
    expand_queries: bool
    attend_to_masks: bool
    skiplist: tuple[str, ...]
    lower_case: bool = False


@dataclass(frozen=True, slots=True)
class Dense:
    """One linear layer: float32 weight [out, in], bias [out] or None, activation by its name in torch.nn."""

    weight: NDArray[np.float32]
    bias: NDArray[np.float32] | None = None
    activation: str = "Identity"
    has_residual: bool = False
    residual: NDArray[np.float32] | None = None


def open_checkpoint(name_or_folder: str, *, revision: str | None = None) -> Checkpoint:
    """Find the checkpoint, download it if a hub name is given and it is not here, and read its settings and layers."""
    folder = Path(name_or_folder).expanduser()
    if folder.is_dir():
        return Checkpoint(str(folder.resolve()), folder, None)
    if folder.is_absolute() or name_or_folder.startswith((".", "~")):
        raise InputError(
            f"no checkpoint folder at {name_or_folder}: it was moved or removed. Name its new "
            "place (encoder=, --encoder)."
        )
    name, _, wanted = name_or_folder.partition("@")
    folder = _downloaded(name, wanted or revision)
    return Checkpoint(name, folder, folder.name)


class Checkpoint:
    """An opened checkpoint. Weights of the encoder are read by ``load_model``, the rest here."""

    def __init__(self, name: str, folder: Path, revision: str | None) -> None:
        self.name, self.folder, self.revision = name, folder, revision
        modules = _modules(folder)
        dense_folders = [folder / m["path"] for m in modules if _is_dense(m)]
        if dense_folders:
            self.encoder_folder = folder / modules[0]["path"]
            self.settings = _pylate_settings(folder, self.encoder_folder)
            self.dense = [_dense_module(d) for d in dense_folders]
        else:
            self.encoder_folder = folder
            self.settings = _stanford_settings(folder)
            self.dense = [_stanford_linear(folder)]
        self._is_stanford = not dense_folders
        for before, after in zip(self.dense[:-1], self.dense[1:], strict=True):
            if before.weight.shape[0] != after.weight.shape[1]:
                raise DataError(
                    f"{folder}: a layer of {before.weight.shape[0]} outputs is followed by one of "
                    f"{after.weight.shape[1]} inputs.",
                    path=str(folder),
                )

    @property
    def dim(self) -> int:
        return int(self.dense[-1].weight.shape[0])

    @cached_property
    def sha256(self) -> str:
        """One sum over weights, tokenizer and settings, whatever the folder is called."""
        digest = hashlib.sha256()
        for path in sorted(_files(self.folder)):
            digest.update(path.relative_to(self.folder).as_posix().encode() + b"\0")
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()

    @cached_property
    def tokenizer(self) -> Any:
        transformers = _transformers()
        try:
            return transformers.AutoTokenizer.from_pretrained(str(self.encoder_folder), local_files_only=True)
        except (OSError, ValueError) as error:
            raise DataError(f"{self.encoder_folder} has no tokenizer that transformers reads: {error}") from error

    @cached_property
    def query_marker_id(self) -> int | None:
        return self._marker_id(self.settings.query_marker)

    @cached_property
    def document_marker_id(self) -> int | None:
        return self._marker_id(self.settings.document_marker)

    @cached_property
    def skiplist_ids(self) -> NDArray[np.int32]:
        """Token ids of the skiplist; words that are not in the vocabulary are none of the tokens and left out."""
        ids: set[int] = set()
        vocabulary = self.tokenizer.get_vocab()
        for word in self.settings.skiplist:
            if self._is_stanford:
                ids.update(self.tokenizer.encode(word, add_special_tokens=False)[:1])
            elif word in vocabulary:
                ids.add(vocabulary[word])
        return np.array(sorted(ids), dtype=np.int32)

    @cached_property
    def expansion_id(self) -> int:
        """What queries are filled with: the mask token, else end of text, else padding (as PyLate chooses)."""
        for token_id in (self.tokenizer.mask_token_id, self.tokenizer.eos_token_id, self.tokenizer.pad_token_id):
            if token_id is not None:
                return int(token_id)
        raise DataError(f"{self.encoder_folder}: the tokenizer has no mask token to expand queries with.")

    @cached_property
    def pad_id(self) -> int:
        token_id = self.tokenizer.pad_token_id
        return self.expansion_id if token_id is None else int(token_id)

    def load_model(self) -> Any:
        """The transformers model, float32, in evaluation mode; refuses a checkpoint that lacks some of its weights."""
        transformers = _transformers()
        logging = transformers.utils.logging
        verbosity, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
        logging.set_verbosity_error()
        logging.disable_progress_bar()
        try:
            model, info = transformers.AutoModel.from_pretrained(
                str(self.encoder_folder),
                local_files_only=True,
                use_safetensors=True,
                output_loading_info=True,
                dtype="float32",
            )
        except (OSError, ValueError, RuntimeError) as error:
            raise DataError(
                f"{self.encoder_folder} is not a model that transformers reads from safetensors without running "
                f"code of the checkpoint: {error}",
                path=str(self.encoder_folder),
            ) from error
        finally:
            logging.set_verbosity(verbosity)
            if bar:
                logging.enable_progress_bar()
        missing = sorted(key for key in info["missing_keys"] if "pooler" not in key and "position_ids" not in key)
        wrong = sorted(str(key) for key in info["mismatched_keys"])
        if missing or wrong:
            raise DataError(
                f"{self.encoder_folder} lacks weights of its own encoder: {', '.join((missing + wrong)[:3])} (and "
                f"{max(0, len(missing) + len(wrong) - 3)} more). Download the checkpoint again.",
                path=str(self.encoder_folder),
                found=len(missing) + len(wrong),
                expected=0,
            )
        hidden = int(self.dense[0].weight.shape[1])
        if model.config.hidden_size != hidden:
            raise DataError(
                f"{self.folder}: the linear layer takes {hidden} inputs, the encoder gives {model.config.hidden_size}."
            )
        return model.eval()

    def _marker_id(self, marker: str) -> int | None:
        if not marker:
            return None
        token_id = self.tokenizer.get_vocab().get(marker)
        if token_id is None:
            raise DataError(
                f"{self.folder}: the marker {marker!r} is not in the tokenizer's vocabulary, so the checkpoint was not "
                "trained with it. Correct query_prefix and document_prefix (or artifact.metadata).",
                path=str(self.folder),
                found=marker,
            )
        return int(token_id)


def _files(folder: Path) -> Iterator[Path]:
    for pattern in ("*.safetensors", "*.json", "*.txt", "*.model", "artifact.metadata"):
        for path in (*folder.glob(pattern), *folder.glob(f"*/{pattern}")):
            if path.is_file() and path.name != "README.md":
                yield path


def _modules(folder: Path) -> Sequence[Mapping[str, Any]]:
    return _json(folder / "modules.json") if (folder / "modules.json").is_file() else []


def _is_dense(module: Mapping[str, Any]) -> bool:
    return str(module.get("type", "")).endswith(".Dense")


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is not readable as JSON: {error}.", path=str(path)) from error


def _stanford_settings(folder: Path) -> Settings:
    path = folder / "artifact.metadata"
    found = _json(path) if path.is_file() else {}
    if found.get("similarity", "cosine") != "cosine":
        raise UnsupportedError(
            f"{path}: similarity {found['similarity']!r}; only cosine checkpoints can be searched by MaxSim."
        )
    return Settings(
        query_marker=str(found.get("query_token_id", "[unused0]")),
        document_marker=str(found.get("doc_token_id", "[unused1]")),
        query_length=int(found.get("query_maxlen", 32)),
        document_length=int(found.get("doc_maxlen", 220)),
        expand_queries=True,
        attend_to_masks=bool(found.get("attend_to_mask_tokens", False)),
        skiplist=tuple(string.punctuation) if found.get("mask_punctuation", True) else (),
    )


def _pylate_settings(folder: Path, encoder_folder: Path) -> Settings:
    path = folder / "config_sentence_transformers.json"
    found = {k: v for k, v in (_json(path) if path.is_file() else {}).items() if v is not None}
    transformer = encoder_folder / "sentence_bert_config.json"
    expand = bool(found.get("do_query_expansion", True))
    return Settings(
        query_marker=str(found.get("query_prefix", "[Q] ")),
        document_marker=str(found.get("document_prefix", "[D] ")),
        query_length=int(found.get("query_length", 32)),
        document_length=int(found.get("document_length", 180)),
        expand_queries=expand,
        attend_to_masks=expand and bool(found.get("attend_to_expansion_tokens", False)),
        skiplist=tuple(found.get("skiplist_words", string.punctuation)),
        lower_case=bool(_json(transformer).get("do_lower_case", False)) if transformer.is_file() else False,
    )


def _stanford_linear(folder: Path) -> Dense:
    index = folder / f"{_WEIGHTS}.index.json"
    shard = _json(index)["weight_map"].get("linear.weight", _WEIGHTS) if index.is_file() else _WEIGHTS
    found = _tensors(folder / shard, ("linear.weight",))
    if "linear.weight" not in found:
        raise DataError(
            f"{folder} is an encoder, but no ColBERT checkpoint: neither linear.weight in {shard} nor a Dense module "
            "in modules.json.",
            path=str(folder),
        )
    return Dense(found["linear.weight"])


def _dense_module(folder: Path) -> Dense:
    config = _json(folder / "config.json")
    activation = str(config.get("activation_function", "torch.nn.modules.linear.Identity")).rpartition(".")[2]
    if activation not in _ACTIVATIONS:
        raise UnsupportedError(
            f"{folder}: activation {activation!r}; expected one of {', '.join(sorted(_ACTIVATIONS))}."
        )
    found = _tensors(folder / _WEIGHTS, ("linear.weight", "linear.bias", "residual.weight"))
    if "linear.weight" not in found:
        raise DataError(f"{folder / _WEIGHTS} holds no linear.weight.", path=str(folder / _WEIGHTS))
    return Dense(
        found["linear.weight"],
        found.get("linear.bias"),
        activation,
        bool(config.get("use_residual", False)),
        found.get("residual.weight"),
    )


def _tensors(path: Path, names: Sequence[str]) -> dict[str, NDArray[np.float32]]:
    """Those of the named tensors that the file holds, float32."""
    if not path.is_file():
        binary = path.with_name("pytorch_model.bin").is_file()
        raise DataError(
            f"{path} is missing."
            + (" pytorch_model.bin is pickled and not read: save the checkpoint as safetensors." if binary else ""),
            path=str(path),
        )
    _transformers()
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:  # "pt" because numpy has no bfloat16
            return {n: file.get_tensor(n).float().numpy() for n in names if n in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise DataError(f"{path} is not a whole safetensors file: {error}.", path=str(path)) from error


def _transformers() -> Any:
    try:
        import safetensors  # noqa: F401
        import torch  # noqa: F401
        import transformers
    except ImportError as error:
        raise UnsupportedError(
            f"ColBERT checkpoints need torch, transformers and safetensors ({error}): pip install 'motherlode[lm]'."
        ) from error
    return transformers


def _downloaded(name: str, revision: str | None) -> Path:
    """The checkpoint's snapshot in the Hugging Face cache; a pinned commit that is there is not asked for again."""
    _transformers()
    import huggingface_hub

    if revision and re.fullmatch(r"[0-9a-f]{40}", revision):
        try:
            return Path(huggingface_hub.snapshot_download(name, revision=revision, local_files_only=True))
        except (OSError, ValueError):
            pass
    try:
        return Path(huggingface_hub.snapshot_download(name, revision=revision, allow_patterns=_DOWNLOADED))
    except Exception as error:  # the hub's client lets errors of several HTTP libraries through
        raise UnsupportedError(
            f"{name} could not be fetched from the Hugging Face hub ({type(error).__name__}: "
            f"{str(error).partition(chr(10))[0]}): download it where there is a network and give its folder."
        ) from error
