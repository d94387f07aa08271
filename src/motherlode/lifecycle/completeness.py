"""What the graph knows that it does not know: references nobody described, readers of whole tables, failed sources."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from motherlode.lifecycle.kernels import Reached
from motherlode.lifecycle.propagation import N_CLASSES, Severity
from motherlode.lifecycle.relations import RELATIONS
from motherlode.lifecycle.walking import Walk

__all__ = ["gaps", "source_gaps"]

_MOST_TABLES = 1000  # whose readers are looked at one by one
_NAMED = 5
_PARTS = ("has_column", "has_feature")
_READS = tuple(
    2 * RELATIONS[name].code
    for name in (
        *("read_by", "derives", "influences", "masks", "feeds", "input_of", "trains", "evaluates", "supports"),
        "scored",
    )
)
_PART_CLASSES = tuple(2 * RELATIONS[name].code for name in _PARTS)


def gaps(walk: Walk, reached: Reached) -> list[str]:
    """Why an answer may lack something, a sentence each."""
    nodes = reached.nodes.tolist()
    described = walk.reading.described(nodes)
    found = []
    unknown = sorted(node for node in nodes if node not in described)
    if unknown:
        found.append(
            f"{_counted(len(unknown), 'component was', 'components were')} referred to but never described, so what "
            f"depends on them may be missing: {_names(walk, unknown)}"
        )
    found += _whole_readers(walk, reached)
    found += source_gaps(walk)
    return found


def source_gaps(walk: Walk) -> list[str]:
    """What is known to be missing from the sources as a whole."""
    found = []
    for provider in walk.reading.providers().values():
        if provider.error is not None:
            found.append(f"{provider.name} ({provider.scope}) could not be read at the last try: {provider.error}")
        elif provider.is_listing and provider.swept_from is None:
            found.append(f"{provider.name} ({provider.scope}) was never read to its end")
        if provider.n_rejected:
            found.append(
                f"{provider.name} ({provider.scope}): {_counted(provider.n_rejected, 'thing', 'things')} could not be "
                "read and wait in quarantine"
            )
    row = walk.reading.session.one("SELECT count(*) FROM lifecycle_notices")
    if row is not None and row[0]:
        found.append(f"{_counted(row[0], 'notice', 'notices')} of changes wait to be hydrated")
    return found


def _whole_readers(walk: Walk, reached: Reached) -> list[str]:
    """Readers of a table (or feature view) of which a part changes, where nobody recorded which parts they read."""
    affected = set(reached.nodes[reached.conditions > Severity.MASKED].tolist())
    tables = reached.nodes[reached.conditions == Severity.MASKED].tolist()
    readers: dict[int, tuple[int, str]] = {}
    for table in tables[:_MOST_TABLES]:
        arcs = list(walk.around(table, "downstream"))
        whole = {node for node, arc_class, _ in arcs if arc_class in _READS} - affected - readers.keys()
        parts = _parts(walk, table) if whole else {}
        if not parts:
            continue
        whole -= parts.keys() | _readers_by_part(walk, list(parts))
        kind = "columns" if _PART_CLASSES[0] in parts.values() else "features"
        readers |= dict.fromkeys(sorted(whole), (table, kind))
    found = [
        f"{_names(walk, [reader])} reads {_names(walk, [table])} as a whole: which of its {kind} is not known"
        for reader, (table, kind) in list(readers.items())[:_NAMED]
    ]
    if len(readers) > _NAMED:
        found.append(f"and {len(readers) - _NAMED:,} more read such tables as a whole")
    if len(tables) > _MOST_TABLES:
        found.append(f"readers of {len(tables) - _MOST_TABLES:,} more tables were not looked at")
    return found


def _parts(walk: Walk, table: int) -> dict[int, int]:
    """Columns or features of the table under any of its addresses, with the class of the arc to each."""
    return {
        node: arc_class
        for same in walk.same([table]).tolist()
        for node, arc_class, _ in walk.around(same, "downstream")
        if arc_class in _PART_CLASSES
    }


def _readers_by_part(walk: Walk, parts: list[int]) -> set[int]:
    """Who is known to read single parts: what is made from one, what that is a part of, and the writers of either."""
    consumers = walk.reach(parts, _consumer_table(), max_depth=1).nodes
    others = consumers[~np.isin(consumers, np.array(parts, np.int32))]
    if not len(others):
        return set()
    return set(walk.reach(others, _maker_table(), condition=2, direction="upstream", max_depth=2).nodes.tolist())


@lru_cache(maxsize=1)
def _consumer_table() -> NDArray[np.uint8]:
    """From a column to what reads it: any flow relation that is not of parts, and the same thing elsewhere."""
    table = np.zeros((N_CLASSES, 2), np.uint8)
    for name, relation in RELATIONS.items():
        if relation.flow and name not in _PARTS:
            table[2 * relation.code, 1] = 1
    table[2 * RELATIONS["same_as"].code + 1, 1] = 1
    table.setflags(write=False)
    return table


@lru_cache(maxsize=1)
def _maker_table() -> NDArray[np.uint8]:
    """Upstream from what reads a column: to what it is a part of (2 stays 2), then to who writes it (2 becomes 1)."""
    table = np.zeros((N_CLASSES, 3), np.uint8)
    for name in (*_PARTS, "has_version", "same_as"):
        table[2 * RELATIONS[name].code, 2] = 2
    table[2 * RELATIONS["same_as"].code + 1, 2] = 2
    table[2 * RELATIONS["writes"].code, 2] = 1
    table.setflags(write=False)
    return table


def _names(walk: Walk, nodes: list[int]) -> str:
    rows = walk.reading.components(nodes[:_NAMED])
    names = [f"{row.type}:{row.name}" for row in rows.values()]
    return ", ".join(names) + (f" and {len(nodes) - _NAMED} more" if len(nodes) > _NAMED else "")


def _counted(n: int, one: str, many: str) -> str:
    return f"{n:,} {one if n == 1 else many}"
