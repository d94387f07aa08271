"""The command ``lode`` as a person runs it: its own process, its real output."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

LODE = [sys.executable, "-m", "motherlode.cli"]

TOPICS = {
    "bread": "Knead the dough, let it rise in a warm place, and bake the loaf in a hot oven.",
    "sorting": "Quicksort partitions a list around a pivot and sorts both halves recursively.",
    "whales": "The blue whale is the largest animal; it feeds on krill in cold oceans.",
    "files": "Open a file, read its lines one by one and close it when you are done.",
    "moon": "Tides rise and fall because the gravity of the moon pulls on the sea.",
    "chess": "In chess a pawn that reaches the last rank is promoted to another piece.",
    "violin": "A violin has four strings that are bowed or plucked by the musician.",
    "taxes": "Income tax is due every spring; a late return costs a penalty.",
}


def environment() -> dict[str, str]:
    """A terminal 100 columns wide without colours, and two threads whatever the machine."""
    return {**os.environ, "COLUMNS": "100", "LODE_NUM_THREADS": "2", "PYTHONUTF8": "1", "NO_COLOR": "1"}


def lode(*arguments: object, code: int = 0, text: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run ``lode`` and expect this exit code; a traceback is never right."""
    done = subprocess.run(
        [*LODE, *map(str, arguments)],
        capture_output=True,
        text=True,
        input=text,
        env=environment(),
        timeout=280,
        check=False,
        encoding="utf-8",
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def write_corpus(file: Path, n_copies: int = 1) -> Path:
    """JSONL with the topics, each ``n_copies`` times under another id."""
    with file.open("w", encoding="utf-8") as out:
        for copy in range(n_copies):
            for name, text in TOPICS.items():
                suffix = f"-{copy}" if n_copies > 1 else ""
                words = f" This is note {copy}." if n_copies > 1 else ""
                out.write(json.dumps({"id": f"{name}{suffix}", "title": name.title(), "text": text + words}) + "\n")
    return file


def data_files(index: Path) -> dict[str, bytes]:
    """Contents of the index but for the manifest, which holds the time of the build."""
    return {p.name: p.read_bytes() for p in sorted(index.iterdir()) if p.suffix == ".lode"}


def lines(parts: Sequence[str]) -> str:
    return "".join(f"{part}\n" for part in parts)
