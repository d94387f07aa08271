"""Graph formation: what follows from everything that was recorded since the last time; runs apart from ingestion."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from motherlode.core.sql import Session, in_batches, next_id, places
from motherlode.core.time import EVER
from motherlode.lifecycle.inference.chains import Chains, refused_edges
from motherlode.lifecycle.inference.matching import (
    MATCHED_TYPES,
    Features,
    Guess,
    alike,
    features,
    guesses,
    keys,
    made_from,
)
from motherlode.lifecycle.inference.rules import RULES
from motherlode.lifecycle.inference.supports import Supports
from motherlode.lifecycle.ingestion import Ingestion
from motherlode.lifecycle.recording import HAS_RELATION, Recording
from motherlode.lifecycle.relations import RELATIONS

__all__ = ["INFERENCE", "Formed", "form", "possible_matches"]

INFERENCE = "inference"
MATCH = "one thing, two addresses"
"""The aspect of guesses about identity."""

_EDGES_PER_TRANSACTION = 20_000
_MANY = 500  # components, after which statistics are worth their time
_FACTORS = {rule.name: rule.confidence for rule in RULES}
_PREMISES = ", ".join(str(code) for code in sorted({RELATIONS[name].code for rule in RULES for name, _ in rule.steps}))
_TELLING = ", ".join(
    str(RELATIONS[name].code) for name in ("has_column", "read_by", "writes", "derives", "influences", "masks")
)
"""Relations that tell which datasets are one and which are not."""
_SAME = RELATIONS["same_as"].code


@dataclass
class Formed:
    """How many conclusions were added and withdrawn."""

    n_inferred: int = 0
    n_withdrawn: int = 0


def form(ingestion: Ingestion, again: Iterable[int] = ()) -> Formed:
    """Conclude and withdraw until nothing is left to do. Safe beside other writers; an interruption goes on later.

    again: components around which everything is concluded anew, whether it changed or not
    """
    formed, anew = Formed(), set(again)
    while anew or ingestion.ask(_is_due):
        with ingestion.recording() as recording:
            step = _Step(recording)
            is_done = step.run(anew)
            formed.n_inferred += step.supports.n_opened
            formed.n_withdrawn += step.supports.n_closed
        if is_done:
            anew = set()
    return formed


def _state(session: Session) -> dict[str, int]:
    return {str(name): int(value) for name, value in session.execute("SELECT name, value FROM lifecycle_state")}


def _is_due(session: Session) -> bool:
    """Whether anything was recorded since the last formation."""
    return _state(session).get("stamp", 0) > _state(session).get("formed_at", 0)


class _Step:
    """One transaction's share of the work."""

    def __init__(self, recording: Recording) -> None:
        self.recording, self.session = recording, recording.session
        self._source = recording.source(INFERENCE, "", is_listing=False)
        self.supports = Supports(self.session, recording.aspects, self._source.id, _FACTORS)
        self.refused = refused_edges(self.session)
        self.chains = Chains(self.session, self.supports, self.refused)

    def run(self, again: set[int]) -> bool:
        """Whether nothing is left."""
        state = _state(self.session)
        seen_edge, seen_fact, seen_at = (state.get(f"formed_{name}", 0) for name in ("edge", "fact", "at"))
        opened = [
            number
            for (number,) in self.session.execute(
                f"SELECT id FROM lifecycle_edges WHERE id > ? AND relation IN ({_PREMISES}) "
                f"ORDER BY id LIMIT {_EDGES_PER_TRANSACTION}",
                (seen_edge,),
            )
        ]
        is_last = len(opened) < _EDGES_PER_TRANSACTION
        if is_last:
            self._withdraw(seen_at)
            self._match(again | self._changed(seen_edge, seen_fact, seen_at))
            opened = sorted({*opened, *self._around(again)})
        aspects = self.recording.aspects
        present = {int(name.removeprefix(HAS_RELATION)) for name in state if name.startswith(HAS_RELATION)}
        n_seen = 0
        waiting = opened
        while waiting:
            self.chains.follow(waiting, present | aspects.relations)
            waiting, n_seen = aspects.opened[n_seen:], len(aspects.opened)
        marks = {"edge": opened[-1] if opened else seen_edge}
        if is_last:
            marks = {table: next_id(self.session, f"lifecycle_{table}s") - 1 for table in ("edge", "fact")}
            marks["at"] = self.recording.stamp
        self.session.execute_many(
            "INSERT INTO lifecycle_state (name, value) VALUES (?, ?) "
            "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            [(f"formed_{name}", value) for name, value in marks.items()],
        )
        return is_last

    def _withdraw(self, seen_at: int) -> None:
        closed = [
            number
            for (number,) in self.session.execute(
                f"SELECT id FROM lifecycle_edges WHERE recorded_to > ? AND recorded_to < {EVER}", (seen_at,)
            )
        ]
        self.supports.withdraw(closed)

    def _around(self, components: set[int]) -> list[int]:
        found = []
        for batch in in_batches(sorted(components)):
            found += self.session.execute(
                f"SELECT id FROM lifecycle_edges WHERE source IN ({places(batch)}) OR target IN ({places(batch)})",
                [*batch, *batch],
            )
        return [number for (number,) in found]

    def _match(self, changed: set[int]) -> None:
        """Guess anew what the changed components are, and those that share something with them."""
        if self.session.dialect == "postgresql" and len(changed) > _MANY:
            for table in ("facts", "contents", "components", "edges", "keys"):  # new tables have no statistics yet,
                self.session.execute(f"ANALYZE lifecycle_{table}")  # and without any each batch would be a scan
        known = features(self.session, changed)
        said = {number: {f"{kind}={value}" for kind, value in mine.keys} for number, mine in known.items()}
        before = keys(self.session, changed)
        moved = [number for number in changed if said.get(number, set()) != before.get(number, set())]
        others = alike(self.session, moved)
        for batch in in_batches(sorted(moved)):
            self.session.execute(f"DELETE FROM lifecycle_keys WHERE component IN ({places(batch)})", batch)
        self.session.execute_many(
            "INSERT INTO lifecycle_keys (component, name) VALUES (?, ?)",
            [(number, name) for number in moved for name in sorted(said.get(number, ()))],
            trusted=True,
        )
        subjects = set().union(*others.values())
        for number, its in alike(self.session, changed).items():
            subjects |= {number, *its}
        subjects |= self._matched(changed)
        if subjects:
            self._settle(subjects, _ranked(self.session, subjects, known)[0])

    def _matched(self, components: set[int]) -> set[int]:
        """Those of the components about which a guess stands."""
        found: set[int] = set()
        for batch in in_batches(sorted(components)):
            for end in ("source", "target"):
                rows = self.session.execute(
                    f"SELECT {end} FROM lifecycle_edges WHERE {end} IN ({places(batch)}) AND relation = {_SAME} "
                    f"AND provider = ? AND aspect = ? AND recorded_to = {EVER} AND valid_to = {EVER}",
                    [*batch, self._source.id, MATCH],
                )
                found.update(number for (number,) in rows)
        return found

    def _changed(self, seen_edge: int, seen_fact: int, seen_at: int) -> set[int]:
        """Components of matched types of which something was recorded that tells what they are."""
        since = {"id": f"id > {seen_fact}", "closed": f"recorded_to > {seen_at} AND recorded_to < {EVER}"}
        touched: set[int] = set()
        for condition in since.values():  # each by an index of its own
            rows = self.session.execute(f"SELECT component FROM lifecycle_facts WHERE {condition}")
            touched.update(number for (number,) in rows)
        for condition in (f"id > {seen_edge}", since["closed"]):
            ends = self.session.execute(
                f"SELECT source, target FROM lifecycle_edges WHERE {condition} AND relation IN ({_TELLING})"
            )
            touched.update(number for pair in ends for number in pair)
        kinds = ", ".join(f"'{kind}'" for kind in MATCHED_TYPES)
        changed: set[int] = set()
        for batch in in_batches(sorted(touched)):
            rows = self.session.execute(
                f"SELECT id FROM lifecycle_components WHERE id IN ({places(batch)}) AND type IN ({kinds})", batch
            )
            changed.update(number for (number,) in rows)
        return changed

    def _settle(self, subjects: set[int], wanted: list[Guess]) -> None:
        """Make the guesses about the subjects that stand be those wanted."""
        standing: dict[tuple[int, int, float, str], int] = {}
        for batch in in_batches(sorted(subjects)):
            for number, source, target, confidence, evidence in self.session.execute(
                "SELECT id, source, target, confidence, evidence FROM lifecycle_edges e WHERE "
                f"(e.source IN ({places(batch)}) OR e.target IN ({places(batch)})) AND e.provider = ? "
                f"AND e.aspect = ? AND e.recorded_to = {EVER} AND e.valid_to = {EVER}",
                [*batch, *batch, self._source.id, MATCH],
            ):
                standing[source, target, confidence, evidence] = number
        keys = {
            (guess.first, guess.second, guess.confidence, guess.evidence): guess
            for guess in wanted
            if (guess.first, _SAME, guess.second) not in self.refused
        }
        closed = [number for key, number in standing.items() if key not in keys]
        self.recording.aspects.close_edges(closed)
        self.supports.n_closed += len(closed)
        if closed:
            self.supports.withdraw(closed)
        new = [guess for key, guess in keys.items() if key not in standing]
        self.recording.aspects.open_edges(
            [
                (
                    (guess.first, self._source.id, MATCH),
                    (guess.first, _SAME, guess.second, guess.confidence, guess.evidence),
                    (0, EVER),
                )
                for guess in new
            ]
        )
        self.supports.n_opened += len(new)


def possible_matches(session: Session, subjects: Iterable[int]) -> list[Guess]:
    """Guesses that were not made because another was as good: a person can tell."""
    chosen, all_guesses = _ranked(session, subjects, {})
    made = {(guess.first, guess.second) for guess in chosen}
    return [guess for guess in all_guesses if (guess.first, guess.second) not in made]


def _ranked(session: Session, subjects: Iterable[int], known: dict[int, Features]) -> tuple[list[Guess], list[Guess]]:
    """Guesses about the subjects: those that are the only best on both sides for each other system, and all."""
    wanted = set(subjects)
    neighbours = alike(session, wanted)
    second = {other for others in neighbours.values() for other in others} - wanted
    neighbours |= alike(session, second)
    needed = {*neighbours, *(o for others in neighbours.values() for o in others), *wanted}
    known = known | features(session, needed - known.keys())
    made = made_from(session, known)
    best: dict[int, list[Guess]] = {}
    for number in {*wanted, *second} & known.keys():
        others = [known[other] for other in neighbours.get(number, ()) if other in known]
        best[number] = guesses(known[number], others, made)
    unique: dict[int, set[tuple[int, int]]] = defaultdict(set)
    for number, mine in best.items():
        by_platform: dict[str, list[Guess]] = defaultdict(list)
        for guess in mine:
            other = guess.second if guess.first == number else guess.first
            by_platform[known[other].parts.platform].append(guess)
        for rivals in by_platform.values():
            if len(rivals) == 1 or rivals[0].confidence > rivals[1].confidence:
                unique[number].add((rivals[0].first, rivals[0].second))
    everything = {(g.first, g.second): g for number in wanted & best.keys() for g in best[number]}
    chosen = [
        guess
        for pair, guess in sorted(everything.items())
        if pair in unique.get(pair[0], ()) and pair in unique.get(pair[1], ())
    ]
    return chosen, list(everything.values())
