"""What both of MLflow's stores hold, as plain records; times are milliseconds since 1970 as MLflow has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from motherlode.lifecycle.record import Rejected

__all__ = ["Experiment", "Input", "LoggedDataset", "LoggedModel", "ModelVersion", "RegisteredModel", "Run", "Store"]


@dataclass(frozen=True, slots=True)
class Experiment:
    """name: unique in its store; with ``workspace/`` before it outside of the default workspace."""

    id: str
    name: str
    stage: str = "active"
    created: Any = None
    updated: Any = None
    tags: Mapping[str, str] = field(default_factory=dict)


class LoggedDataset(NamedTuple):
    """source and schema are MLflow's JSON texts."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: str = ""
    profile: str = ""


class Input(NamedTuple):
    """A dataset that a run logged, and as what: "training", "evaluation", "test", … or nothing."""

    dataset: LoggedDataset
    context: str


@dataclass(frozen=True, slots=True)
class Run:
    """inputs: datasets; models_in, models_out: ids of logged models."""

    id: str
    name: str
    experiment_id: str
    status: str
    stage: str = "active"
    user: str = ""
    started: Any = None
    ended: Any = None
    tags: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    inputs: Sequence[Input] = ()
    models_in: Sequence[str] = ()
    models_out: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class LoggedModel:
    """MLflow 3's model instance. evaluated_on: (name, digest) of datasets that its metrics were measured on."""

    id: str
    name: str
    experiment_id: str
    location: str
    status: str
    stage: str = "active"
    model_type: str | None = None
    run_id: str | None = None
    created: Any = None
    updated: Any = None
    tags: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    evaluated_on: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """model: the registered model's name; source: a URI such as ``models:/m-…`` or ``runs:/…/model``."""

    model: str
    version: str
    stage: str = "None"
    status: str = ""
    description: str | None = None
    user: str | None = None
    source: str = ""
    location: str = ""
    run_id: str | None = None
    created: Any = None
    updated: Any = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """name: as for experiments; aliases: alias to version."""

    name: str
    description: str | None = None
    created: Any = None
    updated: Any = None
    tags: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    versions: Sequence[ModelVersion] = ()


class Store(Protocol):
    """One of MLflow's stores, open. Arguments that are None ask for everything."""

    @property
    def folder(self) -> Path:
        """Where relative artifact paths begin, and where artifacts of a store that was moved are looked for."""
        ...

    def experiments(self) -> Iterator[Experiment | Rejected]: ...

    def runs(self, ids: Iterable[str] | None = None) -> Iterator[Run | Rejected]:
        """Runs, those of deleted experiments too; ids nobody knows are passed over."""
        ...

    def runs_of_experiment(self, experiment_id: str) -> Iterator[Run | Rejected]: ...

    def runs_with_dataset(self, is_wanted: Callable[[LoggedDataset], bool]) -> Iterator[Run | Rejected]:
        """Runs that logged a dataset which is wanted."""
        ...

    def dataset(self, experiment_id: str, name: str, digest: str) -> LoggedDataset | None: ...

    def logged_models(self, ids: Iterable[str] | None = None) -> Iterator[LoggedModel | Rejected]: ...

    def registered_models(self, names: Iterable[str] | None = None) -> Iterator[RegisteredModel | Rejected]: ...

    def close(self) -> None: ...
