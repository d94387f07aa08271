"""Which documents a search may return."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from motherlode.errors import InputError
from motherlode.retrieval.metadata.evaluate import check_filter, matching
from motherlode.retrieval.metadata.expressions import Expression, Field
from motherlode.retrieval.metadata.parser import parse_where
from motherlode.retrieval.segments import bitmap_of
from motherlode.retrieval.snapshot import Snapshot

__all__ = ["EVERYTHING", "Selection", "matching_slots", "select"]

_SCORED_ALL = 10_000  # documents of a selection that are all scored: some 30 ms at 77 tokens each on one AVX2 core


@dataclass(frozen=True, slots=True)
class Selection:
    """Documents to choose from.

    allowed: bool [n_slots]; None for all
    """

    allowed: NDArray[np.bool_] | None = None

    def scores_all(self, k_docs_to_score: int | None = None) -> bool:
        """Whether they are few enough to be scored one and all: as few as a search was told to score, or 10,000."""
        most = min(k_docs_to_score, _SCORED_ALL) if isinstance(k_docs_to_score, int) else _SCORED_ALL
        return self.allowed is not None and int(np.count_nonzero(self.allowed)) <= most

    @property
    def bits(self) -> NDArray[np.uint8] | None:
        return None if self.allowed is None else bitmap_of(self.allowed)

    def narrowed(self, flags: NDArray[np.bool_]) -> Selection:
        """Those that ``flags`` keeps, too."""
        return Selection(flags if self.allowed is None else self.allowed & flags)


EVERYTHING = Selection()


def select(
    state: Snapshot,
    subset: Sequence[str] | None = None,
    where: str | Expression | Field | None = None,
    params: Sequence[Any] = (),
) -> Selection:
    """The documents that a search may return.

    subset: ids to choose from; those that the index does not have count for nothing
    where: a filter over metadata, SQL text with ? for ``params``, or made with ``field``
    """
    chosen = EVERYTHING if subset is None else Selection(state.allowed(_checked_ids(subset)))
    if where is None:
        if len(params):
            raise InputError(f"params={params!r} without where; give where too, or leave params out")
        return chosen
    return chosen.narrowed(matching_slots(state, where, params))


def matching_slots(state: Snapshot, where: str | Expression | Field, params: Sequence[Any] = ()) -> NDArray[np.bool_]:
    """Bool [n_slots]: the documents for which the filter is true, deleted ones too."""
    expression = parse_where(where, params) if isinstance(where, str) else _object(where, params)
    check_filter(expression, state.schema)
    parts = [matching(expression, segment.columns, state.schema, segment.n_docs) for segment in state.segments]
    return np.concatenate([np.zeros(0, bool), *parts])


def _object(where: Expression | Field, params: Sequence[Any]) -> Expression:
    if len(params):
        raise InputError("params belong to where as text; a filter of objects has its values inside")
    return where if isinstance(where, Expression) else where == True  # noqa: E712  a boolean column


def _checked_ids(subset: Any) -> list[str]:
    if isinstance(subset, str):
        raise InputError(f"subset={subset!r}: give a list of ids")
    names = list(subset)
    for position, name in enumerate(names):
        if not isinstance(name, str):
            raise InputError(f"subset: {name!r} at position {position} is no string; convert with str()")
    return names
