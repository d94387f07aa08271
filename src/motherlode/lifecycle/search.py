"""One search over all components: names first, then words, then what is spelled nearly so."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from motherlode.core.sql import in_batches, places
from motherlode.errors import InputError
from motherlode.lifecycle.components import fold
from motherlode.lifecycle.full_text import any_of, matching, of_kinds, spellings, with_all, words_of
from motherlode.lifecycle.glance import glance, holding
from motherlode.lifecycle.reading import ComponentRow, Reading
from motherlode.lifecycle.relations import ENTITY_TYPES, RELATIONS
from motherlode.lifecycle.targets import ends_in, types_of

if TYPE_CHECKING:
    from motherlode.lifecycle.view import GraphView

__all__ = ["Found", "search"]

_MATCHES = 5000  # of one expression that are looked at for the closest names
_CANDIDATES = 200
_MOST_WORDS = 32
_MOST_SPELLED = 4
_ALIKE = 0.75  # of two spellings, after difflib
_COLUMNS = "c.id, c.uri, c.type, c.platform, c.name"

# What a way of being found is worth; the closeness of the name adds 0 … 5.
_NAME, _ENDING, _NAME_WORDS, _WORDS, _SPELLED, _SOME = 10.0, 9.0, 6.0, 4.0, 2.0, 1.0


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

    An exact name comes first, then the end of a path, then names with all of the words, then what has them elsewhere;
    each word may be unfinished. Where nothing has all of the words, what has them spelled nearly so; then what has
    some of them. A text without letters or digits, or an empty one, finds everything that the filters let through, by
    name. Only the first 32 words count. What is not there at the view's moment, neither described nor referred to, is
    not found; words are those of now.

    types, owner, tag: only components of these types, with an owner or tag of this name (in any case). Raises
    InputError for limit < 1 and for an unknown type. Of a word that more than 5,000 components have, some 5,000 are
    looked at for the closest names; exact names are always found.
    """
    if limit < 1:
        raise InputError(f"limit={limit}: give 1 or more")
    with glance(view) as reading:
        asked = _Question(reading, text, types_of(reading.session, types), owner, tag, limit)
        ranked = sorted(
            asked.candidates().values(), key=lambda pair: (-pair[1], pair[0].type, pair[0].name, pair[0].uri)
        )
        shown = asked.first_holding([row for row, _ in ranked])
        return _shown(reading, shown, {row.id: score for row, score in ranked})


class _Question:
    """One search's words and filters."""

    def __init__(
        self, reading: Reading, text: str, types: tuple[str, ...], owner: str | None, tag: str | None, limit: int
    ) -> None:
        self.reading, self.session, self.text = reading, reading.session, text.strip()
        self.words = list(dict.fromkeys(words_of(self.text)))[:_MOST_WORDS]
        self.types, self.limit = types, limit
        self.where, self.values = self._filters(owner, tag)
        self.found: dict[int, tuple[ComponentRow, float]] = {}

    def _filters(self, owner: str | None, tag: str | None) -> tuple[str, tuple[str, ...]]:
        """Conditions on components ``c`` and their values."""
        where, values = "", []
        if self.types:
            where, values = f" AND c.type || '' IN ({places(self.types)})", [*self.types]
        for wanted, relation in ((owner, "owned_by"), (tag, "tagged")):
            if wanted is not None:
                # The plus keeps SQLite from asking the full text once for each of the owner's components.
                where += (
                    " AND +c.id IN (SELECT e.source FROM lifecycle_edges e JOIN lifecycle_components o "
                    f"ON o.id = e.target WHERE o.folded = ? AND e.relation = {RELATIONS[relation].code} "
                    f"AND {self.reading.moment.where('e')})"
                )
                values.append(fold(wanted.strip()))
        return where, tuple(values)

    def candidates(self) -> dict[int, tuple[ComponentRow, float]]:
        """Components by id, with their scores."""
        start, n = f"SELECT {_COLUMNS} FROM lifecycle_components c WHERE ", max(_CANDIDATES, 2 * self.limit)
        if self.text:
            of_name = f"{start}c.folded = ?{self.where} LIMIT {n}"
            self._add(self.session.execute(of_name, (fold(self.text), *self.values)), _NAME)
        if not self.words:
            # Here the components of an owner or of a type are the shortest way.
            where = self.where.replace("+c.id", "c.id").replace("c.type || ''", "c.type")
            listed = f"{start}{holding(self.reading.moment)}{where} ORDER BY c.folded, c.id LIMIT {n}"
            self._add(self.session.execute(listed, self.values), 0)
            return self.found
        self._endings(n)
        dialect = self.session.dialect
        for expression, base in (
            (with_all(self.words, dialect, in_names=True), _NAME_WORDS),
            (with_all(self.words, dialect), _WORDS),
        ):
            if len(self.found) < n:  # whatever is found by less would come after all of them
                self._match(expression, base)
        if not self.found:
            groups = [spellings(word) for word in self.words[:_MOST_SPELLED]]
            self._match(any_of(groups, dialect, longer=False), _SPELLED)
        if not self.found:
            self._match(any_of([self.words], dialect), _SOME)
        if not self.found:
            self._nearly()
        return self.found

    def _endings(self, n: int) -> None:
        rows = ends_in(self.session, self.text, self.types, n)
        chosen = {row.id for row in rows}
        if self.values:
            for batch in in_batches(sorted(chosen)):
                kept = self.session.execute(
                    f"SELECT c.id FROM lifecycle_components c WHERE c.id IN ({places(batch)}){self.where}",
                    [*batch, *self.values],
                )
                chosen -= set(batch) - {number for (number,) in kept}
        self._add([(row.id, row.uri, row.type, row.platform, row.name) for row in rows if row.id in chosen], _ENDING)

    def _match(self, expression: str, base: float) -> None:
        dialect = self.session.dialect
        wanted = fold(self.text)
        inner = f"SELECT {_COLUMNS}, c.folded {matching(dialect)}{self.where} LIMIT {max(_MATCHES, self.limit)}"
        sql = (
            f"SELECT {_COLUMNS} FROM ({inner}) c ORDER BY CASE WHEN substr(c.folded, 1, {len(wanted)}) = ? THEN 0 "
            f"ELSE 1 END, length(c.name), c.id LIMIT {max(_CANDIDATES, 2 * self.limit)}"
        )
        values = (of_kinds(expression, self.types, dialect), *self.values, wanted)
        self._add(self.session.execute(sql, values), base)

    def _nearly(self) -> None:
        """Components with a word that begins as one of these does and is spelled nearly so."""
        stems = [word[:2] for word in self.words if len(word) >= 3]
        if not stems:
            return
        dialect = self.session.dialect
        expression = of_kinds(any_of([stems], dialect, in_names=True), self.types, dialect)
        rows = self.session.execute(
            f"SELECT {_COLUMNS} {matching(dialect)}{self.where} LIMIT {_MATCHES}", (expression, *self.values)
        )
        known: dict[str, bool] = {}
        chosen = []
        for row in rows:
            words = words_of(row[4])
            for other in (*words, "".join(words)):
                if other not in known:
                    known[other] = any(_alike(word, other) for word in self.words)
                if known[other]:
                    chosen.append(row)
                    break
        self._add(chosen, 0)

    def _add(self, rows: Iterable[tuple[object, ...]], base: float) -> None:
        for row in rows:
            component = ComponentRow(*row)  # type: ignore[arg-type]
            if component.id not in self.found:
                self.found[component.id] = (component, base + self._closeness(component))

    def _closeness(self, row: ComponentRow) -> float:
        """0 … 5: how much of the name the text is."""
        if row.name == self.text:
            return 5.0
        folded, wanted = row.name.casefold(), self.text.casefold()
        if folded == wanted:
            return 4.0
        its, mine = set(words_of(row.name)), set(self.words)
        share = len(its & mine) / max(1, len(its | mine))
        if not share and mine:
            share = SequenceMatcher(None, wanted, folded).ratio() / 2
        return (2.0 if wanted and folded.startswith(wanted) else 0.0) + share

    def first_holding(self, rows: list[ComponentRow]) -> list[ComponentRow]:
        """The first of them that are there at the moment."""
        chosen: list[ComponentRow] = []
        for batch in in_batches(rows, min(500, max(100, self.limit))):
            ids = [row.id for row in batch]
            kept = self.session.execute(
                f"SELECT c.id FROM lifecycle_components c WHERE c.id IN ({places(ids)}) "
                f"AND {holding(self.reading.moment)}",
                ids,
            )
            there = {number for (number,) in kept}
            chosen += [row for row in batch if row.id in there]
            if len(chosen) >= self.limit:
                break
        return chosen[: self.limit]


def _alike(word: str, other: str) -> bool:
    matcher = SequenceMatcher(None, word, other)
    return matcher.real_quick_ratio() >= _ALIKE and matcher.quick_ratio() >= _ALIKE and matcher.ratio() >= _ALIKE


def _shown(reading: Reading, rows: list[ComponentRow], scores: dict[int, float]) -> list[Found]:
    ids = [row.id for row in rows]
    attributes = reading.attributes(ids)
    owners, tags = reading.labels(ids, "owned_by"), reading.labels(ids, "tagged")
    described = reading.described(ids)
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
