"""rustworkx: descendants in a PyDiGraph, whose traversal is Rust."""

from __future__ import annotations

import sys
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from bench.peers.protocol import serve
from bench.peers.reachability import Reach, timed

rustworkx: Any = import_module("rustworkx")


class Rustworkx:
    packages = ["rustworkx"]

    def reach(self, request: dict[str, Any]) -> dict[str, Any]:
        return timed(request, _build) | {"version": metadata.version("rustworkx")}


def _build(source: Any, target: Any, n_nodes: int) -> Reach:
    graph = rustworkx.PyDiGraph()
    graph.add_nodes_from(range(n_nodes))
    graph.add_edges_from_no_data(list(zip(source.tolist(), target.tolist(), strict=True)))
    return lambda seed: rustworkx.descendants(graph, seed) | {seed}


serve(Rustworkx())
