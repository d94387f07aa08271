"""The commands of ``lode nuggets`` and their options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from motherlode.cli.console import reporting_errors

__all__ = ["nuggets_app"]

nuggets_app = typer.Typer(
    help="Facts that know when they were true: load, ask, decide.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Store = Annotated[
    str,
    typer.Option("--store", "-s", envvar="LODE_NUGGETS", metavar="FILE|URL", help="A file, or a PostgreSQL URL."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
NoColor = Annotated[bool, typer.Option("--no-color", help="Print without colours.")]
KnownAt = Annotated[
    str | None, typer.Option("--known-at", metavar="DATE", help="As was known then: a day, or a time with its zone.")
]
Actor = Annotated[str, typer.Option(help="Who says so; kept with the reason.")]
Reason = Annotated[str, typer.Option(help="Why.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")]
Encoder = Annotated[
    str | None, typer.Option("--encoder", "-e", help="Rank by late interaction too: minilm, or a ColBERT model.")
]
Vectors = Annotated[
    str | None,
    typer.Option(
        envvar="LODE_NUGGETS_VECTORS", metavar="DIR", help="Its index; beside a file by default, named for a URL."
    ),
]
Scope = Annotated[str, typer.Option(help="Whose facts.")]
_FILE = "facts.db"


@nuggets_app.command("ingest", no_args_is_help=True)
@reporting_errors
def ingest_command(
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE…", help="Documents: files, folders; or claims.")],
    store: Store = _FILE,
    claims: Annotated[bool, typer.Option("--claims", help="The files are claims, as JSON lines.")] = False,
    extractor: Annotated[
        str, typer.Option("--extractor", "-x", help="offline, spacy, none, or llm:MODEL[,MODEL…] to fall back on.")
    ] = "offline",
    version: Annotated[str | None, typer.Option("--doc-version", help="Of all these documents.")] = None,
    published_at: Annotated[str | None, typer.Option(metavar="DATE", help="Of all these documents.")] = None,
    publisher: Annotated[str | None, typer.Option(help="Who counts as independent, if not each document.")] = None,
    encoder: Encoder = None,
    vectors: Vectors = None,
    budget_usd: Annotated[float | None, typer.Option(help="Stop before models would cost more.")] = None,
    estimate: Annotated[bool, typer.Option("--estimate", help="Say what models would cost, and ask none.")] = False,
    quiet: Quiet = False,
    json: AsJson = False,
) -> None:
    """Read documents into facts, or record claims that are ready. Interrupted, the same command goes on."""
    from motherlode.cli import nuggets_reports as reports
    from motherlode.cli.nuggets import StorePlace

    place = StorePlace(store, encoder, vectors)
    files = sources if claims else [name for name in sources if name.endswith((".claims.jsonl", ".claims.ndjson"))]
    texts = [name for name in sources if name not in files]
    n_ready = reports.load_claims(place, files, quiet=quiet, as_json=json, is_all=not texts) if files else 0
    if not texts:
        return
    document = {"version": version, "published_at": published_at, "publisher": publisher}
    reports.ingest(
        place,
        texts,
        extractor,
        document,
        n_ready=n_ready,
        budget_usd=budget_usd,
        estimate=estimate,
        quiet=quiet,
        as_json=json,
    )


@nuggets_app.command("ask", no_args_is_help=True)
@nuggets_app.command("query", hidden=True)
@reporting_errors
def ask_command(
    question: Annotated[str, typer.Argument(help="A question; a date in it counts.")],
    store: Store = _FILE,
    at: Annotated[str | None, typer.Option("--at", metavar="DATE", help="As of: 2005, 2005-06, 2005-06-01, …")] = None,
    known_at: KnownAt = None,
    k: Annotated[int, typer.Option("-k", "--k", help="How many answers.", min=1)] = 5,
    scope: Annotated[str | None, typer.Option(help="Whose facts; all by default.")] = None,
    predicate: Annotated[list[str] | None, typer.Option(help="Only such facts; may be repeated.")] = None,
    source: Annotated[list[str] | None, typer.Option(help="Only what these documents say; may be repeated.")] = None,
    encoder: Encoder = None,
    vectors: Vectors = None,
    why: Annotated[bool, typer.Option("--why", help="Say why each answer is there.")] = False,
    why_not: Annotated[
        str | None, typer.Option("--why-not", metavar="NUGGET", help="Say why this nugget is not an answer.")
    ] = None,
    json: AsJson = False,
    no_color: NoColor = False,
) -> None:
    """Ask a question, as of a time in the world and a time of knowledge."""
    from motherlode.cli.nuggets import AskRequest, StorePlace, ask, why_not as tell_why_not

    request = AskRequest(question, at, known_at, k, scope, predicate, source)
    if why_not is not None:
        tell_why_not(StorePlace(store, encoder, vectors), request, why_not, as_json=json)
        return
    ask(StorePlace(store, encoder, vectors), request, why=why, as_json=json, no_color=no_color)


@nuggets_app.command("show", no_args_is_help=True)
@nuggets_app.command("inspect", hidden=True)
@reporting_errors
def show_command(
    nugget: Annotated[str, typer.Argument(metavar="NUGGET", help="Its id.")],
    store: Store = _FILE,
    known_at: KnownAt = None,
    json: AsJson = False,
    no_color: NoColor = False,
) -> None:
    """Show one nugget with all its evidence."""
    from motherlode.cli.nuggets import show

    show(store, nugget, known_at, as_json=json, no_color=no_color)


@nuggets_app.command("history", no_args_is_help=True)
@reporting_errors
def history_command(
    subject: Annotated[str, typer.Argument()],
    predicate: Annotated[str, typer.Argument()],
    store: Store = _FILE,
    known_at: KnownAt = None,
    scope: Scope = "global",
    json: AsJson = False,
    no_color: NoColor = False,
) -> None:
    """Show who or what it was, in order, with a timeline."""
    from motherlode.cli.nuggets import history

    history(store, subject, predicate, known_at, scope, as_json=json, no_color=no_color)


@nuggets_app.command("conflicts")
@reporting_errors
def conflicts_command(
    store: Store = _FILE, known_at: KnownAt = None, json: AsJson = False, no_color: NoColor = False
) -> None:
    """Show what sources disagree about."""
    from motherlode.cli.nuggets import conflicts

    conflicts(store, known_at, as_json=json, no_color=no_color)


@nuggets_app.command("resolve", no_args_is_help=True)
@reporting_errors
def resolve_command(
    actor: Actor,
    nugget: Annotated[str | None, typer.Argument(metavar="NUGGET", help="Its id.")] = None,
    action: Annotated[str | None, typer.Argument(metavar="ACTION", help="prefer (the pin) or suppress.")] = None,
    event: Annotated[str | None, typer.Option("--undo", metavar="EVENT", help="Take such a decision back.")] = None,
    reason: Reason = "",
    store: Store = _FILE,
    json: AsJson = False,
) -> None:
    """Decide about a nugget, for good."""
    from motherlode.cli.nuggets import decide, undo
    from motherlode.errors import InputError

    if event is not None and nugget is None:
        undo(store, event, actor, reason, as_json=json)
        return
    if event is not None or nugget is None or action is None:
        raise InputError("resolve takes a nugget and what to do with it (prefer or suppress), or --undo EVENT")
    decide(store, nugget, action, actor, reason, as_json=json)


@nuggets_app.command("undo", no_args_is_help=True)
@reporting_errors
def undo_command(
    event: Annotated[str, typer.Argument(metavar="EVENT", help="The id that the command printed.")],
    actor: Actor,
    reason: Reason = "",
    store: Store = _FILE,
    json: AsJson = False,
) -> None:
    """Take back a decision, a review, a retraction or an undo."""
    from motherlode.cli.nuggets import undo

    undo(store, event, actor, reason, as_json=json)


@nuggets_app.command("review")
@reporting_errors
def review_command(
    store: Store = _FILE,
    accept: Annotated[str | None, typer.Option(metavar="CLAIM", help="Let it count.")] = None,
    reject: Annotated[str | None, typer.Option(metavar="CLAIM", help="Refuse it.")] = None,
    edit: Annotated[str | None, typer.Option(metavar="CLAIM", help="Put a corrected claim in its place.")] = None,
    object_: Annotated[str | None, typer.Option("--object", help="Corrected, with --edit.")] = None,
    valid_from: Annotated[str | None, typer.Option(metavar="DATE", help="Corrected, with --edit.")] = None,
    valid_to: Annotated[str | None, typer.Option(metavar="DATE", help="Corrected, with --edit.")] = None,
    actor: Actor = "unnamed",
    reason: Reason = "",
    json: AsJson = False,
    no_color: NoColor = False,
) -> None:
    """List the claims that wait for review, or settle one."""
    from motherlode.cli.nuggets import review
    from motherlode.errors import InputError

    chosen = [(kind, claim) for kind, claim in (("accept", accept), ("reject", reject), ("edit", edit)) if claim]
    if len(chosen) > 1:
        raise InputError("settle one claim at a time: --accept, --reject or --edit")
    corrections = {"object": object_, "valid_from": valid_from, "valid_to": valid_to}
    review(store, chosen[0] if chosen else None, corrections, actor, reason, as_json=json, no_color=no_color)


@nuggets_app.command("retract")
@reporting_errors
def retract_command(
    source: Annotated[str | None, typer.Option(help="A document's id: all that it says.")] = None,
    claim: Annotated[str | None, typer.Option(help="One claim's id.")] = None,
    version: Annotated[str | None, typer.Option("--doc-version", help="Only versions up to this one.")] = None,
    actor: Actor = "unnamed",
    reason: Reason = "",
    store: Store = _FILE,
    json: AsJson = False,
) -> None:
    """Take back what a document or a claim says; it is kept, and can be undone."""
    from motherlode.cli.nuggets import retract

    retract(store, source, claim, version, actor, reason, as_json=json)


@nuggets_app.command("erase", no_args_is_help=True)
@reporting_errors
def erase_command(
    source: Annotated[str, typer.Argument(metavar="DOCUMENT", help="Its id.")],
    yes: Annotated[bool, typer.Option("--yes", help="It cannot be undone: do it.")] = False,
    vectors: Vectors = None,
    actor: Actor = "unnamed",
    reason: Reason = "",
    store: Store = _FILE,
    json: AsJson = False,
) -> None:
    """Remove every byte of a document, and print the certificate."""
    from motherlode.cli.nuggets import StorePlace, erase

    erase(StorePlace(store, vectors=vectors), source, actor, reason, agreed=yes, as_json=json)


@nuggets_app.command("diff")
@reporting_errors
def diff_command(
    known: Annotated[tuple[str, str] | None, typer.Option(metavar="A B", help="Two times of knowledge.")] = None,
    valid: Annotated[tuple[str, str] | None, typer.Option(metavar="A B", help="Two times in the world.")] = None,
    subject: Annotated[str | None, typer.Option(help="Only of this.")] = None,
    predicate: Annotated[str | None, typer.Option(help="Only of this kind.")] = None,
    store: Store = _FILE,
    json: AsJson = False,
    no_color: NoColor = False,
) -> None:
    """Show what differs between two moments, in knowledge or in the world."""
    from motherlode.cli.nuggets_reports import diff

    diff(store, known, valid, subject, predicate, as_json=json, no_color=no_color)


@nuggets_app.command("doctor")
@reporting_errors
def doctor_command(
    store: Store = _FILE,
    stale_after_days: Annotated[float, typer.Option(help="Older evidence is stale.")] = 730,
    json: AsJson = False,
    no_color: NoColor = False,
) -> None:
    """Examine the store: depth in time, conflicts, renames, single sources, reviews."""
    from motherlode.cli.nuggets_reports import doctor

    doctor(store, stale_after_days, as_json=json, no_color=no_color)


@nuggets_app.command("chain", no_args_is_help=True)
@reporting_errors
def chain_command(
    subject: Annotated[str, typer.Argument(help="A name; with --join a path: Google.parentCompany.ceo.")],
    predicate: Annotated[str | None, typer.Argument(help="Of a succession.")] = None,
    renames: Annotated[bool, typer.Option("--renames", help="What the name was and became.")] = False,
    join: Annotated[bool, typer.Option("--join", help="Follow predicates from the subject.")] = False,
    at: Annotated[str | None, typer.Option("--at", metavar="DATE", help="As of; now by default.")] = None,
    known_at: KnownAt = None,
    store: Store = _FILE,
    json: AsJson = False,
    no_color: NoColor = False,
) -> None:
    """Follow a succession, renames, or a path of predicates."""
    from motherlode.cli.nuggets_reports import chain

    kind = "join" if join else "renames" if renames else "succession"
    chain(store, subject, predicate, kind, at, known_at, as_json=json, no_color=no_color)


@nuggets_app.command("eval", no_args_is_help=True)
@reporting_errors
def eval_command(
    questions: Annotated[Path, typer.Argument(metavar="QUESTIONS.jsonl", help="question, answers, valid_at.")],
    k: Annotated[int, typer.Option("-k", "--k", help="Answers per question.", min=1)] = 10,
    baselines: Annotated[bool, typer.Option("--baselines", help="BM25 over the store's texts beside it.")] = False,
    store: Store = _FILE,
    json: AsJson = False,
    no_color: NoColor = False,
) -> None:
    """Measure the store on judged questions."""
    from motherlode.cli.nuggets_reports import evaluate

    evaluate(store, questions, k, baselines=baselines, as_json=json, no_color=no_color)


@nuggets_app.command("audit", no_args_is_help=True)
@reporting_errors
def audit_command(
    files: Annotated[list[str], typer.Argument(metavar="FILE…", help="Passages: JSONL, or texts to be cut.")],
    query: Annotated[str | None, typer.Option("--query", help="Only facts that it asks about count.")] = None,
    at: Annotated[str | None, typer.Option("--at", metavar="DATE", help="The query's own time, else now.")] = None,
    known_at: KnownAt = None,
    store: Store = _FILE,
    json: AsJson = False,
    no_color: NoColor = False,
) -> None:
    """Hold passages of another retriever against the store: current, superseded, contested or unknown."""
    from motherlode.cli.nuggets_reports import audit

    audit(store, files, query, at, known_at, as_json=json, no_color=no_color)


@nuggets_app.command("export", no_args_is_help=True)
@reporting_errors
def export_command(
    what: Annotated[str, typer.Argument(help="claims, nuggets or events.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="Standard output by default.")] = None,
    known_at: KnownAt = None,
    store: Store = _FILE,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON list in place of lines.")] = False,
) -> None:
    """Write claims, nuggets or events as JSON lines; ingest --claims reads claims back."""
    from motherlode.cli.nuggets_reports import export

    export(store, what, out, known_at, as_json=json)


@nuggets_app.command("schema")
@reporting_errors
def schema_command(store: Store = _FILE, json: AsJson = False, no_color: NoColor = False) -> None:
    """Show the predicates that the store knows, and their rules."""
    from motherlode.cli.nuggets_reports import schema

    schema(store, as_json=json, no_color=no_color)
