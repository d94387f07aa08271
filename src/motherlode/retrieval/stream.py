"""Build an index from documents that come one after the other, with bounded memory."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypedDict, Unpack

import numpy as np
from numpy.typing import NDArray

from motherlode.core.ports import Encoder, LifecycleSink, NullProgress, Progress, TokenVectors
from motherlode.errors import InputError
from motherlode.retrieval.announcing import index_record
from motherlode.retrieval.build import build_index
from motherlode.retrieval.index import Index
from motherlode.retrieval.layout import check_directory
from motherlode.retrieval.spool import Spool, open_spool, spool_path

__all__ = ["BuildOptions", "VectorDocument", "build_index_stream", "build_spooled"]

_FLUSH_TOKENS = 65_536  # 16 MiB of float16 at 128 dimensions wait in memory at most


class BuildOptions(TypedDict, total=False):
    """Options that are handed on to ``build_index``."""

    seed: int
    kind: str
    n_centroids: int | None
    bits: int
    refine_bits: int
    n_threads: int
    memory_limit_bytes: int | None
    keep_vectors: str | None


@dataclass(frozen=True, slots=True)
class VectorDocument:
    """A document whose token vectors are there already.

    vectors: float16 or float32 [n_tokens, dim], n_tokens may be 0
    token_ids: integers [n_tokens], or None for every document
    """

    id: str
    vectors: NDArray[Any]
    token_ids: NDArray[Any] | None = None
    title: str = ""
    text: str = ""
    metadata: Mapping[str, Any] | None = None


def build_index_stream(
    path: str | os.PathLike[str],
    documents: Iterable[VectorDocument | tuple[Any, ...]],
    *,
    overwrite: bool = False,
    encoder: Encoder | None = None,
    progress: Progress | None = None,
    sink: LifecycleSink | None = None,
    **options: Unpack[BuildOptions],
) -> Index:
    """Build an index from an iterator of documents and open it.

    documents: ``VectorDocument``, or tuples ``(id, vectors)`` and ``(id, vectors, token_ids)``
    encoder: stored with the index, so that it can be asked in words
    sink: told what was built

    The vectors go to disk in ``<path>.building/`` first (their size is needed there for a while) and are mapped, not
    loaded, for the build: memory stays bounded whatever the number of documents. The other options are those of
    ``build_index``, and the result is the same as if all vectors had been given to it at once.

    Errors: ConflictError where ``path`` holds something and ``overwrite`` is not set; InputError for vectors that are
    not finite or do not fit together, naming the document. After an error nothing is left behind.
    """
    started_at = datetime.now(UTC)
    check_directory(path, overwrite=overwrite)
    progress = progress or NullProgress()
    spool = open_spool(spool_path(path), {"stream": uuid.uuid4().hex}, replace_other=True)
    try:
        progress.start("reading", None, "documents")
        for batch in _batches(documents):
            columns = ([d.id for d in batch], [d.title for d in batch], [d.text for d in batch])
            spool.add_documents(*columns, [d.metadata for d in batch])
            spool.append_vectors(_token_vectors(batch))
            progress.advance(len(batch))
        progress.finish()
        index = build_spooled(path, spool, overwrite=overwrite, encoder=encoder, progress=progress, options=options)
    finally:
        spool.delete()
    if sink is not None:
        sink.announce(index_record(index, started_at))
    return index


def build_spooled(
    path: str | os.PathLike[str],
    spool: Spool,
    *,
    overwrite: bool,
    encoder: Encoder | None,
    progress: Progress,
    options: BuildOptions,
) -> Index:
    """Build the index of a filled spool; titles and texts go in where there are any."""
    return build_index(
        path,
        spool.vectors,
        spool.offsets,
        spool.token_ids,
        spool.ids,
        overwrite=overwrite,
        encoder=encoder,
        progress=progress,
        titles=spool.titles if spool.titles.size_bytes else None,
        texts=spool.texts if spool.texts.size_bytes else None,
        metadata=spool.metadata(),
        **options,
    )


def _batches(documents: Iterable[VectorDocument | tuple[Any, ...]]) -> Iterator[list[VectorDocument]]:
    batch: list[VectorDocument] = []
    n_tokens = 0
    for position, item in enumerate(documents):
        document = _as_document(item, position)
        batch.append(document)
        n_tokens += len(document.vectors)
        if n_tokens >= _FLUSH_TOKENS or len(batch) >= 4096:
            yield batch
            batch, n_tokens = [], 0
    if batch:
        yield batch


def _as_document(item: object, position: int) -> VectorDocument:
    if isinstance(item, VectorDocument):
        document = item
    elif isinstance(item, tuple) and len(item) in (2, 3) and isinstance(item[0], str):
        document = VectorDocument(item[0], np.asarray(item[1]), None if len(item) == 2 else np.asarray(item[2]))
    else:
        raise InputError(
            f"document {position} is {type(item).__name__}, expected VectorDocument, (id, vectors) or (id, vectors, "
            "token_ids)."
        )
    if document.vectors.ndim != 2:
        raise InputError(
            f"document {position} ({document.id!r}) has vectors of shape {document.vectors.shape}, expected [n_tokens, "
            "dim]."
        )
    return document


def _token_vectors(batch: list[VectorDocument]) -> TokenVectors:
    dims = {d.vectors.shape[1] for d in batch}
    if len(dims) > 1:
        odd = next(d for d in batch if d.vectors.shape[1] != batch[0].vectors.shape[1])
        raise InputError(
            f"document {odd.id!r} has {odd.vectors.shape[1]} dimensions, those before it {batch[0].vectors.shape[1]}."
        )
    for d in batch:
        if (d.token_ids is None) != (batch[0].token_ids is None):
            raise InputError(f"document {d.id!r} differs from others in having token ids: give all or none.")
    offsets = np.zeros(len(batch) + 1, dtype=np.int64)
    np.cumsum([len(d.vectors) for d in batch], out=offsets[1:])
    ids = None if batch[0].token_ids is None else np.concatenate([np.asarray(d.token_ids, np.int32) for d in batch])
    return TokenVectors(np.concatenate([d.vectors for d in batch]), offsets, ids)
