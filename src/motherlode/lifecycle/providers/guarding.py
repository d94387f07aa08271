"""One bad name costs what it names, not the rest of a source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from motherlode.errors import InputError
from motherlode.lifecycle.record import Item, Rejected

__all__ = ["guarded"]


def guarded(what: str, items: Iterable[Item]) -> Iterator[Item]:
    """The items; where a name in them makes no address, what came before and a rejection that says why."""
    try:
        yield from items
    except InputError as error:
        yield Rejected(what, str(error))
