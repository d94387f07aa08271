"""Numbers that a sentence gives of its subject: population, revenue, price, shares, counts of people."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal

from motherlode.nuggets.extraction.aspects import Aspect
from motherlode.nuggets.extraction.facts import Fact
from motherlode.nuggets.extraction.subjects import SubjectResolver
from motherlode.nuggets.extraction.time_grammar import TimeExpression
from motherlode.nuggets.values import Quantity

__all__ = ["quantities_of"]

_MEASURES = (
    r"population|revenues?|turnover|sales|price|share\s+price|net\s+income|profits?|market\s+share|unemployment\s+rate|inflation"
    r"|inflation\s+rate|interest\s+rate|capacity|workforce|length|height|area|elevation|budget|GDP|unemployment|market\s+value"
)
_NUMBER = r"(?P<currency>[$€£¥])?\s?(?P<number>\d{1,3}(?:,\d{3}){1,5}|\d{1,12})(?P<fraction>\.\d{1,6})?"
_UNIT = (
    r"(?:\s?(?P<scale>thousand|million|billion|trillion)\b)?"
    r"(?:\s?(?P<unit>%|percent\b|per\s+cent\b|km²|km2|km\b|m\b|metres?\b|meters?\b|feet\b|ft\b|dollars\b|euros\b|people\b|inhabitants\b))?"
)
_SAID = r"(?:of|was|is|were|are|at|to|reached|totall?ed|exceeded|stood\s+at|amounted\s+to)"
_MEASURED = re.compile(
    rf"\b(?P<what>{_MEASURES})\b(?P<between>[^.;()\d]{{0,50}}?)\b{_SAID}\s+(?:about|around|approximately|some|nearly|over|almost|only)?"
    rf"\s?{_NUMBER}{_UNIT}",
    re.IGNORECASE,
)
_COUNTED = re.compile(
    rf"\b(?:had|has|have|employs|employed|with)\s+(?:a\s+total\s+of\s+|about\s+|around\s+|approximately\s+|some\s+|nearly\s+|over\s+)?"
    rf"{_NUMBER}\s+(?P<what>employees|inhabitants|residents|students|members|staff|subscribers|stores|passengers)\b",
    re.IGNORECASE,
)
_OWNER = re.compile(r"^\s+(?:of|in)\s+(?:the\s+)?(?P<owner>[A-Z][\w’'-]*(?:\s+[A-Z][\w’'-]*){0,4})\s*$")
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_CURRENCIES = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY"}
_UNITS = {"percent": "%", "per cent": "%", "dollars": "USD", "euros": "EUR", "inhabitants": "people"}
_TRUST = 0.88


def quantities_of(
    sentence: str, times: Sequence[TimeExpression], subject: str | None, resolver: SubjectResolver
) -> Iterator[Fact]:
    """The quantities of a sentence.

    subject: whom its first proposition is about, where that is known
    """
    for pattern in (_MEASURED, _COUNTED):
        for found in pattern.finditer(sentence):
            if any(time.begin <= found.start("number") < time.end for time in times):
                continue
            if sentence[: found.start()].endswith(("for a ", "at a ", "for the ")):
                continue  # "sold it for a price of": of what was sold
            owner = _OWNER.match(found["between"]) if pattern is _MEASURED else None
            name = subject
            if owner is not None:
                resolved = resolver.resolve(owner["owner"], is_pronoun=False)
                name = None if resolved is None else resolved.name
            if name is None:
                continue
            time = _nearest(times, found.start(), found.end())
            start, stop = (None, None) if time is None else time.bounds(Aspect.HOLDS)
            what = " ".join(found["what"].casefold().split())
            name = re.sub(rf"^{re.escape(what)} of ", "", name, flags=re.IGNORECASE)
            yield Fact(name, what, _value(found), start, stop, _TRUST if time is not None else 0.8)


def _value(found: re.Match[str]) -> Quantity:
    groups = found.groupdict()
    amount = Decimal(found["number"].replace(",", "") + (found["fraction"] or ""))
    if groups.get("scale"):
        amount *= _SCALES[found["scale"].casefold()]
    unit = " ".join((groups.get("unit") or "").split()) or None
    if found["currency"]:
        unit = _CURRENCIES[found["currency"]]
    return Quantity(amount, _UNITS.get(unit.casefold(), unit) if unit else None)


def _nearest(times: Sequence[TimeExpression], begin: int, end: int) -> TimeExpression | None:
    """The time that stands next to a place, on either side."""
    return min(times, key=lambda time: min(abs(time.begin - end), abs(begin - time.end)), default=None)
