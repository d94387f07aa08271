"""One state of an index: its manifest, its files, its segments. Immutable, so a search sees all of a write or none."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from motherlode.core.files import Container
from motherlode.errors import DataError
from motherlode.retrieval.kernels import native
from motherlode.retrieval.layout import MANIFEST, load_manifest, open_file
from motherlode.retrieval.manifest import check_manifest
from motherlode.retrieval.segments import PositionIds, Segment, bitmap_of, damaged, encode_ids

if TYPE_CHECKING:
    from motherlode.retrieval.lexical import Lexicon

__all__ = ["LiveColumn", "PositionColumn", "Snapshot", "column_of", "open_snapshot"]


class Snapshot:
    """What a manifest names, opened.

    A document has a slot: its number when the documents of all segments, deleted ones too, are counted in order. Its
    position counts only those that are not deleted.

    n_docs, n_tokens, n_slots: counts; n_docs and n_tokens without what is deleted
    """

    def __init__(self, directory: Path, manifest: dict[str, Any], known: Snapshot | None = None) -> None:
        """known: an older state; files that both name are not opened again."""
        self.directory, self.manifest = directory, manifest
        self.kind: str = manifest["kind"]
        self.dim: int = manifest["dim"]
        self.n_docs: int = manifest["n_docs"]
        self.n_tokens: int = manifest["n_tokens"]
        self.schema: dict[str, str] = manifest.get("metadata", {})  # types of metadata columns by name
        self.keep_vectors: str | None = None if self.kind == "flat" else manifest.get("keep_vectors")
        before = {} if known is None else {entry["name"]: known.files[role] for role, entry in known.entries.items()}
        self.entries: dict[str, Any] = manifest["files"]
        self.files: dict[str, Container] = {
            role: before.get(entry["name"]) or open_file(directory, entry) for role, entry in self.entries.items()
        }
        old = {} if known is None else {_main_name(segment.entry): segment for segment in known.segments}
        self.segments: list[Segment] = [
            Segment(directory, manifest, entry, old.get(_main_name(entry))) for entry in manifest["segments"]
        ]
        self.starts = np.concatenate([[0], np.cumsum([s.n_docs for s in self.segments])]).astype(np.int64)
        self.n_slots = int(self.starts[-1])
        self.n_deleted = sum(segment.n_deleted for segment in self.segments)
        self._check_counts()
        if self.kind == "flat" or self.keep_vectors:
            for segment in self.segments:
                segment.vectors.shape  # noqa: B018  raises where the file does not fit
        if self.kind == "compressed":
            self.searcher = self._make_searcher()

    def _check_counts(self) -> None:
        """Tokens of deleted documents are counted by the writer; to count them here would read data."""
        stored = sum(segment.n_tokens for segment in self.segments)
        docs_fit = self.n_slots - self.n_deleted == self.n_docs
        if docs_fit and (stored == self.n_tokens or (self.n_deleted and stored > self.n_tokens)):
            return
        path = str(self.directory / MANIFEST)
        found = f"{self.n_slots} documents, {self.n_deleted} of them deleted, and {stored} tokens"
        expected = f"{self.n_docs} documents and {self.n_tokens} tokens"
        message = f"{path}: does not fit the manifest: the segments hold {found}, expected {expected}"
        raise DataError(message, path=path, found=found, expected=expected)

    def _make_searcher(self) -> Any:
        facts, book = self.manifest["codebook"], self.files["codebook"]
        try:
            view = native.CodebookView(
                rotation_seed=facts["rotation_seed"],
                bits=facts["bits"],
                refine_bits=facts["refine_bits"],
                centroids=book.array("centroids", np.uint8),
                dim=self.dim,
                n_centroids=facts["n_centroids"],
                centroid_scale=facts["scale"],
                centroid_norm=facts["norm"],
                residual_unit=facts["residual_unit"],
                basis=book.array("basis", np.float32),
                words=book.array("words", np.uint8),
                type_first=book.array("type_first", np.uint32),
                type_rows=book.array("type_rows", np.uint8),
            )
            return native.Searcher(view, [segment.native_view(view) for segment in self.segments])
        except (ValueError, TypeError) as error:  # TypeError: a number that does not fit its C++ type
            raise damaged(book, str(error), "sections that agree with the manifest") from None

    @property
    def size_bytes(self) -> int:
        """Bytes of all files."""
        return sum(file.size_bytes for file in self.all_files()) + (self.directory / MANIFEST).stat().st_size

    def all_files(self) -> list[Container]:
        return [*self.files.values(), *(file for segment in self.segments for file in segment.files.values())]

    @cached_property
    def is_deleted(self) -> NDArray[np.bool_]:
        """Bool [n_slots]"""
        return np.concatenate([np.zeros(0, bool), *(segment.is_deleted for segment in self.segments)])

    @cached_property
    def lexicon(self) -> Lexicon:
        """Which documents hold which vocabulary ids; UnsupportedError where that is not known."""
        from motherlode.retrieval.lexical import Lexicon  # only some searches need it

        return Lexicon(self)

    @cached_property
    def _live_slots(self) -> NDArray[np.int64] | None:
        """Slots of positions; None where they are the same."""
        return np.flatnonzero(~self.is_deleted) if self.n_deleted else None

    def positions(self, slots: NDArray[np.int64]) -> NDArray[np.int64]:
        """Positions of documents that are not deleted."""
        return slots if self._live_slots is None else np.searchsorted(self._live_slots, slots).astype(np.int64)

    def slot(self, position: int) -> int:
        return position if self._live_slots is None else int(self._live_slots[position])

    def locate(self, slot: int) -> tuple[Segment, int]:
        """The segment of a slot, and the document's number there."""
        number = int(np.searchsorted(self.starts, slot, side="right")) - 1
        return self.segments[number], slot - int(self.starts[number])

    def ids_of(self, slots: NDArray[np.int64]) -> list[str]:
        if len(self.segments) == 1:
            ids = self.segments[0].ids
            return [ids[slot] for slot in slots.tolist()]
        return [segment.ids[place] for segment, place in map(self.locate, slots.tolist())]

    def find(self, ids: Sequence[str]) -> NDArray[np.int64]:
        """Slots of the documents with these ids; -1 where there is none that is not deleted."""
        found = np.full(len(ids), -1, np.int64)
        encoded = encode_ids(ids)
        for segment, start in zip(self.segments, self.starts.tolist(), strict=False):
            places = segment.find(ids, encoded)
            there = np.flatnonzero(places >= 0)
            there = there[~segment.is_deleted[places[there]]]
            found[there] = start + places[there]
        return found

    def allowed(self, ids: Sequence[str]) -> NDArray[np.bool_]:
        """Bool [n_slots]: the documents with these ids; ids that are not there count for nothing."""
        flags = np.zeros(self.n_slots, bool)
        slots = self.find(ids)
        flags[slots[slots >= 0]] = True
        return flags

    def flat_search(self, level: str, query: Any, k: int, threads: int, allowed: NDArray[np.bool_] | None) -> Any:
        """Exact search over the segments of a flat index: scores and slots, best first."""
        scores, slots = [np.zeros(0, np.float32)], [np.zeros(0, np.int64)]
        for segment, start in zip(self.segments, self.starts.tolist(), strict=False):
            left_out = segment.deleted
            if allowed is not None:
                left_out = bitmap_of(segment.is_deleted | ~allowed[start : start + segment.n_docs])
            found = native.exact_search(level, segment.vectors, segment.offsets, query, k, threads, left_out)
            scores.append(np.asarray(found[0]))
            slots.append(np.asarray(found[1]) + start)
        if len(scores) == 2:
            return scores[1], slots[1]
        all_scores, all_slots = np.concatenate(scores), np.concatenate(slots)
        best = np.argsort(-all_scores, kind="stable")[:k]  # segments stand in order of insertion, so ties do too
        return all_scores[best], all_slots[best]


class PositionColumn(Sequence[str]):
    """A column of strings by position; whoever extends it says how long it is, and what stands at a position of it."""

    def _value(self, position: int) -> str:
        raise NotImplementedError

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        at = index.__index__()
        at = at + len(self) if at < 0 else at
        if not 0 <= at < len(self):
            raise IndexError(f"position {index} of {len(self)} documents")
        return self._value(at)


class LiveColumn(PositionColumn):
    """A column of the documents that are not deleted."""

    def __init__(self, snapshot: Snapshot, name: str) -> None:
        self._snapshot, self._name = snapshot, name

    def __len__(self) -> int:
        return self._snapshot.n_docs

    def _value(self, position: int) -> str:
        segment, place = self._snapshot.locate(self._snapshot.slot(position))
        column = getattr(segment, self._name)
        return "" if column is None else str(column[place])


def column_of(snapshot: Snapshot, name: str) -> Sequence[str] | None:
    """Ids, titles or texts by position; None where no segment has them."""
    if all(getattr(segment, name) is None for segment in snapshot.segments):
        return PositionIds(0) if name == "ids" else None
    if len(snapshot.segments) == 1 and not snapshot.n_deleted:
        only: Sequence[str] = getattr(snapshot.segments[0], name)
        return only
    return LiveColumn(snapshot, name)


def open_snapshot(directory: Path, known: Snapshot | None = None) -> Snapshot:
    """The current state. A writer may replace the manifest and its files in between; then the new ones are opened."""
    manifest = load_manifest(directory)
    while True:
        check_manifest(directory / MANIFEST, manifest)
        if known is not None and manifest == known.manifest:
            return known
        try:
            return Snapshot(directory, manifest, known)
        except DataError:
            newer = load_manifest(directory)
            if newer == manifest:
                raise
            manifest = newer


def _main_name(entry: dict[str, Any]) -> str:
    main = entry["files"].get("segment") or entry["files"]["flat"]
    return str(main["name"])
