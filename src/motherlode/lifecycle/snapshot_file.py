"""A snapshot beside its database, memory-mapped: opening ten million edges costs a look at a header.

The file is a cache (`docs/formats/lifecycle-snapshot.md`): where it does not belong to the database as it stands, or is
damaged, it is ignored and made anew.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from motherlode.core.files import Container, ContainerWriter, sync_directory
from motherlode.errors import DataError
from motherlode.lifecycle.csr import Adjacency, Graph
from motherlode.lifecycle.edge_table import COLUMNS, EdgeTable
from motherlode.lifecycle.propagation import N_CLASSES

__all__ = ["SUFFIX", "read_snapshot", "write_snapshot"]

SUFFIX = "-snapshot"
"""After the name of the database's file, as SQLite names its own companions."""

_SIDE = {"offsets": np.int64, "nodes": np.int32, "classes": np.uint8, "edges": np.int32}


def write_snapshot(path: Path, stamp: int, token: int, graph: Graph, base: EdgeTable) -> None:
    """Write the file whole, then put it in its place."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    with ContainerWriter(temporary) as writer:
        writer.add("head", np.array([stamp, token, N_CLASSES], np.int64))
        for name, column in zip(COLUMNS, base.columns(), strict=True):
            writer.add(f"edge.{name}", column)
        for way, side in (("down", graph.downstream), ("up", graph.upstream)):
            for name in _SIDE:
                writer.add(f"{way}.{name}", getattr(side, name))
    temporary.replace(path)
    sync_directory(path.parent)


def read_snapshot(path: Path, token: int | None) -> tuple[int, Graph, EdgeTable] | None:
    """(stamp, graph, edges) of the file that the database's token names; None for any other, or none.

    The data's checksums are not read, which would read the whole file; the traversal never leaves arrays that are
    damaged, and the head of the file says whether it is all there.
    """
    if token is None:
        return None
    try:
        container = Container.open(path)
        stamp, its_token, n_classes = (int(value) for value in container.array("head", np.int64)[:3])
        if its_token != token or n_classes != N_CLASSES:
            return None
        columns = [container.array(f"edge.{name}", kind) for name, kind in COLUMNS.items()]
        base = EdgeTable(*columns)
        sides = [
            Adjacency(*(container.array(f"{way}.{name}", kind) for name, kind in _SIDE.items()))
            for way in ("down", "up")
        ]
    except (DataError, OSError, ValueError):
        return None
    return stamp, Graph(sides[0], sides[1], base.valid_from, base.valid_to), base
