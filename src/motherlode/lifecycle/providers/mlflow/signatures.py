"""What a model needs when it serves: the signature in its MLmodel file, or in the tag that MLflow 2 put on its run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from motherlode.errors import DataError, InputError
from motherlode.lifecycle.providers.mlflow.records import Run
from motherlode.lifecycle.providers.mlflow.sources import named_types
from motherlode.lifecycle.providers.yaml_files import read_yaml

__all__ = ["HISTORY_TAG", "Signature", "of_artifacts", "of_history"]

HISTORY_TAG = "mlflow.log-model.history"
_ROOTS = ("mlruns", "mlartifacts")
_MAX_BYTES = 4 << 20


class Signature(NamedTuple):
    """Names to types of what goes in and comes out; flavors: what wrote it, e.g. "sklearn"."""

    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    flavors: tuple[str, ...] = ()


def of_artifacts(location: str, folder: Path) -> Signature | None:
    """The signature in the MLmodel file of a model's folder; None where that folder is not on this machine.

    A store that was moved together with its artifacts is followed: beside it is looked for what stands below mlruns.
    Raises DataError or ConflictError for an MLmodel file that cannot be read.
    """
    for candidate in _folders(location, folder):
        file = candidate / "MLmodel"
        try:
            return _signature(read_yaml(file, _MAX_BYTES), str(file))
        except InputError:  # not there
            continue
    return None


def of_history(run: Run, source: str) -> Signature | None:
    """The signature in the run's tag for the model at `source`, which ends in its path below the run's artifacts.

    Raises DataError for a tag that is no JSON.
    """
    where = f"run {run.id}, tag {HISTORY_TAG}"
    try:
        history = json.loads(run.tags.get(HISTORY_TAG, "[]"))
    except ValueError as error:
        raise DataError(f"{where}: found no JSON ({error}), expected a list of logged models.", path=where) from None
    for entry in history if isinstance(history, list) else []:
        path = entry.get("artifact_path") if isinstance(entry, dict) else None
        if isinstance(path, str) and path and source.rstrip("/").endswith(f"/{path.strip('/')}"):
            return _signature(entry, where)
    return None


def _signature(model: Mapping[str, Any], where: str) -> Signature | None:
    signature = model.get("signature")
    flavors = model.get("flavors")
    names = tuple(sorted(str(name) for name in flavors)) if isinstance(flavors, dict) else ()
    if not isinstance(signature, dict):
        return Signature({}, {}, names) if names else None
    try:
        return Signature(named_types(signature.get("inputs")), named_types(signature.get("outputs")), names)
    except ValueError as error:
        raise DataError(
            f"{where}: found a signature that is no JSON ({error}), expected a list of columns. Log the model anew.",
            path=where,
            found=str(error),
            expected="JSON",
        ) from None


def _folders(location: str, folder: Path) -> list[Path]:
    """Where the artifacts may lie: where the store says, then below the store's own folder."""
    try:
        parts = urlsplit(location)
    except ValueError:
        return []
    if parts.scheme == "mlflow-artifacts":
        return [folder / "mlartifacts" / unquote(parts.path).strip("/")]
    if parts.scheme not in {"", "file"}:
        return []
    path = Path(unquote(parts.path)) if parts.scheme else Path(location)
    found = [path if path.is_absolute() else folder / path]
    pieces = path.parts
    for at in range(len(pieces) - 1, -1, -1):
        if pieces[at] in _ROOTS:
            below = Path(*pieces[at + 1 :])
            found += [folder / pieces[at] / below, folder / below]
            break
    return found
