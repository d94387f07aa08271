"""Writing the world: each tool in an environment of its own, made in the cache when first asked for."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.integrations.environment import Environment
from tests.lineage_world import features, training, warehouse

__all__ = ["World", "write_world"]

QUIET = {
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "DO_NOT_TRACK": "1",
    "DVC_NO_ANALYTICS": "1",
    "FEAST_USAGE": "False",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "GIT_PYTHON_REFRESH": "quiet",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONWARNINGS": "ignore",
}
"""Nothing is reported home."""


@dataclass(frozen=True)
class World:
    """Where the artefacts are: what each of the providers is given."""

    dbt_manifest: Path
    openlineage_events: Path
    feast_repository: Path
    dvc_repository: Path
    mlflow_uri: str

    def as_text(self) -> dict[str, str]:
        return {name: str(value) for name, value in asdict(self).items()}


def write_world(out: Path) -> World:
    """Writes everything below `out`, which must not be there yet. Takes minutes where environments are to be made."""
    out = out.absolute()
    tools = {name: Environment(name).make() for name in ("dbt", "feast", "dvc", "mlflow")}
    out.mkdir(parents=True)
    store, repository, repo = out / "warehouse", out / "training", out / "feature_repo"
    raw = {"raw/orders.csv": warehouse.ORDERS, "raw/customers.csv": warehouse.CUSTOMERS}
    for folder, files in ((store, warehouse.FILES), (repo, features.FILES), (repository, {**training.FILES, **raw})):
        _write(folder, files)
    (store / "exports").mkdir()
    (out / "tracking").mkdir()
    (repo / "data").mkdir()
    mlflow_uri = f"sqlite:///{out}/tracking/mlflow.db"

    _run(tools["dvc"], repository, "dvc", "init", "--no-scm", "-q")
    _run(tools["dvc"], repository, "dvc", "add", "-q", "raw/orders.csv", "raw/customers.csv")

    events = store / "events.ndjson"
    lineage = {
        "DBT_PROFILES_DIR": str(store),
        "OPENLINEAGE__TRANSPORT__TYPE": "file",
        "OPENLINEAGE__TRANSPORT__LOG_FILE_PATH": str(events),
        "OPENLINEAGE__TRANSPORT__APPEND": "true",
        "OPENLINEAGE_NAMESPACE": "shop",
    }
    _run(tools["dbt"], store, "python", "load_raw.py", str(repository / "raw"), **lineage)
    _run(tools["dbt"], store, "dbt-ol", "build", **lineage)
    _run(tools["dbt"], store, "dbt", "docs", "generate", "--no-compile", **lineage)
    _run(tools["feast"], repo, "feast", "apply")
    pythons = {"FEAST_PYTHON": str(tools["feast"]), "MLFLOW_PYTHON": str(tools["mlflow"])}
    _run(tools["dvc"], repository, "dvc", "repro", "-q", MLFLOW_TRACKING_URI=mlflow_uri, **pythons)
    return World(store / "target" / "manifest.json", events, repo, repository, mlflow_uri)


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content.lstrip("\n"), "utf-8")


def _run(python: Path, folder: Path, program: str, *arguments: str, **variables: str) -> None:
    """A program of a tool's environment; a failure shows what it printed."""
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [python.parent / program, *arguments], cwd=folder, capture_output=True, text=True, timeout=600, check=False,
        env=os.environ | QUIET | {"PATH": path} | variables,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(
            f"{program} {' '.join(arguments)} failed in {folder}:\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
        )
