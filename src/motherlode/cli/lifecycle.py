"""``lode lifecycle``: reading sources in, and the questions about what depends on what."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console
from rich.text import Text

from motherlode.cli.console import EXIT_ERROR, EXIT_GATE, DrawnProgress, legible, print_json, problems, results
from motherlode.cli.lifecycle_tables import STYLES, age, line, named, nearest, print_more, print_rows, print_table, tree
from motherlode.workflows.lifecycle import (
    Account,
    GraphView,
    ImpactReport,
    IngestReport,
    Lineage,
    Recognised,
    counted,
    default_place,
    export_parts,
    gate,
    headline,
    ingest_sources,
    opened_lifecycle,
    recognise,
    step_dict,
    target_names,
    write_parts,
)

__all__ = ["Asking", "Output", "asked", "impact", "ingest", "lineage", "path", "print_parts"]


@dataclass(frozen=True, slots=True)
class Asking:
    """Of which graph, as of when, and how sure an edge must be."""

    db: str | None
    at: str | None = None
    known_at: str | None = None
    min_confidence: float = 0.0


@dataclass(frozen=True, slots=True)
class Output:
    """What is printed and what is written. form: json, csv, mermaid or dot in place of tables."""

    tree: bool
    is_all: bool
    form: str | None
    html: Path | None
    markdown: Path | None
    mention: bool
    no_color: bool


@contextmanager
def asked(asking: Asking) -> Iterator[GraphView]:
    """The view that a question is asked of."""
    with opened_lifecycle(asking.db) as graph:
        yield graph.as_of(asking.at, asking.known_at, min_confidence=asking.min_confidence)


def print_parts(parts: Iterable[str]) -> None:
    """A machine's format on standard output: exact in a pipe or file; what a terminal would obey is shown, not done."""
    is_terminal = sys.stdout.isatty()
    for part in parts:
        sys.stdout.write(legible(part) if is_terminal else part)


def ingest(db: str | None, sources: Sequence[str], kind: str | None, *, quiet: bool, as_json: bool) -> None:
    """Read sources; those that cannot be read are named, and the command ends with an error after the others."""
    found = [each for source in sources for each in recognise(source, kind)]
    progress = DrawnProgress(problems(), quiet=quiet or as_json)
    with opened_lifecycle(db, create=True) as graph, progress.shown():
        report = ingest_sources(graph, found, progress)
    if as_json:
        print_json(_ingest_dict(found, report))
    elif not quiet:
        _print_ingest(found, report, db or default_place())
    for failed in report.failed:
        problems().print(Text(f"error: {failed.name} ({failed.scope}): {failed.error}", style="red"), soft_wrap=True)
    if report.failed:
        raise typer.Exit(EXIT_ERROR)


def _ingest_dict(found: Sequence[Recognised], report: IngestReport) -> dict[str, object]:
    return {
        "sources": [
            {
                "source": source.where,
                "kind": source.kind,
                "why": source.why,
                "items": one.tally.n_items,
                "changed": one.tally.n_changed,
                "gone": one.tally.n_gone,
                "quarantined": one.tally.n_rejected,
                "error": None if one.error is None else str(one.error),
            }
            for source, one in zip(found, report.providers, strict=True)
        ],
        "inferred": report.n_inferred,
        "withdrawn": report.n_withdrawn,
    }


def _print_ingest(found: Sequence[Recognised], report: IngestReport, place: str) -> None:
    console = results()
    for source, one in zip(found, report.providers, strict=True):
        console.print(Text(source.kind, style="bold").append(f" {source.where} ({source.why})", ""), soft_wrap=True)
        tally = one.tally
        told = [counted(tally.n_items, "item"), f"{tally.n_changed:,} changed"]
        told += [f"{tally.n_gone:,} gone"] if tally.n_gone else []
        told += [f"{tally.n_rejected:,} in quarantine"] if tally.n_rejected else []
        told += ["not read to its end"] if one.error is not None else []
        console.print(Text(f"  {', '.join(told)}", style="yellow" if tally.n_rejected else ""))
        for rejected in tally.rejected[:3]:
            console.print(
                Text(f"  quarantined: {line(rejected.what)}: {line(rejected.reason)}", style="yellow"), soft_wrap=True
            )
        if tally.n_rejected > 3:
            console.print(Text("  all of them: lode lifecycle quarantine", style="yellow"))
    if report.n_inferred or report.n_withdrawn:
        console.print(f"{counted(report.n_inferred, 'edge')} concluded, {report.n_withdrawn:,} withdrawn")
    console.print(Text(f"in {place}"), soft_wrap=True)


def impact(
    asking: Asking,
    targets: Sequence[str],
    change: str,
    max_depth: int | None,
    output: Output,
    *,
    fail_on: str | None,
    fail_on_incomplete: bool,
) -> None:
    """Print what breaks, write the reports, and end with EXIT_GATE when the gate says so."""
    with asked(asking) as view:
        report = view.impact(list(targets), change, max_depth=max_depth)
        failures = gate(report, fail_on, fail_on_incomplete=fail_on_incomplete)  # a wrong severity before any output
        _write_files(report, output)
        if output.form is not None:
            print_parts(export_parts(report, output.form))
        else:
            _print_impact(report, output)
    for failure in failures:
        problems(no_color=output.no_color).print(Text(f"gate failed: {failure}", style="bold red"), soft_wrap=True)
    if failures:
        raise typer.Exit(EXIT_GATE)


def _write_files(answer: ImpactReport | Lineage, output: Output) -> None:
    for form, out in (("html", output.html), ("markdown", output.markdown)):
        if out is not None:
            write_parts(export_parts(answer, form, mention=output.mention), out)
            problems(no_color=output.no_color).print(Text(f"wrote {out}"), soft_wrap=True)


def _print_impact(report: ImpactReport, output: Output) -> None:
    console = results(no_color=output.no_color)
    account = Account.of(report)
    console.print(Text(headline(report, account), style="bold"), soft_wrap=True)
    if len(report):
        counts = Text("  ").join(Text(f"{name} {n:,}", style=STYLES[name]) for name, n in account.by_severity.items())
        console.print(counts)
        console.print()
        _print_rows(report, console, output)
        if account.owners:
            ranked = sorted(account.owners.items(), key=lambda item: (-item[1], item[0]))
            told = ", ".join(f"{line(name)} ({n:,})" for name, n in ranked[:8])
            more = f" and {len(ranked) - 8} more" if len(ranked) > 8 else ""
            console.print(Text(f"owners to ask: {told}{more}"), soft_wrap=True)
    sure = []
    if len(report):
        sure.append(f"least certain edge {report.confidence:.2f}")
    if report.oldest_hop is not None:
        seconds = max(0, report.view.clock() - report.oldest_hop) / 1e6
        sure.append(f"oldest hop confirmed {age(seconds)} ago")
    _print_completeness(console, report, sure)


def _print_rows(answer: ImpactReport | Lineage, console: Console, output: Output) -> None:
    if output.tree:
        drawn, hidden = tree(answer, is_all=output.is_all)
        console.print(drawn)
    else:
        rows, hidden = nearest(answer, is_all=output.is_all)
        print_rows(console, rows, target_names(answer))
    print_more(console, hidden)
    console.print()


def _print_completeness(console: Console, answer: ImpactReport | Lineage, told: list[str]) -> None:
    if answer.complete:
        console.print(Text(" · ".join(["complete: nothing is known to be missing", *told])), soft_wrap=True)
        return
    console.print(Text(" · ".join(["incomplete", *told]), style="yellow"), soft_wrap=True)
    for why in answer.why_incomplete:
        console.print(Text(f"  {line(why)}", style="yellow"), soft_wrap=True)


def lineage(
    asking: Asking, target: str, direction: str, max_depth: int | None, types: Sequence[str], output: Output
) -> None:
    """Print what something is made from, or what is made from it."""
    with asked(asking) as view:
        ask = view.upstream if direction == "upstream" else view.downstream
        answer = ask(target, max_depth=max_depth, types=types)
        _write_files(answer, output)
        if output.form is not None:
            print_parts(export_parts(answer, output.form))
            return
        console = results(no_color=output.no_color)
        names = ", ".join(list(dict.fromkeys(target_names(answer).values()))[:3])
        console.print(Text(f"{counted(len(answer), 'component')} {direction} of {names}", style="bold"), soft_wrap=True)
        if len(answer):
            console.print()
            _print_rows(answer, console, output)
        _print_completeness(console, answer, [])


def path(asking: Asking, source: str, target: str, *, as_json: bool, no_color: bool) -> None:
    """Print one of the shortest paths, hop by hop."""
    with asked(asking) as view:
        steps = view.path(source, target)
    if as_json:
        print_json([step_dict(step) for step in steps])
        return
    console = results(no_color=no_color)
    if not steps:
        console.print(Text(f"nothing is known to flow from {source} to {target}"), soft_wrap=True)
        return
    rows, notes = [], []
    for step in steps:
        ends = (step.source, step.target) if step.forward else (step.target, step.source)
        how = f"–{step.relation}→" if step.forward else f"←{step.relation}–"
        rows.append(
            [(f"{step.confidence:.2f}", ""), (step.provider, ""), (f"{named(ends[0])} {how} {named(ends[1])}", "bold")]
        )
        notes.append(step.evidence if step.rule is None else f"rule: {step.rule}; {step.evidence}")
    print_table(console, ["confidence", "said by", "hop"], rows, notes, right={"confidence"})
