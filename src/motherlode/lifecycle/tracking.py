"""What programs say by themselves: runs of their jobs, and declarations of what no tool records."""

from __future__ import annotations

import functools
import inspect
import logging
import math
import os
import threading
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from motherlode.errors import InputError, LodeError
from motherlode.lifecycle.naming import owner_uri, pipeline_uri, run_uri, tag_uri
from motherlode.lifecycle.record import Edge, Item, Observation, RunReport
from motherlode.lifecycle.relations import RELATION_NAMES
from motherlode.lifecycle.short_forms import PLATFORM, Named, address_of, addresses_of
from motherlode.lifecycle.uris import parse_uri

if TYPE_CHECKING:
    from motherlode.lifecycle.graph import LifecycleGraph

__all__ = ["TrackedRun", "declare", "relation_between", "run", "track", "withdraw"]

P = ParamSpec("P")
R = TypeVar("R")
_logger = logging.getLogger("motherlode.lifecycle.tracking")

_DATA = ("column", "dataset", "dataset_version", "source")
_FEATURES = ("feature", "feature_service", "feature_version", "feature_view")
_MODELS = ("model", "model_version")
_MADE = ("dataset_version", "index", "model", "model_version", "nugget_store")


def _pairs(sources: Iterable[str], relation: str, targets: Iterable[str]) -> dict[tuple[str, str], str]:
    return {(source, target): relation for source in sources for target in targets}


_RELATIONS = {
    **_pairs(_DATA, "derives", _DATA),
    **_pairs((*_DATA, *_FEATURES), "feeds", _FEATURES),
    **_pairs(("dataset", "dataset_version"), "trains", _MODELS),
    **_pairs(("column", *_FEATURES), "input_of", _MODELS),
    **_pairs((*_MODELS, "deployment"), "scored", ("column", "dataset")),
    **_pairs(_MODELS, "deployed_as", ("deployment",)),
    **_pairs((*_MODELS, "deployment"), "tested_in", ("ab_cell",)),
    **_pairs(("ab_cell",), "cell_of", ("ab_test",)),
    **_pairs(_DATA, "read_by", ("pipeline",)),
    **_pairs(("schedule",), "triggers", ("pipeline",)),
    **_pairs(("pipeline",), "writes", ("column", "dataset")),
    **_pairs(("pipeline", "pipeline_run"), "produced", _MADE),
}


def relation_between(source: str, target: str) -> str:
    """The relation that "made from" means between components of these types; ``supports`` where nothing closer is.

    source, target: addresses
    """
    return _RELATIONS.get((parse_uri(source).type, parse_uri(target).type), "supports")


class TrackedRun:
    """One run of a job while it runs, as a context manager. Made by `LifecycleGraph.run`; safe in several threads.

    uri, job: addresses of the run and of its pipeline
    """

    def __init__(self, graph: LifecycleGraph, name: str, scope: str, parameters: Mapping[str, Any]) -> None:
        self._graph, self._scope = graph, scope
        self.job = pipeline_uri(scope, name, PLATFORM)
        self.uri = run_uri(str(uuid.uuid4()), PLATFORM)
        self._lock = threading.Lock()
        self._edges: dict[Edge, None] = {}
        self._attributes = {"parameters": _json(dict(parameters))} if parameters else {}
        self._metrics: dict[str, float | str] = {}

    def log_input(self, *inputs: Named) -> None:
        """Add what the run reads; see `address_of` for how to name it."""
        found = self._addresses(inputs)
        with self._lock:
            self._edges.update(dict.fromkeys(Edge(uri, relation_between(uri, self.job), self.job) for uri in found))

    def log_output(self, *outputs: Named) -> None:
        """Add what the run writes or makes."""
        found = self._addresses(outputs)
        with self._lock:
            self._edges.update(dict.fromkeys(Edge(self.job, relation_between(self.job, uri), uri) for uri in found))

    def log_metric(self, name: str, value: float) -> None:
        """Keep a number; a name's last value counts. One that is not finite is kept as a text, e.g. "nan"."""
        number = float(value)
        with self._lock:
            self._metrics[str(name)] = number if math.isfinite(number) else str(number)

    def _addresses(self, named: Iterable[Named]) -> list[str]:
        with self._graph.database.read() as session:
            return addresses_of(session, named, self._scope)

    def __enter__(self) -> TrackedRun:
        self._report("START")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if kind is None:
            self._report("COMPLETE")
            return
        self._attributes["error"] = kind.__name__
        try:
            self._report("FAIL" if issubclass(kind, Exception) else "ABORT")
        except LodeError as failed:  # the body's own error is what the caller has to see
            _logger.warning("%s ended with %s, which the graph does not know: %s", self.job, kind.__name__, failed)

    def _report(self, state: str) -> None:
        at = self._graph.clock()
        with self._lock:
            edges, attributes = tuple(self._edges), dict(self._attributes)
            if self._metrics:
                attributes["metrics"] = dict(self._metrics)
        items: list[Item] = [RunReport(self.uri, self.job, at, state, edges, attributes)]
        if state == "COMPLETE":
            made = (edge.target for edge in edges if edge.relation == "produced")
            items += [Observation(uri, "made", at, edges=(Edge(self.uri, "produced", uri),)) for uri in made]
        self._graph.add(items, provider=PLATFORM, scope=self._scope)


def run(
    self: LifecycleGraph,
    name: str,
    *,
    inputs: Iterable[Named] = (),
    outputs: Iterable[Named] = (),
    parameters: Mapping[str, Any] | None = None,
    scope: str = "",
) -> TrackedRun:
    """A run of a job of this program: ``with graph.run("features", inputs=[…], outputs=[…]) as run: …``.

    It is recorded as started on entry, and on exit as complete, as failed with the exception's type, or as aborted
    (KeyboardInterrupt and such); exceptions go on unchanged. What a complete run read and wrote is what the job reads
    and writes from now on.

    inputs, outputs: addresses or short forms, see `address_of`; more with ``run.log_input`` and ``run.log_output``
    parameters: JSON values, kept with the run. scope: of the job's name and of names that nobody else knows

    Raises InputError for a component that is not named rightly, and what `LifecycleGraph.add` does on entry and exit.
    """
    if not name.strip():
        raise InputError("a run needs the name of its job, found an empty one; give e.g. 'daily features'")
    started = TrackedRun(self, name.strip(), scope, parameters or {})
    _refuse_text(inputs, outputs)
    started.log_input(*inputs)
    started.log_output(*outputs)
    return started


def track(
    self: LifecycleGraph,
    *,
    inputs: Iterable[Named] = (),
    outputs: Iterable[Named] = (),
    name: str | None = None,
    scope: str = "",
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A decorator that makes every call of a function a run: ``@graph.track(inputs=[…], outputs=[…])``.

    name: of the job, by default the function's module and qualified name. Coroutine functions run when awaited.
    Raises InputError for a generator function, whose body runs after the call; see `run` for the rest.
    """
    _refuse_text(inputs, outputs)
    read, written = tuple(inputs), tuple(outputs)

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise InputError(f"{function.__qualname__} is a generator; track the function that consumes it")
        module = "" if function.__module__ == "__main__" else f"{function.__module__}."
        job = name or f"{module}{function.__qualname__}"

        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def awaited(*args: P.args, **kwargs: P.kwargs) -> Any:
                with run(self, job, inputs=read, outputs=written, scope=scope):
                    return await cast("Awaitable[Any]", function(*args, **kwargs))

            return cast("Callable[P, R]", awaited)

        @functools.wraps(function)
        def called(*args: P.args, **kwargs: P.kwargs) -> R:
            with run(self, job, inputs=read, outputs=written, scope=scope):
                return function(*args, **kwargs)

        return called

    return decorate


def declare(
    self: LifecycleGraph,
    component: Named,
    *,
    inputs: Iterable[Named] = (),
    outputs: Iterable[Named] = (),
    owners: Iterable[str] = (),
    tags: Iterable[str] = (),
    description: str | None = None,
    relation: str | None = None,
    scope: str = "",
) -> str:
    """State what no tool records of a component, and return its address.

    ``graph.declare("model:ranking", inputs=["feature:orders.amount_7d"], owners=["team:search"], tags=["pii"])``

    component, inputs, outputs: addresses or short forms, see `address_of`. A name means the component that the graph
        knows by it, so what other sources say of it should be ingested before
    owners: ``team:search`` for a team, any other text for a user
    relation: between all inputs or outputs and the component, a name of RELATIONS; by default the one that their types
        suggest (a feature is ``input_of`` a model, a dataset ``trains`` it, …), see `relation_between`
    scope: of names that nobody else knows, and of the declaration

    A declaration is the whole of what its scope says: a later one for the same component takes its place, and the same
    one again says nothing new. `withdraw` takes it back.
    """
    _refuse_text(inputs, outputs, owners, tags)
    if relation is not None and relation not in RELATION_NAMES:
        raise InputError(f"relation {relation!r}: expected one of {', '.join(RELATION_NAMES)}")
    with self.database.read() as session:
        subject = address_of(session, component, scope)
        read = addresses_of(session, inputs, scope)
        written = addresses_of(session, outputs, scope)
    edges = dict.fromkeys(
        [
            *(Edge(uri, relation or relation_between(uri, subject), subject, evidence="declared") for uri in read),
            *(Edge(subject, relation or relation_between(subject, uri), uri, evidence="declared") for uri in written),
            *(Edge(subject, "owned_by", owner_uri(owner)) for owner in owners),
            *(Edge(subject, "tagged", tag_uri(tag)) for tag in tags),
        ]
    )
    attributes = {} if description is None else {"description": description}
    said = Observation(subject, "declared", attributes=attributes, edges=tuple(edges))
    self.add([said], provider=PLATFORM, scope=scope)
    return subject


def withdraw(self: LifecycleGraph, component: Named, *, scope: str = "") -> str:
    """Take back what `declare` said of a component in this scope, from now on; its address."""
    with self.database.read() as session:
        subject = address_of(session, component, scope)
    self.add([Observation(subject, "declared", gone=True)], provider=PLATFORM, scope=scope)
    return subject


def _refuse_text(*lists: Iterable[Any]) -> None:
    for found in lists:
        if isinstance(found, str | os.PathLike):
            raise InputError(f"expected a list, found {found!r} by itself; write [{found!r}]")


def _json(value: Any) -> Any:
    """JSON values; of anything else its text."""
    if isinstance(value, Mapping):
        return {str(name): _json(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_json(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, str | bool | int | float) else str(value)
