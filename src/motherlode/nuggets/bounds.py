"""Bounds of time as claims state them, and which of several is meant."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate

__all__ = ["RANGE", "Bound", "Stated", "best_bound"]

Bound = tuple[int, int, int]
"""(earliest, latest, granularity): a stated bound, half-open, in microseconds."""
Stated = tuple[Bound | None, str, float]
"""What a claim states of a bound; who says so, and the weight of that publisher."""

RANGE = 7  # Granularity.RANGE


def best_bound(stated: Sequence[Stated]) -> Bound | None:
    """The stated bound with most independent sources that may mean the same, then the finer, then the earlier.

    Cost: n log n where every publisher says it once and weighs a whole number, as it is by default; else n².
    """
    told = [(bound, publisher, weight) for bound, publisher, weight in stated if bound is not None]
    bounds = {bound for bound, _, _ in told}
    if len(bounds) <= 1:
        return next(iter(bounds), None)
    support = _support_at_once(bounds, told) or {bound: _support(bound, told) for bound in bounds}
    return min(bounds, key=lambda bound: (-support[bound], bound[2], _vagueness(bound), bound))


def _support(candidate: Bound, told: Sequence[tuple[Bound, str, float]]) -> float:
    """The weight of all publishers that state a bound which may be this one; each counts once, by its best."""
    agreeing = {
        publisher: weight
        for bound, publisher, weight in sorted(told, key=lambda row: row[2])
        if bound[0] < candidate[1] and candidate[0] < bound[1]
    }
    return sum(agreeing.values())


def _support_at_once(bounds: set[Bound], told: Sequence[tuple[Bound, str, float]]) -> dict[Bound, float] | None:
    """The same for all bounds: what starts before a bound's end, less what ended by its start. None: not exact here."""
    if len({publisher for _, publisher, _ in told}) < len(told):
        return None
    if not all(float(weight).is_integer() and bound[0] < bound[1] for bound, _, weight in told):
        return None
    starts = sorted((bound[0], weight) for bound, _, weight in told)
    ends = sorted((bound[1], weight) for bound, _, weight in told)
    started = [0.0, *accumulate(weight for _, weight in starts)]
    ended = [0.0, *accumulate(weight for _, weight in ends)]
    starts_at, ends_at = [at for at, _ in starts], [at for at, _ in ends]
    return {b: started[bisect_left(starts_at, b[1])] - ended[bisect_right(ends_at, b[0])] for b in bounds}


def _vagueness(bound: Bound) -> int:
    """Length of a range; two years are one as vague as the other, leap or not."""
    return bound[1] - bound[0] if bound[2] == RANGE else 0
