"""The commands of ``lode`` and their options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from motherlode.cli.console import reporting_errors
from motherlode.cli.lifecycle_upkeep_app import lifecycle_app
from motherlode.cli.nuggets_app import nuggets_app

__all__ = ["app", "run"]

app = typer.Typer(
    name="lode",
    help="Late-interaction search on a plain CPU, and facts that know when they were true.",
    add_completion=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)

app.add_typer(nuggets_app, name="nuggets")
app.add_typer(lifecycle_app, name="lifecycle")

IndexDir = Annotated[Path, typer.Argument(metavar="DIR", help="An index made by lode index.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
SearchMode = Annotated[str, typer.Option("--mode", "-m", help="late, lexical (BM25 over wordpieces) or hybrid (both).")]
KeptFields = Annotated[
    str | None,
    typer.Option(
        metavar="FIELDS", help="Fields to filter by, with commas: year:number,lang,tags:strings,day:timestamp."
    ),
]
NoColor = Annotated[bool, typer.Option("--no-color", help="Print without colours.")]


def run() -> None:
    """Run the command line."""
    app(prog_name="lode")


def _print_version(value: bool) -> None:
    if value:
        from importlib.metadata import version

        typer.echo(f"lode {version('motherlode')}")
        raise typer.Exit


@app.callback()
def _lode(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command("index")
@reporting_errors
def index_command(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE…",
            help="Folders (text, Markdown, HTML, JSONL, CSV, TSV, Parquet), such files, or python:stdlib.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="Where the index goes.")],
    encoder: Annotated[
        str,
        typer.Option("--encoder", "-e", help="minilm, a ColBERT folder or Hugging Face name, or precomputed:FILE.npy."),
    ] = "minilm",
    dim: Annotated[int | None, typer.Option(help="Dimensions of a token vector, where the encoder can choose.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")] = False,
    kind: Annotated[str, typer.Option(help="flat (exact), compressed, or auto (by size).")] = "auto",
    bits: Annotated[int, typer.Option(help="Bits of a residual code, compressed indexes.")] = 2,
    refine_bits: Annotated[int, typer.Option(help="Bits of the refinement tier, 0 for none.")] = 0,
    keep_vectors: Annotated[
        bool, typer.Option("--keep-vectors", help="Keep the vectors beside the codes, for exact rerank and explain.")
    ] = False,
    limit: Annotated[int, typer.Option(help="Read only this many documents; 0 for all.", min=0)] = 0,
    passage_tokens: Annotated[
        int, typer.Option(help="Split longer documents into passages of about so many tokens; 0 never.", min=0)
    ] = 160,
    text_field: Annotated[
        str | None,
        typer.Option(help="Field with the text of a record, several with commas; found by itself otherwise."),
    ] = None,
    title_field: Annotated[str | None, typer.Option(help="Field with the title.")] = None,
    id_field: Annotated[str | None, typer.Option(help="Field with the id.")] = None,
    metadata: KeptFields = None,
    threads: Annotated[int, typer.Option(help="Threads of the build; 0 for all CPUs.", min=0)] = 0,
    seed: Annotated[int, typer.Option(help="Of every random choice.")] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")] = False,
) -> None:
    """Read documents, encode them and build an index.

    Interrupted, the same command continues where it stopped.
    """
    from motherlode.cli.index import IndexRequest, index_sources
    from motherlode.workflows.documents import SourceOptions

    reading = SourceOptions(
        id_field=id_field,
        metadata_fields=tuple(name.strip() for name in (metadata or "").split(",") if name.strip()),
        title_field=title_field,
        text_field=text_field,
        max_passage_tokens=0 if encoder.startswith("precomputed:") else passage_tokens,
        limit=limit,
    )
    index_sources(
        IndexRequest(sources, out, reading, encoder, dim, overwrite, quiet),
        kind=kind,
        bits=bits,
        refine_bits=refine_bits,
        keep_vectors="float16" if keep_vectors else None,
        n_threads=threads,
        seed=seed,
    )


@app.command("search")
@reporting_errors
def search_command(
    path: IndexDir,
    query: Annotated[
        str | None, typer.Argument(metavar="QUERY", help="A question. Without one, questions are read line by line.")
    ] = None,
    k: Annotated[int, typer.Option("-k", "--k", help="How many answers.", min=1)] = 5,
    encoder: Annotated[
        str | None, typer.Option("--encoder", "-e", help="For the question, if the index's own has moved.")
    ] = None,
    where: Annotated[
        str | None,
        typer.Option(metavar="SQL", help="Only documents with such metadata: \"year >= 2020 AND lang = 'en'\"."),
    ] = None,
    mode: SearchMode = "late",
    require: Annotated[
        list[str] | None, typer.Option("--require", metavar="TERM", help="Only documents with all words of it.")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option("--exclude", metavar="TERM", help="No documents with all words of it.")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Show whole passages.")] = False,
    json: AsJson = False,
    no_color: NoColor = False,
) -> None:
    """Ask an index a question."""
    from motherlode.cli.search import SearchRequest, search

    request = SearchRequest(path, query, k, encoder, where, mode, tuple(require or ()), tuple(exclude or ()))
    search(request, full=full, as_json=json, no_color=no_color)


@app.command("explain")
@reporting_errors
def explain_command(
    path: IndexDir,
    query: Annotated[str, typer.Argument(metavar="QUERY", help="A question.")],
    doc_id: Annotated[str, typer.Argument(metavar="DOC_ID", help="The id of a document, as lode search shows it.")],
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write the heat map as a page of its own.")
    ] = None,
    encoder: Annotated[
        str | None, typer.Option("--encoder", "-e", help="For the question, if the index's own has moved.")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Show the whole text.")] = False,
    json: AsJson = False,
    no_color: NoColor = False,
) -> None:
    """Show which words of a question met which words of a document."""
    from motherlode.cli.explain import explain

    explain(path, query, doc_id, html=html, encoder_spec=encoder, full=full, as_json=json, no_color=no_color)


@app.command("info")
@reporting_errors
def info_command(
    path: IndexDir,
    verify: Annotated[bool, typer.Option("--verify", help="Read all data and compare their checksums.")] = False,
    json: AsJson = False,
    no_color: NoColor = False,
) -> None:
    """Show what an index holds, and check it."""
    from motherlode.cli.info import info

    info(path, verify=verify, as_json=json, no_color=no_color)


@app.command("eval")
@reporting_errors
def eval_command(
    path: IndexDir,
    queries: Annotated[Path, typer.Option(metavar="FILE", help="id<tab>query lines, or JSONL.")],
    qrels: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Judgements: TREC (qid 0 docid rel) or qid docid rel.")
    ] = None,
    measures: Annotated[str, typer.Option(help="Measures of ir_measures, with commas.")] = "nDCG@10,MRR@10,R@100",
    run_out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a TREC run.")] = None,
    exact: Annotated[bool, typer.Option("--exact", help="Compare with exact MaxSim; encodes texts again.")] = False,
    exact_vectors: Annotated[
        Path | None, typer.Option(metavar="FILE.npy", help="Compare with exact MaxSim over these vectors.")
    ] = None,
    encoder: Annotated[str | None, typer.Option(help="For the queries, if not the index's own.")] = None,
    k: Annotated[int, typer.Option("-k", "--k", help="Answers per query.", min=1)] = 100,
    mode: SearchMode = "late",
    json: AsJson = False,
    no_color: NoColor = False,
) -> None:
    """Measure an index on judged queries."""
    from motherlode.cli.evaluation import EvalRequest, evaluate_index

    request = EvalRequest(path, queries, qrels, measures, run_out, exact, exact_vectors, encoder, k, mode)
    evaluate_index(request, as_json=json, no_color=no_color)


@app.command("cpu")
@reporting_errors
def cpu_command(json: AsJson = False) -> None:
    """Show which CPU level the kernels use."""
    from motherlode.cli.info import cpu

    cpu(as_json=json)


@app.command("estimate", no_args_is_help=True)
@reporting_errors
def estimate_command(
    docs: Annotated[str, typer.Option("--docs", metavar="N", help="Documents (passages), e.g. 8.8M.")],
    tokens: Annotated[str | None, typer.Option("--tokens", metavar="N", help="Tokens in all, e.g. 598M.")] = None,
    tokens_per_doc: Annotated[
        float | None, typer.Option(help="Tokens of a document on average, in place of --tokens; text has 50 to 150.")
    ] = None,
    dim: Annotated[int, typer.Option(help="Dimensions of a token vector.")] = 128,
    bits: Annotated[int, typer.Option(help="Bits of a residual code.")] = 2,
    refine_bits: Annotated[int, typer.Option(help="Bits of the refinement tier, 0 for none.")] = 0,
    keep_vectors: Annotated[
        str | None, typer.Option(metavar="DTYPE", help="float16 or float32: a flat index of such vectors.")
    ] = None,
    centroids: Annotated[str | None, typer.Option(metavar="N", help="Centroids, if not the default.")] = None,
    text: Annotated[str, typer.Option(metavar="SIZE", help="Titles and texts that are kept, e.g. 3GB.")] = "0",
    shards: Annotated[int, typer.Option(help="Shards.", min=1)] = 1,
    memory: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Of one machine, e.g. 64GB: how many shards does it take?")
    ] = None,
    threads: Annotated[int, typer.Option(help="Threads; 0 for all CPUs.", min=0)] = 0,
    json: AsJson = False,
    no_color: NoColor = False,
) -> None:
    """Estimate what an index takes on disk and in memory, before it is built."""
    from motherlode.cli.estimate import EstimateRequest, estimate

    request = EstimateRequest(docs, tokens, tokens_per_doc, dim, bits, refine_bits, keep_vectors, centroids, text)
    estimate(request, n_shards=shards, memory=memory, n_threads=threads, as_json=json, no_color=no_color)
