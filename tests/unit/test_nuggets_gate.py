"""Which claims pass the gate, which wait for a person, which are refused and why."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from motherlode.core.time import parse_partial_date
from motherlode.errors import InputError
from motherlode.nuggets.gate import Gate
from motherlode.nuggets.record import Claim


def claim(**fields: Any) -> Claim:
    whole: dict[str, Any] = {"subject": "Apple", "predicate": "ceo", "object": "Tim Cook", "confidence": 0.9}
    return Claim(**whole | fields)


def test_confidence_decides_between_taken_review_and_refused_at_the_published_thresholds() -> None:
    claims = [claim(confidence=value) for value in (1.0, 0.85, 0.8499, 0.6, 0.5999, 0.0)]
    result = Gate().sort(claims)
    assert [c.confidence for c in result.accepted] == [1.0, 0.85]
    assert [c.confidence for c in result.for_review] == [0.8499, 0.6]
    assert [(c.confidence, why) for c, why in result.rejected] == [
        (0.5999, "confidence 0.5999 is below 0.6"),
        (0.0, "confidence 0 is below 0.6"),
    ]


def test_a_claim_without_a_confidence_goes_where_the_gate_says() -> None:
    silent = [claim(confidence=None)]
    assert Gate().sort(silent).for_review == silent
    assert Gate(unstated="accept").sort(silent).accepted == silent
    assert Gate(unstated="reject").sort(silent).rejected == [(silent[0], "no confidence is stated")]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"object": "him"}, "pronoun"),
        ({"object": "The latter"}, "pronoun"),
        ({"subject": "She"}, "subject 'She' is a pronoun"),
        ({"subject": "the others"}, "pronoun"),
        ({"object": "…"}, "no letter and no digit"),
        ({"object": "APPLE, Inc."}, "the object is the subject"),
        ({"object": "He resigned. Nobody knows why"}, "more than one sentence"),
        ({"object": "他辞职了。没人知道为什么"}, "more than one sentence"),
        ({"object": "x" * 201}, "201 characters"),
        ({"valid_from": "2201"}, "valid_from 2201 is outside the years 1 to 2200"),
        ({"valid_to": "9999-12-31"}, "valid_to 9999-12-31 is outside"),
        ({"object": date(2999, 1, 1)}, "the object 2999-01-01 is outside"),
        ({"object": parse_partial_date("2999")}, "the object 2999 is outside"),
        ({"object": "a man who left early? Nobody knows"}, "more than one sentence"),
    ],
)
def test_a_fault_is_refused_however_sure_the_extractor_is(fields: dict[str, Any], reason: str) -> None:
    ((_, why),) = Gate().sort([claim(confidence=1.0, **fields)]).rejected
    assert reason in why


@pytest.mark.parametrize(
    "fields",
    [
        {"object": "IT"},
        {"object": "US"},
        {"object": "J. R. R. Tolkien"},
        {"object": "Acme Inc. of Ohio"},
        {"object": "St. Louis"},
        {"object": "Yahoo! Japan"},
        {"object": "Capt. James Cook of H.M.S. Endeavour"},
        {"object": "No. 5 vs. Team B"},
        {"object": parse_partial_date("1990s")},
        {"object": "3.5"},
        {"object": 7},
        {"object": True},
        {"object": date(1976, 4, 1)},
        {"object": "C++"},
        {"subject": "The Who", "object": "Roger Daltrey"},
        {"subject": "It Follows", "object": "David Robert Mitchell"},
        {"valid_from": "0044", "valid_to": "2200"},
        {"valid_from": "../1990", "valid_to": "1995/.."},
    ],
)
def test_what_only_looks_like_a_fault_passes(fields: dict[str, Any]) -> None:
    assert Gate().fault(claim(**fields)) is None


def test_the_years_may_be_set() -> None:
    assert "1800 to 2030" in (Gate(earliest=1800, latest=2030).fault(claim(valid_from="1066")) or "")
    assert Gate(earliest=1800, latest=2030).fault(claim(valid_from="1800", valid_to="2030")) is None


@pytest.mark.parametrize("settings", [{"accept": 0.5}, {"review": -0.1}, {"accept": 1.1}, {"unstated": "maybe"}])
def test_a_gate_that_makes_no_sense_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        Gate(**settings)
