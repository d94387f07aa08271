"""What waits for people, what is written out, and that it reads back as it was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from motherlode import Claim, Document, InputError, NuggetStore, Quantity
from motherlode.nuggets.bulk import claims_from_rows
from motherlode.nuggets.ledger import Event
from motherlode.nuggets.listing import PendingClaim
from motherlode.nuggets.store import open_nuggets
from tests.nugget_worlds import Ticking, stored_rows


@pytest.fixture
def store(tmp_path: Path) -> Iterator[NuggetStore]:
    with open_nuggets(tmp_path / "f.db", clock=Ticking()) as opened:
        yield opened


def _waiting(store: NuggetStore, **fields: Any) -> str:
    store.assert_claims([Claim(**{"subject": "Foo", "predicate": "area", "confidence": 0.7, **fields})])
    [one] = store.review_queue()
    return one.claim_id


def test_a_claim_of_middling_confidence_waits_with_what_a_person_needs(store: NuggetStore) -> None:
    claim = _waiting(store, object="B", valid_from="2010", source="d", text="B since 2010")
    assert store.review_queue() == [PendingClaim(claim, "Foo", "area", "B", "2010", None, "d", "B since 2010", 0.7)]
    assert store.review_queue(limit=0) == []
    store.review(claim, "accept", actor="ann")
    assert store.review_queue() == []


@pytest.mark.parametrize(
    "said",
    [
        Quantity(Decimal("1200.5"), "km²"),
        Quantity(Decimal("-4.20"), "%"),
        Quantity(Decimal(12), "vol %"),
        Quantity(Decimal("0"), None),
        Quantity(Decimal("20"), "°C"),
        Quantity(Decimal("90"), "°"),
        Quantity(Decimal("1E+30"), "eV"),
        date(2001, 2, 3),
        True,
        False,
        "a name",
        "42 men",
    ],
)
def test_correcting_a_date_leaves_the_object_of_its_kind(store: NuggetStore, said: Any) -> None:
    claim = _waiting(store, object=said, valid_from="2010")
    store.edit_claim(claim[:12], actor="ann", valid_from="2011")
    [before, after] = sorted(store.nuggets("Foo"), key=lambda one: one.valid_from or "")
    assert (before.state, after.state) == ("deprecated", "active")
    assert (after.object, after.object_kind) == (before.object, before.object_kind)
    assert after.valid_from == "2011"


@pytest.mark.parametrize("fields", [{}, {"actor": ""}])
def test_an_edit_that_corrects_nothing_or_has_no_actor_records_nothing(
    store: NuggetStore, fields: dict[str, Any]
) -> None:
    claim = _waiting(store, object="B")
    with pytest.raises(InputError):
        store.edit_claim(claim, **{"actor": "ann", **fields})
    assert [one.claim_id for one in store.review_queue()] == [claim]
    assert store.events() == []


def test_an_edit_that_makes_no_claim_leaves_the_old_one_waiting(store: NuggetStore) -> None:
    claim = _waiting(store, object="B", valid_from="2010")
    with pytest.raises(InputError, match="ends before it starts"):
        store.edit_claim(claim, actor="ann", valid_to="2009")
    assert [one.claim_id for one in store.review_queue()] == [claim]
    assert store.events() == []


def test_a_corrected_claim_keeps_no_word_of_a_document_that_is_erased(store: NuggetStore, tmp_path: Path) -> None:
    text = "Foo covers, whisper it, 12 square miles."
    said = Claim("Foo", "area", "12", unit="sq mi", source="d", text=text, span=(0, len(text)), confidence=0.7)
    store.ingest(Document("d", text), claims=[said])
    [one] = store.review_queue()
    store.edit_claim(one.claim_id, actor="ann", object=Quantity(Decimal(13), "sq mi"))
    store.erase("d", actor="dpo")
    [left] = store.nuggets("Foo")
    assert left.object == "13 sq mi"
    assert [evidence.source for evidence in store.evidence(left)] == ["review:ann"]
    store.close()
    for file in tmp_path.iterdir():
        assert b"whisper" not in file.read_bytes(), file


def test_claims_and_events_go_by_the_first_letters_of_their_ids(store: NuggetStore) -> None:
    claim = _waiting(store, object="B")
    event = store.review(claim[:11], "accept", actor="ann")
    assert store.nuggets("Foo")[0].state == "active"
    store.undo(event[:11], actor="ann")
    assert store.nuggets("Foo")[0].state == "pending"
    store.retract(claim=claim[:11], actor="ann")
    assert store.nuggets("Foo")[0].state == "retracted"
    with pytest.raises(InputError, match="no claim has the id"):
        store.review(claim[:5], "accept", actor="ann")


def test_what_the_store_does_not_know_cannot_be_retracted(store: NuggetStore) -> None:
    for said in ({"source": "nobody"}, {"claim": "c123456789"}):
        with pytest.raises(InputError, match="nobody|c123456789"):
            store.retract(**said)
    assert store.events() == []


def test_an_export_read_back_makes_the_same_store(store: NuggetStore, tmp_path: Path) -> None:
    store.assert_claims(
        [
            Claim("A", "ceo", "B", valid_from="1990s", valid_to="2005-Q2", source="x", version="2.1", publisher="p"),
            Claim("A", "ceo", "C", valid_from="2005-Q3", source="y", published_at="2006", confidence=0.7),
            Claim("A", "ceo", "D", valid_from="../2012", source="y", published_at="2006", confidence=0.0),
            Claim("A", "ceo", "B", valid_to="2004", negated=True, source="z", scope="user:1"),
            Claim("A", "listed", object=False, source="x", version="2.1"),
            Claim("A", "listed", object=True, valid_from="2011-08-24T10:00:00Z", source="x", version="2.1"),
            Claim("A", "share", object=Quantity(Decimal("4.20"), "%"), kind="episodic_event", source="x", version=3),
            Claim("A", "content", object=Quantity(Decimal("12"), "vol%"), source="x", version=3),
            Claim("A", "founded", object=date(1976, 4, 1), text="said so", span=(3, 10), source="x", version=3),
        ]
    )
    lines = [json.dumps(row) for row in store.export_claims()]
    assert len(lines) == 9
    with open_nuggets(tmp_path / "g.db", clock=Ticking()) as other:
        other.assert_claims(claims_from_rows(map(json.loads, lines)))
        assert stored_rows(other) == stored_rows(store)
        assert [json.dumps(row) for row in other.export_claims()] == lines


def test_contested_spellings_of_one_subject_are_one_conflict(store: NuggetStore) -> None:
    store.assert_claims(
        [
            Claim("Apple", "ceo", "A", valid_from="2010", source="x"),
            Claim("Apple Inc.", "ceo", "B", valid_from="2010", source="y"),
            Claim("Zoo", "ceo", "A", valid_from="2010", source="x"),
            Claim("Zoo", "ceo", "B", valid_from="2010", source="y"),
            Claim("Big Apple", "ceo", "C", valid_from="2010", source="z"),
        ]
    )
    store.merge("Apple", "Big Apple", actor="ann")
    groups = store.conflicts()
    assert [sorted(one.object for one in group) for group in groups] == [["A", "B", "C"], ["A", "B"]]
    assert store.conflicts(known_at="1990-01-01") == []


def test_a_write_that_is_rolled_back_leaves_nothing_in_memory(store: NuggetStore, tmp_path: Path) -> None:
    """Events are counted; the next one of another process has the number of the one that never was."""
    where = tmp_path / "shared.db"
    with open_nuggets(where) as one, open_nuggets(where) as other:
        one.assert_claims([Claim("A", "owner", "B", source="x"), Claim("C", "owner", "D", source="y")])
        merge = Event.of("merge", {"first": "a", "second": "c"}, "ann", "", 1)
        bad = Event.of("schema", {"schema": {"strict": "perhaps"}}, "ann", "", 2)
        with pytest.raises(InputError, match="strict"):
            one.record_events([merge, bad])
        other.trust("x", 2, actor="ann")
        assert [nugget.subject for nugget in one.nuggets("A")] == ["A"]


def test_events_recorded_together_come_to_what_they_come_to_one_by_one(tmp_path: Path) -> None:
    claims = [Claim("A", "ceo", name, valid_from="2010", source=name) for name in ("B", "C")]
    claims.append(Claim("Aa", "ceo", "D", valid_from="2015", source="z"))
    with open_nuggets(tmp_path / "1.db", clock=Ticking()) as one:
        one.assert_claims(claims)
        one.merge("A", "Aa", actor="ann", decided_at="2020-01-01")
        pin = one.decide(one.nuggets("A")[0].nugget_id, "prefer", actor="ann", decided_at="2020-01-02")
        one.trust("z", 0, actor="ann", decided_at="2020-01-03")
        one.undo(pin, actor="ann", decided_at="2020-01-04")
        events = one.events()
        with open_nuggets(tmp_path / "2.db", clock=Ticking()) as together:
            together.assert_claims(claims)
            together.record_events(events)
            assert stored_rows(together) == stored_rows(one)


def test_an_edit_does_not_guess_what_a_comma_parts(store: NuggetStore) -> None:
    claim = _waiting(store, object=Quantity(Decimal("1.4"), "km"))
    with pytest.raises(InputError, match="1,5"):
        store.edit_claim(claim, actor="ann", object="1,5")
    store.edit_claim(claim, actor="ann", object="1,500")
    assert "1500 km" in [nugget.object for nugget in store.nuggets("Foo")]
