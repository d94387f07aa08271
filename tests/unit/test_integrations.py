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


@pytest.mark.parametrize(
    ("door", "package", "advice"),
    [
        ("langchain", "langchain_core", r"pip install 'langchain-core>=1\.0'"),
        ("llama_index", "llama_index", r"pip install 'llama-index-core>=0\.14'"),
        ("haystack", "haystack", r"pip install 'haystack-ai>=3\.0'"),
    ],
)
def test_without_a_framework_its_door_says_how_to_get_it(
    door: str, package: str, advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [package, *(name for name in sys.modules if name.startswith(f"{package}."))]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, f"motherlode.integrations.{door}", raising=False)
    with pytest.raises(UnsupportedError, match=advice):
        importlib.import_module(f"motherlode.integrations.{door}")
