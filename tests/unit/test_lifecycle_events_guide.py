"""The guide's program does what the guide says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "lifecycle-events.md"


def test_the_program_of_the_guide_runs_and_finds_what_depends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    program = re.findall(r"```python\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)[0]
    names: dict[str, object] = {"__name__": "guide"}
    exec(compile(program, "guide", "exec"), names)
    names["graph"].close()  # type: ignore[attr-defined]
    said = capsys.readouterr().out
    assert "lode://model_version/python/ranking@v5" in said
    assert "lode://model/python/search" in said
    assert "BREAKS lode://dataset/s3/lake/features/orders.parquet" in said


def test_every_program_of_the_guide_is_python_and_imports_what_is_there() -> None:
    for program in re.findall(r"```python\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL):
        compile(program, "guide", "exec")
        imports = "\n".join(line for line in program.splitlines() if line.startswith(("import ", "from ")))
        exec(imports, {})
