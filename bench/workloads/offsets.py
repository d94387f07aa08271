"""When each zone's offset from UTC changed, from the compiled files of the tz database: an exact oracle of the past."""

from __future__ import annotations

import io
import random
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from bench.workloads.packages import member
from motherlode.nuggets.record import Claim

__all__ = [
    "PREDICATE",
    "VERSION",
    "Stretch",
    "claims",
    "n_changes",
    "offset_text",
    "oracle",
    "probes",
    "stretches",
    "zones",
]

VERSION = "2026.6"
PREDICATE = "utc offset"
SOURCE = f"tzdata {VERSION}"


class Stretch(NamedTuple):
    """A zone's offset in seconds from an instant up to another, in microseconds since 1970; None is unbounded."""

    zone: str
    offset_s: int
    start_us: int | None
    end_us: int | None


class _Zone(NamedTuple):
    """What a compiled file holds: instants of change in seconds, the offset after each and before all, its rule."""

    times: tuple[int, ...]
    offsets: tuple[int, ...]
    first_offset: int
    rule: str


def zones() -> list[str]:
    """Names of all zones, aliases included."""
    return sorted(member("tzdata", VERSION, "tzdata/zones").decode().split())


@cache
def _read(zone: str) -> _Zone:
    return _parse(_bytes(zone))


def _parse(data: bytes) -> _Zone:
    """The 64-bit part of a TZif file (RFC 9636, section 3)."""
    skipped = _counts(data, 0)
    begin = 44 + skipped.n_times * 5 + skipped.n_types * 6 + skipped.n_chars + skipped.n_leaps * 8
    begin += skipped.n_standard + skipped.n_utc
    counts = _counts(data, begin)
    at = begin + 44
    times = struct.unpack_from(f">{counts.n_times}q", data, at)
    at += 8 * counts.n_times
    kinds = struct.unpack_from(f">{counts.n_times}B", data, at)
    at += counts.n_times
    types = [struct.unpack_from(">lBB", data, at + 6 * position)[0] for position in range(counts.n_types)]
    at += 6 * counts.n_types + counts.n_chars + 12 * counts.n_leaps + counts.n_standard + counts.n_utc
    rule = data[at:].strip(b"\n").decode()
    return _Zone(times, tuple(types[kind] for kind in kinds), types[0], rule)


class _Counts(NamedTuple):
    n_utc: int
    n_standard: int
    n_leaps: int
    n_times: int
    n_types: int
    n_chars: int


def _counts(data: bytes, begin: int) -> _Counts:
    if data[begin : begin + 4] != b"TZif" or data[begin + 4 : begin + 5] < b"2":
        raise ValueError(f"no TZif file of version 2 or later at byte {begin}")
    return _Counts(*struct.unpack_from(">6l", data, begin + 20))


def n_changes() -> int:
    """Dated changes of all zones."""
    return sum(len(_read(zone).times) for zone in zones())


def stretches(zone: str) -> list[Stretch]:
    """The zone's offsets in order, each with its time; a change of name only joins its neighbour.

    The last one is open where the zone keeps no daylight saving time; where a rule goes on after the last dated change,
    what follows that change is left out, because no date says it.
    """
    read = _read(zone)
    found: list[Stretch] = []
    bounds: list[int | None] = [None, *(1_000_000 * time for time in read.times), None]
    for position, offset in enumerate((read.first_offset, *read.offsets)):
        start, end = bounds[position], bounds[position + 1]
        if end is None and "," in read.rule:
            break
        if found and found[-1].offset_s == offset:
            found[-1] = found[-1]._replace(end_us=end)
        else:
            found.append(Stretch(zone, offset, start, end))
    return found


def claims() -> Iterator[Claim]:
    """One claim a stretch; the object is the offset as text, e.g. '+05:45:00'."""
    for zone in zones():
        for stretch in stretches(zone):
            start, end = (None if us is None else _moment(us) for us in (stretch.start_us, stretch.end_us))
            yield Claim(zone, PREDICATE, offset_text(stretch.offset_s), start, end, source=SOURCE)


def _moment(us: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)


def offset_text(seconds: int) -> str:
    """'+01:00:00'."""
    sign, rest = ("-" if seconds < 0 else "+"), abs(seconds)
    return f"{sign}{rest // 3600:02}:{rest % 3600 // 60:02}:{rest % 60:02}"


def oracle(zone: str, moment: datetime) -> str:
    """The offset as Python's zoneinfo has it, from the same files."""
    offset = moment.astimezone(_zone_info(zone)).utcoffset()
    assert offset is not None
    return offset_text(round(offset.total_seconds()))


@cache
def _zone_info(zone: str) -> ZoneInfo:
    return ZoneInfo.from_file(io.BytesIO(_bytes(zone)), zone)


def _bytes(zone: str) -> bytes:
    return member("tzdata", VERSION, f"tzdata/zoneinfo/{zone}")


def probes(n: int = 10_000, seed: int = 3) -> list[tuple[str, datetime]]:
    """Random (zone, instant) inside the dated range; half of the instants lie within a second of a change."""
    rng = random.Random(seed)
    names = [zone for zone in zones() if len(_read(zone).times) > 1]
    found = []
    for position in range(n):
        zone = rng.choice(names)
        times = _read(zone).times
        if position % 2:
            second = rng.randrange(times[0], times[-1])
        else:
            second = rng.choice(times[:-1]) + rng.choice((-1, 0, 1))
        found.append((zone, _moment(1_000_000 * second + rng.choice((0, 0, 1, 999_999)))))
    return found
