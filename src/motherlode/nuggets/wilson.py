"""How sure a share is that was counted on few cases."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist

from motherlode.errors import InputError

__all__ = ["wilson_bounds"]


def wilson_bounds(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """The interval in which the true share lies with this confidence; (0, 1) where nothing was counted.

    Errors: InputError unless 0 ≤ successes ≤ n and 0 < confidence < 1.
    Source: Wilson (1927), Probable inference, the law of succession, and statistical inference.
    """
    if not 0 <= successes <= n:
        raise InputError(f"a share needs 0 ≤ successes ≤ n, not {successes} of {n}")
    if not 0 < confidence < 1:
        raise InputError(f"confidence is between 0 and 1, not {confidence!r}")
    if n == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = successes / n
    middle = share + z * z / (2 * n)
    spread = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low, high = ((middle + sign * spread) / (1 + z * z / n) for sign in (-1, 1))
    # Exactly 0 and 1 at the ends, where rounding leaves a trace.
    return (0.0 if successes == 0 else max(low, 0.0)), (1.0 if successes == n else min(high, 1.0))
