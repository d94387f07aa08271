"""Tenures as bars over years, in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

from motherlode.core.time import EVER, NEVER, from_micros

__all__ = ["Bar", "draw_timeline"]

CERTAIN, POSSIBLE = "█", "░"
STYLES = {"active": "green", "superseded": "cyan", "contested": "yellow", "deprecated": "red", "pending": "magenta"}


@dataclass(frozen=True, slots=True)
class Bar:
    """One tenure. start, end: (earliest, latest) in microseconds, `NEVER` and `EVER` where open."""

    label: str
    state: str
    start: tuple[int, int]
    end: tuple[int, int]


def draw_timeline(bars: Sequence[Bar], *, now: int, width: int = 60) -> Text:
    """Bars under each other with an axis of years: solid where certain, light where only possible, → where open.

    width: of the bars, in characters; the labels come before them.
    """
    stated = [bound for bar in bars for bound in (*bar.start, *bar.end) if NEVER < bound < EVER]
    if not stated:
        return Text("no dates are known")
    first, last = min(stated), max(*stated, now)
    span = max(last - first, 1)
    n_label = max(len(bar.label) for bar in bars)

    drawn = Text()
    for bar in bars:
        cells = []
        for at in range(width):
            begin, end = first + at * span // width, first + (at + 1) * span // width
            if bar.start[1] <= end and bar.end[0] > begin:
                cells.append(CERTAIN)
            elif bar.start[0] < end and bar.end[1] > begin:
                cells.append(POSSIBLE)
            else:
                cells.append(" ")
        goes_on = " →" if bar.end[1] == EVER else ""
        drawn.append(f"{bar.label:<{n_label}} ")
        drawn.append("".join(cells).rstrip() + goes_on, style=STYLES.get(bar.state, ""))
        drawn.append("\n")
    drawn.append(" " * (n_label + 1) + _axis(first, last, width), style="dim")
    return drawn


def _axis(first: int, last: int, width: int) -> str:
    """Years under the first column, the middle and the last."""
    years = [
        moment.year for micros in (first, (first + last) // 2, last) if (moment := from_micros(micros)) is not None
    ]
    if len(years) < 3:
        return ""
    left, middle, right = map(str, years)
    line = left.ljust(width // 2 - 2) + middle
    return line.ljust(width - 4) + right
