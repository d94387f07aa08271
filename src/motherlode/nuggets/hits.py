"""What reading the store gives back: nuggets with their evidence, and hits with the reasons for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from motherlode.core.time import Interval, PartialDate, iso_text

__all__ = ["CERTAINTIES", "Conflict", "Contest", "Evidence", "Nugget", "NuggetHit"]

CERTAINTIES = ("certain", "possible", "unknown")
"""How sure a nugget is to hold at the asked time; unknown: it has no dates."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One claim behind a nugget: who says it, where in the text, and when it says that it was so.

    text: the sentence; span: begin and end of it in the document's text, in characters. recorded_at: aware, UTC
    """

    claim_id: str
    source: str
    publisher: str
    version: str | None
    published_at: str | None
    valid_from: str | None
    valid_to: str | None
    negated: bool
    text: str | None
    span: tuple[int, int] | None
    confidence: float | None
    recorded_at: datetime | None


@dataclass(frozen=True, slots=True)
class Contest:
    """Another nugget that says otherwise, and during what time; ends in microseconds since 1970, half-open."""

    nugget_id: str
    begin: int
    end: int

    def is_on(self, begin: int, end: int) -> bool:
        """Whether the contradiction falls into [begin, end)."""
        return self.begin < end and begin < self.end


@dataclass(frozen=True, slots=True)
class Nugget:
    """One fact as it is known from ``recorded_from`` to ``recorded_to``.

    state: active, superseded, contested, deprecated, pending, retracted or erased; it says how the fact stands in what
        is known, not whether it holds at a given time: that is ``interval``
    interval: when it holds, as finely as is known. end_is_derived: its end is the start of what followed
    n_sources: independent publishers behind it. why: the reason of a state that needs one
    """

    nugget_id: str
    subject: str
    predicate: str
    object: str
    object_kind: str
    scope: str
    kind: str
    state: str
    preferred: bool
    interval: Interval
    end_is_derived: bool
    n_sources: int
    confidence: float | None
    superseded_by: str | None
    contests: tuple[Contest, ...]
    why: str
    recorded_from: datetime | None
    recorded_to: datetime | None
    claims: tuple[int, ...]
    aliases: tuple[str, ...] = ()

    @property
    def valid_from(self) -> str | None:
        """Its start as stated; None where it is unknown."""
        return None if self.interval.start is None else str(self.interval.start)

    @property
    def valid_to(self) -> str | None:
        """Its end as stated, exclusive; None where it goes on, or the start is unknown too."""
        return None if self.interval.end is None else str(self.interval.end)

    def certainty(self, begin: int, end: int) -> str:
        """Of `CERTAINTIES`, for the asked stretch of time (microseconds, half-open)."""
        if not self.interval.is_known:
            return "unknown"
        return "certain" if self.interval.is_certain(begin, end) else "possible"

    def __str__(self) -> str:
        return f"{self.subject} · {self.predicate} · {self.object} {self.interval} ({self.state})"

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "id": self.nugget_id,
            "subject": self.subject,
            "predicate": self.predicate,
            "object": self.object,
            "scope": self.scope,
            "kind": self.kind,
            "state": self.state,
            "preferred": self.preferred,
            "valid_from": self.valid_from,
            "valid_to": self.valid_to,
            "end_is_derived": self.end_is_derived,
            "n_sources": self.n_sources,
            "superseded_by": self.superseded_by,
            "contested_by": [contest.nugget_id for contest in self.contests],
            "why": self.why,
            "recorded_from": iso_text(self.recorded_from),
            "recorded_to": iso_text(self.recorded_to),
        }


@dataclass(frozen=True, slots=True)
class Conflict:
    """Nuggets that contradict a hit at the asked time, and when."""

    rivals: tuple[Nugget, ...]
    during: tuple[PartialDate | None, PartialDate | None]


@dataclass(frozen=True, slots=True)
class NuggetHit:
    """One answer.

    score: larger is better, comparable within one answer only
    certainty: certain, possible or unknown at the asked time
    why: what matched, in words. conflict: who disagrees at the asked time; None where nobody does
    parts: the scores that were fused
    """

    nugget: Nugget
    rank: int
    score: float
    certainty: str
    evidence: tuple[Evidence, ...]
    why: str
    conflict: Conflict | None
    parts: Mapping[str, float]

    @property
    def state(self) -> str:
        """The nugget's."""
        return self.nugget.state

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "rank": self.rank,
            "score": self.score,
            "certainty": self.certainty,
            "why": self.why,
            **self.nugget.to_dict(),
            "conflict": [] if self.conflict is None else [rival.to_dict() for rival in self.conflict.rivals],
            "evidence": [
                {
                    "source": evidence.source,
                    "publisher": evidence.publisher,
                    "version": evidence.version,
                    "published_at": evidence.published_at,
                    "text": evidence.text,
                    "span": evidence.span,
                    "negated": evidence.negated,
                }
                for evidence in self.evidence
            ],
        }
