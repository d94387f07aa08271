"""Whom a sentence of a page is about: the page's title stands for its pronouns, short names and "the company"."""

from __future__ import annotations

import re
from dataclasses import dataclass

from motherlode.nuggets.extraction.lexicon import word_set
from motherlode.nuggets.extraction.roles import is_title_of_honour

__all__ = ["Resolved", "SubjectResolver"]

_WORD = re.compile(r"\w[\w’'-]*")
_HE = re.compile(r"\b(?:he|she|his|her|him)\b", re.IGNORECASE)
_IT = re.compile(r"\b(?:it|its)\b", re.IGNORECASE)
# The years of a life in the first lines: "(born 5 May 1950)", "(1175–1233)", "(22 December 1905 – 28 October 1998)".
_LIFE = re.compile(r"\([^()]{0,80}(?:\bborn\b|\bb\.|\d{4}\s?[–—-]\s?(?:c\.\s?)?(?:[\w ,]{0,20})\d{4})[^()]{0,60}\)")
_BRACKETED = re.compile(r"\s*\([^()]*\)\s*$")
_LEADING = re.compile(r"^(?:the|a|an|this|that|these|those)\s+", re.IGNORECASE)
_POSSESSIVE = re.compile(r"^(his|her|its|their)\s+(.+)", re.IGNORECASE | re.DOTALL)
_OWNED = re.compile(r"(?P<owner>[^’']{2,60})[’']s\s(?P<rest>[a-z].{2,80})$", re.DOTALL)
# "the company" is the page's subject where the page is not about a person.
_GENERIC = word_set(
    "company firm corporation club team side band group organization organisation association party ship "
    "vessel submarine boat school university college institute academy city town village municipality "
    "district county province state country building house museum theatre theater station line bank newspaper "
    "magazine journal airline airport locomotive class series show programme program network agency office "
    "post position title event award prize league squadron regiment unit order society union federation "
    "foundation channel brand product hospital church bridge stadium square island site property structure "
    "department ministry government kingdom empire dynasty family league franchise label studio store hotel"
)
_HEAD = 6_000


@dataclass(frozen=True, slots=True)
class Resolved:
    """The name of a subject and how sure it is, 0 to 1."""

    name: str
    trust: float


class SubjectResolver:
    """Resolves the subjects of one document, sentence by sentence.

    title: what the page is about; without one, only names in the sentence itself are subjects
    """

    def __init__(self, title: str | None, text: str) -> None:
        self.title = title.strip() if title and title.strip() else None
        bare = _BRACKETED.sub("", self.title) if self.title else ""
        self._words = frozenset(word.casefold() for word in _WORD.findall(bare))
        head = text[:_HEAD]
        n_he = len(_HE.findall(head))
        n_it = len(_IT.findall(head))
        self.is_person = n_he >= 2 and (n_he > n_it or (n_he > n_it // 2 and _LIFE.search(text, 0, 400) is not None))
        self._other_person: str | None = None
        self.n_sentences = 0

    def resolve(self, words: str | None, *, is_pronoun: bool) -> Resolved | None:
        """The subject that the words name; None where nobody can tell."""
        if words is None:
            return None
        if is_pronoun:
            return self._pronoun(words.casefold())
        possessive = _POSSESSIVE.match(words)
        if possessive is not None:
            owner = self._pronoun({"his": "he", "her": "she", "its": "it", "their": "they"}[possessive[1].casefold()])
            return None if owner is None else Resolved(f"{possessive[2]} of {owner.name}", 0.7 * owner.trust)
        bare = _LEADING.sub("", words).strip()
        if not bare:
            return None
        owned = _OWNED.match(bare)
        if owned is not None:
            owner = self.resolve(words[: owned.end("owner") + len(words) - len(bare)], is_pronoun=False)
            return None if owner is None else Resolved(f"{owned['rest']} of {owner.name}", 0.75 * owner.trust)
        tokens = _WORD.findall(bare)
        if self.title and tokens and (self._is_title(tokens) or (self.n_sentences <= 1 and self._shares(tokens))):
            self._other_person = None
            return Resolved(self.title, 1.0)
        if self.title and self.is_person and self._is_title_with_honour(tokens):
            return Resolved(self.title, 0.95)
        if self.title and not self.is_person and bare != words and bare.casefold() in _GENERIC:
            return Resolved(self.title, 0.9)
        if bare[0].isupper() or (tokens and tokens[-1][0].isupper()):
            if (
                self.is_person
                and len(tokens) in (2, 3)
                and all(token[0].isupper() for token in tokens)
                and bare == words
            ):
                self._other_person = bare
            return Resolved(bare, 0.93)
        if self.title and bare != words:
            return Resolved(f"{bare} of {self.title}", 0.7)
        return None

    def is_title(self, words: str) -> bool:
        """Whether a name phrase means what the page is about: its name, or "the house" on a page about a house."""
        bare = _LEADING.sub("", words).strip()
        tokens = _WORD.findall(bare)
        if self.title is None or not tokens:
            return False
        return self._is_title(tokens) or (not self.is_person and bare != words and bare.casefold() in _GENERIC)

    def possessor(self, word: str) -> Resolved | None:
        """Whose: of "its" and "his"."""
        return self._pronoun({"his": "he", "her": "she", "its": "it", "their": "they"}[word.casefold()])

    def _pronoun(self, word: str) -> Resolved | None:
        if self.title is None:
            return None
        if word in ("he", "she", "him", "her", "himself", "herself"):
            if not self.is_person:
                return None
            return Resolved(self.title, 0.75 if self._other_person else 0.98)
        if word in ("it", "they", "itself", "themselves"):
            return None if self.is_person else Resolved(self.title, 0.97 if word == "it" else 0.88)
        return None

    def end_of_sentence(self) -> None:
        """The next sentence begins; what this one said of others counts for one more sentence."""
        self.n_sentences += 1

    def end_of_paragraph(self) -> None:
        self._other_person = None

    def _is_title(self, tokens: list[str]) -> bool:
        words = [token.casefold() for token in tokens]
        return all(word in self._words for word in words) and any(token[0].isupper() for token in tokens)

    def _is_title_with_honour(self, tokens: list[str]) -> bool:
        """General Deering for Myles Deering."""
        return (
            1 < len(tokens) <= 4
            and tokens[-1].casefold() in self._words
            and all(is_title_of_honour(token) or token.casefold() in self._words for token in tokens[:-1])
        )

    def _shares(self, tokens: list[str]) -> bool:
        return any(token.casefold() in self._words and token[0].isupper() for token in tokens)
