"""Placeholders and values at the border of SQL, without a database."""

from __future__ import annotations

import enum

import numpy as np
import pytest

from motherlode import InputError
from motherlode.core.sql.statements import POSTGRESQL, SQLITE, check_values, translate


@pytest.mark.parametrize(
    ("text", "expected", "n_places"),
    [
        ("SELECT ?, ?", "SELECT $1, $2", 2),
        ("a = '?' AND b = ?", "a = '?' AND b = $1", 1),
        ("a = 'it''s ?' AND b = ?", "a = 'it''s ?' AND b = $1", 1),
        (r"a = 'x\' AND b = ? AND c = '?'", r"a = 'x\' AND b = $1 AND c = '?'", 1),
        (r"a = E'x\'?' AND b = ?", r"a = E'x\'?' AND b = $1", 1),
        ('"a?""b?" = ?', '"a?""b?" = $1', 1),
        ("? -- is it ?\n= ?", "$1 -- is it ?\n= $2", 2),
        ("? /* ? \n ? */ = ?", "$1 /* ? \n ? */ = $2", 2),
        ("$$ ? $$ || $x$ ? $$ ? $x$ || ?", "$$ ? $$ || $x$ ? $$ ? $x$ || $1", 1),
        ("a LIKE '%?%' AND b % ? = 1", "a LIKE '%?%' AND b % $1 = 1", 1),
        ("x TEXT COLLATE BINARY, y", 'x TEXT COLLATE "C", y', 0),
        ("'COLLATE BINARY'", "'COLLATE BINARY'", 0),
        ("array[?]", "array[$1]", 1),
        ("SELECT 1;\n", "SELECT 1;\n", 0),
    ],
)
def test_a_question_mark_is_a_place_only_where_it_stands_for_a_value(text: str, expected: str, n_places: int) -> None:
    assert translate(text, POSTGRESQL) == (expected, n_places)
    assert translate(text, SQLITE) == (text, n_places)


def test_a_statement_with_nul_or_a_numbered_place_is_refused() -> None:
    for text in ("SELECT '\0'", "SELECT ?1"):
        for dialect in (SQLITE, POSTGRESQL):
            with pytest.raises(InputError):
                translate(text, dialect)


class Color(enum.IntEnum):
    RED = 3


class Word(str):
    __slots__ = ()


def test_subclasses_become_their_plain_types_and_plain_rows_stay_the_same_object() -> None:
    row = (1, "a", 0.5, b"x", None)
    assert check_values(row, 5, SQLITE) is row
    found = check_values(
        (True, Color.RED, Word("w"), np.float64(0.25), bytearray(b"b"), memoryview(b"m")), 6, POSTGRESQL
    )
    assert list(found) == [1, 3, "w", 0.25, b"b", b"m"]
    assert [type(value) for value in found] == [int, int, str, float, bytes, bytes]


def test_numpy_s_integers_are_refused_because_sqlite_would_store_their_bytes() -> None:
    with pytest.raises(InputError, match=r"value 2 is a numpy\.int64.*\.item\(\)"):
        check_values((1, np.int64(5)), 2, SQLITE)


def test_lists_are_arrays_for_postgresql_only() -> None:
    assert list(check_values((["a", Word("b")],), 1, POSTGRESQL)) == [["a", "b"]]
    with pytest.raises(InputError, match="list"):
        check_values((["a"],), 1, SQLITE)
    with pytest.raises(InputError, match="NUL"):
        check_values((["a\0"],), 1, POSTGRESQL)
