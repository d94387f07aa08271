"""How facts are worded for people; for the edges, which do not know the store's insides."""

from __future__ import annotations

from motherlode.nuggets.schema import predicate_words

__all__ = ["words_of_predicate"]


def words_of_predicate(name: str) -> str:
    """'chiefExecutiveOfficer' → 'chief executive officer'."""
    return predicate_words(name)
