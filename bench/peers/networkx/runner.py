"""networkx: descendants in a DiGraph of dictionaries."""

from __future__ import annotations

import sys
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from bench.peers.protocol import serve
from bench.peers.reachability import Reach, timed

networkx: Any = import_module("networkx")


class Networkx:
    packages = ["networkx"]

    def reach(self, request: dict[str, Any]) -> dict[str, Any]:
        return timed(request, _build) | {"version": metadata.version("networkx")}


def _build(source: Any, target: Any, n_nodes: int) -> Reach:
    graph = networkx.DiGraph()
    graph.add_nodes_from(range(n_nodes))
    graph.add_edges_from(zip(source.tolist(), target.tolist(), strict=True))
    return lambda seed: networkx.descendants(graph, seed) | {seed}


serve(Networkx())
