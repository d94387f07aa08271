"""Making tables alike in both dialects, and numbering their rows."""

from __future__ import annotations

from motherlode.core.sql.sessions import Session
from motherlode.core.sql.statements import SQLITE

__all__ = ["create_tables", "next_id"]


def create_tables(session: Session, tables: str, *, sqlite: str, postgresql: str) -> None:
    """Run statements that are separated by semicolons: those of both dialects, then the session's own.

    ``BIGINT PRIMARY KEY`` becomes the rowid in SQLite, where only ``INTEGER PRIMARY KEY`` is that and BIGINT would be a
    second tree.
    """
    own = postgresql
    if session.dialect == SQLITE:
        own, tables = sqlite, tables.replace("BIGINT PRIMARY KEY", "INTEGER PRIMARY KEY")
    for statement in f"{tables};{own}".split(";"):
        session.execute(statement)


def next_id(session: Session, table: str, *, first: int = 1) -> int:
    """The number after the largest ``id`` of a table, `first` where it is empty. Right under the write lock only."""
    row = session.one(f"SELECT max(id) FROM {table}")
    return first if row is None or row[0] is None else int(row[0]) + 1
