"""A manifest with a right CRC and wrong contents is refused, and the key named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from motherlode import DataError, build_index, open_index
from motherlode.core.files import read_manifest, write_manifest


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("manifests")
    for kind in ("flat", "compressed"):
        build_index(folder / kind, np.eye(6, dtype=np.float32), [0, 2, 6], kind=kind)
    return folder


def places(node: dict[str, Any], inside: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = []
    for key, value in node.items():
        found.append((*inside, key))
        if isinstance(value, dict):
            found += places(value, (*inside, key))
    return found


UNUSED = {
    "at",
    "seconds",
    "cpu_level",
    "seed",
    "clustering_error",
    "coding_error",
    "encoder",
}  # for people, or optional


@pytest.mark.parametrize("kind", ["flat", "compressed"])
@pytest.mark.parametrize("value", ["absent", None, "text", -1, 2**70, 1.5, [], True])
def test_any_value_of_another_type_is_refused_and_a_missing_key_named(folder: Path, kind: str, value: Any) -> None:
    path = folder / kind
    good = read_manifest(path / "manifest.json")
    for place in places(good):
        bad = read_manifest(path / "manifest.json")
        holder = bad
        for key in place[:-1]:
            holder = holder[key]
        old = holder.pop(place[-1])
        if value != "absent":
            holder[place[-1]] = value
        numeric = isinstance(old, float) and isinstance(value, float)
        if (
            place[-1] in UNUSED
            or (place[-1] == "metadata" and value == "absent")  # older indexes have none
            or type(old) is type(value)
            or numeric
            or (isinstance(old, float) and value in (-1, 2**70))
        ):
            continue
        write_manifest(path / "manifest.json", bad)
        try:
            with pytest.raises(DataError, match=r"manifest\.json|\.lode") as caught:
                open_index(path)
            if value == "absent" and place[0] not in ("format", "version"):
                assert place[-1] in str(caught.value)
        finally:
            write_manifest(path / "manifest.json", good)
    open_index(path, verify=True)


@pytest.mark.parametrize("kind", ["flat", "compressed"])
@pytest.mark.parametrize("key", ["n_docs", "n_tokens", "dim"])
def test_counts_that_the_files_do_not_bear_out_are_refused(folder: Path, kind: str, key: str) -> None:
    path = folder / kind
    good = read_manifest(path / "manifest.json")
    try:
        for change in (64, 2**40):
            write_manifest(path / "manifest.json", {**good, key: good[key] + change})
            with pytest.raises(DataError, match=r"does not fit the manifest|dim is"):
                open_index(path)
            if key == "dim":
                continue
            entry = {**good["segments"][0], key: good["segments"][0][key] + change}
            write_manifest(path / "manifest.json", {**good, "segments": [entry], key: entry[key]})
            with pytest.raises(DataError, match="does not fit the manifest"):
                open_index(path)
    finally:
        write_manifest(path / "manifest.json", good)
