"""Search token vectors from any model: two arrays in, ranked documents out."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

import motherlode


def main() -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(5, 60, size=2000)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    vectors = rng.standard_normal((int(offsets[-1]), 64)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)

    with tempfile.TemporaryDirectory() as folder:
        index = motherlode.build_index(Path(folder) / "index", vectors, offsets)
        # A query made of some of document 1234's own tokens finds it again.
        query = vectors[offsets[1234] : offsets[1234] + 5]
        hits = index.search(query, k=3)
        exact = motherlode.exact_search(vectors, offsets, query, k=3)
        print(f"{index.n_docs} documents, {index.n_tokens} tokens, {index.kind}")
        print("found:", hits.ids, "exact:", exact.ids)


if __name__ == "__main__":
    main()
