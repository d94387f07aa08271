"""Looks over more than one fact: who followed whom, what a name was, what changed, how healthy the store is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from motherlode.nuggets import (
    audit as audits,
    chains,
    diff as diffs,
    doctor as doctors,
    joins,
    name_chains,
    postprocess,
)
from motherlode.nuggets.ask import StoreQuestions
from motherlode.nuggets.hits import Nugget, NuggetHit
from motherlode.nuggets.reading import Moment
from motherlode.nuggets.reads import StoreReads

__all__ = ["AsOf", "StoreInsights"]


@dataclass(frozen=True, slots=True)
class AsOf:
    """A store as of a time in the world and a time of knowledge; either may be None, which is now."""

    store: StoreInsights
    valid_at: Moment | None
    known_at: Moment | None

    def ask(self, question: str, **options: Any) -> list[NuggetHit]:
        """`NuggetStore.ask` at these times."""
        found: list[NuggetHit] = self.store.ask(question, valid_at=self.valid_at, known_at=self.known_at, **options)
        return found

    def nuggets(self, subject: str | None = None, predicate: str | None = None, **options: Any) -> list[Nugget]:
        """Nuggets that may hold then, as known then."""
        return self.store.nuggets(subject, predicate, valid_at=self.valid_at, known_at=self.known_at, **options)

    def history(self, subject: str, predicate: str, *, scope: str = "global") -> list[Nugget]:
        """The whole history of a key, as known then."""
        return self.store.history(subject, predicate, known_at=self.known_at, scope=scope)

    def get(self, nugget: str) -> Nugget:
        """A nugget as known then."""
        return self.store.get(nugget, known_at=self.known_at)


class StoreInsights(StoreReads, StoreQuestions):
    """The part of a store that connects facts."""

    def as_of(self, valid_at: Moment | None = None, known_at: Moment | None = None) -> AsOf:
        """The store as of two times, for several reads."""
        return AsOf(self, valid_at, known_at)

    # Functions of a store, each in a module of its own, are its methods as they are.
    succession = chains.succession
    renames = name_chains.rename_chain
    join = joins.join
    diff = diffs.diff
    audit = audits.audit
    govern = postprocess.govern
    doctor = doctors.examine
