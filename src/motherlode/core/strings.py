"""Columns of strings in a container: UTF-8 bytes and offsets, read one by one without loading the rest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from motherlode.core.files import Container, ContainerWriter
from motherlode.errors import InputError

__all__ = ["StringColumn", "text_to_encode", "write_strings"]

_BUFFER_BYTES = 1 << 20


def write_strings(writer: ContainerWriter, name: str, values: Iterable[str]) -> None:
    """Writes sections ``name.bytes`` and ``name.offsets``; memory is bounded but for 8 bytes per value."""
    offsets = [0]
    with writer.section(f"{name}.bytes", np.uint8) as section:
        buffer = bytearray()
        for position, value in enumerate(values):
            if not isinstance(value, str):
                raise InputError(f"{name}: {value!r} at position {position} is no string; convert with str()")
            encoded = value.encode("utf-8", "surrogatepass")
            offsets.append(offsets[-1] + len(encoded))
            buffer += encoded
            if len(buffer) >= _BUFFER_BYTES:
                section.write(bytes(buffer))
                buffer.clear()
        section.write(bytes(buffer))
    writer.add(f"{name}.offsets", np.asarray(offsets, np.uint64))


def text_to_encode(title: str, text: str) -> str:
    """Title and text as an encoder reads them."""
    return f"{title}\n{text}" if title and text else title or text


class StringColumn(Sequence[str]):
    """Read-only strings over a mapping. A damaged value reads as what can be decoded, never outside the section."""

    def __init__(self, container: Container, name: str) -> None:
        self._bytes = container.array(f"{name}.bytes", np.uint8)
        self._offsets = container.array(f"{name}.offsets", np.uint64)

    @property
    def arrays(self) -> tuple[NDArray[np.uint8], NDArray[np.uint64]]:
        """UTF-8 bytes of all strings, and where each begins."""
        return self._bytes, self._offsets

    def __len__(self) -> int:
        return max(0, len(self._offsets) - 1)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        at = index + len(self) if index < 0 else index
        if not 0 <= at < len(self):
            raise IndexError(f"index {index} of {len(self)} strings")
        begin, end = int(self._offsets[at]), int(self._offsets[at + 1])
        raw = bytes(self._bytes[begin:end])
        try:
            return raw.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            return raw.decode("utf-8", "replace")

    def __iter__(self) -> Iterator[str]:
        return (self[i] for i in range(len(self)))
