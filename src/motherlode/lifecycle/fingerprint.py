"""One number for what the graph holds to be true now: two stores that agree on it agree on everything but when."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from motherlode.lifecycle.relations import RELATION_NAMES
from motherlode.lifecycle.walking import walking

if TYPE_CHECKING:
    from motherlode.lifecycle.view import GraphView

__all__ = ["fingerprint"]


def fingerprint(view: GraphView) -> str:
    """SHA-256 over the entities and edges that hold at the view's moment, by address; not over recorded times.

    The same for SQLite and PostgreSQL, whatever the order in which they heard, and however often.
    """
    return sha256("\n".join(lines(view)).encode()).hexdigest()


def lines(view: GraphView) -> list[str]:
    """What the fingerprint is taken of, sorted: a line for each fact and edge."""
    with walking(view) as walk:
        session, moment = walk.reading.session, walk.moment
        found = [
            f"{uri}\t{provider}\t{scope}\t{aspect}\t{digest}"
            for uri, provider, scope, aspect, digest in session.execute(
                "SELECT c.uri, p.name, p.scope, f.aspect, t.digest FROM lifecycle_facts f "
                "JOIN lifecycle_components c ON c.id = f.component JOIN lifecycle_providers p ON p.id = f.provider "
                f"JOIN lifecycle_contents t ON t.id = f.content WHERE {moment.where('f')}"
            )
        ]
        found += [
            f"{source}\t{RELATION_NAMES[relation]}\t{target}\t{provider}\t{scope}\t{aspect}\t{confidence!r}\t{evidence}"
            for source, relation, target, provider, scope, aspect, confidence, evidence in session.execute(
                "SELECT s.uri, e.relation, t.uri, p.name, p.scope, e.aspect, e.confidence, e.evidence "
                "FROM lifecycle_edges e JOIN lifecycle_components s ON s.id = e.source "
                "JOIN lifecycle_components t ON t.id = e.target JOIN lifecycle_providers p ON p.id = e.provider "
                f"WHERE {moment.where('e')}"
            )
        ]
    return sorted(found)
