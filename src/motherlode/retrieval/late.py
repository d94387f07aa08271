"""A late-interaction search of one state, among the documents of a selection."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from motherlode.retrieval.hits import Hits
from motherlode.retrieval.inputs import check_count, check_token_ids
from motherlode.retrieval.kernels import level
from motherlode.retrieval.selection import Selection
from motherlode.retrieval.settings import SearchSettings
from motherlode.retrieval.snapshot import Snapshot

__all__ = ["hits_of", "is_refined", "late_search"]


def late_search(
    state: Snapshot,
    tokens: NDArray[np.float32],
    token_ids: ArrayLike | None,
    settings: SearchSettings,
    chosen: Selection,
) -> Hits:
    """The best documents by MaxSim. tokens: checked query vectors; token_ids: as in :meth:`Index.search`."""
    types = _types_of(state, token_ids, len(tokens))
    options = settings.native_options(is_refined(state), types, score_all=chosen.scores_all(settings.k_docs_to_score))
    if state.kind == "flat":
        return hits_of(state, state.flat_search(level(), tokens, check_count(settings.k, "k"), 1, chosen.allowed))
    return hits_of(state, state.searcher.search(level(), tokens, options, chosen.bits))


def is_refined(state: Snapshot) -> bool:
    return state.kind != "flat" and bool(state.manifest["codebook"]["refine_bits"])


def hits_of(state: Snapshot, found: tuple[Any, Any]) -> Hits:
    scores, slots = np.asarray(found[0]), np.asarray(found[1])
    return Hits(state.ids_of(slots), scores, state.positions(slots))


def _types_of(state: Snapshot, token_ids: ArrayLike | None, n_tokens: int) -> list[int]:
    """Numbers of the token types that a query's vocabulary ids name, without those the index has never seen."""
    ids = check_token_ids(token_ids, n_tokens, name="query_token_ids")
    if ids is None or state.kind == "flat" or state.manifest["codebook"]["pseudo_types"]:
        return []
    types = state.files["codebook"].array("type_ids", np.int64)
    found: list[int] = np.flatnonzero(np.isin(types, ids.astype(np.int64))).tolist()
    return found
