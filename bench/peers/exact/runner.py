"""Exact MaxSim over everything: float32 by BLAS, int8 by NumKong; the floor that an index must beat."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from concurrent.futures import ThreadPoolExecutor

import numkong

from bench.peers.protocol import Data, serve, threads

# Tokens of a block of documents: its products stay in the cache.
BLOCK_TOKENS = 65_536


class Exact:
    packages = ["numkong"]

    def build(self, data: Data, index: Path, options: dict[str, Any]) -> float:
        """Nothing to build: the vectors in the type that is searched."""
        vectors = data.array("vectors")
        began = time.perf_counter()
        index.mkdir(parents=True)
        np.save(index / "vectors.npy", _to_int8(vectors) if options["dtype"] == "int8" else vectors.astype(np.float32))
        np.save(index / "offsets.npy", data.array("offsets"))
        return time.perf_counter() - began

    def open(self, data: Data, index: Path) -> None:
        self.vectors, self.offsets = np.load(index / "vectors.npy"), np.load(index / "offsets.npy")
        ends = np.arange(BLOCK_TOKENS, self.offsets[-1] + BLOCK_TOKENS, BLOCK_TOKENS)
        cuts = np.unique(np.searchsorted(self.offsets, ends, side="right") - 1)
        self.blocks = list(zip(np.concatenate([[0], cuts[:-1]]), cuts, strict=True))

    def search(self, query: Any, token_ids: Any, k: int, options: dict[str, Any]) -> Any:
        scores = np.empty(len(self.offsets) - 1, dtype=np.float32)
        is_int8 = self.vectors.dtype == np.int8
        packed = numkong.dots_pack(_to_int8(query), dtype="int8") if is_int8 else None
        for first, last in self.blocks:
            begin, end = self.offsets[first], self.offsets[last]
            if is_int8:
                products = np.asarray(numkong.dots_packed(self.vectors[begin:end], packed)).T
            else:
                products = query @ self.vectors[begin:end].T
            best = np.maximum.reduceat(products, self.offsets[first:last] - begin, axis=1)
            scores[first:last] = best.sum(axis=0)
        top = np.argpartition(-scores, k)[:k]
        return top[np.lexsort((top, -scores[top]))]

    def search_all(self, queries: list[Any], k: int, options: dict[str, Any]) -> None:
        with ThreadPoolExecutor(threads()) as pool:
            list(pool.map(lambda query: self.search(query, None, k, options), queries))


def _to_int8(vectors: Any) -> Any:
    """Unit-length rows, one scale for each matrix: 127 = the largest entry."""
    vectors = vectors.astype(np.float32)
    return np.round(vectors * (127 / np.abs(vectors).max())).astype(np.int8)


serve(Exact())
