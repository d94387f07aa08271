"""``lode explain``."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from motherlode.cli.console import problems, results
from motherlode.core.spans import TextSpan, shown_stretches, word_around
from motherlode.errors import InputError
from motherlode.workflows.text_index import encoder_of

if TYPE_CHECKING:
    from motherlode import Explanation, Match

__all__ = ["explain"]

# Dark on amber, the stronger the more a token brought: legible on light and dark terminals.
_HEAT = ("black on #ffe7a8", "black on #ffd05c", "black on #ffb000", "bold black on #ff9500")
_RAISED = str.maketrans("0123456789,", "⁰¹²³⁴⁵⁶⁷⁸⁹·")
_MARGIN = 120  # characters shown around lit tokens without --full
_BAR = 12


def explain(
    path: Path,
    query: str,
    doc_id: str,
    *,
    html: Path | None,
    encoder_spec: str | None,
    full: bool,
    as_json: bool,
    no_color: bool,
) -> None:
    """Print why a document answers to a question; write it as a page where asked."""
    from motherlode import open_index

    index = open_index(path)
    found = index.explain(query, doc_id, encoder_of(index, encoder_spec))
    if html is not None:
        try:
            found.save_html(html)
        except OSError as error:
            raise InputError(f"{html}: cannot be written ({error.strerror})") from None
    if as_json:
        sys.stdout.write(json.dumps(found.to_dict(), ensure_ascii=False) + "\n")
    else:
        _print(results(no_color=no_color), found, full=full)
    if html is not None:
        problems(no_color=no_color).print(f"wrote {html}", style="dim", markup=False, soft_wrap=True)


def _print(console: Console, found: Explanation, *, full: bool) -> None:
    """Heading, text with lit tokens, table of matches."""
    plain = console.no_color or console.color_system is None
    heading = _lit(found, "title", found.title, plain=plain) if found.title else Text(found.doc_id)
    heading.stylize("bold")
    if found.title and found.doc_id != found.title:
        heading.append(f"  {found.doc_id}", style="dim not bold")
    console.print(heading)
    how = "exact" if found.exact else "approximate"
    console.print(f"score {found.score:.3f}, {how}, from {found.source}", style="dim")
    console.print()
    if found.text:
        for line in _body(found, found.text, full=full, plain=plain).wrap(console, max(20, console.width - 2)):
            line.rstrip()
            console.print(Text("  ") + line if line else "", no_wrap=True)
        console.print()
    if found.matches:
        console.print(_table(found))
    else:
        console.print("no tokens to compare", style="dim")


def _body(found: Explanation, text: str, *, full: bool, plain: bool) -> Text:
    """The text, or the stretches of it that were met."""
    spans = [(span.begin, span.end) for span in _met(found) if span.part == "text"]
    stretches = [(0, len(text))] if full else shown_stretches(text, spans, _MARGIN)
    body = Text()
    for begin, end in stretches:
        if begin:
            body.append("… " if begin == stretches[0][0] else " … ", style="dim")
        body.append_text(_lit(found, "text", text, begin, end, plain=plain))
    if stretches[-1][1] < len(text):
        body.append(" …", style="dim")
    return body


def _lit(found: Explanation, part: str, text: str, begin: int = 0, end: int | None = None, *, plain: bool) -> Text:
    """What was met is coloured (in brackets without colours), the numbers of what met it raised behind it."""
    end = len(text) if end is None else end
    places = _met(found)
    strongest = max((sum(m.share for m in matches) for matches in places.values()), default=0.0)
    lit, at = Text(), begin
    for span, matches in sorted(places.items()):
        if span.part != part or span.begin < at or span.end > end:
            continue
        share = sum(match.share for match in matches)
        token = text[span.begin : span.end]
        level = min(len(_HEAT) - 1, int(len(_HEAT) * share / strongest)) if strongest else 0
        lit.append(text[at : span.begin])
        lit.append(f"[{token}]" if plain else token, style="" if plain else _HEAT[level])
        lit.append(",".join(str(match.query_token + 1) for match in matches).translate(_RAISED))
        at = span.end
    return lit.append(text[at:end])


def _met(found: Explanation) -> Mapping[TextSpan, list[Match]]:
    places: dict[TextSpan, list[Match]] = defaultdict(list)
    for match in found.matches:
        if match.doc_span is not None:
            places[match.doc_span].append(match)
    return places


def _table(found: Explanation) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="cyan")
    table.add_column("#", justify="right", style="dim")
    table.add_column("query token", overflow="fold")
    table.add_column("met", overflow="fold")
    table.add_column("similarity", justify="right")
    table.add_column("share", justify="right")
    table.add_column("", no_wrap=True)
    strongest = max(match.share for match in found.matches) or 1.0
    for match in found.matches:
        table.add_row(
            str(match.query_token + 1),
            _in_word(found, match.query_span, _name(found.query_tokens, match.query_token)),
            _in_word(found, match.doc_span, _name(found.doc_tokens, match.doc_token)),
            f"{match.similarity:.3f}",
            f"{match.share:.1%}",
            Text("█" * max(1, round(_BAR * match.share / strongest)) if match.share else "", style="#d98c00"),
        )
    return table


def _name(tokens: tuple[str | None, ...] | None, number: int) -> str:
    if tokens is None:
        return f"token {number + 1}"
    return tokens[number] or "(marker)"


def _in_word(found: Explanation, span: TextSpan | None, name: str) -> Text:
    """A token, and behind it the word that it is a piece of, and whether it stands in the title."""
    shown = Text(name)
    if span is None:
        return shown
    text = {"query": found.query, "title": found.title, "text": found.text}[span.part] or ""
    first, last = word_around(text, span.begin, span.end)
    notes = [text[first:last]] if (first, last) != (span.begin, span.end) else []
    notes += ["title"] if span.part == "title" else []
    return shown.append(f"  ({', '.join(notes)})", style="dim") if notes else shown
