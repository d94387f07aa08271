"""Laws of the nugget store: the order of arrival is no input, and the store is the obvious one, from any process."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice, permutations
from math import factorial
from random import Random

import pytest
from hypothesis import given, settings, strategies as st

from motherlode.nuggets.memory import MemoryStore
from motherlode.nuggets.store import NuggetStore, open_nuggets
from tests.nugget_orders import Part, in_memory, in_store, random_parts
from tests.nugget_worlds import Pair, Ticking, stored_rows


def _orders(parts: list[Part], random: Random, n_orders: int) -> list[Sequence[Part]]:
    """All orders where they are few, else a sample."""
    if factorial(len(parts)) <= n_orders:
        return list(permutations(parts))
    return [random.sample(parts, len(parts)) for _ in range(n_orders)]


@given(st.integers(0, 2**32), st.integers(3, 6))
@settings(max_examples=400)
def test_claims_decisions_and_retractions_end_alike_in_any_order_of_arrival(seed: int, n_claims: int) -> None:
    random = Random(seed)
    parts = random_parts(random, n_claims)
    expected = in_memory(parts)
    for order in _orders(parts, random, 12):
        assert in_memory(order) == expected


@given(st.integers(0, 2**32), st.integers(3, 6))
@settings(max_examples=40)
def test_the_store_ends_alike_in_any_order_of_arrival_and_as_the_obvious_one(seed: int, n_claims: int) -> None:
    random = Random(seed)
    parts = random_parts(random, n_claims)
    expected = in_memory(parts)
    for order in _orders(parts, random, 6):
        with open_nuggets(":memory:", clock=Ticking()) as store:
            assert in_store(order, store, stored_rows) == expected


@given(st.integers(0, 2**32))
@settings(max_examples=60)
def test_erasure_leaves_the_obvious_history_and_no_name_of_what_was_erased(seed: int) -> None:
    random = Random(seed)
    kinds = {"claims": 3, "document": 3, "retract": 4, "trust": 3, "undo": 2, "erase": 3}
    clock = Ticking()
    with open_nuggets(":memory:", clock=clock) as store:
        pair = Pair(store, MemoryStore(), clock, [])
        for _ in range(16):
            pair.step(random, kinds)
        pair.check()


def _shown(store: NuggetStore) -> set[tuple[object, ...]]:
    return {(n.nugget_id, n.subject, n.object, n.kind, n.confidence) for n in store.nuggets()}


@given(st.integers(0, 2**32))
@settings(max_examples=30)
def test_what_people_read_of_a_nugget_does_not_depend_on_the_order_of_arrival(seed: int) -> None:
    random = Random(seed)
    parts = random_parts(random, 5)
    found = []
    for order in islice(permutations(parts), 0, None, max(1, factorial(len(parts)) // 5)):
        with open_nuggets(":memory:", clock=Ticking()) as store:
            found.append(in_store(order, store, _shown))
    assert all(shown == found[0] for shown in found)


@pytest.mark.long
def test_of_ten_thousand_random_worlds_none_ends_differently_by_order_of_arrival() -> None:
    random = Random(20_261_124)
    differing = []
    for world in range(10_000):
        parts = random_parts(random, random.randrange(3, 7))
        ends = {frozenset(in_memory(order)) for order in [parts, *_orders(parts, random, 12)]}
        if len(ends) > 1:
            differing.append(world)
    print(f"{len(differing)} of 10,000 worlds end differently by order of arrival")
    assert differing == []


@pytest.mark.long
def test_of_a_thousand_random_worlds_in_the_store_none_ends_differently_by_order_of_arrival() -> None:
    random = Random(20_261_125)
    for _ in range(1000):
        parts = random_parts(random, random.randrange(3, 7))
        expected = in_memory(parts)
        for order in _orders(parts, random, 4):
            with open_nuggets(":memory:", clock=Ticking()) as store:
                assert in_store(order, store, stored_rows) == expected
