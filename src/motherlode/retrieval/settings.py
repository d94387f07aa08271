"""How hard a search tries: the defaults, measured, and how they grow with k."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from motherlode.errors import InputError
from motherlode.retrieval.kernels import native

__all__ = ["COARSE", "SearchSettings"]

COARSE = {"auto": 0, "exhaustive": 1, "ranges": 2}


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """Settings of one search; None takes the default for k."""

    k: int
    k_centroids: int | None = None
    k_gather: int | None = None
    k_docs_to_score: int | None = None
    k_refine: int | None = None
    alpha: float | None = None
    beta: int | None = None
    coarse: str = "auto"

    def native_options(self, refined: bool) -> Any:
        """Checks and resolves the settings."""
        for name in ("k", "k_centroids", "k_gather", "k_docs_to_score", "k_refine", "beta"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not hasattr(value, "__index__") or value < 0):
                raise InputError(f"{name}={value!r}: give a whole number, 0 or more")
        if self.alpha is not None and not (math.isfinite(self.alpha) and self.alpha >= 0):
            raise InputError(f"alpha={self.alpha!r}: give a number, 0 or more, or None")
        if self.coarse not in COARSE:
            raise InputError(f"coarse={self.coarse!r}: choose one of {', '.join(COARSE)}")
        k = self.k
        scored = max(160, 4 * k) if self.k_docs_to_score is None else self.k_docs_to_score
        return native.SearchOptions(
            k=k,
            k_centroids=32 if self.k_centroids is None else max(1, self.k_centroids),
            k_gather=max(1024, 4 * scored) if self.k_gather is None else max(self.k_gather, scored),
            k_docs_to_score=scored,
            k_refine=0 if not refined else max(40, 2 * k) if self.k_refine is None else self.k_refine,
            alpha=-1.0 if self.alpha is None else float(self.alpha),
            beta=self.beta or 0,
            coarse=COARSE[self.coarse],
            k_types=64,
        )
