"""Addresses as numbers: a component's id is its row in the arrays of the traversal."""

from __future__ import annotations

from collections.abc import Iterable

from motherlode.core.sql import Session, in_batches, next_id, places
from motherlode.errors import InputError
from motherlode.lifecycle.naming import COLUMN_MARK, column_name
from motherlode.lifecycle.uris import Uri, parse_uri

__all__ = ["Addresses", "Interner", "backwards", "default_name", "ends_with", "fold", "qualified_name"]

_LONGEST = 500  # characters of a name that are looked up by: an index entry of PostgreSQL has at most 2,700 bytes


def default_name(uri: str) -> str:
    """What to call a component: the last part of its id; table.column for a column, name@v5 for a version 5."""
    parts = parse_uri(uri)
    if parts.type == "column" and COLUMN_MARK in parts.id:
        return column_name(uri)
    *before, last = parts.id.rstrip("/").split("/")
    if parts.type.endswith("_version") and before:
        return f"{before[-1]}@{f'v{last}' if last.isdecimal() else last}"
    return last or parts.id


def qualified_name(uri: str) -> str:
    """The whole path of a component in its system, ending with its `default_name`.

    ``db:5432/shop.public.orders.amount`` for a column, so that ``public.orders.amount`` is an end of it.
    """
    parts: Uri = parse_uri(uri)
    name = default_name(uri)
    if parts.type == "column" and COLUMN_MARK in parts.id:
        head, _, column = parts.id.rpartition(COLUMN_MARK)
        table = name[: -len(column) - len(".")]  # the last part of `head`, without a file's ending
        return head[: head.rfind(table)] + name
    *before, last = parts.id.rstrip("/").split("/")
    if parts.type.endswith("_version") and before:
        return "/".join([*before[:-1], name])
    return "/".join([*before, last or parts.id])


def fold(name: str) -> str:
    """As names are looked up: without case."""
    return name.casefold()[:_LONGEST]


def backwards(uri: str) -> str:
    """The path folded and read from its end, closed with a slash."""
    return f"/{qualified_name(uri)}".casefold()[-_LONGEST:][::-1]


def ends_with(name: str) -> tuple[str, str]:
    """The range of `backwards`, from the first on, before the second, of paths that end with a name's parts.

    In the order of code points "." and "/" are neighbours, and "0" comes next: one range is both boundaries.
    """
    folded = name.casefold()[-_LONGEST + 1 :][::-1]
    return f"{folded}.", f"{folded}0"


_LONGEST_URI = 2500  # bytes; an entry of PostgreSQL's index has at most 2,700


class Addresses(dict[str, int]):
    """Ids by address; what is not there gets the next id, and is remembered as new."""

    next_id = 0

    def __init__(self) -> None:
        super().__init__()
        self.new: dict[str, int] = {}

    def __missing__(self, uri: str) -> int:
        parse_uri(uri)
        if len(uri) > _LONGEST_URI or len(uri.encode()) > _LONGEST_URI:
            raise InputError(
                f"{uri[:80]}… is an address of {len(uri):,} characters; at most {_LONGEST_URI:,} bytes are kept"
            )
        found = self[uri] = self.new[uri] = self.next_id
        self.next_id += 1
        return found


class Interner:
    """Ids of addresses inside one write transaction; new ones become rows with `flush`.

    ids: of addresses that `look_up` was told of; others would get a second id. A transaction that is not kept leaves
    ids in it that were never written: throw it away.
    """

    def __init__(self, session: Session, ids: Addresses) -> None:
        self._session, self.ids = session, ids
        self._first = ids.next_id = next_id(session, "lifecycle_components", first=0)

    @property
    def new(self) -> dict[str, int]:
        """Those met first in this transaction and not written yet."""
        return self.ids.new

    def is_new(self, number: int) -> bool:
        """Whether the component was met first in this transaction."""
        return number >= self._first

    def look_up(self, uris: Iterable[str]) -> None:
        """Fetch the ids of those that are not known yet, so that `ids` is not asked for one that the database has."""
        if self._first == 0:
            return
        ids = self.ids
        unknown = {uri for uri in uris if uri not in ids}
        for batch in in_batches(sorted(unknown)):
            ids.update(
                self._session.execute(f"SELECT uri, id FROM lifecycle_components WHERE uri IN ({places(batch)})", batch)
            )

    def id_of(self, uri: str) -> int:
        """The id, a new one for an address that `look_up` did not find. Raises InputError for what is no address."""
        return self.ids[uri]

    def flush(self) -> None:
        """Write the rows of new components."""
        rows = []
        for uri, number in self.new.items():
            parts, name = parse_uri(uri), default_name(uri)
            rows.append((number, uri, parts.type, parts.platform, name, fold(name), backwards(uri)))
        self._session.execute_many(
            "INSERT INTO lifecycle_components (id, uri, type, platform, name, folded, backwards) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            rows,
            trusted=True,
        )
        self.new.clear()
