"""A small index that is written to, and what it must hold afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from motherlode import Index, build_index
from motherlode.retrieval.reference import decoded_vectors, search_reference
from tests.corpora import Corpus

N = 80  # documents that are there from the beginning; the rest of the corpus is added
KINDS = ("flat", "compressed")


def build(path: Path, corpus: Corpus, kind: str, **options: Any) -> Index:
    end = corpus.offsets[N]
    ids = [f"d{i}" for i in range(N)]
    return build_index(
        path, corpus.vectors[:end], corpus.offsets[: N + 1], corpus.token_ids[:end], ids, kind=kind, **options
    )


def of(corpus: Corpus, *positions: int) -> tuple[Any, Any, Any]:
    """Vectors, offsets and token ids of documents of the corpus."""
    rows = [slice(corpus.offsets[i], corpus.offsets[i + 1]) for i in positions]
    offsets = np.concatenate([[0], np.cumsum([r.stop - r.start for r in rows])]).astype(np.int64)
    return (
        np.concatenate([corpus.vectors[r] for r in rows]),
        offsets,
        np.concatenate([corpus.token_ids[r] for r in rows]),
    )


def everything(index: Index) -> dict[str, Any]:
    """Options under which a search leaves nothing out."""
    return {"k_centroids": 10**6, "k_docs_to_score": index.n_docs + 1, "stop_sigma": 0}


def check(index: Index, ids: list[str], corpus: Corpus) -> None:
    """The index holds these documents in this order, and finds what a scan of what it stores finds."""
    assert list(index.ids) == ids
    assert index.n_docs == len(ids)
    assert len(decoded_vectors(index)) == index.n_tokens
    for position in (3, 50, 120):
        query = corpus.query(position, 5)
        hits, expected = index.search(query, 20, **everything(index)), search_reference(index, query, 20)
        np.testing.assert_allclose(hits.scores, expected.scores, rtol=0.03, atol=0.03)
        assert [index.ids[p] for p in hits.positions.tolist()] == hits.ids
        if index.kind == "flat":
            assert hits.ids == expected.ids
        found = dict(expected)
        for name, score in hits:
            assert found.get(name, score) == pytest.approx(score, abs=0.03, rel=0.03)
