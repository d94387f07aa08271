"""Building an index: choose its kind, cluster, code the residuals, write the files, swap the manifest."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from motherlode.core.files import ContainerWriter
from motherlode.core.ports import Encoder, NullProgress, Progress
from motherlode.errors import InputError
from motherlode.retrieval.clustering import token_aware_clusters
from motherlode.retrieval.codebook import Codebook, make_codebook, write_codebook
from motherlode.retrieval.coding import encode_tokens
from motherlode.retrieval.index import Index, open_index
from motherlode.retrieval.inputs import (
    check_bits,
    check_ids,
    check_n_centroids,
    check_offsets,
    check_seed,
    check_token_ids,
    check_vectors,
)
from motherlode.retrieval.kernels import level, native, thread_count
from motherlode.retrieval.layout import (
    claim_directory,
    commit,
    discard,
    file_entry,
    file_name,
    hold_directory,
    next_generation,
)
from motherlode.retrieval.segment_files import CodeShape, write_assignment, write_documents, write_lists

__all__ = ["build_index"]

FLAT_TOKENS = 1 << 18  # up to here exact search takes some 50 ms on one AVX2 core, and needs no codes
KINDS = ("auto", "flat", "compressed")
_CHUNK_TOKENS = 1 << 16


@dataclass(frozen=True, slots=True)
class _Corpus:
    vectors: NDArray[Any]
    offsets: NDArray[np.int64]
    token_ids: NDArray[Any] | None
    ids: list[str] | None
    titles: Sequence[str] | None
    texts: Sequence[str] | None
    encoder: Encoder | None

    @property
    def n_docs(self) -> int:
        return len(self.offsets) - 1


@dataclass(frozen=True, slots=True)
class _Plan:
    n_centroids: int | None
    bits: int
    refine_bits: int
    seed: int
    n_threads: int
    points_per_centroid: int


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
    encoder: Encoder | None = None,
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
    encoder: stored with the index, so that it can be searched by text

    An interrupted or failed build leaves the previous index untouched. Raises InputError for wrong input.
    """
    started = perf_counter()
    corpus = _check(vectors, offsets, token_ids, ids, titles, texts, encoder)
    threads = thread_count(n_threads)
    flat = _is_flat(kind, len(corpus.vectors))
    check_bits(bits, refine_bits)
    n_centroids = None if n_centroids is None else check_n_centroids(n_centroids)
    points = _points_per_centroid(corpus, memory_limit_bytes, threads)
    plan = _Plan(n_centroids, bits, refine_bits, check_seed(seed), threads, points)
    directory = claim_directory(path, overwrite=overwrite)
    with hold_directory(directory):
        _write_index(directory, corpus, plan, flat, progress or NullProgress(), started)
    return open_index(directory)


def _is_flat(kind: str, n_tokens: int) -> bool:
    if kind not in KINDS:
        raise InputError(f"kind={kind!r}: choose one of {', '.join(KINDS)}")
    return kind == "flat" or (kind == "auto" and n_tokens <= FLAT_TOKENS)


def _write_index(directory: Path, corpus: _Corpus, plan: _Plan, flat: bool, report: Progress, started: float) -> None:
    """Writes all files, then swaps the manifest; whatever goes wrong before that leaves no trace."""
    generation = next_generation(directory)
    written: list[Path] = []

    def create(role: str) -> ContainerWriter:
        written.append(directory / file_name(role, generation))
        return ContainerWriter(written[-1])

    def entries(roles: Sequence[str]) -> dict[str, Any]:
        return {role: file_entry(directory / file_name(role, generation)) for role in roles}

    encoder = corpus.encoder
    try:
        shared, roles, facts = (_write_flat if flat else _write_compressed)(corpus, plan, create, report)
        if write_documents(create, corpus.ids, corpus.titles, corpus.texts):
            roles.append("documents")
        if encoder is not None and encoder.arrays:
            shared.append("encoder")
            with create("encoder") as writer:
                for name, array in encoder.arrays.items():
                    writer.add(f"{name}.shape", np.asarray(array.shape, np.int64))
                    writer.add(name, np.ascontiguousarray(array))
        counts = {"n_docs": corpus.n_docs, "n_tokens": len(corpus.vectors)}
        content = {
            "kind": "flat" if flat else "compressed",
            "dim": int(corpus.vectors.shape[1]),
            **counts,
            "files": entries(shared),
            "segments": [{**counts, "n_deleted": 0, "files": entries(roles)}],
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


def _check(
    vectors: Any,
    offsets: ArrayLike,
    token_ids: ArrayLike | None,
    ids: Sequence[str] | None,
    titles: Sequence[str] | None,
    texts: Sequence[str] | None,
    encoder: Encoder | None,
) -> _Corpus:
    array = check_vectors(vectors)
    bounds = check_offsets(offsets, len(array))
    n_docs = len(bounds) - 1
    for name, column in (("titles", titles), ("texts", texts)):
        if column is not None and len(column) != n_docs:
            raise InputError(f"{name}: {len(column)} given for {n_docs} documents")
    if encoder is not None and encoder.dim != array.shape[1]:
        raise InputError(f"encoder {encoder.name!r} has dim {encoder.dim}, the vectors have {array.shape[1]}")
    kinds = check_token_ids(token_ids, len(array))
    return _Corpus(array, bounds, kinds, check_ids(ids, n_docs), titles, texts, encoder)


def _points_per_centroid(corpus: _Corpus, memory_limit_bytes: int | None, threads: int) -> int:
    """Training sample per centroid: 64 where memory allows, fewer under a tight limit."""
    if memory_limit_bytes is None:
        return 64
    n_tokens, dim = corpus.vectors.shape
    fixed = 24 * n_tokens + (n_tokens // 64 + 1) * dim * 8 + (32 << 20)
    spare = memory_limit_bytes - fixed
    # The largest type rarely has more than 2 % of the centroids; its sample is the largest array of a worker.
    per_point = threads * max(64, n_tokens // 128 // 50) * dim * 4
    if spare < 8 * per_point:
        raise InputError(
            f"memory_limit_bytes={memory_limit_bytes}: this build needs about {fixed + 8 * per_point} beside its "
            "input; raise the limit, or lower n_threads"
        )
    return int(min(64, spare // per_point))


def _write_flat(
    corpus: _Corpus, _plan: _Plan, create: Callable[[str], ContainerWriter], report: Progress
) -> tuple[list[str], list[str], dict[str, Any]]:
    """Returns the roles of the index's files, those of its segment, and the manifest's facts."""
    report.start("writing vectors", len(corpus.vectors), "tokens")
    with create("flat") as writer:
        writer.add("doc_offsets", corpus.offsets)
        with writer.section("vectors", corpus.vectors.dtype) as section:
            for begin in range(0, len(corpus.vectors), _CHUNK_TOKENS):
                chunk = corpus.vectors[begin : begin + _CHUNK_TOKENS]
                section.write(np.ascontiguousarray(chunk))
                report.advance(len(chunk))
    report.finish()
    return [], ["flat"], {"flat": {"dtype": corpus.vectors.dtype.name}}


def _write_compressed(
    corpus: _Corpus, plan: _Plan, create: Callable[[str], ContainerWriter], report: Progress
) -> tuple[list[str], list[str], dict[str, Any]]:
    clusters = token_aware_clusters(
        corpus.vectors,
        corpus.token_ids,
        plan.n_centroids,
        seed=plan.seed,
        n_threads=plan.n_threads,
        points_per_centroid=plan.points_per_centroid,
        progress=report,
    )
    error = clusters.mean_squared_error
    book = make_codebook(clusters, corpus.vectors, plan.bits, plan.refine_bits, plan.seed, plan.n_threads)
    assignment = clusters.assignment
    pseudo = clusters.pseudo_types
    del clusters
    with create("codebook") as writer:
        facts = write_codebook(writer, book)
    left = _write_segment(corpus, plan, book, assignment, create, report)
    facts |= {"pseudo_types": pseudo, "clustering_error": error, "coding_error": left}
    return ["codebook"], ["segment", *(["refine"] if plan.refine_bits else [])], {"codebook": facts}


def _write_segment(
    corpus: _Corpus,
    plan: _Plan,
    book: Codebook,
    assignment: NDArray[np.uint32],
    create: Callable[[str], ContainerWriter],
    report: Progress,
) -> float:
    """Codes every token and writes the segment; returns the mean squared error that the codes leave."""
    n_tokens = len(assignment)
    shape = CodeShape(book.dim, book.bits, book.refine_bits, len(book.centroids))
    scales = np.empty(n_tokens, np.uint16)
    refine_scales = np.empty(n_tokens if plan.refine_bits else 0, np.uint16)
    left = 0.0
    with ExitStack() as stack:
        writer = stack.enter_context(create("segment"))
        refine = stack.enter_context(create("refine")) if plan.refine_bits else None
        writer.add("doc_offsets", corpus.offsets.astype(np.uint64))
        write_assignment(writer, assignment, shape.id_bytes)
        report.start("coding tokens", n_tokens, "tokens")
        with ExitStack() as streams:
            codes = streams.enter_context(writer.section("codes", np.uint8))
            more = None if refine is None else streams.enter_context(refine.section("codes", np.uint8))
            for begin in range(0, n_tokens, _CHUNK_TOKENS):
                part = slice(begin, min(n_tokens, begin + _CHUNK_TOKENS))
                coded = encode_tokens(book, corpus.vectors, begin, assignment[part], plan.n_threads)
                codes.write(coded.codes)
                scales[part] = coded.scales
                if more is not None:
                    more.write(coded.refine_codes)
                    refine_scales[part] = coded.refine_scales
                left += coded.error
                report.advance(len(coded.assignment))
            codes.write(bytes(native.READ_SLACK))
            if more is not None:
                more.write(bytes(native.READ_SLACK))
        report.finish()
        writer.add("scales", scales)
        if refine is not None:
            refine.add("scales", refine_scales)
        del scales, refine_scales
        write_lists(writer, assignment, corpus.offsets, shape.n_centroids)
    return left / max(1, n_tokens)
