"""Walking a DVC repository: its files, its name, its remotes. Nothing is run, and no data are read."""

from __future__ import annotations

import configparser
import os
import posixpath
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from urllib.parse import urlsplit

from motherlode.errors import ConflictError, DataError, InputError
from motherlode.lifecycle.providers.dvc.stages import Artifact, Marked, Stage, of_dvc_file, of_lock, of_pipelines
from motherlode.lifecycle.providers.yaml_files import read_yaml
from motherlode.lifecycle.record import Rejected

__all__ = ["name_of_url", "read_repository", "remotes", "repository_name", "resolve_remote"]

_PIPELINES, _LOCK, _SUFFIX = "dvc.yaml", "dvc.lock", ".dvc"
_MAX_BYTES = 64 << 20
_NEVER = {"node_modules", "__pycache__"}


def repository_name(root: Path) -> str:
    """The last part of git's remote origin, which other repositories import by; else the folder's name."""
    config = _config(root / ".git" / "config")
    url = config.get('remote "origin"', "url", fallback="")
    return name_of_url(url) or root.absolute().name or "repository"


def name_of_url(url: str) -> str:
    """``rank`` of ``git@git.example:shop/rank.git``."""
    return re.split(r"[/:\\]", url.strip().rstrip("/"))[-1].removesuffix(".git")


def remotes(root: Path) -> dict[str, str]:
    """URLs of the remotes in .dvc/config, by name."""
    config = _config(root / ".dvc" / "config")
    found: dict[str, str] = {}
    for section in config.sections():
        match = re.fullmatch(r"'?remote \"([^\"]+)\"'?", section)
        url = config.get(section, "url", fallback="")
        if match and url:
            found[match[1]] = url
    return found


def read_repository(root: Path) -> Iterator[Stage | Artifact | Marked | Rejected]:
    """All that the repository's files say, folder by folder; tracked folders of data are not entered.

    Raises InputError (no such folder), DataError (no DVC repository).
    """
    if not root.is_dir():
        raise InputError(f"{root} is {'a file' if root.exists() else 'not there'}; expected a DVC repository's folder.")
    if not (root / ".dvc").is_dir() and not (root / _PIPELINES).is_file():
        raise DataError(
            f"{root}: found neither .dvc/ nor {_PIPELINES}, expected a DVC repository. Give its root.",
            path=str(root),
            found="neither",
            expected=".dvc/",
        )
    ignored = _ignored(root)
    data: set[str] = set()  # folders that are outputs
    for place, folders, files in os.walk(root):
        below = Path(place).relative_to(root).as_posix()
        prefix = "" if below == "." else f"{below}/"
        for item in _of_folder(root, prefix, sorted(files)):
            yield item
            if isinstance(item, Stage):
                data.update(ref.place for ref in item.outs)
        folders[:] = sorted(
            name for name in folders if _is_entered(Path(place, name), f"{prefix}{name}", data, ignored)
        )


def _is_entered(folder: Path, path: str, data: set[str], ignored: list[str]) -> bool:
    name = folder.name
    if name.startswith(".") or name in _NEVER or path in data:
        return False
    if (folder / ".dvc").is_dir() or (folder / "pyvenv.cfg").is_file():  # a repository of its own; an environment
        return False
    return not any(fnmatch(name, pattern) or fnmatch(path, pattern) for pattern in ignored)


def _ignored(root: Path) -> list[str]:
    """Patterns of .dvcignore, as far as they are names or paths without exceptions."""
    try:
        lines = (root / ".dvcignore").read_text("utf-8", "replace").splitlines()
    except OSError:
        return []
    return [line.strip().strip("/") for line in lines if line.strip() and line.strip()[0] not in "#!"]


def _of_folder(root: Path, prefix: str, files: list[str]) -> Iterator[Stage | Artifact | Marked | Rejected]:
    for file in files:
        if file.endswith(_SUFFIX) and file != _SUFFIX:
            content = _read(root, f"{prefix}{file}")
            if isinstance(content, Rejected):
                yield content
            else:
                yield from of_dvc_file(f"{prefix}{file}", content)
    if _PIPELINES not in files:
        return
    lock: dict[str, object] = {}
    if _LOCK in files:
        content = _read(root, f"{prefix}{_LOCK}")
        try:
            if isinstance(content, Rejected):
                yield content
            else:
                lock = dict(of_lock(content))
        except ValueError as error:
            yield Rejected(f"{prefix}{_LOCK}", f"found {error}")
    content = _read(root, f"{prefix}{_PIPELINES}")
    if isinstance(content, Rejected):
        yield content
    else:
        yield from of_pipelines(f"{prefix}{_PIPELINES}", content, lock)  # type: ignore[arg-type]


def _read(root: Path, name: str) -> dict[str, object] | Rejected:
    try:
        return read_yaml(root / name, _MAX_BYTES)
    except (ConflictError, DataError, InputError) as error:
        return Rejected(name, str(error))


def _config(path: Path) -> configparser.RawConfigParser:
    """Git's kind of configuration; an empty one where none can be read."""
    config = configparser.RawConfigParser(strict=False, allow_no_value=True)
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
        config.read_string("\n".join(line.strip() for line in lines))
    except (OSError, configparser.Error):
        return configparser.RawConfigParser()
    return config


def resolve_remote(place: str, known: dict[str, str]) -> str:
    """``remote://storage/x`` as the URL that it stands for."""
    if not place.startswith("remote://"):
        return place
    parts = urlsplit(place)
    return posixpath.join(known.get(parts.netloc, place), parts.path.lstrip("/")) if parts.netloc in known else place
