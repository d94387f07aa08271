"""Addresses as numbers: a component's id is its row in the arrays of the traversal."""

from __future__ import annotations

from collections.abc import Iterable

from motherlode.core.sql import Session, in_batches, places
from motherlode.lifecycle.naming import column_name
from motherlode.lifecycle.uris import parse_uri

__all__ = ["Interner", "default_name"]


def default_name(uri: str) -> str:
    """What to call a component: the last part of its id; table.column for a column, name@v5 for a version 5."""
    parts = parse_uri(uri)
    if parts.type == "column":
        return column_name(uri)
    *before, last = parts.id.rstrip("/").split("/")
    if parts.type.endswith("_version") and before:
        return f"{before[-1]}@{f'v{last}' if last.isdecimal() else last}"
    return last or parts.id


class Interner:
    """Ids of addresses inside one write transaction; new ones become rows with `flush`."""

    def __init__(self, session: Session, known: dict[str, int]) -> None:
        self._session, self._known = session, known
        row = session.one("SELECT max(id) FROM lifecycle_components")
        self.n_components = 0 if row is None or row[0] is None else row[0] + 1
        self.new: dict[str, int] = {}

    def look_up(self, uris: Iterable[str]) -> None:
        """Fetch the ids of those that are not known yet, so that `id_of` asks the database for none of them."""
        unknown = {uri for uri in uris if uri not in self._known and uri not in self.new}
        for batch in in_batches(sorted(unknown)):
            self._known.update(
                self._session.execute(f"SELECT uri, id FROM lifecycle_components WHERE uri IN ({places(batch)})", batch)
            )

    def id_of(self, uri: str) -> int:
        """The id, a new one for an address that `look_up` did not find. Raises InputError for what is no address."""
        found = self._known.get(uri)
        if found is None:
            found = self.new.get(uri)
        if found is None:
            parse_uri(uri)
            found = self.n_components
            self.n_components += 1
            self.new[uri] = found
        return found

    def flush(self) -> None:
        """Write the rows of new components."""
        rows = []
        for uri, number in self.new.items():
            parts, name = parse_uri(uri), default_name(uri)
            rows.append((number, uri, parts.type, parts.platform, name, name.casefold()))
        self._session.execute_many(
            "INSERT INTO lifecycle_components (id, uri, type, platform, name, folded) VALUES (?, ?, ?, ?, ?, ?)",
            rows,
            trusted=True,
        )
        self._known.update(self.new)
        self.new.clear()
