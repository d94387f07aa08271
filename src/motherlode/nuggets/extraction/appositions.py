"""Positions that a phrase gives by the way: "Apple's CEO Tim Cook", "Tim Cook, the CEO of Apple,"."""

from __future__ import annotations

import re
from collections.abc import Iterator

from motherlode.nuggets.extraction.facts import Fact
from motherlode.nuggets.extraction.roles import is_role, split_role

__all__ = ["appositions_of"]

_NAME = r"[A-Z][\w’-]+(?:\s(?:[A-Z]\.|[A-Z][\w’-]+|de|van|von|bin)){1,3}"
_POSSESSIVE = re.compile(
    rf"\b(?P<owner>[A-Z][\w&-]+(?:\s[A-Z][\w&-]+){{0,3}})[’']s\s(?P<role>[A-Za-z-]+(?:\s[A-Za-z-]+){{0,3}}?),?\s(?P<name>{_NAME})\b"
)
_BEHIND = re.compile(
    rf"\b(?P<name>{_NAME}),\s(?:the\s|a\s)?(?P<words>[A-Za-z][\w-]*(?:\s[a-z][\w-]*|\s[A-Z][\w&-]*){{1,8}})(?=[,.;]|$)"
)
_TRUST = 0.88


def appositions_of(sentence: str) -> Iterator[Fact]:
    """The positions that a sentence mentions without a verb. Nothing is said of when: their validity is unknown."""
    if "'s " in sentence or "’s " in sentence:
        for found in _POSSESSIVE.finditer(sentence):
            if is_role(found["role"]):
                yield Fact(found["owner"], found["role"], found["name"], None, None, _TRUST)
                yield Fact(found["name"], "position held", f"{found['role']} of {found['owner']}", None, None, _TRUST)
    for found in _BEHIND.finditer(sentence):
        split = split_role(found["words"])
        if split is not None and "former" not in found["words"].casefold():
            yield Fact(found["name"], "position held", found["words"], None, None, _TRUST)
            yield Fact(split[1], split[0], found["name"], None, None, _TRUST)
