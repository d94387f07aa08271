"""What changed between two moments, in what is known and in what holds."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest

from motherlode.errors import InputError
from motherlode.nuggets.diff import Diff, diff
from motherlode.nuggets.record import Claim, Document
from motherlode.nuggets.store import NuggetStore
from tests.nugget_worlds import SECOND, Ticking


def _moment(clock: Ticking) -> datetime:
    """An instant after all that was recorded and before what follows."""
    found = clock() + timedelta(seconds=1)
    clock.micros += 10 * SECOND
    return found


def _objects(found: Diff) -> tuple[list[str], list[str], list[str]]:
    return (
        [n.object for n in found.added],
        [n.object for n in found.gone],
        [change.after.object for change in found.changed],
    )


def test_a_successor_is_added_and_what_it_closed_is_changed(store: NuggetStore, clock: Ticking) -> None:
    store.assert_claims([Claim("Apple", "ceo", "Steve Jobs", "1997", source="a")])
    before = _moment(clock)
    [cook] = store.assert_claims([Claim("Apple", "ceo", "Tim Cook", "2011", source="b")])
    after = _moment(clock)

    found = diff(store, known=(before, after))
    assert _objects(found) == (["Tim Cook"], [], ["Steve Jobs"])
    assert found.changed[0].changed == {
        "state": ("active", "superseded"),
        "valid_to": (None, "2011"),
        "superseded_by": (None, cook),
    }
    assert _objects(diff(store, known=(after, before))) == ([], ["Tim Cook"], ["Steve Jobs"])
    assert not diff(store, known=(after, after))


def test_more_evidence_is_a_change_with_its_count(store: NuggetStore, clock: Ticking) -> None:
    store.assert_claims([Claim("Apple", "ceo", "Tim Cook", "2011", source="a")])
    before = _moment(clock)
    store.assert_claims([Claim("Apple", "ceo", "Tim Cook", "2011-08-24", source="b")])

    [change] = diff(store, known=(before, _moment(clock))).changed
    assert change.changed["n_sources"] == (1, 2)
    assert change.changed["n_evidence"] == (1, 2)
    assert change.changed["valid_from"] == ("2011", "2011-08-24")


def test_an_earlier_start_changes_the_id_and_is_still_one_nugget(store: NuggetStore, clock: Ticking) -> None:
    [old] = store.assert_claims([Claim("Apple", "ceo", "Tim Cook", "2011-08-24", source="a")])
    before = _moment(clock)
    store.assert_claims([Claim("Apple", "ceo", "Tim Cook", "2011", source="b")])
    after = _moment(clock)

    for subject in (None, "Apple"):
        found = diff(store, known=(before, after), subject=subject)
        assert _objects(found) == ([], [], ["Tim Cook"])
        assert found.changed[0].changed["nugget_id"] == (old, store.nuggets()[0].nugget_id)
        assert _objects(diff(store, known=(after, before), subject=subject)) == ([], [], ["Tim Cook"])


def test_what_is_retracted_suppressed_or_erased_is_gone_with_what_became_of_it(
    store: NuggetStore, clock: Ticking
) -> None:
    ids = store.assert_claims([Claim("X", "likes", name, source=name) for name in ("tea", "wine", "beer")])
    before = _moment(clock)
    store.retract(source="tea")
    assert ids[1] is not None
    store.decide(ids[1], "suppress", actor="ada")
    middle = _moment(clock)

    found = diff(store, known=(before, middle))
    assert {n.object: n.state for n in found.gone} == {"tea": "retracted", "wine": "deprecated"}
    assert (found.added, found.changed) == ((), ())
    back = diff(store, known=(middle, before))
    assert {n.object for n in back.added} == {"tea", "wine"}

    store.erase("beer", actor="ada")  # erased at every known time, so no two moments differ by it
    assert {n.object for n in diff(store, known=(before, _moment(clock))).gone} == {"tea", "wine"}


def test_what_came_and_was_taken_back_between_two_moments_is_no_difference(store: NuggetStore, clock: Ticking) -> None:
    before = _moment(clock)
    store.ingest(Document("d", version=1), claims=[Claim("X", "likes", "tea", source="d")])
    store.ingest(Document("d", version=2), claims=[])

    assert not diff(store, known=(before, _moment(clock)))


def test_what_is_only_awaited_is_added_in_its_state_and_accepted_later(store: NuggetStore, clock: Ticking) -> None:
    before = _moment(clock)
    store.assert_claims([Claim("X", "likes", "tea", source="d", confidence=0.7)])
    middle = _moment(clock)
    assert [n.state for n in diff(store, known=(before, middle)).added] == ["pending"]

    [evidence] = store.evidence(store.nuggets()[0])
    store.review(evidence.claim_id, "accept", actor="ada")
    assert [n.state for n in diff(store, known=(middle, _moment(clock))).added] == ["active"]


def test_diff_keeps_to_a_subject_a_predicate_and_a_scope(store: NuggetStore, clock: Ticking) -> None:
    before = _moment(clock)
    store.assert_claims(
        [
            Claim("Apple", "ceo", "Cook", "2011"),
            Claim("Apple", "cfo", "Maestri", "2014"),
            Claim("Google", "ceo", "Pichai", "2015"),
            Claim("Apple", "ceo", "Mine", "2011", scope="user:7"),
        ]
    )
    known = (before, _moment(clock))

    assert _objects(diff(store, known=known, subject="Apple", scope="global"))[0] == ["Cook", "Maestri"]
    assert sorted(_objects(diff(store, known=known, predicate="CEO"))[0]) == ["Cook", "Mine", "Pichai"]
    assert _objects(diff(store, known=known, subject="apple", predicate="ceo", scope="user:7"))[0] == ["Mine"]
    assert _objects(diff(store, valid=("2010", "2020"), predicate="ceo", scope="global"))[0] == ["Cook", "Pichai"]


def test_on_the_valid_axis_what_began_is_added_and_what_ended_is_gone(store: NuggetStore) -> None:
    store.assert_claims(
        [
            Claim("Apple", "ceo", "Jobs", "1997-09-16", "2011-08-24", source="a"),
            Claim("Apple", "ceo", "Cook", "2011-08-24", source="a"),
            Claim("Apple", "board member", "Gore", "2003", source="a"),
            Claim("Apple", "likes", "apples", source="a"),
        ]
    )

    assert _objects(diff(store, valid=("2010-01-01", "2015-01-01"))) == (["Cook"], ["Jobs"], [])
    assert _objects(diff(store, valid=("2003-06-01", "2010-01-01"))) == ([], [], ["Gore"])
    [change] = diff(store, valid=("2003-06-01", "2010-01-01")).changed
    assert change.changed == {"certainty": ("possible", "certain")}


def test_the_valid_axis_is_as_it_was_known(store: NuggetStore, clock: Ticking) -> None:
    store.assert_claims([Claim("Apple", "ceo", "Jobs", "1997", source="a")])
    known = _moment(clock)
    store.assert_claims([Claim("Apple", "ceo", "Cook", "2011", source="b")])

    assert _objects(diff(store, valid=("2010", "2020"))) == (["Cook"], ["Jobs"], [])
    assert not diff(store, valid=("2010", "2020"), known_at=known)


def test_a_diff_is_json(store: NuggetStore, clock: Ticking) -> None:
    before = _moment(clock)
    store.assert_claims([Claim("Apple", "ceo", "Jobs", "1997", source="a")])

    said = json.loads(json.dumps(diff(store, known=(before, _moment(clock))).to_dict()))
    assert (said["axis"], [n["object"] for n in said["added"]], said["gone"], said["changed"]) == (
        "known",
        ["Jobs"],
        [],
        [],
    )


def test_moments_that_cannot_be_compared_are_refused(store: NuggetStore) -> None:
    for arguments in (
        {},
        {"known": ("2020-01-01", "2021-01-01"), "valid": ("2020", "2021")},
        {"known": ("2020", "2021")},
        {"valid": (datetime(2020, 1, 1), "2021")},
        {"valid": ("2020",)},
        {"known": ("2020-01-01", "2021-01-01"), "known_at": "2020-01-01"},
    ):
        with pytest.raises(InputError):
            diff(store, **arguments)
