"""Models of every provider through litellm, kept from the network except for the request itself."""

from __future__ import annotations

import importlib.util
import os
import threading
from collections.abc import Mapping
from typing import Any

from motherlode.errors import InputError, UnsupportedError
from motherlode.nuggets.llm.requests import CallError, Reply, Request

__all__ = ["LiteLlmClient"]

_OLLAMA = frozenset(("ollama", "ollama_chat"))
# Their credentials may also come from a role, a profile or the machine, which only a request finds out.
_AMBIENT = frozenset(("bedrock", "bedrock_converse", "sagemaker", "sagemaker_chat", "vertex_ai", "vertex_ai_beta"))
_MODES = ("schema", "tool", "json", "text")
_TOOL = "record_claims"
_OLLAMA_CONTEXT = 16_384
_NO_CREDENTIALS = "Unable to locate credentials"  # of the AWS client, before anything is sent
_loading = threading.Lock()


def _litellm() -> Any:
    """The package, told to stay off the network; the prices that it carries are used."""
    with _loading:
        os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
        os.environ.setdefault("LITELLM_OFFLINE_MODE", "true")
        try:
            import litellm
        except ModuleNotFoundError as error:
            raise UnsupportedError(
                f"models are asked through litellm, which is not here ({error}): pip install 'motherlode[llm]'"
            ) from None
        litellm.suppress_debug_info = True  # it would print to stdout
    return litellm


class LiteLlmClient:
    """Calls models as litellm names them: 'openai/…', 'azure/…', 'bedrock/…', 'vertex_ai/…', 'ollama_chat/…'.

    options: keyword arguments of ``litellm.completion`` for all models. model_options: more of them by model (api_base,
    api_key, api_version, aws_region_name, vertex_location, …)
    prices: USD per million tokens of prompt and answer, by model, where litellm does not know them
    output: how an answer is held to its shape: 'schema', 'tool', 'json' or 'text'; 'auto' takes the strictest that the
    model is known to take, and steps down where the provider refuses it
    """

    def __init__(
        self,
        *,
        options: Mapping[str, Any] | None = None,
        model_options: Mapping[str, Mapping[str, Any]] | None = None,
        prices: Mapping[str, tuple[float, float]] | None = None,
        output: str = "auto",
    ) -> None:
        if output not in ("auto", *_MODES):
            raise InputError(f"output is 'auto', 'schema', 'tool', 'json' or 'text', not {output!r}")
        self._options = dict(options or {})
        self._model_options = {model: dict(more) for model, more in (model_options or {}).items()}
        self._prices = dict(prices or {})
        self._output = output
        self._modes: dict[str, str] = {}
        self._hints: dict[str, str] = {}

    def options_of(self, model: str) -> dict[str, Any]:
        """The keyword arguments that go with every request to a model."""
        return {**self._options, **self._model_options.get(model, {})}

    def require(self, model: str) -> None:
        litellm = _litellm()
        options = self.options_of(model)
        provider = _provider(litellm, model, options)
        if provider is None:
            raise UnsupportedError(
                f"litellm knows no provider for the model {model!r}; write it as 'provider/model', e.g. "
                "'openai/gpt-5-mini', 'azure/DEPLOYMENT', 'ollama_chat/qwen3'"
            )
        if provider in _OLLAMA or "mock_response" in options or options.get("azure_ad_token"):
            return
        if provider.startswith("vertex_ai") and not _has_google():
            raise UnsupportedError(
                f"the model {model!r} needs Google's package for credentials: pip install 'litellm[google]'"
            )
        state = litellm.validate_environment(model, api_base=options.get("api_base"))
        missing = [name for name in state["missing_keys"] if name.lower().split("_", 1)[-1] not in options]
        if not state["keys_in_environment"] and missing and provider in _AMBIENT:
            self._hints[model] = f" (neither set: {', '.join(missing)}, nor a profile or role found)"
        elif not state["keys_in_environment"] and missing:
            raise UnsupportedError(
                f"the model {model!r} needs credentials: set {', '.join(missing)} in the environment, or give "
                "options={'api_key': …} (a local server that asks for none takes any text)"
            )

    def price(self, model: str) -> tuple[float, float] | None:
        if model in self._prices:
            prompt, answer = self._prices[model]
            return prompt / 1e6, answer / 1e6
        litellm = _litellm()
        if _provider(litellm, model, self.options_of(model)) in _OLLAMA:
            return 0.0, 0.0  # one's own machine; to look it up, litellm would ask the server
        info = _info(litellm, model)
        if info is None or info.get("input_cost_per_token") is None:
            return None
        return float(info["input_cost_per_token"]), float(info.get("output_cost_per_token") or 0.0)

    def complete(self, model: str, request: Request) -> Reply:
        litellm = _litellm()
        while True:
            mode = self._modes.get(model) or self._first_mode(litellm, model)
            try:
                return self._complete(litellm, model, request, mode)
            except litellm.exceptions.BadRequestError as error:
                lower = _MODES[_MODES.index(mode) + 1 :]
                is_final = self._output != "auto" or not lower or _is_about_the_text(litellm, error)
                if is_final:
                    raise _failure(litellm, error, self._hints.get(model, "")) from error
                self._modes[model] = lower[0]
            except CallError:
                raise
            except Exception as error:  # the code of a hundred providers raises what it likes
                raise _failure(litellm, error, self._hints.get(model, "")) from error

    def _first_mode(self, litellm: Any, model: str) -> str:
        if self._output != "auto":
            return self._output
        provider = _provider(litellm, model, self.options_of(model))
        info = {} if provider in _OLLAMA else _info(litellm, model)
        if provider in _OLLAMA or info is None or litellm.supports_response_schema(model=model):
            mode = "schema"  # what litellm does not know (a deployment, a local server) is asked for the best first
        else:
            mode = "tool" if litellm.supports_function_calling(model=model) else "json"
        self._modes[model] = mode
        return mode

    def _complete(self, litellm: Any, model: str, request: Request, mode: str) -> Reply:
        is_ollama = _provider(litellm, model, self.options_of(model)) in _OLLAMA
        allowed = None if is_ollama else (_info(litellm, model) or {}).get("max_output_tokens")
        options = {
            # Ollama cuts what does not fit its context without a word; one size, because another loads the model anew.
            **({"num_ctx": _OLLAMA_CONTEXT} if is_ollama else {}),
            "temperature": 0,
            "drop_params": True,  # e.g. the temperature, which some models do not let one set
            "num_retries": 0,  # the caller waits between tries, which litellm's own retries do not
            "max_retries": 0,
            **_held(mode, request.schema),
            **self.options_of(model),
        }
        response = litellm.completion(
            model=model,
            messages=[dict(message) for message in request.messages],
            max_tokens=min(request.max_tokens, allowed or request.max_tokens),
            timeout=request.timeout_s,
            **options,
        )
        choices = getattr(response, "choices", None) or []
        if not choices:
            raise CallError(f"{model} answered without a choice", may_be_billed=True)
        message, usage = choices[0].message, getattr(response, "usage", None)
        calls = getattr(message, "tool_calls", None) or []
        text = calls[0].function.arguments if calls else message.content
        return Reply(
            text=text or "",
            prompt_tokens=int(getattr(usage, "prompt_tokens", 0) or 0),
            completion_tokens=int(getattr(usage, "completion_tokens", 0) or 0),
            is_cut=choices[0].finish_reason == "length",
        )


def _held(mode: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that hold an answer to its shape."""
    if mode == "schema":
        shape = {"name": "claims", "strict": True, "schema": dict(schema)}
        return {"response_format": {"type": "json_schema", "json_schema": shape}}
    if mode == "tool":
        function = {"name": _TOOL, "description": "Takes the claims of the text.", "parameters": dict(schema)}
        choice = {"type": "function", "function": {"name": _TOOL}}
        return {"tools": [{"type": "function", "function": function}], "tool_choice": choice}
    return {"response_format": {"type": "json_object"}} if mode == "json" else {}


def _has_google() -> bool:
    try:
        return importlib.util.find_spec("google.auth") is not None
    except ModuleNotFoundError:
        return False


def _provider(litellm: Any, model: str, options: Mapping[str, Any]) -> str | None:
    try:
        return str(litellm.get_llm_provider(model, api_base=options.get("api_base"))[1])
    except litellm.exceptions.BadRequestError:
        return None


def _info(litellm: Any, model: str) -> Mapping[str, Any] | None:
    """What litellm's own table knows of a model."""
    try:
        return dict(litellm.get_model_info(model))
    except (litellm.exceptions.ModelNotMappedError, litellm.exceptions.BadRequestError):
        return None


def _is_about_the_text(litellm: Any, error: Exception) -> bool:
    """Whether a bad request is bad for what is in it, so that another shape of answer would not help."""
    errors = litellm.exceptions
    is_final = isinstance(error, errors.ContextWindowExceededError | errors.ContentPolicyViolationError)
    return is_final or _NO_CREDENTIALS in str(error)


def _failure(litellm: Any, error: Exception, hint: str) -> CallError:
    """An exception of litellm as what to do next. hint: what is known of missing credentials."""
    errors = litellm.exceptions
    name = type(error).__name__
    said = str(error).split("Traceback (most recent")[0].replace("litellm.", "").strip()
    while said.startswith(f"{name}: "):
        said = said.removeprefix(f"{name}: ")
    reason = f"{name}: {said[:300]}"
    if _NO_CREDENTIALS in said:
        return CallError(reason + hint, dead=True)
    if isinstance(error, errors.Timeout):
        return CallError(reason, retry=True, may_be_billed=True)
    if isinstance(error, errors.ContextWindowExceededError):
        return CallError(reason, too_long=True)
    if isinstance(error, errors.AuthenticationError | errors.PermissionDeniedError | errors.NotFoundError):
        return CallError(reason, dead=True)
    if isinstance(error, errors.BadRequestError | errors.UnprocessableEntityError):
        return CallError(reason)
    is_known = isinstance(error, errors.openai.OpenAIError)
    return CallError(reason, retry=is_known, wait_s=_retry_after_s(error))


def _retry_after_s(error: Exception) -> float | None:
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    try:
        return float(str(headers.get("retry-after")))
    except ValueError:
        return None
