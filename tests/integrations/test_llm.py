"""Real HTTP, real litellm, a provider on the loopback that misbehaves as providers do."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from motherlode.errors import InputError, UnsupportedError
from motherlode.nuggets.llm import ExtractionResult, LlmExtractor
from motherlode.nuggets.record import Document
from tests.integrations.model_server import Deed, ModelServer, a_claim, claims, serve

# Not imported here: the library has to be the first, so that it keeps litellm off the network.
if importlib.util.find_spec("litellm") is None:
    pytest.skip("litellm's environment: tests/integrations/llm_environment.py", allow_module_level=True)

TEXT = "Tim Cook became chief executive of Apple on 24 August 2011. He lives in California."
COOK = claims(a_claim())


@pytest.fixture(autouse=True)
def only_the_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but 127.0.0.1 may be looked up; no credentials of the shell are used."""
    real = socket.getaddrinfo

    def guarded(host: Any, *more: Any, **named: Any) -> Any:
        assert host in ("127.0.0.1", b"127.0.0.1"), f"the network was asked for {host!r}"
        return real(host, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", guarded)
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "AZURE_API_KEY", "OPENAI_API_BASE", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def extractor(server: ModelServer, *names: str, **settings: Any) -> LlmExtractor:
    options = {"api_base": f"{server.url}/v1", "api_key": "-"} | settings.pop("options", {})
    return LlmExtractor(
        [name if "/" in name else f"openai/{name}" for name in names],
        **({"options": options, "backoff_s": 0.01, "timeout_s": 10.0} | settings),
    )


def one(maker: LlmExtractor, text: str = TEXT, **more: Any) -> ExtractionResult:
    (result,) = maker.extract_many([Document("d", text, **more)])
    return result


@pytest.fixture
def running() -> Iterator[Any]:
    """Starts servers that end with the test."""
    with ExitStack() as stack:
        yield lambda **scripts: stack.enter_context(serve(scripts))


def test_a_valid_answer_becomes_a_claim_whose_span_is_its_sentence(running: Any) -> None:
    server = running(good=[Deed(COOK)])
    maker = extractor(server, "good", predicates={"ceo": "chief executive officer"})
    (claim,) = maker.extract(Document("d", TEXT, published_at="2012-01-05", version=3, publisher="Reuters"))
    assert (claim.subject, claim.predicate, claim.object) == ("Apple", "ceo", "Tim Cook")
    assert (str(claim.interval.start), claim.interval.end) == ("2011-08-24", None)
    assert claim.span == (0, 59)
    assert claim.text == TEXT[:59]
    assert (claim.source, claim.publisher, claim.version, claim.confidence) == ("d", "Reuters", 3, 0.95)
    (asked,) = server.requests
    assert asked["response_format"]["type"] == "json_schema"
    assert asked["response_format"]["json_schema"]["strict"] is True
    rules, text = (message["content"] for message in asked["messages"])
    assert "2012-01-05" in rules
    assert "ceo: chief executive officer" in rules
    assert TEXT in text


def test_a_malformed_answer_is_repaired_by_one_request_that_names_the_errors(running: Any) -> None:
    broken = claims({key: value for key, value in a_claim().items() if key != "quote"})
    server = running(good=[Deed(broken), Deed(COOK)])
    result = one(extractor(server, "good"))
    assert [claim.object for claim in result.claims] == ["Tim Cook"]
    assert (result.prompt_tokens, result.completion_tokens) == (200, 100)
    assert "claims[0]: quote is missing" in server.requests[1]["messages"][-1]["content"]
    assert server.requests[1]["messages"][-2] == {"role": "assistant", "content": broken}


def test_nonsense_is_quarantined_with_a_reason_and_the_batch_goes_on(running: Any) -> None:
    server = running(good=lambda body: Deed(COOK if "Tim Cook" in str(body["messages"]) else "I like turtles."))
    texts = [TEXT, "A tale of turtles.", f"{TEXT} Again."]
    results = extractor(server, "good").extract_many([Document(f"d{i}", text) for i, text in enumerate(texts)])
    assert [result.document_id for result in results] == ["d0", "d1", "d2"]
    assert [result.is_complete for result in results] == [True, False, True]
    reason = results[1].quarantined
    assert reason is not None
    assert reason.startswith("characters 0 to 18: openai/good: no claims can be read, also after a repair")
    assert "I like turtles." in reason
    assert results[1].claims == ()


def test_a_rate_limit_is_waited_out_for_as_long_as_the_provider_asks(running: Any) -> None:
    server = running(good=[Deed(status=429, headers={"Retry-After": "0.3"}), Deed(COOK)])
    assert len(one(extractor(server, "good", backoff_s=0.0)).claims) == 1
    first, second = server.times_s
    assert 0.3 <= second - first < 5


def test_a_failing_provider_hands_over_to_the_next_and_the_result_says_so(running: Any) -> None:
    server = running(bad=[Deed(status=500)], spare=[Deed(COOK)])
    result = one(extractor(server, "bad", "spare", n_retries=1))
    assert result.model == "openai/spare"
    assert len(result.claims) == 1
    assert (len(server.asked("bad")), len(server.asked("spare"))) == (2, 1)


def test_nonsense_of_one_model_is_given_to_the_next(running: Any) -> None:
    server = running(bad=[Deed("no idea")], spare=[Deed(COOK)])
    result = one(extractor(server, "bad", "spare"))
    assert result.model == "openai/spare"
    assert (len(server.asked("bad")), len(server.asked("spare"))) == (2, 1)


def test_a_model_that_does_not_answer_in_time_is_quarantined(running: Any) -> None:
    server = running(good=[Deed(COOK, delay_s=3)])
    result = one(extractor(server, "good", timeout_s=0.3, n_retries=1))
    assert result.quarantined is not None
    assert "Timeout" in result.quarantined
    first, second = server.times_s
    assert 0.3 <= second - first < 2.5


def test_a_server_that_is_not_there_is_quarantined() -> None:
    with serve({}) as gone:
        pass
    result = one(extractor(gone, "good", n_retries=0))
    assert result.quarantined is not None
    assert "openai/good: " in result.quarantined


def test_a_refused_key_is_tried_once_not_for_every_document(running: Any) -> None:
    server = running(bad=[Deed(status=401, text="wrong key")])
    documents = [Document(f"d{i}", f"Text number {i}.") for i in range(20)]
    results = extractor(server, "bad", n_parallel=1).extract_many(documents)
    assert all("wrong key" in (result.quarantined or "") for result in results)
    assert len(server.requests) == 1


def test_no_more_requests_are_in_flight_than_allowed(running: Any) -> None:
    server = running(good=[Deed(claims(), delay_s=0.05)])
    documents = [Document(f"d{i}", f"Text number {i}.") for i in range(24)]
    results = extractor(server, "good", n_parallel=3).extract_many(documents)
    assert all(result.is_complete for result in results)
    assert len(server.requests) == 24
    assert server.most_at_once == 3


def test_a_provider_that_refuses_the_shape_is_asked_with_less(running: Any) -> None:
    def deed(body: dict[str, Any]) -> Deed:
        if "response_format" in body or "tools" in body:
            return Deed(status=400, text="unknown field response_format")
        return Deed(f"Here you are:\n```json\n{COOK}\n```")

    server = running(good=deed)
    maker = extractor(server, "good")
    assert len(maker.extract(Document("d", TEXT))) == 1
    n_first = len(server.requests)
    assert len(maker.extract(Document("e", f"{TEXT} "[:60] + "So it is."))) == 1
    assert (n_first, len(server.requests)) == (4, 5)  # schema, tool, json, text; then text at once


def test_a_model_known_not_to_take_a_schema_is_held_by_a_tool(running: Any) -> None:
    server = running(**{"gpt-4": [Deed(COOK, as_tool=True)]})
    assert len(extractor(server, "gpt-4").extract(Document("d", TEXT))) == 1
    (asked,) = server.requests
    assert "response_format" not in asked
    assert asked["tool_choice"]["function"]["name"] == asked["tools"][0]["function"]["name"]


def test_an_answer_that_is_cut_off_is_asked_for_again_in_two_parts(running: Any) -> None:
    first = " ".join(f"Firm{i} is led by Person{i}." for i in range(20))
    second = " ".join(f"Firm{i} is led by Person{i}." for i in range(20, 40))
    quote = "Firm30 is led by Person30."

    def deed(body: dict[str, Any]) -> Deed:
        text = body["messages"][-1]["content"]
        if "Firm1 " in text and "Firm39 " in text:
            return Deed(COOK[:80], finish="length")
        found = quote in text
        return Deed(
            claims(a_claim(subject="Firm30", object="Person30", quote=quote, valid_from=None)) if found else claims()
        )

    server = running(good=deed)
    result = one(extractor(server, "good"), f"{first}\n\n{second}")
    assert result.is_complete
    (claim,) = result.claims
    assert claim.span is not None
    assert f"{first}\n\n{second}"[slice(*claim.span)] == quote
    assert len(server.requests) == 3


def test_ollama_is_asked_in_its_own_protocol(running: Any) -> None:
    server = running(qwen3=[Deed(COOK)])
    maker = extractor(server, "ollama_chat/qwen3", options={"api_base": server.url}, budget_usd=0.0)
    assert [claim.object for claim in maker.extract(Document("d", TEXT))] == ["Tim Cook"]
    (asked,) = server.requests
    assert asked["format"]["properties"]["claims"]["type"] == "array"
    assert asked["options"]["num_ctx"] == 16_384


def test_an_answer_is_asked_for_that_is_no_longer_than_the_model_can_give(running: Any) -> None:
    server = running(**{"gpt-3.5-turbo": [Deed(COOK, as_tool=True)]})
    extractor(server, "gpt-3.5-turbo").extract(Document("d", TEXT))
    assert server.requests[0]["max_tokens"] == 4096


def test_the_cost_is_the_providers_count_times_the_price_of_the_table(running: Any) -> None:
    server = running(**{"gpt-4o-mini": [Deed(COOK)]})
    maker = extractor(server, "gpt-4o-mini")
    estimate = maker.estimate([Document("d", TEXT)])
    assert (estimate.n_documents, estimate.n_windows, estimate.n_cached) == (1, 1, 0)
    assert server.requests == []
    result = one(maker)
    assert result.cost_usd == pytest.approx(100 * 0.15e-6 + 50 * 0.60e-6)
    assert maker.spent_usd == result.cost_usd
    assert maker.estimate([Document("d", TEXT)]).n_cached == 1


def test_a_model_without_a_price_says_so_and_takes_no_budget(running: Any) -> None:
    server = running(good=[Deed(COOK)])
    estimate = extractor(server, "good").estimate([Document("d", TEXT)])
    assert estimate.usd == {"openai/good": None}
    assert "openai/good: price unknown" in str(estimate)
    assert one(extractor(server, "good")).cost_usd is None
    with pytest.raises(InputError, match="price of every model, and that of 'openai/good' is not known"):
        one(extractor(server, "good", budget_usd=1.0))
    priced = extractor(server, "good", budget_usd=1.0, prices={"openai/good": (1.0, 2.0)})
    assert one(priced).cost_usd == pytest.approx(100e-6 + 100e-6)


def test_missing_credentials_are_named_before_anything_is_sent() -> None:
    with pytest.raises(UnsupportedError, match="OPENAI_API_KEY"):
        LlmExtractor("openai/gpt-4o-mini").extract(Document("d", TEXT))
    with pytest.raises(UnsupportedError, match="ANTHROPIC_API_KEY"):
        LlmExtractor("anthropic/claude-sonnet-4-5").extract(Document("d", TEXT))
    with pytest.raises(UnsupportedError, match="no provider for the model 'turtle'"):
        LlmExtractor("turtle").extract(Document("d", TEXT))


def test_missing_credentials_of_a_cloud_that_knows_other_ways_are_named_by_the_result(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    result = one(LlmExtractor("bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0"))
    assert "neither set: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, nor a profile" in (result.quarantined or "")
    if importlib.util.find_spec("google") is None:
        with pytest.raises(UnsupportedError, match=r"pip install 'litellm\[google\]'"):
            one(LlmExtractor("vertex_ai/gemini-2.5-flash"))


def test_a_model_without_credentials_leaves_the_work_to_the_next(running: Any) -> None:
    server = running(spare=[Deed(COOK)])
    address = {"openai/spare": {"api_base": f"{server.url}/v1", "api_key": "-"}}
    result = one(LlmExtractor(["anthropic/claude-sonnet-4-5", "openai/spare"], model_options=address))
    assert result.model == "openai/spare"


def test_litellms_own_mock_answers_without_a_server() -> None:
    maker = LlmExtractor("openai/gpt-4o-mini", options={"mock_response": COOK})
    assert [claim.object for claim in maker.extract(Document("d", TEXT))] == ["Tim Cook"]


def test_nothing_is_looked_up_or_connected_to_but_the_provider() -> None:
    code = """
import socket

def refuse(*what):
    raise AssertionError(f"the network was asked for {what}")

socket.getaddrinfo = socket.socket.connect = socket.create_connection = refuse
from motherlode.nuggets.llm import LlmExtractor
from motherlode.nuggets.record import Document
maker = LlmExtractor(["openai/gpt-4o-mini", "ollama_chat/qwen3"], options={"mock_response": '{"claims": []}'})
estimate = maker.estimate([Document("d", "Some text.")])
assert estimate.usd["openai/gpt-4o-mini"] > 0 and estimate.usd["ollama_chat/qwen3"] == 0
assert maker.extract(Document("d", "Some text.")) == []
alone = LlmExtractor("ollama_chat/qwen3", options={"mock_response": '{"claims": []}'})
assert alone.extract(Document("d", "Text.")) == []
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_litellm_says_nothing_on_standard_output(running: Any) -> None:
    with serve({"bad": [Deed(status=500)]}) as server:
        code = f"""
from motherlode.nuggets.llm import LlmExtractor
from motherlode.nuggets.record import Document
options = {{"api_base": "{server.url}/v1", "api_key": "-"}}
maker = LlmExtractor("openai/bad", options=options, n_retries=0)
assert maker.extract_many([Document("d", "Some text.")])[0].quarantined
"""
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == ""
