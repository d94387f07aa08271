"""The one door to the native core of this feature: which CPU level runs, how many threads, and the calls."""

from __future__ import annotations

import os
from dataclasses import dataclass

from motherlode import _native
from motherlode.errors import InputError, UnsupportedError

__all__ = ["CpuInfo", "cpu", "level", "native", "thread_count"]

native = _native

_ALL_LEVELS = ("reference", "avx2", "avx512", "neon")


@dataclass(frozen=True, slots=True)
class CpuInfo:
    """Which kernels run.

    level: the level in use
    available: the levels that this CPU runs, slowest first
    forced: whether LODE_CPU_LEVEL chose it
    n_threads: the CPUs this process may use, bounded by LODE_NUM_THREADS
    """

    level: str
    available: tuple[str, ...]
    forced: bool
    n_threads: int


def cpu() -> CpuInfo:
    """Tells which CPU level the kernels use, which others this CPU has, and how many threads.

    ``LODE_CPU_LEVEL`` (``reference``, ``avx2``, ``avx512`` or ``neon``) forces a level, ``LODE_NUM_THREADS`` bounds
    threads. Raises UnsupportedError when the forced level is not available here, InputError when there is none of that
    name.
    """
    return CpuInfo(level(), tuple(native.levels()), bool(os.environ.get("LODE_CPU_LEVEL")), thread_count(0))


def level() -> str:
    """Name of the level in use."""
    available: list[str] = native.levels()
    forced = os.environ.get("LODE_CPU_LEVEL", "").strip().lower()
    if not forced:
        return available[-1]
    if forced not in _ALL_LEVELS:
        raise InputError(f"LODE_CPU_LEVEL={forced!r}: no such CPU level; choose one of {', '.join(_ALL_LEVELS)}")
    if forced not in available:
        raise UnsupportedError(
            f"LODE_CPU_LEVEL={forced!r}: this CPU (or this build) does not run it; available: {', '.join(available)}"
        )
    return forced


def thread_count(n_threads: int) -> int:
    """Resolves 0 to the CPUs this process may use; ``LODE_NUM_THREADS`` bounds either."""
    if n_threads < 0:
        raise InputError(f"n_threads={n_threads}: give 0 for all CPUs of this process, or a positive number")
    affinity = getattr(os, "sched_getaffinity", None)
    n_cpus = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    wanted = n_threads or n_cpus
    limit = os.environ.get("LODE_NUM_THREADS", "").strip()
    if not limit:
        return wanted
    if not limit.isdecimal() or int(limit) == 0:
        raise InputError(f"LODE_NUM_THREADS={limit!r}: give a positive whole number")
    return min(wanted, int(limit))
