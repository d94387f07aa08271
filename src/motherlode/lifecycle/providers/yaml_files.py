"""YAML as other tools write it: read safely, bounded in size, and named where it is wrong."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from motherlode.errors import ConflictError, DataError, InputError, UnsupportedError

__all__ = ["MAX_YAML_BYTES", "read_bounded", "read_yaml"]

MAX_YAML_BYTES = 64 << 20


def read_bounded(path: str | os.PathLike[str], limit_bytes: int = MAX_YAML_BYTES) -> bytes:
    """A file's bytes. Raises InputError (not there, a folder), DataError (too large), ConflictError (no access)."""
    where = Path(path)
    try:
        with where.open("rb") as file:
            body = file.read(limit_bytes + 1)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        found = "a folder" if where.is_dir() else "not there"
        raise InputError(f"{where} is {found}; expected a file. Check the path.") from None
    except OSError as error:
        raise ConflictError(f"{where} cannot be read ({error.strerror}); check its permissions and the disk.") from None
    if len(body) > limit_bytes:
        raise DataError(
            f"{where}: found more than {limit_bytes:,} bytes, expected at most that. Choose another file.",
            path=str(where),
            found=f"more than {limit_bytes} bytes",
            expected=limit_bytes,
        )
    return body


def read_yaml(path: str | os.PathLike[str], limit_bytes: int = MAX_YAML_BYTES) -> dict[str, Any]:
    """The mapping that a YAML file holds; {} for an empty file. Tags that would build objects are refused.

    Raises DataError for what is no YAML or no mapping, UnsupportedError without PyYAML, and what `read_bounded` raises.
    """
    try:
        import yaml
    except ImportError as error:
        raise UnsupportedError(
            f"{path} is YAML, which needs PyYAML: pip install 'motherlode[lifecycle]' brings it."
        ) from error
    body = read_bounded(path, limit_bytes)
    try:
        found = yaml.load(body, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        said = " ".join(str(error).split())[:200]
        raise DataError(
            f"{path}: found no YAML ({said}), expected a mapping. Was it written to the end?",
            path=str(path),
            found=said,
            expected="YAML",
        ) from error
    if found is None:
        return {}
    if not isinstance(found, dict):
        kind = type(found).__name__
        raise DataError(
            f"{path}: found a {kind}, expected a mapping. Is it the right file?",
            path=str(path),
            found=kind,
            expected="a mapping",
        )
    return {str(key): value for key, value in found.items()}
