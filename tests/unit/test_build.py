"""Building an index: every size and option, what is refused, and what a failure leaves behind."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from motherlode import ConflictError, DataError, InputError, build_index, open_index
from motherlode.core.files import ContainerWriter
from motherlode.core.ports import NullProgress
from motherlode.retrieval import build, layout
from tests.corpora import Corpus, make_corpus, maxsim, ranked

DIMS = [1, 2, 3, 7, 16, 48, 96, 128, 384, 1000, 4096]


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return make_corpus(80)


def files(path: Path) -> dict[str, bytes]:
    return {entry.name: entry.read_bytes() for entry in path.iterdir()}


def data(path: Path) -> dict[str, bytes]:
    return {name: content for name, content in files(path).items() if name.endswith(".lode")}


@pytest.mark.parametrize("kind", ["flat", "compressed"])
@pytest.mark.parametrize("dim", DIMS)
def test_any_dimension_builds_and_finds_what_was_put_in(tmp_path: Path, dim: int, kind: str) -> None:
    corpus = make_corpus(40, dim, dtype=np.float16 if dim % 2 else np.float32)
    index = build_index(tmp_path / "i", corpus.vectors, corpus.offsets, corpus.token_ids, kind=kind, bits=4)
    assert (index.n_docs, index.n_tokens, index.dim, index.kind) == (40, len(corpus.vectors), dim, kind)
    query = corpus.document(int(np.diff(corpus.offsets).argmax())).astype(np.float32)
    scores = maxsim(corpus.vectors, corpus.offsets, query)
    hits = index.search(query, 5)
    assert scores[hits.positions[0]] >= 0.97 * scores.max()
    np.testing.assert_allclose(hits.scores, scores[hits.positions], rtol=0.05, atol=0.02 * len(query))


@pytest.mark.parametrize("kind", ["flat", "compressed"])
def test_documents_may_have_no_token_one_or_thousands(tmp_path: Path, kind: str) -> None:
    corpus = make_corpus(lengths=[0, 1, 1500, 0, 3, 1, 0], dim=16)
    index = build_index(tmp_path / "i", corpus.vectors, corpus.offsets, corpus.token_ids, kind=kind)
    assert index.n_docs == 7
    hits = index.search(corpus.query(2, 6), 100)
    assert sorted(hits.positions.tolist()) == [1, 2, 4, 5]
    assert hits.positions[0] == 2


@pytest.mark.parametrize("refine_bits", [0, 2])
@pytest.mark.parametrize("kind", ["flat", "compressed"])
@pytest.mark.parametrize("n_docs", [0, 1, 5])
def test_no_documents_and_documents_without_tokens_make_an_index_without_hits(
    tmp_path: Path, n_docs: int, kind: str, refine_bits: int
) -> None:
    token_ids: list[int] | None
    for token_ids in (None, []):
        index = build_index(
            tmp_path / "i",
            np.zeros((0, 8), np.float16),
            [0] * (n_docs + 1),
            token_ids,
            kind=kind,
            refine_bits=refine_bits,
            overwrite=True,
        )
        assert (index.n_docs, index.n_tokens, index.dim) == (n_docs, 0, 8)
        for coarse in ("auto", "exhaustive", "ranges"):
            assert len(index.search(np.ones((3, 8)), coarse=coarse)) == 0
        assert [len(hits) for hits in index.search_batch([np.ones((1, 8)), np.ones((0, 8))])] == [0, 0]
        open_index(tmp_path / "i", verify=True)


@pytest.mark.parametrize("refine_bits", [0, 1, 2, 4])
@pytest.mark.parametrize("bits", [1, 2, 4])
def test_every_choice_of_bits_builds_and_is_told(tmp_path: Path, bits: int, refine_bits: int, corpus: Corpus) -> None:
    index = build_index(
        tmp_path / "i",
        corpus.vectors,
        corpus.offsets,
        corpus.token_ids,
        kind="compressed",
        bits=bits,
        refine_bits=refine_bits,
        n_centroids=40,
    )
    book = index.info()["codebook"]
    assert (book["bits"], book["refine_bits"], book["n_centroids"]) == (bits, refine_bits, 40)
    assert ("refine-000001.lode" in index.info()["files"]) == bool(refine_bits)
    assert len(index.search(corpus.query(2, 3), 100)) == np.count_nonzero(np.diff(corpus.offsets))


def test_the_kind_is_chosen_by_the_number_of_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "FLAT_TOKENS", 10)
    for n, kind in ((10, "flat"), (11, "compressed")):
        assert build_index(tmp_path / str(n), np.eye(16, dtype=np.float32)[:n], [0, n]).kind == kind


@pytest.mark.parametrize("kind", ["flat", "compressed"])
def test_titles_texts_and_ids_come_back(tmp_path: Path, corpus: Corpus, kind: str) -> None:
    ids = [f"doc-{i}" for i in range(80)]
    titles = ["" if i % 2 else f"Titel {i} ü" for i in range(80)]
    texts = ["\ud800 lone" if i == 7 else "x" * i for i in range(80)]
    index = build_index(
        tmp_path / "i", corpus.vectors, corpus.offsets, corpus.token_ids, ids, kind=kind, titles=titles, texts=texts
    )
    index = open_index(tmp_path / "i")
    assert list(index.ids) == ids
    assert index.titles is not None
    assert index.texts is not None
    assert (list(index.titles), list(index.texts)) == (titles, texts)
    hits = index.search(corpus.query(2, 3))
    assert hits.ids == [ids[p] for p in hits.positions]


def test_without_ids_the_positions_are_the_ids(tmp_path: Path, corpus: Corpus) -> None:
    index = build_index(tmp_path / "i", corpus.vectors, corpus.offsets)
    assert list(index.ids) == [str(i) for i in range(80)]
    assert (index.titles, index.texts, index.encoder) == (None, None, None)
    assert index.ids[-1] == "79"
    assert index.ids[2:4] == ["2", "3"]


def test_the_same_seed_writes_the_same_bytes_whatever_the_number_of_threads(tmp_path: Path, corpus: Corpus) -> None:
    for ids in (corpus.token_ids, None):
        written = []
        for n_threads in (1, 2, 5):
            build_index(
                tmp_path / "i",
                corpus.vectors,
                corpus.offsets,
                ids,
                kind="compressed",
                refine_bits=2,
                seed=7,
                n_threads=n_threads,
                overwrite=True,
            )
            written.append({name.split("-")[0]: content for name, content in data(tmp_path / "i").items()})
        assert written[0] == written[1] == written[2]
        build_index(
            tmp_path / "j",
            corpus.vectors,
            corpus.offsets,
            ids,
            kind="compressed",
            refine_bits=2,
            seed=8,
            overwrite=True,
        )
        other = {name.split("-")[0]: content for name, content in data(tmp_path / "j").items()}
        assert other["segment"] != written[0]["segment"]


@pytest.mark.parametrize("kind", ["flat", "compressed"])
def test_float16_and_memory_mapped_input_give_the_index_of_the_same_values(tmp_path: Path, kind: str) -> None:
    corpus = make_corpus(50, dtype=np.float16)
    np.save(tmp_path / "v.npy", corpus.vectors)
    mapped = np.load(tmp_path / "v.npy", mmap_mode="r")
    results = []
    for n, vectors in enumerate((corpus.vectors, mapped, corpus.vectors.astype(np.float32))):
        index = build_index(tmp_path / str(n), vectors, corpus.offsets, corpus.token_ids, kind=kind)
        hits = index.search(corpus.query(1, 5), 50)
        results.append((hits.positions.tolist(), hits.scores.tolist()))
    assert results[0] == results[1] == results[2]
    assert data(tmp_path / "0") == data(tmp_path / "1")


def test_the_size_counts_every_file(tmp_path: Path, corpus: Corpus) -> None:
    index = build_index(
        tmp_path / "i", corpus.vectors, corpus.offsets, kind="compressed", ids=[str(i) for i in range(80)]
    )
    assert index.size_bytes == sum(len(content) for content in files(tmp_path / "i").values())
    assert sum(index.info()["files"].values()) + (tmp_path / "i" / "manifest.json").stat().st_size == index.size_bytes


def test_info_is_json_and_says_what_was_built(tmp_path: Path, corpus: Corpus) -> None:
    for kind in ("flat", "compressed"):
        info = build_index(tmp_path / kind, corpus.vectors, corpus.offsets, kind=kind, seed=5).info()
        assert json.loads(json.dumps(info)) == info
        assert (info["kind"], info["dim"], info["n_docs"], info["built"]["seed"]) == (kind, 16, 80, 5)
        assert info["bytes_per_token"] == pytest.approx(info["size_bytes"] / info["n_tokens"])


def test_an_existing_index_is_a_conflict_unless_overwritten(tmp_path: Path, corpus: Corpus) -> None:
    build_index(tmp_path / "i", corpus.vectors, corpus.offsets)
    before = files(tmp_path / "i")
    with pytest.raises(ConflictError, match="overwrite=True"):
        build_index(tmp_path / "i", corpus.vectors, corpus.offsets)
    assert files(tmp_path / "i") == before
    smaller = make_corpus(5, 3)
    index = build_index(str(tmp_path / "i"), smaller.vectors, smaller.offsets, overwrite=True)
    assert (index.n_docs, index.dim) == (5, 3)
    assert sorted(files(tmp_path / "i")) == ["flat-000002.lode", "manifest.json"]


def test_an_empty_directory_is_built_into(tmp_path: Path, corpus: Corpus) -> None:
    assert build_index(tmp_path, corpus.vectors, corpus.offsets).n_docs == 80


def test_an_index_that_is_open_while_it_is_overwritten_answers_as_before(tmp_path: Path, corpus: Corpus) -> None:
    old = build_index(tmp_path / "i", corpus.vectors, corpus.offsets, kind="compressed")
    query = corpus.query(2, 5)
    before = old.search(query)
    other = make_corpus(30, seed=9)
    build_index(tmp_path / "i", other.vectors, other.offsets, kind="compressed", overwrite=True)
    after = old.search(query)
    assert (after.ids, after.scores.tolist()) == (before.ids, before.scores.tolist())
    assert open_index(tmp_path / "i").n_docs == 30


class Failing(NullProgress):
    """Raises at the nth report."""

    def __init__(self, after: int, error: BaseException) -> None:
        self.left, self.error = after, error

    def advance(self, n: int) -> None:
        self.left -= 1
        if self.left < 0:
            raise self.error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device"), MemoryError()])
@pytest.mark.parametrize("kind", ["flat", "compressed"])
def test_a_failed_overwrite_leaves_the_old_index_and_nothing_else(
    tmp_path: Path, corpus: Corpus, kind: str, error: BaseException
) -> None:
    build_index(tmp_path / "i", corpus.vectors, corpus.offsets, kind=kind, ids=[f"old{i}" for i in range(80)])
    before = files(tmp_path / "i")
    for after in range(2 if kind == "compressed" else 1):
        with pytest.raises(type(error)):
            build_index(
                tmp_path / "i",
                corpus.vectors,
                corpus.offsets,
                kind=kind,
                overwrite=True,
                progress=Failing(after, error),
            )
        assert files(tmp_path / "i") == before
    assert open_index(tmp_path / "i", verify=True).search(corpus.query(2, 3), 1).ids[0].startswith("old")


@pytest.mark.parametrize("role", ["codebook", "segment", "refine", "documents"])
def test_a_disk_that_fills_up_in_any_file_leaves_the_old_index(
    tmp_path: Path, corpus: Corpus, monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    options: dict[str, Any] = {"kind": "compressed", "refine_bits": 1, "ids": [f"d{i}" for i in range(80)]}
    build_index(tmp_path / "i", corpus.vectors, corpus.offsets, **options)
    before = files(tmp_path / "i")
    finish = ContainerWriter._finish

    def fail(self: ContainerWriter, file: Any) -> None:
        if self.path.name.startswith(role):
            raise OSError(28, "No space left on device")
        finish(self, file)

    monkeypatch.setattr(ContainerWriter, "_finish", fail)
    with pytest.raises(OSError, match="No space"):
        build_index(tmp_path / "i", corpus.vectors, corpus.offsets, overwrite=True, **options)
    assert files(tmp_path / "i") == before


def test_an_interrupt_just_after_the_swap_keeps_the_new_index(
    tmp_path: Path, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_index(tmp_path / "i", corpus.vectors, corpus.offsets)
    real = layout.commit

    def commit_and_stop(*arguments: Any) -> None:
        real(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(build, "commit", commit_and_stop)
    with pytest.raises(KeyboardInterrupt):
        build_index(tmp_path / "i", corpus.vectors[:0], [0, 0], overwrite=True)
    assert open_index(tmp_path / "i", verify=True).n_docs == 1


def test_a_first_build_that_fails_leaves_no_index(tmp_path: Path, corpus: Corpus) -> None:
    with pytest.raises(KeyboardInterrupt):
        build_index(
            tmp_path / "i", corpus.vectors, corpus.offsets, kind="compressed", progress=Failing(1, KeyboardInterrupt())
        )
    assert files(tmp_path / "i") == {}
    with pytest.raises(DataError, match="did not finish"):
        open_index(tmp_path / "i")
    assert build_index(tmp_path / "i", corpus.vectors, corpus.offsets).n_docs == 80


V = np.ones((3, 2), np.float32)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"vectors": np.ones((3, 2), np.int32)}, "dtype int32; expected float16 or float32"),
        ({"vectors": np.ones(3, np.float32)}, r"vectors: shape \(3,\)"),
        ({"vectors": np.array([[0, 1], [np.nan, 0], [0, 0]], np.float32)}, "row 1 has NaN or infinite"),
        ({"vectors": np.array([[0, 1], [0, 0], [0, np.inf]], np.float16)}, "row 2 has NaN or infinite"),
        ({"vectors": np.ones((3, 4097), np.float16)}, "dim 4097"),
        ({"offsets": [0, 2]}, "from 0 to 2; expected from 0 to the 3"),
        ({"offsets": [0, 3, 1, 3]}, "fall from 3 to 1"),
        ({"offsets": [0.0, 3.0]}, "dtype float64"),
        ({"token_ids": [1, 2]}, r"token_ids: shape \(2,\)"),
        ({"token_ids": ["a", "b", "c"]}, "token_ids: .*dtype <U1"),
        ({"ids": ["a"]}, "ids: 1 given for 2"),
        ({"ids": ["a", "a"]}, "'a' stands at positions 0 and 1"),
        ({"ids": ["a", 5]}, "5 at position 1 is no string"),
        ({"titles": ["t"]}, "titles: 1 given for 2"),
        ({"texts": ["t", "t", "t"]}, "texts: 3 given for 2"),
        ({"titles": ["t", None]}, "titles: None at position 1 is no string"),
        ({"kind": "tree"}, "kind='tree': choose one of auto, flat, compressed"),
        ({"bits": 3}, "bits=3"),
        ({"bits": 2.0}, "bits=2.0"),
        ({"refine_bits": 8}, "refine_bits=8"),
        ({"n_centroids": 0}, "n_centroids=0"),
        ({"n_centroids": -4}, "n_centroids=-4"),
        ({"seed": -1}, "seed=-1"),
        ({"seed": "x"}, "seed='x'"),
        ({"n_threads": -1}, "n_threads=-1"),
        ({"memory_limit_bytes": 1000}, "memory_limit_bytes=1000: this build needs about"),
    ],
)
def test_wrong_arguments_are_refused_with_what_was_seen_and_leave_nothing(
    tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    arguments: dict[str, Any] = {"vectors": V, "offsets": [0, 2, 3], "token_ids": [1, 1, 2], **change}
    with pytest.raises(InputError, match=says):
        build_index(tmp_path / "i", **arguments)
    assert not (tmp_path / "i").exists() or files(tmp_path / "i") == {}


def test_a_path_that_is_a_file_or_holds_other_things_is_a_conflict(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.txt").write_text("x")
    for name in ("file", "folder"):
        for overwrite in (False, True):
            with pytest.raises(ConflictError, match=name):
                build_index(tmp_path / name, V, [0, 3], overwrite=overwrite)
    assert (tmp_path / "folder" / "thesis.txt").read_text() == "x"


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.int32, np.uint64])
def test_token_ids_of_any_integer_type_give_the_same_index(tmp_path: Path, corpus: Corpus, dtype: Any) -> None:
    for name, ids in (("a", corpus.token_ids), ("b", corpus.token_ids.astype(dtype))):
        build_index(tmp_path / name, corpus.vectors, corpus.offsets, ids, kind="compressed", n_centroids=40)
    assert data(tmp_path / "a") == data(tmp_path / "b")


@pytest.mark.parametrize("n_centroids", [4, 60])
def test_negative_and_huge_token_ids_search_like_any(tmp_path: Path, corpus: Corpus, n_centroids: int) -> None:
    ids = np.array([-(2**63), -1, 0, 2**62, 2**63 - 1])[corpus.token_ids % 5]
    index = build_index(
        tmp_path / "i", corpus.vectors, corpus.offsets, ids, kind="compressed", bits=4, n_centroids=n_centroids
    )
    query = corpus.query(2, 4)
    expected = ranked(maxsim(corpus.vectors, corpus.offsets, query), 1)
    for own in (None, [-1, 0, 2**62, 5], np.array([0, 1, 2**64 - 1, 2**63], np.uint64)):
        for coarse in ("exhaustive", "ranges"):
            assert index.search(query, 1, own, coarse=coarse).positions.tolist() == expected


@pytest.mark.skipif(os.name == "nt", reason="directories have no locks there")
def test_a_second_build_into_the_same_directory_is_a_conflict_while_the_first_runs(
    tmp_path: Path, corpus: Corpus
) -> None:
    class Nested(NullProgress):
        def finish(self) -> None:
            with pytest.raises(ConflictError, match="another writer"):
                build_index(tmp_path / "i", corpus.vectors, corpus.offsets, overwrite=True)

    index = build_index(tmp_path / "i", corpus.vectors, corpus.offsets, progress=Nested())
    assert index.search(corpus.query(2, 3), 1).positions.tolist() == ranked(
        maxsim(corpus.vectors, corpus.offsets, corpus.query(2, 3)), 1
    )


@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_the_length_of_the_vectors_does_not_matter(tmp_path: Path, corpus: Corpus, scale: float) -> None:
    query = corpus.query(2, 8)
    found = []
    for name, factor in (("a", 1.0), ("b", scale)):
        index = build_index(
            tmp_path / name, corpus.vectors * np.float32(factor), corpus.offsets, corpus.token_ids, kind="compressed"
        )
        found.append(index.search(query, 80))
    np.testing.assert_allclose(found[1].scores, found[0].scores * scale, rtol=2e-3)
