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
from motherlode.lifecycle.components import default_name, fold
from motherlode.lifecycle.relations import RELATIONS

__all__ = ["LABELS", "any_of", "matching", "of_kinds", "renew_texts", "spellings", "with_all", "words_of"]

_MAX_WORDS = 400
_LONGEST_WORD = 64  # characters; PostgreSQL refuses lexemes of 2 KiB
_LONGEST_NAME = 200
_LONGEST_SPELLED = 16
LABELS = tuple(relation.code for relation in RELATIONS.values() if not relation.flow)
"""Codes of the relations whose targets' names a component is found by."""

_WORD = re.compile(r"[^\W_]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
# Scripts that are written without spaces: Thai, Lao, Myanmar, Khmer, kana, Bopomofo, Han. Runs of them become pairs.
_UNSPACED = re.compile(
    "([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3100-\u312f\u31f0-\u31ff\u3400-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff]+)"
)


def words_of(text: str) -> list[str]:
    """Folded words: letters and digits of any script; snake_case, camelCase and paths fall apart.

    What is written without spaces becomes its pairs of characters and the last one: whatever part of it somebody looks
    for begins one of them.
    """
    plain = _CAMEL.sub(" ", text)
    if not plain.isascii():
        plain = unicodedata.normalize("NFKD", plain)
        plain = "".join(character for character in plain if not unicodedata.combining(character))
    words = _WORD.findall(plain.casefold())
    if not plain.isascii():
        words = [piece for word in words for piece in _pieces(word)]
    return [word[:_LONGEST_WORD] for word in words]


def _pieces(word: str) -> Iterator[str]:
    for place, part in enumerate(_UNSPACED.split(word)):
        if place % 2 == 0:
            if part:
                yield part
        else:
            yield from (part[first : first + 2] for first in range(len(part)))


def renew_texts(session: Session, components: Collection[int]) -> None:
    """Make components findable by what is recorded of them now: name, address, attributes, owners, tags, groups.

    A ``name`` among the attributes becomes the component's; where several providers have one, the last of them by name.
    """
    for batch in in_batches(sorted(components)):
        rows = session.execute(
            f"SELECT id, uri, type, name FROM lifecycle_components WHERE id IN ({places(batch)})", batch
        )
        said: dict[int, list[str]] = defaultdict(list)
        named: dict[int, str] = {}
        for number, name in session.execute(
            "SELECT e.source, c.name FROM lifecycle_edges e JOIN lifecycle_components c ON c.id = e.target "
            f"WHERE e.source IN ({places(batch)}) AND e.relation IN ({places(LABELS)}) "
            f"AND e.recorded_to = {EVER} AND e.valid_to = {EVER} ORDER BY e.id",
            [*batch, *LABELS],
        ):
            said[number].append(name)
        for number, text in session.execute(
            "SELECT f.component, c.attributes FROM lifecycle_facts f JOIN lifecycle_contents c ON c.id = f.content "
            "JOIN lifecycle_providers p ON p.id = f.provider "
            f"WHERE f.component IN ({places(batch)}) AND f.recorded_to = {EVER} AND f.valid_to = {EVER} "
            "ORDER BY f.component, p.name COLLATE BINARY, p.scope COLLATE BINARY, f.aspect COLLATE BINARY",
            batch,
        ):
            attributes = json.loads(text)
            said[number] += _strings(attributes)
            if name := _name_in(attributes):
                named[number] = name
        texts, renamed = {}, []
        for number, uri, kind, old_name in rows:
            default = default_name(uri)
            name = default if kind == "column" else named.get(number, default)
            if name != old_name:
                renamed.append((name, fold(name), number))
            its_names = dict.fromkeys(words_of(f"{name}\n{default}")[:_MAX_WORDS])
            others = dict.fromkeys(words_of("\n".join([uri.split("/", 2)[2], *said[number]])))
            words = [word for word in others if word not in its_names]
            texts[number] = (" ".join(its_names), " ".join(words[:_MAX_WORDS]), _kind(kind))
        session.execute_many("UPDATE lifecycle_components SET name = ?, folded = ? WHERE id = ?", renamed)
        _write(session, texts)


def _name_in(attributes: dict[str, Any]) -> str:
    """The name to show; of a table.column it would only be half, so that columns keep theirs."""
    name = attributes.get("name")
    return " ".join(name.split())[:_LONGEST_NAME] if isinstance(name, str) else ""


def _kind(kind: str) -> str:
    return kind.replace("_", "")


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)


def _write(session: Session, texts: dict[int, tuple[str, str, str]]) -> None:
    numbers = list(texts)
    rows = [(number, *text) for number, text in texts.items()]
    upsert = "ON CONFLICT (component) DO UPDATE SET names = excluded.names, words = excluded.words"
    if session.dialect == "sqlite":
        old = session.execute(
            f"SELECT component, names, words, kinds FROM lifecycle_texts WHERE component IN ({places(numbers)})",
            numbers,
        )
        session.execute_many(
            "INSERT INTO lifecycle_text (lifecycle_text, rowid, names, words, kinds) VALUES ('delete', ?, ?, ?, ?)", old
        )
        session.execute_many("INSERT INTO lifecycle_text (rowid, names, words, kinds) VALUES (?, ?, ?, ?)", rows)
        session.execute_many(
            f"INSERT INTO lifecycle_texts (component, names, words, kinds) VALUES (?, ?, ?, ?) {upsert}", rows
        )
    else:
        session.execute_many(
            "INSERT INTO lifecycle_texts (component, names, words, kinds, terms) "
            f"VALUES (?, ?, ?, ?, CAST(? AS tsvector)) {upsert}, terms = excluded.terms",
            [(*row, _vector(*row[1:])) for row in rows],
        )


def _vector(names: str, words: str, kind: str) -> str:
    terms = [f"'{word}':1A" for word in names.split()] + [f"'{word}':2B" for word in words.split()]
    return " ".join([*terms, f"'{kind}':3C"])


def with_all(words: Collection[str], dialect: str, *, in_names: bool = False) -> str:
    """The match expression for components with all of the words, each of which also stands for longer ones.

    in_names: only in the name, not also in addresses, attributes and labels
    """
    return any_of([[word] for word in words], dialect, in_names=in_names)


def any_of(groups: Collection[Collection[str]], dialect: str, *, in_names: bool = False, longer: bool = True) -> str:
    """The match expression for components with a word of every group. longer: a word also stands for longer ones."""
    if dialect == "sqlite":
        term, either, both = ('"{}" *' if longer else '"{}"'), " OR ", " AND "
        where = "names : " if in_names else "{names words} : "
    else:
        term, either, both, where = "'{}':" + ("*" if longer else "") + ("A" if in_names else "AB"), " | ", " & ", ""
    joined = both.join(f"({either.join(term.format(word) for word in group)})" for group in groups)
    return f"{where}({joined})"


def of_kinds(expression: str, kinds: Collection[str], dialect: str) -> str:
    """The expression, for components of these types only."""
    if not kinds:
        return expression
    if dialect == "sqlite":
        named = " OR ".join(f'"{_kind(kind)}"' for kind in kinds)
        return f"({expression}) AND kinds : ({named})"
    named = " | ".join(f"'{_kind(kind)}':C" for kind in kinds)
    return f"{expression} & ({named})"


def matching(dialect: str) -> str:
    """FROM … WHERE over components ``c`` whose text matches (the one parameter); AND may follow.

    The words are always looked up first (SQLite keeps the order of a CROSS JOIN): the other way round each component of
    a filter would be a search of its own.
    """
    tables = "lifecycle_text t" if dialect == "sqlite" else "lifecycle_texts t"
    match = "lifecycle_text MATCH ? AND c.id = t.rowid"
    if dialect != "sqlite":
        match = "t.terms @@ CAST(? AS tsquery) AND c.id = t.component"
    return f"FROM {tables} CROSS JOIN lifecycle_components c WHERE {match}"


def spellings(word: str) -> list[str]:
    """The word and everything that is one slip away: a letter more, less or another, or two neighbours exchanged.

    Only the word itself where it is so short that its neighbours are other words, or too long.
    """
    if not 3 <= len(word) <= _LONGEST_SPELLED:
        return [word]
    letters = sorted({*"abcdefghijklmnopqrstuvwxyz", *word, *("0123456789" if not word.isalpha() else "")})
    found = {word: None}
    for place in range(len(word) + 1):
        head, tail = word[:place], word[place:]
        found |= dict.fromkeys([head + letter + tail for letter in letters])
        if tail:
            found |= dict.fromkeys([head + tail[1:], *(head + letter + tail[1:] for letter in letters)])
        if len(tail) > 1:
            found[head + tail[1] + tail[0] + tail[2:]] = None
    return list(found)
