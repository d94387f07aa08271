"""What MLflow has only as a trace on runs: the datasets they logged and the pipelines they are runs of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from motherlode.lifecycle.naming import column_uri
from motherlode.lifecycle.providers.guarding import guarded
from motherlode.lifecycle.providers.mlflow.observations import experiment_uri, micros, pipeline_of, plain
from motherlode.lifecycle.providers.mlflow.records import LoggedDataset, Run
from motherlode.lifecycle.providers.mlflow.sources import address_of, columns_of, paths_of
from motherlode.lifecycle.record import Edge, Item, Observation, Rejected

__all__ = ["Collected"]

_MAX_DIGESTS = 50


@dataclass(slots=True)
class _Dataset:
    newest: tuple[int, str, LoggedDataset]
    digests: dict[str, int] = field(default_factory=dict)  # to the start of the first run that logged it
    names: set[str] = field(default_factory=set)
    paths: set[str] = field(default_factory=set)


class Collected:
    """Gathers datasets and pipelines over runs, in any order; the newest run says what is so today."""

    def __init__(self) -> None:
        self._datasets: dict[str, _Dataset] = {}
        self._pipelines: dict[str, tuple[int, str, str, Run, str]] = {}

    def add(self, run: Run, experiment: str) -> None:
        """Deleted runs say nothing."""
        if run.stage == "deleted":
            return
        at = micros(run.started) or 0
        for dataset, _ in run.inputs:
            seen = (at, run.id, dataset)
            address = address_of(dataset, experiment)
            state = self._datasets.setdefault(address, _Dataset(seen))
            state.newest = max(state.newest, seen)
            state.digests[dataset.digest] = min(at, state.digests.get(dataset.digest, at))
            state.names.add(dataset.name)
            state.paths.update(paths_of(dataset))
        pipeline = pipeline_of(run, experiment)
        if pipeline is not None:
            seen_run = (at, run.id, pipeline[1], run, experiment)
            if pipeline[0] not in self._pipelines or self._pipelines[pipeline[0]][:2] < seen_run[:2]:
                self._pipelines[pipeline[0]] = seen_run

    def items(self) -> Iterator[Item]:
        for address, state in sorted(self._datasets.items()):
            yield from guarded(f"dataset {address}", _of_dataset(address, state))
        for address, (at, _, name, run, experiment) in sorted(self._pipelines.items()):
            kind = run.tags.get("mlflow.source.type", "")
            is_file = kind in {"LOCAL", ""}
            attributes = plain(
                {
                    "name": name,
                    "source_type": kind,
                    "git_url": run.tags.get("mlflow.source.git.repoURL"),
                    "git_commit": run.tags.get("mlflow.source.git.commit"),
                    "paths": [name] if is_file else [],
                }
            )
            edge = Edge(address, "grouped_in", experiment_uri(experiment))
            yield Observation(address, version=at or None, attributes=attributes, edges=(edge,))


def _of_dataset(address: str, state: _Dataset) -> Iterator[Item]:
    at, _, dataset = state.newest
    try:
        columns = columns_of(dataset)
    except (ValueError, RecursionError) as error:
        columns = {}
        reason = f"the schema is no JSON of MLflow's ({error}), expected mlflow_colspec or mlflow_tensorspec"
        yield Rejected(f"schema of dataset {dataset.name}, digest {dataset.digest}", reason, dataset.schema or "")
    digests = sorted(state.digests, key=lambda digest: (state.digests[digest], digest))
    attributes = plain(
        {
            "logged_as": sorted(state.names),
            "source_type": dataset.source_type,
            "paths": sorted(state.paths),
            "digest": dataset.digest,
            "digests": digests[-_MAX_DIGESTS:],
            "columns": list(columns),
            "types": columns,
        }
    )
    edges = tuple(
        Edge(address, "has_column", column_uri(address, name), 1.0, f"schema logged with digest {dataset.digest}")
        for name in columns
    )
    yield Observation(address, "mlflow", version=at or None, attributes=attributes, edges=edges)
