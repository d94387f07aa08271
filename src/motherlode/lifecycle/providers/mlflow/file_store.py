"""MLflow's older store: a folder ``mlruns/`` with a folder for each experiment, run and model.

The layout is that of `mlflow/store/tracking/file_store.py` and `mlflow/store/model_registry/file_store.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from motherlode.errors import ConflictError, DataError, InputError
from motherlode.lifecycle.providers.mlflow.records import (
    Experiment,
    Input,
    LoggedDataset,
    LoggedModel,
    ModelVersion,
    RegisteredModel,
    Run,
)
from motherlode.lifecycle.providers.yaml_files import read_yaml
from motherlode.lifecycle.record import Rejected

__all__ = ["FileStore"]

_META = "meta.yaml"
_TRASH = ".trash"
_REGISTRY = "models"
_MAX_BYTES = 8 << 20
_RUN_STATUS = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
_MODEL_STATUS = {0: "UNSPECIFIED", 1: "PENDING", 2: "READY", 3: "UPLOAD_FAILED"}


class FileStore:
    """The store below `root`. Raises InputError (no such folder), DataError (nothing of MLflow's in it)."""

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise InputError(
                f"{root} is {'a file' if root.exists() else 'not there'}; expected MLflow's folder mlruns."
            )
        self._root = root
        self.folder = root.absolute().parent
        if not any(self._experiment_folders()) and not (root / _REGISTRY).is_dir():
            found = ", ".join(sorted(path.name for path in root.iterdir())[:5]) or "an empty folder"
            raise DataError(
                f"{root}: found {found}, expected experiments (folders with {_META}) or models/. Choose mlruns/.",
                path=str(root),
                found=found,
                expected=_META,
            )

    def close(self) -> None:
        """Nothing is held open."""

    def experiments(self) -> Iterator[Experiment | Rejected]:
        for folder in self._experiment_folders():
            meta = self._meta(folder)
            if isinstance(meta, Rejected):
                yield meta
                continue
            workspace = meta.get("workspace")
            name = _text(meta.get("name")) or folder.name
            yield Experiment(
                id=folder.name,
                name=name if workspace in {None, "", "default"} else f"{workspace}/{name}",
                stage="deleted" if folder.parent.name == _TRASH else _text(meta.get("lifecycle_stage")) or "active",
                created=meta.get("creation_time"),
                updated=meta.get("last_update_time"),
                tags=_values(folder / "tags"),
            )

    def runs(self, ids: Iterable[str] | None = None) -> Iterator[Run | Rejected]:
        wanted = None if ids is None else set(ids)
        for experiment in self._experiment_folders():
            yield from self._runs_below(experiment, wanted)

    def runs_of_experiment(self, experiment_id: str) -> Iterator[Run | Rejected]:
        for folder in self._experiment_folders():
            if folder.name == experiment_id:
                yield from self._runs_below(folder, None)

    def runs_with_dataset(self, is_wanted: Callable[[LoggedDataset], bool]) -> Iterator[Run | Rejected]:
        for run in self.runs():
            if isinstance(run, Run) and any(is_wanted(each.dataset) for each in run.inputs):
                yield run

    def dataset(self, experiment_id: str, name: str, digest: str) -> LoggedDataset | None:
        for experiment in self._experiment_folders():
            if experiment.name == experiment_id:
                for folder in _folders(experiment / "datasets"):
                    found = self._dataset(folder, {})
                    if isinstance(found, LoggedDataset) and found[:2] == (name, digest):
                        return found
        return None

    def logged_models(self, ids: Iterable[str] | None = None) -> Iterator[LoggedModel | Rejected]:
        wanted = None if ids is None else set(ids)
        for experiment in self._experiment_folders():
            for folder in _folders(experiment / "models"):
                if wanted is None or folder.name in wanted:
                    yield self._logged_model(folder)

    def registered_models(self, names: Iterable[str] | None = None) -> Iterator[RegisteredModel | Rejected]:
        wanted = None if names is None else set(names)
        for folder in _folders(self._root / _REGISTRY):
            if wanted is not None and folder.name not in wanted:
                continue
            meta = self._meta(folder)
            if isinstance(meta, Rejected):
                yield meta
                continue
            versions: list[ModelVersion] = []
            for below in _folders(folder):
                if below.name.startswith("version-"):
                    version = self._version(below, folder.name)
                    if isinstance(version, Rejected):
                        yield version
                    else:
                        versions.append(version)
            yield RegisteredModel(
                name=folder.name,
                description=_text(meta.get("description")) or None,
                created=meta.get("creation_timestamp"),
                updated=meta.get("last_updated_timestamp"),
                tags=_values(folder / "tags"),
                aliases=_values(folder / "aliases"),
                versions=versions,
            )

    def _experiment_folders(self) -> Iterator[Path]:
        for root in (self._root, self._root / _TRASH):
            yield from (folder for folder in _folders(root) if (folder / _META).exists() and folder.name != _REGISTRY)

    def _runs_below(self, experiment: Path, wanted: set[str] | None) -> Iterator[Run | Rejected]:
        datasets: dict[str, LoggedDataset | Rejected] = {}  # by folder's name: many runs log the same one
        for folder in _folders(experiment):
            if (wanted is None or folder.name in wanted) and (folder / _META).exists() and folder.name != "models":
                yield from self._run(folder, experiment, datasets)

    def _run(
        self, folder: Path, experiment: Path, datasets: dict[str, LoggedDataset | Rejected]
    ) -> Iterator[Run | Rejected]:
        meta = self._meta(folder)
        if isinstance(meta, Rejected):
            yield meta
            return
        inputs: list[Input] = []
        for below in _folders(folder / "inputs"):
            link = self._meta(below)
            if isinstance(link, Rejected):
                yield link
            elif link.get("source_type", "DATASET") == "DATASET":
                dataset = self._dataset(experiment / "datasets" / _text(link.get("source_id")), datasets)
                if isinstance(dataset, Rejected):
                    yield dataset
                else:
                    tags = link.get("tags")
                    context = tags.get("mlflow.data.context", "") if isinstance(tags, dict) else ""
                    inputs.append(Input(dataset, _text(context)))
        tags = _values(folder / "tags")
        status = meta.get("status")
        yield Run(
            id=folder.name,
            name=_text(meta.get("run_name")) or tags.get("mlflow.runName", ""),
            experiment_id=experiment.name,
            status=_RUN_STATUS.get(status, str(status)) if isinstance(status, int) else _text(status),
            stage="deleted" if experiment.parent.name == _TRASH else _text(meta.get("lifecycle_stage")) or "active",
            user=_text(meta.get("user_id")),
            started=meta.get("start_time"),
            ended=meta.get("end_time"),
            tags=tags,
            params=_values(folder / "params"),
            metrics=_metrics(folder / "metrics"),
            inputs=inputs,
            models_in=[each.name for each in _folders(folder / "inputs") if each.name.startswith("m-")],
            models_out=[each.name for each in _folders(folder / "outputs")],
        )

    def _dataset(self, folder: Path, known: dict[str, LoggedDataset | Rejected]) -> LoggedDataset | Rejected:
        if folder.name not in known:
            meta = self._meta(folder)
            if isinstance(meta, Rejected):
                known[folder.name] = meta
            else:
                fields = (
                    _text(meta.get(key)) for key in ("name", "digest", "source_type", "source", "schema", "profile")
                )
                known[folder.name] = LoggedDataset(*fields)
        return known[folder.name]

    def _logged_model(self, folder: Path) -> LoggedModel | Rejected:
        meta = self._meta(folder)
        if isinstance(meta, Rejected):
            return meta
        status = meta.get("status")
        return LoggedModel(
            id=folder.name,
            name=_text(meta.get("name")),
            experiment_id=folder.parents[1].name,
            location=str(folder / "artifacts"),  # also after the store was moved
            status=_MODEL_STATUS.get(status, str(status)) if isinstance(status, int) else _text(status),
            stage=_text(meta.get("lifecycle_stage")) or "active",
            model_type=_text(meta.get("model_type")) or None,
            run_id=_text(meta.get("source_run_id")) or None,
            created=meta.get("creation_timestamp"),
            updated=meta.get("last_updated_timestamp"),
            tags=_values(folder / "tags"),
            params=_values(folder / "params"),
            metrics=_metrics(folder / "metrics"),
            evaluated_on=_measured_on(folder / "metrics"),
        )

    def _version(self, folder: Path, model: str) -> ModelVersion | Rejected:
        meta = self._meta(folder)
        if isinstance(meta, Rejected):
            return meta
        return ModelVersion(
            model=model,
            version=_text(meta.get("version")) or folder.name.removeprefix("version-"),
            stage=_text(meta.get("current_stage")) or "None",
            status=_text(meta.get("status")),
            description=_text(meta.get("description")) or None,
            user=_text(meta.get("user_id")) or None,
            source=_text(meta.get("source")),
            location=_text(meta.get("storage_location")),
            run_id=_text(meta.get("run_id")) or None,
            created=meta.get("creation_timestamp"),
            updated=meta.get("last_updated_timestamp"),
            tags=_values(folder / "tags"),
        )

    def _meta(self, folder: Path) -> dict[str, Any] | Rejected:
        file = folder / _META
        try:
            return read_yaml(file, _MAX_BYTES)
        except (ConflictError, DataError, InputError) as error:
            return Rejected(file.relative_to(self._root).as_posix(), str(error), _beginning(file))


def _folders(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir() and path.name != _TRASH)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Files and the names they stand for, which may have folders in them, as in ``params/model/depth``."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path


def _values(folder: Path) -> dict[str, str]:
    return {name: "".join(_lines(path, keep_ends=True)) for name, path in _files(folder)}


def _metrics(folder: Path) -> dict[str, Any]:
    """The last value of each metric; a file holds a line ``time value [step …]`` for each."""
    found: dict[str, Any] = {}
    for name, path in _files(folder):
        rows = [line.split() for line in _lines(path)]
        values = [
            (_number(row[2]) if len(row) > 2 else 0.0, _number(row[0]), _number(row[1])) for row in rows if len(row) > 1
        ]
        if values:
            found[name] = max(values)[2]
    return found


def _measured_on(folder: Path) -> list[tuple[str, str]]:
    """Datasets of a logged model's metrics: lines ``time value step run dataset digest``."""
    rows = [line.split() for _, path in _files(folder) for line in _lines(path)]
    return sorted({(row[4], row[5]) for row in rows if len(row) == 6})


def _lines(path: Path, *, keep_ends: bool = False) -> list[str]:
    """The lines of a file, of a larger one the last that fit; none of one that cannot be read."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _MAX_BYTES))
            return file.read(_MAX_BYTES).decode("utf-8", "replace").splitlines(keep_ends)
    except OSError:
        return []


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _beginning(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return opened.read(2000).decode("utf-8", "replace")
    except OSError:
        return ""


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value) if isinstance(value, dict | list) else str(value)
