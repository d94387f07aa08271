"""The small tables of currencies that the examples read: three editions that disagree where the world moved on."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "data" / "legal-tender"
EDITIONS = ("babel-2.9.1", "babel-2.18.0", "cldr-core-48.2.0")


def rows(edition: str) -> list[dict[str, str]]:
    with open(FOLDER / f"{edition}.csv", encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize("edition", EDITIONS)
def test_a_table_is_small_whole_and_dated(edition: str) -> None:
    assert (FOLDER / f"{edition}.csv").stat().st_size <= 10_240
    found = rows(edition)
    assert set(found[0]) == {"territory", "currency", "from", "to_inclusive", "tender"}
    assert {"AL", "BG", "DE", "EE", "HR", "LT"} <= {row["territory"] for row in found}
    assert len({row["territory"] for row in found}) == 12
    for row in found:
        first, last = (None if row[name] == "" else date.fromisoformat(row[name]) for name in ("from", "to_inclusive"))
        assert first is None or last is None or first <= last
        assert row["tender"] in ("yes", "no")


def test_the_editions_disagree_on_croatia_and_bulgaria() -> None:
    last = [
        {
            row["territory"]: row["currency"]
            for row in rows(edition)
            if row["to_inclusive"] == "" and row["tender"] == "yes"
        }
        for edition in EDITIONS
    ]
    assert [(one["HR"], one["BG"]) for one in last] == [("HRK", "BGN"), ("EUR", "BGN"), ("EUR", "EUR")]


def test_the_licence_lies_beside_the_tables() -> None:
    assert (FOLDER / "LICENSE.unicode").read_text("utf-8").startswith("UNICODE LICENSE V3")
