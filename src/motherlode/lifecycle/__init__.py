"""The model lifecycle graph: what depends on what across systems, and what breaks.

The names here are loaded at first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from motherlode.lifecycle.graph import LifecycleGraph as LifecycleGraph, open_lifecycle as open_lifecycle
    from motherlode.lifecycle.impact import ImpactReport as ImpactReport, ImpactRow as ImpactRow
    from motherlode.lifecycle.lineage import Lineage as Lineage
    from motherlode.lifecycle.providers.dbt import Dbt as Dbt
    from motherlode.lifecycle.providers.dvc import Dvc as Dvc
    from motherlode.lifecycle.providers.feast import Feast as Feast
    from motherlode.lifecycle.providers.mlflow import MLflow as MLflow
    from motherlode.lifecycle.providers.openlineage import OpenLineage as OpenLineage
    from motherlode.lifecycle.record import (
        Edge as Edge,
        Observation as Observation,
        Provider as Provider,
        Rejected as Rejected,
        RunReport as RunReport,
    )
    from motherlode.lifecycle.uris import make_uri as make_uri, parse_uri as parse_uri
    from motherlode.lifecycle.view import GraphView as GraphView
    from motherlode.lifecycle.worker import run_worker as run_worker

_WHERE = {
    "Dbt": "providers.dbt",
    "Dvc": "providers.dvc",
    "Edge": "record",
    "Feast": "providers.feast",
    "GraphView": "view",
    "ImpactReport": "impact",
    "ImpactRow": "impact",
    "LifecycleGraph": "graph",
    "Lineage": "lineage",
    "MLflow": "providers.mlflow",
    "Observation": "record",
    "OpenLineage": "providers.openlineage",
    "Provider": "record",
    "Rejected": "record",
    "RunReport": "record",
    "make_uri": "uris",
    "open_lifecycle": "graph",
    "parse_uri": "uris",
    "run_worker": "worker",
}

__all__ = sorted(_WHERE)


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'motherlode.lifecycle' has no attribute {name!r}")
    value = getattr(import_module(f"motherlode.lifecycle.{_WHERE[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
