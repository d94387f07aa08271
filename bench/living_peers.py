"""A changing index, ours against its peers': additions, deletions, searches with and without a selection.

python bench/living_peers.py [--workload debian-10k] [--docs 10000] [--only motherlode fast_plaid xtr_warp]

The index is built from all documents but the last 5,000, which are then added; a tenth of all is deleted, scattered;
then a search may choose from as many as one in a hundred. Builds and changes run on all threads, searches on one,
everything at the system's defaults and in a process of its own. Seconds of changes do not include opening the index.
After every step overlap@10 says what is found of the exact top 10 among the documents that are there. Prints a Markdown
table, in at most a quarter of an hour: a system that takes longer than its share shows the steps that it finished. Then
--budget-s gives it more time, or --docs and --added all of them fewer documents.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from bench.measure import JobFailedError, available_threads, build_afresh, cpu_name, run_job
from bench.tables import markdown_table, save_report
from bench.workloads.cache import cache_dir

K = 10
SYSTEMS: dict[str, dict[str, Any]] = {"motherlode": {"kind": "compressed"}, "fast_plaid": {}, "xtr_warp": {}}
KEEP_NUMBERS = {"xtr_warp"}  # after a deletion; with the others the numbers of later documents move up
COLUMNS = (
    "system", "build s", "add tokens/s", "delete s", "p50 ms", "with a subset", "overlap@10: built", "added", "deleted",
    "in the subset", "bytes/token",
)  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """What happens to the documents 0 … n_docs - 1 of the workload."""

    source: Path
    scratch: Path
    n_docs: int
    n_base: int
    n_tokens: int
    n_added_tokens: int
    deleted: list[int]
    left: list[int]
    chosen: list[int]
    queries: list[Any]
    best: Any  # positions [n_queries, 100] of the exact answer

    def exact(self, there: set[int]) -> list[list[int]]:
        """The exact top k of each query among documents that are there; those of a selection are scored here."""
        if len(there) <= len(self.chosen):
            return self._scored(sorted(there))
        return [[p for p in row if p in there][:K] for row in self.best.tolist()]

    def _scored(self, positions: list[int]) -> list[list[int]]:
        vectors, offsets = np.load(self.source / "vectors.npy", mmap_mode="r"), np.load(self.source / "offsets.npy")
        documents = [vectors[offsets[p] : offsets[p + 1]].astype(np.float32) for p in positions]
        found = []
        for query in self.queries:
            scores = [(query @ d.T).max(axis=1).sum() if len(d) else -np.inf for d in documents]
            found.append([positions[i] for i in np.argsort(scores)[::-1][:K]])
        return found


def make_plan(name: str, n_docs: int | None, n_added: int, n_queries: int) -> Plan:
    """Writes the two parts of the workload's first documents into a scratch folder."""
    source, scratch = cache_dir() / name, cache_dir() / "indexes" / f"{name}-living-peers"
    vectors, offsets = np.load(source / "vectors.npy", mmap_mode="r"), np.load(source / "offsets.npy")
    token_ids = np.load(source / "token_ids.npy", mmap_mode="r")
    n_docs = min(n_docs or len(offsets) - 1, len(offsets) - 1)
    n_base = n_docs - n_added
    if n_base < n_docs // 10:
        raise SystemExit(f"{n_docs} documents of {name}: too few to build an index from before {n_added} are added")
    for folder, begin, end in (("base", 0, n_base), ("added", n_base, n_docs)):
        target = scratch / folder
        target.mkdir(parents=True, exist_ok=True)
        rows = slice(offsets[begin], offsets[end])
        np.save(target / "vectors.npy", vectors[rows])
        np.save(target / "token_ids.npy", token_ids[rows])
        np.save(target / "offsets.npy", offsets[begin : end + 1] - offsets[begin])
    rng = np.random.default_rng(0)
    deleted = np.sort(rng.choice(n_docs, n_docs // 10, replace=False))
    left = np.setdiff1d(np.arange(n_docs), deleted)
    chosen = np.sort(rng.choice(left, n_docs // 100, replace=False))
    tokens, bounds = np.load(source / "query_vectors.npy").astype(np.float32), np.load(source / "query_offsets.npy")
    return Plan(
        source, scratch, n_docs, n_base, int(offsets[n_docs]), int(offsets[n_docs] - offsets[n_base]),
        deleted.tolist(), left.tolist(), chosen.tolist(),
        [tokens[bounds[i] : bounds[i + 1]] for i in range(n_queries)],
        np.load(source / "exact_top100.npz")["positions"][:n_queries],
    )  # fmt: skip


def measure(system: str, plan: Plan, budget_s: float, found: dict[str, Any]) -> None:
    """All steps of one system, one process after the other, into found; JobFailedError when one fails or time is up."""
    index, threads, began = plan.scratch / system, available_threads(), time.monotonic()
    found |= {"overlap@10": {}, "p50_ms": {}}

    def left_s() -> float:
        left = budget_s - (time.monotonic() - began)
        if left < 1:
            raise JobFailedError(f"not done within its {budget_s:.0f} s")
        return left

    def change(job: str, **request: Any) -> dict[str, Any]:
        request |= {"job": job, "index": str(index), "options": {}}
        return run_job(system, request, n_threads=threads, budget_s=left_s())

    def search(step: str, there: list[int], subset: list[int] | None = None) -> None:
        numbers = there if system not in KEEP_NUMBERS else list(range(plan.n_docs))
        request: dict[str, Any] = {
            "job": "search", "data": str(plan.source), "index": str(index), "k": K, "settings": [{}],
            "queries": [0, len(plan.queries)],
        }  # fmt: skip
        if subset is not None:
            place = {document: number for number, document in enumerate(numbers)}
            request["subset"] = [place[document] for document in subset]
        response = run_job(system, request, n_threads=1, budget_s=left_s())
        (result,) = response["results"]
        found["versions"] = response["versions"]
        exact = plan.exact(set(there if subset is None else subset))
        answers = [{numbers[p] for p in positions} for positions in result["positions"]]
        shares = [len(a & set(e)) / len(e) for a, e in zip(answers, exact, strict=True) if e]
        found["overlap@10"][step] = float(np.mean(shares))
        found["p50_ms"][step] = float(np.median(result["ms"]))

    built = build_afresh(system, plan.scratch / "base", index, SYSTEMS[system], n_threads=threads, budget_s=left_s())
    found["build_s"] = built["seconds"]
    search("built", list(range(plan.n_base)))
    added = change("add", data=str(plan.scratch / "added"))
    found["add_tokens_per_s"] = plan.n_added_tokens / added["seconds"]
    found["bytes_per_token"] = added["size_bytes"] / plan.n_tokens
    search("added", list(range(plan.n_docs)))
    found["delete_s"] = change("delete", positions=plan.deleted)["seconds"]
    search("deleted", plan.left)
    search("subset", plan.left, plan.chosen)


def row(system: str, found: dict[str, Any]) -> list[str]:
    def cell(form: str, *path: str) -> str:
        value: Any = found
        for name in path:
            value = value.get(name, {})
        return format(value, form) if isinstance(value, float) else ""

    return [
        system, cell(".1f", "build_s"), cell(",.0f", "add_tokens_per_s"), cell(".3f", "delete_s"),
        cell(".2f", "p50_ms", "deleted"), cell(".2f", "p50_ms", "subset"),
        *(cell(".3f", "overlap@10", step) for step in ("built", "added", "deleted", "subset")),
        cell(".1f", "bytes_per_token"),
    ]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workload", default="debian-10k", help="a prepared folder of the cache")
    parser.add_argument("--only", nargs="+", choices=SYSTEMS, default=list(SYSTEMS))
    parser.add_argument("--docs", type=int, help="the first so many documents of the workload; all without it")
    parser.add_argument("--added", type=int, default=5000, help="documents to add")
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--budget-s", type=float, default=290, help="seconds that one system may take")
    options = parser.parse_args()
    plan = make_plan(options.workload, options.docs, options.added, options.queries)
    report: dict[str, Any] = {
        "workload": options.workload, "cpu": cpu_name(), "threads": available_threads(),
        "load_before": os.getloadavg()[0], "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "systems": {},
    }  # fmt: skip
    for system in options.only:
        found: dict[str, Any] = {}
        report["systems"][system] = found
        try:
            measure(system, plan, options.budget_s, found)
        except JobFailedError as error:
            found["failed"] = str(error)
        shutil.rmtree(plan.scratch / system, ignore_errors=True)
        name = f"{options.workload}-living-peers"
        save_report(report, name if set(options.only) == set(SYSTEMS) else f"{name}-part")
    versions = {n: v for one in report["systems"].values() for n, v in one.get("versions", {}).items()}
    print(f"{plan.n_docs:,} documents, {plan.n_tokens:,} tokens; built from {plan.n_base:,}, {options.added:,} added")
    print(f"({plan.n_added_tokens:,} tokens), {len(plan.deleted):,} deleted, {len(plan.chosen)} selected.")
    print(f"{report['cpu']}, {report['threads']} threads, load before {report['load_before']:.1f}.")
    print("Versions:", ", ".join(f"{name} {version}" for name, version in sorted(versions.items())) + ".\n")
    print(markdown_table(COLUMNS, [row(system, found) for system, found in report["systems"].items()]))
    for system, found in report["systems"].items():
        if "failed" in found:
            print(f"\n{system} ended early: {found['failed']}")


if __name__ == "__main__":
    main()
