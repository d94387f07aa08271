"""One OpenLineage event as items: a file, an HTTP endpoint and a queue all read it here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from motherlode.core.time import to_micros
from motherlode.errors import InputError
from motherlode.lifecycle.naming import run_uri
from motherlode.lifecycle.providers.openlineage.checks import find_problem, without_placeholders
from motherlode.lifecycle.providers.openlineage.facets import observe_dataset, observe_job
from motherlode.lifecycle.providers.openlineage.lineage import edges_of_dataset, edges_of_event
from motherlode.lifecycle.providers.openlineage.reading import Reading, objects, text
from motherlode.lifecycle.providers.secrets import without_secrets
from motherlode.lifecycle.record import Item, Observation, Rejected, RunReport

__all__ = ["read_event"]

_MAX_BODY = 65536
_MAX_MESSAGE = 2000


def read_event(event: object, what: str, *, namespaces: Mapping[str, str] | None = None) -> list[Item]:
    """What a RunEvent, JobEvent or DatasetEvent says, as items.

    event: the parsed JSON. what: which event this is, as a reason names it, e.g. a file and line
    namespaces: namespaces that are to be called otherwise, e.g. an IP address by its host's name

    An event that names its ``schemaURL`` and breaks the schema is one `Rejected`, whole; see `find_problem` for what is
    asked of others. A placeholder as ``${json-unit.any-string}`` or ``{{ any(result) }}`` is a value that is not known:
    without a run id or a time there is no report of a run, and what the job reads and writes is the job's aspect
    "declared_io", as for a JobEvent; without a job's name there are the datasets and what flows between them (each
    one's aspect "lineage").
    """
    try:
        problem = find_problem(event)
        if problem is not None or not isinstance(event, dict):
            return [Rejected(what, problem or "", _body(event))]
        try:
            cleaned = without_placeholders(event)
            reading = _begin(cleaned, what, namespaces or {})
        except InputError as error:
            return [Rejected(what, str(error), _body(event))]
        items: list[Item] = list(_items(cleaned, reading))
        items += reading.rejected
    except RecursionError:
        return [Rejected(what, "the event is nested more deeply than can be read; expected an event of OpenLineage")]
    return items


def _body(event: object) -> str:
    return json.dumps(event, ensure_ascii=True, default=str)[:_MAX_BODY]


def _begin(event: Mapping[str, Any], what: str, namespaces: Mapping[str, str]) -> Reading:
    reading = Reading(what, _instant(event.get("eventTime")), namespaces=namespaces)
    run = event.get("run")
    job = event.get("job")
    if run is not None:
        reading.state = (event.get("eventType") or "OTHER").upper()
    elif event.get("eventType") is not None:
        reading.state = event["eventType"].upper()  # a fragment of a run's event
    if job is not None:
        reading.job = reading.pipeline(job)
        reading.job_name = text(job.get("name")) or "" if reading.job is not None else ""
    return reading


def _instant(value: str | None) -> int | None:
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise InputError(f"eventTime {value!r} has no time zone; expected e.g. 2026-03-01T12:00:00Z")
        return to_micros(moment)
    except (ValueError, OverflowError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"eventTime is {value!r}; expected an ISO 8601 time as 2026-03-01T12:00:00Z") from None


def _items(event: Mapping[str, Any], reading: Reading) -> Iterator[Item]:
    datasets = [*objects(event.get("inputs")), *objects(event.get("outputs"))]
    run, job = event.get("run"), event.get("job")
    if run is None and job is None and isinstance(event.get("dataset"), dict):
        datasets.append(event["dataset"])
    if job is not None:
        yield from observe_job(job, reading)
    for dataset in datasets:
        yield from observe_dataset(dataset, reading)
    if reading.job is None:
        yield from _lineage_of(datasets, reading)
        return
    edges = edges_of_event(event, reading)
    run_id = text(run.get("runId")) if run is not None else None
    if run_id is not None and reading.at is not None:
        attributes = _run_attributes(event, run or {})
        yield RunReport(run_uri(run_id), reading.job, reading.at, reading.state, edges, attributes)
    elif edges and reading.state not in {"ABORT", "FAIL"}:
        yield Observation(reading.job, "declared_io", reading.at, edges=edges)


def _lineage_of(datasets: list[dict[str, Any]], reading: Reading) -> Iterator[Item]:
    for dataset in datasets:
        uri = reading.dataset(dataset)
        facets = dataset.get("facets") or {}
        if uri is not None and (facets.get("lineage") or facets.get("columnLineage")):
            yield Observation(uri, "lineage", reading.at, edges=edges_of_dataset(dataset, reading))


def _run_attributes(event: Mapping[str, Any], run: Mapping[str, Any]) -> dict[str, Any]:
    """What is worth showing of a run; not its environment or its plan, which are large and may hold secrets."""
    facets = {name: facet for name, facet in (run.get("facets") or {}).items() if isinstance(facet, dict)}
    engine = facets.get("processing_engine", {})
    told = {
        "producer": event.get("producer"),
        "engine": " ".join(filter(None, (text(engine.get("name")), text(engine.get("version"))))),
        "nominalStartTime": facets.get("nominalTime", {}).get("nominalStartTime"),
        "nominalEndTime": facets.get("nominalTime", {}).get("nominalEndTime"),
        "error": without_secrets(text(facets.get("errorMessage", {}).get("message")) or "")[:_MAX_MESSAGE],
        "externalQueryId": facets.get("externalQuery", {}).get("externalQueryId"),
        "parent_run": (facets.get("parent", {}).get("run") or {}).get("runId"),
        "tags": [f"{tag.get('key')}={tag.get('value')}" for tag in objects(facets.get("tags", {}).get("tags"))],
    }
    return {name: value for name, value in told.items() if value}
