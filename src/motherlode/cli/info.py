"""``lode info`` and ``lode cpu``."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from motherlode.cli.console import duration, results, size
from motherlode.workflows.opening import open_any

__all__ = ["cpu", "info"]


def info(path: Path, *, verify: bool, as_json: bool, no_color: bool) -> None:
    """Print what the index says of itself and the sizes of its files."""
    began = time.perf_counter()
    index = open_any(path, verify=verify)
    seconds = time.perf_counter() - began
    facts: dict[str, Any] = {**index.info(), "cpu": _cpu(), "verified": verify}
    files = {p.relative_to(path).as_posix(): p.stat().st_size for p in sorted(path.rglob("*")) if p.is_file()}
    if as_json:
        sys.stdout.write(json.dumps({**facts, "files": files}, indent=1, ensure_ascii=False) + "\n")
        return
    console = results(no_color=no_color)
    _print_facts(console, facts)
    if "shards" not in facts:
        _print_files(console, files)
    if verify:
        console.print(f"all checksums agree ({duration(seconds)})", style="green")
    else:
        console.print(f"opened in {1000 * seconds:.1f} ms; --verify checks all data", style="dim")


def _print_facts(console: Console, facts: Mapping[str, Any]) -> None:
    per_token = f"{facts['bytes_per_token']:.1f} bytes a token"
    rows = {
        "index": f"{facts['path']} ({facts['kind']}, format {facts['version']})",
        "documents": f"{facts['n_docs']:,}",
        "tokens": f"{facts['n_tokens']:,} of {facts['dim']} dimensions",
        **(
            {"metadata": ", ".join(f"{n} ({t})" for n, t in facts["metadata"].items())} if facts.get("metadata") else {}
        ),
        **_kept(facts),
        **(_shards(facts["shards"]) if "shards" in facts else _segments(facts["segments"])),
        "size": f"{size(facts['size_bytes'])}, {per_token}",
        "encoder": _encoder(facts.get("encoder")),
        "built": _built(facts.get("built") or {}),
        **{name: _readable(facts[name]) for name in ("codebook", "flat") if facts.get(name)},
        "CPU level": f"{facts['cpu']['level']} (available: {', '.join(facts['cpu']['available'])})",
    }
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows.items():
        table.add_row(name, value)
    console.print(table)


def _kept(facts: Mapping[str, Any]) -> dict[str, str]:
    """Nothing where no vectors stand beside the codes."""
    if not facts.get("keep_vectors"):
        return {}
    kept = f"kept as {facts['keep_vectors']}, {size(2 * facts['dim'] * facts['n_tokens'])}"
    return {"vectors": f"{kept}, beside the codes"}


def _shards(found: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """One line for each shard."""
    lines = [
        f"{s['name']}  {s['n_docs']:,} documents, {s['n_tokens']:,} tokens, {size(s['size_bytes'])}" for s in found
    ]
    return {f"{len(found):,} shards": "\n".join(lines)}


def _segments(counts: Sequence[Mapping[str, int]]) -> dict[str, str]:
    """Nothing for an index that has not been changed since it was built."""
    n_deleted = sum(one["n_deleted"] for one in counts)
    if len(counts) == 1 and not n_deleted:
        return {}
    waiting = f"; {n_deleted:,} deleted documents wait for a merge" if n_deleted else ""
    sizes = ", ".join(f"{one['n_docs']:,}" for one in counts)
    return {"segments": f"{len(counts):,} of {sizes} documents{waiting}"}


def _encoder(stored: Mapping[str, Any] | None) -> str:
    if not stored:
        return "none: search with vectors"
    config = stored.get("config", {})
    model = config.get("model") or config.get("file") or ""
    revision = f" at {config['revision'][:12]}" if config.get("revision") else ""
    return (
        f"{stored['name']} ({model}{revision})" if model and model != stored["name"] else f"{stored['name']}{revision}"
    )


def _built(facts: Mapping[str, Any]) -> str:
    seconds = facts.get("seconds")
    took = f" in {duration(seconds)} without encoding" if isinstance(seconds, int | float) else ""
    cpu_level = f", CPU level {facts['cpu_level']}" if "cpu_level" in facts else ""
    sample = f", trained on {facts['train_tokens']:,} tokens" if facts.get("train_tokens") else ""
    return f"{facts.get('at', 'unknown')}{took}{cpu_level}, seed {facts.get('seed', '?')}{sample}"


def _readable(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name.replace('_', ' ')} {_readable(v)}" for name, v in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _print_files(console: Console, files: Mapping[str, int]) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="cyan")
    table.add_column("file")
    table.add_column("size", justify="right")
    for name, n_bytes in files.items():
        table.add_row(name, size(n_bytes))
    console.print(table)


def _cpu() -> dict[str, Any]:
    from motherlode import cpu as cpu_info

    return asdict(cpu_info())


def cpu(*, as_json: bool) -> None:
    """Print the CPU level in use and those available."""
    facts = _cpu()
    if as_json:
        sys.stdout.write(json.dumps(facts) + "\n")
        return
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="cyan")
    table.add_column()
    table.add_row("level", facts["level"] + (" (forced by LODE_CPU_LEVEL)" if facts["forced"] else ""))
    table.add_row("available", ", ".join(facts["available"]))
    table.add_row("threads", str(facts["n_threads"]))
    results().print(table)
