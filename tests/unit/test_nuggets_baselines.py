"""BM25 over a handful of texts, with its scores worked out by hand."""

from __future__ import annotations

from math import log

import numpy as np
import pytest

from motherlode.core.time import parse_partial_date
from motherlode.errors import InputError
from motherlode.nuggets.baselines import (
    Bm25,
    Bm25Passages,
    Bm25Sentences,
    TimeFilteredPassages,
    split_passages,
    split_sentences,
    years_of,
)
from motherlode.nuggets.record import Document

APPLE = Document(
    "apple",
    "Jobs was CEO from 1997 to 2011. He died in 2011.\n\nCook became CEO in 2011 and was still CEO in 2020.",
    title="Apple",
)
BAKERY = Document("bakery", "The bakery sells bread. Its CEO bakes.", title="Bakery", published_at="2005-06-01")


def test_bm25_is_its_formula() -> None:
    bm25 = Bm25(["red apple apple", "green pear", "red pear tart"])
    # Three texts of 3, 2 and 3 words, 8/3 on average; 'apple' twice in the first only.
    idf = log(1 + (3 - 1 + 0.5) / (1 + 0.5))
    norm = 1.2 * (1 - 0.75 + 0.75 * 3 / (8 / 3))
    assert bm25.scores("apple") == pytest.approx([idf * 2 * 2.2 / (2 + norm), 0, 0])
    ((position, score),) = bm25.search("apple", 5)
    assert (position, score) == (0, bm25.scores("apple")[0])


def test_bm25_ranks_the_rarer_word_first_and_ties_by_position() -> None:
    bm25 = Bm25(["a red thing", "a red thing", "a blue thing"])
    assert [position for position, _ in bm25.search("red blue", 3)] == [2, 0, 1]


def test_a_filter_comes_before_the_ranking() -> None:
    bm25 = Bm25(["red", "red", "red"])
    assert [position for position, _ in bm25.search("red", 1, keep=np.array([False, False, True]))] == [2]


@pytest.mark.parametrize("query", ["", "?!'\"&+-:*", "unheard of", "日本"])
def test_a_query_without_known_words_finds_nothing(query: str) -> None:
    assert Bm25(["red", "blue"]).search(query, 3) == []


def test_bm25_of_nothing_finds_nothing() -> None:
    assert Bm25([]).search("red", 3) == []
    with pytest.raises(InputError, match="b=2"):
        Bm25(["red"], b=2)


def test_a_title_is_searched_but_not_handed_over() -> None:
    (found, *_) = Bm25Sentences([APPLE, BAKERY]).ask("Who was CEO of Apple from 1997?", None, 3)
    assert found.text == "Jobs was CEO from 1997 to 2011."
    assert found.interval is None


def test_passages_are_longer_than_sentences() -> None:
    sentences, passages = Bm25Sentences([APPLE, BAKERY]), Bm25Passages([APPLE, BAKERY])
    assert (sentences.n_units, passages.n_units) == (5, 2)
    (found,) = passages.ask("died", None, 10)
    assert (
        found.text
        == "Jobs was CEO from 1997 to 2011. He died in 2011. Cook became CEO in 2011 and was still CEO in 2020."
    )


def test_the_time_filter_keeps_passages_whose_years_span_the_asked_time() -> None:
    system = TimeFilteredPassages([APPLE, BAKERY])

    def asked(when: str | None) -> list[str]:
        at = None if when is None else parse_partial_date(when)
        return [answer.text[:4] for answer in system.ask("CEO", at, 10)]

    assert asked("2000") == ["Jobs"]
    assert asked("2020-12-31") == ["Jobs"], "to the end of the latest year"
    assert asked("1996") == []
    assert asked("2021") == []
    assert asked("2005-06-01") == ["Jobs", "The "], "the bakery by its date of publication"
    assert sorted(asked(None)) == ["Jobs", "The "]


def test_the_time_of_a_passage_is_its_interval() -> None:
    (found,) = TimeFilteredPassages([APPLE]).ask("Jobs", parse_partial_date("2000"), 1)
    assert str(found.interval) == "[1997, 2021-01-01)"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from 1997 to 2011", [1997, 2011]),
        ("in 1,997 cases and 2011.5 points", []),
        ("number 199712 of 12011", []),
        ("1997-2011, 2099.", [1997, 2011, 2099]),
        ("room 2101", []),
    ],
)
def test_years_are_whole_numbers(text: str, expected: list[int]) -> None:
    assert years_of(text) == expected


def test_initials_and_titles_end_no_sentence() -> None:
    assert split_sentences("John F . Kennedy met Dr. No. He left . Then rain fell!\n\nA heading") == [
        "John F . Kennedy met Dr. No. He left .",
        "Then rain fell!",
        "A heading",
    ]
    assert split_sentences("") == []


def test_a_passage_is_full_once_it_has_its_words() -> None:
    assert split_passages("One two. Three four. Five.", n_words=3) == ["One two. Three four.", "Five."]
    with pytest.raises(InputError, match="not 0"):
        split_passages("text", n_words=0)
