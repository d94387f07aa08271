"""``lode lifecycle``: decisions, the scorecard, what waits, what changed, and the whole graph as a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import typer
from rich.text import Text

from motherlode.cli.console import EXIT_GATE, print_json, problems, results
from motherlode.cli.lifecycle import Asking, asked, print_parts
from motherlode.cli.lifecycle_reports import Place, print_limited
from motherlode.cli.lifecycle_tables import age, line, named
from motherlode.workflows.lifecycle import (
    Diff,
    Quality,
    counted,
    export_parts,
    hydrate_waiting,
    instant_text,
    notices,
    opened_lifecycle,
    quarantined,
    recognise,
    untold,
    write_parts,
)

__all__ = ["decide", "decisions", "diff", "doctor", "export_graph", "quarantine", "undo", "work"]


def decide(db: str | None, verdict: str, edge: tuple[str, str, str], actor: str, reason: str, *, as_json: bool) -> None:
    """Record a decision and say how it is taken back."""
    with opened_lifecycle(db, writes=True) as graph:
        number = (graph.confirm if verdict == "confirm" else graph.refuse)(*edge, actor=actor, reason=reason)
    if as_json:
        print_json({"decision": number, "verdict": verdict})
    else:
        done = "confirmed" if verdict == "confirm" else "refused"
        results().print(Text(f"{done}: {line(' '.join(edge))}"), soft_wrap=True)
        results().print(Text(f"undo it: lode lifecycle undo {number} --actor {actor}"), soft_wrap=True)


def undo(db: str | None, decision: int, actor: str, *, as_json: bool) -> None:
    """Take a decision back."""
    with opened_lifecycle(db, writes=True) as graph:
        graph.undo(decision, actor=actor)
    if as_json:
        print_json({"undone": decision})
    else:
        results().print(f"decision {decision} is taken back")


def decisions(db: str | None, *, as_json: bool, no_color: bool) -> None:
    """List decisions, those taken back too."""
    with opened_lifecycle(db) as graph:
        found = graph.decisions()
    if as_json:
        print_json(
            [{**asdict(each), **{n: _iso(getattr(each, n)) for n in ("decided_at", "undone_at")}} for each in found]
        )
        return
    console = results(no_color=no_color)
    if not found:
        console.print("nobody has decided anything")
        return
    cells, notes = [], []
    for each in found:
        state = each.verdict if each.undone_at is None else f"{each.verdict}, undone"
        edge = f"{named(each.source)} {each.relation} {named(each.target)}"
        cells.append([(str(each.id), ""), (state, ""), (each.actor, ""), (edge, "bold")])
        undone = f"; undone by {each.undone_by} {_iso(each.undone_at)}" if each.undone_at is not None else ""
        notes.append(f"{_iso(each.decided_at)}: {each.reason}{undone}")
    print_limited(console, ["", "verdict", "by", "edge"], cells, is_all=True, notes=notes, right={""})


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


def doctor(place: Place, min_score: float | None, *, show_all: bool, as_json: bool, no_color: bool) -> None:
    """Print the scorecard; end with EXIT_GATE when the score is too low."""
    with asked(Asking(*place)) as view:
        quality = view.doctor()
    if as_json:
        told = asdict(quality)
        told["score"] = quality.score
        for check, one in zip(told["checks"], quality.checks, strict=True):
            check["score"] = one.score
        for source in told["providers"]:
            source["swept_at"] = instant_text(source["swept_at"])
        print_json(told)
    else:
        _print_quality(quality, is_all=show_all, no_color=no_color)
    if min_score is not None and quality.score < min_score:
        text = f"gate failed: the score is {quality.score:.3f}, below {min_score:g}"
        problems(no_color=no_color).print(Text(text, style="bold red"), soft_wrap=True)
        raise typer.Exit(EXIT_GATE)


def _print_quality(quality: Quality, *, is_all: bool, no_color: bool) -> None:
    console = results(no_color=no_color)
    console.print(
        Text(f"score {quality.score:.0%}", style="bold").append(
            f": {counted(quality.n_components, 'component')}, {counted(quality.n_edges, 'edge')}", ""
        )
    )
    console.print()
    cells = [
        [(f"{check.score:.0%}", _grade(check.score)), (f"{check.n_good:,} of {check.n_all:,}", ""),
         (check.name.replace("_", " "), "bold")]
        for check in quality.checks
    ]  # fmt: skip
    notes = [
        check.meaning + (f"; not: {', '.join(check.examples)}" if check.examples else "") for check in quality.checks
    ]
    print_limited(console, ["score", "count", "check"], cells, is_all=True, notes=notes, right={"score", "count"})
    if quality.providers:
        console.print()
        cells = []
        for one in quality.providers:
            heard = "never" if one.age_s is None else f"{age(one.age_s)} ago"
            state = one.error or (f"{one.n_quarantined:,} in quarantine" if one.n_quarantined else "ok")
            cells.append(
                [(one.name, "bold"), (heard, ""), (f"{one.scope or '—'}: {state}", "red" if one.error else "")]
            )
        print_limited(console, ["source", "heard", "state"], cells, is_all=True)
    if quality.suggestions:
        console.print()
        console.print(Text("may be one thing (lode lifecycle confirm FIRST same_as SECOND --actor … --reason …)"))
        cells = [[(f"{each.confidence:.2f}", ""), (each.first, "bold")] for each in quality.suggestions]
        notes = [f"{each.second}  ({each.evidence})" for each in quality.suggestions]
        print_limited(console, ["sure", "first, second"], cells, is_all=is_all, notes=notes, right={"sure"})


def _grade(score: float) -> str:
    return "green" if score >= 0.9 else "yellow" if score >= 0.6 else "red"


def quarantine(db: str | None, provider: str | None, *, show_all: bool, as_json: bool, no_color: bool) -> None:
    """List what could not be read."""
    with opened_lifecycle(db) as graph:
        found = quarantined(graph, provider=provider)
    if as_json:
        print_json([asdict(each) for each in found])
        return
    console = results(no_color=no_color)
    if not found:
        console.print("nothing is in quarantine")
        return
    console.print(Text(f"{counted(len(found), 'thing')} in quarantine", style="bold"))
    cells = [[(each.provider, ""), (each.what, "bold")] for each in found]
    notes = [f"{each.reason}  ({each.scope or 'no scope'}, {each.seen_at})" for each in found]
    print_limited(console, ["source", "what"], cells, is_all=show_all, notes=notes)


def work(
    db: str | None, sources: Sequence[str], kind: str | None, limit: int, *, as_json: bool, no_color: bool
) -> None:
    """Hydrate what notices speak of, or list them."""
    found = [each for source in sources for each in recognise(source, kind)]
    with opened_lifecycle(db, writes=bool(found)) as graph:
        tally = hydrate_waiting(graph, found, limit=limit) if found else None
        waiting = notices(graph, limit=limit)
    if as_json:
        done = None if tally is None else {"items": tally.n_items, "changed": tally.n_changed, "gone": tally.n_gone}
        print_json({"done": done, "waiting": [asdict(each) for each in waiting]})
        return
    console = results(no_color=no_color)
    if tally is not None:
        console.print(f"{counted(tally.n_items, 'item')}, {tally.n_changed:,} changed, {tally.n_gone:,} gone")
    if not waiting:
        console.print("no notice waits")
        return
    console.print(Text(f"{counted(len(waiting), 'notice')} waiting", style="bold"))
    cells = [[(each.provider, ""), (str(each.attempts), ""), (named(each.subject), "bold")] for each in waiting]
    notes = [f"{each.event}, next try {each.next_at}{f': {each.error}' if each.error else ''}" for each in waiting]
    print_limited(console, ["source", "tries", "component"], cells, is_all=False, notes=notes, right={"tries"})


def diff(db: str | None, first: str, second: str, axis: str, *, show_all: bool, as_json: bool, no_color: bool) -> None:
    """Print what changed between two moments."""
    with opened_lifecycle(db) as graph:
        found = graph.diff(first, second, axis=axis)
    if as_json:
        print_json(asdict(found))
        return
    console = results(no_color=no_color)
    if not found:
        console.print(Text(f"nothing changed between {first} and {second} ({axis})"), soft_wrap=True)
        return
    rows = _diff_rows(found)
    cells = [[(sign, style), (kind, ""), (what, "bold")] for sign, style, kind, what, _ in rows]
    print_limited(console, ["", "what", "which"], cells, is_all=show_all, notes=[note for *_, note in rows])


def _diff_rows(found: Diff) -> list[tuple[str, str, str, str, str]]:
    """(sign, style, kind, what, note) a change: components, then edges, then attributes."""
    rows = [("+", "green", "component", named(uri), uri) for uri in found.added]
    rows += [("−", "red", "component", named(uri), uri) for uri in found.removed]
    for sign, style, edges in (("+", "green", found.edges_added), ("−", "red", found.edges_removed)):
        for edge in edges:
            told = f"{named(edge.source)} {edge.relation} {named(edge.target)}"
            note = f"{edge.provider}, confidence {edge.confidence:.2f}{f': {edge.evidence}' if edge.evidence else ''}"
            rows.append((sign, style, "edge", told, note))
    for change in found.changed:
        for name, (before, after) in change.attributes.items():
            told = f"{named(change.uri)}: {name}"
            rows.append(("~", "yellow", "attribute", told, f"{change.provider}: {before!r:.120} → {after!r:.120}"))
    return rows


def export_graph(place: Place, form: str, out: Path | None, n_max: int | None) -> None:
    """Write the whole graph, and say what a format has no words for."""
    with asked(Asking(*place)) as view:
        parts = export_parts(view, form, n_max=n_max)
        if out is None:
            print_parts(parts)
        else:
            write_parts(parts, out)
            problems().print(Text(f"wrote {out}"), soft_wrap=True)
        left = untold(view) if form == "openlineage" else {}
    if left:
        told = ", ".join(f"{n:,} {name}" for name, n in sorted(left.items(), key=lambda item: (-item[1], item[0])))
        problems().print(
            Text(f"OpenLineage has no words for {counted(sum(left.values()), 'edge')}: {told}"), soft_wrap=True
        )
