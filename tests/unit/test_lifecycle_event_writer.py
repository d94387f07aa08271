"""The server's one writer: order, groups, a bounded queue, and errors that reach whom they belong to."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest

from motherlode.errors import ConflictError, DataError
from motherlode.server.event_writer import BusyError, EventWriter


class Disk:
    """Where items are written; stands still until `go` is set."""

    def __init__(self) -> None:
        self.go, self.began = threading.Event(), threading.Event()
        self.groups: list[list[Any]] = []

    def record(self, items: Sequence[Any]) -> None:
        self.began.set()
        assert self.go.wait(10)
        if "locked" in items:
            raise ConflictError("locked")
        if "bad" in items:
            raise DataError("bad")
        self.groups.append(list(items))


def test_what_waits_is_written_together_in_its_order() -> None:
    disk = Disk()
    writer = EventWriter(disk.record)
    first = writer.submit([0])
    assert disk.began.wait(10)
    others = [writer.submit([number, number]) for number in range(1, 5)]
    assert not first.done()
    disk.go.set()
    for done in (first, *others):
        done.result(timeout=10)
    writer.close()
    assert disk.groups == [[0], [1, 1, 2, 2, 3, 3, 4, 4]]


def test_a_full_queue_takes_no_more_and_closing_writes_what_waits() -> None:
    disk = Disk()
    writer = EventWriter(disk.record, max_waiting=2)
    taken = [writer.submit(["a"])]
    assert disk.began.wait(10)
    taken += [writer.submit(["b"]), writer.submit(["c"])]
    with pytest.raises(BusyError, match="2 requests wait"):
        writer.submit(["d"])
    disk.go.set()
    writer.close()
    writer.close()
    assert [done.result(timeout=0) for done in taken] == [None] * 3
    assert disk.groups == [["a"], ["b", "c"]]
    with pytest.raises(BusyError, match="stopping"):
        writer.submit(["e"])


def test_an_error_reaches_the_one_whose_items_caused_it() -> None:
    disk = Disk()
    writer = EventWriter(disk.record)
    writer.submit(["first"])
    assert disk.began.wait(10)
    good, bad, other = writer.submit(["good"]), writer.submit(["bad"]), writer.submit(["other"])
    disk.go.set()
    with pytest.raises(DataError):
        bad.result(timeout=10)
    good.result(timeout=10)
    other.result(timeout=10)
    with pytest.raises(ConflictError):
        writer.submit(["locked"]).result(timeout=10)
    writer.submit(["later"]).result(timeout=10)
    writer.close()
    assert disk.groups == [["first"], ["good"], ["other"], ["later"]]


def test_a_sender_that_hangs_up_does_not_stop_the_writer() -> None:
    disk = Disk()
    writer = EventWriter(disk.record)
    gone = writer.submit(["a"])
    assert not gone.cancel()
    disk.go.set()
    gone.result(timeout=10)
    writer.submit(["b"]).result(timeout=10)
    writer.close()
    assert disk.groups == [["a"], ["b"]]
