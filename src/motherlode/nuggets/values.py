"""What a fact says of its subject: names, numbers with units, dates, truth values; and when two are the same."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from motherlode.core.time import PartialDate, parse_partial_date
from motherlode.errors import InputError

__all__ = ["Quantity", "Value", "canonical_value", "display_value", "normalize_name", "parse_value", "split_quantity"]


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its unit: ``Quantity(Decimal("4.2"), "%")``. Units are compared as written, without case."""

    amount: Decimal
    unit: str | None = None

    def __post_init__(self) -> None:
        try:
            amount = Decimal(str(self.amount))
        except InvalidOperation:
            raise InputError(f"the amount of a quantity is a number, not {self.amount!r}") from None
        if not amount.is_finite():
            raise InputError(f"the amount of a quantity is a finite number, not {self.amount!r}")
        object.__setattr__(self, "amount", amount)

    def __str__(self) -> str:
        amount = f"{self.amount:f}"
        if self.unit is None:
            return amount
        return f"{amount}{self.unit}" if self.unit in ("%", "°") else f"{amount} {self.unit}"


Value = str | int | float | bool | Decimal | date | datetime | PartialDate | Quantity

# Legal forms say what a company is, not which one.
_LEGAL_FORM = re.compile(
    r"[,\s]+(?:incorporated|inc|corporation|corp|company|co|limited|ltd|llc|llp|plc|gmbh|ag|s\.?a|n\.?v|b\.?v|oyj?|ab|kk)\.?$"
)
_SPACES = re.compile(r"\s+")
_QUOTES = str.maketrans(
    {"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2010": "-", "\u2011": "-", "\u00a0": " "}
)


@lru_cache(maxsize=65_536)
def normalize_name(name: str) -> str:
    """The form under which two spellings of a name are one: case, spacing, typographic quotes, a company's legal form.

    Signs, digits and initials stay, so C, C++ and C# are three names, and so are MAX 8 and MAX 9.
    """
    text = unicodedata.normalize("NFKC", name).translate(_QUOTES)
    text = _SPACES.sub(" ", text).strip().strip("\"'").casefold()
    shorter = _LEGAL_FORM.sub("", text)
    return shorter or text


def canonical_value(value: Value, unit: str | None = None) -> tuple[str, str]:
    """(kind, key) of a value: equal keys are one value. Kinds: name, number, date, truth.

    Errors: InputError for another type, an empty name, a number that is not finite.
    """
    if isinstance(value, str):
        if unit is not None:
            return canonical_value(parse_value(value, unit))
        key = normalize_name(value)
        if not key:
            raise InputError("the object of a claim is empty; give what the subject's predicate is")
        return "name", key
    if isinstance(value, bool):
        return "truth", str(value).lower()
    if isinstance(value, date | PartialDate):
        return "date", str(parse_partial_date(value))
    if isinstance(value, int | float | Decimal):
        value = Quantity(Decimal(str(value)), unit)
    if isinstance(value, Quantity):
        amount = value.amount.normalize()
        amount = amount if amount else Decimal(0)
        return "number", f"{amount:f} {normalize_name(value.unit or '')}".strip()
    raise InputError(
        f"the object of a claim is text, a number, a date, a truth value or a Quantity, not {value!r} "
        f"({type(value).__name__})"
    )


def display_value(value: Value, unit: str | None = None) -> str:
    """The value as people read it."""
    if isinstance(value, str):
        return value.strip() if unit is None else str(parse_value(value, unit))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, date | PartialDate):
        return str(parse_partial_date(value))
    if isinstance(value, Quantity):
        return str(value)
    return str(Quantity(Decimal(str(value)), unit))


_NUMBER = re.compile(r"[-+]?\d+(?:[ ,_']\d{3})*(?:\.\d+)?")


def parse_value(text: str, unit: str) -> Quantity:
    """A number written as text, with its unit: '1,200.5' → 1200.5.

    Errors: InputError where the text is no number.
    """
    bare = text.strip()
    if _NUMBER.fullmatch(bare) is None:
        raise InputError(f"{text!r} has the unit {unit!r} but is no number; give a number, or the text without a unit")
    return Quantity(Decimal(re.sub(r"[ ,_']", "", bare)), unit)


_SHOWN = re.compile(r"[-+]?\d+(?:\.\d+)?\s?")


def split_quantity(shown: str) -> tuple[str, str]:
    """What `display_value` made of a number, taken apart: '4.2%' → '4.2' and '%', '12 km' → '12' and 'km'.

    '1,5' stays whole: a comma may part thousands or decimals, and is not the beginning of a unit.
    """
    written = _SHOWN.match(shown)
    if written is None or shown[written.end() :].startswith((",", ".", "'")):
        return shown, ""
    return written[0].strip(), shown[written.end() :].strip()
