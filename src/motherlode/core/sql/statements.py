"""What goes into a driver: `?` in each dialect's own spelling, and values that both dialects store alike."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from motherlode.errors import InputError

__all__ = ["POSTGRESQL", "SQLITE", "check_values", "translate"]

SQLITE, POSTGRESQL = "sqlite", "postgresql"
_INT64 = 1 << 63

# What is passed over, then what is looked for. PostgreSQL nests comments; one level is enough for what we write.
_TOKENS = re.compile(
    r"""
    (?P<skip> (?<![\w$])[eE]'(?:[^'\\]|\\.|'')*'   # E'…': a backslash escapes
            | '[^']*' | "[^"]*"                     # a doubled quote reads as two neighbours
            | --[^\n]* | /\*.*?\*/
            | (?P<tag>(?<![\w$])\$(?:[^\W\d]\w*)?\$).*?(?P=tag) )
    | (?P<place>\?)
    | (?P<end>;)
    | (?P<collate>(?<![\w$])COLLATE\s+BINARY(?![\w$]))
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)


@lru_cache(maxsize=4096)
def translate(sql: str, dialect: str) -> tuple[str, int]:
    """The text as the dialect's driver takes it, and its number of placeholders.

    PostgreSQL gets $1, $2, … so that a literal % needs no care.
    """
    if "\0" in sql:
        raise InputError(
            f"the statement {sql[:60]!r} contains a NUL character; pass values as parameters, without NUL."
        )
    n_places = 0

    def replaced(match: re.Match[str]) -> str:
        nonlocal n_places
        if match["place"]:
            if sql[match.end() : match.end() + 1].isdigit():
                raise InputError(f"numbered placeholders are not known on both sides; write ? in {sql[:60]!r}.")
            n_places += 1
            return f"${n_places}" if dialect == POSTGRESQL else "?"
        if match["collate"]:
            return 'COLLATE "C"' if dialect == POSTGRESQL else match.group()
        if match["end"] and dialect == POSTGRESQL and sql[match.end() :].strip():
            raise InputError(
                f"one statement at a time is run, refused two of them: {sql[:60]!r}."
            )  # SQLite sees it itself
        return match.group()

    return _TOKENS.sub(replaced, sql), n_places


def check_values(values: Sequence[object], n_places: int, dialect: str) -> Sequence[object]:
    """The values as the driver takes them: the same object where nothing had to change.

    Raises InputError for a wrong number of values and for what the dialects would store differently or not at all.
    """
    if len(values) != n_places:
        raise InputError(f"the statement has {n_places} placeholders, but {len(values)} values came with it.")
    changed = False
    for position, value in enumerate(values):
        kind = type(value)
        if kind is str:
            if "\0" in value:  # type: ignore[operator]
                raise _nul(value, position)
        elif kind is int:
            if not -_INT64 <= value < _INT64:  # type: ignore[operator]
                raise InputError(f"value {position + 1} is {value}, beyond the 64 bits of a BIGINT; store it as text.")
        elif kind is float:
            if value != value:
                raise InputError(f"value {position + 1} is NaN, which has no equal on both sides; pass None.")
        elif value is not None and kind is not bytes:
            changed = True
    if not changed:
        return values
    plain = [_plain(value, position, dialect) for position, value in enumerate(values)]
    return check_values(plain, n_places, dialect) if dialect == SQLITE else plain


def _plain(value: object, position: int, dialect: str) -> object:
    """A subclass as its plain type. numpy's integers would reach SQLite as their bytes, so strangers are refused."""
    if isinstance(value, str):
        text = str.__str__(value)
        if "\0" in text:
            raise _nul(text, position)
        return text
    if isinstance(value, int):
        return check_values([int(value)], 1, dialect)[0]
    if isinstance(value, float):
        return check_values([float(value)], 1, dialect)[0]
    if value is None or isinstance(value, bytes | bytearray | memoryview):
        return None if value is None else bytes(value)
    if isinstance(value, list) and dialect == POSTGRESQL:  # an array, e.g. for array_to_tsvector(?)
        return [_plain(item, position, dialect) for item in value]
    raise InputError(
        f"value {position + 1} is a {type(value).__module__}.{type(value).__qualname__}: {value!r}; expected None, "
        "int, float, str or bytes. Convert it first, e.g. with int() or .item()."
    )


def _nul(value: object, position: int) -> InputError:
    return InputError(
        f"value {position + 1} contains a NUL character: {str(value)[:60]!r}. Databases do not keep it in text: "
        "remove it with .replace('\\0', ''), or store bytes."
    )
