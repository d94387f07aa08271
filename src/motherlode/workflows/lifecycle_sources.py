"""Which system a file, folder or URL belongs to, from what it looks like; and its provider."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from motherlode import lifecycle
from motherlode.core.sql import open_foreign_database
from motherlode.errors import InputError, UnsupportedError
from motherlode.lifecycle.record import Provider

__all__ = ["KINDS", "Recognised", "recognise"]

_CLASSES = {"dbt": "Dbt", "dvc": "Dvc", "feast": "Feast", "mlflow": "MLflow", "openlineage": "OpenLineage"}
KINDS = tuple(_CLASSES)
_EXPECTED = (
    "expected dbt's target/manifest.json, an MLflow SQLite file or mlruns/, a Feast registry or feature_store.yaml, a "
    "folder with dvc.yaml or .dvc, or OpenLineage events (.json, .ndjson); --as KIND says which it is"
)
_SQLITE = b"SQLite format 3\x00"
_EVENTS = (".json", ".jsonl", ".ndjson", ".json.gz", ".jsonl.gz", ".ndjson.gz")
_PEEK = 1 << 16  # bytes of a JSON file that are looked at


@dataclass(frozen=True, slots=True)
class Recognised:
    """A source and what it was taken for. why: what it was known by."""

    kind: str
    where: str
    why: str

    def provider(self) -> Provider:
        """Its provider; nothing is read yet."""
        made: Provider = getattr(lifecycle, _CLASSES[self.kind])(self.where)
        return made


def recognise(source: str, kind: str | None = None) -> list[Recognised]:
    """What a source is: one thing, or of a project's folder several. Paths become absolute, so that one source has one
    scope wherever the command runs.

    kind: says what it is in place of looking. Raises InputError for what is not there or looks like nothing known.
    """
    if kind is not None:
        if kind not in KINDS:
            raise InputError(f"kind {kind!r}: expected one of {', '.join(KINDS)}")
        return [Recognised(kind, _absolute(source, kind), "as you said")]
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]+):", source)
    if scheme is not None:
        return [_of_url(source, scheme[1].lower())]
    path = Path(source)
    if not path.exists():
        raise InputError(f"{source}: there is no such file or folder; {_EXPECTED}")
    found = list(_of_folder(path)) if path.is_dir() else list(_of_file(path))
    if not found:
        raise InputError(f"{source}: it is not clear what this is; {_EXPECTED}")
    return found


def _absolute(source: str, kind: str) -> str:
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]+):", source)
    if scheme is None:
        return Path(source).absolute().as_posix()
    if kind == "mlflow" and scheme[1].lower() == "sqlite":
        return _sqlite_url(Path(source[len("sqlite:") :].removeprefix("///")))
    return source


def _sqlite_url(path: Path) -> str:
    return f"sqlite:///{path.absolute().as_posix()}"


def _of_url(source: str, scheme: str) -> Recognised:
    if scheme in {"sqlite", "file"}:
        return Recognised("mlflow", _absolute(source, "mlflow"), f"a {scheme}: URL, as MLflow's tracking URI")
    raise UnsupportedError(
        f"{source}: sources are read as files, not from a server. Give MLflow's SQLite file, Feast's registry file, or "
        "the events in files"
    )


def _of_file(path: Path) -> Iterator[Recognised]:
    name, where = path.name.lower(), path.absolute().as_posix()
    head = _head(path)
    if head.startswith(_SQLITE):
        kind, why = _of_tables(path)
        yield Recognised(kind, _sqlite_url(path) if kind == "mlflow" else where, why)
    elif name in {"dvc.yaml", "dvc.lock"} or name.endswith(".dvc"):
        yield Recognised("dvc", _repository_of(path).absolute().as_posix(), f"{path.name} is DVC's")
    elif name in {"feature_store.yaml", "feature_store.yml"}:
        yield Recognised("feast", path.absolute().parent.as_posix(), f"{path.name} is Feast's")
    elif name in {"dbt_project.yml", "dbt_project.yaml"}:
        yield from _of_folder(path.absolute().parent)
    elif name.endswith(_EVENTS):
        if b"dbt_schema_version" in head or (name == "manifest.json" and b'"parent_map"' in head):
            yield Recognised("dbt", where, "a JSON with dbt_schema_version")
        else:
            yield Recognised("openlineage", where, f"{path.suffix.lstrip('.')} without dbt_schema_version")
    elif name == "registry.db" or name.endswith(".pb"):
        yield Recognised("feast", where, f"{path.name} is no SQLite file, as Feast's registry")


def _head(path: Path) -> bytes:
    """The first bytes, unpacked. Raises InputError where they cannot be read."""
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
            return file.read(_PEEK)
    except (OSError, EOFError) as error:
        raise InputError(f"{path}: it cannot be read ({error}); give a file that can") from None


def _of_tables(path: Path) -> tuple[str, str]:
    """(kind, why) of a SQLite file."""
    with open_foreign_database(path) as database, database.read() as session:
        tables = {name for (name,) in session.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if {"experiments", "runs"} <= tables:
        return "mlflow", "a SQLite file with MLflow's tables experiments and runs"
    if tables & {"feast_metadata", "feature_views", "managed_infra"}:
        return "feast", "a SQLite file with Feast's tables"
    if any(name.startswith("lifecycle_") for name in tables):
        raise InputError(f"{path} is a lifecycle graph itself; name it with --db, and give the sources to read into it")
    named = ", ".join(sorted(tables)[:6]) or "none"
    raise InputError(f"{path}: a SQLite file with neither MLflow's nor Feast's tables (found {named}); {_EXPECTED}")


def _repository_of(path: Path) -> Path:
    """The DVC repository around a file: the nearest folder with .dvc/, else the file's own."""
    parents = list(path.absolute().parents)
    return next((parent for parent in parents if (parent / ".dvc").is_dir()), parents[0])


def _of_folder(path: Path) -> Iterator[Recognised]:
    """Everything that a folder is: a project may be dbt's and DVC's at once. Events only when it is nothing else."""
    found = list(_of_project(path))
    yield from found
    if not found:
        events = next((file for file in sorted(path.rglob("*")) if file.name.lower().endswith(_EVENTS)), None)
        if events is not None:
            where = path.absolute().as_posix()
            yield Recognised("openlineage", where, f"a folder with {events.relative_to(path).as_posix()}")


def _of_project(path: Path) -> Iterator[Recognised]:
    where = path.absolute().as_posix()
    for manifest in (path / "target" / "manifest.json", path / "manifest.json"):
        if manifest.is_file() and b"dbt_schema_version" in _head(manifest):
            yield Recognised("dbt", manifest.absolute().as_posix(), f"{manifest.relative_to(path)} is dbt's")
            break
    if (path / "dvc.yaml").is_file() or (path / ".dvc").is_dir():
        yield Recognised("dvc", where, "a folder with dvc.yaml or .dvc")
    for name in ("feature_store.yaml", "feature_store.yml"):
        if (path / name).is_file():
            yield Recognised("feast", where, f"a folder with {name}")
    for store in (path, path / "mlruns"):
        is_named = store is path and store.name == "mlruns"  # one that is found may hold nothing but models' files
        if store.is_dir() and (is_named or any(_experiments(store))):
            yield Recognised("mlflow", store.absolute().as_posix(), "a folder of MLflow experiments")
            break
    if (path / "mlflow.db").is_file():
        yield Recognised("mlflow", _sqlite_url(path / "mlflow.db"), "a folder with mlflow.db")


def _experiments(path: Path) -> Iterator[Path]:
    """Folders whose meta.yaml tells of an MLflow experiment."""
    for meta in path.glob("*/meta.yaml"):
        if b"experiment_id:" in _head(meta):
            yield meta
