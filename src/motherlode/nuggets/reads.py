"""Reads of a store: nuggets by subject and predicate, by id, and the claims behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from motherlode.core.sql import places
from motherlode.core.time import from_micros, parse_partial_date as parse_date
from motherlode.errors import InputError
from motherlode.nuggets.access import StoreAccess
from motherlode.nuggets.hits import Evidence, Nugget
from motherlode.nuggets.ledger import key_hash
from motherlode.nuggets.reading import (
    ANSWERING,
    STATES,
    Filter,
    Moment,
    full_id,
    known_micros,
    read_evidence,
    read_nuggets,
    select_nuggets,
)
from motherlode.nuggets.values import normalize_name

__all__ = ["StoreReads"]


class StoreReads(StoreAccess):
    """The part of a store that shows what is in it."""

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
            ledger = self.ledger(session, known)
            where, values = "1 = 1", list[Any]()
            if subject is not None and predicate is not None and scope is not None:
                name = ledger.name(normalize_name(subject))
                hashes = [key_hash(scope, one, ledger.schema.find(predicate).name) for one in ledger.names(name)]
                where, values = f"v.key IN ({places(hashes)})", list(hashes)
            elif subject is not None:
                names = ledger.names(normalize_name(subject))
                where, values = f"v.subject_key IN ({places(names)})", list(names)
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
        return self.nuggets(subject, predicate, known_at=known_at, scope=scope, states=ANSWERING)

    def get(self, nugget: str, *, known_at: Moment | None = None) -> Nugget:
        """A nugget by its id, one that it had earlier, or the first letters of it.

        Errors: InputError where there is none; for an erased one the message says since when.
        """
        with self.reading() as session:
            nugget = full_id(session, nugget)
            found = read_nuggets(session, [nugget], known_micros(known_at)).get(nugget)
            if found is None:
                gone = session.one("SELECT erased_at FROM nugget_tombstones WHERE nugget_id = ?", (nugget,))
                then = "" if known_at is None else " at that known time"
                since = "" if gone is None else f"; it was erased at {from_micros(gone[0]):%Y-%m-%d %H:%M:%S} UTC"
                raise InputError(f"no nugget has the id {nugget!r}{since or then}; its first 6 letters or more will do")
            return found

    def evidence(self, nugget: Nugget) -> list[Evidence]:
        """The claims behind a nugget, in the order of their recording."""
        with self.reading() as session:
            found = read_evidence(session, nugget.claims)
        return [found[claim] for claim in nugget.claims if claim in found]
