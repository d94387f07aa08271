"""How ``lode lifecycle`` lays out answers: rows with their paths, trees, and how many are not shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len, chop_cells
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from motherlode.cli.console import legible
from motherlode.workflows.lifecycle import (
    SEVERITIES,
    ImpactReport,
    Lineage,
    Row,
    counted,
    hops,
    rows_of,
    target_name,
    target_names,
)

__all__ = ["LIMIT", "STYLES", "age", "line", "named", "nearest", "print_more", "print_rows", "print_table", "tree"]

LIMIT = 40  # rows of a table
_BRANCHES = 12  # of one node of a tree
STYLES = {"BREAKS": "bold red", "DEGRADES": "dark_orange3", "STALE": "yellow", "INFORM": "cyan", "MASKED": "dim"}


def named(uri: str) -> str:
    """A component in few words: ``feature:orders.amount_7d``."""
    return target_name(uri)


def line(text: str) -> str:
    """Foreign text inside a line of ours, which no line break of its own may end."""
    return " ".join(legible(text).split())


def age(seconds: float) -> str:
    """``12 s``, ``5 min``, ``3 h``, ``8 days``."""
    for unit, size in (("s", 60), ("min", 60), ("h", 48)):
        if seconds < size:
            return f"{seconds:.0f} {unit}"
        seconds /= size if unit != "h" else 24
    return f"{seconds:,.0f} days"


def nearest(answer: ImpactReport | Lineage, *, is_all: bool) -> tuple[list[Row], dict[int, int]]:
    """The rows to show, and how many more there are at each depth: all, in the answer's order, when there are few;
    otherwise the nearest, worst first at one depth.
    """
    if isinstance(answer, Lineage):
        rows = list(rows_of(answer))
        depths = Counter(row.depth for row in rows)
    elif is_all or len(answer) <= LIMIT:
        return list(rows_of(answer)), {}
    else:
        order = sorted(range(len(answer)), key=lambda at: int(answer.depths[at]))
        rows = list(rows_of(answer, order[:LIMIT]))
        depths = Counter(answer.depths.tolist())
    if is_all or depths.total() <= LIMIT:
        return rows, {}
    rows = rows[:LIMIT]
    return rows, dict(depths - Counter(row.depth for row in rows))


def print_more(console: Console, hidden: Mapping[int, int]) -> None:
    """One line about what is not shown."""
    total = sum(hidden.values())
    if total:
        where = [f"{n:,} at depth {depth}" for depth, n in sorted(hidden.items())]
        told = ", ".join(where[:6]) + (", …" if len(where) > 6 else "")
        console.print(Text(f"{total:,} more: {told} (--all shows them)", style="bold"), soft_wrap=True)


def print_rows(console: Console, rows: Sequence[Row], targets: Mapping[str, str]) -> None:
    """A line a component, and below it the path that leads there from the target. targets: names by address."""
    names = {row.uri: row.name for row in rows} | dict(targets)
    has_severity = any(row.severity for row in rows)
    head = [*(["severity"] if has_severity else []), "depth", "type", "owner", "name"]
    cells: list[list[tuple[str, str]]] = []
    notes = []
    for row in rows:
        severity = [(row.severity or "", STYLES.get(row.severity or "", ""))] if has_severity else []
        owner = f"{row.owners[0]}{f' +{len(row.owners) - 1}' if len(row.owners) > 1 else ''}" if row.owners else "—"
        cells.append([*severity, (str(row.depth), ""), (row.type, ""), (owner, ""), (row.name, "bold")])
        notes.append(_way(row, names, len(set(targets.values())) > 1))
    print_table(console, head, cells, notes, right={"depth"})


def _way(row: Row, names: Mapping[str, str], with_start: bool) -> str:
    """The path up to the row itself: ``–derives→ orders.amount_7d –feeds→``."""
    steps = hops(row, names)
    start = [steps[0][1]] if with_start and steps else []
    inner = [f"{how} {name}" for how, name in steps[1:-1]] + [how for how, _ in steps[-1:]]
    sure = "" if row.confidence >= 1 else f"  (confidence {row.confidence:.2f})"
    return " ".join([*start, *inner]) + sure if steps else ""


def print_table(
    console: Console,
    head: Sequence[str],
    rows: Sequence[Sequence[tuple[str, str]]],
    notes: Sequence[str] = (),
    *,
    right: Iterable[str] = (),
) -> None:
    """Columns as wide as what they hold; the last takes the rest of the line and folds, so that no name is cut.

    rows: (text, style) a cell. notes: dim lines below each row, folded, "" for none. right: columns that end alike
    """
    clean = [[(line(text), style) for text, style in row] for row in rows]
    most = max(12, console.width // 4)
    widths = [
        min(most, max([cell_len(name), *(cell_len(row[at][0]) for row in clean)])) for at, name in enumerate(head[:-1])
    ]
    left = sum(widths) + 2 * len(widths)
    to_right = {at for at, name in enumerate(head) if name in set(right)}
    rest = max(20, console.width - left)
    _print_line(console, [(name, "bold") for name in head], widths, to_right, rest)
    console.print(Text("─" * min(console.width, left + rest), style="dim"))
    for at, row in enumerate(clean):
        _print_line(console, row, widths, to_right, rest)
        note = line(notes[at]) if notes else ""
        for part in _folded(note, console.width - 4) if note else ():
            console.print(Text(f"    {part}", style="dim"), no_wrap=True)


def _print_line(
    console: Console, row: Sequence[tuple[str, str]], widths: Sequence[int], to_right: set[int], rest: int
) -> None:
    parts = [_folded(text, width) for (text, _), width in zip(row, [*widths, rest], strict=True)]
    for number in range(max(map(len, parts))):
        line = Text()
        for at, ((_, style), lines) in enumerate(zip(row, parts, strict=True)):
            text = lines[number] if number < len(lines) else ""
            if at == len(widths):
                line.append(text, style)
                continue
            space = " " * (widths[at] - cell_len(text))
            line.append(space + text if at in to_right else text + space, style)
            line.append("  ")
        line.rstrip()
        console.print(line, no_wrap=True, overflow="ignore", crop=False)


def _folded(text: str, width: int) -> list[str]:
    """Lines of at most so many cells, broken after a separator where there is one near the end."""
    lines: list[str] = []
    while cell_len(text) > width:
        head = chop_cells(text, width)[0]
        cuts = (max(head.rfind(mark) for mark in marks) + 1 for marks in (" ", "/|:", "._-"))
        cut = next((cut for cut in cuts if cut > len(head) // 2), len(head))
        lines.append(text[:cut].rstrip())
        text = text[cut:].lstrip()
    return [*lines, text]


def tree(answer: ImpactReport | Lineage, *, is_all: bool) -> tuple[Tree, dict[int, int]]:
    """The paths as a tree from the target, and how many components it leaves out, by depth."""
    rows, hidden = nearest(answer, is_all=is_all)
    told = {row.uri: row for row in rows}
    root = _Branch("")
    for row in rows:
        branch = root
        for step in row.path:
            uri = step.target if step.forward else step.source
            how = f"–{step.relation}→" if step.forward else f"←{step.relation}–"
            branch = branch.below.setdefault(uri, _Branch(how))
    top = Tree(Text(", ".join(dict.fromkeys(target_names(answer).values())), style="bold"))
    _grow(top, root, told, limit=None if is_all else _BRANCHES)
    return top, hidden


@dataclass
class _Branch:
    """how: the relation that leads here; below: further ones by address."""

    how: str
    below: dict[str, _Branch] = field(default_factory=dict)


def _grow(parent: Tree, branch: _Branch, told: Mapping[str, Row], limit: int | None) -> None:
    items = sorted(branch.below.items(), key=lambda item: _order(told.get(item[0]), item[0]))
    for uri, found in items[:limit]:
        row = told.get(uri)
        label = Text(f"{found.how} ", style="dim").append(legible(named(uri)), style="bold")
        if row is not None and row.severity is not None:
            label.append(f" {row.severity}", style=STYLES[row.severity])
        if row is not None and row.owners:
            label.append(f" {line(', '.join(row.owners[:2]))}", style="dim")
        _grow(parent.add(label), found, told, limit)
    if limit is not None and len(items) > limit:
        parent.add(Text(f"{counted(len(items) - limit, 'branch')} more (--all)", style="bold"))


def _order(row: Row | None, uri: str) -> tuple[int, str]:
    rank = len(SEVERITIES) if row is None or row.severity is None else SEVERITIES.index(row.severity)
    return rank, uri
