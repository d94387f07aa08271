"""Claims and documents as rows: written once, never changed, read back as the derivation takes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from motherlode.core.sql import Session, in_batches, places
from motherlode.core.time import parse_partial_date
from motherlode.nuggets.ledger import Rank, StoredClaim, key_hash, rank_of
from motherlode.nuggets.record import Claim, Document, digest
from motherlode.nuggets.values import display_value

__all__ = [
    "ClaimRow",
    "DocumentRow",
    "claim_values",
    "document_values",
    "insert_claims",
    "insert_documents",
    "load_claims",
    "load_documents",
    "newest_ranks",
]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """One version of a document, without its text."""

    doc: int
    source: str
    version: str | None
    published: str | None
    recorded_at: int
    text_digest: str | None = None

    @property
    def rank(self) -> Rank:
        return rank_of(Document(self.source, version=self.version, published_at=self.published))

    @property
    def identity(self) -> tuple[str | None, ...]:
        """What makes it a version of its own; the text does only where nothing else tells versions apart."""
        told_apart = self.version is not None or self.published is not None
        return self.source, self.version, self.published, None if told_apart else self.text_digest


@dataclass(slots=True)
class ClaimRow:
    """A claim with what people read of it."""

    seq: int
    claim: StoredClaim
    subject: str
    object: str
    kind: str
    text: str | None
    recorded_at: int


_DOCUMENT_COLUMNS = "doc, source, version, published, publisher, title, url, text, text_digest, extractor, recorded_at"
_CLAIM_COLUMNS = (
    "seq, claim_id, doc, key, scope, subject, subject_key, said_predicate, predicate, object, object_kind, object_key, "
    "negated, start_earliest, start_latest, start_granularity, end_earliest, end_latest, end_granularity, publisher, "
    "confidence, kind, text, span_begin, span_end, recorded_at"
)


def document_values(doc: int, document: Document, extractor: str | None, at: int) -> tuple[Any, ...]:
    """A document as a row of nugget_documents."""
    published = None if document.published_at is None else str(parse_partial_date(document.published_at))
    version = None if document.version is None else str(document.version)
    text = document.text or None
    hashed = digest(document.text) if document.text else None
    return (
        doc,
        document.id,
        version,
        published,
        document.publisher,
        document.title,
        document.url,
        text,
        hashed,
        extractor,
        at,
    )


def claim_values(seq: int, doc: int, claim: Claim, stored: StoredClaim, at: int) -> tuple[Any, ...]:
    """A claim as a row of nugget_claims."""
    begin, end = claim.span or (None, None)
    return (
        seq,
        stored.claim_id,
        doc,
        key_hash(stored.scope, stored.subject_key, stored.predicate),
        stored.scope,
        claim.subject.strip(),
        stored.subject_key,
        claim.predicate,
        stored.predicate,
        display_value(claim.object, claim.unit),
        stored.object_kind,
        stored.object_key,
        int(stored.negated),
        *(stored.start or (None, None, None)),
        *(stored.end or (None, None, None)),
        stored.publisher,
        stored.confidence,
        claim.kind,
        claim.text,
        begin,
        end,
        at,
    )


def insert_documents(session: Session, rows: Sequence[tuple[Any, ...]]) -> None:
    session.execute_many(f"INSERT INTO nugget_documents ({_DOCUMENT_COLUMNS}) VALUES ({places(range(11))})", rows)


def insert_claims(session: Session, rows: Sequence[tuple[Any, ...]]) -> None:
    statement = f"INSERT INTO nugget_claims ({_CLAIM_COLUMNS}) VALUES ({places(range(26))})"
    session.execute_many(statement, rows, trusted=True)  # a Claim holds no NUL and no number beyond 64 bits


_LOADED = (
    "c.seq, c.claim_id, c.scope, c.subject, c.subject_key, c.predicate, c.object, c.object_kind, c.object_key, "
    "c.negated, c.start_earliest, c.start_latest, c.start_granularity, c.end_earliest, c.end_latest, "
    "c.end_granularity, c.publisher, c.confidence, c.kind, c.text, c.recorded_at, d.source, d.version, d.published"
)


def load_claims(session: Session, keys: Iterable[int], known_at: int | None = None) -> list[ClaimRow]:
    """All claims of some keys (hashes), recorded up to a time; in the order of their rows."""
    found = []
    for batch in in_batches(keys):
        rows = session.execute(
            f"SELECT {_LOADED} FROM nugget_claims c JOIN nugget_documents d ON d.doc = c.doc "
            f"WHERE c.key IN ({places(batch)})",
            batch,
        )
        found += [_claim_row(row) for row in rows if known_at is None or row[20] <= known_at]
    found.sort(key=lambda row: row.seq)
    return found


def _claim_row(row: tuple[Any, ...]) -> ClaimRow:
    source, version, published = row[21:24]
    stored = StoredClaim(
        claim_id=row[1],
        scope=row[2],
        subject_key=row[4],
        predicate=row[5],
        object_kind=row[7],
        object_key=row[8],
        start=None if row[10] is None else row[10:13],
        end=None if row[13] is None else row[13:16],
        publisher=row[16],
        negated=bool(row[9]),
        confidence=row[17],
        source=source,
        rank=rank_of(Document(source, version=version, published_at=published)),
        published=None if published is None else parse_partial_date(published).earliest,
    )
    return ClaimRow(row[0], stored, row[3], row[6], row[18], row[19], row[20])


def load_documents(session: Session, sources: Iterable[str]) -> dict[str, list[DocumentRow]]:
    """The versions of some documents, by id, in the order in which they were recorded."""
    found: dict[str, list[DocumentRow]] = {}
    for batch in in_batches(sources):
        rows = session.execute(
            "SELECT doc, source, version, published, recorded_at, text_digest FROM nugget_documents "
            f"WHERE source IN ({places(batch)}) ORDER BY doc",
            batch,
        )
        for row in rows:
            found.setdefault(row[1], []).append(DocumentRow(*row))
    return found


def newest_ranks(documents: Mapping[str, Sequence[DocumentRow]], known_at: int | None = None) -> dict[str, Rank]:
    """The highest rank of each document, of the versions recorded up to a time."""
    return {
        source: max((row.rank or () for row in rows if known_at is None or row.recorded_at <= known_at), default=())
        for source, rows in documents.items()
    }
