"""Adding, updating and deleting: one transaction at a time, seen as a whole or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from motherlode import ConflictError, Index, InputError, UnsupportedError, build_index, open_index
from motherlode.core.files import ContainerWriter
from motherlode.retrieval import commits
from motherlode.retrieval.reference import decoded_vectors
from tests.corpora import Corpus, make_corpus
from tests.living import KINDS, N, build, check, of


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return make_corpus(140, 16, lengths=[*range(1, 8)] * 20)


@pytest.fixture(params=KINDS)
def index(request: pytest.FixtureRequest, corpus: Corpus, tmp_path: Path) -> Index:
    return build(tmp_path / "i", corpus, request.param)


def test_what_is_added_is_found_at_the_next_search(index: Index, corpus: Corpus) -> None:
    with index.writer() as w:
        w.add(["new", "newer"], *of(corpus, 100, 101))
    assert index.search(corpus.document(100), 1).ids == ["new"]
    assert index.search(corpus.document(101), 1).ids == ["newer"]
    check(index, [*(f"d{i}" for i in range(N)), "new", "newer"], corpus)
    check(open_index(index.path, verify=True), list(index.ids), corpus)


def test_what_is_deleted_is_found_no_more(index: Index, corpus: Corpus) -> None:
    with index.writer() as w:
        w.delete(["d7", "d0", "d79"])
    left = [f"d{i}" for i in range(N) if i not in (0, 7, 79)]
    check(index, left, corpus)
    check(open_index(index.path), left, corpus)
    assert index.n_tokens == corpus.offsets[N] - sum(len(corpus.document(i)) for i in (0, 7, 79))


def test_an_updated_document_has_its_new_vectors_and_stands_last(index: Index, corpus: Corpus) -> None:
    with index.writer() as w:
        w.update(["d5"], *of(corpus, 110))
    assert index.search(corpus.document(110), 1).ids == ["d5"]
    check(index, [*(f"d{i}" for i in range(N) if i != 5), "d5"], corpus)


def test_a_transaction_is_what_its_steps_come_to(index: Index, corpus: Corpus) -> None:
    with index.writer() as w:
        w.add(["a", "b", "c"], *of(corpus, 90, 91, 92))
        w.delete(["b", "d1"])
        w.add(["b", "d1"], *of(corpus, 93, 94))
        w.update(["a"], *of(corpus, 95))
        w.delete(["a"])
        w.update(["d2"], *of(corpus, 96))
        w.update(["d2"], *of(corpus, 97))
    check(index, [*(f"d{i}" for i in range(N) if i not in (1, 2)), "c", "b", "d1", "d2"], corpus)
    assert index.search(corpus.document(97), 1).ids == ["d2"]


def test_other_handles_see_a_commit_after_they_refresh(index: Index, corpus: Corpus) -> None:
    other = open_index(index.path)
    with index.writer() as w:
        w.add(["new"], *of(corpus, 100))
        w.delete(["d3"])
        assert index.n_docs == N  # nothing shows before the end
    assert (other.n_docs, list(other.ids)[3]) == (N, "d3")
    assert other.search(corpus.document(3), 1).ids == ["d3"]  # its files are gone from the directory, not from it
    assert other.refresh()
    assert not other.refresh()
    check(other, list(index.ids), corpus)


def test_an_error_inside_discards_everything(index: Index, corpus: Corpus) -> None:
    before = sorted(entry.name for entry in index.path.iterdir())
    w = index.writer()
    w.__enter__()
    w.add(["new"], *of(corpus, 100))
    w.delete(["d3"])
    w.__exit__(KeyError, KeyError(), None)
    assert sorted(entry.name for entry in index.path.iterdir()) == before
    check(index, [f"d{i}" for i in range(N)], corpus)
    with index.writer() as w:  # and the next writer gets in
        w.delete(["d3"])


def test_a_transaction_of_nothing_writes_nothing(index: Index) -> None:
    before = (index.path / "manifest.json").read_bytes()
    with index.writer() as w:
        w.add([], np.zeros((0, 16), np.float32), [0], [])
        w.delete([])
    assert (index.path / "manifest.json").read_bytes() == before


@pytest.mark.skipif(os.name == "nt", reason="directories have no locks there")
def test_a_second_writer_is_a_conflict(index: Index, corpus: Corpus) -> None:
    other = open_index(index.path)
    with index.writer() as w:
        w.delete(["d1"])
        with pytest.raises(ConflictError, match="another writer holds it"), other.writer():
            pass
        with pytest.raises(ConflictError, match="another writer holds it"):
            build(index.path, corpus, index.kind, overwrite=True)
    with other.writer() as w:  # starts from what the first one committed
        w.delete(["d2"])
    check(other, [f"d{i}" for i in range(N) if i not in (1, 2)], corpus)


def test_a_writer_is_good_for_one_with_block(index: Index) -> None:
    w = index.writer()
    with pytest.raises(ConflictError, match="this writer is closed"):
        w.delete(["d1"])
    with w, pytest.raises(ConflictError, match="in use"), w:
        pass


def wrong_calls(corpus: Corpus) -> Iterator[tuple[str, str, tuple[Any, ...], dict[str, Any]]]:
    vectors, offsets, kinds = of(corpus, 100, 101)
    bad = vectors.copy()
    bad[3, 2] = np.nan
    yield "add", "the index has 'd4' already", (["new", "d4"], vectors, offsets, kinds), {}
    yield "add", "the index has 'd4' and 1 more already", (["d4", "d5"], vectors, offsets, kinds), {}
    yield "add", "'new' stands at positions 0 and 1", (["new", "new"], vectors, offsets, kinds), {}
    yield "add", "1 given for 2 documents", (["new"], vectors, offsets, kinds), {}
    yield "add", "give a list of ids", ("ab", vectors, offsets, kinds), {}
    yield "add", "3 at position 1 is no string", (["new", 3], vectors, offsets, kinds), {}
    yield "add", "dim 8; the index has 16", (["new", "b"], vectors[:, :8], offsets, kinds), {}
    yield "add", "row 3 has NaN", (["new", "b"], bad, offsets, kinds), {}
    yield "add", "offsets: run from 0 to", (["new", "b"], vectors, offsets[:-1], kinds), {}
    yield "add", "token_ids: shape", (["new", "b"], vectors, offsets, kinds[1:]), {}
    yield "add", "titles: 1 given for 2", (["new", "b"], vectors, offsets, kinds), {"titles": ["one"]}
    yield "add", "texts: 7 at position 1", (["new", "b"], vectors, offsets, kinds), {"texts": ["one", 7]}
    yield "update", "the index has no 'new'", (["d1", "new"], vectors, offsets, kinds), {}
    yield "update", "dim 8; the index has 16", (["d1", "d2"], vectors[:, :8], offsets, kinds), {}
    yield "delete", "the index has no 'x' and 1 more", (["x", "d1", "y"],), {}
    yield "delete", "'d1' stands at positions 0 and 1", (["d1", "d1"],), {}
    yield "delete", "give a list of ids", ("d1",), {}


def test_wrong_input_is_named_and_changes_nothing(index: Index, corpus: Corpus) -> None:
    before = (index.path / "manifest.json").read_bytes()
    with index.writer() as w:
        for method, says, arguments, options in wrong_calls(corpus):
            with pytest.raises(InputError, match=says):
                getattr(w, method)(*arguments, **options)
    assert (index.path / "manifest.json").read_bytes() == before
    check(index, [f"d{i}" for i in range(N)], corpus)


def test_token_ids_come_where_the_index_has_them_and_only_there(tmp_path: Path, corpus: Corpus) -> None:
    end = corpus.offsets[N]
    with_ids = build(tmp_path / "with", corpus, "compressed")
    without = build_index(tmp_path / "without", corpus.vectors[:end], corpus.offsets[: N + 1], kind="compressed")
    vectors, offsets, kinds = of(corpus, 100)
    with with_ids.writer() as w, pytest.raises(InputError, match="built with them"):
        w.add(["new"], vectors, offsets)
    with without.writer() as w:
        with pytest.raises(InputError, match="built without"):
            w.add(["new"], vectors, offsets, kinds)
        w.add(["new"], vectors, offsets)
    assert without.search(corpus.document(100), 1).ids == ["new"]


def test_tokens_of_unknown_types_are_found_too(tmp_path: Path, corpus: Corpus) -> None:
    index = build(tmp_path / "i", corpus, "compressed", n_centroids=60)
    vectors, offsets, kinds = of(corpus, 100)
    with index.writer() as w:
        w.add(["new"], vectors, offsets, kinds + 10**6)
    assert index.search(corpus.document(100), 1).ids == ["new"]


def test_ids_that_are_positions_stay_with_their_documents(tmp_path: Path, corpus: Corpus) -> None:
    for kind in KINDS:
        end = corpus.offsets[N]
        index = build_index(
            tmp_path / kind, corpus.vectors[:end], corpus.offsets[: N + 1], corpus.token_ids[:end], kind=kind
        )
        with index.writer() as w:
            w.delete(["3", "10"])
            with pytest.raises(InputError, match="has '4' already"):
                w.add(["4"], *of(corpus, 100))
            for name in ("80", "04", "-1", "٣", "4.0", ""):
                with pytest.raises(InputError, match="has no"):
                    w.delete([name])
            w.add(["80"], *of(corpus, 100))
        expected = [str(i) for i in range(N + 1) if i not in (3, 10)]
        check(index, expected, corpus)
        index.compact()
        check(index, expected, corpus)
        with index.writer() as w:
            w.delete(["4"])
        assert "4" not in index.ids


def test_titles_and_texts_stay_unless_they_are_given_anew(tmp_path: Path, corpus: Corpus) -> None:
    vectors, offsets, kinds = of(corpus, 0, 1, 2)
    for kind in KINDS:
        index = build_index(
            tmp_path / kind, vectors, offsets, kinds, ["a", "b", "c"], kind=kind, titles=["A", "B", "C"]
        )
        with index.writer() as w:
            w.update(["a", "b"], *of(corpus, 10, 11), texts=["new a", "new b"])
            w.add(["d"], *of(corpus, 12))
        assert (list(index.ids), list(index.titles or ())) == (["c", "a", "b", "d"], ["C", "A", "B", ""])
        assert list(index.texts or ()) == ["", "new a", "new b", ""]
        index.compact()
        assert list(index.titles or ()) == ["C", "A", "B", ""]
        assert list(index.texts or ())[1:3] == ["new a", "new b"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_disk_that_fails_is_named_and_leaves_the_index_as_it_was(
    index: Index, corpus: Corpus, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    before = sorted(entry.name for entry in index.path.iterdir())
    finish = ContainerWriter._finish
    calls = []

    def failing(self: ContainerWriter, file: Any) -> None:
        calls.append(1)
        if len(calls) == 2:  # one file of the commit is there already
            raise OSError(code, os.strerror(code))
        finish(self, file)

    monkeypatch.setattr(ContainerWriter, "_finish", failing)
    says = "the disk is full" if code == errno.ENOSPC else "cannot be written"
    w = index.writer()
    w.__enter__()
    w.add(["new"], *of(corpus, 100))
    w.delete(["d1"])
    with pytest.raises(ConflictError, match=says):
        w.__exit__(None, None, None)
    monkeypatch.undo()
    assert sorted(entry.name for entry in index.path.iterdir()) == before
    check(index, [f"d{i}" for i in range(N)], corpus)


def test_a_swap_that_fails_leaves_the_index_as_it_was(
    index: Index, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: Any) -> None:
        raise KeyboardInterrupt

    before = sorted(entry.name for entry in index.path.iterdir())
    monkeypatch.setattr(commits, "commit", failing)
    with pytest.raises(KeyboardInterrupt), index.writer() as w:
        w.add(["new"], *of(corpus, 100))
    monkeypatch.undo()
    assert sorted(entry.name for entry in index.path.iterdir()) == before
    check(index, [f"d{i}" for i in range(N)], corpus)


def test_a_flat_index_keeps_its_type_and_refuses_what_does_not_fit_it(tmp_path: Path, corpus: Corpus) -> None:
    vectors, offsets, kinds = of(corpus, 0)
    index = build_index(tmp_path / "i", vectors.astype(np.float16), offsets, kinds, ["a"], kind="flat")
    more, offsets, kinds = of(corpus, 1)
    with index.writer() as w:
        with pytest.raises(InputError, match="beyond the range of float16"):
            w.add(["b"], more * 1e6, offsets, kinds)
        with pytest.raises(InputError, match="beyond the range of float16"):
            w.update(["a"], more * 1e6, offsets, kinds)
        w.add(["b"], more, offsets, kinds)
    np.testing.assert_array_equal(decoded_vectors(index)[-len(more) :], more.astype(np.float16).astype(np.float32))
    assert list(index.ids) == ["a", "b"]


def test_an_index_without_encoder_takes_no_texts(index: Index) -> None:
    with index.writer() as w, pytest.raises(UnsupportedError, match="knows no encoder"):
        w.add_texts(["a"], ["some words"])
