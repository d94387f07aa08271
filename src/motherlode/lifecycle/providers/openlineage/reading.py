"""What the parts of one event's reading share: its time, its job, and how the event's names become addresses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from motherlode.errors import InputError
from motherlode.lifecycle.naming import column_uri, dataset_uri, pipeline_uri
from motherlode.lifecycle.providers.secrets import without_secrets
from motherlode.lifecycle.record import Rejected

__all__ = ["Reading", "objects", "text"]

_dataset_uri = lru_cache(maxsize=65536)(dataset_uri)
_column_uri = lru_cache(maxsize=262144)(column_uri)


def text(value: object) -> str | None:
    """A text that says something; None for anything else."""
    return value if isinstance(value, str) and value.strip() else None


def objects(value: object) -> list[dict[str, Any]]:
    """The objects of a list; none when it is no list."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


@dataclass(slots=True)
class Reading:
    """One event on its way to items.

    what: which event, as reasons name it; at: microseconds since 1970, None where the event has no time
    state: of its run; "" where the event is of no run. job: the pipeline's address, job_name its name
    namespaces: what to call a namespace that the event calls otherwise
    """

    what: str
    at: int | None
    state: str = ""
    job: str | None = None
    job_name: str = ""
    namespaces: Mapping[str, str] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)

    @property
    def has_happened(self) -> bool:
        """Whether the event tells of something done, not of something begun or failed."""
        return self.state not in {"START", "RUNNING", "ABORT", "FAIL"}

    def refuse(self, part: str, reason: object) -> None:
        """Put a part of the event into quarantine; the rest goes on."""
        self.rejected.append(Rejected(f"{self.what}: {part}", str(reason)))

    def namespace_of(self, thing: Mapping[str, Any]) -> str | None:
        """The namespace as it is called here, without secrets."""
        found = text(thing.get("namespace"))
        return None if found is None else without_secrets(self.namespaces.get(found, found))

    def dataset(self, thing: Mapping[str, Any]) -> str | None:
        """The address of what has a dataset's namespace and name; None when a fragment leaves one of them out."""
        return self._address(_dataset_uri, thing, "dataset")

    def column(self, dataset: str, name: object) -> str | None:
        """The address of a dataset's column; None for a name that is none."""
        try:
            return _column_uri(dataset, name) if isinstance(name, str) and name.strip() else None
        except InputError as error:
            self.refuse(f"column {name!r} of {dataset}", error)
            return None

    def pipeline(self, thing: Mapping[str, Any]) -> str | None:
        """The address of what has a job's namespace and name; None when one of them is not there."""
        return self._address(pipeline_uri, thing, "job")

    def _address(self, naming: Callable[[str, str], str], thing: Mapping[str, Any], kind: str) -> str | None:
        namespace, name = thing.get("namespace"), thing.get("name")
        if namespace is None or name is None:
            return None
        try:
            if not text(namespace) or not text(name):
                raise InputError("expected a namespace and a name that are not empty")
            return naming(self.namespace_of(thing) or "", name)
        except InputError as error:
            self.refuse(f"{kind} {name!r} in {namespace!r}", error)
            return None

    def evidence(self, facet: str, detail: str = "") -> str:
        """Why an edge is there: the facet, the job, and a detail; the same for every run of the job."""
        return f"{facet} facet{f' of job {self.job_name}' if self.job_name else ''}{f': {detail}' if detail else ''}"
