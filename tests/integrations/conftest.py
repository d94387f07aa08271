"""What the tests of other environments share."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

import motherlode


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A folder to import motherlode from, and nothing else of the environment that runs this."""
    target = tmp_path / "path" / "motherlode"
    target.mkdir(parents=True)
    native = importlib.util.find_spec("motherlode._native")
    assert native is not None
    assert native.origin is not None
    for entry in [*Path(motherlode.__file__).parent.iterdir(), Path(native.origin)]:
        if entry.name != "__pycache__" and not (target / entry.name).exists():
            (target / entry.name).symlink_to(entry)
    return target.parent
