"""Hits of many queries in the forms that evaluation tools read: TREC lines, ranx, ir_measures."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TextIO, TypeAlias

import numpy as np

from motherlode.errors import DataError, InputError

__all__ = ["Run", "ScoredDoc", "ranked", "read_trec", "to_ir_measures", "to_ranx", "to_trec"]

Run: TypeAlias = Mapping[str, Iterable[tuple[str, float]]]  # query id: Hits, or pairs of document id and score


class ScoredDoc(NamedTuple):
    """What ir_measures calls a ScoredDoc, field for field."""

    query_id: str
    doc_id: str
    score: float


def ranked(run: Run) -> Iterator[tuple[str, list[tuple[str, float]]]]:
    """Each query's documents with scores that fall from one to the next, also where the search found equal ones.

    Tools sort by score and break ties their own way (trec_eval by document id, backwards), which would forget that
    equal hits stand in insertion order. So a score that does not fall is set to the next smaller float32, the type that
    trec_eval reads: the order stays, a score moves by some 1e-7 of itself for each tie before it.

    Raises InputError for a document that stands twice, a score that is not finite, or hits that are not best first.
    """
    for query_id, found in run.items():
        if not isinstance(query_id, str):
            raise InputError(f"run: query id {query_id!r} is no string; convert with str()")
        pairs: list[tuple[str, float]] = []
        seen: set[str] = set()
        given, last = math.inf, np.float32(np.inf)
        for doc_id, score in found:
            if not isinstance(doc_id, str):
                raise InputError(f"run: document id {doc_id!r} of query {query_id!r} is no string; convert with str()")
            if doc_id in seen:
                raise InputError(f"run: document {doc_id!r} stands twice for query {query_id!r}; keep its best score")
            if not math.isfinite(score) or abs(score) > np.finfo(np.float32).max:
                raise InputError(f"run: document {doc_id!r} of query {query_id!r} has score {score}; expected a number")
            if score > given:
                raise InputError(
                    f"run: query {query_id!r} has score {score} for {doc_id!r} after {given}; give the best first"
                )
            given, last = score, min(np.float32(score), np.nextafter(last, np.float32(-np.inf)))
            seen.add(doc_id)
            pairs.append((doc_id, float(last)))
        yield query_id, pairs


def to_trec(
    run: Run, destination: str | os.PathLike[str] | TextIO, tag: str = "motherlode", *, underscores: bool = False
) -> None:
    """Writes TREC lines, ``qid Q0 docid rank score tag`` with ranks from 1, for trec_eval and its kin.

    run: query id → Hits, or (document id, score) pairs, best first, as in
        ``dict(zip(query_ids, index.search_batch(queries)))``
    destination: a path, written whole, or an open text file
    tag: the run's name, the last column
    underscores: write white space in ids as underscores; without it that is an InputError, since a line could not be
        read back

    Scores are float32 in the fewest digits that tell them apart, and fall strictly: equal ones keep their order by
    steps of one float32, since TREC tools forget ranks and sort by score. Queries without hits leave no line. Raises
    InputError, and writes nothing, for ids (or a tag) with white space or none at all, for documents that stand twice,
    for scores that are not finite or not best first.
    """
    lines = []
    end = _word(tag, "tag", underscores=False)
    for query_id, found in ranked(_renamed(run) if underscores else run):
        query = _word(query_id, "query id", underscores=underscores)
        for rank, (doc_id, score) in enumerate(found, start=1):
            name = _word(doc_id, f"document id of query {query_id!r}", underscores=underscores)
            lines.append(f"{query} Q0 {name} {rank} {np.float32(score)!s} {end}\n")
    if isinstance(destination, (str, os.PathLike)):
        with Path(destination).open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(lines)
    else:
        destination.writelines(lines)


def _renamed(run: Run) -> Run:
    """With underscores for white space, so that two ids that become one are noticed."""
    return {query_id: [("_".join(str(d).split()), score) for d, score in found] for query_id, found in run.items()}


def _word(text: str, what: str, *, underscores: bool) -> str:
    parts = text.split()
    if parts and (underscores or parts == [text]):
        return "_".join(parts)
    raise InputError(f"{what}: {text!r} cannot stand in a TREC line, whose columns white space parts; rename it first")


def to_ranx(run: Run, name: str | None = None) -> Any:
    """A ``ranx.Run`` where ranx is installed; otherwise the dict of dicts that ``ranx.Run(…)`` takes.

    run: as in :func:`to_trec`; scores fall strictly, as there, since ranx sorts by score
    name: the run's name in ranx

    Queries without hits are left out: ranx cannot hold them.
    """
    scores = {query_id: dict(found) for query_id, found in ranked(run) if found}
    try:
        import ranx
    except ImportError:
        return scores
    return ranx.Run(scores, name=name)


def to_ir_measures(run: Run) -> list[ScoredDoc]:
    """ScoredDoc tuples (query_id, doc_id, score) for ``ir_measures.calc_aggregate`` and its kin.

    run: as in :func:`to_trec`; scores fall strictly, as there

    ir_measures itself is not needed.
    """
    return [ScoredDoc(query_id, *pair) for query_id, found in ranked(run) for pair in found]


def read_trec(source: str | os.PathLike[str] | TextIO) -> dict[str, list[tuple[str, float]]]:
    """Reads TREC lines, ours or another tool's: query id → (document id, score), best first.

    source: a path, or an open text file

    The order is that of the scores, and of the lines where they are equal; ranks are not looked at, as in trec_eval.
    Raises InputError for a file that cannot be read; DataError, naming the line, for one that is no TREC run.
    """
    if isinstance(source, (str, os.PathLike)):
        try:
            with Path(source).open(encoding="utf-8") as file:
                return _parsed(file, str(source))
        except OSError as error:
            raise InputError(f"{source} cannot be read: {error.strerror}.") from None
        except UnicodeDecodeError as error:
            raise DataError(f"{source} is not UTF-8: {error}.", path=str(source)) from None
    return _parsed(source, getattr(source, "name", "run"))


def _parsed(lines: Iterable[str], name: str) -> dict[str, list[tuple[str, float]]]:
    run: dict[str, dict[str, float]] = {}
    for number, line in enumerate(lines, start=1):
        parts = line.split()
        if not parts:
            continue
        try:
            query_id, _, doc_id, _, text, _ = parts
            score = float(text)
        except ValueError:
            expected = "qid Q0 docid rank score tag"
            message = f"{name}:{number}: expected {expected}, found {line.strip()[:80]!r}"
            raise DataError(message, path=name, found=line.strip(), expected=expected) from None
        found = run.setdefault(query_id, {})
        if doc_id in found or not math.isfinite(score):
            reason = "stands twice" if doc_id in found else f"has score {text}"
            message = f"{name}:{number}: document {doc_id!r} of query {query_id!r} {reason}"
            raise DataError(message, path=name, found=line.strip(), expected="each document once, with a number")
        found[doc_id] = score
    return {query_id: sorted(found.items(), key=lambda pair: -pair[1]) for query_id, found in run.items()}
