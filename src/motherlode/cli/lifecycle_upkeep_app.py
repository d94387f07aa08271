"""The commands of ``lode lifecycle`` that keep the graph in order, and their options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from motherlode.cli.console import reporting_errors
from motherlode.cli.lifecycle_app import All, At, Db, KnownAt, MinConfidence, NoColor, lifecycle_app
from motherlode.cli.lifecycle_serve import serve_command

__all__ = ["lifecycle_app"]

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Source = Annotated[str, typer.Argument(metavar="SOURCE", help="Where data flow from.")]
Relation = Annotated[str, typer.Argument(metavar="RELATION", help="same_as, feeds, input_of, trains, …")]
Other = Annotated[str, typer.Argument(metavar="TARGET", help="Where they flow to.")]
Actor = Annotated[str, typer.Option(help="Who says so; kept with the reason.")]
Reason = Annotated[str, typer.Option(help="Why.")]


@lifecycle_app.command("confirm", no_args_is_help=True)
@reporting_errors
def confirm_command(
    source: Source, relation: Relation, target: Other, actor: Actor, reason: Reason, db: Db = None, json: AsJson = False
) -> None:
    """Say that an edge is there, for good; same_as merges two addresses of one thing."""
    from motherlode.cli.lifecycle_upkeep import decide

    decide(db, "confirm", (source, relation, target), actor, reason, as_json=json)


@lifecycle_app.command("refuse", no_args_is_help=True)
@reporting_errors
def refuse_command(
    source: Source, relation: Relation, target: Other, actor: Actor, reason: Reason, db: Db = None, json: AsJson = False
) -> None:
    """Say that an edge that was concluded is wrong, for good."""
    from motherlode.cli.lifecycle_upkeep import decide

    decide(db, "refuse", (source, relation, target), actor, reason, as_json=json)


@lifecycle_app.command("undo", no_args_is_help=True)
@reporting_errors
def undo_command(
    decision: Annotated[int, typer.Argument(metavar="DECISION", help="Its number.")],
    actor: Actor,
    db: Db = None,
    json: AsJson = False,
) -> None:
    """Take a decision back."""
    from motherlode.cli.lifecycle_upkeep import undo

    undo(db, decision, actor, as_json=json)


@lifecycle_app.command("decisions")
@reporting_errors
def decisions_command(db: Db = None, json: AsJson = False, no_color: NoColor = False) -> None:
    """List what people decided about edges."""
    from motherlode.cli.lifecycle_upkeep import decisions

    decisions(db, as_json=json, no_color=no_color)


@lifecycle_app.command("doctor")
@reporting_errors
def doctor_command(
    min_score: Annotated[
        float | None, typer.Option(metavar="S", help="Exit 1 when the score is below, 0 … 1.", min=0, max=1)
    ] = None,
    at: At = None,
    known_at: KnownAt = None,
    show_all: All = False,
    json: AsJson = False,
    db: Db = None,
    no_color: NoColor = False,
) -> None:
    """Examine the metadata: coverage, freshness, orphans, dangling references, possible merges, sources."""
    from motherlode.cli.lifecycle_upkeep import doctor

    doctor((db, at, known_at, 0.0), min_score, show_all=show_all, as_json=json, no_color=no_color)


@lifecycle_app.command("quarantine")
@reporting_errors
def quarantine_command(
    provider: Annotated[
        str | None, typer.Option(metavar="KIND", help="Only of such sources, e.g. openlineage.")
    ] = None,
    show_all: All = False,
    json: AsJson = False,
    db: Db = None,
    no_color: NoColor = False,
) -> None:
    """List what could not be read, and why."""
    from motherlode.cli.lifecycle_upkeep import quarantine

    quarantine(db, provider, show_all=show_all, as_json=json, no_color=no_color)


@lifecycle_app.command("work")
@reporting_errors
def work_command(
    sources: Annotated[
        list[str] | None, typer.Argument(metavar="[SOURCE…]", help="What to ask; without any, notices are listed.")
    ] = None,
    kind: Annotated[str | None, typer.Option("--as", metavar="KIND", help="What the sources are.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many notices.", min=1)] = 1000,
    json: AsJson = False,
    db: Db = None,
    no_color: NoColor = False,
) -> None:
    """Hydrate the components that waiting notices speak of, from their sources; or list the notices."""
    from motherlode.cli.lifecycle_upkeep import work

    work(db, sources or [], kind, limit, as_json=json, no_color=no_color)


@lifecycle_app.command("export")
@reporting_errors
def export_command(
    form: Annotated[
        str, typer.Argument(metavar="FORMAT", help="csv, json, openlineage, mermaid, dot or html.")
    ] = "json",
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="Standard output by default.")] = None,
    n_max: Annotated[
        int | None, typer.Option("--max", metavar="N", help="Components that a drawing or page shows.", min=1)
    ] = None,
    at: At = None,
    known_at: KnownAt = None,
    min_confidence: MinConfidence = 0.0,
    db: Db = None,
) -> None:
    """Write the whole graph: every edge (csv, json), events for others (openlineage), or a drawing."""
    from motherlode.cli.lifecycle_upkeep import export_graph

    export_graph((db, at, known_at, min_confidence), form, out, n_max)


lifecycle_app.command("serve")(serve_command)
