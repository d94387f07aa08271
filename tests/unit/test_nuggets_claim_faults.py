"""What no claim and no document can be: refused by name and place before anything is recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from motherlode import Claim, Document, InputError
from motherlode.nuggets.bulk import claims_from_jsonl

ROW = {"subject": "A", "predicate": "b", "object": "c"}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"object": ["c"]}, "object"),
        ({"object": float("inf")}, "finite"),
        ({"object": "c\x00"}, "NUL"),
        ({"subject": "A\ud800"}, "surrogate"),
        ({"text": "said \udfff so"}, "surrogate"),
        ({"text": 5}, "text"),
        ({"scope": 3}, "scope"),
        ({"version": [1]}, "version"),
        ({"version": True}, "version"),
        ({"confidence": "high"}, "confidence"),
        ({"confidence": 1.5}, "confidence"),
        ({"span": [0, 10**24]}, "span"),
        ({"span": [5, 5]}, "span"),
        ({"valid_from": "2005-01-01T00:00"}, "time zone"),
        ({"valid_from": "2006", "valid_to": "2005"}, "ends before it starts"),
        ({"object": "many", "object_kind": "number"}, "number"),
        ({"objekt": "c"}, "objekt"),
    ],
)
def test_a_faulty_claim_is_refused_with_file_line_and_fault(tmp_path: Path, more: dict[str, Any], words: str) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text(f"{json.dumps(ROW)}\n\n{json.dumps({**ROW, **more})}\n", "utf-8")
    claims = claims_from_jsonl(file)
    assert next(claims) == Claim("A", "b", "c")
    with pytest.raises(InputError, match=words) as caught:
        next(claims)
    assert f"{file}, line 3: " in str(caught.value)


@pytest.mark.parametrize("line", ["{", "[1]", "7", "[" * 200_000, '{"a":' * 100_000])
def test_a_line_that_is_no_object_is_refused_by_its_number(tmp_path: Path, line: str) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text(f"{line}\n", "utf-8")
    with pytest.raises(InputError, match=r"x\.jsonl, line 1: "):
        list(claims_from_jsonl(file))


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text("\ufeff" + json.dumps(ROW), "utf-8")
    assert list(claims_from_jsonl(tmp_path / "x.jsonl")) == [Claim("A", "b", "c")]


@pytest.mark.parametrize("fields", [{"text": 5}, {"publisher": 5}, {"unit": 5}, {"version": 1.5}, {"confidence": "1"}])
def test_a_field_of_another_type_is_refused_before_a_database_sees_it(fields: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(fields))):
        Claim("A", "b", "c", **fields)


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
