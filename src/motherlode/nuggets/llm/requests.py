"""The seam between extraction and models: a request, a reply, a failure that says what to do next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

__all__ = ["CallError", "ModelClient", "Reply", "Request"]

Message = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Request:
    """messages: what is asked. schema: JSON Schema of the answer. max_tokens: of the answer. timeout_s: for it all."""

    messages: Sequence[Message]
    schema: Mapping[str, Any]
    max_tokens: int
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Reply:
    """text: the answer. is_cut: it ended for want of tokens. The counts are the provider's, which bills by them."""

    text: str
    prompt_tokens: int
    completion_tokens: int
    is_cut: bool = False


class CallError(Exception):
    """One request came to nothing.

    retry: the same request may succeed later. dead: no request to this model will, in this run. too_long: a shorter
    text may. may_be_billed: the provider may have worked all the same. wait_s: what the provider asked to wait.
    """

    def __init__(
        self,
        reason: str,
        *,
        retry: bool = False,
        dead: bool = False,
        too_long: bool = False,
        may_be_billed: bool = False,
        wait_s: float | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry, self.dead, self.too_long = retry, dead, too_long
        self.may_be_billed, self.wait_s = may_be_billed, wait_s


class ModelClient(Protocol):
    """Reaches models by name. Everything here may be called from several threads."""

    def require(self, model: str) -> None:
        """UnsupportedError where the model cannot be called from here: a package or a credential is missing."""
        ...

    def price(self, model: str) -> tuple[float, float] | None:
        """USD for a token of the prompt and one of the answer; None where it is not known."""
        ...

    def complete(self, model: str, request: Request) -> Reply:
        """One answer, after one try; CallError without."""
        ...
