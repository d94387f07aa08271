"""Govern what another retriever found: drop what is superseded, mark what is contested, leave the rest as it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from motherlode.errors import InputError
from motherlode.nuggets.access import StoreAccess
from motherlode.nuggets.audit import PassageAudit, audit, is_drop_worthy
from motherlode.nuggets.passages import as_passage
from motherlode.nuggets.reading import Moment
from motherlode.nuggets.record import Extractor
from motherlode.nuggets.statements import ReadTexts
from motherlode.nuggets.verdicts import VERDICTS, StatedFact

__all__ = ["GovernedPassage", "govern"]


@dataclass(frozen=True, slots=True)
class GovernedPassage:
    """A passage that stays.

    passage: as it was given. text: as it should be shown: the passage's own, or with a mark before it
    action: 'kept' (unchanged), 'marked' (contested) or 'annotated' (holds outdated facts beside current ones)
    notes: what the mark says, each a line. audit: why
    """

    passage: Any
    position: int
    id: str | None
    text: str
    verdict: str
    action: str
    notes: tuple[str, ...]
    metadata: Mapping[str, Any]
    audit: PassageAudit

    @property
    def governance(self) -> dict[str, Any]:
        """What was done to it and why, as a few JSON values to hang on somebody else's document."""
        return {"verdict": self.verdict, "action": self.action, "notes": list(self.notes)}

    def to_dict(self) -> dict[str, Any]:
        """As JSON values, as far as the passage's metadata are."""
        return {
            "position": self.position,
            "id": self.id,
            "text": self.text,
            "verdict": self.verdict,
            "action": self.action,
            "notes": list(self.notes),
            "metadata": dict(self.metadata),
            "audit": self.audit.to_dict(),
        }


def govern(
    store: StoreAccess,
    passages: Iterable[Any],
    query: str | None = None,
    at: Moment | None = None,
    drop: Sequence[str] = ("superseded", "deprecated"),
    mark: str | Sequence[str] = "contested",
    *,
    known_at: Moment | None = None,
    extractor: Extractor | None = None,
    strict: bool = False,
    prefix: str = "[DISPUTED]",
    outdated_prefix: str = "[OUTDATED]",
    scopes: Sequence[str] = ("global",),
    cache: ReadTexts | None = None,
) -> list[GovernedPassage]:
    """The passages that should reach a reader, in their order.

    drop, mark: verdicts of `audit`. A passage is dropped where all dated facts in it that bear on the query are
        outdated; one that holds current facts too stays, annotated. Marking wins over dropping
    strict: drop a passage for a single fact that bears on the query
    prefix: stands before a marked passage, with what others say; outdated_prefix before an annotated one, with what no
        longer holds. An empty one leaves the text as it is
    The other arguments are those of `audit`. Passages of which nothing is known come back unchanged.
    """
    marked = (mark,) if isinstance(mark, str) else tuple(mark)
    dropped = (drop,) if isinstance(drop, str) else tuple(drop)
    for verdict in (*dropped, *marked):
        if verdict not in VERDICTS:
            raise InputError(f"drop and mark name verdicts, which are {', '.join(VERDICTS)}; not {verdict!r}")
    given = list(passages)
    report = audit(store, given, query, at, known_at, extractor, scopes=scopes, cache=cache)
    kept = []
    for value, found in zip(given, report.passages, strict=True):
        is_marked = found.verdict in marked
        if is_drop_worthy(found, dropped, strict=strict) and (strict or not is_marked):
            continue
        passage = as_passage(value)
        if is_marked:
            action, shown, notes = "marked", prefix, _disputes(found)
        else:
            notes = _expired(found, dropped)
            action, shown = ("annotated", outdated_prefix) if notes else ("kept", "")
        text = f"{shown} {' '.join(f'({note})' for note in notes)} {passage.text}" if shown else passage.text
        kept.append(
            GovernedPassage(
                value, found.position, passage.id, text, found.verdict, action, notes, passage.metadata, found
            )
        )
    return kept


def _disputes(found: PassageAudit) -> tuple[str, ...]:
    """Who says otherwise, each once."""
    rivals = [rival.text for fact in found.contested for rival in fact.rivals]
    return tuple(f"others say: {text}" for text in dict.fromkeys(rivals)) or (found.verdict,)


def _expired(found: PassageAudit, dropped: Sequence[str]) -> tuple[str, ...]:
    return tuple(_expiry(fact) for fact in found.outdated if fact.verdict in dropped)


def _expiry(fact: StatedFact) -> str:
    """'no longer: Apple — chief executive officer: Steve Jobs (…); since 2011-08-24: Tim Cook'."""
    if fact.verdict == "deprecated":
        return f"withdrawn: {fact.text}"
    replaced = "" if fact.by is None else f"; then {fact.by.object}"
    return f"no longer: {fact.text}{replaced}"
