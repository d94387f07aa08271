"""Two processes write to one store in any interleaving: it says what the obvious store says, now and at every time."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from motherlode.nuggets.memory import MemoryStore
from motherlode.nuggets.store import open_nuggets
from tests.nugget_process import StoreProcess
from tests.nugget_worlds import Pair, Ticking
from tests.postgres import PostgresServer


@pytest.fixture(scope="module")
def other_process() -> Iterator[StoreProcess]:
    """A process that opens any store."""
    process = StoreProcess()
    yield process
    process.end()


class TwoProcesses(RuleBasedStateMachine):
    """Every step is taken by this process, through one of two handles, or by the other process."""

    place: tuple[StoreProcess, PostgresServer | None]

    def __init__(self) -> None:
        super().__init__()
        other, server = self.place
        self.kept = ExitStack()
        if server is None:
            where = str(Path(self.kept.enter_context(tempfile.TemporaryDirectory())) / "facts.db")
        else:
            where = self.kept.enter_context(server.database())
        clock = Ticking()
        here = [self.kept.enter_context(open_nuggets(where, clock=clock)) for _ in range(2)]
        other.open(where, clock)
        self.kept.callback(other.open, ":memory:", clock)
        self.pair = Pair(here[0], MemoryStore(), clock, [])
        self.writers: list[Any] = [*here, other]

    @rule(writer=st.integers(0, 2), seed=st.integers(0, 2**32))
    def write(self, writer: int, seed: int) -> None:
        """One random write, by one of them."""
        replace(self.pair, store=self.writers[writer]).step(Random(seed))

    @rule(reader=st.integers(0, 1))
    def compare(self, reader: int) -> None:
        """Both handles see what everybody wrote."""
        replace(self.pair, store=self.writers[reader], known=self.pair.known[-2:]).check()

    @invariant()
    def times_only_go_on(self) -> None:
        assert self.pair.known == sorted(set(self.pair.known))

    def teardown(self) -> None:
        try:
            self.pair.check()
        finally:
            self.kept.close()


def _run(other: StoreProcess, server: PostgresServer | None, n_examples: int, n_steps: int) -> None:
    machine = type("Machine", (TwoProcesses,), {"place": (other, server)})
    run_state_machine_as_test(machine, settings=settings(max_examples=n_examples, stateful_step_count=n_steps))


def test_any_interleaving_over_two_processes_equals_the_obvious_store_on_sqlite(other_process: StoreProcess) -> None:
    _run(other_process, None, 20, 20)


def test_any_interleaving_over_two_processes_equals_the_obvious_store_on_postgresql(
    other_process: StoreProcess, postgres_server: PostgresServer
) -> None:
    _run(other_process, postgres_server, 6, 20)


@pytest.mark.long
@pytest.mark.parametrize("place", ["sqlite", "postgresql"])
def test_long_interleavings_equal_the_obvious_store(
    other_process: StoreProcess, place: str, request: pytest.FixtureRequest
) -> None:
    server = request.getfixturevalue("postgres_server") if place == "postgresql" else None
    _run(other_process, server, 150, 50)
