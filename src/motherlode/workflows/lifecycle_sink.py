"""What builds, ingestions and trainings did, written into the lifecycle graph that the environment names."""

from __future__ import annotations

import hashlib
import logging
import os
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

from motherlode.core.ports import LifecycleSink, Place, WorkRecord
from motherlode.core.time import to_micros
from motherlode.lifecycle.local_names import Project, find_project, without_home
from motherlode.lifecycle.naming import pipeline_uri, run_uri
from motherlode.lifecycle.record import Edge, Item, Observation, RunReport
from motherlode.lifecycle.uris import make_uri

__all__ = ["DEFAULT_PLACE", "VARIABLE", "GraphSink", "lifecycle_sink", "named_place", "places_of_sources"]

VARIABLE = "LODE_LIFECYCLE"
DEFAULT_PLACE = Path(".lode") / "lifecycle.db"
TIMEOUT_S = 2.0
"""How long each lock is waited for: a build of seconds should not end in half a minute of waiting."""

_MAX_HASHED_BYTES = 256 << 20
_OFF = {"off", "0", "no", "false"}
_LOCAL = ("/", "~", ".", "\\")
_logger = logging.getLogger("motherlode.workflows.lifecycle_sink")
_warned: set[str] = set()
_warned_lock = Lock()


class NoSink:
    """Tells nobody."""

    def announce(self, record: WorkRecord) -> None:
        pass


class GraphSink:
    """Writes each record into one lifecycle graph, opened for it and closed again.

    where: a file, made at the first record, or a PostgreSQL URL
    project: by whose folder paths are named; by default the one that the current folder belongs to
    timeout_s: bound for each wait for a lock
    """

    def __init__(
        self, where: str | os.PathLike[str], *, project: Project | None = None, timeout_s: float = TIMEOUT_S
    ) -> None:
        self._where, self._project, self._timeout_s = os.fspath(where), project, timeout_s

    def announce(self, record: WorkRecord) -> None:
        """Write it. A graph that cannot be written is warned of once in a process, and the record is lost."""
        from motherlode.lifecycle.graph import open_lifecycle  # searching an index needs none of it

        try:
            project = self._project or find_project()
            items = items_of(record, project)
            with open_lifecycle(self._where, timeout_s=self._timeout_s) as graph:
                graph.add(items, provider="motherlode", scope=project.name)
        except Exception as error:  # noqa: BLE001 - an index that took hours is not lost for a note about it
            with _warned_lock:
                is_news = self._where not in _warned
                _warned.add(self._where)
            if is_news:
                place = "the database" if "://" in self._where else without_home(self._where)
                _logger.warning(
                    "the lifecycle graph in %s does not know of %s %r: %s (%s=off announces nothing)",
                    *(place, record.kind, record.name, error, VARIABLE),
                )


def lifecycle_sink() -> LifecycleSink:
    """Where work of this process is announced, by the variable ``LODE_LIFECYCLE``.

    ``off``: nowhere. A path or PostgreSQL URL: there. Not set: into ``.lode/lifecycle.db`` below the current folder
    when that exists, else nowhere. Touches no file.
    """
    said = named_place()
    if said is None:
        return GraphSink(DEFAULT_PLACE) if DEFAULT_PLACE.is_file() else NoSink()
    return GraphSink(said) if said else NoSink()


def named_place() -> str | None:
    """What ``LODE_LIFECYCLE`` says: a place, "" for off, None where it is not set."""
    said = os.environ.get(VARIABLE, "").strip()
    return "" if said.lower() in _OFF else said or None


def places_of_sources(sources: Sequence[str | os.PathLike[str]], n_rows: int) -> list[Place]:
    """Sources of documents as places; of a single one it is known how many rows were read.

    A file has the MD5 of its bytes, the hash that data version control keeps of it, so that the two can be told to be
    one; not a file of more than 256 MiB, whose reading would be felt.
    """
    rows = n_rows if len(sources) == 1 else None
    return [Place(os.fspath(source), _digest(source), rows) for source in sources]


def _digest(source: str | os.PathLike[str]) -> str | None:
    path = Path(source).expanduser()
    try:
        if not path.is_file() or path.stat().st_size > _MAX_HASHED_BYTES:
            return None
        with path.open("rb") as file:
            return f"md5:{hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()}"
    except OSError:
        return None


def items_of(record: WorkRecord, project: Project) -> list[Item]:
    """What a record says: its pipeline and run, what was read and made, and the models that it needed."""
    ended_at = to_micros(record.ended_at)
    made = project.component(record.kind, record.address)
    read = {project.dataset(place.where): place for place in record.inputs}
    wrote = {project.dataset(place.where): place for place in record.outputs}
    models = {_model(name, project): name for name in record.models}
    job = pipeline_uri("", _job_name(record, project, list(read)), "motherlode")
    run = run_uri(str(uuid.uuid4()), "motherlode")
    edges = (
        *(Edge(uri, "read_by", job) for uri in read),
        *(Edge(job, "writes", uri) for uri in wrote),
        Edge(job, "produced", made),
    )
    told = {
        "parameters": _plain(dict(record.parameters)),
        "metrics": dict(record.metrics),
        "code_version": record.code_version,
    }
    attributes = {name: value for name, value in told.items() if value}
    needs = tuple(
        Edge(uri, "supports", made, evidence="its encoder" if record.kind == "index" else "") for uri in models
    )
    return [
        RunReport(run, job, to_micros(record.started_at), "START"),
        RunReport(run, job, ended_at, "COMPLETE", edges, attributes),
        Observation(job, "definition", ended_at, attributes={"description": f"makes {record.kind} {record.name}"}),
        Observation(made, "definition", ended_at, attributes={"name": record.name, **_version(record)}, edges=needs),
        Observation(made, "made", ended_at, edges=(Edge(run, "produced", made),)),
        *(_dataset(uri, place, ended_at) for uri, place in {**read, **wrote}.items()),
        *(Observation(uri, "definition", ended_at, attributes=_named(name)) for uri, name in models.items()),
    ]


def _version(record: WorkRecord) -> dict[str, Any]:
    """What tells this state of the thing from others; the run's attributes say the rest."""
    return {} if record.version is None else {"version": record.version}


def _dataset(uri: str, place: Place, at: int) -> Observation:
    """Of the place's content; hashes are what tells one file under two addresses, e.g. DVC's and ours."""
    method, colon, value = (place.digest or "").partition(":")
    told = {
        "hashes": {method: value} if colon else None,
        "digest": None if colon else place.digest,
        "n_rows": place.n_rows,
    }
    return Observation(
        uri, "content", at, attributes={name: value for name, value in told.items() if value is not None}
    )


def _named(model: str) -> dict[str, Any]:
    return {"name": model} if not model.startswith(_LOCAL) else {}


def _model(name: str, project: Project) -> str:
    """A local checkpoint by its path, a name of the Hugging Face hub there, any other as one of ours."""
    if name.startswith(_LOCAL) or Path(name).exists():
        return project.component("model", name)
    return make_uri("model", "huggingface" if "/" in name else "motherlode", name)


def _job_name(record: WorkRecord, project: Project, read: list[str]) -> str:
    """A pipeline for each thing made; where work adds to it, for each thing and what is added.

    Otherwise a store would depend on what it was given last, and no more on what it was given before.
    """
    place = record.address.rpartition("@")[2] if "://" in record.address else project.local_name(record.address)
    name = f"{record.kind}/{place}"
    if not record.adds or not read:
        return name
    digest = hashlib.blake2b("\n".join(sorted(read)).encode(), digest_size=6).hexdigest()
    return f"{name}/from-{digest}"


def _plain(value: Any) -> Any:
    """JSON values, paths in them without the home."""
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, str | os.PathLike):
        return without_home(os.fspath(value))
    return value if value is None or isinstance(value, bool | int | float) else str(value)
