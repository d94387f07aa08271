"""One window read by the first model that gives a usable answer: tries, a repair, the next model, a shorter window."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from motherlode.nuggets.llm.answer import read_answer
from motherlode.nuggets.llm.budget import Budget
from motherlode.nuggets.llm.prompt import answer_schema, ask, ask_again
from motherlode.nuggets.llm.requests import CallError, Message, ModelClient, Reply, Request
from motherlode.nuggets.llm.windows import cut_windows
from motherlode.nuggets.token_count import count_tokens

__all__ = ["Passage", "Reader", "WindowAnswer"]

_log = logging.getLogger("motherlode")
_LONGEST_WAIT_S = 60.0
_SHORTEST_SPLIT = 64  # tokens of a text that is still cut in two when its answer does not fit


@dataclass(frozen=True, slots=True)
class Passage:
    """What a model is shown: a window's text, and what it has to know of its document."""

    text: str
    title: str | None = None
    published_at: str | None = None


@dataclass(slots=True)
class WindowAnswer:
    """items: raw claims of the right shape. broken: (raw, why). failure: why there are none. stopped: by the budget.

    cost_usd is None where the price of a model that answered is not known.
    """

    items: list[dict[str, Any]] = field(default_factory=list)
    broken: list[tuple[Any, str]] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    failure: str | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float | None = 0.0

    def charge(self, prompt_tokens: int, completion_tokens: int, usd: float | None) -> None:
        self.prompt_tokens += prompt_tokens
        self.completion_tokens += completion_tokens
        self.cost_usd = None if usd is None or self.cost_usd is None else self.cost_usd + usd

    def to_json(self) -> str:
        """What the cache keeps: what was said and by whom, not what it cost."""
        return json.dumps({"items": self.items, "broken": self.broken, "models": self.models}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> WindowAnswer | None:
        """What `to_json` wrote; None for anything else."""
        try:
            kept = json.loads(text)
            broken = [(raw, str(why)) for raw, why in kept["broken"]]
            answer = read_answer(json.dumps({"claims": kept["items"]}))
            return None if answer.errors else cls(answer.items, broken, [str(model) for model in kept["models"]])
        except (ValueError, KeyError, TypeError):
            return None


class _BudgetReachedError(Exception):
    """The next request may cost more than is left."""


@dataclass(frozen=True, slots=True)
class Reader:
    """How windows are asked for; safe to use from several threads.

    models: in the order in which they are tried. dead: model → why it is not tried any more, in this run
    """

    client: ModelClient
    models: Sequence[str]
    predicates: Mapping[str, str]
    other_predicates: bool
    max_output_tokens: int
    timeout_s: float
    n_retries: int
    backoff_s: float
    budget: Budget
    dead: dict[str, str] = field(default_factory=dict)

    @property
    def schema(self) -> dict[str, Any]:
        """What an answer has to look like."""
        return answer_schema(None if self.other_predicates or not self.predicates else list(self.predicates))

    def messages(self, passage: Passage) -> list[dict[str, str]]:
        """What a passage's request says."""
        return ask(
            passage.text,
            title=passage.title,
            published_at=passage.published_at,
            predicates=self.predicates,
            others=self.other_predicates,
        )

    def read(self, passage: Passage) -> WindowAnswer:
        """The passage's raw claims, or why there are none. A passage whose answer does not fit is cut in two."""
        bill = WindowAnswer()
        try:
            self._read(passage, bill)
        except _BudgetReachedError:
            bill.failure = (
                f"the budget of {self.budget.limit_usd} USD would be exceeded: {self.budget.spent_usd:.6f} are spent"
            )
        return bill

    def _read(self, passage: Passage, bill: WindowAnswer) -> None:
        messages = self.messages(passage)
        reasons = []
        for model in self.models:
            if model in self.dead:
                reasons.append(f"{model}: {self.dead[model]}")
                continue
            try:
                self._ask(model, messages, bill)
            except CallError as error:
                if error.too_long and self._read_halves(passage, bill):
                    return
                if error.dead:
                    self.dead[model] = error.reason
                reasons.append(f"{model}: {error.reason}")
                _log.warning("%s gave no usable answer: %s", model, error.reason)
            else:
                if model not in bill.models:
                    bill.models.append(model)
                return
        bill.failure = "; ".join(reasons)

    def _read_halves(self, passage: Passage, bill: WindowAnswer) -> bool:
        """Reads the passage in parts, at a pause of it; False if it is too short to be cut."""
        size = count_tokens(passage.text)
        parts = cut_windows(passage.text, max(16, size // 2 + 1)) if size >= _SHORTEST_SPLIT else []
        if len(parts) < 2:
            return False
        for begin, end in parts:
            self._read(replace(passage, text=passage.text[begin:end]), bill)
            if bill.failure:
                break
        return True

    def _ask(self, model: str, messages: Sequence[Message], bill: WindowAnswer) -> None:
        """The model's answer, after at most one repair; CallError where there is none to use."""
        reply = self._call(model, messages, bill)
        answer = read_answer(reply.text)
        if reply.is_cut:
            raise CallError(f"the answer is longer than {self.max_output_tokens} tokens", too_long=True)
        if answer.errors:
            try:
                again = self._call(model, ask_again(messages, reply.text, answer.errors), bill)
            except CallError:
                if answer.error:
                    raise
            else:
                repaired = read_answer(again.text)
                if not again.is_cut and (answer.error or not repaired.error):
                    answer = repaired
        if answer.error:
            raise CallError(f"no claims can be read, also after a repair: {answer.error}")
        bill.items += answer.items
        bill.broken += answer.broken

    def _call(self, model: str, messages: Sequence[Message], bill: WindowAnswer) -> Reply:
        """One reply; tried again after a wait where that may help. Every try is within the budget."""
        request = Request(messages, self.schema, self.max_output_tokens, self.timeout_s)
        price = self.client.price(model)
        # A tokenizer over bytes makes at most a token of each; 200 for what a provider adds around messages.
        most_read = len(json.dumps([list(map(dict, messages)), request.schema], ensure_ascii=False).encode()) + 200
        most_usd = 0.0 if price is None else most_read * price[0] + self.max_output_tokens * price[1]
        for n_failed in range(self.n_retries + 1):
            if not self.budget.reserve(most_usd):
                raise _BudgetReachedError
            spent_usd = 0.0
            try:
                reply = self.client.complete(model, request)
                usd = None if price is None else reply.prompt_tokens * price[0] + reply.completion_tokens * price[1]
                spent_usd = usd or 0.0
                bill.charge(reply.prompt_tokens, reply.completion_tokens, usd)
            except CallError as error:
                if error.may_be_billed:  # counted in full: better to stop early than to overspend
                    spent_usd = most_usd
                    bill.charge(0, 0, None if price is None else most_usd)
                if not error.retry or n_failed == self.n_retries:
                    raise
                wait_s = self.backoff_s * 2**n_failed if error.wait_s is None else error.wait_s
            else:
                return reply
            finally:
                self.budget.settle(most_usd, spent_usd)
            time.sleep(min(wait_s, _LONGEST_WAIT_S))
        raise AssertionError("the last try returns or raises")
