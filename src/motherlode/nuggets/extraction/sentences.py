"""Lines and sentences of a text with their places: no model, one pass, bounded work per character."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from motherlode.nuggets.extraction.lexicon import word_set

__all__ = ["Sentence", "iter_lines", "iter_sentences"]

# After these a full stop does not end a sentence.
_ABBREVIATIONS = word_set(
    "mr mrs ms dr prof rev hon st ste sr jr sen rep gov gen col maj capt lt sgt cmdr adm fr bros vs no nos "
    "vol op cit ca c cf eg ie e.g i.e al approx dept est fig inc ltd co corp univ assn ave blvd mt ft jan feb "
    "mar apr jun jul aug sep sept oct nov dec b d m née u.s u.k u.n s.a a.m p.m ph.d m.a b.a m.d d.c"
)
_END = re.compile(r"[.!?…。！？](?:[\"”’')\]]{0,3})(?=\s|$)")
_WORD_BEFORE = re.compile(r"[\w.]{1,24}$")
_LONGEST = 2_000
"""A sentence of more characters is cut: what long is a table or an accident, and patterns stay cheap."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """``document.text[begin:end] == text``."""

    begin: int
    end: int
    text: str


def iter_lines(text: str) -> Iterator[Sentence]:
    """Every line that is not blank, without the space around it."""
    begin = 0
    while begin < len(text):
        end = text.find("\n", begin)
        end = len(text) if end < 0 else end
        line = text[begin:end]
        bare = line.strip()
        if bare:
            at = begin + line.index(bare[0])
            yield Sentence(at, at + len(bare), bare)
        begin = end + 1


def iter_sentences(line: Sentence) -> Iterator[Sentence]:
    """The sentences of one line; one of more than 2,000 characters comes in pieces."""
    text = line.text
    begin = 0
    for found in _END.finditer(text):
        if found[0][0] == "." and not _is_end(text, found.start(), found.end()):
            continue
        yield from _pieces(line, begin, found.end())
        begin = found.end()
    yield from _pieces(line, begin, len(text))


def _pieces(line: Sentence, begin: int, end: int) -> Iterator[Sentence]:
    text = line.text
    while begin < end:
        stop = end
        if end - begin > _LONGEST:
            space = text.rfind(" ", begin + _LONGEST // 2, begin + _LONGEST)
            stop = space if space > 0 else begin + _LONGEST
        piece = text[begin:stop]
        bare = piece.strip()
        if bare:
            at = line.begin + begin + piece.index(bare[0])
            yield Sentence(at, at + len(bare), bare)
        begin = stop


def _is_end(text: str, dot: int, after: int) -> bool:
    """Whether a full stop ends the sentence: not after an initial or an abbreviation, not before a small letter."""
    following = text[after : after + 3].lstrip()
    if following and (following[0].islower() or following[0] in ",;:)"):
        return False
    word = _WORD_BEFORE.search(text, max(0, dot - 24), dot)
    if word is None:
        return True
    before = word[0]
    if len(before) == 1 and before.isalpha() and before.isupper():
        return not following  # an initial: "John F. Kennedy"
    return not following or before.casefold() not in _ABBREVIATIONS
