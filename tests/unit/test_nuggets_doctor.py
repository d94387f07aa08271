"""The scorecard of a store: counts by hand, severity, examples; Wilson's interval."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from motherlode.errors import InputError
from motherlode.nuggets.doctor import SEVERITIES, examine
from motherlode.nuggets.record import Claim, Document
from motherlode.nuggets.store import NuggetStore
from motherlode.nuggets.wilson import wilson_bounds

AT = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    # Newcombe (1998), Two-sided confidence intervals for the single proportion, table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilsons_interval_is_that_of_newcombes_table(successes: int, n: int, low: float, high: float) -> None:
    assert wilson_bounds(successes, n) == pytest.approx((low, high), abs=5e-5)


def test_wilsons_interval_of_nothing_is_everything_and_bad_counts_are_refused() -> None:
    assert wilson_bounds(0, 0) == (0.0, 1.0)
    assert wilson_bounds(5, 5)[1] == 1.0
    assert wilson_bounds(5, 10, confidence=0.5)[0] > wilson_bounds(5, 10)[0]
    for bad in ((-1, 5), (6, 5)):
        with pytest.raises(InputError):
            wilson_bounds(*bad)
    with pytest.raises(InputError):
        wilson_bounds(1, 2, confidence=1.0)


def test_an_empty_store_is_well(store: NuggetStore) -> None:
    card = examine(store)

    assert (card.severity, card.n_nuggets, card.n_keys, card.tenures_per_functional_key) == ("ok", 0, 0, 0.0)
    assert {(check.value, check.interval, check.examples) for check in card.checks} == {(0.0, (0.0, 1.0), ())}


def _fill(store: NuggetStore) -> list[str | None]:
    return store.assert_claims(
        [
            Claim("Apple", "ceo", "Jobs", "1997", source="a", published_at="2023-05-01"),
            Claim("Apple", "ceo", "Cook", "2011", source="b", published_at="2015"),
            Claim("Google", "ceo", "Pichai", "2015-10-02", source="b", published_at="2015"),
            Claim("Google", "ceo", "Pichai", "2015-10-02", source="c", published_at="2023-06-01"),
            Claim("IBM", "ceo", "X", "2020", source="a", published_at="2023-05-01"),
            Claim("IBM", "ceo", "Y", "2020", source="c", published_at="2023-06-01"),
            Claim("IBM", "likes", "blue", source="c", published_at="2023-06-01"),
            Claim("Twitter", "renamedTo", "X Corp", "2023", source="c", published_at="2023-06-01"),
            Claim("Facebook", "renamedTo", "Meta", "2021", source="c", published_at="2023-06-01"),
            Claim("Meta", "formerlyKnownAs", "Facebook", "2021", source="c", published_at="2023-06-01"),
            Claim("Apple", "cfo", "Z", "2020", "2021", source="d", confidence=0.7),
        ]
    )


def test_each_check_counts_what_a_person_counts(store: NuggetStore) -> None:
    ids = _fill(store)
    store.ingest(Document("silent", "nothing is claimed"), claims=[])
    card = examine(store, at=AT)

    counted = {check.name: (check.numerator, check.denominator) for check in card.checks}
    assert counted == {
        "known_validity": (8, 9),  # all but IBM likes blue
        "both_bounds": (1, 9),  # Jobs, whose end is Cook's start
        "functional_history": (2, 5),  # Apple and IBM have two holders; Google and two renames one
        "undated": (1, 9),
        "drift": (1, 8),  # Cook: of all that hold now, the newest evidence is of 2015
        "superseded_without_successor": (0, 1),
        "dangling_superseded_by": (0, 1),
        "contested_keys": (1, 7),
        "renames_without_counterpart": (1, 3),  # Twitter, from one side only
        "single_source": (8, 9),  # all but Pichai
        "pending_reviews": (1, 10),
        "orphaned_sources": (2, 5),  # d, whose claim waits, and silent
    }
    assert (card.n_nuggets, card.n_keys, card.n_claims, card.n_documents) == (9, 7, 11, 5)
    assert card.tenures_per_functional_key == 7 / 5
    assert card["drift"].examples == (ids[1],)
    assert card["undated"].examples == (ids[6],)
    assert set(card["contested_keys"].examples) == set(ids[4:6])
    assert card["renames_without_counterpart"].examples == (ids[7],)
    assert card["orphaned_sources"].examples == ("d", "silent")
    assert card["single_source"].interval == wilson_bounds(8, 9)


def test_severity_grows_with_the_share_and_advice_comes_with_it(store: NuggetStore) -> None:
    _fill(store)
    card = examine(store, at=AT)

    assert (card["contested_keys"].severity, card["pending_reviews"].severity) == ("warning", "notice")
    assert card["known_validity"].severity == "ok"
    assert all(bool(check.advice) == (check.severity != "ok") for check in card.checks)
    assert card.severity == "warning"
    assert all(check.severity in SEVERITIES for check in card.checks)


def test_what_a_person_settled_is_no_longer_on_the_card(store: NuggetStore) -> None:
    ids = _fill(store)
    assert ids[4] is not None
    store.decide(ids[4], "prefer", actor="ada")

    assert examine(store, at=AT)["contested_keys"].numerator == 0


def test_how_old_is_too_old_is_the_callers_to_say(store: NuggetStore) -> None:
    _fill(store)

    assert examine(store, at=AT, stale_after_days=0)["drift"].numerator == 8
    assert examine(store, at=AT, stale_after_days=36_500)["drift"].numerator == 0
    with pytest.raises(InputError):
        examine(store, stale_after_days=-1)
    with pytest.raises(InputError):
        examine(store, at=datetime(2024, 1, 1))


def test_a_broken_link_is_critical(store: NuggetStore) -> None:
    ids = _fill(store)
    with store.database.write() as session:
        session.execute("UPDATE nugget_versions SET superseded_by = 'nowhere' WHERE nugget_id = ?", (ids[0],))

    card = examine(store, at=AT)
    assert (card["dangling_superseded_by"].severity, card["dangling_superseded_by"].examples) == ("critical", (ids[0],))
    assert card.severity == "critical"


def test_a_scorecard_is_json(store: NuggetStore) -> None:
    _fill(store)
    said = json.loads(json.dumps(examine(store, at=AT).to_dict()))

    assert said["n_nuggets"] == 9
    assert {check["name"] for check in said["checks"]} >= {"drift", "contested_keys"}
    assert said["checks"][0]["low"] < said["checks"][0]["value"] < said["checks"][0]["high"]
