"""The guide's Python runs as written."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.e2e.command_line import environment

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "nuggets.md"


def test_the_python_of_the_guide_to_nuggets_runs_in_order(tmp_path: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", GUIDE.read_text("utf-8"), re.M | re.S)
    assert len(blocks) == 2
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(blocks)],
        cwd=tmp_path, capture_output=True, text=True, env=environment(), timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "2005 Steve Jobs [1997, 2011-08-24) superseded certain" in done.stdout
    assert "2020 Tim Cook [2011-08-24, …) active certain" in done.stdout
    assert "('John Sculley', 'Steve Jobs', 'Tim Cook')" in done.stdout
