"""The commands of ``lode lifecycle`` that ask, and their options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from motherlode.cli.console import reporting_errors

__all__ = [
    "All",
    "AsJson",
    "At",
    "Db",
    "KnownAt",
    "MinConfidence",
    "NoColor",
    "lifecycle_app",
]

lifecycle_app = typer.Typer(
    help="What depends on what across systems, and what breaks if it changes.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Db = Annotated[
    str | None,
    typer.Option("--db", metavar="FILE|URL", help="The graph: $LODE_LIFECYCLE or .lode/lifecycle.db by default."),
]
Target = Annotated[str, typer.Argument(metavar="TARGET", help="lode://…, type:name, or a name.")]
At = Annotated[str | None, typer.Option("--at", metavar="DATE", help="As it held then; now by default.")]
KnownAt = Annotated[str | None, typer.Option("--known-at", metavar="DATE", help="As it was recorded then.")]
MinConfidence = Annotated[
    float, typer.Option("--min-confidence", metavar="C", help="Follow no edge that is less certain.", min=0, max=1)
]
MaxDepth = Annotated[int | None, typer.Option("--max-depth", metavar="N", help="At most so many hops.", min=1)]
Types = Annotated[list[str] | None, typer.Option("--type", metavar="TYPE", help="Only these; may be repeated.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON: the complete set.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print CSV: the complete set.")]
AsMermaid = Annotated[bool, typer.Option("--mermaid", help="Print a Mermaid flowchart of the nearest.")]
AsDot = Annotated[bool, typer.Option("--dot", help="Print Graphviz' DOT of the nearest.")]
Tree = Annotated[bool, typer.Option("--tree", help="Print a tree of the paths.")]
All = Annotated[bool, typer.Option("--all", help="Print long tables whole.")]
Html = Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Also write a page with the graph.")]
Markdown = Annotated[
    Path | None, typer.Option("--markdown", metavar="FILE", help="Also write a report for a pull request.")
]
NoColor = Annotated[bool, typer.Option("--no-color", help="Print without colours.")]


@lifecycle_app.command("ingest", no_args_is_help=True)
@reporting_errors
def ingest_command(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE…",
            help="dbt's manifest.json, MLflow's SQLite file or mlruns/, Feast's registry, a DVC repository, "
            "OpenLineage events; or a project's folder with several of them.",
        ),
    ],
    db: Db = None,
    kind: Annotated[
        str | None, typer.Option("--as", metavar="KIND", help="What they are: dbt, dvc, feast, mlflow, openlineage.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Read sources into the graph, and say what each was taken for. Again and in any order gives the same."""
    from motherlode.cli.lifecycle import ingest

    ingest(db, sources, kind, quiet=quiet, as_json=json)


@lifecycle_app.command("impact", no_args_is_help=True)
@reporting_errors
def impact_command(
    targets: Annotated[list[str], typer.Argument(metavar="TARGET…", help="lode://…, type:name, or a name.")],
    change: Annotated[
        str,
        typer.Option(help="drop, delete, rename, retype, null_rate, distribution, freshness or deprecate."),
    ] = "drop",
    fail_on: Annotated[
        str | None,
        typer.Option(metavar="SEVERITY", help="Exit 1 when anything is affected so badly: BREAKS, DEGRADES, STALE, …"),
    ] = None,
    fail_on_incomplete: Annotated[
        bool, typer.Option("--fail-on-incomplete", help="Exit 1 when something is known to be missing.")
    ] = False,
    markdown: Markdown = None,
    mention: Annotated[bool, typer.Option("--mention", help="Write owners as @name in the report.")] = False,
    html: Html = None,
    max_depth: MaxDepth = None,
    at: At = None,
    known_at: KnownAt = None,
    min_confidence: MinConfidence = 0.0,
    tree: Tree = False,
    show_all: All = False,
    json: AsJson = False,
    csv: AsCsv = False,
    mermaid: AsMermaid = False,
    dot: AsDot = False,
    db: Db = None,
    no_color: NoColor = False,
) -> None:
    """Show what breaks if something changes, who owns it, and why it is believed; or fail, for a gate in CI.

    Exit codes: 0; 1 when --fail-on or --fail-on-incomplete says so; 2 for errors.
    """
    from motherlode.cli.lifecycle import Asking, Output, impact

    output = Output(tree, show_all, _form(json, csv, mermaid, dot), html, markdown, mention, no_color)
    asking = Asking(db, at, known_at, min_confidence)
    impact(asking, targets, change, max_depth, output, fail_on=fail_on, fail_on_incomplete=fail_on_incomplete)


def _form(json: bool, csv: bool, mermaid: bool, dot: bool) -> str | None:
    """The one format that was asked for. Raises InputError for several."""
    from motherlode.errors import InputError

    chosen = [name for name, flag in (("json", json), ("csv", csv), ("mermaid", mermaid), ("dot", dot)) if flag]
    if len(chosen) > 1:
        raise InputError(f"one format at a time: {' or '.join(f'--{name}' for name in chosen)}")
    return chosen[0] if chosen else None


@lifecycle_app.command("upstream", no_args_is_help=True)
@reporting_errors
def upstream_command(
    target: Target,
    max_depth: MaxDepth = None,
    types: Types = None,
    at: At = None,
    known_at: KnownAt = None,
    min_confidence: MinConfidence = 0.0,
    tree: Tree = False,
    show_all: All = False,
    html: Html = None,
    markdown: Markdown = None,
    json: AsJson = False,
    csv: AsCsv = False,
    mermaid: AsMermaid = False,
    dot: AsDot = False,
    db: Db = None,
    no_color: NoColor = False,
) -> None:
    """Show what something is made from."""
    from motherlode.cli.lifecycle import Asking, Output, lineage

    output = Output(tree, show_all, _form(json, csv, mermaid, dot), html, markdown, False, no_color)
    lineage(Asking(db, at, known_at, min_confidence), target, "upstream", max_depth, types or [], output)


@lifecycle_app.command("downstream", no_args_is_help=True)
@reporting_errors
def downstream_command(
    target: Target,
    max_depth: MaxDepth = None,
    types: Types = None,
    at: At = None,
    known_at: KnownAt = None,
    min_confidence: MinConfidence = 0.0,
    tree: Tree = False,
    show_all: All = False,
    html: Html = None,
    markdown: Markdown = None,
    json: AsJson = False,
    csv: AsCsv = False,
    mermaid: AsMermaid = False,
    dot: AsDot = False,
    db: Db = None,
    no_color: NoColor = False,
) -> None:
    """Show what is made from something."""
    from motherlode.cli.lifecycle import Asking, Output, lineage

    output = Output(tree, show_all, _form(json, csv, mermaid, dot), html, markdown, False, no_color)
    lineage(Asking(db, at, known_at, min_confidence), target, "downstream", max_depth, types or [], output)


@lifecycle_app.command("path", no_args_is_help=True)
@reporting_errors
def path_command(
    source: Annotated[str, typer.Argument(metavar="FROM", help="Where data flow from.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="Where they flow to.")],
    at: At = None,
    known_at: KnownAt = None,
    min_confidence: MinConfidence = 0.0,
    json: AsJson = False,
    db: Db = None,
    no_color: NoColor = False,
) -> None:
    """Show one of the shortest ways that data flow from one thing to another, with its evidence."""
    from motherlode.cli.lifecycle import Asking, path

    path(Asking(db, at, known_at, min_confidence), source, target, as_json=json, no_color=no_color)


@lifecycle_app.command("unused")
@reporting_errors
def unused_command(
    types: Types = None,
    at: At = None,
    known_at: KnownAt = None,
    min_confidence: MinConfidence = 0.0,
    show_all: All = False,
    json: AsJson = False,
    db: Db = None,
    no_color: NoColor = False,
) -> None:
    """List what nothing is known to use: datasets, features, views and models to deprecate."""
    from motherlode.cli.lifecycle_reports import unused

    unused((db, at, known_at, min_confidence), types or [], show_all=show_all, as_json=json, no_color=no_color)


@lifecycle_app.command("owners", no_args_is_help=True)
@reporting_errors
def owners_command(
    target: Target,
    at: At = None,
    known_at: KnownAt = None,
    json: AsJson = False,
    db: Db = None,
    no_color: NoColor = False,
) -> None:
    """Show whom to ask: its owners, or those of what is nearest."""
    from motherlode.cli.lifecycle_reports import owners

    owners((db, at, known_at, 0.0), target, as_json=json, no_color=no_color)


@lifecycle_app.command("search", no_args_is_help=True)
@reporting_errors
def search_command(
    words: Annotated[
        list[str], typer.Argument(metavar="WORDS…", help="Of names, addresses, descriptions, owners, tags.")
    ],
    types: Types = None,
    owner: Annotated[str | None, typer.Option(help="Only what this owner has.")] = None,
    tag: Annotated[str | None, typer.Option(help="Only what has this tag.")] = None,
    limit: Annotated[int, typer.Option("-k", "--limit", help="How many.", min=1)] = 20,
    at: At = None,
    known_at: KnownAt = None,
    json: AsJson = False,
    db: Db = None,
    no_color: NoColor = False,
) -> None:
    """Find components by their words; an exact name comes first."""
    from motherlode.cli.lifecycle_reports import search

    filters = {"types": types or [], "owner": owner, "tag": tag, "limit": limit}
    search((db, at, known_at, 0.0), " ".join(words), filters, as_json=json, no_color=no_color)


@lifecycle_app.command("select", no_args_is_help=True)
@reporting_errors
def select_command(
    selection: Annotated[
        list[str],
        typer.Argument(
            metavar="SELECTION…", help="+model:ranking, feature:orders.*+2, tag:pii,type:column, owner:ann …"
        ),
    ],
    exclude: Annotated[str | None, typer.Option(metavar="SELECTION", help="But not these.")] = None,
    at: At = None,
    known_at: KnownAt = None,
    min_confidence: MinConfidence = 0.0,
    show_all: All = False,
    json: AsJson = False,
    db: Db = None,
    no_color: NoColor = False,
) -> None:
    """List components by selectors: with their upstream (+name), downstream (name+), by tag, owner, type or pattern."""
    from motherlode.cli.lifecycle_reports import select

    place = (db, at, known_at, min_confidence)
    select(place, " ".join(selection), exclude, show_all=show_all, as_json=json, no_color=no_color)


@lifecycle_app.command("show", no_args_is_help=True)
@reporting_errors
def show_command(
    target: Target,
    at: At = None,
    known_at: KnownAt = None,
    show_all: All = False,
    json: AsJson = False,
    db: Db = None,
    no_color: NoColor = False,
) -> None:
    """Show all that is known of one component: attributes, owners, tags, edges with who says so and when."""
    from motherlode.cli.lifecycle_reports import show

    show((db, at, known_at, 0.0), target, show_all=show_all, as_json=json, no_color=no_color)


@lifecycle_app.command("diff", no_args_is_help=True)
@reporting_errors
def diff_command(
    first: Annotated[str, typer.Argument(metavar="DATE", help="A day, or a time with its zone.")],
    second: Annotated[str, typer.Argument(metavar="DATE", help="A later one.")],
    axis: Annotated[str, typer.Option(help="known (when it was recorded) or valid (when it held).")] = "known",
    show_all: All = False,
    json: AsJson = False,
    db: Db = None,
    no_color: NoColor = False,
) -> None:
    """Show what changed between two moments."""
    from motherlode.cli.lifecycle_upkeep import diff

    diff(db, first, second, axis, show_all=show_all, as_json=json, no_color=no_color)
