"""Facts in a row: who held something one after another, with the gaps and overlaps between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from motherlode.core.time import EVER, PartialDate
from motherlode.nuggets.hits import Nugget
from motherlode.nuggets.reading import Moment
from motherlode.nuggets.reads import StoreReads

__all__ = ["Chain", "Link", "succession"]


@dataclass(frozen=True, slots=True)
class Link:
    """How one member of a chain stands to a later one.

    kind: meets, gap or overlap between two tenures; renamed between two names
    before, after: ids of the nuggets that it joins; for a rename, the nugget that says so, twice
    begin, end: of the gap or of the overlap; of a rename when it was. None where that is not known
    is_certain: whether it is so whatever the dates mean exactly: "until 2011" and "since 2011" may leave a gap
    is_contested: whether the two contradict each other
    """

    kind: str
    before: str
    after: str
    begin: PartialDate | None = None
    end: PartialDate | None = None
    is_certain: bool = True
    is_contested: bool = False

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "kind": self.kind,
            "before": self.before,
            "after": self.after,
            "begin": None if self.begin is None else str(self.begin),
            "end": None if self.end is None else str(self.end),
            "is_certain": self.is_certain,
            "is_contested": self.is_contested,
        }


@dataclass(frozen=True, slots=True)
class Chain:
    """Members in the order of time.

    kind: succession or rename. names: the holders (one that came back stands twice), or what something was called
    nuggets: of a succession the tenures, of a rename what says each step; links: what lies between the members
    undated: nuggets of the key of which no date is known, so that they have no place. is_cycle: the names come back
    """

    kind: str
    names: tuple[str, ...]
    nuggets: tuple[Nugget, ...]
    links: tuple[Link, ...]
    undated: tuple[Nugget, ...] = ()
    is_cycle: bool = False

    @property
    def gaps(self) -> tuple[Link, ...]:
        """Where nobody is known to have held it."""
        return tuple(link for link in self.links if link.kind == "gap")

    @property
    def overlaps(self) -> tuple[Link, ...]:
        """Where two held it at one time."""
        return tuple(link for link in self.links if link.kind == "overlap")

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "kind": self.kind,
            "names": list(self.names),
            "nuggets": [nugget.to_dict() for nugget in self.nuggets],
            "links": [link.to_dict() for link in self.links],
            "undated": [nugget.to_dict() for nugget in self.undated],
            "is_cycle": self.is_cycle,
        }


def succession(
    store: StoreReads, subject: str, predicate: str, *, known_at: Moment | None = None, scope: str = "global"
) -> Chain:
    """Who or what it was in order, and between each and the next whether they meet, overlap or leave a gap.

    Suppressed, retracted and pending nuggets are left out; an empty chain where there is nothing. A tenure that
    overlaps several has a link to each of them.
    """
    found = store.history(subject, predicate, known_at=known_at, scope=scope)
    dated = [nugget for nugget in found if nugget.interval.is_known]
    dated.sort(key=lambda one: (one.interval.start_earliest, one.interval.end_latest, one.nugget_id))
    links: list[Link] = []
    for at, nugget in enumerate(dated):
        before = [_between(earlier, nugget) for earlier in dated[:at]]
        overlaps = [link for link in before if link.kind == "overlap"]
        # Without an overlap, what ended last is what it follows.
        last = max(range(at), key=lambda i: (dated[i].interval.end_latest, i), default=None)
        links += overlaps or ([] if last is None else [before[last]])
    undated = tuple(nugget for nugget in found if not nugget.interval.is_known)
    return Chain("succession", tuple(nugget.object for nugget in dated), tuple(dated), tuple(links), undated)


def _between(earlier: Nugget, later: Nugget) -> Link:
    ended, started = earlier.interval, later.interval
    ids = (earlier.nugget_id, later.nugget_id)
    if earlier.end_is_derived and earlier.superseded_by == later.nugget_id:
        return Link("meets", *ids, started.start, started.start)
    contested = any(contest.nugget_id == later.nugget_id for contest in earlier.contests)
    # Microseconds from the end of one to the start of the other, at least and at most.
    least = started.start_earliest - (ended.end_latest - 1)
    most = started.start_latest - 1 - ended.end_earliest
    if most < 0 or contested:
        first_end = min((ended.end, started.end), key=lambda end: EVER if end is None else end.latest)
        return Link("overlap", *ids, started.start, first_end, most < 0, contested)
    if least > 0:
        # Ranges that touch, "until 2014" and "since 2015", may leave no more than an instant.
        return Link("gap", *ids, ended.end, started.start, least > 1)
    return Link("meets", *ids, ended.end, started.start, least == most == 0)
