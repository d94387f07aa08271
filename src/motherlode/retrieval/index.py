"""The index: opened in an instant, searched from any thread."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from motherlode.core.ports import Encoder, Progress
from motherlode.errors import DataError
from motherlode.retrieval.hits import Hits
from motherlode.retrieval.inputs import check_count, check_token_ids
from motherlode.retrieval.kernels import level, thread_count
from motherlode.retrieval.layout import MANIFEST
from motherlode.retrieval.queries import query_vectors
from motherlode.retrieval.selection import select
from motherlode.retrieval.settings import SearchSettings
from motherlode.retrieval.snapshot import Snapshot, column_of, open_snapshot

if TYPE_CHECKING:
    from motherlode.retrieval.writer import Writer

__all__ = ["Index", "open_index"]

_COUNTS = ("n_docs", "n_tokens", "n_deleted")


class Index:
    """A late-interaction index. Made by :func:`build_index` and :func:`open_index`; safe to use from any thread.

    An index shows one state of its directory: what was there when it was opened, or at the last :meth:`refresh`, or
    what its own writer committed. Counts, ids, titles and texts are those of that state, without deleted documents.
    """

    def __init__(self, path: Path, snapshot: Snapshot) -> None:
        self.path = path
        self.snapshot = snapshot  # for the rest of this package; replaced as a whole, so read it once

    def __repr__(self) -> str:
        return f"<Index {str(self.path)!r}: {self.n_docs:,} documents, {self.n_tokens:,} tokens, {self.kind}>"

    @property
    def kind(self) -> str:
        """Either "flat" (exact) or "compressed"."""
        return self.snapshot.kind

    @property
    def dim(self) -> int:
        return self.snapshot.dim

    @property
    def n_docs(self) -> int:
        """Documents, those without tokens included."""
        return self.snapshot.n_docs

    @property
    def n_tokens(self) -> int:
        return self.snapshot.n_tokens

    @property
    def ids(self) -> Sequence[str]:
        """The documents' ids by position, in order of insertion."""
        found = column_of(self.snapshot, "ids")
        assert found is not None
        return found

    @property
    def titles(self) -> Sequence[str] | None:
        """The documents' titles by position; None when none were given."""
        return column_of(self.snapshot, "titles")

    @property
    def texts(self) -> Sequence[str] | None:
        """The documents' texts by position; None when none were given."""
        return column_of(self.snapshot, "texts")

    @property
    def size_bytes(self) -> int:
        """Bytes of all files of the index."""
        return self.snapshot.size_bytes

    def refresh(self) -> bool:
        """Shows the newest committed state; returns whether it is another one. Searches that run keep theirs."""
        before = self.snapshot
        self.snapshot = open_snapshot(self.path, before)
        return self.snapshot is not before

    def writer(self) -> Writer:
        """One transaction: ``with index.writer() as w: w.add(…); w.delete(…)``. Atomic on exit, see :class:`Writer`."""
        from motherlode.retrieval.writer import Writer  # a reader does not need it

        return Writer(self)

    def compact(self, progress: Progress | None = None) -> None:
        """Merges all segments into one and drops what was deleted; interrupted, it changes nothing. Readers go on."""
        from motherlode.retrieval.commits import compact_index

        compact_index(self, progress)

    @cached_property
    def encoder(self) -> Encoder | None:
        """The encoder the index was built with, loaded at first use; None when it was built from vectors alone."""
        stored = self.snapshot.manifest["encoder"]
        if stored is None:
            return None
        from motherlode.retrieval.encoders import load_encoder

        arrays: dict[str, NDArray[Any]] = {}
        if "encoder" in self.snapshot.files:
            file = self.snapshot.files["encoder"]
            for name in file.names():
                if not name.endswith(".shape"):
                    shape = file.array(f"{name}.shape", np.int64)
                    arrays[name] = file.array(name, file.dtype(name)).reshape(shape)
        return load_encoder(stored["config"], arrays)

    def info(self) -> dict[str, Any]:
        """What the index is, as JSON values: counts, sizes per file, codes, encoder, how and when it was built."""
        state = self.snapshot
        files = {file.path.name: file.size_bytes for file in state.all_files()}
        facts = {key: value for key, value in state.manifest.items() if key not in ("files", "segments")}
        counts = [{key: segment.entry[key] for key in _COUNTS} for segment in state.segments]
        return {
            "path": str(self.path),
            **facts,
            "segments": counts,
            "files": files,
            "size_bytes": state.size_bytes,
            "bytes_per_token": state.size_bytes / max(1, state.n_tokens),
            "cpu_level": level(),
        }

    def verify(self) -> None:
        """Reads every byte and checks every CRC; raises DataError naming file, offset and both CRCs."""
        for file in self.snapshot.all_files():
            file.verify()

    def search(
        self,
        query: Any,
        k: int = 10,
        query_token_ids: ArrayLike | None = None,
        k_centroids: int | None = None,
        k_docs_to_score: int | None = None,
        alpha: float | None = None,
        beta: int | None = None,
        *,
        subset: Sequence[str] | None = None,
        k_gather: int | None = None,
        k_refine: int | None = None,
        stop_sigma: float | None = None,
        coarse: str = "auto",
    ) -> Hits:
        """The best k documents for a query, by MaxSim.

        query: float32 [n_query_tokens, dim]; or a string, when the index knows its encoder
        query_token_ids: integers [n_query_tokens], the query's vocabulary ids; optional, checked, used by the
            token-type ranges
        k_centroids: posting lists per query token
        k_gather: documents whose centroids are scored in full
        k_docs_to_score: documents whose residual codes are scored
        k_refine: documents whose refinement codes are scored, where the index has them
        alpha: keep documents within alpha * |k-th best| of it after the centroid stage; None is off
        beta: stop after this many scored documents in a row outside the top k; None is off
        subset: ids of the documents to choose from; up to 10,000 are all scored, whatever the settings say. Ids that
            the index does not have count for nothing
        stop_sigma: stop once a document's codes would have to add more to its centroid score than is usual by so many
            standard deviations; 0 is off
        coarse: "auto", "exhaustive" or "ranges"

        None takes the measured default for k. A flat index is exact and ignores all but k. Documents without tokens are
        never returned, an empty query returns empty Hits, k above n_docs returns all; equal scores stand in insertion
        order, and the same query gives the same hits every time. Raises InputError for a wrong shape or values.
        """
        state = self.snapshot
        tokens = query_vectors(self, [query])[0]
        settings = SearchSettings(k, k_centroids, k_gather, k_docs_to_score, k_refine, alpha, beta, stop_sigma, coarse)
        chosen = select(state, subset)
        types = _types_of(state, query_token_ids, len(tokens))
        options = settings.native_options(_refined(state), types, score_all=chosen.score_all)
        if state.kind == "flat":
            return _hits(state, state.flat_search(level(), tokens, check_count(k, "k"), 1, chosen.allowed))
        return _hits(state, state.searcher.search(level(), tokens, options, chosen.bits))

    def search_batch(
        self,
        queries: Sequence[Any],
        k: int = 10,
        n_threads: int = 0,
        *,
        subset: Sequence[str] | None = None,
        k_centroids: int | None = None,
        k_docs_to_score: int | None = None,
        alpha: float | None = None,
        beta: int | None = None,
        k_gather: int | None = None,
        k_refine: int | None = None,
        stop_sigma: float | None = None,
        coarse: str = "auto",
    ) -> list[Hits]:
        """Searches many queries on several threads; the same hits as :meth:`search` one by one.

        queries: a list of float32 [n_query_tokens, dim], or of strings
        subset: ids of the documents to choose from, the same for all queries
        n_threads: 0 for the CPUs this process may use
        """
        state = self.snapshot
        threads = thread_count(n_threads)
        settings = SearchSettings(k, k_centroids, k_gather, k_docs_to_score, k_refine, alpha, beta, stop_sigma, coarse)
        chosen = select(state, subset)
        options = settings.native_options(_refined(state), score_all=chosen.score_all)
        arrays = query_vectors(self, queries)
        if state.kind == "flat":
            count = check_count(k, "k")
            return [
                _hits(state, state.flat_search(level(), tokens, count, threads, chosen.allowed)) for tokens in arrays
            ]
        offsets = np.zeros(len(arrays) + 1, np.int64)
        np.cumsum([len(tokens) for tokens in arrays], out=offsets[1:])
        tokens = np.concatenate(arrays) if arrays else np.zeros((0, self.dim), np.float32)
        found = state.searcher.search_batch(level(), tokens, offsets, options, threads, chosen.bits)
        return [_hits(state, one) for one in found]


def _refined(state: Snapshot) -> bool:
    return state.kind != "flat" and bool(state.manifest["codebook"]["refine_bits"])


def _types_of(state: Snapshot, token_ids: ArrayLike | None, n_tokens: int) -> list[int]:
    """Numbers of the token types that a query's vocabulary ids name, without those the index has never seen."""
    ids = check_token_ids(token_ids, n_tokens, name="query_token_ids")
    if ids is None or state.kind == "flat" or state.manifest["codebook"]["pseudo_types"]:
        return []
    types = state.files["codebook"].array("type_ids", np.int64)
    found: list[int] = np.flatnonzero(np.isin(types, ids.astype(np.int64))).tolist()
    return found


def _hits(state: Snapshot, found: tuple[Any, Any]) -> Hits:
    scores, slots = np.asarray(found[0]), np.asarray(found[1])
    return Hits(state.ids_of(slots), scores, state.positions(slots))


def open_index(path: str | os.PathLike[str], verify: bool = False) -> Index:
    """Opens an index. Reads the manifest and the headers, maps the rest: it takes the same time whatever the size.

    verify: read everything and check every block's CRC first

    Raises InputError when there is no such directory; DataError, naming the file, what was found and what was expected,
    when something is missing, truncated, damaged or newer than this version reads.
    """
    directory = Path(path)
    try:
        index = Index(directory, open_snapshot(directory))
    except (KeyError, TypeError) as error:
        name = str(directory / MANIFEST)
        raise DataError(f"{name}: lacks {error}", path=name, found=str(error), expected="a complete manifest") from None
    if verify:
        index.verify()
    return index
