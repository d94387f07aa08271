"""Filters as objects: ``(field("year") >= 2020) & field("tags").has("release")``. The parser makes the same ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from motherlode.errors import InputError

__all__ = [
    "And",
    "Compare",
    "Expression",
    "Field",
    "Has",
    "In",
    "IsNull",
    "Like",
    "Literal",
    "Name",
    "Not",
    "Operand",
    "Or",
    "field",
    "valid_at",
]


class Expression:
    """A condition that is true, false or unknown for a document; combine with ``&``, ``|`` and ``~``."""

    def __and__(self, other: Expression) -> Expression:
        return And((self, _expression(other, "&")))

    def __or__(self, other: Expression) -> Expression:
        return Or((self, _expression(other, "|")))

    def __invert__(self) -> Expression:
        return Not(self)

    def __bool__(self) -> bool:
        raise InputError(
            "a filter has no truth value of its own; combine filters with & | ~ (not and, or, not), put comparisons in "
            "parentheses, and write a range as between(low, high)"
        )


def _expression(value: object, operator: str) -> Expression:
    if isinstance(value, Field):
        return Compare("=", Name(value.name), Literal(True))
    if not isinstance(value, Expression):
        raise InputError(f"{operator} joins filters, found {value!r}; put comparisons in parentheses")
    return value


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant: None, a string, a number, a boolean or a datetime."""

    value: Any


@dataclass(frozen=True, slots=True)
class Name:
    """A metadata column, by its name."""

    name: str


class Field:
    """What :func:`field` gives: a column that makes conditions."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"field({self.name!r})"

    def __hash__(self) -> int:
        return hash((Field, self.name))

    def __eq__(self, other: object) -> Compare:  # type: ignore[override]
        return Compare("=", Name(self.name), _operand(other))

    def __ne__(self, other: object) -> Compare:  # type: ignore[override]
        return Compare("<>", Name(self.name), _operand(other))

    def __lt__(self, other: object) -> Compare:
        return Compare("<", Name(self.name), _operand(other))

    def __le__(self, other: object) -> Compare:
        return Compare("<=", Name(self.name), _operand(other))

    def __gt__(self, other: object) -> Compare:
        return Compare(">", Name(self.name), _operand(other))

    def __ge__(self, other: object) -> Compare:
        return Compare(">=", Name(self.name), _operand(other))

    def __and__(self, other: Expression) -> Expression:
        return _expression(self, "&") & other

    def __or__(self, other: Expression) -> Expression:
        return _expression(self, "|") | other

    def __invert__(self) -> Expression:
        return ~_expression(self, "~")

    def __bool__(self) -> bool:
        return Expression.__bool__(self)  # type: ignore[arg-type]

    def is_in(self, values: Iterable[Any]) -> Expression:
        if isinstance(values, str):
            raise InputError(f"is_in({values!r}): give a list of values")
        return In(Name(self.name), tuple(_operand(value) for value in values))

    def between(self, low: Any, high: Any) -> Expression:
        """Both ends belong to it."""
        return And((self >= low, self <= high))

    def like(self, pattern: str, escape: str | None = None) -> Expression:
        """``%`` stands for any characters, ``_`` for one; case matters."""
        return Like(Name(self.name), _operand(pattern), escape)

    def has(self, value: str) -> Expression:
        """Whether a list of strings holds this one."""
        return Has(Name(self.name), _operand(value))

    def is_null(self) -> Expression:
        return IsNull(Name(self.name))

    def is_not_null(self) -> Expression:
        return Not(IsNull(Name(self.name)))


Operand: TypeAlias = Name | Literal


def _operand(value: object) -> Operand:
    return Name(value.name) if isinstance(value, Field) else Literal(value)


@dataclass(frozen=True, slots=True)
class Compare(Expression):
    """left operator right; unknown where either is NULL. operator: = <> < <= > >="""

    operator: str
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class In(Expression):
    operand: Operand
    values: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Like(Expression):
    operand: Operand
    pattern: Operand
    escape: str | None = None


@dataclass(frozen=True, slots=True)
class IsNull(Expression):
    operand: Operand


@dataclass(frozen=True, slots=True)
class Has(Expression):
    operand: Operand
    value: Operand


@dataclass(frozen=True, slots=True)
class Not(Expression):
    condition: Expression


@dataclass(frozen=True, slots=True)
class And(Expression):
    conditions: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or(Expression):
    conditions: tuple[Expression, ...]


def field(name: str) -> Field:
    """A metadata column in a filter: ``index.search(query, where=(field("year") >= 2020) & ~field("draft"))``.

    Comparisons, ``is_in``, ``between``, ``like``, ``has`` (lists), ``is_null`` and ``is_not_null`` make conditions,
    ``&``, ``|`` and ``~`` combine them. The same as ``where`` as SQL text; NULL behaves as there.
    """
    if not name:
        raise InputError(f"field({name!r}): give the name of a metadata column")
    return Field(name)


def valid_at(moment: datetime | str | float, valid_from: str = "valid_from", valid_to: str = "valid_to") -> Expression:
    """Documents whose half-open interval valid_from <= moment < valid_to holds the moment; a NULL end is open.

    moment: what the two columns hold, e.g. an aware datetime or an ISO 8601 string
    """
    begin, end = field(valid_from), field(valid_to)
    return (begin.is_null() | (begin <= moment)) & (end.is_null() | (end > moment))
