"""The command line announces what it builds, and a lost announcement is one line, not a failure."""

from __future__ import annotations

from pathlib import Path

import pytest

from motherlode.lifecycle.graph import open_lifecycle
from tests.e2e.command_line import lode

pytest.importorskip("onnxruntime", reason="the extra 'encode' is not installed")


@pytest.fixture(autouse=True)
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "shop"
    (root / "handbook").mkdir(parents=True)
    (root / "handbook" / "returns.md").write_text("# Returns\n\nTim Cook has been the CEO of Apple since 2011.\n")
    monkeypatch.chdir(root)
    return root


def test_an_index_and_a_store_are_what_a_change_of_their_folder_reaches(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (shop / ".lode").mkdir()
    with open_lifecycle(".lode/lifecycle.db"):
        pass
    monkeypatch.delenv("LODE_LIFECYCLE", raising=False)
    lode("index", "handbook", "--out", "search")
    lode("nuggets", "ingest", "handbook", "--store", "facts.db")
    with open_lifecycle(".lode/lifecycle.db", read_only=True) as graph:
        reached = {row.uri for row in graph.impact("dataset:handbook", "drop").rows}
        needed = {row.uri for row in graph.upstream("index:search").rows}
    assert {"lode://index/motherlode/shop/search", "lode://nugget_store/motherlode/shop/facts.db"} <= reached
    assert "lode://model/motherlode/minilm" in needed


def test_a_graph_that_is_none_costs_one_line(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (shop / "diary.txt").write_text("Dear diary, " * 500)
    monkeypatch.setenv("LODE_LIFECYCLE", "diary.txt")
    done = lode("index", "handbook", "--out", "search")
    assert done.stderr.count("the lifecycle graph in diary.txt does not know of index 'search'") == 1
    assert "Traceback" not in done.stderr
    assert (shop / "search" / "manifest.json").exists()
    assert (shop / "diary.txt").read_text() == "Dear diary, " * 500
