"""The index directory: which files there are, what they are called, and how a new set replaces an old one.

A manifest names every file of the current state with its size; files are immutable and carry the generation in their
name, so a new state is written beside the old one and becomes current by one atomic rename of the manifest. Readers
that have the old files open keep them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from motherlode.core.files import Container, read_manifest, sync_directory, write_manifest
from motherlode.errors import ConflictError, DataError, InputError

__all__ = ["MANIFEST", "VERSION", "claim_directory", "commit", "load_manifest", "next_generation", "open_file"]

MANIFEST = "manifest.json"
FORMAT = "motherlode-index"
VERSION = 1
_SUFFIX = ".lode"


def claim_directory(path: str | os.PathLike[str], *, overwrite: bool) -> Path:
    """The directory to build in; ConflictError when it holds something and ``overwrite`` is off."""
    directory = Path(path)
    if directory.exists() and not directory.is_dir():
        raise ConflictError(f"{directory}: is a file; an index is a directory. Choose another path")
    if directory.is_dir() and any(directory.iterdir()):
        if not overwrite:
            raise ConflictError(
                f"{directory}: exists and is not empty; pass overwrite=True to replace the index, or choose another path"
            )
        if not (directory / MANIFEST).exists() and any(e.suffix != _SUFFIX for e in directory.iterdir()):
            raise ConflictError(f"{directory}: holds files but no index; overwrite=True replaces indexes only")
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def next_generation(directory: Path) -> int:
    """One more than any generation that has a file here, current or left over."""
    numbers = [e.stem.rpartition("-")[2] for e in directory.glob(f"*{_SUFFIX}")]
    return 1 + max((int(n) for n in numbers if n.isdecimal()), default=0)


def file_name(role: str, generation: int) -> str:
    return f"{role}-{generation:06d}{_SUFFIX}"


def commit(directory: Path, content: dict[str, Any], roles: Iterable[str], generation: int) -> None:
    """Makes the files of ``generation`` the index, then removes what no longer belongs to it."""
    names = {role: file_name(role, generation) for role in roles}
    sync_directory(directory)
    files = {role: {"name": name, "size": (directory / name).stat().st_size} for role, name in names.items()}
    write_manifest(directory / MANIFEST, {"format": FORMAT, "version": VERSION, "files": files, **content})
    for entry in directory.glob(f"*{_SUFFIX}"):
        if entry.name not in names.values():
            entry.unlink(missing_ok=True)


def load_manifest(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Reads and checks the manifest of the index at ``path``."""
    directory = Path(path)
    if not directory.is_dir():
        raise InputError(f"{directory}: no such directory; build an index there first (build_index, or `lode index`)")
    if not (directory / MANIFEST).exists():
        raise DataError(
            f"{directory}: no {MANIFEST} inside; this is not an index, or its build did not finish",
            path=str(directory / MANIFEST), found="no file", expected=MANIFEST,
        )
    manifest = read_manifest(directory / MANIFEST)
    found = (manifest.get("format"), manifest.get("version"))
    if found[0] != FORMAT or not isinstance(found[1], int):
        raise DataError(
            f"{directory / MANIFEST}: found format {found[0]!r}, version {found[1]!r}, expected {FORMAT!r}",
            path=str(directory / MANIFEST), found=found, expected=FORMAT,
        )
    if found[1] > VERSION:
        raise DataError(
            f"{directory}: index version {found[1]}, this motherlode reads up to {VERSION}; upgrade motherlode",
            path=str(directory / MANIFEST), found=found[1], expected=VERSION,
        )
    return manifest


def open_file(directory: Path, manifest: dict[str, Any], role: str) -> Container:
    """Opens the file of ``role`` and checks that it is the one the manifest means."""
    entry = manifest["files"][role]
    path = directory / entry["name"]
    if Path(entry["name"]).name != entry["name"]:
        raise DataError(f"{directory / MANIFEST}: file name {entry['name']!r} leaves the directory", path=str(path))
    container = Container.open(path)
    if container.size_bytes != entry["size"]:
        raise DataError(
            f"{path}: found {container.size_bytes} bytes, expected {entry['size']}",
            path=str(path), found=container.size_bytes, expected=entry["size"],
        )
    return container
