"""Contexts for language models: lines, citations, disputes, and the budget."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from motherlode.core.time import Interval, parse_partial_date
from motherlode.errors import InputError
from motherlode.nuggets.context import Citation, build_context, hit_passage
from motherlode.nuggets.hits import Conflict, Evidence, Nugget, NuggetHit
from motherlode.nuggets.record import Claim
from motherlode.nuggets.store import NuggetStore, open_nuggets
from tests.nugget_worlds import Ticking
from tests.unit.test_nuggets_audit import ANN, BOB, COOK, HOME, JOBS


def nugget(subject: str, name: str, since: str | None = "2011-08-24", until: str | None = None) -> Nugget:
    interval = Interval(
        None if since is None else parse_partial_date(since), None if until is None else parse_partial_date(until)
    )
    return Nugget(
        f"n-{subject}-{name}", subject, "chiefExecutiveOfficer", name, "name", "global", "semantic_fact", "active",
        False, interval, False, 1, None, None, (), "", None, None, (1,),
    )  # fmt: skip


def said(source: str, version: str | None = None, span: tuple[int, int] | None = None, **more: object) -> Evidence:
    values = {"publisher": source, "negated": False} | more
    return Evidence(
        f"c-{source}", source, str(values["publisher"]), version, None, None, None, bool(values["negated"]), "…", span,
        None, None,
    )  # fmt: skip


def hit(fact: Nugget, *evidence: Evidence, certainty: str = "certain", rivals: tuple[Nugget, ...] = ()) -> NuggetHit:
    conflict = Conflict(rivals, (None, None)) if rivals else None
    return NuggetHit(fact, 1, 1.0, certainty, evidence, "", conflict, {})


COOK_HIT = hit(nugget("Apple", "Tim Cook"), said("doc-2", "3", (10, 52)))


def test_a_fact_is_a_line_with_its_time_and_source() -> None:
    context = build_context([COOK_HIT])
    assert str(context) == context.text == "Apple — chief executive officer: Tim Cook (since 2011-08-24) [1]"
    assert context.citations == (Citation(1, "doc-2", "3", (10, 52), None, "…"),)
    assert str(context.citations[0]) == "[1] doc-2, version 3, characters 10–52"
    assert context.nuggets == ("n-Apple-Tim Cook",)
    assert context.n_tokens == 22  # 10 of the words (two take two), 5 of the date, 7 signs and the number


def test_times_are_said_as_finely_as_they_are_known() -> None:
    times = [("2011", None), ("1997-09-16", "2011"), (None, "2015"), ("2012", "2012"), (None, None)]
    lines = str(build_context([hit(nugget("A", f"P{i}", *time)) for i, time in enumerate(times)])).splitlines()
    assert [line.partition(" (")[2] for line in lines] == [
        "since 2011)", "from 1997-09-16 until 2011)", "until 2015)", "in 2012)", "no date known)",
    ]  # fmt: skip


def test_what_may_hold_says_so() -> None:
    assert str(build_context([hit(nugget("A", "P", "2011"), certainty="possible")])).endswith(
        "P (since 2011; perhaps not at the asked time)"
    )


def test_one_source_is_one_number_and_a_fact_cites_three_at_most() -> None:
    many = hit(nugget("A", "P"), *(said(f"s{i}", publisher=f"p{i // 2}") for i in range(6)))
    again = hit(nugget("B", "P"), said("s0"), said("s9", negated=True))
    context = build_context([many, again])
    assert [line.partition(") ")[2] for line in context.text.splitlines()] == ["[1] [2] [3]", "[1]"]
    assert [citation.source for citation in context.citations] == ["s0", "s2", "s4"]  # of three publishers


def test_a_dispute_shows_both_sides_in_one_block() -> None:
    ann, bob = nugget("Globex", "Ann"), nugget("Globex", "Bob")
    hits = [COOK_HIT, hit(ann, said("wire"), rivals=(bob,)), hit(bob, said("blog"), rivals=(ann,))]
    assert build_context(hits).text.splitlines()[1:] == [
        "Disputed, sources disagree:",
        "- Globex — chief executive officer: Ann (since 2011-08-24) [2]",
        "- Globex — chief executive officer: Bob (since 2011-08-24) [3]",
    ]
    alone = build_context(hits[1:2])  # the rival is shown though it is no hit; nothing is known of its sources here
    assert alone.text.splitlines()[2] == "- Globex — chief executive officer: Bob (since 2011-08-24)"
    assert alone.n_left_out == 0


def test_the_budget_is_kept_and_what_is_missing_is_counted() -> None:
    hits = [hit(nugget("A", " ".join(["long"] * n)), said("s")) for n in (2, 50, 3)]

    def words(text: str) -> int:
        return len(text.split())

    context = build_context(hits, max_tokens=21, count_tokens=words)
    assert context.n_left_out == 1
    assert context.n_tokens == words(context.text) == 21
    assert [len(line.split()) for line in context.text.splitlines()] == [10, 11]
    assert build_context(hits, max_tokens=20, count_tokens=words).n_left_out == 2
    nothing = build_context(hits, max_tokens=1)
    assert (str(nothing), nothing.n_tokens, nothing.n_left_out, nothing.citations) == ("", 0, 3, ())


def test_the_list_of_sources_counts_in_the_budget() -> None:
    lines = build_context([COOK_HIT], style="sources", count_tokens=lambda text: len(text.split()))
    assert lines.text.splitlines()[1:] == ["Sources:", "[1] doc-2, version 3, characters 10–52"]
    assert lines.n_tokens == 17
    assert build_context([COOK_HIT], style="sources", max_tokens=16, count_tokens=lambda t: len(t.split())).text == ""


def test_a_context_is_json_and_empty_without_hits() -> None:
    plain = json.loads(json.dumps(build_context([COOK_HIT, COOK_HIT]).to_dict()))
    assert plain["citations"][0]["span"] == [10, 52]
    assert plain["nuggets"] == ["n-Apple-Tim Cook"]  # the same fact twice is one line
    assert build_context([]).to_dict()["text"] == ""


def test_a_budget_or_style_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(InputError, match="1 or more, not 0"):
        build_context([], max_tokens=0)
    with pytest.raises(InputError, match="lines, sources, not 'xml'"):
        build_context([], style="xml")


@pytest.fixture
def store() -> Iterator[NuggetStore]:
    with open_nuggets(":memory:", clock=Ticking()) as opened:
        opened.assert_claims([JOBS, COOK, ANN, BOB, HOME])
        yield opened


def test_answers_of_a_store_become_a_context(store: NuggetStore) -> None:
    context = build_context(store.ask("Who is CEO of Globex?", k=5))
    assert "Disputed" in context.text
    assert {citation.source for citation in context.citations} >= {"wire", "blog"}
    old = build_context(store.ask("Who was CEO of Apple in 2005?", k=1))
    assert str(old) == "Apple — chief executive officer: Steve Jobs (from 1997-09-16 until 2011-08-24) [1]"


def test_a_hit_as_a_passage_says_who_disputes_it(store: NuggetStore) -> None:
    store.assert_claims([Claim("Globex", "headquarters", "Bern", valid_from="2001", source="atlas")])
    found = {passage.text for passage in map(hit_passage, store.ask("Globex", k=5))}
    line = "Globex — chief executive officer: {} (since 2015); disputed, others say: "
    line += "Globex — chief executive officer: {} (since 2015)"
    assert found == {
        line.format("Ann Lee", "Bob Ray"),
        line.format("Bob Ray", "Ann Lee"),
        "Globex — headquarters: Bern (since 2001)",
    }
