"""A flat index compressed in its place: the same documents, found as a build from the same vectors would find them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from motherlode import ConflictError, InputError, build_index, compress_index, open_index
from motherlode.retrieval.reference import decoded_vectors
from tests.corpora import make_corpus
from tests.living import N, build, check, of


def test_a_compressed_index_holds_the_documents_that_the_flat_one_held(tmp_path: Path) -> None:
    corpus = make_corpus(140, seed=3)
    index = build(
        tmp_path / "index", corpus, "flat", titles=[f"title {i}" for i in range(N)], metadata={"n": list(range(N))}
    )
    with index.writer() as w:
        w.add([f"d{i}" for i in range(N, 140)], *of(corpus, *range(N, 140)))
        w.delete([f"d{i}" for i in range(40)])
        w.update(["d50"], *of(corpus, 0))
    ids, titles = list(index.ids), index.titles
    assert titles is not None
    titles = list(titles)
    compress_index(index, n_centroids=40)
    assert index.kind == "compressed"
    check(index, ids, corpus)
    assert list(index.titles or ()) == titles
    assert index.ids_where("n > 77") == ["d78", "d79"]
    assert index.metadata_of(["d100", "d50"]) == [{"n": None}, {"n": 50}]
    words = corpus.token_ids[corpus.offsets[60] : corpus.offsets[61]]
    assert "d60" in index.search_lexical(words, 140).ids
    lengths = np.diff(corpus.offsets)
    kept = [i for i in range(40, 140) if i != 50]
    assert index.n_tokens == int(lengths[kept].sum() + lengths[0])
    check(open_index(tmp_path / "index", verify=True), ids, corpus)


def test_the_bytes_are_those_of_a_build_from_the_same_vectors(tmp_path: Path) -> None:
    corpus = make_corpus(60, seed=5)
    index = build_index(tmp_path / "flat", corpus.vectors, corpus.offsets, corpus.token_ids)
    compress_index(index, bits=4, n_centroids=20, seed=9)
    direct = build_index(
        tmp_path / "direct",
        corpus.vectors,
        corpus.offsets,
        corpus.token_ids,
        kind="compressed",
        bits=4,
        n_centroids=20,
        seed=9,
    )
    np.testing.assert_array_equal(decoded_vectors(index), decoded_vectors(direct))


def test_it_is_added_to_afterwards_and_a_second_time_nothing_happens(tmp_path: Path) -> None:
    corpus = make_corpus(140, seed=3)
    index = build(tmp_path / "index", corpus, "flat")
    compress_index(index)
    with index.writer() as w:
        w.add(["new"], *of(corpus, 100))
    check(index, [*(f"d{i}" for i in range(N)), "new"], corpus)
    before = index.info()["built"]
    compress_index(index)
    assert index.info()["built"] == before


def test_what_another_handle_added_is_not_lost(tmp_path: Path) -> None:
    corpus = make_corpus(140, seed=3)
    index = build(tmp_path / "index", corpus, "flat")
    with open_index(tmp_path / "index").writer() as w:
        w.add(["new"], *of(corpus, 100))
    reader = open_index(tmp_path / "index")
    compress_index(index)
    assert list(index.ids)[-1] == "new"
    assert reader.kind == "flat"  # a reader keeps its state
    assert reader.search(corpus.query(100, 3), 1).ids == ["new"]
    assert reader.refresh()
    assert reader.kind == "compressed"


def test_a_writer_keeps_it_out_and_bad_options_are_refused(tmp_path: Path) -> None:
    corpus = make_corpus(140, seed=3)
    index = build(tmp_path / "index", corpus, "flat")
    with index.writer():
        with pytest.raises(ConflictError, match="another writer"):
            compress_index(index)
    options: list[dict[str, Any]] = [{"bits": 3}, {"n_centroids": 0}, {"seed": -1}]
    for wrong in options:
        with pytest.raises(InputError, match=next(iter(wrong))):
            compress_index(index, **wrong)
    assert index.kind == "flat"
