"""What a nugget store has to beat: BM25 over passages, over sentences, and over passages filtered by their dates.

The obvious versions, in plain Python and numpy: every document in memory, every query scores all postings of its words.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from motherlode.core.time import Interval, PartialDate, parse_partial_date
from motherlode.errors import InputError
from motherlode.nuggets.answers import Answer, normalize_answer
from motherlode.nuggets.record import Document

__all__ = [
    "Bm25",
    "Bm25Passages",
    "Bm25Sentences",
    "TimeFilteredPassages",
    "split_passages",
    "split_sentences",
    "years_of",
]


class Bm25:
    """BM25 over texts: score(q, d) = Σ idf(t) · tf · (k1 + 1) / (tf + k1 · (1 - b + b · |d| / mean |d|)).

    idf(t) = ln(1 + (n_docs - df + 0.5) / (df + 0.5)), which is never negative. Words are those of `normalize_answer`.
    Source: Robertson and Zaragoza (2009), equation 3.15, with Lucene's idf.
    """

    def __init__(self, texts: Iterable[str], *, k1: float = 1.2, b: float = 0.75) -> None:
        if k1 < 0 or not 0 <= b <= 1:
            raise InputError(f"BM25 takes k1 ≥ 0 and b between 0 and 1, not k1={k1!r} and b={b!r}")
        places: dict[str, array[int]] = {}
        counts: dict[str, array[int]] = {}
        lengths = array("q")
        for position, text in enumerate(texts):
            words = Counter(normalize_answer(text).split())
            lengths.append(words.total())
            for word, count in words.items():
                places.setdefault(word, array("q")).append(position)
                counts.setdefault(word, array("q")).append(count)
        self.n_docs = len(lengths)
        size = np.asarray(lengths, np.float64)
        norm = k1 * (1 - b + b * size / max(float(size.mean()) if len(size) else 1.0, 1e-9))
        self._postings: dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]] = {}
        for word, where in places.items():
            docs = np.asarray(where, np.int64)
            tf = np.asarray(counts[word], np.float64)
            idf = np.log1p((self.n_docs - len(docs) + 0.5) / (len(docs) + 0.5))
            self._postings[word] = docs, idf * tf * (k1 + 1) / (tf + norm[docs])

    def scores(self, query: str) -> NDArray[np.float64]:
        """Score of every text, 0 where no word of the query occurs; a word that is asked twice counts twice."""
        total = np.zeros(self.n_docs)
        for word in normalize_answer(query).split():
            found = self._postings.get(word)
            if found is not None:
                total[found[0]] += found[1]
        return total

    def search(self, query: str, k: int, *, keep: NDArray[np.bool_] | None = None) -> list[tuple[int, float]]:
        """(position, score) of the k best above 0, ties by position; ``keep`` filters before the ranking."""
        total = self.scores(query)
        if keep is not None:
            total = np.where(keep, total, 0.0)
        best = np.argsort(-total, kind="stable")[: max(k, 0)]
        return [(int(i), float(total[i])) for i in best if total[i] > 0]


@dataclass(frozen=True, slots=True)
class _Unit:
    """A passage or sentence with the document that it is from."""

    text: str
    document: Document


class _Bm25Answerer:
    """BM25 over units of documents; a document's title is searched with each of its units, but not handed over."""

    name = "BM25"

    def __init__(
        self, documents: Iterable[Document], split: Callable[[str], list[str]], *, k1: float = 1.2, b: float = 0.75
    ) -> None:
        self._units = [_Unit(text, document) for document in documents for text in split(document.text)]
        self._bm25 = Bm25((f"{unit.document.title or ''} {unit.text}" for unit in self._units), k1=k1, b=b)

    @property
    def n_units(self) -> int:
        """How many passages or sentences it searches."""
        return len(self._units)

    def ask(self, question: str, valid_at: PartialDate | None, k: int) -> list[Answer]:
        """The k units that score best, whatever the asked time."""
        return [Answer(self._units[position].text) for position, _ in self._bm25.search(question, k)]


class Bm25Passages(_Bm25Answerer):
    """BM25 over passages of about a hundred words: what most retrieval-augmented systems do."""

    name = "BM25 passages"

    def __init__(self, documents: Iterable[Document], *, k1: float = 1.2, b: float = 0.75) -> None:
        super().__init__(documents, split_passages, k1=k1, b=b)


class Bm25Sentences(_Bm25Answerer):
    """BM25 over single sentences: short like nuggets, but without their subject, time or state."""

    name = "BM25 sentences"

    def __init__(self, documents: Iterable[Document], *, k1: float = 1.2, b: float = 0.75) -> None:
        super().__init__(documents, split_sentences, k1=k1, b=b)


class TimeFilteredPassages(Bm25Passages):
    """BM25 over those passages whose own time overlaps the asked time.

    A passage's time runs from the earliest year in it to the end of the latest; without a year, it is the document's
    date of publication; with neither, it is left out of every dated question. Without an asked time none is left out.
    Source: the time-filtered baseline of NuggetIndex (2026).
    """

    name = "time-filtered passages"

    def __init__(self, documents: Iterable[Document], *, k1: float = 1.2, b: float = 0.75) -> None:
        super().__init__(documents, k1=k1, b=b)
        self._intervals = [_time_of(unit) for unit in self._units]

    def ask(self, question: str, valid_at: PartialDate | None, k: int) -> list[Answer]:
        """The k passages that score best among those of the asked time."""
        keep = None
        if valid_at is not None:
            begin, end = valid_at.window
            keep = np.fromiter(
                (interval is not None and interval.is_possible(begin, end) for interval in self._intervals),
                np.bool_,
                len(self._units),
            )
        return [
            Answer(self._units[position].text, self._intervals[position])
            for position, _ in self._bm25.search(question, k, keep=keep)
        ]


_YEAR = re.compile(r"(?<![\d.,])(1[0-9]{3}|20[0-9]{2})(?![\d]|[.,]\d)")


def years_of(text: str) -> list[int]:
    """The years named in a text: whole numbers from 1000 to 2099 that are no part of a longer number."""
    return [int(found) for found in _YEAR.findall(text)]


def _time_of(unit: _Unit) -> Interval | None:
    years = years_of(unit.text)
    if years:
        return Interval(PartialDate.from_year(min(years)), _exact(PartialDate.from_year(max(years)).latest))
    if unit.document.published_at is not None:
        published = parse_partial_date(unit.document.published_at)
        return Interval(_exact(published.earliest), _exact(published.latest))
    return None


def _exact(micros: int) -> PartialDate:
    return PartialDate.from_micros(micros)


_PARAGRAPH = re.compile(r"\n\s*\n")
# A full stop after an initial or a title ends no sentence, also where the text is tokenised ("John F . Kennedy").
_END = re.compile(r"(?<=[.!?])[\"'”’)\]]*\s+(?=[\"'“‘(\[]?[A-Z0-9])")
_NO_END = re.compile(
    r"(?:\b[A-Z]|\b(?:Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|Gen|Col|Lt|Capt|Sgt|Maj|Adm|Gov|Sen|Rep|Rev|Hon|No|Vol|vs|etc|ca|c|"
    r"Inc|Ltd|Co|Corp|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec))\s?\.$"
)


def split_sentences(text: str) -> list[str]:
    """Sentences of a text, in order; a paragraph's end is also a sentence's."""
    found = []
    for paragraph in _PARAGRAPH.split(text):
        begin = ""
        for part in _END.split(paragraph.strip()):
            begin = f"{begin} {part}".strip()
            if begin and _NO_END.search(begin) is None:
                found.append(begin)
                begin = ""
        if begin:
            found.append(begin)
    return found


def split_passages(text: str, *, n_words: int = 100) -> list[str]:
    """Passages of whole sentences with about ``n_words`` words: a passage is full once it has them.

    A sentence is never cut, so a passage can be longer. Paragraphs run on, so that a heading joins what follows it.
    """
    if n_words < 1:
        raise InputError(f"a passage has at least one word, not {n_words}")
    found: list[str] = []
    current: list[str] = []
    size = 0
    for sentence in split_sentences(text):
        current.append(sentence)
        size += len(sentence.split())
        if size >= n_words:
            found.append(" ".join(current))
            current, size = [], 0
    if current:
        found.append(" ".join(current))
    return found
