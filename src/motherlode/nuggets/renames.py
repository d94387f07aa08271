"""Names that became others: a question with one of them finds facts under the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from motherlode.core.sql import Session
from motherlode.nuggets.full_text import any_of, matching
from motherlode.nuggets.reading import ANSWERING, Filter
from motherlode.nuggets.schema import Schema
from motherlode.nuggets.words import predicate_marker, tokens

__all__ = ["Renames"]

_MAX_PAIRS = 20_000
_MAX_STEPS = 8


@dataclass
class Renames:
    """All renames of a store, by the words of the names; few."""

    others: dict[tuple[str, ...], set[tuple[str, ...]]] = field(default_factory=dict)
    first_words: set[str] = field(default_factory=set)

    @classmethod
    def read(cls, session: Session, schema: Schema) -> Renames:
        """Read them: nuggets of predicates that rename, and of their inverses."""
        renaming = [predicate for predicate in schema.predicates if predicate.renaming]
        names = sorted({p.name for p in renaming} | {p.inverse for p in renaming if p.inverse is not None})
        found = cls()
        if not names:
            return found
        condition, values = Filter(states=ANSWERING, predicates=tuple(names)).sql()
        rows = (
            session.execute(  # by the predicates' markers: after each write, and of a million nuggets few are renames
                f"SELECT v.subject, v.object {matching(session.dialect)} AND {condition} LIMIT {_MAX_PAIRS}",
                [any_of([predicate_marker(name) for name in names], session.dialect), *values],
            )
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
