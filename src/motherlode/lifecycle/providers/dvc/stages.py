"""Stages, tracked files and artifacts of a DVC repository, as its dvc.yaml, dvc.lock and .dvc files have them.

What dvc.yaml says literally is what counts, as for DVC itself; dvc.lock adds hashes and sizes, and says what templates
(``${…}``, foreach, matrix) became. https://dvc.org/doc/user-guide/project-structure
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

from motherlode.lifecycle.providers.places import has_scheme
from motherlode.lifecycle.record import Rejected

__all__ = ["Artifact", "Marked", "Ref", "Stage", "of_dvc_file", "of_lock", "of_pipelines"]

_TEMPLATE = "${"
_HASHES = ("md5", "etag", "checksum", "sha256")
_DEFAULT_PARAMS = "params.yaml"


@dataclass(frozen=True, slots=True)
class Ref:
    """A dependency or output. place: a path from the repository's root, or a URL; repo: of another repository."""

    place: str
    kind: str = ""
    hashes: Mapping[str, str] = field(default_factory=dict)
    size_bytes: int | None = None
    n_files: int | None = None
    description: str = ""
    labels: tuple[str, ...] = ()
    type: str = ""
    repo: str = ""
    rev: str = ""


@dataclass(frozen=True, slots=True)
class Stage:
    """name: as DVC addresses it, ``train`` or ``sub/dvc.yaml:train`` or, of an import, ``raw/x.csv.dvc``.

    is_tracked_only: a .dvc file of `dvc add`, which computes nothing
    """

    name: str
    file: str
    command: str = ""
    description: str = ""
    deps: tuple[Ref, ...] = ()
    outs: tuple[Ref, ...] = ()
    params: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    is_frozen: bool = False
    is_tracked_only: bool = False


@dataclass(frozen=True, slots=True)
class Artifact:
    """An entry of the section artifacts; path from the repository's root."""

    name: str
    path: str
    type: str
    description: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Marked:
    """A path that the sections metrics or plots name."""

    path: str
    kind: str


def of_dvc_file(name: str, content: Mapping[str, Any]) -> Iterator[Stage | Rejected]:
    """The stage in a .dvc file: tracked data, an import, or a stage of DVC before 1.0."""
    folder = _folder(name, content.get("wdir"))
    deps: list[Ref] = []
    outs: list[Ref] = []
    for listed, found in (("deps", deps), ("outs", outs)):
        for entry in _list(content.get(listed)):
            ref = _ref(entry, folder)
            if isinstance(ref, Rejected):
                yield Rejected(f"{name}: {listed}", ref.reason, ref.body)
            elif ref is not None:
                found.append(ref)
    command = _text(content.get("cmd"))
    yield Stage(
        name=name,
        file=name,
        command=command,
        description=_text(content.get("desc")),
        deps=tuple(deps),
        outs=tuple(outs),
        is_frozen=bool(content.get("frozen")),
        is_tracked_only=not command and not _list(content.get("deps")),
    )


def of_lock(content: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The stages of a dvc.lock. Raises ValueError for a schema that is not known."""
    schema = content.get("schema")
    if schema is None:  # before 2.0 the stages stood at the top
        return {str(name): stage for name, stage in content.items() if isinstance(stage, dict)}
    if str(schema) != "2.0":
        raise ValueError(f"schema {schema!r}, expected '2.0': a newer DVC wrote it")
    stages = content.get("stages")
    return {str(n): s for n, s in stages.items() if isinstance(s, dict)} if isinstance(stages, dict) else {}


def of_pipelines(
    name: str, content: Mapping[str, Any], lock: Mapping[str, Mapping[str, Any]]
) -> Iterator[Stage | Artifact | Marked | Rejected]:
    """Everything in a dvc.yaml, with what its dvc.lock knows."""
    stages = content.get("stages")
    for key, body in stages.items() if isinstance(stages, dict) else ():
        if not isinstance(body, dict):
            yield Rejected(
                f"{name}: stage {key}", f"found a {type(body).__name__}, expected a mapping", str(body)[:500]
            )
        elif "foreach" in body or "matrix" in body:
            yield from _of_group(name, str(key), body, lock)
        else:
            yield from _of_stage(name, str(key), body, lock.get(str(key)))
    folder = posixpath.dirname(name)
    artifacts = content.get("artifacts")
    for key, body in artifacts.items() if isinstance(artifacts, dict) else ():
        path = _text(body.get("path")) if isinstance(body, dict) else ""
        if not path or _TEMPLATE in path:
            reason = f"found the path {path!r}, expected one without a template, which only DVC can resolve"
            yield Rejected(f"{name}: artifact {key}", reason, str(body)[:500])
            continue
        known = f"{folder}:{key}" if folder else str(key)
        labels = tuple(map(str, _list(body.get("labels"))))
        yield Artifact(known, _join(folder, path), _text(body.get("type")), _text(body.get("desc")), labels)
    for section, kind in (("metrics", "metrics"), ("plots", "plots")):
        yield from (Marked(_join(folder, path), kind) for path in _paths(content.get(section)) if _TEMPLATE not in path)


def _of_group(
    name: str, key: str, body: Mapping[str, Any], lock: Mapping[str, Mapping[str, Any]]
) -> Iterator[Stage | Rejected]:
    """Stages that foreach or matrix makes, as the lock has resolved them."""
    expected = _group_keys(body)
    known = {stage.partition("@")[2]: stage for stage in lock if stage.partition("@")[0] == key and "@" in stage}
    for each in sorted(known) if expected is None else expected:
        if each not in known:
            yield Rejected(
                f"{name}: stage {key}@{each}", "found no such stage in dvc.lock, which resolves it: run dvc repro"
            )
    if not known and expected is None:
        yield Rejected(
            f"{name}: stage {key}", "found none of its stages in dvc.lock, which resolves them: run dvc repro"
        )
    inner = body.get("do") if isinstance(body.get("do"), dict) else body
    for each, stage in sorted(known.items()):
        if expected is None or each in expected:
            yield from _of_stage(name, stage, inner or {}, lock[stage], is_resolved=False)


def _group_keys(body: Mapping[str, Any]) -> list[str] | None:
    """Keys of the stages in a group; None where a template or a value that is no word hides them."""
    foreach, matrix = body.get("foreach"), body.get("matrix")
    if isinstance(foreach, dict):
        found = [str(key) for key in foreach]
    elif isinstance(foreach, list) and all(_is_word(value) for value in foreach):
        found = [str(value) for value in foreach]
    elif isinstance(matrix, dict) and all(isinstance(v, list) and all(map(_is_word, v)) for v in matrix.values()):
        found = ["-".join(map(str, values)) for values in product(*matrix.values())]
    else:
        return None
    return None if any(_TEMPLATE in key for key in found) else found


def _is_word(value: Any) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)


def _of_stage(
    name: str, key: str, body: Mapping[str, Any], locked: Mapping[str, Any] | None, *, is_resolved: bool = True
) -> Iterator[Stage | Rejected]:
    """A stage of dvc.yaml where it says literally what it reads and writes, else of the lock."""
    where = f"{name}: stage {key}"
    wdir = body.get("wdir")
    if _TEMPLATE in str(wdir or ""):
        yield Rejected(where, f"found the template {wdir!r} as its folder, which only DVC can resolve", str(wdir))
        return
    folder = _folder(name, wdir)
    sections = {kind: _entries(body.get(kind)) for kind in ("deps", "outs", "metrics", "plots")}
    is_literal = is_resolved and not any(_TEMPLATE in path for entries in sections.values() for path, _ in entries)
    hashed = _locked(locked, folder)
    if not is_literal and locked is None:
        found = next(path for entries in sections.values() for path, _ in entries if _TEMPLATE in path)
        yield Rejected(where, f"found the template {found!r} and no such stage in dvc.lock: run dvc repro", found)
        return
    if is_literal:
        deps = [hashed.get(_join(folder, path), _plain(path, folder)) for path, _ in sections["deps"]]
        outs = [
            _with(hashed.get(_join(folder, path), _plain(path, folder)), kind, options)
            for kind in ("outs", "metrics", "plots")
            for path, options in sections[kind]
        ]
    else:
        deps = [ref for ref in _refs(locked, "deps", folder) if ref is not None]
        kinds = {_join(folder, path): kind for kind in ("metrics", "plots") for path, _ in sections[kind]}
        outs = [replace(ref, kind=kinds.get(ref.place, "")) for ref in _refs(locked, "outs", folder) if ref is not None]
    below = posixpath.dirname(name)
    yield Stage(
        name=f"{name}:{key}" if below else key,
        file=name,
        command=_command(locked.get("cmd") if locked else body.get("cmd")),
        description=_text(body.get("desc")),
        deps=tuple(deps),
        outs=tuple(outs),
        params=_params(body.get("params"), locked, folder),
        is_frozen=bool(body.get("frozen")),
    )


def _locked(locked: Mapping[str, Any] | None, folder: str) -> dict[str, Ref]:
    found = [*_refs(locked, "deps", folder), *_refs(locked, "outs", folder)]
    return {ref.place: ref for ref in found if ref is not None}


def _refs(locked: Mapping[str, Any] | None, listed: str, folder: str) -> list[Ref | None]:
    refs = [_ref(entry, folder) for entry in _list((locked or {}).get(listed))]
    return [ref for ref in refs if not isinstance(ref, Rejected)]


def _ref(entry: Any, folder: str) -> Ref | Rejected | None:
    """A dependency or output of a lock or .dvc file; None for one that is no file, e.g. a query."""
    if isinstance(entry, dict) and "db" in entry:
        return None
    path = _text(entry.get("path")) if isinstance(entry, dict) else ""
    if not path:
        return Rejected("", "found no path, expected one", str(entry)[:500])
    repo = entry.get("repo")
    is_other = isinstance(repo, dict) and bool(_text(repo.get("url")))
    return Ref(
        place=posixpath.normpath(path) if is_other else _join(folder, path),
        hashes={kind: str(entry[kind]) for kind in _HASHES if entry.get(kind)},
        size_bytes=_count(entry.get("size")),
        n_files=_count(entry.get("nfiles")),
        description=_text(entry.get("desc")),
        labels=tuple(map(str, _list(entry.get("labels")))),
        type=_text(entry.get("type")),
        repo=_text(repo.get("url")) if is_other else "",
        rev=(_text(repo.get("rev_lock")) or _text(repo.get("rev"))) if is_other else "",
    )


def _plain(path: str, folder: str) -> Ref:
    return Ref(_join(folder, path))


def _with(ref: Ref, kind: str, options: Mapping[str, Any]) -> Ref:
    """The output with what dvc.yaml says of it beside its path."""
    return Ref(
        ref.place, "" if kind == "outs" else kind, ref.hashes, ref.size_bytes, ref.n_files,
        description=_text(options.get("desc")) or ref.description,
        labels=tuple(map(str, _list(options.get("labels")))),
        type=_text(options.get("type")),
    )  # fmt: skip


def _entries(section: Any) -> list[tuple[str, Mapping[str, Any]]]:
    """Paths of a list whose entries are a path, or a path with options."""
    found: list[tuple[str, Mapping[str, Any]]] = []
    for entry in _list(section):
        if isinstance(entry, dict):
            found += ((str(path), options if isinstance(options, dict) else {}) for path, options in entry.items())
        elif entry is not None:
            found.append((str(entry), {}))
    return found


def _paths(section: Any) -> list[str]:
    """Paths of a section metrics or plots at the top; a plot may be a name with its files below y."""
    entries = (
        [(str(path), options) for path, options in section.items()] if isinstance(section, dict) else _entries(section)
    )
    found: list[str] = []
    for path, options in entries:
        below = options.get("y") if isinstance(options, dict) else None
        found += [str(each) for each in below] if isinstance(below, dict) else [path]
    return found


def _params(section: Any, locked: Mapping[str, Any] | None, folder: str) -> dict[str, Mapping[str, Any]]:
    """Parameters by file; of a stage that has run yet with their values."""
    known = (locked or {}).get("params")
    if isinstance(known, dict):
        return {_join(folder, str(file)): values for file, values in known.items() if isinstance(values, dict)}
    found: dict[str, dict[str, Any]] = {}
    for entry in _list(section):
        named = entry.items() if isinstance(entry, dict) else ((_DEFAULT_PARAMS, [entry]),)
        for file, keys in named:
            found.setdefault(_join(folder, str(file)), {}).update(dict.fromkeys(map(str, _list(keys))))
    return dict(found)


def _folder(name: str, wdir: Any) -> str:
    below = posixpath.dirname(name)
    return posixpath.normpath(posixpath.join(below, _text(wdir))) if _text(wdir) else below


def _join(folder: str, path: str) -> str:
    """A path from the repository's root; a URL and an absolute path stay as they are."""
    path = path.replace("\\", "/")
    return path if has_scheme(path) else posixpath.normpath(posixpath.join(folder, path))


def _command(command: Any) -> str:
    return "\n".join(map(str, command)) if isinstance(command, list) else _text(command)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(value: Any) -> str:
    return "" if value is None or isinstance(value, dict | list) else str(value).strip()
