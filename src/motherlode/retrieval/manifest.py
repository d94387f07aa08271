"""What the manifest of an index must say, before anything believes it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from motherlode.errors import DataError
from motherlode.retrieval.inputs import KEPT_DTYPE, MAX_DIM
from motherlode.retrieval.metadata.values import TYPES

__all__ = ["check_keys", "check_manifest"]

_WORDS = {
    int: "a whole number",
    float: "a finite number",
    str: "a string",
    bool: "true or false",
    dict: "an object",
    list: "a list",
}
_FILE = {"name": str, "size": int, "crc32": str}
_ALWAYS: dict[str, Any] = {
    "kind": str,
    "dim": int,
    "n_docs": int,
    "n_tokens": int,
    "files": dict,
    "segments": list,
    "built": dict,
}
_SEGMENT: dict[str, Any] = {"n_docs": int, "n_tokens": int, "n_deleted": int, "files": dict}
_ROLES = {"flat": "flat", "compressed": "segment"}
_BY_KIND: dict[str, dict[str, Any]] = {
    "flat": {"flat": {"dtype": str}},
    "compressed": {
        "files": {"codebook": _FILE},
        "codebook": {
            "n_centroids": int,
            "scale": float,
            "norm": float,
            "residual_unit": float,
            "word_step": float,
            "outlier_error": float,
            "rotation_seed": int,
            "bits": int,
            "refine_bits": int,
            "pseudo_types": bool,
        },
    },
}


def check_manifest(path: Path, manifest: Mapping[str, Any]) -> None:
    """Raises DataError, naming the key, where one is missing or has another type."""
    check_keys(path, manifest, _ALWAYS)
    kind = manifest["kind"]
    if kind not in _BY_KIND:
        raise _wrong(path, "kind", kind, f"one of {', '.join(_BY_KIND)}")
    if not 1 <= manifest["dim"] <= MAX_DIM:
        raise _wrong(path, "dim", manifest["dim"], f"1 to {MAX_DIM}")
    check_keys(path, manifest, _BY_KIND[kind])
    if manifest.get("keep_vectors") not in (None, KEPT_DTYPE):
        raise _wrong(path, "keep_vectors", manifest["keep_vectors"], f"{KEPT_DTYPE!r} or null")
    kept = {"vectors": _FILE} if kind == "compressed" and manifest.get("keep_vectors") else {}
    _check_files(path, manifest["files"], "files.")
    for number, segment in enumerate(manifest["segments"]):
        inside = f"segments[{number}]."
        if not isinstance(segment, dict):
            raise _wrong(path, inside[:-1], segment, "an object")
        check_keys(path, segment, {**_SEGMENT, "files": {_ROLES[kind]: _FILE, **kept}}, inside)
        check_keys(path, segment, {**_SEGMENT, **({"terms": bool} if "terms" in segment else {})}, inside)
        _check_files(path, segment["files"], f"{inside}files.")
    for name, column_type in _object(path, manifest, "metadata").items():
        if column_type not in TYPES:
            raise _wrong(path, f"metadata.{name}", column_type, f"one of {', '.join(TYPES)}")
    if manifest.get("encoder") is not None:
        check_keys(path, manifest, {"encoder": {"name": str, "config": dict}})


def _object(path: Path, manifest: Mapping[str, Any], key: str) -> dict[str, Any]:
    """An optional object; empty where it is missing."""
    found = manifest.get(key, {})
    if not isinstance(found, dict):
        raise _wrong(path, key, found, _WORDS[dict])
    return found


def _check_files(path: Path, files: Mapping[str, Any], inside: str) -> None:
    for role, entry in files.items():
        check_keys(path, {role: entry}, {role: _FILE}, inside)


def check_keys(path: Path, found: Mapping[str, Any], expected: Mapping[str, Any], inside: str = "") -> None:
    """Raises DataError for the first key of ``expected`` that is missing or not of that type; mappings are nested."""
    for key, kind in expected.items():
        wanted = kind if isinstance(kind, type) else dict
        if key not in found or not _fits(found[key], wanted):
            raise _wrong(path, inside + key, found.get(key), _WORDS[wanted])
        if not isinstance(kind, type):
            check_keys(path, found[key], kind, f"{inside}{key}.")


def _fits(value: object, wanted: type) -> bool:
    if isinstance(value, bool):
        return wanted is bool
    if wanted is int:
        return isinstance(value, int) and 0 <= value < 1 << 64
    if wanted is float:
        return isinstance(value, (int, float)) and abs(value) < 3e38
    return isinstance(value, wanted)


def _wrong(path: Path, key: str, value: object, expected: str) -> DataError:
    message = f"{path}: {key} is {value!r}, expected {expected}"
    return DataError(message, path=str(path), found=value, expected=expected)
