"""SQL databases; the CPU levels that tests run at: the one that LODE_CPU_LEVEL forces, else all of them.

A level that this CPU or this build does not have is skipped by name.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from motherlode.core.sql import Database
from motherlode.retrieval.kernels import native
from tests.conformance.sql_items import Open, opener

_FORCED = os.environ.get("LODE_CPU_LEVEL", "").strip().lower()


@pytest.fixture(params=[_FORCED] if _FORCED else ["reference", "avx2", "avx512", "neon"])
def level(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name of the level under test, which the library is also made to use."""
    name: str = request.param
    available = native.levels()
    if name not in available:
        pytest.skip(f"level {name}: this CPU (or this build) runs only {', '.join(available)}")
    monkeypatch.setenv("LODE_CPU_LEVEL", name)
    return name


@pytest.fixture
def open_here(sql_place: str) -> Iterator[Open]:
    """Opens this test's SQL database, once or more; each dialect in turn."""
    with opener(sql_place) as open_it:
        yield open_it


@pytest.fixture
def database(open_here: Open) -> Database:
    return open_here()
