"""Fusion, against sums by hand."""

from __future__ import annotations

import numpy as np
import pytest

from motherlode.retrieval.fusion import reciprocal_rank_fusion, weighted_fusion


def positions(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def scores(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def test_reciprocal_ranks_are_summed_over_the_lists() -> None:
    found, fused = reciprocal_rank_fusion([positions(7, 3, 5), positions(3, 9)])
    # 3: 1/62 + 1/61, 7: 1/61, 9: 1/62, 5: 1/63
    assert found.tolist() == [3, 7, 9, 5]
    np.testing.assert_allclose(fused, [1 / 62 + 1 / 61, 1 / 61, 1 / 62, 1 / 63], rtol=1e-6)
    assert fused.dtype == np.float32


def test_a_smaller_rrf_k_lets_first_ranks_stand_out() -> None:
    lists = [positions(1, 2, 3), positions(4, 2, 3)]
    assert reciprocal_rank_fusion(lists)[0].tolist()[0] == 2  # twice second beats once first
    found, fused = reciprocal_rank_fusion(lists, rrf_k=0)
    # 1 and 4: 1, 2: 1/2 + 1/2, 3: 1/3 + 1/3
    assert found.tolist() == [1, 2, 4, 3]
    np.testing.assert_allclose(fused, [1, 1, 1, 2 / 3], rtol=1e-6)


def test_equal_fused_scores_stand_by_position() -> None:
    found, _ = reciprocal_rank_fusion([positions(8, 2), positions(2, 8), positions()])
    assert found.tolist() == [2, 8]


def test_weighted_scores_run_from_worst_to_best_of_each_list() -> None:
    late = (positions(4, 1, 6), scores(30, 25, 20))  # 1, 0.5, 0
    lexical = (positions(6, 2), scores(9, 3))  # 1, 0
    found, fused = weighted_fusion([late, lexical], [0.25, 0.75])
    # 4: 0.25, 1: 0.125, 6: 0 + 0.75, 2: 0
    assert found.tolist() == [6, 4, 1, 2]
    np.testing.assert_allclose(fused, [0.75, 0.25, 0.125, 0])


def test_scores_that_are_all_the_same_count_one() -> None:
    found, fused = weighted_fusion([(positions(3, 5), scores(2, 2)), (positions(5), scores(-1))], [0.5, 0.5])
    assert found.tolist() == [5, 3]
    assert fused.tolist() == [1.0, 0.5]


@pytest.mark.parametrize("lists", [[], [positions()], [positions(), positions()]])
def test_nothing_fuses_to_nothing(lists: list[np.ndarray]) -> None:
    assert [len(part) for part in reciprocal_rank_fusion(lists)] == [0, 0]
    assert [len(part) for part in weighted_fusion([(one, scores()) for one in lists], [1.0] * len(lists))] == [0, 0]
