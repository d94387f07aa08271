"""Places in texts."""

from __future__ import annotations

import pytest

from motherlode.core.spans import shown_stretches, word_around


@pytest.mark.parametrize(
    ("text", "begin", "end", "word"),
    [
        ("the running dog", 8, 11, "running"),
        ("the running dog", 4, 7, "running"),
        ("the running dog", 4, 11, "running"),
        ("a, b", 1, 2, ","),
        ("don't", 0, 3, "don"),
        ("größte", 2, 4, "größte"),
        ("東京は大きい", 0, 1, "東"),
        ("x" * 100, 10, 12, "xx"),
        ("", 0, 0, ""),
    ],
)
def test_the_word_around_a_piece(text: str, begin: int, end: int, word: str) -> None:
    first, last = word_around(text, begin, end)
    assert text[first:last] == word


def test_stretches_show_spans_with_some_text_around_and_skip_long_gaps() -> None:
    text = "word " * 100
    assert shown_stretches(text, [(200, 204)], 30) == [(170, 234)]
    assert shown_stretches(text, [(200, 204), (260, 264)], 30) == [(170, 294)]
    assert shown_stretches(text, [(20, 24), (480, 484)], 30) == [(0, 54), (450, 500)]
    assert shown_stretches(text, [], 30) == [(0, 34)]
    assert shown_stretches("short", [(0, 5)], 30) == [(0, 5)]
    assert shown_stretches("", [], 30) == [(0, 0)]
    assert shown_stretches("x" * 200, [(100, 101)], 10) == [(90, 111)]
