"""Which words of a passage answer to which words of a question, for showing results."""

from __future__ import annotations

import re
from bisect import bisect_left

__all__ = ["best_window", "matched_spans"]

_WORD = re.compile(r"[^\W_]+")
_SUFFIXES = tuple(_WORD.findall("ations ation ings ing ions ion edly ers ors ies ed er or es ly s y"))
_STOP_WORDS = frozenset(
    _WORD.findall(
        "a an and any are as at be but by can do does for from get has have how i if in into is it its me my no not of "
        "on or our should so some than that the their them then there these this to up use using want was we were what "
        "when where which while who why will with you your"
    )
)


def _stem(word: str) -> str:
    """Enough of a stem to light ``sorted`` for ``sorting``; only ever shown, never searched by."""
    word = word.casefold()
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            word = word[: -len(suffix)]
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "lsz":  # Porter's rule
        word = word[:-1]
    return word[:-1] if len(word) > 3 and word[-1] in "ei" else word


def _question_stems(question: str) -> set[str]:
    words = _WORD.findall(question.casefold())
    telling = [word for word in words if word not in _STOP_WORDS]
    return {_stem(word) for word in telling or words}


def matched_spans(question: str, text: str) -> list[tuple[int, int]]:
    """(begin, end) of the words in ``text`` that share a stem with a telling word of ``question``, in order."""
    stems = _question_stems(question)
    return [match.span() for match in _WORD.finditer(text) if _stem(match.group()) in stems]


def best_window(question: str, text: str, n_characters: int) -> tuple[int, int]:
    """(begin, end) of the stretch of about ``n_characters`` that holds most different words of the question.

    Begins and ends at words; the earliest of equals; the beginning of the text where nothing matches.
    """
    if len(text) <= n_characters:
        return 0, len(text)
    spans = matched_spans(question, text)
    best, best_count = 0, -1
    for position, (begin, _) in enumerate(spans):
        within = spans[position : bisect_left(spans, (begin + n_characters * 3 // 4, 0))]
        count = len({_stem(text[b:e]) for b, e in within})
        if count > best_count:
            best, best_count = begin, count
    begin = max(0, min(best - n_characters // 5, len(text) - n_characters))
    if best < n_characters * 3 // 5:
        begin = 0
    if begin:
        space = text.rfind(" ", max(0, begin - 20), begin)
        begin = space + 1 if space >= 0 else begin
    end = min(len(text), begin + n_characters)
    if end < len(text):
        space = text.rfind(" ", end - 20, end)
        end = space if space > begin else end
    return begin, end
