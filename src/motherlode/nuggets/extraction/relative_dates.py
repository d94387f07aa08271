"""Dates relative to something: "last year" to the document's own date, "the following year" to the date before."""

from __future__ import annotations

import re
from datetime import date, timedelta

from motherlode.core.time import Granularity, PartialDate, from_micros

__all__ = ["NUMBER_WORDS", "RELATIVE", "relative_date"]

NUMBER_WORDS = {
    "a": 1,
    "an": 1,
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "eleven": 11,
    "twelve": 12,
    "fifteen": 15,
    "twenty": 20,
    "thirty": 30,
}
_N = r"(?:\d{1,3}|" + "|".join(sorted(NUMBER_WORDS, key=len, reverse=True)) + ")"
_UNIT = r"(?:day|week|month|quarter|year|decade)"
# Each branch begins with a letter in both cases, so that the search skips other places at one look.
_COUNT = (
    r"(?:\d{1,3}|[Aa]n?|[Oo]ne|[Tt](?:wo|hree|en|welve|wenty|hirty)|[Ff](?:our|ive|ifteen)|[Ss](?:ix|even)"
    r"|[Ee](?:ight|leven)|[Nn]ine)"
)
RELATIVE = (
    rf"(?:[Ll]ast|[Tt]his|[Nn]ext)\s+{_UNIT}\b"
    rf"|{_COUNT}\s+{_UNIT}s?\s+(?:ago|later)\b"
    r"|[Tt]he\s+(?:following|next|same|previous)\s+year\b|(?:following|same)\s+year\b|[Tt]hat(?:\s+same)?\s+year\b"
    r"|[Yy]esterday\b|[Tt](?:oday|omorrow)\b|[Cc]urrently\b|[Pp]resently\b|[Aa]t\s+present\b|[Nn]ow(?:adays)?\b"
)
_COUNTED = re.compile(rf"({_N})\s+({_UNIT})s?\s+(ago|later)", re.IGNORECASE)
_DAYS = {"yesterday": -1, "today": 0, "tomorrow": 1}
_NOW = ("currently", "presently", "at present", "now", "nowadays")
_ANAPHORIC = {"following": 1, "next": 1, "same": 0, "previous": -1, "that": 0}


def relative_date(words: str, published: PartialDate | None, mentioned: PartialDate | None) -> PartialDate | None:
    """What the words mean; None where what they are relative to is unknown or too coarse.

    published: of the document. mentioned: the last date before the words
    """
    text = " ".join(words.casefold().split())
    counted = _COUNTED.fullmatch(text)
    if counted is not None:
        n = int(counted[1]) if counted[1].isdigit() else NUMBER_WORDS[counted[1]]
        if counted[3] == "ago":
            return _shifted(published, counted[2], -n)
        # A month or a day after a date that may be any in a year is anywhere.
        return _shifted(mentioned, counted[2], n) if counted[2] in ("year", "decade") else None
    if text in _NOW:
        return published
    if text in _DAYS:
        return _shifted(published, "day", _DAYS[text])
    first, last = text.removeprefix("the ").split()[0], text.split()[-1]
    if text.startswith(("last ", "this ", "next ")):
        return _shifted(published, last, {"last": -1, "this": 0, "next": 1}[first])
    return _shifted(mentioned, "year", _ANAPHORIC[first])


_COARSEST = {
    "day": Granularity.DAY,
    "week": Granularity.DAY,
    "month": Granularity.MONTH,
    "quarter": Granularity.QUARTER,
    "year": Granularity.YEAR,
    "decade": Granularity.DECADE,
}


def _shifted(base: PartialDate | None, unit: str, n: int) -> PartialDate | None:
    """The unit of the calendar that lies n units from the base's; None where the base is coarser than the unit."""
    if base is None or base.granularity > _COARSEST[unit]:
        return None
    moment = from_micros(base.earliest)
    if moment is None:
        return None
    day = moment.date()
    try:
        return _unit_at(day, unit, n)
    except (ValueError, OverflowError):
        return None  # outside the calendar


def _unit_at(day: date, unit: str, n: int) -> PartialDate:
    match unit:
        case "day":
            return PartialDate.from_day(day + timedelta(days=n))
        case "week":
            monday = day - timedelta(days=day.weekday()) + timedelta(weeks=n)
            begin, end = PartialDate.from_day(monday), PartialDate.from_day(monday + timedelta(days=7))
            return PartialDate(begin.earliest, end.earliest, Granularity.RANGE)
        case "month":
            months = day.year * 12 + day.month - 1 + n
            return PartialDate.from_month(months // 12, months % 12 + 1)
        case "quarter":
            quarters = day.year * 4 + (day.month - 1) // 3 + n
            return PartialDate.from_quarter(quarters // 4, quarters % 4 + 1)
        case "year":
            return PartialDate.from_year(day.year + n)
        case _:
            return PartialDate.from_year(day.year - day.year % 10 + 10 * n, 10)
