"""Simple tables, with pipes or in HTML: the columns with years give the time, the others the facts."""

from __future__ import annotations

import re
from collections.abc import Iterator

from motherlode.core.time import PartialDate
from motherlode.nuggets.extraction.dates import next_bound
from motherlode.nuggets.extraction.facts import Fact
from motherlode.nuggets.extraction.time_grammar import find_times

__all__ = ["TableReader"]

_RULE = re.compile(r"^[\s|:+=-]+$")
_ROW = re.compile(r"<tr\b[^>]*>(.*?)</tr>", re.IGNORECASE | re.DOTALL)
_CELL = re.compile(r"<t[dh]\b[^>]*>([^<]*(?:<(?!/?t[dhr]\b)[^<]*)*)", re.IGNORECASE)
_MARKUP = re.compile(r"<[^>]*>|\*\*|__|`")
_TIME_HEADER = re.compile(
    r"\b(?:year|years|term|period|date|dates|season|tenure|when|time|in office|from|to|start|end|since|until)\b", re.I
)
_START = re.compile(r"\b(?:from|start|started|since|begin|took office|appointed)\b", re.IGNORECASE)
_STOP = re.compile(r"\b(?:to|end|ended|until|left office|left)\b", re.IGNORECASE)
_TRUST = 0.92
_MAX_CELLS = 40


class TableReader:
    """Reads the rows of tables line by line; `is_inside` tells whether the last line was one."""

    def __init__(self, title: str | None) -> None:
        self._title = title
        self._header: list[str] | None = None
        self.is_inside = False

    def read(self, line: str, heading: str | None) -> Iterator[Fact]:
        """The facts of the rows in a line."""
        rows = list(_rows(line))
        self.is_inside = bool(rows)
        if not rows:
            self._header = None
            return
        for cells in rows:
            if self._header is None:
                self._header = cells
            elif self._title is not None:
                yield from self._row(cells, self._title, heading)

    def _row(self, cells: list[str], title: str, heading: str | None) -> Iterator[Fact]:
        header = self._header or []
        start, stop, used = _time_of(cells, header)
        if start is None and stop is None:
            return
        for at, cell in enumerate(cells):
            name = header[at].casefold() if at < len(header) else ""
            if at in used or not cell or name in ("#", "no", "no.", "ref", "refs", "notes", "note"):
                continue
            yield Fact(title, name or (heading or "listed").casefold(), cell, start, stop, _TRUST)


def _rows(line: str) -> Iterator[list[str]]:
    """The cells of each row in a line; the rule below a header is a row without cells and left out."""
    if line.count("|") >= 2 or (line.startswith("|") and line.endswith("|")):
        if _RULE.match(line):
            yield []
            return
        yield [_MARKUP.sub("", cell).strip() for cell in line.strip().strip("|").split("|")][:_MAX_CELLS]
    elif "<tr" in line[:2000].casefold():
        for row in _ROW.findall(line):
            yield [_MARKUP.sub("", cell).strip() for cell in _CELL.findall(row)][:_MAX_CELLS]


def _time_of(cells: list[str], header: list[str]) -> tuple[PartialDate | None, PartialDate | None, set[int]]:
    """Start, end and the columns that say so: one with a time, or one that begins and one that ends."""
    start: PartialDate | None = None
    stop: PartialDate | None = None
    used: set[int] = set()
    for at, cell in enumerate(cells):
        name = header[at] if at < len(header) else ""
        times = find_times(cell, with_aspects=False)
        if len(times) != 1 or (times[0].end - times[0].begin < 0.6 * len(cell) and not _TIME_HEADER.search(name)):
            continue
        time = times[0]
        if _STOP.search(name) and not _START.search(name):
            stop = None if time.last is None else next_bound(time.last)
        elif _START.search(name):
            start = time.first
        elif not used:
            start, stop = time.bounds()
        else:
            continue
        used.add(at)
    return start, stop, used
