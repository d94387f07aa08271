"""Vectors kept beside the codes: what a compressed index stores, shows, and takes along."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from motherlode import DataError, Index, InputError, VectorDocument, build_index, build_index_stream, open_index
from motherlode.core.files import read_manifest, write_manifest
from motherlode.retrieval import inputs, segment_files
from motherlode.retrieval.layout import MANIFEST
from tests.corpora import make_corpus, run_python

CORPUS = make_corpus(120, 16, seed=5)


def kept(path: Path, **options: Any) -> Index:
    options = {"kind": "compressed", "keep_vectors": "float16", **options}
    return build_index(path, CORPUS.vectors, CORPUS.offsets, CORPUS.token_ids, **options)


def test_the_kept_vectors_are_those_given_rounded_to_float16(tmp_path: Path) -> None:
    index = kept(tmp_path / "i")
    assert index.info()["keep_vectors"] == "float16"
    stored = index.snapshot.segments[0].vectors
    assert stored.dtype == np.float16
    np.testing.assert_array_equal(stored, CORPUS.vectors.astype(np.float16))


def test_they_cost_two_bytes_a_value_and_are_counted_in_the_size(tmp_path: Path) -> None:
    with_them, without = kept(tmp_path / "a"), kept(tmp_path / "b", keep_vectors=None)
    more = with_them.size_bytes - without.size_bytes
    n_bytes = 2 * 16 * with_them.n_tokens
    assert n_bytes <= more < n_bytes + 2 * 4096  # a header page, and padding
    assert without.info()["keep_vectors"] is None
    assert sum(with_them.info()["files"].values()) < with_them.size_bytes
    assert any(name.startswith("vectors-") for name in with_them.info()["files"])


def test_all_other_files_and_all_hits_are_the_same_as_without(tmp_path: Path) -> None:
    with_them, without = kept(tmp_path / "a"), kept(tmp_path / "b", keep_vectors=None)
    for file in (tmp_path / "b").glob("*.lode"):
        assert (tmp_path / "a" / file.name).read_bytes() == file.read_bytes()
    for position in (3, 40, 77):
        query = CORPUS.query(position, 4)
        assert list(with_them.search(query)) == list(without.search(query))


def test_a_search_reads_no_page_of_the_vectors(tmp_path: Path) -> None:
    corpus = make_corpus(1500, 64, lengths=[40] * 1500, dtype=np.float16)
    build_index(tmp_path / "i", corpus.vectors, corpus.offsets, corpus.token_ids, kind="compressed",
                keep_vectors="float16", n_centroids=40)  # fmt: skip
    code = """
import sys
import numpy as np
from motherlode import open_index

def resident_kib():
    here, found = False, 0
    for line in open('/proc/self/smaps'):
        if '-' in line.split()[0] and 'kB' not in line:
            here = 'vectors-' in line
        elif here and line.startswith('Rss:'):
            found += int(line.split()[1])
    return found

index = open_index(sys.argv[1])
index.search(np.ones((4, 64), np.float32))
print(resident_kib())
index.rerank(np.ones((4, 64), np.float32), index.ids[:1000])
print(resident_kib())
"""
    if not Path("/proc/self/smaps").exists():
        pytest.skip("no /proc/self/smaps here")
    done = run_python(code, tmp_path / "i")
    assert done.returncode == 0, done.stderr
    after_search, after_rerank = map(int, done.stdout.split())
    assert after_search <= 256  # the header, and what the kernel maps around it
    assert after_rerank > 4 * after_search  # the measure sees what is read


def test_a_flat_index_ignores_the_option(tmp_path: Path) -> None:
    index = kept(tmp_path / "i", kind="auto")
    assert index.kind == "flat"
    assert index.info()["keep_vectors"] is None
    assert not list((tmp_path / "i").glob("vectors-*"))


@pytest.mark.parametrize("value", ["float32", "f2", True, 16, np.float16])
@pytest.mark.parametrize("kind", ["flat", "compressed"])
def test_another_value_is_refused(tmp_path: Path, kind: str, value: Any) -> None:
    with pytest.raises(InputError, match=r"keep_vectors=.*choose 'float16', or None"):
        kept(tmp_path / "i", kind=kind, keep_vectors=value)
    assert not (tmp_path / "i").exists()


def test_a_vector_beyond_float16_is_refused_by_its_row_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "_CHUNK_VALUES", 64)  # four rows at a time
    vectors = CORPUS.vectors.copy()
    vectors[70, 3] = 65_519  # rounds to 65504, the largest there is
    fits = build_index(tmp_path / "a", vectors, CORPUS.offsets, kind="compressed", keep_vectors="float16")
    assert fits.snapshot.segments[0].vectors[70, 3] == 65_504
    vectors[70, 3] = 65_520
    with pytest.raises(InputError, match="vectors: row 70 has values beyond the range of float16"):
        build_index(tmp_path / "b", vectors, CORPUS.offsets, kind="compressed", keep_vectors="float16")
    assert not (tmp_path / "b").exists()
    build_index(tmp_path / "c", vectors, CORPUS.offsets, kind="compressed")


def test_a_writer_refuses_a_vector_beyond_float16_too(tmp_path: Path) -> None:
    index = kept(tmp_path / "i")
    with pytest.raises(InputError, match="beyond the range of float16"), index.writer() as w:
        w.add(["new"], np.full((1, 16), 7e4, np.float32), [0, 1], [1])
    assert index.n_docs == 120


def test_a_stream_keeps_them_too_and_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment_files, "_CHUNK_VALUES", 100)  # six rows at a time
    documents = (VectorDocument(str(i), CORPUS.document(i)) for i in range(CORPUS.n_docs))
    index = build_index_stream(tmp_path / "i", documents, kind="compressed", keep_vectors="float16")
    np.testing.assert_array_equal(index.snapshot.segments[0].vectors, CORPUS.vectors.astype(np.float16))


def test_an_index_built_of_nothing_keeps_what_comes_first(tmp_path: Path) -> None:
    index = build_index(
        tmp_path / "i", np.zeros((0, 16), np.float32), [0], ids=[], kind="compressed", keep_vectors="float16"
    )
    given = CORPUS.document(3).copy()
    with index.writer() as w:
        w.add(["a"], given, [0, len(given)], CORPUS.token_ids[CORPUS.offsets[3] : CORPUS.offsets[4]])
        given[:] = 0  # the caller goes on writing into its own
    np.testing.assert_array_equal(index.vectors_of("a").vectors, CORPUS.document(3).astype(np.float16))


def test_a_manifest_that_keeps_vectors_without_a_file_of_them_is_refused(tmp_path: Path) -> None:
    kept(tmp_path / "i")
    manifest = read_manifest(tmp_path / "i" / MANIFEST)
    for change, message in (
        ({"keep_vectors": "float64"}, "keep_vectors is 'float64', expected 'float16' or null"),
        ({"segments": [without_vectors(manifest["segments"][0])]}, r"segments\[0\].files.vectors is None"),
    ):
        write_manifest(tmp_path / "i" / MANIFEST, {**manifest, **change})
        with pytest.raises(DataError, match=message):
            open_index(tmp_path / "i")


def without_vectors(segment: dict[str, Any]) -> dict[str, Any]:
    return {**segment, "files": {role: entry for role, entry in segment["files"].items() if role != "vectors"}}


def test_a_file_of_vectors_of_another_index_is_refused(tmp_path: Path) -> None:
    kept(tmp_path / "i")
    other = make_corpus(119, 16, seed=5)
    build_index(tmp_path / "o", other.vectors, other.offsets, kind="compressed", keep_vectors="float16")
    name = next((tmp_path / "i").glob("vectors-*")).name
    shutil.copy(tmp_path / "o" / name, tmp_path / "i" / name)
    manifest, foreign = (read_manifest(tmp_path / folder / MANIFEST) for folder in "io")
    manifest["segments"][0]["files"]["vectors"] = foreign["segments"][0]["files"]["vectors"]
    write_manifest(tmp_path / "i" / MANIFEST, manifest)
    with pytest.raises(DataError, match=f"{name}: does not fit the manifest: found .* values, expected"):
        open_index(tmp_path / "i")
