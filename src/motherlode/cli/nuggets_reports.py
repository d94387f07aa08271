"""``lode nuggets``: loading, and looks over the whole store."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from motherlode.cli.console import EXIT_ERROR, DrawnProgress, json_text, legible, print_json, problems, results
from motherlode.cli.nuggets import StorePlace, fact_text, nuggets_table, opened, update_vectors
from motherlode.errors import InputError
from motherlode.workflows.nugget_audit import audit_files
from motherlode.workflows.nugget_evaluation import evaluate_store
from motherlode.workflows.nugget_ingest import (
    DocumentSource,
    check_sources,
    estimate_ingest,
    extractor_of,
    ingest_documents,
)

__all__ = ["audit", "chain", "diff", "doctor", "evaluate", "export", "ingest", "load_claims", "schema"]

_SEVERITIES = {"ok": "green", "notice": "cyan", "warning": "yellow", "critical": "bold red"}
_VERDICTS = {"current": "green", "unknown": "dim", "contested": "yellow"}


def ingest(
    place: StorePlace,
    sources: Sequence[str],
    extractor: str,
    document: dict[str, str | None],
    *,
    n_ready: int,
    budget_usd: float | None,
    estimate: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Read documents into facts. n_ready: claims that came as such with them, for the account."""
    progress = DrawnProgress(problems(), quiet=quiet or as_json)
    documents = DocumentSource(
        sources,
        version=document["version"],
        published_at=document["published_at"],
        publisher=document["publisher"],
    )
    check_sources(sources)
    extractor_of(extractor, budget_usd=budget_usd)  # a wrong name is told before a store is made
    with opened(place, create=True) as store:
        reader = extractor_of(extractor, store, budget_usd=budget_usd)
        if estimate:
            if reader is None:
                raise InputError("an estimate is for language models: --extractor llm:MODEL")
            cost = estimate_ingest(store, documents, reader)
            print_json({name: getattr(cost, name) for name in cost.__slots__})
            return
        with progress.shown():
            summary = ingest_documents(store, documents, reader, progress)
        update_vectors(store, quiet=quiet or as_json)
    if as_json:
        print_json(summary.to_dict() | ({"ready_claims": n_ready} if n_ready else {}))
    else:
        results().print(
            f"{summary.n_documents} documents ({summary.n_known} known already), {summary.n_claims} claims, "
            f"{summary.n_pending} wait for review, {summary.n_refused} refused",
            markup=False,
            soft_wrap=True,
        )
        for note in summary.notes:
            problems().print(note, markup=False, soft_wrap=True)
        for name, reason in summary.quarantined:
            problems().print(f"quarantined: {name}: {reason}", markup=False, soft_wrap=True)
    if summary.quarantined:
        raise typer.Exit(EXIT_ERROR)


def load_claims(place: StorePlace, files: Sequence[str], *, quiet: bool, as_json: bool, is_all: bool) -> int:
    """Record claims that are ready, from JSON lines; how many. is_all: no documents follow."""
    for file in files:
        if not Path(file).is_file():
            raise InputError(f"no such file of claims: {file}; it has one JSON object a line, with the fields of Claim")
    progress = DrawnProgress(problems(), quiet=quiet or as_json)
    with opened(place, create=True) as store:
        with progress.shown():
            n = sum(store.assert_rows(Path(file), progress=progress) for file in files)
        update_vectors(store, quiet=quiet or as_json)
    if not as_json:
        results().print(f"{n} claims recorded", markup=False, soft_wrap=True)
    elif is_all:
        print_json({"claims": n})
    return n


def export(where: str, what: str, out: Path | None, known_at: str | None, *, as_json: bool) -> None:
    """Write claims, nuggets or events as JSON lines, or as one list."""
    if known_at is not None and what == "claims":
        raise InputError("--known-at belongs to export nuggets and events; claims are all written")
    with opened(where) as store:
        rows: Iterable[dict[str, Any]]
        if what == "claims":
            rows = store.export_claims()
        elif what == "events":
            rows = store.export_events(known_at=known_at)
        elif what == "nuggets":
            rows = store.export_nuggets(known_at=known_at)
        else:
            raise InputError(f"export claims, nuggets or events, not {what!r}")
        lines = _as_list(rows) if as_json else (json_text(row) + "\n" for row in rows)
        if out is None:
            sys.stdout.writelines(lines)
            return
        temporary = out.with_name(out.name + ".part")
        try:
            with temporary.open("w", encoding="utf-8") as file:
                file.writelines(lines)
            temporary.replace(out)
        except OSError as error:
            raise InputError(f"{out}: cannot be written ({error.strerror})") from None


def _as_list(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """One JSON list, row by row: a store may not fit in memory."""
    before = "["
    for row in rows:
        yield f"{before}\n{json_text(row)}"
        before = ","
    yield "[]\n" if before == "[" else "\n]\n"


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
        console.print(
            f"nothing differs between {found.begin} and {found.end} ({found.axis})", markup=False, soft_wrap=True
        )
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
            fact = fact_text(change.after.subject, change.after.predicate, change.after.object)
            for name, (before, after) in change.changed.items():
                table.add_row(fact, name, Text(legible(str(before))), Text(legible(str(after))))
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
        soft_wrap=True,
    )
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("check", "", "share", "95 %", "count", "advice"):
        table.add_column(name, overflow="fold", no_wrap=name not in ("check", "advice"))
    for check in card.checks:
        low, high = check.interval
        table.add_row(
            Text(check.name.replace("_", " ")),
            Text(check.severity, style=_SEVERITIES[check.severity]),
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
            if predicate is not None:  # a name with dots: lode nuggets chain "St. Gallen" canton.capital --join
                name, path = subject, predicate
            joined = store.join(name, path, valid_at=at or store.clock(), known_at=known_at)
            if as_json:
                print_json(joined.to_dict())
                return
            for step in joined.steps:
                answer = step.problem if step.nugget is None else f"{step.nugget.object} ({step.certainty})"
                console.print(f"{step.subject} — {step.predicate}: {answer}", markup=False, soft_wrap=True)
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
    console.print(" → ".join(found.names) or "nothing is known", markup=False, soft_wrap=True)
    if found.nuggets:
        console.print(nuggets_table(found.nuggets, with_id=False))
    for link in (*found.gaps, *found.overlaps):
        sure = "" if link.is_certain else " (may be)"
        console.print(f"{link.kind}{sure}: {link.begin or '…'} to {link.end or '…'}", markup=False, soft_wrap=True)


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


def audit(
    where: str,
    files: Sequence[str],
    query: str | None,
    at: str | None,
    known_at: str | None,
    *,
    as_json: bool,
    no_color: bool,
) -> None:
    """Print how the facts that passages state stand."""
    with opened(where) as store:
        report, texts = audit_files(store, files, query, at, known_at=known_at)
    if as_json:
        print_json(report.to_dict())
        return
    console = results(no_color=no_color)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("verdict", "passage", "what it says"):
        table.add_column(name, overflow="fold")
    for passage, text in zip(report.passages, texts, strict=True):
        facts = [f"{fact.subject} — {fact.predicate}: {fact.object}: {fact.verdict}" for fact in passage.bearing]
        shown = Text(legible("\n".join(facts))) if facts else Text(legible(" ".join(text.split())[:90]), style="dim")
        verdict = Text(passage.verdict, style=_VERDICTS.get(passage.verdict, "red"))
        table.add_row(verdict, Text(legible(passage.id or "")), shown)
    console.print(table)
    counts = ", ".join(f"{n} {verdict}" for verdict, n in report.counts.items() if n)
    console.print(f"as of {report.at}: {counts}", markup=False)


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
        called = Text(legible(", ".join(predicate.aliases)))  # no markup: a name may hold brackets
        table.add_row(Text(legible(predicate.name)), predicate.cardinality, called, predicate.supersede)
    results(no_color=no_color).print(table)
