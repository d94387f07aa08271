"""Texts of a spool, as one block of UTF-8 and its offsets, read in place from a memory map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from motherlode.errors import DataError

__all__ = ["TextList"]


class TextList(Sequence[str]):
    """A read-only sequence of texts over two arrays, which may be memory-mapped; a text is decoded when asked for.

    offsets: integers [n + 1], not falling, the last at most ``len(data)``; text ``i`` spans the bytes
        ``offsets[i]:offsets[i + 1]``
    data: uint8, UTF-8

    Every pair of offsets is checked before it is used, so a flipped bit gives a DataError or other characters, never
    a read outside ``data``. Thread-safe: nothing is cached.
    """

    __slots__ = ("_data", "_name", "_offsets")

    def __init__(self, offsets: NDArray[Any], data: NDArray[np.uint8], name: str = "texts") -> None:
        self._offsets, self._data, self._name = offsets, data, name

    @property
    def size_bytes(self) -> int:
        """Bytes of all texts, without the offsets."""
        return len(self._data)

    def __len__(self) -> int:
        return max(0, len(self._offsets) - 1)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        n_texts = len(self)
        position = int(index)
        if position < 0:
            position += n_texts
        if not 0 <= position < n_texts:
            raise IndexError(f"{self._name} {index} of {n_texts}")
        begin, end = int(self._offsets[position]), int(self._offsets[position + 1])
        if not 0 <= begin <= end <= len(self._data):
            raise DataError(
                f"{self._name} {position} would span bytes {begin} to {end} of {len(self._data)}: the offsets "
                "are damaged.",
                found=(begin, end),
                expected=f"0 <= begin <= end <= {len(self._data)}",
            )
        return self._data[begin:end].tobytes().decode("utf-8", errors="replace")

    def __repr__(self) -> str:
        return f"<{len(self)} {self._name}>"
