"""What holds for every division of centroids."""

from __future__ import annotations

import numpy as np
from hypothesis import given, strategies as st

from motherlode.retrieval.allocation import allocate_centroids, default_n_centroids

TYPES = st.lists(
    st.tuples(st.integers(1, 20_000), st.floats(0, 100, allow_nan=False, allow_subnormal=False)),
    min_size=1,
    max_size=60,
)


@given(TYPES, st.integers(1, 30_000))
def test_the_sum_is_exact_and_no_type_has_more_centroids_than_tokens(
    types: list[tuple[int, float]], n_centroids: int
) -> None:
    sizes = np.array([n for n, _ in types], np.int64)
    spreads = np.array([s for _, s in types])
    allocation = allocate_centroids(sizes, spreads, n_centroids)
    assert allocation.n_centroids == min(n_centroids, sizes.sum())
    assert (allocation.counts <= sizes).all()
    assert ((allocation.counts > 0) != allocation.pooled).all()
    assert allocation.pool_centroids <= sizes[allocation.pooled].sum()


@given(TYPES, st.integers(0, 30_000))
def test_from_the_minimum_on_every_type_has_its_floor_and_nothing_is_pooled(
    types: list[tuple[int, float]], above: int
) -> None:
    sizes = np.array([n for n, _ in types], np.int64)
    spreads = np.array([s for _, s in types])
    minimum = allocate_centroids(sizes, spreads, 1).minimum
    allocation = allocate_centroids(sizes, spreads, minimum + above)
    floors = np.where(sizes < allocation.micro, 1, np.where(sizes < allocation.small, 2, 4))
    assert (allocation.counts >= floors).all()
    assert not allocation.pooled.any()


@given(TYPES)
def test_the_default_can_be_spent_to_the_last_centroid(types: list[tuple[int, float]]) -> None:
    sizes = np.array([n for n, _ in types], np.int64)
    spreads = np.array([s for _, s in types])
    n_centroids = default_n_centroids(sizes)
    assert 1 <= n_centroids <= max(1, sizes.sum())
    allocation = allocate_centroids(sizes, spreads, n_centroids)
    assert allocation.n_centroids == min(n_centroids, sizes.sum())
