"""How centroids are divided among token types: every formula of the design, computed by hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from motherlode.retrieval.allocation import Allocation, allocate_centroids, default_n_centroids, micro_threshold


def sizes(*values: int) -> NDArray[np.int64]:
    return np.asarray(values, np.int64)


def divide(values: list[int], n_centroids: int, spreads: list[float] | None = None) -> Allocation:
    return allocate_centroids(sizes(*values), np.asarray(spreads or [1.0] * len(values)), n_centroids)


@pytest.mark.parametrize(
    ("n_tokens", "expected"),
    [(0, 32), (1, 32), (1 << 20, 32), (1 << 24, 64), (1 << 28, 128), (598_000_000, 128), (1 << 40, 128)],
)
def test_the_micro_threshold_is_the_fourth_root_as_a_power_of_two_between_32_and_128(
    n_tokens: int, expected: int
) -> None:
    assert micro_threshold(n_tokens) == expected


def test_the_small_threshold_is_twice_the_micro_threshold() -> None:
    allocation = divide([10, 40, 1000], 20)
    assert (allocation.micro, allocation.small) == (32, 64)


@pytest.mark.parametrize(("n_tokens", "expected"), [(598_000_000, 4_194_304), (266_000_000, 2_097_152)])
def test_the_default_number_of_centroids_is_the_published_one(n_tokens: int, expected: int) -> None:
    even = np.full(30_522, n_tokens // 30_522, np.int64)
    even[0] += n_tokens - even.sum()
    assert default_n_centroids(even) == expected


def test_from_131072_tokens_on_the_thresholds_are_the_papers() -> None:
    sizes = np.array([127, 128, 255, (1 << 17) - 510])
    allocation = allocate_centroids(sizes, np.ones(4), 30)
    assert (allocation.micro, allocation.small, allocation.minimum) == (128, 256, 1 + 2 + 2 + 4)
    assert allocation.counts.tolist() == [1, 2, 2, 25]
    fewer = allocate_centroids(sizes - [0, 0, 0, 1], np.ones(4), 30)
    assert (fewer.micro, fewer.small, fewer.minimum) == (32, 64, 4 * 4)


def test_the_default_is_at_least_a_tenth_above_the_minimum() -> None:
    # N = 256,000: 2^round(log2 2000) = 2048; 1000 active types need 4 each, and 1.1 * 4000 = 4400
    assert default_n_centroids(np.full(1000, 256)) == 4400


def test_the_default_stops_where_every_type_is_at_its_cap() -> None:
    # 1.1 * 4000 = 4400, but max(4, 100 // 39) = 4 saturates all 1000 types
    assert default_n_centroids(np.full(1000, 100)) == 4000


def test_the_default_spends_at_most_one_centroid_on_24_tokens() -> None:
    # N = 40,000: minimum 2 * 1000, caps 2 * 1000, 40,000 // 24 = 1666
    assert default_n_centroids(np.full(1000, 40)) == 1666


@pytest.mark.parametrize(("values", "expected"), [([], 0), ([1], 1), ([5, 5], 1)])
def test_the_default_of_almost_nothing_is_almost_nothing(values: list[int], expected: int) -> None:
    assert default_n_centroids(sizes(*values)) == expected


def test_types_below_the_thresholds_get_one_and_two_and_the_rest_share_by_root_of_size() -> None:
    # 31 - 1 - 2 = 28 for sqrt(1000) : sqrt(4000) = 1 : 2, that is 9.33 and 18.67; the fraction .67 gets the odd one
    assert divide([10, 40, 1000, 4000], 31).counts.tolist() == [1, 2, 9, 19]


def test_the_share_is_proportional_to_the_spread() -> None:
    assert divide([10, 40, 1000, 4000], 31, [1.0, 1.0, 2.0, 1.0]).counts.tolist() == [1, 2, 14, 14]


def test_the_surplus_of_capped_types_goes_to_the_others() -> None:
    # 100 to share: 33.3 and 66.7; 1000 // 39 = 25 caps the first
    assert divide([10, 40, 1000, 4000], 103).counts.tolist() == [1, 2, 25, 75]


def test_the_surplus_goes_round_robin_by_fractional_remainder() -> None:
    # 26 to share, weights 1 : 1 : 2 give 6.5, 6.5, 13: one left, to the first of the two equal remainders
    assert divide([1000, 1000, 4000], 26).counts.tolist() == [7, 6, 13]


def test_what_is_left_when_all_are_capped_goes_past_the_caps() -> None:
    # caps 25 and 102 leave 10 of 140: two rounds of one each in order of weight, then the two heaviest
    assert divide([10, 40, 1000, 4000], 140).counts.tolist() == [3, 4, 28, 105]


def test_a_deficit_is_taken_from_the_largest_down_to_the_floor() -> None:
    # 20 by weights 1 : 1 : 1 : 10 is 1.5, 1.5, 1.5, 15.4; the floor 4 lifts three of them, 7 too many
    assert divide([100, 100, 100, 10_000], 20).counts.tolist() == [4, 4, 4, 8]
    assert divide([100, 100, 10_000, 10_000], 24).counts.tolist() == [4, 4, 8, 8]


def test_the_minimum_itself_gives_every_type_its_floor() -> None:
    allocation = divide([10, 40, 1000, 4000], 11)
    assert allocation.minimum == 1 + 2 + 4 + 4
    assert allocation.counts.tolist() == [1, 2, 4, 4]


def test_types_of_equal_vectors_still_get_their_floor() -> None:
    assert divide([1000, 1000], 30, [0.0, 5.0]).counts.tolist() == [5, 25]  # 1000 // 39 = 25 is the cap


def test_no_type_gets_more_centroids_than_it_has_tokens() -> None:
    allocation = divide([3, 5], 1_000_000)
    assert allocation.counts.tolist() == [3, 5]
    assert allocation.n_centroids == 8


def test_below_the_minimum_the_frequent_types_stay_and_the_rest_share_a_pool() -> None:
    allocation = divide([1, 50, 3, 40, 2], 4)  # minimum 1 + 2 + 1 + 2 + 1 = 7
    assert allocation.minimum == 7
    assert allocation.counts.tolist() == [0, 1, 0, 1, 0]
    assert allocation.pooled.tolist() == [True, False, True, False, True]
    assert (allocation.pool_centroids, allocation.n_centroids) == (2, 4)


def test_what_a_small_pool_cannot_use_goes_back_to_the_frequent_types() -> None:
    # 12 is the minimum of three active types; half of 8 is more than there are types, so nothing is pooled
    allocation = divide([1000, 1000, 1000], 8)
    assert (allocation.counts.tolist(), allocation.pool_centroids) == ([3, 3, 2], 0)
    # half of 6 keeps three types; the pool has but one token, and two of its three go back
    allocation = divide([1000, 1000, 1, 1], 6)
    assert (allocation.counts.tolist(), allocation.pool_centroids) == ([2, 2, 1, 0], 1)


def test_one_type_alone_gets_what_was_asked_for() -> None:
    assert [divide([1000], n).n_centroids for n in (1, 2, 3, 4, 5)] == [1, 2, 3, 4, 5]
