"""The manifest of a sharded index: which directories are its shards, and what they must have in common."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from motherlode.core.files import read_manifest, write_manifest
from motherlode.errors import DataError, InputError
from motherlode.retrieval.layout import MANIFEST, SHARDS
from motherlode.retrieval.manifest import check_keys

__all__ = [
    "BUILDING",
    "FORMAT",
    "TRAINING",
    "VERSION",
    "is_shard_name",
    "load_shards",
    "shard_folders",
    "shard_name",
    "write_shards",
]

FORMAT = "motherlode-shards"
VERSION = 1
BUILDING = "building.json"  # of a build that is under way, or was interrupted
TRAINING = "training.lode"  # its codebook, and the centroid of each token
_NAME = re.compile(r"shard-(\d{5,})")
_ALWAYS: dict[str, Any] = {
    "kind": str,
    "dim": int,
    "n_docs": int,
    "n_tokens": int,
    "shards": list,
    "built": dict,
}
_SHARD = {"name": str, "first_doc": int, "n_docs": int, "n_tokens": int}
_CODEBOOK = {"size": int, "crc32": str, "n_centroids": int}


def shard_name(number: int) -> str:
    return f"shard-{number:05d}"


def is_shard_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None


def shard_folders(directory: Path) -> Iterator[tuple[int, Path]]:
    """Numbers and paths of all folders that are called like a shard."""
    for entry in sorted(directory.iterdir()):
        match = _NAME.fullmatch(entry.name)
        if match and entry.is_dir():
            yield int(match[1]), entry


def load_shards(directory: Path) -> dict[str, Any]:
    """Reads and checks the manifest of the sharded index at ``directory``."""
    path = directory / SHARDS
    if not directory.is_dir():
        raise InputError(f"{directory}: no such directory; build a sharded index there first (build_sharded_index)")
    if not path.exists() and (directory / MANIFEST).exists():
        raise InputError(f"{directory}: is an index without shards; open it with open_index")
    if not path.exists() and (directory / BUILDING).exists():
        raise _wrong(path, "an unfinished build", SHARDS, "call build_sharded_index again as before to finish it")
    if not path.exists():
        raise _wrong(path, "no file", SHARDS, "this is no sharded index")
    manifest = read_manifest(path)
    found = (manifest.get("format"), manifest.get("version"))
    if found[0] != FORMAT or type(found[1]) is not int:
        raise _wrong(path, f"format {found[0]!r}, version {found[1]!r}", FORMAT, "this is no sharded index")
    if found[1] > VERSION:
        raise _wrong(path, f"version {found[1]}", f"at most {VERSION}", "written by a newer motherlode; upgrade")
    _check(path, manifest)
    return manifest


def _check(path: Path, manifest: Mapping[str, Any]) -> None:
    check_keys(path, manifest, _ALWAYS)
    if manifest.get("codebook") is not None:
        check_keys(path, manifest, {"codebook": _CODEBOOK})
    if not manifest["shards"]:
        raise _wrong(path, "no shards", "one or more", "is damaged")
    for number, entry in enumerate(manifest["shards"]):
        if not isinstance(entry, dict):
            raise _wrong(path, repr(entry), "an object", f"shards[{number}]")
        check_keys(path, entry, _SHARD, f"shards[{number}].")
        if not is_shard_name(entry["name"]):
            raise _wrong(path, repr(entry["name"]), "a name like 'shard-00000'", f"shards[{number}].name")


def write_shards(directory: Path, content: Mapping[str, Any]) -> None:
    """Makes ``content`` the manifest, by one atomic rename."""
    write_manifest(directory / SHARDS, {"format": FORMAT, "version": VERSION, **content})


def _wrong(path: Path, found: str, expected: str, what: str) -> DataError:
    message = f"{path}: {what}: found {found}, expected {expected}"
    return DataError(message, path=str(path), found=found, expected=expected)
