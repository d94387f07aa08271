"""Judge any system that answers questions about times, on questions of one's own or of a benchmark."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from motherlode.errors import InputError
from motherlode.nuggets.answers import Answer, QuestionAnswerer, cut
from motherlode.nuggets.metrics import (
    Measured,
    bootstrap_difference,
    bootstrap_interval,
    clear_recall,
    context_tokens,
    has_conflict,
    mentions,
    ndcg,
    nugget_recall,
    temporal_correctness,
    wilson_interval,
)
from motherlode.nuggets.questions import Question, rivals_of

__all__ = [
    "MEASURES",
    "EvaluationReport",
    "QuestionScores",
    "compare",
    "evaluate",
]

MEASURES: Mapping[str, str] = {
    "nugget_recall": "right answers among the first k, share",
    "dated_recall": "right answers in items whose time is known and may hold the asked time",
    "clear_recall": "right answers in items that state no value that is wrong then",
    "temporal_correctness": "of the values stated for the key, the share that is right at the asked time",
    "conflict_rate": "contexts with values that contradict each other, share",
    "context_tokens": "words and signs handed to a generator, mean",
    "ndcg": "nDCG of the right answers in the first k",
    "empty_rate": "questions that got nothing at all, share",
}
"""What a report holds, with its meaning. More is better but for conflict_rate, context_tokens and empty_rate."""

_SHARES = frozenset({"conflict_rate", "empty_rate"})


@dataclass(frozen=True, slots=True)
class QuestionScores:
    """What one question got. None where a measure does not apply to it."""

    id: str
    nugget_recall: float | None
    dated_recall: float | None
    clear_recall: float | None
    temporal_correctness: float | None
    conflict_rate: float
    context_tokens: float
    ndcg: float | None
    empty_rate: float
    n_answers: int
    ms: float


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """How a system did.

    measures: by the names of `MEASURES`, each with its 95 % interval (Wilson for shares of contexts, bootstrap over
        questions for means) and the number of questions that it applies to
    latency_ms: p50 and p95 of one ``ask`` in this process
    """

    system: str
    k: int
    max_tokens: int | None
    n_questions: int
    n_answerable: int
    measures: dict[str, Measured]
    latency_ms: dict[str, float]
    questions: tuple[QuestionScores, ...] = field(repr=False, default=())

    def to_dict(self, *, with_questions: bool = False) -> dict[str, Any]:
        """Plain values for JSON."""
        plain = asdict(self)
        if not with_questions:
            del plain["questions"]
        return plain

    def table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """(head, rows) as text: one row a measure."""
        rows: list[tuple[str, ...]] = [
            (
                name,
                _number(found.value),
                "" if found.low is None else f"{_number(found.low)} to {_number(found.high)}",
                str(found.n),
            )
            for name, found in self.measures.items()
        ]
        return ("measure", "value", "95 % interval", "questions"), rows


def _number(value: float | None) -> str:
    if value is None:
        return "none"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:,.0f}"


def evaluate(
    system: QuestionAnswerer,
    questions: Iterable[Question],
    k: int = 10,
    *,
    max_tokens: int | None = None,
    give_time: bool = True,
    seed: int = 0,
) -> EvaluationReport:
    """Ask a system every question and score its first k answers from their texts.

    max_tokens: the generator's budget; what does not fit into it is cut off before anything is counted, so that systems
        with long and with short items compare at equal cost
    give_time: hand over the asked time; False leaves it to the question's own words
    Errors: InputError for no questions, k below 1. Exactness: the same for the same answers and seed, but for latency.
    """
    if k < 1:
        raise InputError(f"k is the number of answers to score, at least 1, not {k}")
    if max_tokens is not None and max_tokens < 1:
        raise InputError(f"max_tokens is a budget of at least one token, not {max_tokens}")
    asked = list(questions)
    if not asked:
        raise InputError("there is no question to ask; give at least one")
    rivals = rivals_of(asked)
    scores = [
        _score(system, question, wrong, k, max_tokens, give_time) for question, wrong in zip(asked, rivals, strict=True)
    ]
    measures = {}
    for name in MEASURES:
        values = [value for one in scores if (value := getattr(one, name)) is not None]
        if name in _SHARES:
            measures[name] = wilson_interval(round(sum(values)), len(values))
        else:
            measures[name] = bootstrap_interval(values, seed=seed)
    p50, p95 = np.quantile([one.ms for one in scores], [0.5, 0.95])
    n_answerable = sum(1 for question in asked if question.answers)
    latency = {"p50": float(p50), "p95": float(p95)}
    return EvaluationReport(system.name, k, max_tokens, len(asked), n_answerable, measures, latency, tuple(scores))


def _score(
    system: QuestionAnswerer,
    question: Question,
    wrong: Sequence[str],
    k: int,
    max_tokens: int | None,
    give_time: bool,
) -> QuestionScores:
    began = time.perf_counter()
    answers: Sequence[Answer] = system.ask(question.text, question.asked if give_time else None, k)
    ms = 1000 * (time.perf_counter() - began)
    answers = answers[:k] if max_tokens is None else cut(answers[:k], max_tokens)
    stated = mentions(answers, question.answers, wrong, k)
    window = question.window
    return QuestionScores(
        question.id,
        nugget_recall(answers, question.answers, k),
        None if window is None else nugget_recall(answers, question.answers, k, within=window),
        clear_recall(stated, question.answers),
        temporal_correctness(stated),
        float(has_conflict(stated)),
        float(context_tokens(answers, k)),
        ndcg(answers, question.answers, k),
        float(not answers),
        len(answers),
        ms,
    )


def compare(ours: EvaluationReport, theirs: EvaluationReport, *, seed: int = 0) -> dict[str, Measured]:
    """Ours - theirs, measure by measure, over the questions to which both have a value; intervals are paired.

    Errors: InputError where the two did not answer the same questions.
    """
    if [one.id for one in ours.questions] != [one.id for one in theirs.questions]:
        raise InputError(
            f"{ours.system} and {theirs.system} did not answer the same questions; evaluate both on the same list"
        )
    found = {}
    for name in MEASURES:
        pairs = [
            (a, b)
            for one, other in zip(ours.questions, theirs.questions, strict=True)
            if (a := getattr(one, name)) is not None and (b := getattr(other, name)) is not None
        ]
        found[name] = bootstrap_difference([a for a, _ in pairs], [b for _, b in pairs], seed=seed)
    return found
