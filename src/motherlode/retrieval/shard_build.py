"""Building a sharded index: train once, code shard after shard, swap the manifest."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from motherlode.core.ports import Encoder, LifecycleSink, NullProgress, Progress
from motherlode.errors import ConflictError, InputError
from motherlode.retrieval.allocation import default_n_centroids
from motherlode.retrieval.announcing import index_record, places_of_arrays
from motherlode.retrieval.build import Corpus, Plan, check_corpus, check_plan, is_flat
from motherlode.retrieval.corpus_files import EncoderRecord, Trained, train_codebook
from motherlode.retrieval.inputs import check_count, check_keep_vectors
from motherlode.retrieval.layout import MANIFEST, SHARDS, hold_directory
from motherlode.retrieval.metadata.columns import concatenated
from motherlode.retrieval.shard_manifest import BUILDING
from motherlode.retrieval.shard_site import BuildSite, input_facts
from motherlode.retrieval.shard_task import ShardTask, is_complete, load_rows
from motherlode.retrieval.shards import ShardedIndex, open_sharded_index

__all__ = ["build_sharded_index", "shard_bounds"]

_POINTS_PER_CENTROID = 32  # tokens that train a centroid at least, where a sample is trained on

Run = Callable[[Iterator[ShardTask]], Iterable[Any]]


def build_sharded_index(
    path: str | os.PathLike[str],
    vectors: Any,
    offsets: ArrayLike,
    token_ids: Any = None,
    ids: Sequence[str] | None = None,
    seed: int = 0,
    overwrite: bool = False,
    *,
    n_shards: int,
    kind: str = "auto",
    n_centroids: int | None = None,
    bits: int = 2,
    refine_bits: int = 0,
    n_threads: int = 0,
    memory_limit_bytes: int | None = None,
    train_tokens: int | None = None,
    progress: Progress | None = None,
    titles: Sequence[str] | None = None,
    texts: Sequence[str] | None = None,
    metadata: Any = None,
    encoder: Encoder | None = None,
    keep_vectors: str | None = None,
    run: Run | None = None,
    sink: LifecycleSink | None = None,
) -> ShardedIndex:
    """Builds a directory of indexes that share one codebook and are searched as one, and opens it.

    path: the directory; one that exists and is not empty is a ConflictError, unless it holds an unfinished build of
        the same input, which is continued, or ``overwrite`` is set and it holds a sharded index, which is replaced
    vectors, token_ids: as in :func:`build_index`, or paths of ``.npy`` files, which are mapped
    n_shards: 1 to n_docs; documents are divided in order, so that shards have about the same number of tokens
    train_tokens: train the codebook on so many tokens, drawn with ``seed``; None trains it on all, which gives the
        codes of :func:`build_index`. A sample is copied into memory (train_tokens * dim values)
    memory_limit_bytes: for training, see :func:`build_index`
    run: how shards are coded: is given the :class:`ShardTask` s that are to be done, one by one, and must have called
        the ``run`` method of each, in whatever process that sees ``path``, when what it returns is exhausted. None does
        one after the other here
    sink: told what was built, and of paths and mapped arrays from which files

    The other arguments are those of :func:`build_index`; without ``ids`` they are "0", "1", … over all shards. One
    shard's codes, ids and texts are in memory at a time. Interrupted or failed, the previous index stays and complete
    shards are kept: the same call continues.
    Raises InputError for wrong input, ConflictError where something else is in the way.
    """
    report, started, started_at = progress or NullProgress(), perf_counter(), datetime.now(UTC)
    rows, kinds = load_rows(vectors, "vectors"), load_rows(token_ids, "token_ids")
    corpus = check_corpus(rows, offsets, kinds, ids, titles, texts, encoder, metadata)
    bounds = shard_bounds(corpus.offsets, n_shards)
    flat = is_flat(kind, len(corpus.vectors))
    n_sample = None if train_tokens is None else _checked_sample(train_tokens, len(corpus.vectors))
    if n_sample is not None and n_centroids is None:
        n_centroids = _n_centroids(corpus, n_sample)
    kept = check_keep_vectors(keep_vectors, flat=flat)
    plan = check_plan(corpus, n_centroids, bits, refine_bits, seed, n_threads, memory_limit_bytes, kept)
    directory = _claim(path, overwrite=overwrite)
    with hold_directory(directory):
        site = BuildSite(directory, input_facts(corpus, plan, bounds, n_sample, flat=flat), bounds, overwrite=overwrite)
        if not flat and not site.is_trained:
            site.keep_training(_trained(corpus, plan, n_sample, report))
        sources = (vectors, token_ids)
        tasks = (task for task in _tasks(site, corpus, plan, sources, flat=flat) if not is_complete(task))
        for _ in (_run_here(report) if run is None else run)(tasks):
            pass
        site.finish(corpus, plan, n_sample, started, flat=flat)
    index = open_sharded_index(directory)
    if sink is not None:
        sink.announce(index_record(index, started_at, inputs=places_of_arrays([vectors, token_ids], index.n_tokens)))
    return index


def shard_bounds(offsets: NDArray[np.int64], n_shards: int) -> NDArray[np.int64]:
    """int64 [n_shards + 1]: shard i gets documents [i] to [i + 1], one or more, and about its part of the tokens."""
    n_docs = len(offsets) - 1
    count = check_count(n_shards, "n_shards")
    if not 1 <= count <= max(1, n_docs):
        raise InputError(f"n_shards={n_shards!r}: give 1 to {max(1, n_docs)}, a shard has at least one document")
    inner = np.arange(1, count)
    wanted = inner * int(offsets[-1]) / count
    cuts = np.searchsorted(offsets, wanted, side="left")
    if n_docs and not offsets[-1]:
        cuts = inner * n_docs // count  # nothing to balance but documents without tokens
    for i in range(len(cuts)):  # at least one document for every shard, also for those to come
        cuts[i] = min(max(cuts[i], (cuts[i - 1] if i else 0) + 1), n_docs - (count - 1 - i))
    return np.concatenate([[0], cuts, [n_docs]]).astype(np.int64)


def _checked_sample(train_tokens: Any, n_tokens: int) -> int | None:
    count = check_count(train_tokens, "train_tokens")
    if count == 0 and n_tokens:
        raise InputError("train_tokens=0: give a positive number, or None to train on all tokens")
    return count if count < n_tokens else None


def _n_centroids(corpus: Corpus, n_sample: int) -> int:
    """The default for all tokens, as far as the sample has tokens to train them."""
    sizes = np.array([len(corpus.vectors)], np.int64)
    if corpus.token_ids is not None:
        sizes = np.unique(corpus.token_ids, return_counts=True)[1].astype(np.int64)
    return max(1, min(default_n_centroids(sizes), n_sample // _POINTS_PER_CENTROID))


def _claim(path: str | os.PathLike[str], *, overwrite: bool) -> Path:
    directory = Path(path)
    if directory.exists() and not directory.is_dir():
        raise ConflictError(f"{directory}: is a file; a sharded index is a directory. Choose another path")
    if directory.is_dir() and any(directory.iterdir()):
        if (directory / SHARDS).exists() and not overwrite:
            raise ConflictError(
                f"{directory}: exists and is a sharded index; pass overwrite=True to replace it, or choose another path"
            )
        if not (directory / SHARDS).exists() and not (directory / BUILDING).exists():
            kind = "an index without shards" if (directory / MANIFEST).exists() else "files but no sharded index"
            raise ConflictError(f"{directory}: holds {kind}; choose another path, or remove it")
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def _trained(corpus: Corpus, plan: Plan, n_sample: int | None, report: Progress) -> Trained:
    """Trains on the corpus, or on a sample of its tokens as one document."""
    if n_sample is None:
        return train_codebook(corpus, plan, report)
    rows = np.sort(np.random.default_rng(plan.seed).choice(len(corpus.vectors), n_sample, replace=False))
    kinds = None if corpus.token_ids is None else np.ascontiguousarray(corpus.token_ids[rows])
    sample = Corpus(corpus.vectors[rows], np.array([0, n_sample], np.int64), kinds, None, None, None, None)
    return replace(train_codebook(sample, plan, report), assignment=None)


def _tasks(site: BuildSite, corpus: Corpus, plan: Plan, sources: tuple[Any, Any], *, flat: bool) -> Iterator[ShardTask]:
    """What is to be done for each shard, made when it is asked for."""
    encoder = corpus.encoder
    record = (
        None
        if encoder is None
        else EncoderRecord(encoder.name, encoder.dim, dict(encoder.config), dict(encoder.arrays))
    )
    bounds = site.state["bounds"]
    for name, begin, end in zip(site.state["names"], bounds[:-1], bounds[1:], strict=True):
        first, last = int(corpus.offsets[begin]), int(corpus.offsets[end])
        words = {
            column: None if values is None else [values[i] for i in range(begin, end)]
            for column, values in (("titles", corpus.titles), ("texts", corpus.texts))
        }
        own = np.arange(begin, end)
        yield ShardTask(
            folder=str((site.directory / name).absolute()),
            trained=site.state["trained"],
            flat=flat,
            plan=plan,
            rows=(first, last),
            vectors=_rows_of(sources[0], corpus.vectors, first, last),
            token_ids=None if corpus.token_ids is None else _rows_of(sources[1], corpus.token_ids, first, last),
            offsets=corpus.offsets[begin : end + 1] - first,
            ids=[str(i) for i in range(begin, end)] if corpus.ids is None else corpus.ids[begin:end],
            encoder=record,
            columns={column: concatenated([values.take(own)]) for column, values in corpus.columns.items()},
            schema=corpus.schema,
            **words,
        )


def _run_here(report: Progress) -> Run:
    return lambda tasks: (task.run(report) for task in tasks)


def _rows_of(source: Any, array: NDArray[Any], first: int, last: int) -> NDArray[Any] | str:
    """What a task takes along: rows, or the path of the file that has them."""
    return str(Path(source).absolute()) if isinstance(source, (str, os.PathLike)) else array[first:last]
