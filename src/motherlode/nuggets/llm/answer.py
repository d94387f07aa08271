"""A model's answer as raw claims, read tolerantly: small models wrap, chat and break off."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Answer", "read_answer"]

_REQUIRED = ("subject", "predicate", "object", "quote")
_THOUGHT = re.compile(r"<(think|thinking|reasoning)>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_TRAILING_COMMA = re.compile(r",(?=\s*[\]}])")
_LISTS = ("claims", "facts", "nuggets", "items", "results")
_MANY_STARTS = 200  # of JSON values tried in vain in an answer; with more it is none of ours


@dataclass(frozen=True, slots=True)
class Answer:
    """items: raw claims of the right shape. broken: (raw, why) of the others. error: why there is no list at all."""

    items: list[dict[str, Any]] = field(default_factory=list)
    broken: list[tuple[Any, str]] = field(default_factory=list)
    error: str | None = None

    @property
    def errors(self) -> list[str]:
        """Everything that is wrong, for a repair request."""
        return [self.error] if self.error else [why for _, why in self.broken]


def read_answer(text: str | None) -> Answer:
    """The claims of an answer.

    Taken: ``{"claims": [...]}`` or the bare list, within a code block, after a chat or a thought, with a comma too
    many, broken off in the middle of the list (what was complete before is kept). Never raises.
    """
    if not text or not text.strip():
        return Answer(error="the answer is empty")
    bare = _THOUGHT.sub("", text)
    listed = _find_list(bare)
    if listed is None:
        return Answer(error=f'no JSON object with a list "claims" in the answer, which begins {bare.strip()[:80]!r}')
    answer = Answer()
    for number, raw in enumerate(listed):
        fault = _fault(raw)
        if fault is None:
            answer.items.append(raw)
        else:
            answer.broken.append((raw, f"claims[{number}]: {fault}"))
    return answer


def _fault(raw: Any) -> str | None:
    if not isinstance(raw, dict):
        return f"is {type(raw).__name__}, not an object"
    for name in _REQUIRED:
        if name not in raw:
            return f"{name} is missing"
        value = raw[name]
        if name == "object" and isinstance(value, bool | int | float):
            continue
        if not isinstance(value, str) or not value.strip():
            return f"{name} is {value!r}, not text"
    return None


def _find_list(text: str) -> list[Any] | None:
    """The list of claims: of the first JSON value that has one, else what is complete of a list that breaks off."""
    for candidate in dict.fromkeys((text, _TRAILING_COMMA.sub("", text))):
        decoder = json.JSONDecoder()
        for start in list(re.finditer(r"[\[{]", candidate))[:_MANY_STARTS]:
            try:
                value, _ = decoder.raw_decode(candidate, start.start())
            except (ValueError, RecursionError):
                continue
            listed = _list_in(value)
            if listed is not None:
                # An inner claim can decode where the list around it did not: then the list broke off.
                return listed if not _inside_broken_list(candidate, start.start()) else _complete_items(candidate)
    return _complete_items(text)


def _list_in(value: Any) -> list[Any] | None:
    if isinstance(value, dict):
        for name in _LISTS:
            if isinstance(value.get(name), list):
                return list(value[name])
        return [value] if "subject" in value and "quote" in value else None
    if isinstance(value, list) and (not value or any(isinstance(item, dict) for item in value)):
        return value
    return None


def _inside_broken_list(text: str, at: int) -> bool:
    return re.search(r'"(?:' + "|".join(_LISTS) + r')"\s*:\s*\[', text[:at]) is not None


def _complete_items(text: str) -> list[Any] | None:
    """The items of a list that breaks off or has a damaged item: every one that can be read."""
    opened = re.search(r'"(?:' + "|".join(_LISTS) + r')"\s*:\s*\[', text)
    if opened is None:
        return None
    items: list[Any] = []
    decoder = json.JSONDecoder()
    at, n_failed = opened.end(), 0
    while n_failed < _MANY_STARTS and (begin := text.find("{", at)) >= 0:
        try:
            value, at = decoder.raw_decode(text, begin)
        except (ValueError, RecursionError):
            at = begin + 1
            n_failed += 1
            continue
        items.append(value)
    return items or None
