"""The README does what it says: its Python blocks run in order, so do the shell blocks marked to.

Python blocks share one namespace, as a reader would type them; ``<!-- not run: reason -->`` on the line before a block
leaves it out. Shell blocks run where ``<!-- run -->`` stands before them, with this environment's commands first.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.command_line import environment

README = Path(__file__).parents[2] / "README.md"
_BLOCK = re.compile(r"(?:^<!--\s*(?P<mark>.*?)\s*-->\s*\n)?^```(?P<language>\w+)[^\n]*\n(?P<code>.*?)^```", re.M | re.S)


def blocks(language: str) -> list[tuple[str, str]]:
    """(mark, code) of the README's blocks in this language."""
    if not README.is_file():
        pytest.skip("there is no README.md here")
    found = _BLOCK.finditer(README.read_text(encoding="utf-8"))
    return [(m["mark"] or "", m["code"]) for m in found if m["language"] == language]


def test_the_python_blocks_of_the_readme_run_in_order(tmp_path: Path) -> None:
    codes = [code for mark, code in blocks("python") if not mark.startswith("not run")]
    if not codes:
        pytest.skip("README.md has no Python blocks yet")
    pytest.importorskip("onnxruntime")
    (tmp_path / "readme.py").write_text("\n".join(codes), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "readme.py"],
        cwd=tmp_path, capture_output=True, text=True, env=environment(), timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_marked_shell_blocks_of_the_readme_run(tmp_path: Path) -> None:
    codes = [code for mark, code in blocks("bash") if mark == "run"]
    if not codes:
        pytest.skip("README.md marks no shell block to be run")
    here = environment()
    here["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{here['PATH']}"
    for code in codes:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", code],
            cwd=tmp_path, capture_output=True, text=True, env=here, timeout=280, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{code}\n{done.stderr}"
