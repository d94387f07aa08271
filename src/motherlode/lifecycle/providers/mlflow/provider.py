"""MLflow as a provider: its SQLite or file store becomes observations, without MLflow being installed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path
from urllib.parse import unquote

from motherlode.errors import InputError, UnsupportedError
from motherlode.lifecycle.providers.guarding import guarded
from motherlode.lifecycle.providers.mlflow.collected import Collected
from motherlode.lifecycle.providers.mlflow.file_store import FileStore
from motherlode.lifecycle.providers.mlflow.instances import Instances
from motherlode.lifecycle.providers.mlflow.observations import PLATFORM, of_experiment, of_registered_model, of_run
from motherlode.lifecycle.providers.mlflow.records import (
    Experiment,
    LoggedDataset,
    LoggedModel,
    RegisteredModel,
    Run,
    Store,
)
from motherlode.lifecycle.providers.mlflow.sources import address_of
from motherlode.lifecycle.providers.mlflow.sql_store import SqlStore
from motherlode.lifecycle.record import Item, Observation, Rejected
from motherlode.lifecycle.uris import Uri, parse_uri

__all__ = ["MLflow"]

_BATCH = 500


class MLflow:
    """Everything in an MLflow store: experiments, runs, the datasets they logged, logged and registered models.

    where: ``sqlite:///mlflow.db`` as MLflow writes it (four slashes: an absolute path), a SQLite file, ``mlruns/`` or
        ``file:mlruns`` for the file store. Databases on a server are not read.
    timeout_s: how long a locked SQLite file is waited for.

    Addresses: ``lode://model/mlflow/ranking``, ``lode://model_version/mlflow/ranking/5``, a logged model
    ``lode://model_version/mlflow/m-…``, ``lode://deployment/mlflow/ranking@champion`` for an alias,
    ``lode://pipeline_run/mlflow/<run id>``, ``lode://experiment/mlflow/<name>``, ``lode://pipeline/mlflow/<experiment>/
    <source name>``; outside of the default workspace ``<workspace>/`` stands before the name.

    The current version of a model is the one with the alias champion, production or prod; else the newest in stage
    Production; else alias latest (confidence 0.8); else the newest that is ready (0.5). A run's version is the time of
    its end, a model's its last update; tags, aliases and stages have none. Signatures come from MLmodel files beside
    the store, or from the tag that MLflow 2 put on the run. Deleted runs and experiments are told as gone.

    `observe` raises InputError (nothing there), DataError (no MLflow store, a newer schema), ConflictError (locked),
    UnsupportedError (a database server; the file store without PyYAML).
    """

    name = "mlflow"
    is_listing = True

    def __init__(self, where: str | Path, *, timeout_s: float = 5) -> None:
        text = str(where)
        self._where, self._is_sql = _place(text)
        self._timeout_s = timeout_s
        self.scope = text.partition("?")[0]

    def observe(self) -> Iterator[Item]:
        """Every component of the store, record by record: memory grows with distinct datasets, not with runs."""
        with closing(self._open()) as store:
            experiments, items = _read_experiments(store)
            yield from items
            collected = Collected()
            for run in store.runs():
                yield from _of_run(run, experiments, collected)
            yield from collected.items()
            instances = Instances(store, {id_: each.name for id_, each in experiments.items()})
            yield from _of_logged_models(store.logged_models(), instances)
            yield from _of_models(store.registered_models(), instances)

    def hydrate(self, subject: str) -> Iterable[Item]:
        """The present state of one component: what `observe` tells of it, read by its key."""
        with closing(self._open()) as store:
            return [
                item
                for item in _narrowed(store, parse_uri(subject), subject)
                if isinstance(item, Observation) and item.subject == subject
            ]

    def _open(self) -> Store:
        return SqlStore(self._where, self._timeout_s) if self._is_sql else FileStore(self._where)


def _narrowed(store: Store, uri: Uri, subject: str) -> Iterator[Item]:
    """Items of a part of the store that has all about one component."""
    if uri.platform != PLATFORM and uri.type != "dataset":
        return
    experiments, items = _read_experiments(store)
    instances = Instances(store, {id_: each.name for id_, each in experiments.items()})
    collected = Collected()
    if uri.type == "experiment":
        yield from items
    elif uri.type == "pipeline_run":
        for run in store.runs([uri.id]):
            yield from _of_run(run, experiments, collected)
    elif uri.type == "pipeline":
        for id_, experiment in experiments.items():
            if uri.id.startswith(f"{experiment.name}/"):
                for run in store.runs_of_experiment(id_):
                    yield from _of_run(run, experiments, collected)
        yield from collected.items()
    elif uri.type == "dataset":
        for run in store.runs_with_dataset(lambda dataset: _may_be(dataset, uri, subject)):
            yield from _of_run(run, experiments, collected)
        yield from collected.items()
    elif uri.type == "model_version" and "/" not in uri.id:
        yield from _of_logged_models(store.logged_models([uri.id]), instances)
    elif uri.type in {"model", "model_version", "deployment"}:
        name = uri.id if uri.type == "model" else uri.id.rpartition("@" if "@" in uri.id else "/")[0]
        yield from _of_models(store.registered_models([name]), instances)


def _may_be(dataset: LoggedDataset, uri: Uri, subject: str) -> bool:
    """Whether the address may be this dataset's, in whichever experiment."""
    address = address_of(dataset, "*")
    within = parse_uri(address).id
    return address == subject or (uri.platform == PLATFORM and within[:2] == "*/" and uri.id.endswith(within[1:]))


def _read_experiments(store: Store) -> tuple[dict[str, Experiment], list[Item]]:
    """Experiments by id, and their items. A deleted one whose name another has taken says nothing."""
    found: dict[str, Experiment] = {}
    items: list[Item] = []
    for experiment in store.experiments():
        if isinstance(experiment, Rejected):
            items.append(experiment)
        else:
            found[experiment.id] = experiment
    taken = {experiment.name for experiment in found.values() if experiment.stage != "deleted"}
    for experiment in found.values():
        if experiment.stage != "deleted" or experiment.name not in taken:
            items += guarded(f"experiment {experiment.id}", of_experiment(experiment))
    return found, items


def _of_run(run: Run | Rejected, experiments: dict[str, Experiment], collected: Collected) -> Iterator[Item]:
    if isinstance(run, Rejected):
        yield run
        return
    experiment = experiments.get(run.experiment_id)
    if experiment is not None and experiment.stage == "deleted":
        run = replace(run, stage="deleted")
    name = experiment.name if experiment is not None else run.experiment_id
    yield from guarded(f"run {run.id}", of_run(run, name))
    try:
        collected.add(run, name)
    except InputError as error:
        yield Rejected(f"datasets of run {run.id}", str(error))


def _of_logged_models(models: Iterable[LoggedModel | Rejected], instances: Instances) -> Iterator[Item]:
    iterator = iter(models)
    while batch := list(islice(iterator, _BATCH)):
        yield from (model for model in batch if isinstance(model, Rejected))
        yield from instances.of_logged_models([model for model in batch if isinstance(model, LoggedModel)])


def _of_models(models: Iterable[RegisteredModel | Rejected], instances: Instances) -> Iterator[Item]:
    for model in models:
        if isinstance(model, Rejected):
            yield model
        else:
            yield from guarded(f"registered model {model.name}", of_registered_model(model))
            yield from instances.of_versions(model.versions)


def _place(text: str) -> tuple[Path, bool]:
    """The path, and whether it is a SQL store. Raises UnsupportedError for other kinds of URL."""
    plain = text.partition("?")[0]
    match = re.match(r"([A-Za-z][A-Za-z0-9+.-]+):", plain)
    scheme = match[1].lower() if match else ""
    if scheme in {"sqlite", "sqlite+pysqlite"}:
        return Path(plain[len(scheme) + 1 :].removeprefix("///")), True
    if scheme == "file":
        return Path(unquote(re.sub(r"^(//(localhost)?(?=/))?", "", plain[5:]))), False
    if scheme:
        raise UnsupportedError(
            f"{scheme}:…: motherlode reads MLflow's SQLite file (sqlite:///mlflow.db) and its folder mlruns/, not a "
            "server. Give the path of one of these."
        )
    path = Path(plain)
    return path, path.suffix.lower() in {".db", ".sqlite", ".sqlite3"}
