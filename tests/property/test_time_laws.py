"""Laws of time: dates come back from their text, certain implies possible, overlap has no side; against brute force."""

from __future__ import annotations

from itertools import product

from hypothesis import assume, given, strategies as st

from motherlode.core.time import EVER, NEVER, Granularity, Interval, PartialDate, parse_partial_date
from motherlode.errors import InputError

_LAST = 253_402_300_799_999_999  # 9999-12-31T23:59:59.999999Z
_FIRST = -62_135_596_800_000_000  # 0001-01-01T00:00Z

years = st.integers(1, 9999)
days = st.dates().map(PartialDate.from_day)
instants = st.integers(_FIRST, _LAST).map(lambda micros: PartialDate(micros, micros + 1, Granularity.INSTANT))
named = st.one_of(
    years.map(PartialDate.from_year),
    st.builds(PartialDate.from_quarter, years, st.integers(1, 4)),
    st.builds(PartialDate.from_month, years, st.integers(1, 12)),
    days,
    instants,
    st.integers(1, 998).map(lambda decade: PartialDate.from_year(decade * 10, 10)),
)


@st.composite
def ranges(draw: st.DrawFn) -> PartialDate:
    """Some time between two stated dates, or before or after one."""
    kind = draw(st.sampled_from(("before", "after", "between")))
    one = draw(named)
    if kind == "before":
        return PartialDate.before(one)
    if kind == "after":
        return PartialDate.after(one)
    other = draw(named)
    assume(one.earliest < other.latest)
    return PartialDate(one.earliest, other.latest, Granularity.RANGE)


@given(st.one_of(named, ranges()))
def test_a_date_comes_back_from_its_text(stated: PartialDate) -> None:
    again = parse_partial_date(str(stated))

    assert (again.earliest, again.latest) == (stated.earliest, stated.latest)
    # An instant at midnight reads as one; a range that is exactly a year reads as what it is.
    assert again.granularity == stated.granularity or Granularity.RANGE in (again.granularity, stated.granularity)
    assert str(again) == str(stated)


@given(st.integers(0, 99))
def test_a_century_comes_back_from_its_text_as_the_same_range(century: int) -> None:
    stated = PartialDate.from_year(max(century * 100, 1), 100)
    again = parse_partial_date(str(stated))

    assert (again.earliest, again.latest) == (stated.earliest, stated.latest)


@st.composite
def intervals(draw: st.DrawFn, dates: st.SearchStrategy[PartialDate] = named) -> Interval:
    """Any interval that is allowed."""
    start, end = draw(st.none() | dates), draw(st.none() | dates)
    try:
        return Interval(start, end)
    except InputError:
        assume(False)
        raise


windows = st.tuples(st.integers(_FIRST, _LAST), st.integers(1, 10**17)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@given(intervals(named | ranges()), windows)
def test_what_is_certain_is_possible(interval: Interval, window: tuple[int, int]) -> None:
    assert interval.is_possible(*window) or not interval.is_certain(*window)


@given(intervals(named | ranges()), windows, st.integers(0, 10**16))
def test_a_wider_window_keeps_what_was_possible_and_certain(
    interval: Interval, window: tuple[int, int], more: int
) -> None:
    wider = window[0] - more, window[1] + more
    assert interval.is_possible(*wider) or not interval.is_possible(*window)
    assert interval.is_certain(*wider) or not interval.is_certain(*window)


@given(intervals(named | ranges()), intervals(named | ranges()))
def test_overlap_is_symmetric(one: Interval, other: Interval) -> None:
    assert one.overlaps(other) == other.overlaps(one)


@given(intervals(), intervals())
def test_intervals_that_certainly_hold_at_one_instant_overlap(one: Interval, other: Interval) -> None:
    for bound in (one.start, other.start):
        if bound is not None and all(i.is_certain(bound.latest - 1, bound.latest) for i in (one, other)):
            assert one.overlaps(other)


# Against brute force, on a clock of a few ticks

_TICKS = range(8)
small = st.tuples(st.integers(0, 6), st.integers(1, 3)).map(
    lambda pair: PartialDate(pair[0], min(pair[0] + pair[1], 8), Granularity.RANGE)
)


def _meanings(interval: Interval) -> list[range]:
    """Every stretch of ticks that an interval may mean; an unknown bound lies outside the clock, or anywhere in it."""
    starts = range(-1, 9) if interval.start is None else range(interval.start.earliest, interval.start.latest)
    ends = [20] if interval.end is None else range(interval.end.earliest, interval.end.latest)
    return [range(start, end) for start, end in product(starts, ends) if start < end]


@given(intervals(small), small)
def test_possible_is_what_some_meaning_allows_and_certain_what_all_do(interval: Interval, window: PartialDate) -> None:
    assume(interval.is_known)
    asked = range(*window.window)
    holds = [bool(set(asked) & set(meaning)) for meaning in _meanings(interval)]

    assert interval.is_possible(*window.window) == any(holds)
    if interval.is_certain(*window.window):
        assert all(holds)


@given(intervals(small), intervals(small))
def test_overlap_is_what_some_meanings_allow(one: Interval, other: Interval) -> None:
    meanings = product(_meanings(one), _meanings(other))
    assert one.overlaps(other) == any(set(a) & set(b) for a, b in meanings)


@given(named | ranges())
def test_precedes_and_may_equal_are_what_the_ranges_say(stated: PartialDate) -> None:
    assert stated.may_equal(stated)
    assert not stated.precedes(stated)
    if stated.earliest != NEVER:
        assert PartialDate.before(PartialDate.from_micros(stated.earliest)).may_equal(stated)
    if stated.latest != EVER:
        assert stated.precedes(PartialDate(stated.latest, stated.latest + 1, Granularity.INSTANT))
