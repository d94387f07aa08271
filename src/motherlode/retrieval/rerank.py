"""Scores of given documents, from whatever engine they come: exact where vectors are kept, else from the codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from motherlode.errors import InputError
from motherlode.retrieval.document_vectors import find_documents, source_of, token_ranges
from motherlode.retrieval.hits import Hits
from motherlode.retrieval.inputs import check_count, check_ids
from motherlode.retrieval.kernels import level, native
from motherlode.retrieval.segments import bitmap_of
from motherlode.retrieval.settings import SearchSettings
from motherlode.retrieval.snapshot import Snapshot

__all__ = ["Reranked", "rerank"]

_BLOCK_TOKENS = 1 << 15  # gathered at a time: 8 MiB of float16 at 128 dimensions


@dataclass(frozen=True, slots=True)
class Reranked(Hits):
    """Candidates in their new order, as :class:`Hits`; and what the scores are made of.

    source: "flat float16", "flat float32", "kept float16", "2-bit codes", "2+4-bit codes", …
    exact: whether that are the vectors themselves, not codes
    """

    source: str
    exact: bool


def rerank(state: Snapshot, tokens: NDArray[np.float32], ids: Sequence[str], k: int | None) -> Reranked:
    """See :meth:`Index.rerank`. tokens: float32 [n_query_tokens, dim]"""
    if isinstance(ids, str):
        raise InputError(f"ids={ids!r}: give a list of ids")
    names = list(ids)
    count = len(names) if k is None else check_count(k, "k")
    check_ids(names, len(names))
    slots = np.sort(find_documents(state, names, "ids"))  # equal scores stand in order of insertion
    source, exact = source_of(state)
    if not len(tokens) or not len(slots) or not count:
        scores, found = np.zeros(0, np.float32), np.zeros(0, np.int64)
    elif exact:
        scores, found = _by_vectors(state, tokens, slots, count)
    else:
        scores, found = _by_codes(state, tokens, slots, count)
    return Reranked(state.ids_of(found), scores, state.positions(found), source, exact)


def _by_codes(state: Snapshot, tokens: NDArray[np.float32], slots: NDArray[np.int64], k: int) -> Any:
    """As a search that may choose from these documents only."""
    flags = np.zeros(state.n_slots, bool)
    flags[slots] = True
    refined = bool(state.manifest["codebook"]["refine_bits"])
    # one centroid: nothing is looked up in posting lists, so the others need not be found
    options = SearchSettings(k, k_centroids=1).native_options(refined, score_all=True)
    scores, found = state.searcher.search(level(), tokens, options, bitmap_of(flags))
    return np.asarray(scores), np.asarray(found)


def _by_vectors(state: Snapshot, tokens: NDArray[np.float32], slots: NDArray[np.int64], k: int) -> Any:
    """Exact MaxSim. Gathers the documents' rows, block by block: a scan would look at every document of a segment."""
    scores, found = [np.zeros(0, np.float32)], [np.zeros(0, np.int64)]
    numbers = np.searchsorted(state.starts, slots, side="right") - 1
    for number in np.unique(numbers).tolist():
        segment, own = state.segments[number], slots[numbers == number]
        begins, ends = token_ranges(segment, own - state.starts[number])
        vectors = segment.vectors
        bounds = np.concatenate([[0], np.cumsum(ends - begins)])
        first = 0
        while first < len(own):
            last = max(first + 1, int(np.searchsorted(bounds, bounds[first] + _BLOCK_TOKENS, side="right")) - 1)
            pairs = zip(begins[first:last].tolist(), ends[first:last].tolist(), strict=True)
            rows = np.concatenate([vectors[begin:end] for begin, end in pairs])
            offsets = bounds[first : last + 1] - bounds[first]
            values, places = native.exact_search(level(), rows, offsets, tokens, k, 1)
            scores.append(np.asarray(values))
            found.append(own[first:last][np.asarray(places)])
            first = last
    if len(scores) == 2:
        return scores[1], found[1]
    all_scores, all_slots = np.concatenate(scores), np.concatenate(found)
    best = np.argsort(-all_scores, kind="stable")[:k]  # blocks stand in order of insertion, so ties do too
    return all_scores[best], all_slots[best]
