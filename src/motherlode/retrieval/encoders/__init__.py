"""Encoders: texts to token vectors. ``load_encoder`` finds the one that a name, a folder or a stored config means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from motherlode.core.ports import Encoder
from motherlode.errors import InputError, UnsupportedError

__all__ = ["load_encoder"]

_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+(@[\w./-]+)?\Z")
_PRECOMPUTED = "precomputed:"


def load_encoder(
    spec: str | Mapping[str, Any], arrays: Mapping[str, NDArray[Any]] | None = None, *, dim: int | None = None
) -> Encoder:
    """The encoder that ``spec`` means.

    spec: one of
        ``"minilm"``: the packaged all-MiniLM-L6-v2, without network or torch;
        a folder with a ColBERT checkpoint (Stanford's or PyLate's layout), or the name of one on the Hugging Face hub
        (``colbert-ir/colbertv2.0``, with ``@revision`` if one is meant), downloaded once;
        ``"precomputed:FILE.npy"``: vectors made elsewhere (see ``Precomputed``);
        or the ``config`` of an encoder, as it is stored with an index, together with its ``arrays``
    dim: size of the token vectors for an encoder that can choose (minilm); None for its own default

    Errors: InputError for a spec that is none of these; UnsupportedError where a package or the model is missing.
    """
    if isinstance(spec, Mapping):
        return _from_config(spec, arrays or {})
    if spec == "minilm":
        from motherlode.retrieval.encoders.minilm import MiniLM

        return MiniLM() if dim is None else MiniLM(dim=dim)
    encoder: Encoder
    if spec.startswith(_PRECOMPUTED):
        from motherlode.retrieval.encoders.precomputed import open_precomputed

        encoder = open_precomputed(spec.removeprefix(_PRECOMPUTED))
    elif Path(spec).expanduser().is_dir() or _HUB_NAME.match(spec):
        from motherlode.retrieval.encoders.colbert import load_colbert

        encoder = load_colbert(spec)
    else:
        raise InputError(
            f"no such encoder: {spec!r}. Expected minilm, a folder with a ColBERT checkpoint, a Hugging Face name such "
            "as colbert-ir/colbertv2.0, or precomputed:FILE.npy."
        )
    if dim is not None and dim != encoder.dim:
        raise InputError(
            f"{encoder.name} gives vectors of {encoder.dim} dimensions, {dim} were asked for; leave dim out."
        )
    return encoder


def _from_config(config: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Encoder:
    kind = config.get("kind")
    if kind == "minilm":
        from motherlode.retrieval.encoders.minilm import MiniLM

        return MiniLM.from_config(config, arrays)
    if kind == "colbert":
        from motherlode.retrieval.encoders.colbert import ColBERT

        return ColBERT.from_config(config)
    if kind == "precomputed":
        from motherlode.retrieval.encoders.precomputed import Precomputed

        return Precomputed.from_config(config)
    raise UnsupportedError(
        f"no encoder of kind {kind!r} in this version (minilm, colbert, precomputed): search with vectors, or open the "
        "index with the version of motherlode that built it."
    )
