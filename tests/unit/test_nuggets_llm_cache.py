"""What was paid for is found again, and gone when its document is erased."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from motherlode.nuggets.llm import ExtractionCache, FileExtractionCache, MemoryExtractionCache


@pytest.fixture(params=["memory", "file"])
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> ExtractionCache:
    return MemoryExtractionCache() if request.param == "memory" else FileExtractionCache(tmp_path / "cache")


def test_what_was_put_is_got_and_nothing_else(cache: ExtractionCache) -> None:
    assert cache.get("k") is None
    cache.put("k", "d", "größer")
    assert cache.get("k") == "größer"
    cache.put("k", "d", "other")
    assert cache.get("k") == "other"
    assert cache.get("l") is None


def test_purging_a_document_forgets_its_entries_and_no_others(cache: ExtractionCache) -> None:
    cache.put("1", "a", "x")
    cache.put("2", "a", "y")
    cache.put("3", "../b", "z")
    assert cache.purge("a") == 2
    assert [cache.get(key) for key in "123"] == [None, None, "z"]
    assert cache.purge("a") == 0
    assert cache.purge("never seen") == 0


def test_an_entry_of_two_documents_goes_with_the_first_that_is_purged(cache: ExtractionCache) -> None:
    cache.put("k", "a", "x")
    cache.put("k", "b", "x")
    assert cache.purge("b") == 1
    assert cache.get("k") is None
    assert cache.purge("a") == 0


def test_after_a_purge_no_file_holds_the_text_or_the_name(tmp_path: Path) -> None:
    cache = FileExtractionCache(tmp_path / "cache")
    cache.put("k", "patient-7", "her secret")
    (tmp_path / "cache" / "answers" / ".k.left-by-a-crash.tmp").write_text("her secret", "utf-8")
    cache.put("l", "other", "public")
    cache.purge("patient-7")
    files = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert len(files) == 2  # the other document's answer and mark
    assert all(b"secret" not in path.read_bytes() and "patient" not in str(path) for path in files)


def test_another_process_finds_the_entry(tmp_path: Path) -> None:
    FileExtractionCache(tmp_path / "cache").put("k", "d", "value")
    assert FileExtractionCache(str(tmp_path / "cache")).get("k") == "value"


@pytest.mark.parametrize("damage", ["", "{", '{"value": 3}', "[]", '{"digest": "0", "value": "value"}'])
def test_a_damaged_file_is_a_miss(tmp_path: Path, damage: str) -> None:
    cache = FileExtractionCache(tmp_path)
    cache.put("k", "d", "value")
    path = tmp_path / "answers" / "k.json"
    assert json.loads(path.read_text("utf-8"))["value"] == "value"
    path.write_text(damage, "utf-8")
    assert cache.get("k") is None
