"""How hard a search tries: the defaults, measured, and how they grow with k."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from motherlode.errors import InputError
from motherlode.retrieval.inputs import check_count
from motherlode.retrieval.kernels import native

__all__ = ["COARSE", "SearchSettings"]

STOP_SIGMA = 3.5
COARSE = {"auto": 0, "exhaustive": 1, "ranges": 2}
_COUNTS = ("k_centroids", "k_gather", "k_docs_to_score", "k_refine", "beta")


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
    stop_sigma: float | None = None
    coarse: str = "auto"

    def native_options(self, refined: bool, own_types: Sequence[int] = (), score_all: bool = False) -> Any:
        """Checks and resolves the settings; own_types are the token types of the query's own tokens.

        score_all: leave out no document, whatever the settings say
        """
        given = self._checked()
        k = given.k
        scored = max(800, 8 * k) if given.k_docs_to_score is None else given.k_docs_to_score
        return native.SearchOptions(
            k=k,
            k_centroids=20 if given.k_centroids is None else max(1, given.k_centroids),
            k_gather=scored if given.k_gather is None else max(given.k_gather, scored),
            k_docs_to_score=scored,
            k_refine=0 if not refined else max(40, 2 * k) if given.k_refine is None else given.k_refine,
            alpha=-1.0 if given.alpha is None else float(given.alpha),
            beta=given.beta or 0,
            stop_sigma=STOP_SIGMA if given.stop_sigma is None else float(given.stop_sigma),
            score_all=score_all,
            coarse=COARSE[given.coarse],
            k_types=64,
            own_types=list(own_types),
        )

    def _checked(self) -> SearchSettings:
        given = {name: getattr(self, name) for name in _COUNTS}
        counts: dict[str, Any] = {name: check_count(n, name) for name, n in given.items() if n is not None}
        for name in ("alpha", "stop_sigma"):
            value: object = getattr(self, name)
            if value is not None and not (isinstance(value, (int, float)) and math.isfinite(value) and value >= 0):
                raise InputError(f"{name}={value!r}: give a number, 0 or more, or None")
        if self.coarse not in COARSE:
            raise InputError(f"coarse={self.coarse!r}: choose one of {', '.join(COARSE)}")
        return replace(self, k=check_count(self.k, "k"), **counts)
