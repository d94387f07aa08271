"""The worker loop, and how long what fails waits, told by clocks that stand until they are turned."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from motherlode.errors import DataError, InputError
from motherlode.lifecycle.graph import LifecycleGraph, open_lifecycle
from motherlode.lifecycle.record import Item, Observation
from motherlode.lifecycle.worker import run_worker
from tests.nugget_worlds import Ticking

MODEL = "lode://model/mlflow/ranking"
SECOND = 1_000_000


class Registry:
    """A source that fails as often as it is told."""

    name, scope, is_listing = "mlflow", "registry", True

    def __init__(self, n_failures: int = 0) -> None:
        self.n_failures, self.n_asked = n_failures, 0

    def observe(self) -> Iterator[Item]:
        yield Observation(MODEL, version=1)

    def hydrate(self, subject: str) -> list[Item]:
        self.n_asked += 1
        if self.n_asked <= self.n_failures:
            raise DataError("the registry is being written")
        return [Observation(subject, version=1)]


class Pauses(threading.Event):
    """An event that notes how long it was waited for, and is set after so many waits."""

    def __init__(self, n_waits: int) -> None:
        super().__init__()
        self.n_waits, self.waited = n_waits, [0.0][:0]

    def wait(self, timeout: float | None = None) -> bool:
        self.waited.append(timeout or 0)
        if len(self.waited) >= self.n_waits:
            self.set()
        return self.is_set()


def notices(graph: LifecycleGraph) -> list[tuple[int, int, str | None]]:
    with graph.database.read() as session:
        return list(session.execute("SELECT attempts, next_at, error FROM lifecycle_notices"))


def test_what_fails_waits_twice_as_long_each_time_up_to_an_hour(tmp_path: Path) -> None:
    clock, registry = Ticking(), Registry(n_failures=12)
    start = clock.micros
    with open_lifecycle(tmp_path / "g.db", clock=clock) as graph:
        graph.notify(registry, MODEL)
        pauses = []
        for attempt in range(1, 13):
            asked_at = clock.micros
            graph.work(registry)
            ((attempts, next_at, error),) = notices(graph)
            assert (registry.n_asked, attempts, error) == (attempt, attempt, "the registry is being written")
            pauses.append((next_at - asked_at) // SECOND)
            clock.micros = next_at - 1
            graph.work(registry)
            assert registry.n_asked == attempt  # not a moment before
            clock.micros = next_at
        assert pauses == [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600, 3600]
        assert graph.work(registry).n_items == 1
        assert notices(graph) == []
        assert clock.micros > start


def test_a_new_event_makes_what_waits_due_at_once(tmp_path: Path) -> None:
    clock, registry = Ticking(), Registry(n_failures=3)
    with open_lifecycle(tmp_path / "g.db", clock=clock) as graph:
        graph.notify(registry, MODEL)
        graph.work(registry)
        graph.work(registry)
        assert registry.n_asked == 1
        graph.notify(registry, MODEL)
        graph.work(registry)
        assert registry.n_asked == 2
        ((attempts, _, _),) = notices(graph)
        assert attempts == 1


def test_the_worker_goes_on_at_once_while_there_is_work_and_pauses_when_there_is_none(tmp_path: Path) -> None:
    registry, stop = Registry(), Pauses(2)
    with open_lifecycle(tmp_path / "g.db") as graph:
        for number in range(5):
            graph.notify(registry, f"{MODEL}{number}")
        report = run_worker(graph, [registry], every_s=7, stop=stop, limit=2)
    assert registry.n_asked == 5
    assert (report.n_rounds, report.tally.n_items) == (5, 5)  # 2 + 2 + 1, then nothing twice
    assert stop.waited == [7, 7]


def test_the_worker_waits_longer_and_longer_while_the_graph_is_locked(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place, registry = tmp_path / "g.db", Registry()
    with open_lifecycle(place, timeout_s=0.05) as graph:
        graph.notify(registry, MODEL)
        holder = sqlite3.connect(place, isolation_level=None)
        holder.execute("BEGIN EXCLUSIVE")
        stop = Pauses(4)
        with caplog.at_level(logging.WARNING, "motherlode"):
            report = run_worker(graph, [registry], every_s=100, stop=stop)
        holder.execute("ROLLBACK")
        holder.close()
        assert stop.waited == [200, 300, 300, 300]
        assert report.n_conflicts == 4
        assert len(caplog.records) == 4
        assert run_worker(graph, [registry], every_s=1, stop=threading.Event(), n_rounds=1).tally.n_items == 1


def test_the_worker_stops_in_the_middle_of_a_pause(tmp_path: Path) -> None:
    stop = threading.Event()
    with open_lifecycle(tmp_path / "g.db") as graph:
        threading.Timer(0.2, stop.set).start()
        began = time.monotonic()
        report = run_worker(graph, [Registry()], every_s=60, stop=stop)
        assert time.monotonic() - began < 20
        assert report.n_rounds == 1
        assert run_worker(graph, [], every_s=60, stop=stop).n_rounds == 0


@pytest.mark.parametrize("every_s", [0, -1, float("nan"), float("inf")])
def test_a_pause_that_is_none_is_refused(tmp_path: Path, every_s: float) -> None:
    with open_lifecycle(tmp_path / "g.db") as graph:
        with pytest.raises(InputError, match="positive number of seconds"):
            run_worker(graph, [], every_s=every_s, stop=threading.Event())
        with pytest.raises(InputError, match="1 or more notices"):
            run_worker(graph, [], every_s=1, stop=threading.Event(), limit=0)
