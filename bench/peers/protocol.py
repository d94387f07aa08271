"""How compare.py talks to a system: one request file in, one response file out, one process each.

python peers/NAME/runner.py REQUEST.json RESPONSE.json

build       {"job": "build", "data": folder, "index": folder, "options": {...}}
            -> {"seconds", "peak_bytes", "size_bytes"}
search      {"job": "search", "data", "index", "k", "settings": [{...}, ...], "queries": [first, last]}
            -> {"open_ms", "results": [{"ms": [per query], "positions": [per query]}]}
            with "subset": [positions], searches in these documents only
throughput  the same request; all queries at once on all threads
            -> {"results": [{"seconds": s}]}
cluster     {"job": "cluster", "data", "n_centroids": K, "options", "out": file}
            -> {"seconds", "peak_bytes", "n_centroids"}; out.npz holds centroids and assignment
add         {"job": "add", "data": folder with more documents, "index", "options"} -> {"seconds", "size_bytes"}
delete      {"job": "delete", "index", "positions": [...], "options"} -> {"seconds", "size_bytes"}

Another job is a method of the runner by its name: it is given the request and gives the response.

A runner is a class with the methods that it has jobs for, given to ``serve``. Threads come from the environment, set
by compare.py before the process starts. Needs numpy only.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

N_WARM_UP = 10


class Data:
    """The arrays of a prepared folder, whole and in memory, read when first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: str) -> Path:
        return self.folder / f"{name}.npy"

    def array(self, name: str) -> Any:
        return np.load(self.path(name))

    def queries(self, first: int, last: int) -> tuple[list[Any], list[Any]]:
        """(float32 [n_query_tokens, dim], token ids) of each query."""
        vectors, offsets = self.array("query_vectors"), self.array("query_offsets")
        token_ids = self.array("query_token_ids")
        rows = [slice(offsets[i], offsets[i + 1]) for i in range(first, last)]
        return [np.ascontiguousarray(vectors[r]) for r in rows], [token_ids[r] for r in rows]


def serve(runner: Any) -> None:
    request = json.loads(Path(sys.argv[1]).read_text())
    # What a library prints must not mix with ours; its own noise goes to stderr.
    os.dup2(2, 1)
    jobs: dict[str, Callable[[Any, dict[str, Any]], dict[str, Any]]] = {
        "build": _build,
        "search": _search,
        "throughput": _throughput,
        "cluster": _cluster,
        "add": _add,
        "delete": _delete,
    }
    job = jobs.get(request["job"])
    response = job(runner, request) if job is not None else getattr(runner, request["job"])(request)
    response["versions"] = _versions(getattr(runner, "packages", []))
    response["python"] = platform.python_version()
    Path(sys.argv[2]).write_text(json.dumps(response))


def threads() -> int:
    return int(os.environ.get("BENCH_THREADS", "1"))


def peak_bytes() -> int:
    """The largest resident size of this process so far."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("no VmHWM in /proc/self/status: this benchmark needs Linux.")


def _build(runner: Any, request: dict[str, Any]) -> dict[str, Any]:
    data, index = Data(Path(request["data"])), Path(request["index"])
    seconds = runner.build(data, index, request["options"])
    return {"seconds": seconds, "peak_bytes": peak_bytes(), "size_bytes": _size_bytes(index)}


def _size_bytes(index: Path) -> int:
    return sum(path.stat().st_size for path in index.rglob("*") if path.is_file())


def _add(runner: Any, request: dict[str, Any]) -> dict[str, Any]:
    data, index = Data(Path(request["data"])), Path(request["index"])
    seconds = runner.add(data, index, request["options"])
    return {"seconds": seconds, "peak_bytes": peak_bytes(), "size_bytes": _size_bytes(index)}


def _delete(runner: Any, request: dict[str, Any]) -> dict[str, Any]:
    index = Path(request["index"])
    seconds = runner.delete(index, request["positions"], request["options"])
    return {"seconds": seconds, "peak_bytes": peak_bytes(), "size_bytes": _size_bytes(index)}


def _search(runner: Any, request: dict[str, Any]) -> dict[str, Any]:
    data = Data(Path(request["data"]))
    queries, token_ids = data.queries(*request["queries"])
    began = time.perf_counter()
    runner.open(data, Path(request["index"]))
    open_ms = 1000 * (time.perf_counter() - began)
    subset = {"subset": runner.chosen(request["subset"])} if "subset" in request else {}
    results = []
    for options in request["settings"]:
        for query, ids in list(zip(queries, token_ids, strict=True))[:N_WARM_UP]:
            runner.search(query, ids, request["k"], options | subset)
        ms, positions = [], []
        for query, ids in zip(queries, token_ids, strict=True):
            began = time.perf_counter()
            found = runner.search(query, ids, request["k"], options | subset)
            ms.append(1000 * (time.perf_counter() - began))
            positions.append([int(position) for position in found])
        results.append({"options": options, "ms": ms, "positions": positions})
    return {"open_ms": open_ms, "results": results, "peak_bytes": peak_bytes()}


def _throughput(runner: Any, request: dict[str, Any]) -> dict[str, Any]:
    data = Data(Path(request["data"]))
    queries, _ = data.queries(*request["queries"])
    runner.open(data, Path(request["index"]))
    results = []
    for options in request["settings"]:
        runner.search_all(queries[:N_WARM_UP], request["k"], options)
        began = time.perf_counter()
        runner.search_all(queries, request["k"], options)
        results.append({"options": options, "seconds": time.perf_counter() - began, "n_queries": len(queries)})
    return {"results": results}


def _cluster(runner: Any, request: dict[str, Any]) -> dict[str, Any]:
    data = Data(Path(request["data"]))
    seconds, centroids, assignment = runner.cluster(data, request["n_centroids"], request["options"])
    peak = peak_bytes()
    np.savez(request["out"], centroids=centroids, assignment=assignment)
    return {"seconds": seconds, "peak_bytes": peak, "n_centroids": len(centroids)}


def _versions(packages: list[str]) -> dict[str, str]:
    found = {}
    for package in [*packages, "numpy"]:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "missing"
    return found
