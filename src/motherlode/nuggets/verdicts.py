"""How what a passage states stands at the asked time: current, superseded, contested, deprecated, or not known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from motherlode.core.time import EVER, NEVER, Granularity, Interval, PartialDate
from motherlode.nuggets.bounds import Bound
from motherlode.nuggets.derivation import DerivedNugget, Key, derive
from motherlode.nuggets.hits import Nugget
from motherlode.nuggets.ledger import Ledger
from motherlode.nuggets.reading import ANSWERING
from motherlode.nuggets.statements import Held, Statement
from motherlode.nuggets.tenures import KeyClaim
from motherlode.nuggets.wording import fact_line, nugget_line

__all__ = ["OUTDATED", "VERDICTS", "Contradiction", "Other", "StatedFact", "find_contradictions", "judge"]

VERDICTS = ("current", "superseded", "contested", "deprecated", "future", "unknown")
"""Of a fact at the asked time. future: it holds only from later on. unknown: nothing here says how it stands."""
OUTDATED = ("superseded", "deprecated", "future")
"""What does not answer a question about the asked time."""

Window = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Other:
    """Another fact: what replaced, or contradicts, the one that a passage states.

    text: it as a line. nugget_id: None where only the batch says so. passages: positions of passages that state it
    """

    object: str
    text: str
    nugget_id: str | None = None
    valid_from: str | None = None
    valid_to: str | None = None
    passages: tuple[int, ...] = ()

    @classmethod
    def of(cls, nugget: Nugget) -> Other:
        return cls(nugget.object, nugget_line(nugget), nugget.nugget_id, nugget.valid_from, nugget.valid_to)

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "object": self.object,
            "text": self.text,
            "nugget_id": self.nugget_id,
            "valid_from": self.valid_from,
            "valid_to": self.valid_to,
            "passages": list(self.passages),
        }


@dataclass(frozen=True, slots=True)
class StatedFact:
    """One fact that a passage states, and how it stands at the asked time.

    verdict: of `VERDICTS`. certainty: certain, possible or unknown, that it holds then
    by, since: what replaced it, and since when; of a superseded one. rivals: who says otherwise; of a contested one
    nugget_id: None where the store does not know it. is_dated: whether anything is known of when it holds
    bears: whether the query asks about it. how: 'source', 'extractor' or 'names', as it was found. why: in words
    """

    subject: str
    predicate: str
    object: str
    scope: str
    text: str
    verdict: str
    certainty: str
    nugget_id: str | None = None
    by: Other | None = None
    since: str | None = None
    rivals: tuple[Other, ...] = ()
    is_dated: bool = False
    bears: bool = True
    how: str = "names"
    why: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in ("by", "rivals")}
        return plain | {
            "by": None if self.by is None else self.by.to_dict(),
            "rivals": [rival.to_dict() for rival in self.rivals],
        }


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Passages of one batch that state different objects of one functional key at the asked time.

    sides: each object with the passages that state it. certainty: 'certain' where their dates overlap, else 'unknown'
    """

    subject: str
    predicate: str
    sides: tuple[Other, ...]
    certainty: str

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        sides = [side.to_dict() for side in self.sides]
        return {"subject": self.subject, "predicate": self.predicate, "certainty": self.certainty, "sides": sides}


def judge(statement: Statement, rivals: Sequence[Held], ledger: Ledger, window: Window) -> StatedFact:
    """How a statement stands in [begin, end). rivals: all nuggets of its key."""
    known = [held.nugget for held in statement.held]
    others = _holding([held.nugget for held in rivals if held.object_key != statement.object_key], window)
    is_functional = ledger.schema.find(statement.key.predicate).cardinality == "functional"
    if not known:
        return _judge_claims(statement, others if is_functional else [], window)
    nugget = min(known, key=lambda one: _distance(one, window))
    fact = StatedFact(
        nugget.subject,
        nugget.predicate,
        nugget.object,
        nugget.scope,
        nugget_line(nugget),
        "current",
        nugget.certainty(*window),
        nugget.nugget_id,
        is_dated=nugget.interval.is_known,
        how=statement.how,
        why=nugget.why,
    )
    if nugget.state in ("deprecated", "retracted"):
        return replace(fact, verdict="deprecated", certainty="unknown")
    if nugget.state not in ANSWERING:
        return replace(fact, verdict="unknown", certainty="unknown")
    if nugget.interval.is_possible(*window):
        against = {contest.nugget_id for contest in nugget.contests if contest.is_on(*window)}
        named = tuple(Other.of(held.nugget) for held in rivals if held.nugget.nugget_id in against)
        return replace(fact, verdict="contested", rivals=named) if named else fact
    if nugget.interval.start_earliest >= window[1]:
        return replace(fact, verdict="future", why=f"it holds only from {nugget.valid_from} on")
    successor = next((held.nugget for held in rivals if held.nugget.nugget_id == nugget.superseded_by), None)
    if successor is None and is_functional:
        successor = next(iter(others), None)
    return replace(
        fact,
        verdict="superseded",
        by=None if successor is None else Other.of(successor),
        since=nugget.valid_to,
        why=nugget.why or f"it ended {nugget.valid_to}",
    )


def _judge_claims(statement: Statement, others: Sequence[Nugget], window: Window) -> StatedFact:
    """A statement of which the store has no nugget. others: what it knows in its place at the asked time."""
    interval = statement.claims[0][0].interval if statement.claims else Interval()
    fact = StatedFact(
        statement.subject,
        statement.key.predicate,
        statement.object,
        statement.key.scope,
        fact_line(statement.subject, statement.key.predicate, statement.object, interval),
        "unknown",
        "unknown",
        is_dated=interval.is_known,
        how=statement.how,
        why="the store has no such fact",
    )
    if interval.is_possible(*window):
        sure = [one for one in others if one.interval.is_certain(*window)]
        rivals = tuple(Other.of(one) for one in sure)
        return replace(fact, verdict="contested", rivals=rivals, why="the store knows another") if sure else fact
    if interval.start_earliest >= window[1]:
        return replace(fact, verdict="future", why=f"it holds only from {interval.start} on")
    by = Other.of(others[0]) if others else None
    return replace(fact, verdict="superseded", by=by, since=str(interval.end), why=f"it ended {interval.end}")


def _holding(nuggets: Sequence[Nugget], window: Window) -> list[Nugget]:
    """Those that may hold at the asked time, the surest first."""
    held = [one for one in nuggets if one.state in ANSWERING and one.interval.is_known]
    held = [one for one in held if one.interval.is_possible(*window)]
    return sorted(held, key=lambda one: (not one.preferred, not one.interval.is_certain(*window), -one.n_sources))


def _distance(nugget: Nugget, window: Window) -> tuple[int, int]:
    """How far a nugget is from the asked time: certain, possible, the last that ended, the first to come."""
    interval = nugget.interval
    if nugget.state not in ANSWERING:
        return 5, 0
    if interval.is_certain(*window):
        return 0, 0
    if interval.is_possible(*window):
        return (1 if interval.is_known else 4), 0
    if interval.start_earliest >= window[1]:
        return 3, interval.start_earliest
    return 2, -interval.end_latest


# Within one batch


def find_contradictions(
    stated: Sequence[tuple[int, Statement, StatedFact]], ledger: Ledger, window: Window
) -> tuple[list[Contradiction], Mapping[tuple[int, tuple[Key, str]], StatedFact]]:
    """What the passages of a batch say against each other, derived as a store would derive it from them alone.

    stated: (position of the passage, statement, how it stands in the store). Facts that the store calls outdated take
    no part. Also returned: facts that are judged anew for it, by position and statement.
    """
    by_key: dict[Key, list[tuple[int, Statement, StatedFact]]] = {}
    for entry in stated:
        if entry[2].verdict not in OUTDATED:
            by_key.setdefault(entry[1].key, []).append(entry)
    found: list[Contradiction] = []
    renewed: dict[tuple[int, tuple[Key, str]], StatedFact] = {}
    for key, entries in by_key.items():
        predicate = ledger.schema.find(key.predicate)
        if predicate.cardinality == "functional" and len({entry[1].object_key for entry in entries}) > 1:
            batch = _Batch(key, entries, window)
            batch.derive(ledger)
            found += batch.contradictions()
            renewed |= batch.renewed
    return found, renewed


class _Batch:
    """Statements of one key, derived without the store."""

    def __init__(self, key: Key, entries: Sequence[tuple[int, Statement, StatedFact]], window: Window) -> None:
        self.key, self.entries, self.window = key, entries, window
        self.nuggets: list[DerivedNugget] = []
        self.renewed: dict[tuple[int, tuple[Key, str]], StatedFact] = {}
        self._saying: dict[str, list[tuple[int, Statement, StatedFact]]] = {}

    def derive(self, ledger: Ledger) -> None:
        predicate = replace(ledger.schema.find(self.key.predicate), min_sources=1)
        claims: dict[str, KeyClaim] = {}
        for entry in self.entries:
            for claim in _key_claims(entry[1], ledger):
                claims[claim.claim_id] = claim
                self._saying.setdefault(claim.claim_id, []).append(entry)
        self.nuggets = derive(self.key, predicate, claims.values())

    def _said(self, nugget: DerivedNugget) -> list[tuple[int, Statement, StatedFact]]:
        found = [entry for claim in nugget.claims for entry in self._saying[claim]]
        return [entry for entry in found if entry[1].object_key == nugget.object_key]

    def _other(self, nugget: DerivedNugget) -> Other:
        said = self._said(nugget)
        _, statement, fact = said[0]
        interval = _interval(nugget)
        return Other(
            statement.object,
            fact_line(statement.subject, self.key.predicate, statement.object, interval),
            fact.nugget_id,
            None if interval.start is None else str(interval.start),
            None if interval.end is None else str(interval.end),
            tuple(sorted({position for position, _, _ in said})),
        )

    def contradictions(self) -> list[Contradiction]:
        """Pairs that cannot both be so at the asked time, as one contradiction with all its sides."""
        shown = {id(one): self._other(one) for one in self.nuggets if self._said(one)}
        sides: dict[int, DerivedNugget] = {}
        certain = False
        for one in self.nuggets:
            against = [two for two in self.nuggets if id(two) in shown and self._contradict(one, two)]
            if id(one) not in shown or not against:
                self._supersede(one, shown)
                continue
            sides[id(one)] = one
            certain = certain or any(two.start is not None and one.start is not None for two in against)
            for position, statement, fact in self._said(one):
                rivals = {rival.object: rival for rival in (*fact.rivals, *(shown[id(two)] for two in against))}
                self.renewed[position, statement.identity] = replace(
                    fact, verdict="contested", rivals=tuple(rivals.values()), why=fact.why or "the batch contradicts it"
                )
        if not sides:
            return []
        subject = self.entries[0][2].subject
        certainty = "certain" if certain else "unknown"
        return [Contradiction(subject, self.key.predicate, tuple(shown[name] for name in sides), certainty)]

    def _contradict(self, one: DerivedNugget, two: DerivedNugget) -> bool:
        if one.object_key == two.object_key:
            return False
        begin, end = self.window
        if any(name == two.nugget_id and b < end and begin < e for name, b, e in one.contests):
            return True
        first, second = _interval(one), _interval(two)
        undated = not first.is_known or not second.is_known
        return undated and first.is_possible(begin, end) and second.is_possible(begin, end)

    def _supersede(self, nugget: DerivedNugget, shown: Mapping[int, Other]) -> None:
        """What only the batch knows, and in it something that followed."""
        interval = _interval(nugget)
        after = next((n for n in self.nuggets if n.nugget_id == nugget.superseded_by and id(n) in shown), None)
        if after is None or interval.is_possible(*self.window):
            return
        for position, statement, fact in self._said(nugget):
            if fact.nugget_id is None:
                by = shown[id(after)]
                self.renewed[position, statement.identity] = replace(
                    fact,
                    verdict="superseded",
                    by=by,
                    since=str(interval.end),
                    rivals=(),
                    why="a later one is in the batch",
                )


def _key_claims(statement: Statement, ledger: Ledger) -> list[KeyClaim]:
    """A statement's claims as the sweep takes them; of a store's nugget, its bounds as far as they were stated."""
    if statement.claims:
        return ledger.key_claims([stored for _, stored in statement.claims], {})
    found = []
    for held in statement.held:
        nugget = held.nugget
        if nugget.state in ANSWERING:
            start, end = nugget.interval.start, None if nugget.end_is_derived else nugget.interval.end
            begin = None if start is None else start.bound
            stop = None if end is None else end.bound
            found.append(KeyClaim(nugget.nugget_id, held.object_key, begin, stop, nugget.nugget_id))
    return found


def _interval(nugget: DerivedNugget) -> Interval:
    def date(bound: Bound | None) -> PartialDate | None:
        known = bound is not None and (bound[0] > NEVER or bound[1] < EVER)
        return PartialDate(bound[0], bound[1], Granularity(bound[2])) if bound is not None and known else None

    return Interval(date(nugget.start), date(nugget.end))
