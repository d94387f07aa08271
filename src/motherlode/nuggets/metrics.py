"""How good a context is: is the answer in it, was it true at the asked time, does it contradict itself, how long is it.

Pure functions over answers (strings, with the system's interval where one is needed) and gold strings. The names are
those of NuggetIndex (2026, arXiv 2604.27306); what is counted is said in each docstring, because that paper scores
nuggets that carry ids of its own gold set, while here any text can be scored. Notation: an item is one answer of the
context, G the values that are right at the asked time, R the rivals: values of the same key that are right only at
other times.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log2

import numpy as np

from motherlode.errors import InputError
from motherlode.nuggets.answers import Answer, is_said, normalize_answer
from motherlode.nuggets.wilson import wilson_bounds

__all__ = [
    "Measured",
    "Mentions",
    "bootstrap_difference",
    "bootstrap_interval",
    "chain_completeness",
    "clear_recall",
    "conflict_transparency",
    "context_tokens",
    "has_conflict",
    "mentions",
    "ndcg",
    "nugget_recall",
    "temporal_correctness",
    "temporal_faithfulness",
    "wilson_interval",
]


@dataclass(frozen=True, slots=True)
class Measured:
    """A number with the interval that it may well lie in; None where nothing could be counted."""

    value: float | None
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True, slots=True)
class Mentions:
    """Which values of one key a context states: positions are ranks from 0, one entry per item and value."""

    right: tuple[tuple[int, str], ...]
    wrong: tuple[tuple[int, str], ...]

    @property
    def values(self) -> tuple[set[str], set[str]]:
        """Distinct values that are right, and that are wrong, at the asked time."""
        return {value for _, value in self.right}, {value for _, value in self.wrong}


def mentions(answers: Sequence[Answer], gold: Sequence[str], rivals: Sequence[str], k: int = 10) -> Mentions:
    """Where the first k items state values of G and of R."""
    return Mentions(
        tuple((rank, value) for rank, answer in enumerate(answers[:k]) for value in gold if is_said(value, answer)),
        tuple((rank, value) for rank, answer in enumerate(answers[:k]) for value in rivals if is_said(value, answer)),
    )


def nugget_recall(
    answers: Sequence[Answer], gold: Sequence[str], k: int = 10, *, within: tuple[int, int] | None = None
) -> float | None:
    """|{g in G: some of the first k items states g}| / |G|; None without gold.

    within: the asked time as [begin, end) in microseconds. With it an item counts only if the system knows when it
    holds and that may be then; the share of answers that are not only there but dated.
    Source: nugget recall@k, NuggetIndex (2026), section 5; there a nugget is matched by a judge, here by its string.
    """
    if not gold:
        return None
    items = answers[:k]
    if within is not None:
        items = [a for a in items if a.is_dated and a.interval is not None and a.interval.is_possible(*within)]
    return sum(any(is_said(value, answer) for answer in items) for value in gold) / len(gold)


def clear_recall(stated: Mentions, gold: Sequence[str]) -> float | None:
    """|{g in G: some item states g and no rival}| / |G|; None without gold.

    An item that recounts all office holders states the right one, but does not say which one it is; an atomic fact
    does. Stricter than nugget recall for passages, the same for nuggets of one object each.
    """
    if not gold:
        return None
    muddled = {rank for rank, _ in stated.wrong}
    clear = {value for rank, value in stated.right if rank not in muddled}
    return sum(value in clear for value in gold) / len(gold)


def temporal_correctness(stated: Mentions) -> float | None:
    """Mentions of G / mentions of G or R: of what the context says about the key, the part that is true at the asked
    time; None where it says nothing about it.

    A passage that recounts all office holders mentions each of them once. Items on other matters do not count.
    Source: temporal correctness, NuggetIndex (2026): the share of returned facts whose validity holds the asked time.
    """
    n_right, n_wrong = len(stated.right), len(stated.wrong)
    return None if n_right + n_wrong == 0 else n_right / (n_right + n_wrong)


def has_conflict(stated: Mentions) -> bool:
    """Whether the context holds two values of one key that cannot both be true at the asked time: at least two values,
    at least one of them of R. Values of G stand together (two homes in one year are no conflict).

    The conflict rate is the share of contexts for which this holds. Source: conflict rate, NuggetIndex (2026).
    """
    right, wrong = stated.values
    return bool(wrong) and len(right) + len(wrong) >= 2


def context_tokens(answers: Sequence[Answer], k: int = 10) -> int:
    """Tokens that a generator would be handed: the sum over the first k items."""
    return sum(answer.tokens for answer in answers[:k])


def ndcg(answers: Sequence[Answer], gold: Sequence[str], k: int = 10) -> float | None:
    """Sum over g in G of 1 / log2(1 + rank of the first item that states g), over the same sum for ranks 1 … |G|,
    at most 1; None without gold.

    A repetition earns nothing. One item that states two values can pass the ideal of one value an item, hence the cap.
    Source: nDCG@10 with binary gains (Järvelin and Kekäläinen 2002) on nuggets rather than documents.
    """
    if not gold:
        return None
    gain = 0.0
    for value in gold:
        rank = next((rank for rank, answer in enumerate(answers[:k], 1) if is_said(value, answer)), None)
        gain += 0.0 if rank is None else 1 / log2(1 + rank)
    ideal = sum(1 / log2(1 + rank) for rank in range(1, min(len(gold), k) + 1))
    return min(1.0, gain / ideal)


_STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        "a an the is are was were be been being of in on at to from for by with as and or that this it its his her "
        "their he she they who which has have had do does did",
    )
)


def _covers(claim: str, text: str) -> bool:
    """Whether every content word of the claim stands in the text."""
    said = set(normalize_answer(text).split())
    wanted = [word for word in normalize_answer(claim).split() if word not in _STOP_WORDS]
    return bool(wanted) and all(word in said for word in wanted)


def temporal_faithfulness(
    claims: Sequence[str],
    context: Sequence[Answer],
    within: tuple[int, int] | None = None,
    *,
    supports: Callable[[str, str], bool] = _covers,
) -> float | None:
    """Claims of a generated answer that some item supports which holds at the asked time / claims; None without claims.

    claims: the generated answer, one statement each. within: the asked time; None asks for support at any time
    supports: (claim, text of an item) → bool; by default the item holds all content words of the claim
    Items whose time is not known support nothing when a time was asked; deprecated and superseded items hold in their
    time like all others.
    Source: temporal faithfulness as in nuggetindex 0.3; stricter, for there one shared word of four letters supports.
    """
    if not claims:
        return None
    items = [a for a in context if within is None or (a.interval is not None and a.interval.is_possible(*within))]
    return sum(any(supports(claim, item.text) for item in items) for claim in claims) / len(claims)


_DOUBT = re.compile(
    r"\b(?:disput\w+|contest\w+|conflict\w+|contradict\w+|disagree\w*|unclear|uncertain|not (?:clear|certain|settled)|"
    r"according to|some (?:sources|reports)|other (?:sources|reports)|others (?:say|report)|either|whereas)\b",
    re.IGNORECASE,
)


def conflict_transparency(generated: str, contested: Sequence[Sequence[str]]) -> float | None:
    """Contested keys whose dispute the generated answer shows / contested keys of its context; None without any.

    contested: for each key on which the sources disagree, the values they give
    A dispute is shown if the answer names two of the values, or one of them beside a word of dispute.
    Source: conflict transparency as in nuggetindex 0.3; there any 'but' or 'may' counts, and no conflict scores 1.
    """
    if not contested:
        return None
    answer = Answer(generated)
    doubts = _DOUBT.search(generated) is not None
    shown = 0
    for values in contested:
        n_named = len({normalize_answer(value) for value in values if is_said(value, answer)})
        shown += n_named >= 2 or (n_named == 1 and doubts)
    return shown / len(contested)


def chain_completeness(generated: str, chain: Sequence[str]) -> float | None:
    """Neighbours (c_i, c_i+1) of the true chain that follow each other in the generated answer / (length - 1); None
    for a chain of fewer than two.

    Every mention counts, so a second tenure can be told; values that are no link of the chain are passed over.
    Source: chain completeness as in nuggetindex 0.3; there the pairs of the answer are the denominator, so an answer
    that names one link, or none, scores 1.
    """
    if len(chain) < 2:
        return None
    text = f" {normalize_answer(generated)} "
    said = sorted(
        (found.start(), value)
        for value in dict.fromkeys(chain)
        for found in re.finditer(f"(?= {re.escape(normalize_answer(value))} )", text)
    )
    order = [value for position, (_, value) in enumerate(said) if position == 0 or said[position - 1][1] != value]
    pairs = set(pairwise(order))
    return sum(pair in pairs for pair in pairwise(chain)) / (len(chain) - 1)


def wilson_interval(n_hits: int, n: int, confidence: float = 0.95) -> Measured:
    """A share with its score interval, which stays inside 0 … 1 and is honest at few trials.

    Source: Wilson (1927): (p + z²/2n ± z sqrt(p(1 - p)/n + z²/4n²)) / (1 + z²/n).
    """
    low, high = wilson_bounds(n_hits, n, _checked(confidence))
    return Measured(None, None, None, 0) if n == 0 else Measured(n_hits / n, low, high, n)


def bootstrap_interval(
    values: Sequence[float], confidence: float = 0.95, *, n_resamples: int = 2000, seed: int = 0
) -> Measured:
    """A mean over questions with its percentile interval under resampling of the questions (Efron 1979)."""
    if not len(values):
        return Measured(None, None, None, 0)
    sample = np.asarray(values, np.float64)
    means = _resampled_means(sample, n_resamples, seed)
    tail = (1 - _checked(confidence)) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return Measured(float(sample.mean()), float(low), float(high), len(sample))


def bootstrap_difference(
    ours: Sequence[float], theirs: Sequence[float], confidence: float = 0.95, *, n_resamples: int = 2000, seed: int = 0
) -> Measured:
    """Mean of ours - theirs over the same questions, which are resampled in pairs; an interval above 0 is ahead."""
    if len(ours) != len(theirs):
        raise InputError(f"a paired difference needs the same questions: {len(ours)} scores against {len(theirs)}")
    return bootstrap_interval(
        [a - b for a, b in zip(ours, theirs, strict=True)], confidence, n_resamples=n_resamples, seed=seed
    )


def _checked(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise InputError(f"a confidence is between 0 and 1, e.g. 0.95, not {confidence!r}")
    return confidence


def _resampled_means(sample: np.ndarray, n_resamples: int, seed: int) -> np.ndarray:
    # In blocks: 2,000 resamples of a million questions would not fit into memory at once.
    rng = np.random.default_rng(seed)
    block = max(1, 4_000_000 // len(sample))
    means = [
        sample[rng.integers(0, len(sample), (min(block, n_resamples - begin), len(sample)))].mean(axis=1)
        for begin in range(0, n_resamples, block)
    ]
    return np.concatenate(means)
