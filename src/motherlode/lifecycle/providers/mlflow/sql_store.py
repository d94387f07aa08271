"""MLflow's SQL store in a SQLite file, read as it lies there.

Tables and columns are those of `mlflow/store/tracking/dbmodels/models.py` and `mlflow/store/model_registry/dbmodels`,
from MLflow 1.0 on. What came later (datasets 2.4, aliases 2.3, logged models 3.0, workspaces 3.9) may be missing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from motherlode.core.sql import Session, open_foreign_database
from motherlode.errors import DataError
from motherlode.lifecycle.providers.mlflow.records import (
    Experiment,
    Input,
    LoggedDataset,
    LoggedModel,
    ModelVersion,
    RegisteredModel,
    Run,
)

__all__ = ["SqlStore"]

_BATCH = 500
_T = TypeVar("_T")
_NEEDED = {
    "experiments": ("experiment_id", "name", "lifecycle_stage"),
    "runs": ("run_uuid", "experiment_id", "status", "start_time", "end_time", "lifecycle_stage", "user_id"),
    "tags": ("run_uuid", "key", "value"),
    "params": ("run_uuid", "key", "value"),
}
"""Without these it is no store of MLflow's, or one of a version to come."""
_WHERE_PRESENT = {
    "experiment_tags": ("experiment_id", "key", "value"),
    "latest_metrics": ("run_uuid", "key", "value", "is_nan"),
    "datasets": ("dataset_uuid", "experiment_id", "name", "digest", "dataset_source_type", "dataset_source"),
    "inputs": ("input_uuid", "source_type", "source_id", "destination_type", "destination_id"),
    "input_tags": ("input_uuid", "name", "value"),
    "logged_models": ("model_id", "experiment_id", "name", "artifact_location", "status", "source_run_id"),
    "logged_model_tags": ("model_id", "tag_key", "tag_value"),
    "logged_model_params": ("model_id", "param_key", "param_value"),
    "logged_model_metrics": ("model_id", "metric_name", "metric_value", "metric_timestamp_ms"),
    "registered_models": ("name", "creation_time", "last_updated_time", "description"),
    "registered_model_tags": ("name", "key", "value"),
    "registered_model_aliases": ("name", "alias", "version"),
    "model_versions": ("name", "version", "creation_time", "last_updated_time", "current_stage", "source", "run_id"),
    "model_version_tags": ("name", "version", "key", "value"),
}
"""Read if there; a table that is there without these columns is one of a version to come."""
_MODEL_STATUS = {0: "UNSPECIFIED", 1: "PENDING", 2: "READY", 3: "UPLOAD_FAILED"}


class _ModelRow(NamedTuple):
    id: str
    experiment_id: str
    name: str
    location: str
    status: Any
    run_id: str | None
    created: Any
    updated: Any
    stage: str | None
    model_type: str | None


class SqlStore:
    """An open store; one snapshot of it from beginning to end.

    Raises InputError (no such file), DataError (no SQLite, no MLflow, a newer version), ConflictError (locked).
    """

    def __init__(self, path: Path, timeout_s: float) -> None:
        self._path = path
        self.folder = path.absolute().parent
        with ExitStack() as stack:
            database = stack.enter_context(open_foreign_database(path, timeout_s=timeout_s))
            self._session: Session = stack.enter_context(database.read())
            self._columns = self._check_tables()
            self._stack = stack.pop_all()

    def close(self) -> None:
        self._stack.close()

    def experiments(self) -> Iterator[Experiment]:
        rows = self._select(
            "experiments", "experiment_id name lifecycle_stage creation_time last_update_time workspace"
        )
        tags = self._pairs("experiment_tags", "experiment_id key value", None)
        for id_, name, stage, created, updated, workspace in rows:
            key = str(id_)
            yield Experiment(key, _in_workspace(workspace, name), stage or "active", created, updated, tags[key])

    def runs(self, ids: Iterable[str] | None = None) -> Iterator[Run]:
        wanted = ids
        if wanted is None:
            wanted = [row[0] for row in self._session.execute("SELECT run_uuid FROM runs ORDER BY run_uuid")]
        for batch in _batches(wanted):
            yield from self._runs(batch)

    def runs_of_experiment(self, experiment_id: str) -> Iterator[Run]:
        rows = self._session.execute(
            "SELECT run_uuid FROM runs WHERE experiment_id = ? ORDER BY run_uuid", (experiment_id,)
        )
        return self.runs([row[0] for row in rows])

    def runs_with_dataset(self, is_wanted: Callable[[LoggedDataset], bool]) -> Iterator[Run]:
        uuids = [uuid for uuid, dataset in self._datasets(None).items() if is_wanted(dataset)]
        found: set[str] = set()
        for batch in _batches(uuids):
            found.update(
                row[0]
                for row in self._select(
                    "inputs",
                    "destination_id",
                    f"source_type = 'DATASET' AND destination_type = 'RUN' AND source_id IN ({_places(batch)})",
                    batch,
                )
            )
        return self.runs(sorted(found))

    def dataset(self, experiment_id: str, name: str, digest: str) -> LoggedDataset | None:
        rows = self._select(
            "datasets", "dataset_uuid", "experiment_id = ? AND name = ? AND digest = ?", (experiment_id, name, digest)
        )
        return next(iter(self._datasets(row[0] for row in rows[:1]).values()), None)

    def logged_models(self, ids: Iterable[str] | None = None) -> Iterator[LoggedModel]:
        wanted = ids
        if wanted is None:
            wanted = [row[0] for row in self._select("logged_models", "model_id")]
        for batch in _batches(wanted):
            yield from self._logged_models(batch)

    def registered_models(self, names: Iterable[str] | None = None) -> Iterator[RegisteredModel]:
        only = None if names is None else set(names)
        columns = "workspace name description creation_time last_updated_time"
        bare = None if only is None else sorted({name.rpartition("/")[2] for name in only})
        where = "" if bare is None else f"name IN ({_places(bare)})"
        for batch in _batches(self._select("registered_models", columns, where, bare or ())):
            yield from (model for model in self._models(batch) if only is None or model.name in only)

    # Each of these reads a batch: one statement for each table, however many there are.

    def _runs(self, ids: Sequence[str]) -> Iterator[Run]:
        within = f"run_uuid IN ({_places(ids)})"
        columns = "run_uuid name experiment_id status lifecycle_stage user_id start_time end_time"
        rows = self._select("runs", columns, within, ids)
        tags = self._pairs("tags", "run_uuid key value", within, ids)
        params = self._pairs("params", "run_uuid key value", within, ids)
        metrics: defaultdict[str, dict[str, Any]] = defaultdict(dict)
        for id_, key, value, is_nan in self._select("latest_metrics", "run_uuid key value is_nan", within, ids):
            metrics[id_][key] = "NaN" if is_nan else value
        inputs = self._inputs(ids)
        models_in = self._linked("source_type = 'RUN_INPUT' AND destination_type = 'MODEL_INPUT'", ids)
        models_out = self._linked("source_type = 'RUN_OUTPUT' AND destination_type = 'MODEL_OUTPUT'", ids)
        for id_, name, experiment, status, stage, user, started, ended in rows:
            yield Run(
                id=id_,
                name=name or tags[id_].get("mlflow.runName", ""),
                experiment_id=str(experiment),
                status=status or "",
                stage=stage or "active",
                user=user or "",
                started=started,
                ended=ended,
                tags=tags[id_],
                params=params[id_],
                metrics=metrics[id_],
                inputs=inputs[id_],
                models_in=models_in[id_],
                models_out=models_out[id_],
            )

    def _inputs(self, ids: Sequence[str]) -> defaultdict[str, list[Input]]:
        where = f"source_type = 'DATASET' AND destination_type = 'RUN' AND destination_id IN ({_places(ids)})"
        links = self._select("inputs", "input_uuid source_id destination_id", where, ids)
        contexts: dict[str, str] = {}
        for batch in _batches([link[0] for link in links]):
            within = f"name = 'mlflow.data.context' AND input_uuid IN ({_places(batch)})"
            contexts.update((row[0], row[1]) for row in self._select("input_tags", "input_uuid value", within, batch))
        datasets = self._datasets({link[1] for link in links})
        found: defaultdict[str, list[Input]] = defaultdict(list)
        for link, dataset, run in sorted(links, key=lambda link: (link[2], link[1])):
            if dataset in datasets:
                found[run].append(Input(datasets[dataset], contexts.get(link, "")))
        return found

    def _datasets(self, uuids: Iterable[str] | None) -> dict[str, LoggedDataset]:
        columns = "dataset_uuid name digest dataset_source_type dataset_source dataset_schema dataset_profile"
        if uuids is None:
            rows = self._select("datasets", columns)
        else:
            parts = _batches(sorted(uuids))
            rows = [
                row
                for part in parts
                for row in self._select("datasets", columns, f"dataset_uuid IN ({_places(part)})", part)
            ]
        return {row[0]: LoggedDataset(*(text or "" for text in row[1:])) for row in rows}

    def _linked(self, kind: str, run_ids: Sequence[str]) -> defaultdict[str, list[str]]:
        """Logged models that runs read or wrote."""
        where = f"{kind} AND source_id IN ({_places(run_ids)})"
        found: defaultdict[str, list[str]] = defaultdict(list)
        for run, model in sorted(self._select("inputs", "source_id destination_id", where, run_ids)):
            found[run].append(model)
        return found

    def _logged_models(self, ids: Sequence[str]) -> Iterator[LoggedModel]:
        within = f"model_id IN ({_places(ids)})"
        columns = (
            "model_id experiment_id name artifact_location status source_run_id creation_timestamp_ms "
            "last_updated_timestamp_ms lifecycle_stage model_type"
        )
        tags = self._pairs("logged_model_tags", "model_id tag_key tag_value", within, ids)
        params = self._pairs("logged_model_params", "model_id param_key param_value", within, ids)
        metrics: defaultdict[str, dict[str, Any]] = defaultdict(dict)
        measured: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
        columns_of_metrics = (
            "model_id metric_timestamp_ms metric_step metric_name metric_value dataset_name dataset_digest"
        )
        rows = self._select("logged_model_metrics", columns_of_metrics, within, ids)
        for id_, _, _, name, value, dataset, digest in sorted(rows, key=lambda row: (row[0], row[1] or 0, row[2] or 0)):
            metrics[id_][name] = value
            if dataset:
                measured[id_].add((dataset, digest or ""))
        for row in map(_ModelRow._make, self._select("logged_models", columns, within, ids)):
            yield LoggedModel(
                id=row.id,
                name=row.name or "",
                experiment_id=str(row.experiment_id),
                location=row.location or "",
                status=_MODEL_STATUS.get(row.status, str(row.status)),
                stage=row.stage or "active",
                model_type=row.model_type,
                run_id=row.run_id,
                created=row.created,
                updated=row.updated,
                tags=tags[row.id],
                params=params[row.id],
                metrics=metrics[row.id],
                evaluated_on=sorted(measured[row.id]),
            )

    def _models(self, rows: Sequence[tuple[Any, ...]]) -> Iterator[RegisteredModel]:
        names = sorted({row[1] for row in rows})
        within = f"name IN ({_places(names)})"
        tags = self._pairs("registered_model_tags", "workspace name key value", within, names)
        aliases = self._pairs("registered_model_aliases", "workspace name alias version", within, names)
        version_tags = self._pairs("model_version_tags", "workspace name version key value", within, names)
        versions: defaultdict[tuple[Any, ...], list[ModelVersion]] = defaultdict(list)
        columns = (
            "workspace name version current_stage status description user_id source storage_location run_id "
            "creation_time last_updated_time"
        )
        for workspace, name, version, *rest in self._select("model_versions", columns, within, names):
            key = (workspace, name, version)
            stage, status, description, user, source, location, run_id, created, updated = rest
            versions[key[:2]].append(
                ModelVersion(
                    _in_workspace(workspace, name), str(version), stage or "None", status or "", description, user,
                    source or "", location or "", run_id, created, updated, version_tags[key],
                )
            )  # fmt: skip
        for workspace, name, description, created, updated in rows:
            own = (workspace, name)
            model = _in_workspace(workspace, name)
            yield RegisteredModel(model, description, created, updated, tags[own], aliases[own], versions[own])

    def _select(self, table: str, columns: str, where: str = "", values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Rows of a table in the order of the columns asked for, which are NULL where this version has them not yet."""
        known = self._columns.get(table)
        if known is None:
            return []
        names = columns.split()
        listed = ", ".join(f'"{name}"' if name in known else f'NULL AS "{name}"' for name in names)
        condition = f" WHERE {where}" if where else ""
        order = next(str(i + 1) for i, name in enumerate(names) if name in known)
        return self._session.execute(f"SELECT {listed} FROM {table}{condition} ORDER BY {order}", values)

    def _pairs(
        self, table: str, columns: str, where: str | None, values: Sequence[Any] = ()
    ) -> defaultdict[Any, dict[str, str]]:
        """The last two columns as a dictionary for each value of those before them, as text if it is only one."""
        found: defaultdict[Any, dict[str, str]] = defaultdict(dict)
        for *owner, key, value in self._select(table, columns, where or "", values):
            found[tuple(owner) if len(owner) > 1 else str(owner[0])][str(key)] = "" if value is None else str(value)
        return found

    def _check_tables(self) -> dict[str, set[str]]:
        rows = self._session.execute(
            "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'"
        )
        found: defaultdict[str, set[str]] = defaultdict(set)
        for table, column in rows:
            found[table].add(column)
        if "runs" not in found or "experiments" not in found:
            self._refuse(f"tables {', '.join(sorted(found)) or '(none)'}"[:300], "the tables of an MLflow store")
        for table, columns in (_NEEDED | _WHERE_PRESENT).items():
            missing = [column for column in columns if column not in found.get(table, ())]
            if missing and (table in _NEEDED or table in found):
                version = (
                    self._session.one("SELECT version_num FROM alembic_version") if "alembic_version" in found else None
                )
                schema = f"schema version {version[0]!r}" if version else "no schema version"
                self._refuse(
                    f"{schema} without {table}.{missing[0]}",
                    "a store of MLflow 1.0 to 3.17, or a later one with the same columns",
                )
        return dict(found)

    def _refuse(self, found: str, expected: str) -> None:
        raise DataError(
            f"{self._path}: found {found}, expected {expected}. Upgrade motherlode, or choose another file.",
            path=str(self._path),
            found=found,
            expected=expected,
        )


def _batches(values: Iterable[_T]) -> Iterator[tuple[_T, ...]]:
    iterator = iter(values)
    while batch := tuple(islice(iterator, _BATCH)):
        yield batch


def _places(values: Sequence[Any]) -> str:
    return ", ".join("?" * len(values))


def _in_workspace(workspace: str | None, name: str) -> str:
    return name if workspace in {None, "", "default"} else f"{workspace}/{name}"
