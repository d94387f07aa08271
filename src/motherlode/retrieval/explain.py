"""Why a document scored as it did: which query token met which document token, and where that stands in the text."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from motherlode.core.ports import Encoder
from motherlode.core.spans import TextSpan
from motherlode.core.strings import text_to_encode
from motherlode.errors import LodeError, UnsupportedError
from motherlode.retrieval.document_vectors import find_documents, vectors_of
from motherlode.retrieval.inputs import check_query

if TYPE_CHECKING:
    from motherlode.retrieval.index import Index

__all__ = ["Explanation", "Match", "explain"]

_logger = logging.getLogger("motherlode.retrieval.explain")
_Spans = tuple[TextSpan | None, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """A query token and the document token that it met: the one with the largest similarity, the first of equals.

    query_token, doc_token: their numbers, from 0, among the tokens that have vectors
    similarity: dot product of their vectors
    share: of the positive similarities of all matches, 0 to 1
    query_span, doc_span: their characters; None where unknown, and for markers that stand for no characters
    """

    query_token: int
    doc_token: int
    similarity: float
    share: float
    query_span: TextSpan | None = None
    doc_span: TextSpan | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """What a document's MaxSim score is made of.

    query: None where the query came as vectors
    title, text: as stored; None where the index has none
    score: MaxSim over ``source``, the sum of the matches' similarities in float64; 0 without tokens. A search over
        codes rounds its query too, so its score may differ in the second decimal
    source, exact: what vectors were compared, as in :class:`DocumentVectors`
    query_tokens, doc_tokens: tokens as they stand in the query and in the title or text, None for markers; None
        altogether where the places are unknown: no encoder, no text, or an encoder that cuts the text otherwise today
    query_spans, doc_spans: where they stand, alike
    matches: one for each query token, in order; none where the document has no tokens
    similarities: float32 [n_query_tokens, n_doc_tokens], all dot products
    """

    doc_id: str
    query: str | None
    title: str | None
    text: str | None
    score: float
    source: str
    exact: bool
    query_tokens: tuple[str | None, ...] | None
    doc_tokens: tuple[str | None, ...] | None
    query_spans: _Spans | None = field(repr=False)
    doc_spans: _Spans | None = field(repr=False)
    matches: tuple[Match, ...] = field(repr=False)
    similarities: NDArray[np.float32] = field(repr=False)

    @property
    def doc_weights(self) -> NDArray[np.float64]:
        """Float64 [n_doc_tokens]: the share of the score that each document token brought; they sum to 1, or to 0."""
        weights = np.zeros(self.similarities.shape[1])
        for match in self.matches:
            weights[match.doc_token] += match.share
        return weights

    def to_dict(self, *, with_similarities: bool = False) -> dict[str, Any]:
        """JSON values: all fields, matches with their tokens; all similarities only where asked for."""
        content: dict[str, Any] = {
            "doc_id": self.doc_id,
            "query": self.query,
            "title": self.title,
            "text": self.text,
            "score": self.score,
            "source": self.source,
            "exact": self.exact,
            "query_tokens": None if self.query_tokens is None else list(self.query_tokens),
            "doc_tokens": None if self.doc_tokens is None else list(self.doc_tokens),
            "query_spans": None if self.query_spans is None else [_json_span(s) for s in self.query_spans],
            "doc_spans": None if self.doc_spans is None else [_json_span(s) for s in self.doc_spans],
            "matches": [self._json_match(match) for match in self.matches],
        }
        if with_similarities:
            content["similarities"] = self.similarities.tolist()
        return content

    def _json_match(self, match: Match) -> dict[str, Any]:
        return {
            "query_token": match.query_token,
            "query_text": self.query_tokens[match.query_token] if self.query_tokens else None,
            "query_span": _json_span(match.query_span),
            "doc_token": match.doc_token,
            "doc_text": self.doc_tokens[match.doc_token] if self.doc_tokens else None,
            "doc_span": _json_span(match.doc_span),
            "similarity": match.similarity,
            "share": match.share,
        }

    def to_html(self) -> str:
        """A page of its own, without anything from elsewhere: the text as a heat map, the matches as a table."""
        from motherlode.retrieval.explain_html import page

        return page(self)

    def save_html(self, path: str | os.PathLike[str]) -> None:
        """Writes :meth:`to_html` to a file, as UTF-8."""
        Path(path).write_text(self.to_html(), encoding="utf-8", errors="replace")  # lone surrogates become "?"


def explain(index: Index, query: Any, doc_id: str, encoder: Encoder | None) -> Explanation:
    """See :meth:`Index.explain`."""
    state = index.snapshot
    segment, place = state.locate(int(find_documents(state, [doc_id], "doc_id")[0]))
    title = None if segment.titles is None else segment.titles[place]
    text = None if segment.texts is None else segment.texts[place]
    words, tokens, query_spans = _query(index, query, encoder)
    document = vectors_of(state, doc_id)
    # float64: equal tokens must tie, and blocks of a float32 product may round them differently
    with np.errstate(all="ignore"):
        dots = tokens.astype(np.float64) @ document.vectors.astype(np.float64).T
    # a damaged file may hold infinities; JSON and sums need numbers
    similarities = np.nan_to_num(dots, nan=-np.inf).clip(-3e38, 3e38).astype(np.float32)
    doc_spans = _document_spans(index, encoder, title or "", text or "", len(document.vectors))
    matches = _matches(similarities, query_spans, doc_spans)
    sources = {"query": words or "", "title": title or "", "text": text or ""}
    return Explanation(
        doc_id=doc_id,
        query=words,
        title=title,
        text=text,
        score=float(sum(match.similarity for match in matches)),
        source=document.source,
        exact=document.exact,
        query_tokens=_strings(query_spans, sources),
        doc_tokens=_strings(doc_spans, sources),
        query_spans=query_spans,
        doc_spans=doc_spans,
        matches=matches,
        similarities=similarities,
    )


def _query(index: Index, query: Any, encoder: Encoder | None) -> tuple[str | None, NDArray[np.float32], _Spans | None]:
    """The question, where it is one; its vectors; where its tokens stand."""
    if not isinstance(query, str):
        return None, check_query(query, index.dim), None
    encoder = encoder or index.encoder
    if encoder is None:
        raise UnsupportedError(
            "this index was built from vectors and knows no encoder; explain with query vectors, or name one (encoder=)"
        )
    encoded = encoder.encode_queries([query])
    tokens = check_query(encoded.vectors, index.dim)
    if encoded.spans is None or len(encoded.spans) != len(tokens):
        return query, tokens, None
    pairs = np.asarray(encoded.spans).tolist()
    return query, tokens, tuple(_inside(begin, end, query, "query") for begin, end in pairs)


def _document_spans(index: Index, encoder: Encoder | None, title: str, text: str, n_tokens: int) -> _Spans | None:
    """Where the document's tokens stand, by cutting its stored text once more; None where that is not possible."""
    whole = text_to_encode(title, text)
    if not whole or not n_tokens:
        return None
    try:
        encoder = encoder or index.encoder
        if encoder is None:
            return None
        cut = getattr(encoder, "tokenize", None)  # without running the model, where nothing is cut off or added
        spans = None if cut is None else cut([whole]).spans
        if spans is None or len(spans) != n_tokens:
            spans = encoder.encode_documents([whole]).spans
    except LodeError as error:
        _logger.info("%s: no places of tokens: %s", index.path, error)
        return None
    if spans is None or len(spans) != n_tokens:
        return None
    return tuple(_mapped(begin, end, title, text) for begin, end in np.asarray(spans).tolist())


def _mapped(begin: int, end: int, title: str, text: str) -> TextSpan | None:
    """A span of what the encoder read (:func:`text_to_encode`), as one of the title or of the text."""
    if title and (not text or begin < len(title)):
        return _inside(begin, end, title, "title")
    shift = len(title) + 1 if title else 0
    return _inside(begin - shift, end - shift, text, "text")


def _inside(begin: int, end: int, text: str, part: str) -> TextSpan | None:
    """None for markers, which have no characters. An encoder that lower-cases may count past the end of a text."""
    begin, end = max(0, begin), min(end, len(text))
    return TextSpan(begin, end, part) if begin < end else None


def _strings(spans: _Spans | None, sources: dict[str, str]) -> tuple[str | None, ...] | None:
    if spans is None:
        return None
    return tuple(None if span is None else sources[span.part][span.begin : span.end] for span in spans)


def _matches(
    similarities: NDArray[np.float32], query_spans: _Spans | None, doc_spans: _Spans | None
) -> tuple[Match, ...]:
    if not similarities.size:
        return ()
    met = similarities.argmax(axis=1)  # the first of equals
    best = similarities[np.arange(len(met)), met].astype(np.float64)
    positive = np.maximum(best, 0)
    shares = positive / (positive.sum() or 1.0)
    return tuple(
        Match(q, d, float(best[q]), float(shares[q]), _at(query_spans, q), _at(doc_spans, d))
        for q, d in enumerate(met.tolist())
    )


def _at(spans: Sequence[TextSpan | None] | None, number: int) -> TextSpan | None:
    return None if spans is None else spans[number]


def _json_span(span: TextSpan | None) -> dict[str, Any] | None:
    return None if span is None else span._asdict()
