"""Which CPU level runs, how many threads, and what the environment may say about it."""

from __future__ import annotations

import os

import pytest

from motherlode import InputError, UnsupportedError, cpu
from motherlode.retrieval.kernels import level, native, thread_count


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LODE_CPU_LEVEL", raising=False)
    monkeypatch.delenv("LODE_NUM_THREADS", raising=False)


def test_the_reference_is_always_there_and_the_fastest_level_is_used() -> None:
    info = cpu()
    assert info.available[0] == "reference"
    assert info.level == info.available[-1]
    assert not info.forced
    assert info.n_threads >= 1


@pytest.mark.parametrize("name", ["reference", "REFERENCE", " reference "])
def test_a_level_can_be_forced(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("LODE_CPU_LEVEL", name)
    assert cpu().level == "reference"
    assert cpu().forced


def test_a_level_that_does_not_exist_is_refused_with_those_that_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LODE_CPU_LEVEL", "sse9")
    with pytest.raises(InputError, match="'sse9': no such CPU level; choose one of reference, avx2, avx512, neon"):
        level()


def test_a_level_that_this_cpu_lacks_is_refused_with_those_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = next(name for name in ("neon", "avx2", "avx512") if name not in native.levels())
    monkeypatch.setenv("LODE_CPU_LEVEL", missing)
    with pytest.raises(UnsupportedError, match=f"{missing!r}.*available: reference"):
        cpu()


def test_zero_threads_are_the_cpus_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    if hasattr(os, "sched_getaffinity"):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5, 8})
        assert thread_count(0) == 3
    assert thread_count(7) == 7


def test_the_environment_bounds_threads_and_never_raises_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LODE_NUM_THREADS", "2")
    assert thread_count(16) == 2
    assert thread_count(1) == 1
    monkeypatch.setenv("LODE_NUM_THREADS", " ")
    assert thread_count(16) == 16


@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5", "²"])
def test_a_bound_that_is_no_positive_number_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("LODE_NUM_THREADS", value)
    with pytest.raises(InputError, match=f"LODE_NUM_THREADS={value!r}"):
        thread_count(0)


def test_a_negative_number_of_threads_is_refused() -> None:
    with pytest.raises(InputError, match="n_threads=-1"):
        thread_count(-1)
