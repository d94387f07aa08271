"""From what a person types to components: an address, ``type:name``, or a name."""

from __future__ import annotations

import re

from motherlode.core.sql import Session
from motherlode.errors import InputError
from motherlode.lifecycle.full_text import match_expression, matching, words_of
from motherlode.lifecycle.reading import ComponentRow
from motherlode.lifecycle.uris import SCHEME

__all__ = ["TYPE_GROUPS", "candidates", "find", "suggestions"]

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
_COLUMNS = "c.id, c.uri, c.type, c.platform, c.name"


def find(session: Session, target: str) -> list[ComponentRow]:
    """The components that a target means: one, or several that bear one name.

    Looked for in this order: the address; the exact name; the name in any case; the end of a name after a dot or
    slash, in any case. Raises InputError when nothing is found, with what is near.
    """
    found = candidates(session, target)
    if not found:
        near = suggestions(session, target)
        hint = f"; did you mean {', '.join(near)}?" if near else "; `search` finds names by their words"
        raise InputError(f"nothing here is called {target!r}{hint}")
    return found


def candidates(session: Session, target: str) -> list[ComponentRow]:
    """As `find`, [] when nothing is found."""
    if target.startswith(SCHEME):
        rows = session.execute(f"SELECT {_COLUMNS} FROM lifecycle_components c WHERE c.uri = ?", (target,))
        return [ComponentRow(*row) for row in rows]
    typed = _TYPED.fullmatch(target)
    if typed is not None and _is_type(session, typed[1]):
        types = TYPE_GROUPS.get(typed[1], (typed[1],))
        found = _named(session, typed[2].strip(), types)
        if found:
            return found
    return _named(session, target.strip(), ())


def _is_type(session: Session, word: str) -> bool:
    return (
        word in TYPE_GROUPS
        or session.one("SELECT 1 FROM lifecycle_components WHERE type = ? LIMIT 1", (word,)) is not None
    )


def _named(session: Session, name: str, types: tuple[str, ...]) -> list[ComponentRow]:
    folded = name.casefold()
    of_type = f" AND c.type IN ({', '.join('?' * len(types))})" if types else ""
    sql = f"SELECT {_COLUMNS} FROM lifecycle_components c WHERE "
    rows = session.execute(f"{sql}c.folded = ?{of_type} ORDER BY c.id", (folded, *types))
    if not rows and folded:
        escaped = re.sub(r"([\\%_])", r"\\\1", folded)
        rows = session.execute(
            f"{sql}(c.folded LIKE ? ESCAPE '\\' OR c.folded LIKE ? ESCAPE '\\'){of_type} ORDER BY c.id LIMIT 100",
            (f"%.{escaped}", f"%/{escaped}", *types),
        )
    found = [ComponentRow(*row) for row in rows]
    exact = [row for row in found if row.name == name]
    chosen = exact or found
    # A word for several types means the first of them that is there: the model rather than its versions.
    for kind in types:
        if mine := [row for row in chosen if row.type == kind]:
            return mine
    return chosen


def suggestions(session: Session, target: str, limit: int = 3) -> list[str]:
    """Components with some of the target's words, as ``type:name``."""
    words = words_of(target.removeprefix(SCHEME))
    for any_word in (False, True):
        if words:
            rows = session.execute(
                f"SELECT c.type, c.name {matching(session.dialect)} ORDER BY length(c.name), c.name LIMIT {limit}",
                (match_expression(words, session.dialect, any_word=any_word),),
            )
            if rows:
                return [f"{kind}:{name}" for kind, name in rows]
    return []
