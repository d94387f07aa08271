"""python -m bench: the table in a quarter of an hour. python -m bench full: the published one, some hours."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.clusters import clusters_table, compare_clusterings
from bench.compare import compare
from bench.prepare import prepare
from bench.tables import write_report
from bench.workloads.cache import cache_dir

BENCH = Path(__file__).resolve().parent
SHORT_DOCS = 10_000
# (K, what is clustered, budget of one clustering). tachiom.Tac becomes one global k-means when K is below a minimum
# set by the number of token types; faiss takes hours at the K that the others take seconds for.
FULL_CLUSTERS = [(32_768, ["motherlode", "tachiom.Tac"], 3600.0), (16_384, ["motherlode", "faiss k-means"], 3600.0)]
SHORT_CLUSTERS = [(32_768, ["motherlode", "tachiom.Tac"], 120.0), (1024, ["motherlode", "faiss k-means"], 120.0)]
SHORT_RUNS = ["motherlode", "tachiom", "exact"]


def main(arguments: list[str]) -> None:
    if arguments not in ([], ["full"]):
        raise SystemExit("usage: python -m bench [full]")
    full = arguments == ["full"]
    folder = cache_dir() / ("debian" if full else f"debian-{SHORT_DOCS // 1000}k")
    if not (folder / "exact_top100.npz").exists():
        minutes = 30 if full else 5
        print(f"no vectors in {folder} yet: encoding them once, about {minutes} minutes on two cores", file=sys.stderr)
    name = prepare(None if full else SHORT_DOCS, n_threads=2)
    results = BENCH / "results"
    # The short table leaves out the peers that alone take longer than all the others.
    report = compare(name, [] if full else SHORT_RUNS, budget_s=3600 if full else 420)
    print(write_report(report, BENCH if full else results))
    clusters = clusters_table(compare_clusterings(name, FULL_CLUSTERS if full else SHORT_CLUSTERS))
    print(clusters)
    ((BENCH if full else results) / f"{name}-clusters.md").write_text(clusters, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
