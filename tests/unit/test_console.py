"""Numbers as people read them, progress where there is no terminal, texts that a terminal would obey."""

from __future__ import annotations

import io
import json

import pytest
from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from motherlode.cli.console import DrawnProgress, duration, json_text, legible, print_json, results, size

HOSTILE = "a\x1b[2J\x07b\x9b31m\x7f\u202ec\u2066\rd\x1b]0;title\x07"
OBEYED = "\x1b\x07\x9b\x7f\u202e\u2066\r"


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


def test_what_a_terminal_obeys_is_shown_as_a_mark_and_all_else_stays() -> None:
    assert legible("a\x1b[2J\x07b\u202ec") == "a\ufffd[2J\ufffdb\ufffdc"
    assert legible("one\r\ntwo\tthree\nfour\rfive") == "one\ntwo\tthree\nfour\ufffdfive"
    assert legible("Ærø 山田 שלום\u200f 👩\u200d💻") == "Ærø 山田 שלום\u200f 👩\u200d💻"
    assert legible("\ud800") == "\ufffd"


def in_a_table(cell: str | Text) -> Table:
    table = Table()
    table.add_column(Text(HOSTILE))
    table.add_row(cell)
    return table


@pytest.mark.parametrize(
    "shown",
    [
        HOSTILE,
        Text(HOSTILE, style="bold"),
        in_a_table(HOSTILE),
        in_a_table(Text(HOSTILE)),
        Panel(Text(HOSTILE), title=Text(HOSTILE)),
        Panel(HOSTILE, title=HOSTILE),
    ],
    ids=["string", "text", "strings in a table", "texts in a table", "panel", "panel of strings"],
)
def test_no_text_acts_on_the_terminal_wherever_it_stands(
    shown: RenderableType, capsys: pytest.CaptureFixture[str]
) -> None:
    results(no_color=True).print(shown)
    printed = capsys.readouterr().out
    assert "\ufffd" in printed
    assert not set(printed) & set(OBEYED)


def test_styles_stay_where_they_are_when_a_text_is_made_legible() -> None:
    console = results()
    shown = Text("a\x1bb").append("\x1bcd", style="bold")
    segments = [(one.text, bool(one.style and one.style.bold)) for one in console.render(shown) if one.text.strip()]
    assert segments == [("a\ufffdb", False), ("\ufffdcd", True)]
    assert shown.plain == "a\x1bb\x1bcd"


def test_a_table_of_legible_texts_keeps_its_columns() -> None:
    console = Console(file=io.StringIO(), width=80)
    lines = console.render_lines(in_a_table(legible(HOSTILE)), pad=False)
    assert len({sum(cell_len(segment.text) for segment in line) for line in lines}) == 1


def test_json_means_the_same_and_holds_nothing_that_a_terminal_obeys(capsys: pytest.CaptureFixture[str]) -> None:
    value = {HOSTILE: [HOSTILE, "Ærø", 1.5, None]}
    for text in (json_text(value), json_text(value, indent=2)):
        assert json.loads(text) == value
        assert not set(text) & set(OBEYED)
        assert "Ærø" in text
    print_json({"x": HOSTILE * 50})
    printed = capsys.readouterr().out
    assert json.loads(printed) == {"x": HOSTILE * 50}
    assert not set(printed) & set(OBEYED)
