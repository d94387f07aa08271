"""Batches, budgets, caches and failures of the extractor, with a client that follows a script instead of a network."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from motherlode.errors import DataError, InputError, UnsupportedError
from motherlode.nuggets.llm import CallError, ExtractionResult, FileExtractionCache, LlmExtractor, Reply, Request
from motherlode.nuggets.llm.budget import Budget
from motherlode.nuggets.record import Document

Answerer = Callable[[str, str], Reply | Exception]


def claims(*sentences: str) -> str:
    """An answer with one claim for each sentence 'A is B.'."""
    return json.dumps(
        {"claims": [
            {"subject": s.split(" is ")[0], "predicate": "is", "object": s.split(" is ")[1].rstrip("."), "quote": s}
            for s in sentences
        ]}
    )  # fmt: skip


def read_all(model: str, text: str) -> Reply:
    """A model that takes every sentence for a claim."""
    return Reply(claims(*(f"{s.strip(' .')}." for s in text.split(".") if " is " in s)), 100, 50)


class ScriptedClient:
    """Answers by a function of model and text; one USD for a thousand tokens of an answer, reading is free."""

    def __init__(self, answer: Answerer = read_all, *, prices: bool = True, missing: tuple[str, ...] = ()) -> None:
        self.answer, self.prices, self.missing = answer, prices, missing
        self.calls: list[tuple[str, str]] = []
        self._lock = threading.Lock()

    def require(self, model: str) -> None:
        if model in self.missing:
            raise UnsupportedError(f"the model {model!r} needs SOME_API_KEY")

    def price(self, model: str) -> tuple[float, float] | None:
        return (0.0, 0.001) if self.prices else None

    def complete(self, model: str, request: Request) -> Reply:
        text = request.messages[1]["content"].split("<text>\n")[1].removesuffix("\n</text>")
        with self._lock:
            self.calls.append((model, text))
        reply = self.answer(model, text)
        if isinstance(reply, Exception):
            raise reply
        return reply


def extractor(client: ScriptedClient, models: Any = "m", **settings: Any) -> LlmExtractor:
    return LlmExtractor(models, client=client, **({"backoff_s": 0.0} | settings))


def documents(*texts: str) -> list[Document]:
    return [Document(f"d{number}", text) for number, text in enumerate(texts)]


def objects(result: ExtractionResult) -> list[object]:
    return [claim.object for claim in result.claims]


def test_results_come_in_the_order_of_the_documents_whatever_ends_first() -> None:
    def slow_first(model: str, text: str) -> Reply:
        time.sleep(0.05 if text == "A is 0." else 0)
        return read_all(model, text)

    results = extractor(ScriptedClient(slow_first)).extract_many(documents(*(f"A is {i}." for i in range(9))))
    assert [objects(result) for result in results] == [[str(i)] for i in range(9)]


def test_the_same_text_is_asked_for_once_within_a_batch_and_once_ever() -> None:
    client = ScriptedClient()
    maker = extractor(client)
    first, second = maker.extract_many(documents("A is b.", "A is b."))
    assert len(client.calls) == 1
    assert [claim.source for claim in (*first.claims, *second.claims)] == ["d0", "d1"]
    assert (first.cached, second.cached) == (False, True)
    assert (first.cost_usd, second.cost_usd) == (0.05, 0.0)
    (third,) = maker.extract_many([Document("e", "A is b.")])
    assert third.cached
    assert len(client.calls) == 1


def test_another_date_title_model_or_predicate_is_another_extraction(tmp_path: Path) -> None:
    client, cache = ScriptedClient(), FileExtractionCache(tmp_path)
    dated = Document("d", "A is b.", published_at="2020-01-01")
    for maker, document in [
        (extractor(client, cache=cache), Document("d", "A is b.")),
        (extractor(client, cache=cache), dated),
        (extractor(client, cache=cache), Document("d", "A is b.", title="A")),
        (extractor(client, "n", cache=cache), dated),
        (extractor(client, cache=cache, predicates={"is": "what it is"}), dated),
    ]:
        maker.extract(document)
    assert len(client.calls) == 5
    extractor(client, cache=cache).extract(dated)
    assert len(client.calls) == 5


def test_credentials_and_addresses_are_no_part_of_the_fingerprint_but_settings_are() -> None:
    one = LlmExtractor("m", options={"api_key": "a", "api_base": "http://a", "temperature": 0})
    two = LlmExtractor("m", options={"api_key": "b", "api_base": "http://b", "temperature": 0})
    assert one.fingerprint == two.fingerprint
    assert one.fingerprint != LlmExtractor("m", options={"temperature": 1}).fingerprint


def test_a_long_document_is_read_in_windows_and_spans_are_those_of_the_document() -> None:
    text = "\n\n".join(f"Firm{i} is thing{i}." for i in range(30))
    client = ScriptedClient()
    claims_found = extractor(client, window_tokens=30).extract(Document("d", text))
    assert len(client.calls) > 5
    assert [claim.object for claim in claims_found] == [f"thing{i}" for i in range(30)]
    assert all(claim.span and text[slice(*claim.span)] == claim.text for claim in claims_found)


def test_one_unreadable_window_quarantines_the_document_and_the_others_are_not_paid_again() -> None:
    is_well = threading.Event()

    def moody(model: str, text: str) -> Reply:
        return read_all(model, text) if is_well.is_set() or "C is" not in text else Reply("what?", 1, 1)

    client = ScriptedClient(moody)
    maker = extractor(client, window_tokens=16)
    document = Document("d", "\n\n".join(f"{name} is the one we all wanted to see here, honestly." for name in "ABC"))
    (result,) = maker.extract_many([document])
    assert result.quarantined is not None
    assert "characters 102 to 151: m: no claims can be read" in result.quarantined
    assert len(result.claims) == 2
    with pytest.raises(DataError, match="document 'd' was not extracted"):
        maker.extract(document)
    is_well.set()
    n_before = len(client.calls)
    assert len(maker.extract(document)) == 3
    assert len(client.calls) == n_before + 1


def test_a_budget_stops_before_it_is_exceeded_and_what_was_done_is_kept() -> None:
    client = ScriptedClient()
    # An answer costs 0.05 USD and may cost 0.1 USD; 0.18 USD is enough for two, after which 0.08 USD are left.
    maker = extractor(client, budget_usd=0.18, max_output_tokens=100)
    results = maker.extract_many(documents(*(f"A is {i}." for i in range(5))))
    assert [result.is_complete for result in results].count(True) == 2
    assert maker.spent_usd == pytest.approx(0.1)
    stopped = next(result for result in results if not result.is_complete)
    assert "the budget of 0.18 USD would be exceeded: 0.100000 are spent" in (stopped.quarantined or "")
    assert len(client.calls) == 2


def test_a_budget_of_nothing_still_gives_what_the_cache_holds() -> None:
    client = ScriptedClient()
    maker = extractor(client)
    maker.extract(Document("d", "A is b."))
    broke = extractor(client, budget_usd=0.0, cache=maker.cache)
    held, new = broke.extract_many(documents("A is b.", "A is c."))
    assert (objects(held), held.cached) == (["b"], True)
    assert not new.is_complete


def test_a_request_that_does_not_fit_beside_others_waits_for_them() -> None:
    budget = Budget(1.0)
    assert budget.reserve(0.7)
    done: list[bool] = []
    waiter = threading.Thread(target=lambda: done.append(budget.reserve(0.6)))
    waiter.start()
    time.sleep(0.05)
    assert done == []
    budget.settle(0.7, 0.2)
    waiter.join(5)
    assert done == [True]
    budget.settle(0.6, 0.6)
    assert not budget.reserve(0.21)
    assert budget.reserve(0.2)


def test_a_timeout_may_have_been_billed_and_counts_in_full() -> None:
    client = ScriptedClient(lambda model, text: CallError("Timeout", may_be_billed=True))
    maker = extractor(client, max_output_tokens=100)
    (result,) = maker.extract_many(documents("A is b."))
    assert maker.spent_usd == pytest.approx(0.1)
    assert result.cost_usd == pytest.approx(0.1)


def test_retries_wait_twice_as_long_each_time_and_then_give_up(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    client = ScriptedClient(lambda model, text: CallError("busy", retry=True))
    (result,) = extractor(client, backoff_s=0.5, n_retries=3).extract_many(documents("A is b."))
    assert waits == [0.5, 1.0, 2.0]
    assert len(client.calls) == 4
    assert result.quarantined == "characters 0 to 7: m: busy"


def test_a_provider_may_ask_for_at_most_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    client = ScriptedClient(lambda model, text: CallError("busy", retry=True, wait_s=3600.0))
    extractor(client, n_retries=1).extract_many(documents("A is b."))
    assert waits == [60.0]


def test_models_are_tried_in_order_and_a_dead_one_is_left_out_from_then_on() -> None:
    def answer(model: str, text: str) -> Reply | Exception:
        return CallError("wrong key", dead=True) if model == "m" else read_all(model, text)

    client = ScriptedClient(answer)
    results = extractor(client, ["m", "n"], n_parallel=1).extract_many(documents("A is b.", "A is c."))
    assert [result.model for result in results] == ["n", "n"]
    assert [model for model, _ in client.calls] == ["m", "n", "n"]


def test_without_credentials_for_any_model_nothing_is_asked() -> None:
    client = ScriptedClient(missing=("m", "n"))
    with pytest.raises(UnsupportedError, match="'m' needs SOME_API_KEY"):
        extractor(client, ["m", "n"]).extract_many(documents("A is b."))
    assert client.calls == []
    assert extractor(ScriptedClient(missing=("m",)), ["m", "n"]).extract(Document("d", "A is b."))


def test_a_text_that_is_too_long_for_a_model_is_halved_until_it_fits() -> None:
    def short_sighted(model: str, text: str) -> Reply | Exception:
        return CallError("too long", too_long=True) if len(text) > 200 else read_all(model, text)

    text = " ".join(f"Firm{i} is thing{i}." for i in range(40))
    found = extractor(ScriptedClient(short_sighted)).extract(Document("d", text))
    assert [claim.object for claim in found] == [f"thing{i}" for i in range(40)]


def test_an_answer_that_never_fits_is_quarantined() -> None:
    client = ScriptedClient(lambda model, text: Reply(claims("A is b."), 1, 1, is_cut=True))
    (result,) = extractor(client).extract_many(documents("A is b."))
    assert "the answer is longer than 8192 tokens" in (result.quarantined or "")


def test_what_the_model_made_up_is_refused_with_the_reason() -> None:
    client = ScriptedClient(lambda model, text: Reply(claims("A is b.", "A is rich."), 1, 1))
    (result,) = extractor(client).extract_many(documents("A is b."))
    assert objects(result) == ["b"]
    ((raw, reason),) = result.refused
    assert raw["object"] == "rich"
    assert reason == "the quote is not in the text: 'A is rich.'"
    assert result.is_complete


def test_an_estimate_counts_windows_tokens_and_money_and_asks_nobody() -> None:
    client = ScriptedClient()
    maker = extractor(client, ["m", "n"], max_output_tokens=100)
    maker.extract(Document("d", "A is b."))
    estimate = maker.estimate(documents("A is b.", "A is c.", "A is c.", "A is d.", ""))
    assert (estimate.n_documents, estimate.n_windows, estimate.n_cached) == (5, 4, 2)
    assert estimate.completion_tokens == 2 * 3 * 4  # two texts of four tokens, three times as long an answer
    assert estimate.usd == {"m": pytest.approx(0.024), "n": pytest.approx(0.024)}
    assert estimate.at_most_usd["m"] == pytest.approx(0.2)
    assert len(client.calls) == 1
    assert "price unknown" in str(extractor(ScriptedClient(prices=False)).estimate([]))


def test_an_unknown_price_gives_no_cost_and_allows_no_budget() -> None:
    client = ScriptedClient(prices=False)
    (result,) = extractor(client).extract_many(documents("A is b."))
    assert result.cost_usd is None
    with pytest.raises(InputError, match="price of every model"):
        extractor(client, budget_usd=1.0).extract(Document("d", "A is b."))


def test_a_cache_that_fails_costs_money_not_answers() -> None:
    class Broken:
        def get(self, key: str) -> str | None:
            raise OSError("disk")

        def put(self, key: str, document_id: str, value: str) -> None:
            raise OSError("disk")

        def purge(self, document_id: str) -> int:
            return 0

    assert len(extractor(ScriptedClient(), cache=Broken()).extract(Document("d", "A is b."))) == 1


def test_a_damaged_entry_of_the_cache_is_asked_for_again() -> None:
    client = ScriptedClient()
    maker = extractor(client)
    maker.extract(Document("d", "A is b."))
    for value in ("{", "[]", '{"items": 3, "broken": [], "models": []}'):
        key = next(iter(maker.cache._values))  # type: ignore[attr-defined]
        maker.cache.put(key, "d", value)
        assert len(maker.extract(Document("d", "A is b."))) == 1
    assert len(client.calls) == 4


def test_purging_a_document_makes_its_text_be_asked_for_again() -> None:
    client = ScriptedClient()
    maker = extractor(client)
    maker.extract(Document("d", "A is b."))
    assert maker.cache.purge("d") == 1
    maker.extract(Document("d", "A is b."))
    assert len(client.calls) == 2


def test_empty_documents_have_no_claims_and_ask_nobody() -> None:
    client = ScriptedClient()
    (result,) = extractor(client).extract_many(documents(" \n "))
    assert (result.claims, result.is_complete, result.cached) == ((), True, False)
    assert extractor(client).extract_many([]) == []
    assert client.calls == []


def test_progress_counts_documents() -> None:
    class Counter:
        said: list[Any]

        def __init__(self) -> None:
            self.said = []

        def start(self, task: str, total: int | None, unit: str) -> None:
            self.said.append((total, unit))

        def advance(self, n: int) -> None:
            self.said.append(n)

        def finish(self) -> None:
            self.said.append("end")

    counter = Counter()
    extractor(ScriptedClient()).extract_many(documents("A is b.", "", "A is b."), counter)
    assert counter.said == [(3, "documents"), 1, 1, 1, "end"]


@pytest.mark.parametrize(
    "settings",
    [{"models": []}, {"models": " "}, {"window_tokens": 3}, {"n_parallel": 0}, {"n_retries": -1}, {"budget_usd": -1.0},
     {"other_predicates": False}, {"output": "xml"}],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        LlmExtractor(**({"models": "m"} | settings))


def test_without_litellm_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "litellm", None)
    maker = LlmExtractor("openai/gpt-4o-mini")  # makes no difference yet
    with pytest.raises(UnsupportedError, match=r"pip install 'motherlode\[llm\]'"):
        maker.extract(Document("d", "A is b."))
