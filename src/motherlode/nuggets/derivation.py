"""From the claims of one key to its nuggets: a pure function of the set of claims and decisions, whatever their order.

The rules: one sweep over the claims in the order of their starts. The same object during its tenure adds evidence;
another object's later start closes an open end; a start inside a tenure whose end is stated contests the overlap;
starts that cannot be told apart contest. Similarity of texts decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from motherlode.core.time import EVER, NEVER
from motherlode.nuggets.record import digest
from motherlode.nuggets.schema import Predicate
from motherlode.nuggets.tenures import Contest, KeyClaim, Tenure, sweep

__all__ = ["Decision", "DerivedNugget", "Key", "derive", "nugget_id"]

# Status of a claim that does not stand, the state of a nugget that has only such, and why.
_NOT_LIVE = (
    ("pending", "pending", "awaits review"),
    ("refused", "deprecated", "refused in review, or below the schema's threshold"),
    ("distrusted", "deprecated", "its publisher is not trusted"),
    ("retracted", "retracted", "no claim stands any more"),
)


class Key(NamedTuple):
    """What claims compete about: a subject's predicate, in a scope; canonical names."""

    scope: str
    subject: str
    predicate: str


@dataclass(frozen=True, slots=True)
class Decision:
    """A person's word on an object of a key during an interval: 'prefer' or 'suppress'.

    begin, end: the nugget's possible interval when it was decided; both `EVER` for a nugget without dates.
    decided_at: microseconds; what starts later is news, and not covered. Of several, the one with the last (decided_at,
    event_id) counts.
    """

    action: str
    object_key: str
    begin: int
    end: int
    decided_at: int
    event_id: str

    @property
    def order(self) -> tuple[int, str]:
        return self.decided_at, self.event_id

    @property
    def is_undated(self) -> bool:
        return self.begin == EVER

    def covers(self, tenure: Tenure) -> bool:
        """Whether a tenure is what was decided about."""
        return (
            tenure.object_key == self.object_key
            and not self.is_undated
            and tenure.order_start[0] <= self.decided_at
            and tenure.begin < self.end
            and self.begin < tenure.end_bound[1]
        )


@dataclass(slots=True)
class DerivedNugget:
    """One nugget as of some recorded time.

    state: active, superseded, contested, deprecated, pending or retracted
    start, end: (earliest, latest, granularity) in microseconds, half-open; None is an unknown start, an open end
    claims: ids of its evidence. aliases: ids that it had, or would have, with fewer of its claims
    contests: the nuggets it contradicts, and when
    """

    nugget_id: str
    object_key: str
    state: str
    start: tuple[int, int, int] | None
    end: tuple[int, int, int] | None
    claims: tuple[str, ...]
    aliases: tuple[str, ...] = ()
    end_is_derived: bool = False
    preferred: bool = False
    n_sources: int = 1
    superseded_by: str | None = None
    contests: tuple[tuple[str, int, int], ...] = ()
    why: str = ""

    @property
    def begin(self) -> int:
        """Its earliest instant; `NEVER` where the start is unknown."""
        return NEVER if self.start is None else self.start[0]


@lru_cache(maxsize=1 << 17)
def nugget_id(key: Key, object_key: str, start: int | None) -> str:
    """Hash of key, object, scope and the tenure's earliest start (None: no dates)."""
    return "n" + digest(key.scope, key.subject, key.predicate, object_key, "undated" if start is None else start)


def derive(
    key: Key,
    predicate: Predicate,
    claims: Iterable[KeyClaim],
    decisions: Sequence[Decision] = (),
) -> list[DerivedNugget]:
    """The nuggets of one key, in the order of their starts.

    claims: all that are recorded of the key, each with its status (live, pending, refused, distrusted, retracted)
    decisions: those that are not undone
    """
    claims = sorted(claims, key=lambda claim: claim.order)
    if len(claims) == 1 and not decisions and claims[0].status == "live" and not claims[0].negated:
        return [_single(key, predicate, claims[0])]
    live = [claim for claim in claims if claim.status == "live"]
    work = _Derivation(key, predicate, sorted(decisions, key=lambda decision: decision.order))
    found = work.run(live)
    found += _without_live_claims(key, [claim for claim in claims if claim.status != "live"], found)
    return sorted(found, key=lambda nugget: (nugget.start or (EVER, EVER, 0), nugget.object_key, nugget.nugget_id))


def _single(key: Key, predicate: Predicate, claim: KeyClaim) -> DerivedNugget:
    """A single live claim that denies nothing, without decisions."""
    short = predicate.min_sources > 1
    return DerivedNugget(
        nugget_id(key, claim.object_key, claim.order_start[0] if claim.is_dated else None),
        claim.object_key,
        "pending" if short else "active",
        claim.start,
        claim.end,
        (claim.claim_id,),
        why=f"1 of {predicate.min_sources} sources" if short else "",
    )


@dataclass(slots=True)
class _Derivation:
    key: Key
    predicate: Predicate
    decisions: list[Decision]
    nuggets: list[DerivedNugget] = field(default_factory=list)

    def run(self, live: list[KeyClaim]) -> list[DerivedNugget]:
        dated = [claim for claim in live if claim.is_dated]
        undated = [claim for claim in live if not claim.is_dated and not claim.negated]
        short = self._too_few_sources(live)
        self._add(_clustered([c for c in dated if c.object_key in short]), "pending", short)
        dated = [claim for claim in dated if claim.object_key not in short]
        tenures, contests, suppressed = self._sweep_around_decisions(dated)
        self._add(_clustered(suppressed), "deprecated", dict.fromkeys({c.object_key for c in suppressed}, "suppressed"))
        self._add_undated(undated, tenures, short)
        self._finish(tenures, contests)
        return self.nuggets

    def _too_few_sources(self, live: list[KeyClaim]) -> dict[str, str]:
        """Objects with fewer independent publishers than the policy needs, unless a person prefers them."""
        if self.predicate.min_sources == 1:
            return {}
        publishers: dict[str, set[str]] = {}
        for claim in live:
            publishers.setdefault(claim.object_key, set()).add(claim.publisher)
        chosen = {d.object_key: d.action for d in self.decisions}
        return {
            name: f"{len(who)} of {self.predicate.min_sources} sources"
            for name, who in publishers.items()
            if len(who) < self.predicate.min_sources and chosen.get(name) != "prefer"
        }

    def _decided(self, tenure: Tenure) -> str | None:
        """The last decision on a tenure."""
        return next((d.action for d in reversed(self.decisions) if d.covers(tenure)), None)

    def _sweep_around_decisions(self, claims: list[KeyClaim]) -> tuple[list[Tenure], list[Contest], list[KeyClaim]]:
        """Sweep; take out what a person suppressed; sweep the rest again, until nothing is left to take out."""
        suppressed: list[KeyClaim] = []
        while True:
            tenures, contests = sweep(claims, self.predicate, self._pins())
            out = {
                claim.claim_id
                for tenure in tenures
                if self._decided(tenure) == "suppress"
                for claim in tenure.claims
                if claim.order_start[0] <= self._last_suppression(tenure)
            }
            if not out:
                return tenures, contests, suppressed
            suppressed += [claim for claim in claims if claim.claim_id in out]
            claims = [claim for claim in claims if claim.claim_id not in out]

    def _last_suppression(self, tenure: Tenure) -> int:
        return max(d.decided_at for d in self.decisions if d.action == "suppress" and d.covers(tenure))

    def _pins(self) -> list[tuple[str, int, int, int]]:
        """(object, begin, end, decided_at) of what people prefer, where no later word says otherwise."""
        last: dict[tuple[str, int, int], Decision] = {}
        for decision in self.decisions:
            last[decision.object_key, decision.begin, decision.end] = decision
        return [
            (d.object_key, d.begin, d.end, d.decided_at)
            for d in last.values()
            if d.action == "prefer" and not d.is_undated
        ]

    def _add_undated(self, undated: list[KeyClaim], tenures: list[Tenure], short: dict[str, str]) -> None:
        """Claims without dates: evidence of the object's only tenure, or a nugget that matches any date."""
        by_object: dict[str, list[KeyClaim]] = {}
        for claim in undated:
            by_object.setdefault(claim.object_key, []).append(claim)
        tenures_of: dict[str, list[Tenure]] = {}
        for tenure in tenures if by_object else ():
            tenures_of.setdefault(tenure.object_key, []).append(tenure)
        for object_key, claims in sorted(by_object.items()):
            own = tenures_of.get(object_key, [])
            last = [d for d in self.decisions if d.object_key == object_key]
            state, why = "active", ""
            if object_key in short:
                state, why = "pending", short[object_key]
            elif last and last[-1].action == "suppress" and not own:
                state, why = "deprecated", "suppressed by a person"
            if len(own) == 1 and state == "active":
                own[0].undated += claims
                continue
            self.nuggets.append(
                DerivedNugget(
                    nugget_id(self.key, object_key, None),
                    object_key,
                    state,
                    None,
                    None,
                    tuple(sorted(claim.claim_id for claim in claims)),
                    preferred=bool(last) and last[-1].action == "prefer" and last[-1].is_undated,
                    n_sources=len({claim.publisher for claim in claims}),
                    why=why,
                )
            )

    def _add(self, clusters: list[list[KeyClaim]], state: str, reasons: dict[str, str]) -> None:
        for cluster in clusters:
            tenure = Tenure.of(cluster)
            reason = reasons.get(tenure.object_key, "")
            why = "suppressed by a person" if state == "deprecated" else reason
            self.nuggets.append(self._nugget(tenure, state, why))

    def _finish(self, tenures: list[Tenure], contests: list[Contest]) -> None:
        nuggets = {id(tenure): self._nugget(tenure, "active", tenure.why) for tenure in tenures}
        for tenure in tenures:
            nugget = nuggets[id(tenure)]
            nugget.preferred = self._decided(tenure) == "prefer"
            if tenure.successor is not None:
                nugget.superseded_by = nuggets[id(tenure.successor)].nugget_id
            if tenure.state is not None:
                nugget.state = tenure.state
            elif tenure.closed_by is not None:
                nugget.state = "superseded"
        for contest in contests:
            for one, other in ((contest.first, contest.second), (contest.second, contest.first)):
                nugget = nuggets[id(one)]
                nugget.contests += ((nuggets[id(other)].nugget_id, contest.begin, contest.end),)
                nugget.state = "contested"
                nugget.why = nugget.why or "contradicted, and nothing tells which is right"
        self.nuggets += nuggets.values()

    def _nugget(self, tenure: Tenure, state: str, why: str) -> DerivedNugget:
        starts = sorted({claim.order_start[0] for claim in tenure.claims})
        ids = [nugget_id(self.key, tenure.object_key, start) for start in starts]
        if tenure.undated:
            ids.append(nugget_id(self.key, tenure.object_key, None))
        evidence = [*tenure.claims, *tenure.undated, *tenure.closings]
        return DerivedNugget(
            ids[0],
            tenure.object_key,
            state,
            tenure.stated_start,
            tenure.final_end,
            tuple(sorted(claim.claim_id for claim in evidence)),
            tuple(ids[1:]),
            end_is_derived=tenure.closed_by is not None and tenure.end is None,
            n_sources=len({claim.publisher for claim in (*tenure.claims, *tenure.undated)}),
            why=why,
        )


def _clustered(claims: list[KeyClaim]) -> list[list[KeyClaim]]:
    """Claims of one object whose starts may be one."""
    clusters: list[list[KeyClaim]] = []
    for claim in sorted(claims, key=lambda claim: (claim.object_key, claim.order)):
        last = clusters[-1] if clusters else None
        if last and last[0].object_key == claim.object_key and claim.order_start[0] < last[0].order_start[1]:
            last.append(claim)
        else:
            clusters.append([claim])
    return clusters


def _without_live_claims(key: Key, claims: list[KeyClaim], live: list[DerivedNugget]) -> list[DerivedNugget]:
    """What is only awaited, refused or taken back: nuggets of their own, unless a live one covers them."""
    groups: dict[tuple[str, int | None], list[KeyClaim]] = {}
    for claim in claims:
        if not claim.negated:
            start = claim.order_start[0] if claim.is_dated else None
            groups.setdefault((claim.object_key, start), []).append(claim)
    live_of: dict[str, list[DerivedNugget]] = {}
    for nugget in live if groups else ():
        live_of.setdefault(nugget.object_key, []).append(nugget)
    found = []
    for (object_key, start), group in groups.items():
        own = nugget_id(key, object_key, start)
        cover = next((n for n in live_of.get(object_key, ()) if _falls_into(n, own, start)), None)
        if cover is not None:
            if own != cover.nugget_id and own not in cover.aliases:
                cover.aliases += (own,)
            continue
        status, state, why = next(row for row in _NOT_LIVE if any(claim.status == row[0] for claim in group))
        of_state = [claim for claim in group if claim.status == status]
        found.append(
            DerivedNugget(
                own,
                object_key,
                state,
                of_state[0].start,
                of_state[0].end,
                tuple(sorted(claim.claim_id for claim in of_state)),
                n_sources=len({claim.publisher for claim in of_state}),
                why=why,
            )
        )
    return found


def _falls_into(nugget: DerivedNugget, own: str, start: int | None) -> bool:
    if own == nugget.nugget_id or own in nugget.aliases:
        return True
    if start is None or nugget.start is None or start == NEVER:
        return False
    return nugget.start[0] <= start and (nugget.end is None or start < nugget.end[0])
