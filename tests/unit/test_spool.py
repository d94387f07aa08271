"""The building site of an index: what survives, what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from motherlode.core.ports import TokenVectors
from motherlode.errors import ConflictError, DataError, InputError
from motherlode.retrieval.spool import Spool, open_spool, spool_path, unfinished_build

PRINT = {"documents": "abc", "encoder": {"kind": "test"}, "seed": 0}


def batch(*lengths: int, first: float = 0.0, dim: int = 3) -> TokenVectors:
    """Documents of these lengths; row i holds ``first + i`` everywhere."""
    n_tokens = sum(lengths)
    rows = np.repeat(first + np.arange(n_tokens, dtype=np.float32)[:, None], dim, axis=1)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return TokenVectors(rows, offsets, np.arange(n_tokens, dtype=np.int32))


def filled(folder: Path) -> Spool:
    spool = open_spool(folder, PRINT)
    spool.add_documents(["a", "b"], ["A", ""], ["one", "zwei ü"])
    spool.add_documents(["c"], ["C"], [""])
    spool.seal_documents()
    return spool


def test_documents_and_vectors_come_back_as_they_went_in(tmp_path: Path) -> None:
    with filled(tmp_path / "s") as spool:
        spool.append_vectors(batch(2, 0))
        spool.append_vectors(batch(1, first=7))
        spool.commit()
        assert (spool.n_docs, spool.n_encoded, spool.n_tokens) == (3, 3, 3)
        assert list(spool.ids) == ["a", "b", "c"]
        assert list(spool.titles) == ["A", "", "C"]
        assert list(spool.texts) == ["one", "zwei ü", ""]
        assert spool.texts[-2] == "zwei ü"
        assert spool.texts[0:2] == ["one", "zwei ü"]
        assert spool.offsets.tolist() == [0, 2, 2, 3]
        assert spool.vectors[:, 0].tolist() == [0.0, 1.0, 7.0]
        assert spool.token_ids is not None
        assert spool.token_ids.tolist() == [0, 1, 0]


def test_a_build_continues_after_its_last_commit(tmp_path: Path) -> None:
    path = tmp_path / "index"
    with filled(spool_path(path)) as spool:
        spool.append_vectors(batch(2))
        spool.commit()
        spool.append_vectors(batch(1, first=5))  # never committed, as after kill -9
    assert unfinished_build(path) == (1, 3)
    with open_spool(spool_path(path), PRINT) as spool:
        assert (spool.n_docs, spool.n_encoded, spool.n_tokens) == (3, 1, 2)
        spool.append_vectors(batch(1, 1, first=9))
        spool.commit()
        assert spool.vectors[:, 0].tolist() == [0.0, 1.0, 9.0, 10.0]
        assert spool.offsets.tolist() == [0, 2, 3, 4]


@pytest.mark.parametrize("n_lost", [1, 11, 19])
def test_a_torn_commit_record_is_as_if_it_had_not_been_written(tmp_path: Path, n_lost: int) -> None:
    folder = tmp_path / "s"
    with filled(folder) as spool:
        for _ in range(2):
            spool.append_vectors(batch(1))
            spool.commit()
    commits = folder / "commits.bin"
    commits.write_bytes(commits.read_bytes()[:-n_lost])
    with open_spool(folder, PRINT) as spool:
        assert spool.n_encoded == 1
        assert commits.stat().st_size == 20


def test_committed_vectors_that_are_missing_are_named(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    with filled(folder) as spool:
        spool.append_vectors(batch(4))
        spool.commit()
    (folder / "vectors.bin").write_bytes(b"short")
    with pytest.raises(DataError, match=r"vectors\.bin has 5 bytes, but 48 were committed"):
        open_spool(folder, PRINT)


def test_another_build_is_refused_by_what_differs_and_replaced_on_request(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    filled(folder).close()
    with pytest.raises(ConflictError, match="other encoder and seed"):
        open_spool(folder, {**PRINT, "encoder": {"kind": "x"}, "seed": 1})
    with open_spool(folder, {**PRINT, "seed": 1}, replace_other=True) as spool:
        assert spool.n_docs == 0
        assert not spool.is_sealed


def test_documents_that_were_not_sealed_are_read_again(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    with open_spool(folder, PRINT) as spool:
        spool.add_documents(["a"], [""], ["x"])
    assert unfinished_build(tmp_path / "s") is None
    with open_spool(folder, PRINT) as spool:
        assert spool.n_docs == 0
        assert len(spool.ids) == 0


def test_two_processes_cannot_build_in_one_place(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    with (
        open_spool(tmp_path / "s", PRINT),
        pytest.raises(ConflictError, match="another process"),
    ):
        open_spool(tmp_path / "s", PRINT)
    open_spool(tmp_path / "s", PRINT).close()


def test_a_nan_is_refused_and_its_document_named(tmp_path: Path) -> None:
    bad = batch(1, 3)
    bad.vectors[2, 1] = np.nan
    with filled(tmp_path / "s") as spool:
        spool.append_vectors(batch(1))
        with pytest.raises(InputError, match=r"document 2 has a NaN or infinite value .* in token 1"):
            spool.append_vectors(bad)
        assert spool.n_encoded == 1


def test_a_value_beyond_float16_is_refused_when_kept_as_float16(tmp_path: Path) -> None:
    with filled(tmp_path / "s") as spool, pytest.raises(InputError, match="beyond float16"):
        spool.append_vectors(batch(1, first=1e6), np.dtype(np.float16))


def test_vectors_of_another_dim_or_without_token_ids_are_refused(tmp_path: Path) -> None:
    with filled(tmp_path / "s") as spool:
        spool.append_vectors(batch(1))
        with pytest.raises(InputError, match=r"expected \[n, 3\]"):
            spool.append_vectors(batch(1, dim=4))
        plain = batch(1)
        with pytest.raises(InputError, match="token ids came with some"):
            spool.append_vectors(TokenVectors(plain.vectors, plain.offsets))


def test_arrays_of_the_encoder_are_kept(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    with filled(folder) as spool:
        spool.store_arrays({"projection": np.eye(2, dtype=np.float32)})
    with open_spool(folder, PRINT) as spool:
        assert np.array_equal(spool.arrays["projection"], np.eye(2))


def test_damaged_offsets_of_texts_are_refused_and_never_read_outside() -> None:
    from motherlode.retrieval.texts import TextList

    texts = TextList(np.array([0, 2, 99]), np.frombuffer(b"abc", np.uint8), "titles")
    assert texts[0] == "ab"
    with pytest.raises(DataError, match="titles 1 would span bytes 2 to 99 of 3"):
        texts[1]
    with pytest.raises(IndexError):
        texts[2]
