"""What a store's words lead to: renamed names, and predicates that a word of a question may mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from motherlode.core.sql import Session
from motherlode.nuggets.renames import Renames
from motherlode.nuggets.schema import Schema
from motherlode.nuggets.words import predicate_marker, predicate_tokens

__all__ = ["Vocabulary"]


@dataclass
class Vocabulary:
    """Read once for a state of the store: its predicates by the words people use for them, its renames.

    n_versions, schema: of which state. markers: from a word to the markers of the predicates that it may mean
    """

    n_versions: int
    schema: Schema
    renames: Renames
    markers: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def read(cls, session: Session, schema: Schema, n_versions: int) -> Vocabulary:
        """Of the store as a snapshot shows it."""
        found = cls(n_versions, schema, Renames.read(session, schema))
        for (name,) in session.execute("SELECT name FROM nugget_predicates ORDER BY name"):
            for word in predicate_tokens(schema.find(name)):
                found.markers.setdefault(word, []).append(predicate_marker(name))
        return found

    def groups(self, words: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Each word of a question with all words of the full text that stand for it."""
        return {word: (word, *self.markers.get(word, ())) for word in words}
