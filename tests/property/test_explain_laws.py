"""An explanation adds up to the score that it explains."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from motherlode import build_index
from tests.corpora import make_corpus, maxsim

CORPUS = make_corpus(30, 12, lengths=[0, 1, 2, 5, 9, 40] * 5, n_types=9)


@settings(max_examples=40)
@given(
    document=st.integers(0, CORPUS.n_docs - 1),
    n_query_tokens=st.integers(1, 40),
    bits=st.sampled_from([0, 1, 2, 4]),
    keep=st.sampled_from([None, "float16"]),
    seed=st.integers(0, 1 << 20),
)
def test_the_matches_sum_to_the_maxsim_of_the_vectors_that_they_name(
    document: int, n_query_tokens: int, bits: int, keep: str | None, seed: int
) -> None:
    query = np.random.default_rng(seed).standard_normal((n_query_tokens, 12)).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        index = build_index(
            Path(folder) / "i", CORPUS.vectors, CORPUS.offsets, CORPUS.token_ids, bits=bits or 2,
            kind="compressed" if bits else "flat", keep_vectors=keep,
        )  # fmt: skip
        doc_id = str(document)
        found, stored, reranked = index.explain(query, doc_id), index.vectors_of(doc_id), index.rerank(query, [doc_id])
    assert (found.source, found.exact) == (stored.source, stored.exact) == (reranked.source, reranked.exact)
    assert found.exact == (not bits or keep is not None)
    if not len(stored.vectors):
        assert (found.score, found.matches, len(reranked)) == (0, (), 0)
        return
    expected = float(maxsim(stored.vectors, np.array([0, len(stored.vectors)]), query)[0])
    assert found.score == pytest.approx(expected, rel=1e-6, abs=1e-5)
    assert found.score == pytest.approx(sum(match.similarity for match in found.matches))
    if found.exact:
        assert float(reranked.scores[0]) == pytest.approx(expected, rel=1e-5, abs=1e-5)
    else:  # a search rounds its query to 1/63 of its largest value
        assert abs(float(reranked.scores[0]) - expected) <= 0.1 * n_query_tokens
    positive = any(match.similarity > 0 for match in found.matches)
    assert sum(match.share for match in found.matches) == pytest.approx(1.0 if positive else 0.0)
    assert found.doc_weights.sum() == pytest.approx(1.0 if positive else 0.0)
    for match in found.matches:
        row = found.similarities[match.query_token]
        assert match.similarity == row.max()
        assert match.doc_token == int(np.flatnonzero(row == row.max())[0])
