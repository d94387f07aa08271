"""Model instances: MLflow 3's logged models, and versions of registered models; what each needs when it serves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from motherlode.errors import LodeError
from motherlode.lifecycle.naming import column_uri, owner_uri, run_uri
from motherlode.lifecycle.providers.guarding import guarded
from motherlode.lifecycle.providers.mlflow.feast_tags import features_of, service_of
from motherlode.lifecycle.providers.mlflow.observations import (
    EVALUATION,
    PLATFORM,
    created,
    distinct,
    experiment_uri,
    labels,
    logged_model_uri,
    micros,
    plain,
    values,
    version_uri,
)
from motherlode.lifecycle.providers.mlflow.records import LoggedDataset, LoggedModel, ModelVersion, Run, Store
from motherlode.lifecycle.providers.mlflow.signatures import Signature, of_artifacts, of_history
from motherlode.lifecycle.providers.mlflow.sources import address_of, columns_of
from motherlode.lifecycle.providers.places import safe_location
from motherlode.lifecycle.record import Edge, Item, Observation, Rejected

__all__ = ["Instances"]

_LOGGED = "models:/m-"
_SURE, _ONE_OF_SEVERAL = 0.8, 0.5
"""That a signature's column is the training data's column of that name: with one such dataset, and with more."""
_RETRIEVED_AND_NEEDED, _RETRIEVED = 0.9, 0.7
"""That a feature which the run retrieved is what the model needs: with a signature that has its name, and without."""


class Instances:
    """Observations of model instances of one store, with the experiments' names by id."""

    def __init__(self, store: Store, experiments: Mapping[str, str]) -> None:
        self._store, self._experiments = store, experiments
        self._signatures: dict[str, Signature | Rejected | None] = {}  # by where the artifacts lie
        self._rejected: set[str] = set()
        self._measured: dict[tuple[str, str, str], LoggedDataset | None] = {}

    def of_logged_models(self, models: Sequence[LoggedModel]) -> Iterator[Item]:
        runs = self._runs(model.run_id for model in models)
        for model in models:
            items = self._of_logged_model(model, runs.get(model.run_id or ""))
            yield from guarded(f"logged model {model.id}", items)

    def of_versions(self, versions: Sequence[ModelVersion]) -> Iterator[Item]:
        runs = self._runs(version.run_id for version in versions)
        wanted = {_logged_id(version.source) for version in versions} - {None}
        logged = {
            model.id: model
            for model in self._store.logged_models(sorted(filter(None, wanted)))
            if isinstance(model, LoggedModel)
        }
        for version in versions:
            run = runs.get(version.run_id or "")
            items = self._of_version(version, logged.get(_logged_id(version.source) or ""), run)
            yield from guarded(f"version {version.version} of {version.model}", items)

    def _runs(self, ids: Iterable[str | None]) -> dict[str, Run]:
        wanted = sorted({id_ for id_ in ids if id_})
        return {run.id: run for run in self._store.runs(wanted) if isinstance(run, Run)} if wanted else {}

    def _of_logged_model(self, model: LoggedModel, run: Run | None) -> Iterator[Item]:
        subject = logged_model_uri(model.id)
        version = micros(model.updated) or micros(model.created)
        if model.stage == "deleted":
            yield Observation(subject, version=version, gone=True)
            return
        signature = self._signature(model.location)
        if isinstance(signature, Rejected):
            yield from self._once(signature)
            signature = None
        experiment = self._experiments.get(model.experiment_id, model.experiment_id)
        edges = [Edge(subject, "grouped_in", experiment_uri(experiment))]
        if model.run_id:
            edges.append(Edge(run_uri(model.run_id, PLATFORM), "produced", subject, 1.0, "the model's source run"))
        if user := model.tags.get("mlflow.user", "").strip():
            edges.append(Edge(subject, "owned_by", owner_uri(f"user:{user}")))
        for name, digest in model.evaluated_on:
            dataset = self._dataset(model.experiment_id, name, digest)
            if dataset is not None:
                said = f"its metrics were measured on {name}, digest {digest}"
                edges.append(Edge(address_of(dataset, experiment), "evaluates", subject, 1.0, said))
        edges += self._needs(subject, signature, run)
        edges += _of_feature_store(subject, signature, model.tags, run)
        attributes = plain(
            {
                "name": model.name or model.id,
                "status": model.status,
                "model_type": model.model_type,
                "created_at": created(model.created),
                "url": f"models:/{model.id}",
            }
        )
        attributes |= _shown(signature) | values(model.params, "params") | values(model.metrics, "metrics")
        yield Observation(subject, version=version, attributes=attributes, edges=distinct(edges))
        yield labels(subject, model.tags)

    def _of_version(self, version: ModelVersion, logged: LoggedModel | None, run: Run | None) -> Iterator[Item]:
        subject = version_uri(version.model, version.version)
        at = micros(version.updated) or micros(version.created)
        if version.stage == "Deleted_Internal":
            yield Observation(subject, version=at, gone=True)
            return
        signature = self._signature_of_version(version, logged, run)
        if isinstance(signature, Rejected):
            yield from self._once(signature)
            signature = None
        edges: list[Edge] = []
        if version.run_id:
            said = "the version's run"
            edges.append(Edge(run_uri(version.run_id, PLATFORM), "produced", subject, 1.0, said))
        origin = _origin(version.source)
        if origin is not None:
            edges.append(Edge(origin, "registered_as", subject, 1.0, f"source {version.source}"))
        if version.user and version.user.strip():
            edges.append(Edge(subject, "owned_by", owner_uri(f"user:{version.user.strip()}")))
        edges += self._needs(subject, signature, run)
        edges += _of_feature_store(subject, signature, version.tags, run)
        attributes = plain(
            {
                "name": f"{version.model}@v{version.version}",
                "model": version.model,
                "version": version.version,
                "description": version.description,
                "created_at": created(version.created),
                "stage": None if version.stage == "None" else version.stage,
                "status": version.status,
                "source": safe_location(version.source),
                "url": f"models:/{version.model}/{version.version}",
            }
        )
        yield Observation(subject, version=at, attributes=attributes | _shown(signature), edges=distinct(edges))
        yield labels(subject, version.tags)

    def _signature_of_version(
        self, version: ModelVersion, logged: LoggedModel | None, run: Run | None
    ) -> Signature | Rejected | None:
        if logged is not None:
            return self._signature(logged.location)
        if run is not None:
            try:
                found = of_history(run, version.source)
            except LodeError as error:
                return Rejected(f"signature of {version.model} version {version.version}", str(error))
            if found is not None:
                return found
        return self._signature(version.location or version.source)

    def _once(self, rejected: Rejected) -> Iterator[Rejected]:
        """A logged model and its versions have one MLmodel file."""
        if rejected.what not in self._rejected:
            self._rejected.add(rejected.what)
            yield rejected

    def _signature(self, location: str) -> Signature | Rejected | None:
        if location not in self._signatures:
            try:
                self._signatures[location] = of_artifacts(location, self._store.folder)
            except LodeError as error:
                self._signatures[location] = Rejected(f"{safe_location(location)}/MLmodel", str(error))
        return self._signatures[location]

    def _dataset(self, experiment_id: str, name: str, digest: str) -> LoggedDataset | None:
        key = (experiment_id, name, digest)
        if key not in self._measured:
            self._measured[key] = self._store.dataset(*key)
        return self._measured[key]

    def _needs(self, subject: str, signature: Signature | None, run: Run | None) -> list[Edge]:
        """Columns of the training data that carry the names of the signature's inputs."""
        if signature is None or run is None or not signature.inputs:
            return []
        experiment = self._experiments.get(run.experiment_id, run.experiment_id)
        places: dict[str, tuple[str, set[str]]] = {}
        for dataset, context in run.inputs:
            if context.lower() not in EVALUATION:
                try:
                    columns = set(columns_of(dataset))
                except ValueError:  # rejected with the dataset
                    continue
                address = address_of(dataset, experiment)
                places[address] = (dataset.name, columns | places.get(address, ("", set()))[1])
        n_places = Counter(column for _, columns in places.values() for column in columns)
        return [
            Edge(
                column_uri(address, name),
                "input_of",
                subject,
                _SURE if n_places[name] == 1 else _ONE_OF_SEVERAL,
                f"the signature needs {name}, a column of the training data {label}",
            )
            for address, (label, columns) in sorted(places.items())
            for name in signature.inputs
            if name in columns
        ]


def _of_feature_store(
    subject: str, signature: Signature | None, tags: Mapping[str, str], run: Run | None
) -> Iterator[Edge]:
    """Features that the model's run retrieved and its signature asks for; the service that its tags name."""
    run_tags = run.tags if run is not None else {}
    needed = signature.inputs if signature is not None else {}
    for feature in features_of(run_tags):
        if not needed:
            said = f"its run retrieved the feature {feature.reference}; no signature names its columns"
            yield Edge(feature.address, "input_of", subject, _RETRIEVED, said)
        elif any(name in needed for name in feature.names):
            said = f"the signature needs it, and its run retrieved the feature {feature.reference}"
            yield Edge(feature.address, "input_of", subject, _RETRIEVED_AND_NEEDED, said)
    service = service_of(tags, run_tags)
    if service is not None:
        yield Edge(service, "input_of", subject, 1.0, "tag feast.feature_service")


def _logged_id(source: str) -> str | None:
    return source.removeprefix("models:/").partition("/")[0] if source.startswith(_LOGGED) else None


def _origin(source: str) -> str | None:
    """The instance that a version was made of: a logged model, or another version of which it is a copy."""
    logged = _logged_id(source)
    if logged is not None:
        return logged_model_uri(logged)
    model, mark, number = source.removeprefix("models:/").rpartition("/")
    return version_uri(model, number) if source.startswith("models:/") and mark and number.isdigit() else None


def _shown(signature: Signature | None) -> dict[str, Any]:
    if signature is None:
        return {}
    types = plain({"inputs": dict(signature.inputs), "outputs": dict(signature.outputs)})
    return plain({"inputs": list(signature.inputs), "signature": types, "flavors": list(signature.flavors)})
