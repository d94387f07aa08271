"""Looks over more than one fact: who followed whom, what a name was, what changed, how healthy the store is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from motherlode.nuggets.ask import StoreQuestions
from motherlode.nuggets.audit import AuditReport, audit
from motherlode.nuggets.chains import Chain, succession
from motherlode.nuggets.diff import Diff, diff
from motherlode.nuggets.doctor import Scorecard, examine
from motherlode.nuggets.hits import Nugget, NuggetHit
from motherlode.nuggets.joins import JoinResult, join
from motherlode.nuggets.name_chains import rename_chain
from motherlode.nuggets.postprocess import GovernedPassage, govern
from motherlode.nuggets.reading import Moment
from motherlode.nuggets.reads import StoreReads
from motherlode.nuggets.record import Extractor

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

    def succession(
        self, subject: str, predicate: str, *, known_at: Moment | None = None, scope: str = "global"
    ) -> Chain:
        """Who held a key, one after another, with gaps and overlaps; see `chains.succession`."""
        return succession(self, subject, predicate, known_at=known_at, scope=scope)

    def renames(
        self,
        name: str,
        *,
        valid_at: Moment | None = None,
        known_at: Moment | None = None,
        scope: str = "global",
    ) -> Chain:
        """What a name was and became, oldest first; see `name_chains.rename_chain`."""
        return rename_chain(self, name, valid_at=valid_at, known_at=known_at, scope=scope)

    def join(
        self,
        subject: str,
        path: str | Sequence[str],
        *,
        valid_at: Moment,
        known_at: Moment | None = None,
        scope: str = "global",
    ) -> JoinResult:
        """Follow predicates from a subject as of a time: ``join("Google", "parentCompany.ceo", valid_at="2020")``."""
        return join(self, subject, path, valid_at=valid_at, known_at=known_at, scope=scope)

    def diff(
        self,
        *,
        known: tuple[Moment, Moment] | None = None,
        valid: tuple[Moment, Moment] | None = None,
        subject: str | None = None,
        predicate: str | None = None,
        scope: str | None = None,
        known_at: Moment | None = None,
    ) -> Diff:
        """What changed between two moments, either in what is known or in the world; see `diff.diff`."""
        return diff(
            self, known=known, valid=valid, subject=subject, predicate=predicate, scope=scope, known_at=known_at
        )

    def audit(
        self,
        passages: Iterable[Any],
        query: str | None = None,
        at: Moment | None = None,
        *,
        known_at: Moment | None = None,
        extractor: Extractor | None = None,
    ) -> AuditReport:
        """What somebody else's passages state, and how each statement stands at a time; see `audit.audit`."""
        return audit(self, passages, query, at, known_at, extractor)

    def govern(
        self,
        passages: Iterable[Any],
        query: str | None = None,
        at: Moment | None = None,
        *,
        known_at: Moment | None = None,
        extractor: Extractor | None = None,
        strict: bool = False,
    ) -> list[GovernedPassage]:
        """Drop superseded passages, mark contested ones, keep the rest as it is; see `postprocess.govern`."""
        return govern(self, passages, query, at, known_at=known_at, extractor=extractor, strict=strict)

    def doctor(self, *, stale_after_days: float = 730, at: datetime | None = None) -> Scorecard:
        """A scorecard of the store's health; see `doctor.examine`."""
        return examine(self, stale_after_days=stale_after_days, at=at)
