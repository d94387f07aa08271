"""One door to every format: what it can say of an answer, and of a whole graph."""

from __future__ import annotations

from collections.abc import Iterator

from motherlode.errors import InputError
from motherlode.lifecycle.exports.complete import answer_csv, answer_json, graph_csv, graph_json
from motherlode.lifecycle.exports.diagrams import dot, mermaid
from motherlode.lifecycle.exports.markdown import markdown
from motherlode.lifecycle.exports.openlineage import openlineage_events
from motherlode.lifecycle.exports.page import page
from motherlode.lifecycle.exports.picture import picture_of
from motherlode.lifecycle.impact import ImpactReport
from motherlode.lifecycle.lineage import Lineage
from motherlode.lifecycle.view import GraphView

__all__ = ["FORMATS", "export", "export_parts"]

FORMATS = ("csv", "dot", "html", "json", "markdown", "mermaid", "openlineage")

_READABLE = {"mermaid": 40, "dot": 200, "html": 5000}


def export_parts(
    what: ImpactReport | Lineage | GraphView, form: str, *, n_max: int | None = None, mention: bool = False
) -> Iterator[str]:
    """The text of an export, part by part: of a complete set, no more than a batch is in memory.

    what: an answer of `impact`, `upstream` or `downstream`, or a view (the whole graph at its moment)
    form: ``csv`` and ``json`` hold the complete set; ``mermaid`` (by default 40 components), ``dot`` (200) and ``html``
        (5,000) the nearest n_max, and a node says how many are hidden; ``markdown`` is a report for a pull request (of
        an answer); ``openlineage`` is a JSON event a line (of the whole graph)
    mention: in Markdown, write owners as ``@name``, which sends them a message

    Raises InputError for another form, or one that cannot say this.
    """
    if form not in FORMATS:
        raise InputError(f"format {form!r}: expected one of {', '.join(FORMATS)}")
    if n_max is not None and n_max < 1:
        raise InputError(f"n_max={n_max}: a drawing shows at least one component")
    if form in _READABLE:
        picture = picture_of(what, n_max or _READABLE[form])
        yield {"mermaid": mermaid, "dot": dot, "html": page}[form](picture)
    elif isinstance(what, ImpactReport | Lineage):
        if form == "openlineage":
            raise InputError("OpenLineage's events tell of a whole graph: export the graph or a view of it")
        if form == "markdown":
            yield markdown(what, mention=mention)
        else:
            yield from (answer_csv if form == "csv" else answer_json)(what)
    elif form == "markdown":
        raise InputError("a report in Markdown is of an answer: of impact, upstream or downstream")
    else:
        yield from {"csv": graph_csv, "json": graph_json, "openlineage": openlineage_events}[form](what)


def export(
    what: ImpactReport | Lineage | GraphView, form: str, *, n_max: int | None = None, mention: bool = False
) -> str:
    """As `export_parts`, in one text."""
    return "".join(export_parts(what, form, n_max=n_max, mention=mention))
