"""An environment with litellm, made in the cache when first asked for: python tests/integrations/llm_environment.py

litellm takes 0.36 GB with what it brings along, so the environment of the other tests does without.
$MOTHERLODE_LLM_PYTHON names an interpreter that has litellm already, of the Python version that runs the tests.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("hypothesis", "litellm", "numpy", "pytest", "pytest-timeout", "rich", "typer")
CONSTRAINTS = ROOT / "constraints.txt"


def folder() -> Path:
    """Below $MOTHERLODE_CACHE, by default ~/.cache/motherlode."""
    return Path(os.environ.get("MOTHERLODE_CACHE") or Path.home() / ".cache" / "motherlode") / "environments" / "llm"


def find() -> Path | None:
    """The interpreter of an environment that is there."""
    named = os.environ.get("MOTHERLODE_LLM_PYTHON")
    if named:
        return Path(named)
    made = folder() / "made-from.txt"
    is_ours = made.exists() and made.read_text("utf-8") == _recipe()
    return folder() / "bin" / "python" if is_ours else None


def make() -> Path:
    """The interpreter; its environment is made if needed, which takes half a minute."""
    found = find()
    if found is None:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder())], check=True)
        found = folder() / "bin" / "python"
        pip = [str(found), "-m", "pip", "--disable-pip-version-check", "-q", "install"]
        subprocess.run([*pip, "--constraint", str(CONSTRAINTS), *PACKAGES], check=True)
        (folder() / "made-from.txt").write_text(_recipe(), "utf-8")
    return found


def _recipe() -> str:
    """Python, and the pins of what is asked for by name: another pin of theirs makes the environment anew."""
    pins = [line for line in CONSTRAINTS.read_text("utf-8").splitlines() if line.split("==")[0] in PACKAGES]
    return "\n".join([sys.version, *pins])


if __name__ == "__main__":
    sys.stdout.write(f"{make()}\n")
