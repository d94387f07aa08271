"""Features and services that a run says it retrieved: the tags of Feast's own integration with MLflow.

Feast sets ``feast.project``, ``feast.feature_service``, ``feast.feature_refs`` (``view:feature,…``) and
``feast.retrieval_type`` on the run, and ``feast.feature_service`` on a version that it registers
(feast/mlflow_integration/logger.py and client.py, Feast 0.67).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from motherlode.lifecycle.uris import make_uri

__all__ = ["Feature", "features_of", "is_historical", "service_of"]

_PROJECT, _SERVICE, _REFS = "feast.project", "feast.feature_service", "feast.feature_refs"


class Feature(NamedTuple):
    """names: what a column of it is called in what Feast returns: ``amount_7d`` or ``orders__amount_7d``."""

    address: str
    reference: str
    names: tuple[str, str]


def features_of(tags: Mapping[str, str]) -> list[Feature]:
    """The features in the tags, [] without a project. A list that was cut to fit a tag loses what was cut."""
    project = tags.get(_PROJECT, "").strip()
    references = tags.get(_REFS, "").split(",") if project else []
    if references and references[-1].endswith("..."):
        references.pop()
    found: dict[str, Feature] = {}
    for reference in references:
        view, mark, name = reference.strip().partition(":")
        view, name = view.partition("@")[0].strip(), name.strip()
        if mark and view and name:
            address = make_uri("feature", "feast", f"{project}/{view}.{name}")
            found[address] = Feature(address, reference.strip(), (name, f"{view}__{name}"))
    return list(found.values())


def service_of(tags: Mapping[str, str], run_tags: Mapping[str, str] | None = None) -> str | None:
    """The feature service's address; a version's tag names it, and its run's the project."""
    project = (tags.get(_PROJECT) or (run_tags or {}).get(_PROJECT) or "").strip()
    service = tags.get(_SERVICE, "").strip()
    return make_uri("feature_service", "feast", f"{project}/{service}") if project and service else None


def is_historical(tags: Mapping[str, str]) -> bool:
    """Whether the features were retrieved to train with, rather than to serve."""
    return tags.get("feast.retrieval_type", "historical") == "historical"
