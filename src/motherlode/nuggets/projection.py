"""Nuggets as rows: what the derivation says of a key at a recorded time, kept as versions with from and to.

A key's versions change only when something of it was recorded; between two such times they hold. So a read as of any
known time is one comparison, and what was answered once is answered again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from motherlode.core.sql import Session, in_batches, places
from motherlode.core.time import EVER, NEVER
from motherlode.nuggets.claim_rows import ClaimRow, load_claims, load_documents, newest_ranks
from motherlode.nuggets.derivation import DerivedNugget, Key, derive
from motherlode.nuggets.full_text import add_versions, remove_words
from motherlode.nuggets.ledger import Ledger, Rank, key_hash
from motherlode.nuggets.words import STOP_WORDS, predicate_marker, tokens

__all__ = ["VERSION_COLUMNS", "Projection"]

VERSION_COLUMNS = (
    "version",
    "nugget_id",
    "key",
    "scope",
    "subject",
    "subject_key",
    "predicate",
    "object",
    "object_key",
    "state",
    "preferred",
    "start_earliest",
    "start_latest",
    "start_granularity",
    "end_earliest",
    "end_latest",
    "end_granularity",
    "end_is_derived",
    "n_sources",
    "superseded_by",
    "contests",
    "why",
    "claims",
    "aliases",
    "kind",
    "confidence",
    "sources",
    "words",
    "recorded_from",
    "recorded_to",
)
_MAX_TEXT_WORDS = 40  # of the evidence's sentence: enough for a sentence, and the index stays small
_N_KEYS = 2000  # derived at once


@dataclass
class Projection:
    """Writes versions of nuggets in one transaction; counts their numbers on from ``next_version``."""

    session: Session
    ledger: Ledger
    next_version: int
    added: list[tuple[Any, ...]] = field(default_factory=list)
    aliases: dict[str, str] = field(default_factory=dict)

    def add_fresh(self, groups: Iterable[tuple[Key, Sequence[ClaimRow]]], newest: dict[str, Rank], at: int) -> None:
        """Project keys of which nothing was recorded before; all their claims are given."""
        # In the order of their hashes, which is that of the table's index on keys.
        for key, rows in sorted(groups, key=lambda group: key_hash(*group[0])):
            self._write(key, rows, self._derive(key, rows, newest), at)
        self.flush()

    def renew(self, keys: Iterable[Key], at: int) -> None:
        """Derive keys anew as of a recorded time, and keep what changed."""
        for batch in in_batches(sorted(set(keys), key=lambda key: (key.scope, key.subject, key.predicate)), _N_KEYS):
            claims = self._claims_of(batch, at)
            sources = {row.claim.source for rows in claims.values() for row in rows}
            newest = newest_ranks(load_documents(self.session, sorted(sources)), at)
            held = self._held(batch)
            for key in batch:
                rows = claims.get(key, [])
                self._write(key, rows, self._derive(key, rows, newest), at, held.get(key_hash(*key), {}))
        self.flush()

    def _claims_of(self, keys: Sequence[Key], at: int) -> dict[Key, list[ClaimRow]]:
        names = self.ledger.names
        hashes = {key_hash(key.scope, name, key.predicate) for key in keys for name in names(key.subject)}
        found: dict[Key, list[ClaimRow]] = {}
        for row in load_claims(self.session, sorted(hashes), at):
            found.setdefault(self.ledger.key_of(row.claim), []).append(row)
        return found

    def _held(self, keys: Sequence[Key]) -> dict[int, dict[str, tuple[Any, ...]]]:
        """The open versions of keys: by key, by nugget id."""
        found: dict[int, dict[str, tuple[Any, ...]]] = {}
        for batch in in_batches([key_hash(*key) for key in keys]):
            rows = self.session.execute(
                f"SELECT {', '.join(VERSION_COLUMNS)} FROM nugget_versions "
                f"WHERE key IN ({places(batch)}) AND recorded_to = {EVER}",
                batch,
            )
            for row in rows:
                found.setdefault(row[2], {})[row[1]] = row
        return found

    def _derive(self, key: Key, rows: Sequence[ClaimRow], newest: dict[str, Rank]) -> list[DerivedNugget]:
        stored = [row.claim for row in rows]
        claims = self.ledger.key_claims(stored, newest)
        return derive(key, self.ledger.schema.find(key.predicate), claims, self.ledger.decisions_on(key, stored))

    def _write(
        self,
        key: Key,
        rows: Sequence[ClaimRow],
        nuggets: Sequence[DerivedNugget],
        at: int,
        held: dict[str, tuple[Any, ...]] | None = None,
    ) -> None:
        by_claim: dict[str, list[ClaimRow]] = {}
        for row in rows:
            by_claim.setdefault(row.claim.claim_id, []).append(row)
        subject = _most_usual([row.subject for row in rows])
        closed = dict(held or {})
        for nugget in nuggets:
            evidence = [row for claim in nugget.claims for row in sorted(by_claim[claim], key=_content)]
            values = self._values(key, subject, nugget, evidence)
            old = closed.get(nugget.nugget_id)
            if old is not None and old[2:-2] == values:
                del closed[nugget.nugget_id]
                continue
            self.added.append((self.next_version, nugget.nugget_id, *values, at, EVER))
            self.next_version += 1
            self.aliases.update(dict.fromkeys(nugget.aliases, nugget.nugget_id))
        self._close(list(closed.values()), at)

    def _close(self, rows: Sequence[tuple[Any, ...]], at: int) -> None:
        """End versions; those that began in this very transaction never were."""
        ended = [(at, row[0]) for row in rows if row[-2] < at]
        if ended:
            self.session.execute_many("UPDATE nugget_versions SET recorded_to = ? WHERE version = ?", ended)
        never = [row for row in rows if row[-2] >= at]
        if never:
            words = VERSION_COLUMNS.index("words")
            remove_words(self.session, [(row[0], row[words]) for row in never])
            self.session.execute_many("DELETE FROM nugget_versions WHERE version = ?", [(row[0],) for row in never])

    def _values(self, key: Key, subject: str, nugget: DerivedNugget, evidence: Sequence[ClaimRow]) -> tuple[Any, ...]:
        """A version's columns but for its number, its nugget's id and its times."""
        shown = [row for row in evidence if not row.claim.negated] or evidence
        name = _most_usual([row.object for row in shown])
        confidences = [row.claim.confidence for row in shown if row.claim.confidence is not None]
        sources = sorted({row.claim.source for row in evidence})
        return (
            key_hash(*key),
            key.scope,
            subject,
            key.subject,
            key.predicate,
            name,
            nugget.object_key,
            nugget.state,
            int(nugget.preferred),
            *_interval_values(nugget),
            int(nugget.end_is_derived),
            nugget.n_sources,
            nugget.superseded_by,
            json.dumps(sorted(nugget.contests)) if nugget.contests else "[]",
            nugget.why,
            f"[{', '.join([str(seq) for seq in sorted([row.seq for row in evidence])])}]",
            json.dumps(nugget.aliases) if nugget.aliases else "[]",
            shown[0].kind,
            max(confidences) if confidences else None,
            "\n" + "\n".join(sources) + "\n",
            self._words(key, subject, name, shown),
        )

    def _words(self, key: Key, subject: str, name: str, evidence: Sequence[ClaimRow]) -> str:
        """What finds it, each word once: the predicate's marker, names of the subject, the object.

        Behind a line break the words that only a sentence of its evidence has.
        """
        found = (predicate_marker(key.predicate), *tokens(subject), *tokens(name))
        if len(names := self.ledger.names(key.subject)) > 1:
            found += tuple(word for other in names for word in tokens(other))
        fact = dict.fromkeys(found)
        text = next((row.text for row in evidence if row.text), None)
        if text is None:
            return " ".join(fact)
        sentence = [word for word in tokens(text)[:_MAX_TEXT_WORDS] if word not in STOP_WORDS]
        said = dict.fromkeys(word for word in sentence if word not in fact)
        return f"{' '.join(fact)}\n{' '.join(said)}"

    def flush(self) -> None:
        """Insert what was derived."""
        if self.added:
            add_versions(self.session, VERSION_COLUMNS, self.added)
            predicate = VERSION_COLUMNS.index("predicate")
            self.session.execute_many(
                "INSERT INTO nugget_predicates (name) VALUES (?) ON CONFLICT (name) DO NOTHING",
                [(name,) for name in sorted({row[predicate] for row in self.added})],
            )
            self.added.clear()
        if self.aliases:
            self.session.execute_many(
                "INSERT INTO nugget_aliases (alias, nugget_id) VALUES (?, ?) "
                "ON CONFLICT (alias) DO UPDATE SET nugget_id = excluded.nugget_id",
                sorted(self.aliases.items()),
            )
            self.aliases.clear()


def _interval_values(nugget: DerivedNugget) -> tuple[int, int, int | None, int, int, int | None]:
    """Its interval as columns: an unknown start is as early as can be, an open end `EVER`."""
    end_earliest, end_latest, end_granularity = nugget.end or (EVER, EVER, None)
    start = nugget.start or (NEVER, end_latest, None)
    return (*start, end_earliest, end_latest, end_granularity)


def _content(row: ClaimRow) -> tuple[bool, str, str, int]:
    """An order of a claim's repetitions that does not depend on which was recorded first."""
    return row.text is None, row.text or "", row.kind, row.seq


def _most_usual(names: Sequence[str]) -> str:
    """The most frequent spelling; of equals the shortest, then the first in the alphabet."""
    if len(names) == 1:
        return names[0]
    counts = Counter(names)
    return min(counts, key=lambda name: (-counts[name], len(name), name)) if counts else ""
