"""Questions to the store: what may answer, in which order, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from motherlode.errors import InputError
from motherlode.nuggets.record import Claim
from motherlode.nuggets.store import NuggetStore, open_nuggets

Ask = Callable[[NuggetStore, str], list[str]]
NOW = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture
def store(sql_place: str) -> Iterator[NuggetStore]:
    with open_nuggets(sql_place, clock=lambda: NOW) as store:
        yield store


@pytest.fixture
def apple(store: NuggetStore) -> NuggetStore:
    store.assert_claims(
        [
            Claim("Apple", "ceo", "Steve Jobs", valid_from="1997", source="doc-1"),
            Claim("Apple", "ceo", "Tim Cook", valid_from="2011-08-24", source="doc-2"),
            Claim("Apple", "headquarters", "Cupertino", source="doc-3"),
            Claim("Initech", "ceo", "Bill Lumbergh", valid_from="1999", source="doc-4"),
        ]
    )
    return store


def objects(store: NuggetStore, question: str, **options: object) -> list[str]:
    return [hit.nugget.object for hit in store.ask(question, **options)]  # type: ignore[arg-type]


def test_the_asked_day_decides_who_answers(apple: NuggetStore) -> None:
    assert objects(apple, "Who was CEO of Apple?", valid_at="2005-06-01", k=1) == ["Steve Jobs"]
    assert objects(apple, "Who was CEO of Apple?", valid_at="2020-01-01", k=1) == ["Tim Cook"]


def test_the_question_s_own_date_counts_unless_an_argument_says_otherwise(apple: NuggetStore) -> None:
    assert objects(apple, "Who led Apple in 2005?", k=1) == ["Steve Jobs"]
    assert objects(apple, "Who led Apple in 2005?", valid_at="2020-01-01", k=1) == ["Tim Cook"]


def test_without_a_date_the_present_is_meant(apple: NuggetStore) -> None:
    assert objects(apple, "Who is the CEO of Apple?", k=1) == ["Tim Cook"]


def test_a_superseded_fact_is_hidden_from_the_present_and_shown_as_of_then(apple: NuggetStore) -> None:
    assert "Steve Jobs" not in objects(apple, "Who is the CEO of Apple?")
    [hit] = apple.ask("Who is the CEO of Apple?", valid_at="2000-01-01", k=1)
    assert (hit.nugget.object, hit.state, hit.certainty) == ("Steve Jobs", "superseded", "certain")


def test_a_year_finds_all_who_may_have_held_within_it(apple: NuggetStore) -> None:
    assert sorted(objects(apple, "apple ceo", valid_at="2011", k=2)) == ["Steve Jobs", "Tim Cook"]


def test_what_may_hold_is_marked_possible_and_comes_after_what_surely_does(store: NuggetStore) -> None:
    store.assert_claims(
        [
            Claim("Globex", "board member", "Ada", valid_from="2010", source="a"),
            Claim("Globex", "board member", "Bob", valid_from="2009-01-01", source="b"),
        ]
    )
    hits = store.ask("board of Globex", valid_at="2010-06-01")
    assert [(hit.nugget.object, hit.certainty) for hit in hits] == [("Bob", "certain"), ("Ada", "possible")]


def test_a_fact_without_dates_matches_any_date_and_comes_last(apple: NuggetStore) -> None:
    apple.assert_claims([Claim("Apple", "headquarters", "Los Altos", valid_from="1976", valid_to="1993", source="e")])
    hits = apple.ask("Where is the headquarters of Apple?", valid_at="1980-01-01")
    found = [(hit.nugget.object, hit.certainty) for hit in hits if hit.nugget.predicate == "headquarters"]
    assert found == [("Los Altos", "certain"), ("Cupertino", "unknown")]
    assert "Cupertino" not in objects(apple, "headquarters of Apple", undated=False)


@pytest.mark.parametrize(
    "question",
    ["", "   ", "?", "'", '"', "a'b\"c", "&", "AND OR NOT", "NEAR(a b)", "x:y", "+-*/()^~", "100%", "\\", "🍏", "蘋果",
     "; DROP TABLE nugget_claims; --", "apple " * 5000, "x" * 100_000],
)  # fmt: skip
def test_no_question_is_an_error(apple: NuggetStore, question: str) -> None:
    apple.ask(question)


def test_any_script_can_be_asked_in(store: NuggetStore) -> None:
    store.assert_claims(
        [Claim("東京", "population", 13_960_000, source="a"), Claim("Çeşme", "mayor", "Ekrem", source="b")]
    )
    assert objects(store, "東京の人口は?", k=1) == ["13960000"]
    assert objects(store, "who is mayor of CESME", k=1) == ["Ekrem"]


def test_signs_tell_languages_apart(store: NuggetStore) -> None:
    store.assert_claims(
        [
            Claim(name, "author", who, source=name)
            for name, who in (("C", "Ritchie"), ("C++", "Stroustrup"), ("C#", "Hejlsberg"))
        ]
    )
    for name, who in (("C", "Ritchie"), ("C++", "Stroustrup"), ("C#", "Hejlsberg")):
        assert objects(store, f"Who is the author of {name}?", k=1) == [who]


def test_predicate_words_and_aliases_match(apple: NuggetStore) -> None:
    for word in ("ceo", "chief executive officer", "chief executive", "boss"):
        assert objects(apple, f"{word} of Initech", k=1) == ["Bill Lumbergh"]


def test_a_renamed_company_is_found_under_either_name(store: NuggetStore) -> None:
    store.assert_claims(
        [
            Claim("Twitter", "renamed to", "X Corp", valid_from="2023-07-24", source="a"),
            Claim("X Corp", "ceo", "Linda Yaccarino", valid_from="2023-06-05", source="b"),
            Claim("Twitter", "ceo", "Jack Dorsey", valid_from="2015-10-05", valid_to="2021-11-29", source="c"),
        ]
    )
    assert objects(store, "Who is CEO of Twitter?", k=1) == ["Linda Yaccarino"]
    assert objects(store, "Who was CEO of X Corp in 2018?", k=1) == ["Jack Dorsey"]


def test_ranks_are_contiguous_and_scores_are_sorted_within_equal_certainty(apple: NuggetStore) -> None:
    hits = apple.ask("ceo", k=10)
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
    assert len(hits) >= 2


def test_an_empty_store_answers_nothing(store: NuggetStore) -> None:
    assert store.ask("anything") == []


def test_filters_precede_the_ranking(store: NuggetStore) -> None:
    many = [Claim("Acme", "employee", f"Person {n}", source=f"doc-{n}", scope="group:b") for n in range(300)]
    store.assert_claims([*many, Claim("Acme", "employee", "The one", source="mine", scope="user:7")])
    assert objects(store, "employee of Acme", scope="user:7", k=3) == ["The one"]
    assert objects(store, "employee of Acme", sources=["mine"], k=3) == ["The one"]
    assert objects(store, "employee of Acme", predicates=["ceo"], k=3) == []


def test_a_source_filter_takes_names_literally(store: NuggetStore) -> None:
    store.assert_claims([Claim("A", "owner", "B", source="a%b"), Claim("A", "owner", "C", source="axb")])
    assert objects(store, "owner of A", sources=["a%b"]) == ["B"]
    assert objects(store, "owner of A", sources=["a_b"]) == []


def test_a_conflict_names_the_rivals_only_while_they_disagree(store: NuggetStore) -> None:
    store.assert_claims(
        [
            Claim("Foo", "ceo", "Ann", valid_from="2000-01-01", valid_to="2012-01-01", source="a"),
            Claim("Foo", "ceo", "Ben", valid_from="2010-01-01", source="b"),
        ]
    )
    [first, second] = store.ask("ceo of Foo", valid_at="2011-01-01")
    assert first.conflict is not None
    assert second.conflict is not None
    assert {r.object for hit in (first, second) for r in (hit.conflict.rivals if hit.conflict else ())} == {
        "Ann",
        "Ben",
    }
    [early] = store.ask("ceo of Foo", valid_at="2005-01-01")
    assert (early.nugget.object, early.state, early.conflict) == ("Ann", "contested", None)


def test_every_hit_says_why_and_shows_its_evidence(store: NuggetStore) -> None:
    text = "In 2011 Tim Cook became CEO of Apple."
    store.assert_claims(
        [Claim("Apple", "ceo", "Tim Cook", valid_from="2011", source="d", text=text, span=(0, len(text)))]
    )
    [hit] = store.ask("Who is the CEO of Apple?")
    assert "apple" in hit.why
    assert "ceo" in hit.why
    assert [(e.source, e.text, e.span) for e in hit.evidence] == [("d", text, (0, len(text)))]


def test_why_not_names_the_first_reason(apple: NuggetStore) -> None:
    jobs, cook = apple.history("Apple", "ceo")
    assert "[1997, 2011-08-24)" in apple.why_not(jobs.nugget_id, "Who is the CEO of Apple?")
    assert "rank 1" in apple.why_not(cook.nugget_id, "Who is the CEO of Apple?")
    event = apple.decide(cook.nugget_id, "suppress", actor="me", reason="wrong")
    assert "deprecated" in apple.why_not(cook.nugget_id, "Who is the CEO of Apple?")
    apple.undo(event)
    assert "words" in apple.why_not(cook.nugget_id, "population of Tokyo")
    assert "scope" in apple.why_not(cook.nugget_id, "Who is the CEO of Apple?", scope="user:7")
    with pytest.raises(InputError, match="nonsense"):
        apple.why_not("nonsense", "Who?")


def test_why_not_knows_the_whole_filter_and_shortened_ids(apple: NuggetStore) -> None:
    cook = apple.history("Apple", "ceo")[1]
    asked = "Who is the CEO of Apple?"
    reason = apple.why_not(cook.nugget_id, asked, predicates=["spouse", "owner"])
    assert "its predicate is chiefExecutiveOfficer, asked was spouse, owner" in reason
    [source] = [one.source for one in apple.evidence(cook)]
    assert apple.why_not(cook.nugget_id, asked, sources=["doc-99"]) == f"{source} says it, asked was doc-99"
    assert "rank 1" in apple.why_not(cook.nugget_id, asked, predicates=["ceo"], sources=[source])
    assert "rank 1" in apple.why_not(cook.nugget_id[:11], asked)


def test_why_not_says_how_many_come_first_where_words_match_but_others_are_as_good(store: NuggetStore) -> None:
    first = store.assert_claims([Claim("Foo A", "ceo", "Ann", source="d")])[0]
    store.assert_claims([Claim(f"Foo B{n}", "ceo", f"Person {n}", source="d") for n in range(300)])
    assert first is not None
    reason = store.why_not(first, "Who is the CEO of Foo?")
    assert "'ceo foo' of the question, but 128 others come first" in reason


def test_bad_options_are_named(apple: NuggetStore) -> None:
    with pytest.raises(InputError, match="k is the number"):
        apple.ask("x", k=0)
    with pytest.raises(InputError, match="states are"):
        apple.ask("x", states=["alive"])
    with pytest.raises(InputError, match="time zone"):
        apple.ask("x", valid_at=datetime(2020, 1, 1))
    with pytest.raises(InputError, match="one instant"):
        apple.ask("x", known_at="2020")


def test_known_at_answers_as_the_store_would_have(sql_place: str) -> None:
    moment = [datetime(2020, 1, 1, tzinfo=UTC)]
    with open_nuggets(sql_place, clock=lambda: moment[0]) as store:
        store.assert_claims([Claim("Bulgaria", "currency", "BGN", valid_from="1999-07-05", source="cldr", version=1)])
        moment[0] = datetime(2026, 1, 1, tzinfo=UTC)
        store.assert_claims(
            [
                Claim(
                    "Bulgaria",
                    "currency",
                    "BGN",
                    valid_from="1999-07-05",
                    valid_to="2026-02-01",
                    source="cldr",
                    version=2,
                ),
                Claim("Bulgaria", "currency", "EUR", valid_from="2026-01-01", source="cldr", version=2),
            ]
        )
        ask = "What is the currency of Bulgaria?"
        assert objects(store, ask, valid_at="2026-06-01") == ["EUR"]
        assert objects(store, ask, valid_at="2026-06-01", known_at="2021-01-01") == ["BGN"]
        assert objects(store, ask, valid_at="2026-06-01", known_at="2019-01-01") == []


def test_a_stop_word_in_capitals_is_a_name(store: NuggetStore) -> None:
    sentences = {code: f"The krona is legal tender in {code}." for code in ("IS", "SE", "IN", "AT", "US", "DO")}
    store.assert_claims(
        [Claim(code, "currency", f"{code}K", source="cldr", text=text) for code, text in sentences.items()]
    )
    for code in sentences:
        assert objects(store, f"currency of {code}?", k=1) == [f"{code}K"]


def test_as_of_fixes_both_times_for_several_reads(apple: NuggetStore) -> None:
    then = apple.as_of(valid_at="2005-01-01")
    assert [hit.nugget.object for hit in then.ask("Who was CEO of Apple?", k=1)] == ["Steve Jobs"]
    assert [nugget.object for nugget in then.nuggets("Apple", "ceo")] == ["Steve Jobs"]
    before = apple.as_of(known_at="2020-01-01")
    assert before.history("Apple", "ceo") == []
    with pytest.raises(InputError, match="at that known time"):
        before.get(apple.history("Apple", "ceo")[0].nugget_id)
