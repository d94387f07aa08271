"""Runs for evaluation tools: order kept, scores that fall, ids that can be read back."""

from __future__ import annotations

import io
import random
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from motherlode import DataError, Hits, InputError, read_trec, to_ir_measures, to_ranx, to_trec


def hits(*pairs: tuple[str, float]) -> Hits:
    return Hits([name for name, _ in pairs], np.array([s for _, s in pairs], np.float32), np.arange(len(pairs)))


RUN = {"q1": hits(("d2", 2.5), ("d1", 2.5), ("d3", 0.1)), "q2": hits(), "q3": hits(("d1", -1.0))}
BELOW = float(np.nextafter(np.float32(2.5), np.float32(0)))  # 2.4999998 is how its digits begin


def written(run: Any, **options: Any) -> str:
    file = io.StringIO()
    to_trec(run, file, **options)
    return file.getvalue()


def test_trec_lines_have_six_columns_and_ties_fall_by_one_float32() -> None:
    assert written(RUN, tag="mine") == (
        "q1 Q0 d2 1 2.5 mine\nq1 Q0 d1 2 2.4999998 mine\nq1 Q0 d3 3 0.1 mine\nq3 Q0 d1 1 -1.0 mine\n"
    )


def test_a_run_goes_to_a_path_and_comes_back(tmp_path: Path) -> None:
    to_trec(RUN, tmp_path / "run.trec")
    back = read_trec(tmp_path / "run.trec")
    assert [name for name, _ in back["q1"]] == ["d2", "d1", "d3"]
    assert [np.float32(score) for _, score in back["q1"]] == [np.float32(2.5), np.float32(BELOW), np.float32(0.1)]
    assert list(back) == ["q1", "q3"]
    with (tmp_path / "run.trec").open(encoding="utf-8") as file:
        assert read_trec(file) == back


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), max_size=20), st.integers(0, 5))
def test_any_scores_keep_their_order_through_a_file_sorted_by_score(scores: list[float], seed: int) -> None:
    scores = sorted((s for s in scores if abs(s) < 1e37), reverse=True)
    run = {"q": [(f"d{i}", score) for i, score in enumerate(scores)]}
    lines = written(run).splitlines(keepends=True)
    random.Random(seed).shuffle(lines)
    back = read_trec(io.StringIO("".join(lines))).get("q", [])
    assert [name for name, _ in back] == [f"d{i}" for i in range(len(scores))]
    read = [np.float32(score) for _, score in back]  # what trec_eval would keep
    assert all(one > other for one, other in pairwise(read))
    np.testing.assert_allclose(read, scores, rtol=1e-5, atol=1e-40)


@pytest.mark.parametrize(
    ("run", "says"),
    [
        ({"q": [("a b", 1.0)]}, "document id of query 'q': 'a b' cannot stand in a TREC line"),
        ({"q": [("a\u00a0b", 1.0)]}, "'a\\\\xa0b' cannot stand"),
        ({"q": [("", 1.0)]}, "document id of query 'q': '' cannot stand"),
        ({"my query": [("a", 1.0)]}, "query id: 'my query' cannot stand"),
        ({"q": [("a", 1.0), ("a", 0.5)]}, "document 'a' stands twice for query 'q'"),
        ({"q": [("a", float("nan"))]}, "'a' of query 'q' has score nan"),
        ({"q": [("a", float("inf"))]}, "has score inf"),
        ({"q": [("a", 1.0), ("b", 2.0)]}, "score 2.0 for 'b' after 1.0; give the best first"),
        ({"q": [(3, 1.0)]}, "document id 3 of query 'q' is no string"),
        ({3: [("a", 1.0)]}, "query id 3 is no string"),
    ],
)
def test_what_cannot_be_a_run_is_named_and_nothing_is_written(run: Any, says: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=says):
        to_trec(run, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_tag_is_one_word() -> None:
    with pytest.raises(InputError, match="tag: 'two words'"):
        written(RUN, tag="two words")


def test_underscores_stand_for_white_space_when_asked_for() -> None:
    assert written({"q": [("a b", 1.0)]}, underscores=True) == "q Q0 a_b 1 1.0 motherlode\n"
    with pytest.raises(InputError, match="'a_b' stands twice"):
        written({"q": [("a b", 1.0), ("a_b", 0.5)]}, underscores=True)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("q Q0 a 1 0.5 t\nq Q0 b 2\n", ":2: expected qid Q0 docid rank score tag, found 'q Q0 b 2'"),
        ("q Q0 a 1 high t\n", ":1: expected qid"),
        ("q Q0 a 1 nan t\n", ":1: document 'a' of query 'q' has score nan"),
        ("q Q0 a 1 2 t\nq Q0 a 2 1 t\n", ":2: document 'a' of query 'q' stands twice"),
    ],
)
def test_a_file_that_is_no_run_is_refused_by_line(text: str, says: str, tmp_path: Path) -> None:
    file = tmp_path / "run"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=says):
        read_trec(file)


def test_a_file_that_is_not_there_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_trec(tmp_path / "none")


def test_lines_of_other_tools_are_read_by_score() -> None:
    text = "1\tQ0\tlow\t1\t0.5\tx\n\n1 Q0 high 2 7e-1 x\n1 Q0 also 3 0.5 x\n"
    assert read_trec(io.StringIO(text)) == {"1": [("high", 0.7), ("low", 0.5), ("also", 0.5)]}


def test_ranx_gets_a_dict_of_dicts_where_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ranx", None)  # makes `import ranx` fail
    assert to_ranx(RUN) == {"q1": {"d2": 2.5, "d1": BELOW, "d3": np.float32(0.1)}, "q3": {"d1": -1.0}}


def test_ranx_sees_the_order_of_the_hits() -> None:
    ranx = pytest.importorskip("ranx")
    run = to_ranx(RUN, name="mine")
    assert isinstance(run, ranx.Run)
    assert run.name == "mine"
    assert ranx.evaluate(ranx.Qrels({"q1": {"d1": 1}, "q3": {"d1": 1}}), run, "mrr") == pytest.approx(0.75)


def test_ir_measures_sees_the_order_of_the_hits() -> None:
    ir_measures = pytest.importorskip("ir_measures")
    assert to_ir_measures(RUN)[1] == ("q1", "d1", BELOW)
    assert to_ir_measures(RUN)[0]._fields == ir_measures.ScoredDoc._fields
    qrels = {"q1": {"d1": 1}, "q2": {"d1": 1}, "q3": {"d1": 1}}
    found = {m.query_id: m.value for m in ir_measures.iter_calc([ir_measures.RR], qrels, to_ir_measures(RUN))}
    assert found == {"q1": 0.5, "q2": 0.0, "q3": 1.0}  # q2 found nothing and still counts
