"""PyLate's own environment, made in the cache when first asked for: python tests/integrations/environment.py

A library that pins another torch cannot live beside the one the other tests use. $MOTHERLODE_PYLATE_PYTHON names an
interpreter that has PyLate already, of the Python version that runs the tests.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PYLATE = "pylate==1.6.0"
REQUIREMENTS = Path(__file__).with_name("pylate-requirements.txt")


def folder() -> Path:
    """Below $MOTHERLODE_CACHE, by default ~/.cache/motherlode."""
    return Path(os.environ.get("MOTHERLODE_CACHE") or Path.home() / ".cache" / "motherlode") / "environments" / "pylate"


def find() -> Path | None:
    """The interpreter of an environment that is there."""
    named = os.environ.get("MOTHERLODE_PYLATE_PYTHON")
    if named:
        return Path(named)
    made = folder() / "made-from.txt"
    is_ours = made.exists() and made.read_text("utf-8") == _recipe()
    return folder() / "bin" / "python" if is_ours else None


def make() -> Path:
    """The interpreter; its environment is made if needed, which takes minutes and 1.7 GB."""
    found = find()
    if found is None:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder())], check=True)
        found = folder() / "bin" / "python"
        pip = [str(found), "-m", "pip", "--disable-pip-version-check", "-q", "install"]
        subprocess.run([*pip, "-r", str(REQUIREMENTS)], check=True)
        subprocess.run([*pip, "--no-deps", PYLATE], check=True)
        (folder() / "made-from.txt").write_text(_recipe(), "utf-8")
    return found


def _recipe() -> str:
    return f"{sys.version}\n{PYLATE}\n{REQUIREMENTS.read_text('utf-8')}"


if __name__ == "__main__":
    sys.stdout.write(f"{make()}\n")
