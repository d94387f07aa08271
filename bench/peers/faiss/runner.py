"""faiss k-means: the clustering that token-aware clustering replaces."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import faiss

from bench.peers.protocol import Data, serve, threads


class Faiss:
    packages = ["faiss-cpu"]

    def cluster(self, data: Data, n_centroids: int, options: dict[str, Any]) -> tuple[float, Any, Any]:
        faiss.omp_set_num_threads(threads())
        vectors = data.array("vectors").astype(np.float32)
        # All points, as the paper has it: faiss would sample 256 a centroid.
        kmeans = faiss.Kmeans(
            vectors.shape[1],
            n_centroids,
            niter=options.get("n_iter", 10),
            max_points_per_centroid=len(vectors),
            min_points_per_centroid=1,
            seed=options.get("seed", 0),
        )
        began = time.perf_counter()
        kmeans.train(vectors)
        _, assignment = kmeans.index.search(vectors, 1)
        seconds = time.perf_counter() - began
        return seconds, kmeans.centroids, assignment[:, 0].astype(np.int32)


serve(Faiss())
