"""What breaks if this changes: the lifecycle graph's traversal by itself, and beside SQLite, networkx and rustworkx.

python bench/lifecycle_traversal.py [speed] [peers] [--nodes 2000000] [--arcs 10000000] [--rounds 5] [--seed 0]

speed   a graph of --arcs: build, one hop, impact sets of at most 10,000 nodes, sweeps of everything with and without an
        instant, a write and the query that sees it, memory
peers   a graph of --peer-arcs: the same seeds, all nodes downstream, each system in a process of its own; answers are
        asserted to be equal
Datasets feed jobs, which write datasets, whose columns make features, models, deployments; the first of a level
feed the most. Every hundredth arc says that two datasets of different systems are the same; some deployments feed one.
Times are CPU times of the one thread that works, so that others' work on the machine counts less. Prints JSON, which
also goes to bench/results and to the cache.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

import motherlode
from bench.measure import available_threads, cpu_name, run_job
from bench.peers.protocol import peak_bytes
from bench.peers.reachability import Reach, timed
from bench.tables import save_report
from motherlode.lifecycle.csr import Graph, Overlay, build_graph
from motherlode.lifecycle.kernels import neighbours, reach

PEERS = ("sqlite", "networkx", "rustworkx")
LEVELS = ("dataset", "job", "dataset", "column", "feature", "model", "deployment")
SHARES = (0.05, 0.10, 0.10, 0.40, 0.20, 0.10, 0.05)  # of the nodes
FLOWS = (0.06, 0.08, 0.12, 0.36, 0.28, 0.09)  # of the arcs, from each level to the next; then the same, then feedback
SAME, FEEDBACK = 6, 7
COLUMNS = ("offsets", "nodes", "classes", "edges")
LARGEST_IMPACT = 10_000
# name, smallest impact, levels of the seeds: datasets to models, most of them columns; jobs and what they write
IMPACTS = (("impact", 1, slice(2, 6)), ("impact_of_1000_or_more", 1000, slice(1, 3)))

# Conditions: 1 to look at, 2 degraded, 3 broken. A class for each flow, then "the same" and feedback.
TRANSFER = np.array(
    [[0, 1, 2, 3], [0, 1, 2, 3], [0, 1, 2, 3], [0, 1, 2, 3], [0, 1, 2, 2], [0, 1, 2, 3], [0, 1, 2, 3], [0, 0, 0, 1]],
    np.uint8,
)
IDENTITY = np.arange(len(TRANSFER)) == SAME
PLAIN = np.array([[0, 1]] * len(TRANSFER), np.uint8)
NO_IDENTITY = np.zeros(len(TRANSFER), bool)


@dataclass(frozen=True)
class Workload:
    """Arcs by edge; ``levels[i]`` are the nodes of LEVELS[i]."""

    n_nodes: int
    source: Any
    target: Any
    classes: Any
    edges: Any
    valid_from: Any
    valid_to: Any
    levels: list[Any]


def lifecycle_graph(n_nodes: int, n_arcs: int, seed: int, *, shuffled: bool) -> Workload:
    """Reproducible. Fan-out falls like a power of the rank in the level; shuffled: numbers say nothing of the level."""
    rng = np.random.default_rng(seed)
    bounds = np.concatenate([[0], np.round(np.cumsum(SHARES) * n_nodes)]).astype(np.int64)
    names = rng.permutation(n_nodes) if shuffled else np.arange(n_nodes)
    levels = [names[begin:end] for begin, end in itertools.pairwise(bounds)]
    parts = []
    for flow, share in enumerate(FLOWS):
        n = round(share * n_arcs)
        feeding, fed = levels[flow], levels[flow + 1]
        # the density of ranks falls like rank ** -0.6
        parts.append((feeding[(len(feeding) * rng.random(n) ** 2.5).astype(np.int64)], rng.choice(fed, n), flow))
    n_feedback = max(1, n_arcs // 1_000_000)
    n_same = (n_arcs - sum(len(part[0]) for part in parts) - n_feedback) // 2
    one, other = rng.choice(levels[0], n_same), rng.choice(levels[2], n_same)
    parts += [(one, other, SAME), (other, one, SAME)]
    parts.append((rng.choice(levels[-1], n_feedback), rng.choice(levels[0], n_feedback), FEEDBACK))
    source, target = (np.concatenate([part[i] for part in parts]).astype(np.int32) for i in range(2))
    classes = np.repeat([part[2] for part in parts], [len(part[0]) for part in parts]).astype(np.uint8)
    edges = np.arange(len(source), dtype=np.int32)
    begin = int(np.searchsorted(classes, SAME))
    edges[begin + n_same : begin + 2 * n_same] = edges[begin : begin + n_same]  # both ways of one edge
    valid_from = rng.integers(0, 500, len(source))
    valid_to = valid_from + rng.integers(1, 2000, len(source))
    return Workload(n_nodes, source, target, classes, edges, valid_from, valid_to, levels)


def quantiles(ms: Sequence[float]) -> dict[str, float]:
    return {f"p{round(100 * q)}_ms": float(np.quantile(ms, q)) for q in (0.5, 0.95, 0.99)}


def medians(rounds: Sequence[Sequence[float]]) -> list[float]:
    """Of each query over the rounds."""
    return [float(value) for value in np.median(np.array(rounds), axis=0)]


def clocked(call: Callable[..., Any], *arguments: Any, **options: Any) -> tuple[float, Any]:
    """Milliseconds of this thread's CPU and what came back."""
    began = time.thread_time()
    found = call(*arguments, **options)
    return 1000 * (time.thread_time() - began), found


def impact_seeds(graph: Graph, candidates: Any, n: int, least: int = 1) -> list[int]:
    """The first n whose impact has least … LARGEST_IMPACT nodes."""
    found: list[int] = []
    for seed in candidates.tolist():
        affected = reach(graph, None, [seed], [1], PLAIN, NO_IDENTITY, n_max=LARGEST_IMPACT)
        if affected.n_nodes >= least and not affected.truncated:
            found.append(seed)
        if len(found) == n:
            return found
    raise SystemExit(f"only {len(found)} of {n} seeds have an impact of {least} … {LARGEST_IMPACT} nodes")


def speed(options: argparse.Namespace, *, shuffled: bool) -> dict[str, Any]:
    """All measures of one graph."""
    made = lifecycle_graph(options.nodes, options.arcs, options.seed, shuffled=shuffled)
    before, load = peak_bytes(), os.getloadavg()[0]
    build_ms, graph = clocked(
        build_graph, made.source, made.target, made.classes, made.edges, made.n_nodes,
        valid_from=made.valid_from, valid_to=made.valid_to,
    )  # fmt: skip
    sides = (getattr(side, column) for side in (graph.downstream, graph.upstream) for column in COLUMNS)
    size_bytes = made.valid_from.nbytes + made.valid_to.nbytes + sum(column.nbytes for column in sides)
    found: dict[str, Any] = {
        "shuffled": shuffled, "n_nodes": graph.n_nodes, "n_arcs": graph.n_arcs, "load": load, "build_s": build_ms / 1e3,
        "graph_bytes": size_bytes, "peak_bytes_of_build": peak_bytes(), "peak_bytes_before": before,
    }  # fmt: skip
    rng = np.random.default_rng(options.seed + 1)
    nodes = rng.integers(0, graph.n_nodes, options.queries)
    overlay = Overlay([0], [1], [0], [len(made.edges)], n_nodes=graph.n_nodes)
    for name, over, at in (("one_hop", None, None), ("one_hop_overlay_as_of", overlay, 400)):
        rounds = [
            [clocked(neighbours, graph, over, node, at=at)[0] for node in nodes.tolist()] for _ in range(options.rounds)
        ]
        found[name] = quantiles(medians(rounds))
    for name, least, levels in IMPACTS:
        candidates = rng.permutation(np.concatenate(made.levels[levels]))
        found[name] = impacts(graph, impact_seeds(graph, candidates, options.queries, least), options.rounds)
    found["sweep"] = sweeps(graph, made, options.rounds)
    found["write"] = writes(graph, made, options)
    return found


def impacts(graph: Graph, seeds: list[int], n_rounds: int) -> dict[str, Any]:
    """One query after the other: plain, with conditions, with conditions as of an instant."""
    found: dict[str, Any] = {}
    for name, rules, at in (
        ("plain", (PLAIN, NO_IDENTITY), None), ("conditions", (TRANSFER, IDENTITY), None),
        ("as_of", (TRANSFER, IDENTITY), 400),
    ):  # fmt: skip
        worst = rules[0].shape[1] - 1
        sizes, rounds = [], []
        for _ in range(n_rounds):
            answers = [clocked(reach, graph, None, [s], [worst], *rules, at=at) for s in seeds]
            rounds.append([ms for ms, _ in answers])
            sizes = [answer.n_nodes for _, answer in answers]
        found[name] = quantiles(medians(rounds)) | {"median_nodes": int(np.median(sizes)), "most_nodes": max(sizes)}
    return found


def sweeps(graph: Graph, made: Workload, n_rounds: int) -> dict[str, Any]:
    """Everything that has no source broken at once."""
    roots = made.levels[0].astype(np.int32)
    found: dict[str, Any] = {}
    for name, rules, at in (
        ("plain", (PLAIN, NO_IDENTITY), None), ("plain_as_of", (PLAIN, NO_IDENTITY), 400),
        ("conditions", (TRANSFER, IDENTITY), None), ("conditions_as_of", (TRANSFER, IDENTITY), 400),
    ):  # fmt: skip
        conditions = np.full(len(roots), rules[0].shape[1] - 1, np.uint8)
        call = (reach, graph, None, roots, conditions, *rules)
        first_ms, answer = clocked(*call, at=at)
        times = [clocked(*call, at=at)[0] for _ in range(n_rounds)]
        found[name] = {
            "median_ms": float(np.median(times)), "least_ms": min(times), "first_ms": first_ms,
            "nodes": answer.n_nodes, "steps": len(answer.all_nodes), "deepest": int(answer.depths.max()),
        }  # fmt: skip
    return found


def writes(graph: Graph, made: Workload, options: argparse.Namespace) -> dict[str, Any]:
    """An overlay of n arcs, of which the last makes a new node: built anew, and the query that sees it."""
    rng = np.random.default_rng(options.seed + 2)
    found = {}
    for n in (1, 1000, 100_000):
        picked = rng.choice(len(made.source), n, replace=False)
        target = rng.permutation(made.target[picked])
        target[-1] = graph.n_nodes
        edges = np.arange(len(made.edges), len(made.edges) + n, dtype=np.int32)
        removed = np.zeros(len(made.edges), np.uint8)
        build, query = [], []
        for _ in range(max(options.rounds, 20)):
            ms, overlay = clocked(Overlay, made.source[picked], target, made.classes[picked], edges, removed=removed)
            build.append(ms)
            seed = made.source[picked][-1:]
            ms, answer = clocked(reach, graph, overlay, seed, [1], PLAIN, NO_IDENTITY, max_depth=1)
            query.append(ms)
            if graph.n_nodes not in answer.nodes:
                raise SystemExit("a write was not seen by the next query")
        found[str(n)] = {"overlay_ms": float(np.median(build)), "query_ms": float(np.median(query))}
    return found


def peers(options: argparse.Namespace) -> dict[str, Any]:
    """Impact sets in a graph of --peer-arcs by everybody, ours the same way."""
    n_nodes = options.peer_arcs // 5
    made = lifecycle_graph(n_nodes, options.peer_arcs, options.seed, shuffled=True)
    graph = build_graph(made.source, made.target, made.classes, made.edges, n_nodes)
    rng = np.random.default_rng(options.seed + 1)
    found: dict[str, Any] = {"n_nodes": n_nodes, "n_arcs": graph.n_arcs}
    for name, least, levels in IMPACTS:
        candidates = rng.permutation(np.concatenate(made.levels[levels]))
        seeds = impact_seeds(graph, candidates, options.peer_queries, least)
        with tempfile.TemporaryDirectory() as folder:
            np.save(Path(folder) / "source.npy", made.source)
            np.save(Path(folder) / "target.npy", made.target)
            request = {"job": "reach", "arcs": folder, "n_nodes": n_nodes, "seeds": seeds, "rounds": options.rounds}
            answers = {"motherlode": timed(request, _ours, lambda answer: answer.nodes)}
            answers |= {peer: run_job(peer, request, n_threads=1) for peer in PEERS}
            answers["motherlode again"] = timed(request, _ours, lambda answer: answer.nodes)
        ours = answers["motherlode"]
        base = np.array(medians(ours["ms"]))
        found[name] = {"median_nodes": int(np.median(ours["sizes"])), "most_nodes": max(ours["sizes"])}
        for system, answer in answers.items():
            if answer["digests"] != ours["digests"]:
                raise SystemExit(f"{system} and motherlode give different answers")
            ms = np.array(medians(answer["ms"]))
            found[name][system] = {
                **quantiles(ms.tolist()), "build_s": answer["build_s"], "version": answer.get("version", ""),
                "median_times_ours": float(np.median(ms / base)), "total_times_ours": float(ms.sum() / base.sum()),
            }  # fmt: skip
    return found


def _ours(source: Any, target: Any, n_nodes: int) -> Reach:
    classes, edges = np.zeros(len(source), np.uint8), np.arange(len(source), dtype=np.int32)
    graph = build_graph(source, target, classes, edges, n_nodes)
    return lambda seed: reach(graph, None, [seed], [1], PLAIN, NO_IDENTITY)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="+", choices=["speed", "peers"])
    parser.add_argument("--nodes", type=int, default=2_000_000)
    parser.add_argument("--arcs", type=int, default=10_000_000)
    parser.add_argument("--peer-arcs", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--peer-queries", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    report: dict[str, Any] = {
        "command": " ".join(sys.argv), "cpu": cpu_name(), "threads": available_threads(),
        "load_before": os.getloadavg()[0], "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "version": motherlode.__version__,
    }  # fmt: skip
    jobs: dict[str, Callable[[], Any]] = {
        "speed": lambda: [speed(options, shuffled=shuffled) for shuffled in (False, True)],
        "peers": lambda: peers(options),
    }
    for part in options.parts:
        report[part] = jobs[part]()
        print(part, json.dumps(report[part], indent=1), flush=True)
    save_report(report, f"lifecycle-traversal-{'-'.join(options.parts)}")
    print(f"{report['cpu']}, {report['threads']} threads, {report['at']}, load before {report['load_before']:.1f}.")


if __name__ == "__main__":
    main()
