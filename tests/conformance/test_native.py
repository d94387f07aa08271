"""The native tests, built every way we support: as shipped, sanitized, for arm64, and on an emulated AVX-512 CPU.

Where a compiler or an emulator is missing, native/tests/run says so and the test is skipped with its words.
"""

from __future__ import annotations

import subprocess

import pytest

from tests.architecture.rules import ROOT

_LACKING = 77  # native/tests/run's exit status when this machine cannot run that way


def _run(way: str) -> str:
    done = subprocess.run([ROOT / "native" / "tests" / "run", way], capture_output=True, text=True, check=False)
    output = done.stdout + done.stderr
    if done.returncode == _LACKING:
        pytest.skip(output.strip().splitlines()[-1].removeprefix("skipped: "))
    assert done.returncode == 0, f"native/tests/run {way} ended with {done.returncode}:\n{output[-8000:]}"
    return output


@pytest.mark.timeout(900)
def test_the_native_tests_pass_as_the_library_is_built() -> None:
    _run("native")


@pytest.mark.timeout(900)
def test_the_native_tests_pass_under_the_sanitizers() -> None:
    _run("sanitized")


@pytest.mark.timeout(900)
def test_the_native_tests_pass_on_arm64_under_qemu() -> None:
    _run("neon")


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_the_native_tests_pass_at_level_avx512_on_an_emulated_cpu() -> None:
    assert "EMULATED EXIT 0" in _run("avx512")


def test_an_unknown_way_is_refused() -> None:
    done = subprocess.run([ROOT / "native" / "tests" / "run", "vax"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "unknown way 'vax', expected native, sanitized, neon or avx512" in done.stderr
