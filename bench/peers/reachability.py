"""What every system does in bench/lifecycle_traversal.py: all nodes downstream of one, for many, timed one by one.

reach  {"job": "reach", "arcs": folder with source.npy and target.npy, "n_nodes", "seeds": [...], "rounds": r}
       -> {"build_s", "ms": [rounds][per seed], "sizes": [per seed], "digests": [per seed], "peak_bytes"}

Times are CPU times of the one thread that works: none of these systems uses more. An answer holds the seed itself.
Digests are of the sorted nodes, so that equal answers are seen to be equal.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from bench.peers.protocol import peak_bytes

N_WARM_UP = 5

Reach = Callable[[int], Any]


def timed(
    request: dict[str, Any], build: Callable[[Any, Any, int], Reach], nodes_of: Callable[[Any], Iterable[int]] = list
) -> dict[str, Any]:
    """build(source, target, n_nodes) gives the function from a seed to its answer; nodes_of is not timed."""
    folder = Path(request["arcs"])
    source, target = np.load(folder / "source.npy"), np.load(folder / "target.npy")
    began = time.thread_time()
    reach = build(source, target, request["n_nodes"])
    build_s = time.thread_time() - began
    seeds = request["seeds"]
    for seed in seeds[:N_WARM_UP]:
        reach(seed)
    rounds, digests, sizes = [], [], []
    for turn in range(request["rounds"]):
        ms = []
        for seed in seeds:
            began = time.thread_time()
            answer = reach(seed)
            ms.append(1000 * (time.thread_time() - began))
            if turn == 0:
                nodes = np.unique(np.fromiter(nodes_of(answer), np.int32))
                sizes.append(len(nodes))
                digests.append(hashlib.sha256(nodes.tobytes()).hexdigest()[:16])
        rounds.append(ms)
    return {"build_s": build_s, "ms": rounds, "sizes": sizes, "digests": digests, "peak_bytes": peak_bytes()}
