"""Segments: immutable sets of documents, opened from their files."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from motherlode.core.files import Container
from motherlode.core.strings import StringColumn
from motherlode.errors import DataError
from motherlode.retrieval.inputs import KEPT_DTYPE
from motherlode.retrieval.kernels import native
from motherlode.retrieval.layout import open_file
from motherlode.retrieval.metadata.column_files import read_columns
from motherlode.retrieval.metadata.columns import Column

__all__ = ["PositionIds", "Segment", "bitmap_of", "damaged", "encode_ids", "hash_ids"]

_CHUNK_IDS = 1 << 16


class PositionIds(Sequence[str]):
    """Ids of documents that were given none: their positions as strings."""

    def __init__(self, n_docs: int) -> None:
        self._n = n_docs

    def __len__(self) -> int:
        return self._n

    def __getitem__(self, index: Any) -> Any:
        found = range(self._n)[index]
        return str(found) if isinstance(found, int) else [str(i) for i in found]


class Segment:
    """An opened segment: what its manifest entry says, its mapped files, views of them.

    n_docs, n_tokens: with deleted documents
    n_deleted: documents that are deleted
    """

    def __init__(self, directory: Path, manifest: dict[str, Any], entry: dict[str, Any], known: Any = None) -> None:
        """known: another opened segment; files that both have are not opened again."""
        self.entry = entry
        self.n_docs: int = entry["n_docs"]
        self.n_tokens: int = entry["n_tokens"]
        self.n_deleted: int = entry["n_deleted"]
        self.files: dict[str, Container] = {}
        for role, file in entry["files"].items():
            same = known is not None and known.entry["files"].get(role) == file
            self.files[role] = known.files[role] if same else open_file(directory, file)
        self.dim: int = manifest["dim"]
        self.kind: str = manifest["kind"]
        self._schema: dict[str, str] = manifest.get("metadata", {})
        self._facts: dict[str, Any] = manifest["flat" if self.kind == "flat" else "codebook"]
        self.main = self.files["flat" if self.kind == "flat" else "segment"]
        self.ids: Sequence[str] = self.column("ids") or PositionIds(self.n_docs)
        self.titles = self.column("titles")
        self.texts = self.column("texts")
        self.offsets = self.main.array("doc_offsets", np.int64 if self.kind == "flat" else np.uint64).view(np.int64)
        if len(self.offsets) != self.n_docs + 1:
            raise damaged(self.main, f"{len(self.offsets)} offsets", f"{self.n_docs + 1}")
        self.deleted = self._deleted_bits()
        if known is not None and known.files.get("metadata") is self.files.get("metadata"):
            self.__dict__ |= {name: value for name, value in known.__dict__.items() if name == "columns"}  # as read
        self.knows_terms: bool = entry.get("terms", False) or self.n_tokens == 0

    def column(self, name: str) -> StringColumn | None:
        file = self.files.get("documents")
        if file is None or f"{name}.offsets" not in file:
            return None
        column = StringColumn(file, name)
        if len(column) != self.n_docs:
            raise damaged(file, f"{len(column)} {name}", f"{self.n_docs}")
        return column

    @cached_property
    def columns(self) -> dict[str, Column]:
        """The metadata of all documents, deleted ones too."""
        file = self.files.get("metadata")
        if file is None:
            return {}
        columns = read_columns(file, self.n_docs)
        for name, column in columns.items():
            if column.type != self._schema.get(name):
                raise damaged(file, f"{column.type} in column {name!r}", str(self._schema.get(name)))
        return columns

    def _deleted_bits(self) -> NDArray[np.uint8] | None:
        if "deleted" not in self.files:
            return None
        bits = self.files["deleted"].array("bits", np.uint8)
        if len(bits) != (self.n_docs + 7) // 8:
            raise damaged(self.files["deleted"], f"{len(bits)} bytes of bits", f"{(self.n_docs + 7) // 8}")
        return bits

    @cached_property
    def is_deleted(self) -> NDArray[np.bool_]:
        """Bool [n_docs]"""
        if self.deleted is None:
            return np.zeros(self.n_docs, bool)
        return np.unpackbits(self.deleted, count=self.n_docs, bitorder="little").astype(bool)

    @property
    def vectors(self) -> NDArray[Any]:
        """The token vectors as they are stored, [n_tokens, dim]: of a flat segment, or of one that keeps them."""
        flat = self.kind == "flat"
        file = self.main if flat else self.files["vectors"]
        values = file.array("vectors", np.dtype(self._facts["dtype"] if flat else KEPT_DTYPE))
        if values.size != self.n_tokens * self.dim:
            raise damaged(file, f"{values.size} values", f"{self.n_tokens * self.dim}")
        return values.reshape(self.n_tokens, self.dim)

    @property
    def term_positions(self) -> NDArray[Any]:
        """Ascending numbers of the tokens whose centroid does not tell their vocabulary id."""
        file = self.files.get("terms")
        return np.zeros(0, np.uint8) if file is None or self.kind == "flat" else _integers(file, "positions")

    @property
    def term_ids(self) -> NDArray[Any]:
        """The vocabulary ids of those; in a flat index those of all tokens."""
        file = self.files.get("terms")
        ids = np.zeros(0, np.uint8) if file is None else _integers(file, "ids")
        expected = self.n_tokens if self.kind == "flat" else len(self.term_positions)
        if len(ids) != expected:
            raise damaged(self.main if file is None else file, f"{len(ids)} ids of tokens", f"{expected}")
        return ids

    @property
    def id_bytes(self) -> int:
        return (self.main.array("assignment", np.uint8).size - 4) // self.n_tokens if self.n_tokens else 4

    def native_view(self, codebook: Any) -> Any:
        main, refine = self.main, self.files.get("refine")
        if bool(self._facts["refine_bits"]) != (refine is not None):
            expected = "a refine file exactly when it is not 0"
            raise damaged(main, f"refine_bits {self._facts['refine_bits']}", expected)
        listed = "lists" in main
        try:
            return native.SegmentView(
                codebook,
                doc_offsets=main.array("doc_offsets", np.uint64),
                n_tokens=self.n_tokens,
                assignment=main.array("assignment", np.uint8),
                id_bytes=self.id_bytes,
                codes=main.array("codes", np.uint8),
                scales=main.array("scales", np.uint16),
                refine_codes=np.zeros(0, np.uint8) if refine is None else refine.array("codes", np.uint8),
                refine_scales=np.zeros(0, np.uint16) if refine is None else refine.array("scales", np.uint16),
                list_offsets=main.array("list_offsets", np.uint64) if listed else np.zeros(1, np.uint64),
                list_counts=main.array("list_counts", np.uint32) if listed else np.zeros(0, np.uint32),
                lists=main.array("lists", np.uint8) if listed else np.zeros(8, np.uint8),
                deleted=self.deleted,
            )
        except (ValueError, TypeError) as error:  # TypeError: a number that does not fit its C++ type
            raise damaged(main, str(error), "sections that agree with the manifest") from None

    def assignment(self, begin: int = 0, end: int | None = None) -> NDArray[np.uint32]:
        """Centroid of every token from ``begin`` to ``end`` (None for all), uint32 [n]."""
        width, end = self.id_bytes, self.n_tokens if end is None else end
        stored = self.main.array("assignment", np.uint8)[begin * width : end * width].reshape(end - begin, width)
        wide = np.zeros((end - begin, 4), np.uint8)
        wide[:, :width] = stored
        ids: NDArray[np.uint32] = wide.view("<u4").reshape(-1)
        return ids

    def find(self, ids: Sequence[str], encoded: EncodedIds) -> NDArray[np.int64]:
        """Where each id stands in this segment, deleted or not; -1 where it does not."""
        found = np.full(len(ids), -1, np.int64)
        if isinstance(self.ids, PositionIds):
            for i, identifier in enumerate(ids):
                if identifier.isascii() and identifier.isdecimal() and str(int(identifier)) == identifier:
                    found[i] = int(identifier) if int(identifier) < self.n_docs else -1
            return found
        file = self.files["documents"]
        hashes, order = file.array("id_hashes", np.uint64), file.array("id_order", np.uint32)
        assert isinstance(self.ids, StringColumn)
        try:
            native.find_strings(*encoded, hashes, order, *self.ids.arrays, found)
        except ValueError as error:
            raise damaged(file, str(error), "arrays of one length") from None
        return found


EncodedIds: TypeAlias = tuple[NDArray[np.uint8], NDArray[np.uint64]]


def encode_ids(ids: Sequence[str]) -> EncodedIds:
    """The ids' UTF-8 bytes, and where each begins."""
    encoded = [identifier.encode("utf-8", "surrogatepass") for identifier in ids]
    offsets = np.zeros(len(encoded) + 1, np.uint64)
    np.cumsum([len(one) for one in encoded], out=offsets[1:])
    return np.frombuffer(b"".join(encoded), np.uint8), offsets


def bitmap_of(flags: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """A bit for each flag, lowest bit of a byte first."""
    return np.packbits(flags, bitorder="little")


def hash_ids(ids: Sequence[str]) -> NDArray[np.uint64]:
    """64-bit hashes of the ids' UTF-8 bytes, the same on every machine."""
    hashes = np.zeros(len(ids), np.uint64)
    for begin in range(0, len(ids), _CHUNK_IDS):
        part = hashes[begin : begin + _CHUNK_IDS]
        native.hash_strings(*encode_ids(ids[begin : begin + _CHUNK_IDS]), part)
    return hashes


def _integers(file: Container, name: str) -> NDArray[Any]:
    if name not in file or file.dtype(name).str[1:] not in ("u1", "u2", "u4", "i8"):
        raise damaged(file, f"no integers {name!r}", "u1, u2, u4 or i8")
    return file.array(name, file.dtype(name))


def damaged(file: Container, found: str, expected: str) -> DataError:
    message = f"{file.path}: does not fit the manifest: found {found}, expected {expected}"
    return DataError(message, path=str(file.path), found=found, expected=expected)
