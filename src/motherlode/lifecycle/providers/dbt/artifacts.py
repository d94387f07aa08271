"""dbt's artefacts on disk: ``manifest.json``, ``catalog.json``, ``run_results.json``, each read whole and checked."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from motherlode.core.time import to_micros
from motherlode.errors import DataError, InputError, UnsupportedError

__all__ = ["MAX_BYTES", "NEWEST_MANIFEST", "instant", "mapping", "objects", "read_artifact", "text"]

MAX_BYTES = 1 << 30
NEWEST_MANIFEST = 12
_NEWEST = {"manifest": NEWEST_MANIFEST, "catalog": 1, "run-results": 6}
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_SCHEMA = re.compile(r"https://schemas\.getdbt\.com/dbt/([a-z-]+)/v(\d+)(?:\.json)?")


def text(value: object) -> str | None:
    """A text that says something; None for anything else."""
    return value if isinstance(value, str) and value.strip() else None


def mapping(value: object) -> Mapping[str, Any]:
    """An object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def objects(value: object) -> dict[str, dict[str, Any]]:
    """The entries of an object that are objects themselves."""
    return {name: each for name, each in mapping(value).items() if isinstance(each, dict)}


def read_artifact(path: Path, kind: str) -> Mapping[str, Any]:
    """One artefact. kind: "manifest", "catalog" or "run-results".

    Errors: InputError when it is not there; DataError for what is no whole artefact of that kind; UnsupportedError for
    a newer version than this reads.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file; run dbt (dbt parse writes the manifest) or name it") from None
    except OSError as error:
        raise _wrong(path, str(error), f"a readable dbt {kind}") from error
    if len(content) > MAX_BYTES:
        raise _wrong(path, f"more than {MAX_BYTES >> 20} MiB", f"a dbt {kind} of at most that")
    try:
        found = json.loads(content.decode("utf-8-sig"))
        if _SURROGATE.search(content):
            json.dumps(found, ensure_ascii=False).encode()  # half a pair is no character: nothing can store it
    except (ValueError, RecursionError) as error:
        raise _wrong(path, f"no JSON ({error})", f"a whole dbt {kind}") from error
    stated = mapping(found).get("metadata")
    schema = mapping(stated).get("dbt_schema_version")
    match = _SCHEMA.fullmatch(schema) if isinstance(schema, str) else None
    if match is None or match[1] != kind:
        raise _wrong(path, f"dbt_schema_version {schema!r:.120}", f"…/dbt/{kind}/v{_NEWEST[kind]}.json or older")
    if int(match[2]) > _NEWEST[kind]:
        raise UnsupportedError(
            f"{path}: a dbt {kind} of version {match[2]}, but versions up to {_NEWEST[kind]} are read here; "
            "upgrade motherlode, or write it with an older dbt"
        )
    return mapping(found)


def _wrong(path: Path, found: str, expected: str) -> DataError:
    return DataError(
        f"{path}: {found}; expected {expected}: write it anew with dbt",
        path=str(path), found=found, expected=expected,
    )  # fmt: skip


def instant(value: object, what: str) -> int | None:
    """Microseconds since 1970 of a timestamp with its zone; None for none. Raises InputError that names `what`."""
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(str(value))
        if moment.tzinfo is None:
            raise InputError(f"{what} {value!r} has no time zone; expected e.g. 2026-03-01T12:00:00Z")
        return to_micros(moment)
    except (ValueError, OverflowError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{what} is {value!r:.80}; expected an ISO 8601 time as 2026-03-01T12:00:00Z") from None
