"""A folder or file of OpenLineage events as a source."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from motherlode.lifecycle.providers.openlineage.events import read_event
from motherlode.lifecycle.providers.openlineage.files import events_of
from motherlode.lifecycle.record import Item, Rejected, RunReport

__all__ = ["OpenLineage"]


class OpenLineage:
    """OpenLineage events in files.

    where: a file (``.json``: one event or a list; ``.ndjson`` or ``.jsonl``: one a line; either also ``.gz``), or a
        folder of them, read with its subfolders in the order of their paths
    namespaces: namespaces of datasets and jobs that are to be called otherwise, e.g.
        ``{"postgres://10.0.0.3:5432": "postgres://db.example:5432"}``

    `observe` raises InputError where nothing is, and DataError for one file that is no JSON; in a folder such a file is
    `Rejected`. Absence says nothing: a stream of events is no listing.
    """

    name = "openlineage"
    is_listing = False

    def __init__(self, where: str | os.PathLike[str], *, namespaces: Mapping[str, str] | None = None) -> None:
        self._where = Path(where)
        self._namespaces = dict(namespaces or {})

    @property
    def scope(self) -> str:
        """The absolute path of the file or folder."""
        return self._where.absolute().as_posix()

    def observe(self) -> Iterator[Item]:
        """Every event's items, in the order of files and lines."""
        for found in events_of(self._where):
            if isinstance(found, Rejected):
                yield found
            else:
                what, event = found
                yield from read_event(event, what, namespaces=self._namespaces)

    def hydrate(self, subject: str) -> list[Item]:
        """What the events say of one component: a pass over all of them."""
        kept: list[Item] = []
        for item in self.observe():
            if isinstance(item, RunReport):
                if subject in {item.run, item.job}:
                    kept.append(item)
            elif not isinstance(item, Rejected) and item.subject == subject:
                kept.append(item)
        return kept
