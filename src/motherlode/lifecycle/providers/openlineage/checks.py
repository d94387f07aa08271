"""What an OpenLineage event must hold: the required fields and types of the core schema and of its facets.

A shape is ``str``, ``float`` (any number) or ``bool``; a frozenset of the allowed words; a list of one shape; or a dict
from field to shape, in which a field with ``!`` is required and ``*`` stands for every other field.
Source: OpenLineage.json 2-0-2 and the facet schemas beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from motherlode.errors import InputError

__all__ = ["find_problem", "without_placeholders"]


Shape = Any
_JOB: Shape = {"namespace!": str, "name!": str}
_RUN: Shape = {"runId!": str}
_TRANSFORMATION: Shape = {"type!": str, "subtype": str, "description": str, "masking": bool}
_INPUT_FIELD: Shape = {"namespace!": str, "name!": str, "field!": str, "transformations": [_TRANSFORMATION]}
_OWNERSHIP: Shape = {"owners": [{"name!": str, "type": str}]}
_DOCUMENTATION: Shape = {"description!": str}
_TAGS: Shape = {"tags": [{"key!": str, "value!": str, "source": str, "field": str}]}
_LINEAGE_INPUT: Shape = {
    "type!": frozenset({"DATASET", "JOB"}),
    "namespace": str,
    "name": str,
    "field": str,
    "transformations": [_TRANSFORMATION],
}
_LINEAGE_TARGET: Shape = {"inputs": [_LINEAGE_INPUT], "fields": {"*": {"inputs!": [_LINEAGE_INPUT]}}}
_LINEAGE_ENTRY: Shape = {
    **_LINEAGE_TARGET,
    "type!": frozenset({"DATASET", "JOB"}),
    "namespace": str,
    "name": str,
}
_FIELD: dict[str, Shape] = {"name!": str, "type": str, "description": str}
_FIELD["fields"] = [_FIELD]
_DEPENDENCIES: Shape = [{"job!": _JOB, "dependency_type": str}]

_RUN_FACETS: dict[str, Shape] = {
    "errorMessage": {"message!": str, "programmingLanguage!": str},
    "externalQuery": {"externalQueryId!": str, "source!": str},
    "jobDependencies": {"upstream": _DEPENDENCIES, "downstream": _DEPENDENCIES},
    "nominalTime": {"nominalStartTime!": str, "nominalEndTime": str},
    "parent": {"run!": _RUN, "job!": _JOB},
    "processing_engine": {"version!": str, "name": str},
    "tags": _TAGS,
}
_JOB_FACETS: dict[str, Shape] = {
    "documentation": _DOCUMENTATION,
    "jobType": {"processingType!": str, "integration!": str, "jobType": str},
    "lineage": {"entries!": [_LINEAGE_ENTRY]},
    "ownership": _OWNERSHIP,
    "sourceCode": {"language!": str, "sourceCode!": str},
    "sourceCodeLocation": {"type!": str, "url!": str},
    "sql": {"query!": str},
    "tags": _TAGS,
}
_DATASET_FACETS: dict[str, Shape] = {
    "catalog": {"framework!": str, "type!": str, "name!": str},
    "columnLineage": {"fields!": {"*": {"inputFields!": [_INPUT_FIELD]}}, "dataset": [_INPUT_FIELD]},
    "dataQualityAssertions": {"assertions!": [{"assertion!": str, "success!": bool, "column": str}]},
    "dataQualityMetrics": {"columnMetrics!": {"*": {}}, "rowCount": float},
    "dataSource": {"name": str, "uri": str},
    "datasetType": {"datasetType!": str, "subType": str},
    "documentation": _DOCUMENTATION,
    "hierarchy": {"hierarchy!": [{"type!": str, "name!": str}]},
    "lifecycleStateChange": {
        "lifecycleStateChange!": frozenset({"ALTER", "CREATE", "DROP", "OVERWRITE", "RENAME", "TRUNCATE"}),
        "previousIdentifier": {"name!": str, "namespace!": str},
    },
    "lineage": _LINEAGE_TARGET,
    "ownership": _OWNERSHIP,
    "schema": {"fields": [_FIELD]},
    "storage": {"storageLayer!": str, "fileFormat": str},
    "symlinks": {"identifiers": [{"namespace!": str, "name!": str, "type!": str}]},
    "tags": _TAGS,
    "version": {"datasetVersion!": str},
}
_ANY: Shape = {"*": {}}
_DATASET: Shape = {
    "namespace!": str,
    "name!": str,
    "facets": {**_DATASET_FACETS, **_ANY},
    "inputFacets": _ANY,
    "outputFacets": _ANY,
}
_EVENT: Shape = {
    "eventTime!": str,
    "producer!": str,
    "schemaURL!": str,
    "eventType": frozenset({"START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"}),
    "inputs": [_DATASET],
    "outputs": [_DATASET],
}
_WITH_JOB: Shape = {**_EVENT, "job!": {**_JOB, "facets": {**_JOB_FACETS, **_ANY}}}
_RUN_EVENT: Shape = {**_WITH_JOB, "run!": {**_RUN, "facets": {**_RUN_FACETS, **_ANY}}}
_DATASET_EVENT: Shape = {**_EVENT, "dataset!": _DATASET}
_WORDS = {str: "a text", float: "a number", bool: "true or false"}


def find_problem(event: object) -> str | None:
    """The first thing that is wrong with an event, as found and expected; None for one that can be read.

    An event that names its ``schemaURL`` has every required field of the core schema and of the facets it holds; the
    base of a facet (``_producer``, ``_schemaURL``) is not asked for, since nothing here depends on it. A fragment
    without ``schemaURL``, as producers record them, may leave out fields, but those it has are of the right type.
    A placeholder stands for a value of any type, and null for one that is not there.
    """
    if not isinstance(event, Mapping):
        return f"an event is {_name_of(event)}; expected a JSON object"
    kind = "a run" if event.get("run") is not None else "a job" if event.get("job") is not None else "a dataset"
    if not any(event.get(part) for part in ("run", "job", "dataset", "inputs", "outputs")):
        return "the event has no run, job or dataset; expected a RunEvent, JobEvent or DatasetEvent of OpenLineage"
    shape = {"a run": _RUN_EVENT, "a job": _WITH_JOB, "a dataset": _DATASET_EVENT}[kind]
    return _problem(event, shape, "", strict=event.get("schemaURL") is not None)


def _problem(value: Any, shape: Shape, path: str, *, strict: bool) -> str | None:
    if value is None or (isinstance(value, str) and _is_placeholder(value)):
        return None
    if isinstance(shape, dict):
        return _problem_of_object(value, shape, path, strict=strict)
    if isinstance(shape, list):
        if not isinstance(value, list):
            return f"{path} is {_name_of(value)}; expected a list"
        parts = ((f"{path}[{at}]", part) for at, part in enumerate(value))
        return next(filter(None, (_problem(part, shape[0], name, strict=strict) for name, part in parts)), None)
    if isinstance(shape, frozenset):
        fits = isinstance(value, str) and value.upper() in shape
        return None if fits else f"{path} is {_name_of(value)}; expected one of {', '.join(sorted(shape))}"
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    fits = is_number if shape is float else isinstance(value, shape)
    return None if fits else f"{path} is {_name_of(value)}; expected {_WORDS[shape]}"


def _problem_of_object(value: Any, shape: dict[str, Shape], path: str, *, strict: bool) -> str | None:
    if not isinstance(value, dict):
        return f"{path or 'the event'} is {_name_of(value)}; expected an object"
    if value.get("_deleted") is True:
        return None  # a facet that only says that it is gone
    fields, rest = _parts_of(shape)
    for name, part in value.items():
        if part is not None:
            inner = fields[name][0] if name in fields else rest
            if inner is not None and not (inner is str and type(part) is str):  # most parts are texts that fit
                problem = _problem(part, inner, f"{path}.{name}" if path else name, strict=strict)
                if problem is not None:
                    return problem
    if strict:
        for name, (_, is_required) in fields.items():
            if is_required and value.get(name) is None:
                return f"{f'{path}.{name}' if path else name} is missing; OpenLineage requires it"
    return None


_PARTS: dict[int, tuple[dict[str, tuple[Shape, bool]], Shape]] = {}


def _parts_of(shape: dict[str, Shape]) -> tuple[dict[str, tuple[Shape, bool]], Shape]:
    """(field → its shape and whether it is required, shape of every other field); every shape lives as long as this."""
    found = _PARTS.get(id(shape))
    if found is None:
        fields = {mark.rstrip("!"): (inner, mark.endswith("!")) for mark, inner in shape.items() if mark != "*"}
        found = _PARTS[id(shape)] = fields, shape.get("*")
    return found


def _name_of(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"


def _is_placeholder(text: str) -> bool:
    """Whether a producer's recorded event says that this value differs from run to run.

    ``${json-unit.any-string}`` and its like in those of Spark, Flink and Hive; ``{{ any(result) }}`` in those of dbt.
    """
    return text.startswith("${json-unit.") or (text.startswith("{{") and text.endswith("}}"))


def without_placeholders(value: Any) -> Any:
    """The same value where every placeholder is null: what it stood for is not known.

    Raises InputError for a text that holds half a surrogate pair, which nothing can store.
    """
    return value if _is_plain(value) else _cleaned(value)


def _is_plain(value: Any) -> bool:
    """Whether every text is ASCII and begins unlike a placeholder: then nothing is to be done, as for most events."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if not "".join(part).isascii():
                return False
            part = part.values()
        elif not isinstance(part, list):
            part = (part,)
        for each in part:
            if isinstance(each, str):
                if each[:2] in {"${", "{{"} or not each.isascii():
                    return False
            elif isinstance(each, dict | list):
                waiting.append(each)
    return True


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return None if _is_placeholder(value) else _whole(value)
    if isinstance(value, dict):
        return {_whole(name): _cleaned(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_cleaned(part) for part in value]
    return value


def _whole(text: str) -> str:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise InputError(
                f"{text!r:.200} holds half a surrogate pair, which is no character; encode it anew"
            ) from None
    return text
