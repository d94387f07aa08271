"""Selecting components in one line, as dbt does: ``+model:ranking``, ``feature:orders.*+2``, ``tag:pii,type:column``.

    selection  = part { space part }          union
    part       = term { "," term }            intersection
    term       = [n "+"] body ["+" n]         with its upstream, its downstream, at most n hops ("+": all)
               | "@" body                     with its downstream, and everything that any of that is made from
    body       = tag:NAME | owner:NAME | group:NAME | platform:NAME | type:TYPE | TYPE:NAME | lode://… | NAME

Names may have ``*`` and ``?``, and match in any case. In double quotes all stands for itself: ``dataset:"a, b+"``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from motherlode.core.sql import in_batches, places
from motherlode.errors import InputError
from motherlode.lifecycle.components import fold
from motherlode.lifecycle.glance import holding
from motherlode.lifecycle.kernels import Direction
from motherlode.lifecycle.propagation import lineage_table
from motherlode.lifecycle.reading import ComponentRow
from motherlode.lifecycle.relations import RELATIONS
from motherlode.lifecycle.targets import TYPE_GROUPS, candidates, is_type, types_of, unknown_type
from motherlode.lifecycle.uris import SCHEME
from motherlode.lifecycle.walking import Walk, walking

if TYPE_CHECKING:
    from motherlode.lifecycle.view import GraphView

__all__ = ["select", "selected"]

_TERM = re.compile(r"(?P<up>\d*\+)?(?P<body>[^+].*?)(?P<down>\+\d*)?", re.DOTALL)
_TYPED = re.compile(r"([a-z][a-z0-9_]*):(.+)", re.DOTALL)
_LABELS = {"tag": "tagged", "owner": "owned_by", "group": "grouped_in"}
_EXAMPLES = "e.g. '+model:ranking', 'feature:orders.*+2', 'tag:pii,type:column'"
# In quotes these stand for themselves, and are other characters until the grammar is done with them.
_MARKS = "+*?,@: \t\n"
_HIDDEN = "".join(chr(0xE000 + place) for place in range(len(_MARKS)))
_QUOTED, _UNQUOTED = str.maketrans(_MARKS, _HIDDEN), str.maketrans(_HIDDEN, _MARKS)


def select(view: GraphView, selection: str, *, exclude: str | None = None) -> list[ComponentRow]:
    """The components that a selection means, by type and name, without those that `exclude` selects.

    [] when nothing matches: what a pattern finds may be nothing. Only what is there at the view's moment, described or
    referred to. Raises InputError for a selection that cannot be read and for an unknown type.
    """
    with walking(view) as walk:
        found = selected(walk, selection)
        if exclude is not None:
            found -= selected(walk, exclude)
        rows = walk.reading.components(found).values()
    return sorted(rows, key=lambda row: (row.type, row.name, row.uri))


def selected(walk: Walk, selection: str) -> set[int]:
    """Ids of what a selection means."""
    found: set[int] = set()
    for part in _parts(selection):
        chosen: set[int] | None = None
        for term in part:
            if chosen is None or chosen:
                its = _term(walk, term)
                chosen = its if chosen is None else chosen & its
            else:
                _term(walk, term)  # still to be read, and refused where it cannot be
        found |= chosen or set()
    return found


def _parts(selection: str) -> list[list[str]]:
    """The terms of each part, with what is quoted in them hidden from the grammar."""
    if not selection.strip():
        raise InputError(f"an empty selection; {_EXAMPLES}")
    if selection.count('"') % 2:
        raise InputError(f"selection {selection!r}: a double quote is not closed")
    hidden = re.sub(r'"([^"]*)"', lambda quoted: quoted[1].translate(_QUOTED), selection)
    parts = [part.split(",") for part in re.sub(r"\s*,\s*", ",", hidden.strip()).split()]
    if any(not term for part in parts for term in part):
        raise InputError(f"selection {selection!r}: a comma needs something on both sides; {_EXAMPLES}")
    return parts


def _term(walk: Walk, term: str) -> set[int]:
    if term.startswith("@") and len(term) > 1:
        below = _reached(walk, _body(walk, term[1:]), "downstream", None)
        return _reached(walk, below, "upstream", None)
    match = _TERM.fullmatch(term)
    if match is None:
        shown = term.translate(_UNQUOTED)
        raise InputError(f"selector {shown!r}: expected [n+]NAME[+n], e.g. '2+model:ranking' or 'feature:orders.*+'")
    found = _body(walk, match["body"])
    chosen = set(found)
    directions: tuple[tuple[str | None, Direction], ...] = ((match["up"], "upstream"), (match["down"], "downstream"))
    for given, direction in directions:
        if given is not None:
            hops = given.replace("+", "")
            chosen |= _reached(walk, found, direction, int(hops) if hops else None)
    return chosen


def _reached(walk: Walk, nodes: set[int], direction: Direction, max_depth: int | None) -> set[int]:
    if not nodes:
        return set()
    reached = walk.reach(sorted(nodes), lineage_table(), direction=direction, max_depth=max_depth)
    return set(reached.nodes.tolist())


def _body(walk: Walk, body: str) -> set[int]:
    session = walk.reading.session
    kind, mark, name = body.partition(":")
    start = "SELECT c.id FROM lifecycle_components c WHERE"
    if mark and kind in _LABELS:
        found = session.execute(
            "SELECT DISTINCT e.source FROM lifecycle_edges e JOIN lifecycle_components c ON c.id = e.target "
            f"WHERE e.relation = {RELATIONS[_LABELS[kind]].code} AND {walk.moment.where('e')} "
            "AND c.folded LIKE ? ESCAPE '\\'",
            (_like(fold(name)),),
        )
        return {number for (number,) in found}
    if mark and kind == "type":
        types = types_of(session, [name])
        rows = session.execute(f"{start} c.type IN ({places(types)})", types)
    elif mark and kind == "platform":
        rows = session.execute(f"{start} c.platform LIKE ? ESCAPE '\\'", (_like(name.casefold()),))
    elif body.startswith(SCHEME) and re.search(r"[*?]", body):
        rows = session.execute(f"{start} c.uri LIKE ? ESCAPE '\\'", (_like(body),))
    else:
        return _named(walk, body)
    return _present(walk, (number for (number,) in rows))


def _named(walk: Walk, body: str) -> set[int]:
    session = walk.reading.session
    typed = None if body.startswith(SCHEME) else _TYPED.fullmatch(body)
    if not re.search(r"[*?]", body):
        rows = candidates(session, body.translate(_UNQUOTED))
        if not rows and typed is not None and not is_type(session, typed[1]):
            raise unknown_type(typed[1], f"selector {body.translate(_UNQUOTED)!r}: ")
        return _present(walk, (row.id for row in rows))
    kinds: tuple[str, ...] = ()
    pattern = body
    if typed is not None and is_type(session, typed[1]):
        kinds, pattern = TYPE_GROUPS.get(typed[1], (typed[1],)), typed[2]
    of_type = f" AND c.type IN ({places(kinds)})" if kinds else ""
    like = _like(pattern.casefold())
    backwards = _like(pattern.casefold()[::-1])
    found = session.execute(
        f"SELECT c.id FROM lifecycle_components c WHERE c.folded LIKE ? ESCAPE '\\'{of_type}", (like, *kinds)
    ) or session.execute(
        "SELECT c.id FROM lifecycle_components c WHERE (c.backwards LIKE ? ESCAPE '\\' OR "
        f"c.backwards LIKE ? ESCAPE '\\'){of_type}",
        (f"{backwards}.%", f"{backwards}/%", *kinds),
    )
    if not found and typed is not None and not kinds:
        raise unknown_type(typed[1], f"selector {body.translate(_UNQUOTED)!r}: ")
    return _present(walk, (number for (number,) in found))


def _present(walk: Walk, numbers: Iterable[int]) -> set[int]:
    """Those that are there at the moment."""
    found: set[int] = set()
    for batch in in_batches(sorted(numbers)):
        found.update(
            number
            for (number,) in walk.reading.session.execute(
                f"SELECT c.id FROM lifecycle_components c WHERE c.id IN ({places(batch)}) AND {holding(walk.moment)}",
                batch,
            )
        )
    return found


def _like(pattern: str) -> str:
    """A pattern with * and ? as LIKE has them; what was quoted stands for itself."""
    escaped = re.sub(r"([\\%_])", r"\\\1", pattern)
    return escaped.replace("*", "%").replace("?", "_").translate(_UNQUOTED)
