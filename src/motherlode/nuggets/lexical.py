"""Nuggets by words: candidates from the database's full text, filtered in the same statement, scored here by BM25.

Both databases give the same candidates and the scores are computed in one place, so both rank alike. Candidates are
those with the rarest words of the question; more common words only rank them. That keeps the cost of a question
independent of how many nuggets have the predicate that it names.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from motherlode.core.sql import Session
from motherlode.nuggets.claim_rows import places
from motherlode.nuggets.full_text import any_word, every_word, matching
from motherlode.nuggets.reading import SELECTED, Filter
from motherlode.nuggets.schema import Schema
from motherlode.nuggets.words import predicate_tokens, tokens

__all__ = ["MAX_CANDIDATES", "Candidate", "find_candidates", "rarity"]

MAX_CANDIDATES = 400
"""Rows that one question scores at most; where more share all its words, the newest of them."""
MAX_QUESTION_WORDS = 24
"""Words of a question that count; the rarest of longer ones."""
_K1, _B, _USUAL_LENGTH = 0.9, 0.2, 20.0  # nuggets are about equally long; b only breaks ties
_IN_SENTENCE = 0.5  # a word of the evidence's sentence says less than one of the fact itself
_REPEATS = 1.0 + _K1


@dataclass(slots=True)
class Candidate:
    """A row of `reading.COLUMNS` and what it scores. matched: the question's words that it has, and where."""

    row: tuple[Any, ...]
    score: float
    matched: Mapping[str, str]


def rarity(session: Session, words: Sequence[str], n_versions: int) -> dict[str, float]:
    """BM25's idf of each word that some nugget has, rarest first."""
    if not words:
        return {}
    rows = session.execute(f"SELECT word, n FROM nugget_words WHERE word IN ({places(words)}) AND n > 0", words)
    total = max(n_versions, 1)
    idf = {word: math.log(1 + (max(total - n, 0) + 0.5) / (n + 0.5)) for word, n in rows}
    return dict(sorted(idf.items(), key=lambda item: (-item[1], item[0])))


def find_candidates(
    session: Session, idf: Mapping[str, float], allowed: Filter, schema: Schema, n_wanted: int
) -> list[Candidate]:
    """Nuggets that match words of a question, scored; best first, ties by start and id.

    First those with all words, then without the most common one, and so on, until there are as many as wanted.
    """
    words = list(idf)[:MAX_QUESTION_WORDS]
    found: dict[int, tuple[Any, ...]] = {}
    for n in range(len(words), 0, -1):
        for row in _matching(session, every_word(words[:n], session.dialect), allowed):
            found.setdefault(row[0], row)
        if len(found) >= n_wanted:
            break
    else:
        if words:
            for row in _matching(session, any_word(words, session.dialect), allowed):
                found.setdefault(row[0], row)
    scored = [_scored(row, idf, schema) for row in found.values()]
    return sorted(scored, key=lambda one: (-one.score, one.row[10], one.row[1]))


def _matching(session: Session, expression: str, allowed: Filter) -> list[tuple[Any, ...]]:
    condition, values = allowed.sql()
    return session.execute(
        f"SELECT {SELECTED} {matching(session.dialect)} AND {condition} "
        f"ORDER BY {'nugget_text.rowid' if session.dialect == 'sqlite' else 'v.version'} DESC LIMIT {MAX_CANDIDATES}",
        [expression, *values],
    )


def _scored(row: tuple[Any, ...], idf: Mapping[str, float], schema: Schema) -> Candidate:
    held = row[27].split(" ")
    present = idf.keys() & set(held)
    subject, name = tokens(row[2]), tokens(row[4])
    predicate = predicate_tokens(schema.find(row[3]))
    norm = _REPEATS / (1 + _K1 * (1 - _B + _B * len(held) / _USUAL_LENGTH))
    score = 0.0
    matched = {}
    for word in idf:
        if word in present:
            where = (
                "subject" if word in subject else "object" if word in name
                else "predicate" if word in predicate else "sentence"
            )  # fmt: skip
            matched[word] = where
            score += idf[word] * (_IN_SENTENCE if where == "sentence" else 1.0)
    return Candidate(row, score * norm, matched)
