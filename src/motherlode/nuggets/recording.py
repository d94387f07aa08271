"""One write transaction: claims, documents and events in, and every nugget they touch derived anew before it ends."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from motherlode.core.sql import Session, in_batches, places
from motherlode.errors import ConflictError, InputError
from motherlode.nuggets.claim_rows import (
    ClaimRow,
    DocumentRow,
    claim_values,
    document_values,
    insert_claims,
    insert_documents,
    load_documents,
    newest_ranks,
)
from motherlode.nuggets.derivation import Key, nugget_id
from motherlode.nuggets.event_rows import LedgerCache, insert_event, load_events, read_state, write_state
from motherlode.nuggets.ledger import Event, Ledger, StoredClaim, key_hash, name_digest, stored_claim
from motherlode.nuggets.projection import Projection
from motherlode.nuggets.record import Claim, Document
from motherlode.nuggets.schema import Schema, load_schema
from motherlode.nuggets.tables import index_claims
from motherlode.nuggets.tenures import order_start
from motherlode.nuggets.values import display_value

__all__ = ["BULK_CLAIMS", "Recording", "check_spans"]

BULK_CLAIMS = 5000
"""Claims of one call from which on the collector rests."""
_CHANGE_KEYS = ("merge", "schema", "undo")  # events that change which claims compete, not only what comes of them


@dataclass
class Recording:
    """What one transaction records. ``at`` is its recorded time, set under the store's write lock."""

    session: Session
    now: int
    ledgers: LedgerCache
    state: dict[str, int] = field(init=False)
    at: int = field(init=False)
    ledger: Ledger = field(init=False)
    touched: set[Key] = field(default_factory=set)
    renewed: set[Key] = field(default_factory=set)
    _is_stale: bool = False
    _keys: dict[tuple[str, str, str], Key] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.state = read_state(self.session)
        self.at = max(self.now, self.state["recorded_at"] + 1)
        self.ledger = self.ledgers.current(self.session, self.state["n_events"])

    def _next(self, counter: str, n: int = 1) -> int:
        first = self.state[counter] + 1
        self.state[counter] += n
        return first

    def _refresh(self) -> None:
        """Add up this transaction's own events too."""
        if self._is_stale:
            self.ledger = Ledger.of(load_events(self.session), self.ledgers.schema)
            self._keys.clear()
            self._is_stale = False

    def finish(self) -> None:
        """Derive what was touched, keep the counters. May be called again after more was recorded."""
        self._refresh()
        projection = Projection(self.session, self.ledger, self.state["version"] + 1)
        projection.renew(self.touched, self.at)
        self.renewed |= self.touched
        self.touched.clear()
        self.state["version"] = projection.next_version - 1
        self.state["recorded_at"] = self.at
        write_state(self.session, self.state)

    # Claims and documents

    def add(
        self, claims: Sequence[Claim], document: Document | None = None, extractor: str | None = None
    ) -> list[StoredClaim]:
        """Record claims, each under the version of the document that makes it; as they are stored.

        What that version said already is not recorded twice.
        """
        self._refresh()
        stored = [stored_claim(claim, self.ledger.schema, document) for claim in claims]
        docs = self._documents([document], extractor) if document is not None else self._unwritten(claims)
        rows: list[tuple[Any, ...]] = []
        fresh: dict[Key, list[ClaimRow]] = {}
        known_keys = self._known_keys(stored)
        said = self._said(sorted({row.doc for row in docs if row.recorded_at < self.at}))
        for claim, held, row in zip(claims, stored, docs * len(claims) if document else docs, strict=True):
            saying = (row.doc, held.claim_id, held.publisher, held.confidence)
            if saying in said:
                continue
            said.add(saying)
            seq = self._next("seq")
            rows.append(claim_values(seq, row.doc, claim, held, self.at))
            key = self.key_of(held)
            if rows[-1][3] in known_keys or key in self.touched:
                self.touched.add(key)
            else:
                shown = display_value(claim.object, claim.unit)
                fresh.setdefault(key, []).append(
                    ClaimRow(seq, held, claim.subject.strip(), shown, claim.kind, claim.text, self.at)
                )
        insert_claims(self.session, rows)
        self._project_fresh(fresh)
        return stored

    def key_of(self, claim: StoredClaim) -> Key:
        """The key under which a claim competes."""
        said = claim.scope, claim.subject_key, claim.predicate
        key = self._keys.get(said)
        if key is None:
            key = self._keys[said] = self.ledger.key_of(claim)
        return key

    def own_id(self, claim: StoredClaim) -> str:
        """The id of the nugget that a claim would be alone."""
        target = self.ledger.object_of(claim.object_kind, claim.object_key)
        return nugget_id(
            self.key_of(claim),
            target,
            None if claim.start is None and claim.end is None else order_start(claim.start, claim.end)[0],
        )

    def _project_fresh(self, fresh: dict[Key, list[ClaimRow]]) -> None:
        """Keys of which nothing was known need nothing to be read; but for merged names, whose other claims count."""
        for key in [key for key in fresh if key in self.touched or len(self.ledger.names(key.subject)) > 1]:
            del fresh[key]
            self.touched.add(key)
        sources = sorted({row.claim.source for rows in fresh.values() for row in rows if row.claim.rank is not None})
        newest = newest_ranks(load_documents(self.session, sources))
        projection = Projection(self.session, self.ledger, self.state["version"] + 1)
        projection.add_fresh(fresh.items(), newest, self.at)
        self.state["version"] = projection.next_version - 1

    def _known_keys(self, claims: Iterable[StoredClaim]) -> set[int]:
        """Hashes of the keys that have claims already."""
        hashes = {key_hash(claim.scope, claim.subject_key, claim.predicate) for claim in claims}
        if self.state["seq"] == 0:
            return set()
        return {
            row[0]
            for batch in in_batches(sorted(hashes))
            for row in self.session.execute(
                f"SELECT DISTINCT key FROM nugget_claims WHERE key IN ({places(batch)})", batch
            )
        }

    def _said(self, docs: Sequence[int]) -> set[tuple[Any, ...]]:
        return {
            row
            for batch in in_batches(docs)
            for row in self.session.execute(
                f"SELECT doc, claim_id, publisher, confidence FROM nugget_claims WHERE doc IN ({places(batch)})", batch
            )
        }

    def _documents(self, documents: Sequence[Document], extractor: str | None) -> list[DocumentRow]:
        """The rows of documents' versions; new ones are recorded, and what older versions said is derived anew."""
        known = load_documents(self.session, sorted({document.id for document in documents}))
        held = {row.identity: row for rows in known.values() for row in rows}
        added: list[tuple[Any, ...]] = []
        found = []
        for document in documents:
            values = document_values(0, document, extractor, self.at)
            new = DocumentRow(0, values[1], values[2], values[3], self.at, values[8])
            row = held.get(new.identity)
            if row is None:
                row = replace(new, doc=self._next("doc"))
                held[row.identity] = row
                added.append((row.doc, *values[1:]))
                self.touch_where("doc", [other.doc for other in known.get(document.id, ())])
            elif new.text_digest is not None:
                self._keep_text(row, values)
            found.append(row)
        insert_documents(self.session, added)
        return found

    def _unwritten(self, claims: Sequence[Claim]) -> list[DocumentRow]:
        """The versions that claims name as their source, which nobody handed in."""
        named = [(claim.source, claim.version, claim.published_at) for claim in claims]
        distinct = list(dict.fromkeys(named))
        documents = [Document(source, version=version, published_at=date) for source, version, date in distinct]
        rows = dict(zip(distinct, self._documents(documents, None), strict=True))
        return [rows[name] for name in named]

    def _keep_text(self, row: DocumentRow, values: tuple[Any, ...]) -> None:
        """The text of a version that was known only by its claims; another text is refused."""
        if row.text_digest is not None:
            if row.text_digest != values[8]:
                raise ConflictError(
                    f"document {row.source!r}, version {row.version or row.published or 'unnamed'}, is recorded with "
                    "another text; hand in the changed text as a new version"
                )
            return
        self.session.execute(
            "UPDATE nugget_documents SET text = ?, text_digest = ?, title = ?, url = ?, extractor = ? "
            "WHERE doc = ? AND text IS NULL",
            (values[7], values[8], values[5], values[6], values[9], row.doc),
        )

    def touch_where(self, column: str, values: Iterable[object]) -> None:
        """Mark the keys of all claims with such values to be derived anew."""
        for batch in in_batches(values):
            rows = self.session.execute(
                f"SELECT DISTINCT scope, subject_key, predicate FROM nugget_claims WHERE {column} IN ({places(batch)})",
                batch,
            )
            self.touched |= {Key(scope, self.ledger.name(subject), predicate) for scope, subject, predicate in rows}

    # Events

    def record(self, event: Event) -> Event:
        """Record an event and mark what it touches; one that is known already changes nothing."""
        if self.session.one("SELECT 1 FROM nugget_events WHERE event_id = ?", (event.event_id,)) is not None:
            return event
        kept = replace(event, recorded_at=self.at)
        insert_event(self.session, kept)
        self._next("n_events")
        if event.type in _CHANGE_KEYS:
            self._refresh()
            before = self.ledger
            self._is_stale = True
            self._refresh()
            self._touch_event(kept, before)
        else:  # names stay as they are: added up once, before anything is derived
            self._is_stale = True
            self._touch_event(kept, self.ledger)
        return kept

    def _touch_event(self, event: Event, before: Ledger) -> None:
        said = event.payload
        match event.type:
            case "decide":
                self._touch_group(said["key"])
            case "review":
                self.touch_where("claim_id", [said["claim"]])
            case "retract" if said.get("claim"):
                self.touch_where("claim_id", [said["claim"]])
            case "retract":
                sources = self._names_meant(said, "source", "nugget_documents")
                self.touch_where(
                    "doc", [row.doc for rows in load_documents(self.session, sources).values() for row in rows]
                )
            case "trust":
                index_claims(self.session, "publisher")
                self.touch_where("publisher", self._names_meant(said, "publisher", "nugget_claims"))
            case "merge":
                self._touch_names(before, [said["first"], said["second"]])
            case "schema":
                self._change_schema(before.schema, load_schema(said["schema"], extend=False))
            case "undo":
                self._touch_undone(said["event"], before)

    def _names_meant(self, said: Mapping[str, Any], column: str, table: str) -> list[str]:
        """The document or publisher that an event names; one that was erased is recorded again, or nowhere."""
        if column in said:
            return [said[column]]
        wanted = said[f"{column}_digest"]
        rows = self.session.execute(f"SELECT DISTINCT {column} FROM {table}")
        return [row[0] for row in rows if name_digest(row[0]) == wanted]

    def _touch_group(self, key: int) -> None:
        """The key that a decision names by its hash, under whatever names its subject had and has."""
        self.touch_where("key", [key])
        rows = self.session.execute(
            "SELECT DISTINCT scope, subject_key, predicate FROM nugget_versions WHERE key = ?", (key,)
        )
        self.touched |= {Key(scope, self.ledger.name(subject), predicate) for scope, subject, predicate in rows}

    def _touch_undone(self, event_id: str, before: Ledger) -> None:
        row = self.session.one(
            "SELECT type, decided_at, actor, reason, payload FROM nugget_events WHERE event_id = ?", (event_id,)
        )
        if row is not None:
            undone = Event(event_id, row[0], row[1], row[2], row[3], json.loads(row[4]))
            self._touch_event(undone, before)

    def _touch_names(self, before: Ledger, names: Sequence[str]) -> None:
        """Keys of all that the names stood for before and stand for now, as subject and as object."""
        index_claims(self.session, "subject_key", "object_key")
        every = sorted({other for name in names for ledger in (before, self.ledger) for other in ledger.names(name)})
        for batch in in_batches(every):
            rows = self.session.execute(
                "SELECT DISTINCT scope, subject_key, predicate FROM nugget_claims "
                f"WHERE subject_key IN ({places(batch)})",
                batch,
            )
            for scope, subject, predicate in rows:
                for name in {subject, before.name(subject), self.ledger.name(subject)}:
                    self.touched.add(Key(scope, name, predicate))
        self.touch_where("object_key", every)

    def _change_schema(self, before: Schema, after: Schema) -> None:
        """Give claims the predicates that the new schema has for what they said; derive everything anew."""
        said = self.session.execute("SELECT DISTINCT said_predicate, predicate FROM nugget_claims")
        for text, old in said:
            new = after.find(text).name
            if new != old:
                self._rename_predicate(text, old, new)
        self.touched |= {
            Key(scope, self.ledger.name(subject), predicate)
            for scope, subject, predicate in self.session.execute(
                "SELECT DISTINCT scope, subject_key, predicate FROM nugget_claims"
            )
        }

    def _rename_predicate(self, text: str, old: str, new: str) -> None:
        rows = self.session.execute(
            "SELECT seq, scope, subject_key FROM nugget_claims WHERE said_predicate = ? AND predicate = ?", (text, old)
        )
        self.touched |= {Key(scope, self.ledger.name(subject), old) for _, scope, subject in rows}
        self.session.execute_many(
            "UPDATE nugget_claims SET predicate = ?, key = ? WHERE seq = ?",
            [(new, key_hash(scope, subject, new), seq) for seq, scope, subject in rows],
        )


def check_spans(claims: Sequence[Claim], document: Document) -> None:
    """Refuse claims that do not come from the document, or whose span does not hold their text."""
    for claim in claims:
        if claim.source != document.id:
            raise InputError(f"a claim of source {claim.source!r} was handed in with document {document.id!r}")
        if claim.span is not None:
            begin, end = claim.span
            found = document.text[begin:end]
            if end > len(document.text) or (claim.text is not None and found != claim.text):
                raise InputError(
                    f"the span {claim.span} of a claim about {claim.subject!r} is not its text in document "
                    f"{document.id!r}: there stands {found[:60]!r}, the claim says {(claim.text or '')[:60]!r}"
                )
