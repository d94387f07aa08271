"""fast-plaid's verbs over a motherlode index: create, update, delete, search, documents by number."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import motherlode


class FastPlaid:
    """Documents have numbers in order of insertion. Unlike fast-plaid's these stay: a deletion moves no other document.

    Embeddings are lists of [n_tokens, dim]: numpy arrays or torch tensors on the CPU.
    """

    def __init__(self, index: str) -> None:
        self.path = Path(index)

    def create(self, documents_embeddings: Sequence[Any], nbits: int = 4) -> FastPlaid:
        vectors, offsets = motherlode.from_documents(documents_embeddings)
        motherlode.build_index(self.path, vectors, offsets, bits=nbits, overwrite=True)
        return self

    def update(self, documents_embeddings: Sequence[Any]) -> FastPlaid:
        """Adds documents; one transaction."""
        index = motherlode.open_index(self.path)
        # The highest number ever given out, unless the last documents were deleted: then theirs are used again.
        first = max(map(int, index.ids), default=-1) + 1
        ids = [str(first + i) for i in range(len(documents_embeddings))]
        with index.writer() as writer:
            writer.add(ids, *motherlode.from_documents(documents_embeddings))
        return self

    def delete(self, subset: Sequence[int]) -> FastPlaid:
        with motherlode.open_index(self.path).writer() as writer:
            writer.delete([str(number) for number in subset])
        return self

    def search(
        self, queries_embeddings: Sequence[Any], top_k: int = 10, subset: Sequence[Any] | None = None
    ) -> list[list[tuple[int, float]]]:
        """subset: numbers to choose from, for all queries; or one list of numbers per query."""
        index = motherlode.open_index(self.path)
        if subset is not None and len(subset) and np.ndim(subset[0]):
            chosen = [[str(number) for number in numbers] for numbers in subset]
            pairs = zip(queries_embeddings, chosen, strict=True)
            found = [index.search(query, top_k, subset=ids) for query, ids in pairs]
        else:
            ids = None if subset is None else [str(number) for number in subset]
            found = index.search_batch(list(queries_embeddings), top_k, subset=ids)
        return [[(int(name), score) for name, score in hits] for hits in found]


def main() -> None:
    rng = np.random.default_rng(0)

    def document() -> Any:
        tokens = rng.standard_normal((rng.integers(20, 60), 64)).astype(np.float32)
        return tokens / np.linalg.norm(tokens, axis=1, keepdims=True)

    documents = [document() for _ in range(500)]
    with tempfile.TemporaryDirectory() as folder:
        index = FastPlaid(index=f"{folder}/index")
        index.create(documents_embeddings=documents[:400])
        index.update(documents_embeddings=documents[400:])
        queries = [documents[7][:6], documents[450][:6]]
        print("found:", [hits[0][0] for hits in index.search(queries, top_k=3)])
        index.delete(subset=[7])
        print("after the deletion:", [number for number, _ in index.search(queries, top_k=500)[0]].count(7))
        print("among 3:", sorted(number for number, _ in index.search(queries, subset=[1, 2, 450])[1]))
        print("one list each:", [len(hits) for hits in index.search(queries, subset=[[1, 2], [450]])])


if __name__ == "__main__":
    main()
