"""``lode lifecycle``: looks at components: unused ones, owners, search, selections, all that is known of one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.text import Text

from motherlode.cli.console import print_json, results
from motherlode.cli.lifecycle import Asking, asked
from motherlode.cli.lifecycle_tables import LIMIT, line, named, print_table
from motherlode.workflows.lifecycle import ComponentDetail, counted, instant_text

__all__ = ["Place", "owners", "print_limited", "search", "select", "show", "unused"]

Place = tuple[str | None, str | None, str | None, float]
"""(graph, valid at, known at, least confidence)."""

_VALUE = 300  # characters of one attribute
_Cells = Sequence[tuple[str, str]]


def print_limited(console: Console, head: Sequence[str], rows: Sequence[_Cells], *, is_all: bool, **more: Any) -> None:
    """A table of at most LIMIT rows, and how many there are beside."""
    shown = rows if is_all else rows[:LIMIT]
    notes = more.pop("notes", ())
    print_table(console, head, shown, notes[: len(shown)], **more)
    if len(shown) < len(rows):
        console.print(Text(f"{len(rows) - len(shown):,} more (--all shows them)", style="bold"))


def unused(place: Place, types: Sequence[str], *, show_all: bool, as_json: bool, no_color: bool) -> None:
    """List what nothing is known to use."""
    with asked(Asking(*place)) as view:
        rows = view.unused(types) if types else view.unused()
    if as_json:
        print_json([asdict(row) for row in rows])
        return
    console = results(no_color=no_color)
    if not rows:
        console.print("everything is used")
        return
    console.print(Text(f"{counted(len(rows), 'component')} that nothing is known to use", style="bold"))
    cells = [[(row.type, ""), (", ".join(row.owners) or "—", ""), (row.name, "bold")] for row in rows]
    print_limited(console, ["type", "owner", "name"], cells, is_all=show_all, notes=[row.uri for row in rows])


def owners(place: Place, target: str, *, as_json: bool, no_color: bool) -> None:
    """Print whom to ask."""
    with asked(Asking(*place)) as view:
        found = view.owners(target)
    if as_json:
        print_json([asdict(owner) for owner in found])
        return
    console = results(no_color=no_color)
    if not found:
        console.print(Text(f"no owner of {target} is known, nor of anything within three hops"), soft_wrap=True)
        return
    if found[0].distance:
        console.print(Text(f"nobody is known to own {target}; the nearest owners:"), soft_wrap=True)
    cells = [[(owner.name, "bold"), (_distance(owner.distance), ""), (named(owner.of), "")] for owner in found]
    print_limited(console, ["owner", "where", "of"], cells, is_all=True)


def _distance(hops: int) -> str:
    return "itself" if not hops else f"{counted(abs(hops), 'hop')} {'downstream' if hops > 0 else 'upstream'}"


def search(place: Place, words: str, filters: dict[str, Any], *, as_json: bool, no_color: bool) -> None:
    """Print components by words."""
    with asked(Asking(*place)) as view:
        found = view.search(words, **filters)
    if as_json:
        print_json([asdict(one) for one in found])
        return
    console = results(no_color=no_color)
    if not found:
        console.print(Text(f"nothing is found by {words!r}"), soft_wrap=True)
        return
    cells, notes = [], []
    for one in found:
        cells.append([(one.type, ""), (", ".join(one.owners) or "—", ""), (one.name, "bold")])
        tags = f"  tags {', '.join(one.tags)}" if one.tags else ""
        told = one.description if one.described else "never described"
        notes.append(" ".join(f"{one.uri}{tags}  {told[:_VALUE]}".split()))
    print_limited(console, ["type", "owner", "name"], cells, is_all=True, notes=notes)


def select(place: Place, selection: str, exclude: str | None, *, show_all: bool, as_json: bool, no_color: bool) -> None:
    """Print what a selection means."""
    with asked(Asking(*place)) as view:
        rows = view.select(selection, exclude=exclude)
    if as_json:
        print_json([{"uri": row.uri, "type": row.type, "platform": row.platform, "name": row.name} for row in rows])
        return
    console = results(no_color=no_color)
    if not rows:
        console.print(Text(f"{selection!r} selects nothing"), soft_wrap=True)
        return
    console.print(Text(counted(len(rows), "component"), style="bold"))
    cells = [[(row.type, ""), (row.platform, ""), (row.name, "bold")] for row in rows]
    print_limited(console, ["type", "platform", "name"], cells, is_all=show_all, notes=[row.uri for row in rows])


def show(place: Place, target: str, *, show_all: bool, as_json: bool, no_color: bool) -> None:
    """Print all that is known of one component."""
    with asked(Asking(*place)) as view:
        found = view.show(target)
    if as_json:
        print_json(_detail_dict(found))
        return
    console = results(no_color=no_color)
    console.print(Text(line(found.name), style="bold"), soft_wrap=True)
    console.print(Text(f"{found.type} of {found.platform} ({found.domain}), {found.uri}"), soft_wrap=True)
    enriched = instant_text(found.enriched_at)
    console.print(Text(f"last enriched {enriched}" if enriched else "never described; others refer to it"))
    for word, names in (("also", found.also), ("owners", found.owners), ("tags", found.tags), ("groups", found.groups)):
        if names:
            console.print(Text(f"{word}: ", style="bold").append(line(", ".join(names)), ""), soft_wrap=True)
    _print_attributes(console, found, is_all=show_all)
    _print_edges(console, found, is_all=show_all)


def _detail_dict(found: ComponentDetail) -> dict[str, Any]:
    told = asdict(found)
    told["enriched_at"] = instant_text(found.enriched_at)
    for statement in told["statements"]:
        statement |= {name: instant_text(statement[name]) for name in ("valid_from", "recorded_from")}
    for neighbour in told["neighbours"]:
        neighbour["confirmed_at"] = instant_text(neighbour["confirmed_at"])
    return told


def _print_attributes(console: Console, found: ComponentDetail, *, is_all: bool) -> None:
    rows = [
        [(f"{said.provider} {said.aspect}", "dim"), (name, "bold"), (_value(value, is_all=is_all), "")]
        for said in found.statements
        for name, value in said.attributes.items()
    ]
    if rows:
        console.print()
        print_limited(console, ["said by", "attribute", "value"], rows, is_all=is_all)


def _value(value: Any, *, is_all: bool) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if is_all or len(text) <= _VALUE else f"{text[:_VALUE]}… ({len(text):,} characters, --all)"


def _print_edges(console: Console, found: ComponentDetail, *, is_all: bool) -> None:
    cells, notes = [], []
    order = sorted(found.neighbours, key=lambda each: (not each.flow, each.outward, each.word, each.uri))
    for each in order:
        way = ("→" if each.outward else "←") if each.flow else " "
        sure = f"{each.confidence:.2f}"
        cells.append([(f"{way} {each.word}", ""), (each.provider, "dim"), (sure, ""), (named(each.uri), "bold")])
        confirmed = instant_text(each.confirmed_at)
        notes.append(f"{each.evidence + ', ' if each.evidence.strip() else ''}confirmed {confirmed}")
    if cells:
        console.print()
        head = ["edge", "said by", "sure", "component"]
        print_limited(console, head, cells, is_all=is_all, notes=notes, right={"sure"})
