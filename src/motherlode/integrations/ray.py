"""Sharded indexes on a Ray cluster: shards are coded by tasks and searched by actors, each in its own process.

The directory of the index must be one path on all machines (a shared file system, or one machine). Workers need the
same version of motherlode; vectors travel through Ray's object store unless they are given as the paths of files.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from motherlode import (
    Hits,
    Index,
    ShardedIndex,
    ShardTask,
    build_sharded_index,
    merge_hits,
    open_index,
    open_sharded_index,
)
from motherlode.core.ports import NullProgress, Progress
from motherlode.errors import ConflictError, DataError, InputError, LodeError, UnsupportedError

__all__ = ["RayShards", "build_sharded_index_ray"]


def _ray() -> ModuleType:
    try:
        import ray
    except ImportError:
        raise UnsupportedError("ray is not installed; it comes with: pip install 'motherlode[ray]'") from None
    if not ray.is_initialized():
        raise ConflictError('ray is not running here; call ray.init() first (ray.init(address="auto") joins a cluster)')
    found: ModuleType = ray
    return found


def build_sharded_index_ray(
    path: str | os.PathLike[str],
    vectors: Any,
    offsets: ArrayLike,
    token_ids: Any = None,
    ids: Sequence[str] | None = None,
    seed: int = 0,
    overwrite: bool = False,
    *,
    n_shards: int,
    cpus_per_shard: int = 1,
    progress: Progress | None = None,
    **options: Any,
) -> ShardedIndex:
    """Builds a sharded index: the codebook is trained here, shards are coded by Ray tasks.

    vectors, token_ids: arrays, whose rows are sent to the workers; or paths of ``.npy`` files, which each worker maps
    cpus_per_shard: CPUs that a task asks Ray for, and threads that it uses
    options: the others of :func:`build_sharded_index`

    The files are those of :func:`build_sharded_index`, byte for byte. No more tasks wait than the cluster has CPUs for.
    A task whose worker died is run again by Ray; one that failed raises its error, and the same call continues.
    Raises UnsupportedError without ray, ConflictError where ``ray.init`` was not called.
    """
    ray = _ray()
    cpus = _whole(cpus_per_shard, "cpus_per_shard")
    report = progress or NullProgress()

    def run(tasks: Iterator[ShardTask]) -> Iterable[None]:
        code = ray.remote(num_cpus=cpus)(_code_shard)
        most = max(1, int(ray.cluster_resources().get("CPU", 1)) // cpus)
        waiting: list[Any] = []
        report.start("coding shards", n_shards, "shards")
        try:
            for task in tasks:
                if len(waiting) == most:
                    waiting = _one_less(ray, waiting)
                    report.advance(1)
                    yield
                waiting.append(code.remote(task, cpus))
            while waiting:
                waiting = _one_less(ray, waiting)
                report.advance(1)
                yield
        finally:
            for one in waiting:
                ray.cancel(one)
        report.finish()

    return build_sharded_index(
        path,
        vectors,
        offsets,
        token_ids,
        ids,
        seed,
        overwrite,
        n_shards=n_shards,
        progress=progress,
        run=run,
        **options,
    )


def _one_less(ray: ModuleType, waiting: list[Any]) -> list[Any]:
    done, rest = ray.wait(waiting, num_returns=1)
    _get(ray, done[0])
    return list(rest)


def _code_shard(task: ShardTask, n_threads: int) -> str:
    return task.run(n_threads=n_threads)


def _get(ray: ModuleType, promise: Any, timeout_s: float | None = None) -> Any:
    """What a task or an actor returns; its own error where it is one of ours."""
    try:
        return ray.get(promise, timeout=timeout_s)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, LodeError):
            raise error.cause from None
        raise


def _whole(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(f"{name}={value!r}: give a whole number, 1 or more")
    return value


def _open_shard(folder: str) -> Index:
    try:
        return open_index(folder)
    except InputError as error:  # no such directory: here it is not the caller's mistake
        raise DataError(f"shard {Path(folder).name} is missing: {error}", path=folder) from None


class _ShardServer:
    """Some shards of an index, opened in a process of their own."""

    def __init__(self, n_threads: int) -> None:
        self._n_threads = n_threads

    def open(self, folders: Sequence[str]) -> int:
        """Opens the newest state of these shards; returns the process id."""
        self._shards = [_open_shard(folder) for folder in folders]  # replaced as a whole: a search reads it once
        return os.getpid()

    def search(self, query: Any, k: int, token_ids: Any, options: dict[str, Any]) -> list[tuple[int, list[Hits]]]:
        """For each shard its number of documents, and the hits."""
        return [(shard.n_docs, [shard.search(query, k, token_ids, **options)]) for shard in self._shards]

    def search_batch(self, queries: Any, k: int, options: dict[str, Any]) -> list[tuple[int, list[Hits]]]:
        return [(s.n_docs, s.search_batch(queries, k, self._n_threads, **options)) for s in self._shards]


class RayShards:
    """A sharded index that is searched by Ray actors. A context manager; safe to use from any thread.

    path: of the sharded index, the same on all machines
    n_actors: processes that divide the shards among them; None for one per shard, or as many as the cluster has CPUs
        for, whichever is less
    cpus_per_actor: CPUs that an actor asks Ray for: threads of a batch, and searches that it answers at a time
    start_timeout_s: how long to wait for the actors

    An actor that has died is started again once, and asked again; when that fails too, a ConflictError names its
    shards. Raises UnsupportedError without ray; ConflictError where ``ray.init`` was not called, or where Ray has not
    started the actors in time; DataError for a shard that is missing or damaged.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        n_actors: int | None = None,
        *,
        cpus_per_actor: int = 1,
        start_timeout_s: float = 120.0,
    ) -> None:
        self._ray = _ray()
        self.path = Path(path)
        self._cpus, self._timeout_s = _whole(cpus_per_actor, "cpus_per_actor"), start_timeout_s
        self._index = open_sharded_index(path)  # headers only: checks that the shards belong together
        self._lock = threading.Lock()
        room = max(1, int(self._ray.cluster_resources().get("CPU", 1)) // self._cpus)
        n_shards = len(self._index.shards)
        count = min(n_shards, room) if n_actors is None else min(n_shards, _whole(n_actors, "n_actors"))
        self._actors: list[Any] = [self._new_actor() for _ in range(count)]
        self._closed = False
        try:
            self._open_all()
        except BaseException:
            self.close()
            raise

    def __repr__(self) -> str:
        return f"<RayShards {str(self.path)!r}: {len(self._index.shards)} shards in {len(self._actors)} actors>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    @property
    def index(self) -> ShardedIndex:
        """The index as this process sees it: counts, ids, titles and texts."""
        return self._index

    @property
    def pids(self) -> list[int]:
        """Process id of each actor."""
        return list(self._pids)

    def search(self, query: Any, k: int = 10, query_token_ids: ArrayLike | None = None, **options: Any) -> Hits:
        """The same hits as :meth:`ShardedIndex.search`; strings are encoded in this process."""
        tokens = self._vectors([query])[0]
        types = None if query_token_ids is None else np.asarray(query_token_ids)
        return self._merged("search", k, (tokens, k, types, options))[0]

    def search_batch(self, queries: Sequence[Any], k: int = 10, **options: Any) -> list[Hits]:
        """The same hits as :meth:`ShardedIndex.search_batch`."""
        return self._merged("search_batch", k, (self._vectors(queries), k, options)) if len(queries) else []

    def refresh(self) -> None:
        """Shows the newest state of manifest and shards, in all processes."""
        self._require_open()
        self._index.refresh()
        self._open_all()

    def close(self) -> None:
        """Ends the actors."""
        self._closed = True
        for actor in self._actors:
            self._ray.kill(actor)
        self._actors = []

    def _require_open(self) -> None:
        if self._closed:
            raise ConflictError("this RayShards is closed; open another one")

    def _new_actor(self) -> Any:
        server = self._ray.remote(num_cpus=self._cpus, max_concurrency=self._cpus)(_ShardServer)
        return server.remote(self._cpus)

    def _folders(self, number: int) -> list[str]:
        """Directories of the shards of an actor: neighbours, so that answers come in the order of documents."""
        folders = [str(shard.path.absolute()) for shard in self._index.shards]
        return [folders[i] for i in np.array_split(np.arange(len(folders)), len(self._actors))[number].tolist()]

    def _open_all(self) -> None:
        promises = [actor.open.remote(self._folders(i)) for i, actor in enumerate(self._actors)]
        self._pids = [self._answer(i, promise, "open", (self._folders(i),)) for i, promise in enumerate(promises)]

    def _merged(self, method: str, k: int, arguments: tuple[Any, ...]) -> list[Hits]:
        self._require_open()
        promises = [getattr(actor, method).remote(*arguments) for actor in self._actors]
        answers = [self._answer(i, promise, method, arguments) for i, promise in enumerate(promises)]
        parts = [part for answer in answers for part in answer]
        starts = np.concatenate([[0], np.cumsum([n_docs for n_docs, _ in parts])]).tolist()
        return [merge_hits(found, starts, k) for found in zip(*(hits for _, hits in parts), strict=True)]

    def _answer(self, number: int, promise: Any, method: str, arguments: tuple[Any, ...]) -> Any:
        """What an actor answers; a dead one is replaced and asked once more."""
        died = self._ray.exceptions.RayActorError
        timeout_s = self._timeout_s if method == "open" else None
        actor = self._actors[number]
        try:
            return _get(self._ray, promise, timeout_s)
        except died:
            pass
        except self._ray.exceptions.GetTimeoutError:
            raise self._not_started() from None
        try:
            actor = self._replaced(number, actor)
            return _get(self._ray, getattr(actor, method).remote(*arguments), timeout_s)
        except self._ray.exceptions.GetTimeoutError:
            raise self._not_started() from None
        except died as error:
            names = ", ".join(Path(folder).name for folder in self._folders(number))
            raise ConflictError(
                f"{self.path}: the process that serves {names} died, and again after it was started anew; see Ray's "
                f"logs for why (memory, most often): {str(error).splitlines()[0]}"
            ) from error

    def _replaced(self, number: int, dead: Any) -> Any:
        """A new actor in the place of a dead one, unless another thread has put one there."""
        with self._lock:
            if self._actors[number] is dead:
                actor = self._new_actor()
                try:
                    self._pids[number] = _get(self._ray, actor.open.remote(self._folders(number)), self._timeout_s)
                except BaseException:
                    self._ray.kill(actor)  # it would keep its CPUs
                    raise
                self._actors[number] = actor
            return self._actors[number]

    def _not_started(self) -> ConflictError:
        cpus = int(self._ray.cluster_resources().get("CPU", 0))
        return ConflictError(
            f"{self.path}: Ray has not started the actors within {self._timeout_s:g} s; {len(self._actors)} of them "
            f"ask for {self._cpus} CPU each, the cluster has {cpus} in all. Free some, or give a smaller n_actors"
        )

    def _vectors(self, queries: Sequence[Any]) -> list[Any]:
        texts = [query for query in queries if isinstance(query, str)]
        if not texts:
            return list(queries)
        if len(texts) != len(queries):
            raise InputError("queries: strings and vectors mixed; give one kind")
        if self._index.encoder is None:
            raise UnsupportedError("this index was built from vectors and knows no encoder; search with query vectors")
        encoded = self._index.encoder.encode_queries(texts)
        return list(np.split(encoded.vectors, encoded.offsets[1:-1]))
