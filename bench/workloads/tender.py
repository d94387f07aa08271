"""Currencies by territory from three editions of CLDR, which disagree: Croatia and Bulgaria took the euro in between.

python bench/workloads/tender.py   remakes examples/data/legal-tender from the packages
"""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.workloads.packages import member, plain_pickle
from motherlode.nuggets.record import Claim

__all__ = ["DOCUMENT", "EDITIONS", "PREDICATE", "Row", "claims", "oracle", "rows", "territories"]

EDITIONS = ("babel-2.9.1", "babel-2.18.0", "cldr-core-48.2.0")
"""In the order of their release."""
DOCUMENT = "CLDR currency data"
PREDICATE = "legal tender"
EXAMPLES = ("AL", "BG", "CH", "DE", "EE", "FR", "GB", "HR", "LT", "LV", "SI", "SK")


class Row(NamedTuple):
    """A currency of a territory; its first day is None where it is not known, ``to_inclusive`` where it goes on."""

    territory: str
    currency: str
    first_day: date | None
    to_inclusive: date | None
    tender: bool

    def holds(self, day: date) -> bool:
        return (self.first_day is None or self.first_day <= day) and (
            self.to_inclusive is None or day <= self.to_inclusive
        )


@cache
def rows(edition: str) -> tuple[Row, ...]:
    """All rows of an edition, by territory, first day and currency."""
    package, _, version = edition.rpartition("-")
    found = _babel(version) if package == "babel" else _cldr(version)
    return tuple(sorted(found, key=lambda row: (row.territory, row.first_day or date.min, row.currency)))


def _babel(version: str) -> Iterator[Row]:
    currencies = plain_pickle(member("babel", version, "babel/global.dat"))["territory_currencies"]
    for territory, listed in currencies.items():
        for currency, first, last, tender in listed:
            yield Row(territory, currency, first and date(*first), last and date(*last), tender)


def _cldr(version: str) -> Iterator[Row]:
    path = "package/supplemental/currencyData.json"
    data = json.loads(member("cldr-core", version, path, registry="npm"))
    for territory, listed in data["supplemental"]["currencyData"]["region"].items():
        for one in listed:
            for currency, about in one.items():
                first, last = (about.get(name) and date.fromisoformat(about[name]) for name in ("_from", "_to"))
                yield Row(territory, currency, first, last, about.get("_tender") != "false")


def claims(edition: str) -> list[Claim]:
    """What the edition, as one version of one document, claims; ``valid_to`` is the day after the last."""
    return [
        Claim(
            row.territory,
            PREDICATE,
            row.currency,
            row.first_day,
            None if row.to_inclusive is None else row.to_inclusive + timedelta(days=1),
            source=DOCUMENT,
            version=EDITIONS.index(edition) + 1,
            text=f"{row.currency} is legal tender in {row.territory}.",
        )
        for row in rows(edition)
        if row.tender
    ]


def oracle(edition: str, territory: str, day: date) -> set[str]:
    """The legal tender of a territory on a day, as the edition has it."""
    return {row.currency for row in rows(edition) if row.territory == territory and row.tender and row.holds(day)}


def territories(edition: str) -> list[str]:
    """Those with a dated legal tender."""
    return sorted({claim.subject for claim in claims(edition)})


def write_examples(folder: Path) -> None:
    """A dozen territories of each edition as CSV, with the licence of the data beside them."""
    folder.mkdir(parents=True, exist_ok=True)
    for edition in EDITIONS:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("territory", "currency", "from", "to_inclusive", "tender"))
        for row in rows(edition):
            if row.territory in EXAMPLES:
                days = ["" if day is None else day.isoformat() for day in (row.first_day, row.to_inclusive)]
                writer.writerow((row.territory, row.currency, *days, "yes" if row.tender else "no"))
        (folder / f"{edition}.csv").write_text(text.getvalue(), encoding="utf-8")
    licence = member("babel", "2.18.0", "babel/locale-data/LICENSE.unicode")
    (folder / "LICENSE.unicode").write_bytes(licence)


if __name__ == "__main__":
    write_examples(Path(__file__).resolve().parents[2] / "examples" / "data" / "legal-tender")
