"""Reading sources: what becomes a document, what is skipped, and what errors say."""

from __future__ import annotations

import gzip
import json
import sys
from datetime import datetime
from pathlib import Path

import pytest

from motherlode.errors import DataError, InputError
from motherlode.workflows.documents import (
    Document,
    SourceOptions,
    SourceReport,
    read_documents,
    sources_fingerprint,
)


def read(path: Path, report: SourceReport | None = None, **options: object) -> list[tuple[str, str, str]]:
    """(id, title, text) of every document."""
    found = read_documents(path, SourceOptions(**options), report)  # type: ignore[arg-type]
    return [(d.id, d.title, d.text) for d in found]


def test_a_folder_gives_text_markdown_and_html_in_the_order_of_their_paths(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "one.txt").write_text("plain words", encoding="utf-8")
    (tmp_path / "c.html").write_text(
        "<title>A page</title><p>Hello <b>you</b></p><script>no()</script>", encoding="utf-8"
    )
    (tmp_path / "a.md").write_text("# Heading\n\nSome [words](http://x) here.", encoding="utf-8")
    assert read(tmp_path) == [
        ("a.md", "Heading", "Some words here."),
        ("c.html", "A page", "Hello you"),
        ("b/one.txt", "one.txt", "plain words"),
    ]


def test_hidden_files_and_other_formats_are_left_out_and_counted(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "notes.txt").write_text("hidden", encoding="utf-8")
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "x.md").write_text("# no", encoding="utf-8")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    (tmp_path / "empty.txt").write_text("  \n", encoding="utf-8")
    (tmp_path / "kept.txt").write_text("kept", encoding="utf-8")
    report = SourceReport()
    assert [d[0] for d in read(tmp_path, report)] == ["kept.txt"]
    assert report.skipped == {"no reader for .png": 1, "empty": 1}
    assert any("picture.png" in line for line in report.lines())


def test_a_file_that_is_not_utf8_is_skipped_and_a_single_bad_byte_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes("é".encode("latin-1") * 50)
    (tmp_path / "nearly.txt").write_bytes(b"good words " * 30 + b"\xff end")
    (tmp_path / "wide.txt").write_bytes("zwei Wörter".encode("utf-16"))
    (tmp_path / "zeros.txt").write_bytes(b"a\0b")
    report = SourceReport()
    found = {doc_id: text for doc_id, _, text in read(tmp_path, report)}
    assert set(found) == {"nearly.txt", "wide.txt"}
    assert found["nearly.txt"].endswith("\ufffd end")
    assert found["wide.txt"] == "zwei Wörter"
    assert report.skipped["binary"] == 1
    assert any(reason.startswith("not UTF-8") for reason in report.skipped)


def test_ids_of_several_folders_begin_with_the_folder(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_text(name, encoding="utf-8")
    assert [d.id for d in read_documents([tmp_path / "one", tmp_path / "two"])] == ["one/a.txt", "two/a.txt"]


def test_jsonl_fields_are_found_and_can_be_named(tmp_path: Path) -> None:
    file = tmp_path / "corpus.jsonl"
    rows: list[dict[str, object]] = [
        {"_id": 7, "title": "T", "text": "words", "note": "n"},
        {"_id": 8, "title": None, "text": "more", "note": "m"},
    ]
    file.write_text("\n".join(map(json.dumps, rows)) + "\n\n", encoding="utf-8")
    assert read(file) == [("7", "T", "words"), ("8", "", "more")]
    assert read(file, text_field="text,note", id_field="note")[0] == ("n", "T", "words\n\nn")


def test_records_without_an_id_are_named_by_file_and_line(tmp_path: Path) -> None:
    file = tmp_path / "c.jsonl"
    file.write_text('{"text": "a"}\n\n{"text": ""}\n{"text": "b"}\n', encoding="utf-8")
    report = SourceReport()
    assert read(file, report) == [("c.jsonl:1", "", "a"), ("c.jsonl:4", "", "b")]
    assert report.skipped == {"record without text": 1}
    assert report.examples["record without text"] == f"{file}:3"


@pytest.mark.parametrize(
    ("content", "place"),
    [('{"text": "a"}\n{"text": oops}\n', ":2:"), ('{"text": "a"}\n\n[1]\n', ":3:"), ('{"price": 1}\n', ":1:")],
)
def test_a_bad_line_is_named_by_file_and_number(tmp_path: Path, content: str, place: str) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text(content, encoding="utf-8")
    with pytest.raises((DataError, InputError), match=f"bad.jsonl{place}"):
        read(file)


def test_a_named_field_that_is_missing_is_refused_with_the_fields_there_are(tmp_path: Path) -> None:
    file = tmp_path / "c.jsonl"
    file.write_text('{"id": 1, "words": "x"}\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"no field 'wrods' .*'id', 'words'"):
        read(file, text_field="wrods")


def test_an_id_that_comes_twice_is_refused_with_its_second_place(tmp_path: Path) -> None:
    file = tmp_path / "c.jsonl"
    file.write_text('{"id": 1, "text": "a"}\n{"id": 2, "text": "b"}\n{"id": 1, "text": "c"}\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"c\.jsonl:3: the id '1'"):
        read(file)


def test_csv_with_quotes_semicolons_and_a_gzip_is_read(tmp_path: Path) -> None:
    comma = tmp_path / "a.csv"
    comma.write_text('id,title,text\r\n1,"A, b","two\nlines"\r\n', encoding="utf-8")
    assert read(comma) == [("1", "A, b", "two\nlines")]
    semicolon = tmp_path / "b.csv.gz"
    with gzip.open(semicolon, "wt", encoding="utf-8") as file:
        file.write("id;text\n1;a, b\n")
    assert read(semicolon) == [("1", "", "a, b")]


def test_a_row_with_too_many_columns_is_named(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("id,text\n1,a\n2,b,c\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"a\.csv:3: 3 columns, but the header has 2"):
        read(file)


def test_a_tsv_without_a_header_is_id_and_text_and_keeps_its_quotes(tmp_path: Path) -> None:
    file = tmp_path / "collection.tsv"
    file.write_text('0\tThe "first\n1\tsecond" one\n', encoding="utf-8")
    assert read(file) == [("0", "", 'The "first'), ("1", "", 'second" one')]


def test_parquet_is_read_row_by_row(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = pyarrow.table({"docid": [3, 4], "title": ["x", None], "passage": ["one", "two"]})
    parquet.write_table(table, tmp_path / "p.parquet")
    assert read(tmp_path / "p.parquet") == [("3", "x", "one"), ("4", "", "two")]
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(DataError, match=r"bad\.parquet"):
        read(tmp_path / "bad.parquet")


def test_a_source_that_is_not_there_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no such source: .*nowhere"):
        read_documents([tmp_path, tmp_path / "nowhere"])
    with pytest.raises(InputError, match="python:stdlib"):
        read_documents("python:stdlip")


def test_limit_counts_documents_and_not_their_passages(tmp_path: Path) -> None:
    file = tmp_path / "c.jsonl"
    long_text = "\n\n".join(f"Paragraph {i} has some words in it." for i in range(40))
    file.write_text("".join(json.dumps({"id": i, "text": long_text}) + "\n" for i in range(5)), encoding="utf-8")
    found = [d[0] for d in read(file, limit=2, max_passage_tokens=100)]
    assert found[0] == "0#1"
    assert found[-1].startswith("1#")
    assert len(found) > 4


def test_lone_surrogates_of_json_do_not_reach_the_encoder(tmp_path: Path) -> None:
    file = tmp_path / "c.jsonl"
    file.write_text('{"id": "a", "text": "half \\ud83d a pair"}\n', encoding="utf-8")
    assert read(file)[0][2] == "half ? a pair"


def test_the_fingerprint_changes_with_a_file_and_with_an_option_only(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("one", encoding="utf-8")
    before = sources_fingerprint([tmp_path], SourceOptions())
    assert sources_fingerprint([tmp_path], SourceOptions()) == before
    assert sources_fingerprint([tmp_path], SourceOptions(limit=3)) != before
    file.write_text("two more", encoding="utf-8")
    assert sources_fingerprint([tmp_path], SourceOptions()) != before


def test_the_standard_library_gives_python_and_c_docstrings_each_once() -> None:
    options = SourceOptions(max_passage_tokens=0)
    found = {d.id: d for d in read_documents("python:stdlib", options)}
    assert len(found) > 4000
    assert found["json.dumps"].title.startswith("json.dumps(obj, *, skipkeys=False")
    assert "JSON" in found["json.dumps"].text
    for name in ("math.sqrt", "list.sort", "itertools.permutations", "collections.deque.append", "os.path.join"):
        assert name in found, name
    assert found["datetime.datetime.strptime"].text
    assert not any(part.startswith("_") for name in found for part in name.split("."))
    assert "tkinter" not in sys.modules  # parsed, not imported


def test_title_and_text_are_encoded_together() -> None:
    assert Document("a", "Title", "Text").text_to_encode == "Title\nText"
    assert Document("a", "", "Text").text_to_encode == "Text"
    assert Document("a", "Title", "").text_to_encode == "Title"


def test_fields_of_records_become_metadata(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(
        '{"text": "one", "year": 2020, "tags": ["x"], "day": "2020-05-01"}\n{"text": "two", "year": null}\n',
        encoding="utf-8",
    )
    (tmp_path / "b.csv").write_text("id,text,year,tags,on\n1,three,2021.5,x; y,\n2,four,,,yes\n", encoding="utf-8")
    fields = ("year:number", "tags", "day:timestamp")
    first = [d.metadata for d in read_documents(tmp_path / "a.jsonl", SourceOptions(metadata_fields=fields))]
    assert first == [{"year": 2020, "tags": ["x"], "day": datetime(2020, 5, 1)}, {"year": None}]
    fields = ("year:number", "tags:strings", "on:boolean")
    second = [d.metadata for d in read_documents(tmp_path / "b.csv", SourceOptions(metadata_fields=fields))]
    assert second == [{"year": 2021.5, "tags": ["x; y"], "on": None}, {"year": None, "tags": None, "on": True}]


def test_passages_inherit_the_metadata_of_their_document(tmp_path: Path) -> None:
    text = " ".join(["word"] * 500)
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": text, "year": 2020}), encoding="utf-8")
    options = SourceOptions(metadata_fields=("year",), max_passage_tokens=100)
    found = [(d.id, d.metadata) for d in read_documents(tmp_path / "a.jsonl", options)]
    assert len(found) > 3
    assert {json.dumps(metadata) for _, metadata in found} == {'{"year": 2020}'}


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        (("yeer",), InputError, "no field 'yeer' (--metadata); the record has 'text', 'year'"),
        (("year:date",), InputError, "no type 'date'; there are string, number"),
        (("year:boolean",), DataError, "a.jsonl:1: 'year' holds 'soon', which is no boolean"),
        (("year:timestamp",), DataError, "which is no timestamp"),
    ],
)
def test_metadata_fields_that_do_not_fit_are_named(
    tmp_path: Path, fields: tuple[str, ...], error: type[Exception], message: str
) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "one", "year": "soon"}', encoding="utf-8")
    with pytest.raises(error) as caught:
        list(read_documents(tmp_path / "a.jsonl", SourceOptions(metadata_fields=fields)))
    assert message in str(caught.value)
