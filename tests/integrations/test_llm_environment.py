"""The tests of models through litellm, run where litellm is: in an environment of its own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.integrations import llm_environment

ROOT = Path(__file__).resolve().parents[2]


def run_there(python: Path, package: Path) -> None:
    hidden = ("OPENAI_", "ANTHROPIC_", "AZURE_", "OLLAMA_", "GEMINI_", "GOOGLE_", "AWS_", "LITELLM_")
    quiet = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    done = subprocess.run(
        [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/integrations/test_llm.py",
         "tests/integrations/test_llm_guide.py"],
        cwd=ROOT, capture_output=True, text=True, timeout=600, check=False,
        env=quiet | {"PYTHONPATH": str(package), "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout, done.stdout[-2000:]


@pytest.mark.timeout(600)
def test_models_answer_through_litellm(package: Path) -> None:
    python = llm_environment.find()
    if python is None:
        pytest.skip("litellm's environment is not there: make it with python tests/integrations/llm_environment.py")
    run_there(python, package)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_environment_can_be_made_and_models_answer_there(package: Path) -> None:
    if llm_environment.find() is not None:
        pytest.skip("litellm's environment is there, and test_models_answer_through_litellm runs in it")
    run_there(llm_environment.make(), package)
