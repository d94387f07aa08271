"""Long texts in windows that a model can read at once, cut where a reader would pause."""

from __future__ import annotations

import re
from typing import NamedTuple

from motherlode.errors import InputError
from motherlode.nuggets.token_count import count_tokens

__all__ = ["Window", "cut_windows"]

# Where to cut, the best place first: after a blank line, a line, a sentence, a word.
_PAUSES = tuple(map(re.compile, (r"\n[^\S\n]*\n\s*", r"\n\s*", r"(?<=[.!?。！？])\s+|(?<=[。！？])", r"\s+")))


class Window(NamedTuple):
    """Characters ``begin`` to ``end`` (that one not included) of a document."""

    begin: int
    end: int


def cut_windows(text: str, max_tokens: int) -> list[Window]:
    """Windows over all of the text that is not blank, none of more than ``max_tokens`` by `count_tokens`.

    Cut at blank lines; a paragraph that alone is too long, at its lines; a line, at its sentences; then at words; a
    word that is too long, anywhere. Windows do not overlap, so that no fact is paid for twice.

    Errors: InputError for less than 16 tokens.
    """
    if max_tokens < 16:
        raise InputError(f"a window holds at least 16 tokens, not {max_tokens}")
    windows: list[Window] = []
    begin = end = n_tokens = 0
    for first, last, size in _pieces(text, 0, len(text), max_tokens, 0):
        if n_tokens and n_tokens + size > max_tokens:
            windows.append(Window(begin, end))
            n_tokens = 0
        if not n_tokens:
            begin = first
        end = last
        n_tokens += size
    if n_tokens:
        windows.append(Window(begin, end))
    return windows


def _pieces(text: str, begin: int, end: int, max_tokens: int, level: int) -> list[tuple[int, int, int]]:
    """(begin, end, tokens) of paragraphs, and of parts of those that are too long, without the space between."""
    size = count_tokens(text[begin:end])
    if size == 0:
        return []
    if level and size <= max_tokens:
        return [(begin, end, size)]
    while level < len(_PAUSES):
        pauses = [pause.span() for pause in _PAUSES[level].finditer(text, begin, end)]
        level += 1
        if pauses or size <= max_tokens:
            starts, ends = [begin, *(last for _, last in pauses)], [*(first for first, _ in pauses), end]
            return [
                piece
                for first, last in zip(starts, ends, strict=True)
                for piece in _pieces(text, first, last, max_tokens, level)
            ]
    cuts = [(at, min(at + max_tokens, end)) for at in range(begin, end, max_tokens)]  # a token has a character or more
    return [(first, last, count_tokens(text[first:last])) for first, last in cuts]
