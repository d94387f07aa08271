"""Lexical search: BM25 over the vocabulary ids of stored tokens, required and excluded terms."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from motherlode.errors import InputError, UnsupportedError
from motherlode.retrieval.hits import Hits
from motherlode.retrieval.inputs import check_count, check_token_ids
from motherlode.retrieval.kernels import native
from motherlode.retrieval.segments import Segment, damaged
from motherlode.retrieval.selection import EVERYTHING, Selection
from motherlode.retrieval.snapshot import Snapshot

__all__ = ["BM25_B", "BM25_K1", "Lexicon", "lexical_search", "narrow", "term_ids"]

BM25_K1, BM25_B = 1.2, 0.75
_REMEMBERED = 4096  # words in pieces


class Lexicon:
    """Which documents hold which vocabulary ids; made from what an index stores anyway, see docs/decisions/0010.

    state: the snapshot it belongs to; UnsupportedError where that does not know the ids of its tokens
    """

    def __init__(self, state: Snapshot) -> None:
        _require_terms(state)
        n_centroids, type_ids, type_first = 0, np.zeros(0, np.int64), np.zeros(1, np.uint32)
        file = None
        if state.kind != "flat":
            file = state.files["codebook"]
            n_centroids = state.manifest["codebook"]["n_centroids"]
            type_ids, type_first = file.array("type_ids", np.int64), file.array("type_first", np.uint32)
        views = [_view(segment) for segment in state.segments]
        try:
            self._native = native.Lexicon(n_centroids, type_ids, type_first, views)
        except (ValueError, TypeError) as error:
            if file is None:
                raise
            raise damaged(file, str(error), "token types that agree with the manifest") from None
        self._n_docs = state.n_docs
        self._average_length = state.n_tokens / state.n_docs if state.n_docs and state.n_tokens else 1.0
        self._frequencies: dict[int, int] = {}  # of ids that occur; at most the vocabulary
        self._together: dict[frozenset[int], bool] = {}

    def frequencies(self, ids: Sequence[int]) -> list[int]:
        """In how many documents each of the distinct ids occurs; those that are deleted do not count."""
        missing = [i for i in ids if i not in self._frequencies]
        found: list[int] = self._native.frequencies(missing).tolist() if missing else []
        fresh = dict(zip(missing, found, strict=True))
        self._frequencies.update((i, min(n, self._n_docs)) for i, n in fresh.items() if n)
        return [self._frequencies.get(i, 0) for i in ids]

    def idf(self, frequency: int) -> float:
        """ln(1 + (N - df + 0.5) / (df + 0.5)): never negative."""
        return math.log(1 + (self._n_docs - frequency + 0.5) / (frequency + 0.5))

    def search(
        self, ids: NDArray[np.int64], k: int, k1: float, b: float, chosen: Selection
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Scores and slots of the best documents. ids: of the query's tokens, those that stand twice count twice."""
        kinds, counts = np.unique(ids, return_counts=True)
        frequencies = self.frequencies(kinds.tolist())
        terms = [(int(i), int(n), df) for i, n, df in zip(kinds, counts, frequencies, strict=True) if df]
        if len(terms) > native.MAX_QUERY_TERMS:
            raise InputError(f"the query has {len(terms)} terms; expected at most {native.MAX_QUERY_TERMS}")
        weights = [n * self.idf(df) for _, n, df in terms]
        found = self._native.search([i for i, _, _ in terms], weights, k1, b, self._average_length, k, chosen.bits)
        return np.asarray(found[0]), np.asarray(found[1])

    def occur_together(self, ids: Iterable[int]) -> bool:
        """Whether any document holds all of the ids."""
        key = frozenset(ids)
        if key not in self._together:
            if len(self._together) >= _REMEMBERED:
                self._together = {}
            known = all(self.frequencies(sorted(key)))
            self._together[key] = known and bool(np.asarray(self._native.matching(sorted(key))).any())
        return self._together[key]

    def holding(self, ids: Iterable[int], n_slots: int) -> NDArray[np.bool_]:
        """Bool [n_slots]: the documents in which every one of the ids occurs, in any order."""
        bits = np.asarray(self._native.matching(sorted(set(ids))))
        return np.unpackbits(bits, count=n_slots, bitorder="little").astype(bool)


def lexical_search(
    state: Snapshot,
    token_ids: ArrayLike,
    k: int,
    chosen: Selection = EVERYTHING,
    *,
    k1: Any = BM25_K1,
    b: Any = BM25_B,
) -> Hits:
    """See :meth:`Index.search_lexical`."""
    ids = term_ids(token_ids, "token_ids")
    count = check_count(k, "k")
    for name, value, top in (("k1", k1, 1000), ("b", b, 1)):
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= top:
            raise InputError(f"{name}={value!r}: give a number from 0 to {top}")
    scores, slots = state.lexicon.search(ids, count, float(k1), float(b), chosen)
    return Hits(state.ids_of(slots), scores, state.positions(slots))


def narrow(
    state: Snapshot, chosen: Selection, required: Iterable[Sequence[int]], excluded: Iterable[Sequence[int]]
) -> Selection:
    """Those of the documents that hold every id of each required term, and of no excluded term every id."""
    wanted = {i for term in required for i in term}
    if wanted:
        chosen = chosen.narrowed(state.lexicon.holding(wanted, state.n_slots))
    for term in excluded:
        chosen = chosen.narrowed(~state.lexicon.holding(term, state.n_slots))
    return chosen


def term_ids(value: Any, name: str) -> NDArray[np.int64]:
    """int64 [n]; one whole number is as good as a list of it."""
    array = np.atleast_1d(np.asarray(value))
    found = check_token_ids(array, array.size, name=name)
    assert found is not None
    return found.astype(np.int64)


def _require_terms(state: Snapshot) -> None:
    if state.kind != "flat" and state.n_tokens and state.manifest["codebook"]["pseudo_types"]:
        raise UnsupportedError(
            "this index was built without token ids, so it does not know which words its documents hold; build it "
            "again with token_ids (build_text_index and `lode index` give them) to search by words"
        )
    if not all(segment.knows_terms for segment in state.segments):
        raise UnsupportedError(
            "this index does not know the token ids of all its documents: it was built without them, or by a "
            "motherlode that did not keep them; build it again with token_ids (build_text_index and `lode index` give "
            "them) to search by words"
        )


def _view(segment: Segment) -> Any:
    main, flat = segment.main, segment.kind == "flat"
    listed = "lists" in main
    try:
        return native.TermSegmentView(
            doc_offsets=segment.offsets.view(np.uint64),
            n_tokens=segment.n_tokens,
            assignment=np.zeros(0, np.uint8) if flat else main.array("assignment", np.uint8),
            id_bytes=4 if flat else segment.id_bytes,
            list_offsets=main.array("list_offsets", np.uint64) if listed else np.zeros(1, np.uint64),
            list_counts=main.array("list_counts", np.uint32) if listed else np.zeros(0, np.uint32),
            lists=main.array("lists", np.uint8) if listed else np.zeros(8, np.uint8),
            positions=segment.term_positions,
            ids=segment.term_ids,
            deleted=segment.deleted,
        )
    except (ValueError, TypeError) as error:
        raise damaged(main, str(error), "sections that agree with the manifest") from None
