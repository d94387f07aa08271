"""Queries, judgements, measures and runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import motherlode
from motherlode.core.ports import TokenVectors
from motherlode.errors import DataError, InputError
from motherlode.retrieval.encoders.precomputed import Precomputed
from motherlode.workflows.evaluation import evaluate, read_qrels, read_queries

AXES = np.eye(4, dtype=np.float32)


@pytest.fixture
def index(tmp_path: Path) -> motherlode.Index:
    """Five documents of one token each: four axes, and one between the first two."""
    vectors = np.concatenate([AXES, [[0.8, 0.6, 0, 0]]]).astype(np.float32)
    return motherlode.build_index(tmp_path / "index", vectors, np.arange(6), ids=["a", "b", "c#1", "c#2", "e"])


def queries_as(rows: list[list[float]]) -> Precomputed:
    """An encoder that gives these one-token queries."""
    vectors = np.array(rows, dtype=np.float32)
    return Precomputed(vectors, np.arange(len(vectors) + 1, dtype=np.int64))


def test_measures_are_those_counted_by_hand(index: motherlode.Index) -> None:
    pytest.importorskip("ir_measures")
    encoder = queries_as([[1, 0, 0, 0], [0.6, 0.8, 0, 0]])  # rankings: a e …; e (0.96) b (0.8) a (0.6)
    found = evaluate(
        index, {"q1": "", "q2": ""}, {"q1": {"e": 1}, "q2": {"b": 1, "a": 1}}, encoder=encoder,
        measures=["RR@10", "P@2", "nDCG@10"],
    )  # fmt: skip
    assert [doc_id for doc_id, _ in found.run["q2"][:3]] == ["e", "b", "a"]
    assert found.measures["RR@10"] == pytest.approx(0.5)
    assert found.measures["P@2"] == pytest.approx(0.5)
    gain = [1 / np.log2(n + 1) for n in (1, 2, 3)]
    assert found.measures["nDCG@10"] == pytest.approx((gain[1] + (gain[1] + gain[2]) / (gain[0] + gain[1])) / 2)
    assert found.overlap_at_10 is None


def test_passages_count_as_their_document_where_documents_are_judged(index: motherlode.Index) -> None:
    pytest.importorskip("ir_measures")
    encoder = queries_as([[0, 0, 0.5, 1]])
    found = evaluate(index, {"q": ""}, {"q": {"c": 1}}, encoder=encoder, measures=["RR@10"])
    assert found.collapsed_passages
    assert [doc_id for doc_id, _ in found.run["q"]].count("c") == 1
    assert found.measures["RR@10"] == 1.0
    assert not evaluate(index, {"q": ""}, {"q": {"c#1": 1}}, encoder=encoder, measures=["RR@10"]).collapsed_passages


def test_overlap_with_given_vectors_counts_what_the_index_found(index: motherlode.Index) -> None:
    encoder = queries_as([[1, 0.1, 0, 0]])
    same = Precomputed(np.concatenate([AXES, [[0.8, 0.6, 0, 0]]]).astype(np.float32), np.arange(6, dtype=np.int64))
    assert evaluate(index, {"q": ""}, encoder=encoder, exact=same).overlap_at_10 == 1.0
    few = Precomputed(AXES[:3], np.arange(4, dtype=np.int64))
    with pytest.raises(InputError, match="hold 3 documents, the index 5"):
        evaluate(index, {"q": ""}, encoder=encoder, exact=few)


def test_unjudged_queries_unknown_measures_and_a_missing_encoder_are_refused(index: motherlode.Index) -> None:
    pytest.importorskip("ir_measures")
    encoder = queries_as([[1, 0, 0, 0]])
    with pytest.raises(InputError, match=r"none of the 1 queries is judged: query ids look like 'q1'.*'7'"):
        evaluate(index, {"q1": ""}, {"7": {"a": 1}}, encoder=encoder)
    with pytest.raises(InputError, match="no such measure: 'goodness'"):
        evaluate(index, {"q1": ""}, {"q1": {"a": 1}}, encoder=encoder, measures=["goodness"])
    with pytest.raises(motherlode.UnsupportedError, match="knows no encoder"):
        evaluate(index, {"q1": ""})


def test_queries_are_read_from_tsv_and_jsonl(tmp_path: Path) -> None:
    file = tmp_path / "q"
    file.write_text("qid\tquery\n1\tfirst one\n2\t second\twith tab \n", encoding="utf-8")
    assert read_queries(file) == {"1": "first one", "2": "second\twith tab"}
    file.write_text('{"_id": 1, "text": "first"}\n\n{"id": "b", "query": "second"}\n', encoding="utf-8")
    assert read_queries(file) == {"1": "first", "b": "second"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("no tab\n", "q:1: no tab"),
        ("1\ta\n1\tb\n", "q:2: the query id '1'"),
        ("", "no queries"),
        ('{"id": 1}\n', "q:1"),
    ],
)
def test_bad_queries_are_named_by_line(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "q"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_queries(file)
    file.write_text('{"id": 1,\n', encoding="utf-8")
    with pytest.raises(DataError, match="q:1: not JSON"):
        read_queries(file)


def test_judgements_are_read_from_trec_and_beir(tmp_path: Path) -> None:
    file = tmp_path / "qrels"
    file.write_text("1 0 doc-a 2\n1 0 doc-b 0\n2 0 doc-a 1\n", encoding="utf-8")
    assert read_qrels(file) == {"1": {"doc-a": 2, "doc-b": 0}, "2": {"doc-a": 1}}
    file.write_text("query-id\tcorpus-id\tscore\nq\ta file.txt\t1\n", encoding="utf-8")
    assert read_qrels(file) == {"q": {"a file.txt": 1}}
    file.write_text("1 0 a 1\n1 0 a\n", encoding="utf-8")
    with pytest.raises(InputError, match="qrels:2: expected"):
        read_qrels(file)


def test_equal_scores_are_measured_in_the_order_of_the_hits(tmp_path: Path) -> None:
    """Three equal documents, the judged one first: trec_eval alone would put "z" before "a"."""
    pytest.importorskip("ir_measures")
    same = np.tile(AXES[:1], (3, 1)).astype(np.float32)
    tied = motherlode.build_index(tmp_path / "tied", same, np.arange(4), ids=["a", "m", "z"])
    found = evaluate(tied, {"q": ""}, {"q": {"a": 1}}, encoder=queries_as([[1, 0, 0, 0]]), measures=["RR@10"])
    assert found.measures["RR@10"] == 1.0


def test_the_encoder_of_a_test_is_an_encoder() -> None:
    assert isinstance(queries_as([[1, 0, 0, 0]]).encode_queries([""]), TokenVectors)
