"""The lifecycle graph as commands use it: where it is, which sources go in, what comes out as files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from motherlode.core.ports import Progress
from motherlode.core.time import Clock, now
from motherlode.errors import InputError, LodeError
from motherlode.lifecycle.detail import ComponentDetail, Owner
from motherlode.lifecycle.difference import Diff
from motherlode.lifecycle.doctor import Quality
from motherlode.lifecycle.exports import FORMATS, export, export_parts
from motherlode.lifecycle.exports.answers import Row, instant_text, json_text, rows_of, step_dict
from motherlode.lifecycle.exports.openlineage import untold
from motherlode.lifecycle.exports.waiting import Notice, Quarantined, notices, quarantined
from motherlode.lifecycle.exports.words import Account, counted, headline, hops, target_name, target_names
from motherlode.lifecycle.graph import LifecycleGraph, open_lifecycle
from motherlode.lifecycle.impact import ImpactReport
from motherlode.lifecycle.ingestion import IngestReport
from motherlode.lifecycle.lineage import Lineage
from motherlode.lifecycle.propagation import CHANGES, Severity
from motherlode.lifecycle.recording import Tally
from motherlode.lifecycle.relations import RELATIONS
from motherlode.lifecycle.view import GraphView
from motherlode.lifecycle.walking import Step
from motherlode.workflows.lifecycle_sink import DEFAULT_PLACE, named_place
from motherlode.workflows.lifecycle_sources import KINDS, Recognised, recognise

__all__ = [
    "CHANGES",
    "FORMATS",
    "KINDS",
    "RELATIONS",
    "SEVERITIES",
    "Account",
    "ComponentDetail",
    "Diff",
    "GraphView",
    "ImpactReport",
    "IngestReport",
    "LifecycleGraph",
    "Lineage",
    "Notice",
    "Owner",
    "Quality",
    "Quarantined",
    "Recognised",
    "Row",
    "Step",
    "counted",
    "default_place",
    "export",
    "export_parts",
    "gate",
    "headline",
    "hops",
    "hydrate_waiting",
    "ingest_sources",
    "instant_text",
    "json_text",
    "notices",
    "opened_lifecycle",
    "quarantined",
    "recognise",
    "rows_of",
    "step_dict",
    "target_name",
    "target_names",
    "untold",
    "write_parts",
]

SEVERITIES = tuple(name for name in reversed(Severity.__members__) if name not in ("NONE", "SAME"))
"""From BREAKS down to MASKED."""


def default_place() -> str:
    """Where the graph is when nobody says: $LODE_LIFECYCLE when it names a place, else ./.lode/lifecycle.db."""
    return named_place() or str(DEFAULT_PLACE)


@contextmanager
def opened_lifecycle(
    where: str | None, *, create: bool = False, writes: bool = False, clock: Clock = now
) -> Iterator[LifecycleGraph]:
    """The graph at a place, by default `default_place`. create: make it, and its folder, where there is none.

    Raises InputError for a file that is not there, and what `open_lifecycle` raises.
    """
    place = where or default_place()
    is_file = "://" not in place
    if is_file and not create and not Path(place).exists():
        raise InputError(f"{place}: there is no lifecycle graph yet; `lode lifecycle ingest SOURCE…` begins one")
    if is_file and create:
        try:
            Path(place).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{place}: its folder cannot be made ({error.strerror})") from None
    with open_lifecycle(place, create=create, read_only=not (create or writes), clock=clock) as graph:
        yield graph


def ingest_sources(
    graph: LifecycleGraph, sources: Sequence[Recognised], progress: Progress | None = None
) -> IngestReport:
    """Read sources one after another; what fails as a whole stands in the report, and the others are read."""
    return graph.ingest(*(source.provider() for source in sources), strict=False, progress=progress)


def hydrate_waiting(graph: LifecycleGraph, sources: Sequence[Recognised], *, limit: int) -> Tally:
    """Ask the sources for what due notices speak of."""
    return graph.work(*(source.provider() for source in sources), limit=limit)


def gate(answer: ImpactReport, fail_on: str | None, *, fail_on_incomplete: bool) -> list[str]:
    """Why a change may not pass; [] when it may. fail_on: a severity that is too bad, and so is every worse one.

    Raises InputError for a severity that there is not.
    """
    found = []
    if fail_on is not None:
        limit = fail_on.upper()
        if limit not in SEVERITIES:
            raise InputError(f"severity {fail_on!r}: expected one of {', '.join(SEVERITIES)}")
        bad = [(name, answer.count(name)) for name in SEVERITIES[: SEVERITIES.index(limit) + 1]]
        told = ", ".join(f"{n:,} {name}" for name, n in bad if n)
        if told:
            found.append(f"{told}, and {limit} or worse may not be")
    if fail_on_incomplete and not answer.complete:
        found.append(f"the answer is incomplete: {answer.why_incomplete[0]}")
    return found


def write_parts(parts: Iterable[str], out: Path) -> None:
    """Write a file whole or not at all. Raises InputError where it cannot be written."""
    temporary = out.with_name(out.name + ".part")
    try:
        with temporary.open("w", encoding="utf-8", newline="") as file:
            file.writelines(parts)
        temporary.replace(out)
    except OSError as error:
        raise InputError(f"{out}: cannot be written ({error.strerror})") from None
    except LodeError:
        temporary.unlink(missing_ok=True)
        raise
