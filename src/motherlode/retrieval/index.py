"""The index: opened in an instant, searched from any thread."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from motherlode.core.ports import Encoder, Progress, TokenVectors
from motherlode.errors import DataError, InputError
from motherlode.retrieval.hits import Hits
from motherlode.retrieval.inputs import check_count, check_ids
from motherlode.retrieval.kernels import level, thread_count
from motherlode.retrieval.late import hits_of, is_refined, late_search
from motherlode.retrieval.layout import MANIFEST
from motherlode.retrieval.metadata.expressions import Expression, Field
from motherlode.retrieval.queries import query_vectors
from motherlode.retrieval.selection import matching_slots, select
from motherlode.retrieval.settings import SearchSettings
from motherlode.retrieval.snapshot import Snapshot, column_of, open_snapshot

if TYPE_CHECKING:
    from motherlode.retrieval.document_vectors import DocumentVectors
    from motherlode.retrieval.explain import Explanation
    from motherlode.retrieval.rerank import Reranked
    from motherlode.retrieval.text_search import CandidateSource
    from motherlode.retrieval.writer import Writer

__all__ = ["Index", "open_index"]

_COUNTS = ("n_docs", "n_tokens", "n_deleted")


class Index:
    """A late-interaction index. Made by :func:`build_index` and :func:`open_index`; safe to use from any thread.

    An index shows one state of its directory: what was there when it was opened, or at the last :meth:`refresh`, or
    what its own writer committed. Counts, ids, titles and texts are those of that state, without deleted documents.
    """

    def __init__(self, path: Path, snapshot: Snapshot) -> None:
        self.path = path
        self.snapshot = snapshot  # for the rest of this package; replaced as a whole, so read it once

    def __repr__(self) -> str:
        return f"<Index {str(self.path)!r}: {self.n_docs:,} documents, {self.n_tokens:,} tokens, {self.kind}>"

    @property
    def kind(self) -> str:
        """Either "flat" (exact) or "compressed"."""
        return self.snapshot.kind

    @property
    def dim(self) -> int:
        return self.snapshot.dim

    @property
    def n_docs(self) -> int:
        """Documents, those without tokens included."""
        return self.snapshot.n_docs

    @property
    def n_tokens(self) -> int:
        return self.snapshot.n_tokens

    @property
    def ids(self) -> Sequence[str]:
        """The documents' ids by position, in order of insertion."""
        found = column_of(self.snapshot, "ids")
        assert found is not None
        return found

    @property
    def titles(self) -> Sequence[str] | None:
        """The documents' titles by position; None when none were given."""
        return column_of(self.snapshot, "titles")

    @property
    def texts(self) -> Sequence[str] | None:
        """The documents' texts by position; None when none were given."""
        return column_of(self.snapshot, "texts")

    @property
    def schema(self) -> dict[str, str]:
        """The metadata columns and their types: string, number, boolean, timestamp, strings; null without a value."""
        return dict(self.snapshot.schema)

    def metadata_of(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        """The metadata of documents, None where there is none. Raises InputError for an id that is not there."""
        state = self.snapshot
        slots = state.find(check_ids(ids, len(ids)) or []).tolist()
        if -1 in slots:
            raise InputError(f"ids: the index has no {list(ids)[slots.index(-1)]!r}")
        found = []
        for segment, place in map(state.locate, slots):
            columns = segment.columns
            found.append({name: columns[name].value(place) if name in columns else None for name in state.schema})
        return found

    def ids_where(self, where: str | Expression | Field, params: Sequence[Any] = ()) -> list[str]:
        """The ids of all documents that match a filter, in order of insertion; ``where`` as in :meth:`search`."""
        state = self.snapshot
        slots = np.flatnonzero(matching_slots(state, where, params) & ~state.is_deleted)
        return state.ids_of(slots)

    @property
    def size_bytes(self) -> int:
        """Bytes of all files of the index."""
        return self.snapshot.size_bytes

    def refresh(self) -> bool:
        """Shows the newest committed state; returns whether it is another one. Searches that run keep theirs."""
        before = self.snapshot
        self.snapshot = open_snapshot(self.path, before)
        return self.snapshot is not before

    def writer(self) -> Writer:
        """One transaction: ``with index.writer() as w: w.add(…); w.delete(…)``. Atomic on exit, see :class:`Writer`."""
        from motherlode.retrieval.writer import Writer  # a reader does not need it

        return Writer(self)

    def compact(self, progress: Progress | None = None) -> None:
        """Merges all segments into one and drops what was deleted; interrupted, it changes nothing. Readers go on."""
        from motherlode.retrieval.commits import compact_index

        compact_index(self, progress)

    @cached_property
    def encoder(self) -> Encoder | None:
        """The encoder the index was built with, loaded at first use; None when it was built from vectors alone."""
        stored = self.snapshot.manifest.get("encoder")
        if stored is None:
            return None
        from motherlode.retrieval.encoders import load_encoder

        arrays: dict[str, NDArray[Any]] = {}
        if "encoder" in self.snapshot.files:
            file = self.snapshot.files["encoder"]
            for name in file.names():
                if not name.endswith(".shape"):
                    shape = file.array(f"{name}.shape", np.int64)
                    arrays[name] = file.array(name, file.dtype(name)).reshape(shape)
        return load_encoder(stored["config"], arrays)

    def info(self) -> dict[str, Any]:
        """What the index is, as JSON values: counts, sizes per file, codes, encoder, how and when it was built."""
        state = self.snapshot
        files = {file.path.name: file.size_bytes for file in state.all_files()}
        facts = {key: value for key, value in state.manifest.items() if key not in ("files", "segments")}
        counts = [{key: segment.entry[key] for key in _COUNTS} for segment in state.segments]
        return {
            "path": str(self.path),
            **facts,
            "keep_vectors": state.keep_vectors,
            "segments": counts,
            "files": files,
            "size_bytes": state.size_bytes,
            "bytes_per_token": state.size_bytes / max(1, state.n_tokens),
            "cpu_level": level(),
        }

    def verify(self) -> None:
        """Reads every byte and checks every CRC; raises DataError naming file, offset and both CRCs."""
        for file in self.snapshot.all_files():
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
        where: str | Expression | Field | None = None,
        params: Sequence[Any] = (),
        subset: Sequence[str] | None = None,
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
        where: a filter over the documents' metadata: SQL text, ``"year >= ? AND has(tags, 'news')"`` with ``params``,
            or made with :func:`motherlode.field`. Comparisons, AND, OR, NOT, IN, BETWEEN, LIKE (case matters), IS NULL,
            has(list, 'x'); NULL as in SQL. Up to 10,000 documents that match are all scored, as a full scan would; with
            ``k_docs_to_score`` up to that many, and of more the best candidates, which is faster
        params: the values of the ? in ``where``; ``IN ?`` takes a list
        subset: ids of the documents to choose from, scored like those of ``where``. Ids that the index does not have
            count for nothing
        stop_sigma: stop once a document's codes would have to add more to its centroid score than is usual by so many
            standard deviations; 0 is off
        coarse: "auto", "exhaustive" or "ranges"

        None takes the measured default for k. A flat index is exact and ignores all but k. Documents without tokens are
        never returned, an empty query returns empty Hits, k above n_docs returns all; equal scores stand in insertion
        order, and the same query gives the same hits every time. Raises InputError for a wrong shape or values.
        """
        state = self.snapshot
        tokens = query_vectors(self, [query])[0]
        settings = SearchSettings(k, k_centroids, k_gather, k_docs_to_score, k_refine, alpha, beta, stop_sigma, coarse)
        chosen = select(state, subset, where, params)
        return late_search(state, tokens, query_token_ids, settings, chosen)

    def search_batch(
        self,
        queries: Sequence[Any],
        k: int = 10,
        n_threads: int = 0,
        *,
        where: str | Expression | Field | None = None,
        params: Sequence[Any] = (),
        subset: Sequence[str] | None = None,
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
        where, params, subset: the documents to choose from, the same for all queries
        n_threads: 0 for the CPUs this process may use
        """
        state = self.snapshot
        threads = thread_count(n_threads)
        settings = SearchSettings(k, k_centroids, k_gather, k_docs_to_score, k_refine, alpha, beta, stop_sigma, coarse)
        chosen = select(state, subset, where, params)
        options = settings.native_options(is_refined(state), score_all=chosen.scores_all(k_docs_to_score))
        arrays = query_vectors(self, queries)
        if state.kind == "flat":
            count = check_count(k, "k")
            return [
                hits_of(state, state.flat_search(level(), tokens, count, threads, chosen.allowed)) for tokens in arrays
            ]
        offsets = np.zeros(len(arrays) + 1, np.int64)
        np.cumsum([len(tokens) for tokens in arrays], out=offsets[1:])
        tokens = np.concatenate(arrays) if arrays else np.zeros((0, self.dim), np.float32)
        found = state.searcher.search_batch(level(), tokens, offsets, options, threads, chosen.bits)
        return [hits_of(state, one) for one in found]

    def search_text(
        self,
        query: str,
        k: int = 10,
        mode: str = "late",
        *,
        required: Sequence[str] = (),
        excluded: Sequence[str] = (),
        where: str | Expression | Field | None = None,
        params: Sequence[Any] = (),
        subset: Sequence[str] | None = None,
        fusion: str = "weighted",
        weight: float = 0.7,
        rrf_k: float = 60,
        depth: int | None = None,
        candidates: CandidateSource | None = None,
        k1: float = 1.2,
        b: float = 0.75,
        encoder: Encoder | None = None,
        encoded: TokenVectors | None = None,
        **options: Any,
    ) -> Hits:
        """The best k documents for a question in words.

        mode: "late" (MaxSim, as :meth:`search`), "lexical" (BM25 over wordpieces, exact; needs no model, only its
            tokenizer; a word whose wordpieces no document holds together counts for nothing) or "hybrid" (both, fused)
        required: words or phrases; all wordpieces of each must occur in a document, in any order
        excluded: words or phrases; documents in which all wordpieces of one occur, in any order, are left out
        fusion: "weighted" (scores from 0 to 1 in each list; ``weight`` is the share of late interaction) or "rrf" (sum
            of 1 / (rrf_k + rank)); depth: documents of each list that are fused, by default max(100, 5 * k)
        candidates: another first stage, whose documents late interaction scores; see ``CandidateSource``
        k1, b: of BM25
        encoder: in place of the index's own; encoded: the question's vectors, where they are there already
        options: of late interaction, as in :meth:`search`

        Terms, ``where`` and ``subset`` (as in :meth:`search`) narrow before anything is ranked. Scores are those of the
        mode: MaxSim, BM25, or of the fusion. Raises UnsupportedError without an encoder, and for words where the index
        was built without token ids.
        """
        from motherlode.retrieval.text_search import TextQuery, search_text

        asked = TextQuery(query, k, mode, required, excluded, fusion, weight, rrf_k, depth, candidates, k1, b)
        state = self.snapshot
        return search_text(
            state, encoder or self.encoder, asked, select(state, subset, where, params), encoded, **options
        )

    def search_lexical(
        self,
        token_ids: ArrayLike,
        k: int = 10,
        *,
        required: Sequence[ArrayLike] = (),
        excluded: Sequence[ArrayLike] = (),
        where: str | Expression | Field | None = None,
        params: Sequence[Any] = (),
        subset: Sequence[str] | None = None,
        k1: float = 1.2,
        b: float = 0.75,
    ) -> Hits:
        """The best k documents by BM25 over token ids: mode "lexical" of :meth:`search_text` for those without words.

        token_ids: integers [n], the question's vocabulary ids; one that stands twice counts twice
        required, excluded: terms, each of them one id or several

        Exact; only documents that hold one of the ids are found. N, document frequencies and the average length are of
        all documents that are not deleted. Source: Robertson and Zaragoza 2009, with Lucene's idf,
        ln(1 + (N - df + 0.5) / (df + 0.5)). Raises UnsupportedError where the index was built without token ids.
        """
        from motherlode.retrieval.lexical import lexical_search, narrow, term_ids

        state = self.snapshot
        wanted, unwanted = ([term_ids(term, "a term").tolist() for term in terms] for terms in (required, excluded))
        return lexical_search(
            state, token_ids, k, narrow(state, select(state, subset, where, params), wanted, unwanted), k1=k1, b=b
        )

    def vectors_of(self, doc_id: str) -> DocumentVectors:
        """A document's token vectors, float32 [n_doc_tokens, dim]: as they were given, or decoded from the codes.

        The result says which. Reads this document only. InputError for an id that the index does not have.
        """
        from motherlode.retrieval.document_vectors import vectors_of

        return vectors_of(self.snapshot, doc_id)

    def rerank(self, query: Any, ids: Sequence[str], k: int | None = None) -> Reranked:
        """Scores candidates of any engine by MaxSim and returns the best k of them, all for None; best first.

        query: as in :meth:`search`
        ids: distinct ids that the index has, in any order; else an InputError names them

        Exact where the index is flat or keeps its vectors (``keep_vectors``); otherwise the scores are those that
        :meth:`search` gives to these documents, from the codes that ``source`` names. Documents without tokens are left
        out, equal scores stand in insertion order.
        """
        from motherlode.retrieval.rerank import rerank

        state = self.snapshot
        return rerank(state, query_vectors(self, [query])[0], ids, k)

    def explain(self, query: Any, doc_id: str, encoder: Encoder | None = None) -> Explanation:
        """Which token of the query met which token of a document, how similar they are, and where that stands.

        query: as in :meth:`search`; encoder: in place of the index's own, for the query and for the places of tokens

        Compares the vectors that :meth:`vectors_of` gives, so exact ones where there are any. Cuts the stored text into
        tokens once more to find their places; without text or encoder these are None. InputError for an unknown id.
        """
        from motherlode.retrieval.explain import explain

        return explain(self, query, doc_id, encoder)


def open_index(path: str | os.PathLike[str], verify: bool = False) -> Index:
    """Opens an index. Reads the manifest and the headers, maps the rest: it takes the same time whatever the size.

    verify: read everything and check every block's CRC first

    Raises InputError when there is no such directory; DataError, naming the file, what was found and what was expected,
    when something is missing, truncated, damaged or newer than this version reads.
    """
    directory = Path(path)
    try:
        index = Index(directory, open_snapshot(directory))
    except (KeyError, TypeError) as error:
        name = str(directory / MANIFEST)
        raise DataError(f"{name}: lacks {error}", path=name, found=str(error), expected="a complete manifest") from None
    if verify:
        index.verify()
    return index
