"""Tenures: who held a key when. One sweep over claims in the order of their starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from motherlode.core.time import EVER, NEVER
from motherlode.nuggets.bounds import RANGE, Bound, best_bound
from motherlode.nuggets.schema import Predicate

__all__ = ["Contest", "KeyClaim", "Tenure", "order_start", "sweep"]

Pin = tuple[str, int, int, int]
"""(object, begin, end, decided_at): what a person prefers."""


def order_start(start: Bound | None, end: Bound | None) -> tuple[int, int]:
    """Where a start stands in the order of starts.

    "As of June 2023" starts some time up to then: it is ordered by what it is sure of. An unknown start comes first.
    """
    if start is None:
        return NEVER, EVER if end is None else end[1]
    earliest, latest, _ = start
    if earliest == NEVER:
        return (latest - 1, latest) if latest != EVER else (NEVER, EVER)
    return earliest, latest


@dataclass(slots=True)
class KeyClaim:
    """A claim as the sweep sees it: canonical object, bounds, who says it, and whether it stands."""

    claim_id: str
    object_key: str
    start: Bound | None
    end: Bound | None
    publisher: str
    weight: float = 1.0
    negated: bool = False
    status: str = "live"

    @property
    def is_dated(self) -> bool:
        return self.start is not None or self.end is not None

    @property
    def order_start(self) -> tuple[int, int]:
        """Where its start stands in the order of starts."""
        return order_start(self.start, self.end)

    @property
    def is_observation(self) -> bool:
        """It held within a year, "in 2012", and nothing is said of when it began or ended."""
        return self.start is not None and self.start == self.end

    @property
    def closing(self) -> Bound | None:
        """What it says of an end: a negation starts where what it denies ends."""
        return (self.start or self.end) if self.negated else self.end

    @property
    def order(self) -> tuple[int, int, str, str]:
        """(earliest start, finer granularity, object, claim id): the order of the sweep."""
        earliest, latest = self.order_start
        return earliest, latest - earliest, self.object_key, self.claim_id


@dataclass(slots=True)
class Tenure:
    """An object's stretch of time under construction."""

    object_key: str
    claims: list[KeyClaim]
    closings: list[KeyClaim] = field(default_factory=list)
    undated: list[KeyClaim] = field(default_factory=list)
    end: Bound | None = None
    closed_by: Bound | None = None
    successor: Tenure | None = None
    not_before: int = NEVER
    moved_start: Bound | None = None
    state: str | None = None
    why: str = ""
    kept_start: tuple[Bound | None] | None = None
    """Its stated start, once the sweep is over and nothing changes it any more."""

    @classmethod
    def of(cls, claims: Sequence[KeyClaim]) -> Tenure:
        tenure = cls(claims[0].object_key, list(claims))
        tenure.settle()
        return tenure

    @property
    def order_start(self) -> tuple[int, int]:
        return self.claims[0].order_start

    @property
    def begin(self) -> int:
        return NEVER if self.claims[0].start is None else self.claims[0].start[0]

    @property
    def end_bound(self) -> tuple[int, int]:
        """(earliest, latest) of its end; `EVER` where it is open."""
        final = self.final_end
        return (EVER, EVER) if final is None else final[:2]

    @property
    def final_end(self) -> Bound | None:
        """Its stated end, or the start of what followed as that is known now."""
        if self.closed_by is None:
            return self.end
        return self.end_given(None if self.successor is None else self.successor.stated_start)

    def end_given(self, followed: Bound | None) -> Bound | None:
        """Its end, by the stated start of what followed."""
        if self.closed_by is None:
            return self.end
        if followed is not None and self.closed_by[0] <= followed[0] and followed[1] <= self.closed_by[1]:
            return followed
        return self.closed_by

    @property
    def weight(self) -> float:
        """Independent sources, weighed by their trust."""
        weights: dict[str, float] = {}
        for claim in (*self.claims, *self.undated):
            weights[claim.publisher] = max(claim.weight, weights.get(claim.publisher, 0.0))
        return sum(weights.values())

    @property
    def stated_start(self) -> Bound | None:
        """The start that most independent sources agree with, then the finer one, among those before its end.

        Its end may be the start of what followed, which has an end too, and so on: walked, for successions are long.
        """
        chain: list[Tenure] = [self]
        while chain[-1].kept_start is None and chain[-1].closed_by is not None and chain[-1].successor is not None:
            chain.append(chain[-1].successor)
        start: Bound | None = None
        for tenure in reversed(chain):
            start = (
                tenure.kept_start[0] if tenure.kept_start is not None else tenure.start_before(tenure.end_given(start))
            )
        return start

    def start_before(self, end: Bound | None) -> Bound | None:
        """Its stated start, by its end."""
        if self.moved_start is not None:
            return self.moved_start
        last = (EVER if end is None else end[1]) - 1
        possible = [claim for claim in self.claims if claim.start is not None and claim.start[0] < last]
        told = [claim for claim in possible if not claim.is_observation]
        best = best_bound([(c.start, c.publisher, c.weight) for c in told or possible])
        if best is None or not best[0] < self.not_before < min(best[1], last):
            return best
        return (self.not_before, best[1], RANGE)

    def take(self, spell: Tenure) -> None:
        """Evidence of the same tenure."""
        says_ends = bool(spell.closings) or any(claim.end is not None for claim in spell.claims)
        # Claims without ends change the end only where all ends so far were those of observations.
        is_settled = not says_ends and not self.claims[0].is_observation
        self.claims += spell.claims
        self.closings += spell.closings
        if not is_settled:
            self.settle()

    def settle(self) -> None:
        """Choose the stated end anew: most independent sources, then the finer one, among those that are possible."""
        start = self.order_start[0]
        told = [claim for claim in self.claims if not claim.is_observation]
        stated = [(c.end, c.publisher, c.weight) for c in told or self.claims]
        stated += [(c.closing, c.publisher, c.weight) for c in self.closings]
        self.end = best_bound(
            [
                ((max(bound[0], start + 1), bound[1], bound[2]), publisher, weight)
                for bound, publisher, weight in stated
                if bound is not None and bound[1] - 1 > start
            ]
        )

    def covers(self, start: tuple[int, int]) -> bool:
        """Whether a start certainly falls into it, or may be its own start."""
        own = self.order_start
        if start[0] < own[1] and own[0] < start[1]:
            return True
        return self.closed_by is None and (self.end is None or start[1] <= self.end[0])


@dataclass(frozen=True, slots=True)
class Contest:
    """Two tenures that contradict each other during [begin, end)."""

    first: Tenure
    second: Tenure
    begin: int
    end: int


def _spells(claims: Sequence[KeyClaim]) -> list[list[KeyClaim]]:
    """Claims of one object with starts that may be one, in order; without negations and unknown starts."""
    spells: list[list[KeyClaim]] = []
    narrow: list[tuple[int, int]] = []
    for claim in claims:
        if claim.negated or claim.start is None:
            continue
        low, high = claim.order_start
        if spells and low < narrow[-1][1] and narrow[-1][0] < high:
            spells[-1].append(claim)
            narrow[-1] = (max(low, narrow[-1][0]), min(high, narrow[-1][1]))
        else:
            spells.append([claim])
            narrow.append((low, high))
    return spells


def _end_statements(claims: Sequence[KeyClaim]) -> list[KeyClaim]:
    """Claims that say only when something ended: "until 2015", "no longer since 2015"."""
    return [claim for claim in claims if claim.negated or claim.start is None]


def _attach_ends(
    spells: list[list[KeyClaim]], ends: list[KeyClaim]
) -> tuple[dict[int, list[KeyClaim]], list[KeyClaim]]:
    """Each end statement goes to the last spell that starts before it; the rest had an unknown start."""
    attached: dict[int, list[KeyClaim]] = {}
    rest = []
    for claim in ends:
        bound = claim.closing
        before = [i for i, spell in enumerate(spells) if bound is not None and spell[0].order_start[0] < bound[1] - 1]
        if before:
            attached.setdefault(before[-1], []).append(claim)
        elif not claim.negated:
            rest.append(claim)
    return attached, rest


def _spelled(claims: Sequence[KeyClaim]) -> list[Tenure]:
    """Spells of all objects as tenures that nothing has closed yet, in the order of the sweep."""
    by_object: dict[str, list[KeyClaim]] = {}
    for claim in claims:
        by_object.setdefault(claim.object_key, []).append(claim)
    found = []
    for own in by_object.values():
        spells = _spells(own)
        attached, rest = _attach_ends(spells, _end_statements(own))
        for i, spell in enumerate(spells):
            tenure = Tenure(spell[0].object_key, spell, attached.get(i, []))
            tenure.settle()
            found.append(tenure)
        if rest:
            found.append(Tenure.of(rest))
    return sorted(found, key=lambda tenure: tenure.claims[0].order)


def sweep(claims: Sequence[KeyClaim], predicate: Predicate, pins: Sequence[Pin]) -> tuple[list[Tenure], list[Contest]]:
    """Tenures of a key's live, dated claims (sorted by `KeyClaim.order`), and what stays contradictory."""
    spells = _spelled(claims)
    if predicate.cardinality == "event_log":
        return spells, []
    state = _Sweep(predicate, pins, functional=predicate.cardinality == "functional")
    for spell in spells:
        state.take(spell)
    contests = state.resolve()
    for tenure in reversed(state.tenures):  # what followed stands behind it, and is kept already
        tenure.kept_start = (tenure.stated_start,)
    return state.tenures, contests


@dataclass(slots=True)
class _Sweep:
    predicate: Predicate
    pins: Sequence[Pin]
    functional: bool
    tenures: list[Tenure] = field(default_factory=list)
    last: dict[str, Tenure] = field(default_factory=dict)
    """The last tenure of each object: a key may have thousands of objects."""
    running: list[Tenure] = field(default_factory=list)
    contests: list[Contest] = field(default_factory=list)

    def take(self, spell: Tenure) -> None:
        """One spell more: evidence of a running tenure of its object, or a tenure of its own."""
        own = self.last.get(spell.object_key)
        if own is not None:
            if own.state is None and own.covers(spell.order_start):
                own.take(spell)
                return
            spell.not_before = max(own.end_bound[0], NEVER) if own.final_end is not None else NEVER
        runs = not self.functional or self._meet(spell)
        self.tenures.append(spell)
        self.last[spell.object_key] = spell
        if runs:
            self.running.append(spell)

    def _meet(self, spell: Tenure) -> bool:
        """Settle a new tenure with those that run; whether it runs itself."""
        pinned = self._pinned(spell, spell)
        others = [tenure for tenure in self.running if tenure.object_key != spell.object_key]
        for tenure in others:
            if tenure.end is not None and tenure.end[0] < spell.order_start[1]:
                self.running.remove(tenure)  # it may have ended before
            elif self._pinned(tenure, spell) and not pinned:
                if not self._yield(spell, tenure):
                    return False
            elif self.predicate.supersede == "human" and not pinned:
                spell.state, spell.why, spell.successor = "pending", "only a person lets it follow", None
                return False
        for tenure in [tenure for tenure in self.running if tenure.object_key != spell.object_key]:
            self._confront(tenure, spell, pinned and not self._pinned(tenure, spell))
        return True

    def _pinned(self, tenure: Tenure, at: Tenure) -> bool:
        """Whether a person prefers a tenure where another starts; what starts after the decision is news."""
        start = at.order_start
        return any(
            name == tenure.object_key
            and tenure.begin < end
            and begin < start[1]
            and start[0] < end
            and start[0] <= decided_at
            for name, begin, end, decided_at in self.pins
        )

    def _yield(self, spell: Tenure, preferred: Tenure) -> bool:
        """A person prefers the running one: the new one counts from its end only; whether anything is left."""
        end = preferred.end
        if end is None or (spell.end is not None and spell.end[1] - 1 <= end[0]):
            spell.state, spell.why, spell.successor = "deprecated", "a person prefers another", preferred
            return False
        spell.moved_start, spell.why = end, "before, a person prefers another"
        self.running.remove(preferred)
        return True

    def _confront(self, tenure: Tenure, spell: Tenure, preferred: bool) -> None:
        """A running tenure meets a new start."""
        told_apart = tenure.order_start[1] <= spell.order_start[0]
        if told_apart and (tenure.end is None or preferred):
            self._close(tenure, spell)
        elif preferred:
            tenure.state, tenure.why, tenure.successor = "deprecated", "a person prefers another", spell
            self.running.remove(tenure)
        elif not told_apart and spell.end is not None and spell.end[0] < tenure.order_start[1]:
            return  # it may have been over before the other began
        else:
            begin = max(tenure.order_start[0], spell.order_start[0])
            self.contests.append(Contest(tenure, spell, begin, min(tenure.end_bound[1], spell.end_bound[1])))

    def _close(self, tenure: Tenure, spell: Tenure) -> None:
        start = spell.claims[0].start
        earliest, latest = spell.order_start
        granularity = RANGE if start is None else start[2]
        if start is not None and start[0] == NEVER:
            earliest = tenure.order_start[0] + 1  # "as of": some time since the other's start
        tenure.closed_by = (max(earliest, tenure.order_start[0] + 1), latest, granularity)
        tenure.successor = spell
        self.running.remove(tenure)

    def resolve(self) -> list[Contest]:
        """Twice the weight of independent sources, and two at least, decide a contest; the rest stays one."""
        open_ones = []
        for contest in self.contests:
            first, second = contest.first, contest.second
            winner, loser = (first, second) if first.weight >= second.weight else (second, first)
            if winner.weight < 2 or winner.weight < 2 * loser.weight:
                open_ones.append(Contest(first, second, contest.begin, min(first.end_bound[1], second.end_bound[1])))
            elif winner is second and first.order_start[1] <= second.order_start[0]:
                first.closed_by, first.successor = (*second.order_start, _granularity(second)), second
                first.why = f"outvoted from then on, {second.weight:g} sources against {first.weight:g}"
            else:
                loser.state, loser.successor = "deprecated", winner
                loser.why = f"outvoted, {winner.weight:g} sources against {loser.weight:g}"
        return [c for c in open_ones if c.begin < c.end and c.first.state is None and c.second.state is None]


def _granularity(tenure: Tenure) -> int:
    start = tenure.claims[0].start
    return RANGE if start is None else start[2]
