"""``lode lifecycle`` as a person runs it, in folders with a graph."""

from __future__ import annotations

import subprocess
from pathlib import Path

from motherlode.lifecycle.graph import open_lifecycle
from motherlode.lifecycle.record import Rejected
from tests.e2e.command_line import LODE, environment
from tests.lifecycle_exports_world import HOSTILE, fan, hostile, shop

__all__ = ["make_odd", "make_shop", "run"]


def run(
    folder: Path, *arguments: object, code: int = 0, columns: int = 80, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run ``lode lifecycle`` in a folder, 80 columns wide, and expect this exit code; a traceback is never right."""
    done = subprocess.run(
        [*LODE, "lifecycle", *map(str, arguments)], capture_output=True, encoding="utf-8", cwd=folder, timeout=120,
        env={**environment(), "COLUMNS": str(columns), "LODE_LIFECYCLE": "", **variables}, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def make_shop(folder: Path) -> Path:
    """A folder with a graph of the shop where commands look for one."""
    (folder / ".lode").mkdir()
    with open_lifecycle(folder / ".lode" / "lifecycle.db") as graph:
        graph.add(shop())
    return folder


def make_odd(folder: Path) -> Path:
    """A folder with hostile names, a fan of 180, and something in quarantine."""
    (folder / ".lode").mkdir()
    with open_lifecycle(folder / ".lode" / "lifecycle.db") as graph:
        graph.add(hostile())
        graph.add(fan([30, 60, 90]))
        bad = [Rejected(f"events.json:{at}", f"no job: {HOSTILE[at % 6]}", "{}") for at in range(50)]
        graph.add(bad, provider="openlineage", scope="/events")
    return folder
