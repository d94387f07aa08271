"""The lineage an event tells, from what is said most exactly down to what is said least.

1. an explicit ``lineage`` facet, of the job or of a dataset, speaks for the targets it names;
2. for other outputs, the ``columnLineage`` facet;
3. always: which datasets the job reads and writes. Never a product of input columns and output columns.

An edge from a thing to itself (a table that is updated in place) tells nothing and is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from motherlode.lifecycle.providers.openlineage.reading import Reading, objects, text
from motherlode.lifecycle.record import Edge

__all__ = ["edges_of_dataset", "edges_of_event"]


def edges_of_event(event: Mapping[str, Any], reading: Reading) -> tuple[Edge, ...]:
    """Everything that a run event or job event says of what flows where, each edge once."""
    facets = _facets(event.get("job"))
    edges = [*_reads_and_writes(event, reading), *_control_flow(_facets(event.get("run")), reading)]
    explicit: set[str] = set()
    for entry in objects(_facet(facets, "lineage").get("entries")):
        edges += _of_entry(entry, reading, explicit)
    for dataset in objects(event.get("outputs")):
        edges += _of_dataset(dataset, reading, explicit)
    for dataset in objects(event.get("inputs")):  # an input may state where it came from itself
        edges += _of_dataset(dataset, reading, explicit)
    return _unique(edges)


def edges_of_dataset(dataset: Mapping[str, Any], reading: Reading) -> tuple[Edge, ...]:
    """What a dataset's own facets say of its lineage, each edge once."""
    return _unique(_of_dataset(dataset, reading, set()))


def _unique(edges: Iterable[Edge]) -> tuple[Edge, ...]:
    kept: dict[tuple[str, str, str], Edge] = {}
    for edge in edges:
        if edge.source != edge.target:
            kept.setdefault(edge[:3], edge)
    return tuple(kept.values())


def _facets(thing: object) -> Mapping[str, Any]:
    facets = thing.get("facets") if isinstance(thing, dict) else None
    return facets if isinstance(facets, dict) else {}


def _facet(facets: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    facet = facets.get(name)
    return facet if isinstance(facet, dict) and facet.get("_deleted") is not True else {}


def _reads_and_writes(event: Mapping[str, Any], reading: Reading) -> Iterator[Edge]:
    if reading.job is None:
        return
    for dataset in objects(event.get("inputs")):
        source = reading.dataset(dataset)
        if source is not None:
            yield Edge(source, "read_by", reading.job, evidence=f"input of job {reading.job_name}")
    for dataset in objects(event.get("outputs")):
        target = reading.dataset(dataset)
        change = str(_facet(_facets(dataset), "lifecycleStateChange").get("lifecycleStateChange")).upper()
        if target is not None and change != "DROP":  # who drops a table does not write it
            yield Edge(reading.job, "writes", target, evidence=f"output of job {reading.job_name}")


def _control_flow(run_facets: Mapping[str, Any], reading: Reading) -> Iterator[Edge]:
    """A parent starts the job; dependencies start it, or only come before it."""
    if reading.job is None:
        return
    parent = reading.pipeline(_facet(run_facets, "parent").get("job") or {})
    if parent is not None:
        yield Edge(parent, "triggers", reading.job, evidence=reading.evidence("parent"))
    dependencies = _facet(run_facets, "jobDependencies")
    for side in ("upstream", "downstream"):
        for dependency in objects(dependencies.get(side)):
            other = reading.pipeline(dependency.get("job") or {})
            if other is not None:
                source, target = (other, reading.job) if side == "upstream" else (reading.job, other)
                relation = "triggers" if dependency.get("dependency_type") == "DIRECT_INVOCATION" else "supports"
                yield Edge(source, relation, target, evidence=reading.evidence("jobDependencies"))


def _of_dataset(dataset: Mapping[str, Any], reading: Reading, explicit: set[str]) -> Iterator[Edge]:
    target = reading.dataset(dataset)
    if target is None:
        return
    facets = _facets(dataset)
    lineage = _facet(facets, "lineage")
    if lineage:
        explicit.add(target)
        yield from _of_target(target, lineage, reading)
    elif target not in explicit:
        yield from _of_columns(target, _facet(facets, "columnLineage"), reading)


def _of_columns(target: str, facet: Mapping[str, Any], reading: Reading) -> Iterator[Edge]:
    """The columnLineage facet: columns to columns, and columns that decide over the whole dataset."""
    for name, entry in (facet.get("fields") or {}).items():
        column = reading.column(target, name)
        if column is None or not isinstance(entry, dict):
            continue
        whole = text(entry.get("transformationType"))  # deprecated since 1-1-0 of the facet
        for given in objects(entry.get("inputFields")):
            yield from _from_field(given, column, reading, "columnLineage", whole)
    for given in objects(facet.get("dataset")):
        yield from _from_field(given, target, reading, "columnLineage")


def _from_field(
    given: Mapping[str, Any], target: str, reading: Reading, facet: str, whole: str | None = None
) -> Iterator[Edge]:
    dataset = reading.dataset(given)
    source = reading.column(dataset, given.get("field")) if dataset is not None else None
    if source is not None:
        for relation, detail in _meanings(given.get("transformations"), whole):
            yield Edge(source, relation, target, evidence=reading.evidence(facet, detail))


def _meanings(transformations: object, whole: str | None = None) -> list[tuple[str, str]]:
    """The relations that transformations amount to, each with their names.

    DIRECT: the target's values are computed from the source's; all of them masked: it holds them masked only.
    INDIRECT: the source decides which rows there are, or their order, groups or conditions. None at all: computed.
    """
    direct, indirect, is_masked = [], [], True
    for each in objects(transformations):
        kind = (text(each.get("type")) or "DIRECT").upper()
        name = f"{kind} {each['subtype'].upper()}" if text(each.get("subtype")) else kind
        if kind == "INDIRECT":
            indirect.append(name)
        else:
            direct.append(name)
            is_masked = is_masked and each.get("masking") is True
    found = []
    if direct:
        found.append(("masks" if is_masked else "derives", ", ".join(sorted(set(direct)))))
    if indirect:
        found.append(("influences", ", ".join(sorted(set(indirect)))))
    return found or [("masks" if (whole or "").upper() == "MASKED" else "derives", whole or "")]


def _of_entry(entry: Mapping[str, Any], reading: Reading, explicit: set[str]) -> Iterator[Edge]:
    """One entry of a job's lineage facet: what feeds a dataset or a job."""
    if entry.get("type") == "DATASET":
        target = reading.dataset(entry)
        if target is None:
            reading.refuse("entry of the lineage facet", f"a DATASET has no namespace and name: {dict(entry)!r:.200}")
            return
        explicit.add(target)
        yield from _of_target(target, entry, reading)
        return
    job = _job(entry, reading)
    if job is None:
        return
    for given in objects(entry.get("inputs")):
        source = _source(given, reading)
        if source is not None:
            relation = "supports" if given.get("type") == "JOB" else "read_by"
            yield Edge(source, relation, job, evidence=reading.evidence("lineage", _names(given)))


def _of_target(target: str, facet: Mapping[str, Any], reading: Reading) -> Iterator[Edge]:
    """What feeds a dataset as a whole, then its fields."""
    yield from _feeding(target, facet.get("inputs"), reading)
    for name, entry in (facet.get("fields") or {}).items():
        column = reading.column(target, name)
        if column is not None and isinstance(entry, dict):
            yield from _feeding(column, entry.get("inputs"), reading)


def _feeding(target: str, inputs: object, reading: Reading) -> Iterator[Edge]:
    for given in objects(inputs):
        source = _source(given, reading)
        if source is None:
            continue
        if given.get("type") == "JOB":
            yield Edge(source, "writes", target, evidence=reading.evidence("lineage", _names(given)))
            continue
        for relation, detail in _meanings(given.get("transformations")):
            yield Edge(source, relation, target, evidence=reading.evidence("lineage", detail))


def _source(given: Mapping[str, Any], reading: Reading) -> str | None:
    if given.get("type") == "JOB":
        return _job(given, reading)
    dataset = reading.dataset(given)
    if dataset is None:
        reading.refuse("input of the lineage facet", f"a DATASET has no namespace and name: {dict(given)!r:.200}")
        return None
    return dataset if given.get("field") is None else reading.column(dataset, given["field"])


def _job(thing: Mapping[str, Any], reading: Reading) -> str | None:
    """The job that is named, or the event's own where none is."""
    return reading.job if thing.get("name") is None else reading.pipeline(thing)


def _names(given: Mapping[str, Any]) -> str:
    return ", ".join(sorted({name for _, name in _meanings(given.get("transformations")) if name}))
