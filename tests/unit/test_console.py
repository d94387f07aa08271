"""Numbers as people read them, and progress where there is no terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from motherlode.cli.console import DrawnProgress, duration, size


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "40 ms"), (9.94, "9.9 s"), (42.4, "42 s"), (187, "3:07"), (3765, "1:02:45")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("n_bytes", "text"), [(999, "999 B"), (1500, "1.5 kB"), (2.5e9, "2.5 GB"), (3e15, "3000.0 TB")]
)
def test_sizes(n_bytes: float, text: str) -> None:
    assert size(n_bytes) == text


def drawn(*, terminal: bool) -> str:
    out = io.StringIO()
    progress = DrawnProgress(Console(file=out, force_terminal=terminal, width=80))
    with progress.shown():
        progress.start("encoding", 6947, "documents")
        progress.advance(1000)
        progress.advance(5947)
        progress.finish()
        progress.start("reading", None, "documents")
        progress.finish()
    return out.getvalue()


def test_progress_outside_a_terminal_is_a_line_for_each_stage() -> None:
    lines = drawn(terminal=False).splitlines()
    assert lines[0].startswith("encoding: 6,947 documents · ")
    assert [line.partition(":")[0] for line in lines] == ["encoding", "reading"]
    assert "\x1b" not in drawn(terminal=False)


def test_progress_on_a_terminal_fits_80_columns() -> None:
    text = drawn(terminal=True)
    assert "\x1b[" in text
    assert "6,947 documents" in text


def test_a_quiet_progress_says_nothing() -> None:
    out = io.StringIO()
    progress = DrawnProgress(Console(file=out), quiet=True)
    with progress.shown():
        progress.start("encoding", 3, "documents")
        progress.advance(3)
        progress.finish()
    assert out.getvalue() == ""
