"""The index directory: which files there are, what they are called, and how a new set replaces an old one.

A manifest names every file of the current state with its size and its header's CRC; files are immutable and carry the
generation in their name, so a new state is written beside the old one and becomes current by one atomic rename of the
manifest. Readers that have the old files open keep them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from motherlode.core.files import Container, read_manifest, sync_directory, write_manifest
from motherlode.errors import ConflictError, DataError, InputError, LodeError

__all__ = [
    "MANIFEST",
    "SHARDS",
    "VERSION",
    "check_directory",
    "claim_directory",
    "commit",
    "discard",
    "file_entry",
    "file_name",
    "hold_directory",
    "load_manifest",
    "named_files",
    "next_generation",
    "open_file",
]

MANIFEST = "manifest.json"
SHARDS = "shards.json"  # of a sharded index
FORMAT = "motherlode-index"
VERSION = 1
_SUFFIX = ".lode"


def check_directory(path: str | os.PathLike[str], *, overwrite: bool) -> Path:
    """Whether an index may be built there, without touching anything; ConflictError says why not."""
    directory = Path(path)
    if directory.exists() and not directory.is_dir():
        raise ConflictError(f"{directory}: is a file; an index is a directory. Choose another path")
    if directory.is_dir() and any(directory.iterdir()):
        if not overwrite:
            raise ConflictError(
                f"{directory}: exists and is not empty; pass overwrite=True to replace the index, or choose another "
                "path"
            )
        if (directory / SHARDS).exists():
            raise ConflictError(f"{directory}: is a sharded index; replace it with build_sharded_index, or remove it")
        if not (directory / MANIFEST).exists() and not all(_is_ours(e) for e in directory.iterdir()):
            raise ConflictError(f"{directory}: holds files but no index; overwrite=True replaces indexes only")
    return directory


def claim_directory(path: str | os.PathLike[str], *, overwrite: bool) -> Path:
    """The directory to build in; ConflictError when it holds something and ``overwrite`` is off."""
    directory = check_directory(path, overwrite=overwrite)
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def _is_ours(entry: Path) -> bool:
    """Whether a build wrote it: a file of an index, or a manifest that a killed build did not get to swap in."""
    return entry.suffix == _SUFFIX or (entry.name.startswith(f".{MANIFEST}.") and entry.suffix == ".tmp")


@contextmanager
def hold_directory(directory: Path) -> Iterator[None]:
    """Keeps other writers out of the directory; ConflictError where one is at work. Readers do not care.

    The lock dies with the process. Where the file system or the platform has none, two builds into one directory are
    the caller's mistake.
    """
    if sys.platform == "win32":
        yield
        return
    import fcntl

    descriptor = os.open(directory, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = f"{directory}: another writer holds it (a build, or index.writer()); wait for it"
            raise ConflictError(message) from None
        except OSError:
            pass  # e.g. a network file system without locks
        yield
    finally:
        os.close(descriptor)


def discard(directory: Path, files: Iterable[Path]) -> None:
    """Removes what a failed write left, unless it failed after its manifest had become the current one."""
    try:
        current = {entry["name"] for entry in named_files(load_manifest(directory))}
    except LodeError:
        current = set()
    for file in files:
        if file.name not in current:
            file.unlink(missing_ok=True)


def named_files(manifest: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Entries of all files that a manifest names: those of the whole index, then those of each segment."""
    yield from manifest["files"].values()
    for segment in manifest["segments"]:
        yield from segment["files"].values()


def next_generation(directory: Path) -> int:
    """One more than any generation that has a file here, current or left over."""
    numbers = [e.stem.rpartition("-")[2] for e in directory.glob(f"*{_SUFFIX}")]
    return 1 + max((int(n) for n in numbers if n.isdecimal()), default=0)


def file_name(role: str, generation: int) -> str:
    return f"{role}-{generation:06d}{_SUFFIX}"


def file_entry(path: Path) -> dict[str, Any]:
    """What a manifest says of a file that has just been written."""
    container = Container.open(path)
    return {"name": path.name, "size": container.size_bytes, "crc32": container.crc32}


def commit(directory: Path, content: Mapping[str, Any]) -> dict[str, Any]:
    """Makes ``content`` the manifest, then removes the files that it does not name. Returns the manifest."""
    manifest = {"format": FORMAT, "version": VERSION, **content}
    names = {entry["name"] for entry in named_files(manifest)}
    sync_directory(directory)
    write_manifest(directory / MANIFEST, manifest)
    for entry in directory.iterdir():
        if _is_ours(entry) and entry.name not in names:
            with suppress(OSError):  # Windows keeps files that a reader has open; the next write tries again
                entry.unlink()
    return manifest


def load_manifest(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Reads and checks the manifest of the index at ``path``."""
    directory = Path(path)
    if not directory.is_dir():
        raise InputError(f"{directory}: no such directory; build an index there first (build_index, or `lode index`)")
    if (directory / SHARDS).exists():
        raise InputError(f"{directory}: is a sharded index; open it with open_sharded_index, or one of its shards")
    if not (directory / MANIFEST).exists():
        raise DataError(
            f"{directory}: no {MANIFEST} inside; this is not an index, or its build did not finish",
            path=str(directory / MANIFEST),
            found="no file",
            expected=MANIFEST,
        )
    manifest = read_manifest(directory / MANIFEST)
    found = (manifest.get("format"), manifest.get("version"))
    if found[0] != FORMAT or type(found[1]) is not int:
        raise DataError(
            f"{directory / MANIFEST}: found format {found[0]!r}, version {found[1]!r}, expected {FORMAT!r}",
            path=str(directory / MANIFEST),
            found=found,
            expected=FORMAT,
        )
    if found[1] > VERSION:
        raise DataError(
            f"{directory}: index version {found[1]}, this motherlode reads up to {VERSION}; upgrade motherlode",
            path=str(directory / MANIFEST),
            found=found[1],
            expected=VERSION,
        )
    return manifest


def open_file(directory: Path, entry: Mapping[str, Any]) -> Container:
    """Opens a file of a manifest and checks that it is the one the manifest means."""
    path = directory / entry["name"]
    if Path(entry["name"]).name != entry["name"]:
        raise DataError(f"{directory / MANIFEST}: file name {entry['name']!r} leaves the directory", path=str(path))
    container = Container.open(path)
    found, expected = (container.size_bytes, container.crc32), (entry["size"], entry["crc32"])
    if found != expected:
        raise DataError(
            f"{path}: is not the file that the manifest means: found {found[0]} bytes, header CRC {found[1]}, expected "
            f"{expected[0]} bytes, header CRC {expected[1]}",
            path=str(path),
            found=found,
            expected=expected,
        )
    return container
