"""A changing index against a fresh one: searches after scattered updates, additions, deletions, filters, batches.

python bench/living.py [--workload debian]

One process, one thread for searches. The index is built from all documents, then 1,000 of them, scattered, are updated
in transactions of ten (with the vectors they have, so that the fresh index is the yardstick for the hits too); latency
is the median over the known-item queries, each at its best of three rounds that take turns between the two indexes.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from bench.measure import cpu_name
from bench.tables import save_report
from bench.workloads.cache import cache_dir
from motherlode import Index, build_index, open_index

N_UPDATES = 1000
PER_TRANSACTION = 10
N_QUERIES = 500


class Corpus:
    def __init__(self, folder: Path) -> None:
        self.vectors = np.load(folder / "vectors.npy", mmap_mode="r")
        self.token_ids = np.load(folder / "token_ids.npy")
        self.offsets = np.load(folder / "offsets.npy")
        self.n_docs = len(self.offsets) - 1
        queries, bounds = (
            np.load(folder / "query_vectors.npy").astype(np.float32),
            np.load(folder / "query_offsets.npy"),
        )
        self.queries = [queries[bounds[i] : bounds[i + 1]] for i in range(N_QUERIES)]
        self.exact = np.load(folder / "exact_top100.npz")["positions"][:N_QUERIES, :10]

    def documents(self, positions: Any) -> tuple[Any, Any, Any]:
        rows = [np.arange(self.offsets[p], self.offsets[p + 1]) for p in positions]
        chosen = np.concatenate(rows)
        return self.vectors[chosen], np.cumsum([0, *(len(r) for r in rows)]), self.token_ids[chosen]


def latencies(searches: list[Any], queries: list[Any]) -> list[float]:
    """Median milliseconds of each way to search."""
    best = np.full((len(searches), len(queries)), np.inf)
    for _ in range(3):
        for s, search in enumerate(searches):
            for i, query in enumerate(queries):
                began = time.perf_counter()
                search(query)
                best[s, i] = min(best[s, i], 1000 * (time.perf_counter() - began))
    return [float(np.median(row)) for row in best]


def overlap(index: Index, corpus: Corpus) -> float:
    found = [{int(name) for name in index.search(query, 10).ids} for query in corpus.queries]
    return float(np.mean([len(f & set(e.tolist())) / 10 for f, e in zip(found, corpus.exact, strict=True)]))


def filters(index: Index, corpus: Corpus) -> dict[str, Any]:
    """Filters that keep one in a hundred, ten and half of the documents, against no filter."""
    conditions = {"1 %": "percent = 7", "10 %": "percent < 10", "50 %": "percent BETWEEN 0 AND 49"}
    searches: list[Any] = [lambda q: index.search(q, 10)]
    searches += [lambda q, where=where: index.search(q, 10, where=where) for where in conditions.values()]
    quick = "10 %, k_docs_to_score=800"
    conditions[quick] = conditions["10 %"]
    searches.append(lambda q: index.search(q, 10, where=conditions[quick], k_docs_to_score=800))
    free, *kept = latencies(searches, corpus.queries[:200])
    return {"none": free, **{name: {"ms": ms, "ratio": ms / free} for name, ms in zip(conditions, kept, strict=True)}}


def batches(index: Index, corpus: Corpus) -> dict[str, Any]:
    """Queries a second on one thread: one by one, and 64 at once; the best of three rounds that take turns."""
    parts = [corpus.queries[at : at + 64] for at in range(0, len(corpus.queries) - 63, 64)]
    n, single, batched = sum(map(len, parts)), [], []
    for _ in range(3):
        single.append(timed(lambda: [index.search(q, 10) for part in parts for q in part]))
        batched.append(timed(lambda: [index.search_batch(part, 10, n_threads=1) for part in parts]))
    return {"one_by_one": n / min(single), "batched": n / min(batched), "ratio": min(single) / min(batched)}


def timed(work: Any) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def measure(name: str) -> dict[str, Any]:
    corpus, scratch = Corpus(cache_dir() / name), cache_dir() / "indexes" / name
    ids = [str(i) for i in range(corpus.n_docs)]
    report: dict[str, Any] = {"workload": name, "cpu": cpu_name(), "load_before": os.getloadavg()[0]}
    rng = np.random.default_rng(0)

    def build(folder: str) -> Index:
        path = scratch / folder
        shutil.rmtree(path, ignore_errors=True)
        percent = {"percent": (np.random.default_rng(1).permutation(corpus.n_docs) % 100).tolist()}
        return build_index(
            path, corpus.vectors, corpus.offsets, corpus.token_ids, ids, kind="compressed", metadata=percent
        )

    fresh, living = build("fresh"), build("living")
    updated = rng.choice(corpus.n_docs, N_UPDATES, replace=False)
    seconds = []
    for begin in range(0, N_UPDATES, PER_TRANSACTION):
        part = updated[begin : begin + PER_TRANSACTION]

        def update(part: Any = part) -> None:
            with living.writer() as w:
                w.update([str(p) for p in part], *corpus.documents(part))

        seconds.append(timed(update))
    report["update_transaction_ms"] = {"p50": 1000 * float(np.median(seconds)), "max": 1000 * max(seconds)}
    before, after = latencies([lambda q: fresh.search(q, 10), lambda q: living.search(q, 10)], corpus.queries)
    report["search_ms"] = {"fresh": before, "after_updates": after, "ratio": after / before}
    report["overlap@10"] = {"fresh": overlap(fresh, corpus), "after_updates": overlap(living, corpus)}
    report["segments"] = len(living.info()["segments"])

    added = np.arange(min(corpus.n_docs, 5000))
    vectors, offsets, kinds = corpus.documents(added)

    def add() -> None:
        with living.writer() as w:
            w.add([f"copy {p}" for p in added], vectors, offsets, kinds)

    report["add"] = {"n_tokens": len(vectors), "seconds": timed(add)}
    report["add"]["tokens_per_s"] = len(vectors) / report["add"]["seconds"]
    gone = [str(p) for p in rng.choice(corpus.n_docs, corpus.n_docs // 10, replace=False)]

    def delete() -> None:
        with living.writer() as w:
            w.delete(gone)

    report["delete_a_tenth_s"] = timed(delete)
    one_percent = [str(p) for p in rng.choice(corpus.n_docs, corpus.n_docs // 100, replace=False)]
    free, chosen = latencies(
        [lambda q: fresh.search(q, 10), lambda q: fresh.search(q, 10, subset=one_percent)], corpus.queries[:200]
    )
    report["subset_of_1_percent_ms"] = {"without": free, "with": chosen, "ratio": chosen / free}
    report["filters_ms"] = filters(fresh, corpus)
    report["batches_of_64"] = batches(fresh, corpus)
    report["compact_s"] = timed(living.compact)
    report["refresh_ms"] = 1000 * timed(fresh.refresh)
    report["open_ms"] = 1000 * timed(lambda: open_index(living.path))
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workload", default="debian", help="a prepared folder of the cache")
    name = parser.parse_args().workload
    report = measure(name)
    save_report(report, f"{name}-living")
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
