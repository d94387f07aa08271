"""From what a person types to components: an address, ``type:name``, or a name."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from difflib import SequenceMatcher, get_close_matches
from urllib.parse import unquote

from motherlode.core.sql import Session, places
from motherlode.errors import InputError
from motherlode.lifecycle.components import ends_with, fold, qualified_name
from motherlode.lifecycle.full_text import any_of, matching, of_kinds, spellings, with_all, words_of
from motherlode.lifecycle.reading import ComponentRow
from motherlode.lifecycle.relations import ENTITY_TYPES
from motherlode.lifecycle.uris import SCHEME, make_uri

__all__ = ["TYPE_GROUPS", "candidates", "ends_in", "find", "is_type", "suggestions", "types_of", "unknown_type"]

TYPE_GROUPS = {
    "model": ("model", "model_version"),
    "model_instance": ("model_version",),
    "table": ("dataset",),
    "job": ("pipeline",),
    "run": ("pipeline_run",),
    "experiment": ("experiment", "ab_test"),
    "dataset": ("dataset", "dataset_version"),
}
"""Words that people say for types, where they mean more than the type of that name."""

_TYPED = re.compile(r"([a-z][a-z0-9_]*):(.+)", re.DOTALL)
# In conditions, c.type || '' keeps SQLite from walking through all components of a type where a name says more.
_COLUMNS = "c.id, c.uri, c.type, c.platform, c.name"
_MOST = 100  # that one name may mean; the person has to say more in any case
_MOST_ENDINGS = 1000  # looked through for those in the case that was typed
_MOST_NEAR = 300
_MOST_WORDS = 8


def find(session: Session, target: str) -> list[ComponentRow]:
    """The components that a target means: one, or several (at most 100) that bear one name.

    Looked for in this order: the address; the exact name; the name in any case; the end of a path, from a dot or slash
    on, exactly and in any case. ``type:"…"`` and percent-encoding are taken off where the name as typed means nothing.
    Raises InputError when nothing is found, with what is near. Cost: look-ups in indexes.
    """
    found = candidates(session, target)
    if not found:
        near = suggestions(session, target)
        hint = f"; did you mean {', '.join(near)}?" if near else "; `search` finds names by their words"
        raise InputError(f"nothing here is called {target!r}{hint}")
    return found


def candidates(session: Session, target: str) -> list[ComponentRow]:
    """As `find`, [] when nothing is found."""
    target = target.strip()
    if target.startswith(SCHEME):
        return _at(session, target)
    typed = _TYPED.fullmatch(target)
    if typed is not None and is_type(session, typed[1]):
        for name in _as_typed(typed[2].strip()):
            if found := _named(session, name, TYPE_GROUPS.get(typed[1], (typed[1],))):
                return found
    for name in _as_typed(target):
        if found := _named(session, name, ()):
            return found
    return []


def is_type(session: Session, word: str) -> bool:
    """Whether a word is a type of components, known or of this graph, or stands for some."""
    return word in TYPE_GROUPS or word in ENTITY_TYPES or _is_present(session, word)


def _is_present(session: Session, kind: str) -> bool:
    return session.one("SELECT 1 FROM lifecycle_components WHERE type = ? LIMIT 1", (kind,)) is not None


def types_of(session: Session, words: Collection[str]) -> tuple[str, ...]:
    """The types that a filter names: types, or words for them, as "table". Raises InputError for any other word."""
    found: dict[str, None] = {}
    for word in (words,) if isinstance(words, str) else words:
        if word not in ENTITY_TYPES and word in TYPE_GROUPS:
            found |= dict.fromkeys(TYPE_GROUPS[word])
        elif is_type(session, word):
            found[word] = None
        else:
            raise unknown_type(word)
    return tuple(found)


def unknown_type(word: str, context: str = "") -> InputError:
    """The error to raise for a word that is no type."""
    near = get_close_matches(word, [*ENTITY_TYPES, *TYPE_GROUPS], n=2)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(ENTITY_TYPES)}"
    return InputError(f"{context}no component here has the type {word!r}; {hint}")


def _at(session: Session, address: str) -> list[ComponentRow]:
    spelled = [address]
    kind, _, rest = address[len(SCHEME) :].partition("/")
    platform, _, name = rest.partition("/")
    with suppress(InputError, UnicodeDecodeError):  # an address that nobody could have made is one that nothing has
        spelled.append(make_uri(kind, platform, unquote(name, errors="strict")))
    for uri in dict.fromkeys(spelled):
        rows = session.execute(f"SELECT {_COLUMNS} FROM lifecycle_components c WHERE c.uri = ?", (uri,))
        if rows:
            return [ComponentRow(*row) for row in rows]
    return []


def _as_typed(name: str) -> Iterator[str]:
    """The name as it stands, then what it may be a spelling of."""
    yield name
    if len(name) > 2 and name[0] == name[-1] == '"':
        name = name[1:-1]
        yield name
    if "%" in name and (decoded := unquote(name)) != name:
        yield decoded
    if match := re.fullmatch(r"(.+@)(v?)(\d+)", name, re.DOTALL):
        yield f"{match[1]}{'' if match[2] else 'v'}{match[3]}"


def _named(session: Session, name: str, types: tuple[str, ...]) -> list[ComponentRow]:
    of_type = f" AND c.type || '' IN ({places(types)})" if types else ""
    start = f"SELECT {_COLUMNS} FROM lifecycle_components c WHERE c.folded = ?"
    for exactly, values in ((" AND c.name = ?", (name,)), ("", ())):
        rows = session.execute(f"{start}{exactly}{of_type} ORDER BY c.id LIMIT {_MOST}", (fold(name), *values, *types))
        if rows:
            return _first_type([ComponentRow(*row) for row in rows], types)
    found = ends_in(session, name, types, _MOST_ENDINGS)
    exact = [row for row in found if f"/{qualified_name(row.uri)}".endswith((f"/{name}", f".{name}"))]
    return _first_type((exact or found)[:_MOST], types)


def ends_in(session: Session, name: str, types: Collection[str], limit: int) -> list[ComponentRow]:
    """Components whose path ends with the name, from a dot or slash on, in any case."""
    if not name.strip("./"):
        return []
    of_type = f" AND c.type || '' IN ({places(types)})" if types else ""
    rows = session.execute(
        f"SELECT {_COLUMNS} FROM lifecycle_components c WHERE c.backwards >= ? AND c.backwards < ?{of_type} "
        f"ORDER BY c.backwards, c.id LIMIT {limit}",
        (*ends_with(name), *types),
    )
    return [ComponentRow(*row) for row in rows]


def _first_type(found: list[ComponentRow], types: tuple[str, ...]) -> list[ComponentRow]:
    """A word for several types means the first of them that is there: the model rather than its versions."""
    for kind in types:
        if mine := [row for row in found if row.type == kind]:
            return mine
    return found


def suggestions(session: Session, target: str, limit: int = 3) -> list[str]:
    """Components that are called nearly so, as ``type:name``: of the target's type first, then of any."""
    typed = _TYPED.fullmatch(target.strip())
    kinds: tuple[str, ...] = ()
    name = target.strip().removeprefix(SCHEME)
    if typed is not None and not target.startswith(SCHEME):
        name = typed[2]
        kinds = TYPE_GROUPS.get(typed[1], (typed[1],)) if is_type(session, typed[1]) else ()
    words = list(dict.fromkeys(words_of(name)))[:_MOST_WORDS]
    for types in dict.fromkeys([kinds, ()]):
        rows = _near(session, words, types)
        if rows:
            wanted = fold(name)
            alike = {row: max(_ratio(wanted, ending) for ending in _endings(row[1])) for row in rows}
            best = sorted(alike, key=lambda row: (-alike[row], row))[:limit]
            return [f"{kind}:{said}" for kind, said in best]
    return []


def _endings(name: str) -> list[str]:
    folded = fold(name)
    return [folded, *(folded[mark.end() :] for mark in re.finditer(r"[./]", folded[:_MOST_NEAR]))]


def _ratio(wanted: str, name: str) -> float:
    return SequenceMatcher(None, wanted, name).ratio()


def _near(session: Session, words: list[str], kinds: tuple[str, ...]) -> list[tuple[str, str]]:
    """(type, name) of components with all words, with all spelled nearly so, with all but one, with any."""
    if not words:
        return []
    dialect = session.dialect
    expressions = [with_all(words, dialect), any_of([spellings(word) for word in words[:4]], dialect, longer=False)]
    if len(words) > 1:
        others = [[word for word in words if word != left_out] for left_out in words]
        expressions += [with_all(some, dialect) for some in others]
    expressions.append(any_of([words], dialect))
    found: dict[tuple[str, str], None] = {}
    for expression in expressions:
        rows = session.execute(
            f"SELECT c.type, c.name {matching(dialect)} LIMIT {_MOST_NEAR}", (of_kinds(expression, kinds, dialect),)
        )
        found |= dict.fromkeys((str(kind), str(name)) for kind, name in rows)
        if len(found) >= _MOST_NEAR or (found and expression is expressions[1]):
            break
    return list(found)
