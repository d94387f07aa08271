"""Long documents cut into passages that an encoder reads whole."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from motherlode.workflows.documents.document import Document

__all__ = ["estimated_tokens", "split_into_passages"]

_WORD = re.compile(r"[^\W_]+|[^\w\s]|_")
_PARAGRAPH = re.compile(r"\n[ \t]*\n\s*")
_SENTENCE = re.compile(r"(?<=[.!?。])\s+|\n")
_CHARACTERS_PER_PIECE = 6  # measured on English prose and docstrings: long words are cut into pieces of about this


def estimated_tokens(text: str) -> int:
    """About how many wordpieces a tokenizer makes of ``text``: a little more than a BERT tokenizer does on English.

    Scripts written without spaces count one token a character, as BERT tokenizers do.
    """
    total = 0
    for match in _WORD.finditer(text):
        word = match.group()
        if word.isascii():
            total += 1 + (len(word) - 1) // _CHARACTERS_PER_PIECE
        else:
            total += sum(1 for c in word if c >= "\u2e80") or 1 + (len(word) - 1) // 3
    return total


def split_into_passages(document: Document, max_tokens: int) -> Iterator[Document]:
    """The document itself where it is short enough, else passages ``id#1``, ``id#2``, … of at most ``max_tokens``.

    Cuts come at paragraphs, then lines and sentences, then words. Every passage keeps the title, which counts. Short
    neighbours share a passage. ``max_tokens`` 0 keeps the document whole.
    """
    budget = max(16, max_tokens - estimated_tokens(document.title))
    if max_tokens <= 0 or estimated_tokens(document.text) <= budget:
        yield document
        return
    passages = list(_packed(_pieces(document.text, budget), budget))
    for number, text in enumerate(passages, start=1):
        yield replace(document, id=f"{document.id}#{number}", text=text)


def _pieces(text: str, budget: int) -> Iterator[tuple[str, int, str]]:
    """(text, tokens, the separator that stood before it) no longer than the budget."""
    for paragraph in _PARAGRAPH.split(text):
        if not paragraph.strip():
            continue
        n_tokens = estimated_tokens(paragraph)
        if n_tokens <= budget:
            yield paragraph.rstrip(), n_tokens, "\n\n"
            continue
        separator = "\n\n"
        for sentence in _separated(paragraph):
            n_tokens = estimated_tokens(sentence)
            if n_tokens <= budget:
                yield sentence, n_tokens, separator
            else:
                yield from _cut_words(sentence, budget, separator)
            separator = "\n" if "\n" in paragraph else " "


def _separated(paragraph: str) -> Iterator[str]:
    for part in _SENTENCE.split(paragraph):
        if part.strip():
            yield part.rstrip()


def _cut_words(sentence: str, budget: int, separator: str) -> Iterator[tuple[str, int, str]]:
    start = used = 0
    for begin, end in _word_bounds(sentence, budget):
        n_tokens = estimated_tokens(sentence[begin:end])
        if used and used + n_tokens > budget:
            yield sentence[start:begin].rstrip(), used, separator
            start, used, separator = begin, 0, " "
        used += n_tokens
    if sentence[start:].strip():
        yield sentence[start:].rstrip(), used, separator


def _word_bounds(sentence: str, budget: int) -> Iterator[tuple[int, int]]:
    """Begin and end of each word; an endless one (base64, a script without spaces) is cut every ``budget`` characters.

    A character is at most one token, so such a cut always fits.
    """
    for match in re.finditer(r"\S+", sentence):
        begin, end = match.span()
        if estimated_tokens(match.group()) <= budget:
            yield begin, end
        else:
            for cut in range(begin, end, budget):
                yield cut, min(cut + budget, end)


def _packed(pieces: Iterator[tuple[str, int, str]], budget: int) -> Iterator[str]:
    """Neighbouring pieces joined as long as they fit."""
    passage, used = "", 0
    for text, n_tokens, separator in pieces:
        if passage and used + n_tokens > budget:
            yield passage
            passage, used = "", 0
        passage = f"{passage}{separator}{text}" if passage else text
        used += n_tokens
    if passage:
        yield passage
