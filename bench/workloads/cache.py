"""Where benchmark data lie: outside the repository, under $MOTHERLODE_CACHE."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

__all__ = ["cache_dir", "write_atomically"]


def cache_dir() -> Path:
    """$MOTHERLODE_CACHE, by default ~/.cache/motherlode."""
    return Path(os.environ.get("MOTHERLODE_CACHE") or Path.home() / ".cache" / "motherlode")


def write_atomically(path: Path, write: Callable[[Path], None]) -> None:
    """Call write with a temporary path beside ``path``, then rename: readers see the whole file or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        write(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
