"""Selecting components in one line, as dbt does: ``+model:ranking``, ``feature:orders.*+2``, ``tag:pii,type:column``.

    selection  = part { space part }          union
    part       = term { "," term }            intersection
    term       = [n "+"] body ["+" n]         with its upstream, its downstream, at most n hops ("+": all)
    body       = tag:NAME | owner:NAME | group:NAME | platform:NAME | type:TYPE | TYPE:NAME | lode://… | NAME

Names may have ``*`` and ``?``, and match in any case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from motherlode.errors import InputError
from motherlode.lifecycle.kernels import Direction
from motherlode.lifecycle.propagation import lineage_table
from motherlode.lifecycle.reading import ComponentRow
from motherlode.lifecycle.relations import RELATIONS
from motherlode.lifecycle.targets import TYPE_GROUPS, candidates
from motherlode.lifecycle.uris import SCHEME
from motherlode.lifecycle.walking import Walk, walking

if TYPE_CHECKING:
    from motherlode.lifecycle.view import GraphView

__all__ = ["select", "selected"]

_TERM = re.compile(r"(?P<up>\d*\+)?(?P<body>[^+].*?)(?P<down>\+\d*)?", re.DOTALL)
_LABELS = {"tag": "tagged", "owner": "owned_by", "group": "grouped_in"}


def select(view: GraphView, selection: str, *, exclude: str | None = None) -> list[ComponentRow]:
    """The components that a selection means, by type and name, without those that `exclude` selects.

    [] when nothing matches: what a pattern finds may be nothing. Raises InputError for a selection that cannot be read.
    """
    with walking(view) as walk:
        found = selected(walk, selection)
        if exclude is not None:
            found -= selected(walk, exclude)
        rows = walk.reading.components(found).values()
    return sorted(rows, key=lambda row: (row.type, row.name, row.uri))


def selected(walk: Walk, selection: str) -> set[int]:
    """Ids of what a selection means."""
    if not selection.strip():
        raise InputError("an empty selection; e.g. '+model:ranking', 'feature:orders.*+2', 'tag:pii,type:column'")
    found: set[int] = set()
    for part in selection.split():
        terms = [_term(walk, term) for term in part.split(",")]
        found |= set.intersection(*terms)
    return found


def _term(walk: Walk, term: str) -> set[int]:
    match = _TERM.fullmatch(term)
    if match is None:
        raise InputError(f"selector {term!r}: expected [n+]NAME[+n], e.g. '2+model:ranking' or 'feature:orders.*+'")
    found = _body(walk, match["body"])
    chosen = set(found)
    directions: tuple[tuple[str | None, Direction], ...] = ((match["up"], "upstream"), (match["down"], "downstream"))
    for given, direction in directions:
        if given is not None and found:
            hops = given.replace("+", "")
            reached = walk.reach(
                sorted(found), lineage_table(), direction=direction, max_depth=int(hops) if hops else None
            )
            chosen |= set(reached.nodes.tolist())
    return chosen


def _body(walk: Walk, body: str) -> set[int]:
    session = walk.reading.session
    kind, mark, name = body.partition(":")
    if body.startswith(SCHEME) and not re.search(r"[*?]", body):
        return _present(walk, (row.id for row in candidates(session, body)))
    if mark and kind in _LABELS:
        rows = session.execute(
            "SELECT DISTINCT e.source FROM lifecycle_edges e JOIN lifecycle_components c ON c.id = e.target "
            f"WHERE e.relation = {RELATIONS[_LABELS[kind]].code} AND {walk.moment.where('e')} "
            "AND c.folded LIKE ? ESCAPE '\\'",
            (_like(name),),
        )
    elif mark and kind == "type":
        rows = session.execute("SELECT id FROM lifecycle_components WHERE type = ?", (name,))
    elif mark and kind == "platform":
        rows = session.execute("SELECT id FROM lifecycle_components WHERE platform = ?", (name.casefold(),))
    elif body.startswith(SCHEME):
        rows = session.execute(
            "SELECT id FROM lifecycle_components WHERE uri LIKE ? ESCAPE '\\'", (_like(body, fold=False),)
        )
    else:
        return _named(walk, body)
    return _present(walk, (number for (number,) in rows))


def _named(walk: Walk, body: str) -> set[int]:
    session = walk.reading.session
    if not re.search(r"[*?]", body):
        return _present(walk, (row.id for row in candidates(session, body)))
    kind, mark, name = body.partition(":")
    types = TYPE_GROUPS.get(kind, (kind,)) if mark else ()
    of_type = f" AND type IN ({', '.join('?' * len(types))})" if types else ""
    rows = session.execute(
        f"SELECT id FROM lifecycle_components WHERE folded LIKE ? ESCAPE '\\'{of_type}",
        (_like(name if mark else body), *types),
    )
    return _present(walk, (number for (number,) in rows))


def _present(walk: Walk, numbers: Iterable[int]) -> set[int]:
    return {number for number in numbers if number < walk.snapshot.n_components}


def _like(pattern: str, *, fold: bool = True) -> str:
    escaped = re.sub(r"([\\%_])", r"\\\1", pattern.casefold() if fold else pattern)
    return escaped.replace("*", "%").replace("?", "_")
