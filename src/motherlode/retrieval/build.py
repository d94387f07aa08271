"""Building an index: choose its kind, cluster, code the residuals, write the files, swap the manifest."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from motherlode.core.files import ContainerWriter
from motherlode.core.ports import Encoder, LifecycleSink, NullProgress, Progress
from motherlode.errors import InputError
from motherlode.retrieval.announcing import index_record, places_of_arrays
from motherlode.retrieval.codebook import sample_size
from motherlode.retrieval.corpus_files import (
    Create,
    EncoderRecord,
    Trained,
    train_codebook,
    write_compressed,
    write_flat,
)
from motherlode.retrieval.index import Index, open_index
from motherlode.retrieval.inputs import (
    check_bits,
    check_half_range,
    check_ids,
    check_keep_vectors,
    check_n_centroids,
    check_offsets,
    check_seed,
    check_token_ids,
    check_vectors,
)
from motherlode.retrieval.kernels import level, thread_count
from motherlode.retrieval.layout import (
    claim_directory,
    commit,
    discard,
    file_entry,
    file_name,
    hold_directory,
    next_generation,
)
from motherlode.retrieval.metadata.columns import Column
from motherlode.retrieval.metadata.tables import columns_of, schema_of
from motherlode.retrieval.segment_files import write_documents, write_metadata

__all__ = ["Corpus", "Plan", "build_index", "check_corpus", "check_plan", "is_flat", "least_memory", "write_index"]

FLAT_TOKENS = 1 << 18  # up to here exact search takes some 50 ms on one AVX2 core, and needs no codes
KINDS = ("auto", "flat", "compressed")


@dataclass(frozen=True, slots=True)
class Corpus:
    vectors: NDArray[Any]
    offsets: NDArray[np.int64]
    token_ids: NDArray[Any] | None
    ids: list[str] | None
    titles: Sequence[str] | None
    texts: Sequence[str] | None
    encoder: Encoder | EncoderRecord | None
    columns: Mapping[str, Column] = field(default_factory=dict)
    schema: Mapping[str, str] = field(
        default_factory=dict
    )  # types of metadata columns, also of ones without values here

    @property
    def n_docs(self) -> int:
        return len(self.offsets) - 1


@dataclass(frozen=True, slots=True)
class Plan:
    n_centroids: int | None
    bits: int
    refine_bits: int
    seed: int
    n_threads: int
    points_per_centroid: int
    keep_vectors: str | None

    def with_threads(self, n_threads: int) -> Plan:
        return replace(self, n_threads=n_threads)


def build_index(
    path: str | os.PathLike[str],
    vectors: Any,
    offsets: ArrayLike,
    token_ids: ArrayLike | None = None,
    ids: Sequence[str] | None = None,
    seed: int = 0,
    overwrite: bool = False,
    *,
    kind: str = "auto",
    n_centroids: int | None = None,
    bits: int = 2,
    refine_bits: int = 0,
    n_threads: int = 0,
    memory_limit_bytes: int | None = None,
    progress: Progress | None = None,
    titles: Sequence[str] | None = None,
    texts: Sequence[str] | None = None,
    metadata: Any = None,
    encoder: Encoder | None = None,
    keep_vectors: str | None = None,
    sink: LifecycleSink | None = None,
) -> Index:
    """Builds an index over token vectors and opens it.

    path: the directory of the index; one that exists and is not empty is a ConflictError unless ``overwrite``
    vectors: float16 or float32 [n_tokens, dim], dim 1 to 4096; may be memory-mapped, it is read in pieces
    offsets: int64 [n_docs + 1]; document i owns rows offsets[i]:offsets[i + 1], which may be none
    token_ids: integers [n_tokens], the vocabulary ids; without them a coarse clustering stands in
    ids: n_docs distinct strings; without them the positions "0", "1", …
    seed: same input and seed, same bytes, whatever the number of threads
    kind: "flat" keeps the vectors and is exact; "compressed" keeps residual codes; "auto" is flat up to 262,144 tokens
    n_centroids: None for the default of :func:`motherlode.token_aware_clusters`
    bits: 1, 2 or 4 bits per dimension for the residual
    refine_bits: 0, 1, 2 or 4 more bits per dimension, read for the last candidates only
    n_threads: 0 for the CPUs this process may use
    memory_limit_bytes: bound for what the build allocates beside the input; InputError when it cannot be kept
    titles, texts: n_docs strings, kept for display
    metadata: what filters ask for: a dict for each document (or None), a dict of columns, or an Arrow, polars or pandas
        table. A column holds strings, numbers, booleans, datetimes (naive ones are UTC) or lists of strings; a missing
        key, None and NaN are NULL
    encoder: stored with the index, so that it can be searched by text
    keep_vectors: "float16" makes a compressed index keep the vectors beside the codes, 2 * dim bytes a token; searches
        do not read them, :meth:`Index.rerank`, ``explain`` and ``vectors_of`` do. A flat index has its vectors anyway
    sink: told what was built, and of mapped arrays from which files

    An interrupted or failed build leaves the previous index untouched. Raises InputError for wrong input.
    """
    started, started_at = perf_counter(), datetime.now(UTC)
    corpus = check_corpus(vectors, offsets, token_ids, ids, titles, texts, encoder, metadata)
    flat = is_flat(kind, len(corpus.vectors))
    kept = check_keep_vectors(keep_vectors, flat=flat)
    plan = check_plan(corpus, n_centroids, bits, refine_bits, seed, n_threads, memory_limit_bytes, kept)
    directory = claim_directory(path, overwrite=overwrite)
    with hold_directory(directory):
        write_index(directory, corpus, plan, progress or NullProgress(), started, flat=flat)
    index = open_index(directory)
    if sink is not None:
        sink.announce(index_record(index, started_at, inputs=places_of_arrays([vectors, token_ids], index.n_tokens)))
    return index


def check_plan(
    corpus: Corpus,
    n_centroids: int | None,
    bits: int,
    refine_bits: int,
    seed: int,
    n_threads: int,
    memory_limit_bytes: int | None,
    keep_vectors: str | None,
) -> Plan:
    threads = thread_count(n_threads)
    check_bits(bits, refine_bits)
    n_centroids = None if n_centroids is None else check_n_centroids(n_centroids)
    points = _points_per_centroid(corpus, memory_limit_bytes, threads)
    if keep_vectors is not None:
        check_half_range(corpus.vectors)
    return Plan(n_centroids, bits, refine_bits, check_seed(seed), threads, points, keep_vectors)


def is_flat(kind: str, n_tokens: int) -> bool:
    if kind not in KINDS:
        raise InputError(f"kind={kind!r}: choose one of {', '.join(KINDS)}")
    return kind == "flat" or (kind == "auto" and n_tokens <= FLAT_TOKENS)


def write_index(
    directory: Path,
    corpus: Corpus,
    plan: Plan,
    report: Progress,
    started: float,
    *,
    flat: bool,
    trained: Trained | None = None,
) -> None:
    """Writes all files, then swaps the manifest; whatever goes wrong before that leaves no trace.

    trained: the codebook to use; None trains one on the corpus
    """
    generation = next_generation(directory)
    written: list[Path] = []

    def create(role: str) -> ContainerWriter:
        written.append(directory / file_name(role, generation))
        return ContainerWriter(written[-1])

    def entries(roles: Sequence[str]) -> dict[str, Any]:
        return {role: file_entry(directory / file_name(role, generation)) for role in roles}

    encoder = corpus.encoder
    try:
        if flat:
            shared, roles, facts = write_flat(corpus, create, report)
        else:
            trained = trained or train_codebook(corpus, plan, report)
            shared, roles, facts = write_compressed(corpus, plan, trained, create, report)
            del trained
        if write_documents(create, corpus.ids, corpus.titles, corpus.texts):
            roles.append("documents")
        if write_metadata(create, corpus.columns):
            roles.append("metadata")
        if encoder is not None and encoder.arrays:
            shared.append("encoder")
            _write_arrays(create, encoder.arrays)
        known = {} if corpus.token_ids is None else {"terms": True}
        counts = {"n_docs": corpus.n_docs, "n_tokens": len(corpus.vectors)}
        content = {
            "kind": "flat" if flat else "compressed",
            "dim": int(corpus.vectors.shape[1]),
            **counts,
            "files": entries(shared),
            "segments": [{**counts, "n_deleted": 0, **known, "files": entries(roles)}],
            "metadata": dict(corpus.schema),
            "encoder": None if encoder is None else {"name": encoder.name, "config": dict(encoder.config)},
            "built": {
                "at": datetime.now(UTC).isoformat(timespec="seconds"),
                "seconds": round(perf_counter() - started, 3),
                "cpu_level": level(),
                "seed": plan.seed,
            },
            **facts,
        }
        commit(directory, content)
    except BaseException:
        discard(directory, written)
        raise


def _write_arrays(create: Create, arrays: Mapping[str, NDArray[Any]]) -> None:
    with create("encoder") as writer:
        for name, array in arrays.items():
            writer.add(f"{name}.shape", np.asarray(array.shape, np.int64))
            writer.add(name, np.ascontiguousarray(array))


def check_corpus(
    vectors: Any,
    offsets: ArrayLike,
    token_ids: ArrayLike | None,
    ids: Sequence[str] | None,
    titles: Sequence[str] | None,
    texts: Sequence[str] | None,
    encoder: Encoder | None,
    metadata: Any = None,
) -> Corpus:
    array = check_vectors(vectors)
    bounds = check_offsets(offsets, len(array))
    n_docs = len(bounds) - 1
    for name, column in (("titles", titles), ("texts", texts)):
        if column is not None and len(column) != n_docs:
            raise InputError(f"{name}: {len(column)} given for {n_docs} documents")
    if encoder is not None and encoder.dim != array.shape[1]:
        raise InputError(f"encoder {encoder.name!r} has dim {encoder.dim}, the vectors have {array.shape[1]}")
    kinds = check_token_ids(token_ids, len(array))
    columns = columns_of(metadata, n_docs)
    names = check_ids(ids, n_docs)
    return Corpus(array, bounds, kinds, names, titles, texts, encoder, columns, schema_of(columns))


_LEAST_POINTS, _MOST_POINTS = 8, 64  # tokens that train a centroid


def _points_per_centroid(corpus: Corpus, memory_limit_bytes: int | None, threads: int) -> int:
    """Training sample per centroid: 64 where memory allows, fewer under a tight limit."""
    if memory_limit_bytes is None:
        return _MOST_POINTS
    n_tokens, dim = corpus.vectors.shape
    fixed, per_point = _memory_parts(n_tokens, dim, threads)
    spare = memory_limit_bytes - fixed
    if spare < _LEAST_POINTS * per_point:
        raise InputError(
            f"memory_limit_bytes={memory_limit_bytes}: this build needs about {least_memory(n_tokens, dim, threads)} "
            "beside its input; raise the limit, or lower n_threads"
        )
    return int(min(_MOST_POINTS, spare // per_point))


def least_memory(n_tokens: int, dim: int, threads: int) -> int:
    """The least memory limit, in bytes, that a build of so many tokens accepts."""
    fixed, per_point = _memory_parts(n_tokens, dim, threads)
    return fixed + _LEAST_POINTS * per_point


def _memory_parts(n_tokens: int, dim: int, threads: int) -> tuple[int, int]:
    """Bytes that a build needs whatever the training sample, and those for each training point per centroid."""
    words = 16 * dim * sample_size(n_tokens, dim)
    fixed = max(20 * n_tokens, 8 * n_tokens + words) + (n_tokens // 64 + 1) * dim * 8 + (32 << 20)
    # The largest type rarely has more than 2 % of the centroids; its sample is the largest array of a worker.
    return fixed, threads * max(64, n_tokens // 128 // 50) * dim * 4
