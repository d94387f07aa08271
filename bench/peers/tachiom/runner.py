"""TACHIOM (arXiv 2604.28142). Used from the main thread only: it aborts the process from any other."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import tachiom

from bench.peers.protocol import Data, serve, threads


class Tachiom:
    packages = ["tachiom"]

    def build(self, data: Data, index: Path, options: dict[str, Any]) -> float:
        vectors = data.array("vectors").astype(np.float16, copy=False).view(np.uint16)  # its way to take float16
        token_ids = data.array("token_ids").astype(np.uint32)
        lengths = np.diff(data.array("offsets")).astype(np.int32)
        began = time.perf_counter()
        built = tachiom.Tachiom.build_from_arrays(vectors, token_ids, lengths, **options)
        index.mkdir(parents=True)
        built.save(str(index / "index.bin"))
        return time.perf_counter() - began

    def open(self, data: Data, index: Path) -> None:
        self.index = tachiom.Tachiom.load(str(index / "index.bin"))

    def search(self, query: Any, token_ids: Any, k: int, options: dict[str, Any]) -> Any:
        scores, positions = self.index.search(query, k, **options)
        return positions[np.isfinite(scores)]

    def search_all(self, queries: list[Any], k: int, options: dict[str, Any]) -> None:
        offsets = np.concatenate([[0], np.cumsum([len(q) for q in queries])]).astype(np.uint64)
        tokens = np.concatenate(queries)
        self.index.batch_search(tokens, len(queries), k, offsets=offsets, num_threads=threads(), **options)

    def cluster(self, data: Data, n_centroids: int, options: dict[str, Any]) -> tuple[float, Any, Any]:
        token_ids = data.folder / "token_ids_int64.npy"  # Tac reads files, and these as int64 or uint32
        if not token_ids.exists():
            np.save(token_ids, data.array("token_ids").astype(np.int64))
        data.array("vectors")  # into the page cache
        tac = tachiom.Tac(n_centroids, **options)
        began = time.perf_counter()
        tac.train(str(data.path("vectors")), str(token_ids))
        seconds = time.perf_counter() - began
        return seconds, np.asarray(tac.centroids), np.asarray(tac.assignments)


serve(Tachiom())
