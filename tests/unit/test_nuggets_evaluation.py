"""Judging a system that answers from a list, and reading questions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from motherlode.core.time import Interval, PartialDate, parse_partial_date
from motherlode.errors import InputError
from motherlode.nuggets.answers import Answer
from motherlode.nuggets.evaluation import MEASURES, compare, evaluate
from motherlode.nuggets.questions import Question, load_questions, parse_question, rivals_of


@dataclass
class FromList:
    """Answers each question with what it was given, and remembers the time it was asked for."""

    found: dict[str, list[Answer]]
    name: str = "a list"
    asked: list[PartialDate | None] = field(default_factory=list)

    def ask(self, question: str, valid_at: PartialDate | None, k: int) -> Sequence[Answer]:
        self.asked.append(valid_at)
        return self.found.get(question, [])[:k]


def question(text: str, answers: list[str], *, key: str | None = "apple ceo", **when: str) -> Question:
    return parse_question({"question": text, "answers": answers, "key": key, **when}, default_id=text)


JOBS = question("in 2005?", ["Steve Jobs"], valid_from="1997", valid_to="2011")
COOK = question("in 2015?", ["Tim Cook"], valid_from="2011-08-24")
NOBODY = question("in 1990?", [], valid_at="1990")


def test_the_answers_of_a_disjoint_time_are_rivals() -> None:
    assert rivals_of([JOBS, COOK, NOBODY]) == [("Tim Cook",), ("Steve Jobs",), ("Steve Jobs", "Tim Cook")]


def test_the_answers_of_another_key_or_of_an_overlapping_time_are_no_rivals() -> None:
    other = question("chair in 2005?", ["Art Levinson"], key="apple chair", valid_at="2005")
    also = question("in 2010?", ["Tim Cook"], valid_at="2010")  # stood in then
    assert rivals_of([JOBS, other]) == [(), ()]
    assert rivals_of([JOBS, also, COOK]) == [(), (), ("Steve Jobs",)], "Cook is right in a part of Jobs' time"


def test_a_part_of_a_right_answer_is_no_rival() -> None:
    first = question("then?", ["Jacqueline Cochran"], valid_at="1936")
    second = question("before?", ["Cochran", "Odlum"], valid_at="1930")
    assert rivals_of([first, second]) == [("Odlum",), ()]


def test_a_value_that_the_question_names_is_no_rival() -> None:
    house = question("Who lived in the Newton D. Baker House in 1964?", ["Jacqueline Kennedy"], valid_at="1964")
    before = question("Who owned it in 1916?", ["Newton D . Baker"], valid_at="1916")
    assert rivals_of([house, before]) == [(), ("Jacqueline Kennedy",)]


def test_values_given_as_wrong_are_rivals_once() -> None:
    asked = parse_question({"question": "q", "answers": ["Rome"], "wrong": ["Turin", "turin", "Rome"]})
    assert rivals_of([asked]) == [("Turin",)]


def test_years_that_meet_do_not_overlap() -> None:
    before = question("a", ["Peter"], valid_from="1811", valid_to="1827")
    after = question("b", ["Paul"], valid_from="1827", valid_to="1840")
    assert rivals_of([before, after]) == [("Paul",), ("Peter",)]


def test_a_report_counts_what_the_texts_say() -> None:
    system = FromList(
        {
            "in 2005?": [Answer("Steve Jobs is CEO", Interval(parse_partial_date("1997"), parse_partial_date("2011")))],
            "in 2015?": [Answer("Steve Jobs, later Tim Cook")],
        }
    )
    report = evaluate(system, [JOBS, COOK, NOBODY])
    measures = {name: found.value for name, found in report.measures.items()}
    assert measures == {
        "nugget_recall": 1.0,  # of two with answers
        "dated_recall": 0.5,  # only the first knows its time
        "clear_recall": 0.5,  # the second item names both
        "temporal_correctness": pytest.approx((1 + 0.5) / 2),
        "conflict_rate": pytest.approx(1 / 3),
        "context_tokens": pytest.approx((4 + 6 + 0) / 3),
        "ndcg": 1.0,
        "empty_rate": pytest.approx(1 / 3),
    }
    assert (report.n_questions, report.n_answerable) == (3, 2)
    assert report.measures["nugget_recall"].n == 2
    assert set(report.measures) == set(MEASURES)


def test_a_budget_cuts_the_context_before_anything_is_counted() -> None:
    system = FromList({"in 2015?": [Answer("Tim Cook"), Answer("once led by Steve Jobs")]})
    free, tight = evaluate(system, [JOBS, COOK]), evaluate(system, [JOBS, COOK], max_tokens=4)
    assert free.measures["conflict_rate"].value == 0.5
    assert tight.measures["conflict_rate"].value == 0.0
    assert tight.measures["context_tokens"].value == 2.0, "four tokens of one context, none of the other"
    with pytest.raises(InputError, match="not 0"):
        evaluate(system, [JOBS], max_tokens=0)


def test_the_asked_time_is_handed_over_unless_it_is_held_back() -> None:
    system = FromList({})
    evaluate(system, [JOBS])
    evaluate(system, [JOBS], give_time=False)
    given, held_back = system.asked
    assert given is not None
    assert str(given) == "1997/2010"
    assert held_back is None


def test_a_report_is_plain_for_json_and_for_a_table() -> None:
    report = evaluate(FromList({}), [JOBS, COOK])
    plain = json.loads(json.dumps(report.to_dict()))
    assert plain["measures"]["nugget_recall"] == {
        "value": 0.0, "low": 0.0, "high": 0.0, "n": 2,
    }  # fmt: skip
    assert plain["measures"]["temporal_correctness"]["value"] is None
    assert "questions" not in plain
    assert [row["id"] for row in report.to_dict(with_questions=True)["questions"]] == ["in 2005?", "in 2015?"]
    head, rows = report.table()
    assert head == ("measure", "value", "95 % interval", "questions")
    assert rows[0] == ("nugget_recall", "0.000", "0.000 to 0.000", "2")
    assert rows[3] == ("temporal_correctness", "none", "", "0")


def test_two_systems_are_compared_question_by_question() -> None:
    good = evaluate(FromList({"in 2005?": [Answer("Steve Jobs")], "in 2015?": [Answer("Tim Cook")]}), [JOBS, COOK])
    poor = evaluate(FromList({"in 2005?": [Answer("Steve Jobs")]}), [JOBS, COOK])
    found = compare(good, poor)
    assert found["nugget_recall"].value == 0.5
    assert found["temporal_correctness"].n == 1, "the other says nothing of it"
    with pytest.raises(InputError, match="did not answer the same questions"):
        compare(good, evaluate(FromList({}), [JOBS]))


def test_nothing_to_ask_is_refused() -> None:
    with pytest.raises(InputError, match="no question"):
        evaluate(FromList({}), [])
    with pytest.raises(InputError, match="at least 1, not 0"):
        evaluate(FromList({}), [JOBS], k=0)


def test_questions_are_read_from_lines_of_json(tmp_path: Path) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text(
        '{"question": "Who?", "answers": ["Cook"], "valid_at": "2015-03", "key": "k"}\n\n'
        '{"question": "What?", "answers": [], "valid_from": null, "valid_to": "2011", "id": 7}\n'
        '{"question": "Why?", "answers": ["so"], "wrong": ["not"]}\n'
    )
    first, second, third = load_questions(file)
    assert str(first.interval) == "[2015-03-01, 2015-04-01)"
    assert (first.id, first.key, first.answers) == ("1", "k", ("Cook",))
    assert str(second.asked) == "../2010"
    assert second.id == "7"
    assert (third.interval, third.asked, third.wrong) == (None, None, ("not",))


def test_a_day_and_an_instant_are_asked_as_such() -> None:
    day = parse_question({"question": "q", "answers": [], "valid_at": "2015-03-02"})
    assert day.window is not None
    assert day.window[1] - day.window[0] == 1
    assert day.window == parse_question({"question": "q", "answers": [], "valid_at": "2015-03-02T00:00Z"}).window


def test_two_bounds_in_one_year_ask_about_that_year() -> None:
    asked = parse_question({"question": "q", "answers": [], "valid_from": "1960", "valid_to": "1960"}).window
    assert asked is not None
    assert asked[0] == parse_partial_date("1960").earliest
    assert asked[0] < asked[1] <= parse_partial_date("1961").earliest


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", r"line 2: no JSON"),
        ("[]", r"line 2: a question is a JSON object"),
        ('{"answers": ["x"]}', r"line 2: 'question' is text"),
        ('{"question": "q"}', r"line 2: 'answers' is a list of texts"),
        ('{"question": "q", "answers": "x"}', r"line 2: 'answers' is a list of texts"),
        ('{"question": "q", "answers": [""]}', r"line 2: 'answers' is a list of texts"),
        ('{"question": "q", "answers": [], "when": "2005"}', r"line 2: unknown field 'when'"),
        ('{"question": "q", "answers": [], "valid_at": 2005}', r"line 2: 'valid_at' is a date as text"),
        ('{"question": "q", "answers": [], "valid_at": "2005-13"}', r"line 2: 'valid_at': '2005-13'"),
        ('{"question": "q", "answers": [], "valid_at": "2005", "valid_to": "2006"}', r"line 2: give either"),
        ('{"question": "q", "answers": [], "valid_from": "2006", "valid_to": "2005"}', r"line 2: the interval"),
        ('{"question": "q", "answers": [], "key": 3}', r"line 2: 'key' is text"),
        ('{"question": "q", "answers": [], "id": "1"}', r"line 2: the id '1' stands also in line 1"),
    ],
)
def test_a_bad_line_is_refused_by_its_number(tmp_path: Path, line: str, message: str) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text('{"question": "q", "answers": ["x"]}\n' + line + "\n")
    with pytest.raises(InputError, match=message):
        load_questions(file)


def test_a_file_without_questions_or_without_text_is_refused(tmp_path: Path) -> None:
    empty, binary = tmp_path / "empty.jsonl", tmp_path / "binary.jsonl"
    empty.write_text("\n")
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="holds no question"):
        load_questions(empty)
    with pytest.raises(InputError, match="no UTF-8"):
        load_questions(binary)
    with pytest.raises(InputError, match="cannot read questions"):
        load_questions(tmp_path / "absent.jsonl")
