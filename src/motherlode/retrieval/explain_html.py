"""An explanation as one HTML page that needs nothing from elsewhere, and no script to be read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from html import escape

from motherlode.core.spans import TextSpan, shown_stretches, word_around
from motherlode.retrieval.explain import Explanation, Match

__all__ = ["page"]

_MARGIN = 600  # characters shown around lit tokens; what is further off folds away
_CONTEXT = 18  # characters shown around a token in the table

# Amber behind dark ink, brown behind light ink: text keeps a contrast above 4.5 at every strength (a test counts it).
_STYLE = """
:root { color-scheme: light dark; --page: #ffffff; --card: #f6f6f4; --ink: #1b1b1f; --muted: #5a5d66; --line: #d8d8d4;
  --heat: 255 176 0; --edge: #b36b00; --on: #0b57d0; }
@media (prefers-color-scheme: dark) {
  :root { --page: #15171c; --card: #1e2127; --ink: #ececef; --muted: #a8acb6; --line: #373b44;
    --heat: 138 82 0; --edge: #e39a2d; --on: #8ab4f8; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 1rem/1.6 system-ui, sans-serif; }
main { max-width: 52rem; margin: 0 auto; padding: 1.5rem 1.25rem 4rem; }
h1 { font-size: 1.5rem; line-height: 1.3; margin: 0 0 .3rem; overflow-wrap: anywhere; }
h2 { font-size: .8rem; letter-spacing: .06em; text-transform: uppercase; color: var(--muted); margin: 0 0 .4rem; }
.facts, .note { color: var(--muted); margin: 0; overflow-wrap: anywhere; font-size: .9rem; }
.facts b { color: var(--ink); }
.facts code { font-size: .95em; }
.query { position: sticky; top: 0; z-index: 1; background: var(--page); border-bottom: 1px solid var(--line);
  padding: .9rem 0 .7rem; margin: 1rem 0 1.2rem; max-height: 35vh; overflow-y: auto; }
.chips { list-style: none; margin: 0; padding: 0; display: flex; flex-wrap: wrap; gap: .4rem; }
.chip { display: inline-block; padding: .1rem .55rem; border: 1px solid var(--line); border-radius: 1rem;
  background: rgb(var(--heat) / var(--w)); color: inherit; text-decoration: none; white-space: pre; }
.chip small, td small { color: inherit; font-variant-numeric: tabular-nums; }
.chip small { margin-right: .35em; }
.text { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0 0 1.8rem; font-size: 1.05rem; line-height: 1.85; }
mark { color: inherit; background: rgb(var(--heat) / var(--w)); border-bottom: 2px solid var(--edge);
  border-radius: .15rem; padding: .08em .05em; scroll-margin-top: 40vh; }
mark::after { content: attr(data-n); font-size: .65em; vertical-align: super; line-height: 0; margin-left: .1em; }
.on, :target { outline: 3px solid var(--on); outline-offset: 1px; }
tr.on { outline-offset: -3px; }
details { margin: .3rem 0; }
summary { color: var(--muted); cursor: pointer; font-size: .9rem; }
.table { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th { text-align: left; color: var(--muted); font-weight: 600; }
th, td { padding: .35rem .7rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: baseline; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.rest { color: var(--muted); }
.context { color: var(--muted); min-width: 9rem; overflow-wrap: anywhere; }
.context b, td b { color: var(--ink); }
th, .word { white-space: nowrap; }
.bar { display: block; height: .5rem; background: var(--edge); border-radius: .25rem; }
.note { margin: -.6rem 0 1.2rem; }
.table + .note { margin-top: .8rem; }
"""

# Lights what belongs together while the pointer is over it, or the focus in it.
_SCRIPT = """
const all = [...document.querySelectorAll('[data-d]')];
function light(from, on) {
  for (const e of all) {
    const same = e.dataset.d === from.dataset.d && (!e.dataset.q || !from.dataset.q || e.dataset.q === from.dataset.q);
    e.classList.toggle('on', on && same);
  }
}
for (const e of all) {
  for (const name of ['mouseenter', 'focusin']) e.addEventListener(name, () => light(e, true));
  for (const name of ['mouseleave', 'focusout']) e.addEventListener(name, () => light(e, false));
}
"""


def page(found: Explanation) -> str:
    """See :meth:`Explanation.to_html`."""
    name = found.title or found.doc_id
    heading = _lit(found, "title", found.title) if found.title else escape(found.doc_id)
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(name)}: why it was found</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>",
            f'<header>\n<h1 dir="auto">{heading}</h1>\n{_facts(found)}\n</header>',
            _chips(found),
            _document(found),
            _table(found),
            f"</main>\n<script>{_SCRIPT}</script>\n</body>\n</html>\n",
        ]
    )


def _facts(found: Explanation) -> str:
    how = "exact" if found.exact else "approximate"
    return (
        f'<p class="facts">document <code>{escape(found.doc_id)}</code> · score <b>{found.score:.3f}</b> · '
        f"{how}, from {escape(found.source)}</p>"
    )


def _chips(found: Explanation) -> str:
    shares = [match.share for match in found.matches]
    # from the least to the most: similarities of real encoders lie close together
    least, most = min(shares, default=0.0), max(shares, default=0.0)
    chips = [
        f'<li><a class="chip" id="q{m.query_token}" href="#{_target(found, m)}" {_links(found, m)} '
        f'style="--w:{_strength(m.share - least, most - least)}" title="{escape(_sentence(found, m))}">'
        f"<small>{m.query_token + 1}</small>{escape(_query_name(found, m))}</a></li>"
        for m in found.matches
    ]
    words = f'<p class="facts" dir="auto">{escape(found.query)}</p>' if found.query else ""
    listed = f'<ul class="chips">{"".join(chips)}</ul>' if chips else '<p class="note">no tokens to compare</p>'
    return f'<section class="query" aria-label="Query">\n<h2>Query</h2>{words}\n{listed}\n</section>'


def _document(found: Explanation) -> str:
    if not found.text:
        words = "The index keeps no text of this document." if found.text is None else "The text is empty."
        return f'<p class="note">{words}</p>'
    lost = ""
    if found.doc_spans is None and found.matches:
        lost = '<p class="note">Where its tokens stand in the text is not known: their numbers are in the table.</p>'
    body = "".join(_folded(found, found.text))
    shown = f'<div class="text" dir="auto">{body}</div>'
    return f'<section aria-label="Document">\n<h2>Document</h2>\n{shown}\n{lost}</section>'


def _folded(found: Explanation, text: str) -> Iterator[str]:
    """The text with its lit tokens; long stretches without any fold away."""
    spans = [(s.begin, s.end) for s in _met(found) if s.part == "text"]
    at = 0
    stretches = shown_stretches(text, spans, _MARGIN) if spans else [(0, len(text))]
    for begin, end in [*stretches, (len(text), len(text))]:
        if at < begin:
            hidden = escape(text[at:begin])
            yield f"<details><summary>{begin - at:,} characters without a match</summary>{hidden}</details>"
        yield _lit(found, "text", text, begin, end)
        at = end


def _lit(found: Explanation, part: str, text: str, begin: int = 0, end: int | None = None) -> str:
    """Characters of a part, with what was met in it marked."""
    end = len(text) if end is None else end
    places = _met(found)
    strongest = max((sum(m.share for m in matches) for matches in places.values()), default=0.0)
    pieces: list[str] = []
    at = begin
    for span, matches in sorted(places.items()):
        if span.part != part or span.begin < at or span.end > end:
            continue
        number = _anchor(found, matches[0])
        share = sum(m.share for m in matches)
        names = "; ".join(_sentence(found, match) for match in matches)
        pieces.append(escape(text[at : span.begin]))
        pieces.append(
            f'<mark id="d{number}" data-d="{number}" data-n="{",".join(str(m.query_token + 1) for m in matches)}" '
            f'style="--w:{_strength(share, strongest)}" title="{escape(names)}" tabindex="0">'
            f"{escape(text[span.begin : span.end])}</mark>"
        )
        at = span.end
    return "".join([*pieces, escape(text[at:end])])


def _met(found: Explanation) -> dict[TextSpan, list[Match]]:
    """Places in title and text that a query token met."""
    places: dict[TextSpan, list[Match]] = defaultdict(list)
    for match in found.matches:
        if match.doc_span is not None:
            places[match.doc_span].append(match)
    return places


def _anchor(found: Explanation, match: Match) -> int:
    """The number of a met place: that of its first token, where several stand for the same characters."""
    if match.doc_span is None:
        return match.doc_token
    return min(m.doc_token for m in found.matches if m.doc_span == match.doc_span)


def _links(found: Explanation, match: Match) -> str:
    """Attributes by which the script finds what belongs together."""
    return f'data-q="{match.query_token}" data-d="{_anchor(found, match)}"'


def _target(found: Explanation, match: Match) -> str:
    """Where a chip leads: into the text, or to its row of the table."""
    return f"m{match.query_token}" if match.doc_span is None else f"d{_anchor(found, match)}"


def _table(found: Explanation) -> str:
    if not found.matches:
        return ""
    strongest = max(match.share for match in found.matches) or 1.0
    rows = "\n".join(
        f'<tr id="m{m.query_token}" {_links(found, m)}><td class="n">{m.query_token + 1}</td>'
        f'<td class="word">{_in_word(found, m.query_span, _query_name(found, m))}</td>'
        f'<td class="word">{_in_word(found, m.doc_span, _doc_name(found, m))}</td>'
        f'<td class="n">{m.similarity:.3f}</td><td class="n">{m.share:.1%}</td>'
        f'<td><span class="bar" style="width:{5 * m.share / strongest:.2f}rem"></span></td>'
        f'<td class="context">{_context(found, m)}</td></tr>'
        for m in found.matches
    )
    return (
        '<section aria-label="Matches">\n<h2>Matches</h2>\n<div class="table"><table>\n'
        '<thead><tr><th class="n" scope="col">#</th><th scope="col">query token</th><th scope="col">met</th>'
        '<th class="n" scope="col">similarity</th><th class="n" scope="col">share</th>'
        '<th scope="col" aria-label="share as a bar"></th><th scope="col">where</th></tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody>\n</table></div>\n"
        '<p class="note">Each token of the query meets the token of the document that is most similar to it, by the '
        "dot product of their vectors; the score is the sum.</p>\n</section>"
    )


def _in_word(found: Explanation, span: TextSpan | None, name: str) -> str:
    """A token, with the rest of its word beside it where it is a piece of one."""
    if span is None:
        return f"<b>{escape(name)}</b>"
    text = _source(found, span)
    first, last = word_around(text, span.begin, span.end)
    before, after = escape(text[first : span.begin]), escape(text[span.end : last])
    rest = '<span class="rest">{}</span>'
    return (
        f"{rest.format(before) if before else ''}<b>{escape(text[span.begin : span.end])}</b>"
        f"{rest.format(after) if after else ''}"
    )


def _context(found: Explanation, match: Match) -> str:
    span = match.doc_span
    if span is None:
        return ""
    text = _source(found, span)
    begin, end = shown_stretches(text, [(span.begin, span.end)], _CONTEXT)[0]
    before, token, after = text[begin : span.begin], text[span.begin : span.end], text[span.end : end]
    return (
        f"{'title: ' if span.part == 'title' else ''}{'… ' if begin else ''}{escape(before)}<b>{escape(token)}</b>"
        f"{escape(after)}{' …' if end < len(text) else ''}"
    )


def _source(found: Explanation, span: TextSpan) -> str:
    return (found.query if span.part == "query" else found.title if span.part == "title" else found.text) or ""


def _query_name(found: Explanation, match: Match) -> str:
    name = found.query_tokens[match.query_token] if found.query_tokens else None
    return name or ("(marker)" if found.query_tokens else f"token {match.query_token + 1}")


def _doc_name(found: Explanation, match: Match) -> str:
    name = found.doc_tokens[match.doc_token] if found.doc_tokens else None
    return name or ("(marker)" if found.doc_tokens else f"token {match.doc_token + 1}")


def _sentence(found: Explanation, match: Match) -> str:
    names = f"{_query_name(found, match)} → {_doc_name(found, match)}"
    return f"{match.query_token + 1} {names}: similarity {match.similarity:.3f}, {match.share:.1%} of the score"


def _strength(share: float, strongest: float) -> str:
    """Opacity of the heat: 0 where nothing was brought, else 0.12 to 1 for the strongest."""
    return f"{0.12 + 0.88 * share / strongest:.2f}" if share > 0 and strongest > 0 else "0"
