"""What the graph knows that it does not know: references nobody described, readers of whole tables, failed sources."""

from __future__ import annotations

from motherlode.lifecycle.kernels import Reached
from motherlode.lifecycle.propagation import Severity
from motherlode.lifecycle.relations import RELATION_NAMES, RELATIONS
from motherlode.lifecycle.walking import Walk

__all__ = ["gaps", "source_gaps"]

_MOST_TABLES = 1000  # whose readers are looked at one by one
_NAMED = 5
_READS = tuple(
    2 * RELATIONS[name].code for name in ("read_by", "derives", "feeds", "input_of", "trains", "supports", "scored")
)
_WRITES = 2 * RELATIONS["writes"].code
_COLUMNS = 2 * RELATIONS["has_column"].code
_PLAIN = {_COLUMNS, *(2 * RELATIONS[name].code for name in ("has_version", "has_feature"))}


def gaps(walk: Walk, reached: Reached) -> list[str]:
    """Why an answer may lack something, a sentence each."""
    nodes = reached.nodes.tolist()
    described = walk.reading.described(nodes)
    found = []
    unknown = [node for node in nodes if node not in described]
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
    """Readers of a table of which a column changes, where nobody recorded which columns they read."""
    affected = set(reached.nodes[reached.conditions > Severity.MASKED].tolist())
    tables = reached.nodes[reached.conditions == Severity.MASKED].tolist()
    readers: dict[int, int] = {}
    for table in tables[:_MOST_TABLES]:
        arcs = list(walk.around(table, "downstream"))
        columns = {node for node, arc_class, _ in arcs if arc_class == _COLUMNS}
        if not columns:
            continue
        for node, arc_class, _ in arcs:
            if arc_class in _READS and node not in affected and not _reads_by_column(walk, columns, node):
                readers[node] = table
    found = [
        f"{_names(walk, [reader])} reads {_names(walk, [table])} as a whole: which of its columns is not known"
        for reader, table in list(readers.items())[:_NAMED]
    ]
    if len(readers) > _NAMED:
        found.append(f"and {len(readers) - _NAMED} more read such tables as a whole")
    if len(tables) > _MOST_TABLES:
        found.append(f"readers of {len(tables) - _MOST_TABLES} more tables were not looked at")
    return found


def _reads_by_column(walk: Walk, columns: set[int], reader: int) -> bool:
    """Whether lineage by column is known from the columns into the reader or into a table that it writes."""
    targets = {reader}
    for node, arc_class, _ in walk.around(reader, "downstream"):
        if arc_class == _WRITES or arc_class in _PLAIN:
            targets.add(node)
            if arc_class == _WRITES:
                targets |= {n for n, c, _ in walk.around(node, "downstream") if c == _COLUMNS}
    for target in targets:
        if target != reader and target in columns:
            continue
        for node, arc_class, _ in walk.around(target, "upstream"):
            if node in columns and arc_class % 2 == 0 and RELATION_NAMES[arc_class // 2] != "has_column":
                return True
    return False


def _names(walk: Walk, nodes: list[int]) -> str:
    rows = walk.reading.components(nodes[:_NAMED])
    names = [f"{row.type}:{row.name}" for row in rows.values()]
    return ", ".join(names) + (f" and {len(nodes) - _NAMED} more" if len(nodes) > _NAMED else "")


def _counted(n: int, one: str, many: str) -> str:
    return f"{n:,} {one if n == 1 else many}"
