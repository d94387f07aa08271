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

from motherlode.core.sql import Session, in_batches, places
from motherlode.nuggets.full_text import any_of, matching, one_of_each
from motherlode.nuggets.hits import Nugget
from motherlode.nuggets.reading import Filter
from motherlode.nuggets.schema import Schema
from motherlode.nuggets.words import predicate_tokens, tokens

__all__ = ["MAX_CANDIDATES", "Candidate", "Term", "find_candidates", "load_candidates", "matched_words", "terms_of"]

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


@dataclass(frozen=True, slots=True)
class Term:
    """A word of a question: all words of the full text that stand for it, and BM25's idf of them together."""

    word: str
    stands_for: tuple[str, ...]
    idf: float


def terms_of(session: Session, groups: Mapping[str, tuple[str, ...]], n_versions: int) -> list[Term]:
    """The words of a question that some nugget has, rarest first."""
    every = list(dict.fromkeys(word for group in groups.values() for word in group))
    counts: dict[str, int] = {}
    for batch in in_batches(every):
        counts |= dict(session.execute(f"SELECT word, n FROM nugget_words WHERE word IN ({places(batch)})", batch))
    found = []
    for word, group in groups.items():
        held = tuple(one for one in group if counts.get(one, 0) > 0)
        if held:
            n = min(sum(counts[one] for one in held), n_versions)
            found.append(Term(word, held, math.log(1 + (n_versions - n + 0.5) / (n + 0.5))))
    return sorted(found, key=lambda term: (-term.idf, term.word))[:MAX_QUESTION_WORDS]


def find_candidates(
    session: Session, terms: Sequence[Term], allowed: Filter, window: tuple[int, int], n_wanted: int
) -> list[Candidate]:
    """Nuggets that match terms of a question, scored; best first.

    First those with all of them, then without the most common one, and so on, until there are as many as wanted.
    """
    found: dict[int, tuple[Any, ...]] = {}
    for n in range(len(terms), 0, -1):
        expression = one_of_each([term.stands_for for term in terms[:n]], session.dialect)
        _add_matching(found, session, expression, allowed)
        if len(found) >= n_wanted:
            break
    else:
        if len(terms) > 1:
            every = [word for term in terms for word in term.stands_for]
            _add_matching(found, session, any_of(every, session.dialect), allowed)
    return sorted((_scored(row, terms, window) for row in found.values()), key=lambda one: one.order)


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
    return [_scored(row, (), window) for row in rows]


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


def _scored(row: tuple[Any, ...], terms: Sequence[Term], window: tuple[int, int]) -> Candidate:
    version, name, key, words, preferred, start, start_latest, start_granularity, end, end_granularity = row
    fact, _, sentence = words.partition("\n")
    held, said = fact.split(" "), sentence.split(" ")
    score = 0.0
    for term in terms:
        if any(word in held for word in term.stands_for):
            score += term.idf
        elif term.word in said:
            score += _IN_SENTENCE * term.idf
    norm = _REPEATS / (1 + _K1 * (1 - _B + _B * (len(held) + len(said)) / _USUAL_LENGTH))
    if start_granularity is None and end_granularity is None:
        certainty = "unknown"
    else:
        certainty = "certain" if start_latest <= window[1] and end > window[0] else "possible"
    return Candidate(version, name, key, bool(preferred), start, certainty, score * norm)
