"""MLflow's records as observations. What it keeps no time of (tags, aliases) is an aspect of its own without one."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from motherlode.core.time import from_micros, iso_text
from motherlode.lifecycle.naming import owner_uri, pipeline_uri, run_uri
from motherlode.lifecycle.providers.mlflow.feast_tags import features_of, is_historical, service_of
from motherlode.lifecycle.providers.mlflow.records import Experiment, RegisteredModel, Run
from motherlode.lifecycle.providers.mlflow.sources import address_of
from motherlode.lifecycle.providers.tags import tag_edges
from motherlode.lifecycle.record import Edge, Observation
from motherlode.lifecycle.uris import make_uri

__all__ = [
    "EVALUATION",
    "PLATFORM",
    "alias_uri",
    "created",
    "distinct",
    "experiment_uri",
    "labels",
    "logged_model_uri",
    "micros",
    "model_uri",
    "of_experiment",
    "of_registered_model",
    "of_run",
    "pipeline_of",
    "plain",
    "values",
    "version_uri",
]

PLATFORM = "mlflow"
EVALUATION = {"evaluation", "eval", "validation", "test", "testing"}
"""Contexts in which a dataset measures a run; any other trains it."""
MAX_VALUES = 200
_INTERNAL = "mlflow."
_DESCRIPTION = "mlflow.note.content"
_KERNELS = {"ipykernel_launcher.py", "colab_kernel_launcher.py", "ipykernel_launcher", "-c", "-m"}
"""What a notebook's runs call their source: a name that says nothing of which notebook."""
_CURRENT_ALIASES = ("champion", "production", "prod")


def experiment_uri(name: str) -> str:
    return make_uri("experiment", PLATFORM, name)


def model_uri(name: str) -> str:
    return make_uri("model", PLATFORM, name)


def version_uri(model: str, version: str) -> str:
    """As MLflow writes it: ``ranking/5`` of models:/ranking/5."""
    return make_uri("model_version", PLATFORM, f"{model}/{version}")


def logged_model_uri(model_id: str) -> str:
    return make_uri("model_version", PLATFORM, model_id)


def alias_uri(model: str, alias: str) -> str:
    """A deployment: ``ranking@champion`` of models:/ranking@champion."""
    return make_uri("deployment", PLATFORM, f"{model}@{alias}")


def stage_uri(model: str, stage: str) -> str:
    """A deployment: ``ranking/Production`` of models:/ranking/Production."""
    return make_uri("deployment", PLATFORM, f"{model}/{stage}")


def micros(milliseconds: Any) -> int | None:
    """MLflow's time in microseconds; None for what is none: text, or beyond the years 1 to 9999."""
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int | float) or not math.isfinite(milliseconds):
        return None
    found = int(milliseconds) * 1000
    return found if found > 0 and from_micros(found) is not None else None


def created(milliseconds: Any) -> str | None:
    found = micros(milliseconds)
    return None if found is None else iso_text(from_micros(found))


def plain(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is not there."""
    return {name: value for name, value in attributes.items() if value not in (None, "", [], {}, ())}


def values(named: Mapping[str, Any], what: str) -> dict[str, Any]:
    """Parameters or metrics as an attribute; of more than `MAX_VALUES` the first by name, and how many there are."""
    kept = {name: _json_value(named[name]) for name in sorted(named)[:MAX_VALUES]}
    found: dict[str, Any] = {what: kept} if kept else {}
    return found | ({f"n_{what}": len(named)} if len(named) > MAX_VALUES else {})


def _json_value(value: Any) -> Any:
    if isinstance(value, float) and not abs(value) < 1.797e308:  # SQL keeps an infinity as the largest number
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def labels(subject: str, tags: Mapping[str, str]) -> Observation:
    """The tags that people set, and those of them that name owners."""
    own = {name: value for name, value in sorted(tags.items()) if not name.startswith(_INTERNAL)}
    return Observation(subject, "labels", attributes=plain({"tags": own}), edges=distinct(tag_edges(subject, own)))


def distinct(edges: Iterable[Edge]) -> tuple[Edge, ...]:
    return tuple(dict.fromkeys(edges))


def of_experiment(experiment: Experiment) -> Iterator[Observation]:
    subject = experiment_uri(experiment.name)
    version = micros(experiment.updated) or micros(experiment.created)
    if experiment.stage == "deleted":
        yield Observation(subject, version=version, gone=True)
        return
    attributes = plain(
        {
            "name": experiment.name,
            "experiment_id": experiment.id,
            "created_at": created(experiment.created),
            "description": experiment.tags.get(_DESCRIPTION),
        }
    )
    yield Observation(subject, version=version, attributes=attributes)
    yield labels(subject, experiment.tags)


def pipeline_of(run: Run, experiment: str) -> tuple[str, str] | None:
    """Address and name of what ran: ``mlflow.source.name`` within the experiment; None for a notebook's kernel.

    An absolute path is a machine's own: its last part is the name.
    """
    source = run.tags.get("mlflow.source.name", "").strip()
    if run.tags.get("mlflow.source.type", "LOCAL") in {"LOCAL", "UNKNOWN", ""}:
        source = source.replace("\\", "/")
        if re.match(r"/|[A-Za-z]:/|\.\./", source):
            source = source.rstrip("/").rpartition("/")[2]
        source = source.removeprefix("./")
    if not source or source in _KERNELS:
        return None
    entry = run.tags.get("mlflow.project.entryPoint", "")
    name = f"{source}:{entry}" if entry and entry != "main" else source
    return pipeline_uri(experiment, name, PLATFORM), name


def of_run(run: Run, experiment: str) -> Iterator[Observation]:
    """A run: what it is, which data and models it read and wrote, and its tags.

    Its version is the time of its end; a run that goes on has none, so that every listing looks anew.
    """
    subject = run_uri(run.id, PLATFORM)
    version = micros(run.ended)
    if run.stage == "deleted":
        yield Observation(subject, version=version, gone=True)
        return
    user = (run.user or run.tags.get("mlflow.user", "")).strip()
    pipeline = pipeline_of(run, experiment)
    edges = [Edge(subject, "grouped_in", experiment_uri(experiment))]
    if user:
        edges.append(Edge(subject, "owned_by", owner_uri(f"user:{user}")))
    if pipeline is not None:
        edges.append(Edge(pipeline[0], "has_run", subject, 1.0, "tag mlflow.source.name"))
    if parent := run.tags.get("mlflow.parentRunId", "").strip():
        edges.append(Edge(subject, "grouped_in", run_uri(parent, PLATFORM), 1.0, "tag mlflow.parentRunId"))
    attributes = plain(
        {
            "name": run.name or run.id,
            "status": run.status,
            "created_at": created(run.started),
            "ended_at": created(run.ended),
            "description": run.tags.get(_DESCRIPTION),
            "git_commit": run.tags.get("mlflow.source.git.commit"),
        }
    )
    attributes |= values(run.params, "params") | values(run.metrics, "metrics")
    yield Observation(subject, version=version, attributes=attributes, edges=tuple(edges))
    io = distinct(_io(subject, run, experiment))
    if io:
        yield Observation(subject, "io", version=version, edges=io)
    yield labels(subject, run.tags)


def _io(subject: str, run: Run, experiment: str) -> Iterator[Edge]:
    for dataset, context in run.inputs:
        digest = f", digest {dataset.digest}" if dataset.digest else ""
        if context.lower() in EVALUATION:
            relation, said = "evaluates", f"logged as input for {context}{digest}"
        else:
            relation, said = "trains", f"logged as input{f' for {context}' if context else ''}{digest}"
        yield Edge(address_of(dataset, experiment), relation, subject, 1.0 if context else 0.7, said)
    relation = "trains" if is_historical(run.tags) else "supports"
    features = features_of(run.tags)
    for feature in features:
        yield Edge(feature.address, relation, subject, 1.0, f"tag feast.feature_refs has {feature.reference}")
    service = None if features else service_of(run.tags)  # a service has features that the run may not have used
    if service is not None:
        yield Edge(service, relation, subject, 1.0, "tag feast.feature_service")
    for model in run.models_in:
        yield Edge(logged_model_uri(model), "supports", subject, 1.0, "logged as input model")
    for model in run.models_out:
        yield Edge(subject, "produced", logged_model_uri(model), 1.0, "logged as output model")


def of_registered_model(model: RegisteredModel) -> Iterator[Observation]:
    """The model, which version of it is current, its tags, and a deployment for each alias and stage."""
    subject = model_uri(model.name)
    live = [version for version in model.versions if version.stage != "Deleted_Internal"]
    live.sort(key=lambda version: (len(version.version), version.version))
    attributes = plain({"name": model.name, "description": model.description, "created_at": created(model.created)})
    yield Observation(subject, version=micros(model.updated), attributes=attributes)
    yield Observation(
        subject,
        "versions",
        attributes=plain({"aliases": dict(sorted(model.aliases.items())), "n_versions": len(live)}),
        edges=(
            *(Edge(subject, "has_version", version_uri(model.name, version.version)) for version in live),
            *_current(model, [version.version for version in live], {version.version: version for version in live}),
        ),
    )
    yield labels(subject, model.tags)
    for alias, number in sorted(model.aliases.items()):
        where = alias_uri(model.name, alias)
        attributes = {"name": f"{model.name}@{alias}", "alias": alias, "model": model.name, "version": str(number)}
        edge = Edge(version_uri(model.name, str(number)), "deployed_as", where, 1.0, f"alias {alias}")
        yield Observation(where, attributes=attributes, edges=(edge,))
    for stage in ("Production", "Staging"):
        there = [version.version for version in live if version.stage == stage]
        if there:
            where = stage_uri(model.name, stage)
            attributes = {"name": f"{model.name}/{stage}", "stage": stage, "model": model.name}
            yield Observation(
                where,
                attributes=attributes,
                edges=tuple(
                    Edge(version_uri(model.name, number), "deployed_as", where, 1.0, f"stage {stage}")
                    for number in there
                ),
            )


def _current(model: RegisteredModel, numbers: list[str], live: Mapping[str, Any]) -> list[Edge]:
    """Which version is used: by alias (champion, production, prod), stage Production, else the newest that is ready."""
    subject = model_uri(model.name)
    by_alias = {alias.lower(): str(number) for alias, number in model.aliases.items()}
    for alias in _CURRENT_ALIASES:
        if by_alias.get(alias) in live:
            return [Edge(version_uri(model.name, by_alias[alias]), "current_of", subject, 1.0, f"alias {alias}")]
    staged = [number for number in numbers if live[number].stage == "Production"]
    if staged:
        return [Edge(version_uri(model.name, staged[-1]), "current_of", subject, 1.0, "stage Production")]
    if by_alias.get("latest") in live:
        return [Edge(version_uri(model.name, by_alias["latest"]), "current_of", subject, 0.8, "alias latest")]
    ready = [number for number in numbers if live[number].status in {"READY", ""}]
    if ready:
        said = "no alias or stage says so: the newest version that is ready"
        return [Edge(version_uri(model.name, ready[-1]), "current_of", subject, 0.5, said)]
    return []
