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
from motherlode.nuggets.hits import Nugget
from motherlode.nuggets.reading import Filter
from motherlode.nuggets.schema import Schema
from motherlode.nuggets.words import predicate_tokens, tokens

__all__ = ["MAX_CANDIDATES", "Candidate", "find_candidates", "load_candidates", "matched_words", "rarity"]

MAX_CANDIDATES = 128
"""Rows of one step that a question scores at most; where more share its words, the newest of them."""
MAX_QUESTION_WORDS = 24
"""Words of a question that count; the rarest of longer ones."""
_K1, _B, _USUAL_LENGTH = 0.9, 0.2, 20.0  # nuggets are about equally long; b only breaks ties
_IN_SENTENCE = 0.5  # a word of the evidence's sentence says less than one of the fact itself
_REPEATS = 1.0 + _K1
_SELECTED = (
    "v.version, v.nugget_id, v.key, v.words, v.preferred, v.start_earliest, v.start_latest, v.start_granularity, "
    "v.end_earliest, v.end_granularity"
)


@dataclass(slots=True)
class Candidate:
    """A version that may answer: what orders it, and what it scores."""

    version: int
    nugget_id: str
    key: int
    preferred: bool
    start: int
    certainty: str
    score: float

    @property
    def order(self) -> tuple[float, int, str]:
        """Best first; ties by start and id."""
        return -self.score, self.start, self.nugget_id


def rarity(session: Session, words: Sequence[str], n_versions: int) -> dict[str, float]:
    """BM25's idf of each word that some nugget has, rarest first."""
    if not words:
        return {}
    rows = session.execute(f"SELECT word, n FROM nugget_words WHERE word IN ({places(words)}) AND n > 0", words)
    total = max(n_versions, 1)
    idf = {word: math.log(1 + (max(total - n, 0) + 0.5) / (n + 0.5)) for word, n in rows}
    return dict(sorted(idf.items(), key=lambda item: (-item[1], item[0])))


def find_candidates(
    session: Session, idf: Mapping[str, float], allowed: Filter, window: tuple[int, int], n_wanted: int
) -> list[Candidate]:
    """Nuggets that match words of a question, scored; best first.

    First those with all words, then without the most common one, and so on, until there are as many as wanted.
    """
    words = list(idf)[:MAX_QUESTION_WORDS]
    found: dict[int, tuple[Any, ...]] = {}
    for n in range(len(words), 0, -1):
        _add_matching(found, session, every_word(words[:n], session.dialect), allowed)
        if len(found) >= n_wanted:
            break
    else:
        if len(words) > 1:
            _add_matching(found, session, any_word(words, session.dialect), allowed)
    return sorted((_scored(row, idf, window) for row in found.values()), key=lambda one: one.order)


def load_candidates(
    session: Session, versions: Sequence[int], allowed: Filter, window: tuple[int, int]
) -> list[Candidate]:
    """Versions found otherwise, as far as the filter lets them through; without a score."""
    if not versions:
        return []
    condition, values = allowed.sql()
    rows = session.execute(
        f"SELECT {_SELECTED} FROM nugget_versions v WHERE v.version IN ({places(versions)}) AND {condition}",
        [*versions, *values],
    )
    return [_scored(row, {}, window) for row in rows]


def matched_words(words: Sequence[str], nugget: Nugget, sentence: str, schema: Schema) -> dict[str, str]:
    """Which words of a question a nugget has, and where: subject, object, predicate or sentence."""
    places_of = (
        ("subject", tokens(nugget.subject)),
        ("object", tokens(nugget.object)),
        ("predicate", predicate_tokens(schema.find(nugget.predicate))),
        ("sentence", tokens(sentence)),
    )
    found = ((word, next((name for name, held in places_of if word in held), "")) for word in words)
    return {word: name for word, name in found if name}


def _add_matching(found: dict[int, tuple[Any, ...]], session: Session, expression: str, allowed: Filter) -> None:
    condition, values = allowed.sql()
    rows = session.execute(
        f"SELECT {_SELECTED} {matching(session.dialect)} AND {condition} "
        f"ORDER BY {'nugget_text.rowid' if session.dialect == 'sqlite' else 'v.version'} DESC LIMIT {MAX_CANDIDATES}",
        [expression, *values],
    )
    for row in rows:
        found.setdefault(row[0], row)


def _scored(row: tuple[Any, ...], idf: Mapping[str, float], window: tuple[int, int]) -> Candidate:
    version, name, key, words, preferred, start, start_latest, start_granularity, end, end_granularity = row
    fact, _, sentence = words.partition("\n")
    held, said = fact.split(" "), sentence.split(" ")
    score = sum(idf[word] for word in idf if word in held)
    score += _IN_SENTENCE * sum(idf[word] for word in idf if word in said)
    norm = _REPEATS / (1 + _K1 * (1 - _B + _B * (len(held) + len(said)) / _USUAL_LENGTH))
    if start_granularity is None and end_granularity is None:
        certainty = "unknown"
    else:
        certainty = "certain" if start_latest <= window[1] and end > window[0] else "possible"
    return Candidate(version, name, key, bool(preferred), start, certainty, score * norm)
