"""What people and extractors hand in: claims, and the documents that make them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import blake2b
from numbers import Integral, Real
from typing import Protocol

from motherlode.core.time import Interval, PartialDate, parse_partial_date
from motherlode.errors import InputError
from motherlode.nuggets.values import Value, canonical_value, normalize_name

__all__ = ["KINDS", "Claim", "Document", "Extractor", "digest"]

KINDS = ("semantic_fact", "episodic_event", "instruction", "user_preference")
"""The kinds of nugget, by the paper's names (NuggetIndex, section 3)."""

When = str | date | datetime | PartialDate


def digest(*parts: object) -> str:
    """128 bits of BLAKE2b over the parts, as hex: the same on every machine and day."""
    return blake2b("\x1f".join(map(str, parts)).encode(errors="surrogatepass"), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Claim:
    """What one document says: a subject's predicate is an object, from some time to some time.

    subject, predicate: names. object: text, a number, a date, a truth value or a `Quantity`
    valid_from, valid_to: as finely as stated ('YYYY', 'YYYY-Qn', 'YYYY-MM', 'YYYY-MM-DD', an ISO timestamp with its
        zone, 'A/B' for some time between two, a date, an aware datetime, a partial date); None is an unknown start, an
        open end. ``valid_to`` is exclusive
    source: id of the document. publisher: who counts as independent, by default the source
    scope: 'global', or whose fact it is ('user:7', 'group:a')
    negated: the object is *not* (or no longer) what it was, from ``valid_from`` on: this closes an interval
    text: the sentence that says it. span: begin and end of it in the document's text, in characters
    confidence: 0 to 1, of the extractor. Below the store's thresholds a claim waits for review
    unit: of a number. kind: one of `KINDS`
    version, published_at: of the document, where the claim comes without one

    Errors: InputError, by name and value, for what is empty, naive, backwards or out of range.
    Source: NuggetIndex (2026), sections 3.1 and 3.2; claims rather than nuggets are the record here.
    """

    subject: str
    predicate: str
    object: Value
    valid_from: When | None = None
    valid_to: When | None = None
    source: str = "unnamed"
    publisher: str | None = None
    scope: str = "global"
    negated: bool = False
    text: str | None = None
    span: tuple[int, int] | None = None
    confidence: float | None = None
    unit: str | None = None
    kind: str = "semantic_fact"
    version: str | int | None = None
    published_at: When | None = None
    interval: Interval = field(init=False, repr=False, compare=False)
    object_kind: str = field(init=False, repr=False, compare=False)
    object_key: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        needed: tuple[object, ...] = (self.subject, self.predicate, self.source, self.scope)
        for name, value in zip(("subject", "predicate", "source", "scope"), needed, strict=True):
            if not isinstance(value, str) or not value.strip():
                raise InputError(f"the {name} of a claim is text that is not empty, not {value!r}")
        for name, value in (("text", self.text), ("publisher", self.publisher), ("unit", self.unit)):
            if value is not None and not isinstance(value, str):
                raise InputError(f"the {name} of a claim is text, not {value!r}")
        words = [self.subject, self.predicate, self.source, self.scope, self.text, self.publisher, self.unit]
        if isinstance(self.object, str):
            words.append(self.object)
        _check_text(" · ".join([word for word in words if word]), "a claim")  # at once: claims come by the million
        if not normalize_name(self.subject):
            raise InputError(f"the subject of a claim has no name in it: {self.subject!r}")
        if self.kind not in KINDS:
            raise InputError(f"the kind of a claim is one of {', '.join(KINDS)}, not {self.kind!r}")
        if self.version is not None:
            _check_version(self.version, "claim")
        if self.confidence is not None and not _is_share(self.confidence):
            raise InputError(f"the confidence of a claim is a number between 0 and 1, not {self.confidence!r}")
        if self.span is not None and not 0 <= self.span[0] < self.span[1] < 1 << 31:
            raise InputError(f"the span of a claim is begin < end in characters, not {self.span!r}")
        start = None if self.valid_from is None else parse_partial_date(self.valid_from)
        end = None if self.valid_to is None else parse_partial_date(self.valid_to)
        kind, key = canonical_value(self.object, self.unit)
        store = object.__setattr__
        store(self, "interval", Interval(start, end))
        store(self, "object_kind", kind)
        store(self, "object_key", key)


def _check_text(text: str, what: str) -> None:
    """Refuse what no database keeps: NUL characters, and half of a character's two surrogates."""
    if "\x00" in text:
        at = text.index("\x00")
        found = text[max(0, at - 30) : at + 30]
        raise InputError(f"{what} holds a NUL character, which no database keeps in text: {found!r}")
    _check_whole(text, what)


def _check_whole(text: str, what: str) -> None:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            found = text[max(0, error.start - 30) : error.end]
            raise InputError(f"{what} holds half a character (a lone surrogate): {found!r}; decode it again") from None


def _is_share(number: object) -> bool:
    return isinstance(number, Real) and 0 <= float(number) <= 1


def _check_version(version: object, what: str) -> None:
    if version is not None and (isinstance(version, bool) or not isinstance(version, (str, Integral))):
        raise InputError(f"the version of a {what} is text or a whole number, not {version!r}")


@dataclass(frozen=True, slots=True)
class Document:
    """A text with its identity, for extraction and as the source of claims.

    id: stays the same from version to version. version: numbers or dotted numbers sort as such; by default versions are
    ordered by ``published_at``, and with neither, all versions stand until they are retracted.
    publisher: who counts as independent, by default the id. published_at: relative dates in the text refer to it.

    Errors: InputError for an empty id, a text that is not text, a naive datetime.
    """

    id: str
    text: str = ""
    published_at: When | None = None
    version: str | int | None = None
    publisher: str | None = None
    title: str | None = None
    url: str | None = None

    def __post_init__(self) -> None:
        if not str(self.id).strip():
            raise InputError(f"the id of a document is text that is not empty, not {self.id!r}")
        if not isinstance(self.text, str):
            raise InputError(f"the text of document {self.id!r} is {type(self.text).__name__}; decode bytes first")
        _check_version(self.version, "document")
        _check_whole(self.text, "the text of a document")
        for name, value in (("id", self.id), ("publisher", self.publisher), ("title", self.title), ("url", self.url)):
            if value is None:
                continue
            if not isinstance(value, str):
                raise InputError(f"the {name} of document {self.id!r} is text, not {value!r}")
            _check_text(value, f"the {name} of a document")
        if self.published_at is not None:
            parse_partial_date(self.published_at)


class Extractor(Protocol):
    """Turns a document's text into claims; ``fingerprint`` names it and its settings, as part of every cache key."""

    @property
    def fingerprint(self) -> str: ...
    def extract(self, document: Document) -> list[Claim]:
        """Claims with ``source``, ``text`` and ``span`` set; ``document.text[begin:end]`` is the claim's text."""
        ...
