"""What the sweep keeps at hand is what its definitions say, and a key may have thousands of claims."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings, strategies as st

from motherlode.core.time import EVER
from motherlode.nuggets.bounds import RANGE, Bound, Stated, best_bound
from motherlode.nuggets.derivation import Key, derive
from motherlode.nuggets.ledger import stored_claim
from motherlode.nuggets.record import Claim
from motherlode.nuggets.schema import Predicate, load_schema
from motherlode.nuggets.tenures import KeyClaim, Tenure, sweep
from tests.nugget_worlds import random_claim

_BOUNDS = st.tuples(st.integers(0, 12), st.integers(1, 6), st.sampled_from([1, 4, RANGE])).map(
    lambda drawn: (drawn[0], drawn[0] + drawn[1], drawn[2])
)


def best_by_definition(stated: list[Stated]) -> Bound | None:
    """Every bound against every other."""

    def worth(candidate: Bound) -> tuple[object, ...]:
        weights: dict[str, float] = {}
        for bound, publisher, weight in stated:
            if bound is not None and bound[0] < candidate[1] and candidate[0] < bound[1]:
                weights[publisher] = max(weight, weights.get(publisher, 0.0))
        vague = candidate[1] - candidate[0] if candidate[2] == RANGE else 0
        return -sum(weights.values()), candidate[2], vague, candidate

    return min((bound for bound, _, _ in stated if bound is not None), key=worth, default=None)


@given(st.lists(st.tuples(st.none() | _BOUNDS, st.integers(0, 9), st.sampled_from([1.0, 3.0, 0.5])), max_size=9))
@settings(max_examples=400)
def test_the_best_bound_is_that_of_the_definition(drawn: list[tuple[Bound | None, int, float]]) -> None:
    usual: list[Stated] = [(bound, f"paper {i}", 1.0) for i, (bound, _, _) in enumerate(drawn)]
    whole: list[Stated] = [(bound, f"paper {i}", float(int(2 * w))) for i, (bound, _, w) in enumerate(drawn)]
    odd: list[Stated] = [(bound, f"paper {number}", weight) for bound, number, weight in drawn]
    for stated in (usual, whole, odd):
        assert best_bound(stated) == best_by_definition(stated)


def start_by_definition(tenure: Tenure) -> Bound | None:
    return tenure.start_before(end_by_definition(tenure))


def end_by_definition(tenure: Tenure) -> Bound | None:
    """The start of what followed, where it is as late as it closed."""
    if tenure.closed_by is None:
        return tenure.end
    start = None if tenure.successor is None else start_by_definition(tenure.successor)
    inside = start is not None and tenure.closed_by[0] <= start[0] and start[1] <= tenure.closed_by[1]
    return start if inside else tenure.closed_by


@given(st.integers(0, 2**32))
@settings(max_examples=300)
def test_bounds_of_tenures_are_those_of_their_definition(seed: int) -> None:
    random, schema = Random(seed), load_schema()
    claims = [random_claim(random, subjects=("Apple",)) for _ in range(random.randrange(2, 40))]
    stored = [stored_claim(claim, schema) for claim in claims]
    swept = [
        KeyClaim(one.claim_id + str(i), one.object_key, one.start, one.end, one.publisher, negated=one.negated)
        for i, one in enumerate(stored)
        if one.start is not None or one.end is not None
    ]
    tenures, _ = sweep(sorted(swept, key=lambda claim: claim.order), Predicate("ceo", "functional"), [])
    for tenure in tenures:
        kept = tenure.end
        tenure.settle()
        assert tenure.end == kept
        assert tenure.stated_start == start_by_definition(tenure)
        assert tenure.final_end == end_by_definition(tenure)


def _daily(n: int, holder: str) -> list[KeyClaim]:
    """A claim a day, each from a paper of its own."""
    schema = load_schema()
    days = [(date(1900, 1, 1) + timedelta(days=day)).isoformat() for day in range(n)]
    claims = [Claim("Acme", "ceo", holder.format(i), valid_from=day, source=f"d{i}") for i, day in enumerate(days)]
    stored = [stored_claim(claim, schema) for claim in claims]
    return [KeyClaim(one.claim_id, one.object_key, one.start, one.end, one.publisher) for one in stored]


@pytest.mark.parametrize("comes_back", [False, True])
def test_a_succession_of_thousands_is_derived(comes_back: bool) -> None:
    claims = _daily(3000, "Person {}")
    if comes_back:
        claims[-1].object_key = claims[0].object_key
    nuggets = derive(Key("global", "acme", "ceo"), Predicate("ceo", "functional"), claims)
    assert len(nuggets) == 3000
    for one, following in pairwise(nuggets):
        assert one.state == "superseded"
        assert one.end == following.start
        assert one.superseded_by == following.nugget_id
    assert nuggets[-1].state == "active"
    assert nuggets[-1].end is None


def test_a_fact_that_thousands_of_papers_repeat_is_one_nugget() -> None:
    [nugget] = derive(Key("global", "acme", "ceo"), Predicate("ceo", "functional"), _daily(3000, "Ann"))
    assert (nugget.n_sources, len(nugget.claims), nugget.end) == (3000, 3000, None)
    assert nugget.begin < EVER
