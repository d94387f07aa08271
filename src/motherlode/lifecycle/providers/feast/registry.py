"""Opening a Feast registry: the protobuf file, the SQL registry in a SQLite file, or the repository that names one."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

from motherlode.core.sql import open_foreign_database
from motherlode.errors import DataError, InputError, UnsupportedError
from motherlode.lifecycle.providers.feast.messages import KINDS, MESSAGES
from motherlode.lifecycle.providers.feast.wire import WireError, decode, split
from motherlode.lifecycle.providers.yaml_files import read_bounded, read_yaml
from motherlode.lifecycle.record import Rejected

__all__ = ["Record", "read_registry"]

MAX_BYTES = 1 << 30
_SCHEMA_VERSION = "1"
_SQLITE = b"SQLite format 3\x00"
_CONFIG = "feature_store.yaml"
_DEFAULTS = ("data/registry.db", "registry.db")
_PROTO_COLUMNS = {
    "projects": "project_proto",
    "entities": "entity_proto",
    "data_sources": "data_source_proto",
    "feature_views": "feature_view_proto",
    "stream_feature_views": "feature_view_proto",
    "on_demand_feature_views": "feature_view_proto",
    "label_views": "feature_view_proto",
    "feature_services": "feature_service_proto",
    "saved_datasets": "saved_dataset_proto",
}
"""Tables of the SQL registry (feast/infra/registry/sql.py) and where the message stands."""
_NEEDED = ("entities", "data_sources", "feature_views")


class Record(NamedTuple):
    """One object: kind as in `KINDS`, its project and its fields; a source has no spec, it is the fields themselves."""

    kind: str
    project: str
    name: str
    spec: dict[str, Any]
    meta: dict[str, Any]


def read_registry(where: Path, project: str | None, timeout_s: float) -> Iterator[Record | Rejected]:
    """All objects of a registry, or those of one project; an object that cannot be read is rejected.

    where: the file, or a repository's folder with feature_store.yaml, whose project then is the one.

    Raises InputError (nothing there), DataError (no registry, a newer version), ConflictError (locked),
    UnsupportedError (a registry in a bucket or on a server).
    """
    path = where
    if where.is_dir():
        path, named = _configured(where)
        project = project or named
    for item in _read_file(path, timeout_s):
        if isinstance(item, Rejected) or project is None or item.project in {project, ""}:
            yield item


def _read_file(path: Path, timeout_s: float) -> Iterator[Record | Rejected]:
    try:
        with path.open("rb") as file:
            is_sqlite = file.read(len(_SQLITE)) == _SQLITE
    except OSError:
        is_sqlite = False  # `read_bounded` says why
    return _read_sql(path, timeout_s) if is_sqlite else _read_proto(path)


def _read_proto(path: Path) -> Iterator[Record | Rejected]:
    body = memoryview(read_bounded(path, MAX_BYTES))
    try:
        fields = list(split(body))
        head = decode(body, "Registry", MESSAGES)
    except WireError as error:
        version = _version_in(body)
        found = f"registry_schema_version {version!r}, then {error}" if version else f"no registry ({error})"
        raise _refusal(path, found) from None
    version = head.get("registry_schema_version", "")
    kinds = {number: (kind, message) for kind, (number, message) in KINDS.items()}
    known = [(kinds[number], value) for number, value in fields if number in kinds]
    if not version and "version_id" not in head:
        raise _refusal(path, "no registry_schema_version" if len(body) else "an empty file")
    if version != _SCHEMA_VERSION and fields and not known:
        raise _refusal(path, f"registry_schema_version {version!r}, and nothing that version 1 has")
    seen: Counter[str] = Counter()
    for (kind, message), value in known:
        yield _record(kind, message, value, f"{kind}[{seen[kind]}]", "")
        seen[kind] += 1


def _version_in(body: memoryview) -> str:
    """The schema version of a registry that does not end as it should."""
    try:
        for number, value in split(body):
            if number == 3 and not isinstance(value, int):
                return bytes(value).decode("utf-8", "replace")[:20]
    except WireError:
        pass
    return ""


def _read_sql(path: Path, timeout_s: float) -> Iterator[Record | Rejected]:
    with open_foreign_database(path, timeout_s=timeout_s) as database, database.read() as session:
        tables = {name for (name,) in session.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        missing = [table for table in _NEEDED if table not in tables]
        if missing:
            raise _refusal(path, f"a SQLite file without the table {missing[0]}")
        for kind, (_, message) in KINDS.items():
            if kind not in tables:
                continue
            columns = {name for (name,) in session.execute("SELECT name FROM pragma_table_info(?)", (kind,))}
            column = _PROTO_COLUMNS[kind]
            if not {column, "project_id"} <= columns:
                raise _refusal(path, f"the table {kind} without {column}")
            rows = session.cursor_rows(f"SELECT project_id, {column} FROM {kind} ORDER BY project_id, 1, rowid")
            for n, (project, proto) in enumerate(rows):
                body = memoryview(proto if isinstance(proto, bytes) else str(proto).encode())
                yield _record(kind, message, body, f"{kind}[{n}]", str(project or ""))


def _record(kind: str, message: str, value: int | memoryview, what: str, project: str) -> Record | Rejected:
    try:
        if isinstance(value, int):
            raise WireError(f"a number where {message} should be")
        found = decode(value, message, MESSAGES)
    except WireError as error:
        return Rejected(what, f"found {error}, expected a message {message} of Feast's; `feast apply` writes it anew")
    spec = found if kind == "data_sources" else found.get("spec", {})
    name = spec.get("name", "").strip()
    own = spec.get("name", "") if kind == "projects" else spec.get("project", "") or project
    if not name:
        return Rejected(what, f"found a {message} without a name, expected one")
    return Record(kind, own, name, spec, found.get("meta", {}))


def _configured(folder: Path) -> tuple[Path, str | None]:
    """The registry's file and the project that a repository names."""
    config = folder / _CONFIG
    if not config.is_file():
        for default in _DEFAULTS:
            if (folder / default).is_file():
                return folder / default, None
        raise InputError(f"{folder} has neither {_CONFIG} nor {_DEFAULTS[0]}; give a Feast repository or its registry.")
    content = read_yaml(config)
    registry = content.get("registry", _DEFAULTS[0])
    settings = registry if isinstance(registry, dict) else {"path": registry}
    place = os.path.expandvars(str(settings.get("path") or _DEFAULTS[0]))
    project = content.get("project")
    match = re.match(r"([A-Za-z][A-Za-z0-9+.-]+):", place)
    scheme = match[1].lower() if match else ""
    if scheme not in {"", "sqlite", "file"}:
        raise UnsupportedError(
            f"{config}: its registry is {scheme}:…; motherlode reads a file and a SQLite file. Copy the registry, e.g. "
            "the file that `feast registry-dump` reads, and give its path."
        )
    if scheme == "sqlite":
        place = place.partition("?")[0][len("sqlite:") :].removeprefix("///")
    elif scheme == "file":
        place = unquote(re.sub(r"^(//(localhost)?(?=/))?", "", place[len("file:") :]))
    return folder / place, str(project) if isinstance(project, str) else None


def _refusal(path: Path, found: str) -> DataError:
    expected = f"a Feast registry with registry_schema_version {_SCHEMA_VERSION!r}"
    return DataError(
        f"{path}: found {found}, expected {expected}. Was it written to the end? A newer one needs a newer motherlode.",
        path=str(path),
        found=found,
        expected=expected,
    )
