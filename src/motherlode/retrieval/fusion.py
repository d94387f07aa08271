"""One ranking from several: reciprocal ranks, or weighted scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["RRF_K", "reciprocal_rank_fusion", "weighted_fusion"]

RRF_K = 60  # of the paper

Ranking = tuple[NDArray[np.int64], NDArray[np.float32]]


def reciprocal_rank_fusion(lists: Sequence[NDArray[np.int64]], rrf_k: float = RRF_K) -> Ranking:
    """Documents by the sum over lists of 1 / (rrf_k + rank), rank from 1; a list that lacks one adds nothing.

    lists: int64 [n] each, positions of documents, best first, each at most once
    rrf_k: 0 or more; the larger, the less the first ranks stand out

    Returns positions and fused scores, float32, best first; ties by position.
    Source: Cormack, Clarke, Büttcher 2009, Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning
    Methods.
    """
    return _ranked(lists, [1 / (rrf_k + np.arange(1, len(found) + 1, dtype=np.float64)) for found in lists])


def weighted_fusion(
    lists: Sequence[tuple[NDArray[np.int64], NDArray[np.float32]]], weights: Sequence[float]
) -> Ranking:
    """Documents by the weighted sum of their scores, each list's brought to 0 (its worst) to 1 (its best).

    lists: positions and scores each, best first; a list that lacks a document adds 0, as its worst one does. Scores
        that are all the same count 1
    weights: one for each list

    Returns positions and fused scores, float32, best first; ties by position.
    """
    parts = [weight * _normalised(scores) for (_, scores), weight in zip(lists, weights, strict=True)]
    return _ranked([found for found, _ in lists], parts)


def _normalised(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    wide = scores.astype(np.float64)
    if not len(wide):
        return wide
    low, high = float(wide.min()), float(wide.max())
    normed: NDArray[np.float64] = np.ones(len(wide)) if high == low else (wide - low) / (high - low)
    return normed


def _ranked(lists: Sequence[NDArray[np.int64]], parts: Sequence[NDArray[np.float64]]) -> Ranking:
    documents, places = np.unique(np.concatenate([np.zeros(0, np.int64), *lists]), return_inverse=True)
    sums = np.bincount(places, np.concatenate([np.zeros(0), *parts]), minlength=len(documents)).astype(np.float32)
    order = np.argsort(-sums, kind="stable")  # the documents ascend
    return documents[order], sums[order]
