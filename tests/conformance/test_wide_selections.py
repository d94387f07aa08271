"""A search among thousands of documents is the full scan of their codes, though it does not score them all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from motherlode import Index, build_index
from motherlode.retrieval.kernels import native
from tests.corpora import Corpus, make_corpus

N_DOCS = 6000


@pytest.fixture(scope="module", params=["alike", "mixed"])
def corpus(request: pytest.FixtureRequest) -> Corpus:
    """Documents of up to 40 tokens; "mixed": one in ten is far from its centroids, as documents of another kind are."""
    found = make_corpus(N_DOCS, 32, n_types=200, longest=40, spread=0.7, seed=3)
    if request.param == "mixed":
        rng = np.random.default_rng(4)
        for doc in range(0, N_DOCS, 10):
            rows = found.document(doc)
            rows[:] = rng.standard_normal(rows.shape)
            rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return found


@pytest.fixture(scope="module", params=[(2, 0), (1, 2), (4, 0)], ids=["2", "1+2", "4"])
def index(request: pytest.FixtureRequest, corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Index:
    bits, refine_bits = request.param
    path: Path = tmp_path_factory.mktemp("wide") / "i"
    return build_index(
        path,
        corpus.vectors,
        corpus.offsets,
        corpus.token_ids,
        kind="compressed",
        n_centroids=300,
        bits=bits,
        refine_bits=refine_bits,
        metadata={"part": np.arange(N_DOCS) % 5},
    )


@pytest.mark.parametrize("level", native.levels())
@pytest.mark.parametrize("n_tokens", [1, 4, 12, 70])
def test_a_wide_filter_loses_nothing_to_a_full_scan(
    index: Index, corpus: Corpus, n_tokens: int, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LODE_CPU_LEVEL", level)
    wanted = [i for i in range(N_DOCS) if i % 5 != 2]
    pieces = [[str(i) for i in wanted[at : at + 300]] for at in range(0, len(wanted), 300)]  # each is scanned in full
    for position in (11, 120, 4001) if level == native.levels()[-1] else (120,):
        query = corpus.query(position, n_tokens)
        for k in (1, 10, 300):
            scanned = [hit for piece in pieces for hit in index.search(query, k, subset=piece)]
            scanned.sort(key=lambda hit: (-hit[1], int(hit[0])))
            assert list(index.search(query, k, where="part <> 2")) == scanned[:k]
