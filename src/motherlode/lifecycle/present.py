"""What is there at a question's moment, as arrays: for answers about the whole graph."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from motherlode.core.sql import in_batches, places
from motherlode.lifecycle.edge_table import EdgeTable
from motherlode.lifecycle.walking import Walk

__all__ = ["EdgeArrays", "described_components", "edges_present", "gone_components"]


@dataclass(frozen=True, slots=True)
class EdgeArrays:
    """Edges that hold at the moment. source, target: int32 [n]; relation: uint8 [n]."""

    source: NDArray[np.int32]
    target: NDArray[np.int32]
    relation: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.source)


def edges_present(walk: Walk, min_confidence: float = 0.0) -> EdgeArrays:
    """All edges that are recorded and valid at the moment, also those that are not flow."""
    snapshot, at = walk.snapshot, walk.moment.valid_at
    parts: list[tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.uint8]]] = []

    def keep(table: EdgeTable, removed: NDArray[np.uint8] | None) -> None:
        mask = (table.valid_from <= at) & (table.valid_to > at) & (table.confidence >= np.float32(min_confidence))
        if removed is not None:
            mask &= removed == 0
        parts.append((table.source[mask], table.target[mask], table.relation[mask]))

    keep(snapshot.base, snapshot.removed)
    keep(snapshot.added, None)
    source, target, relation = (np.concatenate(column) for column in zip(*parts, strict=True))
    return EdgeArrays(source, target, relation)


def described_components(walk: Walk) -> NDArray[np.bool_]:
    """Of which somebody says something at the moment: bool [n_components]. Cost: a pass over the facts."""
    rows = walk.reading.session.cursor_rows(f"SELECT f.component FROM lifecycle_facts f WHERE {walk.moment.where('f')}")
    found = np.zeros(walk.snapshot.n_components, np.bool_)
    found[np.fromiter((number for (number,) in rows), np.int64)] = True
    return found


def gone_components(walk: Walk, ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """Those of the ids that were described and no longer are; what was never described is not among them."""
    moment, gone = walk.moment, []
    for batch in in_batches(ids.tolist()):
        rows = walk.reading.session.execute(
            f"SELECT f.component FROM lifecycle_facts f WHERE f.component IN ({places(batch)}) "
            f"AND f.recorded_from <= {moment.known_at} AND f.valid_from <= {moment.valid_at} "
            f"GROUP BY f.component HAVING max(CASE WHEN {moment.where('f')} THEN 1 ELSE 0 END) = 0",
            batch,
        )
        gone += [number for (number,) in rows]
    return np.array(gone, np.int64)
