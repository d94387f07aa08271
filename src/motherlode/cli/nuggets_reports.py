"""``lode nuggets``: loading, and looks over the whole store."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from motherlode.cli.console import EXIT_ERROR, DrawnProgress, problems, results
from motherlode.cli.nuggets import nuggets_table, opened, print_json
from motherlode.errors import InputError
from motherlode.workflows.documents import SourceReport
from motherlode.workflows.nugget_evaluation import evaluate_store
from motherlode.workflows.nugget_ingest import (
    estimate_cost,
    ingest_documents,
    make_extractor,
    read_whole,
)

__all__ = ["chain", "diff", "doctor", "evaluate", "export", "ingest", "load_claims", "schema"]

_SEVERITIES = {"good": "green", "info": "cyan", "warning": "yellow", "bad": "red", "critical": "red"}


def ingest(
    where: str,
    sources: Sequence[str],
    extractor: str,
    document: dict[str, str | None],
    *,
    budget_usd: float | None,
    estimate: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Read documents into facts."""
    progress = DrawnProgress(problems(), quiet=quiet or as_json)
    report = SourceReport()
    with opened(where, create=True) as store:
        reader = make_extractor(extractor, store, budget_usd=budget_usd)
        documents = read_whole(sources, report, **document)
        if estimate:
            print_json(estimate_cost(reader, documents))
            return
        with progress.shown():
            summary = ingest_documents(store, documents, reader, progress=progress)
    summary.skipped = dict(report.skipped)
    if as_json:
        print_json(summary.to_dict())
    else:
        console = results()
        console.print(
            f"{summary.n_documents} documents ({summary.n_known} known already), {summary.n_claims} claims, "
            f"{summary.n_pending} wait for review, {summary.n_refused} refused",
            markup=False,
        )
        for reason, n in report.skipped.items():
            problems().print(f"skipped: {reason} ({n}), e.g. {report.examples.get(reason, '')}", markup=False)
        for name, reason in summary.quarantined:
            problems().print(f"quarantined: {name}: {reason}", markup=False)
    if summary.quarantined:
        raise typer.Exit(EXIT_ERROR)


def load_claims(where: str, files: Sequence[str], *, quiet: bool, as_json: bool) -> None:
    """Record claims that are ready, from JSON lines."""
    progress = DrawnProgress(problems(), quiet=quiet or as_json)
    with opened(where, create=True) as store, progress.shown():
        n = sum(store.assert_rows(Path(file), progress=progress) for file in files)
    if as_json:
        print_json({"claims": n})
    else:
        results().print(f"{n} claims recorded", markup=False)


def export(where: str, what: str, out: Path | None, known_at: str | None) -> None:
    """Write claims, nuggets or events as JSON lines."""
    with opened(where) as store:
        rows: Iterable[dict[str, Any]]
        if what == "claims":
            rows = store.export_claims()
        elif what == "events":
            rows = store.export_events()
        elif what == "nuggets":
            rows = (nugget.to_dict() for nugget in store.nuggets(known_at=known_at))
        else:
            raise InputError(f"export claims, nuggets or events, not {what!r}")
        lines = (json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows)
        if out is None:
            sys.stdout.writelines(lines)
            return
        temporary = out.with_name(out.name + ".part")
        with temporary.open("w", encoding="utf-8") as file:
            file.writelines(lines)
        temporary.replace(out)


def diff(
    where: str,
    known: tuple[str, str] | None,
    valid: tuple[str, str] | None,
    subject: str | None,
    predicate: str | None,
    *,
    as_json: bool,
    no_color: bool,
) -> None:
    """Print what differs between two moments."""
    with opened(where) as store:
        found = store.diff(known=known, valid=valid, subject=subject, predicate=predicate)
    if as_json:
        print_json(found.to_dict())
        return
    console = results(no_color=no_color)
    if not found:
        console.print(f"nothing differs between {found.begin} and {found.end} ({found.axis})", markup=False)
        return
    for name, style, nuggets in (("added", "green", found.added), ("gone", "red", found.gone)):
        if nuggets:
            console.print(Text(name, style=f"bold {style}"))
            console.print(nuggets_table(nuggets, with_id=False))
    if found.changed:
        console.print(Text("changed", style="bold yellow"))
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for name in ("fact", "what", "before", "after"):
            table.add_column(name, overflow="fold")
        for change in found.changed:
            fact = Text(f"{change.after.subject} — {change.after.predicate}: {change.after.object}")
            for name, (before, after) in change.changed.items():
                table.add_row(fact, name, Text(str(before)), Text(str(after)))
        console.print(table)


def doctor(where: str, stale_after_days: float, *, as_json: bool, no_color: bool) -> None:
    """Print the scorecard."""
    with opened(where) as store:
        card = store.doctor(stale_after_days=stale_after_days)
    if as_json:
        print_json(card.to_dict())
        return
    console = results(no_color=no_color)
    console.print(
        f"{card.n_nuggets:,} nuggets of {card.n_keys:,} keys; {card.n_claims:,} claims, {card.n_documents:,} documents",
        markup=False,
    )
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("check", "share", "95 %", "count", "advice"):
        table.add_column(name, overflow="fold", no_wrap=name in ("share", "95 %", "count"))
    for check in card.checks:
        low, high = check.interval
        table.add_row(
            Text(check.name.replace("_", " "), style=_SEVERITIES.get(check.severity, "")),
            f"{check.value:.1%}",
            f"{low:.1%} to {high:.1%}",
            f"{check.numerator:,} of {check.denominator:,}",
            Text(check.advice),
        )
    console.print(table)


def chain(
    where: str,
    subject: str,
    predicate: str | None,
    kind: str,
    at: str | None,
    known_at: str | None,
    *,
    as_json: bool,
    no_color: bool,
) -> None:
    """Print a succession, a chain of renames, or where a path of predicates leads."""
    console = results(no_color=no_color)
    with opened(where) as store:
        if kind == "join":
            name, _, path = subject.rpartition(":") if ":" in subject else subject.partition(".")
            joined = store.join(name, predicate or path, valid_at=at or store.clock(), known_at=known_at)
            if as_json:
                print_json(joined.to_dict())
                return
            for step in joined.steps:
                answer = step.problem if step.nugget is None else f"{step.nugget.object} ({step.certainty})"
                console.print(f"{step.subject} — {step.predicate}: {answer}", markup=False)
            return
        if kind == "renames":
            found = store.renames(subject, valid_at=at, known_at=known_at)
        else:
            if predicate is None:
                raise InputError("a succession needs subject and predicate; --renames and --join need one name")
            found = store.succession(subject, predicate, known_at=known_at)
    if as_json:
        print_json(found.to_dict())
        return
    console.print(" → ".join(found.names) or "nothing is known", markup=False)
    if found.nuggets:
        console.print(nuggets_table(found.nuggets, with_id=False))
    for link in (*found.gaps, *found.overlaps):
        sure = "" if link.is_certain else " (may be)"
        console.print(f"{link.kind}{sure}: {link.begin or '…'} to {link.end or '…'}", markup=False)


def evaluate(where: str, questions: Path, k: int, *, baselines: bool, as_json: bool, no_color: bool) -> None:
    """Measure the store, and maybe the baselines over its own texts, on judged questions."""
    with opened(where) as store:
        reports = evaluate_store(store, questions, k, baselines=baselines)
    if as_json:
        print_json([report.to_dict() for report in reports])
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for at, report in enumerate(reports):
        head, rows = report.table()
        if at == 0:
            for name in ("system", *head):
                table.add_column(str(name), overflow="fold")
        for row in rows:
            table.add_row(report.system, *map(str, row))
    results(no_color=no_color).print(table)


def schema(where: str, *, as_json: bool, no_color: bool) -> None:
    """Print the predicates that the store knows."""
    with opened(where) as store:
        known = store.schema
    if as_json:
        print_json(known.to_dict())
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("predicate", "objects at a time", "also called", "follows by"):
        table.add_column(name, overflow="fold")
    for predicate in known.predicates:
        table.add_row(predicate.name, predicate.cardinality, ", ".join(predicate.aliases), predicate.supersede)
    results(no_color=no_color).print(table)
