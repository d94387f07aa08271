"""Which words are lit, and which stretch of a passage is shown."""

from __future__ import annotations

from motherlode.workflows.highlight import best_window, matched_spans


def lit(question: str, text: str) -> list[str]:
    return [text[begin:end] for begin, end in matched_spans(question, text)]


def test_inflections_of_a_word_are_lit_and_stop_words_are_not() -> None:
    assert lit("how do I sort the list?", "Sorted lists: sorting is how the list sorts.") == [
        "Sorted",
        "lists",
        "sorting",
        "list",
        "sorts",
    ]
    assert lit("running files", "run a file in the runner") == ["run", "file", "runner"]


def test_parts_of_identifiers_are_lit() -> None:
    assert lit("most common elements", "Counter.most_common(n)") == ["most", "common"]


def test_a_question_of_stop_words_only_lights_them() -> None:
    assert lit("what is it", "it is") == ["it", "is"]


def test_the_window_holds_the_stretch_with_most_words_of_the_question() -> None:
    text = "filler words " * 50 + "the parser reads a config file here " + "filler words " * 50
    begin, end = best_window("parse a config file", text, 120)
    assert "parser reads a config file" in text[begin:end]
    assert end - begin <= 140
    assert text[begin - 1] == " "


def test_the_window_of_a_short_or_unmatched_text_is_its_beginning() -> None:
    assert best_window("x", "short", 100) == (0, 5)
    begin, end = best_window("zebra", "word " * 100, 60)
    assert begin == 0
    assert 40 <= end <= 60
