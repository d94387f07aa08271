"""The history of one aspect: points (a version and its content) folded into spans, and spans read as intervals.

A span is a stretch of versions that all had one content, so that a thousand runs that read the same tables are one
row. The newest point is exact whatever order points arrive in; a point that falls inside a span of another content
splits it, and then the versions that the span had between are known to it no more (the ends are).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from motherlode.core.time import EVER

__all__ = ["GONE", "Point", "Span", "insert", "intervals"]

GONE = -1
"""The content of a version that says: it is no more."""


@dataclass(frozen=True, slots=True)
class Point:
    """One observation. rank: settles which of two contents of one version and revision counts; larger wins."""

    version: int
    revision: int
    valid_from: int
    content: int
    rank: str


@dataclass(frozen=True, slots=True)
class Span:
    """Versions first…last that have `content`; revision and rank are those of the last, valid_from of the first."""

    first: int
    last: int
    revision: int
    valid_from: int
    content: int
    rank: str


def insert(spans: Sequence[Span], point: Point) -> list[Span]:
    """The spans, in order of versions, with one more point; equal to `spans` when it says nothing new."""
    new = Span(point.version, point.version, point.revision, point.valid_from, point.content, point.rank)
    if not spans:
        return [new]
    before = [span for span in spans if span.last < point.version]
    after = [span for span in spans if span.first > point.version]
    for span in spans:
        if not span.first <= point.version <= span.last:
            continue
        if span.content == point.content:
            if point.version == span.last:
                revision, rank = max((span.revision, span.rank), (point.revision, point.rank))
                span = replace(span, revision=revision, rank=rank)
            new = span
        elif point.version == span.last and (point.revision, point.rank) < (span.revision, span.rank):
            new = span
        else:
            if span.first < point.version:
                before.append(replace(span, last=span.first))
            if span.last > point.version:
                after.insert(0, replace(span, first=span.last, valid_from=max(span.valid_from, span.last)))
    return _joined([*before, new, *after])


def _joined(spans: list[Span]) -> list[Span]:
    """Neighbours of one content as one."""
    joined: list[Span] = []
    for span in spans:
        if joined and joined[-1].content == span.content:
            left = joined[-1]
            joined[-1] = Span(
                left.first, span.last, span.revision, min(left.valid_from, span.valid_from), span.content, span.rank
            )
        else:
            joined.append(span)
    return joined


def intervals(spans: Sequence[Span]) -> list[tuple[int, int, int]]:
    """(valid_from, valid_to, content), half-open, without those that say GONE.

    Each holds until the next begins; one that does not begin after its predecessor replaces it.
    """
    if len(spans) == 1:
        return [] if spans[0].content == GONE else [(spans[0].valid_from, EVER, spans[0].content)]
    starts: list[int] = []
    for span in spans:
        starts.append(max(span.valid_from, starts[-1]) if starts else span.valid_from)
    ends = [*starts[1:], EVER]
    return [
        (start, end, span.content)
        for start, end, span in zip(starts, ends, spans, strict=True)
        if start < end and span.content != GONE
    ]
