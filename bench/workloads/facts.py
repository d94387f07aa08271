"""Invented facts for speed and for order: names from thousands of words, tenures that follow each other.

Every predicate has an eighth of the claims. Two in three keys have one tenure, the others two to four, a twelfth of the
claims no date; dates are stated to the year, the month or the day, a third each; a sixth state their end.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from motherlode.core.time import from_micros, parse_partial_date
from motherlode.nuggets.record import Claim

__all__ = ["PREDICATES", "Fact", "FactQuestion", "order_cases", "questions", "synthetic"]

PREDICATES = {
    "ceo": ("organization", "person", "Who {was} the ceo of {subject}{when}?"),
    "chairperson": ("organization", "person", "Who {was} chairperson of {subject}{when}?"),
    "headquarters": ("organization", "place", "Where {was} the headquarters of {subject}{when}?"),
    "parent company": ("organization", "organization", "What {was} the parent company of {subject}{when}?"),
    "employer": ("person", "organization", "What {was} the employer of {subject}{when}?"),
    "residence": ("person", "place", "What {was} the residence of {subject}{when}?"),
    "position held": ("person", "position", "Which position held {subject}{when}?"),
    "coach": ("club", "person", "Who {was} the coach of {subject}{when}?"),
}
_words = str.split
FUNCTIONAL = ("ceo", "chairperson", "headquarters", "parent company", "coach")
_TRADES = _words(
    "Systems Foods Motors Energy Bank Airlines Media Steel Pharma Software Textiles Mining Shipping Railways "
    "Paper Chemicals Electronics Insurance Telecom Robotics Optics Cement Brewery Foundry Press Hotels "
    "Logistics Ceramics"
)
_POSITIONS = _words(
    "minister mayor judge senator governor ambassador dean rector treasurer prosecutor archivist marshal"
)
_ONSETS = _words("b br c ch d dr f fr g gr h j k kl l m n p pr r s st t tr v w z")
_VOWELS = _words("a e i o u ai ea ou")
_CODAS = ["", "l", "n", "r", "s", "m", "nd", "rt", "ck", "ll"]
_MONTHS = _words("January February March April May June July August September October November December")


@dataclass(frozen=True, slots=True)
class Fact:
    """One claim, plain enough for every system."""

    subject: str
    predicate: str
    object: str
    valid_from: str | None
    valid_to: str | None
    source: str
    text: str

    def claim(self) -> Claim:
        """As motherlode takes it."""
        return Claim(
            self.subject, self.predicate, self.object, self.valid_from, self.valid_to, self.source, text=self.text
        )

    def row(self) -> dict[str, Any]:
        """As a peer takes it that knows instants only: the earliest of each bound."""
        plain = asdict(self)
        source = plain.pop("source")
        start, end = plain.pop("valid_from"), plain.pop("valid_to")
        return plain | {"start": _earliest(start), "end": _earliest(end), "sources": [source]}


@dataclass(frozen=True, slots=True)
class FactQuestion:
    """A question with the words of the store, the key that it asks for, and its date if it has one."""

    text: str
    keywords: str
    subject: str
    predicate: str
    valid_at: str | None


def _earliest(stated: str | None) -> str | None:
    if stated is None:
        return None
    moment = from_micros(parse_partial_date(stated).earliest)
    return None if moment is None else moment.isoformat()


class _Names:
    """Words of two or three syllables, and the names that they make."""

    def __init__(self, rng: random.Random) -> None:
        words: dict[str, None] = {}
        while len(words) < 6000:
            n_syllables = 2 + (rng.random() < 0.4)
            word = "".join(rng.choice(_ONSETS) + rng.choice(_VOWELS) for _ in range(n_syllables)) + rng.choice(_CODAS)
            words[word.capitalize()] = None
        pool = list(words)
        self.first, self.last, self.firm, self.place = pool[:700], pool[700:3200], pool[3200:5200], pool[5200:]
        self.rng = rng

    def make(self, kind: str) -> str:
        choice = self.rng.choice
        if kind == "person":
            return f"{choice(self.first)} {choice(self.last)}"
        if kind == "organization":
            return f"{choice(self.firm)} {choice(self.last)} {choice(_TRADES)}"
        if kind == "club":
            return f"{choice(self.place)} {choice(self.firm)} Club"
        return choice(self.place) if kind == "place" else f"{choice(_POSITIONS)} of {choice(self.place)}"


def synthetic(n: int, seed: int = 0) -> Iterator[Fact]:
    """N claims, the same for the same seed; a smaller n is a prefix of a larger one."""
    rng = random.Random(seed)
    names = _Names(rng)
    made = 0
    predicates = list(PREDICATES)
    subjects = {kind: names.make(kind) for kind in ("person", "organization", "club")}
    turn = 0
    while made < n:
        predicate = predicates[turn % len(predicates)]
        turn += 1
        kind, object_kind, _ = PREDICATES[predicate]
        if rng.random() < 0.4:
            subjects[kind] = names.make(kind)
        n_tenures = 1 if rng.random() < 2 / 3 else rng.randint(2, 4)
        for start, end in _tenures(rng, n_tenures):
            if made == n:
                return
            thing = names.make(object_kind)
            text = f"{thing} is the {predicate} of {subjects[kind]}."
            yield Fact(subjects[kind], predicate, thing, start, end, f"doc-{made // 5}", text)
            made += 1


def _tenures(rng: random.Random, n: int) -> list[tuple[str | None, str | None]]:
    if n == 1 and rng.random() < 1 / 6:
        return [(None, None)]
    year = rng.randint(1950, 1995)
    found: list[tuple[str | None, str | None]] = []
    for _ in range(n):
        start, year = year, year + rng.randint(2, 9)
        found.append((_date(rng, start), _date(rng, year - 1) if rng.random() < 1 / 6 and year - 1 > start else None))
    return found


def _date(rng: random.Random, year: int) -> str:
    month, day = rng.randint(1, 12), rng.randint(1, 28)
    return rng.choice((f"{year}", f"{year}-{month:02}", f"{year}-{month:02}-{day:02}"))


def questions(facts: list[Fact], n: int = 1000, seed: int = 1) -> list[FactQuestion]:
    """N questions about keys of the store, every other with a year or a month in its words and in ``valid_at``."""
    rng = random.Random(seed)
    found = []
    for position in range(n):
        fact = rng.choice(facts)
        valid_at, when = None, ""
        if position % 2:
            year, month = rng.randint(1955, 2020), rng.randint(1, 12)
            if rng.random() < 0.5:
                valid_at, when = f"{year}", f" in {year}"
            else:
                valid_at, when = f"{year}-{month:02}", f" in {_MONTHS[month - 1]} {year}"
        text = PREDICATES[fact.predicate][2].format(subject=fact.subject, when=when, was="was" if when else "is")
        found.append(FactQuestion(text, f"{fact.predicate} {fact.subject}", fact.subject, fact.predicate, valid_at))
    return found


def order_cases(n: int = 500, seed: int = 2, n_claims: int = 3) -> list[list[dict[str, Any]]]:
    """Cases of claims on one functional key: three objects, three starts, open or closed ends, one or two sources each.

    Claims of a case differ in object or start. The end state should not depend on the order in which they arrive.
    """
    rng = random.Random(seed)
    kinds = [
        (thing, start, end, n_sources)
        for thing in ("Ada Adams", "Bob Brown", "Cleo Clark")
        for start in (2001, 2005, 2009)
        for end in (None, start + 6)
        for n_sources in (1, 2)
    ]
    cases: list[list[dict[str, Any]]] = []
    while len(cases) < n:
        chosen = rng.sample(kinds, n_claims)
        if len({(thing, start) for thing, start, _, _ in chosen}) < n_claims:
            continue
        cases.append(
            [
                {
                    "subject": "Acme Foods", "predicate": "chiefExecutiveOfficer", "object": thing,
                    "text": f"{thing} was chief executive of Acme Foods.",
                    "start": datetime(start, 1, 1, tzinfo=UTC).isoformat(),
                    "end": None if end is None else datetime(end, 1, 1, tzinfo=UTC).isoformat(),
                    "sources": [f"{thing}-{start}-{source}" for source in range(n_sources)],
                }
                for thing, start, end, n_sources in chosen
            ]
        )  # fmt: skip
    return cases
