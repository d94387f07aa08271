"""Durations beside a date: "for three years from 2010"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from motherlode.core.time import Granularity, PartialDate, from_micros
from motherlode.nuggets.extraction.relative_dates import NUMBER_WORDS

__all__ = ["Duration", "duration_before", "shifted_by"]

_DURATION = re.compile(
    r"\bfor\s+(?:about\s+|nearly\s+|almost\s+|over\s+|some\s+|a\s+period\s+of\s+)?(?P<n>\d{1,3}|"
    + "|".join(sorted(NUMBER_WORDS, key=len, reverse=True))
    + r")\s+(?P<unit>day|month|year|decade|season)s?\s*,?\s*$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Duration:
    """A number of days, months or years, said from ``begin`` on."""

    begin: int
    n: int
    unit: str


def duration_before(sentence: str, at: int) -> Duration | None:
    """The duration that ends right before a place."""
    low = max(0, at - 48)
    found = _DURATION.search(sentence[low:at])
    if found is None:
        return None
    number = found["n"].casefold()
    n = int(number) if number.isdigit() else NUMBER_WORDS[number]
    unit = found["unit"].casefold()
    if unit == "decade":
        n, unit = 10 * n, "year"
    return Duration(low + found.start(), n, "year" if unit == "season" else unit)


def shifted_by(stated: PartialDate, n: int, unit: str) -> PartialDate | None:
    """The date n units later, as fine as stated; None where its granularity is coarser than the unit."""
    moment = from_micros(stated.earliest)
    if moment is None:
        return None
    try:
        match stated.granularity, unit:
            case Granularity.YEAR, "year":
                return PartialDate.from_year(moment.year + n)
            case Granularity.MONTH | Granularity.DAY, "month" | "year":
                months = moment.year * 12 + moment.month - 1 + n * (12 if unit == "year" else 1)
                if stated.granularity is Granularity.MONTH:
                    return PartialDate.from_month(months // 12, months % 12 + 1)
                return PartialDate.from_day(date(months // 12, months % 12 + 1, min(moment.day, 28)))
            case Granularity.DAY, "day":
                return PartialDate.from_day(moment.date() + timedelta(days=n))
            case _:
                return None
    except (ValueError, OverflowError):
        return None
