"""Asking in words: the three modes, terms, fusion, candidates from elsewhere; with a small encoder of whole words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import motherlode
from motherlode import Index, InputError, UnsupportedError, build_index, build_text_index
from motherlode.core.ports import TextTokens, TokenVectors
from motherlode.retrieval.fusion import reciprocal_rank_fusion, weighted_fusion
from motherlode.retrieval.text_search import CandidateSource
from tests.corpora import unit

WORDS = (
    "a", "quick", "slow", "brown", "fox", "dog", "jumps", "over", "the", "lazy", "cat", "sleeps", "sorting", "list",
    "algorithm", "whale", "ocean",
)  # fmt: skip
LIKE = {"slow": "lazy", "list": "sorting", "ocean": "whale", "cat": "dog"}  # words of like meaning
TEXTS = {
    "fox": "the quick brown fox jumps over the lazy dog",
    "cat": "the slow cat sleeps",
    "sort": "a quick sorting algorithm",
    "list": "a list over the list",
    "sea": "whale ocean whale",
}
DIM = 24


class WordEncoder:
    """Words of like meaning have like vectors; one special token 0 begins every text. Vocabulary ids count from 1."""

    name, dim = "words", DIM
    arrays: Mapping[str, NDArray[Any]] = {}
    config: Mapping[str, Any] = {"kind": "words"}

    def __init__(self) -> None:
        rows = unit(np.random.default_rng(0).standard_normal((len(WORDS) + 1, DIM)))
        for word, like in LIKE.items():
            rows[self._id(word)] = rows[self._id(word)] * 0.5 + rows[self._id(like)]
        self.rows = unit(rows).astype(np.float32)
        self.n_encoded = 0

    def _id(self, word: str) -> int:
        return WORDS.index(word) + 1

    def encode_documents(self, texts: Sequence[str]) -> TokenVectors:
        self.n_encoded += len(texts)
        ids = [[0, *(self._id(w) for w in text.lower().split() if w in WORDS)] for text in texts]
        flat = np.array([i for own in ids for i in own], np.int32)
        return TokenVectors(self.rows[flat], np.cumsum([0, *map(len, ids)]), flat)

    def encode_queries(self, texts: Sequence[str]) -> TokenVectors:
        return self.encode_documents(texts)


class Tokenizing(WordEncoder):
    def tokenize(self, texts: Sequence[str]) -> TextTokens:
        ids = [[self._id(w) for w in text.lower().split() if w in WORDS] for text in texts]
        return TextTokens(np.array([i for own in ids for i in own], np.int32), np.cumsum([0, *map(len, ids)]))


class Compounding(Tokenizing):
    """Words may be written together with a hyphen, and are then pieces of one."""

    def tokenize(self, texts: Sequence[str]) -> TextTokens:
        (text,) = texts
        pieces = [(self._id(w), n) for n, word in enumerate(text.split()) for w in word.split("-") if w in WORDS]
        table = np.array(pieces, np.int32).reshape(-1, 2)
        return TextTokens(table[:, 0], np.array([0, len(table)]), None, table[:, 1])


class Titles:
    """A toy engine of the kind that a learned-sparse one would be: names documents by words of their ids."""

    def __init__(self, *found: str) -> None:
        self.found, self.asked = found, list[tuple[str, tuple[int, ...], int]]()

    def candidates(self, query_text: str, query_vectors: NDArray[np.float32], k: int) -> Sequence[str]:
        self.asked.append((query_text, query_vectors.shape, k))
        return self.found


@pytest.fixture
def encoder() -> Tokenizing:
    return Tokenizing()


@pytest.fixture(params=["flat", "compressed"])
def index(request: pytest.FixtureRequest, tmp_path: Path, encoder: Tokenizing) -> Index:
    built = build_text_index(tmp_path / "i", list(TEXTS.items()), encoder, kind=request.param)
    built.encoder = encoder  # load_encoder knows none of this kind
    return built


def test_lexical_mode_finds_words_and_does_not_encode(index: Index, encoder: Tokenizing) -> None:
    before = encoder.n_encoded
    hits = index.search_text("quick fox", 5, "lexical")
    assert hits.ids == ["fox", "sort"]
    assert encoder.n_encoded == before
    expected = index.search_lexical(encoder.tokenize(["quick fox"]).token_ids, 5)
    assert (hits.ids, hits.scores.tolist()) == (expected.ids, expected.scores.tolist())


def test_late_mode_is_search(index: Index) -> None:
    question = "slow dog"
    hits, expected = index.search_text(question, 4), index.search(question, 4)
    assert hits.ids == expected.ids
    assert hits.scores.tolist() == expected.scores.tolist()
    assert index.search_text(question, 4, k_centroids=3, alpha=0.5).ids[0] == expected.ids[0]


def test_late_interaction_finds_what_words_do_not(index: Index) -> None:
    assert index.search_text("ocean", 1).ids == ["sea"]
    assert index.search_text("cat", 2).ids == ["cat", "fox"]  # a dog is like a cat
    assert index.search_text("cat", 2, "lexical").ids == ["cat"]


@pytest.mark.parametrize("fusion", ["rrf", "weighted"])
def test_hybrid_mode_fuses_the_two_lists(index: Index, fusion: str) -> None:
    late, words = index.search_text("a quick list", 100), index.search_text("a quick list", 100, "lexical")
    if fusion == "rrf":
        positions, scores = reciprocal_rank_fusion([late.positions, words.positions], 5)
    else:
        lists = [(late.positions, late.scores), (words.positions, words.scores)]
        positions, scores = weighted_fusion(lists, [0.3, 0.7])
    hits = index.search_text("a quick list", 3, "hybrid", fusion=fusion, rrf_k=5, weight=0.3)
    assert hits.positions.tolist() == positions[:3].tolist()
    np.testing.assert_allclose(hits.scores, scores[:3], rtol=1e-6)
    assert hits.ids == [index.ids[p] for p in positions[:3]]


def test_depth_is_how_much_of_each_list_is_fused(index: Index) -> None:
    hits = index.search_text("cat", 1, "hybrid", fusion="rrf", depth=1)
    assert hits.ids == ["cat"]
    assert hits.scores.tolist() == [pytest.approx(2 / 61)]
    late, words = index.search_text("a quick list", 1), index.search_text("a quick list", 1, "lexical")
    assert set(index.search_text("a quick list", 1, "hybrid", depth=1).ids) <= {*late.ids, *words.ids}


@pytest.mark.parametrize("mode", ["late", "lexical", "hybrid"])
def test_terms_and_subset_narrow_every_mode(index: Index, mode: str) -> None:
    question = "the quick slow list"
    assert set(index.search_text(question, 9, mode, required=["the"]).ids) == {"fox", "cat", "list"}
    assert index.search_text(question, 9, mode, required=["over the", "lazy"]).ids == ["fox"]
    assert "fox" in index.search_text(question, 9, mode, required=["lazy over"]).ids  # in any order
    found = index.search_text(question, 9, mode, excluded=["the dog", "cat"]).ids
    assert set(found) - {"sea"} == {"sort", "list"}
    assert index.search_text(question, 9, mode, excluded=["cat dog"], subset=["cat", "gone"]).ids == ["cat"]
    assert index.search_text(question, 9, mode, required=["cat", "whale"]).ids == []


def test_words_that_are_not_known_find_nothing_and_cannot_be_required(index: Index) -> None:
    assert index.search_text("zebra", 5, "lexical").ids == []
    assert index.search_text("zebra whale", 5, "lexical").ids == ["sea"]
    with pytest.raises(InputError, match="required: 'zebra' has no token that the encoder 'words' knows"):
        index.search_text("whale", 5, required=["zebra"])


def test_a_word_whose_pieces_no_document_holds_together_counts_for_nothing(index: Index) -> None:
    def found(question: str) -> list[str]:
        return index.search_text(question, 9, "lexical", encoder=Compounding()).ids

    assert found("sorting-cat") == []  # one document has sorting, another the cat
    assert found("sorting cat") == ["cat", "sort"]
    assert found("sorting-cat whale") == ["sea"]
    assert set(found("quick-fox")) == {"fox", "sort"}  # a document has both; one of them is a match, if a worse one
    assert found("quick-fox")[0] == "fox"
    assert found("quick-fox sorting-zebra") == found("quick-fox sorting")  # zebra is no token at all


def test_candidates_from_elsewhere_are_scored_by_late_interaction(index: Index) -> None:
    source = Titles("cat", "sea", "gone", "fox")
    assert isinstance(source, CandidateSource)
    hits = index.search_text("quick cat", 2, candidates=source)
    expected = index.search("quick cat", 2, subset=["cat", "sea", "fox"])
    assert (hits.ids, hits.scores.tolist()) == (expected.ids, expected.scores.tolist())
    assert source.asked == [("quick cat", (3, DIM), 100)]
    assert index.search_text("quick cat", 2, candidates=source, excluded=["cat"]).ids == ["fox", "sea"]


def test_candidates_are_fused_with_words(index: Index) -> None:
    hits = index.search_text("quick", 9, "hybrid", candidates=Titles("cat"), fusion="rrf", rrf_k=0)
    # late interaction ranks the candidate alone; BM25 finds "sort" (4 words) before "fox" (9)
    assert hits.ids == ["cat", "sort", "fox"]
    np.testing.assert_allclose(hits.scores, [1, 1, 1 / 2])
    with pytest.raises(InputError, match="candidates are scored by late interaction; choose mode late or hybrid"):
        index.search_text("quick", mode="lexical", candidates=Titles("cat"))


def test_an_encoder_that_cannot_tokenize_gives_the_ids_of_its_queries(tmp_path: Path) -> None:
    plain = WordEncoder()
    index = build_text_index(tmp_path / "i", list(TEXTS.items()), plain)
    # its queries begin with a special token, which every document has: all are found, those with the word first
    assert index.search_text("whale", 9, "lexical", encoder=plain).ids[0] == "sea"


def test_the_questions_vectors_may_be_given(index: Index, encoder: Tokenizing) -> None:
    encoded = encoder.encode_queries(["quick fox"])
    before = encoder.n_encoded
    assert index.search_text("quick fox", 3, "hybrid", encoded=encoded).ids[0] == "fox"
    assert encoder.n_encoded == before


def test_an_index_of_vectors_says_what_to_call_instead(tmp_path: Path) -> None:
    index = build_index(tmp_path / "i", np.eye(4, dtype=np.float32), [0, 4], [1, 2, 3, 4])
    for mode in ("late", "lexical", "hybrid"):
        with pytest.raises(UnsupportedError, match=r"knows no encoder; use search .* or search_lexical"):
            index.search_text("word", 5, mode)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "words"}, "mode='words': choose one of late, lexical, hybrid"),
        ({"fusion": "sum"}, "fusion='sum': choose one of rrf, weighted"),
        ({"weight": 2}, "weight=2: give a number from 0 to 1"),
        ({"rrf_k": -1}, "rrf_k=-1"),
        ({"depth": -1}, "depth=-1"),
        ({"k": 1.5}, "k=1.5"),
        ({"query": 7}, "query is int, expected a string"),
        ({"required": "word"}, r"required='word': give a list of words"),
        ({"excluded": [3]}, "excluded: 3 is no string"),
        ({"candidates": ["a"]}, "candidates is list, expected an object with candidates"),
        ({"mode": "lexical", "alpha": 0.5}, "alpha: options of late interaction"),
        ({"coarse": "no"}, "coarse='no'"),
    ],
)
def test_wrong_options_are_refused_by_name(index: Index, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        index.search_text(**{"query": "fox", **options})


def test_the_seam_is_public() -> None:
    assert motherlode.CandidateSource is CandidateSource
