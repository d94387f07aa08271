"""TimeQA: 320 Wikipedia pages as documents and 1,171 questions about times, in the shared data.

A question's key is its page and relation, so that the answers for other times are its rivals. Questions without an
answer are left out: some of them have one (the Yankees' home from 1923 to 1974), for which no answer would be wrong.
The asked time is read from the question's words by a few patterns of this file; pass another reader to replace them.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from motherlode.core.time import Interval, PartialDate
from motherlode.nuggets.questions import Question
from motherlode.nuggets.record import Document

__all__ = ["data_dir", "load", "time_in_words"]

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DATE = (
    r"(?:(?P<{0}month>" + "|".join(_MONTHS) + r")[a-z]*\.?,?\s+"
    r"(?:(?P<{0}day>\d{{1,2}})(?:st|nd|rd|th)?,?\s+)?)?(?P<{0}year>1\d{{3}}|20\d\d)"
)
_FIRST, _LAST = _DATE.format("a"), _DATE.format("b")
_SPAN = re.compile(rf"\b{_FIRST}\s*(?:to|and|until|till|through|–|-)\s*(?:the\s+year\s+)?{_LAST}\b", re.IGNORECASE)
_ONE = re.compile(rf"\b{_FIRST}\b", re.IGNORECASE)


def data_dir() -> Path:
    """$MOTHERLODE_DATA, by default ../shared/data beside the checkout."""
    return Path(os.environ.get("MOTHERLODE_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")


def load(read_time: Callable[[str], Interval | None] | None = None) -> tuple[list[Document], list[Question]]:
    """The pages, and the questions with an answer whose time could be read, in the file's order."""
    read_time = read_time or time_in_words
    file = data_dir() / "timeqa" / "train.json"
    if not file.exists():
        raise SystemExit(f"TimeQA is not in {file.parent}: set MOTHERLODE_DATA to the folder that holds timeqa/")
    pages: list[dict[str, Any]] = json.loads(file.read_text("utf-8"))
    documents: dict[str, Document] = {}
    questions = []
    for page in pages:
        title = unquote(page["link"].removeprefix("/wiki/")).replace("_", " ")
        documents.setdefault(page["link"], Document(page["link"], "\n\n".join(page["paras"]), title=title))
        for position, (text, answers) in enumerate(page["questions"]):
            interval = read_time(text)
            gold = tuple(dict.fromkeys(answer["answer"] for answer in answers if answer["answer"]))
            if interval is not None and gold:
                questions.append(Question(text, gold, interval, page["index"], id=f"{page['index']}/{position}"))
    return list(documents.values()), questions


def time_in_words(question: str) -> Interval | None:
    """'from May 2019 to 2021', 'between 1990 and 1992', 'in 1948': the stretch that a question asks about."""
    # The last date of a question is the one that it asks about: '… , built between 1772 and 1774, from 1774 to 1783?'
    span = _last(_SPAN, question)
    if span is not None:
        try:
            return Interval(_date(span, "a"), _date(span, "b"))
        except ValueError:
            return None  # it ends before it starts
    one = _last(_ONE, question)
    if one is None:
        return None
    begin, end = _date(one, "a").window
    return Interval(PartialDate.from_micros(begin), PartialDate.from_micros(end))


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    found = list(pattern.finditer(text))
    return found[-1] if found else None


def _date(found: re.Match[str], which: str) -> PartialDate:
    year, month, day = int(found[f"{which}year"]), found[f"{which}month"], found[f"{which}day"]
    if month is None:
        return PartialDate.from_year(year)
    number = _MONTHS.index(month[:3].lower()) + 1
    if day is None:
        return PartialDate.from_month(year, number)
    start = PartialDate.from_month(year, number).earliest + (int(day) - 1) * 86_400_000_000
    return PartialDate.from_micros(start)
