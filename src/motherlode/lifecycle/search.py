"""One search over all components: names first, then words, then what is spelled nearly so."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from motherlode.errors import InputError
from motherlode.lifecycle.full_text import match_expression, matching, words_of
from motherlode.lifecycle.reading import ComponentRow
from motherlode.lifecycle.relations import ENTITY_TYPES
from motherlode.lifecycle.walking import Walk, walking

if TYPE_CHECKING:
    from motherlode.lifecycle.view import GraphView

__all__ = ["Found", "search"]

_CANDIDATES = 1000
_FUZZY_CANDIDATES = 3000
_ALIKE = 0.75  # of two spellings, after difflib
_COLUMNS = "c.id, c.uri, c.type, c.platform, c.name"


@dataclass(frozen=True, slots=True)
class Found:
    """One component. score: larger is better, within one search; described: whether any provider says what it is."""

    uri: str
    type: str
    domain: str
    name: str
    description: str
    owners: tuple[str, ...]
    tags: tuple[str, ...]
    score: float
    described: bool


def search(
    view: GraphView,
    text: str,
    *,
    types: Collection[str] = (),
    owner: str | None = None,
    tag: str | None = None,
    limit: int = 20,
) -> list[Found]:
    """Components whose name, address, attributes, owners or tags have all of the words, best first.

    An exact name comes first, then names that begin with the text, then words; the last word may be unfinished. Where
    nothing has all of the words, some do; where none does, names that are spelled nearly so. A text without letters or
    digits, or an empty one, finds everything that the filters let through, by name.

    types, owner, tag: only components of these types, with an owner or tag of this name (in any case). Raises
    InputError for limit < 1.
    """
    if limit < 1:
        raise InputError(f"limit={limit}: give 1 or more")
    words = words_of(text)
    with walking(view) as walk:
        found = _candidates(walk, text.strip(), words, types)
        chosen = _filtered(walk, found, owner, tag)
        ranked = sorted(chosen, key=lambda row: (-found[row.id][1], row.type, row.name, row.uri))[:limit]
        return _shown(walk, ranked, {number: score for number, (_, score) in found.items()})


def _candidates(
    walk: Walk, text: str, words: list[str], types: Collection[str]
) -> dict[int, tuple[ComponentRow, float]]:
    session = walk.reading.session
    of_type = f" AND c.type IN ({', '.join('?' * len(types))})" if types else ""
    found: dict[int, tuple[ComponentRow, float]] = {}

    def add(rows: list[tuple[object, ...]], base: float) -> None:
        for row in rows:
            component = ComponentRow(*row)  # type: ignore[arg-type]
            if component.id < walk.snapshot.n_components and component.id not in found:
                found[component.id] = (component, base + _closeness(component, text, words))

    if not words:
        rows = session.execute(
            f"SELECT {_COLUMNS} FROM lifecycle_components c WHERE 1 = 1{of_type} ORDER BY c.name, c.id "
            f"LIMIT {_CANDIDATES}",
            tuple(types),
        )
        add(rows, 0)
        return found
    add(session.execute(f"SELECT {_COLUMNS} FROM lifecycle_components c WHERE c.folded = ?{of_type}",
                        (text.casefold(), *types)), 10)  # fmt: skip
    for any_word, base in ((False, 5.0), (True, 1.0)):
        if any_word and found:
            break
        add(
            session.execute(
                f"SELECT {_COLUMNS} {matching(session.dialect)}{of_type} ORDER BY length(c.name), c.id "
                f"LIMIT {_CANDIDATES}",
                (match_expression(words, session.dialect, any_word=any_word), *types),
            ),
            base,
        )
    if not found:
        add(_nearly(walk, words, of_type, types), 0)
    return found


def _nearly(walk: Walk, words: list[str], of_type: str, types: Collection[str]) -> list[tuple[object, ...]]:
    """Components with a word that begins as one of these does and is spelled nearly so."""
    session = walk.reading.session
    stems = [word[:2] for word in words if len(word) >= 3]
    if not stems:
        return []
    rows = session.execute(
        f"SELECT {_COLUMNS} {matching(session.dialect)}{of_type} ORDER BY c.id LIMIT {_FUZZY_CANDIDATES}",
        (match_expression(stems, session.dialect, any_word=True), *types),
    )
    return [
        row
        for row in rows
        if any(SequenceMatcher(None, word, other).ratio() >= _ALIKE for word in words for other in words_of(row[4]))
    ]


def _closeness(row: ComponentRow, text: str, words: list[str]) -> float:
    """0 … 5: how much of the name the text is."""
    if row.name == text:
        return 5.0
    folded, wanted = row.name.casefold(), text.casefold()
    if folded == wanted:
        return 4.0
    share = len(set(words) & set(words_of(row.name))) / max(1, len(set(words_of(row.name)) | set(words)))
    return (2.0 if wanted and folded.startswith(wanted) else 0.0) + share


def _filtered(
    walk: Walk, found: dict[int, tuple[ComponentRow, float]], owner: str | None, tag: str | None
) -> list[ComponentRow]:
    chosen = [row for row, _ in found.values()]
    for wanted, relation in ((owner, "owned_by"), (tag, "tagged")):
        if wanted is not None:
            labels = walk.reading.labels([row.id for row in chosen], relation)
            chosen = [
                row
                for row in chosen
                if any(label.name.casefold() == wanted.casefold() for label in labels.get(row.id, ()))
            ]
    return chosen


def _shown(walk: Walk, rows: list[ComponentRow], scores: dict[int, float]) -> list[Found]:
    ids = [row.id for row in rows]
    attributes = walk.reading.attributes(ids)
    owners, tags = walk.reading.labels(ids, "owned_by"), walk.reading.labels(ids, "tagged")
    described = walk.reading.described(ids)
    return [
        Found(
            row.uri,
            row.type,
            ENTITY_TYPES.get(row.type, "Other"),
            row.name,
            str(attributes.get(row.id, {}).get("description") or ""),
            tuple(owner.name for owner in owners.get(row.id, ())),
            tuple(tag.name for tag in tags.get(row.id, ())),
            round(scores[row.id], 4),
            row.id in described,
        )
        for row in rows
    ]
