"""What an observation says, in one spelling: the same content is one row, whoever says it and however often."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from motherlode.core.sql import Session, in_batches, next_id, places
from motherlode.errors import InputError
from motherlode.lifecycle.record import Edge
from motherlode.lifecycle.relations import RELATIONS

__all__ = ["Content", "Contents", "EdgeKey", "content_of"]

EdgeKey = tuple[int, int, int, float, str]
"""(source, relation code, target, confidence, evidence) with ids for addresses."""


@dataclass(frozen=True, slots=True)
class Content:
    """digest: of attributes and edges in their one spelling, by address, so that every database agrees on it."""

    digest: str
    attributes: str
    edges: tuple[EdgeKey, ...]


def content_of(attributes: Mapping[str, Any], edges: Iterable[Edge], ids: Mapping[str, int]) -> Content:
    """The content of an observation. Raises InputError for what is no JSON, no relation, no address, no confidence.

    ids: of addresses; it may make those that it does not have
    """
    try:
        text = _spelled(attributes) if attributes else "{}"
    except (TypeError, ValueError) as error:
        raise InputError(f"attributes {attributes!r:.200} are not JSON values: {error}") from None
    ordered = sorted(set(edges))
    keys = []
    for source, relation, target, confidence, evidence in ordered:
        declared = RELATIONS.get(relation)
        if declared is None:
            raise InputError(f"relation {relation!r} is not declared; choose one of {', '.join(sorted(RELATIONS))}")
        if not 0 < confidence <= 1:
            raise InputError(f"confidence {confidence} of {source} → {target}: expected 0 < c ≤ 1")
        if "\0" in evidence:
            raise InputError(f"the evidence {evidence!r} of {source} → {target} contains a NUL character")
        keys.append((ids[source], declared.code, ids[target], float(confidence), evidence))
    try:
        digest = blake2b(text.encode(), digest_size=16)
        if ordered:
            digest.update(repr([(*edge[:3], float(edge[3]), edge[4]) for edge in ordered]).encode())
            "".join([edge[4] for edge in ordered]).encode()  # repr() escapes what UTF-8 has no bytes for
    except UnicodeEncodeError as error:
        raise InputError(f"a text has half a surrogate pair, which is no character ({error}); decode it anew") from None
    return Content(digest.hexdigest(), text, tuple(keys))


_spelled = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
_edges_text = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Contents:
    """Rows of contents inside one write transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._next = next_id(session, "lifecycle_contents")
        self._ids: dict[str, int] = {}
        self._new: list[tuple[int, str, str, str]] = []
        self._loaded: dict[int, Content] = {}

    def intern(self, contents: Sequence[Content]) -> None:
        """Give every content an id."""
        fresh = {content.digest: content for content in contents if content.digest not in self._ids}
        for batch in in_batches(list(fresh)):
            found = self._session.execute(
                f"SELECT digest, id FROM lifecycle_contents WHERE digest IN ({places(batch)})", batch
            )
            self._ids.update(found)
        for digest, content in fresh.items():
            if digest not in self._ids:
                self._ids[digest] = self._next
                self._loaded[self._next] = content
                edges = _edges_text(content.edges) if content.edges else ""
                self._new.append((self._next, digest, content.attributes, edges))
                self._next += 1
            else:
                self._loaded[self._ids[digest]] = content

    def id_of(self, content: Content) -> int:
        """The id that `intern` gave."""
        return self._ids[content.digest]

    def load(self, ids: Iterable[int]) -> dict[int, Content]:
        """Contents by id."""
        wanted = set(ids)
        for batch in in_batches(sorted(wanted - self._loaded.keys())):
            rows = self._session.execute(
                f"SELECT id, digest, attributes, edges FROM lifecycle_contents WHERE id IN ({places(batch)})", batch
            )
            for number, digest, attributes, edges in rows:
                keys = tuple((s, r, t, float(c), e) for s, r, t, c, e in json.loads(edges)) if edges else ()
                self._loaded[number] = Content(digest, attributes, keys)
        return {number: self._loaded[number] for number in wanted}

    def flush(self) -> None:
        """Write the new rows."""
        self._session.execute_many(
            "INSERT INTO lifecycle_contents (id, digest, attributes, edges) VALUES (?, ?, ?, ?)",
            self._new,
            trusted=True,
        )
        self._new.clear()
