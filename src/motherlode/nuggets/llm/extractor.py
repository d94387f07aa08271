"""Claims of documents by language models of any provider."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from motherlode.core.ports import NullProgress, Progress
from motherlode.errors import DataError, InputError, UnsupportedError
from motherlode.nuggets.llm.batch import Batch
from motherlode.nuggets.llm.budget import Budget
from motherlode.nuggets.llm.cache import ExtractionCache, MemoryExtractionCache
from motherlode.nuggets.llm.client import LiteLlmClient
from motherlode.nuggets.llm.prompt import prompt_digest
from motherlode.nuggets.llm.reader import Passage, Reader
from motherlode.nuggets.llm.requests import ModelClient
from motherlode.nuggets.llm.result import CostEstimate, ExtractionResult
from motherlode.nuggets.record import Claim, Document, digest
from motherlode.nuggets.token_count import count_tokens

__all__ = ["LlmExtractor"]

_log = logging.getLogger("motherlode")
_SECRET = ("key", "token", "secret", "password", "credential", "header")
_TOKENS_PER_TOKEN = 3  # of an answer for one of the text: each claim quotes its sentence and names eleven fields


class LlmExtractor:
    """Claims of documents by a language model: an `Extractor`, and in batches.

    models: names of litellm ('openai/gpt-5-mini', 'azure/DEPLOYMENT', 'bedrock/…', 'vertex_ai/…', 'ollama_chat/…'); the
        next is asked where one fails
    predicates: name → what it means, offered to the model. other_predicates: whether it may use names of its own
    window_tokens: of text in one request; longer documents are cut at paragraphs. max_output_tokens: of an answer
    n_parallel: requests in flight. n_retries: after a rate limit, a timeout or a server's error, waiting ``backoff_s``,
        then twice as long, …, or what the provider asks. timeout_s: of one request
    cache: by default answers are remembered as long as the extractor lives
    budget_usd: of all that this extractor does; no request is sent that may exceed it
    options, model_options, prices, output: see `LiteLlmClient`. client: another way to reach models

    Errors: InputError for settings; UnsupportedError without litellm, or without the credentials of any of the models.
    What a model does wrong is no error but a result with a reason, see `ExtractionResult`.
    Cost: see `estimate`. Exactness: models differ from run to run; the cache makes one extraction of a text final.
    """

    def __init__(
        self,
        models: str | Sequence[str],
        *,
        predicates: Mapping[str, str] | None = None,
        other_predicates: bool = True,
        window_tokens: int = 1200,
        max_output_tokens: int = 8192,
        n_parallel: int = 4,
        n_retries: int = 2,
        backoff_s: float = 1.0,
        timeout_s: float = 120.0,
        cache: ExtractionCache | None = None,
        budget_usd: float | None = None,
        options: Mapping[str, Any] | None = None,
        model_options: Mapping[str, Mapping[str, Any]] | None = None,
        prices: Mapping[str, tuple[float, float]] | None = None,
        output: str = "auto",
        client: ModelClient | None = None,
    ) -> None:
        self.models = (models,) if isinstance(models, str) else tuple(models)
        if not self.models or not all(str(model).strip() for model in self.models):
            raise InputError(f"models are names like 'openai/gpt-5-mini', at least one, not {models!r}")
        _check_counts(window_tokens=(window_tokens, 16), max_output_tokens=(max_output_tokens, 16),
                      n_parallel=(n_parallel, 1), n_retries=(n_retries, 0))  # fmt: skip
        if budget_usd is not None and not budget_usd >= 0:
            raise InputError(f"budget_usd is an amount of 0 or more, not {budget_usd!r}")
        if not other_predicates and not predicates:
            raise InputError("other_predicates=False needs predicates to choose from; none are given")
        self.window_tokens, self.n_parallel = window_tokens, n_parallel
        self.cache: ExtractionCache = MemoryExtractionCache() if cache is None else cache
        self._budget = Budget(budget_usd)
        self._client = client or LiteLlmClient(
            options=options, model_options=model_options, prices=prices, output=output
        )
        self._reader = Reader(
            client=self._client,
            models=self.models,
            predicates=dict(predicates or {}),
            other_predicates=other_predicates,
            max_output_tokens=max_output_tokens,
            timeout_s=timeout_s,
            n_retries=n_retries,
            backoff_s=backoff_s,
            budget=self._budget,
        )
        settings = [dict(predicates or {}), other_predicates, window_tokens, _public(options or {}), output,
                    {model: _public(more) for model, more in (model_options or {}).items()}]  # fmt: skip
        self.fingerprint = digest(
            "llm", prompt_digest(), *self.models, json.dumps(settings, sort_keys=True, default=str)
        )

    @property
    def spent_usd(self) -> float:
        """What the requests so far have cost, by the providers' counts and litellm's prices."""
        return self._budget.spent_usd

    def extract(self, document: Document) -> list[Claim]:
        """The document's claims.

        Errors: DataError where the model gave no usable answer for a part of it: no list of claims is better than one
        that seems whole, since a store retracts what a document no longer says.
        """
        (result,) = self.extract_many([document])
        if result.quarantined is not None:
            raise DataError(
                f"document {document.id!r} was not extracted: {result.quarantined}",
                found=result.quarantined,
                expected="an answer for every part of the document",
            )
        return list(result.claims)

    def extract_many(self, documents: Iterable[Document], progress: Progress | None = None) -> list[ExtractionResult]:
        """One result for each document, in their order; the same text is asked for once.

        A document that could not be read in full has a reason in ``quarantined``; the answers that there were for its
        parts are in the cache and are not paid for again.
        """
        batch = Batch(self._reader, self.cache, self._key, self.window_tokens, list(documents))
        if batch.n_asked:
            self._require_models()
        return batch.run(self.n_parallel, progress or NullProgress())

    def estimate(self, documents: Iterable[Document]) -> CostEstimate:
        """What extracting these documents would cost now. Asks nobody and spends nothing.

        An answer is expected to be three times as long as its text, at most ``max_output_tokens``.
        """
        batch = Batch(self._reader, self.cache, self._key, self.window_tokens, list(documents))
        n_schema = count_tokens(json.dumps(self._reader.schema))
        n_read = n_written = 0
        for passage in batch.asked():
            n_read += n_schema + sum(count_tokens(part["content"]) for part in self._reader.messages(passage))
            n_written += min(_TOKENS_PER_TOKEN * count_tokens(passage.text), self._reader.max_output_tokens)
        n_most = batch.n_asked * self._reader.max_output_tokens
        prices = {model: self._client.price(model) for model in self.models}
        return CostEstimate(
            n_documents=len(batch.documents),
            n_windows=batch.n_windows,
            n_cached=batch.n_windows - batch.n_asked,
            prompt_tokens=n_read,
            completion_tokens=n_written,
            usd={model: price and n_read * price[0] + n_written * price[1] for model, price in prices.items()},
            at_most_usd={model: price and n_read * price[0] + n_most * price[1] for model, price in prices.items()},
        )

    def _key(self, passage: Passage) -> str:
        return digest("extraction", digest(passage.text), passage.title, passage.published_at, self.fingerprint)

    def _require_models(self) -> None:
        """At least one model can be called, and all have a price if there is a budget."""
        self._reader.dead.clear()
        missing: list[UnsupportedError] = []
        for model in self.models:
            try:
                self._client.require(model)
            except UnsupportedError as error:
                missing.append(error)
                self._reader.dead[model] = str(error)
                _log.warning("%s is left out: %s", model, error)
                continue
            if self._budget.limit_usd is not None and self._client.price(model) is None:
                raise InputError(
                    f"budget_usd needs the price of every model, and that of {model!r} is not known; give "
                    "prices={model: (USD per million tokens read, USD per million written)}"
                )
        if len(missing) == len(self.models):
            raise missing[0]


def _check_counts(**counts: tuple[int, int]) -> None:
    for name, (value, least) in counts.items():
        if value < least:
            raise InputError(f"{name} is a whole number of at least {least}, not {value!r}")


def _public(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options that shape an answer: without credentials and addresses, which do not."""
    hidden = (*_SECRET, "api_base", "base_url")
    return {name: value for name, value in options.items() if not any(part in name.lower() for part in hidden)}
