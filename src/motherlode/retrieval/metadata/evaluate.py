"""Which documents a filter is true for, and for which it is false; SQL's three-valued logic over numpy arrays."""

from __future__ import annotations

import bisect
import difflib
import math
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from motherlode.errors import InputError
from motherlode.retrieval.metadata.columns import Column, null_column
from motherlode.retrieval.metadata.expressions import (
    And,
    Compare,
    Expression,
    Has,
    In,
    IsNull,
    Like,
    Literal,
    Name,
    Not,
    Operand,
    Or,
)
from motherlode.retrieval.metadata.tables import Schema
from motherlode.retrieval.metadata.values import (
    BOOLEAN,
    NULL,
    STRING,
    STRINGS,
    TIMESTAMP,
    parse_timestamp,
    plain,
)

__all__ = ["check_filter", "matching"]

Flags: TypeAlias = NDArray[np.bool_]
Truth: TypeAlias = tuple[Flags, Flags]  # where it is true, where it is false; unknown elsewhere

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_MIRRORED = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def matching(expression: Expression, columns: Mapping[str, Column], schema: Schema, n: int) -> Flags:
    """Bool [n]: the documents for which the filter is true.

    columns: what this set of documents has; a column of the schema that is missing is NULL throughout

    Raises InputError for a column that the schema does not have, and for values that do not compare with it.
    """
    return _Evaluation(columns, schema, n).truth(expression)[0]


def check_filter(expression: Expression, schema: Schema) -> None:
    """Raises what :func:`matching` would, also where there is no document."""
    matching(expression, {name: null_column(0) for name in schema}, schema, 0)


class _Evaluation:
    def __init__(self, columns: Mapping[str, Column], schema: Schema, n: int) -> None:
        self._columns, self._schema, self._n = columns, schema, n

    def truth(self, expression: Expression) -> Truth:
        if isinstance(expression, Not):
            yes, no = self.truth(expression.condition)
            return no, yes
        if isinstance(expression, (And, Or)):
            return self._joined(expression)
        if isinstance(expression, Compare):
            return self._compare(expression)
        if isinstance(expression, In):
            return self._in(expression)
        if isinstance(expression, Like):
            return self._like(expression)
        if isinstance(expression, IsNull):
            return self._is_null(expression)
        if isinstance(expression, Has):
            return self._has(expression)
        raise InputError(f"where is {type(expression).__name__}; expected SQL text or a filter made with field(…)")

    def _joined(self, expression: And | Or) -> Truth:
        parts = [self.truth(condition) for condition in expression.conditions]
        every = (np.logical_and, np.logical_or) if isinstance(expression, And) else (np.logical_or, np.logical_and)
        yes, no = parts[0]
        for more, less in parts[1:]:
            yes, no = every[0](yes, more), every[1](no, less)
        return yes, no

    def _constant(self, value: bool | None) -> Truth:
        return np.full(self._n, value is True), np.full(self._n, value is False)

    def _name(self, wanted: Name) -> str:
        """The column that is meant: spelt so, or the only one that differs in case."""
        if wanted.name in self._schema:
            return wanted.name
        alike = [name for name in self._schema if name.casefold() == wanted.name.casefold()]
        if len(alike) == 1:
            return alike[0]
        if not self._schema:
            raise InputError(f"where: there is no column {wanted.name!r}; these documents have no metadata")
        near = difflib.get_close_matches(wanted.name, list(self._schema), 1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise InputError(f"where: no column {wanted.name!r}; {hint}There are {', '.join(sorted(self._schema))}")

    def _column(self, wanted: Name) -> tuple[str, Column]:
        """The type that the schema gives the column, and its values here."""
        name = self._name(wanted)
        return self._schema[name], self._columns.get(name) or null_column(self._n)

    def _compare(self, expression: Compare) -> Truth:
        left, right, sign = expression.left, expression.right, expression.operator
        if isinstance(left, Literal) and isinstance(right, Literal):
            return self._constant(_compared(left.value, right.value, sign))
        if isinstance(left, Literal):
            left, right, sign = right, left, _MIRRORED[sign]
        assert isinstance(left, Name)
        kind, column = self._column(left)
        if isinstance(right, Name):
            return self._two_columns(left, right, sign)
        value = _fitting(right.value, kind, left.name)
        if value is None:
            return self._constant(None)
        if kind in (BOOLEAN, STRINGS) and sign not in ("=", "<>"):
            raise InputError(f"where: {left.name} holds {kind}; {sign} does not compare it, only = and <> do")
        if kind == STRINGS:
            raise InputError(f"where: {left.name} is a list of strings; ask has({left.name}, 'value')")
        if column.type == NULL:
            return self._constant(None)
        return _split(_column_against(column, value, sign), column)

    def _two_columns(self, left: Name, right: Name, sign: str) -> Truth:
        (kind, one), (other, two) = self._column(left), self._column(right)
        if kind != other and NULL not in (kind, other):
            raise InputError(f"where: {left.name} ({kind}) and {right.name} ({other}) do not compare")
        if STRINGS in (kind, other):
            raise InputError("where: lists of strings do not compare; ask has(column, 'value')")
        if NULL in (one.type, two.type):
            return self._constant(None)
        if kind == STRING:
            a, b = (np.array([c.value(i) or "" for i in range(self._n)], object) for c in (one, two))
        else:
            a, b = one.values, two.values
        yes = _OPERATORS[sign](a, b).astype(bool)
        known = one.known & two.known
        return yes & known, ~yes & known

    def _in(self, expression: In) -> Truth:
        yes, no = self._constant(False)
        for value in expression.values:
            more, less = self._compare(Compare("=", expression.operand, value))
            yes, no = yes | more, no & less
        if not expression.values:
            self._kind_of(expression.operand)
        return yes, no

    def _kind_of(self, operand: Operand) -> str:
        return self._column(operand)[0] if isinstance(operand, Name) else plain(operand.value)[0]

    def _like(self, expression: Like) -> Truth:
        if not isinstance(expression.pattern, Literal):
            raise InputError("where: LIKE takes a string as its pattern")
        pattern = expression.pattern.value
        if pattern is not None and not isinstance(pattern, str):
            raise InputError(f"where: LIKE takes a string as its pattern, found {pattern!r}")
        operand = expression.operand
        if isinstance(operand, Literal):
            raise InputError(f"where: LIKE looks into a column, found {operand.value!r}")
        kind, column = self._column(operand)
        if kind not in (STRING, NULL):
            raise InputError(f"where: {operand.name} holds {kind}; LIKE looks into strings")
        wanted = _regex(pattern or "", expression.escape)
        if pattern is None or column.type == NULL:
            return self._constant(None)
        assert column.dictionary is not None
        fits = np.array([wanted.fullmatch(s) is not None for s in column.dictionary.strings] or [False], bool)
        return _split(fits[column.values], column)

    def _is_null(self, expression: IsNull) -> Truth:
        if isinstance(expression.operand, Literal):
            return self._constant(plain(expression.operand.value)[1] is None)
        known = self._column(expression.operand)[1].known
        return ~known, known.copy()

    def _has(self, expression: Has) -> Truth:
        if not isinstance(expression.operand, Name):
            raise InputError("where: has(column, value) looks into a column")
        kind, column = self._column(expression.operand)
        if kind not in (STRINGS, NULL):
            raise InputError(f"where: {expression.operand.name} holds {kind}; has looks into lists of strings")
        if not isinstance(expression.value, Literal):
            raise InputError("where: has(column, value) looks for a string")
        wanted = expression.value.value
        if wanted is not None and not isinstance(wanted, str):
            raise InputError(f"where: has(column, value) looks for a string, found {wanted!r}")
        if wanted is None or column.type == NULL:
            return self._constant(None)
        assert column.dictionary is not None
        assert column.offsets is not None
        code = column.dictionary.codes.get(wanted)
        hits = np.zeros(len(column.values) + 1, np.int64)
        if code is not None:
            np.cumsum(column.values == code, out=hits[1:])
        return _split(hits[column.offsets[1:]] > hits[column.offsets[:-1]], column)


def _split(yes: Flags, column: Column) -> Truth:
    return (yes, ~yes) if column.present is None else (yes & column.present, ~yes & column.present)


def _fitting(value: Any, kind: str, name: str) -> Any:
    """A literal as the column keeps it; None for NULL. Timestamps may be written as ISO 8601 strings."""
    try:
        found, kept = plain(value)
    except InputError as error:
        raise InputError(f"where: {name} is compared with {error}") from None
    if found == NULL or kind == NULL:
        return None
    if kind == TIMESTAMP and found == STRING:
        return parse_timestamp(kept)
    if kind == STRINGS and found == STRING:
        return kept
    if found != kind:
        raise InputError(f"where: {name} holds {kind}, which does not compare with {value!r} ({found})")
    return kept


def _compared(left: Any, right: Any, sign: str) -> bool | None:
    (one, a), (two, b) = plain(left), plain(right)
    if NULL in (one, two):
        return None
    if one != two:
        raise InputError(f"where: {left!r} and {right!r} do not compare")
    return bool(_OPERATORS[sign](a, b))


def _column_against(column: Column, value: Any, sign: str) -> Flags:
    if column.type == STRING:
        assert column.dictionary is not None
        return _strings_against(column, value, sign)
    values = column.values
    if values.dtype == np.int64 and isinstance(value, float) and math.isfinite(value):
        if value.is_integer():
            value = int(value)
        elif sign in ("=", "<>"):
            return np.full(len(values), sign == "<>")
        else:  # in whole numbers, so that large ones keep their last digits
            sign, value = ("<=", math.floor(value)) if sign in ("<", "<=") else (">=", math.ceil(value))
    found: Flags = np.asarray(_OPERATORS[sign](values, value), bool)
    return found


def _strings_against(column: Column, value: str, sign: str) -> Flags:
    """Codes ascend with the UTF-8 bytes of their strings, so two bisections answer for all documents."""
    assert column.dictionary is not None
    encoded, wanted = column.dictionary.encoded, value.encode("utf-8", "surrogatepass")
    low, high = bisect.bisect_left(encoded, wanted), bisect.bisect_right(encoded, wanted)
    codes = column.values
    if sign in ("=", "<>"):
        same = (codes >= low) & (codes < high)
        return same if sign == "=" else ~same
    found: Flags = {"<": codes < low, "<=": codes < high, ">": codes >= high, ">=": codes >= low}[sign]
    return found


def _regex(pattern: str, escape: str | None) -> re.Pattern[str]:
    parts, at = [], 0
    while at < len(pattern):
        character = pattern[at]
        if escape is not None and character == escape:
            at += 1
            if at == len(pattern):
                raise InputError(f"where: the pattern {pattern!r} ends with its ESCAPE character")
            parts.append(re.escape(pattern[at]))
        else:
            parts.append({"%": ".*", "_": "."}.get(character) or re.escape(character))
        at += 1
    return re.compile("".join(parts), re.DOTALL)
