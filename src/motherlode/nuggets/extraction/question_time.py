"""The time that a question asks about, and the question without it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from motherlode.core.time import EVER, Granularity, PartialDate
from motherlode.nuggets.extraction.dates import next_bound
from motherlode.nuggets.extraction.time_grammar import Relation, TimeExpression, find_times

__all__ = ["QuestionTime", "question_time"]

# What every time expression has; most questions without one are told by this alone.
_DIGITS = re.compile(r"\d{3}")
_WORDS = re.compile(
    r"\b(?:ago|yesterday|today|tomorrow|currently|presently|now|nowadays|century|at\s+present"
    r"|(?:last|this|next)\s+(?:day|week|month|quarter|year|decade))\b",
    re.IGNORECASE,
)
_PRESENT = re.compile(r"\b(?:currently|presently|at\s+present|right\s+now|now|nowadays|today)\b", re.IGNORECASE)
_LOOSE = re.compile(r"\s+([?!.,;:])|^[\s,;:]+|,\s*(?=[?!.]?$)")
_LONGEST = 2000


@dataclass(frozen=True, slots=True)
class QuestionTime:
    """What a question asks about in time.

    window: half-open, in microseconds since 1970; None where no time is said or the present is meant
    stated: the same as it was said; of a range, from its first date to its last
    rest: the question without the words of time, for ranking
    """

    window: tuple[int, int] | None
    stated: PartialDate | None
    rest: str


def question_time(question: str, today: PartialDate | None = None) -> QuestionTime:
    """The time that a question asks about: "in 2005", "between 2001 and 2004", "as of June 2023", "before 2010".

    today: what "last year" is relative to; without it such words are no date.
    Of several times a range wins, then the one at the head of the question, then the last. Only the first 2,000
    characters are read. "now" and "currently" are no date: the present is what a question means anyway.
    """
    if _DIGITS.search(question, 0, _LONGEST) is None and _WORDS.search(question, 0, _LONGEST) is None:
        return QuestionTime(None, None, question)
    head = question[:_LONGEST]
    chosen = _chosen(head, [each for each in find_times(head, today, with_aspects=False) if _is_asked(head, each)])
    if chosen is None:
        return QuestionTime(None, None, _without(question, _PRESENT.search(head)))
    stated = _stated(chosen)
    if stated is None:
        return QuestionTime(None, None, question)
    rest = _tidy(question[: chosen.begin] + " " + question[chosen.end :])
    return QuestionTime(stated.window, stated, rest)


def _without(question: str, found: re.Match[str] | None) -> str:
    return question if found is None else _tidy(question[: found.start()] + " " + question[found.end() :])


def _tidy(text: str) -> str:
    return _LOOSE.sub(r"\1", " ".join(text.split()))


def _is_asked(question: str, expression: TimeExpression) -> bool:
    """Whether a time is the question's: not the present, and not a year in a name, as in "Windows Server 2016"."""
    if expression.relation is Relation.NO_LONGER or (
        expression.relation is Relation.AS_OF and _is_present(question, expression)
    ):
        return False
    if expression.relation is not Relation.BARE or expression.first is None:
        return True
    if expression.first.granularity is not Granularity.YEAR:
        return True
    before = question[: expression.begin].rstrip()
    after = question[expression.end :].strip(" ?!.)")
    return not after and (before.endswith((",", "(", ":")) or before[before.rfind(" ") + 1 :].islower())


def _is_present(question: str, expression: TimeExpression) -> bool:
    return _PRESENT.fullmatch(question, expression.begin, expression.end) is not None


def _chosen(question: str, expressions: list[TimeExpression]) -> TimeExpression | None:
    if not expressions:
        return None
    ranges = [each for each in expressions if each.relation is Relation.BETWEEN]
    if ranges:
        return ranges[-1]
    first = expressions[0]
    return first if not question[: first.begin].strip() else expressions[-1]


def _stated(expression: TimeExpression) -> PartialDate | None:
    first, last = expression.first, expression.last
    match expression.relation:
        case Relation.UNTIL | Relation.BY:
            return None if last is None else PartialDate.before(last)
        case Relation.FROM:
            return None if first is None else PartialDate.after(first)
        case Relation.BEFORE:
            return expression.bounds()[1] if expression.bounds()[0] is None else expression.bounds()[0]
        case Relation.AFTER:
            return None if first is None else PartialDate(_end_of(first), EVER, Granularity.RANGE)
        case _:
            if first is None or last is None or first == last:
                return first
            return PartialDate(first.earliest, _end_of(last), Granularity.RANGE)


def _end_of(stated: PartialDate) -> int:
    following = next_bound(stated)
    return following.earliest if following is not stated else stated.latest
