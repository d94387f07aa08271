"""Governing what another retriever found: drop, mark, annotate, and leave the rest alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from motherlode.errors import InputError
from motherlode.nuggets.postprocess import GovernedPassage, govern
from motherlode.nuggets.statements import ReadTexts
from motherlode.nuggets.store import NuggetStore, open_nuggets
from tests.nugget_worlds import Ticking
from tests.unit.test_nuggets_audit import ANN, BOB, COOK, HOME, JOBS, Sentences

OLD = "Steve Jobs is CEO of Apple."
NEW = "Tim Cook is CEO of Apple."
MIXED = "Steve Jobs is CEO of Apple, whose headquarters are in Cupertino."
DISPUTED = "Ann Lee is CEO of Globex."
RAIN = "It rains."


@pytest.fixture
def store() -> Iterator[NuggetStore]:
    with open_nuggets(":memory:", clock=Ticking()) as opened:
        opened.assert_claims([JOBS, COOK, ANN, BOB, HOME])
        yield opened


def actions(kept: list[GovernedPassage]) -> list[tuple[int, str]]:
    return [(one.position, one.action) for one in kept]


def test_superseded_passages_drop_and_unknown_ones_pass_unchanged(store: NuggetStore) -> None:
    kept = govern(store, [RAIN, OLD, NEW, RAIN])
    assert actions(kept) == [(0, "kept"), (2, "kept"), (3, "kept")]
    assert [one.text for one in kept] == [RAIN, NEW, RAIN]
    assert kept[0].notes == ()


def test_at_the_time_when_it_was_so_a_passage_stays(store: NuggetStore) -> None:
    assert [one.text for one in govern(store, [OLD], "Who was CEO of Apple in 2005?")] == [OLD]
    assert govern(store, [OLD], "Who is CEO of Apple?") == []


def test_a_contested_passage_is_marked_with_its_rival(store: NuggetStore) -> None:
    [one] = govern(store, [DISPUTED])
    assert one.text == (
        "[DISPUTED] (others say: Globex — chief executive officer: Bob Ray (since 2015)) Ann Lee is CEO of Globex."
    )
    [one] = govern(store, [DISPUTED], prefix="⚠")
    assert one.text.startswith("⚠ (others say: ")
    [one] = govern(store, [DISPUTED], prefix="")
    assert (one.text, one.action) == (DISPUTED, "marked")
    [one] = govern(store, [DISPUTED], mark=())
    assert (one.text, one.action) == (DISPUTED, "kept")
    assert govern(store, [DISPUTED], drop=("contested",), mark=()) == []


def test_within_one_batch_both_sides_are_marked(store: NuggetStore) -> None:
    texts = ["Jane is CEO of Initech since 2018.", "Max is CEO of Initech since 2018."]
    kept = govern(store, texts, at="2020", extractor=Sentences(), cache=ReadTexts())
    assert [one.text for one in kept] == [
        f"[DISPUTED] (others say: Initech — chief executive officer: Max (since 2018)) {texts[0]}",
        f"[DISPUTED] (others say: Initech — chief executive officer: Jane (since 2018)) {texts[1]}",
    ]


def test_a_passage_with_current_facts_too_is_annotated_unless_strict(store: NuggetStore) -> None:
    [one] = govern(store, [MIXED])
    assert one.action == "annotated"
    assert one.text == (
        "[OUTDATED] (no longer: Apple — chief executive officer: Steve Jobs (from 1997-09-16 until 2011-08-24); "
        f"then Tim Cook) {MIXED}"
    )
    assert govern(store, [MIXED], strict=True) == []
    assert govern(store, [MIXED], "Who is CEO of Apple?") == []  # all that bears on it is outdated
    [one] = govern(store, [MIXED], "Where are Apple's headquarters?", strict=True)
    assert (one.action, one.text) == ("kept", MIXED)
    [one] = govern(store, [MIXED], outdated_prefix="")
    assert one.text == MIXED


def test_a_suppressed_fact_drops_and_a_person_decides(store: NuggetStore) -> None:
    [bob] = [nugget for nugget in store.nuggets("Globex") if nugget.object == "Bob Ray"]
    event = store.decide(bob.nugget_id, "suppress", actor="me")
    texts = ["Bob Ray is CEO of Globex.", DISPUTED]
    assert actions(govern(store, texts)) == [(1, "kept")]
    store.undo(event, actor="me")
    assert actions(govern(store, texts)) == [(0, "marked"), (1, "marked")]


def test_order_and_metadata_are_preserved(store: NuggetStore) -> None:
    given = [
        {"id": "a", "text": DISPUTED, "metadata": {"score": 0.9, "page": 3}},
        SimpleNamespace(id="b", page_content=OLD, metadata={}),
        SimpleNamespace(id="c", content=NEW, meta={"score": 0.1}),
    ]
    kept = govern(store, given)
    assert [one.id for one in kept] == ["a", "c"]
    assert [one.passage for one in kept] == [given[0], given[2]]
    assert [dict(one.metadata) for one in kept] == [{"score": 0.9, "page": 3}, {"score": 0.1}]
    plain = json.loads(json.dumps(kept[0].to_dict()))
    assert plain["audit"]["facts"][0]["rivals"][0]["object"] == "Bob Ray"
    assert kept[0].governance["verdict"] == "contested"


def test_future_facts_drop_on_request(store: NuggetStore) -> None:
    assert len(govern(store, [NEW], at="2005")) == 1
    assert govern(store, [NEW], at="2005", drop=("superseded", "future")) == []


def test_nothing_comes_of_nothing_and_unknown_verdicts_are_refused(store: NuggetStore) -> None:
    assert govern(store, []) == []
    with pytest.raises(InputError, match="not 'old'"):
        govern(store, [], drop=("old",))
    with pytest.raises(InputError, match="not 'odd'"):
        govern(store, [], mark="odd")
