"""A picture as one HTML page that needs nothing from elsewhere: its style, its script and its data stand in it."""

from __future__ import annotations

import json
from html import escape
from importlib.resources import files
from typing import Any

from motherlode.lifecycle.exports.picture import Arrow, Node, Picture
from motherlode.lifecycle.exports.words import one_line

__all__ = ["page"]

_TABLE_ROWS = 500
_ATTRIBUTES = 30
_MAX_VALUE = 400  # characters of one attribute
# Nothing may be loaded and nothing sent, whatever a name or attribute holds.
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)


def page(picture: Picture) -> str:
    """The page. Deterministic: the same picture is the same text. Names are text wherever they stand."""
    title = escape(one_line(picture.title))
    data = _inert(json.dumps(_data(picture), ensure_ascii=False, separators=(",", ":")))
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">',
            f"<title>{title}</title>\n<style>\n{_part('page.css')}</style>\n</head>\n<body>",
            f'<header>\n<h1 dir="auto">{title}</h1>\n{_facts(picture)}\n</header>',
            _part("page.html"),
            _table(picture),
            f'<script type="application/json" id="data">{data}</script>',
            f"<script>\n{_part('page.js')}{_part('drawing.js')}</script>\n</body>\n</html>\n",
        ]
    )


def _part(name: str) -> str:
    return files("motherlode.lifecycle.exports").joinpath(name).read_text("utf-8")


def _inert(text: str) -> str:
    """JSON that no HTML parser ends early: what could begin a tag or a comment is escaped."""
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _data(picture: Picture) -> dict[str, Any]:
    return {
        "direction": picture.direction,
        "hasTargets": picture.head is not None,
        "nHidden": sum(picture.n_hidden.values()),
        "hidden": picture.hidden_words(),
        "nodes": [_node(node) for node in picture.nodes],
        "arrows": [_arrow(arrow) for arrow in picture.arrows],
    }


def _node(node: Node) -> dict[str, Any]:
    return {
        "uri": node.uri,
        "type": node.type,
        "name": one_line(node.name),
        "severity": node.severity,
        "depth": node.depth,
        "target": node.is_target,
        "described": node.described,
        "owners": node.owners,
        "tags": node.tags,
        "attributes": {name: _short(value) for name, value in list(node.attributes.items())[:_ATTRIBUTES]},
        "path": [[at, int(along)] for at, along in node.path],
    }


def _arrow(arrow: Arrow) -> list[Any]:
    who = arrow.provider if arrow.rule is None else f"{arrow.provider}, {arrow.rule}"
    return [arrow.source, arrow.target, arrow.relation, arrow.confidence, who, arrow.evidence, arrow.confirmed_at]


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MAX_VALUE else f"{text[:_MAX_VALUE]}…"


def _facts(picture: Picture) -> str:
    told = [f"as of {picture.moment}"] if picture.moment else []
    if picture.head is not None and picture.head.known_at:
        told.append(f"as known {picture.head.known_at}")
    if picture.head is not None and picture.head.confidence is not None:
        told.append(f"least certain edge {picture.head.confidence:.2f}")
    facts = f'<p class="facts">{escape(" · ".join(told))}</p>'
    hidden = picture.hidden_words()
    if hidden:
        facts += f'\n<p class="note">{escape(hidden[0].upper() + hidden[1:])}: the page holds the nearest.</p>'
    if picture.why_incomplete:
        reasons = "".join(f"<li>{escape(one_line(why))}</li>" for why in picture.why_incomplete)
        n = len(picture.why_incomplete)
        facts += (
            f'\n<details class="note"><summary>Incomplete, for {n} known reason{"s" if n > 1 else ""}</summary>'
            f"<ul>{reasons}</ul></details>"
        )
    else:
        facts += '\n<p class="facts">Nothing is known to be missing.</p>'
    return facts


def _table(picture: Picture) -> str:
    """The same without a script, and for readers of tables."""
    rows = "\n".join(
        f"<tr><td>{escape('changed' if node.is_target else node.severity or '')}</td><td>{escape(node.type)}</td>"
        f'<td dir="auto" title="{escape(node.uri)}">{escape(one_line(node.name))}</td>'
        f'<td dir="auto">{escape(", ".join(node.owners))}</td><td class="n">{node.depth}</td></tr>'
        for node in picture.nodes[:_TABLE_ROWS]
    )
    n_more = len(picture.nodes) - _TABLE_ROWS
    more = f'<p class="note">{n_more:,} more are in the drawing and its search.</p>' if n_more > 0 else ""
    heads = "".join(f'<th scope="col">{name}</th>' for name in ("severity", "type", "name", "owners", "depth"))
    return (
        f'<details id="table"><summary>As a table ({len(picture.nodes):,})</summary>\n<div class="scroll"><table>'
        f"<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}\n</tbody></table></div>{more}</details>"
    )
