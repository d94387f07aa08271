"""What a search returns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["Hits"]


@dataclass(frozen=True, slots=True)
class Hits:
    """Documents of one query, best first; iterates over ``(id, score)``.

    ids: the documents' ids
    scores: float32 [n_hits], descending, larger is better; MaxSim, where the search does not say otherwise
    positions: int64 [n_hits], insertion positions; equal scores stand in this order
    """

    ids: list[str]
    scores: NDArray[np.float32]
    positions: NDArray[np.int64] = field(repr=False)

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[tuple[str, float]]:
        return zip(self.ids, (float(score) for score in self.scores), strict=True)
