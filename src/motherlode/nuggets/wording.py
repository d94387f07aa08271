"""Facts as lines of text for people and language models: who, what, whom, since when."""

from __future__ import annotations

from motherlode.core.time import Interval
from motherlode.nuggets.hits import Nugget
from motherlode.nuggets.schema import predicate_words

__all__ = ["fact_line", "nugget_line", "when_words"]


def when_words(interval: Interval) -> str:
    """'since 2011-08-24', 'from 1997-09-16 until 2011-08-24', 'until 2015', 'in 2012', 'no date known'."""
    start, end = interval.start, interval.end
    if start is not None and start == end:
        return f"in {start}"
    if start is not None and end is not None:
        return f"from {start} until {end}"
    if start is not None:
        return f"since {start}"
    return "no date known" if end is None else f"until {end}"


def fact_line(subject: str, predicate: str, name: str, interval: Interval) -> str:
    """'Apple — chief executive officer: Tim Cook (since 2011-08-24)'."""
    return f"{subject} — {predicate_words(predicate)}: {name} ({when_words(interval)})"


def nugget_line(nugget: Nugget) -> str:
    """A nugget as a line."""
    return fact_line(nugget.subject, nugget.predicate, nugget.object, nugget.interval)
