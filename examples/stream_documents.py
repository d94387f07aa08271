"""Build an index from a generator: the vectors never stand in memory all at once."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import motherlode


def documents(n_docs: int) -> Iterator[motherlode.VectorDocument]:
    """Documents as a model would give them, one after the other."""
    rng = np.random.default_rng(7)
    for position in range(n_docs):
        vectors = rng.standard_normal((rng.integers(1, 40), 32)).astype(np.float16)
        yield motherlode.VectorDocument(f"doc-{position}", vectors, title=f"Document {position}")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        index = motherlode.build_index_stream(Path(folder) / "index", documents(1000))
        query = next(iter(documents(1))).vectors.astype(np.float32)
        best = index.search(query, k=1)
        assert index.titles is not None
        print(f"{index.n_docs} documents; best: {best.ids[0]}, {index.titles[int(best.positions[0])]!r}")


if __name__ == "__main__":
    main()
