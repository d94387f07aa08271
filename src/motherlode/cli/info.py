"""``lode info`` and ``lode cpu``."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from motherlode.cli.console import duration, results, size

__all__ = ["cpu", "info"]


def info(path: Path, *, verify: bool, as_json: bool, no_color: bool) -> None:
    """Print what the index says of itself and the sizes of its files."""
    from motherlode import open_index

    began = time.perf_counter()
    index = open_index(path, verify=verify)
    seconds = time.perf_counter() - began
    facts: dict[str, Any] = dict(index.info())
    files = {p.relative_to(path).as_posix(): p.stat().st_size for p in sorted(path.rglob("*")) if p.is_file()}
    facts.update(
        path=str(path),
        n_docs=index.n_docs,
        n_tokens=index.n_tokens,
        dim=index.dim,
        kind=index.kind,
        size_bytes=index.size_bytes,
        bytes_per_token=round(index.size_bytes / max(1, index.n_tokens), 2),
        files=files,
        cpu=_cpu(),
    )
    if verify:
        facts["verified"] = True
    if as_json:
        sys.stdout.write(json.dumps(facts, indent=1, ensure_ascii=False, default=str) + "\n")
        return
    console = results(no_color=no_color)
    _print_facts(console, facts)
    _print_files(console, files)
    how = (
        f"all checksums agree ({duration(seconds)})"
        if verify
        else f"opened in {1000 * seconds:.1f} ms; --verify checks all data"
    )
    console.print(how, style="green" if verify else "dim")


_FIRST = ("path", "kind", "n_docs", "n_tokens", "dim", "size_bytes", "bytes_per_token", "encoder", "cpu")


def _print_facts(console: Console, facts: Mapping[str, Any]) -> None:
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    rest = [name for name in facts if name not in _FIRST and name != "files"]
    for name in (*_FIRST, *rest):
        if facts.get(name) is not None:
            table.add_row(_LABELS.get(name, name.replace("_", " ")), _readable(name, facts[name]))
    console.print(table)


_LABELS = {"n_docs": "documents", "n_tokens": "tokens", "dim": "dimensions", "size_bytes": "size", "cpu": "CPU level"}


def _readable(name: str, value: Any) -> str:
    if name == "size_bytes" or (name.endswith("_bytes") and isinstance(value, int)):
        return size(value)
    if name == "bytes_per_token":
        return f"{value:.1f}"
    if name.endswith("_s") and isinstance(value, int | float):
        return duration(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {_readable(str(k), v)}" for k, v in value.items() if v not in (None, ""))
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)


def _print_files(console: Console, files: Mapping[str, int]) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="cyan")
    table.add_column("file")
    table.add_column("size", justify="right")
    for name, n_bytes in files.items():
        table.add_row(name, size(n_bytes))
    console.print(table)


def _cpu() -> Any:
    from motherlode import cpu as levels

    found = levels()
    return found if isinstance(found, Mapping | str) else vars(found) if hasattr(found, "__dict__") else str(found)


def cpu(*, as_json: bool) -> None:
    """Print the CPU level in use and those available."""
    found = _cpu()
    if as_json:
        sys.stdout.write(json.dumps(found, default=str) + "\n")
        return
    console = results()
    if isinstance(found, Mapping):
        for name, value in found.items():
            console.print(f"[cyan]{name}[/]: {_readable(str(name), value)}")
    else:
        console.print(str(found))
