"""Results as a Markdown table and a plot of overlap against latency."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bench.workloads.cache import cache_dir, write_atomically

__all__ = ["RESULTS", "markdown_table", "save_report", "write_report"]

RESULTS = Path(__file__).resolve().parent / "results"

_HEAD = (
    "system", "options", "overlap@10", "MRR@10", "nDCG@10", "p50 ms", "p95 ms", "queries/s",
    "build s", "peak GB", "bytes/token", "open ms",
)  # fmt: skip


def write_report(report: dict[str, Any], folder: Path) -> str:
    """Write NAME.md and NAME.png (without matplotlib no plot) into ``folder``; gives the table."""
    name = report["workload"]["name"]
    text = _report_text(report)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.md").write_text(text, encoding="utf-8")
    try:
        _plot(report, folder / f"{name}.png")
    except ImportError:
        text += "\n(no plot: matplotlib is not installed)\n"
    return text


def save_report(report: dict[str, Any], name: str) -> None:
    """Keep the JSON beside the benchmarks (not tracked) and in the cache, after every run: hours are not lost."""
    text = json.dumps(report, indent=1)
    for folder in (RESULTS, cache_dir() / "results"):
        write_atomically(folder / f"{name}.json", lambda path: _write(path, text))


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def _report_text(report: dict[str, Any]) -> str:
    workload, machine = report["workload"], report["machine"]
    rows = [row for run in report["runs"] for row in _rows(run)]
    versions = {n: v for run in report["runs"] for n, v in run.get("versions", {}).items()}
    parts = [
        f"Workload {workload['name']}: {workload['n_docs']:,} documents, {workload['n_tokens']:,} token vectors.",
        f"{machine['cpu']}, {machine['threads']} threads, {report['at']}, load before {report['load_before']:.1f}.",
        "Versions: " + ", ".join(f"{name} {version}" for name, version in sorted(versions.items())) + ".",
        markdown_table(_HEAD, rows),
        _ratios(report),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _rows(run: dict[str, Any]) -> list[list[str]]:
    if "failed" in run:
        return [[run["label"], run["failed"].replace("|", "/")[:160], *[""] * 10]]
    rows = []
    for i, one in enumerate(run["settings"]):
        options = ", ".join(f"{name} {value}" for name, value in one["options"].items()) or "defaults"
        build = run.get("build") if i == 0 else None
        rows.append([
            run["label"],
            options,
            *(_number(one.get(name), ".3f") for name in ("overlap@10", "MRR@10", "nDCG@10")),
            *(_number(one[name], ".2f") for name in ("p50_ms", "p95_ms")),
            _number(one["queries_per_s"], ".0f"),
            _number(build and build["seconds"], ".1f"),
            _number(build and build["peak_bytes"] / 1e9, ".2f"),
            _number(build and build["bytes_per_token"], ".1f"),
            _number(run["open_ms"] if i == 0 else None, ".1f"),
        ])  # fmt: skip
    return rows


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _ratios(report: dict[str, Any]) -> str:
    """This library's defaults over tachiom's, where both ran."""
    runs = {run["label"]: run for run in report["runs"] if run["settings"]}
    if not {"motherlode", "tachiom"} <= runs.keys():
        return ""
    ours, theirs = runs["motherlode"], runs["tachiom"]
    mine, other = ours["settings"][0], theirs["settings"][0]
    return (
        f"Defaults, motherlode over tachiom: overlap@10 {mine['overlap@10']:.3f} / {other['overlap@10']:.3f}, "
        f"p50 1/{other['p50_ms'] / mine['p50_ms']:.1f}, p95 1/{other['p95_ms'] / mine['p95_ms']:.1f}, "
        f"queries/s {mine['queries_per_s'] / other['queries_per_s']:.1f}×, "
        f"build time 1/{theirs['build']['seconds'] / ours['build']['seconds']:.1f}, "
        f"peak memory 1/{theirs['build']['peak_bytes'] / ours['build']['peak_bytes']:.1f}, "
        f"bytes/token {ours['build']['bytes_per_token']:.1f} / {theirs['build']['bytes_per_token']:.1f}."
    )


def _plot(report: dict[str, Any], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 5), dpi=150)
    for run in report["runs"]:
        if not run["settings"] or "forced" in run["label"]:
            continue
        points = sorted((one["p50_ms"], one["overlap@10"]) for one in run["settings"])
        axes.plot(*zip(*points, strict=True), marker="o", markersize=4, label=run["label"])
        default = run["settings"][0]
        axes.plot(default["p50_ms"], default["overlap@10"], marker="o", markersize=9, fillstyle="none", color="black")
    axes.set_xscale("log")
    axes.set_xlabel("p50 latency of a query on one thread, ms (circled: defaults)")
    axes.set_ylabel("overlap@10 with exact MaxSim")
    workload = report["workload"]
    axes.set_title(f"{workload['name']}: {workload['n_docs']:,} documents, {workload['n_tokens']:,} tokens")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path)
    pyplot.close(figure)
