"""Compare this library with its peers on one workload.

python bench/compare.py [--workload debian-10k] [--only TEXT ...] [--budget-s 1800]

One process per job, one run after the other, the machine otherwise idle. Latency: the known-item queries, one by one,
on one thread; overlap@10 with exact float32 MaxSim and MRR@10 on the same queries; nDCG@10 on the tag queries.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from bench.measure import JobFailedError, available_threads, build_afresh, cpu_name, run_job
from bench.metrics import mrr, ndcg, overlap
from bench.systems import RUNS, Run
from bench.tables import RESULTS, save_report, write_report
from bench.workloads.cache import cache_dir

K = 10


class Workload:
    """A prepared folder: positions of the queries of each kind, judgements, exact answers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.queries = json.loads((folder / "queries.json").read_text(encoding="utf-8"))
        kinds = [query["kind"] for query in self.queries]
        self.n_known_item = kinds.index("tag") if "tag" in kinds else len(kinds)
        self.exact = np.load(folder / "exact_top100.npz")["positions"][:, :K].tolist()
        with open(folder / "docs.jsonl", encoding="utf-8") as stream:
            position_of = {json.loads(line)["id"]: position for position, line in enumerate(stream)}
        self.relevant: dict[str, set[int]] = {}
        for line in (folder / "qrels.txt").read_text(encoding="utf-8").splitlines():
            qid, _, document, _ = line.split()
            self.relevant.setdefault(qid, set()).add(position_of[document])
        offsets = np.load(folder / "offsets.npy", mmap_mode="r")
        self.n_docs, self.n_tokens = len(offsets) - 1, int(offsets[-1])

    def quality(self, first: int, positions: list[list[int]]) -> dict[str, float]:
        """Overlap and the judged measure of the queries first, first + 1, …"""
        found = list(enumerate(positions, first))
        quality = {"overlap@10": float(np.mean([overlap(p, self.exact[i]) for i, p in found]))}
        name, measure = ("MRR@10", mrr) if first < self.n_known_item else ("nDCG@10", lambda p, r: ndcg(p, r, K))
        judged = [(p, self.relevant.get(self.queries[i]["qid"], set())) for i, p in found]
        values = [measure(p, relevant) for p, relevant in judged if relevant]
        if values:
            quality[name] = float(np.mean(values))
        return quality


def measure_run(run: Run, workload: Workload, scratch: Path, budget_s: float) -> dict[str, Any]:
    """Everything about one run; its "failed" says why something is missing."""
    result: dict[str, Any] = {"label": run.label, "system": run.system, "build_options": run.build, "settings": []}
    if (why := run.missing()) is not None:
        return result | {"failed": f"skipped: {why}"}
    index = scratch / (run.index_of or run.label)
    arguments: dict[str, Any] = {"budget_s": budget_s, "environment": run.environment()}
    try:
        if run.index_of is None:
            built = build_afresh(
                run.system, workload.folder, index, run.build, n_threads=available_threads(), **arguments
            )
            result["build"] = built | {"bytes_per_token": built["size_bytes"] / workload.n_tokens}
        n_known = min(run.n_queries or workload.n_known_item, workload.n_known_item)
        request = {"data": str(workload.folder), "index": str(index), "k": K, "settings": list(run.settings)}
        known = request | {"job": "search", "queries": [0, n_known]}
        searched = run_job(run.system, known, n_threads=1, **arguments)
        batched = run_job(run.system, known | {"job": "throughput"}, n_threads=available_threads(), **arguments)
        tags = known | {"queries": [workload.n_known_item, len(workload.queries)]}
        tagged = None if run.n_queries else run_job(run.system, tags, n_threads=1, **arguments)
    except JobFailedError as failure:
        return result | {"failed": str(failure)}
    result |= {"versions": searched["versions"], "open_ms": searched["open_ms"]}
    for i, one in enumerate(searched["results"]):
        settings = {"options": one["options"], "n_queries": n_known, **workload.quality(0, one["positions"])}
        settings |= {"p50_ms": float(np.percentile(one["ms"], 50)), "p95_ms": float(np.percentile(one["ms"], 95))}
        settings["queries_per_s"] = n_known / batched["results"][i]["seconds"]
        if tagged is not None:
            judged = workload.quality(workload.n_known_item, tagged["results"][i]["positions"])
            settings |= {"nDCG@10": judged["nDCG@10"], "overlap@10 (tags)": judged["overlap@10"]}
        result["settings"].append(settings)
    return result


def compare(name: str, only: list[str], budget_s: float) -> dict[str, Any]:
    folder = cache_dir() / name
    if not (folder / "exact_top100.npz").exists():
        raise SystemExit(f"{folder} is not prepared: run python bench/prepare.py first (see bench/README.md).")
    workload = Workload(folder)
    scratch = cache_dir() / "indexes" / name
    report: dict[str, Any] = {
        "workload": {"name": name, "n_docs": workload.n_docs, "n_tokens": workload.n_tokens},
        "machine": {"cpu": cpu_name(), "threads": available_threads(), "system": platform.platform()},
        "load_before": os.getloadavg()[0],
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "runs": [],
    }
    for run in RUNS:
        if only and not any(text in run.label for text in only):
            continue
        print(f"{run.label} …", file=sys.stderr, flush=True)
        began = time.monotonic()
        result = measure_run(run, workload, scratch, budget_s)
        print(f"  {result.get('failed') or 'done'} ({time.monotonic() - began:.0f} s)", file=sys.stderr, flush=True)
        report["runs"].append(result)
        save_report(report, "-".join([name, *only]).replace(" ", "-"))
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workload", default="debian-10k", help="a prepared folder of the cache")
    parser.add_argument("--only", nargs="*", default=[], help="runs whose label contains one of these")
    parser.add_argument("--budget-s", type=float, default=1800, help="time for one job")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the table and the plot")
    arguments = parser.parse_args()
    report = compare(arguments.workload, arguments.only, arguments.budget_s)
    print(write_report(report, arguments.out))


if __name__ == "__main__":
    main()
