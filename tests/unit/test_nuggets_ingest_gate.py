"""What an extractor says is looked at before it is recorded; what people bring is taken at their word."""

from __future__ import annotations

from motherlode.nuggets.record import Claim, Document
from motherlode.nuggets.store import open_nuggets


class Careless:
    """An extractor that takes pronouns for names and states no confidence."""

    fingerprint = "careless"

    def extract(self, document: Document) -> list[Claim]:
        return [
            Claim("Foo", "ceo", "him", source=document.id, confidence=0.99),
            Claim("Foo", "founder", "Ann", source=document.id),
            Claim("Foo", "owner", "Bob", source=document.id, confidence=0.9),
            Claim("Foo", "employee", "Cleo", source=document.id, confidence=0.1),
        ]


def test_faults_are_refused_by_name_and_unstated_confidence_waits() -> None:
    with open_nuggets(":memory:") as store:
        report = store.ingest(Document("d", "text"), extractor=Careless())
        assert (report.n_claims, report.n_pending, report.n_refused) == (3, 1, 2)
        [(what, why)] = report.faults
        assert what == "Foo ceo him"
        assert why
        assert {nugget.object: nugget.state for nugget in store.nuggets("Foo")} == {
            "Ann": "pending",
            "Bob": "active",
            "Cleo": "deprecated",
        }


def test_claims_that_people_bring_are_taken_as_they_are() -> None:
    with open_nuggets(":memory:") as store:
        report = store.ingest(Document("d", "text"), claims=[Claim("Foo", "ceo", "Her", source="d")])
        assert report.faults == ()
        assert store.nuggets("Foo")[0].state == "active"
