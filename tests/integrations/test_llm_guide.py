"""The guide of extraction with a model does what it says: its Python blocks run in order."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "extraction-with-a-model.md"

if importlib.util.find_spec("litellm") is None:
    pytest.skip("litellm's environment: tests/integrations/llm_environment.py", allow_module_level=True)


def test_the_blocks_of_the_guide_run_in_order(tmp_path: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", GUIDE.read_text("utf-8"), re.M | re.S)
    assert len(blocks) == 6
    (tmp_path / "guide.py").write_text("\n".join(blocks), "utf-8")
    done = subprocess.run(
        [sys.executable, "guide.py"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False, env=os.environ | {"PYTHONUTF8": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("1 documents in 1 windows, 0 of them known already; about ")
    assert lines[1] == "Apple ceo Tim Cook [2011-08-24, …) (0, 59)"
    assert lines[2].startswith("openai/gpt-4o-mini 0.0000135")  # litellm mocks 10 tokens read and 20 written
    assert lines[2].endswith(" False None ()")
    assert lines[3] == "1 0 []"
