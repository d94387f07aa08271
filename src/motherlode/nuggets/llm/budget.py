"""Money that may be spent: set aside before a request, settled after it."""

from __future__ import annotations

import threading

__all__ = ["Budget"]


class Budget:
    """Never spends more than its limit, whatever runs at the same time.

    A request sets aside the most that it can cost, and gives back what it did not; one that does not fit beside those
    in flight waits for them. limit_usd: None for no limit.
    """

    def __init__(self, limit_usd: float | None = None) -> None:
        self.limit_usd = limit_usd
        self.spent_usd = 0.0
        self._set_aside_usd = 0.0
        self._changed = threading.Condition()

    def reserve(self, usd: float) -> bool:
        """Sets an amount aside; False if it would exceed the limit with nothing left in flight."""
        with self._changed:
            while True:
                if self.limit_usd is None or self.spent_usd + self._set_aside_usd + usd <= self.limit_usd:
                    self._set_aside_usd += usd
                    return True
                if self._set_aside_usd <= 1e-12:
                    return False
                self._changed.wait()

    def settle(self, reserved_usd: float, spent_usd: float) -> None:
        """Ends a reservation with what was spent in truth."""
        with self._changed:
            self._set_aside_usd = max(0.0, self._set_aside_usd - reserved_usd)
            self.spent_usd += spent_usd
            self._changed.notify_all()
