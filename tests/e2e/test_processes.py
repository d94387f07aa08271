"""Indexes and processes: forks, several readers, kills, signals, memory, and opening in an instant."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from motherlode import Hits, Index, InputError, build_index, open_index
from tests.corpora import Corpus, environment, make_corpus, run_python

pytestmark = pytest.mark.skipif(os.name == "nt", reason="forks and signals are POSIX")

N_DOCS = 400


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return make_corpus(N_DOCS, 32)


@pytest.fixture(params=["flat", "compressed"])
def index(request: pytest.FixtureRequest, tmp_path: Path, corpus: Corpus) -> Index:
    return build_index(tmp_path / "i", corpus.vectors, corpus.offsets, corpus.token_ids, kind=request.param)


def as_lists(hits: Hits) -> tuple[list[str], list[float]]:
    return hits.ids, hits.scores.tolist()


def search_all(index: Index, queries: list[Any], results: Any) -> None:
    results.put([as_lists(hits) for hits in index.search_batch(queries, n_threads=2)])


def run_forked(target: Any, *arguments: Any) -> Any:
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    process = context.Process(target=target, args=(*arguments, results), daemon=True)
    process.start()
    found = results.get(timeout=60)
    process.join(60)
    assert process.exitcode == 0
    return found


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_an_index_that_was_searched_before_a_fork_is_searched_after_it(index: Index, corpus: Corpus) -> None:
    queries = [corpus.query(int(p), 9) for p in np.flatnonzero(np.diff(corpus.offsets))[:5]]
    expected = [as_lists(hits) for hits in index.search_batch(queries, n_threads=2)]
    for _ in range(3):
        assert run_forked(search_all, index, queries) == expected
    assert [as_lists(hits) for hits in index.search_batch(queries, n_threads=2)] == expected


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_forks_amid_searching_threads_do_not_hang(index: Index, corpus: Corpus) -> None:
    queries = [corpus.query(int(p), 9) for p in np.flatnonzero(np.diff(corpus.offsets))[:5]]
    expected = [as_lists(hits) for hits in index.search_batch(queries, n_threads=2)]
    stop = threading.Event()

    def keep_searching() -> None:
        while not stop.is_set():
            index.search(queries[0])

    threads = [threading.Thread(target=keep_searching) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(15):
            assert run_forked(search_all, index, queries) == expected
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_build_works_in_a_forked_child(tmp_path: Path, corpus: Corpus) -> None:
    build_index(tmp_path / "parent", corpus.vectors, corpus.offsets, kind="compressed", n_threads=2)

    def build(results: Any) -> None:
        built = build_index(tmp_path / "child", corpus.vectors, corpus.offsets, kind="compressed", n_threads=2)
        results.put(built.n_docs)

    assert run_forked(build) == N_DOCS
    names = ("codebook-000001.lode", "segment-000001.lode")
    assert all((tmp_path / "parent" / n).read_bytes() == (tmp_path / "child" / n).read_bytes() for n in names)


def test_several_processes_open_and_search_the_same_index(index: Index, corpus: Corpus) -> None:
    np.save(index.path.parent / "query.npy", corpus.query(int(np.flatnonzero(np.diff(corpus.offsets))[0]), 7))
    code = (
        "import sys, numpy as np, motherlode\n"
        "index = motherlode.open_index(sys.argv[1])\n"
        "for _ in range(50): hits = index.search(np.load(sys.argv[2]))\n"
        "print(hits.ids, hits.scores.tolist())"
    )
    arguments = [sys.executable, "-c", code, str(index.path), str(index.path.parent / "query.npy")]
    processes = [
        subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())
        for _ in range(4)
    ]
    answers = [process.communicate(timeout=100) for process in processes]
    hits = index.search(np.load(index.path.parent / "query.npy"))
    assert answers == [(f"{hits.ids} {hits.scores.tolist()}\n", "")] * 4


BUILD = """
import sys, numpy as np, motherlode
from motherlode.core.ports import NullProgress
class Say(NullProgress):
    def start(self, task, total, unit): print("start", task, flush=True)
rng = np.random.default_rng(0)
vectors = rng.standard_normal((150_000, 96), dtype=np.float32)
offsets = np.arange(0, 150_001, 50)
ids = rng.integers(0, 300, 150_000)
motherlode.build_index(sys.argv[1], vectors, offsets, ids, overwrite=True, kind="compressed", progress=Say())
print("finished", flush=True)
"""


@pytest.mark.parametrize("stage", ["clustering tokens", "coding tokens"])
@pytest.mark.parametrize("with_signal", [signal.SIGKILL, signal.SIGINT])
def test_a_build_that_is_stopped_leaves_the_old_index_usable(
    tmp_path: Path, corpus: Corpus, with_signal: signal.Signals, stage: str
) -> None:
    path = tmp_path / "i"
    old = build_index(path, corpus.vectors, corpus.offsets, kind="compressed")
    before = {file.name: file.read_bytes() for file in path.iterdir()}
    query = corpus.query(int(np.flatnonzero(np.diff(corpus.offsets))[0]), 7)
    expected = as_lists(old.search(query))
    process = subprocess.Popen(
        [sys.executable, "-c", BUILD, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line == f"start {stage}\n":
            break
    asked = time.monotonic()
    process.send_signal(with_signal)
    output, error = process.communicate(timeout=60)
    assert time.monotonic() - asked < 10
    assert "finished" not in output
    assert process.returncode != 0
    if with_signal is signal.SIGINT:
        assert "KeyboardInterrupt" in error
        assert {file.name: file.read_bytes() for file in path.iterdir()} == before
    assert as_lists(open_index(path, verify=True).search(query)) == expected
    assert build_index(path, corpus.vectors, corpus.offsets, overwrite=True).kind == "flat"
    assert len(list(path.iterdir())) == 2  # what the killed build left is gone


KILLED_ANYWHERE = """
import os, sys, numpy as np, motherlode
os.environ.clear()
eye = np.eye(8, dtype="f4")
n = int(sys.argv[2])
calls = 0
def die(*_):
    global calls
    calls += 1
    if calls == n: os._exit(9)
import motherlode.retrieval.build, motherlode.core.files as files, pathlib
def before(module, name):
    real = getattr(module, name)
    def wrapped(*a, **k):
        die()
        result = real(*a, **k)
        die()
        return result
    setattr(module, name, wrapped)
before(os, "fsync"); before(pathlib.Path, "replace"); before(pathlib.Path, "unlink")
motherlode.build_index(sys.argv[1], eye, [0, 3, 8], ids=["new", "newer"], overwrite=True, kind="compressed")
print("finished")
"""


def test_a_build_that_dies_at_any_of_its_system_calls_leaves_the_old_index_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "i"
    seen = set()
    for n in range(1, 60):
        build_index(path, np.eye(3, dtype=np.float32), [0, 1, 3], ids=["old", "older"], overwrite=True)
        done = run_python(KILLED_ANYWHERE, path, n)
        ids = list(open_index(path, verify=True).ids)
        assert ids in (["old", "older"], ["new", "newer"])
        seen.add(ids[0])
        if done.stdout == "finished\n":
            break
        assert done.returncode == 9, done.stderr
    else:
        pytest.fail("no end of system calls")
    assert seen == {"old", "new"}
    assert n > 6


def test_the_level_and_thread_variables_are_refused_by_name_where_they_are_wrong() -> None:
    for variable, value, error in (
        ("LODE_CPU_LEVEL", "sse9", "InputError"),
        ("LODE_NUM_THREADS", "many", "InputError"),
        ("LODE_CPU_LEVEL", "neon" if "x86" in os.uname().machine else "avx2", "UnsupportedError"),
    ):
        done = run_python("import motherlode; motherlode.cpu()", timeout_s=120, **{variable: value})
        assert done.returncode == 1
        assert re.search(rf"{error}: {variable}='{value}'", done.stderr)


MEASURED = """
import sys, threading, time, numpy as np, motherlode
def allocated():  # not the pages of the input mapping
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("RssAnon"))
n = int(sys.argv[2])
vectors, ids = np.load(sys.argv[3], mmap_mode="r"), np.load(sys.argv[4], mmap_mode="r")
offsets = np.arange(0, n + 1, 50)
motherlode.build_index(sys.argv[1] + "-warm", np.eye(64, dtype="f4"), [0, 64], kind="compressed")
base, peak, stop = allocated(), 0, False
def watch():
    global peak
    while not stop:
        peak = max(peak, allocated())
        time.sleep(0.002)
thread = threading.Thread(target=watch); thread.start()
limit = None if sys.argv[5] == "None" else int(sys.argv[5])
motherlode.build_index(sys.argv[1], vectors, offsets, ids, kind="compressed", n_threads=2, memory_limit_bytes=limit)
stop = True; thread.join()
print(peak - base)
"""


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_a_memory_limit_bounds_what_the_build_allocates(tmp_path: Path) -> None:
    n, dim = 1_000_000, 64
    rng = np.random.default_rng(0)
    vectors = np.lib.format.open_memmap(tmp_path / "v.npy", mode="w+", dtype=np.float16, shape=(n, dim))
    for begin in range(0, n, 100_000):
        vectors[begin : begin + 100_000] = rng.standard_normal((100_000, dim), dtype=np.float32)
    vectors.flush()
    del vectors
    np.save(tmp_path / "ids.npy", np.minimum(rng.zipf(1.2, n), 30_000).astype(np.int32))
    mapped = np.load(tmp_path / "v.npy", mmap_mode="r")
    with pytest.raises(InputError, match="needs about") as caught:
        build_index(tmp_path / "i", mapped, [0, n], kind="compressed", n_threads=2, memory_limit_bytes=1)
    least = int(re.findall(r"needs about (\d+)", str(caught.value))[0])
    done = run_python(MEASURED, tmp_path / "i", n, tmp_path / "v.npy", tmp_path / "ids.npy", least, timeout_s=900)
    assert done.returncode == 0, done.stderr
    assert 10 << 20 < int(done.stdout) < least


@pytest.mark.long
def test_an_index_of_hundreds_of_megabytes_opens_in_less_than_50_ms(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((800_000, 128), dtype=np.float32).astype(np.float16)
    offsets = np.arange(0, 800_001, 20)
    ids = [f"document {i}" for i in range(40_000)]
    variants: list[tuple[str, dict[str, Any]]] = [("flat", {}), ("compressed", {"bits": 4, "n_centroids": 512})]
    for kind, options in variants:
        token_ids = rng.integers(0, 256, 800_000)
        build_index(tmp_path / kind, vectors, offsets, token_ids, ids, kind=kind, **options)
        times = []
        for _ in range(9):
            began = time.perf_counter()
            opened = open_index(tmp_path / kind)
            times.append(time.perf_counter() - began)
            assert opened.n_docs == 40_000
        assert open_index(tmp_path / kind).size_bytes > 50 << 20
        assert float(np.median(times)) < 0.050
