"""Files of OpenLineage events: one or a list as JSON, one a line as NDJSON, gzipped or not; or a folder of them."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from io import BufferedIOBase
from pathlib import Path
from typing import Any

from motherlode.errors import DataError, InputError
from motherlode.lifecycle.record import Rejected

__all__ = ["MAX_FILE_BYTES", "MAX_LINE_BYTES", "events_of"]

MAX_FILE_BYTES = 256 << 20
"""Of a JSON file, unpacked: it is read as a whole."""
MAX_LINE_BYTES = 64 << 20
_SUFFIXES = (".json", ".jsonl", ".ndjson")


def events_of(where: Path) -> Iterator[tuple[str, Any] | Rejected]:
    """(which event, the parsed JSON) of each event below `where`, files in the order of their paths.

    Errors: InputError when `where` does not exist; DataError when it is one file that cannot be read. In a folder, such
    a file is a `Rejected`, as is a line that is no JSON everywhere.
    """
    if where.is_dir():
        files = sorted(file for file in where.rglob("*") if _is_events(file) and file.is_file())
        for file in files:
            try:
                yield from _events_of_file(file, file.relative_to(where).as_posix())
            except DataError as error:
                yield Rejected(file.relative_to(where).as_posix(), str(error))
    elif where.is_file():
        yield from _events_of_file(where, where.name)
    else:
        raise InputError(f"{where}: there is no such file or folder; expected OpenLineage events (.json, .ndjson, .gz)")


def _is_events(file: Path) -> bool:
    name = file.name.lower()
    return (name[:-3] if name.endswith(".gz") else name).endswith(_SUFFIXES)


def _events_of_file(file: Path, what: str) -> Iterator[tuple[str, Any] | Rejected]:
    name = file.name.lower().removesuffix(".gz")
    try:
        with _open(file) as stream:
            if name.endswith((".jsonl", ".ndjson")):
                yield from _events_of_lines(stream, what)
            else:
                yield from _events_of_json(stream, file, what)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{file}: {error}; expected a whole, readable file of OpenLineage events: write it anew",
            path=str(file), found=str(error), expected="a readable file",
        ) from error  # fmt: skip


def _open(file: Path) -> BufferedIOBase:
    return gzip.open(file) if file.name.lower().endswith(".gz") else file.open("rb")


def _events_of_json(stream: BufferedIOBase, file: Path, what: str) -> Iterator[tuple[str, Any] | Rejected]:
    content = stream.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise DataError(
            f"{file}: more than {MAX_FILE_BYTES >> 20} MiB of JSON; write one event a line and name it .ndjson",
            path=str(file), found=f"> {MAX_FILE_BYTES} bytes", expected=f"at most {MAX_FILE_BYTES} bytes",
        )  # fmt: skip
    try:
        found = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        lines = content.splitlines()
        if len(lines) > 1 and _is_object(lines[0]):  # OpenLineage's file transport appends events to any name
            yield from _events_of_lines(lines, what)
            return
        raise DataError(
            f"{file}: no JSON ({error}); expected an OpenLineage event or a list of them, whole: write it anew",
            path=str(file), found=str(error), expected="JSON",
        ) from error  # fmt: skip
    events = found if isinstance(found, list) else [found]
    for at, event in enumerate(events):
        yield f"{what}[{at}]" if isinstance(found, list) else what, event


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line.decode("utf-8-sig")), dict)
    except (ValueError, RecursionError):
        return False


def _events_of_lines(lines: BufferedIOBase | list[bytes], what: str) -> Iterator[tuple[str, Any] | Rejected]:
    numbered = enumerate(lines if isinstance(lines, list) else _lines_of(lines), 1)
    for number, line in numbered:
        if not line.strip():
            continue
        name = f"{what}:{number}"
        if len(line) > MAX_LINE_BYTES:
            yield Rejected(name, f"a line of more than {MAX_LINE_BYTES >> 20} MiB; expected one event")
            continue
        try:
            yield name, json.loads(line.decode("utf-8-sig"))
        except (ValueError, RecursionError) as error:
            yield Rejected(
                name, f"no JSON ({error}); expected one OpenLineage event", line[:65536].decode("utf-8", "replace")
            )


def _lines_of(stream: BufferedIOBase) -> Iterator[bytes]:
    """Lines, of which what is beyond the limit is passed over but not kept."""
    while line := stream.readline(MAX_LINE_BYTES + 1):
        rest = line
        while not rest.endswith(b"\n") and len(rest) > MAX_LINE_BYTES:
            rest = stream.readline(MAX_LINE_BYTES + 1)
        yield line
