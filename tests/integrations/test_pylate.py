"""MotherlodeIndex behind PyLate's own retriever. Skipped without PyLate; test_environments.py runs it there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("pylate", reason="PyLate has an environment of its own: tests/integrations/environment.py")
torch = pytest.importorskip("torch")

from pylate import indexes, rank, retrieve  # noqa: E402

from motherlode import ConflictError, InputError, build_index, open_index  # noqa: E402
from motherlode.integrations import pylate as door  # noqa: E402
from motherlode.integrations.pylate import MotherlodeIndex  # noqa: E402
from tests.corpora import Corpus, make_corpus  # noqa: E402

N = 120
CORPUS = make_corpus(N, 32, lengths=np.random.default_rng(1).integers(1, 14, N).tolist(), seed=7)
IDS = [f"doc-{i}" for i in range(N)]
QUERIES = [torch.from_numpy(CORPUS.query(i, n)) for i, n in ((3, 4), (77, 7), (50, 1))]
KINDS = ("flat", "compressed")


def documents(*positions: int) -> list[Any]:
    return [torch.from_numpy(CORPUS.document(i)) for i in (positions or range(N))]


def make(folder: Path, kind: str = "flat", **options: Any) -> MotherlodeIndex:
    everything = {"k_centroids": 10**6, "k_docs_to_score": N + 1, "stop_sigma": 0} | options
    index = MotherlodeIndex(str(folder), "mine", kind=kind, **everything)
    return index.add_documents(documents_ids=IDS, documents_embeddings=documents())


def brute_force(query: Any, allowed: set[str], corpus: Corpus = CORPUS) -> list[tuple[str, float]]:
    """MaxSim spelt out with torch."""
    scores = {IDS[i]: float((query @ torch.from_numpy(corpus.document(i)).T).max(dim=1).values.sum()) for i in range(N)}
    return sorted(((name, s) for name, s in scores.items() if name in allowed), key=lambda pair: -pair[1])


def same(results: list[list[Any]], expected: list[list[tuple[str, float]]], tolerance: float = 1e-4) -> None:
    for found, true in zip(results, expected, strict=True):
        assert [hit["id"] for hit in found] == [name for name, _ in true]
        np.testing.assert_allclose([hit["score"] for hit in found], [score for _, score in true], atol=tolerance)


SUBSETS: list[Any] = [
    None,
    [f"doc-{i}" for i in range(0, N, 7)],
    [],
    ["doc-5", "never-added"],
    [["doc-1", "doc-2"], IDS[50:90], []],
    (tuple(IDS[:3]), tuple(IDS[3:6]), tuple(IDS[6:9])),
]


@pytest.mark.parametrize("subset", SUBSETS, ids=["none", "shared", "empty", "unknown", "per query", "tuples"])
def test_the_retriever_finds_what_brute_force_finds(tmp_path: Path, subset: Any) -> None:
    retriever = retrieve.ColBERT(index=make(tmp_path))
    results = retriever.retrieve(queries_embeddings=QUERIES, k=6, subset=subset)
    per_query = subset if subset and not isinstance(subset[0], str) else [IDS if subset is None else subset] * 3
    same(results, [brute_force(q, set(s))[:6] for q, s in zip(QUERIES, per_query, strict=True)])


@pytest.mark.parametrize("subset", SUBSETS, ids=["none", "shared", "empty", "unknown", "per query", "tuples"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_retriever_finds_what_the_index_itself_finds(tmp_path: Path, kind: str, subset: Any) -> None:
    index = make(tmp_path, kind)
    own = open_index(index.path)
    assert own.kind == kind
    results = retrieve.ColBERT(index=index).retrieve(queries_embeddings=QUERIES, k=6, subset=subset)
    per_query = subset if subset and not isinstance(subset[0], str) else [subset] * 3
    expected = [
        own.search(q, 6, subset=None if s is None else list(s), **index.settings)
        for q, s in zip(QUERIES, per_query, strict=True)
    ]
    same(results, [list(hits) for hits in expected], tolerance=1e-6)
    assert all(isinstance(hit["id"], str) and isinstance(hit["score"], float) for found in results for hit in found)


def test_a_compressed_index_is_near_brute_force(tmp_path: Path) -> None:
    index = MotherlodeIndex(str(tmp_path), kind="compressed", bits=4, refine_bits=4)
    index.add_documents(IDS, documents())
    results = retrieve.ColBERT(index=index).retrieve(queries_embeddings=QUERIES, k=5)
    for found, query in zip(results, QUERIES, strict=True):
        true = [name for name, _ in brute_force(query, set(IDS))[:5]]
        assert len({hit["id"] for hit in found} & set(true)) >= 4


@pytest.mark.parametrize(
    "queries",
    [
        QUERIES,
        [q.numpy() for q in QUERIES],
        [q.tolist() for q in QUERIES],
        [q.half() for q in QUERIES],
        [q.requires_grad_(False).clone().requires_grad_(True) for q in QUERIES],
        [q[None] for q in QUERIES],
    ],
    ids=["torch", "numpy", "lists", "half", "grad", "batches of one"],
)
def test_queries_come_in_any_form(tmp_path: Path, queries: Any) -> None:
    results = retrieve.ColBERT(index=make(tmp_path)).retrieve(queries_embeddings=queries, k=3)
    same(results, [brute_force(q, set(IDS))[:3] for q in QUERIES], tolerance=5e-2)


def test_one_query_and_a_block_of_queries_are_taken(tmp_path: Path) -> None:
    index = make(tmp_path)
    block = torch.stack([QUERIES[0], QUERIES[1][:4]])
    for queries in (block, block.numpy(), block.tolist()):
        same(index(queries, k=2), [brute_force(q, set(IDS))[:2] for q in block])
    for query in (QUERIES[0], QUERIES[0].numpy(), QUERIES[0].tolist()):
        same(index(query, k=2), [brute_force(QUERIES[0], set(IDS))[:2]])
    assert index([], k=2) == []


def test_documents_come_in_any_form(tmp_path: Path) -> None:
    forms: list[Any] = [
        [d.numpy() for d in documents()],
        [d.tolist() for d in documents()],
        [d.bfloat16() for d in documents()],
        [d.clone().requires_grad_(True) for d in documents()],
    ]
    for number, form in enumerate(forms):
        index = MotherlodeIndex(str(tmp_path), f"form-{number}").add_documents(IDS, form)
        results = index(QUERIES, k=1)
        assert [found[0]["id"] for found in results] == [brute_force(q, set(IDS))[0][0] for q in QUERIES]
    block = torch.stack([d[:1] for d in documents(*range(5))])
    assert MotherlodeIndex(str(tmp_path), "block").add_documents(IDS[:5], block)(QUERIES, k=9)[0][4]
    single = MotherlodeIndex(str(tmp_path), "single").add_documents("only", documents(3)[0])
    assert [hit["id"] for hit in single(QUERIES[0])[0]] == ["only"]


def test_encodings_with_token_ids_reach_a_compressed_index(tmp_path: Path) -> None:
    """What encode(…, output_value=None) returns: padded, with masks."""
    lengths = np.diff(CORPUS.offsets)
    width = int(lengths.max())
    encoded: dict[str, list[Any]] = {"token_embeddings": [], "input_ids": [], "masks": []}
    for i in range(N):
        n, rows = int(lengths[i]), slice(CORPUS.offsets[i], CORPUS.offsets[i + 1])
        padded, kinds = torch.full((width, 32), 9.0), torch.zeros(width, dtype=torch.int64)
        padded[:n], kinds[:n] = torch.from_numpy(CORPUS.document(i)), torch.from_numpy(CORPUS.token_ids[rows])
        encoded["token_embeddings"].append(padded)
        encoded["input_ids"].append(kinds)
        encoded["masks"].append(torch.arange(width) < n)
    index = MotherlodeIndex(str(tmp_path), kind="compressed")
    index.add_documents(IDS, encoded)
    assert index.index is not None
    assert index.index.info()["codebook"]["pseudo_types"] is False
    direct = build_index(tmp_path / "direct", CORPUS.vectors, CORPUS.offsets, CORPUS.token_ids, IDS, kind="compressed")
    same(index(QUERIES, k=5), [list(direct.search(q, 5)) for q in QUERIES], tolerance=1e-6)
    more = {name: values[:1] for name, values in encoded.items()}
    index.add_documents(["copy"], more)
    assert {hit["id"] for hit in index(CORPUS.document(0), k=2)[0]} == {"doc-0", "copy"}
    with pytest.raises(InputError, match="documents_token_ids: lengths"):
        index.add_documents(["x"], documents(0), documents_token_ids=[[1] * 99])


def test_added_removed_and_updated_documents_are_seen_by_other_handles(tmp_path: Path) -> None:
    index = MotherlodeIndex(str(tmp_path), "mine")
    other = MotherlodeIndex(str(tmp_path), "mine")
    assert not other.is_indexed
    index.add_documents(IDS[:60], documents(*range(60)))
    index.add_documents(IDS[60:], documents(*range(60, N)), batch_size=7)
    same(other(QUERIES, k=4), [brute_force(q, set(IDS))[:4] for q in QUERIES])
    index.remove_documents(["doc-3", "doc-77"])
    same(other(QUERIES, k=4), [brute_force(q, set(IDS) - {"doc-3", "doc-77"})[:4] for q in QUERIES])
    index.update_documents(["doc-9", "doc-3"], documents(77, 3))  # one that is there, one that is not
    found = other(QUERIES, k=1)
    assert [found[0][0]["id"], found[1][0]["id"]] == ["doc-3", "doc-9"]
    assert MotherlodeIndex(str(tmp_path), "mine").index.n_docs == N - 1  # type: ignore[union-attr]


def test_what_is_there_or_missing_is_an_error_and_changes_nothing(tmp_path: Path) -> None:
    index = make(tmp_path)
    with pytest.raises(InputError, match="doc-5"):
        index.add_documents(["fresh", "doc-5"], documents(1, 2))
    with pytest.raises(InputError, match="the index has no 'nobody'"):
        index.remove_documents(["doc-5", "nobody"])
    with pytest.raises(InputError, match="2 given for 1 documents_ids"):
        index.add_documents(["fresh"], documents(1, 2))
    with pytest.raises(InputError, match="convert with str"):
        index.add_documents([7], documents(1))  # type: ignore[list-item]
    with pytest.raises(InputError, match="2 lists of ids for 3 queries"):
        index(QUERIES, subset=[["doc-1"], ["doc-2"]])
    with pytest.raises(InputError, match="mixed"):
        index(QUERIES, subset=[["doc-1"], "doc-2", ["doc-3"]])
    with pytest.raises(InputError, match="k_centroid: no such setting"):
        MotherlodeIndex(str(tmp_path), "mine", k_centroid=3)
    assert index.index is not None
    assert list(index.index.ids) == IDS


def test_an_index_without_documents_says_so(tmp_path: Path) -> None:
    index = MotherlodeIndex(str(tmp_path), "none")
    with pytest.raises(ValueError, match="the index is empty; add documents"):
        index(QUERIES)
    assert index.add_documents([], []) is index
    assert not index.is_indexed
    assert not (tmp_path / "none").exists()


def test_override_replaces_what_is_there_at_the_first_addition(tmp_path: Path) -> None:
    make(tmp_path)
    again = MotherlodeIndex(str(tmp_path), "mine", override=True)
    assert not again.is_indexed
    assert MotherlodeIndex(str(tmp_path), "mine").is_indexed  # until then the old one is there for others
    again.add_documents(["a"], documents(1))
    again.add_documents(["b"], documents(2))
    reopened = MotherlodeIndex(str(tmp_path), "mine").index
    assert reopened is not None
    assert list(reopened.ids) == ["a", "b"]
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "letter.txt").write_text("mine", "utf-8")
    with pytest.raises(ConflictError, match="no index"):
        MotherlodeIndex(str(tmp_path), "foreign", override=True).add_documents(["a"], documents(1))


def test_many_small_additions_end_in_a_compressed_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "_FLAT_TOKENS", int(CORPUS.offsets[80]))
    index = MotherlodeIndex(str(tmp_path), bits=4)
    kinds = []
    for begin in range(0, N, 10):
        index.add_documents(IDS[begin : begin + 10], documents(*range(begin, begin + 10)))
        assert index.index is not None
        kinds.append(index.index.kind)
    assert kinds == ["flat"] * 8 + ["compressed"] * 4
    assert index.index is not None
    assert list(index.index.ids) == IDS
    results = index(QUERIES, k=5)
    for found, query in zip(results, QUERIES, strict=True):
        assert len({hit["id"] for hit in found} & {name for name, _ in brute_force(query, set(IDS))[:5]}) >= 4


def test_documents_embeddings_are_for_reranking(tmp_path: Path) -> None:
    index = make(tmp_path)
    groups = [["doc-3", "doc-5"], ["doc-77"], []]
    alone = [["doc-3"], ["doc-77"]]  # in one group, PyLate fills the shorter document up with zeros, which score 0
    found = index.get_documents_embeddings(groups)
    assert [len(group) for group in found] == [2, 1, 0]
    np.testing.assert_array_equal(found[0][1], CORPUS.document(5))
    reranked = rank.rerank(
        documents_ids=alone,
        queries_embeddings=QUERIES[:2],
        documents_embeddings=index.get_documents_embeddings(alone),
        device="cpu",
    )
    same(reranked, [brute_force(q, set(group)) for q, group in zip(QUERIES[:2], alone, strict=True)])


def test_pylates_reranker_agrees_with_the_scores_of_a_search(tmp_path: Path) -> None:
    results = make(tmp_path)(QUERIES, k=8)
    groups = [[hit["id"] for hit in found] for found in results]
    reranked = rank.rerank(
        documents_ids=groups, queries_embeddings=QUERIES, device="cpu",
        documents_embeddings=[documents(*(IDS.index(name) for name in group)) for group in groups],
    )  # fmt: skip
    same(results, [[(hit["id"], hit["score"]) for hit in found] for found in reranked])


def test_it_is_one_of_pylates_indexes(tmp_path: Path) -> None:
    index = MotherlodeIndex(str(tmp_path), "mine")
    assert isinstance(index, indexes.base.Base)
    assert index.is_end_to_end_index
    assert "empty" in repr(index)
    index.add_documents(IDS, documents())
    assert "120 documents" in repr(index)
