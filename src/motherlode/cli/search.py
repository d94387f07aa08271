"""``lode search``."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from motherlode.cli.console import problems, results
from motherlode.workflows.highlight import best_window, matched_spans

__all__ = ["search"]

_LIT = "bold yellow"
_LINES_SHOWN = 3


def search(path: Path, query: str | None, *, k: int, full: bool, as_json: bool, no_color: bool) -> None:
    """Answer one question, or every line of standard input."""
    from motherlode import open_index

    index = open_index(path)
    console = results(no_color=no_color)
    for question in [query] if query is not None else _questions():
        began = time.perf_counter()
        hits = index.search(question, k=k)
        seconds = time.perf_counter() - began
        if as_json:
            print_json(index, question, hits, seconds)
        else:
            _print_hits(console, index, question, hits, full=full)
            problems(no_color=no_color).print(
                f"{len(hits)} of {index.n_docs:,} documents in {1000 * seconds:.0f} ms", style="dim"
            )


def _questions() -> Iterator[str]:
    """Lines of standard input; with a prompt where a person types them."""
    asks = sys.stdin.isatty()
    while True:
        if asks:
            problems().print("[bold]?[/] ", end="")
        line = sys.stdin.readline()
        if not line:
            return
        if line.strip():
            yield line.strip()


def print_json(index: Any, question: str, hits: Any, seconds: float) -> None:
    """One line of JSON for each question."""
    found = [
        {
            "rank": rank,
            "id": hits.ids[rank - 1],
            "score": round(float(hits.scores[rank - 1]), 6),
            "title": index.titles[position] if index.titles else None,
            "text": index.texts[position] if index.texts else None,
        }
        for rank, position in enumerate(map(int, hits.positions), start=1)
    ]
    sys.stdout.write(
        json.dumps({"query": question, "seconds": round(seconds, 6), "hits": found}, ensure_ascii=False) + "\n"
    )
    sys.stdout.flush()


def _print_hits(console: Console, index: Any, question: str, hits: Any, *, full: bool) -> None:
    if not len(hits):
        console.print("no answers", style="dim")
    width = len(str(len(hits)))
    for rank, position in enumerate(map(int, hits.positions), start=1):
        doc_id = hits.ids[rank - 1]
        title = (index.titles[position] if index.titles else "") or doc_id
        if doc_id.startswith(title):
            title = doc_id
        head = Text(f"{rank:>{width}}  ", style="bold cyan")
        head.append(f"{float(hits.scores[rank - 1]):.2f}  ", style="cyan")
        head.append_text(_lit(question, title, "bold"))
        if title != doc_id:
            head.append(f"  {doc_id}", style="dim")
        head.truncate(max(20, console.width), overflow="ellipsis")
        console.print(head, no_wrap=True)
        text = index.texts[position] if index.texts else ""
        if text:
            body = (
                _lit(question, text, "")
                if full
                else _excerpt(question, text, (console.width - width - 2) * _LINES_SHOWN)
            )
            console.print(Padding(body, (0, 0, 1, width + 2), expand=False))


def _excerpt(question: str, text: str, n_characters: int) -> Text:
    """The stretch of the text that answers best, on about three lines."""
    text = " ".join(text.split())
    begin, end = best_window(question, text, max(60, n_characters - 10))
    excerpt = _lit(question, text[begin:end], "")
    if begin:
        excerpt = Text("… ", style="dim") + excerpt
    if end < len(text):
        excerpt.append(" …", style="dim")
    return excerpt


def _lit(question: str, text: str, style: str) -> Text:
    lit = Text(text, style=style)
    for begin, end in matched_spans(question, text):
        lit.stylize(_LIT, begin, end)
    return lit
