"""Run one job of one system in a process of its own."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.peers.environments import NoEnvironmentError, python_of

__all__ = ["JobFailedError", "available_threads", "build_afresh", "cpu_flags", "cpu_name", "run_job"]

_PEERS = Path(__file__).resolve().parent / "peers"
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS", "LODE_NUM_THREADS", "BENCH_THREADS")


@dataclass(frozen=True)
class JobFailedError(Exception):
    """What a system said when it could not do a job, or that it took too long."""

    reason: str

    def __str__(self) -> str:
        return self.reason


def run_job(
    system: str,
    request: dict[str, Any],
    *,
    n_threads: int,
    budget_s: float | None = None,
    environment: dict[str, str] | None = None,
) -> dict[str, Any]:
    """The response of ``system`` to ``request``; JobFailedError where there is none within ``budget_s``."""
    variables = {name: str(n_threads) for name in _THREAD_VARIABLES}
    # The exact search spreads queries over threads itself; a threaded BLAS below it would only get in the way.
    variables["OPENBLAS_NUM_THREADS"] = "1" if system == "exact" else str(n_threads)
    with tempfile.TemporaryDirectory(prefix="motherlode-bench-") as folder:
        asked, answered, log = (Path(folder) / name for name in ("request.json", "response.json", "log.txt"))
        asked.write_text(json.dumps(request))
        try:
            python = python_of(system)
        except (NoEnvironmentError, subprocess.CalledProcessError) as error:
            raise JobFailedError(str(error)) from error
        command = [str(python), str(_PEERS / system / "runner.py"), str(asked), str(answered)]
        with open(log, "wb") as stream:
            try:
                done = subprocess.run(
                    command,
                    env=os.environ | variables | (environment or {}),
                    stdout=stream,
                    stderr=stream,
                    timeout=budget_s,
                    check=False,
                )
            except subprocess.TimeoutExpired:
                raise JobFailedError(f"not done within {budget_s:.0f} s") from None
        if done.returncode != 0 or not answered.exists():
            tail = log.read_text(errors="replace").strip().splitlines()[-1:] or [""]
            raise JobFailedError(f"exit code {done.returncode}: {tail[0]}")
        response: dict[str, Any] = json.loads(answered.read_text())
    response["at"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return response


def build_afresh(system: str, data: Path, index: Path, options: dict[str, Any], **arguments: Any) -> dict[str, Any]:
    """Build an index in place of an earlier one."""
    shutil.rmtree(index, ignore_errors=True)
    index.parent.mkdir(parents=True, exist_ok=True)
    request = {"job": "build", "data": str(data), "index": str(index), "options": options}
    return run_job(system, request, **arguments)


def available_threads() -> int:
    return len(os.sched_getaffinity(0))


def cpu_flags() -> set[str]:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("flags"):
            return set(line.split(":", 1)[1].split())
    return set()


def cpu_name() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()
