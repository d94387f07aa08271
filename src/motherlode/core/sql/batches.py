"""Many values for one statement: how many at a time, and their places in its text."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from typing import TypeVar

__all__ = ["in_batches", "places"]

T = TypeVar("T")

_BATCH = 500  # values of one IN (…); SQLite takes 32,766, PostgreSQL 65,535


def in_batches(values: Iterable[T], size: int = _BATCH) -> Iterator[list[T]]:
    """The values in lists of at most `size`."""
    iterator = iter(values)
    while batch := list(islice(iterator, size)):
        yield batch


def places(values: Collection[object]) -> str:
    """``?, ?, ?`` for an IN (…)."""
    return ", ".join("?" * len(values))
