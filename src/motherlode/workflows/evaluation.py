"""How good an index is on judged queries: measures, agreement with exact MaxSim, latency."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from motherlode.core.ports import Encoder, NullProgress, Progress, TokenVectors
from motherlode.errors import DataError, InputError, UnsupportedError
from motherlode.retrieval.encoders.precomputed import Precomputed, open_precomputed
from motherlode.retrieval.exact import exact_search
from motherlode.retrieval.index import Index
from motherlode.retrieval.runs import ranked
from motherlode.workflows.documents import Document
from motherlode.workflows.text_index import BATCH_DOCS, encoder_of

__all__ = [
    "DEFAULT_MEASURES",
    "Evaluation",
    "evaluate",
    "open_precomputed",
    "read_qrels",
    "read_queries",
]

DEFAULT_MEASURES = ("nDCG@10", "RR@10", "R@100")
_PASSAGE = re.compile(r"#\d+\Z")
_EXACT_CHUNK_DOCS = 2048  # a multiple of the batches that build_text_index encodes in


@dataclass(slots=True)
class Evaluation:
    """What ``evaluate`` found.

    measures: mean over the judged queries, e.g. {"nDCG@10": 0.41}; empty without judgements
    overlap_at_10: share of the exact top 10 that the index found, mean over all queries; None when not asked for
    latency_ms: p50 and p95 of one search on this machine, encoding left out
    run: query id → (document id, score), best first
    """

    n_queries: int = 0
    n_judged: int = 0
    measures: dict[str, float] = field(default_factory=dict)
    overlap_at_10: float | None = None
    latency_ms: dict[str, float] = field(default_factory=dict)
    encode_ms: float = 0.0
    collapsed_passages: bool = False
    run: dict[str, list[tuple[str, float]]] = field(default_factory=dict)


def evaluate(
    index: Index,
    queries: Mapping[str, str],
    qrels: Mapping[str, Mapping[str, int]] | None = None,
    *,
    measures: Sequence[str] = DEFAULT_MEASURES,
    encoder: Encoder | None = None,
    exact: bool | Precomputed = False,
    k: int = 100,
    mode: str = "late",
    progress: Progress | None = None,
    **search_options: Any,
) -> Evaluation:
    """Ask every query and compare with the judgements, and with exact MaxSim.

    queries: query id → text
    qrels: query id → document id → relevance (0 is not relevant)
    measures: names as ir_measures knows them
    encoder: for the queries; None takes the one the index remembers
    exact: True encodes the stored texts again and searches them exhaustively; or the documents' own vectors
    k: documents asked for per query; at least the largest cutoff of the measures
    mode: "late", "lexical" or "hybrid"
    search_options: handed to ``index.search_text``, e.g. k_centroids, fusion

    Where a document was indexed in passages (``id#1``, ``id#2``) and the judgements name documents, its best passage
    counts. Errors: UnsupportedError without ir_measures; InputError where no query is judged.
    """
    progress = progress or NullProgress()
    encoder = encoder or encoder_of(index)
    calculators = [] if qrels is None else _calculators(measures)
    if qrels is not None and not set(queries) & set(qrels):
        raise InputError(
            f"none of the {len(queries)} queries is judged: query ids look like {_some(queries)}, those of the "
            f"judgements like {_some(qrels)}."
        )
    result = Evaluation(n_queries=len(queries), n_judged=len(set(queries) & set(qrels or ())))
    result.collapsed_passages = qrels is not None and _names_documents(index, qrels)
    began = time.perf_counter()
    needs_vectors = mode != "lexical" or exact is not False
    encoded = encoder.encode_queries(list(queries.values())) if needs_vectors else None
    result.encode_ms = 1000 * (time.perf_counter() - began) / max(1, len(queries))
    tops = _search_all(
        index, queries, encoded, result, k, progress, {"mode": mode, "encoder": encoder, **search_options}
    )
    if qrels is not None:
        result.measures = _measured(calculators, qrels, result.run)
    if exact is not False and encoded is not None:
        best = _exact_tops(index, encoder, encoded, None if exact is True else exact, progress)
        overlaps = [
            len(set(found[:10]) & set(true)) / len(true) for found, true in zip(tops, best, strict=True) if true
        ]
        result.overlap_at_10 = float(np.mean(overlaps)) if overlaps else None
    return result


def _search_all(
    index: Index,
    queries: Mapping[str, str],
    encoded: TokenVectors | None,
    result: Evaluation,
    k: int,
    progress: Progress,
    search_options: Mapping[str, Any],
) -> list[list[int]]:
    """Fills ``result.run`` and the latencies; returns the positions found for each query."""
    progress.start("searching", len(queries), "queries")
    tops: list[list[int]] = []
    times = np.empty(len(queries))
    depth = k * 4 if result.collapsed_passages else k
    for i, (query_id, text) in enumerate(queries.items()):
        one = None if encoded is None else _one_of(encoded, i)
        began = time.perf_counter()
        hits = index.search_text(text, depth, encoded=one, **search_options)
        times[i] = time.perf_counter() - began
        tops.append([int(p) for p in hits.positions[:10]])
        ranked = [(doc_id, float(score)) for doc_id, score in hits]
        result.run[query_id] = (_collapsed(ranked) if result.collapsed_passages else ranked)[:k]
        progress.advance(1)
    progress.finish()
    if len(times):
        result.latency_ms = {f"p{p}": float(1000 * np.percentile(times, p)) for p in (50, 95)}
    return tops


def _one_of(encoded: TokenVectors, i: int) -> TokenVectors:
    rows = slice(int(encoded.offsets[i]), int(encoded.offsets[i + 1]))
    vectors = np.ascontiguousarray(encoded.vectors[rows], dtype=np.float32)
    token_ids = None if encoded.token_ids is None else encoded.token_ids[rows]
    return TokenVectors(vectors, np.array([0, len(vectors)]), token_ids)


def _names_documents(index: Index, qrels: Mapping[str, Mapping[str, int]]) -> bool:
    """Whether the judgements name documents that stand in the index only as passages."""
    judged = {doc_id for judgements in qrels.values() for doc_id in judgements}
    return any(_PASSAGE.search(i) and i not in judged and _PASSAGE.sub("", i) in judged for i in index.ids)


def _collapsed(ranked: Iterable[tuple[str, float]]) -> list[tuple[str, float]]:
    best: dict[str, float] = {}
    for doc_id, score in ranked:
        best.setdefault(_PASSAGE.sub("", doc_id), score)
    return list(best.items())


def _calculators(measures: Sequence[str]) -> list[Any]:
    try:
        import ir_measures
    except ImportError as error:
        raise UnsupportedError("judged evaluation needs ir_measures: pip install 'motherlode[eval]'.") from error
    found = []
    for name in measures:
        try:
            found.append(ir_measures.parse_measure(re.sub(r"\bMRR\b", "RR", name)))
        except (ValueError, NameError, SyntaxError) as error:
            raise InputError(f"no such measure: {name!r}. Examples: nDCG@10, RR@10 (MRR), R@100, P@5, AP.") from error
    return found


def _measured(calculators: Sequence[Any], qrels: Any, run: Any) -> dict[str, float]:
    import ir_measures

    judged_run = {q: dict(found) for q, found in ranked(run) if q in qrels}
    judgements = {q: dict(found) for q, found in qrels.items() if q in run}
    values = ir_measures.calc_aggregate(calculators, judgements, judged_run)
    return {str(measure): float(values[measure]) for measure in calculators}


def _exact_tops(
    index: Index, encoder: Encoder, encoded: TokenVectors, vectors: Precomputed | None, progress: Progress
) -> list[list[int]]:
    """Positions of the exact top 10 of each query, a chunk of documents at a time."""
    n_docs = index.n_docs
    if vectors is None and index.texts is None and index.titles is None:
        raise UnsupportedError(
            "exact MaxSim needs the documents: this index stores no texts. Give their vectors "
            "(--exact-vectors FILE.npy)."
        )
    if vectors is not None:
        if vectors.n_texts != n_docs:
            raise InputError(f"the exact vectors hold {vectors.n_texts} documents, the index {n_docs}.")
        vectors.position = 0
    n_queries = len(encoded.offsets) - 1
    best: list[list[tuple[float, int]]] = [[] for _ in range(n_queries)]
    progress.start("exact MaxSim", n_docs, "documents")
    for begin in range(0, n_docs, _EXACT_CHUNK_DOCS):
        end = min(begin + _EXACT_CHUNK_DOCS, n_docs)
        chunk = (
            vectors.encode_documents([""] * (end - begin)) if vectors else _encoded_again(index, encoder, begin, end)
        )
        for i in range(n_queries):
            query = np.ascontiguousarray(encoded.vectors[encoded.offsets[i] : encoded.offsets[i + 1]], dtype=np.float32)
            hits = exact_search(chunk.vectors, chunk.offsets, query, k=10)
            found = [(-float(s), begin + int(p)) for s, p in zip(hits.scores, hits.positions, strict=True)]
            best[i] = sorted(best[i] + found)[:10]
        progress.advance(end - begin)
    progress.finish()
    return [[position for _, position in found] for found in best]


def _encoded_again(index: Index, encoder: Encoder, begin: int, end: int) -> TokenVectors:
    titles, texts = index.titles, index.texts
    parts = []
    for at in range(begin, end, BATCH_DOCS):
        rows = range(at, min(at + BATCH_DOCS, end))
        batch = [Document("", titles[i] if titles else "", texts[i] if texts else "") for i in rows]
        parts.append(encoder.encode_documents([document.text_to_encode for document in batch]))
    lengths = np.concatenate([np.diff(part.offsets) for part in parts])
    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return TokenVectors(np.concatenate([part.vectors for part in parts]), offsets)


def read_queries(path: str | os.PathLike[str]) -> dict[str, str]:
    """Query id → text, from ``id<tab>text`` lines or JSONL (``_id`` or ``id``; ``text``, ``query`` or ``question``)."""
    queries: dict[str, str] = {}
    for number, line in _lines(path):
        if line.lstrip().startswith("{"):
            query_id, text = _json_query(line, f"{path}:{number}")
        else:
            query_id, tab, text = line.partition("\t")
            if not tab:
                raise InputError(f"{path}:{number}: no tab; expected id<tab>query, or JSON lines. Found {line[:60]!r}.")
            if number == 1 and query_id.lower() in ("id", "qid", "query-id", "query_id", "_id"):
                continue
        if query_id in queries:
            raise InputError(f"{path}:{number}: the query id {query_id!r} was there already.")
        queries[query_id.strip()] = text.strip()
    if not queries:
        raise InputError(f"{path} holds no queries; expected id<tab>query lines, or JSON lines.")
    return queries


def _json_query(line: str, where: str) -> tuple[str, str]:
    try:
        record = json.loads(line)
    except ValueError as error:
        raise DataError(f"{where}: not JSON: {error}.") from error
    query_id = next((record[n] for n in ("_id", "id", "qid", "query_id") if n in record), None)
    text = next((record[n] for n in ("text", "query", "question", "title") if isinstance(record.get(n), str)), None)
    if query_id is None or text is None:
        raise InputError(f"{where}: expected id and text, found {', '.join(map(repr, record))}.")
    return str(query_id), text


def read_qrels(path: str | os.PathLike[str]) -> dict[str, dict[str, int]]:
    """Query id → document id → relevance, from TREC lines (``qid 0 docid rel``) or without the 0."""
    qrels: dict[str, dict[str, int]] = {}
    for number, line in _lines(path):
        parts = line.rstrip("\n").split("\t") if "\t" in line else line.split()
        if number == 1 and not re.fullmatch(r"-?\d+", parts[-1].strip()):
            continue  # BEIR's header
        if len(parts) not in (3, 4) or not re.fullmatch(r"-?\d+", parts[-1].strip()):
            raise InputError(f"{path}:{number}: expected qid 0 docid relevance, found {line[:60]!r}.")
        qrels.setdefault(parts[0].strip(), {})[parts[-2].strip()] = int(parts[-1])
    if not qrels:
        raise InputError(f"{path} holds no judgements; expected lines of qid 0 docid relevance.")
    return qrels


def _lines(path: str | os.PathLike[str]) -> Iterable[tuple[int, str]]:
    try:
        with Path(path).open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, line.rstrip("\n")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8: {error}.", path=str(path)) from error


def _some(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name, _ in zip(names, range(3), strict=False))
