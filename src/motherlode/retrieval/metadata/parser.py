"""``where`` as SQL text: one boolean expression, read by recursive descent.

::

    or     = and { OR and }
    and    = not { AND not }
    not    = NOT not | test
    test   = ( or ) | has ( column , value ) | value [ comparison ]
    comparison = (= | == | <> | != | < | <= | > | >=) value | IS [NOT] NULL | [NOT] BETWEEN value AND value
               | [NOT] IN ( value { , value } ) | [NOT] IN ? | [NOT] LIKE value [ ESCAPE value ]
    value  = column | "column" | 'string' | number | TRUE | FALSE | NULL | ?
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Any

from motherlode.errors import InputError
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

__all__ = ["parse_where"]

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>-?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?(?![\w.]))
    | (?P<string>'(?:[^']|'')*')
    | (?P<quoted>"(?:[^"]|"")+")
    | (?P<word>[^\W\d]\w*)
    | (?P<sign><>|!=|<=|>=|==|[=<>(),?])
    )""",
    re.VERBOSE,
)
_COMPARISONS = {"=": "=", "==": "=", "<>": "<>", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_RESERVED = frozenset(["AND", "OR", "NOT", "IN", "BETWEEN", "LIKE", "ESCAPE", "IS", "NULL", "TRUE", "FALSE", "SELECT"])
_MOST_NESTED = 100


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # number, string, quoted, word, sign, end
    text: str
    at: int

    @property
    def keyword(self) -> str:
        return self.text.upper() if self.kind == "word" else ""


def parse_where(where: str, params: Sequence[Any] = ()) -> Expression:
    """The expression of a ``where`` text, with the values of ``?`` in their order.

    Raises InputError, showing the place, for anything else than one expression, and for a wrong number of values.
    """
    if isinstance(params, (str, bytes)) or not isinstance(params, Sequence):
        raise InputError(f"params={params!r}: give a list with one value for each ? of where")
    return _Parser(where, params).whole()


class _Parser:
    def __init__(self, text: str, params: Sequence[Any]) -> None:
        self._text, self._params = text, params
        self._tokens = self._split()
        self._next = self._n_params = self._depth = 0

    def whole(self) -> Expression:
        if self._tokens[0].kind == "end":
            raise InputError("where is empty; leave it out to search all documents")
        found = self._or()
        if self._peek().kind != "end":
            raise self._wrong("expected AND, OR or the end")
        if self._n_params != len(self._params):
            raise InputError(f"where has {self._n_params} ?, but params has {len(self._params)} values")
        return found

    def _split(self) -> list[_Token]:
        tokens, at, end = [], 0, len(self._text.rstrip())
        while at < end:
            match = _TOKEN.match(self._text, at)
            if match is None:
                begin = len(self._text) - len(self._text[at:].lstrip())
                raise self._wrong_at(begin, _advice(self._text[begin:]))
            kind = match.lastgroup or ""
            tokens.append(_Token(kind, match.group(kind), match.start(kind)))
            at = match.end()
        return [*tokens, _Token("end", "", end)]

    def _peek(self, ahead: int = 0) -> _Token:
        return self._tokens[min(self._next + ahead, len(self._tokens) - 1)]

    def _take(self, *wanted: str) -> bool:
        """Steps over the next token if it is one of these keywords or signs."""
        token = self._peek()
        if (token.keyword or (token.text if token.kind == "sign" else "")) not in wanted:
            return False
        self._next += 1
        return True

    def _expect(self, wanted: str) -> None:
        if not self._take(wanted):
            raise self._wrong(f"expected {wanted}")

    def _or(self) -> Expression:
        found = [self._and()]
        while self._take("OR"):
            found.append(self._and())
        return found[0] if len(found) == 1 else Or(tuple(found))

    def _and(self) -> Expression:
        found = [self._not()]
        while self._take("AND"):
            found.append(self._not())
        return found[0] if len(found) == 1 else And(tuple(found))

    def _not(self) -> Expression:
        negated = False
        while self._take("NOT"):
            negated = not negated
        found = self._test()
        return Not(found) if negated else found

    def _test(self) -> Expression:
        if self._take("("):
            self._depth += 1
            if self._depth > _MOST_NESTED:
                raise self._wrong(f"more than {_MOST_NESTED} parentheses inside each other")
            found = self._or()
            self._expect(")")
            self._depth -= 1
            return found
        if self._peek(1).text == "(" and self._peek().kind == "word" and self._peek().keyword not in _RESERVED:
            return self._has()
        return self._comparison(self._value())

    def _has(self) -> Expression:
        if self._peek().keyword != "HAS":
            raise self._wrong("functions are not known here, but for has(column, value)")
        self._next += 2
        column = self._value()
        self._expect(",")
        value = self._value()
        self._expect(")")
        return Has(column, value)

    def _comparison(self, left: Operand) -> Expression:
        token = self._peek()
        if token.kind == "sign" and token.text in _COMPARISONS:
            self._next += 1
            return Compare(_COMPARISONS[token.text], left, self._value())
        if self._take("IS"):
            negated = self._take("NOT")
            self._expect("NULL")
            return Not(IsNull(left)) if negated else IsNull(left)
        negated = self._take("NOT")
        if self._take("BETWEEN"):
            low = self._value()
            self._expect("AND")
            found: Expression = And((Compare(">=", left, low), Compare("<=", left, self._value())))
        elif self._take("IN"):
            found = In(left, self._list())
        elif self._take("LIKE"):
            found = Like(left, self._value(), self._escape())
        elif negated:
            raise self._wrong("expected BETWEEN, IN or LIKE after NOT")
        else:
            return Compare("=", left, Literal(True))  # a boolean column says it all
        return Not(found) if negated else found

    def _list(self) -> tuple[Operand, ...]:
        if self._take("?"):
            values = self._param()
            if isinstance(values, (str, bytes)) or not isinstance(values, (Sequence, Set)):
                raise InputError(f"IN ? takes a list, found {values!r}; write IN (?) for one value")
            return tuple(Literal(value) for value in values)
        self._expect("(")
        if self._peek().keyword == "SELECT":
            raise self._wrong("subqueries are not known here; give the values")
        values = [self._value()]
        while self._take(","):
            values.append(self._value())
        self._expect(")")
        return tuple(values)

    def _escape(self) -> str | None:
        if not self._take("ESCAPE"):
            return None
        value = self._value()
        if not isinstance(value, Literal) or not isinstance(value.value, str) or len(value.value) != 1:
            raise self._wrong("ESCAPE takes one character")
        return value.value

    def _value(self) -> Operand:
        token = self._peek()
        self._next += 1
        if token.kind == "number":
            return Literal(float(token.text) if re.search(r"[.eE]", token.text) else int(token.text))
        if token.kind == "string":
            return Literal(token.text[1:-1].replace("''", "'"))
        if token.kind == "quoted":
            return Name(token.text[1:-1].replace('""', '"'))
        if token.text == "?":
            return Literal(self._param())
        if token.keyword in ("TRUE", "FALSE", "NULL"):
            return Literal({"TRUE": True, "FALSE": False, "NULL": None}[token.keyword])
        if token.kind == "word" and token.keyword not in _RESERVED:
            return Name(token.text)
        self._next -= 1
        raise self._wrong("expected a column or a value")

    def _param(self) -> Any:
        if self._n_params >= len(self._params):
            n = sum(token.text == "?" and token.kind == "sign" for token in self._tokens)
            raise InputError(f"where has {n} ?, but params has {len(self._params)} values")
        self._n_params += 1
        return self._params[self._n_params - 1]

    def _wrong(self, what: str) -> InputError:
        return self._wrong_at(self._peek().at, what)

    def _wrong_at(self, at: int, what: str) -> InputError:
        found = self._text[at : at + 20]
        return InputError(f"where: {what}, found {found!r} at character {at}" if found else f"where: {what} at its end")


def _advice(rest: str) -> str:
    if rest.startswith(";"):
        return "one expression is allowed, no second statement"
    if rest.startswith(("'", '"')):
        return "a quote that is not closed"
    return "not understood"
