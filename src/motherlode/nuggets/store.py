"""The nugget store: claims and decisions in, facts with their times and states out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from motherlode.core.collection import without_collection
from motherlode.core.ports import Progress
from motherlode.core.sql import Session, open_database
from motherlode.core.time import Clock, now
from motherlode.errors import InputError
from motherlode.nuggets.bulk import assert_rows, claims_from_jsonl
from motherlode.nuggets.decisions import StoreDecisions
from motherlode.nuggets.derivation import Key
from motherlode.nuggets.erasure import ErasureCertificate, erase_source
from motherlode.nuggets.gate import Gate
from motherlode.nuggets.insights import StoreInsights
from motherlode.nuggets.ledger import Event, StoredClaim, key_hash
from motherlode.nuggets.listing import StoreListing
from motherlode.nuggets.reading import Filter, read_nuggets, select_nuggets
from motherlode.nuggets.record import Claim, Document, Extractor
from motherlode.nuggets.recording import BULK_CLAIMS, Recording, check_spans
from motherlode.nuggets.schema import Schema
from motherlode.nuggets.tables import MIGRATIONS, NAMESPACE, TABLES

__all__ = ["IngestReport", "NuggetStore", "open_nuggets"]


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What became of a document: ids of its claims' nuggets; how many claims wait for review or were refused.

    faults: what an extractor said that names no fact (a pronoun, a sentence, a year 9999), with the reason; not kept
    """

    source: str
    version: str | None
    nuggets: tuple[str | None, ...]
    n_claims: int
    n_pending: int
    n_refused: int
    faults: tuple[tuple[str, str], ...] = ()


def open_nuggets(
    where: str | os.PathLike[str],
    *,
    schema: Schema | None = None,
    clock: Clock = now,
    create: bool = True,
    read_only: bool = False,
    timeout_s: float = 30,
) -> NuggetStore:
    """Open a nugget store, and make it where there is none.

    where: a file, ':memory:', or a PostgreSQL URL. schema: of predicates, for a store that has none of its own yet
    clock: tells the recorded times; tests inject theirs. timeout_s: how long a write waits for another's to end

    Errors: InputError for a missing file with ``create=False``; DataError for a file that is no store, or a newer one;
    ConflictError where another process holds the lock for longer; UnsupportedError for PostgreSQL without its driver.
    """
    database = open_database(
        where, migrations=MIGRATIONS, namespace=NAMESPACE, create=create, read_only=read_only, timeout_s=timeout_s
    )
    store = NuggetStore(database, schema=schema, clock=clock)
    if schema is not None and not read_only:
        try:
            _adopt(store, schema)
        except BaseException:
            store.close()
            raise
    return store


def _adopt(store: NuggetStore, schema: Schema) -> None:
    """Make a schema the store's own where it has none yet, so that it holds for whoever opens the store next."""

    def has_own(session: Session) -> bool:
        return session.one("SELECT 1 FROM nugget_events WHERE type = 'schema'") is not None

    with store.reading() as session:
        if has_own(session):
            return
    with store.recording() as work:
        if not has_own(work.session):
            said = {"schema": schema.to_dict()}
            work.record(Event.of("schema", said, "opening", "given when the store was opened", work.at))


class NuggetStore(StoreInsights, StoreDecisions, StoreListing):
    """Facts that know when they were true, and when that was known. `open_nuggets` opens one.

    Several threads and processes may share it; each write is one transaction, and what it returns is synced to disk.
    Source: NuggetIndex (2026); the differences are in docs/guides/nuggets.md.
    """

    @property
    def where(self) -> str:
        """Its file, ``:memory:``, or its URL without a password."""
        return self._database.where

    def assert_claims(
        self, claims: Iterable[Claim], *, document: Document | None = None, extractor: str | None = None
    ) -> list[str | None]:
        """Record claims in one transaction; the ids of the nuggets that they are evidence of.

        document: the version that makes them all; older versions of it no longer count. A claim of negation that denies
        nothing known has the id None.

        Errors: InputError for a claim that is no Claim, whose source is not the document, whose span does not hold its
        text, whose predicate a strict schema does not know; nothing is recorded then.
        """
        listed = list(claims)
        for claim in listed:
            if not isinstance(claim, Claim):
                raise InputError(f"assert_claims takes Claim objects, not {type(claim).__name__} {claim!r}")
        if document is not None:
            check_spans(listed, document)
        with without_collection(is_bulk=len(listed) >= BULK_CLAIMS), self.recording() as work:
            stored = work.add(listed, document, extractor)
            work.finish()
            return self._nuggets_of(work, stored)

    def assert_rows(self, rows: Any, *, batch: int = 20_000, progress: Progress | None = None) -> int:
        """Record claims in bulk, a transaction for each batch; how many were read.

        rows: the path of a file of JSON lines; or mappings, an Arrow table, a polars or pandas data frame, with the
            fields of `Claim` as columns

        Interrupted or failed, the batches before stay, and the same call again records the rest: what is known is not
        recorded twice. Errors: InputError that names the row (or file and line) and the field.
        """
        read = claims_from_jsonl(Path(rows)) if isinstance(rows, str | os.PathLike) else rows
        return assert_rows(self, read, batch=batch, progress=progress)

    def _nuggets_of(self, work: Recording, claims: Sequence[StoredClaim]) -> list[str | None]:
        """Each claim's own id, or the id that the nugget has for which it is evidence."""
        own = [(work.key_of(claim), work.own_id(claim)) for claim in claims]
        moved = read_nuggets(work.session, [name for key, name in own if key in work.renewed])
        found: list[str | None] = []
        for claim, (key, name) in zip(claims, own, strict=True):
            if claim.negated:
                found.append(self._denied_by(work.session, key, claim.claim_id))
            else:
                found.append(moved[name].nugget_id if name in moved else name)
        return found

    def _denied_by(self, session: Session, key: Key, claim: str) -> str | None:
        """The nugget that a claim of negation ends."""
        rows = session.execute("SELECT seq FROM nugget_claims WHERE claim_id = ?", (claim,))
        seqs = {row[0] for row in rows}
        hashed = key_hash(*key)
        for nugget in select_nuggets(session, "v.key = ?", [hashed], Filter()):
            if seqs & set(nugget.claims):
                return nugget.nugget_id
        return None

    def ingest(
        self,
        document: Document,
        *,
        extractor: Extractor | None = None,
        claims: Iterable[Claim] | None = None,
    ) -> IngestReport:
        """Record a version of a document and what it claims, in one transaction.

        What an older version said and this one does not is retracted. With an extractor, the claims are read from the
        text; given claims are taken as they are; a document with neither is recorded and claims nothing.

        Errors: InputError for text with NUL characters (binary files), ConflictError for a version that is recorded
        with another text; nothing is recorded then.
        """
        if "\x00" in document.text:
            raise InputError(
                f"document {document.id!r} holds NUL characters: it is a binary file, not text; extract its text first"
            )
        found = list(claims) if claims is not None else extractor.extract(document) if extractor is not None else []
        check_spans(found, document)
        faults: list[tuple[str, str]] = []
        if claims is None:
            found, faults = self._sorted(found)
        fingerprint = extractor.fingerprint if extractor is not None and claims is None else None
        with self.recording() as work:
            stored = work.add(found, document, fingerprint)
            work.finish()
            ids = self._nuggets_of(work, stored)
            schema = work.ledger.schema
        unsure = [claim.confidence for claim in found if claim.confidence is not None]
        return IngestReport(
            document.id,
            None if document.version is None else str(document.version),
            tuple(ids),
            len(found),
            sum(schema.review <= confidence < schema.accept for confidence in unsure),
            sum(confidence < schema.review for confidence in unsure) + len(faults),
            tuple(faults),
        )

    def _sorted(self, claims: Sequence[Claim]) -> tuple[list[Claim], list[tuple[str, str]]]:
        """An extractor's claims without those that name no fact; what states no confidence waits for review."""
        schema = self.schema
        gate = Gate(schema.accept, schema.review)
        kept, faults = [], []
        for claim in claims:
            reason = gate.fault(claim)
            if reason is not None:
                faults.append((f"{claim.subject} {claim.predicate} {claim.object}", reason))
            else:
                kept.append(claim if claim.confidence is not None else replace(claim, confidence=schema.review))
        return kept, faults

    def erase(self, source: str, *, actor: str = "unnamed", reason: str = "") -> ErasureCertificate:
        """Remove all that a document said, at every known time, from tables, full text and the write-ahead log.

        What others support is derived anew, as if the document had never been; decisions stay, by hash, and so do
        retractions. The certificate holds hashes only.

        Errors: InputError for an unknown document. Cost: rewrites the full text, seconds per million nuggets.
        """
        with self.recording() as work:
            certificate = erase_source(work, source, actor, reason)
        self.read_texts.clear()
        is_clean = self.purge_copies is None or self.purge_copies()
        return replace(certificate, bytes_left=not (self._database.checkpoint(TABLES) and is_clean))
