"""A counter and a list of acknowledged rows, as the tests of several processes write them.

Run as a program it works on the place it is given: `python -m tests.conformance.sql_counters PLACE count 20`.
"""

from __future__ import annotations

import sys

from motherlode.core.sql import Database, Session, open_database

__all__ = ["count_up", "open_counters", "value"]


def create(session: Session) -> None:
    session.execute("CREATE TABLE counters (name TEXT PRIMARY KEY, value BIGINT NOT NULL)")
    session.execute("INSERT INTO counters (name, value) VALUES ('n', 0)")  # twice would break the key


def create_rows(session: Session) -> None:
    session.execute("CREATE TABLE numbers (id BIGINT PRIMARY KEY, body TEXT)")


def open_counters(place: str, timeout_s: float = 30) -> Database:
    return open_database(place, migrations=[create, create_rows], namespace="counters", timeout_s=timeout_s)


def count_up(database: Database, times: int) -> None:
    """Reads, adds one, writes: what is lost when two writers overlap."""
    for _ in range(times):
        with database.write() as session:
            row = session.one("SELECT value FROM counters WHERE name = ?", ("n",))
            assert row is not None
            session.execute("UPDATE counters SET value = ? WHERE name = ?", (row[0] + 1, "n"))


def value(database: Database) -> int:
    with database.read() as session:
        row = session.one("SELECT value FROM counters WHERE name = ?", ("n",))
        assert row is not None
        return int(row[0])


def main(place: str, verb: str, times: str) -> None:
    with open_counters(place) as database:
        if verb == "count":
            count_up(database, int(times))
            return
        with database.read() as session:  # "write": two rows each time, acknowledged on stdout after the commit
            row = session.one("SELECT max(id) FROM numbers")
        first = 0 if row is None or row[0] is None else int(row[0]) + 1
        for number in range(first, first + 2 * int(times), 2):
            with database.write() as session:
                session.execute("INSERT INTO numbers (id, body) VALUES (?, ?)", (number, "x" * 200))
                session.execute("INSERT INTO numbers (id, body) VALUES (?, ?)", (number + 1, "y" * 200))
            print(number + 1, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
