"""Erasure: a document's text, claims, evidence and caches leave the store at every known time; hashes of them stay."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from motherlode.core.sql import in_batches, places
from motherlode.core.time import from_micros, iso_text
from motherlode.errors import InputError
from motherlode.nuggets.derivation import Key
from motherlode.nuggets.event_rows import erase_name, load_events
from motherlode.nuggets.full_text import optimize_words, remove_words
from motherlode.nuggets.ledger import Event, Ledger, key_hash, name_digest, without_names
from motherlode.nuggets.projection import Projection
from motherlode.nuggets.recording import Recording

__all__ = ["ErasureCertificate", "erase_source", "rebuild_history"]


@dataclass(frozen=True, slots=True)
class ErasureCertificate:
    """What was erased, by hashes; who asked for it, and when it was done.

    event: id of the erasure in the log. source_digest: hash of the document's id. text_digests: of the erased texts
    claims: ids (hashes) of the erased claims. nuggets_gone: ids of nuggets that nothing supports any more
    nuggets_kept: ids of nuggets that others support, derived anew. bytes_left: whether old bytes may still lie in a
    write-ahead log that a reader holds open; the next checkpoint removes them
    """

    event: str
    erased_at: datetime | None
    actor: str
    reason: str
    source_digest: str
    text_digests: tuple[str, ...]
    claims: tuple[str, ...]
    nuggets_gone: tuple[str, ...]
    nuggets_kept: tuple[str, ...]
    bytes_left: bool = False

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        names = ("event", "actor", "reason", "source_digest", "bytes_left")
        lists = ("text_digests", "claims", "nuggets_gone", "nuggets_kept")
        return {
            **{name: getattr(self, name) for name in names},
            **{name: list(getattr(self, name)) for name in lists},
            "erased_at": iso_text(self.erased_at),
        }


def erase_source(work: Recording, source: str, actor: str, reason: str) -> ErasureCertificate:
    """Erase all versions of a document within a write transaction; the caller cleans the files afterwards.

    Errors: InputError where the store has no such document.
    """
    session = work.session
    documents = session.execute("SELECT doc, text_digest FROM nugget_documents WHERE source = ?", (source,))
    if not documents:
        raise InputError(f"the store has no document {source!r}; nothing was erased")
    docs = [row[0] for row in documents]
    condition = f"doc IN ({places(docs)})"
    claims = session.execute(
        f"SELECT claim_id, scope, subject_key, predicate FROM nugget_claims WHERE {condition}", docs
    )
    names = _every_name(work.ledger, load_events(session), (row[2] for row in claims))
    before = _nugget_ids(session, claims, names)
    session.execute(f"DELETE FROM nugget_claims WHERE {condition}", docs)
    session.execute(f"DELETE FROM nugget_documents WHERE {condition}", docs)
    session.execute("DELETE FROM nugget_extractions WHERE source = ?", (source,))
    erase_name(session, source)
    texts = tuple(sorted(row[1] for row in documents if row[1] is not None))
    ids = tuple(sorted({row[0] for row in claims}))
    payload = {"source_digest": name_digest(source), "claims": list(ids), "text_digests": list(texts)}
    event = work.record(Event.of("erase", payload, actor, reason, work.at))
    keys = {(row[1], name, row[3]) for row in claims for name in names[row[2]]}
    rebuild_history(work, [Key(*key) for key in sorted(keys)])
    after = _nugget_ids(session, claims, names)
    gone = tuple(sorted(before - after))
    session.execute_many(
        "INSERT INTO nugget_tombstones (nugget_id, erased_at, event_id) VALUES (?, ?, ?) "
        "ON CONFLICT (nugget_id) DO UPDATE SET erased_at = excluded.erased_at, event_id = excluded.event_id",
        [(nugget, work.at, event.event_id) for nugget in gone],
    )
    optimize_words(session)
    return ErasureCertificate(
        event.event_id,
        from_micros(work.at),
        actor,
        reason,
        name_digest(source),
        texts,
        ids,
        gone,
        tuple(sorted(before & after)),
    )


def _every_name(ledger: Ledger, events: Sequence[Event], subjects: Iterable[str]) -> dict[str, list[str]]:
    """All names that a subject was ever merged with, also by merges that were undone since."""
    ever = Ledger.of((event for event in events if event.type == "merge"), ledger.schema)
    return {subject: ever.names(subject) for subject in set(subjects)}


def _nugget_ids(session: Any, claims: Sequence[tuple[Any, ...]], names: dict[str, list[str]]) -> set[str]:
    """Ids of all versions of the keys that claims belong to."""
    found = set()
    for scope, subject, predicate in {(row[1], name, row[3]) for row in claims for name in names[row[2]]}:
        rows = session.execute(
            "SELECT DISTINCT nugget_id FROM nugget_versions WHERE key = ?",
            (key_hash(scope, subject, predicate),),
        )
        found |= {row[0] for row in rows}
    return found


def rebuild_history(work: Recording, keys: Sequence[Key]) -> None:
    """Write the versions of keys anew from what is recorded, at every time at which they could have changed."""
    session = work.session
    hashes = sorted({key_hash(*key) for key in keys})
    for batch in in_batches(hashes):
        rows = session.execute(
            f"SELECT version, words, nugget_id FROM nugget_versions WHERE key IN ({places(batch)})", batch
        )
        remove_words(session, [(row[0], row[1]) for row in rows])
        session.execute_many("DELETE FROM nugget_aliases WHERE nugget_id = ?", [(row[2],) for row in rows])
        session.execute(f"DELETE FROM nugget_versions WHERE key IN ({places(batch)})", batch)
    events = _bearing_on(work, keys, load_events(session))
    for at in _times(work, hashes, events):
        ledger = Ledger.of((event for event in events if event.recorded_at <= at), work.ledgers.schema)
        projection = Projection(session, ledger, work.state["version"] + 1)
        names = {Key(key.scope, ledger.name(key.subject), key.predicate) for key in keys}
        projection.renew(names | set(keys), at)
        work.state["version"] = projection.next_version - 1


def _bearing_on(work: Recording, keys: Sequence[Key], events: Sequence[Event]) -> list[Event]:
    """The events that can change what is derived of keys; of a log of thousands, a few."""
    hashes = {key_hash(*key) for key in keys}
    known: dict[str, set[str]] = {"claim": set(), "publisher_digest": set(), "source_digest": set()}
    names = {key.subject for key in keys}
    for batch in in_batches(sorted(hashes)):
        rows = work.session.execute(
            "SELECT c.claim_id, c.publisher, d.source, c.subject_key, c.object_key FROM nugget_claims c "
            f"JOIN nugget_documents d ON d.doc = c.doc WHERE c.key IN ({places(batch)})",
            batch,
        )
        for claim, publisher, source, subject, target in rows:
            known["claim"].add(claim)
            known["publisher_digest"].add(name_digest(publisher))
            known["source_digest"].add(name_digest(source))
            names |= {subject, target}
    ever = Ledger.of((event for event in events if event.type == "merge"), work.ledger.schema)
    names = {other for name in names for other in ever.names(name)}
    found: dict[str, Event] = {}
    while True:  # an undo bears on what it undoes does, and an undo of that one too
        more = [event for event in events if event.event_id not in found and _bears(event, hashes, known, names, found)]
        if not more:
            return [event for event in events if event.event_id in found]
        found |= {event.event_id: event for event in more}


def _bears(
    event: Event, hashes: set[int], known: dict[str, set[str]], names: set[str], found: dict[str, Event]
) -> bool:
    said = without_names(event.payload)
    match event.type:
        case "decide":
            return said["key"] in hashes
        case "merge":
            return said["first"] in names or said["second"] in names
        case "undo":
            return said["event"] in found
        case "schema":
            return True
        case "erase":
            return False
        case _:
            return any(said.get(name) in values for name, values in known.items())


def _times(work: Recording, hashes: Sequence[int], events: Sequence[Event]) -> list[int]:
    """When claims of the keys, versions of their documents, or an event that bears on them were recorded."""
    found = {event.recorded_at for event in events}
    for batch in in_batches(hashes):
        rows = work.session.execute(
            "SELECT recorded_at FROM nugget_documents WHERE source IN (SELECT d.source FROM nugget_documents d "
            f"JOIN nugget_claims c ON c.doc = d.doc WHERE c.key IN ({places(batch)})) "
            f"UNION SELECT recorded_at FROM nugget_claims WHERE key IN ({places(batch)})",
            [*batch, *batch],
        )
        found |= {row[0] for row in rows}
    return sorted(found)
