"""PyLate: an index for ``retrieve.ColBERT``, with and without ``subset``.

PyLate pins another torch than this library is tested with, so it is no extra; beside torch 2.13 it is installed with
``pip install --no-deps pylate==1.6.0`` and ``pip install "sentence-transformers==5.3.0" "ujson==5.12.0"``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from motherlode import Index, build_index, compress_index, cpu, from_documents, open_index
from motherlode.errors import ConflictError, InputError, UnsupportedError

try:
    from pylate.indexes.base import Base
except ImportError as error:
    raise UnsupportedError(
        f"PyLate cannot be imported ({error}); pip install --no-deps pylate==1.6.0, and what it imports: "
        'pip install "sentence-transformers==5.3.0" "ujson==5.12.0"'
    ) from error

__all__ = ["MotherlodeIndex"]

_FLAT_TOKENS = 1 << 18  # where build_index, too, goes from flat to compressed
_SETTINGS = ("k_centroids", "k_docs_to_score", "k_gather", "k_refine", "alpha", "beta", "stop_sigma", "coarse")


class MotherlodeIndex(Base):
    """An index of PyLate's kind over a motherlode index in the folder ``index_folder/index_name``.

    ::

        index = MotherlodeIndex(index_folder="indexes", index_name="mine", override=True)
        index.add_documents(documents_ids=ids, documents_embeddings=model.encode(texts, is_query=False))
        retrieve.ColBERT(index=index).retrieve(model.encode(queries, is_query=True), k=10, subset=["7", "12"])

    override: the first ``add_documents`` replaces the index that is there, atomically; this object shows none till then
    kind: "flat" is exact; "compressed" keeps residual codes, and its centroids are those of the first documents added,
        so let these be many, and typical; "auto" is flat, and compressed above 262,144 tokens, also where many small
        additions have brought it there: then it is compressed once, from the vectors that it kept until then
    bits, refine_bits, n_centroids, seed: of a compressed index, as in :func:`motherlode.build_index`
    n_threads: 0 for the CPUs this process may use
    settings: of every search, as in :meth:`motherlode.Index.search`: k_centroids, k_docs_to_score, k_gather, k_refine,
        alpha, beta, stop_sigma, coarse

    Arrays may be torch tensors of any device and dtype, numpy arrays or nested lists. Ids are strings. Each addition,
    removal and update is a transaction: all of it, on disk, or nothing. Every search shows what is committed by then,
    by other processes too. The folder is a motherlode index like any other: ``motherlode.open_index(index.path)``.
    """

    is_end_to_end_index = True

    def __init__(
        self,
        index_folder: str = "indexes",
        index_name: str = "motherlode",
        override: bool = False,
        *,
        kind: str = "auto",
        bits: int = 2,
        refine_bits: int = 0,
        n_centroids: int | None = None,
        seed: int = 0,
        n_threads: int = 0,
        **settings: Any,
    ) -> None:
        if unknown := sorted(set(settings) - set(_SETTINGS)):
            raise InputError(f"{unknown[0]}: no such setting; choose from {', '.join(_SETTINGS)}")
        self.index_folder, self.index_name = index_folder, index_name
        self.path = Path(index_folder) / index_name
        self.kind, self.n_threads, self.settings = kind, n_threads, settings
        self._codes: dict[str, Any] = {
            "bits": bits,
            "refine_bits": refine_bits,
            "n_centroids": n_centroids,
            "seed": seed,
        }
        self._replaces = override
        self._index: Index | None = None
        self._find()

    def __repr__(self) -> str:
        return f"MotherlodeIndex({str(self.path)!r}, {'empty' if self._index is None else self._index!r})"

    @property
    def index(self) -> Index | None:
        """The index itself; None before documents were added."""
        return self._find()

    @property
    def is_indexed(self) -> bool:
        return self._find() is not None

    def _find(self) -> Index | None:
        """The index at its newest state, where there is one."""
        if self._index is not None:
            self._index.refresh()
        elif not self._replaces and (self.path / "manifest.json").exists():
            self._index = open_index(self.path)
        return self._index

    def _opened(self) -> Index:
        index = self._find()
        if index is None:
            raise InputError(f"{self.path}: the index is empty; add documents before querying")
        return index

    def add_documents(
        self,
        documents_ids: str | Sequence[str],
        documents_embeddings: Any,
        batch_size: int | None = None,
        *,
        documents_token_ids: Sequence[Any] | None = None,
        **_: Any,
    ) -> MotherlodeIndex:
        """Adds documents, all of them in one transaction; the first ones create the index.

        documents_ids: strings; one that is there already is an InputError, and nothing is added (``update_documents``
            replaces)
        documents_embeddings: per document [n_tokens, dim]; or what ``model.encode(…, output_value=None)`` returns,
            whose vocabulary ids are then used, too
        documents_token_ids: per document integers [n_tokens]; a compressed index keeps using them
        batch_size: not needed, there for callers of other indexes
        """
        ids, vectors, offsets, token_ids = _documents(documents_ids, documents_embeddings, documents_token_ids)
        if not ids:
            return self
        index = self._find()
        if index is None:
            self._index = build_index(
                self.path, vectors, offsets, token_ids, ids,
                overwrite=self._replaces, kind=self.kind, n_threads=self.n_threads, **self._codes,
            )  # fmt: skip
            self._replaces = False
            return self
        with index.writer() as writer:
            writer.add(ids, vectors, offsets, _wanted(index, token_ids))
        self._grow(index)
        return self

    def update_documents(
        self,
        documents_ids: str | Sequence[str],
        documents_embeddings: Any,
        *,
        documents_token_ids: Sequence[Any] | None = None,
    ) -> MotherlodeIndex:
        """Replaces the documents' vectors, and adds documents that are not there; one transaction."""
        ids, vectors, offsets, token_ids = _documents(documents_ids, documents_embeddings, documents_token_ids)
        index = self._find()
        if index is None or not ids:
            return self.add_documents(documents_ids, documents_embeddings, documents_token_ids=documents_token_ids)
        with index.writer() as writer:  # holds the lock: who is there now is there at the commit
            there = index.snapshot.find(ids) >= 0
            for change, chosen in ((writer.update, there), (writer.add, ~there)):
                if chosen.any():
                    rows = np.repeat(chosen, np.diff(offsets))
                    bounds = np.concatenate([[0], np.cumsum(np.diff(offsets)[chosen])])
                    types = _wanted(index, token_ids)
                    names = [name for name, here in zip(ids, chosen.tolist(), strict=True) if here]
                    change(names, vectors[rows], bounds, None if types is None else types[rows])
        self._grow(index)
        return self

    def remove_documents(self, documents_ids: str | Sequence[str]) -> MotherlodeIndex:
        """Removes documents; an id that is not there is an InputError, and nothing is removed."""
        with self._opened().writer() as writer:
            writer.delete([documents_ids] if isinstance(documents_ids, str) else list(documents_ids))
        return self

    def _grow(self, index: Index) -> None:
        if self.kind == "auto" and index.kind == "flat" and index.n_tokens > _FLAT_TOKENS:
            with suppress(ConflictError, UnsupportedError):  # what was added is there; the next addition tries again
                compress_index(index, n_threads=self.n_threads, **self._codes)

    def __call__(
        self,
        queries_embeddings: Any,
        k: int = 10,
        subset: Sequence[str] | Sequence[Sequence[str]] | None = None,
    ) -> list[list[dict[str, Any]]]:
        """The best k documents of each query, as PyLate's ``RerankResult``: {"id": …, "score": MaxSim}, best first.

        queries_embeddings: a list of [n_query_tokens, dim], one array [n_queries, n_query_tokens, dim], or a single
            query [n_query_tokens, dim]
        subset: ids to choose from, the same for all queries; or one list of ids per query. Ids that the index does not
            have count for nothing, an empty list leaves nothing
        """
        index = self._opened()
        queries = _queries(queries_embeddings)
        subsets = _subsets(subset, len(queries))
        if isinstance(subsets, list):
            with ThreadPoolExecutor(self.n_threads or cpu().n_threads) as pool:
                found = list(
                    pool.map(lambda pair: index.search(pair[0], k, subset=pair[1], **self.settings),
                             zip(queries, subsets, strict=True))
                )  # fmt: skip
        else:
            shared: Any = None if subset is None else subset if isinstance(subset, str) else list(subset)
            found = index.search_batch(queries, k, self.n_threads, subset=shared, **self.settings)
        return [[{"id": name, "score": score} for name, score in hits] for hits in found]

    def get_documents_embeddings(self, documents_ids: Sequence[Sequence[str]]) -> list[list[NDArray[np.float32]]]:
        """The documents' token vectors, for ``rank.rerank``; of a compressed index, as its codes have them."""
        index = self._opened()
        return [[index.vectors_of(name).vectors for name in group] for group in documents_ids]


def _host(array: Any) -> Any:
    """On the CPU, in a dtype that numpy has."""
    if hasattr(array, "detach"):
        array = array.detach().cpu()
        if "bfloat16" in str(array.dtype):
            array = array.float()
    return array


def _documents(
    ids: str | Sequence[str], embeddings: Any, token_ids: Sequence[Any] | None
) -> tuple[list[str], NDArray[Any], NDArray[np.int64], NDArray[Any] | None]:
    """Ids, vectors, offsets and token ids."""
    names = [ids] if isinstance(ids, str) else list(ids)
    if isinstance(embeddings, Mapping):  # model.encode(…, output_value=None)
        masks = [np.asarray(_host(mask), bool) for mask in embeddings["masks"]]
        token_ids = [np.asarray(_host(t))[m] for t, m in zip(embeddings["input_ids"], masks, strict=True)]
        embeddings = [np.asarray(_host(e))[m] for e, m in zip(embeddings["token_embeddings"], masks, strict=True)]
    elif hasattr(embeddings, "ndim"):
        embeddings = _host(embeddings)
        embeddings = embeddings[None] if embeddings.ndim == 2 else embeddings
    else:
        embeddings = [_host(embedding) for embedding in embeddings]
    if len(embeddings) != len(names):
        raise InputError(f"documents_embeddings: {len(embeddings)} given for {len(names)} documents_ids")
    if not names:
        return [], np.zeros((0, 1), np.float32), np.zeros(1, np.int64), None
    vectors, offsets = from_documents(embeddings)
    if token_ids is None:
        return names, vectors, offsets, None
    types = [np.asarray(_host(t)).reshape(-1) for t in token_ids]
    lengths = np.diff(offsets).tolist()
    if [len(t) for t in types] != lengths:
        raise InputError(f"documents_token_ids: lengths {[len(t) for t in types][:3]}…; expected {lengths[:3]}…")
    return names, vectors, offsets, np.concatenate(types).astype(np.int64)


def _wanted(index: Index, token_ids: NDArray[Any] | None) -> NDArray[Any] | None:
    """The token ids, where the index has a use for them."""
    if index.kind == "flat" or index.snapshot.manifest["codebook"]["pseudo_types"]:
        return None
    return token_ids


def _queries(embeddings: Any) -> list[Any]:
    """One [n_query_tokens, dim] per query, whatever PyLate's callers give."""
    if hasattr(embeddings, "ndim"):
        array = _host(embeddings)
        return [array] if array.ndim == 2 else list(array)
    queries = [_host(query) for query in embeddings]
    if queries and np.ndim(queries[0]) == 1:
        return [np.asarray(queries)]  # one query as nested lists
    return [query[0] if np.ndim(query) == 3 and len(query) == 1 else query for query in queries]


def _subsets(subset: Any, n_queries: int) -> list[list[str]] | None:
    """One list of ids per query; None where all queries share one, or have none."""
    if subset is None or isinstance(subset, str):
        return None
    lists = list(subset)
    if not lists or isinstance(lists[0], str) or not hasattr(lists[0], "__iter__"):
        return None
    if len(lists) != n_queries:
        raise InputError(f"subset: {len(lists)} lists of ids for {n_queries} queries; give one each, or one for all")
    if any(isinstance(one, str) or not hasattr(one, "__iter__") for one in lists):
        raise InputError("subset: ids and lists of ids mixed; give one list of ids, or one list per query")
    return [list(one) for one in lists]
