"""``lode eval``."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from motherlode.cli.console import DrawnProgress, problems, results
from motherlode.workflows.evaluation import Evaluation, evaluate, open_precomputed, read_qrels, read_queries
from motherlode.workflows.text_index import encoder_of

__all__ = ["EvalRequest", "evaluate_index"]


@dataclass(frozen=True, slots=True)
class EvalRequest:
    """What ``lode eval`` was asked for."""

    path: Path
    queries: Path
    qrels: Path | None
    measures: str
    run_out: Path | None
    exact: bool
    exact_vectors: Path | None
    encoder: str | None
    k: int
    mode: str


def evaluate_index(request: EvalRequest, *, as_json: bool, no_color: bool) -> None:
    """Run the queries and print the measures."""
    from motherlode import open_index, to_trec

    index = open_index(request.path)
    queries = read_queries(request.queries)
    qrels = read_qrels(request.qrels) if request.qrels else None
    progress = DrawnProgress(problems(no_color=no_color))
    with progress.shown():
        found = evaluate(
            index,
            queries,
            qrels,
            measures=[m.strip() for m in request.measures.split(",") if m.strip()],
            encoder=encoder_of(index, request.encoder),
            exact=open_precomputed(request.exact_vectors) if request.exact_vectors else request.exact,
            k=request.k,
            mode=request.mode,
            progress=progress,
        )
    if request.run_out:
        to_trec(found.run, request.run_out, underscores=True)
    if as_json:
        sys.stdout.write(json.dumps(_as_json(found)) + "\n")
    else:
        _print(found, no_color=no_color)


def _as_json(found: Evaluation) -> dict[str, object]:
    return {
        "n_queries": found.n_queries,
        "n_judged": found.n_judged,
        "measures": found.measures,
        "overlap@10": found.overlap_at_10,
        "latency_ms": found.latency_ms,
        "encode_ms": found.encode_ms,
        "collapsed_passages": found.collapsed_passages,
    }


def _print(found: Evaluation, *, no_color: bool) -> None:
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="cyan")
    table.add_column(justify="right")
    for name, value in found.measures.items():
        table.add_row(name, f"{value:.4f}")
    if found.overlap_at_10 is not None:
        table.add_row("overlap@10 with exact MaxSim", f"{found.overlap_at_10:.4f}")
    for name, value in found.latency_ms.items():
        table.add_row(f"search {name}", f"{value:.2f} ms")
    table.add_row("encoding a query", f"{found.encode_ms:.1f} ms")
    console = results(no_color=no_color)
    console.print(table)
    judged = f", {found.n_judged} of them judged" if found.n_judged else ""
    passages = "; a document's best passage counts" if found.collapsed_passages else ""
    console.print(f"{found.n_queries} queries{judged}{passages}", style="dim")
