"""Changing an index: one transaction at a time, atomic, while readers go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from motherlode.core.strings import text_to_encode
from motherlode.errors import ConflictError, InputError, UnsupportedError
from motherlode.retrieval.codebook import Codebook, read_codebook
from motherlode.retrieval.commits import Batch, Changes, Commit, code_tokens
from motherlode.retrieval.inputs import check_ids, check_offsets, check_token_ids, check_vectors
from motherlode.retrieval.layout import hold_directory
from motherlode.retrieval.metadata.columns import Column, null_column, replaced
from motherlode.retrieval.metadata.tables import columns_of, rows_of, schema_of
from motherlode.retrieval.snapshot import Snapshot

if TYPE_CHECKING:
    from motherlode.retrieval.index import Index

__all__ = ["Writer"]


class Writer:
    """One transaction on an index; made by :meth:`Index.writer`, used as a context manager.

    Leaving the ``with`` block commits everything in it at once and shows it in the index it was made from; other
    handles see it after their ``refresh()``. An exception inside discards everything. What is committed is on disk: it
    survives a crash. One writer at a time, in all processes: a second one gets a ConflictError.
    """

    def __init__(self, index: Index) -> None:
        self._index = index
        self._stack = ExitStack()
        self._state: Snapshot | None = None

    def __enter__(self) -> Writer:
        if self._state is not None:
            raise ConflictError("this writer is in use; ask the index for another one")
        self._stack.enter_context(hold_directory(self._index.path))
        try:
            self._index.refresh()
        except BaseException:
            self._stack.close()
            raise
        state = self._state = self._index.snapshot
        self._book: Codebook | None = None
        if state.kind == "compressed":
            self._book = read_codebook(state.files["codebook"], state.manifest["codebook"], state.dim)
        self._changes = Changes(schema=dict(state.schema))
        self._pending: dict[str, tuple[int, int]] = {}  # id: batch, document
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        with self._stack:
            try:
                if kind is None and self._changes:
                    Commit(self._open_state(), self._book).write(self._changes)
                    self._index.refresh()
            finally:
                self._state = None
                self._changes = Changes()

    def _open_state(self) -> Snapshot:
        if self._state is None:
            raise ConflictError("this writer is closed; open one: with index.writer() as w")
        return self._state

    def add(
        self,
        ids: Sequence[str],
        vectors: Any,
        offsets: ArrayLike,
        token_ids: ArrayLike | None = None,
        metadata: Any = None,
        *,
        titles: Sequence[str] | None = None,
        texts: Sequence[str] | None = None,
    ) -> None:
        """Adds documents. They come after all that are there.

        ids: n_docs strings that the index does not have
        vectors: float16 or float32 [n_tokens, dim]; offsets: int64 [n_docs + 1]; as in :func:`build_index`
        token_ids: integers [n_tokens]; needed where the index was built with them, not wanted where it was not
        metadata: a dict for each document, a dict of columns, or an Arrow, polars or pandas table; see
            :func:`build_index`
        titles, texts: n_docs strings, kept for display

        Raises InputError, and adds nothing, for ids that are there or stand twice, for vectors that do not fit, and for
        metadata of another type than its column has.
        """
        state = self._open_state()
        names, array, bounds, kinds = self._check(state, ids, vectors, offsets, token_ids, titles, texts)
        self._require_absent(names)
        columns = columns_of(metadata, len(names), self._changes.schema)
        self._append(self._batch(names, array, bounds, kinds, titles, texts), columns)

    def update(
        self,
        ids: Sequence[str],
        vectors: Any,
        offsets: ArrayLike,
        token_ids: ArrayLike | None = None,
        metadata: Any = None,
        *,
        titles: Sequence[str] | None = None,
        texts: Sequence[str] | None = None,
    ) -> None:
        """Replaces the vectors of documents, which move to the end.

        Titles and texts that are not given stay, and so do metadata columns that are not.

        Arguments as in :meth:`add`; raises InputError, and changes nothing, for ids that the index does not have.
        """
        state = self._open_state()
        names, array, bounds, kinds = self._check(state, ids, vectors, offsets, token_ids, titles, texts)
        self._require(names)
        titles = self._stored(names, "titles") if titles is None else titles
        texts = self._stored(names, "texts") if texts is None else texts
        columns = self._updated_columns(names, metadata)
        batch = self._batch(names, array, bounds, kinds, titles, texts)
        self._remove(names, purge=False)
        self._append(batch, columns)

    def set_metadata(self, ids: Sequence[str], metadata: Any) -> None:
        """Gives documents other metadata; their vectors, and columns that are not named, stay as they are.

        metadata: as in :meth:`add`; None sets NULL

        Raises InputError, and changes nothing, for ids that the index does not have and for values of another type
        than the column has.
        """
        self._open_state()
        names = check_ids(ids, len(ids)) or []
        self._require(names)
        rows = rows_of(metadata, len(names))
        schema = schema_of(columns_of(metadata, len(names), self._changes.schema), self._changes.schema)
        slots = self._open_state().find(names).tolist()
        pending: dict[tuple[int, str], dict[int, Any]] = {}  # batch and column: document, value
        for name, slot, row in zip(names, slots, rows, strict=True):
            if name in self._pending:
                number, place = self._pending[name]
                for key, value in row.items():
                    pending.setdefault((number, key), {})[place] = value
            else:
                self._changes.metadata.setdefault(slot, {}).update(row)
        for (number, key), values in pending.items():
            batch = self._changes.batches[number]
            batch.columns[key] = replaced(batch.columns.get(key) or null_column(len(batch.ids)), values, key)
        self._changes.schema = schema

    def delete(self, ids: Sequence[str], *, purge: bool = False) -> None:
        """Deletes documents; no search finds them from the commit on.

        purge: also rewrite the segments that hold them, so that the index's files keep nothing of them. Without it
            their bytes stay until a merge or :meth:`Index.compact`

        Raises InputError, and deletes nothing, for ids that the index does not have or that stand twice.
        """
        self._open_state()
        names = check_ids(ids, len(ids)) or []
        self._require(names)
        self._remove(names, purge=purge)

    def add_texts(
        self, ids: Sequence[str], texts: Sequence[str], *, titles: Sequence[str] | None = None, metadata: Any = None
    ) -> None:
        """Encodes texts with the index's encoder and adds them, as ``build_text_index`` does. Errors as in ``add``."""
        self._refuse(ids, texts, titles, known=True)
        vectors, offsets, token_ids = self._encoded(texts, titles)
        self.add(ids, vectors, offsets, token_ids, metadata, titles=titles, texts=texts)

    def update_texts(
        self, ids: Sequence[str], texts: Sequence[str], *, titles: Sequence[str] | None = None, metadata: Any = None
    ) -> None:
        """Encodes texts with the index's encoder and puts them in place of those there are. Errors as in ``update``.

        Titles that are not given stay, and are encoded with the new texts.
        """
        self._refuse(ids, texts, titles, known=False)
        titles = self._stored(ids, "titles") if titles is None else titles
        vectors, offsets, token_ids = self._encoded(texts, titles)
        self.update(ids, vectors, offsets, token_ids, metadata, titles=titles, texts=texts)

    def _refuse(self, ids: Sequence[str], texts: Sequence[str], titles: Sequence[str] | None, *, known: bool) -> None:
        """Finds out before the encoder has worked for nothing."""
        names = check_ids(ids, len(texts)) or []
        _check_columns(len(names), titles, texts)
        if known:
            self._require_absent(names)
        else:
            self._require(names)

    def _encoded(self, texts: Sequence[str], titles: Sequence[str] | None) -> tuple[Any, Any, Any]:
        """Vectors, offsets and token ids of texts."""
        encoder = self._index.encoder
        if encoder is None:
            raise UnsupportedError(
                "this index was built from vectors and knows no encoder; use add with vectors, or build it with "
                "build_text_index (or `lode index`)"
            )
        pairs = zip([""] * len(texts) if titles is None else titles, texts, strict=True)
        encoded = encoder.encode_documents([text_to_encode(title, text) for title, text in pairs])
        pseudo = self._open_state().manifest.get("codebook", {}).get("pseudo_types")
        return encoded.vectors, encoded.offsets, None if pseudo else encoded.token_ids

    def _check(
        self,
        state: Snapshot,
        ids: Sequence[str],
        vectors: Any,
        offsets: ArrayLike,
        token_ids: ArrayLike | None,
        titles: Sequence[str] | None,
        texts: Sequence[str] | None,
    ) -> tuple[list[str], NDArray[Any], NDArray[np.int64], NDArray[Any] | None]:
        array = check_vectors(vectors)
        if array.shape[1] != state.dim:
            raise InputError(f"vectors: dim {array.shape[1]}; the index has {state.dim}")
        bounds = check_offsets(offsets, len(array))
        names = check_ids(ids, len(bounds) - 1) or []
        _check_columns(len(names), titles, texts)
        kinds = check_token_ids(token_ids, len(array))
        if self._book is not None and len(self._book.centroids) and len(array):
            pseudo = state.manifest["codebook"]["pseudo_types"]
            if pseudo and kinds is not None:
                raise InputError("token_ids: the index was built without; leave them out")
            if not pseudo and kinds is None:
                raise InputError(
                    "token_ids: the index was built with them; give the vocabulary ids of these tokens too"
                )
        elif self._book is None and kinds is None and len(array) and _has_terms(state):
            raise InputError("token_ids: the index was built with them; give the vocabulary ids of these tokens too")
        return names, array, bounds, kinds

    def _known(self, names: Sequence[str]) -> list[str]:
        """Those of the ids that the index has at this point of the transaction."""
        slots = self._open_state().find(names).tolist()
        return [
            name
            for name, slot in zip(names, slots, strict=True)
            if name in self._pending or (slot >= 0 and slot not in self._changes.deleted)
        ]

    def _require_absent(self, names: Sequence[str]) -> None:
        known = self._known(names)
        if known:
            more = f" and {len(known) - 1} more" if len(known) > 1 else ""
            raise InputError(f"ids: the index has {known[0]!r}{more} already; use update, or leave them out")

    def _require(self, names: Sequence[str]) -> None:
        known = set(self._known(names))
        missing = [name for name in names if name not in known]
        if missing:
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            raise InputError(f"ids: the index has no {missing[0]!r}{more}")

    def _stored(self, names: Sequence[str], column: str) -> list[str] | None:
        """Titles or texts of documents that are there; None where none of them has any."""
        state = self._open_state()
        values: list[str] = []
        slots = state.find(names).tolist()
        found = False
        for name, slot in zip(names, slots, strict=True):
            if name in self._pending:
                batch, place = self._pending[name]
                strings: Sequence[str] | None = getattr(self._changes.batches[batch], column)
            else:
                segment, place = state.locate(slot)
                strings = getattr(segment, column)
            found = found or strings is not None
            values.append("" if strings is None else strings[place])
        return values if found else None

    def _updated_columns(self, names: Sequence[str], metadata: Any) -> dict[str, Column]:
        """The metadata of documents that are there, with what is given in its place."""
        rows, slots = rows_of(metadata, len(names)), self._open_state().find(names).tolist()
        merged = [{**self._metadata_of(n, slot), **row} for n, slot, row in zip(names, slots, rows, strict=True)]
        return columns_of(merged, len(names), self._changes.schema)

    def _metadata_of(self, name: str, slot: int) -> dict[str, Any]:
        """What a document has at this point of the transaction."""
        if name in self._pending:
            number, place = self._pending[name]
            return {key: column.value(place) for key, column in self._changes.batches[number].columns.items()}
        segment, place = self._open_state().locate(slot)
        stored = {key: column.value(place) for key, column in segment.columns.items()}
        return stored | self._changes.metadata.get(slot, {})

    def _remove(self, names: Sequence[str], *, purge: bool) -> None:
        slots = self._open_state().find(names).tolist()
        for name, slot in zip(names, slots, strict=True):
            if name in self._pending:
                batch, place = self._pending.pop(name)
                self._changes.batches[batch].keep[place] = False
                # an update before in this transaction has left the committed one deleted; a purge is for that too
                if purge and slot >= 0:
                    self._changes.purged.add(slot)
            else:
                self._changes.deleted.add(slot)
                if purge:
                    self._changes.purged.add(slot)

    def _batch(
        self,
        names: list[str],
        array: NDArray[Any],
        bounds: NDArray[np.int64],
        kinds: NDArray[Any] | None,
        titles: Sequence[str] | None,
        texts: Sequence[str] | None,
    ) -> Batch:
        state = self._open_state()
        tokens: dict[str, NDArray[Any]] = {}
        raw = None
        dtype = state.manifest["flat"]["dtype"] if self._book is None else state.keep_vectors
        if dtype is not None:
            with np.errstate(over="ignore"):
                stored = array.astype(dtype)  # a copy: the caller may go on writing into its own
            if not np.isfinite(stored).all():
                raise InputError(f"vectors: values beyond the range of {dtype}, in which this index keeps them")
            tokens["vectors"] = stored
        if self._book is None:
            tokens |= {} if kinds is None else {"terms": kinds.astype(np.int64)}
        elif len(self._book.centroids):
            self._book, coded = code_tokens(self._book, array, kinds)
            tokens |= coded
        else:
            raw = (array.copy(), None if kinds is None else kinds.astype(np.int64))
        columns = (None if titles is None else list(titles), None if texts is None else list(texts))
        return Batch(names, bounds, tokens, *columns, raw)

    def _append(self, batch: Batch, columns: Mapping[str, Column]) -> None:
        if batch.ids:
            batch.columns = dict(columns)
            self._changes.schema = schema_of(columns, self._changes.schema)
            self._changes.batches.append(batch)
            self._pending.update(
                (name, (len(self._changes.batches) - 1, place)) for place, name in enumerate(batch.ids)
            )


def _has_terms(state: Snapshot) -> bool:
    """Whether a flat index knows the vocabulary ids of its tokens."""
    return state.n_tokens > 0 and all(segment.knows_terms for segment in state.segments)


def _check_columns(n_docs: int, titles: Sequence[str] | None, texts: Sequence[str] | None) -> None:
    for name, column in (("titles", titles), ("texts", texts)):
        if column is not None and len(column) != n_docs:
            raise InputError(f"{name}: {len(column)} given for {n_docs} documents")
        for position, value in enumerate(column or ()):
            if not isinstance(value, str):
                raise InputError(f"{name}: {value!r} at position {position} is no string; convert with str()")
