"""``lode nuggets``: questions, facts, and what people decide about them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from motherlode.cli.console import DrawnProgress, legible, print_json, problems, results
from motherlode.cli.timeline import STYLES, Bar, draw_timeline, label_width
from motherlode.core.time import to_micros
from motherlode.errors import InputError
from motherlode.workflows.nugget_words import words_of_predicate as _words
from motherlode.workflows.nuggets import open_nuggets

if TYPE_CHECKING:
    from motherlode import Nugget, NuggetHit, NuggetStore

__all__ = [
    "AskRequest",
    "StorePlace",
    "ask",
    "conflicts",
    "decide",
    "erase",
    "fact_text",
    "history",
    "opened",
    "retract",
    "review",
    "show",
    "undo",
    "update_vectors",
    "why_not",
]

_SENTENCE = 90  # characters of evidence in a table
_ID = 11  # characters of an id that tell it from others; every command takes them


@dataclass(frozen=True, slots=True)
class StorePlace:
    """Where a store is, and the index of its facts for late interaction."""

    where: str
    encoder: str | None = None
    vectors: str | None = None


@contextmanager
def opened(place: str | StorePlace, *, create: bool = False) -> Iterator[NuggetStore]:
    """The store of a command; reading commands make none."""
    place = StorePlace(place) if isinstance(place, str) else place
    with open_nuggets(place.where, create=create, encoder=place.encoder, vectors=place.vectors) as store:
        yield store


@dataclass(frozen=True, slots=True)
class AskRequest:
    """What ``lode nuggets ask`` was asked for."""

    question: str
    valid_at: str | None
    known_at: str | None
    k: int
    scope: str | None
    predicates: Sequence[str] | None
    sources: Sequence[str] | None


def ask(place: StorePlace, request: AskRequest, *, why: bool, as_json: bool, no_color: bool) -> None:
    """Print the answers to a question; with an encoder, the index of facts is brought up to date first."""
    with opened(place) as store:
        update_vectors(store, quiet=as_json)
        hits = store.ask(
            request.question,
            valid_at=request.valid_at,
            known_at=request.known_at,
            k=request.k,
            scope=request.scope,
            predicates=request.predicates,
            sources=request.sources,
        )
    if as_json:
        print_json([hit.to_dict() for hit in hits])
        return
    console = results(no_color=no_color)
    if not hits:
        when = "" if request.valid_at is None else f" at {request.valid_at}"
        console.print(f"nothing is known{when} of: {request.question}", markup=False, soft_wrap=True)
        return
    console.print(_hits_table(hits, why=why))
    told: set[frozenset[str]] = set()  # each side of a conflict is an answer; it is told once
    for hit in hits:
        if hit.conflict is not None:
            sides = frozenset(one.nugget_id for one in (hit.nugget, *hit.conflict.rivals))
            if sides not in told:
                _print_conflict(console, hit)
            told.add(sides)


def why_not(place: StorePlace, request: AskRequest, nugget: str, *, as_json: bool) -> None:
    """Print why a nugget is not among the answers to a question, or at which rank it is."""
    with opened(place) as store:
        update_vectors(store, quiet=as_json)
        reason = store.why_not(
            nugget,
            request.question,
            valid_at=request.valid_at,
            known_at=request.known_at,
            k=request.k,
            scope=request.scope,
            predicates=request.predicates,
            sources=request.sources,
        )
    if as_json:
        print_json({"nugget": nugget, "question": request.question, "why_not": reason})
    else:
        results().print(reason, markup=False, soft_wrap=True)


def update_vectors(store: NuggetStore, *, quiet: bool) -> None:
    """Take what is new into the index for late interaction, where the store has one."""
    if store.vectors is not None:
        progress = DrawnProgress(problems(), quiet=quiet)
        with progress.shown():
            store.update_vectors(progress)


def fact_text(subject: str, predicate: str, name: str) -> Text:
    """'Apple — chief executive officer: Tim Cook'; legible here already, so that tables measure what is shown."""
    return Text(legible(f"{subject} — {_words(predicate)}: ")).append(legible(name), style="bold")


def _hits_table(hits: Sequence[NuggetHit], *, why: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("", justify="right", style="dim")
    for name in ("fact", "when", "state", "evidence", *(["why"] if why else [])):
        table.add_column(name, overflow="fold", no_wrap=name == "when", ratio=2 if name == "evidence" else None)
    for hit in hits:
        nugget = hit.nugget
        said = next((one for one in hit.evidence if one.text), None)
        shown = hit.evidence[0].source if said is None else f"{said.source}: {_shortened(said.text or '')}"
        more = len({one.source for one in hit.evidence}) - 1
        row: list[str | Text] = [
            str(hit.rank),
            fact_text(nugget.subject, nugget.predicate, nugget.object),
            str(nugget.interval) if nugget.interval.is_known else "no date known",
            Text(f"{nugget.state}, {hit.certainty}", style=STYLES.get(nugget.state, "")),
            Text(legible(shown) + (f" (+{more})" if more > 0 else "")),
        ]
        table.add_row(*row, *([Text(legible(hit.why))] if why else []))
    return table


def _print_conflict(console: Console, hit: NuggetHit) -> None:
    assert hit.conflict is not None
    begin, end = (str(bound) if bound is not None else "…" for bound in hit.conflict.during)
    sides = (hit.nugget, *hit.conflict.rivals)
    text = "\n".join(f"{one.object} {one.interval}, {one.n_sources} source(s), {one.nugget_id[:_ID]}" for one in sides)
    title = f"sources disagree, {begin} to {end}: {hit.nugget.subject} — {_words(hit.nugget.predicate)}"
    console.print(Panel(Text(legible(text)), title=Text(legible(title)), title_align="left", border_style="yellow"))


def _shortened(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _SENTENCE else flat[: _SENTENCE - 1].rstrip() + "…"


def nuggets_table(nuggets: Sequence[Nugget], *, with_id: bool = True) -> Table:
    """Nuggets, one a line."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    has_why = any(nugget.why for nugget in nuggets)
    for name in ("fact", "from", "to", "state", "sources", *(["why"] if has_why else []), *(["id"] if with_id else [])):
        table.add_column(name, overflow="fold", no_wrap=name in ("from", "to", "id"))
    for nugget in nuggets:
        row: list[str | Text] = [
            fact_text(nugget.subject, nugget.predicate, nugget.object),
            nugget.valid_from or "?",
            nugget.valid_to or ("…" if nugget.valid_from else "?"),
            Text(nugget.state + (", preferred" if nugget.preferred else ""), style=STYLES.get(nugget.state, "")),
            str(nugget.n_sources),
        ]
        row += [Text(legible(nugget.why))] if has_why else []
        table.add_row(*row, *([Text(nugget.nugget_id[:_ID], style="dim")] if with_id else []))
    return table


def show(where: str, nugget: str, known_at: str | None, *, as_json: bool, no_color: bool) -> None:
    """Print all of one nugget."""
    with opened(where) as store:
        found = store.get(nugget, known_at=known_at)
        evidence = store.evidence(found)
    if as_json:
        said = [{name: getattr(one, name) for name in one.__slots__} for one in evidence]
        print_json({**found.to_dict(), "evidence": said})
        return
    console = results(no_color=no_color)
    console.print(nuggets_table([found]))
    for one in evidence:
        bounds = f"[{one.valid_from or '?'}, {one.valid_to or '…'})" if one.valid_from or one.valid_to else "no dates"
        denies = "denies, " if one.negated else ""
        console.print(Text(f"• {one.source} ({denies}{bounds}, claim {one.claim_id})", style="bold"))
        if one.text:
            console.print(Text(f"  {one.text}"))


def history(
    where: str, subject: str, predicate: str, known_at: str | None, scope: str, *, as_json: bool, no_color: bool
) -> None:
    """Print who or what it was, in order, and draw it."""
    with opened(where) as store:
        found = store.history(subject, predicate, known_at=known_at, scope=scope)
        now = to_micros(store.clock())
    if as_json:
        print_json([nugget.to_dict() for nugget in found])
        return
    console = results(no_color=no_color)
    if not found:
        console.print(f"nothing is known of {subject} — {predicate}", markup=False, soft_wrap=True)
        return
    console.print(nuggets_table(found))
    bars = [
        Bar(
            legible(nugget.object),
            nugget.state,
            (nugget.interval.start_earliest, nugget.interval.start_latest),
            (nugget.interval.end_earliest, nugget.interval.end_latest),
        )
        for nugget in found
        if nugget.interval.is_known
    ]
    if bars:
        console.print(draw_timeline(bars, now=now, width=max(20, min(72, console.width - label_width(bars) - 6))))


def conflicts(where: str, known_at: str | None, *, as_json: bool, no_color: bool) -> None:
    """Print what sources disagree about."""
    with opened(where) as store:
        groups = store.conflicts(known_at=known_at)
    if as_json:
        print_json([[nugget.to_dict() for nugget in group] for group in groups])
        return
    console = results(no_color=no_color)
    if not groups:
        console.print("no conflicts")
    for group in groups:
        console.print(nuggets_table(group))
    if groups:
        problems(no_color=no_color).print("settle one: lode nuggets resolve NUGGET prefer --actor YOU --reason …")


def decide(where: str, nugget: str, action: str, actor: str, reason: str, *, as_json: bool) -> None:
    """Record a decision and say what came of it."""
    with opened(where) as store:
        event = store.decide(nugget, action, actor=actor, reason=reason)
        found = store.get(nugget)
    if as_json:
        print_json({"event": event, "nugget": found.to_dict()})
        return
    results().print(nuggets_table([found]))
    results().print(f"undo it: lode nuggets undo {event} --actor {actor}", markup=False, soft_wrap=True)


def undo(where: str, event: str, actor: str, reason: str, *, as_json: bool) -> None:
    """Take an event back."""
    with opened(where) as store:
        done = store.undo(event, actor=actor, reason=reason)
    if as_json:
        print_json({"event": done, "undone": event})
    else:
        results().print(f"undone; this was event {done}", markup=False, soft_wrap=True)


def review(
    where: str,
    verdict: tuple[str, str] | None,
    corrections: dict[str, Any],
    actor: str,
    reason: str,
    *,
    as_json: bool,
    no_color: bool,
) -> None:
    """List claims that wait, or settle one. verdict: (accept, reject or edit; the claim)."""
    with opened(where) as store:
        if verdict is not None:
            kind, claim = verdict
            if kind == "edit":
                event = store.edit_claim(claim, actor=actor, reason=reason, **corrections)
            else:
                event = store.review(claim, kind, actor=actor, reason=reason)
            if as_json:
                print_json({"event": event})
            else:
                results().print(
                    f"done ({kind}); undo it: lode nuggets undo {event} --actor {actor}", markup=False, soft_wrap=True
                )
            return
        waiting = store.review_queue()
    if as_json:
        print_json([one.to_dict() for one in waiting])
        return
    console = results(no_color=no_color)
    if not waiting:
        console.print("nothing waits for review")
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("claim", "confidence", "when", "said in", "id"):
        table.add_column(name, overflow="fold", no_wrap=name == "id")
    for one in waiting:
        when = f"{one.valid_from or '?'} to {one.valid_to or '…'}" if one.valid_from or one.valid_to else "no date"
        said = one.source if one.text is None else f"{one.source}: {_shortened(one.text)}"
        fact = fact_text(one.subject, one.predicate, one.object)
        short = Text(one.claim_id[:_ID], style="dim")
        table.add_row(fact, f"{one.confidence:.2f}", when, Text(legible(said)), short)
    console.print(table)


def retract(
    where: str, source: str | None, claim: str | None, version: str | None, actor: str, reason: str, *, as_json: bool
) -> None:
    """Take back what a document or a claim says."""
    with opened(where) as store:
        event = store.retract(source=source, claim=claim, version=version, actor=actor, reason=reason)
    if as_json:
        print_json({"event": event})
    else:
        results().print(f"retracted; undo it: lode nuggets undo {event} --actor {actor}", markup=False, soft_wrap=True)


def erase(place: StorePlace, source: str, actor: str, reason: str, *, agreed: bool, as_json: bool) -> None:
    """Erase a document for good and print the certificate."""
    if not agreed:
        raise InputError(f"erasing {source!r} cannot be undone; say --yes to do it")
    with opened(place) as store:
        certificate = store.erase(source, actor=actor, reason=reason)
    if as_json:
        print_json(certificate.to_dict())
        return
    console = results()
    console.print(
        f"erased {len(certificate.claims)} claims, {len(certificate.text_digests)} texts at {certificate.erased_at}; "
        f"{len(certificate.nuggets_gone)} nuggets are gone, {len(certificate.nuggets_kept)} stand on other sources",
        markup=False,
        soft_wrap=True,
    )
    console.print(
        f"certificate {certificate.event}, document {certificate.source_digest}", markup=False, soft_wrap=True
    )
    if certificate.bytes_left:
        problems().print("another process holds old bytes open (a log, an index): they leave when it is done")
