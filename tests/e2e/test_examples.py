"""Every example runs and says what it promises."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.command_line import environment

EXAMPLES = Path(__file__).parents[2] / "examples"
SAYS = {
    "search_text.py": ["tides", "bread"],
    "search_vectors.py": ["found: ['1234'"],
    "stream_documents.py": ["1000 documents; best: doc-0, 'Document 0'"],
    "fast_plaid_style.py": [
        "found: [7, 450]",
        "after the deletion: 0",
        "among 3: [1, 2, 450]",
        "one list each: [2, 1]",
    ],
    "dated_facts.py": [
        "Croatia on 2024-06-01, as known on 2022-01-01: HRK",
        "Croatia on 2024-06-01, as known on 2026-07-01: EUR",
        "Bulgaria on 2026-06-01, as known on 2025-07-01: BGN",
        "Bulgaria on 2026-06-01, as known on 2026-07-01: EUR",
        "DEM [1948-06-20, 2002-03-01)",
    ],
    "evaluate_index.py": ["nDCG@10: 1.000", "overlap@10 with exact MaxSim: 1.000"],
}
NEEDS = {"search_text.py": ("onnxruntime",), "evaluate_index.py": ("onnxruntime", "ir_measures")}


def test_every_example_is_run() -> None:
    assert sorted(SAYS) == sorted(path.name for path in EXAMPLES.glob("*.py"))


@pytest.mark.parametrize("name", sorted(SAYS))
def test_the_example_runs(name: str, tmp_path: Path) -> None:
    for package in NEEDS.get(name, ()):
        pytest.importorskip(package)
    done = subprocess.run(
        [sys.executable, EXAMPLES / name],
        cwd=tmp_path, capture_output=True, text=True, env=environment(), timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for words in SAYS[name]:
        assert words in done.stdout
    assert list(tmp_path.iterdir()) == []
