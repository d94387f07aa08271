"""The tests of the doors into frameworks, run where these are: in environments of their own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.integrations.environment import FRAMEWORKS, PYLATE, Environment

ROOT = Path(__file__).resolve().parents[2]
TESTS = {
    "pylate": ("tests/integrations/test_pylate.py", "tests/unit/test_runs.py::test_ranx_sees_the_order_of_the_hits"),
    "frameworks": (
        "tests/integrations/test_langchain.py",
        "tests/integrations/test_llama_index.py",
        "tests/integrations/test_haystack.py",
    ),
}
QUIET = {
    "HF_HUB_OFFLINE": "1",
    "HAYSTACK_TELEMETRY_ENABLED": "False",
    "LANGSMITH_TRACING": "false",
    "LANGCHAIN_TRACING_V2": "false",
    "PYTHONDONTWRITEBYTECODE": "1",
}
"""Nothing is fetched and nothing is reported home."""


def run_there(name: str, python: Path, package: Path) -> None:
    done = subprocess.run(
        [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS[name]],
        cwd=ROOT, capture_output=True, text=True, timeout=900, check=False,
        env=os.environ | QUIET | {"PYTHONPATH": str(package)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout, done.stdout[-2000:]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("where", [PYLATE, FRAMEWORKS], ids=lambda each: each.name)
def test_the_doors_open(where: Environment, package: Path) -> None:
    python = where.find()
    if python is None:
        pytest.skip(f"not there: make it with python tests/integrations/environment.py {where.name}")
    run_there(where.name, python, package)


@pytest.mark.long
@pytest.mark.parametrize("where", [PYLATE, FRAMEWORKS], ids=lambda each: each.name)
def test_the_environment_can_be_made_and_the_doors_open_there(where: Environment, package: Path) -> None:
    if where.find() is not None:
        pytest.skip(f"{where.name} is there, and test_the_doors_open runs in it")
    run_there(where.name, where.make(), package)
