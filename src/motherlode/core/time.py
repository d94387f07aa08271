"""Clock, partial dates and intervals: the one owner of time.

An instant is a whole number of microseconds since 1970-01-01T00:00Z. A date that was stated to the year is not an
instant but a range of them, and so every bound of an interval is a half-open range of instants, ``[earliest, latest)``;
an exact instant is a range of one microsecond. With that, what is certain and what is possible are two comparisons
each.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import IntEnum
from functools import lru_cache

from motherlode.errors import InputError

__all__ = [
    "EVER",
    "NEVER",
    "Clock",
    "Granularity",
    "Interval",
    "PartialDate",
    "from_micros",
    "iso_text",
    "now",
    "parse_instant",
    "parse_partial_date",
    "to_micros",
]

NEVER = -(1 << 62)
"""Before every instant: the earliest of an unknown start."""
EVER = 1 << 62
"""After every instant: the end of what goes on."""

Clock = Callable[[], datetime]
"""Tells the present as an aware datetime; tests inject their own."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Granularity(IntEnum):
    """How finely a date was stated; finer is smaller."""

    INSTANT = 0
    DAY = 1
    MONTH = 2
    QUARTER = 3
    YEAR = 4
    DECADE = 5
    CENTURY = 6
    RANGE = 7
    """Somewhere between two stated dates, or before or after one."""


def now() -> datetime:
    """The present: an aware datetime in UTC."""
    return datetime.now(UTC)


def to_micros(instant: datetime) -> int:
    """Microseconds since 1970 of an aware datetime; a naive one is refused, because it names no instant."""
    if instant.tzinfo is None or instant.utcoffset() is None:
        raise InputError(
            f"the time {instant.isoformat()} has no time zone, so it is no instant; "
            "give an aware datetime, e.g. datetime(…, tzinfo=UTC), or a date"
        )
    return (instant - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime | None:
    """The aware datetime in UTC of an instant; None for what `NEVER` and `EVER` stand for."""
    if not _FIRST <= micros <= _LAST:
        return None
    return _EPOCH + timedelta(microseconds=micros)


def iso_text(moment: datetime | None) -> str | None:
    """An instant as ISO 8601 with its zone, UTC as Z; None stays None."""
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


_FIRST = to_micros(datetime.min.replace(tzinfo=UTC))
_LAST = to_micros(datetime.max.replace(tzinfo=UTC))
_DAY = 86_400_000_000


def _day(year: int, month: int = 1, day: int = 1) -> int:
    """First instant of a day; of the first day after the calendar too."""
    if year == 10_000:
        return _LAST + 1
    return (date(year, month, day).toordinal() - 719_163) * _DAY


@dataclass(frozen=True, slots=True)
class PartialDate:
    """A date as finely as it was stated: the half-open range of instants that it may mean.

    earliest, latest: microseconds since 1970, half-open; `NEVER` or `EVER` where the range is unbounded. An exact
    instant has ``latest == earliest + 1``, and a day is its first instant, 00:00 UTC.
    """

    earliest: int
    latest: int
    granularity: Granularity

    def __post_init__(self) -> None:
        if self.latest <= self.earliest:
            raise InputError(f"a date needs earliest < latest, not {self.earliest} and {self.latest}")

    @property
    def bound(self) -> tuple[int, int, int]:
        """(earliest, latest, granularity), as tables hold it."""
        return self.earliest, self.latest, int(self.granularity)

    @property
    def is_exact(self) -> bool:
        """Whether it names one instant (a day does: its first)."""
        return self.latest == self.earliest + 1

    def may_equal(self, other: PartialDate) -> bool:
        """Whether the two can mean the same instant."""
        return self.earliest < other.latest and other.earliest < self.latest

    def precedes(self, other: PartialDate) -> bool:
        """Whether it is before the other whatever the two mean exactly."""
        return self.latest <= other.earliest

    @property
    def window(self) -> tuple[int, int]:
        """The half-open stretch of time that it names when asked about; a day is its first instant."""
        return self.earliest, self.latest

    @classmethod
    def from_micros(cls, micros: int) -> PartialDate:
        """One instant; at midnight UTC, a day."""
        return cls(micros, micros + 1, Granularity.DAY if micros % _DAY == 0 else Granularity.INSTANT)

    @classmethod
    def from_year(cls, year: int, n_years: int = 1) -> PartialDate:
        """A year, a decade (10) or a century (100) from its first year on."""
        granularity = {1: Granularity.YEAR, 10: Granularity.DECADE, 100: Granularity.CENTURY}[n_years]
        _check_year(year)
        return cls(_day(year), _day(min(year + n_years, 10_000)), granularity)

    @classmethod
    def from_quarter(cls, year: int, quarter: int) -> PartialDate:
        """A quarter, 1 to 4, of a year."""
        _check_year(year)
        return cls(_day(year, 3 * quarter - 2), _next_month(year, 3 * quarter), Granularity.QUARTER)

    @classmethod
    def from_month(cls, year: int, month: int) -> PartialDate:
        """A month of a year."""
        _check_year(year)
        return cls(_day(year, month), _next_month(year, month), Granularity.MONTH)

    @classmethod
    def from_day(cls, day: date) -> PartialDate:
        """A day, which as a bound means its first instant in UTC."""
        start = _day(day.year, day.month, day.day)
        return cls(start, start + 1, Granularity.DAY)

    @classmethod
    def before(cls, other: PartialDate) -> PartialDate:
        """Some time up to and within the other; when is not known."""
        return cls(NEVER, other.latest, Granularity.RANGE)

    @classmethod
    def after(cls, other: PartialDate) -> PartialDate:
        """Some time within or after the other; when is not known."""
        return cls(other.earliest, EVER, Granularity.RANGE)

    def __str__(self) -> str:
        if self.granularity is Granularity.RANGE:
            first = (
                ".."
                if self.earliest == NEVER
                else _coarsest(self.earliest, lambda stated: stated.earliest == self.earliest)
            )
            last = (
                ".." if self.latest == EVER else _coarsest(self.latest - 1, lambda stated: stated.latest == self.latest)
            )
            return f"{first}/{last}"
        start = from_micros(self.earliest)
        if start is None:
            return ".."
        match self.granularity:
            case Granularity.INSTANT:
                return str(iso_text(start))
            case Granularity.DAY:
                return f"{start:%Y-%m-%d}".rjust(10, "0")
            case Granularity.MONTH:
                return f"{start.year:04}-{start.month:02}"
            case Granularity.QUARTER:
                return f"{start.year:04}-Q{(start.month + 2) // 3}"
            case Granularity.DECADE:
                return f"{start.year // 10:03}0s"
            case Granularity.CENTURY:
                return f"{start.year:04}/{min(start.year + 99, 9999):04}"  # both years included, as in every range
            case _:
                return f"{start.year:04}"


def _coarsest(micros: int, fits: Callable[[PartialDate], bool]) -> str:
    """The coarsest date around an instant that fits."""
    moment = from_micros(micros)
    if moment is None:
        return ".."
    stated = (PartialDate.from_year(moment.year), PartialDate.from_month(moment.year, moment.month))
    return str(next((date for date in stated if fits(date)), PartialDate.from_micros(micros)))


def _check_year(year: int) -> None:
    if not 1 <= year <= 9999:
        raise InputError(f"the year {year} is outside 1 to 9999, which is what a calendar date can hold")


def _next_month(year: int, month: int) -> int:
    return _day(year + 1) if month == 12 else _day(year, month + 1)


_PARTIAL = re.compile(
    r"(?P<year>\d{4})(?:(?P<decade>s)|-?[Qq](?P<quarter>[1-4])|-(?P<month>\d{2})(?:-(?P<day>\d{2}))?)?", re.ASCII
)
_FORMS = "'YYYY', 'YYYY-Qn', 'YYYY-MM', 'YYYY-MM-DD', 'YYY0s', an ISO 8601 time with its zone, or 'A/B' for between two"


def parse_partial_date(value: str | date | datetime | PartialDate) -> PartialDate:
    """A date as it was stated.

    value: 'YYYY', 'YYYY-Qn', 'YYYY-MM', 'YYYY-MM-DD', 'YYY0s' (a decade), an ISO 8601 timestamp with its zone, 'A/B'
    (some time from A up to B, either may be '..'), a date, an aware datetime, or a partial date, which comes back as it
    is.

    Errors: InputError for a naive datetime, for text of another form, for a day that no calendar has.
    """
    if isinstance(value, PartialDate):
        return value
    if isinstance(value, datetime):
        micros = to_micros(value)
        return PartialDate(micros, micros + 1, Granularity.INSTANT)
    if isinstance(value, date):
        return PartialDate.from_day(value)
    if not isinstance(value, str):
        raise InputError(
            f"a date is text, a date or an aware datetime, not {type(value).__name__} {value!r}; as text: {_FORMS}"
        )
    try:
        return _parse_text(value.strip())
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"{value!r} is not a date ({error}); expected {_FORMS}") from None


@lru_cache(maxsize=1 << 15)
def _parse_text(text: str) -> PartialDate:
    if "/" in text:
        first, _, last = text.partition("/")
        start = None if first.strip() in ("", "..") else _parse_text(first.strip())
        end = None if last.strip() in ("", "..") else _parse_text(last.strip())
        if start is None and end is None:
            raise ValueError("neither side of the range is a date")
        lower = NEVER if start is None else start.earliest
        upper = EVER if end is None else end.latest
        if upper <= lower:
            raise InputError(f"the range {text!r} ends before it starts")
        return PartialDate(lower, upper, Granularity.RANGE)
    found = _PARTIAL.fullmatch(text)
    if found is None:
        stamp = datetime.fromisoformat(text)
        micros = to_micros(stamp)
        return PartialDate(micros, micros + 1, Granularity.INSTANT)
    year = int(found["year"])
    if found["decade"]:
        if year % 10:
            raise ValueError("a decade starts with a year that ends in 0")
        return PartialDate.from_year(year, 10)
    if found["quarter"]:
        return PartialDate.from_quarter(year, int(found["quarter"]))
    if found["day"]:
        return PartialDate.from_day(date(year, int(found["month"]), int(found["day"])))
    if found["month"]:
        if not 1 <= int(found["month"]) <= 12:
            raise ValueError("month must be in 1..12")
        return PartialDate.from_month(year, int(found["month"]))
    return PartialDate.from_year(year)


def parse_instant(value: str | date | datetime) -> int:
    """One instant, in microseconds since 1970, of an aware datetime, an ISO timestamp with zone, or a day (00:00 UTC).

    Errors: InputError for what is coarser than a day or has no zone.
    """
    stated = parse_partial_date(value)
    if not stated.is_exact:
        raise InputError(
            f"{value!r} is a stretch of time, but one instant is needed here: a day or an ISO timestamp with its zone"
        )
    return stated.earliest


@dataclass(frozen=True, slots=True)
class Interval:
    """A half-open stretch of time whose bounds may be known only as ranges.

    start: None where it is unknown. end: None where it is open: it goes on.
    Both None: nothing is known of when.

    Errors: InputError where no instant can lie inside, e.g. an end before the start.
    """

    start: PartialDate | None = None
    end: PartialDate | None = None

    def __post_init__(self) -> None:
        if self.start is not None and self.end is not None and self.end.latest - 1 <= self.start.earliest:
            raise InputError(f"the interval from {self.start} to {self.end} holds no instant: it ends before it starts")

    @property
    def is_known(self) -> bool:
        """Whether anything is known of when."""
        return self.start is not None or self.end is not None

    @property
    def start_earliest(self) -> int:
        return NEVER if self.start is None else self.start.earliest

    @property
    def start_latest(self) -> int:
        """Exclusive. An unknown start is at the latest just before the end."""
        return self.start.latest if self.start is not None else self.end_latest

    @property
    def end_earliest(self) -> int:
        return EVER if self.end is None else self.end.earliest

    @property
    def end_latest(self) -> int:
        """Exclusive, as of every range; `EVER` where the end is open."""
        return EVER if self.end is None else self.end.latest

    def is_possible(self, begin: int, end: int) -> bool:
        """Whether it may hold at some instant of [begin, end)."""
        return self.start_earliest < end and self.end_latest - 1 > begin

    def is_certain(self, begin: int, end: int) -> bool:
        """Whether it holds at some instant of [begin, end), whatever its bounds mean exactly."""
        return self.is_known and self.start_latest <= end and self.end_earliest > begin

    def contains(self, instant: datetime) -> bool:
        """Whether it certainly holds at an instant."""
        micros = to_micros(instant)
        return self.is_certain(micros, micros + 1)

    def overlaps(self, other: Interval) -> bool:
        """Whether the two may hold at one instant; half-open, so an end does not meet a start."""
        return self.start_earliest < other.end_latest - 1 and other.start_earliest < self.end_latest - 1

    def __str__(self) -> str:
        return f"[{self.start or '?'}, {self.end or ('…' if self.start is not None else '?')})"
