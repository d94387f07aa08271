"""ColBERT checkpoints of both layouts, against the transformers model run directly."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from motherlode.core.ports import Encoder, Tokenizer
from motherlode.errors import DataError, InputError, UnsupportedError
from motherlode.retrieval.encoders import load_encoder

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
safetensors_torch = pytest.importorskip("safetensors.torch")

HIDDEN, DIM = 16, 4
WORDS = ["[PAD]", "[unused0]", "[unused1]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS += [*"!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", "the", "cat", "sat", "on", "mat", "who", "##s", "dog"]
ADDED = ["[Q] ", "[D] "]  # as PyLate adds them, with the space
ID = {word: i for i, word in enumerate(WORDS + ADDED)}


def save_encoder(folder: Path, seed: int = 0) -> Any:
    """A random two-layer BERT with its tokenizer; returns the model."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(WORDS), encoding="utf-8")
    tokenizer = transformers.BertTokenizerFast(vocab=str(folder / "vocab.txt"))
    tokenizer.add_tokens(ADDED)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(seed)
    config = transformers.BertConfig(
        vocab_size=len(ID), hidden_size=HIDDEN, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=64,
    )  # fmt: skip
    model = transformers.BertModel(config).eval()
    model.save_pretrained(folder)
    return model


@pytest.fixture
def stanford(tmp_path: Path) -> tuple[Path, Any, Any]:
    """(folder, model, linear weight) in Stanford's layout: one file, artifact.metadata."""
    folder = tmp_path / "stanford"
    model = save_encoder(folder)
    linear = torch.randn(DIM, HIDDEN)
    weights = {f"bert.{name}": tensor.contiguous() for name, tensor in model.state_dict().items()}
    safetensors_torch.save_file({**weights, "linear.weight": linear}, folder / "model.safetensors", {"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "architectures": ["HF_ColBERT"]}))
    settings: dict[str, object] = {
        "query_token_id": "[unused0]",
        "doc_token_id": "[unused1]",
        "query_maxlen": 10,
        "doc_maxlen": 9,
    }
    settings |= {"attend_to_mask_tokens": False, "mask_punctuation": True, "similarity": "cosine", "dim": DIM}
    (folder / "artifact.metadata").write_text(json.dumps(settings))
    return folder, model, linear


@pytest.fixture
def pylate(tmp_path: Path) -> tuple[Path, Any, Any]:
    """(folder, model, dense weight) in PyLate's layout: modules.json and 1_Dense."""
    folder = tmp_path / "pylate"
    model = save_encoder(folder)
    linear = torch.randn(DIM, HIDDEN)
    (folder / "1_Dense").mkdir()
    safetensors_torch.save_file({"linear.weight": linear}, folder / "1_Dense" / "model.safetensors")
    dense: dict[str, object] = {"in_features": HIDDEN, "out_features": DIM, "bias": False}
    dense |= {"activation_function": "torch.nn.modules.linear.Identity"}
    (folder / "1_Dense" / "config.json").write_text(json.dumps(dense))
    modules: list[dict[str, object]] = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Dense", "type": "pylate.models.Dense.Dense"},
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    settings: dict[str, object] = {
        "query_prefix": "[Q] ",
        "document_prefix": "[D] ",
        "query_length": 8,
        "document_length": 12,
    }
    settings |= {"attend_to_expansion_tokens": False, "skiplist_words": [".", ","], "do_query_expansion": True}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(settings))
    return folder, model, linear


def expected(model: Any, linear: Any, words: Sequence[str], n_attended: int | None = None) -> NDArray[np.float32]:
    """Unit vectors of these tokens, run through the model alone; the first ``n_attended`` are attended to."""
    ids = torch.tensor([[ID[word] for word in words]])
    attention = torch.ones_like(ids)
    attention[:, len(words) if n_attended is None else n_attended :] = 0
    with torch.no_grad():
        states = model(input_ids=ids, attention_mask=attention).last_hidden_state[0] @ linear.T
    found: NDArray[np.float32] = torch.nn.functional.normalize(states, dim=-1).numpy()
    return found


def test_a_stanford_document_is_marked_cut_and_stripped_of_punctuation(stanford: tuple[Path, Any, Any]) -> None:
    folder, model, linear = stanford
    encoder = load_encoder(str(folder))
    assert isinstance(encoder, Encoder)
    assert encoder.dim == DIM
    found = encoder.encode_documents(["the cat, sat.", "", "dogs on the mat the cat sat on the mat"])
    first = ["[CLS]", "[unused1]", "the", "cat", ",", "sat", ".", "[SEP]"]
    keep = [0, 1, 2, 3, 5, 7]
    assert found.token_ids is not None
    assert found.token_ids[:6].tolist() == [ID[first[i]] for i in keep]
    np.testing.assert_allclose(found.vectors[:6], expected(model, linear, first)[keep], atol=2e-3)
    last = ["[CLS]", "[unused1]", "dog", "##s", "on", "the", "mat", "the", "[SEP]"]  # nine tokens, the limit
    assert found.offsets.tolist() == [0, 6, 9, 18]
    assert found.token_ids[9:].tolist() == [ID[word] for word in last]
    np.testing.assert_allclose(found.vectors[9:], expected(model, linear, last), atol=2e-3)
    assert found.vectors.dtype == np.float16


def test_tokens_of_a_question_are_words_that_documents_have(stanford: tuple[Path, Any, Any]) -> None:
    encoder = load_encoder(str(stanford[0]))
    assert isinstance(encoder, Tokenizer)
    text = "The dogs, zebra sat on the mat the cat sat on the mat."  # uncut, and no unknown word
    found = encoder.tokenize(["", text])
    words = ["the", "dog", "##s", "sat", "on", "the", "mat", "the", "cat", "sat", "on", "the", "mat"]
    assert found.token_ids.tolist() == [ID[word] for word in words]
    assert found.offsets.tolist() == [0, 0, 13]
    assert found.words is not None
    assert (np.diff(found.words) == 0).tolist() == [False, True, *[False] * 10]  # dog ##s
    assert found.spans is not None
    assert [text[a:b].lower() for a, b in found.spans.tolist()][:5] == ["the", "dog", "s", "sat", "on"]
    assert encoder.tokenize([]).offsets.tolist() == [0]


def test_spans_count_characters_of_the_text(stanford: tuple[Path, Any, Any]) -> None:
    found = load_encoder(str(stanford[0])).encode_documents(["the cat, sat."])
    assert found.spans is not None
    assert found.spans.tolist() == [[0, 0], [0, 0], [0, 3], [4, 7], [9, 12], [0, 0]]


def test_a_stanford_query_is_filled_with_masks_that_nobody_attends_to(stanford: tuple[Path, Any, Any]) -> None:
    folder, model, linear = stanford
    found = load_encoder(str(folder)).encode_queries(["who sat?"])
    words = ["[CLS]", "[unused0]", "who", "sat", "?", "[SEP]", *["[MASK]"] * 4]
    assert found.token_ids is not None
    assert found.token_ids.tolist() == [ID[word] for word in words]
    assert found.vectors.dtype == np.float32
    np.testing.assert_allclose(found.vectors, expected(model, linear, words, n_attended=6), atol=1e-5)


def test_masks_are_attended_to_where_the_checkpoint_says_so(stanford: tuple[Path, Any, Any]) -> None:
    folder, model, linear = stanford
    settings = json.loads((folder / "artifact.metadata").read_text())
    (folder / "artifact.metadata").write_text(json.dumps({**settings, "attend_to_mask_tokens": True}))
    found = load_encoder(str(folder)).encode_queries(["who sat?"])
    words = ["[CLS]", "[unused0]", "who", "sat", "?", "[SEP]", *["[MASK]"] * 4]
    np.testing.assert_allclose(found.vectors, expected(model, linear, words), atol=1e-5)


def test_a_pylate_folder_uses_its_prefixes_lengths_and_skiplist(pylate: tuple[Path, Any, Any]) -> None:
    folder, model, linear = pylate
    encoder = load_encoder(str(folder))
    document = ["[CLS]", "[D] ", "the", "cat", "!", "sat", ".", "[SEP]"]
    keep = [0, 1, 2, 3, 4, 5, 7]  # "!" is not on the skiplist of this checkpoint
    found = encoder.encode_documents(["the cat! sat."])
    assert found.token_ids is not None
    assert found.token_ids.tolist() == [ID[document[i]] for i in keep]
    np.testing.assert_allclose(found.vectors, expected(model, linear, document)[keep], atol=2e-3)
    query = ["[CLS]", "[Q] ", "who", "sat", "[SEP]", "[MASK]", "[MASK]", "[MASK]"]
    np.testing.assert_allclose(
        encoder.encode_queries(["who sat"]).vectors, expected(model, linear, query, n_attended=5), atol=1e-5
    )


def test_queries_without_expansion_keep_their_length(pylate: tuple[Path, Any, Any]) -> None:
    folder, model, linear = pylate
    path = folder / "config_sentence_transformers.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "do_query_expansion": False, "query_prefix": ""}))
    found = load_encoder(str(folder)).encode_queries(["who", "who sat on the mat"])
    assert found.offsets.tolist() == [0, 3, 10]
    np.testing.assert_allclose(found.vectors[:3], expected(model, linear, ["[CLS]", "who", "[SEP]"]), atol=1e-5)


def test_dense_layers_with_bias_activation_and_residual_are_followed(pylate: tuple[Path, Any, Any]) -> None:
    folder, model, linear = pylate
    torch.manual_seed(5)
    weight, bias, residual = torch.randn(3, DIM), torch.randn(3), torch.randn(3, DIM)
    (folder / "2_Dense").mkdir()
    tensors = {"linear.weight": weight, "linear.bias": bias, "residual.weight": residual}
    safetensors_torch.save_file(tensors, folder / "2_Dense" / "model.safetensors")
    config = {"activation_function": "torch.nn.modules.activation.Tanh", "use_residual": True, "bias": True}
    (folder / "2_Dense" / "config.json").write_text(json.dumps(config))
    modules = json.loads((folder / "modules.json").read_text())
    modules.append({"idx": 2, "name": "2", "path": "2_Dense", "type": "pylate.models.Dense.Dense"})
    (folder / "modules.json").write_text(json.dumps(modules))
    encoder = load_encoder(str(folder))
    assert encoder.dim == 3
    ids = torch.tensor([[ID[word] for word in ("[CLS]", "[D] ", "cat", "[SEP]")]])
    with torch.no_grad():
        states = model(input_ids=ids).last_hidden_state[0] @ linear.T
    states = torch.tanh(states @ weight.T + bias) + states @ residual.T
    wanted = torch.nn.functional.normalize(states, dim=-1).numpy()
    np.testing.assert_allclose(encoder.encode_documents(["cat"]).vectors, wanted, atol=2e-3)


def test_the_config_gives_the_same_encoder_back_and_a_changed_checkpoint_is_refused(
    stanford: tuple[Path, Any, Any],
) -> None:
    folder, model, _ = stanford
    encoder = load_encoder(str(folder))
    again = load_encoder(json.loads(json.dumps(dict(encoder.config))), encoder.arrays)
    assert np.array_equal(again.encode_queries(["the cat"]).vectors, encoder.encode_queries(["the cat"]).vectors)
    weights = {f"bert.{name}": tensor.contiguous() for name, tensor in model.state_dict().items()}
    changed = {**weights, "linear.weight": torch.ones(DIM, HIDDEN)}
    safetensors_torch.save_file(changed, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(DataError, match="is not the checkpoint this index was built with"):
        load_encoder(encoder.config)


def test_a_moved_checkpoint_is_refused_by_name_and_not_looked_for_on_the_network(
    stanford: tuple[Path, Any, Any],
) -> None:
    config = load_encoder(str(stanford[0])).config
    shutil.rmtree(stanford[0])
    with pytest.raises(InputError, match=r"no checkpoint folder at .*stanford"):
        load_encoder(config)


def test_a_plain_encoder_a_missing_weight_and_a_pickle_are_refused(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    model = save_encoder(plain)
    with pytest.raises(DataError, match=r"no ColBERT checkpoint: neither linear\.weight"):
        load_encoder(str(plain))
    weights = {f"bert.{name}": tensor.contiguous() for name, tensor in model.state_dict().items()}
    weights.pop("bert.encoder.layer.1.attention.self.query.weight")
    lacking = {**weights, "linear.weight": torch.ones(DIM, HIDDEN)}
    safetensors_torch.save_file(lacking, plain / "model.safetensors", {"format": "pt"})
    with pytest.raises(DataError, match=r"lacks weights of its own encoder: encoder\.layer\.1"):
        load_encoder(str(plain)).encode_queries(["cat"])
    (plain / "model.safetensors").rename(plain / "pytorch_model.bin")
    with pytest.raises(DataError, match=r"pytorch_model\.bin is pickled and not read"):
        load_encoder(str(plain))


def test_a_marker_outside_the_vocabulary_and_another_similarity_are_refused(stanford: tuple[Path, Any, Any]) -> None:
    folder = stanford[0]
    settings = json.loads((folder / "artifact.metadata").read_text())
    (folder / "artifact.metadata").write_text(json.dumps({**settings, "query_token_id": "[query]"}))
    with pytest.raises(DataError, match=r"marker '\[query\]' is not in the tokenizer's vocabulary"):
        load_encoder(str(folder)).encode_queries(["cat"])
    (folder / "artifact.metadata").write_text(json.dumps({**settings, "similarity": "l2"}))
    with pytest.raises(UnsupportedError, match="'l2'"):
        load_encoder(str(folder))


def test_nothing_to_encode_gives_no_vectors(stanford: tuple[Path, Any, Any]) -> None:
    found = load_encoder(str(stanford[0])).encode_documents([])
    assert found.vectors.shape == (0, DIM)
    assert found.offsets.tolist() == [0]
