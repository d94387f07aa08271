"""Shards on a Ray cluster of several processes on this machine: the same files and the same hits as without."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from motherlode import ConflictError, DataError, Hits, InputError, build_index, build_sharded_index, open_sharded_index
from tests.corpora import Corpus, environment, make_corpus, run_python

N_SHARDS = 3


def test_without_ray_the_message_says_how_to_get_it(tmp_path: Path) -> None:
    code = """
import sys
sys.modules["ray"] = None  # as if it were not there
from motherlode import UnsupportedError
from motherlode.integrations.ray import RayShards
try:
    RayShards("nowhere")
except UnsupportedError as error:
    print(error)
"""
    done = run_python(code)
    assert "pip install 'motherlode[ray]'" in done.stdout, done.stderr


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Ray with two worker processes that talk over loopback, without telemetry, in a bounded object store."""
    variables = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled", "PYTHONPATH": environment()["PYTHONPATH"]}
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    ray = pytest.importorskip("ray", reason="ray is not installed (pip install 'motherlode[ray]')")
    folder = tempfile.mkdtemp(prefix="lode-ray-")  # short: sockets live below it
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        object_store_memory=80 << 20,
        log_to_driver=False,
        _node_ip_address="127.0.0.1",
        _temp_dir=folder,
    )
    yield ray
    ray.shutdown()
    shutil.rmtree(folder, ignore_errors=True)
    for name, value in before.items():
        os.environ.pop(name) if value is None else os.environ.update({name: value})


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return make_corpus(dim=24, lengths=[1 + 7 * i % 20 for i in range(300)])


@pytest.fixture(scope="module")
def built(cluster: Any, corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``ray`` (from files), ``ray-arrays``, ``local`` and ``single``: the same documents."""
    from motherlode.integrations.ray import build_sharded_index_ray

    folder = tmp_path_factory.mktemp("ray")
    np.save(folder / "v.npy", corpus.vectors)
    np.save(folder / "t.npy", corpus.token_ids)
    rest: dict[str, Any] = {"ids": [f"d{i}" for i in range(300)], "kind": "compressed", "refine_bits": 1}
    files = (folder / "v.npy", corpus.offsets, folder / "t.npy")
    arrays = (corpus.vectors, corpus.offsets, corpus.token_ids)
    build_sharded_index_ray(folder / "ray", *files, n_shards=N_SHARDS, **rest)
    build_sharded_index_ray(folder / "ray-arrays", *arrays, n_shards=N_SHARDS, **rest)
    build_sharded_index(folder / "local", *arrays, n_shards=N_SHARDS, **rest)
    build_index(folder / "single", *arrays, **rest)
    return folder


def data(path: Path) -> dict[str, bytes]:
    return {file.relative_to(path).as_posix(): file.read_bytes() for file in path.rglob("*.lode")}


def same(found: Hits, expected: Hits) -> None:
    assert found.ids == expected.ids
    assert found.scores.tobytes() == expected.scores.tobytes()
    assert found.positions.tolist() == expected.positions.tolist()


def test_ray_builds_the_same_files_from_files_and_from_arrays(built: Path) -> None:
    expected = data(built / "local")
    assert len(expected) == 4 * N_SHARDS
    assert data(built / "ray") == expected
    assert data(built / "ray-arrays") == expected
    assert sorted(e.name for e in (built / "ray").iterdir()) == [*(f"shard-{i:05d}" for i in range(3)), "shards.json"]


def test_actors_find_what_the_local_shards_and_the_single_index_find(built: Path, corpus: Corpus) -> None:
    from motherlode import open_index
    from motherlode.integrations.ray import RayShards

    local, single = open_sharded_index(built / "local"), open_index(built / "single")
    everything: dict[str, Any] = {"k_centroids": 10**6, "k_docs_to_score": 301, "k_refine": 301, "stop_sigma": 0}
    queries = [corpus.query(i, 1 + i % 6) for i in range(0, 300, 23)]
    subset = [f"d{i}" for i in range(90, 220)]
    with RayShards(built / "ray") as shards:
        assert len(set(shards.pids)) == 2, "three shards on the two CPUs of the cluster"
        assert os.getpid() not in shards.pids
        for query in queries:
            same(shards.search(query, 12, **everything), single.search(query, 12, **everything))
            same(shards.search(query, 12, corpus.token_ids[: len(query)]), local.search(query, 12))
            same(shards.search(query, 5, subset=subset), single.search(query, 5, subset=subset))
        for found, expected in zip(shards.search_batch(queries, 7), local.search_batch(queries, 7), strict=True):
            same(found, expected)
        assert shards.search_batch([]) == []
        with pytest.raises(InputError, match=r"query: shape \(2, 5\); expected \[n_query_tokens, 24\]"):
            shards.search(np.ones((2, 5)))
        with pytest.raises(InputError, match="coarse='rough'"):
            shards.search(queries[0], coarse="rough")
    with pytest.raises(ConflictError, match="is closed"):
        shards.search(queries[0])


@pytest.mark.long
def test_a_dead_actor_is_started_again_and_a_lost_shard_is_named(built: Path, corpus: Corpus, tmp_path: Path) -> None:
    from motherlode.integrations.ray import RayShards

    shutil.copytree(built / "local", tmp_path / "i")
    query = corpus.query(5, 4)
    expected = open_sharded_index(tmp_path / "i").search(query)
    with RayShards(tmp_path / "i", 2) as shards:
        first = shards.pids
        os.kill(first[1], signal.SIGKILL)
        same(shards.search(query), expected)
        assert shards.pids[0] == first[0]
        assert shards.pids[1] != first[1]
        os.kill(shards.pids[1], signal.SIGKILL)
        shutil.move(tmp_path / "i" / "shard-00002", tmp_path / "away")
        with pytest.raises(DataError, match="shard shard-00002 is missing"):
            shards.search(query)
        shutil.move(tmp_path / "away", tmp_path / "i" / "shard-00002")
        same(shards.search(query), expected)


def test_actors_that_do_not_fit_the_cluster_are_refused_in_time(built: Path) -> None:
    from motherlode.integrations.ray import RayShards

    with pytest.raises(ConflictError, match=r"3 of them ask for 2 CPU each, the cluster has 2 in all"):
        RayShards(built / "ray", 3, cpus_per_actor=2, start_timeout_s=3)


def test_a_write_to_a_shard_is_seen_after_refresh(built: Path, corpus: Corpus, tmp_path: Path) -> None:
    from motherlode.integrations.ray import RayShards

    shutil.copytree(built / "local", tmp_path / "i")
    with RayShards(tmp_path / "i", 1, cpus_per_actor=2) as shards:
        with shards.index.shards[0].writer() as writer:
            writer.delete(["d0"])
        shards.refresh()
        query = corpus.query(299, 4)
        hits = shards.search(query, 300, k_docs_to_score=300)
        assert hits.ids[0] == "d299"
        assert hits.positions[0] == 298
        assert "d0" not in hits.ids
        same(hits, open_sharded_index(tmp_path / "i").search(query, 300, k_docs_to_score=300))
