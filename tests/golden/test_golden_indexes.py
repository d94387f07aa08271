"""Today's code reads the indexes of every earlier format, and refuses them by name when they are damaged."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from motherlode import DataError, open_index
from motherlode.core.files import read_manifest, write_manifest
from motherlode.retrieval.kernels import native
from motherlode.retrieval.layout import MANIFEST, VERSION
from tests.golden.make_indexes import KINDS, build

HERE = Path(__file__).parent
EXPECTED: dict[str, dict[str, Any]] = {
    f"{version.name}/{name}": facts
    for version in sorted(HERE.glob("v*"))
    for name, facts in json.loads((version / "expected.json").read_text(encoding="ascii")).items()
}


def test_there_is_a_golden_index_of_every_kind_in_every_format_so_far() -> None:
    assert {path.name for path in HERE.glob("v*")} == {f"v{n}" for n in range(1, VERSION + 1)}
    assert set(EXPECTED) >= {f"v{VERSION}/{name}" for name in KINDS}
    assert sum(file.stat().st_size for file in HERE.rglob("v*/**/*") if file.is_file()) < 400_000 * VERSION


@pytest.mark.parametrize("level", native.levels())
@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_golden_index_answers_as_it_did_when_it_was_written(
    name: str, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LODE_CPU_LEVEL", level)
    index, expected = open_index(HERE / name, verify=True), EXPECTED[name]
    for key in ("n_docs", "n_tokens", "dim", "kind"):
        assert getattr(index, key) == expected[key]
    for key in ("ids", "titles", "texts"):
        column = getattr(index, key)
        assert (None if column is None else list(column)) == expected[key]
    if "schema" in expected:
        assert index.schema == expected["schema"]
        assert index.snapshot.keep_vectors == expected["kept"]
        assert {where: index.ids_where(where) for where in expected["filters"]} == expected["filters"]
        assert {w: index.search_lexical([int(w)], 5).ids for w in expected["words"]} == expected["words"]
    for answer in expected["answers"]:
        hits = index.search(np.array(answer["query"], np.float32), 8)
        assert hits.ids == answer["ids"]
        np.testing.assert_allclose(hits.scores, answer["scores"], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", sorted(name for name in EXPECTED if name.startswith(f"v{VERSION}/")))
def test_todays_code_still_writes_the_bytes_of_todays_format(tmp_path: Path, name: str) -> None:
    index = build(tmp_path / "i", name.partition("/")[2])
    for file in sorted((HERE / name).glob("*.lode")):
        assert (tmp_path / "i" / file.name).stat().st_size == file.stat().st_size
        if index.kind == "flat" or file.name.startswith("documents"):  # codes may differ by a rounding between CPUs
            assert (tmp_path / "i" / file.name).read_bytes() == file.read_bytes()


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_golden_index_cut_or_flipped_is_refused_by_name(tmp_path: Path, name: str) -> None:
    shutil.copytree(HERE / name, tmp_path / "i")
    for file in sorted((tmp_path / "i").iterdir()):
        original = file.read_bytes()
        for cut in {0, 100, len(original) // 2, len(original) - 2}:
            file.write_bytes(original[:cut])
            with pytest.raises(DataError, match=file.name):
                open_index(tmp_path / "i")
        flipped = bytearray(original)
        flipped[40] ^= 4  # in a container: the name of the first section; in the manifest: a digit or a key
        file.write_bytes(flipped)
        with pytest.raises(DataError, match=file.name):
            open_index(tmp_path / "i")
        file.write_bytes(original)
    open_index(tmp_path / "i", verify=True)


def test_a_newer_format_is_refused_by_name(tmp_path: Path) -> None:
    shutil.copytree(HERE / f"v{VERSION}" / "flat-float16", tmp_path / "i")
    manifest = read_manifest(tmp_path / "i" / MANIFEST)
    write_manifest(tmp_path / "i" / MANIFEST, {**manifest, "version": VERSION + 1})
    with pytest.raises(DataError, match=f"index version {VERSION + 1}, this motherlode reads up to {VERSION}; upgrade"):
        open_index(tmp_path / "i")
