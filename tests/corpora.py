"""Small corpora of token vectors for the tests of retrieval, and MaxSim spelt out in numpy."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Corpus:
    """Documents as rows of unit vectors: document i owns rows offsets[i]:offsets[i + 1]."""

    vectors: NDArray[Any]
    offsets: NDArray[np.int64]
    token_ids: NDArray[np.int64]

    @property
    def n_docs(self) -> int:
        return len(self.offsets) - 1

    def document(self, position: int) -> NDArray[Any]:
        return self.vectors[self.offsets[position] : self.offsets[position + 1]]

    def query(self, position: int, n_tokens: int, seed: int = 0) -> NDArray[np.float32]:
        """Tokens of one document with noise: a query whose answer is known to be near."""
        rng = np.random.default_rng([seed, position])
        rows = self.document(position).astype(np.float32)
        chosen = rows[rng.integers(0, len(rows), n_tokens)]
        return unit(chosen + 0.3 / np.sqrt(rows.shape[1]) * rng.standard_normal(chosen.shape)).astype(np.float32)


def unit(rows: NDArray[Any]) -> NDArray[Any]:
    normed: NDArray[Any] = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return normed


def make_corpus(
    n_docs: int = 60,
    dim: int = 16,
    *,
    n_types: int = 30,
    lengths: Sequence[int] | None = None,
    longest: int = 12,
    spread: float = 0.6,
    dtype: Any = np.float32,
    seed: int = 0,
) -> Corpus:
    """Tokens scattered around one direction per vocabulary id; some documents have none."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(0, longest + 1, n_docs) if lengths is None else np.asarray(lengths)
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    centers = unit(rng.standard_normal((n_types, dim)))
    token_ids = np.minimum(rng.zipf(1.5, int(offsets[-1])) - 1, n_types - 1).astype(np.int64)
    noise = spread / np.sqrt(dim) * rng.standard_normal((int(offsets[-1]), dim))
    return Corpus(unit(centers[token_ids] + noise).astype(dtype), offsets, token_ids)


def maxsim(vectors: NDArray[Any], offsets: NDArray[np.int64], query: NDArray[Any]) -> NDArray[np.float64]:
    """Score of every document in float64; -inf for those without tokens."""
    scores = np.full(len(offsets) - 1, -np.inf)
    wide, tokens = vectors.astype(np.float64), query.astype(np.float64)
    for i in range(len(scores)):
        own = wide[offsets[i] : offsets[i + 1]]
        if len(own):
            scores[i] = (own @ tokens.T).max(axis=0).sum()
    return scores


def ranked(scores: NDArray[np.float64], k: int) -> list[int]:
    """Positions of the k best, ties by position, without those at -inf."""
    order = np.argsort(-scores, kind="stable")
    return [int(i) for i in order if np.isfinite(scores[i])][:k]


def run_python(
    code: str, *arguments: object, timeout_s: float = 120, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Runs ``code`` in a fresh interpreter that sees what this one sees."""
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
        cwd=ROOT,
        env=environment(**variables),
    )


def environment(**variables: str) -> dict[str, str]:
    path = os.pathsep.join(p for p in (str(ROOT), *sys.path) if p)
    return {**os.environ, "PYTHONPATH": path, "PYTHONFAULTHANDLER": "1", **variables}
