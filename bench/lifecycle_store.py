"""The lifecycle graph as a whole: recording, opening, asking, through the store and its public interface.

python bench/lifecycle_store.py [edges] [events] [--edges 1000000] [--events 10000] [--rounds 3] [--keep FILE]

edges    a graph like a company's (`lifecycle_traversal.lifecycle_graph`), half a component an edge in five: edges
         recorded per second until the next question sees them, concluded relations included; opening with and without
         the snapshot beside the database; impact sets of at most 10,000 components as arrays, then with rows and paths;
         a write and the question that sees it; as of an instant; memory
events   the shared OpenLineage events, repeated with fresh run ids: events recorded per second

Wall times and CPU times of the process; medians of --rounds where more than one is made. Prints JSON, which also goes
to bench/results and to the cache.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

import motherlode
from bench.lifecycle_traversal import LARGEST_IMPACT, LEVELS, SAME, lifecycle_graph, quantiles
from bench.measure import available_threads, cpu_name
from bench.tables import save_report
from motherlode.lifecycle import Edge, GraphView, LifecycleGraph, Observation, OpenLineage, make_uri, open_lifecycle
from motherlode.lifecycle.snapshot_file import SUFFIX

RELATIONS = ("read_by", "writes", "has_column", "feeds", "input_of", "deployed_as", "same_as", "scored")
TYPES = {"job": "pipeline", "model": "model_version"}


def components(made: Any) -> list[str]:
    """Addresses by node."""
    uris = [""] * made.n_nodes
    for level, nodes in zip(LEVELS, made.levels, strict=True):
        kind = TYPES.get(level, level)
        for node in nodes.tolist():
            uris[node] = make_uri(kind, "bench", f"warehouse/area{node % 97}.{level}_{node}")
    return uris


def observations(made: Any, uris: list[str]) -> Iterator[Observation]:
    """One for each component, with the edges that come in."""
    order = np.argsort(made.target, kind="stable")
    source, target, classes = (column[order].tolist() for column in (made.source, made.target, made.classes))
    bounds = np.searchsorted(made.target[order], np.arange(made.n_nodes + 1)).tolist()
    for node, uri in enumerate(uris):
        edges = tuple(
            Edge(uris[source[at]], RELATIONS[classes[at]], uris[target[at]], 1.0, "bench")
            for at in range(bounds[node], bounds[node + 1])
            if classes[at] != SAME or source[at] < target[at]
        )
        yield Observation(uri, version=1, attributes={"description": f"number {node}"}, edges=edges)


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def clocked() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def since(began: tuple[float, float]) -> dict[str, float]:
    return {"wall_s": time.perf_counter() - began[0], "cpu_s": time.process_time() - began[1]}


def rates(n: int, took: dict[str, float]) -> dict[str, float]:
    return {"per_wall_s": n / took["wall_s"], "per_cpu_s": n / took["cpu_s"], **took}


def asked(graph: GraphView, targets: list[str], rounds: int) -> dict[str, Any]:
    """Impact of each target: arrays, then rows with paths, then whether it is complete."""
    arrays, rows, complete, sizes = [], [], [], []
    for target in targets:
        took = []
        report = graph.impact(target, "drop")
        for _ in range(rounds):
            began = time.perf_counter()
            report = graph.impact(target, "drop")
            took.append(1000 * (time.perf_counter() - began))
        arrays.append(float(np.median(took)))
        sizes.append(len(report))
        began = time.perf_counter()
        report.first(20)
        rows.append(1000 * (time.perf_counter() - began))
        began = time.perf_counter()
        report.complete  # noqa: B018 - reading it is the work
        complete.append(1000 * (time.perf_counter() - began))
    return {
        "n": len(targets),
        "largest": max(sizes),
        "median_size": float(np.median(sizes)),
        "arrays": quantiles(arrays),
        "first_20_rows_with_paths": quantiles(rows),
        "completeness": quantiles(complete),
    }


def edges(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Everything about one graph."""
    made = lifecycle_graph(options.edges // 5, options.edges, options.seed, shuffled=True)
    uris = components(made)
    path = options.keep or folder / "graph.db"
    found: dict[str, Any] = {"n_components": made.n_nodes, "load": os.getloadavg()[0]}
    with open_lifecycle(path) as graph:
        items = list(observations(made, uris))
        n_edges = sum(len(item.edges) for item in items)
        began = clocked()
        graph.ingestion.add("bench", "", items)
        recorded = since(began)
        began = clocked()
        formed = graph.form()
        concluded = since(began)
        both = {name: recorded[name] + concluded[name] for name in recorded}
        found |= {
            "n_edges": n_edges,
            "recorded": rates(n_edges, recorded),
            "recorded_and_concluded": rates(n_edges, both),
            "n_inferred": formed.n_inferred,
        }
        del items
    found["database_bytes"] = path.stat().st_size
    rng = np.random.default_rng(options.seed)
    candidates = [uris[node] for level in made.levels[1:6] for node in rng.choice(level, 400).tolist()]
    del made
    before = resident_bytes()
    with open_lifecycle(path) as graph:
        began = clocked()
        graph.impact(uris[0])
        found["first_question_without_snapshot"] = since(began)
        found["resident_bytes_of_the_graph"] = resident_bytes() - before
    snapshot = path.with_name(path.name + SUFFIX)
    found["snapshot_bytes"] = snapshot.stat().st_size if snapshot.exists() else 0
    with open_lifecycle(path) as graph:
        began = clocked()
        graph.impact(uris[0])
        found["first_question_with_snapshot"] = since(began)
        return found | questions(graph, candidates, options.rounds)


def questions(graph: LifecycleGraph, candidates: list[str], rounds: int) -> dict[str, Any]:
    """Impact sets of all sizes, everything downstream, as of, and what was just written."""
    found: dict[str, Any] = {}
    small = [uri for uri in candidates if len(graph.impact(uri, n_max=LARGEST_IMPACT)) < LARGEST_IMPACT]
    large = [uri for uri in small if len(graph.impact(uri)) >= 100]
    found["impact"] = asked(graph, small[:500], rounds)
    found["impact_of_100_or_more"] = asked(graph, large[:200], rounds) if large else None
    began = clocked()
    found["everything_downstream"] = {"n": len(graph.downstream(candidates[0]).ids), **since(began)}
    found["as_of"] = asked(graph.as_of(valid_at="2026-06-01"), small[:200], rounds)
    written = []
    for number in range(20):
        target, new = small[number], make_uri("model_version", "bench", f"new/{number}")
        began = clocked()
        graph.add([Observation(new, version=1, edges=(Edge(target, "input_of", new),))])
        wrote = since(began)["wall_s"]
        began = clocked()
        impact = graph.impact(target)
        written.append((1000 * wrote, 1000 * since(began)["wall_s"]))
        if new not in {row.uri for row in impact.rows}:
            raise SystemExit(f"a write was not seen by the next question: {new}")
    found["write"] = quantiles([w for w, _ in written])
    found["question_after_a_write"] = quantiles([q for _, q in written])
    return found


def events(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Repeat the shared events with run ids of their own, as one file of lines."""
    data = Path(os.environ.get("MOTHERLODE_DATA", "../shared/data")) / "openlineage" / "events"
    originals = [json.loads(file.read_text()) for file in sorted(data.rglob("*.json")) if "invalid" not in file.parts]
    path = folder / "events.ndjson"
    with path.open("w") as out:
        for number in range(options.events):
            event = originals[number % len(originals)]
            event = {
                **event,
                "run": {**event.get("run", {}), "runId": str(uuid.UUID(int=number // len(originals) + 1))},
            }
            out.write(json.dumps(event) + "\n")
    took, n_rejected = [], 0
    for round_number in range(options.rounds):
        with open_lifecycle(folder / f"events{round_number}.db") as graph:
            began = clocked()
            report = graph.ingest(OpenLineage(str(path)))
            took.append(since(began))
            n_rejected = report.providers[0].tally.n_rejected
    best = sorted(took, key=lambda one: one["wall_s"])[len(took) // 2]
    return {"n": options.events, "n_rejected": n_rejected, **rates(options.events, best)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", default=["edges", "events"])
    parser.add_argument("--edges", type=int, default=1_000_000)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    report: dict[str, Any] = {"version": motherlode.__version__, "cpu": cpu_name(), "threads": available_threads()}
    with tempfile.TemporaryDirectory() as folder:
        if "edges" in options.what:
            report["edges"] = edges(options, Path(folder))
        if "events" in options.what:
            report["events"] = events(options, Path(folder))
    print(json.dumps(report, indent=1))
    save_report(report, "lifecycle_store")


if __name__ == "__main__":
    main()
