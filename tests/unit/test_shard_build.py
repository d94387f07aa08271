"""Building shards: ranges, files and samples, what is refused, and what an interruption leaves behind."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from motherlode import (
    ConflictError,
    DataError,
    InputError,
    ShardedIndex,
    ShardTask,
    build_index,
    build_sharded_index,
    open_sharded_index,
)
from motherlode.retrieval.shard_build import shard_bounds
from tests.corpora import Corpus, make_corpus, run_python


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return make_corpus(dim=16, lengths=[0 if i % 40 == 39 else 1 + 7 * i % 20 for i in range(200)])


def build(path: Path, corpus: Corpus, n_shards: int = 3, **options: Any) -> ShardedIndex:
    options = {"kind": "compressed", **options}
    return build_sharded_index(path, corpus.vectors, corpus.offsets, corpus.token_ids, n_shards=n_shards, **options)


def data(path: Path) -> dict[str, bytes]:
    """The bytes of all data files, by shard and name."""
    return {file.relative_to(path).as_posix(): file.read_bytes() for file in path.rglob("*.lode")}


@pytest.mark.parametrize(
    ("lengths", "n_shards", "expected"),
    [
        ([4, 4, 4, 4], 2, [0, 2, 4]),
        ([8, 1, 1, 1, 1], 2, [0, 1, 5]),
        ([1, 1, 1, 1, 8], 2, [0, 4, 5]),
        ([100, 1, 1], 3, [0, 1, 2, 3]),
        ([1, 1, 100], 3, [0, 1, 2, 3]),
        ([0, 0, 0, 0], 2, [0, 2, 4]),
        ([0, 0, 5, 0, 0], 5, [0, 1, 2, 3, 4, 5]),
        ([3], 1, [0, 1]),
        ([], 1, [0, 0]),
    ],
)
def test_documents_are_divided_in_order_into_parts_of_about_as_many_tokens(
    lengths: list[int], n_shards: int, expected: list[int]
) -> None:
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    assert shard_bounds(offsets, n_shards).tolist() == expected


@pytest.mark.parametrize("n_shards", [0, -1, 5, 2.5, True, "2"])
def test_a_wrong_number_of_shards_is_refused(tmp_path: Path, n_shards: Any) -> None:
    with pytest.raises(InputError, match="n_shards="):
        build_sharded_index(tmp_path / "i", np.ones((4, 4), np.float32), range(5), n_shards=n_shards)
    assert not (tmp_path / "i").exists()


@pytest.mark.parametrize("kind", ["flat", "compressed"])
def test_nothing_and_documents_without_tokens_can_be_sharded(tmp_path: Path, kind: str) -> None:
    nothing = np.zeros((0, 8), np.float32)
    for n_docs, n_shards in ((0, 1), (6, 3)):
        index = build_sharded_index(
            tmp_path / "i", nothing, [0] * (n_docs + 1), n_shards=n_shards, kind=kind, overwrite=True
        )
        assert (index.n_docs, len(index.shards)) == (n_docs, n_shards)
        assert index.search(np.ones((2, 8))).ids == []
        assert open_sharded_index(tmp_path / "i", verify=True).n_docs == n_docs
    index = open_sharded_index(tmp_path / "i")
    with index.shards[1].writer() as writer:  # the first tokens of all: their shard learns a codebook
        writer.add(["x"], np.eye(3, 8, dtype=np.float32), [0, 3])
    index.refresh()
    assert index.search(np.eye(1, 8)).ids == ["x"]


def test_a_build_leaves_shards_and_manifest_and_nothing_else(tmp_path: Path, corpus: Corpus) -> None:
    build(tmp_path / "i", corpus)
    assert sorted(e.name for e in (tmp_path / "i").iterdir()) == [*(f"shard-{i:05d}" for i in range(3)), "shards.json"]


def test_vectors_may_be_files_that_are_mapped(tmp_path: Path, corpus: Corpus) -> None:
    np.save(tmp_path / "v.npy", corpus.vectors)
    np.save(tmp_path / "t.npy", corpus.token_ids)
    build(tmp_path / "arrays", corpus)
    build_sharded_index(
        tmp_path / "files", tmp_path / "v.npy", corpus.offsets, str(tmp_path / "t.npy"), n_shards=3, kind="compressed"
    )
    assert data(tmp_path / "files") == data(tmp_path / "arrays")
    with pytest.raises(InputError, match="vectors: no file"):
        build_sharded_index(tmp_path / "x", tmp_path / "none.npy", corpus.offsets, n_shards=1)
    (tmp_path / "text.npy").write_text("no array")
    with pytest.raises(InputError, match=r"text.npy is no .npy file"):
        build_sharded_index(tmp_path / "x", tmp_path / "text.npy", corpus.offsets, n_shards=1)


def test_a_codebook_of_a_sample_is_shared_and_finds_what_was_put_in(tmp_path: Path, corpus: Corpus) -> None:
    for given in (corpus.token_ids, None):
        index = build_sharded_index(
            tmp_path / "i",
            corpus.vectors,
            corpus.offsets,
            given,
            n_shards=3,
            kind="compressed",
            bits=4,
            train_tokens=800,
            overwrite=True,
        )
        books = {file.read_bytes() for file in (tmp_path / "i").rglob("codebook-*.lode")}
        assert len(books) == 1
        assert index.info()["built"]["train_tokens"] == 800
        found = [index.search(corpus.query(i, 8), 3).positions.tolist() for i in range(0, 200, 10)]
        assert sum(i in hits for i, hits in zip(range(0, 200, 10), found, strict=True)) >= 18
    with pytest.raises(InputError, match="train_tokens=0"):
        build(tmp_path / "j", corpus, train_tokens=0)
    build(tmp_path / "all", corpus, train_tokens=10**9)
    build(tmp_path / "none", corpus)
    assert data(tmp_path / "all") == data(tmp_path / "none"), "more than there are is all of them"


def test_what_is_in_the_way_is_named_and_left_alone(tmp_path: Path, corpus: Corpus) -> None:
    build_index(tmp_path / "one", corpus.vectors, corpus.offsets)
    with pytest.raises(ConflictError, match="holds an index without shards"):
        build(tmp_path / "one", corpus, overwrite=True)
    build(tmp_path / "many", corpus)
    with pytest.raises(ConflictError, match="pass overwrite=True to replace it"):
        build(tmp_path / "many", corpus)
    with pytest.raises(ConflictError, match="is a sharded index"):
        build_index(tmp_path / "many", corpus.vectors, corpus.offsets, overwrite=True)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "letter.txt").write_text("dear")
    with pytest.raises(ConflictError, match="holds files but no sharded index"):
        build(tmp_path / "folder", corpus, overwrite=True)
    with pytest.raises(ConflictError, match="is a file"):
        build(tmp_path / "folder" / "letter.txt", corpus, overwrite=True)
    assert (tmp_path / "folder" / "letter.txt").read_text() == "dear"
    assert len(open_sharded_index(tmp_path / "many").shards) == 3


def test_a_new_build_replaces_the_old_one_and_readers_go_on(tmp_path: Path, corpus: Corpus) -> None:
    old = build(tmp_path / "i", corpus)
    before = old.search(corpus.query(7, 4), 5)
    new = build(tmp_path / "i", corpus, 2, overwrite=True, ids=[f"n{i}" for i in range(200)])
    assert [shard.path.name for shard in new.shards] == ["shard-00003", "shard-00004"]
    assert sorted(e.name for e in (tmp_path / "i").iterdir()) == ["shard-00003", "shard-00004", "shards.json"]
    assert old.search(corpus.query(7, 4), 5).ids == before.ids, "its files are mapped"
    assert old.refresh()
    assert [f"n{i}" for i in before.ids] == old.search(corpus.query(7, 4), 5).ids


class InterruptionError(Exception):
    pass


def stop_after(n_shards: int, done: list[str]) -> Any:
    """Codes so many shards, then fails."""

    def run(tasks: Iterator[ShardTask]) -> Iterable[Any]:
        for number, task in enumerate(tasks):
            if number == n_shards:
                raise InterruptionError
            done.append(task.run())
            yield

    return run


@pytest.mark.parametrize("kind", ["flat", "compressed"])
def test_an_interrupted_build_leaves_the_old_index_and_is_continued(tmp_path: Path, corpus: Corpus, kind: str) -> None:
    path = tmp_path / "i"
    build(path, corpus, 2, kind=kind, ids=[f"old{i}" for i in range(200)])
    first: list[str] = []
    with pytest.raises(InterruptionError):
        build(path, corpus, kind=kind, overwrite=True, run=stop_after(2, first))
    assert first == ["shard-00002", "shard-00003"]
    assert open_sharded_index(path, verify=True).ids[0] == "old0"
    kept = {file: file.stat().st_mtime_ns for file in path.glob("shard-00003/*")}
    rest: list[str] = []
    index = build(path, corpus, kind=kind, overwrite=True, run=stop_after(9, rest))
    assert rest == ["shard-00004"]
    assert index.ids[0] == "0"
    assert {file: file.stat().st_mtime_ns for file in path.glob("shard-00003/*")} == kept
    assert sorted(e.name for e in path.iterdir()) == ["shard-00002", "shard-00003", "shard-00004", "shards.json"]
    build(tmp_path / "fresh", corpus, kind=kind)
    assert list(data(path).values()) == list(data(tmp_path / "fresh").values())


def test_an_unfinished_build_of_other_input_is_refused_or_replaced(tmp_path: Path, corpus: Corpus) -> None:
    path = tmp_path / "i"
    with pytest.raises(InterruptionError):
        build(path, corpus, run=stop_after(1, []))
    with pytest.raises(DataError, match="call build_sharded_index again as before to finish it"):
        open_sharded_index(path)
    other = Corpus(corpus.vectors[::-1].copy(), corpus.offsets, corpus.token_ids)
    with pytest.raises(ConflictError, match="unfinished build with other vectors; finish it"):
        build(path, other)
    with pytest.raises(ConflictError, match="unfinished build with other n_shards and seed"):
        build(path, corpus, 2, seed=3)
    index = build(path, other, overwrite=True)
    assert sorted(e.name for e in path.iterdir()) == [*(s.path.name for s in index.shards), "shards.json"]
    build(tmp_path / "fresh", other)
    assert list(data(path).values()) == list(data(tmp_path / "fresh").values())


def test_a_half_written_shard_is_coded_again(tmp_path: Path, corpus: Corpus) -> None:
    path = tmp_path / "i"
    with pytest.raises(InterruptionError):
        build(path, corpus, run=stop_after(2, []))
    (path / "shard-00000" / "manifest.json").unlink()
    (path / "shard-00001" / "segment-000001.lode").write_bytes(b"cut short")
    (path / "shard-00002").mkdir()
    done: list[str] = []
    build(path, corpus, run=stop_after(9, done))
    assert done == ["shard-00000", "shard-00001", "shard-00002"]
    assert open_sharded_index(path, verify=True).n_docs == 200


def test_shards_may_be_coded_by_other_processes(tmp_path: Path, corpus: Corpus) -> None:
    def run(tasks: Iterator[ShardTask]) -> Iterable[Any]:
        with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
            yield from pool.map(ShardTask.run, tasks)

    build(tmp_path / "there", corpus, run=run)
    build(tmp_path / "here", corpus)
    assert data(tmp_path / "there") == data(tmp_path / "here")


def test_a_run_that_leaves_a_shard_out_does_not_make_an_index(tmp_path: Path, corpus: Corpus) -> None:
    with pytest.raises(DataError, match=r"shard-00001.manifest.json: is missing"):
        build(tmp_path / "i", corpus, run=lambda tasks: [task.run() for task in tasks if task.name != "shard-00001"])
    with pytest.raises(DataError, match="unfinished build"):
        open_sharded_index(tmp_path / "i")
    assert build(tmp_path / "i", corpus).n_docs == 200


_KILLED = """
import os, signal, sys
import numpy as np
from motherlode import build_sharded_index
from tests.unit.test_shard_build import killed_build
killed_build(sys.argv[1], int(sys.argv[2]))
"""


def killed_build(path: str, n_shards: int) -> None:
    """What the killed process runs: it ends without a word after so many shards."""
    import os
    import signal

    def run(tasks: Iterator[ShardTask]) -> Iterable[Any]:
        for number, task in enumerate(tasks):
            if number == n_shards:
                os.kill(os.getpid(), signal.SIGKILL)
            yield task.run()

    build(Path(path), make_corpus(100, 16), overwrite=True, run=run)


@pytest.mark.parametrize("n_shards", [0, 1, 2])
def test_a_killed_build_is_finished_by_the_same_call(tmp_path: Path, n_shards: int) -> None:
    small = make_corpus(100, 16)
    done = run_python(_KILLED, tmp_path / "i", n_shards)
    assert done.returncode == -9, done.stderr
    with pytest.raises(DataError, match="unfinished build"):
        open_sharded_index(tmp_path / "i")
    again: list[str] = []
    build(tmp_path / "i", small, run=stop_after(9, again))
    assert len(again) == 3 - n_shards, "complete shards are kept"
    build(tmp_path / "fresh", small)
    assert data(tmp_path / "i") == data(tmp_path / "fresh")
