"""Lexical search: scores by hand, what it refuses, and what an index keeps of its tokens' ids."""

from __future__ import annotations

from itertools import pairwise
from math import log
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from motherlode import DataError, Index, InputError, UnsupportedError, build_index, build_index_stream, open_index
from motherlode.core.files import Container
from tests.corpora import make_corpus, unit
from tests.lexical import check_lexical

GOLDEN = Path(__file__).parents[1] / "golden" / "v1"
DOCUMENTS = [[5, 7, 7, 9], [5, 5], [7], [], [11, 5, 12, 13, 14]]  # N = 5, average length 12 / 5 = 2.4
KINDS: list[dict[str, Any]] = [
    {"kind": "flat"},
    {"kind": "compressed", "n_centroids": 7},
    {"kind": "compressed", "n_centroids": 2},  # 5 and a pool
]


def vectors_of(documents: list[list[int]]) -> tuple[Any, Any, Any]:
    ids = np.array([i for d in documents for i in d], np.int64)
    rng = np.random.default_rng(0)
    directions = unit(rng.standard_normal((64, 8)))
    vectors = unit(directions[ids % 64] + 0.1 * rng.standard_normal((len(ids), 8))).astype(np.float32)
    return vectors, np.cumsum([0, *map(len, documents)]), ids


def build(path: Path, documents: list[list[int]] = DOCUMENTS, **options: Any) -> Index:
    vectors, offsets, ids = vectors_of(documents)
    return build_index(path, vectors, offsets, ids, [f"d{i}" for i in range(len(documents))], **options)


@pytest.mark.parametrize("options", KINDS, ids=str)
def test_scores_are_those_of_bm25(tmp_path: Path, options: dict[str, Any]) -> None:
    hits = build(tmp_path / "i", **options).search_lexical([7, 9], 10)
    idf_7 = log(1 + (5 - 2 + 0.5) / (2 + 0.5))  # in documents 0 and 2
    idf_9 = log(1 + (5 - 1 + 0.5) / (1 + 0.5))  # in document 0
    norm_0 = 1.2 * (0.25 + 0.75 * 4 / 2.4)
    norm_2 = 1.2 * (0.25 + 0.75 * 1 / 2.4)
    first = idf_7 * 2 * 2.2 / (2 + norm_0) + idf_9 * 1 * 2.2 / (1 + norm_0)
    second = idf_7 * 1 * 2.2 / (1 + norm_2)
    assert hits.ids == ["d0", "d2"]
    np.testing.assert_allclose(hits.scores, [first, second], rtol=1e-6)
    assert hits.positions.tolist() == [0, 2]


def test_without_length_and_saturation_a_document_counts_its_idf(tmp_path: Path) -> None:
    hits = build(tmp_path / "i").search_lexical([5, 5], 10, k1=0)
    idf = log(1 + (5 - 3 + 0.5) / (3 + 0.5))
    assert hits.ids == ["d0", "d1", "d4"]  # equal scores by position
    np.testing.assert_allclose(hits.scores, [2 * idf] * 3, rtol=1e-6)


@pytest.mark.parametrize("options", KINDS, ids=str)
def test_ids_that_no_document_holds_find_nothing(tmp_path: Path, options: dict[str, Any]) -> None:
    index = build(tmp_path / "i", **options)
    assert len(index.search_lexical([8, -1, 2**60], 10)) == 0
    assert len(index.search_lexical([], 10)) == 0
    assert len(index.search_lexical([5], 0)) == 0
    assert index.search_lexical(9).ids == ["d0"]  # one number is as good as a list


def test_deleted_documents_count_for_nothing(tmp_path: Path) -> None:
    for options in KINDS:
        index = build(tmp_path / str(options["kind"]), overwrite=True, **options)
        with index.writer() as w:
            w.delete(["d0"])
        check_lexical(index, DOCUMENTS[1:], [7, 9, 5])
        assert index.search_lexical([9]).ids == []


def test_terms_narrow_every_search(tmp_path: Path) -> None:
    index = build(tmp_path / "i")
    assert index.search_lexical([5], required=[[7, 9]]).ids == ["d0"]
    assert index.search_lexical([5], required=[7]).ids == ["d0"]
    assert index.search_lexical([5], excluded=[[7, 8]]).ids == ["d1", "d0", "d4"]  # d0 holds no 8
    assert index.search_lexical([5], excluded=[7, 14]).ids == ["d1"]
    assert index.search_lexical([5], subset=["d0", "d4", "gone"], excluded=[7]).ids == ["d4"]


def test_a_token_of_an_unknown_type_among_few_is_found_by_its_own_id(tmp_path: Path) -> None:
    index = build(tmp_path / "i", kind="compressed", n_centroids=7)
    vectors, offsets, _ = vectors_of([[5, 7]])
    with index.writer() as w:
        w.add(["new"], vectors, offsets, [5, 30])  # 30 looks like 7 and gets its centroid
    facts = index.info()
    assert facts["codebook"]["n_centroids"] == 7
    assert any(name.startswith("terms") for name in facts["files"])
    assert index.search_lexical([30]).ids == ["new"]
    check_lexical(index, [*DOCUMENTS, [5, 30]], [7])
    check_lexical(index, [*DOCUMENTS, [5, 30]], [5, 7, 30])
    index.compact()
    check_lexical(index, [*DOCUMENTS, [5, 30]], [5, 7, 30])
    with index.writer() as w:
        w.delete(["new"], purge=True)
    assert not any(name.startswith("terms") for name in index.info()["files"])


def test_an_index_keeps_only_the_ids_that_its_centroids_do_not_tell(tmp_path: Path) -> None:
    assert not list(build(tmp_path / "own", kind="compressed", n_centroids=7).path.glob("terms*"))
    (pooled,) = build(tmp_path / "pool", kind="compressed", n_centroids=2).path.glob("terms*")
    file = Container.open(pooled)
    assert file.dtype("ids") == np.uint8
    assert file.array("positions", np.uint8).tolist() == [1, 2, 3, 6, 7, 9, 10, 11]  # all but the 5s
    assert file.array("ids", np.uint8).tolist() == [7, 7, 9, 7, 11, 12, 13, 14]
    (flat,) = build(tmp_path / "flat", [[300, 70_000], [1]], kind="flat").path.glob("terms*")
    assert Container.open(flat).array("ids", np.uint32).tolist() == [300, 70_000, 1]


def test_a_streamed_build_keeps_them_too(tmp_path: Path) -> None:
    vectors, offsets, ids = vectors_of(DOCUMENTS)
    rows = [slice(a, b) for a, b in pairwise(offsets.tolist())]
    documents = [(f"d{i}", vectors[r], ids[r]) for i, r in enumerate(rows)]
    check_lexical(build_index_stream(tmp_path / "i", documents), DOCUMENTS, [5, 7, 14])


def test_an_index_without_documents_finds_none(tmp_path: Path) -> None:
    for kind in ("flat", "compressed"):
        index = build_index(tmp_path / kind, np.zeros((0, 4), np.float32), [0], kind=kind)
        assert len(index.search_lexical([1], required=[2], excluded=[3])) == 0
        with index.writer() as w:
            w.add(["a"], np.eye(4, dtype=np.float32)[:2], [0, 2], [1, 6])
        assert index.search_lexical([6]).ids == ["a"]


@pytest.mark.parametrize("kind", ["flat", "compressed"])
def test_an_index_built_without_token_ids_says_so(tmp_path: Path, kind: str) -> None:
    corpus = make_corpus(30, 8)
    index = build_index(tmp_path / "i", corpus.vectors, corpus.offsets, kind=kind)
    choices: list[dict[str, Any]] = [{}, {"required": [1]}, {"excluded": [1]}]
    for options in choices:
        with pytest.raises(UnsupportedError, match=r"built without.*build it again with token_ids"):
            index.search_lexical([1], **options)


@pytest.mark.parametrize("name", ["flat-float16", "compressed-4-bits-pooled", "compressed-2-bits-changed"])
def test_an_index_of_before_that_does_not_know_its_terms_says_so(name: str) -> None:
    with pytest.raises(UnsupportedError, match=r"does not know the token ids of all.*build it again"):
        open_index(GOLDEN / name).search_lexical([1])


def test_a_flat_index_with_terms_wants_those_of_new_documents(tmp_path: Path) -> None:
    index = build(tmp_path / "i", kind="flat")
    vectors, offsets, ids = vectors_of([[5]])
    with pytest.raises(InputError, match="token_ids: the index was built with them"), index.writer() as w:
        w.add(["x"], vectors, offsets)
    with index.writer() as w:
        w.add(["x"], vectors, offsets, ids)
    check_lexical(index, [*DOCUMENTS, [5]], [5])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k1": -1}, r"k1=-1: give a number from 0"),
        ({"b": 1.5}, r"b=1.5: give a number from 0 to 1"),
        ({"b": float("nan")}, r"b=nan"),
        ({"k": -1}, r"k=-1"),
        ({"token_ids": [1.5]}, r"token_ids: shape \(1,\), dtype float64"),
        ({"required": [["word"]]}, r"a term: .*expected integers"),
    ],
)
def test_wrong_options_are_refused_by_name(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    index = build(tmp_path / "i")
    with pytest.raises(InputError, match=message):
        index.search_lexical(**{"token_ids": [5], **options})


def test_a_terms_file_that_does_not_fit_is_refused_by_name(tmp_path: Path) -> None:
    from motherlode.core.files import ContainerWriter, read_manifest, write_manifest
    from motherlode.retrieval.layout import file_entry

    index = build(tmp_path / "i", kind="flat")
    (file,) = index.path.glob("terms*")
    for name, ids in (
        ("ids", np.zeros(3, np.uint8)),
        ("ids", np.zeros(12, np.float32)),
        ("other", np.zeros(12, np.uint8)),
    ):
        file.unlink()
        with ContainerWriter(file) as writer:
            writer.add(name, ids)
        manifest = read_manifest(index.path / "manifest.json")
        manifest["segments"][0]["files"]["terms"] = file_entry(file)
        write_manifest(index.path / "manifest.json", manifest)
        with pytest.raises(DataError, match=file.name):
            open_index(index.path).search_lexical([5])
