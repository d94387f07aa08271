"""Tokens of a sentence with the little grammar that patterns need: is it a verb, a preposition, part of a name?

The tags here come from word lists and endings and need no model; with spaCy installed its tagger gives them instead.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Protocol

from motherlode.nuggets.extraction.lexicon import word_set
from motherlode.nuggets.extraction.verbs import AUXILIARIES, IRREGULAR, PRESENT

__all__ = ["Tag", "Tagger", "Token", "WordTagger", "is_closed", "tokenize"]


class Tag(Enum):
    """What a token can do in a clause."""

    NOUN = "noun"
    """Nouns, names, adjectives, numbers: what a name phrase is made of"""
    DETERMINER = "determiner"
    PRONOUN = "pronoun"
    VERB = "verb"
    PARTICIPLE = "participle"
    """Ends in -ing"""
    AUXILIARY = "auxiliary"
    MODAL = "modal"
    ADVERB = "adverb"
    NOT = "not"
    PREPOSITION = "preposition"
    TO = "to"
    OF = "of"
    AND = "and"
    COMMA = "comma"
    OPEN = "("
    CLOSE = ")"
    CLAUSE = "clause"
    """Opens another clause: which, when, because, a semicolon, a dash"""
    TIME = "time"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Token:
    begin: int
    end: int
    text: str


class Tagger(Protocol):
    """Gives each token of each sentence its tag."""

    @property
    def name(self) -> str: ...
    def tag(self, sentences: Sequence[Sequence[Token]]) -> list[list[Tag]]: ...


_TOKEN = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\w)|\w[\w’'.&/+#-]*|[^\w\s]")
_CLOSED = {
    Tag.DETERMINER: (
        "the a an his her its their this these those our my your another each every some any no both all several"
    ),
    Tag.PRONOUN: "he she it they him them himself herself itself themselves we us i you one there who's",
    Tag.MODAL: "will would could may might should can must shall",
    Tag.NOT: "not never neither nor hardly n't without cannot",
    Tag.PREPOSITION: (
        "in on at by for from with as into onto upon under over between among against through during within "
        "about after before until since toward towards via near around beside behind beyond across along off "
        "outside inside throughout despite alongside following including above below per like unlike than "
        "because besides according"
    ),
    Tag.ADVERB: (
        "also then later again first once still soon subsequently briefly currently now eventually finally "
        "initially originally instead thereafter afterwards already just back away abroad together only even "
        "ever formerly previously there here however meanwhile thus therefore once twice up down out recently "
        "simultaneously jointly"
    ),
    Tag.CLAUSE: (
        "who whom whose which that where when while although though because if whether what how why so "
        'whereas ; : – — - " “ ”'
    ),
    Tag.AND: "and or but & as-well-as",
    Tag.COMMA: ",",
    Tag.OPEN: "( [",
    Tag.CLOSE: ") ]",
    Tag.TO: "to",
    Tag.OF: "of",
}
_TAG_OF = {word: tag for tag, words in _CLOSED.items() for word in words.split()}
_TAG_OF.update(dict.fromkeys(AUXILIARIES, Tag.AUXILIARY))
_UNITS = frozenset("%°$£€")
_NOT_VERBS = word_set(
    "united red bed seed speed breed need indeed hundred sacred naked wicked limited unlimited aged beloved "
    "led-zeppelin unnamed so-called self-styled armed mixed retired unarmed detailed related combined "
    "advanced allied federated associated wing king ring string spring morning evening building meeting thing "
    "nothing something anything everything during including following ceiling wedding clothing housing "
    "railing shilling sterling"
)


def is_closed(word: str) -> bool:
    """Whether a word is in the lists of function words, which need no tagger."""
    return word.casefold() in _TAG_OF


def tokenize(sentence: str) -> list[Token]:
    """Words and signs in order; a full stop at the end of a word is a sign of its own, an initial's is not."""
    tokens: list[Token] = []
    for found in _TOKEN.finditer(sentence):
        begin, end = found.span()
        text = found[0]
        bare = text.rstrip("’'./-")
        if bare and len(bare) < len(text) and not _keeps_its_stop(bare, text, at_end=end == len(sentence)):
            tokens.append(Token(begin, begin + len(bare), bare))
            tokens.append(Token(begin + len(bare), end, text[len(bare) :]))
        else:
            tokens.append(Token(begin, end, text))
    return tokens


def _keeps_its_stop(bare: str, text: str, *, at_end: bool) -> bool:
    if text != f"{bare}." or at_end:
        return False
    return (
        len(bare) == 1
        or "." in bare
        or bare in ("St", "Dr", "Mr", "Mrs", "Jr", "Sr", "Inc", "Ltd", "Co", "Corp", "Mt", "Lt")
    )


class WordTagger:
    """Tags from word lists and endings. Capital letters mark names, -ed and known forms mark verbs."""

    @property
    def name(self) -> str:
        return "words"

    def tag(self, sentences: Sequence[Sequence[Token]]) -> list[list[Tag]]:
        return [self._tags(tokens) for tokens in sentences]

    def _tags(self, tokens: Sequence[Token]) -> list[Tag]:
        tags: list[Tag] = []
        for at, token in enumerate(tokens):
            if token.text == "longer" and at and tokens[at - 1].text == "no":
                tags[-1] = Tag.NOT
                tags.append(Tag.NOT)
                continue
            before = tags[-1] if tags else None
            if before is Tag.DETERMINER and token.text in ("a", "an", "the") and tokens[at - 1].text == "her":
                tags[-1] = Tag.PRONOUN  # "made her an instructor"
            if before is Tag.NOUN and token.text in PRESENT and not tokens[at - 1].text[0].isupper():
                tags.append(Tag.NOUN)  # "the palace works": no verb behind a common noun
                continue
            tags.append(_tag(token.text, before, at == 0))
        return tags


@lru_cache(maxsize=65_536)
def _tag(text: str, before: Tag | None, is_first: bool) -> Tag:
    """The tag of a word by itself and the tag before it."""
    lower = text.casefold()
    known = _TAG_OF.get(lower)
    if (known is Tag.ADVERB and before is Tag.DETERMINER) or text == "i":
        return Tag.NOUN  # "the first section"; a particle of names
    if known is not None and (text.islower() or is_first or not text[0].isalpha() or before is not Tag.NOUN):
        return known
    if not text[0].isalnum():
        return Tag.NOUN if text in _UNITS else Tag.OTHER
    is_verb = before is Tag.PRONOUN and lower.endswith("ed")  # "he advanced", but "an advanced course"
    if text[0].isupper() or text[0].isdigit() or (lower in _NOT_VERBS and not is_verb):
        return Tag.NOUN
    if lower.endswith("ly") and len(lower) > 4 and lower not in ("family", "assembly", "monopoly", "early", "supply"):
        return Tag.ADVERB
    if before in (Tag.DETERMINER, Tag.OF):
        return Tag.NOUN  # "the leading", "an established"
    if lower in IRREGULAR or (lower in PRESENT and before in (Tag.NOUN, Tag.PRONOUN, Tag.ADVERB, Tag.CLAUSE, Tag.AND)):
        return Tag.VERB
    if lower.endswith("ed") and len(lower) > 4:
        return Tag.VERB
    if lower.endswith("ing") and len(lower) > 4:
        return Tag.PARTICIPLE
    return Tag.NOUN
