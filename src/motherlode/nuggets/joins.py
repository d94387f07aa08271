"""From one fact to the next: the parent company's chief executive, both as of one time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from motherlode.core.time import parse_partial_date as parse_date
from motherlode.errors import InputError
from motherlode.nuggets.hits import CERTAINTIES, Nugget
from motherlode.nuggets.name_chains import names_over_time
from motherlode.nuggets.reading import ANSWERING, Moment
from motherlode.nuggets.reads import StoreReads
from motherlode.nuggets.values import normalize_name

__all__ = ["JoinResult", "JoinStep", "join"]


@dataclass(frozen=True, slots=True)
class JoinStep:
    """One predicate of a path, asked of one subject.

    nugget: what answers; None where nothing does, or several do. certainty: certain, possible or unknown at that time
    asked_as: the name under which it was found, where that was another name of the subject
    alternatives: the nuggets that cannot be told apart. problem: why there is no answer, in words; None where there is
    """

    subject: str
    predicate: str
    nugget: Nugget | None
    certainty: str | None
    asked_as: str | None = None
    alternatives: tuple[Nugget, ...] = ()
    problem: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "subject": self.subject,
            "predicate": self.predicate,
            "nugget": None if self.nugget is None else self.nugget.to_dict(),
            "certainty": self.certainty,
            "asked_as": self.asked_as,
            "alternatives": [nugget.to_dict() for nugget in self.alternatives],
            "problem": self.problem,
        }


@dataclass(frozen=True, slots=True)
class JoinResult:
    """Where a path leads, step by step; the last step is the one that answers, or that could not."""

    steps: tuple[JoinStep, ...]

    @property
    def nugget(self) -> Nugget | None:
        """What the whole path leads to; None where it ends before."""
        return self.steps[-1].nugget

    @property
    def answer(self) -> str | None:
        """The object of that nugget."""
        return None if self.nugget is None else self.nugget.object

    @property
    def objects(self) -> tuple[str, ...]:
        """The object of each step that has an answer."""
        return tuple(step.nugget.object for step in self.steps if step.nugget is not None)

    @property
    def certainty(self) -> str | None:
        """That of the weakest step; None without an answer."""
        if self.nugget is None:
            return None
        return max((step.certainty or "unknown" for step in self.steps), key=CERTAINTIES.index)

    @property
    def problem(self) -> str | None:
        """Why there is no answer."""
        return self.steps[-1].problem

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "answer": self.answer,
            "certainty": self.certainty,
            "problem": self.problem,
            "steps": [step.to_dict() for step in self.steps],
        }


def join(
    store: StoreReads,
    subject: str,
    path: str | Sequence[str],
    *,
    valid_at: Moment,
    known_at: Moment | None = None,
    scope: str = "global",
) -> JoinResult:
    """Follow predicates from a subject as of one time: Google, "parentCompany.ceo", 2020 → Alphabet → Sundar Pichai.

    path: predicates, one after another; as text, with dots between. What a person prefers goes before what is certain,
    that before what is possible, that before what has no date. Two objects that nothing tells apart, or no object, end
    the path, and its last step says so. A subject of which nothing is known under its own name is looked up under those
    that it was or became.

    Errors: InputError for an empty path or subject, times without zone.
    """
    predicates = [part.strip() for part in (path.split(".") if isinstance(path, str) else path)]
    if not predicates or not all(predicates):
        raise InputError(f"a path is one or more predicates, 'parentCompany.ceo' or a list of them, not {path!r}")
    if not normalize_name(subject):
        raise InputError(f"a path starts from a name, not {subject!r}")
    window = parse_date(valid_at).window
    steps: list[JoinStep] = []
    for at, predicate in enumerate(predicates):
        last = at == len(predicates) - 1
        step = _step(store, subject, predicate, valid_at, window, known_at, scope)
        if step.nugget is not None and not last and step.nugget.object_kind != "name":
            kind = step.nugget.object_kind
            step = JoinStep(
                subject,
                predicate,
                None,
                None,
                step.asked_as,
                problem=f"dead end: {predicate} of {subject} is the {kind} {step.nugget.object}, which has no "
                f"{predicates[at + 1]}",
            )
        steps.append(step)
        if step.nugget is None:
            break
        subject = step.nugget.object
    return JoinResult(tuple(steps))


def _step(
    store: StoreReads,
    subject: str,
    predicate: str,
    valid_at: Moment,
    window: tuple[int, int],
    known_at: Moment | None,
    scope: str,
) -> JoinStep:
    def holding(name: str) -> list[Nugget]:
        return store.nuggets(name, predicate, valid_at=valid_at, known_at=known_at, scope=scope, states=ANSWERING)

    found, asked_as = holding(subject), None
    if not found:
        for name in names_over_time(store, subject, known_at=known_at)[1:]:
            found = holding(name)
            if found:
                asked_as = name
                break
    if not found:
        problem = f"dead end: nothing is known of {predicate} of {subject} at {parse_date(valid_at)}"
        return JoinStep(subject, predicate, None, None, problem=problem)
    best = _best(found, window)
    if len({(nugget.object_kind, normalize_name(nugget.object)) for nugget in best}) > 1:
        names = ", ".join(repr(nugget.object) for nugget in best)
        problem = f"ambiguity: {predicate} of {subject} at {parse_date(valid_at)} is any of {names}"
        return JoinStep(subject, predicate, None, None, asked_as, tuple(best), problem)
    return JoinStep(subject, predicate, best[0], best[0].certainty(*window), asked_as)


def _best(found: Sequence[Nugget], window: tuple[int, int]) -> list[Nugget]:
    """Those that nothing tells apart from the best."""

    def worth(nugget: Nugget) -> tuple[bool, int]:
        return not nugget.preferred, CERTAINTIES.index(nugget.certainty(*window))

    first = min(map(worth, found))
    return [nugget for nugget in found if worth(nugget) == first]
