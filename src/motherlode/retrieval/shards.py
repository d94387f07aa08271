"""A sharded index: several indexes with one codebook, searched as one."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from motherlode.core.ports import Encoder, TokenVectors
from motherlode.errors import DataError, InputError, UnsupportedError
from motherlode.retrieval.hits import Hits
from motherlode.retrieval.index import Index
from motherlode.retrieval.kernels import thread_count
from motherlode.retrieval.layout import SHARDS
from motherlode.retrieval.metadata.expressions import Expression, Field
from motherlode.retrieval.queries import query_vectors
from motherlode.retrieval.shard_manifest import load_shards
from motherlode.retrieval.snapshot import PositionColumn, Snapshot, open_snapshot

__all__ = ["ShardedIndex", "merge_hits", "open_sharded_index"]

T = TypeVar("T")
# What shards that share a codebook agree on, also after one of them got centroids of its own.
_SHARED = ("scale", "residual_unit", "word_step", "rotation_seed", "bits", "refine_bits", "pseudo_types")


class ShardedIndex:
    """Indexes in one directory that are searched as one; made by :func:`build_sharded_index` and
    :func:`open_sharded_index`; safe to use from any thread.

    Documents are counted through: shard after shard, in each in order of insertion. It shows the state of its shards
    when it was opened or at the last :meth:`refresh`. It has no writer: a write to several shards could not be atomic.
    Each shard is an ordinary index that can be written to: ``open_index(sharded.shards[i].path).writer()``.
    """

    def __init__(self, path: Path, state: _State) -> None:
        self.path = path
        self._state = state  # replaced as a whole, so read it once
        self._pool: tuple[int, ThreadPoolExecutor] | None = None

    def __repr__(self) -> str:
        state = self._state
        counts = f"{len(state.shards)} shards, {state.n_docs:,} documents, {state.n_tokens:,} tokens"
        return f"<ShardedIndex {str(self.path)!r}: {counts}, {self.kind}>"

    @property
    def kind(self) -> str:
        """Either "flat" (exact) or "compressed"."""
        return str(self._state.manifest["kind"])

    @property
    def dim(self) -> int:
        return int(self._state.manifest["dim"])

    @property
    def n_docs(self) -> int:
        """Documents of all shards, without deleted ones."""
        return self._state.n_docs

    @property
    def n_tokens(self) -> int:
        return self._state.n_tokens

    @property
    def size_bytes(self) -> int:
        """Bytes of all files of all shards, and of the manifest."""
        return sum(shard.size_bytes for shard in self._state.shards) + (self.path / SHARDS).stat().st_size

    @property
    def shards(self) -> list[Index]:
        """The shards: handles of their own on the state that is shown; refreshing or writing one leaves this alone."""
        return [Index(shard.path, shard.snapshot) for shard in self._state.shards]

    @property
    def ids(self) -> Sequence[str]:
        """The documents' ids by position."""
        return _Chain(self._state, "ids")

    @property
    def titles(self) -> Sequence[str] | None:
        """The documents' titles by position; None when none were given."""
        return self._column("titles")

    @property
    def texts(self) -> Sequence[str] | None:
        """The documents' texts by position; None when none were given."""
        return self._column("texts")

    @cached_property
    def encoder(self) -> Encoder | None:
        """The encoder the index was built with, loaded at first use; None when it was built from vectors alone."""
        return self._state.shards[0].encoder

    def find(self, ids: Sequence[str]) -> NDArray[np.int64]:
        """int64 [len(ids)]: the positions of these documents; -1 for those that are not there.

        An id that was written into several shards is found in the first.
        """
        state = self._state
        found = np.full(len(ids), -1, np.int64)
        for shard, start in zip(state.shards, state.starts.tolist(), strict=False):
            slots = shard.snapshot.find(ids)
            new = (slots >= 0) & (found < 0)
            found[new] = start + shard.snapshot.positions(slots[new])
        return found

    def shard_of(self, position: int) -> int:
        """The number of the shard that holds the document at ``position``."""
        if not 0 <= position < self.n_docs:
            raise InputError(f"position={position}: the index has {self.n_docs} documents")
        return int(np.searchsorted(self._state.starts, position, side="right")) - 1

    def refresh(self) -> bool:
        """Shows the newest state of all shards; returns whether it is another one. Searches that run keep theirs."""
        before = self._state
        self._state = _open_state(self.path, before)
        return self._state is not before

    def verify(self) -> None:
        """Reads every byte of every shard and checks the CRCs; raises DataError naming file, offset and both CRCs."""
        for shard in self._state.shards:
            shard.verify()

    def info(self) -> dict[str, Any]:
        """What the index is, as JSON values: counts, the codebook in common, and what each shard says of itself."""
        state, size = self._state, self.size_bytes
        return {
            "path": str(self.path),
            **{key: value for key, value in state.manifest.items() if key != "shards"},
            "n_docs": state.n_docs,
            "n_tokens": state.n_tokens,
            "size_bytes": size,
            "bytes_per_token": size / max(1, state.n_tokens),
            "encoder": state.shards[0].info()["encoder"],
            "shards": [{"name": shard.path.name, **shard.info()} for shard in state.shards],
        }

    def search(
        self, query: Any, k: int = 10, query_token_ids: ArrayLike | None = None, *, n_threads: int = 0, **options: Any
    ) -> Hits:
        """The best k documents of all shards, by MaxSim.

        query, k, query_token_ids: as in :meth:`Index.search`
        n_threads: shards searched at a time; 0 for the CPUs this process may use
        options: the others of :meth:`Index.search`, for each shard, ``subset=`` among them

        Each shard considers as many candidates as one index of all documents would. With settings that leave nothing
        out, ids and scores are those of the single index with the same codebook; with others and ``stop_sigma=0`` the
        score at each rank is at least that index's. Equal scores stand in insertion order.
        """
        state = self._state
        tokens = query_vectors(self, [query])[0]
        calls = [partial(shard.search, tokens, k, query_token_ids, **options) for shard in state.shards]
        return merge_hits(self._map(calls, thread_count(n_threads)), state.starts.tolist(), k)

    def search_batch(self, queries: Sequence[Any], k: int = 10, n_threads: int = 0, **options: Any) -> list[Hits]:
        """Searches many queries; the same hits as :meth:`search` one by one. Options as :meth:`Index.search_batch`."""
        state = self._state
        tokens = query_vectors(self, queries)
        threads = thread_count(n_threads)
        each = max(1, threads // len(state.shards))
        found = self._map([partial(shard.search_batch, tokens, k, each, **options) for shard in state.shards], threads)
        starts = state.starts.tolist()
        return [merge_hits(parts, starts, k) for parts in zip(*found, strict=True)]

    def search_text(
        self,
        query: str,
        k: int = 10,
        mode: str = "late",
        *,
        encoder: Encoder | None = None,
        encoded: TokenVectors | None = None,
        n_threads: int = 0,
        **options: Any,
    ) -> Hits:
        """As :meth:`Index.search_text` in mode "late", the only one yet: BM25 would need counts over all shards."""
        if mode != "late":
            raise UnsupportedError(
                f"mode={mode!r}: a sharded index answers in mode 'late' only; search a shard by itself"
            )
        state, encoder = self._state, encoder or self.encoder
        encoded = encoder.encode_queries([query]) if encoded is None and encoder is not None else encoded
        asked: dict[str, Any] = {"encoder": encoder, "encoded": encoded, **options}
        calls = [partial(shard.search_text, query, k, mode, **asked) for shard in state.shards]
        return merge_hits(self._map(calls, thread_count(n_threads)), state.starts.tolist(), k)

    @property
    def schema(self) -> dict[str, str]:
        """The metadata columns and their types, of all shards."""
        return {name: kind for shard in reversed(self._state.shards) for name, kind in shard.schema.items()}

    def metadata_of(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        """As :meth:`Index.metadata_of`."""
        state, positions = self._state, self.find(ids).tolist()
        if -1 in positions:
            raise InputError(f"ids: the index has no {list(ids)[positions.index(-1)]!r}")
        return [
            state.shards[self.shard_of(position)].metadata_of([identifier])[0]
            for identifier, position in zip(ids, positions, strict=True)
        ]

    def ids_where(self, where: str | Expression | Field, params: Sequence[Any] = ()) -> list[str]:
        """As :meth:`Index.ids_where`."""
        return [found for shard in self._state.shards for found in shard.ids_where(where, params)]

    def _column(self, name: str) -> Sequence[str] | None:
        state = self._state
        return None if all(getattr(shard, name) is None for shard in state.shards) else _Chain(state, name)

    def _map(self, calls: Sequence[Callable[[], T]], threads: int) -> list[T]:
        """Makes the calls, so many at a time."""
        n_lanes = min(threads, len(calls))
        if n_lanes == 1:
            return [call() for call in calls]
        if self._pool is None or self._pool[0] != os.getpid():  # threads do not survive a fork
            self._pool = (os.getpid(), ThreadPoolExecutor(thread_count(0), "lode-shard"))
        lanes = self._pool[1].map(lambda lane: [call() for call in calls[lane::n_lanes]], range(n_lanes))
        found = list(lanes)
        return [found[at % n_lanes][at // n_lanes] for at in range(len(calls))]


class _State:
    """One state of all shards. Its ``Index`` objects are never refreshed, so that starts and searches agree."""

    def __init__(self, manifest: dict[str, Any], shards: Sequence[Index]) -> None:
        self.manifest, self.shards = manifest, shards
        counts = [shard.n_docs for shard in shards]
        self.starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        self.n_docs = int(self.starts[-1])
        self.n_tokens = sum(shard.n_tokens for shard in shards)


class _Chain(PositionColumn):
    """A column of strings of all shards, by position."""

    def __init__(self, state: _State, name: str) -> None:
        self._state, self._columns = state, [getattr(shard, name) for shard in state.shards]

    def __len__(self) -> int:
        return self._state.n_docs

    def _value(self, position: int) -> str:
        number = int(np.searchsorted(self._state.starts, position, side="right")) - 1
        column = self._columns[number]
        return "" if column is None else str(column[position - int(self._state.starts[number])])


def merge_hits(parts: Sequence[Hits], starts: Sequence[int], k: int) -> Hits:
    """The best k of what several indexes found for one query.

    parts: hits of each index, best first
    starts: [n_indexes], or one more: what to add to the positions of each, in the order of their documents

    Equal scores stand in the order of the indexes, then of their positions.
    """
    scores = np.concatenate([part.scores for part in parts])
    best = np.argsort(-scores, kind="stable")[:k]
    ids = [identifier for part in parts for identifier in part.ids]
    positions = np.concatenate([part.positions + start for part, start in zip(parts, starts, strict=False)])
    return Hits([ids[i] for i in best.tolist()], scores[best], positions[best])


def open_sharded_index(path: str | os.PathLike[str], *, verify: bool = False) -> ShardedIndex:
    """Opens a sharded index: the manifest, and of each shard what :func:`open_index` reads.

    verify: read everything and check every block's CRC first

    Raises InputError when there is no such directory, or an index without shards; DataError, naming the shard or the
    file, when something is missing, damaged, newer than this version reads, or has a codebook of another build.
    """
    directory = Path(path)
    index = ShardedIndex(directory, _open_state(directory))
    if verify:
        index.verify()
    return index


def _open_state(directory: Path, known: _State | None = None) -> _State:
    """The current state. A build may replace the manifest and remove shards meanwhile; then the new ones are opened."""
    manifest = load_shards(directory)
    while True:
        old = {} if known is None else {shard.path.name: shard for shard in known.shards}
        try:
            shards = [
                _open_shard(directory, manifest, entry["name"], old.get(entry["name"])) for entry in manifest["shards"]
            ]
        except DataError:
            newer = load_shards(directory)
            if newer == manifest:
                raise
            manifest = newer
            continue
        if (
            known is not None
            and manifest == known.manifest
            and all(a is b for a, b in zip(shards, known.shards, strict=True))
        ):
            return known
        return _State(manifest, shards)


def _open_shard(directory: Path, manifest: dict[str, Any], name: str, known: Index | None) -> Index:
    path = directory / name
    try:
        snapshot = open_snapshot(path, None if known is None else known.snapshot)
    except (DataError, InputError, KeyError, TypeError) as error:
        found, expected = str(error), "a complete index"
        raise DataError(
            f"{directory}: shard {name!r} is missing or damaged; copy it back, or build the index again: {error}",
            path=str(path),
            found=found,
            expected=expected,
        ) from error
    if known is not None and snapshot is known.snapshot:
        return known
    _require_kin(directory, manifest, name, snapshot)
    return Index(path, snapshot)


def _require_kin(directory: Path, manifest: dict[str, Any], name: str, snapshot: Snapshot) -> None:
    """Refuses a shard that does not belong here: its scores would not compare."""
    found: object = (snapshot.kind, snapshot.dim)
    expected: object = (manifest["kind"], manifest["dim"])
    if found == expected and snapshot.kind == "compressed":
        entry, facts, shared = snapshot.entries["codebook"], snapshot.manifest["codebook"], manifest["codebook"]
        if entry["crc32"] == shared["crc32"] or (
            facts["n_centroids"] > shared["n_centroids"]
            and (not shared["n_centroids"] or all(facts[key] == shared.get(key) for key in _SHARED))
        ):
            return  # the codebook in common, or one that grew from it
        found, expected = f"codebook {entry['crc32']}", f"codebook {shared['crc32']}"
    if found != expected:
        message = f"{directory}: shard {name!r} is of another build: found {found}, expected {expected}"
        raise DataError(message, path=str(directory / name), found=found, expected=expected)
