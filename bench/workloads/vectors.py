"""Texts to token vectors, once: shards as they come, so that an interrupted run goes on where it stopped."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.workloads.cache import write_atomically

__all__ = ["assemble", "encode_shards", "load_documents"]

_logger = logging.getLogger("bench.vectors")

SHARD_DOCS = 1000
DIM = 128
N_PROJECTION_DOCS = 2000


def load_documents(folder: Path) -> list[dict[str, str]]:
    with open(folder / "docs.jsonl", encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


def encode_shards(folder: Path, *, n_docs: int | None = None, n_threads: int = 2) -> None:
    """Encode the queries and the first n_docs documents (None: all) of ``folder``, shard by shard."""
    documents = load_documents(folder)
    texts = [document["text"] for document in documents]
    encoder = _encoder(folder, texts, n_threads)
    _encode_queries(folder, encoder)
    starts = range(0, len(texts) if n_docs is None else min(n_docs, len(texts)), SHARD_DOCS)
    began, n_tokens = time.monotonic(), 0
    for start in starts:
        path = _shard(folder, start)
        if path.exists():
            continue
        encoded = encoder.encode_documents(texts[start : start + SHARD_DOCS])
        arrays = {"vectors": encoded.vectors, "offsets": encoded.offsets, "token_ids": encoded.token_ids}
        _save_npz(path, arrays)
        n_tokens += len(encoded.vectors)
        rate = n_tokens / (time.monotonic() - began)
        left_s = (starts[-1] - start) * n_tokens / max(start + SHARD_DOCS, 1) / rate
        _logger.info("%d of %d documents, %.0f tokens/s, %.0f s left", start + SHARD_DOCS, len(texts), rate, left_s)


def assemble(folder: Path, out: Path, *, n_docs: int | None = None) -> None:
    """Join the shards of ``folder`` into the plain arrays of ``out``, with texts, queries and judgements."""
    documents = load_documents(folder)
    documents = documents if n_docs is None else documents[:n_docs]
    shards = [np.load(_shard(folder, start)) for start in range(0, len(documents), SHARD_DOCS)]
    lengths = np.concatenate([np.diff(shard["offsets"]) for shard in shards])[: len(documents)]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    _save(out / "vectors.npy", np.concatenate([shard["vectors"] for shard in shards])[: offsets[-1]])
    _save(out / "token_ids.npy", np.concatenate([shard["token_ids"] for shard in shards])[: offsets[-1]])
    _save(out / "offsets.npy", offsets)
    if out != folder:
        out.mkdir(exist_ok=True)
        for name in ("query_vectors.npy", "query_offsets.npy", "query_token_ids.npy", "queries.json", "projection.npy"):
            (out / name).write_bytes((folder / name).read_bytes())
        kept = {document["id"] for document in documents}
        judgements = (folder / "qrels.txt").read_text(encoding="utf-8").splitlines()
        (out / "qrels.txt").write_text("".join(f"{j}\n" for j in judgements if j.split()[2] in kept), encoding="utf-8")
        lines = [json.dumps(document, ensure_ascii=False) for document in documents]
        (out / "docs.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _shard(folder: Path, start: int) -> Path:
    return folder / "shards" / f"{start:07d}.npz"


def _encoder(folder: Path, texts: Sequence[str], n_threads: int) -> Any:
    from motherlode.retrieval.encoders.minilm import MiniLM

    path = folder / "projection.npy"
    if path.exists():
        return MiniLM(dim=DIM, projection=np.load(path), n_threads=n_threads)
    encoder = MiniLM(dim=DIM, n_threads=n_threads).fit_projection(texts[:N_PROJECTION_DOCS], seed=0)
    _save(path, encoder.arrays["projection"])
    return encoder


def _encode_queries(folder: Path, encoder: Any) -> None:
    if (folder / "query_vectors.npy").exists():
        return
    queries = json.loads((folder / "queries.json").read_text(encoding="utf-8"))
    encoded = encoder.encode_queries([query["text"] for query in queries])
    _save(folder / "query_offsets.npy", encoded.offsets)
    _save(folder / "query_token_ids.npy", encoded.token_ids)
    _save(folder / "query_vectors.npy", encoded.vectors)


def _save(path: Path, array: NDArray[Any]) -> None:
    def write(temporary: Path) -> None:
        with open(temporary, "wb") as stream:
            np.save(stream, array)

    write_atomically(path, write)


def _save_npz(path: Path, arrays: dict[str, Any]) -> None:
    def write(temporary: Path) -> None:
        with open(temporary, "wb") as stream:
            np.savez(stream, **arrays)

    write_atomically(path, write)
