"""What was the money of a country on a day, and what was known of it when: three editions of a source, two time axes.

The tables beside this script are legal tender of some countries from three releases of CLDR that disagree (their
licence is beside them).
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import motherlode
from motherlode import Claim, Document

TABLES = Path(__file__).parent / "data" / "legal-tender"
EDITIONS = {  # each release, and the day on which this store reads it
    "babel-2.9.1": datetime(2021, 4, 28, tzinfo=UTC),
    "babel-2.18.0": datetime(2025, 6, 1, tzinfo=UTC),
    "cldr-core-48.2.0": datetime(2026, 3, 1, tzinfo=UTC),
}
COUNTRIES = {"HR": "Croatia", "BG": "Bulgaria", "DE": "Germany", "EE": "Estonia", "LT": "Lithuania", "AL": "Albania"}


def claims(edition: str) -> Iterator[Claim]:
    """The rows of an edition; its last day is inclusive, an interval's end is not."""
    with (TABLES / f"{edition}.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["tender"] == "yes" and row["territory"] in COUNTRIES:
                last = row["to_inclusive"]
                yield Claim(
                    COUNTRIES[row["territory"]],
                    "currency",
                    row["currency"],
                    valid_from=row["from"] or None,
                    valid_to=date.fromisoformat(last) + timedelta(days=1) if last else None,
                    source="cldr",
                )


def main() -> None:
    where = sys.argv[1] if len(sys.argv) > 1 else ":memory:"
    today = {"is": datetime.now(UTC)}  # a clock that can be set; without one, the store reads the machine's
    with motherlode.open_nuggets(where, clock=lambda: today["is"]) as store:
        for number, (edition, day_of_reading) in enumerate(EDITIONS.items(), start=1):
            today["is"] = day_of_reading
            # A version of a document: what the next one no longer says is retracted.
            store.ingest(Document("cldr", version=number, title=edition), claims=claims(edition))
        for country, day in (("Croatia", "2022-06-01"), ("Croatia", "2024-06-01"), ("Bulgaria", "2026-06-01")):
            for known in ("2022-01-01", "2025-07-01", "2026-07-01"):
                hits = store.ask(f"What is the currency of {country}?", valid_at=day, known_at=known, k=3)
                found = [hit.nugget.object for hit in hits if hit.nugget.subject == country]
                print(f"{country} on {day}, as known on {known}: {', '.join(found)}")
        for nugget in store.history("Germany", "currency"):
            print(nugget.object, nugget.interval)


if __name__ == "__main__":
    main()
