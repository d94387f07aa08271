"""Which documents a search may return."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from motherlode.errors import InputError
from motherlode.retrieval.segments import bitmap_of
from motherlode.retrieval.snapshot import Snapshot

__all__ = ["EVERYTHING", "Selection", "select"]

_SCORED_ALL = 10_000  # documents of a selection that are all scored: some 20 ms at 80 tokens each on one AVX2 core


@dataclass(frozen=True, slots=True)
class Selection:
    """Documents to choose from.

    allowed: bool [n_slots]; None for all
    """

    allowed: NDArray[np.bool_] | None = None

    @property
    def score_all(self) -> bool:
        """Whether they are few enough to be scored one and all."""
        return self.allowed is not None and int(self.allowed.sum()) <= _SCORED_ALL

    @property
    def bits(self) -> NDArray[np.uint8] | None:
        return None if self.allowed is None else bitmap_of(self.allowed)

    def narrowed(self, flags: NDArray[np.bool_]) -> Selection:
        """Those that ``flags`` keeps, too."""
        return Selection(flags if self.allowed is None else self.allowed & flags)


EVERYTHING = Selection()


def select(state: Snapshot, subset: Sequence[str] | None = None) -> Selection:
    """subset: ids to choose from; those that the index does not have count for nothing."""
    return EVERYTHING if subset is None else Selection(state.allowed(_checked_ids(subset)))


def _checked_ids(subset: Any) -> list[str]:
    if isinstance(subset, str):
        raise InputError(f"subset={subset!r}: give a list of ids")
    names = list(subset)
    for position, name in enumerate(names):
        if not isinstance(name, str):
            raise InputError(f"subset: {name!r} at position {position} is no string; convert with str()")
    return names
