"""Vectors made elsewhere, used as an encoder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from motherlode.core.ports import Encoder
from motherlode.errors import DataError, InputError, UnsupportedError
from motherlode.retrieval.encoders import load_encoder
from motherlode.retrieval.encoders.precomputed import open_precomputed


def saved(folder: Path, **arrays: np.ndarray) -> Path:
    """``v.npy`` and what stands beside it."""
    for name, array in arrays.items():
        np.save(folder / ("v.npy" if name == "vectors" else f"v.{name}.npy"), array)
    return folder / "v.npy"


ROWS = np.arange(10, dtype=np.float16).reshape(5, 2)


def test_documents_are_handed_out_in_order_with_their_token_ids(tmp_path: Path) -> None:
    file = saved(tmp_path, vectors=ROWS, offsets=np.array([0, 2, 2, 5]), token_ids=np.array([9, 8, 7, 6, 5]))
    encoder = open_precomputed(file)
    assert isinstance(encoder, Encoder)
    assert (encoder.dim, encoder.n_texts) == (2, 3)
    first = encoder.encode_documents(["", ""])
    assert first.vectors.tolist() == [[0, 1], [2, 3]]
    assert first.offsets.tolist() == [0, 2, 2]
    rest = encoder.encode_documents([""])
    assert rest.offsets.tolist() == [0, 3]
    assert rest.token_ids is not None
    assert rest.token_ids.tolist() == [7, 6, 5]
    with pytest.raises(InputError, match="holds 3 documents, but the source has more"):
        encoder.encode_documents([""])
    encoder.position = 1
    assert encoder.encode_documents(["", ""]).offsets.tolist() == [0, 0, 3]


def test_without_offsets_every_row_is_a_document(tmp_path: Path) -> None:
    encoder = open_precomputed(saved(tmp_path, vectors=ROWS))
    assert encoder.n_texts == 5
    assert encoder.encode_documents(["x"]).token_ids is None


def test_queries_are_given_all_at_once(tmp_path: Path) -> None:
    encoder = load_encoder(f"precomputed:{saved(tmp_path, vectors=ROWS)}")
    found = encoder.encode_queries(["q"] * 5)
    assert found.vectors.dtype == np.float32
    assert found.vectors.tolist() == ROWS.tolist()
    with pytest.raises(InputError, match="holds 5 queries, 2 were asked for"):
        encoder.encode_queries(["a", "b"])


def test_an_index_remembers_the_dimension_and_refuses_questions(tmp_path: Path) -> None:
    encoder = open_precomputed(saved(tmp_path, vectors=ROWS))
    again = load_encoder(encoder.config, encoder.arrays)
    assert again.dim == 2
    with pytest.raises(UnsupportedError, match="precomputed vectors"):
        again.encode_queries(["a question"])


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"vectors": ROWS.astype(np.float64)}, "float64"),
        ({"vectors": ROWS[0]}, "expected float16 or float32"),
        ({"vectors": ROWS, "offsets": np.array([0, 3])}, "must rise from 0 to the 5 rows"),
        ({"vectors": ROWS, "offsets": np.array([0, 4, 2, 5])}, "must rise"),
        ({"vectors": ROWS, "offsets": np.array([0.0, 5.0])}, "expected integers"),
        ({"vectors": ROWS, "token_ids": np.array([1, 2])}, "2 ids for the 5 rows"),
        ({"vectors": np.array([{"pickled": 1}], dtype=object)}, "not a readable"),
    ],
)
def test_files_that_do_not_fit_are_refused(tmp_path: Path, arrays: dict[str, np.ndarray], message: str) -> None:
    file = saved(tmp_path, **arrays)
    with pytest.raises(DataError, match=message):
        open_precomputed(file)


def test_a_missing_file_and_an_unknown_encoder_are_refused_with_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no vectors at"):
        load_encoder(f"precomputed:{tmp_path}/none.npy")
    with pytest.raises(InputError, match=r"no such encoder: 'bert'.*minilm"):
        load_encoder("bert")
    with pytest.raises(UnsupportedError, match="no encoder of kind 'new'"):
        load_encoder({"kind": "new"})
    with pytest.raises(InputError, match="gives vectors of 2 dimensions, 64 were asked for"):
        load_encoder(f"precomputed:{saved(tmp_path, vectors=ROWS)}", dim=64)
