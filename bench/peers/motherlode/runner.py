"""This library."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from bench.peers.protocol import Data, serve, threads
from motherlode import build_index, open_index, token_aware_clusters


class Motherlode:
    packages = ["motherlode"]

    def build(self, data: Data, index: Path, options: dict[str, Any]) -> float:
        vectors, offsets, token_ids = (data.array(name) for name in ("vectors", "offsets", "token_ids"))
        began = time.perf_counter()
        build_index(index, vectors, offsets, token_ids, n_threads=threads(), **options)
        return time.perf_counter() - began

    def open(self, data: Data, index: Path) -> None:
        self.index = open_index(index)

    def add(self, data: Data, index: Path, options: dict[str, Any]) -> float:
        vectors, offsets, token_ids = (data.array(name) for name in ("vectors", "offsets", "token_ids"))
        opened = open_index(index)
        ids = [str(opened.n_docs + i) for i in range(len(offsets) - 1)]
        began = time.perf_counter()
        with opened.writer() as w:
            w.add(ids, vectors, offsets, token_ids)
        return time.perf_counter() - began

    def delete(self, index: Path, positions: list[int], options: dict[str, Any]) -> float:
        opened = open_index(index)
        began = time.perf_counter()
        with opened.writer() as w:
            w.delete([str(position) for position in positions])
        return time.perf_counter() - began

    def chosen(self, positions: list[int]) -> list[str]:
        return [self.index.ids[position] for position in positions]

    def search(self, query: Any, token_ids: Any, k: int, options: dict[str, Any]) -> Any:
        return self.index.search(query, k, query_token_ids=token_ids, **options).positions

    def search_all(self, queries: list[Any], k: int, options: dict[str, Any]) -> None:
        self.index.search_batch(queries, k, threads(), **options)

    def cluster(self, data: Data, n_centroids: int, options: dict[str, Any]) -> tuple[float, Any, Any]:
        vectors, token_ids = data.array("vectors"), data.array("token_ids")
        began = time.perf_counter()
        clusters = token_aware_clusters(vectors, token_ids, n_centroids, **options)
        seconds = time.perf_counter() - began
        return seconds, np.asarray(clusters.centroids), np.asarray(clusters.assignment)


serve(Motherlode())
