"""xtr-warp-rs: WARP in Rust, on torch."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import torch
from xtr_warp.search import XTRWarp

from bench.peers.protocol import Data, serve, threads


class XtrWarp:
    packages = ["xtr-warp-rs", "torch"]

    def build(self, data: Data, index: Path, options: dict[str, Any]) -> float:
        torch.set_num_threads(threads())
        documents = _documents(data)
        began = time.perf_counter()
        XTRWarp(index=str(index)).create(documents, device="cpu", show_progress=False, **options)
        return time.perf_counter() - began

    def add(self, data: Data, index: Path, options: dict[str, Any]) -> float:
        documents = _documents(data)
        self.open(data, index)
        began = time.perf_counter()
        self.index.add(documents, show_progress=False, **options)
        return time.perf_counter() - began

    def delete(self, index: Path, positions: list[int], options: dict[str, Any]) -> float:
        self.open(Data(index), index)
        began = time.perf_counter()
        self.index.delete(positions, **options)
        return time.perf_counter() - began

    def chosen(self, positions: list[int]) -> list[int]:
        return positions  # its own numbers: they stay after a deletion

    def open(self, data: Data, index: Path) -> None:
        torch.set_num_threads(threads())
        self.index = XTRWarp(index=str(index))
        self.index.load(device="cpu")

    def search(self, query: Any, token_ids: Any, k: int, options: dict[str, Any]) -> Any:
        tensor = torch.from_numpy(query)
        (found,) = self.index.search(tensor, top_k=k, num_threads=threads(), show_progress=False, **options)
        return [position for position, _ in found]

    def search_all(self, queries: list[Any], k: int, options: dict[str, Any]) -> None:
        # One by one: a padded batch would add zero vectors to short queries.
        for query in queries:
            self.search(query, None, k, options)


def _documents(data: Data) -> list[Any]:
    vectors, offsets = torch.from_numpy(data.array("vectors")), data.array("offsets")
    return [vectors[offsets[i] : offsets[i + 1]] for i in range(len(offsets) - 1)]


serve(XtrWarp())
