"""What a system that answers questions hands back, and when such an answer holds a string; nothing here knows a store.

Every system is scored from the text of its answers, so that passages, sentences and nuggets stand in one table.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Protocol

from motherlode.core.time import Interval, PartialDate

__all__ = ["Answer", "QuestionAnswerer", "count_tokens", "cut", "is_said", "normalize_answer"]


@dataclass(frozen=True, slots=True)
class Answer:
    """One item of a context: what a generator would read.

    text: as it is handed over. interval: when it holds, as far as the system knows; None where it knows nothing
    state: the system's own word for it, e.g. 'contested'; None where it has none
    tokens: length; by default `count_tokens` of the text
    """

    text: str
    interval: Interval | None = None
    tokens: int = -1
    state: str | None = None
    normalized: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        store = object.__setattr__
        store(self, "normalized", normalize_answer(self.text))
        if self.tokens < 0:
            store(self, "tokens", count_tokens(self.text))

    @property
    def is_dated(self) -> bool:
        """Whether the system knows anything of when it holds."""
        return self.interval is not None and self.interval.is_known


class QuestionAnswerer(Protocol):
    """Anything that answers a question asked about a time: a baseline, a nugget store, somebody else's retriever."""

    @property
    def name(self) -> str: ...

    def ask(self, question: str, valid_at: PartialDate | None, k: int) -> Sequence[Answer]:
        """At most k answers, best first; ``valid_at`` None leaves the time to the question's own words."""
        ...


_TOKEN = re.compile(r"\w+|[^\w\s]")
_APOSTROPHE = re.compile(r"['’‘`´]")
_NO_WORD = re.compile(r"[\W_]+")
_ARTICLE = re.compile(r"\b(?:a|an|the)\b")


def count_tokens(text: str) -> int:
    """Words and signs: the same measure for every system, though not a language model's own count."""
    return sum(1 for _ in _TOKEN.finditer(text))


def cut(answers: Sequence[Answer], max_tokens: int) -> list[Answer]:
    """What of a context fits into a generator's budget, in order; the item that no longer fits is cut off inside."""
    found, left = [], max_tokens
    for answer in answers:
        if answer.tokens > left:
            ends = [token.end() for token in _TOKEN.finditer(answer.text)][:left]
            if ends:
                found.append(replace(answer, text=answer.text[: ends[-1]], tokens=left))
            break
        found.append(answer)
        left -= answer.tokens
    return found


def normalize_answer(text: str) -> str:
    """The form in which answers are compared: no case, no signs, no articles, one space between words.

    'The I.O.I' and 'i . o . i' are one, so that tokenised gold answers meet running text.
    """
    plain = _APOSTROPHE.sub("", unicodedata.normalize("NFKC", text)).casefold()
    return " ".join(_ARTICLE.sub(" ", _NO_WORD.sub(" ", plain)).split())


def is_said(value: str, answer: Answer) -> bool:
    """Whether an answer's text holds a value, as whole words."""
    wanted = _wanted(value)
    return bool(wanted) and f" {wanted} " in f" {answer.normalized} "


@lru_cache(maxsize=65_536)
def _wanted(value: str) -> str:
    # Gold values are short and asked of every item; texts are long and keep their own form.
    return normalize_answer(value)
