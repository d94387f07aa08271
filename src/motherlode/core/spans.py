"""Places in texts: spans of characters, the words around them, and which stretches of a long text to show."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["TextSpan", "shown_stretches", "word_around"]

# Letters and digits of scripts that put spaces between words; others have no word to show around a token.
_WORD = re.compile(r"[^\W_\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]")
_LONGEST_WORD = 40


class TextSpan(NamedTuple):
    """Characters ``begin`` to ``end`` (that one not included) of a query, a title or a text.

    part: "query", "title" or "text"
    """

    begin: int
    end: int
    part: str


def word_around(text: str, begin: int, end: int) -> tuple[int, int]:
    """The word that holds ``text[begin:end]``, as a span: ``running`` for its piece ``##ing``. The span itself if none.

    Where the piece is no part of a word, or of one of more than 40 characters, nothing is added.
    """
    first, last = begin, end
    if begin < end and _WORD.match(text[begin]):
        while first > 0 and begin - first <= _LONGEST_WORD and _WORD.match(text[first - 1]):
            first -= 1
    if begin < end and _WORD.match(text[end - 1]):
        while last < len(text) and last - end <= _LONGEST_WORD and _WORD.match(text[last]):
            last += 1
    return (first, last) if last - first <= _LONGEST_WORD else (begin, end)


def shown_stretches(text: str, spans: Iterable[tuple[int, int]], margin: int) -> list[tuple[int, int]]:
    """Stretches of ``text`` that show ``spans`` with ``margin`` characters around them, in order.

    They begin and end between words where there are any near by. Gaps shorter than ``margin`` are shown too; without
    spans the beginning is shown.
    """
    found: list[list[int]] = []
    for begin, end in sorted(spans) or [(0, 0)]:
        left, right = max(0, begin - margin), min(len(text), end + margin)
        if found and left <= found[-1][1] + margin:
            found[-1][1] = max(found[-1][1], right)
        else:
            found.append([left if left > margin else 0, right])
    if found[-1][1] + margin >= len(text):
        found[-1][1] = len(text)
    stretches = []
    for left, right in found:
        if left:
            left = text.rfind(" ", max(0, left - 20), left) + 1 or left
        if right < len(text):
            space = text.find(" ", right, right + 20)
            right = space if space >= 0 else right
        stretches.append((left, right))
    return stretches
