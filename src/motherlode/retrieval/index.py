"""The index: opened in an instant, searched from any thread."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from motherlode.core.files import Container
from motherlode.core.ports import Encoder
from motherlode.core.strings import StringColumn
from motherlode.errors import DataError, InputError, UnsupportedError
from motherlode.retrieval.hits import Hits
from motherlode.retrieval.inputs import check_count, check_query, check_token_ids
from motherlode.retrieval.kernels import level, native, thread_count
from motherlode.retrieval.layout import MANIFEST, load_manifest, open_file
from motherlode.retrieval.manifest import check_manifest
from motherlode.retrieval.settings import SearchSettings

__all__ = ["Index", "open_index"]


class _Positions(Sequence[str]):
    """Ids of an index that was built without: its positions as strings."""

    def __init__(self, n_docs: int) -> None:
        self._n = n_docs

    def __len__(self) -> int:
        return self._n

    def __getitem__(self, index: Any) -> Any:
        found = range(self._n)[index]
        return str(found) if isinstance(found, int) else [str(i) for i in found]


class Index:
    """A late-interaction index. Made by :func:`build_index` and :func:`open_index`; safe to use from any thread.

    n_docs, n_tokens, dim: counts, documents without tokens included
    kind: "flat" (exact) or "compressed"
    ids: the documents' ids by position; titles, texts: likewise, or None when they were not given
    """

    def __init__(self, path: Path, manifest: dict[str, Any], files: dict[str, Container]) -> None:
        self.path = path
        self._manifest, self._files = manifest, files
        self.kind: str = manifest["kind"]
        self.dim: int = manifest["dim"]
        self.n_docs: int = manifest["n_docs"]
        self.n_tokens: int = manifest["n_tokens"]
        self.ids: Sequence[str] = self._column("ids") or _Positions(self.n_docs)
        self.titles: Sequence[str] | None = self._column("titles")
        self.texts: Sequence[str] | None = self._column("texts")
        if self.kind == "flat":
            self._vectors, self._offsets = self._flat_arrays()
        else:
            self._searcher = self._make_searcher()

    def __repr__(self) -> str:
        return f"<Index {str(self.path)!r}: {self.n_docs:,} documents, {self.n_tokens:,} tokens, {self.kind}>"

    @property
    def size_bytes(self) -> int:
        """Bytes of all files of the index."""
        return sum(file.size_bytes for file in self._files.values()) + (self.path / MANIFEST).stat().st_size

    @cached_property
    def encoder(self) -> Encoder | None:
        """The encoder the index was built with, loaded at first use; None when it was built from vectors alone."""
        stored = self._manifest["encoder"]
        if stored is None:
            return None
        from motherlode.retrieval.encoders import load_encoder

        arrays: dict[str, NDArray[Any]] = {}
        if "encoder" in self._files:
            file = self._files["encoder"]
            for name in file.names():
                if not name.endswith(".shape"):
                    shape = file.array(f"{name}.shape", np.int64)
                    arrays[name] = file.array(name, file.dtype(name)).reshape(shape)
        return load_encoder(stored["config"], arrays)

    def info(self) -> dict[str, Any]:
        """What the index is, as JSON values: counts, sizes per file, codes, encoder, how and when it was built."""
        files = {file.path.name: file.size_bytes for file in self._files.values()}
        return {
            "path": str(self.path),
            **{key: value for key, value in self._manifest.items() if key != "files"},
            "files": files,
            "size_bytes": self.size_bytes,
            "bytes_per_token": self.size_bytes / max(1, self.n_tokens),
            "cpu_level": level(),
        }

    def verify(self) -> None:
        """Reads every byte and checks every CRC; raises DataError naming file, offset and both CRCs."""
        for file in self._files.values():
            file.verify()

    def search(
        self,
        query: Any,
        k: int = 10,
        query_token_ids: ArrayLike | None = None,
        k_centroids: int | None = None,
        k_docs_to_score: int | None = None,
        alpha: float | None = None,
        beta: int | None = None,
        *,
        k_gather: int | None = None,
        k_refine: int | None = None,
        stop_sigma: float | None = None,
        coarse: str = "auto",
    ) -> Hits:
        """The best k documents for a query, by MaxSim.

        query: float32 [n_query_tokens, dim]; or a string, when the index knows its encoder
        query_token_ids: integers [n_query_tokens], the query's vocabulary ids; optional, checked, used by the
            token-type ranges
        k_centroids: posting lists per query token
        k_gather: documents whose centroids are scored in full
        k_docs_to_score: documents whose residual codes are scored
        k_refine: documents whose refinement codes are scored, where the index has them
        alpha: keep documents within alpha * |k-th best| of it after the centroid stage; None is off
        beta: stop after this many scored documents in a row outside the top k; None is off
        stop_sigma: stop once a document's codes would have to add more to its centroid score than is usual by so many
            standard deviations; 0 is off
        coarse: "auto", "exhaustive" or "ranges"

        None takes the measured default for k. A flat index is exact and ignores all but k. Documents without tokens are
        never returned, an empty query returns empty Hits, k above n_docs returns all; equal scores stand in insertion
        order, and the same query gives the same hits every time. Raises InputError for a wrong shape or values.
        """
        tokens = self._query_vectors([query])[0]
        settings = SearchSettings(k, k_centroids, k_gather, k_docs_to_score, k_refine, alpha, beta, stop_sigma, coarse)
        options = settings.native_options(bool(self._refine_bits), self._types_of(query_token_ids, len(tokens)))
        if self.kind == "flat":
            found = native.exact_search(level(), self._vectors, self._offsets, tokens, check_count(k, "k"), 1)
        else:
            found = self._searcher.search(level(), tokens, options)
        return self._hits(found)

    def search_batch(
        self,
        queries: Sequence[Any],
        k: int = 10,
        n_threads: int = 0,
        *,
        k_centroids: int | None = None,
        k_docs_to_score: int | None = None,
        alpha: float | None = None,
        beta: int | None = None,
        k_gather: int | None = None,
        k_refine: int | None = None,
        stop_sigma: float | None = None,
        coarse: str = "auto",
    ) -> list[Hits]:
        """Searches many queries on several threads; the same hits as :meth:`search` one by one.

        queries: a list of float32 [n_query_tokens, dim], or of strings
        n_threads: 0 for the CPUs this process may use
        """
        threads = thread_count(n_threads)
        settings = SearchSettings(k, k_centroids, k_gather, k_docs_to_score, k_refine, alpha, beta, stop_sigma, coarse)
        options = settings.native_options(bool(self._refine_bits))
        arrays = self._query_vectors(queries)
        if self.kind == "flat":
            flat, count = (self._vectors, self._offsets), check_count(k, "k")
            return [self._hits(native.exact_search(level(), *flat, tokens, count, threads)) for tokens in arrays]
        offsets = np.zeros(len(arrays) + 1, np.int64)
        np.cumsum([len(tokens) for tokens in arrays], out=offsets[1:])
        tokens = np.concatenate(arrays) if arrays else np.zeros((0, self.dim), np.float32)
        return [self._hits(one) for one in self._searcher.search_batch(level(), tokens, offsets, options, threads)]

    @property
    def _refine_bits(self) -> int:
        return 0 if self.kind == "flat" else int(self._manifest["codebook"]["refine_bits"])

    def _query_vectors(self, queries: Sequence[Any]) -> list[NDArray[np.float32]]:
        texts = [query for query in queries if isinstance(query, str)]
        if not texts:
            return [check_query(query, self.dim) for query in queries]
        if len(texts) != len(queries):
            raise InputError("queries: strings and vectors mixed; give one kind")
        if self.encoder is None:
            raise UnsupportedError(
                "this index was built from vectors and knows no encoder; search with query vectors, or build it with "
                "build_text_index (or `lode index`)"
            )
        encoded = self.encoder.encode_queries(texts)
        pieces = np.split(encoded.vectors, encoded.offsets[1:-1])
        return [check_query(piece, self.dim) for piece in pieces]

    def _types_of(self, token_ids: ArrayLike | None, n_tokens: int) -> list[int]:
        """Numbers of the token types that a query's vocabulary ids name, without those the index has never seen."""
        ids = check_token_ids(token_ids, n_tokens, name="query_token_ids")
        if ids is None or self.kind == "flat" or self._manifest["codebook"]["pseudo_types"]:
            return []
        types = self._files["codebook"].array("type_ids", np.int64)
        ids = ids.astype(np.int64)
        at = np.minimum(np.searchsorted(types, ids), max(0, len(types) - 1))
        found: list[int] = np.unique(at[types[at] == ids]).tolist() if len(types) else []
        return found

    def _hits(self, found: tuple[Any, Any]) -> Hits:
        scores, positions = np.asarray(found[0]), np.asarray(found[1])
        return Hits([self.ids[p] for p in positions.tolist()], scores, positions)

    def _column(self, name: str) -> StringColumn | None:
        file = self._files.get("documents")
        if file is None or f"{name}.offsets" not in file:
            return None
        column = StringColumn(file, name)
        if len(column) != self.n_docs:
            raise self._damaged(file, f"{len(column)} {name}", f"{self.n_docs}")
        return column

    def _flat_arrays(self) -> tuple[NDArray[Any], NDArray[np.int64]]:
        file = self._files["flat"]
        vectors = file.array("vectors", np.dtype(self._manifest["flat"]["dtype"]))
        offsets = file.array("doc_offsets", np.int64)
        if vectors.size != self.n_tokens * self.dim or len(offsets) != self.n_docs + 1:
            found = f"{vectors.size} values, {len(offsets)} offsets"
            raise self._damaged(file, found, f"{self.n_tokens * self.dim} and {self.n_docs + 1}")
        return vectors.reshape(self.n_tokens, self.dim), offsets

    def _make_searcher(self) -> Any:
        facts = self._manifest["codebook"]
        book, segment, refine = self._files["codebook"], self._files["segment"], self._files.get("refine")
        if bool(facts["refine_bits"]) != (refine is not None):
            expected = "a refine file exactly when it is not 0"
            raise self._damaged(segment, f"refine_bits {facts['refine_bits']}", expected)
        offsets = segment.array("doc_offsets", np.uint64)
        if len(offsets) != self.n_docs + 1:
            raise self._damaged(segment, f"{len(offsets)} offsets", f"{self.n_docs + 1}")
        id_bytes = (segment.array("assignment", np.uint8).size - 4) // max(1, self.n_tokens)
        try:
            return native.Searcher(
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
                doc_offsets=offsets,
                n_tokens=self.n_tokens,
                assignment=segment.array("assignment", np.uint8),
                id_bytes=id_bytes if self.n_tokens else 4,
                codes=segment.array("codes", np.uint8),
                scales=segment.array("scales", np.uint16),
                refine_codes=np.zeros(0, np.uint8) if refine is None else refine.array("codes", np.uint8),
                refine_scales=np.zeros(0, np.uint16) if refine is None else refine.array("scales", np.uint16),
                list_offsets=segment.array("list_offsets", np.uint64),
                list_counts=segment.array("list_counts", np.uint32),
                lists=segment.array("lists", np.uint8),
            )
        except (ValueError, TypeError) as error:  # TypeError: a number that does not fit its C++ type
            raise self._damaged(segment, str(error), "sections that agree with the manifest") from None

    def _damaged(self, file: Container, found: str, expected: str) -> DataError:
        message = f"{file.path}: does not fit the manifest: found {found}, expected {expected}"
        return DataError(message, path=str(file.path), found=found, expected=expected)


def _open_files(directory: Path) -> tuple[dict[str, Any], dict[str, Container]]:
    """The manifest and its files. A build may replace both in between; then the new ones are opened."""
    manifest = load_manifest(directory)
    while True:
        check_manifest(directory / MANIFEST, manifest)
        try:
            return manifest, {role: open_file(directory, manifest, role) for role in manifest["files"]}
        except DataError:
            newer = load_manifest(directory)
            if newer == manifest:
                raise
            manifest = newer


def open_index(path: str | os.PathLike[str], verify: bool = False) -> Index:
    """Opens an index. Reads the manifest and the headers, maps the rest: it takes the same time whatever the size.

    verify: read everything and check every block's CRC first

    Raises InputError when there is no such directory; DataError, naming the file, what was found and what was expected,
    when something is missing, truncated, damaged or newer than this version reads.
    """
    directory = Path(path)
    try:
        manifest, files = _open_files(directory)
        index = Index(directory, manifest, files)
    except (KeyError, TypeError) as error:
        name = str(directory / MANIFEST)
        raise DataError(f"{name}: lacks {error}", path=name, found=str(error), expected="a complete manifest") from None
    if verify:
        index.verify()
    return index
