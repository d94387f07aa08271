"""Questions about times with what is right then: one's own from a file, or a benchmark's.

A file of questions has one JSON object a line:

    {"question": "Who was CEO of Apple?", "answers": ["Steve Jobs"], "valid_at": "2005", "key": "Apple ceo"}
    {"question": "Who led Apple?", "answers": ["Tim Cook"], "valid_from": "2011-08-24", "key": "Apple ceo"}

question   text. answers: the values that are right at the asked time; an empty list where there is none
valid_at   the asked time, as finely as stated: 'YYYY', 'YYYY-Qn', 'YYYY-MM', 'YYYY-MM-DD', a timestamp with its zone
valid_from, valid_to   instead of valid_at, a stretch of time in which the answers are right; valid_to is exclusive,
           either may be null or missing (open); without any of the three the question has no time
key        optional: questions with one key ask for one fact at several times, so that the answer of one is wrong for
           another whose time is disjoint; this is what temporal correctness and the conflict rate are counted from
wrong      optional: further values that are wrong at the asked time
id         optional: any text; by default the line's number
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from motherlode.core.time import EVER, NEVER, Granularity, Interval, PartialDate, parse_partial_date
from motherlode.errors import InputError
from motherlode.nuggets.answers import normalize_answer

__all__ = ["Question", "load_questions", "parse_question", "rivals_of"]


@dataclass(frozen=True, slots=True)
class Question:
    """A question, what is right, and when.

    interval: when the answers are right; None for a question without a time
    asked: the time handed to a system; by default the stretch that the interval certainly names
    """

    text: str
    answers: tuple[str, ...]
    interval: Interval | None = None
    key: str | None = None
    wrong: tuple[str, ...] = ()
    id: str = ""

    @property
    def asked(self) -> PartialDate | None:
        """The asked time as one range of instants."""
        window = self.window
        return None if window is None else PartialDate(*window, Granularity.RANGE)

    @property
    def window(self) -> tuple[int, int] | None:
        """The asked time as [begin, end) in microseconds: from the earliest start to the earliest end.

        So 'from 2003 to 2006' is not asked about 2006, when somebody else may have followed.
        """
        if self.interval is None or not self.interval.is_known:
            return None
        begin, end = self.interval.start_earliest, self.interval.end_earliest
        if end <= begin:  # both bounds within one year, say
            end = max(begin + 1, min(self.interval.start_latest, self.interval.end_latest - 1))
        return begin, end


def rivals_of(questions: Sequence[Question]) -> list[tuple[str, ...]]:
    """For each question the values that are wrong at its time: its own ``wrong``, and the answers of questions with
    its key about a disjoint time.

    A value that is also right then, or that is a part of a right one or holds one ('Cochran', 'Jacqueline Cochran'),
    is no rival: its mention could not be told from the right one. Nor is one that the question itself names: every
    answer about the Newton D. Baker House would state Newton D. Baker.
    """
    by_key: dict[str, list[Question]] = defaultdict(list)
    for question in questions:
        if question.key is not None and question.window is not None:
            by_key[question.key].append(question)
    found = []
    for question in questions:
        values = dict.fromkeys(question.wrong)
        right = {f" {normalize_answer(value)} " for value in question.answers}
        own = f" {normalize_answer(question.text)} "
        if question.key is not None and (window := question.window) is not None:
            others = by_key[question.key]
            for other in others:
                if _overlap(window, other.window):
                    right |= {f" {normalize_answer(value)} " for value in other.answers}
            values |= dict.fromkeys(v for other in others if not _overlap(window, other.window) for v in other.answers)
        named = {normalize_answer(value): value for value in reversed(values) if normalize_answer(value)}
        found.append(
            tuple(
                value
                for name, value in reversed(named.items())
                if f" {name} " not in own and not any(f" {name} " in ok or ok in f" {name} " for ok in right)
            )
        )
    return found


def _overlap(one: tuple[int, int], other: tuple[int, int] | None) -> bool:
    return other is not None and one[0] < other[1] and other[0] < one[1]


_FIELDS = frozenset({"question", "answers", "valid_at", "valid_from", "valid_to", "key", "wrong", "id"})


def load_questions(path: str | Path) -> list[Question]:
    """The questions of a JSONL file, in the format at the head of this module; empty lines are passed over.

    Errors: InputError with file and line for text that is no JSON, a field that is missing, unknown or of another type,
    a time that is none, an id that comes twice; for a file that cannot be read or holds no question.
    """
    path = Path(path)
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError as error:
        raise InputError(f"cannot read questions from {path}: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no UTF-8 text (byte {error.start}); a file of questions has JSON lines") from None
    found: list[Question] = []
    line_of: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            question = parse_question(json.loads(line), default_id=str(number))
        except json.JSONDecodeError as error:
            raise InputError(f"{path}, line {number}: no JSON ({error.msg} at column {error.colno})") from None
        except InputError as error:
            raise InputError(f"{path}, line {number}: {error}") from None
        if question.id in line_of:
            raise InputError(
                f"{path}, line {number}: the id {question.id!r} stands also in line {line_of[question.id]}"
            )
        line_of[question.id] = number
        found.append(question)
    if not found:
        raise InputError(f"{path} holds no question; one JSON object a line, with at least 'question' and 'answers'")
    return found


def parse_question(row: Any, *, default_id: str = "") -> Question:
    """A question from one JSON object, in the format at the head of this module.

    Errors: InputError that names the field.
    """
    if not isinstance(row, dict):
        raise InputError(f"a question is a JSON object with 'question' and 'answers', not {type(row).__name__}")
    unknown = sorted(set(row) - _FIELDS)
    if unknown:
        raise InputError(f"unknown field {unknown[0]!r}; a question has {', '.join(sorted(_FIELDS))}")
    text = row.get("question")
    if not isinstance(text, str) or not text.strip():
        raise InputError(f"'question' is text that is not empty, not {text!r}")
    key, name = row.get("key"), row.get("id", default_id)
    if key is not None and not isinstance(key, str):
        raise InputError(f"'key' is text, not {key!r}")
    if not isinstance(name, str | int):
        raise InputError(f"'id' is text or a number, not {name!r}")
    answers, wrong = _texts(row, "answers", required=True), _texts(row, "wrong", required=False)
    return Question(text, answers, _interval(row), key, wrong, str(name))


def _texts(row: Mapping[str, Any], name: str, *, required: bool) -> tuple[str, ...]:
    value = row.get(name)
    if value is None and not required:
        return ()
    if not isinstance(value, list) or not all(isinstance(one, str) and normalize_answer(one) for one in value):
        raise InputError(f'{name!r} is a list of texts that are not empty, e.g. ["Tim Cook"], not {value!r}')
    return tuple(value)


def _interval(row: Mapping[str, Any]) -> Interval | None:
    at, first, last = (_date(row, name) for name in ("valid_at", "valid_from", "valid_to"))
    if at is not None and (first is not None or last is not None):
        raise InputError("give either 'valid_at' or 'valid_from' and 'valid_to', not both")
    if at is not None:
        begin, end = at.window
        start = None if begin == NEVER else PartialDate.from_micros(begin)
        return Interval(start, None if end == EVER else PartialDate.from_micros(end))
    return None if first is None and last is None else Interval(first, last)


def _date(row: Mapping[str, Any], name: str) -> PartialDate | None:
    value = row.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise InputError(f'{name!r} is a date as text, e.g. "2011-08", not {value!r}')
    try:
        return parse_partial_date(value)
    except InputError as error:
        raise InputError(f"{name!r}: {error}") from None
