"""The next state of an index: which segments are written, merged, rewritten or kept.

A commit writes the new documents as a segment, marks deleted ones in bitmaps, merges segments where they have become
many, and swaps the manifest. Files are never changed, so whatever interrupts a commit leaves the state before it.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from motherlode.core.files import ContainerWriter
from motherlode.core.ports import NullProgress, Progress
from motherlode.errors import ConflictError
from motherlode.retrieval.clustering import token_aware_clusters
from motherlode.retrieval.codebook import Codebook, make_codebook, read_codebook, write_codebook
from motherlode.retrieval.coding import assign_tokens, encode_tokens, grow_codebook
from motherlode.retrieval.layout import commit, discard, file_entry, file_name, hold_directory, next_generation
from motherlode.retrieval.metadata.columns import Column, null_column, replaced
from motherlode.retrieval.segment_files import CodeShape, SegmentSource, write_deleted, write_metadata, write_segment
from motherlode.retrieval.segments import Segment
from motherlode.retrieval.snapshot import Snapshot
from motherlode.retrieval.terms import centroid_kinds

if TYPE_CHECKING:
    from motherlode.retrieval.index import Index

__all__ = ["Batch", "Changes", "Commit", "code_tokens", "compact_index", "first_to_merge"]

_MERGE_FACTOR = 4  # a segment joins a merge when those after it hold at least a quarter of its tokens
_MERGE_COUNT = 8  # segments that are worth a merge


def first_to_merge(sizes: Sequence[int]) -> int:
    """From which segment on to merge, for segments of these many tokens; len(sizes) for none.

    Only neighbours merge, so documents stay in order of insertion. A token is rewritten about log(n) times in all.
    """
    first, total = len(sizes), 0
    while first > 0 and (total == 0 or sizes[first - 1] <= _MERGE_FACTOR * total):
        first -= 1
        total += max(1, sizes[first])
    return first if len(sizes) - first >= _MERGE_COUNT else len(sizes)


class Batch:
    """What one ``add`` brought: columns, and rows of tokens as the index stores them.

    raw: vectors and token ids that wait for a codebook, where the index has none yet
    """

    def __init__(
        self,
        ids: list[str],
        offsets: NDArray[np.int64],
        tokens: dict[str, NDArray[Any]],
        titles: Sequence[str] | None,
        texts: Sequence[str] | None,
        raw: tuple[NDArray[Any], NDArray[Any] | None] | None = None,
        columns: Mapping[str, Column] | None = None,
    ) -> None:
        self.raw = raw
        self.columns = dict(columns or {})
        self.ids, self.offsets, self.tokens, self.titles, self.texts = ids, offsets, tokens, titles, texts
        self.keep = np.ones(len(ids), bool)

    def source(self) -> SegmentSource:
        return SegmentSource(self.offsets, self.tokens, self.ids, self.titles, self.texts, self.keep, self.columns)


@dataclass(slots=True)
class Changes:
    """What a transaction asks of an index.

    batches: new documents
    deleted, purged: slots; purged ones are deleted too, and nothing of them stays in the files
    metadata: slot → column → its new value
    schema: the types of metadata columns afterwards
    """

    batches: list[Batch] = field(default_factory=list)
    deleted: set[int] = field(default_factory=set)
    purged: set[int] = field(default_factory=set)
    metadata: dict[int, dict[str, Any]] = field(default_factory=dict)
    schema: dict[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.deleted or self.metadata or any(batch.keep.any() for batch in self.batches))


def code_tokens(
    book: Codebook, array: NDArray[Any], kinds: NDArray[Any] | None
) -> tuple[Codebook, dict[str, NDArray[Any]]]:
    """The tokens' codes, and the codebook with the centroids that they needed."""
    assignment = np.zeros(0, np.uint32)
    if len(array):
        assignment, errors = assign_tokens(book, array, kinds, 0)
        grown = grow_codebook(book, array, kinds, errors, 0)
        if grown is not book:
            book = grown
            assignment, _ = assign_tokens(book, array, kinds, 0)
    coded = encode_tokens(book, array, 0, assignment, 0)
    return book, {
        "assignment": assignment,
        "codes": coded.codes,
        "scales": coded.scales,
        "refine_codes": coded.refine_codes,
        "refine_scales": coded.refine_scales,
        **({} if kinds is None else {"terms": kinds.astype(np.int64)}),
    }


class Commit:
    """Writes the next state of an index."""

    def __init__(self, state: Snapshot, book: Codebook | None) -> None:
        self.state, self.book = state, book
        self.directory: Path = state.directory
        self.generation = next_generation(self.directory)
        self.pseudo_types: bool = state.manifest["codebook"]["pseudo_types"] if book is not None else True
        self._written: list[Path] = []
        self._number = 0

    def write(self, changes: Changes, *, merge_all: bool = False) -> None:
        try:
            self._write(changes, merge_all)
        except OSError as error:
            discard(self.directory, self._written)
            raise _named(error, self.directory) from error
        except BaseException:
            discard(self.directory, self._written)
            raise

    def _write(self, changes: Changes, merge_all: bool) -> None:
        state, content = self.state, dict(self.state.manifest)
        batches = [batch for batch in changes.batches if batch.keep.any()]
        if changes.schema:
            content["metadata"] = changes.schema
        self._columns = self._changed_columns(changes.metadata)
        if any(batch.raw is not None for batch in batches):
            content |= self._first_codebook(batches)
        elif self.book is not None and len(self.book.centroids) != content["codebook"]["n_centroids"]:
            content |= self._written_codebook(self.book, content["codebook"])
        flags = self._deleted_flags(changes.deleted)
        alive = [int(np.diff(s.offsets)[~f].sum()) for s, f in zip(state.segments, flags, strict=True)]
        new_tokens = sum(int(np.diff(batch.offsets)[batch.keep].sum()) for batch in batches)
        sizes = [*alive, *([new_tokens] if batches else [])]
        first = 0 if merge_all else first_to_merge(sizes)
        entries: list[dict[str, Any]] = []
        for number in range(min(first, len(alive))):
            if self._wants_rewrite(number, flags, changes.purged):
                entries += self._merged([self._source(number, flags[number])])
            else:
                entries.append(self._kept(number, flags[number]))
        new = [batch.source() for batch in batches]
        old = [self._source(number, flags[number]) for number in range(first, len(state.segments))]
        entries += self._merged(old + new)
        content["segments"] = entries
        content["n_docs"] = sum(entry["n_docs"] - entry["n_deleted"] for entry in entries)
        content["n_tokens"] = sum(alive) + new_tokens
        commit(self.directory, content)

    def _deleted_flags(self, deleted: set[int]) -> list[NDArray[np.bool_]]:
        """Bool [n_docs] for each segment: what is deleted after this commit."""
        flags = [segment.is_deleted.copy() for segment in self.state.segments]
        slots = np.fromiter(deleted, np.int64, len(deleted))
        numbers = self._numbers(slots)
        for number in np.unique(numbers).tolist():
            own = slots[numbers == number] - self.state.starts[number]
            flags[number][own] = True
        return flags

    def _numbers(self, slots: NDArray[np.int64]) -> NDArray[np.int64]:
        """The segment of each slot."""
        return np.searchsorted(self.state.starts, slots, side="right") - 1

    def _changed_columns(self, changes: Mapping[int, Mapping[str, Any]]) -> dict[int, dict[str, Column]]:
        """Segment → its columns, for those whose documents get other metadata."""
        changed: dict[int, dict[str, dict[int, Any]]] = {}
        for slot, values in changes.items():
            number = int(self._numbers(np.array([slot]))[0])
            for name, value in values.items():
                changed.setdefault(number, {}).setdefault(name, {})[slot - int(self.state.starts[number])] = value
        columns = {}
        for number, by_name in changed.items():
            segment = self.state.segments[number]
            columns[number] = dict(segment.columns)
            for name, values_at in by_name.items():
                before = segment.columns.get(name) or null_column(segment.n_docs)
                columns[number][name] = replaced(before, values_at, name)
        return columns

    def _wants_rewrite(self, number: int, flags: Sequence[NDArray[np.bool_]], purged: set[int]) -> bool:
        """Segments with purged documents, and those of which more than half is deleted."""
        begin, end = self.state.starts[number], self.state.starts[number + 1]
        return any(begin <= slot < end for slot in purged) or bool(2 * flags[number].sum() > len(flags[number]))

    def _source(self, number: int, is_deleted: NDArray[np.bool_]) -> SegmentSource:
        return SegmentSource.of(self.state.segments[number], self._shape(), ~is_deleted, self._columns.get(number))

    def _shape(self) -> CodeShape | None:
        book = self.book
        if book is None:
            return None
        n, keeps = len(book.centroids), self.state.keep_vectors is not None
        kinds = None if self.pseudo_types else centroid_kinds(book.type_first, book.type_ids, n)
        return CodeShape(book.dim, book.bits, book.refine_bits, n, keeps, kinds)

    def _kept(self, number: int, is_deleted: NDArray[np.bool_]) -> dict[str, Any]:
        """The entry of a segment whose files stay, but for a new bitmap and new metadata where they have changed."""
        segment: Segment = self.state.segments[number]
        n_deleted = int(is_deleted.sum())
        files, (create, entries) = dict(segment.entry["files"]), self._files()
        if n_deleted != segment.n_deleted:
            write_deleted(create, is_deleted)
            files |= entries(["deleted"])
        if number in self._columns:
            files.pop("metadata", None)
            if write_metadata(create, self._columns[number]):
                files |= entries(["metadata"])
        return {**segment.entry, "n_deleted": n_deleted, "files": files}

    def _merged(self, sources: Sequence[SegmentSource]) -> list[dict[str, Any]]:
        """The entry of a new segment with the documents of all sources; none where there are no documents."""
        if not sum(source.n_docs for source in sources):
            return []
        create, entries = self._files()
        dtype = np.dtype(self.state.manifest["flat"]["dtype"]) if self.book is None else None
        n_docs, n_tokens, roles = write_segment(sources, self._shape(), dtype, create)
        known = {"terms": True} if all(source.knows_terms for source in sources) else {}
        return [{"n_docs": n_docs, "n_tokens": n_tokens, "n_deleted": 0, **known, "files": entries(roles)}]

    def _files(self) -> tuple[Any, Any]:
        """Opens files of a generation of their own, and makes their manifest entries."""
        generation = self.generation + self._number
        self._number += 1

        def create(role: str) -> ContainerWriter:
            self._written.append(self.directory / file_name(role, generation))
            return ContainerWriter(self._written[-1])

        def entries(roles: Sequence[str]) -> dict[str, Any]:
            return {role: file_entry(self.directory / file_name(role, generation)) for role in roles}

        return create, entries

    def _first_codebook(self, batches: Sequence[Batch]) -> dict[str, Any]:
        """Centroids and words for an index that was built of nothing, from its first tokens; codes those."""
        facts = self.state.manifest["codebook"]
        raw = [batch.raw for batch in batches if batch.raw is not None]
        given = [kinds for _, kinds in raw if kinds is not None]
        vectors = np.concatenate([array.astype(np.float32) for array, _ in raw])
        kinds = np.concatenate(given) if len(given) == len(raw) else None
        clusters = token_aware_clusters(vectors, kinds, seed=facts["rotation_seed"])
        pseudo, error = clusters.pseudo_types, clusters.mean_squared_error
        self.pseudo_types = pseudo
        self.book = make_codebook(clusters, vectors, facts["bits"], facts["refine_bits"], facts["rotation_seed"])
        for batch in batches:
            if batch.raw is not None:
                self.book, coded = code_tokens(self.book, batch.raw[0], None if pseudo else batch.raw[1])
                batch.tokens |= coded
        return self._written_codebook(self.book, {"pseudo_types": pseudo, "clustering_error": error})

    def _written_codebook(self, book: Codebook, facts: dict[str, Any]) -> dict[str, Any]:
        create, entries = self._files()
        with create("codebook") as writer:
            written = write_codebook(writer, book)
        return {
            "codebook": {**facts, **written},
            "files": {**self.state.manifest["files"], **entries(["codebook"])},
        }


def _named(error: OSError, directory: Path) -> Exception:
    """What a failing disk means to a user."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ConflictError(f"{directory}: the disk is full; free some space and write again. Nothing was changed")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return ConflictError(f"{directory}: cannot be written ({error.strerror}); nothing was changed")
    return error


def compact_index(index: Index, progress: Progress | None = None) -> None:
    """See :meth:`Index.compact`."""
    report = progress or NullProgress()
    with hold_directory(index.path):
        index.refresh()
        state = index.snapshot
        if len(state.segments) > 1 or state.n_deleted:
            report.start("merging segments", state.n_tokens, "tokens")
            book = None
            if state.kind == "compressed":
                book = read_codebook(state.files["codebook"], state.manifest["codebook"], state.dim)
            Commit(state, book).write(Changes(), merge_all=True)
            report.advance(state.n_tokens)
            report.finish()
        index.refresh()
