"""Compare the clusterings alone, at equal K: time, quantisation error overall and on rare tokens.

python bench/clusters.py [--workload debian-10k] [--centroids K ...] [--only LABEL ...] [--budget-s 3600]

The error is the mean squared distance of a token vector from its centroid, recomputed here in float32 from what each
system returns. A token is rare when its type occurs fewer than 128 times in the workload. faiss runs 10 iterations on
all points; where a system does not finish within the budget the row says so and nothing is estimated.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from bench.measure import JobFailedError, available_threads, cpu_name, run_job
from bench.tables import RESULTS, markdown_table, save_report
from bench.workloads.cache import cache_dir

RARE = 128
SYSTEMS = {"motherlode": "motherlode", "tachiom.Tac": "tachiom", "faiss k-means": "faiss"}
_BLOCK = 1 << 18


def errors(vectors: Any, rare: Any, clusters: Path) -> dict[str, float]:
    """Mean squared error over all tokens and over rare ones."""
    with np.load(clusters) as loaded:
        centroids, assignment = loaded["centroids"].astype(np.float32), loaded["assignment"].astype(np.int64)
    squared = np.empty(len(vectors), dtype=np.float32)
    for begin in range(0, len(vectors), _BLOCK):
        rows = slice(begin, begin + _BLOCK)
        difference = np.asarray(vectors[rows], dtype=np.float32) - centroids[assignment[rows]]
        squared[rows] = np.einsum("ij,ij->i", difference, difference)
    return {"error": float(squared.mean(dtype=np.float64)), "rare_error": float(squared[rare].mean(dtype=np.float64))}


def compare_clusterings(name: str, jobs: list[tuple[int, list[str], float]]) -> dict[str, Any]:
    """Run each (K, labels of SYSTEMS, budget_s)."""
    folder = cache_dir() / name
    vectors = np.load(folder / "vectors.npy", mmap_mode="r")
    token_ids = np.load(folder / "token_ids.npy")
    rare = np.bincount(token_ids)[token_ids] < RARE
    report: dict[str, Any] = {
        "workload": {"name": name, "n_tokens": len(vectors), "n_rare_tokens": int(rare.sum())},
        "machine": {"cpu": cpu_name(), "threads": available_threads(), "system": platform.platform()},
        "load_before": os.getloadavg()[0],
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "runs": [],
    }
    for n_centroids, labels, budget_s in jobs:
        for label in labels:
            print(f"{label}, K = {n_centroids} …", file=sys.stderr, flush=True)
            report["runs"].append(_one(folder, label, n_centroids, budget_s, vectors, rare))
            save_report(report, f"{name}-clusters")
    return report


def _one(folder: Path, label: str, n_centroids: int, budget_s: float, vectors: Any, rare: Any) -> dict[str, Any]:
    result: dict[str, Any] = {"label": label, "n_centroids": n_centroids}
    with tempfile.TemporaryDirectory(prefix="motherlode-bench-") as scratch:
        out = Path(scratch) / "clusters.npz"
        request = {"job": "cluster", "data": str(folder), "n_centroids": n_centroids, "options": {}, "out": str(out)}
        try:
            response = run_job(SYSTEMS[label], request, n_threads=available_threads(), budget_s=budget_s)
        except JobFailedError as failure:
            return result | {"failed": str(failure)}
        return result | response | errors(vectors, rare, out)


def clusters_table(report: dict[str, Any]) -> str:
    workload, machine = report["workload"], report["machine"]
    rows = []
    for run in report["runs"]:
        if "failed" in run:
            rows.append([run["label"], str(run["n_centroids"]), run["failed"], "", "", "", ""])
            continue
        base = next((r for r in report["runs"] if r["label"] == "motherlode" and "error" in r
                     and r["n_centroids"] == run["n_centroids"]), run)  # fmt: skip
        rows.append([
            run["label"],
            str(run["n_centroids"]),
            f"{run['seconds']:.1f}",
            f"{run['seconds'] / base['seconds']:.1f}×",
            f"{run['error']:.4f}",
            f"{run['rare_error']:.4f}",
            f"{run['peak_bytes'] / 1e9:.2f}",
        ])  # fmt: skip
    head = ("system", "K", "seconds", "time over motherlode", "error", "error on rare tokens", "peak GB")
    return (
        f"Clustering {workload['n_tokens']:,} tokens ({workload['n_rare_tokens']:,} rare) of {workload['name']}. "
        f"{machine['cpu']}, {machine['threads']} threads, {report['at']}, load before {report['load_before']:.1f}.\n\n"
        + markdown_table(head, rows)
        + "\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workload", default="debian-10k")
    parser.add_argument("--centroids", type=int, nargs="+", default=[8192])
    parser.add_argument("--only", nargs="*", default=list(SYSTEMS), choices=list(SYSTEMS))
    parser.add_argument("--budget-s", type=float, default=3600, help="time for one clustering")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    jobs = [(n_centroids, arguments.only, arguments.budget_s) for n_centroids in arguments.centroids]
    report = compare_clusterings(arguments.workload, jobs)
    text = clusters_table(report)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / f"{arguments.workload}-clusters.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
