"""What many writes make of an index: segments, merges, bitmaps, more centroids; and searches of a part of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from motherlode import DataError, Index, InputError, build_index, open_index
from motherlode.retrieval import segment_files
from motherlode.retrieval.commits import first_to_merge
from motherlode.retrieval.reference import decoded_vectors, search_reference
from tests.corpora import Corpus, make_corpus
from tests.living import KINDS, N, build, check, everything, of


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return make_corpus(140, 16, lengths=[*range(1, 8)] * 20)


@pytest.fixture(params=KINDS)
def index(request: pytest.FixtureRequest, corpus: Corpus, tmp_path: Path) -> Index:
    return build(tmp_path / "i", corpus, request.param)


@pytest.mark.parametrize("kind", KINDS)
def test_an_index_of_nothing_grows(kind: str, tmp_path: Path, corpus: Corpus) -> None:
    nothing = np.zeros((0, 16), np.float32)
    index = build_index(tmp_path / "i", nothing, [0, 0], np.zeros(0, np.int64), ["empty"], kind=kind, bits=4)
    with index.writer() as w:
        w.add(["also empty"], nothing, [0, 0], [])
    with index.writer() as w:
        w.add(["a", "b", "c"], *of(corpus, 100, 101, 102))
        w.delete(["b"])
    assert list(index.ids) == ["empty", "also empty", "a", "c"]
    assert index.search(corpus.document(102), 5).ids[0] == "c"
    with index.writer() as w:
        w.add(["d"], *of(corpus, 103))
    assert open_index(index.path, verify=True).search(corpus.document(103), 1).ids == ["d"]


@pytest.mark.parametrize("refine_bits", [0, 4])
def test_everything_deleted_leaves_an_empty_index_that_lives(tmp_path: Path, corpus: Corpus, refine_bits: int) -> None:
    for kind in KINDS:
        index = build(tmp_path / kind, corpus, kind, refine_bits=refine_bits)
        with index.writer() as w:
            w.delete([f"d{i}" for i in range(N)])
        assert (index.n_docs, index.n_tokens, list(index.ids)) == (0, 0, [])
        assert len(index.search(corpus.document(1), 5)) == 0
        index.compact()
        with index.writer() as w:
            w.add(["d1"], *of(corpus, 1))
        check(open_index(index.path, verify=True), ["d1"], corpus)


def test_a_purged_document_leaves_no_byte_behind(tmp_path: Path, corpus: Corpus) -> None:
    secret = "a name that must not stay"
    for kind in KINDS:
        end = corpus.offsets[N]
        texts = [secret if i == 40 else "nothing" for i in range(N)]
        index = build_index(
            tmp_path / kind,
            corpus.vectors[:end],
            corpus.offsets[: N + 1],
            corpus.token_ids[:end],
            [f"d{i}" for i in range(N)],
            kind=kind,
            texts=texts,
        )
        with index.writer() as w:
            w.delete(["d41"])
        assert any(secret.encode() in file.read_bytes() for file in index.path.iterdir())
        with index.writer() as w:
            w.delete(["d40"], purge=True)
        assert not any(secret.encode() in file.read_bytes() for file in index.path.iterdir())
        check(index, [f"d{i}" for i in range(N) if i not in (40, 41)], corpus)


def test_purging_an_updated_document_purges_what_it_was_before(tmp_path: Path, corpus: Corpus) -> None:
    vectors, offsets, kinds = of(corpus, 0, 1, 2)
    index = build_index(tmp_path / "i", vectors, offsets, kinds, ["a", "b", "c"], kind="flat", texts=["OLD", "x", "y"])
    with index.writer() as w:
        w.update(["a"], *of(corpus, 5), texts=["NEW"])
        w.delete(["a"], purge=True)
    stored = b"".join(file.read_bytes() for file in index.path.iterdir())
    assert b"OLD" not in stored
    assert b"NEW" not in stored
    assert list(index.ids) == ["b", "c"]


def test_many_small_commits_do_not_make_many_segments(index: Index, corpus: Corpus) -> None:
    ids = [f"d{i}" for i in range(N)]
    for number in range(60):
        with index.writer() as w:
            w.add([f"n{number}"], *of(corpus, N + number))
            w.delete([ids[number]])
    check(index, [*ids[60:], *(f"n{i}" for i in range(60))], corpus)
    assert len(index.info()["segments"]) <= 16
    before = {file.name for file in index.path.iterdir()}
    index.compact()
    after = {file.name for file in index.path.iterdir()}
    assert [s["n_docs"] for s in index.info()["segments"]] == [N]
    assert len(after) < len(before)
    check(index, [*ids[60:], *(f"n{i}" for i in range(60))], corpus)


def test_merges_take_neighbours_of_like_size_from_the_end() -> None:
    assert first_to_merge([]) == 0
    assert first_to_merge([100] * 7) == 7
    assert first_to_merge([100] * 8) == 0
    assert first_to_merge([10_000, *[100] * 8]) == 1
    assert first_to_merge([3_000, *[100] * 8]) == 0  # an eighth more than a quarter of it has come
    assert first_to_merge([10**9, 0, 0, 0, 0, 0, 0, 0, 0]) == 1
    sizes: list[int] = []
    written = 0
    for _ in range(3000):
        sizes.append(10)
        first = first_to_merge(sizes)
        if first < len(sizes):
            sizes[first:] = [sum(sizes[first:])]
            written += sizes[-1]
    assert len(sizes) <= 40
    assert written < 10 * 3000 * 12


@pytest.mark.parametrize("refine_bits", [0, 2])
@pytest.mark.parametrize("listed", [1, 10**9])
def test_segments_with_and_without_lists_find_the_same(
    tmp_path: Path, corpus: Corpus, monkeypatch: pytest.MonkeyPatch, listed: int, refine_bits: int
) -> None:
    monkeypatch.setattr(segment_files, "LISTED_TOKENS", listed)
    index = build(tmp_path / "i", corpus, "compressed", refine_bits=refine_bits)
    for number in range(12):
        with index.writer() as w:
            w.add([f"n{number}", f"m{number}"], *of(corpus, N + number, N + 20 + number))
    assert any("lists" in s.main for s in index.snapshot.segments[1:]) == (listed == 1)
    expected = [*(f"d{i}" for i in range(N)), *(f"{x}{i}" for i in range(12) for x in "nm")]
    check(index, expected, corpus)
    index.compact()
    check(index, expected, corpus)
    many = index.search_batch([corpus.document(N + i) for i in range(12)], 1)
    assert [hits.ids for hits in many] == [[f"n{i}"] for i in range(12)]


@pytest.mark.parametrize("pseudo", [False, True])
def test_documents_unlike_those_of_the_build_get_centroids(tmp_path: Path, corpus: Corpus, pseudo: bool) -> None:
    end = corpus.offsets[N]
    kinds = None if pseudo else corpus.token_ids[:end]
    ids = [f"d{i}" for i in range(N)]
    index = build_index(
        tmp_path / "i", corpus.vectors[:end], corpus.offsets[: N + 1], kinds, ids, kind="compressed", n_centroids=40
    )
    before = index.info()["codebook"]["n_centroids"]
    with index.writer() as w:  # like those of the build: none needed
        w.add(["like"], *of(corpus, 4)[: 2 if pseudo else 3])
    assert index.info()["codebook"]["n_centroids"] == before
    other = make_corpus(60, 16, seed=99, n_types=8)
    odd = None if pseudo else np.where(other.token_ids % 2 == 0, other.token_ids, other.token_ids + 1000)
    names = [f"o{i}" for i in range(60)]
    for start in (0, 30):  # twice: the second time types are extended that have been extended
        part = slice(other.offsets[start], other.offsets[start + 30])
        with index.writer() as w:
            w.add(
                names[start : start + 30],
                other.vectors[part],
                other.offsets[start : start + 31] - other.offsets[start],
                None if odd is None else odd[part],
            )
    grown = index.info()["codebook"]["n_centroids"]
    assert grown > before + 3
    full = [i for i in range(60) if len(other.document(i)) >= 3]
    for handle in (index, open_index(index.path, verify=True)):
        for i in full[:10]:
            assert handle.search(other.document(i), 1, coarse="exhaustive").ids == [names[i]]
            assert handle.search(other.document(i), 1, coarse="ranges").ids == [names[i]]
        check(handle, [*ids, "like", *names], corpus)
    left = decoded_vectors(index)[-len(other.vectors) :] - other.vectors
    assert np.square(left).sum(axis=1).mean() < 0.15  # several times as much with the old centroids
    index.compact()
    check(index, [*ids, "like", *names], corpus)


def test_a_subset_is_searched_as_if_it_were_all(index: Index, corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    with index.writer() as w:
        w.add(["new", "newer"], *of(corpus, 100, 101))
        w.delete(["d8"])
    rng = np.random.default_rng(0)
    for size in (0, 1, 7, 60):
        chosen = [*rng.choice(list(index.ids), size, replace=False), "d8", "unknown"]
        for position in (3, 50, 101):
            query = corpus.query(position, 5)
            every = [(name, score) for name, score in search_reference(index, query, N + 2) if name in chosen]
            hits = index.search(query, 9, subset=chosen)
            assert len(hits) == min(9, size)
            assert set(hits.ids) <= set(chosen) - {"d8", "unknown"}
            np.testing.assert_allclose(hits.scores, [score for _, score in every[:9]], rtol=0.03, atol=0.03)
            if index.kind == "flat":
                assert hits.ids == [name for name, _ in every[:9]]
            # scored one and all: the same scores as a search that leaves nothing out
            full = dict(index.search(query, N + 2, **everything(index)))
            assert all(score == full[name] for name, score in hits)
            (one,) = index.search_batch([query], 9, subset=chosen)
            assert (one.ids, one.scores.tolist()) == (hits.ids, hits.scores.tolist())
            quick = index.search(query, 9, subset=chosen, k_docs_to_score=10)  # of many, not all are scored
            assert set(quick) <= set(index.search(query, N, subset=chosen))
            assert len(quick) == min(9, size)
            with monkeypatch.context() as m:  # more of them than are scored one and all
                m.setattr("motherlode.retrieval.selection._SCORED_ALL", -1)
                filtered = index.search(query, 9, subset=chosen, **everything(index))
                assert (filtered.ids, filtered.scores.tolist()) == (hits.ids, hits.scores.tolist())


@pytest.mark.parametrize(("subset", "says"), [("d1", "give a list of ids"), (["d1", 2], "2 at position 1")])
def test_a_subset_of_something_else_is_refused(index: Index, corpus: Corpus, subset: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        index.search(corpus.query(3, 2), subset=subset)


def test_a_bitmap_of_another_length_is_refused_by_name(index: Index) -> None:
    with index.writer() as w:
        w.delete(["d1"])
    (entry,) = index.snapshot.manifest["segments"]
    name = entry["files"]["deleted"]["name"]
    assert (index.path / name).exists()
    (index.path / name).write_bytes((index.path / name).read_bytes()[:-1])
    with pytest.raises(DataError, match=name):
        open_index(index.path)


@pytest.mark.parametrize("pseudo", [False, True])
def test_documents_unlike_all_others_are_found_though_they_come_one_by_one(tmp_path: Path, pseudo: bool) -> None:
    corpus = make_corpus(300, 16)
    kinds = None if pseudo else corpus.token_ids
    index = build_index(tmp_path / "i", corpus.vectors, corpus.offsets, kinds, kind="compressed", n_centroids=20)
    rng = np.random.default_rng(0)
    n_found = 0
    for number in range(30):  # too few tokens at a time for any statistics
        vectors = rng.standard_normal((6, 16)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        types = None if pseudo else rng.integers(0, 30, 6)
        with index.writer() as w:
            w.add([f"odd {number}"], vectors, [0, 6], types)
        n_found += index.search(vectors[:4], 1).ids == [f"odd {number}"]
    assert n_found >= 28  # without more centroids 21, with token ids
