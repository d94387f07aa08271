"""``lode index``."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Unpack

import typer
from rich.text import Text

from motherlode.cli.console import EXIT_INTERRUPTED, DrawnProgress, duration, problems, size
from motherlode.workflows.documents import SourceOptions, SourceReport
from motherlode.workflows.text_index import BuildOptions, Corpus, build_text_index, spool_path, unfinished_build

__all__ = ["IndexRequest", "index_sources"]


@dataclass(frozen=True, slots=True)
class IndexRequest:
    """What ``lode index`` was asked for, but for the options of the build."""

    sources: list[str]
    out: Path
    reading: SourceOptions
    encoder: str
    dim: int | None
    overwrite: bool
    quiet: bool


def index_sources(request: IndexRequest, **options: Unpack[BuildOptions]) -> None:
    """Build the index with progress, and say what came of it and what to try next."""
    console = problems()
    console.quiet = request.quiet
    corpus = Corpus(request.sources, request.reading)
    progress = DrawnProgress(console, quiet=request.quiet)
    began = time.monotonic()
    try:
        with progress.shown():
            index = build_text_index(
                request.out,
                corpus,
                request.encoder,
                dim=request.dim,
                overwrite=request.overwrite,
                progress=progress,
                **options,
            )
    except KeyboardInterrupt:
        _say_how_to_continue(request)
        raise typer.Exit(EXIT_INTERRUPTED) from None
    _say_what_was_skipped(corpus.report, request)
    per_token = index.size_bytes / max(1, index.n_tokens)
    console.print(
        f"[bold green]{request.out}[/]: {index.n_docs:,} documents, {index.n_tokens:,} tokens, "
        f"{size(index.size_bytes)} ({per_token:.1f} bytes a token, {index.kind}) "
        f"in {duration(time.monotonic() - began)}",
        soft_wrap=True,
    )
    console.print(f'try: lode search {request.out} "your question"', markup=False, style="dim", soft_wrap=True)


def _say_how_to_continue(request: IndexRequest) -> None:
    console = problems()
    state = unfinished_build(request.out)
    if state is None:
        console.print("[yellow]interrupted[/] while reading; nothing was kept.")
        return
    n_encoded, n_docs = state
    console.print(
        f"[yellow]interrupted[/]: {n_encoded:,} of {n_docs:,} documents are encoded and kept in "
        f"{spool_path(request.out)}. Run the same command again to continue.",
        soft_wrap=True,
    )


def _say_what_was_skipped(report: SourceReport, request: IndexRequest) -> None:
    if not request.quiet:
        for line in report.lines():
            problems().print(Text(line, style="yellow"), soft_wrap=True)
