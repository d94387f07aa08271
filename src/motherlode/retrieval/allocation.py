"""How many centroids each token type gets (TACHIOM, SIGIR 2026, section 3.1).

Rare types get one or two; the rest share what is left in proportion to sqrt(n_j) * s_j, so that a type with many,
widely spread tokens gets more. The functions are pure and can be inspected without building anything.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Allocation", "allocate_centroids", "default_n_centroids", "micro_threshold"]

TOKENS_PER_CENTROID = 128
MIN_ACTIVE = 4
POINTS_PER_CENTROID = 39
PAPER_MICRO = 128
PAPER_TOKENS = 1 << 17
POOL_TOKENS = 24  # below this many tokens per centroid a codebook costs more than it gives


@dataclass(frozen=True, slots=True)
class Allocation:
    """Centroids per token type.

    counts: int64 [n_types], 0 for pooled types
    pooled: bool [n_types], types that share the pool's centroids (only when n_centroids is too small for one each)
    pool_centroids: how many the pool has
    minimum: centroids that one per micro type, two per small and four per active type would take
    micro, small: the thresholds, in tokens
    """

    counts: NDArray[np.int64]
    pooled: NDArray[np.bool_]
    pool_centroids: int
    minimum: int
    micro: int
    small: int

    @property
    def n_centroids(self) -> int:
        return int(self.counts.sum()) + self.pool_centroids


def micro_threshold(n_tokens: int) -> int:
    """The automatic threshold: 2^round(log2(N^1/4)) clamped to [32, 128]."""
    return min(128, max(32, 1 << round(math.log2(max(n_tokens, 1)) / 4)))


def _micro_of(n_tokens: int) -> int:
    """Types with fewer tokens get one centroid. From 131,072 tokens on it is the paper's 128.

    The automatic one spends most of such a budget on rare types: at 4.6 million tokens, 18,042 types and 32,768
    centroids it leaves an error of .342 where 128 leaves .298, and an overlap@10 of .922 instead of .930 (docs/log.md).
    """
    return PAPER_MICRO if n_tokens >= PAPER_TOKENS else micro_threshold(n_tokens)


def default_n_centroids(sizes: NDArray[np.int64]) -> int:
    """2^round(log2(N / 128)), at least 1.1 times the minimum (with the automatic threshold), but no more than saturates
    every type.

    sizes: int64 [n_types], tokens of each type. Corpora of few tokens per type would spend more on centroids than on
    tokens; there the floor stops at one centroid per 24 tokens, and :func:`allocate_centroids` pools the rarest types.
    """
    n_tokens = int(sizes.sum())
    if n_tokens == 0:
        return 0
    base = 1 << max(0, round(math.log2(n_tokens / TOKENS_PER_CENTROID)))
    micro = micro_threshold(n_tokens)
    floor = min(int(np.ceil(1.1 * _minimum(sizes, micro))), int(_caps(sizes, micro).sum()), n_tokens // POOL_TOKENS)
    return max(1, base, floor)


def allocate_centroids(sizes: NDArray[np.int64], spreads: NDArray[np.float64], n_centroids: int) -> Allocation:
    """Divides ``n_centroids`` among token types.

    sizes: int64 [n_types], tokens of each type, > 0
    spreads: float64 [n_types], summed per-dimension variance of each type's tokens

    Types with fewer than micro tokens get 1, fewer than small get 2 (never more than they have tokens); the active ones
    share the rest by sqrt(n_j) * s_j, floor 4, cap max(4, n_j / 39); a surplus goes round-robin by fractional remainder
    to uncapped types, then past the caps; a deficit is taken from the largest down to the floor. The sum is exactly
    ``n_centroids`` unless every type is saturated (one centroid per token).

    Where ``n_centroids`` is below that minimum (small corpora), the most frequent types keep one centroid each for half
    of the budget and the others share the other half as one pool: the head stays token-aware, and the tail costs what
    it is worth. What the pool cannot use goes back to the head. (TACHIOM falls back to one global k-means there.)
    """
    micro = _micro_of(int(sizes.sum()))
    minimum = _minimum(sizes, micro)
    if n_centroids < minimum:
        return _pooled(sizes, spreads, n_centroids, minimum, micro)
    counts = _floors(sizes, micro)
    active = np.flatnonzero(sizes >= 2 * micro)
    if len(active):
        budget = n_centroids - int(counts.sum()) + int(counts[active].sum())
        counts[active] = _share(sizes[active], spreads[active], budget)
    spare = n_centroids - int(counts.sum())
    if spare > 0:
        counts += _round_robin(_weights(sizes, spreads), sizes - counts, spare)
    return Allocation(counts, np.zeros(len(sizes), np.bool_), 0, minimum, micro, 2 * micro)


def _floors(sizes: NDArray[np.int64], micro: int) -> NDArray[np.int64]:
    return np.minimum(sizes, np.where(sizes < micro, 1, np.where(sizes < 2 * micro, 2, MIN_ACTIVE)))


def _minimum(sizes: NDArray[np.int64], micro: int) -> int:
    return int(_floors(sizes, micro).sum())


def _caps(sizes: NDArray[np.int64], micro: int) -> NDArray[np.int64]:
    floors = _floors(sizes, micro)
    return np.where(sizes >= 2 * micro, np.maximum(floors, sizes // POINTS_PER_CENTROID), floors)


def _weights(sizes: NDArray[np.int64], spreads: NDArray[np.float64]) -> NDArray[np.float64]:
    """sqrt(n_j) * s_j, section 3.1; a type of equal tokens keeps a little, so that the sum is never 0."""
    weights: NDArray[np.float64] = np.sqrt(sizes) * np.maximum(spreads, 1e-12)
    return weights


def _share(sizes: NDArray[np.int64], spreads: NDArray[np.float64], budget: int) -> NDArray[np.int64]:
    """Proportional shares between floor and cap that sum to ``budget`` (which is at least the floors)."""
    weights = _weights(sizes, spreads)
    ideal = budget * weights / weights.sum()
    caps = np.maximum(MIN_ACTIVE, sizes // POINTS_PER_CENTROID)
    counts: NDArray[np.int64] = np.clip(np.floor(ideal).astype(np.int64), MIN_ACTIVE, caps)
    surplus = budget - int(counts.sum())
    if surplus > 0:
        counts += _round_robin(ideal - np.floor(ideal), caps - counts, surplus)
    if surplus < 0:
        counts -= _take_back(counts, -surplus)
    return counts


def _round_robin(priority: NDArray[np.float64], room: NDArray[np.int64], surplus: int) -> NDArray[np.int64]:
    """One each, by priority, to those with room, again and again until the surplus or all room is gone."""
    extra = np.zeros(len(room), np.int64)
    order = np.argsort(-priority, kind="stable")
    while surplus > 0:
        open_ = order[room[order] > extra[order]]
        if not len(open_):
            break
        rounds = max(1, min(surplus // len(open_), int((room - extra)[open_].min())))
        chosen = open_ if surplus >= len(open_) else open_[:surplus]
        extra[chosen] += rounds
        surplus -= rounds * len(chosen)
    return extra


def _take_back(counts: NDArray[np.int64], deficit: int) -> NDArray[np.int64]:
    """Lowers the largest counts to one level such that ``deficit`` is gained, never below the floor."""
    low, high = MIN_ACTIVE, int(counts.max())
    while low < high:  # the lowest ceiling that gives up no more than the deficit
        middle = (low + high) // 2
        if int(np.maximum(counts - middle, 0).sum()) > deficit:
            low = middle + 1
        else:
            high = middle
    taken = np.maximum(counts - low, 0)
    rest = deficit - int(taken.sum())
    still = np.flatnonzero((counts - taken == low) & (counts - taken > MIN_ACTIVE))[:rest]
    taken[still] += 1
    return taken


def _pooled(
    sizes: NDArray[np.int64], spreads: NDArray[np.float64], n_centroids: int, minimum: int, micro: int
) -> Allocation:
    n_own = min(max(n_centroids, 1) // 2, len(sizes))
    order = np.argsort(-sizes, kind="stable")
    counts = np.zeros(len(sizes), np.int64)
    counts[order[:n_own]] = 1
    pooled = counts == 0
    pool = min(max(n_centroids, 1) - n_own, int(sizes[pooled].sum()))
    spare = max(n_centroids, 1) - n_own - pool  # what a small pool, or none, has no use for
    counts += _round_robin(_weights(sizes, spreads), np.where(pooled, 0, sizes - counts), spare)
    return Allocation(counts, pooled, pool, minimum, micro, 2 * micro)
