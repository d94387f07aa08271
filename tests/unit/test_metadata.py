"""Metadata of documents: what columns keep, how filters ask for them, how they live with the index."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from motherlode import (
    ConflictError,
    DataError,
    InputError,
    VectorDocument,
    build_index,
    build_index_stream,
    field,
    open_index,
    valid_at,
)
from motherlode.core.files import Container, ContainerWriter
from motherlode.retrieval.metadata.column_files import read_columns, write_columns
from motherlode.retrieval.metadata.columns import column_of_values, concatenated, null_column, replaced
from motherlode.retrieval.metadata.tables import columns_of, schema_of
from motherlode.retrieval.metadata.values import plain
from tests.corpora import Corpus, make_corpus
from tests.living import KINDS, N, build, of

ROWS: list[dict[str, Any] | None] = [
    {"year": 2019, "lang": "en", "tags": ["a", "b"], "draft": False, "at": datetime(2019, 5, 1, tzinfo=UTC)},
    {"year": 2020, "lang": "de", "tags": [], "draft": True, "at": date(2020, 1, 1)},
    {"year": None, "lang": "en", "tags": ["b"]},
    None,
    {"year": 2021.5, "lang": "it's", "tags": ["ü"], "draft": True, "at": datetime(2021, 1, 1, 12)},
]


def values(column: Any) -> list[Any]:
    return [column.value(i) for i in range(column.n)]


def test_a_column_gives_back_what_it_was_given() -> None:
    columns = columns_of(ROWS, 5)
    assert schema_of(columns) == {
        "year": "number",
        "lang": "string",
        "tags": "strings",
        "draft": "boolean",
        "at": "timestamp",
    }
    assert values(columns["year"]) == [2019, 2020, None, None, 2021.5]
    assert values(columns["lang"]) == ["en", "de", "en", None, "it's"]
    assert values(columns["tags"]) == [["a", "b"], [], ["b"], None, ["ü"]]
    assert values(columns["draft"]) == [False, True, None, None, True]
    noon = datetime(2021, 1, 1, 12, tzinfo=UTC)
    assert values(columns["at"]) == [
        datetime(2019, 5, 1, tzinfo=UTC),
        datetime(2020, 1, 1, tzinfo=UTC),
        None,
        None,
        noon,
    ]


def test_whole_numbers_keep_all_their_digits() -> None:
    large = 2**62 + 1
    assert values(column_of_values([large, -large], "n")) == [large, -large]


def test_an_instant_of_another_zone_is_the_same_instant() -> None:
    zone = timezone(timedelta(hours=2))
    assert plain(datetime(2020, 1, 1, 2, tzinfo=zone)) == plain(datetime(2020, 1, 1, 0, tzinfo=UTC))
    assert plain(np.datetime64("2020-01-01")) == plain(date(2020, 1, 1))


@pytest.mark.parametrize("missing", [None, float("nan"), np.float32("nan"), np.datetime64("NaT")])
def test_what_is_missing_is_null(missing: Any) -> None:
    assert plain(missing) == ("null", None)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([1, "a"], "position 1 has 'a'; a column has one type"),
        ([True, 2], "holds booleans, but position 1"),
        ([2**63], "outside of 64 bits"),
        ([{"a": 1}], "position 0: {'a': 1} is dict"),
        ([["a", None]], "a list may hold strings only"),
        ([b"a"], "is bytes"),
    ],
)
def test_values_that_a_column_cannot_keep_are_refused_by_position(given: list[Any], message: str) -> None:
    with pytest.raises(InputError, match=r"'x'.*") as caught:
        columns_of([{"x": value} for value in given], len(given))
    assert message in str(caught.value)


class Frame:
    """A data frame as pandas shows itself, without pandas."""

    columns = ("year",)

    def iterrows(self) -> None: ...

    def __getitem__(self, name: str) -> Frame:
        return self

    def isna(self) -> np.ndarray[Any, Any]:
        return np.array([False, True])

    def tolist(self) -> list[float]:
        return [2020.0, float("nan")]


def test_rows_columns_and_tables_mean_the_same() -> None:
    rows = columns_of([{"year": 2020}, {}], 2)
    assert values(columns_of({"year": [2020, None]}, 2)["year"]) == values(rows["year"]) == [2020, None]
    assert values(columns_of(Frame(), 2)["year"]) == [2020, None]


def test_an_arrow_table_is_metadata() -> None:
    pyarrow = pytest.importorskip("pyarrow")
    table = pyarrow.table({"at": [datetime(2020, 1, 1, tzinfo=UTC), None], "tags": [["a"], None], "n": [1, 2]})
    columns = columns_of(table, 2)
    assert schema_of(columns) == {"at": "timestamp", "tags": "strings", "n": "number"}
    assert values(columns["at"]) == [datetime(2020, 1, 1, tzinfo=UTC), None]


def test_a_pandas_data_frame_is_metadata() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {
            "n": [2020, None],
            "whole": pandas.array([1, None], dtype="Int64"),
            "s": ["a", None],
            "at": pandas.to_datetime(["2020-01-01T02:00:00+02:00", None]),
            "tags": [["x"], None],
        }
    )
    columns = columns_of(frame, 2)
    assert {name: values(column) for name, column in columns.items()} == {
        "n": [2020, None],
        "whole": [1, None],
        "s": ["a", None],
        "at": [datetime(2020, 1, 1, tzinfo=UTC), None],
        "tags": [["x"], None],
    }


def test_a_polars_data_frame_is_metadata() -> None:
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"n": [2020, None], "d": [date(2020, 1, 1), None], "tags": [["x"], None]})
    columns = columns_of(frame, 2)
    assert schema_of(columns) == {"n": "number", "d": "timestamp", "tags": "strings"}
    assert values(columns["d"]) == [datetime(2020, 1, 1, tzinfo=UTC), None]


@pytest.mark.parametrize("given", [[{}], {"year": [1]}, "text", 3, [1, 2], {"": [1, 2]}, {"year": "ab"}])
def test_metadata_that_does_not_fit_the_documents_is_refused(given: Any) -> None:
    with pytest.raises(InputError, match="metadata"):
        columns_of(given, 2)


def test_joined_columns_forget_strings_that_are_not_taken_along() -> None:
    whole = column_of_values(["secret", "b", None, "a"], "x")
    left = concatenated([whole.take(np.array([1, 2, 3])), null_column(1)])
    assert values(left) == ["b", None, "a", None]
    assert left.dictionary is not None
    assert left.dictionary.strings == ["a", "b"]
    lists = column_of_values([["secret"], ["a", "b"], []], "x")
    assert values(concatenated([lists.take(np.array([1, 2])), lists.take(np.array([1]))])) == [
        ["a", "b"],
        [],
        ["a", "b"],
    ]


def test_lists_join_with_documents_that_have_none() -> None:
    lists = column_of_values([["a", "b"], None, []], "x")
    joined = concatenated([null_column(2), lists, null_column(1), lists])
    assert values(joined) == [None, None, ["a", "b"], None, [], None, ["a", "b"], None, []]
    assert joined.offsets is not None
    assert len(joined.values) == joined.offsets[-1] == 4


def test_replaced_values_stand_among_the_others() -> None:
    assert values(replaced(column_of_values([1, 2, 3], "x"), {1: None, 2: 7.5}, "x")) == [1, None, 7.5]
    assert values(replaced(null_column(2), {1: "a"}, "x")) == [None, "a"]
    assert values(replaced(column_of_values([["a"], None], "x"), {1: ["b", "a"]}, "x")) == [["a"], ["b", "a"]]


def test_columns_come_back_from_their_file(tmp_path: Path) -> None:
    columns = columns_of(ROWS, 5)
    with ContainerWriter(tmp_path / "m.lode") as writer:
        write_columns(writer, {**columns, "nothing": null_column(5)})
    found = read_columns(Container.open(tmp_path / "m.lode"), 5)
    assert list(found) == list(columns)
    assert {name: values(column) for name, column in found.items()} == {n: values(c) for n, c in columns.items()}


def test_a_table_that_does_not_fit_its_data_is_refused_by_name(tmp_path: Path) -> None:
    with ContainerWriter(tmp_path / "m.lode") as writer:
        write_columns(writer, columns_of(ROWS, 5))
    with pytest.raises(DataError, match=r"m\.lode: section 'columns'"):
        read_columns(Container.open(tmp_path / "m.lode"), 6)


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return make_corpus(140, 16, lengths=[1 + i % 9 for i in range(140)])


META = {
    "year": [1990 + i % 40 for i in range(N)],
    "lang": [("en", "de", None)[i % 3] for i in range(N)],
    "tags": [["even"] if i % 2 == 0 else [] for i in range(N)],
    "valid_from": [datetime(2000 + i % 10, 1, 1, tzinfo=UTC) for i in range(N)],
    "valid_to": [None if i % 4 == 0 else datetime(2005 + i % 10, 1, 1, tzinfo=UTC) for i in range(N)],
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_search_returns_only_what_matches(tmp_path: Path, corpus: Corpus, kind: str) -> None:
    index = build(tmp_path / "i", corpus, kind, metadata=META)
    query = corpus.query(3, 4)
    hits = index.search(query, N, where="year >= ? AND lang = 'en' AND NOT has(tags, 'even')", params=[2000])
    wanted = [f"d{i}" for i in range(N) if 1990 + i % 40 >= 2000 and i % 3 == 0 and i % 2]
    assert sorted(hits.ids) == sorted(wanted)
    assert hits.ids == index.search(query, N, subset=wanted).ids
    objects = (field("year") >= 2000) & (field("lang") == "en") & ~field("tags").has("even")
    assert index.search(query, N, where=objects).ids == hits.ids
    assert index.search_batch([query], N, where=objects)[0].ids == hits.ids
    both = index.search(query, N, where="lang = 'en'", subset=["d0", "d1"])
    assert both.ids == ["d0"]
    assert index.search(query, 3, where="year > 5000").ids == []


def test_intervals_are_half_open_and_may_be_open_ended(tmp_path: Path, corpus: Corpus) -> None:
    index = build(tmp_path / "i", corpus, "flat", metadata=META)
    moment = datetime(2005, 1, 1, tzinfo=UTC)
    wanted = [
        f"d{i}"
        for i in range(N)
        if 2000 + i % 10 <= 2005 and (i % 4 == 0 or datetime(2005 + i % 10, 1, 1, tzinfo=UTC) > moment)
    ]
    assert index.ids_where(valid_at(moment)) == wanted
    sql = "(valid_from IS NULL OR valid_from <= ?) AND (valid_to IS NULL OR valid_to > '2005-01-01')"
    assert index.ids_where(sql, [moment]) == wanted


@pytest.mark.parametrize("kind", KINDS)
def test_metadata_lives_through_writes(tmp_path: Path, corpus: Corpus, kind: str) -> None:
    index = build(tmp_path / "i", corpus, kind, metadata={"year": list(range(N))})
    with index.writer() as w:
        w.add(["n1", "n2"], *of(corpus, 100, 101), [{"year": 5, "lang": "fr"}, None])
        w.set_metadata(["d1", "n2"], [{"lang": "de"}, {"year": 7}])
        w.update(["d2"], *of(corpus, 102))
        w.update(["d3"], *of(corpus, 103), {"lang": ["en"]})
        w.delete(["d4"])
    for _ in range(2):
        assert index.schema == {"year": "number", "lang": "string"}
        assert index.metadata_of(["n1", "n2", "d1", "d2", "d3", "d5"]) == [
            {"year": 5, "lang": "fr"},
            {"year": 7, "lang": None},
            {"year": 1, "lang": "de"},
            {"year": 2, "lang": None},
            {"year": 3, "lang": "en"},
            {"year": 5, "lang": None},
        ]
        assert index.ids_where("year = 5") == ["d5", "n1"]
        assert index.ids_where("year = 4") == []
        assert open_index(index.path, verify=True).ids_where("lang IS NOT NULL") == ["d1", "n1", "d3"]
        index.compact()


def test_a_transaction_sees_its_own_metadata(tmp_path: Path, corpus: Corpus) -> None:
    index = build(tmp_path / "i", corpus, "flat", metadata={"year": list(range(N))})
    with index.writer() as w:
        w.set_metadata(["d1"], [{"lang": "de"}])
        w.update(["d1"], *of(corpus, 100))
        w.set_metadata(["d1"], {"year": [None]})
        w.update(["d1"], *of(corpus, 101))
    assert index.metadata_of(["d1"]) == [{"year": None, "lang": "de"}]


def test_a_failed_set_metadata_changes_nothing(tmp_path: Path, corpus: Corpus) -> None:
    index = build(tmp_path / "i", corpus, "flat", metadata={"year": list(range(N))})
    with index.writer() as w:
        for ids, rows in ((["d1"], [{"year": "new"}]), (["nobody"], [{"year": 1}]), (["d1", "d1"], [{}, {}])):
            with pytest.raises(InputError):
                w.set_metadata(ids, rows)
        with pytest.raises(InputError, match="'year' holds numbers, but position 0 has 'x'"):
            w.add(["n1"], *of(corpus, 100), [{"year": "x"}])
    assert index.metadata_of(["d1"]) == [{"year": 1}]
    assert index.n_docs == N


@pytest.mark.parametrize("purge", [True, False])
def test_purged_values_are_in_no_file(tmp_path: Path, corpus: Corpus, purge: bool) -> None:
    rows: list[dict[str, Any]] = [{"name": "ordinary", "tags": ["x"]} for _ in range(N)]
    rows[7] = {"name": "SecretName", "tags": ["SecretTag"]}
    index = build(tmp_path / "i", corpus, "compressed", metadata=rows)
    with index.writer() as w:
        w.delete(["d7"], purge=purge)
    content = b"".join(file.read_bytes() for file in index.path.iterdir())
    assert (b"SecretName" in content, b"SecretTag" in content) == (not purge, not purge)


def test_replaced_metadata_is_in_no_file(tmp_path: Path, corpus: Corpus) -> None:
    index = build(tmp_path / "i", corpus, "flat", metadata=[{"name": f"Name{i:02}"} for i in range(N)])
    with index.writer() as w:
        w.set_metadata(["d7"], [{"name": None}])
    content = b"".join(file.read_bytes() for file in index.path.iterdir())
    assert b"Name08" in content
    assert b"Name07" not in content
    assert index.metadata_of(["d7"]) == [{"name": None}]


def test_documents_of_a_stream_bring_their_metadata(tmp_path: Path, corpus: Corpus) -> None:
    documents = [
        VectorDocument(f"d{i}", corpus.document(i), metadata=row) for i, row in zip(range(10, 15), ROWS, strict=True)
    ]
    index = build_index_stream(tmp_path / "i", documents)
    assert index.ids_where("draft OR year = 2019") == ["d10", "d11", "d14"]
    assert index.metadata_of(["d14"])[0]["at"] == datetime(2021, 1, 1, 12, tzinfo=UTC)


def test_a_wrong_value_in_a_stream_names_the_document(tmp_path: Path, corpus: Corpus) -> None:
    with pytest.raises(InputError, match="metadata 'x' of document 'd0'"):
        build_index_stream(tmp_path / "i", [VectorDocument("d0", corpus.document(1), metadata={"x": object()})])
    assert not (tmp_path / "i").exists() or not list((tmp_path / "i").iterdir())


def test_an_index_without_metadata_says_so(tmp_path: Path, corpus: Corpus) -> None:
    index = build(tmp_path / "i", corpus, "flat")
    with pytest.raises(InputError, match="no column 'year'; these documents have no metadata"):
        index.search(corpus.query(3, 2), where="year = 1")
    with pytest.raises(InputError, match="params"):
        index.search(corpus.query(3, 2), params=[1])
    with pytest.raises(InputError, match="the index has no 'nobody'"):
        index.metadata_of(["nobody"])


def test_a_second_writer_may_not_set_metadata(tmp_path: Path, corpus: Corpus) -> None:
    index = build(tmp_path / "i", corpus, "flat")
    with index.writer(), pytest.raises(ConflictError), open_index(index.path).writer() as w:
        w.set_metadata(["d1"], [{"a": 1}])


def test_a_column_that_was_empty_takes_the_type_of_its_first_value(tmp_path: Path, corpus: Corpus) -> None:
    index = build_index(tmp_path / "i", *of(corpus, 1, 2)[:2], ids=["a", "b"], metadata=[{"x": None}, {}])
    assert index.schema == {"x": "null"}
    assert index.ids_where("x IS NULL") == ["a", "b"]
    assert index.ids_where("x = 'text' OR x > 3") == []
    with index.writer() as w:
        w.set_metadata(["b"], [{"x": "text"}])
    assert index.schema == {"x": "string"}
    assert index.ids_where("x = 'text'") == ["b"]
