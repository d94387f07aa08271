"""Claims from JSONL and tables, and out of a store again."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from motherlode.errors import InputError
from motherlode.nuggets.bulk import assert_rows, claims_from_jsonl, claims_from_rows
from motherlode.nuggets.exports import export_claims, export_events, export_nuggets
from motherlode.nuggets.record import Claim, Document
from motherlode.nuggets.store import NuggetStore, open_nuggets
from motherlode.nuggets.values import Quantity

ROWS: list[dict[str, Any]] = [
    {"subject": "Apple", "predicate": "ceo", "object": "Steve Jobs", "valid_from": "1997-09-16", "source": "a"},
    {"subject": "Apple", "predicate": "ceo", "object": "Tim Cook", "valid_from": "2011-08-24", "source": "b"},
    {"subject": "Apple", "predicate": "revenue", "number": 394.3, "unit": "billion USD", "valid_from": "2022"},
    {"subject": "Apple", "predicate": "founded", "object": "1976-04-01", "object_kind": "date"},
]


def _jsonl(path: Path, *lines: object) -> Path:
    path.write_text("".join(line + "\n" if isinstance(line, str) else json.dumps(line) + "\n" for line in lines))
    return path


def _answers(store: NuggetStore) -> list[dict[str, Any]]:
    """Nuggets without the time at which this store learned them."""
    return [
        {name: value for name, value in told.items() if not name.startswith("recorded")}
        for told in export_nuggets(store)
    ]


def test_a_line_is_a_claim_and_what_is_missing_has_the_default(tmp_path: Path) -> None:
    path = _jsonl(tmp_path / "c.jsonl", ROWS[0], "", ROWS[2], ROWS[3])
    jobs, revenue, founded = claims_from_jsonl(path)
    assert jobs == Claim("Apple", "ceo", "Steve Jobs", valid_from=jobs.valid_from, source="a")
    assert str(jobs.interval.start) == "1997-09-16"
    assert revenue.object == Quantity(Decimal("394.3"), "billion USD")
    assert (revenue.object_kind, revenue.object_key) == ("number", "394.3 billion usd")
    assert (founded.object_kind, founded.object_key) == ("date", "1976-04-01")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{broken", "line 2: no JSON"),
        ("[1, 2]", "line 2: a claim is an object"),
        ({"subject": "A", "predicate": "p"}, "line 2: no 'object'"),
        ({"predicate": "p", "object": "o"}, "line 2: no 'subject'"),
        ({**ROWS[0], "objekt": 1}, "line 2: unknown field 'objekt'"),
        ({**ROWS[0], "valid_from": "May 5"}, "line 2: 'valid_from': 'May 5' is not a date"),
        ({**ROWS[0], "published_at": "2020-01-01T10:00:00"}, "line 2: 'published_at': .* no time zone"),
        ({**ROWS[0], "valid_to": "1990"}, "line 2: the interval"),
        ({**ROWS[0], "confidence": "high"}, "line 2: 'confidence' is a number"),
        ({**ROWS[0], "negated": "perhaps"}, "line 2: 'negated' is true or false"),
        ({**ROWS[0], "span": [3]}, "line 2: 'span' is begin and end"),
        ({**ROWS[0], "subject": ["A"]}, "line 2: 'subject' is text"),
        ({**ROWS[0], "object": {"a": 1}}, "line 2: 'object' is text, a number"),
        ({**ROWS[0], "object": "x\u0000y"}, "line 2: a claim holds a NUL"),
        ({**ROWS[0], "number": 3}, "line 2: either 'object' or 'number'"),
        ({**ROWS[0], "object_kind": "colour"}, "line 2: 'object_kind' is one of"),
    ],
)
def test_an_error_names_file_line_and_field(tmp_path: Path, line: object, message: str) -> None:
    path = _jsonl(tmp_path / "c.jsonl", ROWS[0], line)
    with pytest.raises(InputError, match=message) as raised:
        list(claims_from_jsonl(path))
    assert str(path) in str(raised.value)


def test_a_file_that_is_no_text_and_one_that_is_missing_are_named(tmp_path: Path) -> None:
    (tmp_path / "latin.jsonl").write_bytes(b'{"subject": "Caf\xe9"}\n')
    with pytest.raises(InputError, match=r"latin\.jsonl, line 1: no UTF-8"):
        list(claims_from_jsonl(tmp_path / "latin.jsonl"))
    with pytest.raises(InputError, match=r"none\.jsonl: No such file"):
        list(claims_from_jsonl(tmp_path / "none.jsonl"))


def test_arrow_pandas_polars_and_mappings_give_the_same_claims() -> None:
    pa = pytest.importorskip("pyarrow")
    expected = list(claims_from_rows(ROWS))
    table = pa.Table.from_pylist([{**dict.fromkeys([*ROWS[2], *ROWS[3], "source"]), **row} for row in ROWS])
    assert list(claims_from_rows(table)) == expected
    assert list(claims_from_rows(table.to_batches()[0])) == expected
    assert list(claims_from_rows(pa.RecordBatchReader.from_batches(table.schema, table.to_batches()))) == expected


@pytest.mark.parametrize("package", ["pandas", "polars"])
def test_data_frames_with_gaps_give_the_same_claims(package: str) -> None:
    frames = pytest.importorskip(package)
    names = list(dict.fromkeys(name for row in ROWS for name in row))
    frame = frames.DataFrame({name: [row.get(name) for row in ROWS] for name in names})
    assert list(claims_from_rows(frame)) == list(claims_from_rows(ROWS))


def test_typed_cells_are_taken_as_they_are_meant() -> None:
    row = {
        "subject": 7,
        "predicate": "born",
        "object": date(1955, 2, 24),
        "valid_from": 1955,
        "valid_to": datetime(2011, 10, 5, tzinfo=UTC),
        "version": 2.0,
        "span_begin": 0.0,
        "span_end": 4.0,
        "confidence": float("nan"),
        "negated": 0,
    }
    (claim,) = claims_from_rows([row])
    assert (claim.subject, claim.object_kind, claim.version, claim.span) == ("7", "date", 2, (0, 4))
    assert (str(claim.interval.start), claim.confidence, claim.negated) == ("1955", None, False)


def test_a_row_that_is_wrong_is_named_and_earlier_batches_stay() -> None:
    with open_nuggets(":memory:") as store:
        with pytest.raises(InputError, match="row 3: 'valid_from'"):
            assert_rows(store, [*ROWS[:2], {**ROWS[0], "valid_from": "soon"}], batch=2)
        assert [nugget.object for nugget in store.history("Apple", "ceo")] == ["Steve Jobs", "Tim Cook"]
        assert assert_rows(store, ROWS) == 4
        assert len(list(export_claims(store))) == 4
        with pytest.raises(InputError, match="rows are an Arrow table"):
            assert_rows(store, "claims.jsonl")


def _world(store: NuggetStore) -> None:
    """Every kind of value, bound, version, negation and confidence; a decision; a version that retracts."""
    assert_rows(store, ROWS)
    said = [
        Claim("Apple", "isPublic", True, source="v", version="1.9"),
        Claim("Apple", "share", Quantity(Decimal("4.20"), "%"), valid_from="2022-Q3", source="v", version="1.9"),
        Claim("Apple", "atom", Decimal("0.1234567890123456789"), source="u", publisher="Agency", scope="user:7"),
        Claim(
            "Apple", "ceo", "Gil Amelio", valid_from="1996/..", valid_to="1990s", source="r", text="So.", span=(1, 4)
        ),
        Claim("Apple", "ceo", "Tim Cook", valid_from="2030", negated=True, source="n", confidence=0.9),
        Claim("Apple", "rumour", "A car", confidence=0.7, source="m", kind="episodic_event"),
        Claim("Apple", "seat", "Cupertino", valid_from="2017-04-01T08:30:00+02:00", published_at="2018", source="d"),
    ]
    store.assert_claims(said)
    store.ingest(Document("v", version="1.10"), claims=[Claim("Apple", "isPublic", False, source="v")])
    store.ingest(Document("w", "Old.", version=1), claims=[Claim("Globex", "ceo", "Hank Scorpio", source="w")])
    store.ingest(Document("w", "New.", version=2))
    (jobs, *_) = store.nuggets("Apple", "ceo")
    store.decide(jobs.nugget_id, "prefer", actor="ann", reason="seen")


def test_claims_written_and_read_back_derive_the_same_nuggets(tmp_path: Path) -> None:
    with open_nuggets(":memory:") as first, open_nuggets(":memory:") as second:
        _world(first)
        path = _jsonl(tmp_path / "all.jsonl", *export_claims(first))
        assert assert_rows(second, claims_from_jsonl(path)) == 12  # 4 rows, 7 claims, 1 of the newer version
        second.record_events(first.events())
        # Globex was retracted by a version that says nothing, of which a file of claims cannot tell.
        assert _answers(second) == [told for told in _answers(first) if told["subject"] != "Globex"]
        assert [told["state"] for told in _answers(first) if told["subject"] == "Globex"] == ["retracted"]


def test_events_are_told_with_who_and_why() -> None:
    with open_nuggets(":memory:") as store:
        _world(store)
        (event,) = export_events(store)
        assert (event["type"], event["actor"], event["reason"]) == ("decide", "ann", "seen")
        assert json.loads(json.dumps(event)) == event
        assert all(json.loads(json.dumps(claim)) == claim for claim in export_claims(store))
