"""An indexing that is stopped, kindly or not, continues and gives the same index."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from motherlode.retrieval.spool import unfinished_build
from tests.e2e.command_line import LODE, data_files, environment, lode, write_corpus

pytest.importorskip("onnxruntime")
pytest.importorskip("tokenizers")
pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals are POSIX here")

N_COPIES = 50  # 400 documents in four batches


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("corpus") / "notes.jsonl", N_COPIES)


@pytest.fixture(scope="module")
def uninterrupted(corpus: Path) -> dict[str, bytes]:
    """The files of an index that was built in one go."""
    out = corpus.parent / "whole"
    lode("index", corpus, "--out", out, "--quiet")
    return data_files(out)


def interrupt(corpus: Path, out: Path, with_signal: signal.Signals) -> subprocess.CompletedProcess[str]:
    """Index, and send the signal as soon as the first batch is committed."""
    process = subprocess.Popen(
        [*LODE, "index", str(corpus), "--out", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    commits = out.with_name(f"{out.name}.building") / "commits.bin"
    give_up = time.monotonic() + 200
    while not (commits.exists() and commits.stat().st_size >= 20):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < give_up, "no batch was committed in time"
        time.sleep(0.02)
    process.send_signal(with_signal)
    stdout, stderr = process.communicate(timeout=100)
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


@pytest.mark.parametrize("with_signal", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_indexing_continues_and_gives_the_same_bytes(
    corpus: Path, uninterrupted: dict[str, bytes], tmp_path: Path, with_signal: signal.Signals
) -> None:
    out = tmp_path / "index"
    done = interrupt(corpus, out, with_signal)
    state = unfinished_build(out)
    assert state is not None
    n_encoded, n_docs = state
    assert 0 < n_encoded < n_docs == 8 * N_COPIES
    assert not (out / "manifest.json").exists()
    if with_signal is signal.SIGINT:
        assert done.returncode == 130
        assert f"{n_encoded} of 400 documents are encoded" in done.stderr
        assert "Run the same command again" in done.stderr
        assert "Traceback" not in done.stderr
    again = lode("index", corpus, "--out", out)
    assert f"{n_encoded} were done" in again.stderr
    assert data_files(out) == uninterrupted
    assert unfinished_build(out) is None
    assert not out.with_name("index.building").exists()


def test_an_unfinished_build_of_something_else_is_refused_by_name(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "index"
    interrupt(corpus, out, signal.SIGKILL)
    other = write_corpus(tmp_path / "other.jsonl")
    done = lode("index", other, "--out", out, code=2)
    assert "unfinished build with other documents" in done.stderr
    lode("index", other, "--out", out, "--overwrite", "--quiet")
    assert "8 documents" in lode("search", out, "owls").stderr
