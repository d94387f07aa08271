"""``where`` as text and as objects: what it means, and how it complains."""

from __future__ import annotations

from typing import Any

import pytest

from motherlode import InputError, field
from motherlode.retrieval.metadata.evaluate import check_filter, matching
from motherlode.retrieval.metadata.expressions import And, Compare, Has, In, Like, Literal, Name, Not, Or
from motherlode.retrieval.metadata.parser import parse_where
from motherlode.retrieval.metadata.tables import columns_of, schema_of

COLUMNS = columns_of(
    {
        "n": [1, 2, None, 2**62 + 1],
        "f": [0.5, 2.0, -1.5, None],
        "s": ["a_b", "aXb", None, "50%"],
        "ok": [True, False, None, True],
        "tags": [["x", "y"], [], None, ["z"]],
        "at": [None, None, None, None],
        "two words": [1, 1, 2, 2],
        "Order": [1, 2, 3, 4],
    },
    4,
)
SCHEMA = schema_of(COLUMNS)


def found(where: str, *params: Any) -> list[int]:
    flags = matching(parse_where(where, params), COLUMNS, SCHEMA, 4)
    return [i for i in range(4) if flags[i]]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("n = 1", [0]),
        ("1 = n", [0]),
        ("n <> 1", [1, 3]),
        ("n != 1", [1, 3]),
        ("n >= 2", [1, 3]),
        ("2 > n", [0]),
        ("n = 4611686018427387905", [3]),
        ("n = 4611686018427387904", []),
        ("n > 1.5", [1, 3]),
        ("n <= 1.5", [0]),
        ("n = 1.5", []),
        ("n <> 1.5", [0, 1, 3]),
        ("n = 2.0", [1]),
        ("f > -2", [0, 1, 2]),
        ("f = .5 OR f = 2e0", [0, 1]),
        ("f BETWEEN -1.5 AND 0.5", [0, 2]),
        ("f NOT BETWEEN -1.5 AND 0.5", [1]),
        ("n IN (1, 2)", [0, 1]),
        ("n NOT IN (1)", [1, 3]),
        ("n NOT IN (1, NULL)", []),
        ("n IS NULL", [2]),
        ("n IS NOT NULL", [0, 1, 3]),
        ("n = NULL OR NOT n = NULL", []),
        ("s = 'a_b'", [0]),
        ("s < 'aXb'", [3]),
        ("s <= 'aXb'", [1, 3]),
        ("s > 'aXb'", [0]),
        ("s LIKE 'a_b'", [0, 1]),
        ("s LIKE 'a!_b' ESCAPE '!'", [0]),
        ("s LIKE '%'", [0, 1, 3]),
        ("s NOT LIKE 'A%'", [0, 1, 3]),
        ("s LIKE '50!%' ESCAPE '!'", [3]),
        ("ok", [0, 3]),
        ("NOT ok", [1]),
        ("ok = FALSE", [1]),
        ("ok AND n > 1", [3]),
        ("ok OR n IS NULL", [0, 2, 3]),
        ("not not ok", [0, 3]),
        ("has(tags, 'x')", [0]),
        ("NOT has(tags, 'x')", [1, 3]),
        ("HAS(tags, 'nothing')", []),
        ("tags IS NULL", [2]),
        ("at IS NULL", [0, 1, 2, 3]),
        ("at > '2020-01-01'", []),
        ('"two words" = 2', [2, 3]),
        ('"Order" = 1 OR order = 2', [0, 1]),
        ("n = n", [0, 1, 3]),
        ("n >= f", [0, 1]),
        ("f < n", [0]),
        ("s = s", [0, 1, 3]),
        ("1 = 1", [0, 1, 2, 3]),
        ("1 = 2 OR 'a' < 'b' AND n = 1", [0]),
        ("(n = 1 OR n = 2) AND f = 2", [1]),
        ("n = 1 OR n = 2 AND f = 2", [0, 1]),
    ],
)
def test_a_filter_keeps_what_sql_would_keep(where: str, expected: list[int]) -> None:
    assert found(where) == expected


def test_values_come_by_parameters() -> None:
    assert found("n = ? AND s = ?", 1, "a_b") == [0]
    assert found("n IN ?", [1, 2]) == [0, 1]
    assert found("n IN ?", []) == []
    assert found("n IN (?, ?)", 1, None) == [0]
    assert found("s = ?", "it's ? not a place") == []


def test_a_quote_inside_a_string_is_doubled() -> None:
    assert parse_where("s = 'it''s'") == Compare("=", Name("s"), Literal("it's"))
    assert parse_where('"a""b" = 1') == Compare("=", Name('a"b'), Literal(1))


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("n = 1; DROP", "no second statement"),
        ("n = 1 n = 2", "expected AND, OR or the end, found 'n = 2' at character 6"),
        ("lower(s) = 'a'", "functions are not known"),
        ("n IN (SELECT 1)", "subqueries are not known"),
        ("n = (SELECT 1)", "expected a column or a value"),
        ("n =", "at its end"),
        ("= 1", "expected a column"),
        ("(n = 1", "expected )"),
        ("n = 'a", "quote that is not closed"),
        ("n = 1 -- comment", "not understood"),
        ("n IS 1", "expected NULL"),
        ("n NOT 1", "expected BETWEEN, IN or LIKE"),
        ("n BETWEEN 1", "expected AND"),
        ("n IN ()", "expected a column or a value"),
        ("s LIKE 'a' ESCAPE 'ab'", "one character"),
        ("s LIKE 'a!' ESCAPE '!'", "ends with its ESCAPE"),
        ("yes = 1", "no column 'yes'"),
        ("tag = 1", "did you mean 'tags'"),
        ("n = 'a'", "n holds number"),
        ("s = 1", "s holds string"),
        ("ok > FALSE", "only = and <> do"),
        ("ok = 1", "ok holds boolean"),
        ("tags = 'x'", "ask has(tags, 'value')"),
        ("tags = tags", "lists of strings do not compare"),
        ("has(s, 'x')", "has looks into lists"),
        ("has(tags, 1)", "looks for a string"),
        ("n LIKE 'a'", "LIKE looks into strings"),
        ("n = s", "do not compare"),
        ("1 = 'a'", "do not compare"),
        ("n = ?", "where has 1 ?, but params has 0"),
        ("1e = n", "not understood"),
        ("(" * 200 + "ok" + ")" * 200, "more than 100 parentheses"),
    ],
)
def test_what_is_no_filter_is_refused_with_its_reason(where: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        check_filter(parse_where(where), SCHEMA)
    assert message in str(caught.value)


def test_wrong_parameters_are_refused() -> None:
    for where, params, message in (
        ("n = 1", [1], "where has 0 ?, but params has 1 values"),
        ("n = ? OR n = ?", [1], "where has 2 ?, but params has 1 values"),
        ("n IN ?", [3], "IN ? takes a list"),
        ("n IN ?", ["abc"], "IN ? takes a list"),
        ("n = ?", "1", "give a list"),
    ):
        with pytest.raises(InputError) as caught:
            parse_where(where, params)
        assert message in str(caught.value)
    with pytest.raises(InputError, match="no ISO 8601"):
        check_filter(parse_where("at > 'soon'"), {"at": "timestamp"})
    with pytest.raises(InputError, match="n is compared with"):
        check_filter(parse_where("n = ?", [object()]), SCHEMA)


def test_a_thousand_conditions_and_a_thousand_nots_are_no_trouble() -> None:
    assert found(" OR ".join(["n = 1"] * 1000)) == [0]
    assert found("NOT " * 1000 + "ok") == [0, 3]


def test_objects_say_the_same_as_text() -> None:
    n, s, tags, ok = field("n"), field("s"), field("tags"), field("ok")
    for made, text in (
        ((n > 1) & (s == "x") | ~ok, "n > 1 AND s = 'x' OR NOT ok"),
        (n.between(1, 2), "n BETWEEN 1 AND 2"),
        (n.is_in([1, 2]), "n IN (1, 2)"),
        (s.like("a%", escape="!"), "s LIKE 'a%' ESCAPE '!'"),
        (tags.has("x") & s.is_null(), "has(tags, 'x') AND s IS NULL"),
        (s.is_not_null() & (n != 3) & (n <= 4), "(s IS NOT NULL AND n <> 3) AND n <= 4"),
        (ok & (n < 3), "ok AND n < 3"),
        (ok | (n >= 3), "ok OR n >= 3"),
    ):
        assert made == parse_where(text)
    assert parse_where("a = 1 AND b = 2 AND NOT c OR d IN (3)") == Or(
        (
            And((Compare("=", Name("a"), Literal(1)), Compare("=", Name("b"), Literal(2)), Not(parse_where("c")))),
            In(Name("d"), (Literal(3),)),
        )
    )
    assert parse_where("has(t, 'x')") == Has(Name("t"), Literal("x"))
    assert parse_where("t LIKE 'x'") == Like(Name("t"), Literal("x"))


def test_mistakes_with_objects_are_told() -> None:
    n = field("n")
    for mistake in (lambda: 1 < n < 3, lambda: bool(n == 1), lambda: (n == 1) and (n == 2), lambda: not n):
        with pytest.raises(InputError, match="no truth value"):
            mistake()
    with pytest.raises(InputError, match="joins filters"):
        (n == 1) & 3  # type: ignore[operator]
    with pytest.raises(InputError, match="give a list"):
        n.is_in("abc")
    with pytest.raises(InputError, match="name of a metadata column"):
        field("")
