"""The index directory: who may build there, and how a new set of files replaces an old one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from motherlode.core.files import ContainerWriter, read_manifest, write_manifest
from motherlode.errors import ConflictError, DataError, InputError
from motherlode.retrieval.layout import (
    MANIFEST,
    VERSION,
    claim_directory,
    commit,
    discard,
    file_entry,
    file_name,
    hold_directory,
    load_manifest,
    next_generation,
    open_file,
)


def write(directory: Path, role: str, generation: int, value: int = 0) -> Path:
    path = directory / file_name(role, generation)
    with ContainerWriter(path) as writer:
        writer.add("s", np.array([value], np.uint8))
    return path


def content(directory: Path, generation: int, more: dict[str, Any]) -> dict[str, Any]:
    entry = file_entry(directory / file_name("flat", generation))
    return {**more, "files": {}, "segments": [{"files": {"flat": entry}}]}


def names(directory: Path) -> list[str]:
    return sorted(entry.name for entry in directory.iterdir())


def test_a_new_directory_is_made_with_its_parents(tmp_path: Path) -> None:
    assert claim_directory(tmp_path / "a" / "b", overwrite=False).is_dir()
    assert claim_directory(str(tmp_path / "a" / "b"), overwrite=False) == tmp_path / "a" / "b"


def test_a_directory_that_holds_something_is_a_conflict_unless_overwritten(tmp_path: Path) -> None:
    write(tmp_path, "flat", 1)
    commit(tmp_path, content(tmp_path, 1, {}))
    with pytest.raises(ConflictError, match="overwrite=True"):
        claim_directory(tmp_path, overwrite=False)
    assert claim_directory(tmp_path, overwrite=True) == tmp_path


def test_overwriting_replaces_indexes_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(ConflictError, match="no index"):
        claim_directory(tmp_path, overwrite=True)
    with pytest.raises(ConflictError, match="is a file"):
        claim_directory(tmp_path / "thesis.txt", overwrite=True)


def test_what_a_killed_first_build_left_may_be_overwritten(tmp_path: Path) -> None:
    write(tmp_path, "segment", 1)
    (tmp_path / f".{MANIFEST}.123.tmp").write_text("{")
    claim_directory(tmp_path, overwrite=True)
    write(tmp_path, "flat", next_generation(tmp_path))
    commit(tmp_path, content(tmp_path, 2, {}))
    assert names(tmp_path) == ["flat-000002.lode", MANIFEST]


def test_generations_count_up_past_anything_left_over(tmp_path: Path) -> None:
    assert next_generation(tmp_path) == 1
    for name in ("flat-000003.lode", "segment-000012.lode", "odd-name.lode", "notes-000099.txt"):
        (tmp_path / name).touch()
    assert next_generation(tmp_path) == 13


def test_a_commit_replaces_the_files_of_the_generation_before(tmp_path: Path) -> None:
    for generation in (1, 2):
        write(tmp_path, "flat", generation, generation)
        commit(tmp_path, content(tmp_path, generation, {"kind": "flat"}))
    assert names(tmp_path) == ["flat-000002.lode", MANIFEST]
    manifest = load_manifest(tmp_path)
    assert (manifest["format"], manifest["version"], manifest["kind"]) == ("motherlode-index", VERSION, "flat")
    container = open_file(tmp_path, manifest["segments"][0]["files"]["flat"])
    assert container.array("s", np.uint8).tolist() == [2]
    assert manifest["segments"][0]["files"] == {
        "flat": {"name": "flat-000002.lode", "size": container.size_bytes, "crc32": container.crc32}
    }


def test_a_file_of_another_index_is_refused_though_it_has_the_same_size(tmp_path: Path) -> None:
    for name, value in (("one", 1), ("two", 2)):
        directory = claim_directory(tmp_path / name, overwrite=False)
        write(directory, "flat", 1, value)
        commit(directory, content(directory, 1, {}))
    os.replace(tmp_path / "two" / "flat-000001.lode", tmp_path / "one" / "flat-000001.lode")
    with pytest.raises(DataError, match=r"flat-000001\.lode: is not the file that the manifest means"):
        open_file(tmp_path / "one", load_manifest(tmp_path / "one")["segments"][0]["files"]["flat"])


def test_a_manifest_cannot_lead_out_of_the_directory(tmp_path: Path) -> None:
    write(tmp_path, "flat", 1)
    for name in ("../flat-000001.lode", "/etc/passwd", "a/b", ""):
        with pytest.raises(DataError, match=r"leaves the directory|is missing"):
            open_file(tmp_path, {"name": name, "size": 1, "crc32": ""})


def test_a_directory_without_manifest_or_none_at_all_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere: no such directory; build an index there"):
        load_manifest(tmp_path / "nowhere")
    with pytest.raises(DataError, match="no manifest.json inside"):
        load_manifest(tmp_path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"format": "motherlode-index", "version": VERSION + 1}, f"index version {VERSION + 1}.*upgrade"),
        ({"format": "other", "version": 1}, "found format 'other'"),
        ({"format": "motherlode-index"}, "version None"),
        ({"format": "motherlode-index", "version": "1"}, "version '1'"),
        ({}, "found format None"),
    ],
)
def test_a_newer_or_foreign_manifest_is_refused_by_name(tmp_path: Path, content: dict[str, Any], says: str) -> None:
    write_manifest(tmp_path / MANIFEST, content)
    with pytest.raises(DataError, match=says) as caught:
        load_manifest(tmp_path)
    assert caught.value.path == str(tmp_path / MANIFEST)


def test_a_failed_build_takes_its_files_away_but_never_those_of_the_current_manifest(tmp_path: Path) -> None:
    current = write(tmp_path, "flat", 1)
    commit(tmp_path, content(tmp_path, 1, {}))
    left = write(tmp_path, "segment", 2)
    discard(tmp_path, [current, left, tmp_path / "never-written.lode"])
    assert names(tmp_path) == ["flat-000001.lode", MANIFEST]


@pytest.mark.skipif(os.name == "nt", reason="directories have no locks there")
def test_two_builds_into_one_directory_exclude_each_other(tmp_path: Path) -> None:
    with hold_directory(tmp_path), pytest.raises(ConflictError, match="another writer holds it"):
        with hold_directory(tmp_path):
            pass
    with hold_directory(tmp_path):
        pass


def test_the_manifest_is_what_read_manifest_reads(tmp_path: Path) -> None:
    write(tmp_path, "flat", 1)
    commit(tmp_path, content(tmp_path, 1, {"n": 1}))
    assert read_manifest(tmp_path / MANIFEST) == load_manifest(tmp_path)
