"""What changed between two moments: in what is known, or in what holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from motherlode.core.sql import Session
from motherlode.core.time import parse_partial_date as parse_date
from motherlode.errors import InputError
from motherlode.nuggets.hits import Nugget
from motherlode.nuggets.reading import ANSWERING, Filter, Moment, known_micros, select_nuggets
from motherlode.nuggets.reads import StoreReads
from motherlode.nuggets.values import normalize_name

__all__ = ["Change", "Diff", "diff"]


@dataclass(frozen=True, slots=True)
class Change:
    """A nugget that stands at both moments, and differs. changed: each field's value at the first and at the second."""

    before: Nugget
    after: Nugget
    changed: dict[str, tuple[Any, Any]]

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "nugget": self.after.to_dict(),
            "changed": {name: {"before": pair[0], "after": pair[1]} for name, pair in self.changed.items()},
        }


@dataclass(frozen=True, slots=True)
class Diff:
    """What differs at the second of two moments from the first.

    axis: known or valid. begin, end: the moments as given
    added: nuggets that answer (known) or hold (valid) only at the second. gone: only at the first; on the known axis
        as they stand at the second, where their state and reason say what became of them, or as they stood, where
        nothing is left of them. changed: those at both that differ
    """

    axis: str
    begin: str
    end: str
    added: tuple[Nugget, ...]
    gone: tuple[Nugget, ...]
    changed: tuple[Change, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.gone or self.changed)

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "axis": self.axis,
            "begin": self.begin,
            "end": self.end,
            "added": [nugget.to_dict() for nugget in self.added],
            "gone": [nugget.to_dict() for nugget in self.gone],
            "changed": [change.to_dict() for change in self.changed],
        }


def diff(
    store: StoreReads,
    *,
    known: tuple[Moment, Moment] | None = None,
    valid: tuple[Moment, Moment] | None = None,
    subject: str | None = None,
    predicate: str | None = None,
    scope: str | None = None,
    known_at: Moment | None = None,
) -> Diff:
    """What was added, went and changed between two moments on one axis.

    known: two recorded times (a day or an instant each): what the store learned between them
    valid: two times in the world, of any granularity: what began and ended between them, as known at ``known_at``
    subject, predicate, scope: only of these; by default of all

    A nugget that waits for review, was suppressed or retracted answers nothing, so it counts as gone; one that was
    never there and is only awaited is added, in its state. Undated nuggets hold at any time, so they never differ on
    the valid axis. The order of the moments is the caller's: a later first shows the way back.
    Errors: InputError unless exactly one axis is given, for moments without zone, for ``known`` coarser than a day.
    Cost: by index with a subject and predicate and scope; else one pass over the versions.
    """
    if (known is None) == (valid is None):
        raise InputError("diff compares two moments on one axis: known=(t1, t2) or valid=(t1, t2)")
    pair = known if known is not None else valid
    assert pair is not None
    if len(pair) != 2:
        raise InputError(f"diff compares two moments, (t1, t2), not {pair!r}")
    shown = str(parse_date(pair[0])), str(parse_date(pair[1]))
    if known is not None:
        if known_at is not None:
            raise InputError("known_at belongs to valid=(t1, t2); known=(t1, t2) says when it was known itself")
        before, after = _known_between(store, known, subject, predicate, scope)
        return _diff("known", shown, _compare_known(before, after))
    every = store.nuggets(subject, predicate, known_at=known_at, scope=scope, states=ANSWERING)
    return _diff("valid", shown, _compare_valid(every, parse_date(pair[0]).window, parse_date(pair[1]).window))


_Found = tuple[tuple[Nugget, ...], tuple[Nugget, ...], tuple[Change, ...]]


def _diff(axis: str, shown: tuple[str, str], found: _Found) -> Diff:
    return Diff(axis, shown[0], shown[1], found[0], found[1], found[2])


# The known axis


def _known_between(
    store: StoreReads, known: tuple[Moment, Moment], subject: str | None, predicate: str | None, scope: str | None
) -> tuple[list[Nugget], list[Nugget]]:
    """Nuggets as of two recorded times; without a subject, only the versions that stand at one of them alone."""
    if subject is not None:
        first, second = (
            store.nuggets(subject, predicate, known_at=moment, scope=scope) if normalize_name(subject) else []
            for moment in known
        )
        return first, second
    begin, end = (known_micros(moment) for moment in known)
    with store.reading() as session:
        return (
            _only_at(store, session, begin, end, predicate, scope),
            _only_at(store, session, end, begin, predicate, scope),
        )


def _only_at(
    store: StoreReads, session: Session, at: int | None, other: int | None, predicate: str | None, scope: str | None
) -> list[Nugget]:
    name = None if predicate is None else store.ledger(session, at).schema.find(predicate).name
    allowed = Filter(
        known_at=at,
        predicates=None if name is None else (name,),
        scopes=None if scope is None else (scope,),
    )
    return select_nuggets(session, "NOT (v.recorded_from <= ? AND v.recorded_to > ?)", [other, other], allowed)


def _compare_known(before: Iterable[Nugget], after: Iterable[Nugget]) -> _Found:
    held = {nugget.nugget_id: nugget for nugget in before}
    # An earlier start gives a nugget another id; the one that it had stays as an alias, on the side with more claims.
    alias = {name: nugget.nugget_id for nugget in held.values() for name in nugget.aliases}
    pairs: list[tuple[Nugget, Nugget]] = []
    added: list[Nugget] = []
    left = dict(held)
    for nugget in sorted(after, key=lambda one: one.nugget_id not in held):
        names = (nugget.nugget_id, *nugget.aliases, alias.get(nugget.nugget_id, ""))
        old = next((left.pop(name) for name in names if name in left), None)
        if old is not None:
            pairs.append((old, nugget))
        elif nugget.state != "retracted":
            added.append(nugget)
    gone: list[Nugget] = [nugget for nugget in left.values() if nugget.state != "retracted"]
    changed: list[Change] = []
    for old, new in pairs:
        if old.state in ANSWERING and new.state not in ANSWERING:
            gone.append(new)
        elif old.state not in ANSWERING and new.state in ANSWERING:
            added.append(new)
        elif differing := _differing(old, new):
            changed.append(Change(old, new, differing))
    return _ordered(added), _ordered(gone), tuple(sorted(changed, key=lambda change: _order(change.after)))


def _differing(old: Nugget, new: Nugget) -> dict[str, tuple[Any, Any]]:
    names = ("nugget_id", "state", "preferred", "valid_from", "valid_to", "n_sources", "superseded_by", "why")
    found = {name: (getattr(old, name), getattr(new, name)) for name in names}
    found["n_evidence"] = len(old.claims), len(new.claims)
    found["contested_by"] = _rivals(old), _rivals(new)
    return {name: values for name, values in found.items() if values[0] != values[1]}


def _rivals(nugget: Nugget) -> list[str]:
    return sorted(contest.nugget_id for contest in nugget.contests)


# The valid axis


def _compare_valid(every: Iterable[Nugget], begin: tuple[int, int], end: tuple[int, int]) -> _Found:
    added: list[Nugget] = []
    gone: list[Nugget] = []
    changed: list[Change] = []
    for nugget in every:
        first, second = (nugget.interval.is_possible(*window) for window in (begin, end))
        if first and second:
            certainty = nugget.certainty(*begin), nugget.certainty(*end)
            if certainty[0] != certainty[1]:
                changed.append(Change(nugget, nugget, {"certainty": certainty}))
        elif first or second:
            (gone if first else added).append(nugget)
    return _ordered(added), _ordered(gone), tuple(sorted(changed, key=lambda change: _order(change.after)))


def _ordered(nuggets: Iterable[Nugget]) -> tuple[Nugget, ...]:
    return tuple(sorted(nuggets, key=_order))


def _order(nugget: Nugget) -> tuple[Any, ...]:
    return nugget.subject, nugget.predicate, nugget.interval.start_earliest, nugget.object, nugget.nugget_id
