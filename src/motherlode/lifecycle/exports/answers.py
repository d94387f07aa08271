"""What every export says of an answer: a head for the whole of it, and rows read a batch at a time."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from motherlode.core.time import from_micros, iso_text
from motherlode.lifecycle.impact import ImpactReport
from motherlode.lifecycle.lineage import Lineage
from motherlode.lifecycle.walking import Step

__all__ = ["Head", "Row", "head_of", "instant_text", "json_text", "rows_of", "step_dict"]

_BATCH = 1000
_STEERING = re.compile("[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Head:
    """What is said of an answer as a whole.

    kind: impact, upstream or downstream. change: its kind, None for lineage. asked_at, valid_at, known_at, oldest_hop:
    ISO 8601; a valid_at or known_at of None is asked_at. confidence: of the least certain edge; None for lineage, where
    each row has its own
    """

    kind: str
    targets: tuple[str, ...]
    change: str | None
    asked_at: str | None
    valid_at: str | None
    known_at: str | None
    min_confidence: float
    complete: bool
    why_incomplete: tuple[str, ...]
    confidence: float | None
    oldest_hop: str | None


@dataclass(frozen=True, slots=True)
class Row:
    """One component of an answer. severity: None for lineage; confidence: of its path's least certain hop."""

    uri: str
    type: str
    name: str
    severity: str | None
    depth: int
    owners: tuple[str, ...]
    confidence: float
    path: tuple[Step, ...]

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it, with the path's instants as ISO 8601."""
        plain = {name: getattr(self, name) for name in self.__slots__ if name != "path"}
        return {**plain, "owners": list(self.owners), "path": [step_dict(step) for step in self.path]}


def instant_text(micros: int | None) -> str | None:
    """Microseconds since 1970 as ISO 8601; None stays None, as what is no instant (the open ends) becomes."""
    return None if micros is None else iso_text(from_micros(micros))


def json_text(value: object) -> str:
    """One line of JSON, by every reader's idea of a line, without a character that a terminal would obey."""
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))


def step_dict(step: Step) -> dict[str, Any]:
    """A hop as JSON has it."""
    return {**asdict(step), "confirmed_at": instant_text(step.confirmed_at)}


def head_of(answer: ImpactReport | Lineage) -> Head:
    """The head of an answer."""
    view = answer.view
    report = answer if isinstance(answer, ImpactReport) else None
    return Head(
        answer.direction if isinstance(answer, Lineage) else "impact",
        answer.targets,
        None if report is None else report.change,
        instant_text(view.clock()),
        instant_text(view.valid_at),
        instant_text(view.known_at),
        view.min_confidence,
        answer.complete,
        tuple(answer.why_incomplete),
        None if report is None else report.confidence,
        None if report is None else instant_text(report.oldest_hop),
    )


def rows_of(answer: ImpactReport | Lineage, positions: Sequence[int] | None = None) -> Iterator[Row]:
    """The rows at positions of the answer's ids, all by default; memory is that of a thousand."""
    at: Sequence[int] = range(len(answer.ids)) if positions is None else positions
    for begin in range(0, len(at), _BATCH):
        part = at[begin : begin + _BATCH]
        if isinstance(answer, ImpactReport):
            for row in answer.rows_at(part):
                yield Row(row.uri, row.type, row.name, row.severity, row.depth, row.owners, row.confidence, row.path)
        else:
            for found in answer.rows_at(part):
                sure = min((step.confidence for step in found.path), default=1.0)
                yield Row(found.uri, found.type, found.name, None, found.depth, found.owners, sure, found.path)
