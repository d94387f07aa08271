"""fast-plaid: the engine behind PyLate, on torch."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import torch
from fast_plaid import search

from bench.peers.protocol import Data, serve, threads


class FastPlaid:
    packages = ["fast-plaid", "torch"]

    def build(self, data: Data, index: Path, options: dict[str, Any]) -> float:
        torch.set_num_threads(threads())
        documents = _documents(data)
        began = time.perf_counter()
        search.FastPlaid(index=str(index), device="cpu").create(documents_embeddings=documents, **options)
        return time.perf_counter() - began

    def add(self, data: Data, index: Path, options: dict[str, Any]) -> float:
        torch.set_num_threads(threads())
        documents = _documents(data)
        opened = search.FastPlaid(index=str(index), device="cpu")
        began = time.perf_counter()
        opened.update(documents_embeddings=documents, **options)
        return time.perf_counter() - began

    def delete(self, index: Path, positions: list[int], options: dict[str, Any]) -> float:
        torch.set_num_threads(threads())
        opened = search.FastPlaid(index=str(index), device="cpu")
        began = time.perf_counter()
        opened.delete(positions, **options)
        return time.perf_counter() - began

    def chosen(self, positions: list[int]) -> list[int]:
        return positions  # its own numbers: they close up after a deletion

    def open(self, data: Data, index: Path) -> None:
        torch.set_num_threads(threads())
        self.index = search.FastPlaid(index=str(index), device="cpu")

    def search(self, query: Any, token_ids: Any, k: int, options: dict[str, Any]) -> Any:
        (found,) = self.index.search([torch.from_numpy(query)], top_k=k, show_progress=False, **options)
        return [position for position, _ in found]

    def search_all(self, queries: list[Any], k: int, options: dict[str, Any]) -> None:
        self.index.search([torch.from_numpy(q) for q in queries], top_k=k, show_progress=False, **options)


def _documents(data: Data) -> list[Any]:
    vectors, offsets = torch.from_numpy(data.array("vectors")), data.array("offsets")
    return [vectors[offsets[i] : offsets[i + 1]] for i in range(len(offsets) - 1)]


serve(FastPlaid())
