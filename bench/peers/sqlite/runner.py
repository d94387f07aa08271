"""SQLite: arcs in memory, clustered by source, and a recursive common table expression."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from bench.peers.protocol import serve
from bench.peers.reachability import Reach, timed

_QUERY = """
WITH RECURSIVE affected(node) AS (
    SELECT ? UNION SELECT arcs.target FROM arcs JOIN affected ON arcs.source = affected.node
) SELECT node FROM affected
"""


class Sqlite:
    packages: list[str] = []

    def reach(self, request: dict[str, Any]) -> dict[str, Any]:
        return timed(request, _build, lambda rows: (row[0] for row in rows)) | {"version": sqlite3.sqlite_version}


def _build(source: Any, target: Any, _n_nodes: int) -> Reach:
    connection = sqlite3.connect(":memory:")
    connection.execute(
        "CREATE TABLE arcs (source INT, target INT, edge INT, PRIMARY KEY (source, target, edge)) WITHOUT ROWID"
    )
    rows = zip(source.tolist(), target.tolist(), range(len(source)), strict=True)
    connection.executemany("INSERT INTO arcs VALUES (?, ?, ?)", sorted(rows))
    connection.execute("ANALYZE")
    return lambda seed: connection.execute(_QUERY, (seed,)).fetchall()


serve(Sqlite())
