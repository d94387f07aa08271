"""What a name was and became: renames stated from either side, followed forward and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from motherlode.core.sql import Session, places
from motherlode.core.time import EVER, PartialDate, parse_partial_date as parse_date
from motherlode.errors import InputError
from motherlode.nuggets.chains import Chain, Link
from motherlode.nuggets.event_rows import load_events
from motherlode.nuggets.full_text import matching, one_of_each
from motherlode.nuggets.hits import Nugget
from motherlode.nuggets.ledger import Ledger, key_hash
from motherlode.nuggets.reading import ANSWERING, SELECTED, Filter, Moment, known_micros, nugget_of
from motherlode.nuggets.reads import StoreReads
from motherlode.nuggets.values import normalize_name
from motherlode.nuggets.words import predicate_marker, tokens

__all__ = ["names_over_time", "rename_chain"]

_MAX_NAMES = 64  # of one entity; a longer chain is a mistake in the data


@dataclass(frozen=True, slots=True)
class _Rename:
    """One step: a name, by key and as written, became another."""

    old: str
    new: str
    old_name: str
    new_name: str
    nugget: Nugget
    is_forward: bool

    @property
    def at(self) -> PartialDate | None:
        return self.nugget.interval.start


@dataclass
class _Renames:
    """Renames around names, read by index: by the key of the subject, by the words of the object."""

    session: Session
    ledger: Ledger
    allowed: Filter
    until: int = EVER
    window: tuple[int, int] | None = None
    _forward: dict[str, bool] = field(init=False)
    _held: dict[str, list[_Rename]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Which predicates rename, and whether from the old name to the new."""
        known = self.ledger.schema.predicates
        renaming = {predicate.name for predicate in known if predicate.renaming}
        backward = {predicate.inverse for predicate in known if predicate.renaming and predicate.inverse}
        backward |= {predicate.name for predicate in known if predicate.inverse in renaming}
        self._forward = {**dict.fromkeys(sorted(backward), False), **dict.fromkeys(sorted(renaming), True)}

    def around(self, name: str) -> list[_Rename]:
        """Renames from and to a name (a key after merging) that had begun by then."""
        if name not in self._held:
            rows = {row[0]: row for row in (*self._of_subject(name), *self._of_object(name))}
            found = [self._rename(row) for _, row in sorted(rows.items())]
            self._held[name] = [
                one for one in found if one.old != one.new and one.nugget.interval.start_earliest < self.until
            ]
        return self._held[name]

    def _of_subject(self, name: str) -> list[tuple[object, ...]]:
        scopes = self.allowed.scopes or ("global",)
        keys = [
            key_hash(scope, one, predicate)
            for scope in scopes
            for one in self.ledger.names(name)
            for predicate in self._forward
        ]
        if not keys:
            return []
        condition, values = self.allowed.sql()
        return self.session.execute(
            f"SELECT {SELECTED} FROM nugget_versions v WHERE v.key IN ({places(keys)}) AND {condition}",
            [*keys, *values],
        )

    def _of_object(self, name: str) -> list[tuple[object, ...]]:
        found: list[tuple[object, ...]] = []
        condition, values = self.allowed.sql()
        for other in self.ledger.names(name):
            for predicate in self._forward:
                words = dict.fromkeys((predicate_marker(predicate), *tokens(other)))
                found += self.session.execute(
                    f"SELECT {SELECTED} {matching(self.session.dialect)} "
                    f"AND v.object_key = ? AND v.predicate = ? AND {condition}",
                    [
                        one_of_each([(word,) for word in words], self.session.dialect),
                        f"name:{name}",
                        predicate,
                        *values,
                    ],
                )
        return found

    def _rename(self, row: Sequence[object]) -> _Rename:
        nugget = nugget_of(row)
        subject = str(row[26]), nugget.subject
        target = self.ledger.name(str(row[5]).partition(":")[2]), nugget.object
        forward = self._forward[nugget.predicate]
        (old, old_name), (new, new_name) = (subject, target) if forward else (target, subject)
        return _Rename(old, new, old_name, new_name, nugget, forward)

    def step(self, name: str, *, forward: bool) -> _Rename | None:
        """The rename that a name goes on to, or came by; None at the end.

        Errors: InputError where it is said of two names at one time.
        """
        targets: dict[str, list[_Rename]] = {}
        for one in self.around(name):
            if (one.old if forward else one.new) == name and one.nugget.object_kind == "name":
                targets.setdefault(one.new if forward else one.old, []).append(one)
        preferred = {target for target, said in targets.items() if any(one.nugget.preferred for one in said)}
        choice = sorted(preferred or targets)
        if len(choice) > 1:
            choice = self._nearest(name, choice, forward=forward)
        if len(choice) > 1:
            choice = self._by_time({target: targets[target] for target in choice}, name, forward=forward)
        return min(targets[choice[0]], key=_fineness) if choice else None

    def _nearest(self, name: str, choice: list[str], *, forward: bool) -> list[str]:
        """Without those that another of them leads to: "X, formerly Twttr" skips a name that is between."""
        beyond = {other for target in choice for other in self._reached(target, name, forward=forward)}
        return [target for target in choice if target not in beyond] or choice

    def _reached(self, start: str, without: str, *, forward: bool) -> set[str]:
        found: set[str] = set()
        edge = [start]
        while edge and len(found) < _MAX_NAMES:
            renames = [(one, name) for name in edge for one in self.around(name)]
            ahead = [
                one.new if forward else one.old for one, name in renames if (one.old if forward else one.new) == name
            ]
            edge = sorted(set(ahead) - found - {start, without})
            found.update(edge)
        return found

    def _by_time(self, targets: dict[str, list[_Rename]], name: str, *, forward: bool) -> list[str]:
        """Of names at different times the one of the asked time, else the last."""
        best = {target: min(said, key=_fineness) for target, said in targets.items()}
        ordered = sorted(best, key=lambda target: (best[target].nugget.interval.start_earliest, target))
        for i, one in enumerate(ordered):
            for other in ordered[i + 1 :]:
                if best[one].nugget.interval.overlaps(best[other].nugget.interval):
                    raise _ambiguity(name, best[one], best[other], forward=forward)
        if self.window is not None:
            asked = [target for target in ordered if best[target].nugget.interval.is_possible(*self.window)]
            ordered = asked or ordered
        return ordered[-1:]


def _fineness(rename: _Rename) -> tuple[bool, int, str]:
    """What says when it was renamed before what says since when it is "formerly"; then the finer date."""
    at = rename.at
    return not rename.is_forward, (EVER if at is None else at.latest - at.earliest), rename.nugget.nugget_id


def _ambiguity(name: str, first: _Rename, second: _Rename, *, forward: bool) -> InputError:
    one, other = (first.new_name, second.new_name) if forward else (first.old_name, second.old_name)
    own = first.old_name if forward else first.new_name
    became = "became both" if forward else "came from both"
    dates = " and ".join(str(rename.nugget.interval) for rename in (first, second))
    return InputError(
        f"ambiguity: {own or name!r} {became} {one!r} and {other!r} at one time ({dates}); settle it with "
        f"store.decide({first.nugget.nugget_id!r} or {second.nugget.nugget_id!r}, 'prefer', actor=…)"
    )


def rename_chain(
    store: StoreReads,
    name: str,
    *,
    valid_at: Moment | None = None,
    known_at: Moment | None = None,
    scope: str = "global",
) -> Chain:
    """What a name was before and became later: Twitter → X Corp, whichever of them is asked for.

    valid_at: only renames that may have begun by then. A rename stated from the new name's side ("formerly known as")
    counts alike; one to a name that another rename leads to is passed over for the nearer one. A circle ends where it
    comes back. A name of which nothing is known is a chain of its own.

    Errors: InputError ("ambiguity") where a name became, or came from, two names at one time; both are named.
    Cost: a few look-ups by index for each name.
    """
    key = normalize_name(name)
    if not key:
        raise InputError(f"a chain of renames starts from a name, not {name!r}")
    window = None if valid_at is None else parse_date(valid_at).window
    with store.reading() as session:
        known = known_micros(known_at)
        renames = _Renames(
            session,
            store.ledger(session, known),
            Filter(known_at=known, states=ANSWERING, scopes=(scope,)),
            EVER if window is None else window[1],
            window,
        )
        start = renames.ledger.name(key)
        seen = {start}
        before, closed = _walk(renames, start, seen, forward=False)
        after, comes_back = _walk(renames, start, seen, forward=True)
    steps = [*reversed(before), *after]
    names = (steps[0].old_name, *(step.new_name for step in steps)) if steps else (name.strip(),)
    links = [Link("renamed", step.nugget.nugget_id, step.nugget.nugget_id, step.at, step.at) for step in steps]
    return Chain("rename", names, tuple(step.nugget for step in steps), tuple(links), is_cycle=closed or comes_back)


def _walk(renames: _Renames, start: str, seen: set[str], *, forward: bool) -> tuple[list[_Rename], bool]:
    """Steps in one direction, and whether they led back to a name that was there."""
    steps: list[_Rename] = []
    name = start
    while len(seen) < _MAX_NAMES:
        step = renames.step(name, forward=forward)
        if step is None:
            return steps, False
        name = step.new if forward else step.old
        if name in seen:
            return steps, True
        seen.add(name)
        steps.append(step)
    return steps, False


def names_over_time(
    where: StoreReads | Session, name: str, *, ledger: Ledger | None = None, known_at: Moment | None = None
) -> list[str]:
    """All names of what has this name: itself, those it was merged with, those it was or became; nearest first.

    where: a store, or a snapshot of one with its ledger (without it, the events are read). At most 64 names.
    Cost: a few look-ups by index for each name.
    """
    known = known_micros(known_at)
    if isinstance(where, Session):
        return _names(where, ledger or Ledger.of(load_events(where, known)), name, known)
    with where.reading() as session:
        return _names(session, ledger or where.ledger(session, known), name, known)


def _names(session: Session, ledger: Ledger, name: str, known_at: int | None) -> list[str]:
    key = ledger.name(normalize_name(name))
    renames = _Renames(session, ledger, Filter(known_at=known_at, states=ANSWERING))
    shown: dict[str, str] = {normalize_name(name): name.strip()}
    seen, edge = {key}, [key]
    while edge and len(seen) < _MAX_NAMES:
        ahead: dict[str, str] = {}
        for one in (rename for at in edge for rename in renames.around(at)):
            for other, written in ((one.old, one.old_name), (one.new, one.new_name)):
                shown.setdefault(normalize_name(written), written)
                ahead.setdefault(other, written)
        edge = [other for other in ahead if other not in seen]
        seen.update(edge)
    for merged in _merged(ledger, seen):
        shown.setdefault(merged, merged)
    return list(shown.values())[:_MAX_NAMES]


def _merged(ledger: Ledger, keys: Iterable[str]) -> list[str]:
    return [other for key in sorted(keys) for other in ledger.names(key)]
