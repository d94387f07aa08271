"""The obvious version of a lexical search: BM25 and required terms over lists of token ids, one document at a time."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

__all__ = ["bm25_reference", "holds_reference"]


def bm25_reference(
    documents: Sequence[Sequence[int]], query: Sequence[int], k1: float = 1.2, b: float = 0.75
) -> list[float | None]:
    """BM25 of every document; None for those that hold no token of the query.

    documents: the token ids of each
    query: token ids; one that stands twice counts twice

    score = sum over the query's tokens of idf * tf * (k1 + 1) / (tf + k1 * (1 - b + b * length / average length)), with
    idf = ln(1 + (N - df + 0.5) / (df + 0.5)). Source: Robertson and Zaragoza 2009, The Probabilistic Relevance
    Framework: BM25 and Beyond, equation 3.15, with the idf of Lucene, which is never negative.
    """
    n = len(documents)
    average = sum(map(len, documents)) / max(1, n)
    counts = [Counter(document) for document in documents]
    frequencies = {term: sum(1 for own in counts if own[term]) for term in set(query)}
    scores: list[float | None] = []
    for document, own in zip(documents, counts, strict=True):
        score = None
        for term, times in sorted(Counter(query).items()):
            tf, df = own[term], frequencies[term]
            if tf:
                idf = math.log(1 + (n - df + 0.5) / (df + 0.5))
                norm = k1 * (1 - b + b * len(document) / average)
                score = (score or 0.0) + times * idf * tf * (k1 + 1) / (tf + norm)
        scores.append(score)
    return scores


def holds_reference(document: Sequence[int], term: Sequence[int]) -> bool:
    """Whether every token of a term occurs in a document, in any order."""
    return set(term) <= set(document)
