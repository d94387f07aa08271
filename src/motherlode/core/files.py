"""Files that know what they are: sections behind one checked header, CRCs per block, atomic swaps.

A container file (``docs/formats/container.md`` has the byte table) is a page of header, then sections, then their CRC
tables. The header names every section with its type, place and size and is covered by a CRC; data are covered by one
CRC-32 per MiB. Opening reads the header only; :meth:`Container.verify` reads everything.
"""

from __future__ import annotations

import json
import mmap
import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

from motherlode.errors import DataError, InputError

__all__ = ["Container", "ContainerWriter", "read_manifest", "sync_directory", "write_manifest"]

MAGIC = b"LODEFILE"
VERSION = 1
HEADER_BYTES = 4096
BLOCK_BYTES = 1 << 20
ALIGNMENT = 64
_HEAD = struct.Struct("<8sIIQI")  # magic, version, n_sections, file size, CRC of the header page with this field 0
_ENTRY = struct.Struct("<24s8sQQQI4x")  # name, dtype, offset, size, offset of its CRC table, CRC of that table
_MAX_SECTIONS = (HEADER_BYTES - _HEAD.size) // _ENTRY.size


class _Section:
    """Where one section lies; while it is written, also its running CRCs."""

    def __init__(self, name: str, dtype: str, offset: int) -> None:
        self.name, self.dtype, self.offset = name, dtype, offset
        self.size = 0
        self.crcs: list[int] = []
        self.crc_offset = 0
        self._running = 0

    def extend(self, data: memoryview) -> None:
        at = 0
        while at < len(data):
            take = min(len(data) - at, BLOCK_BYTES - self.size % BLOCK_BYTES)
            self._running = zlib.crc32(data[at : at + take], self._running)
            at += take
            self.size += take
            if self.size % BLOCK_BYTES == 0:
                self.finish_block()

    def finish_block(self) -> None:
        self.crcs.append(self._running)
        self._running = 0

    def finish(self) -> None:
        if self.size % BLOCK_BYTES:
            self.finish_block()


class ContainerWriter:
    """Writes a container section by section. The file is complete, synced and readable only after ``close``.

    Use it as a context manager: an exception inside removes the file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._sections: list[_Section] = []
        self._file: BinaryIO | None = None

    def __enter__(self) -> ContainerWriter:
        self._file = self.path.open("xb")  # closed by __exit__
        self._file.write(bytes(HEADER_BYTES))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        assert self._file is not None
        try:
            if kind is None:
                self._finish(self._file)
        finally:
            self._file.close()
            if kind is not None:
                self.path.unlink(missing_ok=True)

    @contextmanager
    def section(self, name: str, dtype: DTypeLike) -> Iterator[SectionWriter]:
        """A section to be written piece by piece; one at a time."""
        assert self._file is not None
        if len(self._sections) == _MAX_SECTIONS or len(name.encode()) > 24:
            raise InputError(f"section {name!r}: a container holds {_MAX_SECTIONS} sections with names of 24 bytes")
        self._file.write(bytes(-self._file.tell() % ALIGNMENT))
        entry = _Section(name, np.dtype(dtype).newbyteorder("<").str.lstrip("<|"), self._file.tell())
        yield SectionWriter(self._file, entry)
        entry.finish()
        self._sections.append(entry)

    def add(self, name: str, array: NDArray[Any], *, slack: int = 0) -> None:
        """A whole array as one section, followed by ``slack`` zero bytes that belong to it."""
        with self.section(name, array.dtype) as section:
            section.write(array)
            section.write(bytes(slack))

    def _finish(self, file: BinaryIO) -> None:
        table = b""
        for entry in self._sections:
            file.write(bytes(-file.tell() % ALIGNMENT))
            entry.crc_offset = file.tell()
            crcs = np.asarray(entry.crcs, "<u4").tobytes()
            file.write(crcs)
            name, dtype = entry.name.encode(), entry.dtype.encode()
            table += _ENTRY.pack(name, dtype, entry.offset, entry.size, entry.crc_offset, zlib.crc32(crcs))
        size = file.tell()
        head = _HEAD.pack(MAGIC, VERSION, len(self._sections), size, 0)
        page = (head + table).ljust(HEADER_BYTES, b"\0")
        file.seek(0)
        file.write(_HEAD.pack(MAGIC, VERSION, len(self._sections), size, zlib.crc32(page)) + page[_HEAD.size :])
        file.flush()
        os.fsync(file.fileno())


class SectionWriter:
    """Takes the bytes of one section in order."""

    def __init__(self, file: BinaryIO, entry: _Section) -> None:
        self._file, self._entry = file, entry

    def write(self, data: NDArray[Any] | bytes) -> None:
        if isinstance(data, np.ndarray):  # little-endian on disk, whatever the array is
            raw = memoryview(np.ascontiguousarray(data, data.dtype.newbyteorder("<")).reshape(-1).view(np.uint8).data)
        else:
            raw = memoryview(data)
        view = raw.cast("B") if len(raw) else memoryview(b"")
        self._file.write(view)
        self._entry.extend(view)


class Container:
    """A container opened for reading: memory-mapped, its header checked, its data not yet looked at."""

    def __init__(self, path: Path, mapping: mmap.mmap, sections: Mapping[str, _Section]) -> None:
        self.path, self._mapping, self._sections = path, mapping, sections

    @property
    def crc32(self) -> str:
        """The header's CRC as 8 hexadecimal digits. It covers the CRCs of the CRC tables, and so every byte of data."""
        return f"{_HEAD.unpack_from(self._mapping)[4]:08x}"

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Container:
        """Maps ``path`` and checks magic, version, header CRC, file size and that every section lies inside."""
        path = Path(path)
        try:
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                if size < HEADER_BYTES:
                    raise _wrong(path, f"{size} bytes", f"at least {HEADER_BYTES}", "is truncated")
                mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (FileNotFoundError, IsADirectoryError):
            raise _wrong(path, "no file", "a container file", "is missing") from None
        return cls(path, mapping, _read_header(path, mapping, size))

    @property
    def size_bytes(self) -> int:
        return len(self._mapping)

    def names(self) -> list[str]:
        return list(self._sections)

    def __contains__(self, name: str) -> bool:
        return name in self._sections

    def dtype(self, name: str) -> np.dtype[Any]:
        """The stored type of a section's items."""
        return np.dtype(self._sections[name].dtype)

    def array(self, name: str, dtype: DTypeLike) -> NDArray[Any]:
        """The section as a read-only 1-d array over the mapping. Its stored type must be ``dtype``."""
        entry = self._sections.get(name)
        wanted = np.dtype(dtype).newbyteorder("<")
        if entry is None:
            raise _wrong(self.path, f"sections {sorted(self._sections)}", f"section {name!r}", "lacks a section")
        if np.dtype(entry.dtype).newbyteorder("<") != wanted or entry.size % wanted.itemsize:
            found = f"{entry.dtype}, {entry.size} bytes"
            raise _wrong(self.path, found, f"{wanted.str} items", f"section {name!r} has another type")
        count = entry.size // wanted.itemsize
        return np.frombuffer(self._mapping, dtype=wanted, count=count, offset=entry.offset)

    def verify(self) -> None:
        """Reads every block and compares its CRC; raises DataError naming file, offset and both CRCs."""
        for entry in self._sections.values():
            n_blocks = -(-entry.size // BLOCK_BYTES)
            table = self._mapping[entry.crc_offset : entry.crc_offset + 4 * n_blocks]
            for block, expected in enumerate(np.frombuffer(table, "<u4")):
                begin = entry.offset + block * BLOCK_BYTES
                end = min(begin + BLOCK_BYTES, entry.offset + entry.size)
                found = zlib.crc32(memoryview(self._mapping)[begin:end])
                if found != int(expected):
                    what = f"section {entry.name!r} is damaged between offsets {begin} and {end}"
                    raise _wrong(self.path, f"CRC {found:08x}", f"CRC {int(expected):08x}", what)


def _wrong(path: Path, found: str, expected: str, what: str) -> DataError:
    message = f"{path}: {what}: found {found}, expected {expected}"
    return DataError(message, path=str(path), found=found, expected=expected)


def _read_header(path: Path, mapping: mmap.mmap, size: int) -> dict[str, _Section]:
    page = bytes(mapping[:HEADER_BYTES])
    magic, version, n_sections, stated, crc = _HEAD.unpack_from(page)
    if magic != MAGIC:
        raise _wrong(path, repr(magic), repr(MAGIC), "is no motherlode file")
    if version > VERSION:
        raise _wrong(path, f"version {version}", f"at most {VERSION}", "was written by a newer motherlode; upgrade")
    bare = _HEAD.pack(magic, version, n_sections, stated, 0) + page[_HEAD.size :]
    if zlib.crc32(bare) != crc:
        raise _wrong(path, f"CRC {zlib.crc32(bare):08x}", f"CRC {crc:08x}", "has a damaged header")
    if stated != size:
        raise _wrong(path, f"{size} bytes", f"{stated} bytes", "has another size than it was written with")
    sections: dict[str, _Section] = {}
    for i in range(min(n_sections, _MAX_SECTIONS)):
        name, dtype, offset, length, crc_offset, crc_crc = _ENTRY.unpack_from(page, _HEAD.size + i * _ENTRY.size)
        entry = _Section(name.rstrip(b"\0").decode(), dtype.rstrip(b"\0").decode(), offset)
        entry.size, entry.crc_offset = length, crc_offset
        crc_end = crc_offset + 4 * -(-length // BLOCK_BYTES)
        if max(offset + length, crc_end) > size or offset < HEADER_BYTES:
            raise _wrong(path, f"offset {offset}, {length} bytes", f"inside {size} bytes", f"section {entry.name!r}")
        found = zlib.crc32(mapping[crc_offset:crc_end])
        if found != crc_crc:
            what = f"CRC table of section {entry.name!r} at offset {crc_offset} is damaged"
            raise _wrong(path, f"CRC {found:08x}", f"CRC {crc_crc:08x}", what)
        sections[entry.name] = entry
    return sections


def sync_directory(path: Path) -> None:
    """Makes renames inside ``path`` durable; a no-op where directories cannot be synced."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_manifest(path: Path, content: Mapping[str, Any]) -> None:
    """Replaces ``path`` atomically by ``content`` as JSON with a CRC of itself; synced before and after the swap."""
    body = json.dumps(content, sort_keys=True, ensure_ascii=True)
    text = json.dumps({"crc32": f"{zlib.crc32(body.encode()):08x}", "manifest": content}, sort_keys=True, indent=1)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", encoding="ascii") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_directory(path.parent)


def read_manifest(path: Path) -> dict[str, Any]:
    """Reads what :func:`write_manifest` wrote; DataError when it is missing, unreadable or its CRC does not match."""
    try:
        text = path.read_text(encoding="ascii")
    except FileNotFoundError:
        raise _wrong(path, "no file", "a manifest", "is missing") from None
    except UnicodeDecodeError as error:
        raise _wrong(path, f"byte {text_byte(error)}", "ASCII", "is damaged") from None
    try:
        outer = json.loads(text)
        content, stated = outer["manifest"], outer["crc32"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _wrong(path, f"{error}", "JSON with crc32 and manifest", "is damaged") from None
    found = f"{zlib.crc32(json.dumps(content, sort_keys=True, ensure_ascii=True).encode()):08x}"
    if found != stated or not isinstance(content, dict):
        raise _wrong(path, f"CRC {found}", f"CRC {stated}", "is damaged")
    return content


def text_byte(error: UnicodeDecodeError) -> str:
    """The offending byte and where it stands."""
    return f"{error.object[error.start]:#04x} at offset {error.start}"
