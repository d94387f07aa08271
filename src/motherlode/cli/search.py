"""``lode search``."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from motherlode.cli.console import duration, problems, results
from motherlode.workflows.highlight import best_window, matched_spans
from motherlode.workflows.opening import open_any
from motherlode.workflows.text_index import encoder_of

if TYPE_CHECKING:
    from motherlode import Hits, Index, ShardedIndex

__all__ = ["SearchRequest", "search"]

_LIT = "bold yellow"
_LINES_SHOWN = 3


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """What ``lode search`` was asked for."""

    path: Path
    query: str | None
    k: int
    encoder: str | None
    where: str | None
    mode: str
    required: Sequence[str]
    excluded: Sequence[str]


def search(request: SearchRequest, *, full: bool, as_json: bool, no_color: bool) -> None:
    """Answer one question, or every line of standard input."""
    index = open_any(request.path)
    # a wrong filter is told before the model loads
    n_docs = index.n_docs if request.where is None else len(index.ids_where(request.where))
    encoder = encoder_of(index, request.encoder)
    console = results(no_color=no_color)
    for question in [request.query] if request.query is not None else _questions():
        began = time.perf_counter()
        encoded = None if request.mode == "lexical" else encoder.encode_queries([question])
        between = time.perf_counter()
        hits = index.search_text(
            question,
            request.k,
            request.mode,
            required=request.required,
            excluded=request.excluded,
            where=request.where,
            encoder=encoder,
            encoded=encoded,
        )
        seconds = {"encode": between - began, "search": time.perf_counter() - between}
        if as_json:
            _print_json(index, question, hits, seconds)
            continue
        if not len(hits):
            console.print(_none_found(request), style="dim")
        _print_hits(console, index, question, hits, full=full, digits=4 if request.mode == "hybrid" else 2)
        after = "" if encoded is None else f", after {duration(seconds['encode'])} for the question"
        among = f"{n_docs:,} documents{' that match' if request.where else ''}"
        problems(no_color=no_color).print(
            f"{len(hits)} of {among} in {1000 * seconds['search']:.1f} ms{after}", style="dim"
        )


def _none_found(request: SearchRequest) -> str:
    if request.required or request.excluded:
        return "no answers: no document is left by --require and --exclude that the question finds"
    if request.mode == "lexical":
        return "no answers: no document has any of these words; --mode late looks for what they mean"
    return "no answers"


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
            **({"metadata": _as_json(metadata)} if index.schema else {}),
        }
        for rank, (position, metadata) in enumerate(
            zip(map(int, hits.positions), index.metadata_of(hits.ids), strict=True), start=1
        )
    ]
    sys.stdout.write(
        json.dumps({"query": question, "seconds": dict(seconds), "hits": found}, ensure_ascii=False) + "\n"
    )
    sys.stdout.flush()


def _as_json(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _instant(value) if hasattr(value, "isoformat") else value for name, value in metadata.items()}


def _metadata_line(metadata: Mapping[str, Any]) -> str:
    """What a person reads of it: ``year 2020 · lang en``."""
    known = [(name, value) for name, value in _as_json(metadata).items() if value not in (None, [])]
    return " · ".join(f"{name} {', '.join(v) if isinstance(v, list) else v}" for name, v in known)


def _instant(value: datetime) -> str:
    """ISO 8601; midnight in UTC is a day."""
    return value.isoformat().replace("+00:00", "Z").removesuffix("T00:00:00Z")


def _print_hits(
    console: Console, index: Index | ShardedIndex, question: str, hits: Hits, *, full: bool, digits: int
) -> None:
    indent = len(str(len(hits))) + 2
    for rank, (position, metadata) in enumerate(
        zip(map(int, hits.positions), index.metadata_of(hits.ids), strict=True), start=1
    ):
        title = index.titles[position] if index.titles else ""
        head = Text(f"{rank:>{indent - 2}}  ", style="bold cyan")
        head.append(f"{float(hits.scores[rank - 1]):.{digits}f}  ", style="cyan")
        head.append_text(_heading(question, title, hits.ids[rank - 1], console.width - len(head)))
        console.print(head, no_wrap=True, overflow="ellipsis")
        if facts := _metadata_line(metadata):
            console.print(Text(" " * indent + facts, style="dim"), no_wrap=True, overflow="ellipsis")
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
