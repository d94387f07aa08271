"""From texts to an index that can be asked in words: read, learn the projection, encode, build."""

from __future__ import annotations

import logging
import os
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Unpack

import numpy as np

from motherlode.core.ports import Encoder, LifecycleSink, NullProgress, Place, Progress
from motherlode.errors import InputError, UnsupportedError
from motherlode.retrieval.announcing import index_record
from motherlode.retrieval.encoders import load_encoder
from motherlode.retrieval.index import Index
from motherlode.retrieval.layout import check_directory
from motherlode.retrieval.shards import ShardedIndex
from motherlode.retrieval.spool import Spool, open_spool, spool_path, unfinished_build
from motherlode.retrieval.stream import BuildOptions, build_spooled
from motherlode.workflows.documents import Document, SourceOptions, SourceReport, read_documents, sources_fingerprint
from motherlode.workflows.lifecycle_sink import lifecycle_sink, places_of_sources

__all__ = [
    "BATCH_DOCS",
    "BuildOptions",
    "Corpus",
    "build_text_index",
    "encoder_of",
    "spool_path",
    "unfinished_build",
]

_logger = logging.getLogger("motherlode.workflows.text_index")
# Encoded together, always from multiples of this: an int8 model scales by what is in its batch, so a continued build
# gives the same bytes only with the same batches.
BATCH_DOCS = 128
_SAMPLE_DOCS = 512
_SAMPLE_CHARACTERS = 48_000  # some 12,000 tokens, 30 for each of the 384 dimensions of a token state
_COMMIT_EVERY_S = 1.0


class Corpus:
    """Documents of named sources, which can be read again and recognised after an interruption.

    sources: folders, files, or ``python:stdlib`` (see ``read_documents``)
    report: what reading came to, filled by the last reading
    """

    def __init__(self, sources: Sequence[str | os.PathLike[str]], options: SourceOptions | None = None) -> None:
        self.sources = list(sources)
        self.options = options or SourceOptions()
        self.report = SourceReport()

    def __iter__(self) -> Iterator[Document]:
        self.report = SourceReport()
        return read_documents(self.sources, self.options, self.report)

    def fingerprint(self) -> str:
        """Changes when a source or an option has changed."""
        return sources_fingerprint(self.sources, self.options)


def build_text_index(
    path: str | os.PathLike[str],
    documents: Corpus | Iterable[Document | str | tuple[str, ...] | Mapping[str, Any]],
    encoder: str | Encoder = "minilm",
    *,
    dim: int | None = None,
    overwrite: bool = False,
    resume_key: str | None = None,
    progress: Progress | None = None,
    sink: LifecycleSink | None = None,
    **options: Unpack[BuildOptions],
) -> Index:
    """Encode documents, build an index that remembers its encoder, and open it: ``index.search("a question")`` works.

    documents: a ``Corpus``; or an iterable of ``Document``, strings (ids "0", "1", …), tuples ``(id, text)`` and
        ``(id, title, text)``, or mappings with ``text`` and maybe ``id``, ``title`` and ``metadata`` (a dict). Read
        once, never all in memory
    encoder: an encoder, or what ``load_encoder`` takes
    dim: size of the token vectors for an encoder that can choose
    resume_key: a name for these documents; a build that was interrupted continues when called again with the same
        key, encoder and dim. A ``Corpus`` has one of its own. Without a key nothing is left behind after an error
    sink: told what was built of what; by default the lifecycle graph that ``LODE_LIFECYCLE`` names
    options: those of ``build_index``: seed, kind, bits, refine_bits, n_centroids, n_threads, memory_limit_bytes,
        keep_vectors

    An encoder that learns a projection learns it from up to 512 documents drawn with ``seed``. A continued build gives
    the same bytes as one in a single run.

    Errors: ConflictError where ``path`` holds something and ``overwrite`` is not set, or where another unfinished build
    stands; InputError for documents without text.
    """
    check_directory(path, overwrite=overwrite)  # now, not after an hour of encoding
    progress, started_at = progress or NullProgress(), datetime.now(UTC)
    vectors_file = None
    if isinstance(encoder, str):
        vectors_file = encoder.removeprefix("precomputed:") if encoder.startswith("precomputed:") else None
        encoder = load_encoder(encoder, dim=dim)
    if isinstance(documents, Corpus):
        resume_key = resume_key or documents.fingerprint()
    spool = open_spool(
        spool_path(path),
        {
            "documents": resume_key or uuid.uuid4().hex,
            "encoder": dict(encoder.config),
            "seed": options.get("seed", 0),
        },
        replace_other=overwrite or resume_key is None,
    )
    try:
        with spool:
            _read(spool, documents, progress)
            encoder = _fitted(spool, encoder, options.get("seed", 0), progress)
            _encode(spool, encoder, progress)
            index = build_spooled(path, spool, overwrite=overwrite, encoder=encoder, progress=progress, options=options)
    except BaseException:
        if resume_key is None or not spool.is_sealed:
            spool.delete()
        raise
    spool.delete()
    sources = places_of_sources(documents.sources, index.n_docs) if isinstance(documents, Corpus) else []
    if vectors_file is not None:
        sources.append(Place(vectors_file, n_rows=index.n_tokens))
    (sink or lifecycle_sink()).announce(index_record(index, started_at, inputs=sources))
    return index


def encoder_of(index: Index | ShardedIndex, spec: str | None = None) -> Encoder:
    """The encoder an index is asked with: the one it remembers, or ``spec`` in its place, e.g. a checkpoint that moved.

    Errors: UnsupportedError where the index remembers none and none is given; InputError where the given one has
    another dimension, or is known to be another model.
    """
    if spec is None:
        if index.encoder is None:
            raise UnsupportedError(
                f"{index.path} was built from vectors and knows no encoder: name one (encoder=, --encoder), or search "
                "it with index.search(vectors)."
            )
        return index.encoder
    encoder = load_encoder(spec)
    stored = (index.info().get("encoder") or {}).get("config", {})
    if encoder.config.get("kind") == stored.get("kind") == "minilm":
        return index.encoder or encoder  # its projection stands in the index
    if encoder.dim != index.dim:
        raise InputError(f"{spec} gives vectors of {encoder.dim} dimensions, the index has {index.dim}.")
    found, expected = encoder.config.get("sha256"), stored.get("sha256")
    if found and expected and found != expected:
        raise InputError(
            f"{spec} is another model than the index was built with: SHA-256 {found}, expected {expected}."
        )
    return encoder


def _read(spool: Spool, documents: Iterable[Any], progress: Progress) -> None:
    if spool.is_sealed:
        return
    progress.start("reading", None, "documents")
    batch: list[Document] = []
    for position, item in enumerate(documents):
        batch.append(_as_document(item, position))
        if len(batch) == 256:
            _add(spool, batch)
            progress.advance(len(batch))
            batch = []
    _add(spool, batch)
    progress.advance(len(batch))
    progress.finish()
    if not spool.n_docs:
        raise InputError("the sources hold no documents: nothing to index.")
    spool.seal_documents()


def _add(spool: Spool, batch: Sequence[Document]) -> None:
    columns = ([d.id for d in batch], [d.title for d in batch], [d.text for d in batch])
    spool.add_documents(*columns, [d.metadata for d in batch])


def _as_document(item: object, position: int) -> Document:
    if isinstance(item, Document):
        return item
    if isinstance(item, str):
        return Document(str(position), "", item)
    if isinstance(item, tuple) and len(item) in (2, 3) and all(isinstance(part, str) for part in item):
        return Document(item[0], item[1] if len(item) == 3 else "", item[-1])
    if isinstance(item, Mapping) and not isinstance(item.get("metadata", {}), Mapping | None):
        raise InputError(f"document {position}: metadata is {item['metadata']!r}, expected a dict or None.")
    if isinstance(item, Mapping) and isinstance(item.get("text"), str):
        doc_id, title = str(item.get("id", position)), str(item.get("title") or "")
        return Document(doc_id, title, item["text"], metadata=item.get("metadata"))
    raise InputError(
        f"document {position} is {type(item).__name__}, expected Document, a string, (id, text), (id, title, text) or "
        "a mapping with 'text'."
    )


def _fitted(spool: Spool, encoder: Encoder, seed: int, progress: Progress) -> Encoder:
    """The encoder with its learned arrays: those of the interrupted run, else learned now and kept."""
    if spool.arrays:
        return load_encoder(encoder.config, spool.arrays)
    fit = getattr(encoder, "fit_projection", None)
    if fit is not None and not encoder.arrays:
        sample = _sample(spool, seed)
        progress.start("learning the projection", None, "documents")
        fit(sample, seed=seed)
        progress.advance(len(sample))
        progress.finish()
    if encoder.arrays:
        spool.store_arrays(encoder.arrays)
    return encoder


def _sample(spool: Spool, seed: int) -> list[str]:
    """Documents drawn from all over the corpus, enough to learn a projection from."""
    titles, texts = spool.titles, spool.texts
    sample: list[str] = []
    n_characters = 0
    for i in np.random.default_rng(seed).permutation(spool.n_docs)[:_SAMPLE_DOCS]:
        sample.append(Document("", titles[int(i)], texts[int(i)]).text_to_encode)
        n_characters += len(sample[-1])
        if n_characters >= _SAMPLE_CHARACTERS:
            break
    return sample


def _encode(spool: Spool, encoder: Encoder, progress: Progress) -> None:
    if hasattr(encoder, "position"):  # precomputed vectors are counted off, not looked up
        encoder.position = spool.n_encoded
    if spool.n_encoded == spool.n_docs:
        return
    titles, texts = spool.titles, spool.texts
    done = f", {spool.n_encoded:,} were done" if spool.n_encoded else ""
    progress.start(f"encoding{done}", spool.n_docs - spool.n_encoded, "documents")
    committed_at = 0.0  # the first batch at once: a build that has shown progress has something to continue from
    try:
        while spool.n_encoded < spool.n_docs:
            begin, end = spool.n_encoded, min(spool.n_encoded + BATCH_DOCS, spool.n_docs)
            batch = [Document("", titles[i], texts[i]).text_to_encode for i in range(begin, end)]
            spool.append_vectors(encoder.encode_documents(batch), np.dtype(np.float16))
            if time.monotonic() - committed_at > _COMMIT_EVERY_S:
                spool.commit()
                committed_at = time.monotonic()
            progress.advance(end - begin)
    finally:
        spool.commit()  # also when interrupted: what is whole is kept
    progress.finish()
