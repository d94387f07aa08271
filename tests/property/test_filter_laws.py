"""Filters against SQLite, which reads the same text over the same rows; and filtered searches against brute force."""

from __future__ import annotations

import sqlite3
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings, strategies as st

from motherlode import Index, build_index
from motherlode.retrieval.metadata.evaluate import matching
from motherlode.retrieval.metadata.parser import parse_where
from motherlode.retrieval.metadata.tables import columns_of, schema_of
from tests.corpora import make_corpus, maxsim, ranked

NUMBERS = st.one_of(
    st.none(), st.integers(-3, 3), st.sampled_from([0.5, -2.5, 1.0]), st.sampled_from([2**53 + 1, -(2**62)])
)
STRINGS = st.one_of(st.none(), st.text("ab%_É😀'", max_size=3))
ROW = st.fixed_dictionaries({"n": NUMBERS, "m": NUMBERS, "s": STRINGS, "t": STRINGS})
ROWS = st.lists(ROW, min_size=1, max_size=12)
SIGNS = st.sampled_from(["=", "<>", "<", "<=", ">", ">="])


def quoted(value: Any) -> str:
    if value is None:
        return "NULL"
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value)


SMALL = st.one_of(st.none(), st.integers(-3, 3), st.sampled_from([0.5, -2.5, 1.0]))
TESTS = st.one_of(
    st.builds("{} {} {}".format, st.sampled_from(["n", "m"]), SIGNS, SMALL.map(quoted)),
    st.builds("{} {} {}".format, SMALL.map(quoted), SIGNS, st.sampled_from(["n", "m"])),
    st.builds("{} {} {}".format, st.sampled_from(["s", "t"]), SIGNS, STRINGS.map(quoted)),
    st.builds("{} {} {}".format, st.sampled_from(["s"]), SIGNS, st.sampled_from(["s", "t"])),
    st.builds("{} IS {}NULL".format, st.sampled_from(["n", "s"]), st.sampled_from(["", "NOT "])),
    st.builds(
        "n {}IN ({})".format, st.sampled_from(["", "NOT "]), st.lists(SMALL.map(quoted), min_size=1).map(", ".join)
    ),
    st.builds("m {}BETWEEN {} AND {}".format, st.sampled_from(["", "NOT "]), SMALL.map(quoted), SMALL.map(quoted)),
    st.builds("s {}LIKE {}".format, st.sampled_from(["", "NOT "]), st.text("ab%_É😀", max_size=4).map(quoted)),
)
CONDITIONS = st.recursive(
    TESTS,
    lambda inner: st.one_of(
        st.builds("({} AND {})".format, inner, inner),
        st.builds("{} OR {}".format, inner, inner),
        st.builds("NOT ({})".format, inner),
    ),
    max_leaves=6,
)


def kept_by_sqlite(rows: list[dict[str, Any]], where: str) -> list[int]:
    """Numbers are declared without affinity, so that they compare as what they are."""
    with sqlite3.connect(":memory:") as connection:
        connection.execute("PRAGMA case_sensitive_like = ON")
        connection.execute("CREATE TABLE rows (place INTEGER, n, m, s TEXT, t TEXT)")
        connection.executemany(
            "INSERT INTO rows VALUES (?, :n, :m, :s, :t)".replace("?", ":i"),
            [{"i": i, **row} for i, row in enumerate(rows)],
        )
        found = [place for (place,) in connection.execute(f"SELECT place FROM rows WHERE {where} ORDER BY place")]
    connection.close()
    return found


@settings(max_examples=400, deadline=None)
@given(rows=ROWS, where=CONDITIONS)
def test_a_filter_keeps_the_rows_that_sqlite_keeps(rows: list[dict[str, Any]], where: str) -> None:
    columns = columns_of(rows, len(rows))
    for name in ("n", "m"):  # a column of whole and broken numbers rounds beyond 2^53, SQLite's does not
        if columns[name].values.dtype == np.float64:
            columns[name] = columns_of({name: [None if r[name] is None else float(r[name]) for r in rows]}, len(rows))[
                name
            ]
            for row in rows:
                row[name] = None if row[name] is None else float(row[name])
    schema = schema_of(columns)
    if {"s": "null", "t": "null"}.items() & schema.items() or "null" in schema.values():
        schema = {"n": "number", "m": "number", "s": "string", "t": "string"}
    flags = matching(parse_where(where), columns, schema, len(rows))
    assert np.flatnonzero(flags).tolist() == kept_by_sqlite(rows, where)


CORPUS = make_corpus(60, 8, lengths=[0, 1, 2, 3, 5, 9] * 10, n_types=9)
_FOLDER = tempfile.TemporaryDirectory()
_BUILT: dict[str, Index] = {}


def index_of(kind: str) -> Index:
    if kind not in _BUILT:
        rows = [
            {"n": i % 5, "m": None if i % 7 == 0 else i / 4, "s": "ab"[i % 2], "t": "xyz"[i % 3]} for i in range(60)
        ]
        _BUILT[kind] = build_index(
            Path(_FOLDER.name) / kind, CORPUS.vectors, CORPUS.offsets, CORPUS.token_ids, kind=kind, metadata=rows
        )
    return _BUILT[kind]


@settings(max_examples=60, deadline=None)
@given(where=CONDITIONS, position=st.integers(1, 5), k=st.integers(1, 60))
def test_a_filtered_search_is_the_full_scan_of_what_matches(where: str, position: int, k: int) -> None:
    query = CORPUS.query(position, 4)
    flat = index_of("flat")
    allowed = set(flat.ids_where(where))
    scores = maxsim(CORPUS.vectors, CORPUS.offsets, query)
    expected = [p for p in ranked(scores, 60) if str(p) in allowed][:k]
    assert flat.search(query, k, where=where).ids == [str(p) for p in expected]
    coded = index_of("compressed")
    everything = [(i, s) for i, s in coded.search(query, 60, subset=list(map(str, range(60)))) if i in allowed]
    hits = coded.search(query, k, where=where)
    assert list(hits) == everything[:k]
