"""Tags that people set in other tools: labels, and owners where a tag is called owner or team."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from motherlode.lifecycle.naming import owner_uri, tag_uri
from motherlode.lifecycle.record import Edge

__all__ = ["owner_edges", "tag_edges"]

_MAX_LABEL = 200
_MAX_OWNERS = 20
_OWNER_TAGS = {"owner": "", "owners": "", "owned_by": "", "team": "team:"}


def tag_edges(subject: str, tags: Mapping[str, str]) -> Iterator[Edge]:
    """A label ``name=value`` for each tag that is no longer than a label; owners that a tag names, confidence 0.9."""
    for name, value in sorted(tags.items()):
        label = f"{name}={value}" if value.strip() else name
        if len(label) <= _MAX_LABEL and label.strip():
            yield Edge(subject, "tagged", tag_uri(label))
        prefix = _OWNER_TAGS.get(name.lower())
        if prefix is not None:
            yield from owner_edges(subject, value, f"tag {name}", prefix, 0.9)


def owner_edges(subject: str, owners: str, evidence: str, prefix: str = "", confidence: float = 1.0) -> Iterator[Edge]:
    """An edge to each of the people or teams in a text, which commas and semicolons divide."""
    people = [person.strip() for person in re.split(r"[,;]", owners)]
    for person in [person for person in people if _is_named(person)][:_MAX_OWNERS]:
        yield Edge(
            subject, "owned_by", owner_uri(person if ":" in person else f"{prefix}{person}"), confidence, evidence
        )


def _is_named(person: str) -> bool:
    """Whether somebody stands there: neither nothing nor ``team:`` alone."""
    kind, _, rest = person.partition(":")
    return bool(rest.strip() if kind.strip().lower() in {"team", "group", "user"} else person.strip(" :"))
