"""What a fact is: intervals, the schema's policies, when two claims say one thing. Each through a store, everywhere."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from motherlode.core.time import Interval, parse_partial_date as date
from motherlode.errors import InputError
from motherlode.nuggets.chains import succession
from motherlode.nuggets.record import Claim, Document
from motherlode.nuggets.schema import load_schema
from motherlode.nuggets.store import NuggetStore, open_nuggets
from tests.nugget_worlds import Ticking

# Intervals


def test_open_from_2020_contains_2030(store: NuggetStore) -> None:
    store.assert_claims([Claim("Initech", "ceo", "Bill Lumbergh", "2020-01-01")])

    assert [n.object for n in store.nuggets("Initech", "ceo", valid_at="2030-06-01")] == ["Bill Lumbergh"]
    assert store.nuggets("Initech", "ceo", valid_at="2019-12-31") == []


def test_from_2020_to_2025_contains_the_middle_of_2022_and_not_its_end(store: NuggetStore) -> None:
    store.assert_claims([Claim("Initech", "ceo", "Bill Lumbergh", "2020-01-01", "2025-01-01")])

    def at(moment: str) -> int:
        return len(store.nuggets("Initech", "ceo", valid_at=moment))

    assert (at("2020-01-01"), at("2022-07-01"), at("2025-01-01")) == (1, 1, 0)
    assert at("2024-12-31T23:59:59.999999Z") == 1


def test_a_year_as_a_bound_is_possible_within_that_year_and_certain_outside_it(store: NuggetStore) -> None:
    store.assert_claims([Claim("Initech", "ceo", "Bill Lumbergh", "2020", "2025")])
    [nugget] = store.nuggets("Initech", "ceo")

    def certainty(moment: str) -> str:
        return nugget.certainty(*date(moment).window)

    assert certainty("2020-06-01") == "possible"
    assert certainty("2021-01-01") == "certain"
    assert certainty("2024-12-31") == "certain"
    assert certainty("2025-06-01") == "possible"
    assert store.nuggets("Initech", "ceo", valid_at="2026-01-01") == []
    assert store.nuggets("Initech", "ceo", valid_at="2019-12-31") == []


@pytest.mark.parametrize(
    ("start", "end"), [("2020", "2019"), ("2020-05-01", "2020-05-01"), ("2020-05-02", "2020-05-01")]
)
def test_an_end_before_the_start_is_refused_where_no_instant_is_possible(start: str, end: str) -> None:
    with pytest.raises(InputError, match="holds no instant"):
        Claim("Initech", "ceo", "Bill Lumbergh", start, end)


def test_an_end_in_the_same_year_as_the_start_is_not_refused(store: NuggetStore) -> None:
    store.assert_claims([Claim("Initech", "ceo", "Bill Lumbergh", "2020-05", "2020")])

    [nugget] = store.nuggets("Initech", "ceo", valid_at="2020-07-01")
    assert nugget.certainty(*date("2020-07-01").window) == "possible"


def test_naive_datetimes_are_refused_at_every_door(store: NuggetStore) -> None:
    naive = datetime(2020, 5, 1, 12)
    [nugget] = store.assert_claims([Claim("Initech", "ceo", "Bill Lumbergh", "2020")])
    assert nugget is not None

    for act in (
        lambda: Claim("Initech", "ceo", "Bill Lumbergh", naive),
        lambda: Claim("Initech", "ceo", "Bill Lumbergh", "2019", naive),
        lambda: Document("doc-1", published_at=naive),
        lambda: store.nuggets("Initech", valid_at=naive),
        lambda: store.nuggets("Initech", known_at=naive),
        lambda: store.get(nugget, known_at=naive),
        lambda: store.decide(nugget, "prefer", actor="me", decided_at=naive),
        lambda: store.ask("Who runs Initech?", valid_at=naive),
    ):
        with pytest.raises(InputError, match="zone"):
            act()


def test_overlap_is_half_open(store: NuggetStore) -> None:
    first = Interval(date("2020-01-01"), date("2025-01-01"))
    assert not first.overlaps(Interval(date("2025-01-01"), None))
    assert first.overlaps(Interval(date("2024-12-31"), None))

    store.assert_claims(
        [
            Claim("Initech", "ceo", "Bill Lumbergh", "2020-01-01", "2025-01-01", source="a"),
            Claim("Initech", "ceo", "Peter Gibbons", "2025-01-01", source="b"),
        ]
    )
    assert [n.state for n in store.history("Initech", "ceo")] == ["active", "active"]
    assert [n.object for n in store.nuggets("Initech", "ceo", valid_at="2025-01-01")] == ["Peter Gibbons"]


def test_the_same_content_from_the_same_document_has_one_claim_id_on_any_day(
    store: NuggetStore, clock: Ticking
) -> None:
    claim = Claim("Initech", "ceo", "Bill Lumbergh", "2019", source="doc-1")
    first = store.assert_claims([claim])
    clock.micros += 400 * 86_400_000_000
    again = store.assert_claims([Claim("INITECH", "CEO", "bill  lumbergh", "2019", source="doc-1")])

    assert first == again
    [nugget] = store.nuggets("Initech", "ceo")
    assert len(store.evidence(nugget)) == 1
    with open_nuggets(":memory:", clock=clock) as other:
        other.assert_claims([claim])
        assert other.evidence(other.nuggets()[0])[0].claim_id == store.evidence(nugget)[0].claim_id


# Schema


@pytest.mark.parametrize("name", ["ceo", "CEO", "Chief Executive", "chief_executive_officer", "chiefExecutiveOfficer"])
def test_ceo_is_the_chief_executive_officer_in_any_case(store: NuggetStore, name: str) -> None:
    store.assert_claims([Claim("Initech", name, "Bill Lumbergh", "2020")])

    [nugget] = store.history("Initech", "Ceo")
    assert nugget.predicate == "chiefExecutiveOfficer"


def test_an_unknown_predicate_is_multi_valued_and_never_contested(store: NuggetStore) -> None:
    store.assert_claims([Claim("Initech", "favourite colour", name, "2020", source=name) for name in ("red", "blue")])

    assert {n.state for n in store.nuggets("Initech", "Favourite_Colour")} == {"active"}
    assert len(store.nuggets("Initech", "favourite colour", valid_at="2021-01-01")) == 2


def test_claims_of_an_event_log_coexist(store: NuggetStore) -> None:
    store.assert_claims(
        [
            Claim("Google", "acquired", name, when, source="doc")
            for name, when in (("YouTube", "2006"), ("Waze", "2013"))
        ]
        + [Claim("Google", "acquired", "Nest", "2013", source="other")]
    )

    assert [(n.object, n.state) for n in store.nuggets("Google", "acquired")] == [
        ("YouTube", "active"),
        ("Nest", "active"),
        ("Waze", "active"),
    ]


@pytest.mark.parametrize(
    ("name", "text"), [("schema.yaml", "predicates: [unclosed"), ("schema.toml", "predicates = "), ("s.yml", "- 1")]
)
def test_a_malformed_schema_is_a_typed_error(tmp_path: Path, name: str, text: str) -> None:
    if not name.endswith("toml"):
        pytest.importorskip("yaml")
    (tmp_path / name).write_text(text)

    with pytest.raises(InputError, match=name):
        load_schema(tmp_path / name)


def test_a_strict_schema_refuses_an_unknown_predicate_and_nothing_is_recorded(nugget_place: str) -> None:
    with open_nuggets(nugget_place, schema=load_schema({"strict": True})) as store:
        with pytest.raises(InputError, match="favourite colour"):
            store.assert_claims([Claim("Initech", "ceo", "A", "2020"), Claim("Initech", "favourite colour", "red")])
        assert store.nuggets() == []


# Dedup and identity


def test_the_same_claim_from_three_documents_is_one_nugget_with_three_rows_of_evidence(store: NuggetStore) -> None:
    for source in ("a", "b", "c"):
        store.assert_claims([Claim("Apple", "ceo", "Tim Cook", "2011-08-24", source=source)])

    [nugget] = store.nuggets()
    assert nugget.n_sources == 3
    assert [evidence.source for evidence in store.evidence(nugget)] == ["a", "b", "c"]


def test_three_documents_of_one_publisher_are_one_independent_source(store: NuggetStore) -> None:
    for source in ("a", "b", "c"):
        store.assert_claims([Claim("Apple", "ceo", "Tim Cook", "2011", source=source, publisher="wire")])

    [nugget] = store.nuggets()
    assert (nugget.n_sources, len(store.evidence(nugget))) == (1, 3)


def test_microsoft_is_microsoft_corp_is_microsoft_in_small_letters(store: NuggetStore) -> None:
    names = ("Microsoft", "Microsoft Corp", "microsoft", "Microsoft Corporation", "MICROSOFT  Corp.")
    store.assert_claims(
        [Claim(name, "ceo", "Satya Nadella", "2014-02-04", source=str(i)) for i, name in enumerate(names)]
    )

    [nugget] = store.nuggets()
    assert nugget.n_sources == len(names)


@pytest.mark.parametrize(
    "names",
    [
        ("C++", "C#", "C"),
        ("737 MAX 8", "737 MAX 9"),
        ("Windows Server 2016", "Windows Server 2019"),
        ("George H. W. Bush", "George W. Bush"),
    ],
)
def test_names_that_only_look_alike_stay_apart(store: NuggetStore, names: tuple[str, ...]) -> None:
    store.assert_claims([Claim(name, "award", "Prize", "2001") for name in names])
    store.assert_claims([Claim("Somebody", "likes", name) for name in names])

    assert len(store.nuggets(predicate="award")) == len(names)
    assert len(store.nuggets("Somebody", "likes")) == len(names)
    assert [len(store.nuggets(name, "award")) for name in names] == [1] * len(names)


def test_a_merge_is_recorded_and_can_be_reversed(store: NuggetStore, clock: Ticking) -> None:
    store.assert_claims([Claim("Facebook", "ceo", "Mark Zuckerberg", "2004-02", source="a")])
    store.assert_claims([Claim("Meta Platforms", "ceo", "Mark Zuckerberg", "2004-02", source="b")])
    before = {(n.nugget_id, n.n_sources) for n in store.nuggets()}

    event = store.merge("Facebook", "Meta Platforms", actor="me", reason="renamed in 2021")
    merged = clock() + timedelta(seconds=1)
    [one] = store.nuggets("Facebook", "ceo")
    assert one.n_sources == 2
    assert store.nuggets("Meta Platforms", "ceo") == [one]
    assert [(e.event_id, e.type, e.actor, e.reason) for e in store.events()] == [
        (event, "merge", "me", "renamed in 2021")
    ]

    clock.micros += 10_000_000
    store.undo(event, actor="me")
    assert {(n.nugget_id, n.n_sources) for n in store.nuggets()} == before
    assert [n.n_sources for n in store.nuggets("Meta Platforms", "ceo")] == [1]
    # What was known in between stays known as of then, under either name.
    for name in ("Facebook", "Meta Platforms"):
        assert [n.n_sources for n in store.nuggets(name, "ceo", known_at=merged)] == [2]
        assert [n.n_sources for n in store.history(name, "ceo", known_at=merged)] == [2]


def test_a_second_tenure_is_a_second_interval(store: NuggetStore) -> None:
    store.assert_claims(
        [
            Claim("Apple", "ceo", "Steve Jobs", "1976", "1985", source="a"),
            Claim("Apple", "ceo", "Gil Amelio", "1996-02-02", "1997-07-09", source="a"),
            Claim("Apple", "ceo", "Steve Jobs", "1997-09-16", "2011-08-24", source="a"),
        ]
    )

    found = store.history("Apple", "ceo")
    assert [n.object for n in found] == ["Steve Jobs", "Gil Amelio", "Steve Jobs"]
    assert len({n.nugget_id for n in found}) == 3
    assert succession(store, "Apple", "ceo").names == ("Steve Jobs", "Gil Amelio", "Steve Jobs")


def test_instants_of_another_zone_are_the_same_instants(store: NuggetStore) -> None:
    stamp = datetime(2020, 5, 1, 2, tzinfo=UTC)
    store.assert_claims([Claim("Initech", "ceo", "A", stamp, source="a")])
    store.assert_claims([Claim("Initech", "ceo", "A", "2020-05-01T04:00:00+02:00", source="b")])

    [nugget] = store.nuggets()
    assert (nugget.n_sources, nugget.valid_from) == (2, "2020-05-01T02:00:00Z")
