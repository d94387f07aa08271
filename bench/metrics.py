"""How good an answer is."""

from __future__ import annotations

from collections.abc import Sequence, Set
from math import log2

__all__ = ["mrr", "ndcg", "overlap"]


def overlap(found: Sequence[int], exact: Sequence[int]) -> float:
    """Share of the exact top k that was found."""
    return len(set(found) & set(exact)) / len(exact)


def mrr(found: Sequence[int], relevant: Set[int]) -> float:
    """1 / rank of the first relevant document, 0 when there is none."""
    return next((1 / rank for rank, position in enumerate(found, 1) if position in relevant), 0.0)


def ndcg(found: Sequence[int], relevant: Set[int], k: int) -> float:
    """Binary gains, discount log2(rank + 1), against the best ordering of the relevant documents."""
    gains = [1 / log2(rank + 1) for rank in range(1, k + 1)]
    best = sum(gains[: min(k, len(relevant))])
    return sum(gain for gain, position in zip(gains, found, strict=False) if position in relevant) / best
