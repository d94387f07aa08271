"""Inference rules, as declared data: a chain of edges concludes an edge between its two ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from motherlode.errors import InputError
from motherlode.lifecycle.relations import RELATIONS

__all__ = ["RULES", "Rule", "Way"]

Way = Literal["along", "against", "either"]
"""How a step crosses an edge: from source to target, from target to source, or both."""


@dataclass(frozen=True, slots=True)
class Rule:
    """From X over the steps to Y ⇒ X `concludes` Y.

    confidence: times the least certain premise's. ends: types that X and Y must have, None: any.
    same_column: X and Y must be columns of one name, whatever its case; the steps are column ← table — table → column
    """

    name: str
    steps: tuple[tuple[str, Way], ...]
    concludes: str
    meaning: str
    confidence: float = 1.0
    ends: tuple[str | None, str | None] = (None, None)
    same_column: bool = False

    def __post_init__(self) -> None:
        unknown = {self.concludes, *(name for name, _ in self.steps)} - RELATIONS.keys()
        if unknown:
            raise InputError(f"rule {self.name!r} names relations that are not declared: {', '.join(sorted(unknown))}")


RULES = (
    Rule(
        "training data through a run",
        (("trains", "along"), ("produced", "along")),
        "trains",
        "what a run was trained on is what the version that it made was trained on",
        ends=(None, "model_version"),
    ),
    Rule(
        "training data through a pipeline",
        (("read_by", "along"), ("produced", "along")),
        "trains",
        "what a pipeline reads is what the model that it makes is trained on",
        confidence=0.8,
        ends=(None, "model_version"),
    ),
    Rule(
        "pipeline of a run",
        (("has_run", "along"), ("produced", "along")),
        "produced",
        "what a run made was made by its pipeline",
        ends=("pipeline", None),
    ),
    Rule(
        "experiment of a cell",
        (("tested_in", "along"), ("cell_of", "along")),
        "tested_in",
        "who is in a cell is in its experiment",
    ),
    Rule(
        "experiment through a deployment",
        (("deployed_as", "along"), ("tested_in", "along")),
        "tested_in",
        "a version is tested where its deployment is tested",
    ),
    Rule(
        "experiment through a run",
        (("produced", "against"), ("tested_in", "along"), ("cell_of", "along")),
        "tested_in",
        "a version is tested where the run that made it is tested",
        ends=("model_version", "ab_test"),
    ),
    Rule(
        "columns of one table",
        (("has_column", "against"), ("same_as", "either"), ("has_column", "along")),
        "same_as",
        "two addresses of one table have the same columns",
        same_column=True,
    ),
)
