"""Words of nuggets and questions: one tokenizer for both databases, so that both match and rank alike."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from motherlode.nuggets.schema import Predicate, predicate_words

__all__ = ["MAX_WORD", "STOP_WORDS", "predicate_marker", "predicate_tokens", "question_words", "tokens"]

MAX_WORD = 64
"""Characters of a word that count; what is longer is cut, in nuggets and questions alike."""

# Letters and digits of any script; C++, C# and F# keep their signs. Scripts without spaces: a character is a word.
_WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0e7f]|"
    r"(?:(?![\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0e7f])[^\W_])+(?:\+\+|#(?!\w))?"
)

_STOP_WORDS = """
a an and are as at be been by did do does for from had has have how i in into is it its of on or s that the their there
these they this to was were what when where which who whom whose why will with would you your
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())


@lru_cache(maxsize=65_536)
def tokens(text: str) -> tuple[str, ...]:
    """The words of a text: case folded, without marks on letters; 'Rohlík' → 'rohlik'."""
    if text.isascii():
        plain = text.lower()
    else:
        decomposed = unicodedata.normalize("NFKD", text).casefold()
        plain = "".join(char for char in decomposed if not unicodedata.combining(char))
    return tuple(word[:MAX_WORD] for word in _WORD.findall(plain))


@lru_cache(maxsize=4096)
def predicate_tokens(predicate: Predicate) -> tuple[str, ...]:
    """What a question may call a predicate: its name, its aliases, the words people ask with; each once."""
    names = (predicate.name, *predicate.aliases, *predicate.words)
    return tuple(dict.fromkeys(word for name in names for word in tokens(predicate_words(name))))


@lru_cache(maxsize=4096)
def predicate_marker(name: str) -> str:
    """The one word that stands for a predicate in the full text: no question has it, its own words lead to it."""
    return "\u00b6" + "".join(tokens(predicate_words(name)))[:MAX_WORD]


_CAPITALS = re.compile(r"\b[A-Z]{2,}\b")


def question_words(question: str) -> list[str]:
    """The words of a question that say what it is about, each once; all of them where nothing else is left.

    A stop word in capitals is a name (AT, IT, US), unless the whole question is in capitals.
    """
    words = list(dict.fromkeys(tokens(question)))
    names = set() if question.isupper() else {name.lower() for name in _CAPITALS.findall(question)}
    return [word for word in words if word not in STOP_WORDS or word in names] or words
