"""What comes back of an extraction, and what it would cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from motherlode.nuggets.record import Claim

__all__ = ["CostEstimate", "ExtractionResult"]


@dataclass(frozen=True, slots=True)
class ExtractionResult:
    """What a model made of one document.

    claims: in the order of the text. refused: (raw claim, why) of what the model said and we do not take
    notes: what was left out of a claim that stands, e.g. a date that the text does not have
    quarantined: why the document has no claims to rely on (no answer, nonsense, the budget); None if all of it was read
    model: which answered; several, separated by commas, where one took over from another
    prompt_tokens, completion_tokens, cost_usd: of what was asked for this document now, repairs included; nothing
        for what the cache held or another document of the batch paid for. cost_usd is None where a price is not known
    cached: whether all of it was known already
    """

    document_id: str
    claims: tuple[Claim, ...] = ()
    refused: tuple[tuple[Any, str], ...] = ()
    notes: tuple[str, ...] = ()
    quarantined: str | None = None
    model: str | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float | None = 0.0
    cached: bool = False

    @property
    def is_complete(self) -> bool:
        """Whether all of the document was read."""
        return self.quarantined is None


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """What an extraction would ask for. Tokens are estimated (`count_tokens`); answers are expected to be as long as
    their texts, at most the limit of an answer.

    n_windows: requests without repairs. n_cached: windows that the cache holds, or that occur twice
    usd: by model, None where its price is not known. at_most_usd: if every answer were as long as allowed
    """

    n_documents: int
    n_windows: int
    n_cached: int
    prompt_tokens: int
    completion_tokens: int
    usd: Mapping[str, float | None] = field(default_factory=dict)
    at_most_usd: Mapping[str, float | None] = field(default_factory=dict)

    def __str__(self) -> str:
        prices = ", ".join(
            f"{model}: {'price unknown' if usd is None else f'{usd:.4f} USD'}" for model, usd in self.usd.items()
        )
        return (
            f"{self.n_documents} documents in {self.n_windows} windows, {self.n_cached} of them known already; "
            f"about {self.prompt_tokens} tokens to read and {self.completion_tokens} to write; {prices}"
        )
