"""SQL with the same behaviour on SQLite and PostgreSQL: transactions, snapshots, migrations, typed errors.

Callers write one text for both::

    database = open_database("facts.db", migrations=[create_tables], namespace="nuggets")
    with database.write() as session:
        session.execute("INSERT INTO nuggets_terms (id, term) VALUES (?, ?)", (1, "euro"))
    with database.read() as session:
        session.one("SELECT term FROM nuggets_terms WHERE id = ?", (1,))

What is the same on both: ``?`` marks a value. Values are None, int (64 bits), float (no NaN), str (no NUL) and bytes;
True is 1. Columns are BIGINT, TEXT, DOUBLE PRECISION and BYTEA. Sums, counts and truth values come back as int. LIKE
looks at case. ``COLLATE BINARY`` orders text by code points (PostgreSQL reads it as ``COLLATE "C"``); without it
PostgreSQL orders by its locale. A transaction in which a statement failed is over: it can only roll back.

What callers say themselves: ``NULLS FIRST`` or ``LAST``; ``ESCAPE`` after LIKE; ``CAST(? AS TEXT)`` where nothing else
tells PostgreSQL the type of a value (``? IS NULL``); that lower() of SQLite knows ASCII only.
"""

from motherlode.core.sql.batches import in_batches, places
from motherlode.core.sql.database import Database, Migration, open_database, open_foreign_database
from motherlode.core.sql.sessions import Session
from motherlode.core.sql.tables import create_tables, next_id

__all__ = [
    "Database",
    "Migration",
    "Session",
    "create_tables",
    "in_batches",
    "next_id",
    "open_database",
    "open_foreign_database",
    "places",
]
