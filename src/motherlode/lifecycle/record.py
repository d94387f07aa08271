"""What providers hand over: observations of components, reports of runs, and what they could not read.

An observation is the whole of what one provider knows of one aspect of one component at one version of the source. It
is a state, not a change: the newest one counts, whatever order they arrive in, and saying it twice says nothing new.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, runtime_checkable

from motherlode.core.time import EVER
from motherlode.errors import InputError

__all__ = ["Edge", "Item", "Observation", "Provider", "Rejected", "RunReport"]


class Edge(NamedTuple):
    """One reified relation. Data flows from `source` to `target`: the target may break when the source changes.

    source, target: addresses (``lode://…``); either may be a component that nobody has described yet
    relation: a name of `relations.RELATIONS`
    confidence: 0 < c ≤ 1; 1 is what a source states, less is what somebody concluded
    evidence: why, in a few words a person reads, e.g. "columnLineage facet of job daily_orders". The same from run to
        run, or every run would be a change.
    """

    source: str
    relation: str
    target: str
    confidence: float = 1.0
    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Observation:
    """One aspect of a component as one provider saw it.

    subject: the component's address
    aspect: which part of it, e.g. "definition", "schema", "io"; each has a history of its own, and a component is the
        union of its aspects. Several providers may observe the same component.
    version: microseconds since 1970 of the state in the source's own clock (its last-updated, generated-at or event
        time), or another number that grows with every change there; None where the source has none: the listing's time
    revision: orders observations of the same version, larger is newer
    valid_from: since when this state holds in the world, microseconds since 1970; None is `version`
    attributes: JSON values: description, created_at (ISO), url, type, … as the source has them. ``name`` is the name to
        show and search; without it the last part of the id.
    edges: everything that this aspect says of the component's neighbourhood, also edges between others
    gone: the source says that the component is no more (or no longer has this aspect)
    """

    subject: str
    aspect: str = "definition"
    version: int | None = None
    revision: int = 0
    valid_from: int | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    edges: tuple[Edge, ...] = ()
    gone: bool = False

    def __post_init__(self) -> None:
        for name, value in (("version", self.version), ("valid_from", self.valid_from)):
            if value is not None and not -EVER < value < EVER:
                raise InputError(
                    f"{self.subject}: {name}={value} is beyond every instant; give microseconds since 1970"
                )


@dataclass(frozen=True, slots=True)
class RunReport:
    """A part of what one run of a pipeline did, as event streams tell it: piece by piece, in any order, repeatedly.

    The store unites the reports of a run; a pipeline's "io" aspect is what its completed runs read and wrote (what runs
    announced counts until one has completed).

    run, job: addresses of the pipeline_run and of its pipeline
    at: microseconds since 1970 of the report in the source's clock
    state: START, RUNNING, COMPLETE, ABORT, FAIL or OTHER
    edges: what this report says the job reads, writes and derives
    attributes: of the run
    """

    run: str
    job: str
    at: int
    state: str
    edges: tuple[Edge, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rejected:
    """Something that could not be read: kept in quarantine with the reason, and nothing else is lost.

    what: which thing, e.g. a file and line
    reason: what was found and what was expected
    body: the thing itself, as far as it helps; at most 64 KiB are kept
    """

    what: str
    reason: str
    body: str = ""


Item = Observation | RunReport | Rejected


@runtime_checkable
class Provider(Protocol):
    """A source system. Reads what is there; opening a file never runs code of it, and nothing is written.

    name: of the kind of source, lower-case, e.g. "mlflow"
    scope: which one of them: a path or URL without secrets, the same at every call
    is_listing: whether `observe` tells everything there is, so that what is missing from it is gone; False for a stream
        of events, from which absence says nothing
    """

    @property
    def name(self) -> str: ...
    @property
    def scope(self) -> str: ...
    @property
    def is_listing(self) -> bool: ...
    def observe(self) -> Iterator[Item]:
        """Everything the source has. Raises LodeError when the source as a whole cannot be read."""
        ...

    def hydrate(self, subject: str) -> Iterable[Item]:
        """The present state of one component; nothing when the source does not know it (any more)."""
        ...
