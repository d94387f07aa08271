"""A small store that the doors into frameworks are tested with, and passages for it."""

from __future__ import annotations

from pathlib import Path

from motherlode import open_nuggets
from motherlode.nuggets.record import Claim
from motherlode.nuggets.store import NuggetStore

OLD = "Steve Jobs is CEO of Apple."
NEW = "Tim Cook is CEO of Apple."
DISPUTED = "Ann Lee is CEO of Globex."
RAIN = "It rains."
MARKED = f"[DISPUTED] (others say: Globex — chief executive officer: Bob Ray (since 2015)) {DISPUTED}"
JOBS_LINE = "Apple — chief executive officer: Steve Jobs (from 1997-09-16 until 2011-08-24)"


def make_store(path: Path | str = ":memory:") -> NuggetStore:
    """Jobs, then Cook; Ann or Bob."""
    store = open_nuggets(path)
    store.assert_claims(
        [
            Claim("Apple", "ceo", "Steve Jobs", valid_from="1997-09-16", source="biography"),
            Claim("Apple", "ceo", "Tim Cook", valid_from="2011-08-24", source="news"),
            Claim("Globex", "ceo", "Ann Lee", valid_from="2015", source="wire"),
            Claim("Globex", "ceo", "Bob Ray", valid_from="2015", source="blog"),
        ]
    )
    return store
