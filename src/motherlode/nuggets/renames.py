"""Names that became others: a question with one of them finds facts under the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from motherlode.core.sql import Session
from motherlode.core.time import EVER
from motherlode.nuggets.claim_rows import places
from motherlode.nuggets.reading import ANSWERING
from motherlode.nuggets.schema import Schema
from motherlode.nuggets.words import tokens

__all__ = ["Renames"]

_MAX_PAIRS = 20_000
_MAX_STEPS = 8


@dataclass
class Renames:
    """All renames of a store, by the words of the names; few, and read again when the store has new versions."""

    n_versions: int
    others: dict[tuple[str, ...], set[tuple[str, ...]]] = field(default_factory=dict)
    first_words: set[str] = field(default_factory=set)

    @classmethod
    def read(cls, session: Session, schema: Schema, n_versions: int) -> Renames:
        """Read them: nuggets of predicates that rename, and of their inverses."""
        renaming = [predicate for predicate in schema.predicates if predicate.renaming]
        names = sorted({p.name for p in renaming} | {p.inverse for p in renaming if p.inverse is not None})
        found = cls(n_versions)
        if not names or n_versions == 0:
            return found
        rows = session.execute(
            f"SELECT subject, object FROM nugget_versions WHERE predicate IN ({places(names)}) "
            f"AND recorded_to = {EVER} AND state IN ({places(ANSWERING)}) LIMIT {_MAX_PAIRS}",
            [*names, *ANSWERING],
        )
        for subject, name in rows:
            one, other = tokens(subject), tokens(name)
            if one and other and one != other:
                found.others.setdefault(one, set()).add(other)
                found.others.setdefault(other, set()).add(one)
                found.first_words |= {one[0], other[0]}
        return found

    def other_words(self, words: Sequence[str]) -> list[tuple[str, ...]]:
        """The words of a question with each name in it replaced by each name that it was or became."""
        found = []
        for at, word in enumerate(words):
            if word not in self.first_words:
                continue
            for length in range(1, len(words) - at + 1):
                name = tuple(words[at : at + length])
                found += [(*words[:at], *other, *words[at + length :]) for other in self._connected(name)]
        return found

    def _connected(self, name: tuple[str, ...]) -> list[tuple[str, ...]]:
        """Names at any distance, nearest first; a circle of renames ends."""
        seen, edge = {name}, [name]
        reached: list[tuple[str, ...]] = []
        for _ in range(_MAX_STEPS):
            edge = [other for one in edge for other in sorted(self.others.get(one, ())) if other not in seen]
            if not edge:
                break
            seen.update(edge)
            reached += edge
        return list(dict.fromkeys(reached))
