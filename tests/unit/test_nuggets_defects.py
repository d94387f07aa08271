"""Faults that stores of facts are known for, one named test each that this one does not have them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from decimal import Decimal
from itertools import permutations, product
from random import Random

import pytest

from motherlode.errors import InputError
from motherlode.nuggets.record import Claim, Document
from motherlode.nuggets.schema import load_schema
from motherlode.nuggets.store import NuggetStore, open_nuggets
from motherlode.nuggets.values import Quantity
from tests.nugget_worlds import SECOND, Ticking, stored_rows

JOBS = Claim("Apple", "ceo", "Steve Jobs", "1997", source="doc-1")
COOK = Claim("Apple", "ceo", "Tim Cook", "2011", source="doc-2")


def test_two_sources_on_a_succession_do_not_empty_the_view_at_any_date(store: NuggetStore) -> None:
    store.assert_claims([JOBS])
    store.assert_claims([COOK])

    for year in range(1998, 2031):
        found = store.nuggets("Apple", "ceo", valid_at=f"{year}-06-01", states=["active", "superseded"])
        assert {n.object for n in found} <= {"Steve Jobs", "Tim Cook"}
        assert len(found) == (2 if year == 2011 else 1)  # "2011" is some time in 2011


def test_a_persons_decision_survives_the_next_hundred_documents_on_that_key(store: NuggetStore) -> None:
    _, cook = store.assert_claims([JOBS, COOK])
    assert cook is not None
    store.decide(cook, "prefer", actor="ada")
    random = Random(5)
    for i in range(20):
        claims = [
            Claim("Apple", "ceo", random.choice(("Jobs", "Ive")), str(random.randrange(2011, 2019)), source=f"d{i}-{j}")
            for j in range(5)
        ]
        store.assert_claims(claims)

    nugget = store.get(cook)
    assert (nugget.state, nugget.preferred, nugget.contests) == ("active", True, ())
    assert [hit.nugget.object for hit in store.ask("ceo of Apple", valid_at="2018-05-01", states=["active"])] == [
        "Tim Cook"
    ]


@pytest.mark.parametrize(
    "question",
    [
        "?",
        "'",
        "&",
        "+",
        "-",
        ":",
        "",
        " ",
        '"',
        "(",
        "*",
        "NEAR(",
        "a AND",
        "^a",
        "{a}: b",
        "\x00",
        "%",
        "\\",
        "💡",
        "'; --",
    ],
)
def test_no_punctuation_raises_in_a_question(store: NuggetStore, question: str) -> None:
    store.assert_claims([JOBS, COOK])

    assert store.ask(question) == [] or question.strip()
    hits = store.ask(f"Apple{question}ceo {question}", valid_at="2020-01-01")
    assert [hit.nugget.object for hit in hits][:1] in (["Tim Cook"], [])
    assert store.ask(f"Apple {question} ceo", valid_at="2020-01-01")[0].nugget.object == "Tim Cook"


@pytest.mark.parametrize("words", ["ceo", "chief executive officer", "Who led Apple?", "managing director of apple"])
def test_words_of_the_predicate_are_searchable(store: NuggetStore, words: str) -> None:
    store.assert_claims([COOK, Claim("Apple", "headquarters", "Cupertino", "1976")])

    assert store.ask(words, valid_at="2020-01-01")[0].nugget.object == "Tim Cook"


def test_ordinary_updates_leave_the_full_text_whole(store: NuggetStore) -> None:
    random = Random(3)
    for i in range(60):
        source = f"d{i % 7}"
        name = random.choice(("Jobs", "Cook", "Ive"))
        claim = Claim("Apple", "ceo", name, str(random.randrange(1990, 2020)), source=source, text=f"{name} leads {i}")
        store.ingest(Document(source, version=i), claims=[claim])
        if i % 10 == 9:
            store.retract(source=source, actor="me")
    store.erase("d3", actor="me")

    with store.database.write() as session:
        if session.dialect == "sqlite":  # rank 1 compares the index with the rows that it stands for
            session.execute("INSERT INTO nugget_text (nugget_text, rank) VALUES ('integrity-check', 1)")
        rows = session.execute("SELECT words FROM nugget_versions")
        counted = dict(session.execute("SELECT word, n FROM nugget_words"))
    held: dict[str, int] = {}
    for (words,) in rows:
        for word in set(words.split()):
            held[word] = held.get(word, 0) + 1
    assert counted == held


def test_in_2019_is_a_year_and_its_id_is_the_same_from_day_to_day() -> None:
    ids = set()
    for day in range(3):
        with open_nuggets(":memory:", clock=Ticking(1_500_000_000 * SECOND + day * 90_000 * SECOND)) as store:
            ids |= set(store.assert_claims([Claim("Initech", "ceo", "A", "2019")]))
            assert store.nuggets()[0].valid_from == "2019"
    assert len(ids) == 1


def test_a_duplicate_keeps_its_evidence_so_that_three_sources_beat_one(store: NuggetStore) -> None:
    for name, source in (("Ive", "a"), ("Cook", "b"), ("Cook", "c"), ("Cook", "d")):
        store.assert_claims([Claim("Apple", "ceo", name, "2011-08-24", source=source)])

    cook, ive = sorted(store.nuggets("Apple", "ceo"), key=lambda n: n.object)
    assert (cook.state, cook.n_sources, len(store.evidence(cook))) == ("active", 3, 3)
    assert (ive.state, ive.superseded_by) == ("deprecated", cook.nugget_id)
    assert "3 sources against 1" in ive.why


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_second_tenure_is_not_lost(store: NuggetStore, order: tuple[int, ...]) -> None:
    claims = [
        Claim("Apple", "ceo", "Steve Jobs", "1976", "1985", source="a"),
        Claim("Apple", "ceo", "John Sculley", "1985", "1993", source="b"),
        Claim("Apple", "ceo", "Steve Jobs", "1997", source="c"),
    ]
    for i in order:
        store.assert_claims([claims[i]])

    assert [(n.object, n.valid_from) for n in store.history("Apple", "ceo")] == [
        ("Steve Jobs", "1976"),
        ("John Sculley", "1985"),
        ("Steve Jobs", "1997"),
    ]


@pytest.mark.parametrize(
    "value",
    [
        Quantity(Decimal("4.2"), "%"),
        1_425_000_000,
        Decimal("0.1"),
        3.5,
        date(2014, 4, 8),
        True,
    ],
)
def test_numbers_dates_and_percentages_are_stored_as_what_they_are(store: NuggetStore, value: object) -> None:
    store.assert_claims([Claim("X", "measured", value, "2020", source="a")])  # type: ignore[arg-type]
    store.assert_claims([Claim("X", "measured", value, "2020", source="b")])  # type: ignore[arg-type]

    [nugget] = store.nuggets("X", "measured")
    assert nugget.n_sources == 2
    assert nugget.object_kind in ("number", "date", "truth")


def test_the_same_number_with_another_unit_is_another_value(store: NuggetStore) -> None:
    store.assert_claims([Claim("X", "measured", 4, "2020", unit=unit, source=str(unit)) for unit in ("kg", "lb", None)])

    assert {n.object for n in store.nuggets("X", "measured")} == {"4 kg", "4 lb", "4"}


def test_passages_of_one_batch_and_of_concurrent_batches_see_each_others_conflicts(
    store: NuggetStore, nugget_place: str
) -> None:
    names = [f"Person {i}" for i in range(6)]
    claims = [Claim("Apple", "ceo", name, "2011-08-24", source=name) for name in names]
    store.assert_claims(claims[:2])
    assert {n.state for n in store.nuggets("Apple", "ceo")} == {"contested"}

    own = [store if nugget_place == ":memory:" else open_nuggets(nugget_place) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda i: own[i].assert_claims([claims[2 + i]]), range(4)))
    found = store.nuggets("Apple", "ceo")
    assert {n.state for n in found} == {"contested"}
    assert [len(n.contests) for n in found] == [5] * 6


def test_all_three_claim_cases_end_alike_in_every_order(clock: Ticking) -> None:
    """Three claims on one key: two or three objects, open or closed, starts apart or not."""
    starts, objects = ("2000", "2005", "2010"), (("A", "B", "C"), ("A", "B", "A"), ("A", "A", "B"))
    cases = [
        [
            Claim("K", "ceo", name, start, end, source=f"s{i}")
            for i, (name, start, end) in enumerate(zip(names, chosen, ends, strict=True))
        ]
        for names in objects
        for chosen in product(starts[:2], starts[:2], starts)
        for ends in ((None, None, None), (None, "2020", None), ("2012", "2015", None), (None, None, "2011"))
    ]
    differing = 0
    for claims in cases:
        ends_in = set()
        for order in permutations(claims):
            with open_nuggets(":memory:", clock=clock) as store:
                for claim in order:
                    store.assert_claims([claim])
                ends_in.add(frozenset(stored_rows(store)))
        differing += len(ends_in) > 1
    assert (len(cases), differing) == (144, 0)


def test_deleting_a_source_settles_what_its_rival_was_contested_for(store: NuggetStore) -> None:
    store.assert_claims([Claim("Apple", "ceo", name, "2011-08-24", source=name) for name in ("Cook", "Ive")])
    store.erase("Ive", actor="me", reason="a request")

    [cook] = store.nuggets("Apple", "ceo")
    assert (cook.object, cook.state, cook.contests) == ("Cook", "active", ())


def test_a_changed_document_retracts_what_it_no_longer_says(store: NuggetStore) -> None:
    store.ingest(Document("d", published_at="2020-01-01"), claims=[Claim("X", "ceo", "A", "2011", source="d")])
    store.ingest(Document("d", published_at="2021-01-01"), claims=[Claim("X", "ceo", "B", "2011", source="d")])

    assert {n.object: n.state for n in store.nuggets("X", "ceo")} == {"A": "retracted", "B": "active"}


def test_what_was_known_is_kept_and_repeats_exactly(store: NuggetStore, clock: Ticking) -> None:
    moments = []
    seen = []
    _, cook = store.assert_claims([JOBS, COOK])
    assert cook is not None
    for act in (
        lambda: store.assert_claims([Claim("Apple", "ceo", "Ive", "2011", source="doc-3")]),
        lambda: store.decide(cook, "prefer", actor="ada"),
        lambda: store.retract(source="doc-1"),
        lambda: store.trust("doc-3", 0, actor="ada"),
        lambda: store.merge("Ive", "Tim Cook", actor="ada"),
    ):
        moments.append(clock() + timedelta(seconds=1))
        seen.append(store.history("Apple", "ceo"))
        clock.micros += 10 * SECOND
        act()
    shown = [[str(n) for n in nuggets] for nuggets in seen]
    assert [[str(n) for n in store.history("Apple", "ceo", known_at=known)] for known in moments] == shown
    assert len({tuple(one) for one in shown}) > 2
    assert [event.type for event in store.events()] == ["decide", "retract", "trust", "merge"]


def test_what_waits_for_review_can_be_accepted_and_rejected(store: NuggetStore) -> None:
    claims = [Claim("Apple", "ceo", name, "2011", source=name, confidence=0.7) for name in ("Cook", "Ive")]
    report = store.ingest(Document("d"), claims=[Claim("X", "ceo", "A", source="d", confidence=0.5)])
    store.assert_claims(claims)
    assert (report.n_claims, report.n_pending, report.n_refused) == (1, 0, 1)
    waiting = store.nuggets("Apple", "ceo", states=["pending"])
    assert len(waiting) == 2

    for nugget in waiting:
        [evidence] = store.evidence(nugget)
        store.review(evidence.claim_id, "accept" if nugget.object == "Cook" else "reject", actor="ada")
    assert {n.object: n.state for n in store.nuggets("Apple", "ceo")} == {"Cook": "active", "Ive": "deprecated"}


def test_offsets_of_evidence_are_where_the_text_is_and_others_are_refused(store: NuggetStore) -> None:
    text = "Apple news. Tim Cook became CEO in August 2011."
    document = Document("news", text)
    said = text[12:]
    store.ingest(document, claims=[Claim("Apple", "ceo", "Tim Cook", source="news", text=said, span=(12, len(text)))])

    [evidence] = store.evidence(store.nuggets()[0])
    assert evidence.span is not None
    assert text[slice(*evidence.span)] == evidence.text == said
    with pytest.raises(InputError, match="span"):
        store.ingest(
            Document("other", text), claims=[Claim("Apple", "cfo", "X", source="other", text=said, span=(0, 10))]
        )
    assert store.nuggets("Apple", "cfo") == []


def test_filters_are_applied_before_the_ranking_and_its_cut(store: NuggetStore) -> None:
    store.assert_claims(
        [Claim("Apple", "ceo", f"Person {i}", f"{1900 + i}", f"{1901 + i}", source="a") for i in range(120)]
    )

    [hit] = store.ask("Apple ceo", valid_at="1950-06-01", k=1, states=["active"])
    assert hit.nugget.valid_from in ("1949", "1950")
    assert [h.nugget.valid_from for h in store.ask("Apple ceo", valid_at="2030-06-01", k=5)] == []


def test_a_policy_given_at_opening_holds_for_whoever_opens_the_store_next(nugget_place: str) -> None:
    if nugget_place == ":memory:":
        pytest.skip("a store in memory is not opened twice")
    schema = load_schema({"predicates": {"site lead": {"cardinality": "functional"}}})
    with open_nuggets(nugget_place, schema=schema) as store:
        store.assert_claims([Claim("Lab", "site lead", "A", "2001", source="a")])
    with open_nuggets(nugget_place) as store:
        store.assert_claims([Claim("Lab", "site lead", "B", "2011", source="b")])
        assert [n.state for n in store.history("Lab", "site lead")] == ["superseded", "active"]
