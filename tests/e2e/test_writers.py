"""Writers and readers in processes of their own: kills at any moment, and readers beside a writer that never stops.

LODE_KILLS and LODE_SOAK_SECONDS say how much the long ones do; by default 200 kills and 60 seconds.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from motherlode import build_index, open_index
from tests.corpora import ROOT, environment, make_corpus
from tests.living import everything

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")

DIM = 16
PARTS = 5  # documents that are written together: all of them are there, or none

# Writes groups of documents, deletes some of them, merges now and then; says on stdout what is committed.
WRITER = """
import random, sys
import numpy as np
from motherlode import open_index
from tests.e2e.test_writers import PARTS, document

index, seed, round_ = open_index(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
rng, mine = random.Random(seed), []
print("ready", flush=True)
for number in range(10**9):
    group = f"{round_}.{number}"
    names = [f"{group}.{part}" for part in range(PARTS)]
    gone = mine.pop(rng.randrange(len(mine))) if len(mine) > 3 and rng.random() < 0.5 else None
    print("begin", group, gone or "-", flush=True)
    with index.writer() as w:
        w.add(names, *document(names))
        if gone:
            w.delete([f"{gone}.{part}" for part in range(PARTS)], purge=rng.random() < 0.2)
    mine.append(group)
    print("done", group, gone or "-", flush=True)
    if rng.random() < 0.05:
        index.compact()
"""

# Refreshes and searches until its time is over; every group that it sees must be whole.
READER = """
import sys, time
from motherlode import open_index
from tests.e2e.test_writers import PARTS, document

index, end = open_index(sys.argv[1]), time.monotonic() + float(sys.argv[2])
n, last = 0, 0
while time.monotonic() < end:
    index.refresh()
    ids = list(index.ids)
    assert len(set(ids)) == len(ids) == index.n_docs
    groups = {}
    for name in ids:
        if "." in name:
            groups.setdefault(name.rpartition(".")[0], []).append(name)
    assert all(len(names) == PARTS for names in groups.values()), "a torn write"
    if groups:
        name = max(groups[max(groups)])
        vectors, offsets, _ = document([name])
        hits = index.search(vectors, 5)
        assert hits.ids[0] == name and len(hits) == 5, (name, hits.ids)
        assert [index.ids[p] for p in hits.positions.tolist()] == hits.ids
    n += 1
print(n)
"""


def document(names: list[str]) -> tuple[Any, Any, Any]:
    """Vectors, offsets and token ids of documents, made of their names."""
    rows, kinds = [], []
    for name in names:
        rng = np.random.default_rng(list(name.encode()))
        rows.append(rng.standard_normal((1 + len(name) % 4, DIM)))
        kinds += [int(kind) for kind in rng.integers(0, 30, len(rows[-1]))]
    vectors = np.concatenate(rows)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32), np.cumsum([0, *(len(r) for r in rows)]), np.array(kinds)


def start(script: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment(),
    )


def first_line(process: subprocess.Popen[str]) -> str:
    """Byte by byte: what a buffered reader has taken beyond the line, ``communicate`` would not see."""
    assert process.stdout is not None
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(process.stdout.fileno(), 1)
        assert byte, process.communicate()
        line += byte
    return line.decode().strip()


def build(path: Path, kind: str) -> None:
    corpus = make_corpus(60, DIM)
    build_index(path, corpus.vectors, corpus.offsets, corpus.token_ids, kind=kind)


def kill_writers(path: Path, n_kills: int, seed: int) -> int:
    """Kills writer after writer and compares the index with what they said; returns how many commits they made."""
    rng = random.Random(seed)
    alive: set[str] = set()
    n_commits = 0
    for kill in range(n_kills):
        writer = start(WRITER, path, rng.randrange(2**32), kill)
        assert first_line(writer) == "ready"
        time.sleep(rng.random() * 0.3)
        writer.kill()
        lines = [line.split() for line in writer.communicate(timeout=30)[0].splitlines()]
        pending: tuple[str, str] | None = None
        for word, group, gone in (line for line in lines if len(line) == 3):
            pending = (group, gone) if word == "begin" else None
            if word == "done":
                alive = (alive | {group}) - {gone}
                n_commits += 1
        index = open_index(path, verify=True)
        found = {name.rpartition(".")[0] for name in index.ids if "." in name}
        counts = [sum(name.startswith(f"{group}.") for name in index.ids) for group in found]
        assert all(count == PARTS for count in counts), "a torn write"
        if pending is not None and found != alive:  # it was committed, and killed before it could say so
            alive = (alive | {pending[0]}) - {pending[1]}
        assert found == alive
        if alive:
            name = f"{rng.choice(sorted(alive))}.{rng.randrange(PARTS)}"
            # leaving nothing out: among documents of noise a default search may stop before the one that is meant
            assert index.search(document([name])[0], 1, **everything(index)).ids == [name]
    return n_commits


def read_beside_a_writer(path: Path, n_readers: int, seconds: float) -> tuple[int, list[int]]:
    """Commits of the writer, and rounds of each reader."""
    writer = start(WRITER, path, 1, "w")
    assert first_line(writer) == "ready"
    readers = [start(READER, path, seconds) for _ in range(n_readers)]
    said = []
    for reader in readers:
        out, error = reader.communicate(timeout=seconds + 120)
        assert reader.returncode == 0, error
        said.append(int(out))
    writer.kill()
    return sum(line.startswith("done") for line in writer.communicate(timeout=30)[0].splitlines()), said


@pytest.mark.parametrize("kind", ["flat", "compressed"])
def test_a_killed_writer_loses_nothing_that_it_said_was_done(tmp_path: Path, kind: str) -> None:
    build(tmp_path / "i", kind)
    assert kill_writers(tmp_path / "i", 8, seed=1) > 8


@pytest.mark.long
@pytest.mark.parametrize("kind", ["flat", "compressed"])
def test_many_killed_writers_lose_nothing_that_they_said_was_done(tmp_path: Path, kind: str) -> None:
    build(tmp_path / "i", kind)
    assert kill_writers(tmp_path / "i", int(os.environ.get("LODE_KILLS", "200")) // 2, seed=2) > 100


def test_readers_beside_a_writer_never_see_half_a_write(tmp_path: Path) -> None:
    build(tmp_path / "i", "compressed")
    n_commits, rounds = read_beside_a_writer(tmp_path / "i", 3, 5)
    assert n_commits > 10
    assert min(rounds) > 5


@pytest.mark.long
@pytest.mark.parametrize("kind", ["flat", "compressed"])
def test_eight_readers_beside_a_writer_for_a_while(tmp_path: Path, kind: str) -> None:
    build(tmp_path / "i", kind)
    n_commits, rounds = read_beside_a_writer(tmp_path / "i", 8, float(os.environ.get("LODE_SOAK_SECONDS", "60")))
    assert n_commits > 10
    assert min(rounds) > 5
