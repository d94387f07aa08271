"""Which versions of nuggets have which words: SQLite's FTS5 and PostgreSQL's tsvector behind the same functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from motherlode.core.sql import Session

__all__ = ["add_versions", "any_of", "matching", "one_of_each", "optimize_words", "remove_words"]


def _terms(words: str) -> str:
    """The words of a version as PostgreSQL's tsvector takes them: quoted, so that none is read as an operator."""
    return " ".join(f"'{word}'" for word in words.split())


def add_versions(session: Session, columns: Sequence[str], rows: Sequence[tuple[object, ...]]) -> None:
    """Insert versions and make them findable. columns: of the table, the first `version`, one of them `words`."""
    words = columns.index("words")
    names, places = ", ".join(columns), ", ".join("?" * len(columns))
    if session.dialect == "sqlite":
        session.execute_many(f"INSERT INTO nugget_versions ({names}) VALUES ({places})", rows, trusted=True)
        session.execute_many(
            "INSERT INTO nugget_text (rowid, words) VALUES (?, ?)",
            [(row[0], row[words]) for row in rows],
            trusted=True,
        )
    else:
        session.execute_many(
            f"INSERT INTO nugget_versions ({names}, terms) VALUES ({places}, CAST(? AS tsvector))",
            [(*row, _terms(str(row[words]))) for row in rows],
            trusted=True,
        )
    _count(session, (str(row[words]) for row in rows), 1)


def remove_words(session: Session, rows: Sequence[tuple[int, str]]) -> None:
    """Make versions unfindable, before they are deleted. rows: (version, its words)."""
    if session.dialect == "sqlite":
        session.execute_many("INSERT INTO nugget_text (nugget_text, rowid, words) VALUES ('delete', ?, ?)", rows)
    _count(session, (words for _, words in rows), -1)
    session.execute("DELETE FROM nugget_words WHERE n <= 0")


def optimize_words(session: Session) -> None:
    """Rewrite the full text, so that what was removed leaves no bytes behind."""
    if session.dialect == "sqlite":
        session.execute("INSERT INTO nugget_text (nugget_text) VALUES ('optimize')")


def _count(session: Session, texts: Iterable[str], sign: int) -> None:
    counts: Counter[str] = Counter()
    for words in texts:
        counts.update(words.split())  # each word of a version is there once
    session.execute_many(
        "INSERT INTO nugget_words (word, n) VALUES (?, ?) "
        "ON CONFLICT (word) DO UPDATE SET n = nugget_words.n + excluded.n",
        [(word, sign * n) for word, n in sorted(counts.items())],
    )


def any_of(words: Sequence[str], dialect: str) -> str:
    """The match expression for versions with at least one of the words."""
    return (" OR " if dialect == "sqlite" else " | ").join(_quoted(word, dialect) for word in words)


def one_of_each(groups: Sequence[Sequence[str]], dialect: str) -> str:
    """The match expression for versions with at least one word of each group."""
    return (" AND " if dialect == "sqlite" else " & ").join(f"({any_of(words, dialect)})" for words in groups)


def _quoted(word: str, dialect: str) -> str:
    return f'"{word}"' if dialect == "sqlite" else f"'{word}'"


def matching(dialect: str) -> str:
    """FROM … WHERE of a statement over versions ``v`` that match an expression (its one parameter); AND may follow."""
    if dialect == "sqlite":
        return "FROM nugget_text JOIN nugget_versions v ON v.version = nugget_text.rowid WHERE nugget_text MATCH ?"
    return "FROM nugget_versions v WHERE v.terms @@ CAST(? AS tsquery)"
