"""Erasure: no byte of what a document said is left, others' facts stay, and a certificate says what was done."""

from __future__ import annotations

from pathlib import Path

import pytest

from motherlode import open_nuggets as open_with_vectors
from motherlode.errors import InputError
from motherlode.nuggets.ledger import Event
from motherlode.nuggets.record import Claim, Document, digest
from motherlode.nuggets.store import open_nuggets

SECRET = "Zyxwvutania"


def _bytes_with(folder: Path, secret: str) -> list[str]:
    """Files of a folder in which a text stands, in any case."""
    wanted = secret.lower().encode()
    return [str(file) for file in folder.rglob("*") if file.is_file() and wanted in file.read_bytes().lower()]


def _secret_document() -> tuple[Document, list[Claim]]:
    text = f"Ann moved to {SECRET} in 2019."
    return Document("diary", text), [
        Claim("Ann", "residence", SECRET, valid_from="2019", source="diary", text=text, span=(0, len(text))),
        Claim(SECRET, "population", 7, source="diary"),
    ]


def test_no_file_holds_the_erased_text(tmp_path: Path) -> None:
    with open_nuggets(tmp_path / "facts.db") as store:
        for n in range(200):
            store.assert_claims([Claim(f"Person {n}", "residence", f"Town {n}", source=f"doc-{n}")])
        document, claims = _secret_document()
        store.ingest(document, claims=claims)
        store.decide(store.history("Ann", "residence")[0].nugget_id, "prefer", actor="me")
        assert _bytes_with(tmp_path, SECRET)
        certificate = store.erase("diary", actor="dpo", reason="request 17")
        assert not certificate.bytes_left
        assert _bytes_with(tmp_path, SECRET) == []
        assert SECRET not in str(store.ask(f"Who lives in {SECRET}?"))
        assert len(store.nuggets()) == 200
    assert _bytes_with(tmp_path, SECRET) == []


def test_no_file_of_the_vectors_holds_it_either(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="the packaged encoder is not installed")
    with open_with_vectors(tmp_path / "facts.db", encoder="minilm") as store:
        store.assert_claims([Claim("Bob", "residence", "Springfield", source="other")])
        store.update_vectors()
        document, claims = _secret_document()
        store.ingest(document, claims=claims)
        store.update_vectors()
        assert any("vectors" in name for name in _bytes_with(tmp_path, SECRET))
        store.erase("diary")
        assert _bytes_with(tmp_path, SECRET) == []
        assert [hit.nugget.object for hit in store.ask("Where does Bob live?")] == ["Springfield"]


def test_the_certificate_holds_hashes_and_the_log_keeps_it(sql_place: str) -> None:
    with open_nuggets(sql_place) as store:
        document, claims = _secret_document()
        store.ingest(document, claims=claims)
        certificate = store.erase("diary", actor="dpo", reason="request 17")
        assert certificate.source_digest == digest("diary")
        assert certificate.text_digests == (digest(document.text),)
        assert len(certificate.claims) == 2
        assert len(certificate.nuggets_gone) == 2
        assert (certificate.actor, certificate.reason) == ("dpo", "request 17")
        [event] = store.events()
        assert (event.type, event.event_id, event.actor) == ("erase", certificate.event, "dpo")
        assert SECRET not in str(certificate.to_dict())


def test_what_people_said_of_an_erased_document_keeps_its_effect_but_not_its_name(sql_place: str) -> None:
    diary = Document("diary of Ann", "Ann moved.", version=1)
    claims = [Claim("Ann", "residence", "Bern", valid_from="2019", source=diary.id)]
    with open_nuggets(sql_place) as store:
        store.ingest(diary, claims=claims)
        store.assert_claims([Claim("Bob", "residence", "Rome", source="other")])
        retraction = store.retract(source=diary.id, actor="me")
        store.trust(diary.id, 0, actor="me")
        store.retract(source="other", actor="me")
        store.erase(diary.id, actor="dpo")
        said = {event.type: event for event in store.events() if event.payload.get("source") != "other"}
        assert said["retract"].payload == {"source_digest": digest(diary.id), "version": None}
        assert said["trust"].payload == {"publisher_digest": digest(diary.id), "weight": 0}
        assert "other" in str(store.events())
        for event in store.events():
            of_content = Event.of(event.type, event.payload, event.actor, event.reason, event.decided_at)
            assert of_content.event_id == event.event_id
        store.ingest(diary, claims=claims)
        assert [nugget.state for nugget in store.nuggets("Ann")] == ["retracted"]
        store.undo(retraction, actor="me")
        [nugget] = store.nuggets("Ann")
        assert (nugget.state, nugget.why) == ("deprecated", "its publisher is not trusted")
        store.undo(said["trust"].event_id, actor="me")
        assert [nugget.state for nugget in store.nuggets("Ann")] == ["active"]


def test_no_file_holds_the_name_of_an_erased_document(tmp_path: Path) -> None:
    with open_nuggets(tmp_path / "facts.db") as store:
        store.assert_claims([Claim("Ann", "residence", "Bern", source=SECRET)])
        store.retract(source=SECRET, actor="me")
        store.trust(SECRET, 2, actor="me")
        assert _bytes_with(tmp_path, SECRET)
        store.erase(SECRET, actor="dpo")
        assert _bytes_with(tmp_path, SECRET) == []


def test_an_event_is_the_same_one_before_and_after_the_erasure(tmp_path: Path) -> None:
    with open_nuggets(tmp_path / "a.db") as store, open_nuggets(tmp_path / "b.db") as other:
        for place in (store, other):
            place.assert_claims([Claim("Ann", "residence", "Bern", source="diary")])
        store.retract(source="diary", actor="me")
        before = store.events()
        store.erase("diary", actor="dpo")
        other.record_events(one for one in store.events() if one.type == "retract")
        assert [nugget.state for nugget in other.nuggets("Ann")] == ["retracted"]
        other.record_events(before)
        store.record_events(before)
        assert [len(place.events()) for place in (store, other)] == [2, 1]
        assert "diary" not in str(store.events())


def test_an_erased_nugget_says_since_when(sql_place: str) -> None:
    with open_nuggets(sql_place) as store:
        [nugget] = store.assert_claims([Claim("A", "owner", "B", source="x")])
        assert nugget is not None
        store.erase("x")
        with pytest.raises(InputError, match="erased at 20"):
            store.get(nugget)


def test_erasing_the_last_source_of_a_rival_leaves_the_other_active(sql_place: str) -> None:
    with open_nuggets(sql_place) as store:
        store.assert_claims(
            [
                Claim("Foo", "ceo", "Ann", valid_from="2010", source="a"),
                Claim("Foo", "ceo", "Ben", valid_from="2010", source="b"),
            ]
        )
        assert {nugget.state for nugget in store.nuggets("Foo")} == {"contested"}
        store.erase("b")
        assert [(nugget.object, nugget.state) for nugget in store.nuggets("Foo")] == [("Ann", "active")]


def test_erased_claims_vanish_at_every_known_time(sql_place: str) -> None:
    with open_nuggets(sql_place) as store:
        store.assert_claims([Claim("Foo", "ceo", "Ann", valid_from="2010", source="a")])
        store.assert_claims([Claim("Foo", "ceo", "Ben", valid_from="2015", source="b")])
        known = store.nuggets("Foo")[-1].recorded_from
        assert known is not None
        assert len(store.nuggets("Foo", known_at=known)) == 2
        store.erase("b")
        [ann] = store.nuggets("Foo", known_at=known)
        assert (ann.object, ann.state, ann.valid_to) == ("Ann", "active", None)


def test_a_claim_that_others_make_too_survives_with_less_evidence(sql_place: str) -> None:
    with open_nuggets(sql_place) as store:
        store.assert_claims([Claim("A", "owner", "B", valid_from="2010", source=source) for source in ("x", "y")])
        certificate = store.erase("x")
        [nugget] = store.nuggets("A")
        assert nugget.n_sources == 1
        assert certificate.nuggets_kept == (nugget.nugget_id,)
        assert [evidence.source for evidence in store.evidence(nugget)] == ["y"]


def test_an_unknown_document_is_named_and_nothing_happens(sql_place: str) -> None:
    with open_nuggets(sql_place) as store:
        store.assert_claims([Claim("A", "owner", "B", source="x")])
        with pytest.raises(InputError, match="no document 'y'"):
            store.erase("y")
        assert len(store.nuggets()) == 1
        assert store.events() == []


def test_an_erasure_cannot_be_undone(sql_place: str) -> None:
    with open_nuggets(sql_place) as store:
        store.assert_claims([Claim("A", "owner", "B", source="x")])
        certificate = store.erase("x")
        with pytest.raises(InputError, match="cannot be undone"):
            store.undo(certificate.event, actor="me")
