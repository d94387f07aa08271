"""What a language model is handed: answers as lines with citations, disputes with both sides, within a budget."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from motherlode.errors import InputError
from motherlode.nuggets.hits import Evidence, Nugget, NuggetHit
from motherlode.nuggets.passages import Passage
from motherlode.nuggets.token_count import count_tokens
from motherlode.nuggets.wording import nugget_line

__all__ = ["STYLES", "Citation", "Context", "build_context", "hit_passage"]

STYLES = ("lines", "sources")
_MAX_CITATIONS = 3  # of one fact; more prove it, but cost tokens
_DISPUTED = "Disputed, sources disagree:"
_SOURCES = "Sources:"


@dataclass(frozen=True, slots=True)
class Citation:
    """What [n] stands for. span: begin and end in the document's text, in characters. text: the sentence there."""

    n: int
    source: str
    version: str | None
    span: tuple[int, int] | None
    published_at: str | None
    text: str | None

    def __str__(self) -> str:
        version = "" if self.version is None else f", version {self.version}"
        span = "" if self.span is None else f", characters {self.span[0]}–{self.span[1]}"
        return f"[{self.n}] {self.source}{version}{span}"

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True, slots=True)
class Context:
    """Text for a prompt; ``str(context)`` is the text.

    citations: in the order of their numbers. nuggets: ids of the facts in the text, rivals too
    n_left_out: hits that the budget had no room for
    """

    text: str
    citations: tuple[Citation, ...]
    nuggets: tuple[str, ...]
    n_tokens: int
    max_tokens: int
    n_left_out: int

    def __str__(self) -> str:
        return self.text

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "text": self.text,
            "citations": [citation.to_dict() for citation in self.citations],
            "nuggets": list(self.nuggets),
            "n_tokens": self.n_tokens,
            "max_tokens": self.max_tokens,
            "n_left_out": self.n_left_out,
        }


def build_context(
    hits: Iterable[NuggetHit],
    *,
    max_tokens: int = 1000,
    count_tokens: Callable[[str], int] = count_tokens,
    style: str = "lines",
) -> Context:
    """Answers as text: one line for each fact, best first, with the numbers of its sources.

    hits: of `ask`. A fact that is contested at the asked time goes into a block with those that contradict it
    max_tokens: the text never has more. A line or block that does not fit is left out, and smaller ones after it may
        still fit; ``n_left_out`` counts the hits that are missing
    count_tokens: of the model that reads it; by default `token_count.count_tokens`, an estimate without a vocabulary
    style: 'lines', or 'sources' with a list of the sources below, which counts in the budget

    No hits give an empty text. Errors: InputError for max_tokens < 1 or another style.
    """
    if max_tokens < 1:
        raise InputError(f"max_tokens is the budget in tokens, 1 or more, not {max_tokens}")
    if style not in STYLES:
        raise InputError(f"the style of a context is one of {', '.join(STYLES)}, not {style!r}")
    units = _units(list(hits))
    page = _Page((), style)
    left_out = 0
    for unit in units:
        longer = _Page((*page.units, unit), style)
        if count_tokens(longer.text) <= max_tokens:
            page = longer
        else:
            left_out += unit.n_hits
    return Context(
        page.text,
        tuple(page.citations),
        tuple(fact.nugget.nugget_id for unit in page.units for fact in unit.facts),
        count_tokens(page.text) if page.text else 0,
        max_tokens,
        left_out,
    )


def hit_passage(hit: NuggetHit) -> Passage:
    """An answer as a passage for somebody else's reader: its line, and who disputes it; all else as metadata."""
    rivals = () if hit.conflict is None else hit.conflict.rivals
    dispute = "".join(f"; disputed, others say: {nugget_line(rival)}" for rival in rivals)
    source = hit.evidence[0].source if hit.evidence else None
    metadata = {"source": source, "score": hit.score, **hit.to_dict()}
    return Passage(nugget_line(hit.nugget) + dispute, hit.nugget.nugget_id, metadata=metadata)


@dataclass(frozen=True, slots=True)
class _Fact:
    nugget: Nugget
    certainty: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class _Unit:
    """One fact, or several that contradict each other: in the text together, or not at all."""

    facts: tuple[_Fact, ...]
    n_hits: int

    @property
    def is_disputed(self) -> bool:
        return len(self.facts) > 1


def _units(hits: Sequence[NuggetHit]) -> list[_Unit]:
    """In the order of the hits; a dispute stands where its first hit does."""
    by_id: dict[str, NuggetHit] = {}
    for hit in hits:
        by_id.setdefault(hit.nugget.nugget_id, hit)
    done: set[str] = set()
    units = []
    for hit in by_id.values():
        if hit.nugget.nugget_id in done:
            continue
        facts: list[_Fact] = []
        waiting = [hit.nugget]
        n_hits = 0
        while waiting:
            nugget = waiting.pop(0)
            if nugget.nugget_id in done:
                continue
            done.add(nugget.nugget_id)
            own = by_id.get(nugget.nugget_id)
            n_hits += own is not None
            facts.append(
                _Fact(nugget, "unknown", ()) if own is None else _Fact(nugget, own.certainty, tuple(own.evidence))
            )
            if own is not None and own.conflict is not None:
                waiting += own.conflict.rivals
        units.append(_Unit(tuple(facts), n_hits))
    return units


class _Page:
    """The text of some units, and its citations in the order in which they are met."""

    def __init__(self, units: tuple[_Unit, ...], style: str) -> None:
        self.units = units
        self.citations: list[Citation] = []
        self._numbers: dict[tuple[Any, ...], int] = {}
        lines = []
        for unit in units:
            if unit.is_disputed:
                lines.append(_DISPUTED)
                lines += [f"- {self._line(fact)}" for fact in unit.facts]
            else:
                lines.append(self._line(unit.facts[0]))
        if style == "sources" and self.citations:
            lines += [_SOURCES, *map(str, self.citations)]
        self.text = "\n".join(lines)

    def _line(self, fact: _Fact) -> str:
        line = nugget_line(fact.nugget)
        if fact.certainty == "possible":
            line = f"{line[:-1]}; perhaps not at the asked time)"
        numbers = [self._cited(evidence) for evidence in _best(fact.evidence)]
        return " ".join([line, *(f"[{n}]" for n in dict.fromkeys(numbers))])

    def _cited(self, evidence: Evidence) -> int:
        key = (evidence.source, evidence.version, evidence.span)
        if key not in self._numbers:
            n = self._numbers[key] = len(self.citations) + 1
            self.citations.append(Citation(n, *key, evidence.published_at, evidence.text))
        return self._numbers[key]


def _best(evidence: Sequence[Evidence]) -> list[Evidence]:
    """What to cite: claims that say it, of as many publishers as can be."""
    stated = [one for one in evidence if not one.negated] or list(evidence)
    firsts = {one.publisher: one for one in reversed(stated)}
    ordered = sorted(stated, key=lambda one: firsts[one.publisher] is not one)
    return ordered[:_MAX_CITATIONS]
