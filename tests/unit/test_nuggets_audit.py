"""Audit: what a passage states and how that stands, by source, by names, by an extractor, and within a batch."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from motherlode.errors import InputError
from motherlode.nuggets.audit import AuditReport, audit
from motherlode.nuggets.record import Claim, Document
from motherlode.nuggets.schema import load_schema
from motherlode.nuggets.statements import ReadTexts
from motherlode.nuggets.store import NuggetStore, open_nuggets
from motherlode.nuggets.values import Quantity
from tests.nugget_worlds import Ticking

JOBS = Claim("Apple", "ceo", "Steve Jobs", valid_from="1997-09-16", source="biography")
COOK = Claim("Apple", "ceo", "Tim Cook", valid_from="2011-08-24", source="news")
ANN = Claim("Globex", "ceo", "Ann Lee", valid_from="2015", source="wire")
BOB = Claim("Globex", "ceo", "Bob Ray", valid_from="2015", source="blog")
HOME = Claim("Apple", "headquarters", "Cupertino", valid_from="1977", source="atlas")


@pytest.fixture
def store() -> Iterator[NuggetStore]:
    with open_nuggets(":memory:", clock=Ticking()) as opened:  # its clock stands in September 2020
        opened.assert_claims([JOBS, COOK, ANN, BOB, HOME])
        yield opened


def verdicts(report: AuditReport) -> list[str]:
    return [passage.verdict for passage in report.passages]


def test_a_superseded_statement_names_what_replaced_it_and_since_when(store: NuggetStore) -> None:
    [passage] = audit(store, ["Steve Jobs is the chief executive of Apple."]).passages
    assert passage.verdict == "superseded"
    [fact] = passage.facts
    assert (fact.subject, fact.predicate, fact.object) == ("Apple", "chiefExecutiveOfficer", "Steve Jobs")
    assert fact.since == "2011-08-24"
    assert fact.by is not None
    assert fact.by.object == "Tim Cook"
    assert fact.by.nugget_id == store.nuggets("Apple", "ceo")[1].nugget_id


def test_the_same_passage_is_current_when_it_was_so(store: NuggetStore) -> None:
    text = ["Steve Jobs is the chief executive of Apple."]
    assert verdicts(audit(store, text, at="2005-06-01")) == ["current"]
    assert verdicts(audit(store, text, "Who led Apple in 2005?")) == ["current"]
    assert verdicts(audit(store, text, "Who led Apple in 2005?", at="2019")) == ["superseded"]  # an argument wins
    assert verdicts(audit(store, text, "Who led Apple?")) == ["superseded"]


def test_the_end_is_half_open_and_a_year_is_only_possible(store: NuggetStore) -> None:
    text = ["Steve Jobs runs Apple."]
    assert verdicts(audit(store, text, at="2011-08-23")) == ["current"]
    assert verdicts(audit(store, text, at="2011-08-24")) == ["superseded"]
    [passage] = audit(store, ["The boss of Globex is Ann Lee."], at="2015-03-01").passages
    assert passage.facts[0].certainty == "possible"


def test_what_only_comes_later_is_future(store: NuggetStore) -> None:
    assert verdicts(audit(store, ["Tim Cook heads Apple. He is its CEO."], at="2005-01-01")) == ["future"]


def test_a_contested_statement_names_its_rival(store: NuggetStore) -> None:
    [passage] = audit(store, ["Globex is led by Ann Lee."]).passages
    assert passage.verdict == "contested"
    assert [rival.object for rival in passage.facts[0].rivals] == ["Bob Ray"]


def test_a_suppressed_and_a_retracted_statement_are_deprecated(store: NuggetStore) -> None:
    [bob] = [nugget for nugget in store.nuggets("Globex") if nugget.object == "Bob Ray"]
    store.decide(bob.nugget_id, "suppress", actor="me")
    texts = ["Bob Ray is CEO of Globex.", "Ann Lee is CEO of Globex.", "Apple has its headquarters in Cupertino."]
    assert verdicts(audit(store, texts)) == ["deprecated", "current", "current"]
    store.retract(source="atlas", actor="me")
    assert verdicts(audit(store, texts)) == ["deprecated", "current", "deprecated"]


def test_what_the_store_does_not_know_is_unknown(store: NuggetStore) -> None:
    texts = [
        "",
        "It rains.",
        "Jane Doe is CEO of Initech.",
        "Jane Doe is CEO of Apple.",
        "Tim Cook met Apple's lawyers.",
    ]
    assert verdicts(audit(store, texts)) == ["unknown"] * 5
    assert audit(store, []).passages == ()


def test_a_denied_statement_is_not_stated(store: NuggetStore) -> None:
    texts = ["Steve Jobs is no longer the CEO of Apple.", "Steve Jobs isn't CEO of Apple."]
    assert verdicts(audit(store, texts)) == ["unknown", "unknown"]


def test_merged_names_find_what_is_said_under_another(store: NuggetStore) -> None:
    store.merge("Apple", "Apple Computer", actor="me")
    store.merge("Steve Jobs", "Steven Paul Jobs", actor="me")
    assert verdicts(audit(store, ["Apple Computer's chief executive, Steven Paul Jobs, spoke."])) == ["superseded"]


def test_numbers_dates_and_other_scripts_are_found(store: NuggetStore) -> None:
    store.assert_claims(
        [
            Claim("Oslo", "population", 1_200_000, valid_from="2010", source="a"),
            Claim("Oslo", "population", 1_300_000, valid_from="2019", source="b"),
            Claim("Acme", "interest rate", Quantity(4, "%"), valid_from="2019", source="a"),  # type: ignore[arg-type]
            Claim("Ada", "date of birth", datetime(1815, 12, 10, tzinfo=UTC).date(), source="a"),
            Claim("日本", "capital", "東京", valid_from="1868", source="a"),
        ]
    )
    texts = [
        "The population of Oslo is 1,200,000.",
        "Oslo has a population of 1,300,000 people.",
        "Acme's interest rate is at 4 percent.",
        "Ada was born on 10 December 1815.",
        "日本の首都は東京 (capital)。",
        "Oslo has a population of 7.",
    ]
    assert verdicts(audit(store, texts)) == ["superseded", "current", "current", "current", "current", "unknown"]


def test_the_predicate_must_be_near_and_need_not_be_in_the_schema(store: NuggetStore) -> None:
    store.assert_claims([Claim("Ada", "favourite colour", "mauve", valid_from="2019", source="a")])
    assert verdicts(audit(store, ["Ada's favourite colour is mauve."])) == ["current"]
    far = "Ada likes mauve. " + "And so on it went. " * 6 + "Her favourite colour is unknown."
    assert verdicts(audit(store, [far])) == ["unknown"]


def test_facts_that_the_query_does_not_ask_about_do_not_count(store: NuggetStore) -> None:
    text = "Steve Jobs is CEO of Apple, which is based in Cupertino."
    assert verdicts(audit(store, [text])) == ["current"]
    [passage] = audit(store, [text], "Who is the CEO of Apple?").passages
    assert passage.verdict == "superseded"
    assert [(fact.object, fact.bears) for fact in passage.facts] == [("Steve Jobs", True), ("Cupertino", False)]
    assert verdicts(audit(store, [text], "Where is Apple based?")) == ["current"]
    assert verdicts(audit(store, [text], "Is it going to rain?")) == ["unknown"]


def test_what_was_known_earlier_is_judged_as_it_was_known() -> None:
    clock = Ticking()
    with open_nuggets(":memory:", clock=clock) as store:
        store.assert_claims([JOBS])
        before = clock()
        clock.micros += 10**9
        store.assert_claims([COOK])
        text = ["Steve Jobs is the CEO of Apple."]
        assert verdicts(audit(store, text, at="2020", known_at=before)) == ["current"]
        assert verdicts(audit(store, text, at="2020")) == ["superseded"]


def test_other_scopes_count_only_when_they_are_asked_for(store: NuggetStore) -> None:
    store.assert_claims([Claim("Ada", "diet", "vegan", valid_from="2019", source="chat", scope="user:7")])
    text = ["Ada is on a vegan diet."]
    assert verdicts(audit(store, text)) == ["unknown"]
    assert verdicts(audit(store, text, scopes=("user:7",))) == ["current"]


# By source


def test_a_passage_of_a_known_document_states_what_that_document_claims(store: NuggetStore) -> None:
    text = "He took over in August. Profits rose. Old pages still name her."
    document = Document("report", text, version=1)
    said = [
        Claim(
            "Initech", "ceo", "Max", valid_from="2018", source="report", text="He took over in August.", span=(0, 23)
        ),
        Claim("Initech", "profit", 5, valid_from="2018", source="report", text="Profits rose.", span=(24, 37)),
    ]
    store.ingest(document, claims=said)
    chunk = {"id": "report#1", "text": "He took  over in August.", "metadata": {"source": "report"}}
    report = audit(store, [chunk, SimpleNamespace(id="report", text=text)])
    assert [[fact.object for fact in passage.facts] for passage in report.passages] == [["Max"], ["Max", "5"]]
    assert report.passages[0].facts[0].how == "source"
    assert verdicts(report) == ["current", "current"]


def test_a_chunk_of_an_old_version_is_deprecated_once_the_new_one_does_not_say_it(store: NuggetStore) -> None:
    old = Claim("Initech", "ceo", "Max", valid_from="2018", source="page", text="Max is CEO.", span=(0, 11))
    store.ingest(Document("page", "Max is CEO.", version=1), claims=[old])
    chunk = {"id": "page", "text": "Max is CEO."}
    assert verdicts(audit(store, [chunk])) == ["current"]
    store.ingest(Document("page", "Nothing to see.", version=2), claims=[])
    assert verdicts(audit(store, [chunk])) == ["deprecated"]


# By an extractor


@dataclass
class Sentences:
    """A small real extractor: "X is CEO of Y", optionally "since" or "until" a date."""

    calls: list[str] = field(default_factory=list)
    fingerprint: str = "sentences-1"

    def extract(self, document: Document) -> list[Claim]:
        self.calls.append(document.text)
        pattern = r"(\w[\w ]*?) is CEO of (\w+)(?: since (\S+?))?(?: until (\S+?))?\."
        return [
            Claim(found[2], "ceo", found[1], found[3], found[4], document.id, text=found[0], span=found.span())
            for found in re.finditer(pattern, document.text)
        ]


def read(store: NuggetStore, texts: list[str], at: str = "2020", **options: object) -> AuditReport:
    return audit(store, texts, at=at, extractor=Sentences(), cache=ReadTexts(), **options)  # type: ignore[arg-type]


def test_claims_of_an_extractor_are_looked_up_by_key(store: NuggetStore) -> None:
    texts = ["Steve Jobs is CEO of Apple.", "Tim Cook is CEO of Apple since 2011-08-24.", "Jane is CEO of Initech."]
    report = read(store, texts)
    assert verdicts(report) == ["superseded", "current", "unknown"]
    assert [passage.facts[0].how for passage in report.passages] == ["extractor"] * 3


def test_another_object_than_the_store_is_certain_of_is_contested(store: NuggetStore) -> None:
    [passage] = read(store, ["Jane is CEO of Apple."]).passages
    assert passage.verdict == "contested"
    assert [rival.object for rival in passage.facts[0].rivals] == ["Tim Cook"]
    assert verdicts(read(store, ["Gil is CEO of Apple since 1996 until 1997."])) == ["superseded"]
    assert verdicts(read(store, ["Jane is CEO of Apple since 2030."])) == ["future"]


def test_the_same_text_is_extracted_once(store: NuggetStore) -> None:
    extractor, cache = Sentences(), ReadTexts(2)
    text = "Jane is CEO of Initech."
    audit(store, [text, {"text": text, "id": "other"}, text], extractor=extractor, cache=cache)
    assert extractor.calls == [text]
    audit(store, [text], extractor=extractor, cache=cache)
    assert extractor.calls == [text]
    audit(store, ["a.", "b."], extractor=extractor, cache=cache)  # two others: the first is forgotten
    audit(store, [text], extractor=extractor, cache=cache)
    assert extractor.calls == [text, "a.", "b.", text]
    cache.clear()
    assert len(cache) == 0


def test_unsure_claims_and_unknown_predicates_of_a_strict_schema_are_passed_over() -> None:
    class Unsure(Sentences):
        def extract(self, document: Document) -> list[Claim]:
            return [
                Claim("Apple", "ceo", "Steve Jobs", source=document.id, confidence=0.7),
                Claim("Apple", "mood", "calm", source=document.id),
            ]

    with open_nuggets(":memory:", schema=load_schema({"strict": True})) as store:
        store.assert_claims([JOBS, COOK])
        [passage] = audit(store, ["text"], extractor=Unsure(), cache=ReadTexts()).passages
    assert passage.facts == ()


# Within one batch


def test_two_passages_of_a_batch_contradict_each_other_though_the_store_knows_neither(store: NuggetStore) -> None:
    report = read(store, ["Jane is CEO of Initech since 2018.", "It rains.", "Max is CEO of Initech since 2018."])
    assert verdicts(report) == ["contested", "unknown", "contested"]
    [contradiction] = report.contradictions
    assert (contradiction.subject, contradiction.predicate) == ("Initech", "chiefExecutiveOfficer")
    assert [(side.object, side.passages) for side in contradiction.sides] == [("Jane", (0,)), ("Max", (2,))]
    assert contradiction.certainty == "certain"
    assert [rival.passages for rival in report.passages[0].facts[0].rivals] == [(2,)]


def test_passages_without_dates_contradict_each_other_too(store: NuggetStore) -> None:
    report = read(store, ["Jane is CEO of Initech.", "Max is CEO of Initech."])
    assert verdicts(report) == ["contested", "contested"]
    assert report.contradictions[0].certainty == "unknown"
    assert read(store, ["Jane is CEO of Initech.", "Jane is CEO of Initech."]).contradictions == ()


def test_a_batch_that_tells_a_succession_does_not_contradict_itself(store: NuggetStore) -> None:
    texts = ["Jane is CEO of Initech since 2010.", "Max is CEO of Initech since 2018."]
    report = read(store, texts)
    assert report.contradictions == ()
    assert verdicts(report) == ["superseded", "unknown"]
    by = report.passages[0].facts[0].by
    assert by is not None
    assert (by.object, by.passages) == ("Max", (1,))
    assert verdicts(read(store, texts, at="2015")) == ["unknown", "future"]


def test_contested_facts_of_the_store_are_a_contradiction_of_the_batch_that_holds_both(store: NuggetStore) -> None:
    report = audit(store, ["Ann Lee is CEO of Globex.", "Bob Ray is CEO of Globex."])
    [contradiction] = report.contradictions
    assert [side.object for side in contradiction.sides] == ["Ann Lee", "Bob Ray"]
    assert [[rival.object for rival in passage.facts[0].rivals] for passage in report.passages] == [
        ["Bob Ray"],
        ["Ann Lee"],
    ]


def test_a_superseded_passage_beside_a_current_one_is_no_contradiction(store: NuggetStore) -> None:
    assert audit(store, ["Steve Jobs is CEO of Apple.", "Tim Cook is CEO of Apple."]).contradictions == ()


# The report, its border


def test_a_report_is_json(store: NuggetStore) -> None:
    report = audit(
        store, ["Steve Jobs is CEO of Apple.", "Ann Lee is CEO of Globex."], "CEO?", at="2019", known_at="2021-01-01"
    )
    plain = json.loads(json.dumps(report.to_dict()))
    assert plain["at"] == "2019"
    assert plain["known_at"] == "2021-01-01"
    assert plain["counts"] == {
        "current": 0, "superseded": 1, "contested": 1, "deprecated": 0, "future": 0, "unknown": 0,
    }  # fmt: skip
    assert plain["passages"][0]["facts"][0]["by"]["object"] == "Tim Cook"


def test_what_is_no_passage_is_refused_by_position(store: NuggetStore) -> None:
    with pytest.raises(InputError, match="passage 1 is int without text"):
        audit(store, ["fine", 7])
    with pytest.raises(InputError, match="passage 0 is dict without text"):
        audit(store, [{"id": "x"}])
    with pytest.raises(InputError, match="a query is text"):
        audit(store, [], query=7)  # type: ignore[arg-type]


def test_any_text_is_safe(store: NuggetStore) -> None:
    texts = ["' OR 1=1 --", '?*"(){}[]^~:+-&|!', "\x00\x01", "a" * 100_000, "Apple " * 5000, "🙂", "Ａｐｐｌｅ"]
    assert len(audit(store, texts, 'what\'s "up"?').passages) == len(texts)


def test_every_lookup_goes_by_an_index(store: NuggetStore) -> None:
    plan: list[tuple[object, ...]] = []
    with store.reading() as session:
        for where in ("v.subject_key IN ('apple', 'globex')", "v.key IN (1, 2)", "v.version IN (1, 2)"):
            plan += session.execute(
                f"EXPLAIN QUERY PLAN SELECT v.subject_key, v.predicate FROM nugget_versions v WHERE {where}"
            )
    assert all("SEARCH" in str(row[-1]) for row in plan), plan


def test_both_databases_give_the_same_report(store: NuggetStore, postgres_url: str) -> None:
    texts = [
        "Steve Jobs is CEO of Apple, whose headquarters are in Cupertino.",
        "Ann Lee is CEO of Globex.",
        {"id": "news", "text": "Tim Cook heads Apple."},
        "?*\"'(){}:&|!<->\\ CEO",
    ]
    with open_nuggets(postgres_url, clock=Ticking()) as other:
        other.assert_claims([JOBS, COOK, ANN, BOB, HOME])
        assert audit(other, texts).to_dict() == audit(store, texts).to_dict()
        assert audit(other, texts, at="2005", extractor=Sentences()).to_dict() == (
            audit(store, texts, at="2005", extractor=Sentences()).to_dict()
        )
