"""What becomes of facts when others arrive: tenures, contests, people's decisions, new versions of documents."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import permutations
from pathlib import Path
from random import Random

import pytest

from motherlode.errors import InputError
from motherlode.nuggets.chains import succession
from motherlode.nuggets.record import Claim, Document
from motherlode.nuggets.schema import load_schema
from motherlode.nuggets.store import NuggetStore, open_nuggets
from tests.nugget_worlds import Ticking, stored_rows

JOBS = Claim("Apple", "ceo", "Steve Jobs", "1997", source="doc-1")
COOK = Claim("Apple", "ceo", "Tim Cook", "2011", source="doc-2")


def states(store: NuggetStore, subject: str = "Apple", predicate: str = "ceo") -> dict[str, str]:
    return {n.object: n.state for n in store.nuggets(subject, predicate)}


# Lifecycle


def test_page_with_a_stated_end_then_pichai_are_both_active_in_their_time(store: NuggetStore) -> None:
    store.assert_claims([Claim("Google", "ceo", "Larry Page", "2010", "2015-10-02", source="a")])
    store.assert_claims([Claim("Google", "ceo", "Sundar Pichai", "2015-10-02", source="b")])

    assert states(store, "Google") == {"Larry Page": "active", "Sundar Pichai": "active"}
    for day, holder in (("2012-01-01", "Larry Page"), ("2015-10-02", "Sundar Pichai"), ("2020-01-01", "Sundar Pichai")):
        assert [n.object for n in store.nuggets("Google", "ceo", valid_at=day)] == [holder]


@pytest.mark.parametrize("first", [0, 1])
def test_jobs_since_1997_is_superseded_by_cook_since_2011_and_still_answers_for_2005(
    store: NuggetStore, first: int
) -> None:
    claims = [JOBS, COOK]
    store.assert_claims([claims[first]])
    store.assert_claims([claims[1 - first]])

    jobs, cook = store.history("Apple", "ceo")
    assert (jobs.object, jobs.state, jobs.superseded_by) == ("Steve Jobs", "superseded", cook.nugget_id)
    assert (jobs.valid_to, jobs.end_is_derived) == ("2011", True)
    assert jobs.interval.end == cook.interval.start
    assert (cook.object, cook.state, cook.valid_to) == ("Tim Cook", "active", None)
    assert [n.object for n in store.nuggets("Apple", "ceo", valid_at="2005-06-01")] == ["Steve Jobs"]
    assert store.ask("Who was CEO of Apple in 2005?")[0].nugget.object == "Steve Jobs"
    assert store.ask("Who is CEO of Apple?")[0].nugget.object == "Tim Cook"


def test_two_open_claims_with_one_start_and_no_other_evidence_are_contested(store: NuggetStore) -> None:
    store.assert_claims([Claim("Apple", "ceo", name, "2011-08-24", source=name) for name in ("Tim Cook", "John Ive")])

    one, other = store.nuggets("Apple", "ceo")
    assert {one.state, other.state} == {"contested"}
    assert [contest.nugget_id for contest in one.contests] == [other.nugget_id]
    assert [contest.nugget_id for contest in other.contests] == [one.nugget_id]


def test_a_start_inside_a_tenure_with_a_stated_end_contests_the_overlap_only(store: NuggetStore) -> None:
    store.assert_claims([Claim("Apple", "ceo", "A", "2000-01-01", "2010-01-01", source="a")])
    store.assert_claims([Claim("Apple", "ceo", "B", "2008-01-01", source="b")])

    first, second = store.nuggets("Apple", "ceo")
    day = 86_400_000_000
    [contest] = first.contests
    assert (contest.nugget_id, contest.begin // day, contest.end // day) == (second.nugget_id, 13_879, 14_610)
    assert first.state == second.state == "contested"
    assert store.ask("ceo of Apple", valid_at="2005-01-01")[0].conflict is None
    assert store.ask("ceo of Apple", valid_at="2009-01-01")[0].conflict is not None


def test_one_source_against_three_later_ones_is_closed_where_they_start(store: NuggetStore) -> None:
    store.assert_claims([Claim("Apple", "ceo", "Steve Jobs", "1997-09-16", source="old")])
    for source in ("a", "b", "c"):
        store.assert_claims([Claim("Apple", "ceo", "Tim Cook", "2011-08-24", source=source)])

    jobs, cook = store.history("Apple", "ceo")
    assert (jobs.state, jobs.valid_to, jobs.superseded_by) == ("superseded", "2011-08-24", cook.nugget_id)
    assert (cook.state, cook.n_sources) == ("active", 3)


def test_one_source_with_a_later_stated_end_is_closed_by_three_that_start_before_it(store: NuggetStore) -> None:
    store.assert_claims([Claim("Apple", "ceo", "Steve Jobs", "1997-09-16", "2015-01-01", source="old")])
    for source in ("a", "b", "c"):
        store.assert_claims([Claim("Apple", "ceo", "Tim Cook", "2011-08-24", source=source)])

    jobs, cook = store.history("Apple", "ceo")
    assert (jobs.state, jobs.valid_to) == ("superseded", "2011-08-24")
    assert (cook.state, cook.contests) == ("active", ())
    assert "3 sources against 1" in jobs.why


def test_two_board_members_that_overlap_are_both_active(store: NuggetStore) -> None:
    store.assert_claims([Claim("Apple", "board member", "Al Gore", "2003", "2024", source="a")])
    store.assert_claims([Claim("Apple", "board member", "Susan Wagner", "2014", source="b")])

    assert states(store, predicate="board member") == {"Al Gore": "active", "Susan Wagner": "active"}
    assert len(store.nuggets("Apple", "board member", valid_at="2020-01-01")) == 2


def test_any_permutation_of_four_claims_ends_in_one_state(tmp_path: Path, clock: Ticking) -> None:
    claims = [
        JOBS,
        COOK,
        Claim("Apple", "ceo", "Steve Jobs", "1997-09-16", "2011-08-24", source="doc-3"),
        Claim("Apple", "ceo", "Gil Amelio", "1996", "1998", source="doc-4"),
    ]
    ends = set()
    for order in permutations(claims):
        with open_nuggets(":memory:", clock=clock) as store:
            for claim in order:
                store.assert_claims([claim])
            ends.add(frozenset(stored_rows(store)))
    assert len(ends) == 1


def _claims_of(writer: int) -> list[Claim]:
    names = ("Jobs", "Cook", "Amelio", "Sculley")
    return [
        Claim("Apple", "ceo", names[(writer + i) % 4], f"{1985 + (7 * i + 3 * writer) % 30}", source=f"w{writer}-{i}")
        for i in range(8)
    ]


def test_concurrent_writers_leave_the_state_of_serial_ones(store: NuggetStore, nugget_place: str) -> None:
    # Handles of their own where the place can have several; in memory there is one.
    own = [store if nugget_place == ":memory:" else open_nuggets(nugget_place) for _ in range(4)]

    def write(writer: int) -> None:
        for claim in _claims_of(writer):
            own[writer].assert_claims([claim])

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(4)))
    with open_nuggets(":memory:") as serial:
        for writer in range(4):
            serial.assert_claims(_claims_of(writer))
        assert stored_rows(store) == stored_rows(serial)


def test_two_processes_leave_the_state_of_serial_ones(store: NuggetStore, nugget_place: str) -> None:
    if nugget_place == ":memory:":
        pytest.skip("a store in memory belongs to one process")
    program = (
        "import sys; from motherlode.nuggets.store import open_nuggets; "
        "from tests.unit.test_nuggets_lifecycle import _claims_of\n"
        "with open_nuggets(sys.argv[1]) as store:\n"
        "    for claim in _claims_of(int(sys.argv[2])): store.assert_claims([claim])"
    )
    root = Path(__file__).resolve().parents[2]
    running = [subprocess.Popen([sys.executable, "-c", program, nugget_place, str(i)], cwd=root) for i in range(2)]
    assert [process.wait(60) for process in running] == [0, 0]
    with open_nuggets(":memory:") as serial:
        serial.assert_claims(_claims_of(1) + _claims_of(0))
        assert stored_rows(store) == stored_rows(serial)


def test_a_negation_closes_the_interval(store: NuggetStore) -> None:
    [nugget] = store.assert_claims([Claim("Apple", "ceo", "Steve Jobs", "1997", source="a")])
    closed = store.assert_claims([Claim("Apple", "ceo", "Steve Jobs", "2011-08-24", source="b", negated=True)])

    assert closed == [nugget]
    [jobs] = store.history("Apple", "ceo")
    assert (jobs.valid_from, jobs.valid_to, jobs.state) == ("1997", "2011-08-24", "active")
    assert [(e.source, e.negated) for e in store.evidence(jobs)] == [("a", False), ("b", True)]


def test_undated_claims_supersede_and_contest_nothing_and_match_any_date(store: NuggetStore) -> None:
    store.assert_claims([JOBS, COOK, Claim("Apple", "ceo", "Gil Amelio", source="doc-3")])

    assert states(store) == {"Steve Jobs": "superseded", "Tim Cook": "active", "Gil Amelio": "active"}
    found = store.nuggets("Apple", "ceo", valid_at="2005-01-01")
    assert {n.object for n in found} == {"Steve Jobs", "Gil Amelio"}
    hits = store.ask("ceo of Apple", valid_at="2005-01-01")
    assert [(hit.nugget.object, hit.certainty) for hit in hits] == [
        ("Steve Jobs", "certain"),
        ("Gil Amelio", "unknown"),
    ]
    assert [n.object for n in succession(store, "Apple", "ceo").undated] == ["Gil Amelio"]


def test_a_policy_of_two_sources_keeps_one_source_waiting(nugget_place: str) -> None:
    schema = load_schema({"predicates": {"ceo2": {"cardinality": "functional", "min_sources": 2}}})
    with open_nuggets(nugget_place, schema=schema) as store:
        store.assert_claims([Claim("Apple", "ceo2", "Tim Cook", "2011", source="a")])
        assert states(store, predicate="ceo2") == {"Tim Cook": "pending"}
        store.assert_claims([Claim("Apple", "ceo2", "Tim Cook", "2011", source="b")])
        assert states(store, predicate="ceo2") == {"Tim Cook": "active"}


def test_a_policy_of_people_only_keeps_the_next_waiting_until_a_person_says_so(nugget_place: str) -> None:
    schema = load_schema({"predicates": {"board chair": {"cardinality": "functional", "supersede": "human"}}})
    with open_nuggets(nugget_place, schema=schema) as store:
        store.assert_claims([Claim("Apple", "board chair", "A", "2001", source="a")])
        [_, after] = store.assert_claims([Claim("Apple", "board chair", name, "2011", source="b") for name in "AB"])
        assert states(store, predicate="board chair") == {"A": "active", "B": "pending"}
        assert after is not None
        event = store.decide(after, "prefer", actor="me")
        assert states(store, predicate="board chair") == {"A": "superseded", "B": "active"}
        store.undo(event)
        assert states(store, predicate="board chair") == {"A": "active", "B": "pending"}


# People


def test_a_pin_is_active_and_preferred(store: NuggetStore) -> None:
    ids = store.assert_claims([Claim("Apple", "ceo", name, "2011-08-24", source=name) for name in ("Cook", "Ive")])
    assert ids[0] is not None
    store.decide(ids[0], "prefer", actor="ada", reason="press release")

    cook, ive = (store.get(name) for name in ids if name is not None)
    assert (cook.state, cook.preferred, cook.contests) == ("active", True, ())
    assert (ive.state, ive.preferred, ive.superseded_by) == ("deprecated", False, cook.nugget_id)


def test_what_is_suppressed_is_deprecated_and_kept(store: NuggetStore) -> None:
    _, cook = store.assert_claims([JOBS, COOK])
    assert cook is not None
    store.decide(cook, "suppress", actor="ada", reason="a hoax")

    assert store.get(cook).state == "deprecated"
    [jobs] = store.history("Apple", "ceo")
    assert (jobs.object, jobs.state, jobs.valid_to) == ("Steve Jobs", "active", None)
    assert [e.source for e in store.evidence(store.get(cook))] == ["doc-2"]


@pytest.mark.parametrize("action", ["prefer", "suppress"])
def test_later_documents_do_not_reopen_what_a_person_decided(store: NuggetStore, action: str) -> None:
    ids = store.assert_claims([Claim("Apple", "ceo", name, "2011-08-24", source=name) for name in ("Cook", "Ive")])
    decided = ids[0] if action == "prefer" else ids[1]
    assert decided is not None
    store.decide(decided, action, actor="ada")
    for source in ("a", "b", "c"):
        store.ingest(Document(source), claims=[Claim("Apple", "ceo", "Ive", "2011-08-24", source=source)])

    assert states(store) == {"Cook": "active", "Ive": "deprecated"}


def test_what_starts_after_the_decision_is_news_and_not_covered(store: NuggetStore, clock: Ticking) -> None:
    [cook] = store.assert_claims([COOK])
    assert cook is not None
    store.decide(cook, "prefer", actor="ada", decided_at="2020-01-01")
    store.assert_claims([Claim("Apple", "ceo", "Successor", "2025-01-01", source="doc-9")])

    assert states(store) == {"Tim Cook": "superseded", "Successor": "active"}


@pytest.mark.parametrize("action", ["prefer", "suppress"])
def test_undo_restores_the_state_before_the_decision(store: NuggetStore, action: str) -> None:
    ids = store.assert_claims([Claim("Apple", "ceo", name, "2011-08-24", source=name) for name in ("Cook", "Ive")])
    before = stored_rows(store)
    assert ids[0] is not None
    event = store.decide(ids[0], action, actor="ada")
    assert stored_rows(store) != before

    again = store.undo(event, actor="bob")
    assert stored_rows(store) == before
    store.undo(again, actor="ada")  # an undo can be undone
    assert stored_rows(store) != before


def test_a_decision_needs_an_actor_a_known_action_and_a_known_nugget(store: NuggetStore) -> None:
    [jobs] = store.assert_claims([JOBS])
    assert jobs is not None
    for nugget, action, actor in ((jobs, "prefer", " "), (jobs, "delete", "ada"), ("n0", "prefer", "ada")):
        with pytest.raises(InputError):
            store.decide(nugget, action, actor=actor)
    with pytest.raises(InputError):
        store.undo("e0")
    assert store.events() == []


# Updates of documents


def test_a_new_version_that_drops_a_claim_retracts_it(store: NuggetStore, clock: Ticking) -> None:
    claims = [
        Claim("Apple", "ceo", "Tim Cook", "2011", source="page"),
        Claim("Apple", "cfo", "Oppenheimer", source="page"),
    ]
    _, finance = store.ingest(Document("page", version=1), claims=claims).nuggets
    known = clock() + timedelta(seconds=1)
    clock.micros += 10_000_000
    store.ingest(Document("page", version=2), claims=claims[:1])

    assert finance is not None
    assert store.get(finance).state == "retracted"
    assert states(store) == {"Tim Cook": "active"}
    assert store.nuggets("Apple", "cfo", valid_at="2015", states=["active"]) == []
    assert store.get(finance, known_at=known).state == "active"


def test_a_version_that_arrives_late_never_replaces_a_newer_one(store: NuggetStore) -> None:
    store.ingest(Document("page", version="2.10"), claims=[Claim("Apple", "ceo", "Tim Cook", source="page")])
    store.ingest(Document("page", version="2.9"), claims=[Claim("Apple", "ceo", "Steve Jobs", source="page")])

    assert states(store) == {"Tim Cook": "active", "Steve Jobs": "retracted"}


def test_without_version_the_date_of_publication_orders_and_without_it_all_stand(store: NuggetStore) -> None:
    for day, name in (("2020-05-01", "new"), ("2019-05-01", "old")):
        claims = [Claim("Apple", "likes", name, source="dated")]
        store.ingest(Document("dated", published_at=day), claims=claims)
    for name in ("one", "two"):
        store.ingest(Document("plain", text=name), claims=[Claim("Apple", "likes", name, source="plain")])

    assert states(store, predicate="likes") == {"new": "active", "old": "retracted", "one": "active", "two": "active"}


def test_retracting_the_last_source_of_a_rival_leaves_the_other_active(store: NuggetStore) -> None:
    store.assert_claims([Claim("Apple", "ceo", name, "2011-08-24", source=name) for name in ("Cook", "Ive")])
    event = store.retract(source="Ive", actor="ada")
    assert states(store) == {"Cook": "active", "Ive": "retracted"}

    store.undo(event)
    assert states(store) == {"Cook": "contested", "Ive": "contested"}


@pytest.mark.parametrize("seed", range(3))
def test_ingesting_the_same_versions_in_any_order_ends_alike(seed: int) -> None:
    random = Random(seed)
    versions = [
        (Document("page", version=v), [Claim("Apple", "ceo", name, f"{1990 + 5 * v}", source="page") for name in names])
        for v, names in ((1, ("Jobs",)), (2, ("Jobs", "Cook")), (3, ("Cook",)))
    ] + [(Document("other"), [Claim("Apple", "ceo", "Amelio", "1999", source="other")])]
    ends = set()
    for _ in range(6):
        random.shuffle(versions)
        with open_nuggets(":memory:") as store:
            for document, claims in versions:
                store.ingest(document, claims=claims)
            ends.add(frozenset(stored_rows(store)))
    assert len(ends) == 1
