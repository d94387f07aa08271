"""Writing segments: from documents of other segments, or from coded ones in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from motherlode.core.files import Container, ContainerWriter
from motherlode.core.strings import write_strings
from motherlode.retrieval.inputs import KEPT_DTYPE
from motherlode.retrieval.kernels import native
from motherlode.retrieval.metadata.column_files import write_columns
from motherlode.retrieval.metadata.columns import Column, concatenated, null_column
from motherlode.retrieval.metadata.values import NULL
from motherlode.retrieval.segments import Segment, bitmap_of, damaged, hash_ids
from motherlode.retrieval.terms import StoredTerms, TermExceptions

__all__ = [
    "LISTED_TOKENS",
    "CodeShape",
    "SegmentSource",
    "joined_columns",
    "write_assignment",
    "write_deleted",
    "write_documents",
    "write_lists",
    "write_metadata",
    "write_segment",
    "write_vectors",
]

# A segment of fewer tokens has no posting lists: the centroids of all its documents are scored, which costs a search
# about a nanosecond per token, where lists would cost 12 bytes of every centroid in every segment.
LISTED_TOKENS = 1 << 16
_CHUNK_TOKENS = 1 << 16
_CHUNK_VALUES = 1 << 22


@dataclass(frozen=True, slots=True)
class CodeShape:
    """What an index's coded tokens look like.

    dim, bits, refine_bits: as in the codebook
    n_centroids: how many the codebook has now
    keeps_vectors: whether the vectors stand beside the codes
    kinds: int64 [n_centroids], the vocabulary id of each one's type; None without token ids
    """

    dim: int
    bits: int
    refine_bits: int
    n_centroids: int
    keeps_vectors: bool = False
    kinds: NDArray[np.int64] | None = None

    @property
    def row_bytes(self) -> int:
        return int(native.row_bytes(self.dim, self.bits))

    @property
    def refine_row_bytes(self) -> int:
        return int(native.row_bytes(self.dim, self.refine_bits)) if self.refine_bits else 0

    @property
    def id_bytes(self) -> int:
        return 2 if self.n_centroids <= 1 << 16 else 3 if self.n_centroids <= 1 << 24 else 4


class SegmentSource:
    """Documents to be written into a segment: some of an opened one, or coded ones in memory.

    keep: bool [n_docs], which documents to take
    tokens: rows of every token array by name: "assignment", "codes", "scales", "refine_codes", "refine_scales" (coded),
        "vectors" (flat, or coded and kept); and "terms", their vocabulary ids, where they are known
    ids, titles, texts: by document; None for none
    columns: metadata of all n_docs documents
    """

    def __init__(
        self,
        offsets: NDArray[np.int64],
        tokens: dict[str, Any],
        ids: Sequence[str],
        titles: Sequence[str] | None,
        texts: Sequence[str] | None,
        keep: NDArray[np.bool_],
        columns: Mapping[str, Column] | None = None,
    ) -> None:
        self._columns = columns or {}
        self.tokens, self.ids, self.titles, self.texts = tokens, ids, titles, texts
        self.kept = np.flatnonzero(keep)
        self.lengths = np.diff(offsets)[self.kept]
        # runs of kept documents that follow each other, as ranges of tokens
        breaks = np.flatnonzero(np.diff(self.kept) != 1) + 1
        runs = np.split(self.kept, breaks) if len(self.kept) else []
        self._runs = [(int(offsets[run[0]]), int(offsets[run[-1] + 1])) for run in runs]

    @classmethod
    def of(
        cls,
        segment: Segment,
        shape: CodeShape | None,
        keep: NDArray[np.bool_],
        columns: Mapping[str, Column] | None = None,
    ) -> SegmentSource:
        """Documents of an opened segment.

        shape: of its codes; None for a flat index
        columns: in place of its metadata
        """
        n = segment.n_tokens
        if shape is None:
            tokens: dict[str, Any] = {"vectors": segment.vectors}
        else:
            tokens = {
                "assignment": segment.assignment(),
                "codes": _matrix(segment.main, n, shape.row_bytes),
                "scales": segment.main.array("scales", np.uint16),
            }
            if shape.refine_bits:
                refine = segment.files["refine"]
                tokens["refine_codes"] = _matrix(refine, n, shape.refine_row_bytes)
                tokens["refine_scales"] = refine.array("scales", np.uint16)
            if shape.keeps_vectors:
                tokens["vectors"] = segment.vectors
        if segment.knows_terms and (shape is None or shape.kinds is not None):
            tokens["terms"] = StoredTerms(segment, tokens.get("assignment"), None if shape is None else shape.kinds)
        metadata = segment.columns if columns is None else columns
        return cls(segment.offsets, tokens, segment.ids, segment.titles, segment.texts, keep, metadata)

    @property
    def n_docs(self) -> int:
        return len(self.kept)

    @property
    def knows_terms(self) -> bool:
        return "terms" in self.tokens or not self.lengths.any()

    def pieces(self, name: str) -> Iterator[NDArray[Any]]:
        """Rows of the kept documents in order, in pieces of bounded size."""
        rows = self.tokens[name]
        for begin, end in self._runs:
            for at in range(begin, end, _CHUNK_TOKENS):
                yield rows[at : min(end, at + _CHUNK_TOKENS)]

    def columns(self) -> dict[str, Column]:
        """The metadata of the kept documents."""
        return {name: column.take(self.kept) for name, column in self._columns.items()}

    def strings(self, name: str) -> Iterator[str]:
        column: Sequence[str] | None = getattr(self, name)
        return ("" if column is None else column[i] for i in self.kept.tolist())


def write_segment(
    sources: Sequence[SegmentSource], shape: CodeShape | None, dtype: Any, create: Callable[[str], ContainerWriter]
) -> tuple[int, int, list[str]]:
    """Writes the documents of all sources, one after the other; returns n_docs, n_tokens and the roles of its files.

    shape: of coded tokens; None for a flat segment of ``dtype``
    create: opens the file of a role
    """
    lengths = np.concatenate([source.lengths for source in sources])
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    n_tokens = int(offsets[-1])
    if shape is None:
        with create("flat") as writer:
            writer.add("doc_offsets", offsets)
            _stream(writer, "vectors", dtype, sources)
        roles = ["flat"]
    else:
        roles = ["segment", *(["refine"] if shape.refine_bits else [])]
        _write_codes(sources, shape, offsets, create)
        if shape.keeps_vectors:
            with create("vectors") as writer:
                _stream(writer, "vectors", np.dtype(KEPT_DTYPE), sources)
            roles.append("vectors")
    if all(source.knows_terms for source in sources):
        roles += _write_terms(sources, shape, create)
    columns = {
        name: None if all(getattr(s, name) is None for s in sources) else _chained(sources, name)
        for name in ("titles", "texts")
    }
    ids = [identifier for source in sources for identifier in source.strings("ids")]
    write_documents(create, ids, columns["titles"], columns["texts"])
    roles.append("documents")
    if write_metadata(create, joined_columns([(source.n_docs, source.columns()) for source in sources])):
        roles.append("metadata")
    return len(lengths), n_tokens, roles


def joined_columns(parts: Sequence[tuple[int, Mapping[str, Column]]]) -> dict[str, Column]:
    """Columns of several sets of documents, one after the other; parts: how many documents, and their columns."""
    names = dict.fromkeys(name for _, columns in parts for name in columns)
    return {name: concatenated([columns.get(name) or null_column(n) for n, columns in parts]) for name in names}


def write_metadata(create: Callable[[str], ContainerWriter], columns: Mapping[str, Column]) -> bool:
    """Writes the columns; returns whether there was a value."""
    if all(column.type == NULL for column in columns.values()):
        return False
    with create("metadata") as writer:
        write_columns(writer, columns)
    return True


def _write_terms(
    sources: Sequence[SegmentSource], shape: CodeShape | None, create: Callable[[str], ContainerWriter]
) -> list[str]:
    found = TermExceptions(None if shape is None else shape.kinds)
    for source in sources:
        if "terms" in source.tokens:
            centroids = repeat(None) if shape is None else source.pieces("assignment")
            for ids, assignment in zip(source.pieces("terms"), centroids, strict=False):
                found.add(ids, assignment)
    return found.write(create)


def _write_codes(
    sources: Sequence[SegmentSource],
    shape: CodeShape,
    offsets: NDArray[np.int64],
    create: Callable[[str], ContainerWriter],
) -> None:
    n_tokens = int(offsets[-1])
    with ExitStack() as stack:
        writer = stack.enter_context(create("segment"))
        writer.add("doc_offsets", offsets.astype(np.uint64))
        assignment = np.concatenate([np.zeros(0, np.uint32), *(p for s in sources for p in s.pieces("assignment"))])
        write_assignment(writer, assignment, shape.id_bytes)
        _stream(writer, "codes", np.uint8, sources, slack=native.READ_SLACK)
        _stream(writer, "scales", np.uint16, sources)
        if shape.refine_bits:
            refine = stack.enter_context(create("refine"))
            _stream(refine, "codes", np.uint8, sources, source_name="refine_codes", slack=native.READ_SLACK)
            _stream(refine, "scales", np.uint16, sources, source_name="refine_scales")
        if n_tokens > LISTED_TOKENS:
            write_lists(writer, assignment, offsets, shape.n_centroids)


def write_vectors(writer: ContainerWriter, vectors: NDArray[Any]) -> None:
    """The vectors to keep beside the codes; [n_tokens, dim], which may be memory-mapped, in pieces of some 8 MiB."""
    step = max(1, _CHUNK_VALUES // vectors.shape[1])
    with writer.section("vectors", np.dtype(KEPT_DTYPE)) as section:
        for begin in range(0, len(vectors), step):
            section.write(np.ascontiguousarray(vectors[begin : begin + step], KEPT_DTYPE))


def write_assignment(writer: ContainerWriter, assignment: NDArray[np.uint32], id_bytes: int) -> None:
    """Little-endian ids of 2, 3 or 4 bytes each, then 4 spare bytes."""
    with writer.section("assignment", np.uint8) as section:
        for begin in range(0, len(assignment), _CHUNK_TOKENS):
            wide = assignment[begin : begin + _CHUNK_TOKENS].astype("<u4").view(np.uint8).reshape(-1, 4)
            section.write(np.ascontiguousarray(wide[:, :id_bytes]))
        section.write(bytes(4))


def write_lists(
    writer: ContainerWriter, assignment: NDArray[np.uint32], offsets: NDArray[np.int64], n_centroids: int
) -> None:
    """Posting lists of every centroid."""
    starts, counts, lists = native.build_postings(assignment, offsets, n_centroids)
    writer.add("list_offsets", starts)
    writer.add("list_counts", counts)
    writer.add("lists", lists)


def write_documents(
    create: Callable[[str], ContainerWriter],
    ids: Sequence[str] | None,
    titles: Any,
    texts: Any,
) -> bool:
    """Ids with their hashes, titles and texts; only what there is. Returns whether there was anything."""
    if ids is None and titles is None and texts is None:
        return False
    with create("documents") as writer:
        if ids is not None:
            write_strings(writer, "ids", ids)
            hashes = hash_ids(ids)
            order = np.argsort(hashes, kind="stable")
            writer.add("id_hashes", hashes[order])
            writer.add("id_order", order.astype(np.uint32))
        for name, column in (("titles", titles), ("texts", texts)):
            if column is not None:
                write_strings(writer, name, column)
    return True


def write_deleted(create: Callable[[str], ContainerWriter], is_deleted: NDArray[np.bool_]) -> None:
    with create("deleted") as writer:
        writer.add("bits", bitmap_of(is_deleted))


def _matrix(file: Container, n_rows: int, width: int) -> NDArray[np.uint8]:
    stored = file.array("codes", np.uint8)
    if stored.size < n_rows * width:
        raise damaged(file, f"{stored.size} bytes of codes", f"{n_rows * width} or more")
    return stored[: n_rows * width].reshape(n_rows, width)


def _stream(
    writer: ContainerWriter,
    name: str,
    dtype: Any,
    sources: Sequence[SegmentSource],
    *,
    source_name: str | None = None,
    slack: int = 0,
) -> None:
    with writer.section(name, dtype) as section:
        for source in sources:
            for piece in source.pieces(source_name or name):
                section.write(np.ascontiguousarray(piece, dtype))
        section.write(bytes(slack))


def _chained(sources: Sequence[SegmentSource], name: str) -> Iterator[str]:
    for source in sources:
        yield from source.strings(name)
