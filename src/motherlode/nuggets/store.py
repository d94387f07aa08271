"""The nugget store: claims and decisions in, facts with their times and states out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from motherlode.core.sql import Database, Session, open_database
from motherlode.core.time import EVER, Clock, from_micros, now, parse_partial_date as parse_date, to_micros
from motherlode.errors import InputError
from motherlode.nuggets.derivation import Key, nugget_id
from motherlode.nuggets.hits import Evidence, Nugget
from motherlode.nuggets.ledger import ACTIONS, Event, StoredClaim, key_hash, object_digest, stored_claim
from motherlode.nuggets.reading import (
    STATES,
    Filter,
    Moment,
    known_micros,
    read_evidence,
    read_nuggets,
    select_nuggets,
)
from motherlode.nuggets.record import Claim, Document, Extractor
from motherlode.nuggets.recording import LedgerCache, Recording, check_spans, load_events, read_state
from motherlode.nuggets.schema import Schema
from motherlode.nuggets.tables import MIGRATIONS, NAMESPACE
from motherlode.nuggets.values import normalize_name

__all__ = ["IngestReport", "NuggetStore", "open_nuggets"]


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What became of a document: ids of its claims' nuggets; how many claims wait for review or were refused."""

    source: str
    version: str | None
    nuggets: tuple[str | None, ...]
    n_claims: int
    n_pending: int
    n_refused: int


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
    return NuggetStore(database, schema=schema, clock=clock)


class NuggetStore:
    """Facts that know when they were true, and when that was known. `open_nuggets` opens one.

    Several threads and processes may share it; each write is one transaction, and what it returns is synced to disk.
    Source: NuggetIndex (2026); the differences are in docs/guides/nuggets.md.
    """

    def __init__(self, database: Database, *, schema: Schema | None = None, clock: Clock = now) -> None:
        self._database = database
        self._clock = clock
        self._ledgers = LedgerCache(schema)

    def __enter__(self) -> NuggetStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the database; the store cannot be used any more."""
        self._database.close()

    @property
    def database(self) -> Database:
        """Where it lives."""
        return self._database

    def __repr__(self) -> str:
        return f"<NuggetStore {self._database.where}>"

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """One snapshot for several reads."""
        with self._database.read() as session:
            yield session

    @contextmanager
    def recording(self) -> Iterator[Recording]:
        """One write transaction; all of it is recorded at one time, or nothing."""
        with self._database.write() as session:
            work = Recording(session, to_micros(self._clock()), self._ledgers)
            yield work
            work.finish()

    @property
    def schema(self) -> Schema:
        """The predicates as they are known now."""
        with self.reading() as session:
            return self._ledgers.current(session, read_state(session)["n_events"]).schema

    # Claims and documents

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
        with self.recording() as work:
            work.add(listed, document, extractor)
            work.finish()
            return self._nuggets_of(work, listed)

    def _nuggets_of(self, work: Recording, claims: Sequence[Claim]) -> list[str | None]:
        """Each claim's own id, or the id that the nugget has for which it is evidence."""
        own: list[tuple[Key, str, StoredClaim]] = []
        for claim in claims:
            stored = stored_claim(claim, work.ledger.schema)
            [held] = work.ledger.key_claims([stored], {})
            key = Key(claim.scope, work.ledger.name(stored.subject_key), stored.predicate)
            start = held.order_start[0] if held.is_dated else None
            own.append((key, nugget_id(key, held.object_key, start), stored))
        moved = read_nuggets(work.session, [name for key, name, _ in own if key in work.renewed])
        found: list[str | None] = []
        for key, name, stored in own:
            if stored.negated:
                found.append(self._denied_by(work.session, key, stored.claim_id))
            else:
                found.append(moved[name].nugget_id if name in moved else name)
        return found

    def _denied_by(self, session: Session, key: Key, claim: str) -> str | None:
        """The nugget that a claim of negation ends."""
        rows = session.execute("SELECT seq FROM nugget_claims WHERE claim_id = ?", (claim,))
        seqs = {row[0] for row in rows}
        hashed = key_hash(key.scope, key.subject, key.predicate)
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
        fingerprint = extractor.fingerprint if extractor is not None and claims is None else None
        with self.recording() as work:
            work.add(found, document, fingerprint)
            work.finish()
            ids = self._nuggets_of(work, found)
            schema = work.ledger.schema
        unsure = [claim.confidence for claim in found if claim.confidence is not None]
        return IngestReport(
            document.id,
            None if document.version is None else str(document.version),
            tuple(ids),
            len(found),
            sum(schema.review <= confidence < schema.accept for confidence in unsure),
            sum(confidence < schema.review for confidence in unsure),
        )

    # Decisions

    def _record(
        self,
        kind: str,
        payload: Callable[[Recording], dict[str, Any]],
        actor: str,
        reason: str,
        decided_at: Moment | None,
    ) -> str:
        with self.recording() as work:
            at = work.at if decided_at is None else parse_date(decided_at).earliest
            return work.record(Event.of(kind, payload(work), actor, reason, at)).event_id

    def decide(
        self, nugget: str, action: str, *, actor: str, reason: str = "", decided_at: Moment | None = None
    ) -> str:
        """Record a person's word on a nugget: 'prefer' (the pin) or 'suppress'; the id of the event, for `undo`.

        It outranks every rule and survives later documents. What starts after ``decided_at`` (default: now) is news and
        not covered.

        Errors: InputError for an unknown nugget or action, an empty actor.
        """
        if action not in ACTIONS:
            raise InputError(f"a decision is one of {', '.join(ACTIONS)}, not {action!r}")

        def payload(work: Recording) -> dict[str, Any]:
            row = self._row_of(work.session, nugget)
            kind, _, name = row[2].partition(":")
            undated = row[4] is None and row[6] is None
            return {
                "action": action,
                "key": row[0],
                "object": object_digest(kind, name),
                "begin": EVER if undated else row[3],
                "end": EVER if undated else row[5],
            }

        return self._record("decide", payload, actor, reason, decided_at)

    def _row_of(self, session: Session, nugget: str) -> tuple[Any, ...]:
        """(key, id, object, start, its granularity, end, its granularity) of a nugget as it stands."""
        found = read_nuggets(session, [nugget]).get(nugget)
        row = None
        if found is not None:
            row = session.one(
                "SELECT key, nugget_id, object_key, start_earliest, start_granularity, end_latest, end_granularity "
                f"FROM nugget_versions WHERE nugget_id = ? AND recorded_to = {EVER}",
                (found.nugget_id,),
            )
        if row is None:
            raise InputError(f"no nugget has the id {nugget!r}; ids come from assert_claims, ask and history")
        return row

    def undo(self, event: str, *, actor: str = "unnamed", reason: str = "", decided_at: Moment | None = None) -> str:
        """Take back a decision, a review, a retraction, a merge, a word on trust, or an undo; the id of this event."""

        def payload(work: Recording) -> dict[str, Any]:
            row = work.session.one("SELECT type FROM nugget_events WHERE event_id = ?", (event,))
            if row is None:
                raise InputError(f"no event has the id {event!r}; store.events() lists them")
            if row[0] == "erase":
                raise InputError("an erasure cannot be undone: what it removed is gone")
            return {"event": event}

        return self._record("undo", payload, actor, reason, decided_at)

    def review(
        self, claim: str, verdict: str, *, actor: str, reason: str = "", decided_at: Moment | None = None
    ) -> str:
        """Settle a claim that waits for review: 'accept' or 'reject'; the id of the event."""
        if verdict not in ("accept", "reject"):
            raise InputError(f"a review ends in accept or reject, not {verdict!r}")

        def payload(work: Recording) -> dict[str, Any]:
            if work.session.one("SELECT 1 FROM nugget_claims WHERE claim_id = ?", (claim,)) is None:
                raise InputError(f"no claim has the id {claim!r}; store.review_queue() lists those that wait")
            return {"claim": claim, "verdict": verdict}

        return self._record("review", payload, actor, reason, decided_at)

    def retract(
        self,
        *,
        source: str | None = None,
        claim: str | None = None,
        version: str | int | None = None,
        actor: str = "unnamed",
        reason: str = "",
        decided_at: Moment | None = None,
    ) -> str:
        """Take back what a document, its versions up to one, or a single claim says; kept, but no longer counted.

        Without ``version``, all versions published up to ``decided_at`` are meant, and those without a date. `undo`
        brings it back.
        """
        if (source is None) == (claim is None):
            raise InputError("retract takes either source= (a document's id) or claim= (a claim's id)")
        what: dict[str, Any] = {"claim": claim} if claim is not None else {"source": source, "version": version}
        return self._record("retract", lambda _: what, actor, reason, decided_at)

    def merge(self, first: str, second: str, *, actor: str, reason: str = "", decided_at: Moment | None = None) -> str:
        """Say that two names are one entity; the id of the event, whose undo parts them again."""
        names = [normalize_name(first), normalize_name(second)]
        if not all(names):
            raise InputError(f"merge takes two names that are not empty, not {first!r} and {second!r}")
        return self._record("merge", lambda _: {"first": names[0], "second": names[1]}, actor, reason, decided_at)

    def trust(
        self, publisher: str, weight: float, *, actor: str, reason: str = "", decided_at: Moment | None = None
    ) -> str:
        """Say how much a publisher counts among independent sources: 1 is the default, 0 ignores it."""
        if not 0 <= weight <= 100:
            raise InputError(f"trust is between 0 and 100 (1 is usual), not {weight!r}")
        return self._record("trust", lambda _: {"publisher": publisher, "weight": weight}, actor, reason, decided_at)

    def set_schema(
        self, schema: Schema, *, actor: str = "unnamed", reason: str = "", decided_at: Moment | None = None
    ) -> str:
        """Replace the predicates' policies; every nugget is derived anew, and earlier known times stay as they were."""
        return self._record("schema", lambda _: {"schema": schema.to_dict()}, actor, reason, decided_at)

    def record_events(self, events: Iterable[Event]) -> None:
        """Record events that were made elsewhere, e.g. by another store's `events`; known ones change nothing."""
        with self.recording() as work:
            for event in events:
                work.record(event)

    def events(self, *, known_at: Moment | None = None) -> list[Event]:
        """Everything that people and policies said, in the order of its recording."""
        with self.reading() as session:
            return load_events(session, known_micros(known_at))

    # Reads

    def nuggets(
        self,
        subject: str | None = None,
        predicate: str | None = None,
        *,
        valid_at: Moment | None = None,
        known_at: Moment | None = None,
        states: Sequence[str] | None = None,
        scope: str | None = None,
    ) -> list[Nugget]:
        """Nuggets by subject and predicate (None: all), in the order of their starts.

        valid_at: only those that may hold then. known_at: as was known then. states: of `STATES`, None is all of them
        """
        for state in states or ():
            if state not in STATES:
                raise InputError(f"states are {', '.join(STATES)}, not {state!r}")
        with self.reading() as session:
            known = known_micros(known_at)
            ledger = self._ledgers.current(session, read_state(session)["n_events"])
            where, values = "1 = 1", list[Any]()
            if subject is not None and predicate is not None and scope is not None:
                name = ledger.name(normalize_name(subject))
                hashes = [key_hash(scope, one, ledger.schema.find(predicate).name) for one in ledger.names(name)]
                where, values = f"v.key IN ({', '.join('?' * len(hashes))})", list(hashes)
            elif subject is not None:
                names = ledger.names(normalize_name(subject))
                where, values = f"v.subject_key IN ({', '.join('?' * len(names))})", list(names)
            allowed = Filter(
                known_at=known,
                window=None if valid_at is None else parse_date(valid_at).window,
                states=None if states is None else tuple(states),
                scopes=None if scope is None else (scope,),
                predicates=None if predicate is None else (ledger.schema.find(predicate).name,),
            )
            return select_nuggets(session, where, values, allowed)

    def history(
        self, subject: str, predicate: str, *, known_at: Moment | None = None, scope: str = "global"
    ) -> list[Nugget]:
        """Who or what it was, in order: active, superseded and contested nuggets of one key."""
        return self.nuggets(
            subject, predicate, known_at=known_at, scope=scope, states=("active", "superseded", "contested")
        )

    def get(self, nugget: str, *, known_at: Moment | None = None) -> Nugget:
        """A nugget by its id, or one that it had earlier.

        Errors: InputError where there is none; for an erased one the message says since when.
        """
        with self.reading() as session:
            found = read_nuggets(session, [nugget], known_micros(known_at)).get(nugget)
            if found is None:
                gone = session.one("SELECT erased_at FROM nugget_tombstones WHERE nugget_id = ?", (nugget,))
                since = "" if gone is None else f"; it was erased at {from_micros(gone[0]):%Y-%m-%d %H:%M:%S} UTC"
                raise InputError(f"no nugget has the id {nugget!r}{since or ' at that known time'}")
            return found

    def evidence(self, nugget: Nugget) -> list[Evidence]:
        """The claims behind a nugget, in the order of their recording."""
        with self.reading() as session:
            found = read_evidence(session, nugget.claims)
        return [found[claim] for claim in nugget.claims if claim in found]
