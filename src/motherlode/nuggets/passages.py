"""Passages of somebody else's retriever: what they are made of, and which names, numbers and dates stand in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import cached_property, lru_cache
from typing import Any

from motherlode.errors import InputError
from motherlode.nuggets.extraction.dates import find_dates
from motherlode.nuggets.record import Document, When, digest
from motherlode.nuggets.schema import Predicate, predicate_words
from motherlode.nuggets.values import normalize_name
from motherlode.nuggets.words import STOP_WORDS, tokens

__all__ = ["MAX_PASSAGE_WORDS", "Passage", "PassageText", "as_passage"]

MAX_PASSAGE_WORDS = 1000
"""Words of a passage in which names are looked for; what follows is not read."""

_MAX_NAME_WORDS = 6
_NEAR = 15  # words between an object and the word that says what it is of the subject
_SOURCE_FIELDS = ("source_id", "document_id", "doc_id", "source", "ref_doc_id")
_UNSPACED = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0e7f"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}](?:[^\W{_UNSPACED}]|[.&'’+#\-])*")
_TAIL = re.compile(r"(?:['’]s|['’.&\-])+$", re.IGNORECASE)
_GAP = re.compile(r"[\s.,&'’\"()/\-]{0,3}")
_AMOUNT = re.compile(r"(?<![\w.])[-+]?\d+(?:[ ,_']\d{3})*(?:\.\d+)?")
_DENIAL = frozenset(["not", "never", "no", "nor", "neither", "isn", "aren", "wasn", "weren", "denied", "denies"])


@dataclass(frozen=True, slots=True)
class Passage:
    """A text that some retriever found.

    id: of the passage, or of its document; None where it has none
    published_at: as a document's; relative dates in the text refer to it
    metadata: its owner's; ``source_id``, ``document_id``, ``doc_id``, ``source`` and ``ref_doc_id`` in it may name the
        document
    """

    text: str
    id: str | None = None
    published_at: When | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sources(self) -> tuple[str, ...]:
        """The ids under which a store may know its document, the likeliest first."""
        named = [self.metadata[name] for name in _SOURCE_FIELDS if self.metadata.get(name)]
        return tuple(dict.fromkeys(str(name) for name in (*named, self.id) if name))

    @property
    def document(self) -> Document:
        """What an extractor reads; the same text published at the same time is the same document."""
        return Document("p" + digest(self.text, self.published_at), self.text, published_at=self.published_at)


def as_passage(value: Any, position: int = 0) -> Passage:
    """A passage from a text, a mapping, or an object with ``text``, ``page_content`` or ``content``.

    Its id, published_at and metadata (or ``meta``) are taken where it has them; published_at may be in the metadata.
    position: for the message of an error.

    Errors: InputError for what has no text.
    """
    if isinstance(value, Passage):
        return value
    if isinstance(value, str):
        return Passage(value)

    def of(*names: str) -> Any:
        for name in names:
            found = value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)
            if found is not None:
                return found
        return None

    text = of("text", "page_content", "content")
    if not isinstance(text, str):
        raise InputError(
            f"passage {position} is {type(value).__name__} without text: give a text, or an object or mapping with "
            "'text' (or 'page_content', 'content'), and 'id', 'published_at', 'metadata' where known"
        )
    metadata = of("metadata", "meta")
    metadata = dict(metadata) if isinstance(metadata, Mapping) else {}
    name = of("id", "id_", "node_id")
    return Passage(
        text, None if name is None else str(name), of("published_at") or metadata.get("published_at"), metadata
    )


class PassageText:
    """The words of a passage and the names, numbers and dates in it, each found once."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._words: list[tuple[int, int, int]] = []  # begin, end, end without a possessive or a full stop
        for found in _WORD.finditer(text):
            if len(self._words) == MAX_PASSAGE_WORDS:
                break
            bare = _TAIL.sub("", found.group())
            self._words.append((found.start(), found.end(), found.start() + len(bare)))

    @cached_property
    def names(self) -> dict[str, list[tuple[int, int]]]:
        """Every run of up to 6 words that may be a name, normalised: the (first, last) words of each place."""
        found: dict[str, list[tuple[int, int]]] = {}
        words = self._words
        stops = [self.text[begin:end].casefold() in STOP_WORDS for begin, _, end in words]
        for first, (begin, _, _) in enumerate(words):
            if stops[first] and not self.text[begin].isupper():
                continue
            for last in range(first, min(first + _MAX_NAME_WORDS, len(words))):
                if last > first and not _GAP.fullmatch(self.text, words[last - 1][1], words[last][0]):
                    break
                if stops[last]:
                    continue
                for end in {words[last][1], words[last][2]}:
                    if name := normalize_name(self.text[begin:end]):
                        found.setdefault(name, []).append((first, last))
        return found

    @cached_property
    def _tokens(self) -> list[tuple[str, ...]]:
        return [tokens(self.text[begin:end]) for begin, end, _ in self._words]

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """Its words, folded as nuggets' are."""
        return frozenset(token for word in self._tokens for token in word)

    @cached_property
    def _amounts(self) -> dict[Decimal, list[tuple[int, int]]]:
        found: dict[Decimal, list[tuple[int, int]]] = {}
        for match in _AMOUNT.finditer(self.text):
            try:
                amount = Decimal(re.sub(r"[ ,_']", "", match.group())).normalize()
            except InvalidOperation:  # pragma: no cover - the pattern writes numbers only
                continue
            found.setdefault(amount, []).append(self._around(*match.span()))
        return found

    @cached_property
    def _dates(self) -> dict[str, list[tuple[int, int]]]:
        found: dict[str, list[tuple[int, int]]] = {}
        for mention in find_dates(self.text):
            if mention.date is not None:
                found.setdefault(str(mention.date), []).append(self._around(mention.begin, mention.end))
        return found

    def _around(self, begin: int, end: int) -> tuple[int, int]:
        """The words that a span of characters touches."""
        inside = [i for i, (first, last, _) in enumerate(self._words) if first < end and begin < last]
        return (inside[0], inside[-1]) if inside else (len(self._words), len(self._words))

    def places(self, kind: str, key: str, names: Iterable[str]) -> list[tuple[int, int]]:
        """Where a value stands. kind, key: as `canonical_value` gives them; names: all that a name goes by."""
        if kind == "name":
            return [place for name in names for place in self.names.get(name, ())]
        if kind == "date":
            return self._dates.get(key, [])
        if kind != "number":
            return []
        amount, _, unit = key.partition(" ")
        if unit and unit not in self.text.casefold() and not (unit == "%" and "percent" in self.vocabulary):
            return []
        return self._amounts.get(Decimal(amount).normalize(), [])

    def has_words_of(self, predicate: Predicate) -> bool:
        """Whether all words of one of the ways to say a predicate are somewhere in it."""
        return any(phrase <= self.vocabulary for phrase in _phrases(predicate))

    def says(self, predicate: Predicate, places: Iterable[tuple[int, int]]) -> bool:
        """Whether a name of the predicate, or a word that people use for it, stands near, and is not denied there."""
        phrases = _phrases(predicate)
        for first, last in places:
            begin, end = max(0, first - _NEAR), last + 1 + _NEAR
            near = {t for i, word in enumerate(self._tokens[begin:end], begin) if not first <= i <= last for t in word}
            if any(phrase <= near for phrase in phrases) and not self._is_denied(first, last, phrases):
                return True
        return False

    def _is_denied(self, first: int, last: int, phrases: Sequence[frozenset[str]]) -> bool:
        """Whether "not", "no longer" or the like stands between the object and the nearest word of the predicate."""
        said = frozenset().union(*phrases)
        at = [i for i, word in enumerate(self._tokens) if not first <= i <= last and said & set(word)]
        if not at:
            return False
        nearest = min(at, key=lambda i: min(abs(i - first), abs(i - last)))
        begin, end = min(first, nearest), max(last, nearest) + 1
        return any(_DENIAL & set(word) for word in self._tokens[max(0, begin - 1) : end])


@lru_cache(maxsize=4096)
def _phrases(predicate: Predicate) -> tuple[frozenset[str], ...]:
    """Ways to say a predicate, each the words that all have to be there."""
    found = []
    for name in (predicate.name, *predicate.aliases, *predicate.words):
        words = tokens(predicate_words(name))
        found.append(frozenset(word for word in words if word not in STOP_WORDS) or frozenset(words))
    return tuple(found)
