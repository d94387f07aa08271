"""What people say reaches the claims that it is about by an index, however many others there are."""

from __future__ import annotations

from typing import Any

import pytest

from motherlode.nuggets.ledger import Event
from motherlode.nuggets.record import Claim
from motherlode.nuggets.store import NuggetStore, open_nuggets


class Watched:
    """A session that notes the plan of each question about claims."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.plans: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.session, name)

    def execute(self, statement: str, values: Any = ()) -> Any:
        if statement.startswith("SELECT") and "nugget_claims" in statement:
            rows = self.session.execute(f"EXPLAIN QUERY PLAN {statement}", values)
            self.plans += [row[3] for row in rows]
        return self.session.execute(statement, values)


@pytest.mark.parametrize(
    ("kind", "payload", "index"),
    [
        ("review", {"claim": "{claim}", "verdict": "accept"}, "nugget_claims_id"),
        ("retract", {"claim": "{claim}"}, "nugget_claims_id"),
        ("retract", {"source": "doc-7", "version": None}, "nugget_claims_doc"),
        ("trust", {"publisher": "doc-7", "weight": 2}, "nugget_claims_publisher"),
        ("merge", {"first": "person 7", "second": "person 8"}, "nugget_claims_object_key"),
        ("merge", {"first": "company 7", "second": "company 8"}, "nugget_claims_subject_key"),
    ],
)
def test_a_word_of_a_person_does_not_read_all_claims(kind: str, payload: dict[str, Any], index: str) -> None:
    with open_nuggets(":memory:") as store:
        _fill(store)
        claim = store.evidence(store.nuggets("Company 7")[0])[0].claim_id
        said = {name: claim if value == "{claim}" else value for name, value in payload.items()}
        with store.recording() as work:
            watched = Watched(work.session)
            work.session = watched  # type: ignore[assignment]
            work.record(Event.of(kind, said, "me", "", work.at))
            assert work.touched
            work.session = watched.session
        assert any(index in plan for plan in watched.plans), watched.plans
        assert not any(plan.startswith("SCAN") for plan in watched.plans), watched.plans


def _fill(store: NuggetStore) -> None:
    store.assert_claims([Claim(f"Company {n}", "ceo", f"Person {n}", source=f"doc-{n}") for n in range(20)])


def test_reviews_and_merges_find_their_claims_on_both_databases(sql_place: str) -> None:
    with open_nuggets(sql_place) as store:
        _fill(store)
        claim = store.evidence(store.nuggets("Company 7")[0])[0].claim_id
        store.review(claim[:11], "reject", actor="me")
        assert [nugget.state for nugget in store.nuggets("Company 7")] == ["deprecated"]
        store.merge("Person 1", "Person 2", actor="me")
        store.merge("Company 1", "Company 2", actor="me")
        [nugget] = [nugget for nugget in store.nuggets() if nugget.subject == "Company 1"]
        assert nugget.n_sources == 2
