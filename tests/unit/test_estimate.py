"""Estimates: against indexes that are built, and what they say at their edges."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from motherlode import InputError, build_index, build_sharded_index, estimate_index, open_index, shards_within
from motherlode.retrieval.estimate import Estimate
from tests.corpora import Corpus, make_corpus, run_python

N_TYPES = 6000


def text_like(n_docs: int, mean: int, dim: int) -> Corpus:
    """Token types as often as in text, a few clusters in each."""
    rng = np.random.default_rng(5)
    offsets = np.concatenate([[0], np.cumsum(np.maximum(1, rng.poisson(mean, n_docs)))]).astype(np.int64)
    shares = (np.arange(N_TYPES) + 3.7) ** -1.05
    token_ids = rng.choice(N_TYPES, int(offsets[-1]), p=shares / shares.sum())
    centers = rng.standard_normal((N_TYPES, dim)).astype(np.float32)
    vectors = centers[token_ids]
    vectors += 0.7 * rng.standard_normal(vectors.shape, np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Corpus(vectors.astype(np.float16), offsets, token_ids)


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return text_like(7000, 60, 32)


def sizes_by_part(path: Path) -> dict[str, int]:
    """Bytes of the sections of all files below a directory, by the parts of an estimate."""
    found = dict.fromkeys(
        ("codebook", "assignment", "codes", "scales", "refinement", "lists", "terms", "documents", "vectors"), 0
    )
    for shard in {file.parent for file in path.rglob("*.lode")}:
        for file in open_index(shard).snapshot.all_files():
            role = file.path.name.split("-")[0]
            for name in file.names():
                size = file.array(name, file.dtype(name)).nbytes
                if role == "segment" and name in ("assignment", "codes", "scales"):
                    found[name] += size
                elif role == "segment" and name.startswith("list"):
                    found["lists"] += size
                else:
                    known = {"refine": "refinement", "codebook": "codebook", "flat": "vectors", "terms": "terms"}
                    part = known.get(role, "documents")
                    found[part] += size
    return found


@pytest.mark.parametrize(
    ("n_shards", "options"),
    [(1, {}), (1, {"bits": 4, "refine_bits": 2}), (1, {"bits": 1, "n_centroids": 3000}), (4, {"refine_bits": 1})],
)
def test_an_index_that_is_built_has_the_estimated_size(
    tmp_path: Path, corpus: Corpus, n_shards: int, options: dict[str, Any]
) -> None:
    ids = [f"{i:04d}" for i in range(corpus.n_docs)]
    texts = [f"some text for document {i:04d}" for i in range(corpus.n_docs)]
    titles = [f"title {i:04d}" for i in range(corpus.n_docs)]
    given = (tmp_path / "i", corpus.vectors, corpus.offsets, corpus.token_ids, ids)
    if n_shards == 1:
        size = build_index(*given, texts=texts, titles=titles, **options).size_bytes
    else:
        size = build_sharded_index(*given, texts=texts, titles=titles, n_shards=n_shards, **options).size_bytes
    guess = estimate_index(
        corpus.n_docs,
        len(corpus.vectors),
        32,
        n_types=N_TYPES,
        n_shards=n_shards,
        text_bytes=sum(map(len, texts + titles)),
        **options,
    )
    assert guess.disk_bytes == pytest.approx(size, rel=0.1)
    found = sizes_by_part(tmp_path / "i")
    for part, n_bytes in guess.disk.items():
        assert n_bytes == pytest.approx(found[part], rel=0.15, abs=n_shards * 20_000), part


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_a_flat_index_has_the_estimated_size(tmp_path: Path, dtype: str) -> None:
    small = make_corpus(800, 48, longest=60, dtype=dtype)
    index = build_index(tmp_path / "i", small.vectors, small.offsets, ids=[f"{i:03d}" for i in range(800)])
    guess = estimate_index(800, len(small.vectors), 48, keep_vectors=dtype)
    assert guess.kind == index.kind == "flat"
    assert guess.disk_bytes == pytest.approx(index.size_bytes, rel=0.02)
    assert guess.n_centroids == 0


_BUILD = """
import sys
import numpy as np
folder = sys.argv[1]
vectors, offsets, token_ids = (np.load(f"{folder}/{name}.npy") for name in "vot")
from motherlode import build_index
def peak():
    lines = dict(line.split(":") for line in open("/proc/self/status"))
    return int(lines["VmHWM"].split()[0]) * 1024
build_index(f"{folder}/i", vectors, offsets, token_ids, n_threads=2)
print(peak() - vectors.nbytes - offsets.nbytes - token_ids.nbytes)
"""
_SEARCH = """
import sys
import numpy as np
from motherlode import open_index
import motherlode.retrieval.index
def memory(name):
    lines = dict(line.split(":") for line in open("/proc/self/status"))
    return int(lines[name].split()[0]) * 1024
library = memory("RssFile")  # before the index is mapped
index = open_index(sys.argv[1])
for query in np.load(sys.argv[2]):
    index.search(query)
print(library + memory("RssAnon"))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc here")
def test_building_and_searching_take_the_estimated_memory(tmp_path: Path) -> None:
    corpus = text_like(16_000, 60, 48)
    arrays: list[NDArray[Any]] = [corpus.vectors, corpus.offsets, corpus.token_ids.astype(np.int32)]
    for name, array in zip("vot", arrays, strict=True):
        np.save(tmp_path / f"{name}.npy", array)
    guess = estimate_index(corpus.n_docs, len(corpus.vectors), 48, n_types=N_TYPES, n_threads=2)
    done = run_python(_BUILD, tmp_path)
    assert guess.build_memory == pytest.approx(int(done.stdout), rel=0.25), done.stderr
    queries = np.stack([corpus.vectors[i * 50 : i * 50 + 32].astype(np.float32) for i in range(50)])
    np.save(tmp_path / "q.npy", queries)
    done = run_python(_SEARCH, tmp_path / "i", tmp_path / "q.npy")
    one = estimate_index(corpus.n_docs, len(corpus.vectors), 48, n_types=N_TYPES, n_threads=1)
    assert one.search_memory == pytest.approx(int(done.stdout), rel=0.25), done.stderr


def test_more_of_anything_takes_more() -> None:
    def disk(**changes: Any) -> Estimate:
        given: dict[str, Any] = {"n_docs": 100_000, "n_tokens": 8_000_000, "dim": 128, "n_threads": 2, **changes}
        return estimate_index(**given)

    base = disk()
    for changes in (
        {"n_tokens": 9_000_000},
        {"dim": 256},
        {"bits": 4},
        {"refine_bits": 1},
        {"n_centroids": 200_000},
        {"n_shards": 8},
        {"text_bytes": 1_000_000},
        {"keep_vectors": "float16"},
    ):
        assert disk(**changes).disk_bytes > base.disk_bytes, changes
    assert disk(n_threads=16).build_memory >= base.build_memory
    assert disk(n_shards=8).search_mapped < base.search_mapped / 7
    assert base.disk["codes"] == 8_000_000 * 32
    assert base.disk["assignment"] == 2 * 8_000_000
    assert disk(n_centroids=65_537).disk["assignment"] == 3 * 8_000_000
    assert json.loads(json.dumps(base.to_dict()))["disk_bytes"] == base.disk_bytes


def test_the_fewest_shards_that_fit_are_found() -> None:
    for memory in (5 * 10**9, 16 * 10**9, 10**9):
        count = shards_within(memory, 8_800_000, 598_000_000)
        assert count is not None

        def total(n_shards: int) -> int:
            return estimate_index(8_800_000, 598_000_000, n_shards=n_shards).search_total

        assert total(count) <= memory < total(count - 1)
    assert shards_within(10**12, 8_800_000, 598_000_000) == 1
    assert shards_within(10**8, 8_800_000, 598_000_000) is None, "the codebook alone is larger"
    assert shards_within(10**9, 10, 500) == 1


def test_empty_and_tiny_corpora_have_estimates() -> None:
    assert estimate_index(0, 0).disk_bytes < 20_000
    assert estimate_index(5, 0, keep_vectors="float32").n_docs == 5
    assert estimate_index(1, 1, 1, bits=1).kind == "flat"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_docs": -1}, "n_docs=-1: give a whole number"),
        ({"n_docs": 0}, "n_docs=0: 1000000 tokens belong to one document"),
        ({"n_tokens": 1.5}, "n_tokens=1.5"),
        ({"dim": 0}, "dim=0: give 1 to 4096"),
        ({"dim": 5000}, "dim=5000: give 1 to 4096"),
        ({"bits": 3}, "bits=3, refine_bits=0: bits is 1, 2 or 4"),
        ({"n_shards": 0}, "n_shards=0: give 1 to 1000"),
        ({"n_shards": 1001}, "n_shards=1001"),
        ({"keep_vectors": "int8"}, "keep_vectors='int8'"),
        ({"n_types": 0}, "n_types=0: give a positive number"),
    ],
)
def test_what_no_index_has_is_refused(changes: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {"n_docs": 1000, "n_tokens": 1_000_000, **changes}
    with pytest.raises(InputError, match=message):
        estimate_index(**given)
