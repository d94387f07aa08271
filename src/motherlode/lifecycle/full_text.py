"""Search over components: what their words are, SQLite's FTS5 and PostgreSQL's tsvector behind the same functions."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import Any

from motherlode.core.sql import Session, in_batches, places
from motherlode.core.time import EVER
from motherlode.lifecycle.relations import RELATIONS

__all__ = ["LABELS", "match_expression", "matching", "renew_texts", "words_of"]

_MAX_WORDS = 400
LABELS = tuple(relation.code for relation in RELATIONS.values() if not relation.flow)
"""Codes of the relations whose targets' names a component is found by."""

_WORD = re.compile(r"[^\W_]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def words_of(text: str) -> list[str]:
    """Folded words: letters and digits of any script; snake_case, camelCase and paths fall apart."""
    plain = _CAMEL.sub(" ", text)
    if not plain.isascii():
        plain = unicodedata.normalize("NFKD", plain)
        plain = "".join(character for character in plain if not unicodedata.combining(character))
    return _WORD.findall(plain.casefold())


def renew_texts(session: Session, components: Collection[int]) -> None:
    """Make components findable by what is recorded of them now: name, address, attributes, owners, tags, groups."""
    for batch in in_batches(sorted(components)):
        texts: dict[int, list[str]] = defaultdict(list)
        for number, uri, name in session.execute(
            f"SELECT id, uri, name FROM lifecycle_components WHERE id IN ({places(batch)})", batch
        ):
            texts[number] += [name, uri.split("/", 2)[2]]
        for number, attributes in session.execute(
            "SELECT f.component, c.attributes FROM lifecycle_facts f JOIN lifecycle_contents c ON c.id = f.content "
            f"WHERE f.component IN ({places(batch)}) AND f.recorded_to = {EVER} AND f.valid_to = {EVER}",
            batch,
        ):
            texts[number] += _strings(json.loads(attributes))
        for number, name in session.execute(
            "SELECT e.source, c.name FROM lifecycle_edges e JOIN lifecycle_components c ON c.id = e.target "
            f"WHERE e.source IN ({places(batch)}) AND e.relation IN ({places(LABELS)}) "
            f"AND e.recorded_to = {EVER} AND e.valid_to = {EVER}",
            [*batch, *LABELS],
        ):
            texts[number].append(name)
        _write(session, {number: _joined(parts) for number, parts in texts.items()})


def _joined(parts: list[str]) -> str:
    words = dict.fromkeys(words_of("\n".join(parts)))
    return " ".join(list(words)[:_MAX_WORDS])


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)


def _write(session: Session, texts: dict[int, str]) -> None:
    numbers = list(texts)
    if session.dialect == "sqlite":
        old = session.execute(
            f"SELECT component, words FROM lifecycle_texts WHERE component IN ({places(numbers)})", numbers
        )
        session.execute_many("INSERT INTO lifecycle_text (lifecycle_text, rowid, words) VALUES ('delete', ?, ?)", old)
        session.execute_many("INSERT INTO lifecycle_text (rowid, words) VALUES (?, ?)", list(texts.items()))
        session.execute_many(
            "INSERT INTO lifecycle_texts (component, words) VALUES (?, ?) "
            "ON CONFLICT (component) DO UPDATE SET words = excluded.words",
            list(texts.items()),
        )
    else:
        session.execute_many(
            "INSERT INTO lifecycle_texts (component, words, terms) VALUES (?, ?, CAST(? AS tsvector)) "
            "ON CONFLICT (component) DO UPDATE SET words = excluded.words, terms = excluded.terms",
            [(number, words, " ".join(f"'{word}'" for word in words.split())) for number, words in texts.items()],
        )


def match_expression(words: list[str], dialect: str, *, any_word: bool = False) -> str:
    """The match expression for components with all of the words (or any); each also stands for longer ones."""
    if dialect == "sqlite":
        return (" OR " if any_word else " AND ").join(f'"{word}" *' for word in words)
    return (" | " if any_word else " & ").join(f"'{word}':*" for word in words)


def matching(dialect: str) -> str:
    """FROM … WHERE over components ``c`` whose text matches (the one parameter); AND may follow."""
    if dialect == "sqlite":
        return "FROM lifecycle_text t JOIN lifecycle_components c ON c.id = t.rowid WHERE lifecycle_text MATCH ?"
    return (
        "FROM lifecycle_texts t JOIN lifecycle_components c ON c.id = t.component WHERE t.terms @@ CAST(? AS tsquery)"
    )
