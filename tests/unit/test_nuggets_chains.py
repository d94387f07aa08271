"""Chains: successions with gaps and overlaps, renames from either side, joins along predicates."""

from __future__ import annotations

from datetime import timedelta

import pytest

from motherlode.errors import InputError
from motherlode.nuggets.chains import Link, succession
from motherlode.nuggets.joins import join
from motherlode.nuggets.name_chains import names_over_time, rename_chain
from motherlode.nuggets.record import Claim
from motherlode.nuggets.store import NuggetStore
from tests.nugget_worlds import SECOND, Ticking

GOOGLE = [
    Claim("Google", "ceo", "Larry Page", "1998-09-04", "2001-03-01", source="a"),
    Claim("Google", "ceo", "Eric Schmidt", "2001-08-01", "2011-04-04", source="a"),
    Claim("Google", "ceo", "Larry Page", "2011-04-04", "2015-10-02", source="a"),
    Claim("Google", "ceo", "Sundar Pichai", "2015-10-02", source="a"),
]


def _link(link: Link) -> tuple[str, str | None, str | None, bool]:
    said = link.to_dict()
    return said["kind"], said["begin"], said["end"], said["is_certain"]


# Succession


def test_googles_chief_executives_come_in_order_with_their_gap(store: NuggetStore) -> None:
    store.assert_claims([GOOGLE[i] for i in (3, 0, 2, 1)])

    chain = succession(store, "google", "CEO")
    assert chain.names == ("Larry Page", "Eric Schmidt", "Larry Page", "Sundar Pichai")
    assert [_link(link) for link in chain.links] == [
        ("gap", "2001-03-01", "2001-08-01", True),
        ("meets", "2011-04-04", "2011-04-04", True),
        ("meets", "2015-10-02", "2015-10-02", True),
    ]
    assert [(link.before, link.after) for link in chain.gaps] == [
        (chain.nuggets[0].nugget_id, chain.nuggets[1].nugget_id)
    ]


def test_an_end_that_is_the_next_start_meets_it_certainly_even_to_the_year(store: NuggetStore) -> None:
    store.assert_claims([Claim("A", "ceo", "X", "1997", source="a"), Claim("A", "ceo", "Y", "2011", source="b")])

    [link] = succession(store, "A", "ceo").links
    assert _link(link) == ("meets", "2011", "2011", True)


def test_two_dates_of_one_year_may_meet_and_ranges_that_touch_may_leave_a_gap(store: NuggetStore) -> None:
    store.assert_claims(
        [
            Claim("A", "ceo", "X", "1997", "2011", source="a"),
            Claim("A", "ceo", "Y", "2011", "2014", source="b"),
            Claim("A", "ceo", "Z", "2015", source="b"),
        ]
    )

    assert [_link(link) for link in succession(store, "A", "ceo").links] == [
        ("meets", "2011", "2011", False),
        ("gap", "2014", "2015", False),
    ]


def test_an_overlap_names_both_and_its_time_and_whether_they_contradict(store: NuggetStore) -> None:
    store.assert_claims([Claim("A", "ceo", "X", "2000-01-01", "2010-01-01", source="a")])
    store.assert_claims([Claim("A", "ceo", "Y", "2008-01-01", "2012-01-01", source="b")])
    store.assert_claims(
        [
            Claim("A", "board member", n, s, e)
            for n, s, e in (("P", "2000", "2020"), ("Q", "2003", "2005"), ("R", "2004", None))
        ]
    )

    [link] = succession(store, "A", "ceo").overlaps
    assert (_link(link), link.is_contested) == (("overlap", "2008-01-01", "2010-01-01", True), True)
    board = succession(store, "A", "board member")
    assert board.names == ("P", "Q", "R")
    # R met P for sixteen years, and Q for one at most.
    assert [(_link(link), link.is_contested) for link in board.links] == [
        (("overlap", "2003", "2005", True), False),
        (("overlap", "2004", "2020", True), False),
        (("overlap", "2004", "2005", True), False),
    ]


def test_what_is_suppressed_or_retracted_is_in_no_chain_and_an_unknown_key_is_empty(store: NuggetStore) -> None:
    ids = store.assert_claims(GOOGLE)
    assert ids[1] is not None
    store.decide(ids[1], "suppress", actor="ada")

    assert succession(store, "Google", "ceo").names == ("Larry Page", "Larry Page", "Sundar Pichai")
    assert succession(store, "Nobody", "ceo").to_dict() == {
        "kind": "succession",
        "names": [],
        "nuggets": [],
        "links": [],
        "undated": [],
        "is_cycle": False,
    }


def test_a_chain_as_of_yesterday_is_what_was_known_yesterday(store: NuggetStore, clock: Ticking) -> None:
    store.assert_claims(GOOGLE[1:3])
    known = clock() + timedelta(seconds=1)
    clock.micros += 10 * SECOND
    store.assert_claims(GOOGLE)

    assert succession(store, "Google", "ceo", known_at=known).names == ("Eric Schmidt", "Larry Page")


# Renames


def _twitter(store: NuggetStore) -> None:
    store.assert_claims(
        [
            Claim("Twttr", "renamed to", "Twitter", "2006-11", source="a"),
            Claim("Twitter", "renamedTo", "X Corp", "2023-04", source="a"),
        ]
    )


@pytest.mark.parametrize("name", ["Twttr", "Twitter", "X Corp", "twitter"])
def test_twitter_to_x_corp_is_one_chain_from_any_of_its_names(store: NuggetStore, name: str) -> None:
    _twitter(store)

    chain = rename_chain(store, name)
    assert chain.names == ("Twttr", "Twitter", "X Corp")
    assert [_link(link) for link in chain.links] == [
        ("renamed", "2006-11", "2006-11", True),
        ("renamed", "2023-04", "2023-04", True),
    ]
    assert [nugget.subject for nugget in chain.nuggets] == ["Twttr", "Twitter"]
    assert {found.casefold() for found in names_over_time(store, name)} == {"twttr", "twitter", "x corp"}
    assert names_over_time(store, name)[0] == name


@pytest.mark.parametrize("name", ["Twitter", "X Corp"])
def test_formerly_known_as_is_the_inverse_and_not_walked_backwards(store: NuggetStore, name: str) -> None:
    store.assert_claims([Claim("X Corp", "formerly known as", "Twitter", "2023", source="a")])

    chain = rename_chain(store, name)
    assert (chain.names, chain.is_cycle) == (("Twitter", "X Corp"), False)
    assert names_over_time(store, name) == [name, "X Corp" if name == "Twitter" else "Twitter"]


def test_a_former_name_that_another_rename_leads_through_is_passed_over_for_the_nearer(store: NuggetStore) -> None:
    _twitter(store)
    store.assert_claims([Claim("X Corp", "formerlyKnownAs", name, source="b") for name in ("Twitter", "Twttr")])

    assert rename_chain(store, "Twttr").names == rename_chain(store, "X Corp").names == ("Twttr", "Twitter", "X Corp")


def test_a_circle_of_renames_ends(store: NuggetStore) -> None:
    store.assert_claims(
        [
            Claim(old, "renamedTo", new, year)
            for old, new, year in (("A", "B", "2000"), ("B", "C", "2005"), ("C", "A", "2010"))
        ]
    )

    chain = rename_chain(store, "B")
    assert chain.is_cycle
    assert sorted(chain.names) == ["A", "B", "C"]
    assert sorted(names_over_time(store, "A")) == ["A", "B", "C"]


@pytest.mark.parametrize("predicate", ["renamedTo", "formerlyKnownAs"])
def test_two_targets_at_one_time_are_an_ambiguity_that_names_both(store: NuggetStore, predicate: str) -> None:
    for name in ("HP Inc", "Hewlett Packard Enterprise"):
        pair = ("Hewlett-Packard", name) if predicate == "renamedTo" else (name, "Hewlett-Packard")
        store.assert_claims([Claim(pair[0], predicate, pair[1], "2015-11-01", source=name)])

    with pytest.raises(InputError, match="ambiguity") as caught:
        rename_chain(store, "Hewlett-Packard")
    assert "'HP Inc'" in str(caught.value)
    assert "'Hewlett Packard Enterprise'" in str(caught.value)
    # Both are names that a question may mean.
    assert {*names_over_time(store, "Hewlett-Packard")} == {"Hewlett-Packard", "HP Inc", "Hewlett Packard Enterprise"}

    chosen = next(n for n in store.nuggets(predicate=predicate) if "HP Inc" in (n.subject, n.object))
    store.decide(chosen.nugget_id, "prefer", actor="ada")
    assert rename_chain(store, "Hewlett-Packard").names == ("Hewlett-Packard", "HP Inc")


def test_two_targets_at_two_times_are_told_apart_by_the_asked_time(store: NuggetStore) -> None:
    store.assert_claims([Claim("Macedonia", "renamedTo", "FYROM", "1993", source="a")])
    store.assert_claims([Claim("Macedonia", "renamedTo", "North Macedonia", "2019-02-12", source="b")])

    assert rename_chain(store, "Macedonia").names == ("Macedonia", "North Macedonia")
    assert rename_chain(store, "Macedonia", valid_at="2005").names == ("Macedonia", "FYROM")
    assert rename_chain(store, "Macedonia", valid_at="1990").names == ("Macedonia",)


def test_a_chain_of_renames_is_as_of_a_valid_and_a_known_time(store: NuggetStore, clock: Ticking) -> None:
    store.assert_claims([Claim("Twttr", "renamedTo", "Twitter", "2006", source="a")])
    known = clock() + timedelta(seconds=1)
    clock.micros += 10 * SECOND
    _twitter(store)

    assert rename_chain(store, "Twttr", known_at=known).names == ("Twttr", "Twitter")
    assert rename_chain(store, "Twttr", valid_at="2010-01-01").names == ("Twttr", "Twitter")
    assert names_over_time(store, "Twitter", known_at=known) == ["Twitter", "Twttr"]


def test_a_name_without_renames_is_a_chain_of_its_own(store: NuggetStore) -> None:
    assert (rename_chain(store, " Nobody ").names, rename_chain(store, "Nobody").links) == (("Nobody",), ())
    assert names_over_time(store, "Nobody") == ["Nobody"]
    assert names_over_time(store, "?!") == ["?!"]
    with pytest.raises(InputError):
        rename_chain(store, "  ")


def test_names_over_time_follow_merges_and_renames_together(store: NuggetStore) -> None:
    _twitter(store)
    event = store.merge("X Corp", "X Holdings", actor="ada")
    assert {name.casefold() for name in names_over_time(store, "Twttr")} >= {"twttr", "twitter", "x corp", "x holdings"}
    assert "Twitter" in names_over_time(store, "X Holdings")
    assert rename_chain(store, "X Holdings").names == ("Twttr", "Twitter", "X Corp")

    store.undo(event)
    assert names_over_time(store, "X Holdings") == ["X Holdings"]


def test_names_over_time_work_on_a_snapshot_too(store: NuggetStore) -> None:
    _twitter(store)
    with store.reading() as session:
        assert names_over_time(session, "Twitter") == names_over_time(store, "Twitter")
        assert names_over_time(session, "Twitter", ledger=store.ledger(session)) == names_over_time(store, "Twitter")


# Joins


def _alphabet(store: NuggetStore) -> None:
    store.assert_claims(
        [
            *GOOGLE,
            Claim("Google", "parentCompany", "Alphabet", "2015-10-02", source="a"),
            Claim("Alphabet", "ceo", "Larry Page", "2015-10-02", "2019-12-03", source="a"),
            Claim("Alphabet", "ceo", "Sundar Pichai", "2019-12-03", source="a"),
            Claim("Alphabet", "number of employees", 135_301, "2020", source="a"),
        ]
    )


@pytest.mark.parametrize("path", ["parentCompany.ceo", ["parent company", "CEO"]])
def test_googles_parents_chief_executive_in_2020_is_alphabets_pichai(store: NuggetStore, path: str | list[str]) -> None:
    _alphabet(store)

    found = join(store, "Google", path, valid_at="2020-06-01")
    assert (found.objects, found.answer, found.certainty, found.problem) == (
        ("Alphabet", "Sundar Pichai"),
        "Sundar Pichai",
        "certain",
        None,
    )
    assert [step.nugget.subject for step in found.steps if step.nugget] == ["Google", "Alphabet"]
    assert join(store, "Google", path, valid_at="2018-06-01").answer == "Larry Page"


def test_a_dead_end_is_said_plainly(store: NuggetStore) -> None:
    _alphabet(store)

    early = join(store, "Google", "parentCompany.ceo", valid_at="2010-01-01")
    assert (early.answer, len(early.steps)) == (None, 1)
    assert early.problem == "dead end: nothing is known of parentCompany of Google at 2010-01-01"
    number = join(store, "Alphabet", "number of employees.ceo", valid_at="2020-06-01")
    assert number.problem is not None
    assert "the number 135301" in number.problem


def test_an_ambiguity_names_all_that_may_be_meant(store: NuggetStore) -> None:
    store.assert_claims([Claim("Apple", "ceo", name, "2011-08-24", source=name) for name in ("Cook", "Ive")])

    found = join(store, "Apple", "ceo.spouse", valid_at="2012-01-01")
    assert found.answer is None
    assert found.problem == "ambiguity: ceo of Apple at 2012-01-01 is any of 'Cook', 'Ive'"
    assert {nugget.object for nugget in found.steps[-1].alternatives} == {"Cook", "Ive"}
    assert found.to_dict()["steps"][0]["alternatives"]


def test_the_certainty_of_a_join_is_that_of_its_weakest_step(store: NuggetStore) -> None:
    store.assert_claims([Claim("A", "parentCompany", "B", "2015", source="a"), Claim("B", "ceo", "C", source="a")])

    assert join(store, "A", "parentCompany", valid_at="2020-01-01").certainty == "certain"
    assert join(store, "A", "parentCompany", valid_at="2015-05-01").certainty == "possible"
    assert join(store, "A", "parentCompany.ceo", valid_at="2020-01-01").certainty == "unknown"


def test_a_join_finds_a_subject_under_the_name_that_it_became(store: NuggetStore) -> None:
    _twitter(store)
    store.assert_claims([Claim("X Corp", "ceo", "Linda Yaccarino", "2023-06-05", source="a")])

    found = join(store, "Twitter", "ceo", valid_at="2024-01-01")
    assert (found.answer, found.steps[0].asked_as) == ("Linda Yaccarino", "X Corp")


def test_an_empty_path_is_refused(store: NuggetStore) -> None:
    for path in ("", "ceo.", [], ["ceo", " "]):
        with pytest.raises(InputError, match="path"):
            join(store, "Google", path, valid_at="2020")
