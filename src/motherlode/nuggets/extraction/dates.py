"""Dates in English text: where they stand and what they mean, each as finely as it was stated.

Only the dates themselves; what "since" or "until" make of them is the affair of ``time_grammar``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from motherlode.core.time import Granularity, PartialDate, from_micros, parse_partial_date
from motherlode.errors import InputError
from motherlode.nuggets.extraction.relative_dates import RELATIVE, relative_date

__all__ = ["MONTH", "DateMention", "circa", "find_dates", "last_word", "next_bound", "span_of", "with_part"]

MONTHS = {
    name: number
    for number, names in enumerate(
        (
            ("january", "jan"),
            ("february", "feb"),
            ("march", "mar"),
            ("april", "apr"),
            ("may",),
            ("june", "jun"),
            ("july", "jul"),
            ("august", "aug"),
            ("september", "sept", "sep"),
            ("october", "oct"),
            ("november", "nov"),
            ("december", "dec"),
        ),
        start=1,
    )
    for name in names
}
_SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
_ORDINALS = {"first": 1, "1st": 1, "second": 2, "2nd": 2, "third": 3, "3rd": 3, "fourth": 4, "4th": 4, "last": 4}

# Case is ignored letter by letter or after a first letter: the search engine then skips a place at one look.
MONTH = (
    r"(?:[Jj](?i:anuary|an|une|un|uly|ul)|[Ff](?i:ebruary|eb)|[Mm](?i:arch|ar|ay)|[Aa](?i:pril|pr|ugust|ug)"
    r"|[Ss](?i:eptember|ept|ep)|[Oo](?i:ctober|ct)|[Nn](?i:ovember|ov)|[Dd](?i:ecember|ec))\b\.?"
)
_Y = r"(?:1\d{3}|2[01]\d{2})(?!\d)"
_ORD = r"(?:\s?(?i:st|nd|rd|th)\b)?"
_DASH = r"[\u2010-\u2015\u2212/-]"

# Every branch begins with a digit or a fixed word and repeats nothing without a bound, so a search is linear.
_DATE = re.compile(
    rf"""
    \b(?<![$£€¥#.]) (?:
      (?P<iso>\d{{4}}-\d{{2}}-\d{{2}}(?:[T ]\d{{2}}:\d{{2}}(?::\d{{2}}(?:\.\d{{1,6}})?)?(?:Z|[+-]\d{{2}}:\d{{2}})?)?)
        (?!\d)
    | (?P<numeric>\d{{1,2}}[/.]\d{{1,2}}[/.]\d{{4}}|\d{{1,2}}/\d{{4}})(?!\d)
    | (?P<d1>\d{{1,2}}){_ORD}\s+(?:of\s+)?(?P<m1>{MONTH})(?:(?:\s?,)?(?:\s+of)?\s+(?P<y1>{_Y}))?
    | (?P<m2>{MONTH})(?:\s+(?P<d2>\d{{1,2}}){_ORD}(?!\w)(?:(?:\s?,\s?|\s+)(?P<y2>{_Y}))?
                    |(?:\s?,)?(?:\s+of)?\s+(?P<y3>{_Y}))?
    | (?:[Qq](?P<q1>[1-4])|(?P<q2>[Ff](?i:irst|ourth)|[Ss](?i:econd)|[Tt](?i:hird)|[Ll](?i:ast)|1st|2nd|3rd|4th)
        \s+(?i:quarter))(?:\s?/\s?|\s+|-)(?:of\s+)?(?P<y4>{_Y})
    | (?P<season>[Ss](?i:pring|ummer)|[Aa](?i:utumn)|[Ff](?i:all)|[Ww](?i:inter))
        (?:\s?,)?\s+(?:of\s+)?(?P<y6>{_Y})(?:{_DASH}(?P<y6b>\d{{2}})(?!\d))?
    | (?P<decade>[12]\d{{2}}0)\s?[’']?s\b
    | (?P<century>\d{{1,2}})(?:st|nd|rd|th)[\s-](?i:century)
    | (?P<y8>{_Y})(?:[\s-]?[Qq](?P<q3>[1-4])\b
        |(?:\s(?=[\u2013\u2014]))?(?P<dash>{_DASH})\s?(?P<y8b>\d{{2}})(?![\d\w%])(?!\s?{_DASH}\s?\d))?
    | (?P<y9>[1-9]\d{{2}})(?=\s?(?:[.?!;)\u2013\u2014]|,\s|to\b|until\b|and\s+[1-9]\d\d\b|A\.?D\b|CE\b|$))
    | (?P<relative>{RELATIVE})
    )
    """,
    re.VERBOSE,
)
# What makes of four digits an amount rather than a year: no list of units ends, these are the frequent ones.
_NOT_A_YEAR = re.compile(
    r"\s?(?:,\d{3}|\.\d|[%°]|:\d|(?:people|inhabitants|residents|men|women|soldiers|troops|miles|mi|metres|meters|km|kg|feet|ft"
    r"|tons|tonnes|hectares|acres|m|mm|cm|hp|kw|rpm|units|copies|members|students|employees|seats|votes|times|points|dollars"
    r"|pounds|euros|words|pages|hrs|hours|b\.?\s?c\.?(?:e\.?)?)\b)",
    re.IGNORECASE,
)
_PART = re.compile(
    r"(?:\b(early|mid|middle|late|later|beginning|start|end|close|first\s+half|second\s+half|latter\s+half)"
    r"(?:\s?-\s?|\s+)(?:of\s+)?(?:(?:in\s+)?the\s+)?(?:year\s+)?)$",
    re.IGNORECASE,
)
_CIRCA = re.compile(
    r"(?:\b(?:c|ca|circa|around|about|approximately|roughly|approx)\b\s?\.?\s?(?:the\s+)?)$", re.IGNORECASE
)


# The words that may stand right before a date in the two patterns: a look at the last word spares most searches.
_MODIFIERS = frozenset(
    {"early", "mid", "middle", "late", "later", "of", "the", "year", "half", "c", "ca", "circa", "around"}
)
_MODIFIERS |= {"about", "approximately", "roughly", "approx"}


def last_word(text: str) -> str:
    """The last word of a text, without case and signs."""
    bare = text[-24:].rstrip(" -.")
    return bare[max(bare.rfind(" "), bare.rfind("-")) + 1 :].casefold()


@dataclass(frozen=True, slots=True)
class DateMention:
    """One date in a text: ``text[begin:end]`` says it.

    date: None where it is ambiguous (5/6/2020) or lacks its year
    month, day: of a date without a year, which a range may still give ("from 5 May to 7 June 2012")
    last: of a pair of years such as 1994–95, the second
    kind: 'date', 'pair', 'yearless', 'relative', 'refused'
    """

    begin: int
    end: int
    date: PartialDate | None
    kind: str = "date"
    month: int = 0
    day: int = 0
    last: PartialDate | None = None

    def in_year(self, year: int) -> PartialDate | None:
        """A date without a year, in that year."""
        return _day_or_month(year, self.month, self.day)


def find_dates(
    text: str, published: PartialDate | None = None, mentioned: PartialDate | None = None
) -> list[DateMention]:
    """All dates of a text in order.

    published: what "last year" and "yesterday" are relative to; without it they mean nothing
    mentioned: the date before this text, for "the following year"

    Cost: linear in the text.
    """
    mentions: list[DateMention] = []
    latest = mentioned
    for found in _DATE.finditer(text):
        mention = _mention(found, text, published, latest)
        if mention is None:
            continue
        if mention.date is not None and mention.kind != "relative":
            latest = mention.date
        mentions.append(mention)
    return mentions


def _mention(
    found: re.Match[str], text: str, published: PartialDate | None, mentioned: PartialDate | None
) -> DateMention | None:
    begin, end = found.span()
    if found["relative"]:
        stated = relative_date(found["relative"], published, mentioned)
        return None if stated is None else DateMention(begin, end, stated, "relative")
    name = found["m1"] or found["m2"]
    if name and not (found["y1"] or found["y2"] or found["y3"]):
        day = int(found["d1"] or found["d2"] or 0)
        if not name[0].isupper() or day > 31:
            return None
        return DateMention(begin, end, None, "yearless", month=_month(name), day=day)
    if found["y8b"]:
        return _pair(found, begin, end)
    if (found["y8"] or found["y9"]) and not found["q3"] and _NOT_A_YEAR.match(text, end):
        return None
    stated = _stated(found)
    if stated is None:
        return DateMention(begin, end, None, "refused")
    if found["y9"]:
        return DateMention(begin, end, stated, "short")
    if stated.granularity is not Granularity.DAY:
        begin, stated = _modified(text, begin, stated)
    return DateMention(begin, end, stated)


def _modified(text: str, begin: int, stated: PartialDate) -> tuple[int, PartialDate]:
    """With "early", "mid", "late", "circa" that stand before it."""
    before = text[max(0, begin - 32) : begin]
    if last_word(before) not in _MODIFIERS:
        return begin, stated
    part = _PART.search(before)
    if part is not None:
        return begin - len(before) + part.start(), with_part(stated, part[1].casefold())
    about = _CIRCA.search(before)
    if about is not None:
        return begin - len(before) + about.start(), circa(stated)
    return begin, stated


def _stated(found: re.Match[str]) -> PartialDate | None:
    """The date of a match that is neither relative nor a pair nor without its year; None if it is no date."""
    if found["iso"]:
        text = found["iso"]
        try:
            return parse_partial_date(text if text.endswith("Z") or "+" in text or text[-6:-5] == "-" else text[:10])
        except InputError:
            return None
    if found["numeric"]:
        return _numeric(found["numeric"])
    year = found["y1"] or found["y2"] or found["y3"]
    if year:
        return _day_or_month(int(year), _month(found["m1"] or found["m2"]), int(found["d1"] or found["d2"] or 0))
    if found["y4"] or found["q3"]:
        quarter = found["q1"] or found["q3"] or _ORDINALS[found["q2"].casefold()]
        return PartialDate.from_quarter(int(found["y4"] or found["y8"]), int(quarter))
    if found["season"]:
        return _season(found["season"].casefold(), int(found["y6"]), paired=bool(found["y6b"]))
    if found["decade"]:
        return PartialDate.from_year(int(found["decade"]), 10)
    if found["century"]:
        number = int(found["century"])
        # The 20th century is 1900 to 1999 in the mouth of people, not 1901 to 2000.
        return PartialDate.from_year(number * 100 - 100, 100) if 2 <= number <= 99 else None
    return PartialDate.from_year(int(found["y8"] or found["y9"]))


def _pair(found: re.Match[str], begin: int, end: int) -> DateMention:
    """1994–95: from 1994 to 1995. 2004-05 with a plain hyphen may also be a month: somewhere in the two years."""
    first, short = int(found["y8"]), int(found["y8b"])
    last = first - first % 100 + short
    if short < first % 100 and short == (first + 1) % 100:
        last += 100
    is_month = found["dash"] == "-" and 1 <= short <= 12
    if last <= first:
        stated = PartialDate.from_month(first, short) if is_month else None
        return DateMention(begin, end, stated, "date" if stated else "refused")
    years = PartialDate.from_year(first), PartialDate.from_year(last)
    if is_month:
        if last != first + 1:
            return DateMention(begin, end, PartialDate.from_month(first, short))
        return DateMention(begin, end, span_of(*years))
    return DateMention(begin, end, years[0], "pair", last=years[1])


def _month(name: str) -> int:
    return MONTHS[name.rstrip(".").casefold()]


def _day_or_month(year: int, month: int, day: int) -> PartialDate | None:
    if not day:
        return PartialDate.from_month(year, month)
    try:
        return PartialDate.from_day(date(year, month, day))
    except ValueError:
        return None


def _numeric(text: str) -> PartialDate | None:
    """13/06/2020 and 06/13/2020 have one reading each; 05/06/2020 has two, 5/2020 and 05.06.2020 are no safer."""
    parts = [int(part) for part in re.split(r"[/.]", text)]
    if len(parts) != 3 or "." in text:
        return None
    first, second, year = parts
    if first > 12 >= second >= 1 and year >= 1:
        return _day_or_month(year, second, first)
    if second > 12 >= first >= 1 and year >= 1:
        return _day_or_month(year, first, second)
    return None


def _season(name: str, year: int, *, paired: bool) -> PartialDate:
    """Three months of the northern year. Winter 2015 may have begun in either year unless both are said."""
    first = _SEASONS[name]
    if first < 12:
        return span_of(PartialDate.from_month(year, first), PartialDate.from_month(year, first + 2))
    begin = PartialDate.from_month(year if paired else year - 1, 12)
    return span_of(begin, PartialDate.from_month(year + 1, 2))


def span_of(first: PartialDate, last: PartialDate) -> PartialDate:
    """Some time from the first to the last, both included."""
    return PartialDate(first.earliest, max(last.latest, first.latest), Granularity.RANGE)


# Which of ten parts of a stretch the words mean; of a year's twelve months, early is January to April.
_TENTHS = {"early": (0, 4), "mid": (4, 7), "late": (7, 10)}
_PARTS = {
    "early": "early",
    "beginning": "early",
    "start": "early",
    "mid": "mid",
    "middle": "mid",
    "late": "late",
    "later": "late",
    "end": "late",
    "close": "late",
}


def with_part(stated: PartialDate, part: str) -> PartialDate:
    """The early, middle or late part of a year, a decade, a century or a month: a range.

    Of a decade, early is its years 0–3, mid 4–6, late 7–9; of a year, months 1–4, 5–8, 9–12.
    """
    first = from_micros(stated.earliest)
    if first is None:
        return stated
    words = part.split()
    n_years = {Granularity.YEAR: 1, Granularity.DECADE: 10, Granularity.CENTURY: 100}.get(stated.granularity)
    if n_years is None:
        return stated
    if len(words) == 2:
        from_half, to_half = (0, 1) if words[0] == "first" else (1, 2)
        if n_years == 1:
            months = (6 * from_half + 1, 6 * to_half)
            return span_of(PartialDate.from_month(first.year, months[0]), PartialDate.from_month(first.year, months[1]))
        half = n_years // 2
        return _years(first.year + half * from_half, half)
    name = _PARTS[words[0]]
    if n_years == 1:
        month = {"early": 1, "mid": 5, "late": 9}[name]
        return span_of(PartialDate.from_month(first.year, month), PartialDate.from_month(first.year, month + 3))
    begin, end = _TENTHS[name]
    return _years(first.year + n_years * begin // 10, n_years * (end - begin) // 10)


def _years(first: int, n_years: int) -> PartialDate:
    return span_of(PartialDate.from_year(first), PartialDate.from_year(first + n_years - 1))


def circa(stated: PartialDate) -> PartialDate:
    """About a date: two years on both sides of a year, five of a round one; of a decade, two; else as it is."""
    first = from_micros(stated.earliest)
    if first is None or stated.granularity not in (Granularity.YEAR, Granularity.DECADE):
        return stated
    if stated.granularity is Granularity.DECADE:
        return _years(max(1, first.year - 2), 14)
    slack = 5 if first.year % 10 == 0 else 2
    return _years(max(1, first.year - slack), 2 * slack + 1)


def next_bound(stated: PartialDate) -> PartialDate:
    """The exclusive end of what lasts up to and with a date: the next day of a day, else the date itself as a range."""
    if stated.granularity is not Granularity.DAY:
        return stated
    moment = from_micros(stated.earliest)
    if moment is None or moment.date() == date.max:
        return stated
    return PartialDate.from_day(moment.date() + timedelta(days=1))
