"""The guide to the lifecycle graph: its Python runs as written, its example is what the command prints."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from motherlode.lifecycle.graph import open_lifecycle
from tests.e2e.command_line import environment, lode
from tests.lifecycle_exports_world import shop

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "lifecycle.md"


def test_the_python_of_the_guide_runs(tmp_path: Path) -> None:
    [block] = re.findall(r"^```python\n(.*?)^```", GUIDE.read_text("utf-8"), re.M | re.S)
    done = subprocess.run(
        [sys.executable, "-c", block], cwd=tmp_path, capture_output=True, encoding="utf-8", env=environment(),
        timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:4] == [
        "BREAKS 1 feature orders.amount 1.0",
        "BREAKS 2 model ranking 0.9",
        "complete: True []",
        "2 rows read back",
    ]
    assert "flowchart LR" in done.stdout


def test_the_answer_in_the_guide_is_the_answer(tmp_path: Path) -> None:
    with open_lifecycle(tmp_path / "g.db") as graph:
        graph.add(shop())
    printed = lode(
        "lifecycle", "impact", "feature:orders.amount_7d", "--change", "drop", "--db", tmp_path / "g.db"
    ).stdout
    text = GUIDE.read_text("utf-8")
    shown = text[text.index("Dropping feature:orders.amount_7d breaks") : text.index("```\n\nThe graph is")]
    plain = [re.sub(r"confirmed .* ago|─+", "", part).rstrip() for part in (printed, shown)]
    assert plain[0] == plain[1]
