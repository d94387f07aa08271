"""A sharded index: the same hits as one index, its states, and what is refused."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from motherlode import (
    DataError,
    Hits,
    Index,
    InputError,
    ShardedIndex,
    build_index,
    build_sharded_index,
    merge_hits,
    open_index,
    open_sharded_index,
)
from tests.corpora import Corpus, make_corpus, maxsim, ranked

KINDS = ("flat", "compressed")
N_SHARDS = 4


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return make_corpus(dim=32, lengths=[0 if i % 50 == 49 else 1 + 7 * i % 20 for i in range(400)])


@pytest.fixture(scope="module", params=[("flat", 0), ("compressed", 0), ("compressed", 2)], ids=str)
def pair(
    request: pytest.FixtureRequest, corpus: Corpus, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Index, ShardedIndex]:
    """One index and a sharded one of the same documents."""
    kind, refine_bits = request.param
    folder = tmp_path_factory.mktemp("pair")
    given = (corpus.vectors, corpus.offsets, corpus.token_ids, [f"d{i}" for i in range(corpus.n_docs)])
    options: dict[str, Any] = {"kind": kind, "refine_bits": refine_bits}
    return (
        build_index(folder / "one", *given, **options),
        build_sharded_index(folder / "many", *given, n_shards=N_SHARDS, **options),
    )


def everything(index: Index | ShardedIndex) -> dict[str, Any]:
    """Options under which a search leaves nothing out."""
    n = index.n_docs + 1
    return {"k_centroids": 10**6, "k_docs_to_score": n, "k_refine": n, "stop_sigma": 0}


def same(found: Hits, expected: Hits) -> None:
    assert found.ids == expected.ids
    assert found.scores.tobytes() == expected.scores.tobytes()
    assert found.positions.tolist() == expected.positions.tolist()


def build(path: Path, corpus: Corpus, n_shards: int = N_SHARDS, **options: Any) -> ShardedIndex:
    return build_sharded_index(path, corpus.vectors, corpus.offsets, corpus.token_ids, n_shards=n_shards, **options)


def test_with_nothing_left_out_hits_are_those_of_one_index_bit_for_bit(
    pair: tuple[Index, ShardedIndex], corpus: Corpus
) -> None:
    one, many = pair
    for position in range(0, corpus.n_docs, 13):
        if not len(corpus.document(position)):
            continue
        query, types = corpus.query(position, 6), corpus.token_ids[:6]
        for k in (1, 10, 1000):
            same(many.search(query, k, **everything(many)), one.search(query, k, **everything(one)))
        for coarse in ("exhaustive", "ranges"):
            options = {**everything(one), "coarse": coarse}
            same(many.search(query, 10, types, **options), one.search(query, 10, types, **options))
        subset = [f"d{i}" for i in range(position, position + 60)]
        same(many.search(query, 10, subset=subset), one.search(query, 10, subset=subset))


def test_with_narrow_limits_the_score_at_each_rank_is_at_least_that_of_one_index(
    pair: tuple[Index, ShardedIndex], corpus: Corpus
) -> None:
    one, many = pair
    higher = 0
    for position in range(0, corpus.n_docs, 7):
        if not len(corpus.document(position)):
            continue
        query = corpus.query(position, 6)
        options: dict[str, Any] = {"k_centroids": 2, "k_docs_to_score": 12, "stop_sigma": 0, "k_refine": 10}
        found, expected = many.search(query, 10, **options), one.search(query, 10, **options)
        assert len(found) >= len(expected)
        assert (found.scores[: len(expected)] >= expected.scores).all()
        higher += bool((found.scores[: len(expected)] > expected.scores).any())
    assert (higher > 0) == (one.kind == "compressed"), "limits this narrow should leave documents out"


def test_a_batch_finds_what_single_searches_find(pair: tuple[Index, ShardedIndex], corpus: Corpus) -> None:
    _, many = pair
    queries = [corpus.query(i, 1 + i % 7) for i in range(40) if len(corpus.document(i))]
    for n_threads in (0, 1, 3, 9):
        for query, hits in zip(queries, many.search_batch(queries, 7, n_threads), strict=True):
            same(hits, many.search(query, 7, n_threads=n_threads))
    assert many.search_batch([]) == []
    subset = ["d3", "d299", "elsewhere"]
    for query, hits in zip(queries, many.search_batch(queries, subset=subset), strict=True):
        same(hits, many.search(query, subset=subset))
        assert set(hits.ids) <= set(subset)


def test_counts_columns_and_lookups_are_those_of_all_documents(
    pair: tuple[Index, ShardedIndex], corpus: Corpus
) -> None:
    one, many = pair
    assert (many.n_docs, many.n_tokens, many.dim, many.kind) == (one.n_docs, one.n_tokens, one.dim, one.kind)
    assert list(many.ids) == list(one.ids)
    assert (many.ids[-1], many.ids[398:]) == ("d399", ["d398", "d399"])
    with pytest.raises(IndexError, match="position 400 of 400"):
        many.ids[400]
    assert many.find(["d399", "nobody", "d0", "d200"]).tolist() == [399, -1, 0, 200]
    starts = np.cumsum([0] + [shard.n_docs for shard in many.shards])
    assert [many.shard_of(int(starts[i])) for i in range(N_SHARDS)] == list(range(N_SHARDS))
    assert [many.shard_of(int(starts[i + 1]) - 1) for i in range(N_SHARDS)] == list(range(N_SHARDS))
    with pytest.raises(InputError, match="position=400: the index has 400 documents"):
        many.shard_of(400)
    assert many.titles is None
    assert many.texts is None
    assert f"{N_SHARDS} shards, 400 documents" in repr(many)


def test_each_shard_is_an_index_of_its_own_with_the_same_codebook(pair: tuple[Index, ShardedIndex]) -> None:
    one, many = pair
    books = set()
    for shard in many.shards:
        alone = open_index(shard.path, verify=True)
        assert alone.n_docs == shard.n_docs
        assert len(alone.search(np.ones((2, 32)), 5)) == 5
        if one.kind == "compressed":
            books.add((shard.path / "codebook-000001.lode").read_bytes())
    if one.kind == "compressed":
        assert books == {(one.path / "codebook-000001.lode").read_bytes()}
        facts = many.info()["codebook"]
        assert facts["crc32"] == one.snapshot.entries["codebook"]["crc32"]
    sizes = [shard.n_tokens for shard in many.shards]
    assert max(sizes) - min(sizes) <= 2 * 20, "shards hold about as many tokens each"


def test_info_adds_up(pair: tuple[Index, ShardedIndex]) -> None:
    _, many = pair
    facts = many.info()
    assert facts["n_docs"] == sum(shard["n_docs"] for shard in facts["shards"]) == many.n_docs
    on_disk = sum(file.stat().st_size for file in many.path.rglob("*") if file.is_file())
    assert facts["size_bytes"] == many.size_bytes == on_disk
    assert [shard["name"] for shard in facts["shards"]] == [f"shard-{i:05d}" for i in range(N_SHARDS)]


def test_titles_and_texts_follow_the_hits_and_ids_default_to_positions(tmp_path: Path, corpus: Corpus) -> None:
    texts = [f"text {i}" for i in range(corpus.n_docs)]
    index = build(tmp_path / "i", corpus, texts=texts, titles=[t.title() for t in texts])
    hits = index.search(corpus.query(301, 5), 5)
    assert hits.ids == [str(i) for i in hits.positions.tolist()]
    assert index.texts is not None
    assert index.titles is not None
    assert [index.texts[i] for i in hits.positions.tolist()] == [f"text {i}" for i in hits.ids]
    assert index.titles[399] == "Text 399"


def test_equal_scores_stand_in_insertion_order_across_shards(tmp_path: Path) -> None:
    vectors = np.tile(np.eye(1, 8, dtype=np.float32), (10, 1))
    for kind in KINDS:
        index = build_sharded_index(tmp_path / kind, vectors, np.arange(11), n_shards=5, kind=kind)
        assert index.search(vectors[:1], 7).positions.tolist() == list(range(7))


def test_merging_keeps_the_best_and_counts_positions_through() -> None:
    def hits(ids: list[str], scores: list[float], positions: list[int]) -> Hits:
        return Hits(ids, np.array(scores, np.float32), np.array(positions, np.int64))

    merged = merge_hits(
        [hits(["a", "b"], [3, 1], [4, 0]), hits([], [], []), hits(["c", "d"], [3, 2], [1, 2])], [0, 10, 20], 3
    )
    assert merged.ids == ["a", "c", "d"]
    assert merged.scores.tolist() == [3, 3, 2]
    assert merged.positions.tolist() == [4, 21, 22]


@pytest.mark.parametrize("kind", KINDS)
def test_a_shard_that_was_written_to_is_seen_after_refresh(tmp_path: Path, corpus: Corpus, kind: str) -> None:
    index = build(tmp_path / "i", corpus, kind=kind, ids=[f"d{i}" for i in range(400)])
    handle = index.shards[1]
    first = index.shards[0].n_docs
    odd = -3 * corpus.document(5)  # far from every centroid: the codebook grows
    with handle.writer() as writer:
        writer.add(["new"], odd, [0, len(odd)], corpus.token_ids[: len(odd)])
        writer.delete([f"d{first}", f"d{first + 1}"])
    assert index.n_docs == 400, "not seen before it is asked for"
    assert index.refresh()
    assert not index.refresh()
    assert index.n_docs == 399
    assert index.find(["new", f"d{first}", f"d{first + 2}", "d399"]).tolist() == [
        first + handle.n_docs - 1,
        -1,
        first,
        398,
    ]
    hits = index.search(odd.astype(np.float32), 3)
    assert hits.ids[0] == "new"
    for query in (corpus.query(398, 4), corpus.query(1, 4)):
        hits = index.search(query, 50, **everything(index))
        assert [index.ids[p] for p in hits.positions.tolist()] == hits.ids
        assert not {f"d{first}", f"d{first + 1}"} & set(hits.ids)
        assert (np.diff(hits.scores) <= 0).all()
    again = open_sharded_index(tmp_path / "i", verify=True)
    assert list(again.ids) == list(index.ids)
    if kind == "compressed":
        sizes = {shard["codebook"]["n_centroids"] for shard in again.info()["shards"]}
        assert len(sizes) == 2, "the shard that was written to has centroids of its own"


def test_a_search_in_another_thread_keeps_its_state_while_shards_change(tmp_path: Path, corpus: Corpus) -> None:
    index = build(tmp_path / "i", corpus, 2, kind="compressed", ids=[f"d{i}" for i in range(400)])
    wrong: list[Any] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            hits = index.search(corpus.query(398, 4), 5)
            # a position past the first shard moves by the documents deleted there: id and position always agree
            number = [
                int(i[1:]) - p for i, p in zip(hits.ids, hits.positions.tolist(), strict=True) if int(i[1:]) > 250
            ]
            if len(set(number)) > 1:
                wrong.append(hits)

    thread = threading.Thread(target=ask)
    thread.start()
    writer_side = index.shards[0]
    for i in range(5):
        with writer_side.writer() as writer:
            writer.delete([f"d{i}"])
        index.refresh()
    stop.set()
    thread.join()
    assert not wrong
    assert index.n_docs == 395


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_process_searches_too(tmp_path: Path, corpus: Corpus) -> None:
    index = build(tmp_path / "i", corpus, 3)
    query = corpus.query(7, 4)
    expected = index.search(query, n_threads=2)
    child = os.fork()
    if child == 0:
        ok = index.search(query, n_threads=2).ids == expected.ids
        os._exit(0 if ok else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def test_the_doors_of_the_two_kinds_name_each_other(tmp_path: Path, corpus: Corpus) -> None:
    build(tmp_path / "many", corpus)
    build_index(tmp_path / "one", corpus.vectors, corpus.offsets, corpus.token_ids)
    with pytest.raises(InputError, match="is a sharded index; open it with open_sharded_index"):
        open_index(tmp_path / "many")
    with pytest.raises(InputError, match="is an index without shards; open it with open_index"):
        open_sharded_index(tmp_path / "one")
    with pytest.raises(InputError, match="no such directory"):
        open_sharded_index(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="this is no sharded index"):
        open_sharded_index(tmp_path / "empty")


def test_a_shard_that_is_missing_or_damaged_is_named(tmp_path: Path, corpus: Corpus) -> None:
    build(tmp_path / "i", corpus, kind="compressed")
    shutil.copytree(tmp_path / "i", tmp_path / "j")
    shutil.rmtree(tmp_path / "j" / "shard-00002")
    with pytest.raises(DataError, match="shard 'shard-00002' is missing or damaged") as caught:
        open_sharded_index(tmp_path / "j")
    assert caught.value.path == str(tmp_path / "j" / "shard-00002")
    shutil.copytree(tmp_path / "i" / "shard-00002", tmp_path / "j" / "shard-00002")
    segment = tmp_path / "j" / "shard-00002" / "segment-000001.lode"
    content = bytearray(segment.read_bytes())
    content[5000] ^= 1
    segment.write_bytes(content)
    with pytest.raises(DataError, match="segment-000001.lode"):
        open_sharded_index(tmp_path / "j", verify=True)
    segment.write_bytes(content[:-1])
    with pytest.raises(DataError, match="shard 'shard-00002' is missing or damaged"):
        open_sharded_index(tmp_path / "j")


def test_a_shard_of_another_build_is_refused(tmp_path: Path, corpus: Corpus) -> None:
    build(tmp_path / "i", corpus, kind="compressed")
    build(tmp_path / "j", corpus, kind="compressed", seed=1)
    shutil.rmtree(tmp_path / "i" / "shard-00001")
    shutil.copytree(tmp_path / "j" / "shard-00001", tmp_path / "i" / "shard-00001")
    with pytest.raises(DataError, match="shard 'shard-00001' is of another build: found codebook"):
        open_sharded_index(tmp_path / "i")


def test_a_damaged_or_newer_manifest_is_refused(tmp_path: Path, corpus: Corpus) -> None:
    build(tmp_path / "i", corpus)
    manifest = tmp_path / "i" / "shards.json"
    text = manifest.read_text()
    manifest.write_text(text.replace('"n_docs": 400', '"n_docs": 401'))
    with pytest.raises(DataError, match="shards.json: is damaged: found CRC"):
        open_sharded_index(tmp_path / "i")
    from motherlode.core.files import read_manifest, write_manifest

    manifest.write_text(text)
    facts = read_manifest(manifest)
    changes: list[tuple[dict[str, Any], str]] = [
        ({"version": 2}, "written by a newer motherlode"),
        ({"format": "motherlode-index"}, "this is no sharded index"),
        ({"shards": []}, "is damaged: found no shards"),
        ({"shards": [{**facts["shards"][0], "name": "../x"}]}, r"shards\[0\].name: found '../x'"),
        ({"dim": "wide"}, "dim is 'wide', expected a whole number"),
    ]
    for change, message in changes:
        write_manifest(manifest, {**facts, **change})
        with pytest.raises(DataError, match=message):
            open_sharded_index(tmp_path / "i")


def test_hits_agree_with_a_scan_of_the_vectors(tmp_path: Path, corpus: Corpus) -> None:
    index = build(tmp_path / "i", corpus, 7, kind="flat")
    query = corpus.query(200, 5)
    assert index.search(query, 25).positions.tolist() == ranked(maxsim(corpus.vectors, corpus.offsets, query), 25)
