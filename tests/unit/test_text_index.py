"""From documents to an index: streams, interruptions, encoders that learn, precomputed vectors."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import motherlode
from motherlode.core.ports import TokenVectors
from motherlode.errors import ConflictError, InputError
from motherlode.retrieval.spool import spool_path, unfinished_build
from motherlode.retrieval.stream import VectorDocument, build_index_stream
from motherlode.workflows.documents import Document, SourceOptions
from motherlode.workflows.text_index import Corpus, build_text_index

DIM = 8
ROW = np.zeros((1, 2), np.float32)


class WordEncoder:
    """A small real encoder: every word has its own random unit vector; fails after ``fail_after`` documents."""

    name, dim = "words", DIM

    def __init__(self, fail_after: int | None = None, seed: int = 0) -> None:
        self.fail_after, self.seed = fail_after, seed
        self.n_encoded = 0

    @property
    def config(self) -> Mapping[str, Any]:
        return {"kind": "words", "seed": self.seed}

    @property
    def arrays(self) -> Mapping[str, NDArray[Any]]:
        return {}

    def encode_documents(self, texts: Sequence[str]) -> TokenVectors:
        if self.fail_after is not None and self.n_encoded >= self.fail_after:
            raise KeyboardInterrupt
        self.n_encoded += len(texts)
        words = [text.casefold().split() for text in texts]
        offsets = np.concatenate([[0], np.cumsum([len(w) for w in words])]).astype(np.int64)
        rows = [self._vector(word) for text in words for word in text]
        vectors = np.array(rows, dtype=np.float32).reshape(-1, DIM)
        ids = np.array([self._id(word) for text in words for word in text], dtype=np.int32)
        return TokenVectors(vectors, offsets, ids)

    def encode_queries(self, texts: Sequence[str]) -> TokenVectors:
        return self.encode_documents(texts)

    def _id(self, word: str) -> int:
        return int.from_bytes(hashlib.blake2b(f"{self.seed}{word}".encode(), digest_size=3).digest(), "big")

    def _vector(self, word: str) -> NDArray[np.float32]:
        vector = np.random.default_rng(self._id(word)).standard_normal(DIM)
        return (vector / np.linalg.norm(vector)).astype(np.float32)


class LearningEncoder(WordEncoder):
    """One that learns an array from a sample first, as MiniLM learns its projection."""

    def __init__(self) -> None:
        super().__init__()
        self.sample: Sequence[str] = ()

    @property
    def arrays(self) -> Mapping[str, NDArray[Any]]:
        return {"mean": np.ones(2, np.float32)} if self.sample else {}

    def fit_projection(self, texts: Sequence[str], seed: int = 0) -> LearningEncoder:
        self.sample = texts
        return self


def texts(n: int) -> list[tuple[str, str]]:
    return [(f"d{i}", f"note {i} about topic{i % 7} and item{i}") for i in range(n)]


def data_files(path: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted(path.glob("*.lode"))}


def found(index: Any, encoder: WordEncoder, question: str) -> str:
    """Id of the best document."""
    return str(index.search(encoder.encode_queries([question]).vectors, k=1).ids[0])


def test_an_iterator_of_texts_becomes_an_index_with_titles_and_texts(tmp_path: Path) -> None:
    encoder = WordEncoder()
    documents: list[Any] = [
        Document("a", "Alpha", "one two"),
        ("b", "Beta", "three four"),
        {"id": "c", "text": "five six"},
        "seven",
    ]
    index = build_text_index(tmp_path / "index", iter(documents), encoder)
    assert list(index.ids) == ["a", "b", "c", "3"]
    assert index.titles is not None
    assert index.texts is not None
    assert list(index.titles) == ["Alpha", "Beta", "", ""]
    assert list(index.texts) == ["one two", "three four", "five six", "seven"]
    assert index.n_tokens == 3 + 3 + 2 + 1  # the title is encoded too
    assert found(index, encoder, "three beta") == "b"
    assert not spool_path(tmp_path / "index").exists()


def test_an_interrupted_build_with_a_key_continues_and_encodes_nothing_twice(tmp_path: Path) -> None:
    whole = build_text_index(tmp_path / "whole", texts(600), WordEncoder(), resume_key="notes")
    path = tmp_path / "index"
    with pytest.raises(KeyboardInterrupt):
        build_text_index(path, texts(600), WordEncoder(fail_after=300), resume_key="notes")
    assert unfinished_build(path) == (384, 600)  # three whole batches of 128
    encoder = WordEncoder()
    index = build_text_index(path, iter(()), encoder, resume_key="notes")  # the documents are not needed again
    assert encoder.n_encoded == 600 - 384
    assert data_files(path) == data_files(tmp_path / "whole")
    assert list(index.ids) == list(whole.ids)
    assert not spool_path(path).exists()


def test_an_interrupted_build_without_a_key_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        build_text_index(tmp_path / "index", texts(300), WordEncoder(fail_after=128))
    assert list(tmp_path.iterdir()) == []


def test_another_encoder_does_not_continue_an_unfinished_build(tmp_path: Path) -> None:
    path = tmp_path / "index"
    with pytest.raises(KeyboardInterrupt):
        build_text_index(path, texts(300), WordEncoder(fail_after=128), resume_key="notes")
    with pytest.raises(ConflictError, match="other encoder"):
        build_text_index(path, texts(300), WordEncoder(seed=1), resume_key="notes")
    build_text_index(path, texts(300), WordEncoder(seed=1), resume_key="notes", overwrite=True)


def test_a_failing_source_is_read_again_from_the_start(tmp_path: Path) -> None:
    def torn() -> Iterator[tuple[str, str]]:
        yield from texts(300)
        raise OSError("the disk went away")

    with pytest.raises(OSError, match="went away"):
        build_text_index(tmp_path / "index", torn(), WordEncoder(), resume_key="notes")
    assert build_text_index(tmp_path / "index", texts(5), WordEncoder(), resume_key="notes").n_docs == 5


def test_an_encoder_that_learns_sees_a_sample_of_the_whole_corpus(tmp_path: Path) -> None:
    encoder = LearningEncoder()
    build_text_index(tmp_path / "index", texts(1200), encoder)
    numbers = [int(text.split()[1]) for text in encoder.sample]
    assert len(numbers) == len(set(numbers)) == 512
    assert min(numbers) < 100
    assert max(numbers) > 1100


def test_a_target_that_holds_something_is_refused_before_anything_is_encoded(tmp_path: Path) -> None:
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / "mine.txt").write_text("keep me", encoding="utf-8")
    encoder = WordEncoder()
    for overwrite in (False, True):
        with pytest.raises(ConflictError, match="index"):
            build_text_index(tmp_path / "index", texts(3), encoder, overwrite=overwrite)
    assert encoder.n_encoded == 0
    assert (tmp_path / "index" / "mine.txt").exists()


@pytest.mark.parametrize("documents", [[], [3], [("a",)], [{"id": "x"}]])
def test_what_is_no_document_is_refused(tmp_path: Path, documents: list[Any]) -> None:
    with pytest.raises(InputError, match=r"no documents|expected Document"):
        build_text_index(tmp_path / "index", documents, WordEncoder())
    assert list(tmp_path.iterdir()) == []


def test_a_corpus_is_recognised_until_a_file_changes(tmp_path: Path) -> None:
    file = tmp_path / "c.jsonl"
    file.write_text("".join(json.dumps({"id": i, "text": t}) + "\n" for i, t in texts(300)), encoding="utf-8")
    corpus = Corpus([file], SourceOptions())
    path = tmp_path / "index"
    with pytest.raises(KeyboardInterrupt):
        build_text_index(path, corpus, WordEncoder(fail_after=128))
    assert unfinished_build(path) == (128, 300)
    file.write_text('{"id": "new", "text": "other words"}\n', encoding="utf-8")
    with pytest.raises(ConflictError, match="other documents"):
        build_text_index(path, corpus, WordEncoder())


def test_precomputed_vectors_meet_their_texts_in_order(tmp_path: Path) -> None:
    encoder = WordEncoder()
    documents = texts(300)
    encoded = encoder.encode_documents([text for _, text in documents])
    np.save(tmp_path / "v.npy", encoded.vectors.astype(np.float16))
    np.save(tmp_path / "v.offsets.npy", encoded.offsets)
    index = build_text_index(tmp_path / "index", documents, f"precomputed:{tmp_path / 'v.npy'}")
    assert index.texts is not None
    assert index.texts[250] == documents[250][1]
    assert found(index, encoder, "item250") == "d250"


def test_a_stream_of_vectors_gives_the_same_index_as_the_arrays(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    lengths = [0, 1, 5, 40, 3]
    parts = [rng.standard_normal((n, 6)).astype(np.float32) for n in lengths]
    ids = [f"x{i}" for i in range(5)]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    motherlode.build_index(tmp_path / "arrays", np.concatenate(parts), offsets, ids=ids)
    index = build_index_stream(tmp_path / "stream", zip(ids, parts, strict=True))
    assert data_files(tmp_path / "stream") == data_files(tmp_path / "arrays")
    assert index.search(parts[3], k=1).ids == ["x3"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["arrays", "stream"]


@pytest.mark.parametrize(
    ("documents", "message"),
    [
        ([("a", np.zeros((1, 2), np.float32)), ("b", np.zeros((1, 3), np.float32))], "'b' has 3 dimensions"),
        ([("a", np.full((2, 2), np.nan, np.float32))], "document 0 has a NaN"),
        ([("a", np.zeros(2, np.float32))], "expected \\[n_tokens, dim\\]"),
        ([("a", np.zeros((1, 2)))], "float64"),
        ([(1, np.zeros((1, 2), np.float32))], "expected VectorDocument"),
        (
            [VectorDocument("a", np.zeros((1, 2), np.float32), np.zeros(1)), ("b", np.zeros((1, 2), np.float32))],
            "token ids",
        ),
    ],
)
def test_a_bad_document_of_a_stream_is_named_and_nothing_is_left(
    tmp_path: Path, documents: list[Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        build_index_stream(tmp_path / "index", documents)
    assert list(tmp_path.iterdir()) == []


def test_texts_that_come_later_are_encoded_as_those_of_the_build(tmp_path: Path) -> None:
    documents = [Document(f"d{i}", f"title {i}" if i % 2 else "", f"words of number {i}") for i in range(8)]
    whole = build_text_index(tmp_path / "whole", documents, WordEncoder())
    index = build_text_index(tmp_path / "later", documents[:3], WordEncoder())
    encoder = index.__dict__["encoder"] = WordEncoder()
    rest = documents[3:]
    with index.writer() as w:
        w.add_texts([d.id for d in rest[:-1]], ["old"] * 4, titles=[d.title for d in rest[:-1]])
        w.add_texts([rest[-1].id], [rest[-1].text], titles=[rest[-1].title])
        w.update_texts([d.id for d in rest[:-1]], [d.text for d in rest[:-1]])  # with the titles they have
        n_encoded = encoder.n_encoded
        wrong: list[tuple[str, Any, Any, Any]] = [
            ("has 'd1' already", ["d1"], ["x"], None),
            ("1 given for 2", ["a"], ["x", "y"], None),
            ("titles: 1 given for 2", ["a", "b"], ["x", "y"], ["z"]),
            ("give a list of ids", "ab", ["x", "y"], None),
            ("texts: None at position 0", ["a"], [None], None),
        ]
        for says, ids, texts, titles in wrong:
            with pytest.raises(InputError, match=says):
                w.add_texts(ids, texts, titles=titles)
        with pytest.raises(InputError, match="has no 'new'"):
            w.update_texts(["new"], ["x"])
        assert encoder.n_encoded == n_encoded  # nothing was encoded in vain
    order = ["d0", "d1", "d2", "d7", "d3", "d4", "d5", "d6"]
    assert list(index.ids) == order
    assert list(index.titles or ()) == [documents[int(name[1])].title for name in order]
    assert list(index.texts or ()) == [documents[int(name[1])].text for name in order]
    for document in documents:
        query = WordEncoder().encode_queries([document.text_to_encode]).vectors
        found, expected = dict(index.search(query, 8)), dict(whole.search(query, 8))
        assert found == pytest.approx(expected, abs=1e-3)


def test_documents_bring_metadata_also_through_an_interruption(tmp_path: Path) -> None:
    rows = [{"n": i, "s": None if i % 3 else "x"} for i in range(300)]
    documents = [{"id": str(i), "text": f"word{i}", "metadata": row} for i, row in enumerate(rows)]
    with pytest.raises(KeyboardInterrupt):
        build_text_index(tmp_path / "i", documents, WordEncoder(fail_after=128), resume_key="these")
    index = build_text_index(tmp_path / "i", [], WordEncoder(), resume_key="these")
    assert index.metadata_of(["299", "3"]) == [{"n": 299, "s": None}, {"n": 3, "s": "x"}]
    assert index.ids_where("n < 7 AND s = 'x'") == ["0", "3", "6"]


def test_metadata_that_is_no_dict_names_the_document(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="document 1: metadata is 3, expected a dict"):
        build_text_index(tmp_path / "i", ["a", {"text": "b", "metadata": 3}], WordEncoder())
