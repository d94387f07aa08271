"""DVC as a provider: stages, tracked data and models of a repository, without DVC or git being run."""

from __future__ import annotations

import bisect
import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from motherlode.errors import InputError
from motherlode.lifecycle.naming import dataset_uri, pipeline_uri, tag_uri
from motherlode.lifecycle.providers.dvc.repository import (
    name_of_url,
    read_repository,
    remotes,
    repository_name,
    resolve_remote,
)
from motherlode.lifecycle.providers.dvc.stages import Artifact, Marked, Ref, Stage
from motherlode.lifecycle.providers.guarding import guarded
from motherlode.lifecycle.providers.places import has_scheme, place_uri, safe_location, shown_path
from motherlode.lifecycle.record import Edge, Item, Observation, Rejected
from motherlode.lifecycle.uris import make_uri

__all__ = ["Dvc"]

PLATFORM = "dvc"
_MAX_COMMAND = 1000
_MODEL_FOLDERS = {"model", "models"}
_CODE = (".py", ".ipynb", ".sh", ".r", ".jl", ".sql")
_BY_FOLDER = 0.7
"""Confidence that what a stage writes below models/ is a model."""


class Dvc:
    """Everything in a DVC repository: stages, what they read and write, tracked data, imports, metrics, plots, models.

    root: the repository's folder, with .dvc/ or dvc.yaml
    name: what it is called in addresses; by default the last part of git's remote origin (read from .git/config), which
        is how other repositories import from it, else the folder's name

    Addresses: ``lode://dataset/dvc/<name>/<path from the root>``, ``lode://pipeline/dvc/<name>/<stage>`` with the stage
    as DVC addresses it (``train``, ``sub/dvc.yaml:train``, ``raw/x.csv.dvc``), ``lode://model/dvc/<name>/<artifact or
    path>``. Absolute paths and URLs are datasets where they lie. A model is an artifact of type model, or (confidence
    0.7) what a stage writes below a folder model or models.

    DVC keeps no times, so that observations have no version. Templates count as dvc.lock resolved them; those that it
    does not know are rejected. `observe` raises InputError (no such folder), DataError (no repository) and
    UnsupportedError (no PyYAML).
    """

    name = "dvc"
    is_listing = True

    def __init__(self, root: str | Path = ".", *, name: str | None = None) -> None:
        self._root, self._name = Path(root), name
        self.scope = str(root)

    def observe(self) -> Iterator[Item]:
        """All that the files say; stages and data are in memory meanwhile, the data's own files are not opened."""
        repository = _Repository(self._name or repository_name(self._root), remotes(self._root))
        for item in read_repository(self._root):
            if isinstance(item, Rejected):
                yield item
            else:
                try:
                    repository.add(item)
                except InputError as error:
                    yield Rejected(str(item)[:200], str(error))
        yield from guarded("models and data", repository.observations())

    def hydrate(self, subject: str) -> Iterable[Item]:
        """The present state of one component; the repository's small files are all read for it."""
        return [item for item in self.observe() if isinstance(item, Observation) and item.subject == subject]


@dataclass(slots=True)
class _Data:
    """A path or URL, and everything that is said of it."""

    path: str
    attributes: dict[str, Any] = field(default_factory=dict)
    labels: set[str] = field(default_factory=set)
    edges: dict[Edge, None] = field(default_factory=dict)


class _Repository:
    """Collects what the files say by address."""

    def __init__(self, name: str, known_remotes: dict[str, str]) -> None:
        self._name, self._remotes = name, known_remotes
        self._data: dict[str, _Data] = {}
        self._stages: list[Observation] = []
        self._models: dict[str, Observation] = {}
        self._outs: dict[str, str] = {}  # paths that stages write or files track, to the stage's name
        self._deps: set[str] = set()
        self._artifacts: list[Artifact] = []
        self._written: dict[str, str] = {}  # paths that look like models, to the pipeline that writes them

    def add(self, item: Stage | Artifact | Marked) -> None:
        if isinstance(item, Stage):
            self._add_stage(item)
        elif isinstance(item, Artifact):
            self._artifacts.append(item)
        else:
            self._seen(Ref(item.path, item.kind))

    def observations(self) -> Iterator[Observation]:
        for artifact in self._artifacts:
            self._add_artifact(artifact)
        for path, pipeline in self._written.items():
            if not any(artifact.path == path for artifact in self._artifacts):
                self._add_model(path, path, pipeline, _BY_FOLDER, "lies in a folder of models", {})
        self._nest()
        yield from self._stages
        for address, data in sorted(self._data.items()):
            edges = [*data.edges, *(Edge(address, "tagged", tag_uri(label)) for label in sorted(data.labels))]
            yield Observation(address, attributes=data.attributes, edges=tuple(edges))
        yield from self._models.values()

    def _address(self, ref: Ref) -> str:
        if ref.repo:
            return dataset_uri(PLATFORM, f"{name_of_url(ref.repo)}/{ref.place}")
        place = resolve_remote(ref.place, self._remotes)
        if has_scheme(place) or place.startswith("/"):
            return place_uri(place, PLATFORM, self._name) or dataset_uri(PLATFORM, f"{self._name}/{place}")
        return dataset_uri(PLATFORM, f"{self._name}/{place}")

    def _seen(self, ref: Ref) -> str:
        """Notes what a reference says of its data; outputs say it before dependencies do."""
        address = self._address(ref)
        data = self._data.setdefault(address, _Data(ref.place))
        kind = ref.kind or ("code" if ref.place.lower().endswith(_CODE) else "")
        said = {
            "name": ref.place if not has_scheme(ref.place) else None,
            "paths": [shown_path(ref.place)],
            "kind": kind,
            "type": ref.type,
            "description": ref.description,
            "hashes": dict(ref.hashes),
            "size_bytes": ref.size_bytes,
            "n_files": ref.n_files,
            "repository": safe_location(ref.repo),
            "rev": ref.rev,
        }
        for name, value in said.items():
            if value not in (None, "", {}) and name not in data.attributes:
                data.attributes[name] = value
        data.labels.update(label for label in ref.labels if label.strip())
        return address

    def _add_stage(self, stage: Stage) -> None:
        subject = pipeline_uri(self._name, stage.name, PLATFORM)
        outs = [(ref, self._seen(ref)) for ref in stage.outs]
        deps = [(ref, self._seen(ref)) for ref in stage.deps]
        for ref, _ in outs:
            self._outs.setdefault(ref.place, stage.name)
            if not ref.kind and (ref.type == "model" or _MODEL_FOLDERS & set(ref.place.lower().split("/")[:-1])):
                self._written[ref.place] = "" if stage.is_tracked_only else subject
        self._deps.update(ref.place for ref, _ in deps if not ref.repo)
        if stage.is_tracked_only:
            return
        said = f"stage {stage.name}"
        edges = [Edge(address, "read_by", subject, 1.0, f"dependency of {said}") for _, address in deps]
        edges += [Edge(subject, "writes", address, 1.0, f"output of {said}") for _, address in outs]
        for file in stage.params:
            self._deps.add(file)
            address = self._seen(Ref(file, "params"))
            edges.append(Edge(address, "read_by", subject, 1.0, f"parameters of {said}"))
        attributes: dict[str, Any] = {
            "name": stage.name,
            "description": stage.description,
            "command": stage.command[:_MAX_COMMAND],
            "paths": [stage.file],
            "params": {key: value for values in stage.params.values() for key, value in sorted(values.items())},
            "frozen": stage.is_frozen,
        }
        attributes = {name: value for name, value in attributes.items() if value not in ("", {}, False)}
        self._stages.append(Observation(subject, attributes=attributes, edges=tuple(dict.fromkeys(edges))))

    def _add_artifact(self, artifact: Artifact) -> None:
        data = self._seen(
            Ref(artifact.path, type=artifact.type, description=artifact.description, labels=artifact.labels)
        )
        self._data[data].attributes.setdefault("artifact", artifact.name)
        if artifact.type == "model":
            more = {"description": artifact.description, "labels": list(artifact.labels)}
            pipeline = self._written.get(artifact.path) or self._writer(artifact.path)
            self._add_model(artifact.name, artifact.path, pipeline, 1.0, f"artifact {artifact.name}", more)

    def _writer(self, path: str) -> str:
        """The pipeline that writes a path, or a folder that it lies in."""
        for candidate in (path, *_parents(path)):
            stage = self._outs.get(candidate)
            if stage is not None:
                address = pipeline_uri(self._name, stage, PLATFORM)
                return address if any(each.subject == address for each in self._stages) else ""
        return ""

    def _add_model(
        self, name: str, path: str, pipeline: str, confidence: float, said: str, more: Mapping[str, Any]
    ) -> None:
        subject = make_uri("model", PLATFORM, f"{self._name}/{name}")
        data = self._address(Ref(path))
        edges = [Edge(data, "supports", subject, confidence, f"{said}: its file")]
        if pipeline:
            edges.append(Edge(pipeline, "produced", subject, confidence, said))
        edges += [Edge(subject, "tagged", tag_uri(label)) for label in more.get("labels", []) if label.strip()]
        known = self._data[data].attributes
        attributes = {
            "name": name,
            "paths": [path],
            "hashes": known.get("hashes"),
            "description": more.get("description"),
        }
        attributes = {key: value for key, value in attributes.items() if value}
        self._models[subject] = Observation(subject, attributes=attributes, edges=tuple(edges))

    def _nest(self) -> None:
        """A dependency inside an output, or around it, depends on it: DVC knows both by their paths alone."""
        ordered = sorted(self._outs)
        for dep in sorted(self._deps):
            if has_scheme(dep):
                continue
            inside = [parent for parent in _parents(dep) if parent in self._outs]
            at = bisect.bisect_left(ordered, f"{dep}/")
            while at < len(ordered) and ordered[at].startswith(f"{dep}/"):
                inside.append(ordered[at])
                at += 1
            address = self._address(Ref(dep))
            for out in inside:
                said = f"{dep} lies in {out}" if dep.startswith(f"{out}/") else f"{out} lies in {dep}"
                self._data[address].edges[Edge(self._address(Ref(out)), "supports", address, 1.0, said)] = None


def _parents(path: str) -> Iterator[str]:
    while (path := posixpath.dirname(path)) not in {"", "/"}:
        yield path
