"""Doors into frameworks that are not there say how to get them."""

from __future__ import annotations

import importlib
import sys

import pytest

from motherlode import UnsupportedError


def test_without_pylate_its_door_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pylate", "pylate.indexes", "pylate.indexes.base"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "motherlode.integrations.pylate", raising=False)
    with pytest.raises(UnsupportedError, match=r"pip install --no-deps pylate==1\.6\.0"):
        importlib.import_module("motherlode.integrations.pylate")
