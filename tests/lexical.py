"""Lexical hits by brute force, for the tests of what the index finds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from motherlode import Hits, Index
from motherlode.retrieval.lexical_reference import bm25_reference
from tests.corpora import Corpus


def words_of(corpus: Corpus, position: int) -> list[int]:
    """Token ids of a document."""
    found: list[int] = corpus.token_ids[corpus.offsets[position] : corpus.offsets[position + 1]].tolist()
    return found


def check_lexical(
    index: Index,
    documents: Sequence[Sequence[int]],
    query: Sequence[int],
    k: int = 10,
    allowed: Sequence[bool] | None = None,
    hits: Hits | None = None,
) -> Hits:
    """The index's hits are the best of all documents; those of equal score stand by position.

    documents: the token ids of each of its documents, by position
    allowed: which of them the search may return
    """
    found = index.search_lexical(query, k) if hits is None else hits
    scores = {
        i: np.float32(score)
        for i, score in enumerate(bm25_reference(documents, query))
        if score is not None and (allowed is None or allowed[i])
    }
    best = sorted(scores.values(), reverse=True)[:k]
    np.testing.assert_allclose(found.scores, np.array(best, np.float32), rtol=2e-6)
    own = [scores[p] for p in found.positions.tolist()]  # none that is not allowed
    np.testing.assert_allclose(found.scores, np.array(own, np.float32), rtol=2e-6)
    assert len(set(found.positions.tolist())) == len(found)
    equal = np.flatnonzero(np.diff(found.scores) == 0)
    assert (found.positions[equal] < found.positions[equal + 1]).all()
    assert (np.diff(found.scores) <= 0).all()
    assert found.ids == [index.ids[p] for p in found.positions.tolist()]
    return found
