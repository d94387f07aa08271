"""Windows of long texts, answers read tolerantly, quotes found, raw claims typed."""

from __future__ import annotations

import json
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, strategies as st

from motherlode.core.time import parse_partial_date
from motherlode.errors import InputError
from motherlode.nuggets.llm.answer import read_answer
from motherlode.nuggets.llm.claims import Reading, find_quote, read_claim
from motherlode.nuggets.llm.prompt import answer_schema, ask, ask_again
from motherlode.nuggets.llm.windows import Window, cut_windows
from motherlode.nuggets.record import Document
from motherlode.nuggets.token_count import count_tokens
from motherlode.nuggets.values import Quantity

TEXT = "In 2015, Acme’s  revenue grew to 1,200.5 million USD.\nIt said “we’re proud” – and moved to Paris."
RAW = {
    "subject": "Acme", "predicate": "revenue", "object": "1,200.5", "value_type": "number", "unit": "million USD",
    "valid_from": "2015", "valid_to": None, "negated": False, "confidence": 0.9,
    "quote": "In 2015, Acme's revenue grew to 1,200.5 million USD.",
}  # fmt: skip


def read(document: Document | None = None, **fields: Any) -> Reading:
    source = document or Document("d", TEXT)
    return read_claim(RAW | fields, source, Window(0, len(source.text)))


def test_tokens_are_counted_by_word_digit_group_and_sign() -> None:
    assert count_tokens("") == 0
    assert count_tokens("a cat sat") == 3
    assert count_tokens("constitutional") == 3  # 14 letters, six to a token
    assert count_tokens("2015, 1234567!") == 2 + 1 + 3 + 1
    assert count_tokens("東京です") == 4


def test_a_text_is_cut_at_paragraphs_when_one_more_would_not_fit() -> None:
    paragraphs = ["one two three four five", "six seven eight nine ten", "a b c d e f g h i j k l"]
    text = "\n\n".join(paragraphs)
    assert [text[w.begin : w.end] for w in cut_windows(text, 16)] == ["\n\n".join(paragraphs[:2]), paragraphs[2]]


def test_a_paragraph_that_is_too_long_is_cut_at_sentences_then_at_words_then_anywhere() -> None:
    text = "A b c d e f g h. I j k l m n o p. Q r s t u v w x."
    assert [text[w.begin : w.end] for w in cut_windows(text, 18)] == ["A b c d e f g h. I j k l m n o p.", text[34:]]
    letters = "x " * 20
    assert [letters[w.begin : w.end] for w in cut_windows(letters, 16)] == ["x " * 15 + "x", "x x x x"]
    assert [w.end - w.begin for w in cut_windows("!" * 40, 16)] == [16, 16, 8]


def test_blank_texts_have_no_window_and_tiny_budgets_are_refused() -> None:
    assert cut_windows(" \n\n\t ", 100) == []
    with pytest.raises(InputError, match="at least 16"):
        cut_windows("text", 15)


@given(st.text(alphabet="ab1!東. \n", max_size=400), st.integers(16, 40))
def test_windows_hold_every_letter_once_and_none_is_too_large(text: str, max_tokens: int) -> None:
    windows = cut_windows(text, max_tokens)
    inside = "".join(text[w.begin : w.end] for w in windows)
    assert "".join(inside.split()) == "".join(text.split())
    assert all(a.end <= b.begin for a, b in pairwise(windows))
    assert all(count_tokens(text[w.begin : w.end]) <= max_tokens for w in windows)


ITEM = {"subject": "A", "predicate": "b", "object": "c", "quote": "A b c."}
LIST = json.dumps({"claims": [ITEM]})


@pytest.mark.parametrize(
    "text",
    [
        LIST,
        json.dumps([ITEM]),
        json.dumps(ITEM),
        json.dumps({"facts": [ITEM]}),
        f"Sure! Here are the claims:\n```json\n{LIST}\n```\nAnything else?",
        f"<think>maybe {{'claims': []}} or {{\"claims\": []}}</think>{LIST}",
        LIST.replace("}]}", "},]}"),
        LIST[:-1],
        LIST[:-2] + ', {"subject": "B", "predic',
        f"[1] {LIST}",
    ],
)
def test_an_answer_is_read_however_it_is_wrapped(text: str) -> None:
    answer = read_answer(text)
    assert answer.items == [ITEM]
    assert answer.errors == []


@pytest.mark.parametrize(
    "text", ["", None, "I cannot do that.", "{", "[[[[", '{"claims": "none"}', "[1, 2]", "{" * 5000]
)
def test_an_answer_without_a_list_has_an_error(text: str | None) -> None:
    answer = read_answer(text)
    assert answer.error is not None
    assert answer.items == []


def test_no_claims_is_an_answer() -> None:
    assert read_answer('{"claims": []}').errors == []


def test_claims_of_the_wrong_shape_are_named_and_the_others_kept() -> None:
    wrong = [{**ITEM, "object": None}, "A is B", {**ITEM, "quote": " "}, {"subject": "A"}]
    answer = read_answer(json.dumps({"claims": [ITEM, *wrong, {**ITEM, "object": 7}]}))
    assert answer.items == [ITEM, {**ITEM, "object": 7}]
    assert answer.errors == [
        "claims[1]: object is None, not text",
        "claims[2]: is str, not an object",
        "claims[3]: quote is ' ', not text",
        "claims[4]: predicate is missing",
    ]


@given(st.text(max_size=200))
def test_reading_an_answer_never_raises(text: str) -> None:
    read_answer(text)


def test_a_quote_is_found_with_other_spacing_and_other_quotation_marks() -> None:
    assert find_quote(TEXT, "moved to Paris") == (TEXT.index("moved"), len(TEXT) - 1)
    assert find_quote(TEXT, RAW["quote"]) == (0, TEXT.index("\n"))  # type: ignore[arg-type]
    assert find_quote(TEXT, 'million USD. It said "we\'re proud" - and') == (
        TEXT.index("million"),
        TEXT.index(" moved"),
    )
    assert find_quote('say "hi"', "say “hi”") == (0, 8)


def test_a_quote_with_other_words_or_none_is_not_found() -> None:
    assert find_quote(TEXT, "moved to London") is None
    assert find_quote(TEXT, "In 2016") is None
    assert find_quote(TEXT, " … ") is None
    assert find_quote(TEXT, "moved to Paris", 0, 20) is None


def test_a_number_gets_its_unit_and_the_claim_its_span() -> None:
    claim = read().claim
    assert claim is not None
    assert claim.object == Quantity(Decimal("1200.5"), "million USD")
    assert claim.span == (0, TEXT.index("\n"))
    assert claim.text == TEXT[: TEXT.index("\n")]
    assert str(claim.interval) == "[2015, …)"


def test_a_quote_that_is_not_in_the_text_refuses_the_claim() -> None:
    reading = read(quote="Acme moved to London.")
    assert reading.claim is None
    assert reading.reason == "the quote is not in the text: 'Acme moved to London.'"


@pytest.mark.parametrize(
    ("fields", "value"),
    [
        ({"object": "Paris", "value_type": "name", "unit": None}, "Paris"),
        ({"object": "true", "value_type": "truth"}, True),
        ({"object": True}, True),
        ({"object": 4.25, "unit": "%"}, Quantity(Decimal("4.25"), "%")),
        ({"object": "42%", "unit": "%"}, Quantity(Decimal(42), "%")),
        ({"object": "2015-10", "value_type": "date", "unit": None}, parse_partial_date("2015-10")),
        ({"object": "about two", "unit": "km"}, "about two km"),
        ({"object": "soon", "value_type": "date"}, "soon"),
    ],
)
def test_values_are_typed_or_kept_as_text(fields: dict[str, Any], value: Any) -> None:
    claim = read(**fields).claim
    assert claim is not None
    assert claim.object == value


def test_unknown_dates_stay_unknown_and_wrong_ones_refuse_the_claim() -> None:
    for unknown in (None, "", "null", "present", "unknown"):
        claim = read(valid_from=unknown).claim
        assert claim is not None
        assert not claim.interval.is_known
    assert "valid_from 'recently' is not a date" in (read(valid_from="recently").reason or "")
    backwards = read(Document("d", TEXT, published_at="2016"), valid_from="2015", valid_to="2014")
    assert "ends before it starts" in (backwards.reason or "")
    assert read(valid_from="2015-02-30").claim is None


def test_a_date_that_an_undated_text_does_not_hold_is_left_out_and_noted() -> None:
    reading = read(valid_from="2024-03-01")
    assert reading.claim is not None
    assert reading.claim.interval.start is None
    assert "2024-03-01 was left out" in reading.notes[0]
    dated = read(Document("d", TEXT, published_at="2025-03-01"), valid_from="2024-03-01").claim
    assert dated is not None
    assert str(dated.interval.start) == "2024-03-01"


def test_short_years_and_decades_of_an_undated_text_count_as_stated() -> None:
    document = Document("d", "Acme was led by Ann 2010–14; in the 1990s by Bob.")
    for bound in ("2014", "1990s", "1994"):
        claim = read(document, valid_from=bound, quote="Acme was led by Ann").claim
        assert claim is not None
        assert claim.interval.start is not None, bound


def test_confidence_may_be_a_percentage_and_nonsense_is_none() -> None:
    values = [read(confidence=stated).claim for stated in (0.5, "0.7", 95, "80%", "high", None, -3, 1000)]
    assert [claim and claim.confidence for claim in values] == [0.5, 0.7, 0.95, 0.8, None, None, None, None]


def test_a_predicate_outside_a_closed_list_refuses_the_claim() -> None:
    document = Document("d", TEXT)
    reading = read_claim(RAW, document, Window(0, len(TEXT)), allowed=frozenset({"ceo"}))
    assert reading.reason == "the predicate 'revenue' is none of those given"


def test_the_schema_is_strict_as_structured_output_wants_it() -> None:
    items = answer_schema(["ceo"])["properties"]["claims"]["items"]
    assert items["required"] == list(items["properties"])
    assert items["additionalProperties"] is False
    assert items["properties"]["predicate"] == {"type": "string", "enum": ["ceo"]}


def test_the_prompt_holds_predicates_date_title_and_text() -> None:
    asked = {"predicates": {"ceo": "chief executive"}, "title": "Acme", "others": True}
    system, user = ask("Some {text}.", published_at="2020-05", **asked)  # type: ignore[arg-type]
    assert "ceo: chief executive" in system["content"]
    assert "count from 2020-05" in system["content"]
    assert user["content"] == "Title: Acme\n\n<text>\nSome {text}.\n</text>"
    undated = ask("Some text.", published_at=None, **asked)[0]["content"]  # type: ignore[arg-type]
    assert "is not known" in undated
    assert (
        ask_again([system, user], "no", ["claims[0]: quote is missing"])[-1]["content"].count("quote is missing") == 1
    )
