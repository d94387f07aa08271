"""The tests of the PyLate door, run where PyLate is: in an environment of its own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.integrations import environment

ROOT = Path(__file__).resolve().parents[2]


def run_there(python: Path, package: Path) -> None:
    done = subprocess.run(
        [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/integrations/test_pylate.py",
         "tests/unit/test_runs.py::test_ranx_sees_the_order_of_the_hits"],
        cwd=ROOT, capture_output=True, text=True, timeout=900, check=False,
        env=os.environ | {"PYTHONPATH": str(package), "HF_HUB_OFFLINE": "1", "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout, done.stdout[-2000:]


@pytest.mark.timeout(900)
def test_the_pylate_door_opens(package: Path) -> None:
    python = environment.find()
    if python is None:
        pytest.skip("PyLate's environment is not there: make it with python tests/integrations/environment.py")
    run_there(python, package)


@pytest.mark.long
def test_the_environment_can_be_made_and_the_door_opens_there(package: Path) -> None:
    if environment.find() is not None:
        pytest.skip("PyLate's environment is there, and test_the_pylate_door_opens runs in it")
    run_there(environment.make(), package)
