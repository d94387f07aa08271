"""Asking in words: late interaction, BM25, or both; required and excluded terms; candidates from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from motherlode.core.ports import Encoder, Tokenizer, TokenVectors
from motherlode.errors import InputError, UnsupportedError
from motherlode.retrieval.fusion import RRF_K, reciprocal_rank_fusion, weighted_fusion
from motherlode.retrieval.hits import Hits
from motherlode.retrieval.inputs import check_count, check_query
from motherlode.retrieval.late import late_search
from motherlode.retrieval.lexical import BM25_B, BM25_K1, lexical_search, narrow
from motherlode.retrieval.selection import Selection
from motherlode.retrieval.settings import SearchSettings
from motherlode.retrieval.snapshot import Snapshot

__all__ = ["FUSIONS", "MODES", "CandidateSource", "TextQuery", "search_text"]

MODES = ("late", "lexical", "hybrid")
FUSIONS = ("rrf", "weighted")


@runtime_checkable
class CandidateSource(Protocol):
    """The seam for another first stage, such as a learned-sparse engine (arXiv 2601.05200 combines the two).

    It is asked once for each question and names documents by their ids; late interaction scores all of them (up to
    10,000, then the best by centroids) and the order among them is its own, so a source only has to miss nothing. Ids
    that the index does not have, that have been deleted since or that a subset, a required or an excluded term leaves
    out, count for nothing. The source keeps its own index: give it the documents' texts when you add them here.
    """

    def candidates(self, query_text: str, query_vectors: NDArray[np.float32], k: int) -> Sequence[str]:
        """Ids of documents that may be among the best, in any order.

        query_vectors: float32 [n_query_tokens, dim]
        k: how many the caller will rank; a source should give more, some hundreds
        """
        ...


@dataclass(frozen=True, slots=True)
class TextQuery:
    """What :meth:`Index.search_text` was asked for; see there."""

    text: str
    k: int = 10
    mode: str = "late"
    required: Sequence[str] = ()
    excluded: Sequence[str] = ()
    fusion: str = "weighted"
    weight: float = 0.7
    rrf_k: float = RRF_K
    depth: int | None = None
    candidates: CandidateSource | None = None
    k1: float = BM25_K1
    b: float = BM25_B

    def checked_depth(self) -> int:
        """Checks all options; returns how many documents of each list are fused."""
        for name, value, known in (("mode", self.mode, MODES), ("fusion", self.fusion, FUSIONS)):
            if value not in known:
                raise InputError(f"{name}={value!r}: choose one of {', '.join(known)}")
        if not isinstance(self.text, str):
            raise InputError(f"query is {type(self.text).__name__}, expected a string; search takes vectors")
        _check_number("weight", self.weight, 1)
        _check_number("rrf_k", self.rrf_k, 1e9)
        if self.candidates is not None and not hasattr(self.candidates, "candidates"):
            kind = type(self.candidates).__name__
            raise InputError(f"candidates is {kind}, expected an object with candidates(query_text, query_vectors, k)")
        if self.candidates is not None and self.mode == "lexical":
            raise InputError("candidates are scored by late interaction; choose mode late or hybrid, or leave them out")
        k = check_count(self.k, "k")
        return max(100, 5 * k) if self.depth is None else max(k, check_count(self.depth, "depth"))


def search_text(
    state: Snapshot,
    encoder: Encoder | None,
    query: TextQuery,
    chosen: Selection,
    encoded: TokenVectors | None = None,
    **options: Any,
) -> Hits:
    """See :meth:`Index.search_text`. chosen: documents to choose from, before terms narrow them."""
    depth = query.checked_depth()
    if query.mode == "lexical" and options:
        raise InputError(f"{', '.join(sorted(options))}: options of late interaction, which mode lexical does not use")
    if encoder is None:
        raise UnsupportedError(
            "this index was built from vectors and knows no encoder; use search with query vectors or search_lexical "
            "with token ids, or build it with build_text_index (or `lode index`)"
        )
    required = _pieces(encoder, query.required, "required")
    excluded = _pieces(encoder, query.excluded, "excluded")
    chosen = narrow(state, chosen, required, excluded)
    if query.mode == "lexical":
        return _lexical(state, encoder, query, query.k, chosen)
    encoded = encoder.encode_queries([query.text]) if encoded is None else encoded
    vectors = check_query(encoded.vectors, state.dim)
    k = query.k if query.mode == "late" else depth
    among = chosen
    if query.candidates is not None:
        among = chosen.narrowed(
            state.allowed([str(i) for i in query.candidates.candidates(query.text, vectors, depth)])
        )
    late = late_search(state, vectors, encoded.token_ids, SearchSettings(k, **options), among)
    if query.mode == "late":
        return late
    return _fused(state, query, late, _lexical(state, encoder, query, depth, chosen))


def _lexical(state: Snapshot, encoder: Encoder, query: TextQuery, k: int, chosen: Selection) -> Hits:
    ids = _known_words(state, encoder, query.text)
    return lexical_search(state, ids, k, chosen, k1=query.k1, b=query.b)


def _fused(state: Snapshot, query: TextQuery, late: Hits, lexical: Hits) -> Hits:
    if query.fusion == "rrf":
        positions, scores = reciprocal_rank_fusion([late.positions, lexical.positions], query.rrf_k)
    else:
        lists = [(late.positions, late.scores), (lexical.positions, lexical.scores)]
        positions, scores = weighted_fusion(lists, [query.weight, 1 - query.weight])
    positions, scores = positions[: query.k], scores[: query.k]
    slots = np.array([state.slot(p) for p in positions.tolist()], np.int64)
    return Hits(state.ids_of(slots), scores, positions)


def _known_words(state: Snapshot, encoder: Encoder, text: str) -> NDArray[np.int64]:
    """Vocabulary ids of a question's words, without those that no document holds: their pieces are of other words."""
    found = encoder.tokenize([text]) if isinstance(encoder, Tokenizer) else None
    if found is None or found.words is None:
        return _tokens_of(encoder, text)
    ids, words = found.token_ids.astype(np.int64), found.words
    unknown = [
        word
        for word, n_pieces in zip(*np.unique(words, return_counts=True), strict=True)
        if n_pieces > 1 and not state.lexicon.occur_together(ids[words == word].tolist())
    ]
    return ids[~np.isin(words, unknown)]


def _tokens_of(encoder: Encoder, text: str) -> NDArray[np.int64]:
    """Vocabulary ids of a text's tokens, as documents have them."""
    if isinstance(encoder, Tokenizer):
        return encoder.tokenize([text]).token_ids.astype(np.int64)
    ids = encoder.encode_queries([text]).token_ids
    if ids is None:
        raise UnsupportedError(
            f"the encoder {encoder.name!r} gives no token ids, so it cannot say which words a question has; search "
            "with mode late, or give it a method tokenize(texts)"
        )
    return ids.astype(np.int64)


def _pieces(encoder: Encoder, terms: Any, name: str) -> list[list[int]]:
    """Vocabulary ids of each term."""
    if isinstance(terms, str):
        raise InputError(f"{name}={terms!r}: give a list of words or phrases")
    found = []
    for term in terms:
        if not isinstance(term, str):
            raise InputError(f"{name}: {term!r} is no string; give words or phrases")
        found.append(_tokens_of(encoder, term).tolist())
        if not found[-1]:
            raise InputError(f"{name}: {term!r} has no token that the encoder {encoder.name!r} knows; leave it out")
    return found


def _check_number(name: str, value: object, top: float) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= top:
        raise InputError(f"{name}={value!r}: give a number from 0 to {top:g}")
