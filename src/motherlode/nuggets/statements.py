"""Which nuggets a passage states: by its document, by the claims an extractor reads in it, or by the names in it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from motherlode.core.sql import Session, in_batches, places
from motherlode.errors import InputError
from motherlode.nuggets.derivation import Key
from motherlode.nuggets.hits import Nugget
from motherlode.nuggets.ledger import Ledger, StoredClaim, key_hash, stored_claim
from motherlode.nuggets.passages import Passage, PassageText
from motherlode.nuggets.reading import SELECTED, Filter, nugget_of
from motherlode.nuggets.record import Claim, Document, Extractor, digest

__all__ = ["Held", "ReadTexts", "Reader", "Statement"]

_MAX_CLAIMS = 2000  # of one document; with more, the names in the passage find what it states faster
_MAX_VERSIONS = 20_000  # of the keys that one passage names


class ReadTexts:
    """Claims by text and extractor, of the texts read last. Safe to use from several threads."""

    def __init__(self, n_texts: int = 256) -> None:
        self._n_texts = n_texts
        self._held: OrderedDict[str, list[Claim]] = OrderedDict()
        self._lock = Lock()

    def claims(self, extractor: Extractor, document: Document) -> list[Claim]:
        """What the extractor reads in a text; each text is given to it once while it is remembered."""
        key = digest(extractor.fingerprint, document.text, document.published_at)
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key]
        found = list(extractor.extract(document))
        with self._lock:
            self._held[key] = found
            while len(self._held) > self._n_texts:
                self._held.popitem(last=False)
        return found

    def clear(self) -> None:
        """Forget all texts, e.g. after an erasure."""
        with self._lock:
            self._held.clear()

    def __len__(self) -> int:
        return len(self._held)


@dataclass(frozen=True, slots=True)
class Held:
    """A nugget as the store holds it, with the keys that tell it apart."""

    nugget: Nugget
    key: int
    object_key: str
    subject_key: str


@dataclass(slots=True)
class Statement:
    """One fact that a passage states: an object of a key, and the nuggets that are it; none where the store has none.

    how: 'source', 'extractor' or 'names'. claims: of the passage itself, where an extractor read them
    """

    key: Key
    object_key: str
    subject: str
    object: str
    how: str
    held: list[Held] = field(default_factory=list)
    claims: list[tuple[Claim, StoredClaim]] = field(default_factory=list)

    @property
    def identity(self) -> tuple[Key, str]:
        return self.key, self.object_key


@dataclass(slots=True)
class Reader:
    """Reads passages against one snapshot of a store.

    Cost: a fixed number of statements for each passage, all by indexes; they grow with the passage, not the store.
    """

    session: Session
    ledger: Ledger
    known_at: int | None
    scopes: Sequence[str]
    extractor: Extractor | None = None
    cache: ReadTexts = field(default_factory=ReadTexts)

    def statements(self, passage: Passage) -> list[Statement]:
        """What a passage states, each fact once; in the order of subject, predicate and object."""
        text = PassageText(passage.text)
        found = self._by_source(passage, text)
        if not found:
            found = self._by_claims(passage) if self.extractor is not None else self._by_names(text)
        merged: dict[tuple[Key, str], Statement] = {}
        for statement in found:
            own = merged.setdefault(statement.identity, statement)
            if own is not statement:
                own.held += [held for held in statement.held if held not in own.held]
                own.claims += statement.claims
        return [merged[identity] for identity in sorted(merged, key=str)]

    def rivals(self, keys: Iterable[Key]) -> dict[Key, list[Held]]:
        """All nuggets of some keys."""
        wanted = {key_hash(*key): key for key in keys}
        found: dict[Key, list[Held]] = {}
        for batch in in_batches(sorted(wanted)):
            for held in self._held(f"v.key IN ({places(batch)})", batch):
                found.setdefault(wanted[held.key], []).append(held)
        return found

    def _held(self, where: str, values: Sequence[Any]) -> list[Held]:
        condition, more = Filter(known_at=self.known_at).sql()
        rows = self.session.execute(
            f"SELECT {SELECTED} FROM nugget_versions v WHERE {where} AND {condition} LIMIT {_MAX_VERSIONS}",
            [*values, *more],
        )
        rows.sort(key=lambda row: (row[10], row[11], row[1]))
        return [Held(nugget_of(row), row[28], row[5], row[26]) for row in rows]

    def _stated(self, held: Held, how: str) -> Statement:
        nugget = held.nugget
        key = Key(nugget.scope, held.subject_key, nugget.predicate)
        return Statement(key, held.object_key, nugget.subject, nugget.object, how, [held])

    # By the passage's document

    def _by_source(self, passage: Passage, text: PassageText) -> list[Statement]:
        for source in passage.sources:
            claims = self._claims_of(source)
            if claims is None:
                continue
            said = [row for row in claims if self._is_in(row, passage, text)]
            keys = {self._key(row[1], row[2], row[3]) for row in said}
            seqs = {row[0] for row in said}
            return [
                self._stated(held, "source")
                for found in self.rivals(key for key in keys if key.scope in self.scopes).values()
                for held in found
                if seqs & set(held.nugget.claims)
            ]
        return []

    def _claims_of(self, source: str) -> list[tuple[Any, ...]] | None:
        """(seq, scope, subject, predicate, text, object kind, object key) of all versions of a document."""
        docs = [row[0] for row in self.session.execute("SELECT doc FROM nugget_documents WHERE source = ?", (source,))]
        if not docs or len(docs) > _MAX_CLAIMS:
            return None
        rows: list[tuple[Any, ...]] = []
        for batch in in_batches(docs):
            rows += self.session.execute(
                "SELECT seq, scope, subject_key, predicate, text, object_kind, object_key, recorded_at "
                f"FROM nugget_claims WHERE doc IN ({places(batch)}) AND negated = 0 LIMIT {_MAX_CLAIMS + 1}",
                batch,
            )
            if len(rows) > _MAX_CLAIMS:
                return None
        return [row for row in rows if self.known_at is None or row[7] <= self.known_at]

    def _is_in(self, row: tuple[Any, ...], passage: Passage, text: PassageText) -> bool:
        """Whether a claim of the document is one of this passage: its sentence stands there, or the names do."""
        if row[4]:
            return " ".join(row[4].split()) in " ".join(passage.text.split())
        subject = any(name in text.names for name in self.ledger.names(row[2]))
        return subject and bool(text.places(row[5], row[6], self.ledger.names(row[6])))

    def _key(self, scope: str, subject_key: str, predicate: str) -> Key:
        return Key(scope, self.ledger.name(subject_key), self.ledger.schema.find(predicate).name)

    # By an extractor's claims

    def _by_claims(self, passage: Passage) -> list[Statement]:
        assert self.extractor is not None
        found = []
        for claim in self.cache.claims(self.extractor, passage.document):
            try:
                stored = stored_claim(claim, self.ledger.schema)
            except InputError:  # a predicate that a strict schema does not know
                continue
            if claim.confidence is not None and claim.confidence < self.ledger.schema.accept:
                continue
            key = self.ledger.key_of(stored)
            name = self.ledger.object_of(stored.object_kind, stored.object_key)
            found.append(Statement(key, name, claim.subject, str(claim.object), "extractor", [], [(claim, stored)]))
        held = self.rivals({statement.key for statement in found})
        for statement in found:
            [(claim, _)] = statement.claims
            same = [one for one in held.get(statement.key, ()) if one.object_key == statement.object_key]
            dated = [one for one in same if one.nugget.interval.overlaps(claim.interval)]
            statement.held = same if not claim.interval.is_known else dated or same
        return found

    # By names

    def _by_names(self, text: PassageText) -> list[Statement]:
        names = {self.ledger.name(name) for name in text.names}
        subjects: dict[str, list[str]] = {}
        for subject, predicate in self._subjects(names):
            subjects.setdefault(predicate, []).append(subject)
        said = [name for name in subjects if text.has_words_of(self.ledger.schema.find(name))]
        hashes = [
            key_hash(scope, subject, name) for name in said for subject in subjects[name] for scope in self.scopes
        ]
        versions = self._objects_in(text, hashes)
        found = []
        for batch in in_batches(versions):
            for held in self._held(f"v.version IN ({places(batch)})", batch):
                kind, _, key = held.object_key.partition(":")
                at = text.places(kind, key, self.ledger.names(key))
                if text.says(self.ledger.schema.find(held.nugget.predicate), at):
                    found.append(self._stated(held, "names"))
        return found

    def _subjects(self, names: Iterable[str]) -> list[tuple[str, str]]:
        """(subject, predicate) of all that the store has of some names."""
        found: list[tuple[str, str]] = []
        for batch in in_batches(sorted(names)):
            found += self.session.execute(
                "SELECT DISTINCT v.subject_key, v.predicate FROM nugget_versions v "
                f"WHERE v.subject_key IN ({places(batch)})",
                batch,
            )
        return sorted(found)

    def _objects_in(self, text: PassageText, hashes: Sequence[int]) -> list[int]:
        """Versions of some keys whose object stands in the text."""
        condition, more = Filter(known_at=self.known_at).sql()
        found = []
        for batch in in_batches(hashes):
            rows = self.session.execute(
                f"SELECT v.version, v.object_key FROM nugget_versions v WHERE v.key IN ({places(batch)}) "
                f"AND {condition} LIMIT {_MAX_VERSIONS}",
                [*batch, *more],
            )
            for version, object_key in rows:
                kind, _, key = object_key.partition(":")
                if text.places(kind, key, self.ledger.names(key)):
                    found.append(version)
        return found
