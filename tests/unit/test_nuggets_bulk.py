"""Claims that somebody has already: JSON lines, rows, tables, data frames; and what is refused, by place."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from motherlode import Claim, Document, InputError, Quantity
from motherlode.nuggets.bulk import claims_of, read_claims

ROW = {"subject": "A", "predicate": "b", "object": "c"}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"subject": 1}, "subject"),
        ({"object": ["c"]}, "object"),
        ({"object": float("nan")}, "finite"),
        ({"object": float("inf")}, "finite"),
        ({"object": "c\x00"}, "NUL"),
        ({"subject": "A\ud800"}, "surrogate"),
        ({"text": "said \udfff so"}, "surrogate"),
        ({"text": 5}, "text"),
        ({"publisher": 5}, "publisher"),
        ({"scope": 3}, "scope"),
        ({"version": [1]}, "version"),
        ({"version": True}, "version"),
        ({"confidence": "high"}, "confidence"),
        ({"confidence": 1.5}, "confidence"),
        ({"span": [0, 10**24]}, "span"),
        ({"span": [5, 5]}, "span"),
        ({"span": [1, 2, 3]}, "unpack"),
        ({"valid_from": 2005}, "2005"),
        ({"valid_from": "2005-01-01T00:00"}, "time zone"),
        ({"valid_from": "2006", "valid_to": "2005"}, "ends before it starts"),
        ({"object": "many", "object_kind": "number"}, "number"),
        ({"objekt": "c"}, "objekt"),
        ({"object": None}, "needs object"),
    ],
)
def test_a_faulty_claim_is_refused_with_file_line_and_fault(tmp_path: Path, more: dict[str, Any], words: str) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text(f"{json.dumps(ROW)}\n\n{json.dumps({**ROW, **more})}\n", "utf-8")
    claims = read_claims(file)
    assert next(claims) == Claim("A", "b", "c")
    with pytest.raises(InputError, match=words) as caught:
        next(claims)
    assert f"{file}:3" in str(caught.value)


@pytest.mark.parametrize("line", ["{", "[1]", "7", "[" * 200_000, '{"a":' * 100_000])
def test_a_line_that_is_no_object_is_refused_by_its_number(tmp_path: Path, line: str) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text(f"{line}\n", "utf-8")
    with pytest.raises(InputError, match=r"x\.jsonl:1: "):
        list(read_claims(file))


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text("\ufeff" + json.dumps(ROW), "utf-8")
    assert list(read_claims(tmp_path / "x.jsonl")) == [Claim("A", "b", "c")]


def test_another_encoding_a_folder_and_a_missing_file_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "utf16.jsonl").write_text(json.dumps(ROW), "utf-16")
    for name in ("utf16.jsonl", "", "none.jsonl"):
        with pytest.raises(InputError, match="cannot be read"):
            list(read_claims(tmp_path / name))


def test_tables_and_frames_give_the_claims_that_rows_give() -> None:
    rows: list[dict[str, Any]] = [
        {"subject": "A", "predicate": "ceo", "object": "B", "valid_from": "2010", "confidence": 0.5},
        {"subject": "A", "predicate": "area", "object": "12", "object_kind": "number", "unit": "km²"},
    ]
    expected = [
        Claim("A", "ceo", "B", valid_from="2010", confidence=0.5),
        Claim("A", "area", Quantity(Decimal(12), "km²")),
    ]
    assert list(claims_of(rows)) == expected
    columns = {name: [row.get(name) for row in rows] for name in (*rows[0], "object_kind", "unit")}
    arrow = pytest.importorskip("pyarrow")
    assert list(claims_of(arrow.table(columns))) == expected
    for package in ("pandas", "polars"):
        try:
            frames = __import__(package)
        except ImportError:
            continue
        assert list(claims_of(frames.DataFrame(columns))) == expected


def test_a_row_that_is_wrong_is_refused_by_its_number() -> None:
    with pytest.raises(InputError, match="row 2: a claim needs subject"):
        list(claims_of([ROW, {"predicate": "b", "object": "c"}]))
    with pytest.raises(InputError, match="row 1: a claim is a mapping"):
        list(claims_of(["A b c"]))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"id": 7}, "id"),
        ({"id": "a\x00"}, "NUL"),
        ({"title": 7}, "title"),
        ({"version": 1.5}, "version"),
        ({"text": "half \ud83d"}, "surrogate"),
    ],
)
def test_a_faulty_document_is_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Document(**{"id": "d", **fields})
