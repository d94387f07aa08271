"""``lode search``."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from motherlode.cli.console import duration, problems, results
from motherlode.workflows.highlight import best_window, matched_spans
from motherlode.workflows.opening import open_any
from motherlode.workflows.text_index import encoder_of

if TYPE_CHECKING:
    from motherlode import Hits, Index, ShardedIndex

__all__ = ["search"]

_LIT = "bold yellow"
_LINES_SHOWN = 3


def search(
    path: Path, query: str | None, *, k: int, encoder_spec: str | None, full: bool, as_json: bool, no_color: bool
) -> None:
    """Answer one question, or every line of standard input."""
    index = open_any(path)
    encoder = encoder_of(index, encoder_spec)
    console = results(no_color=no_color)
    for question in [query] if query is not None else _questions():
        began = time.perf_counter()
        encoded = encoder.encode_queries([question])
        between = time.perf_counter()
        hits = index.search(encoded.vectors, k=k, query_token_ids=encoded.token_ids)
        seconds = {"encode": between - began, "search": time.perf_counter() - between}
        if as_json:
            _print_json(index, question, hits, seconds)
            continue
        _print_hits(console, index, question, hits, full=full)
        problems(no_color=no_color).print(
            f"{len(hits)} of {index.n_docs:,} documents in {1000 * seconds['search']:.1f} ms, after "
            f"{duration(seconds['encode'])} for the question",
            style="dim",
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


def _print_json(index: Index | ShardedIndex, question: str, hits: Hits, seconds: Mapping[str, float]) -> None:
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
        json.dumps({"query": question, "seconds": dict(seconds), "hits": found}, ensure_ascii=False) + "\n"
    )
    sys.stdout.flush()


def _print_hits(console: Console, index: Index | ShardedIndex, question: str, hits: Hits, *, full: bool) -> None:
    if not len(hits):
        console.print("no answers", style="dim")
    indent = len(str(len(hits))) + 2
    for rank, position in enumerate(map(int, hits.positions), start=1):
        title = index.titles[position] if index.titles else ""
        head = Text(f"{rank:>{indent - 2}}  ", style="bold cyan")
        head.append(f"{float(hits.scores[rank - 1]):.2f}  ", style="cyan")
        head.append_text(_heading(question, title, hits.ids[rank - 1], console.width - len(head)))
        console.print(head, no_wrap=True, overflow="ellipsis")
        text = index.texts[position] if index.texts else ""
        if text:
            room = max(20, console.width - indent)
            body = _lit(question, text, "") if full else _excerpt(question, text, room * _LINES_SHOWN)
            for line in body.wrap(console, room):
                line.rstrip()
                console.print(Text(" " * indent) + line if line else "", no_wrap=True)
            console.print()


def _heading(question: str, title: str, doc_id: str, room: int) -> Text:
    """The title lit, and of the id what the title does not say: ``json.dumps(obj, …)  #2``."""
    base, mark, number = doc_id.rpartition("#")
    rest = ""
    if title and doc_id not in title:
        rest = f"  {mark}{number}" if number.isdecimal() and base in title else f"  {doc_id}"
    heading = _lit(question, title or doc_id, "bold")
    heading.truncate(max(20, room - len(rest)), overflow="ellipsis")
    return heading.append(rest, style="dim")


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
