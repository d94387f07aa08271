"""One contract for both dialects: statements, values, errors."""

from __future__ import annotations

import pytest

from motherlode import ConflictError, DataError, InputError
from motherlode.core.sql import Database
from tests.conformance.sql_items import names


@pytest.mark.parametrize(
    "value",
    ["", "Ελλάδα 日本 🪙 e\u0301", "100 % of 'it' \\ ? $1 %s", "\ud7ff\ue000\U0010ffff", 0, -(2**63), 2**63 - 1, None],
)
def test_a_value_comes_back_as_it_went_in(database: Database, value: object) -> None:
    column = "id" if isinstance(value, int) else "name"
    with database.write() as session:
        session.execute("DELETE FROM items")
        session.execute(f"INSERT INTO items (id, {column}) VALUES (5, ?)" if column == "name" else
                        "INSERT INTO items (id) VALUES (?)", (value,))  # fmt: skip
        assert session.execute(f"SELECT {column} FROM items") == [(value,)]


def test_floats_and_bytes_come_back_as_they_went_in(database: Database) -> None:
    rows = [(1, 0.1, b""), (2, float("inf"), bytes(range(256))), (3, -1e308, None), (4, None, b"\0"), (5, 5e-324, b"x")]
    with database.write() as session:
        assert session.execute_many("INSERT INTO items (id, share, body) VALUES (?, ?, ?)", iter(rows)) == 5
        assert session.execute("SELECT id, share, body FROM items ORDER BY id") == rows


@pytest.mark.parametrize("value", ["a\0b", float("nan"), 2**63, -(2**63) - 1, "\ud800", object()])
def test_what_the_two_would_store_differently_is_refused_alike(database: Database, value: object) -> None:
    with pytest.raises(InputError):
        with database.write() as session:
            session.execute("INSERT INTO items (id, name) VALUES (1, ?)", (value,))
    assert names(database) == []


def test_truth_sums_and_averages_are_numbers(database: Database) -> None:
    with database.write() as session:
        session.execute_many("INSERT INTO items (id, name) VALUES (?, ?)", [(2**40, "a"), (3 * 2**40, "b")])
        row = session.one("SELECT count(*), sum(id), avg(id), max(id) > 5, min(id) = ? FROM items", (True,))
    assert row is not None
    assert row == (2, 2**42, 2.0**41, 1, 0)
    assert [type(value) for value in row] == [int, int, float, int, int]


def test_placeholders_in_literals_names_and_comments_are_text(database: Database) -> None:
    with database.read() as session:
        assert session.one("SELECT '?', 'it''s ?', ? AS \"a?b\", '%s %d %%' -- ?\n, ? /* ? */", (1, 2)) == (
            "?",
            "it's ?",
            1,
            "%s %d %%",
            2,
        )


def test_like_looks_at_case_and_binary_collation_sorts_by_code_points(database: Database) -> None:
    with database.write() as session:
        words = ["a", "B", "Z", "c", "_", "é", "Ω", "10", "9"]
        session.execute_many("INSERT INTO items (id, name) VALUES (?, ?)", enumerate(words))
        found = session.execute("SELECT name FROM items ORDER BY name COLLATE BINARY")
        assert [name for (name,) in found] == sorted(words)
        assert session.execute("SELECT name FROM items WHERE name LIKE ?", ("b%",)) == []
        assert session.execute("SELECT name FROM items WHERE name LIKE ? ESCAPE '!'", ("!_",)) == [("_",)]


def test_rows_of_a_large_read_come_in_order_one_by_one(database: Database) -> None:
    with database.write() as session:
        n = session.execute_many("INSERT INTO items (id, name) VALUES (?, ?)", ((i, str(i)) for i in range(2500)))
        assert n == 2500
    with database.read() as session:
        first = session.cursor_rows("SELECT id, name FROM items WHERE id >= ? ORDER BY id", (10,))
        second = session.cursor_rows("SELECT id FROM items ORDER BY id DESC")
        assert next(first) == (10, "10")
        assert next(second) == (2499,)
        assert sum(1 for _ in first) == 2489
        assert session.one("SELECT count(*) FROM items") == (2500,)


def test_an_upsert_counts_the_rows_it_changed(database: Database) -> None:
    upsert = "INSERT INTO items (id, name) VALUES (?, ?) ON CONFLICT (id) DO NOTHING"
    with database.write() as session:
        assert session.execute_many(upsert, [(1, "a"), (1, "b"), (2, "c")]) == 2
        assert session.execute_many(upsert, []) == 0
        assert session.execute("UPDATE items SET name = ? WHERE id = ? RETURNING id, name", ("z", 2)) == [(2, "z")]
    assert names(database) == ["a", "z"]


@pytest.mark.parametrize("n_rows", [1, 499, 500, 501, 2600])
def test_bulk_inserts_of_any_size_keep_every_value(database: Database, n_rows: int) -> None:
    rows = [(i * 2**30, None if i % 7 == 0 else f"${i} '?", i / 4, bytes([i % 256])) for i in range(n_rows)]
    with database.write() as session:
        assert session.execute_many("INSERT INTO items (id, name, share, body) VALUES (?, ?, ?, ?)", rows) == n_rows
        again = "INSERT INTO items (id, name) VALUES (? + CAST(? AS BIGINT), upper(?)) ON CONFLICT (id) DO NOTHING"
        assert session.execute_many(again, [(0, 0, "a"), (0, 1, "b"), (1, 0, "c"), (2, 0, "d")]) == 2
        assert session.execute("SELECT id, name, share, body FROM items WHERE share IS NOT NULL ORDER BY id") == rows
        assert session.execute("SELECT id, name FROM items WHERE share IS NULL ORDER BY id") == [(1, "B"), (2, "D")]


def test_bulk_upserts_of_one_key_take_the_last(database: Database) -> None:
    upsert = "INSERT INTO items (id, name) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET name = excluded.name"
    with database.write() as session:
        session.execute_many(upsert, [(1, "a"), (1, "b"), (1, "c")])
        session.execute_many("UPDATE items SET name = name || ? WHERE id = ?", [("!", 1), ("?", 1)])
    assert names(database) == ["c!?"]


@pytest.mark.parametrize(
    ("statement", "values", "error", "says"),
    [
        ("SELECT ?", (), InputError, "1 placeholders, but 0 values"),
        ("SELECT 1", (1,), InputError, "0 placeholders, but 1 values"),
        ("SELECT ?1", (1,), InputError, "numbered"),
        ("SELEC 1", (), InputError, "refused"),
        ("SELECT 1; SELECT 2", (), InputError, "refused"),
        ("SELECT * FROM nowhere", (), DataError, "nowhere"),
        ("SELECT missing FROM items", (), DataError, "missing"),
        ("INSERT INTO counters (name, value) VALUES ('m', NULL)", (), InputError, "forbids"),
        ("INSERT INTO counters (name, value) VALUES ('n', 1)", (), ConflictError, "forbids"),
    ],
)
def test_a_wrong_statement_is_a_typed_error_with_the_driver_s_as_its_cause(
    database: Database, statement: str, values: tuple[object, ...], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says) as caught:
        with database.write() as session:
            session.execute(statement, values)
    assert type(caught.value) is error
