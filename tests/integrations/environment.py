"""Environments of their own for other people's frameworks: python tests/integrations/environment.py [pylate|frameworks]

A library that pins another torch cannot live beside the one the other tests use, and frameworks bring a hundred
packages. Each is made in the cache when first asked for. $MOTHERLODE_PYLATE_PYTHON and $MOTHERLODE_FRAMEWORKS_PYTHON
name an interpreter that has them already, of the Python version that runs the tests.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Environment:
    """One environment: its pins, and what is installed after them without its own dependencies."""

    name: str
    alone: tuple[str, ...] = ()

    @property
    def requirements(self) -> Path:
        return Path(__file__).with_name(f"{self.name}-requirements.txt")

    @property
    def folder(self) -> Path:
        """Below $MOTHERLODE_CACHE, by default ~/.cache/motherlode."""
        cache = os.environ.get("MOTHERLODE_CACHE") or Path.home() / ".cache" / "motherlode"
        return Path(cache) / "environments" / self.name

    def find(self) -> Path | None:
        """The interpreter of an environment that is there."""
        named = os.environ.get(f"MOTHERLODE_{self.name.upper()}_PYTHON")
        if named:
            return Path(named)
        made = self.folder / "made-from.txt"
        is_ours = made.exists() and made.read_text("utf-8") == self._recipe()
        return self.folder / "bin" / "python" if is_ours else None

    def make(self) -> Path:
        """The interpreter; its environment is made if needed, which takes minutes."""
        found = self.find()
        if found is None:
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(self.folder)], check=True)
            found = self.folder / "bin" / "python"
            pip = [str(found), "-m", "pip", "--disable-pip-version-check", "-q", "install"]
            subprocess.run([*pip, "-r", str(self.requirements)], check=True)
            if self.alone:
                subprocess.run([*pip, "--no-deps", *self.alone], check=True)
            (self.folder / "made-from.txt").write_text(self._recipe(), "utf-8")
        return found

    def _recipe(self) -> str:
        return "\n".join([sys.version, *self.alone, self.requirements.read_text("utf-8")])


PYLATE = Environment("pylate", alone=("pylate==1.6.0",))
"""1.7 GB."""
FRAMEWORKS = Environment("frameworks")
"""langchain-core, llama-index-core and haystack-ai beside each other: 0.4 GB, a minute and a half."""


if __name__ == "__main__":
    chosen = {each.name: each for each in (PYLATE, FRAMEWORKS)}[sys.argv[1] if len(sys.argv) > 1 else "pylate"]
    sys.stdout.write(f"{chosen.make()}\n")
