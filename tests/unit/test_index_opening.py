"""Opening an index: what is missing, exchanged or being replaced."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest

from motherlode import DataError, InputError, build_index, open_index
from tests.corpora import make_corpus


def test_what_is_no_index_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere: no such directory"):
        open_index(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file"):
        open_index(tmp_path / "file")
    with pytest.raises(DataError, match="no manifest.json inside"):
        open_index(tmp_path)


@pytest.mark.parametrize("kind", ["flat", "compressed"])
def test_a_missing_or_exchanged_file_is_named(tmp_path: Path, kind: str) -> None:
    corpus = make_corpus(30)
    ids = [f"doc-{i}" for i in range(30)]
    build_index(tmp_path / "i", corpus.vectors, corpus.offsets, ids=ids, kind=kind, refine_bits=2)
    stored = sorted(path.name for path in (tmp_path / "i").glob("*.lode"))
    for file in stored:
        (tmp_path / "i" / file).rename(tmp_path / "away")
        with pytest.raises(DataError, match=f"{file}: is missing"):
            open_index(tmp_path / "i")
        for other in stored:
            if other != file:
                shutil.copy(tmp_path / "i" / other, tmp_path / "i" / file)
                with pytest.raises(DataError, match=file):
                    open_index(tmp_path / "i")
        (tmp_path / "away").replace(tmp_path / "i" / file)
    open_index(tmp_path / "i", verify=True)


def test_an_index_that_is_swapped_while_it_is_opened_opens_as_the_old_or_the_new(tmp_path: Path) -> None:
    small, large = make_corpus(5, 4), make_corpus(9, 4)
    build_index(tmp_path / "i", small.vectors, small.offsets)
    stop = threading.Event()

    def rebuild() -> None:
        while not stop.is_set():
            for corpus in (large, small):
                build_index(tmp_path / "i", corpus.vectors, corpus.offsets, overwrite=True)

    thread = threading.Thread(target=rebuild)
    thread.start()
    try:
        seen = set()
        for _ in range(300):
            index = open_index(tmp_path / "i")
            assert index.n_tokens == {5: len(small.vectors), 9: len(large.vectors)}[index.n_docs]
            seen.add(index.n_docs)
    finally:
        stop.set()
        thread.join()
    assert seen == {5, 9}
