"""What every test shares: one way to run Hypothesis, children that hear Ctrl-C, databases of both SQL dialects."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from motherlode.nuggets.store import NuggetStore, open_nuggets
from tests import postgres
from tests.nugget_worlds import Ticking

# Examples are the same in every run: a red test is red for everybody. LODE_HYPOTHESIS=explore looks further.
settings.register_profile("repeat", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", deadline=None, max_examples=1000, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("LODE_HYPOTHESIS", "repeat"))


def pytest_configure() -> None:
    """Children must hear Ctrl-C, also where the tests themselves run in the background and inherited deafness to it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.PostgresServer]:
    """A PostgreSQL server of the tests' own, started by the first one that asks."""
    try:
        with postgres.server() as server:
            yield server
    except postgres.MissingError as missing:
        pytest.skip(str(missing))


@pytest.fixture
def postgres_url(postgres_server: postgres.PostgresServer) -> Iterator[str]:
    """The URL of a new, empty database."""
    with postgres_server.database() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def sql_place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where `open_database` makes a new database: once a file, once a URL."""
    if request.param == "sqlite":
        return str(tmp_path / "facts.db")
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def clock() -> Ticking:
    """The clock of `store`, which stands until the test turns it."""
    return Ticking()


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def nugget_place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a nugget store may live: in memory, in a file, on a server."""
    if request.param == "postgresql":
        url: str = request.getfixturevalue("postgres_url")
        return url
    return ":memory:" if request.param == "memory" else str(tmp_path / "facts.db")


@pytest.fixture
def store(nugget_place: str, clock: Ticking) -> Iterator[NuggetStore]:
    """An empty nugget store, in each place."""
    with open_nuggets(nugget_place, clock=clock) as opened:
        yield opened
