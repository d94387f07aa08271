"""Mermaid and DOT of a picture. Foreign names are text and nothing else, whatever characters they have."""

from __future__ import annotations

from motherlode.lifecycle.exports.picture import Arrow, Node, Picture
from motherlode.lifecycle.exports.words import one_line

__all__ = ["dot", "mermaid"]

# Fill and border by severity; ink on each fill has a contrast above 7.
_COLOURS = {
    "BREAKS": ("#f9d0cf", "#a4161a"),
    "DEGRADES": ("#fbdfc0", "#a34a00"),
    "STALE": ("#f7edb5", "#7a6200"),
    "INFORM": ("#d3e6fa", "#1f5fa8"),
    "MASKED": ("#e4e4e8", "#6b6b76"),
}
_TARGET = ("#ffffff", "#111111")
_PLAIN = ("#eef1f5", "#4a5568")
_MAX_LABEL = 80  # characters
_MAX_NOTE = 240


def _one_line(text: str, most: int = _MAX_LABEL) -> str:
    """One line of at most so many characters, with the end kept."""
    flat = one_line(text)
    return flat if len(flat) <= most else f"{flat[: most // 2]}…{flat[most // 2 + 1 - most :]}"


def _state(node: Node, picture: Picture) -> str:
    """What is said of a node beside its name, in words: colours alone tell too few people."""
    told = []
    if node.is_target and picture.head is not None:
        told.append(picture.head.change or "asked about")
    if node.severity is not None:
        told.append(node.severity)
    if not node.described:
        told.append("not described")
    if node.owners:
        told.append(f"owner: {', '.join(node.owners[:2])}{', …' if len(node.owners) > 2 else ''}")
    return " · ".join(told)


def _colours(node: Node) -> tuple[str, str]:
    return _TARGET if node.is_target else _COLOURS.get(node.severity or "", _PLAIN)


def _arrow_words(arrow: Arrow) -> str:
    return arrow.relation if arrow.confidence >= 1 else f"{arrow.relation} ({arrow.confidence:.2f})"


def _notes(picture: Picture) -> list[str]:
    """What a drawing has to say in nodes of their own: what it hides, and what is not known."""
    hidden = picture.hidden_words()
    gaps = picture.why_incomplete
    missing = (
        f"not known: {gaps[0]}" + (f" (and {len(gaps) - 1} more reasons)" if len(gaps) > 1 else "") if gaps else ""
    )
    return [note for note in (hidden, missing) if note]


def _mermaid_text(text: str, most: int = _MAX_LABEL) -> str:
    """Inside Mermaid's quotes: what Markdown, HTML or Mermaid would read becomes a numbered entity."""
    return "".join(
        character if character.isalnum() or character in " _.,:/·…-()=+" else f"#{ord(character)};"
        for character in _one_line(text, most)
    )


def mermaid(picture: Picture) -> str:
    """A flowchart that GitHub, GitLab and others draw in Markdown."""
    lines = ["flowchart LR"]
    used = sorted({"target" if node.is_target else (node.severity or "plain") for node in picture.nodes})
    palette = {**_COLOURS, "target": _TARGET, "plain": _PLAIN}
    for name in used:
        fill, edge = palette[name]
        lines.append(f"  classDef {name.lower()} fill:{fill},stroke:{edge},color:#111111")
    for at, node in enumerate(picture.nodes):
        state = _state(node, picture)
        label = f"{_mermaid_text(node.type)}<br/>{_mermaid_text(node.name)}"
        label += f"<br/>{_mermaid_text(state)}" if state else ""
        kind = "target" if node.is_target else (node.severity or "plain")
        lines.append(f'  n{at}["{label}"]:::{kind.lower()}')
    for arrow in picture.arrows:
        line = "-->" if arrow.confidence >= 1 else "-.->"
        lines.append(f'  n{arrow.source} {line}|"{_mermaid_text(_arrow_words(arrow))}"| n{arrow.target}')
    for at, note in enumerate(_notes(picture)):
        lines.append(f'  note{at}(["{_mermaid_text(note, _MAX_NOTE)}"])')
        lines.append(f"  style note{at} fill:#ffffff,stroke:#111111,color:#111111,stroke-dasharray:4 3")
    return "\n".join(lines) + "\n"


def _dot_text(text: str, most: int = _MAX_LABEL) -> str:
    """Inside DOT's quotes, where backslashes begin escapes and ampersands entities."""
    return _one_line(text, most).replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")


def dot(picture: Picture) -> str:
    """A digraph for Graphviz, laid out from left to right."""
    lines = [
        "digraph lifecycle {",
        "  rankdir=LR;",
        f'  label="{_dot_text(picture.title, _MAX_NOTE)}"; labelloc=t; fontname="Helvetica";',
        '  node [shape=box, style="rounded,filled", fontname="Helvetica", fontsize=11, fontcolor="#111111"];',
        '  edge [fontname="Helvetica", fontsize=9, color="#4a5568"];',
    ]
    for at, node in enumerate(picture.nodes):
        fill, edge = _colours(node)
        state = _state(node, picture)
        label = f"{_dot_text(node.type)}\\n{_dot_text(node.name)}" + (f"\\n{_dot_text(state)}" if state else "")
        style = f'fillcolor="{fill}", color="{edge}", penwidth={2 if node.is_target else 1}'
        lines.append(f'  n{at} [label="{label}", tooltip="{_dot_text(node.uri, _MAX_NOTE)}", {style}];')
    for arrow in picture.arrows:
        sure = "" if arrow.confidence >= 1 else ", style=dashed"
        told = f'label="{_dot_text(_arrow_words(arrow))}", tooltip="{_dot_text(arrow.evidence or arrow.provider)}"'
        lines.append(f"  n{arrow.source} -> n{arrow.target} [{told}{sure}];")
    for at, note in enumerate(_notes(picture)):
        lines.append(f'  note{at} [label="{_dot_text(note, _MAX_NOTE)}", shape=note, style=dashed, color="#111111"];')
    return "\n".join([*lines, "}"]) + "\n"
