"""Raw claims become claims of a document: quotes are found, values typed, dates read; or it is said why not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from motherlode.core.time import parse_partial_date
from motherlode.errors import InputError
from motherlode.nuggets.llm.windows import Window
from motherlode.nuggets.record import Claim, Document
from motherlode.nuggets.values import Quantity, Value

__all__ = ["Reading", "find_quote", "read_claim"]

# Models set typographic signs straight, or the other way round; a quote is still the same sentence.
_ALIKE = (
    "'\u2018\u2019\u02bc\u2032`",
    '"\u201c\u201d\u201e\u00ab\u00bb',
    "-\u2010\u2011\u2012\u2013\u2014\u2212",
)
_SIGN_OF = {sign: f"[{re.escape(signs)}]" for signs in _ALIKE for sign in signs}
_NOTHING = frozenset(("", "null", "none", "unknown", "n/a", "na", "present", "now", "ongoing", "-", "?"))
_TRUTH = {"true": True, "yes": True, "false": False, "no": False}
_NUMBER = re.compile(r"[-+]?\d+(?:[ ,_'\u00a0\u202f]\d{3})*(?:\.\d+)?(?:[eE][-+]?\d{1,3})?")
_YEAR = re.compile(r"\d{4}")


@dataclass(frozen=True, slots=True)
class Reading:
    """A claim, or the reason why there is none. notes: what of the raw claim was left out of it."""

    claim: Claim | None
    reason: str | None = None
    notes: tuple[str, ...] = ()


def find_quote(text: str, quote: str, begin: int = 0, end: int | None = None) -> tuple[int, int] | None:
    """Where a quote stands in the text, in characters, or None.

    Spacing may differ, and typographic quotation marks, apostrophes and dashes; letters and digits may not. The first
    place wins.
    """
    stop = len(text) if end is None else end
    stripped = quote.strip()
    if not any(letter.isalnum() for letter in stripped):
        return None
    at = text.find(stripped, begin, stop)
    if at >= 0:
        return at, at + len(stripped)
    words = (("".join(_SIGN_OF.get(letter, re.escape(letter)) for letter in word)) for word in stripped.split())
    found = re.compile(r"\s+".join(words)).search(text, begin, stop)
    return found.span() if found else None


def read_claim(
    raw: Mapping[str, Any], document: Document, window: Window, *, allowed: frozenset[str] | None = None
) -> Reading:
    """The claim that a raw one makes of a document, or why it is refused.

    window: where the model read; the quote has to stand there. allowed: predicates; None allows all.
    A number or date that cannot be read is kept as text, a bound that cannot be read is refused: it is better to lose a
    claim than to have it stand for ever.
    """
    quote = str(raw["quote"])
    span = find_quote(document.text, quote, window.begin, window.end)
    if span is None:
        return Reading(None, f"the quote is not in the text: {quote.strip()[:80]!r}")
    predicate = str(raw["predicate"]).strip()
    if allowed is not None and predicate not in allowed:
        return Reading(None, f"the predicate {predicate!r} is none of those given")
    notes: list[str] = []
    try:
        bounds = [_bound(raw.get(name), name, document, window, notes) for name in ("valid_from", "valid_to")]
        value = _value(raw, notes)
        claim = Claim(
            subject=str(raw["subject"]).strip(),
            predicate=predicate,
            object=value,
            valid_from=bounds[0],
            valid_to=bounds[1],
            source=str(document.id),
            publisher=document.publisher,
            negated=_is_true(raw.get("negated")),
            text=document.text[span[0] : span[1]],
            span=span,
            confidence=_confidence(raw.get("confidence"), notes),
            version=document.version,
            published_at=document.published_at,
        )
    except InputError as error:
        return Reading(None, str(error))
    return Reading(claim, notes=tuple(notes))


def _is_true(value: Any) -> bool:
    return value is True or str(value).strip().lower() in ("true", "yes", "1")


def _bound(stated: Any, name: str, document: Document, window: Window, notes: list[str]) -> str | None:
    """A date as stated, or None; InputError where it is no date."""
    text = "" if stated is None else str(stated).strip()
    if text.lower() in _NOTHING:
        return None
    try:
        parse_partial_date(text)
    except InputError:
        # Models like to add a time to a day, without the zone that would make it an instant.
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}[T ][\d:.]+", text) is None:
            raise InputError(f"{name} {text!r} is not a date") from None
        text = text[:10]
        parse_partial_date(text)
    if document.published_at is None and not _is_dated(text, document, window):
        # Nothing that a relative date could count from: the model made it up, or knows it from elsewhere.
        notes.append(f"{name} {text} was left out: its year is nowhere in the text, and the text has no date")
        return None
    return text


def _is_dated(bound: str, document: Document, window: Window) -> bool:
    """Whether the years of a bound are in what the model read, in four digits or the last two ('97, 2010–14)."""
    read = f"{document.title or ''}\n{document.text[window.begin : window.end]}"
    return (
        all(
            re.search(rf"(?<!\d){year}(?!\d)|(?<!\d){year[2:]}(?!\d)|{year[:3]}0s", read)
            for year in _YEAR.findall(bound)[:2]
        )
        or not bound[:4].isdigit()
    )


def _value(raw: Mapping[str, Any], notes: list[str]) -> Value:
    """The object as what it is said to be."""
    stated, kind = raw["object"], str(raw.get("value_type") or "text").lower()
    if isinstance(stated, bool):
        return stated
    unit = str(raw.get("unit") or "").strip()
    if isinstance(stated, int | float):
        return Quantity(_decimal(str(stated)), unit or None)
    text = str(stated).strip()
    if kind == "truth" and text.lower() in _TRUTH:
        return _TRUTH[text.lower()]
    if kind == "number":
        bare = text.removesuffix(unit).strip() if unit else text
        if _NUMBER.fullmatch(bare):
            return Quantity(_decimal(re.sub(r"[ ,_'\u00a0\u202f]", "", bare)), unit or None)
        notes.append(f"the object {text!r} was kept as text: it is no number")
        return f"{text} {unit}".strip() if unit and unit not in text else text
    if kind == "date":
        try:
            return parse_partial_date(text)
        except InputError:
            notes.append(f"the object {text!r} was kept as text: it is no date")
    return text


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise InputError(f"the object {text!r} is no number") from None


def _confidence(stated: Any, notes: list[str]) -> float | None:
    """0 to 1; percentages are taken for what they are meant to be."""
    try:
        value = float(str(stated).strip().rstrip("%"))
    except ValueError:
        value = -1.0
    if 1 < value <= 100:
        value /= 100
    if not 0 <= value <= 1:
        notes.append(f"no confidence is stated ({stated!r})")
        return None
    return value
