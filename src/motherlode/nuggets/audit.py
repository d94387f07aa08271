"""Audit of passages that somebody else's retriever found: what each states, and how that stands at the asked time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from motherlode.core.time import PartialDate, parse_partial_date, to_micros
from motherlode.errors import InputError
from motherlode.nuggets.access import StoreAccess
from motherlode.nuggets.extraction.question_time import question_time
from motherlode.nuggets.ledger import Ledger
from motherlode.nuggets.passages import Passage, as_passage
from motherlode.nuggets.reading import Moment, known_micros
from motherlode.nuggets.record import Extractor
from motherlode.nuggets.statements import Reader, ReadTexts, Statement
from motherlode.nuggets.values import normalize_name
from motherlode.nuggets.verdicts import (
    OUTDATED,
    VERDICTS,
    Contradiction,
    StatedFact,
    find_contradictions,
    judge,
)
from motherlode.nuggets.words import predicate_tokens, question_words, tokens

__all__ = ["AuditReport", "PassageAudit", "audit", "is_drop_worthy"]


@dataclass(frozen=True, slots=True)
class PassageAudit:
    """One passage's verdict and the facts that it rests on.

    verdict: contested where a fact that bears on the query is; superseded, deprecated or future where all dated ones
        that bear are outdated; current where one holds; unknown where nothing bears, or nothing of it is known
    facts: all that it states, those that do not bear on the query too
    """

    position: int
    id: str | None
    verdict: str
    facts: tuple[StatedFact, ...] = ()

    @property
    def bearing(self) -> tuple[StatedFact, ...]:
        """The facts that the query asks about; without a query, all."""
        return tuple(fact for fact in self.facts if fact.bears)

    @property
    def outdated(self) -> tuple[StatedFact, ...]:
        """Those of them that do not hold at the asked time."""
        return tuple(fact for fact in self.bearing if fact.verdict in OUTDATED)

    @property
    def contested(self) -> tuple[StatedFact, ...]:
        """Those of them that something contradicts then."""
        return tuple(fact for fact in self.bearing if fact.verdict == "contested")

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        facts = [fact.to_dict() for fact in self.facts]
        return {"position": self.position, "id": self.id, "verdict": self.verdict, "facts": facts}


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The audit of a batch, in the order of its passages.

    at: the asked time; known_at: what the store knew then, None is now
    contradictions: what the batch says against itself
    """

    at: str
    known_at: str | None
    query: str | None
    passages: tuple[PassageAudit, ...]
    contradictions: tuple[Contradiction, ...]

    @property
    def counts(self) -> dict[str, int]:
        """Passages by verdict; every verdict is there."""
        found = Counter(passage.verdict for passage in self.passages)
        return {verdict: found[verdict] for verdict in VERDICTS}

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "at": self.at,
            "known_at": self.known_at,
            "query": self.query,
            "counts": self.counts,
            "passages": [passage.to_dict() for passage in self.passages],
            "contradictions": [contradiction.to_dict() for contradiction in self.contradictions],
        }


def audit(
    store: StoreAccess,
    passages: Iterable[Any],
    query: str | None = None,
    at: Moment | None = None,
    known_at: Moment | None = None,
    extractor: Extractor | None = None,
    *,
    scopes: Sequence[str] = ("global",),
    cache: ReadTexts | None = None,
) -> AuditReport:
    """What passages state, and how each statement stands at the asked time.

    passages: texts, mappings, or objects with text (or page_content, content), id, published_at and metadata
    query: facts that it does not ask about are listed, but do not count in a passage's verdict
    at: the asked time; by default the query's own ("in 2005"), else now. known_at: what the store knew then
    extractor: reads claims in passages whose document the store does not know; without one, names are looked for:
        a fact is stated where the store's names of its subject and object are in the text, and a word of its predicate
        near the object and not denied there. The same text is read once; ``cache`` remembers others' too
    scopes: whose facts count

    Passages without text, of which nothing is known, and an empty batch are no error. Only the first 1,000 words of a
    passage are searched for names.
    Errors: InputError for a passage without text, for times without zone; what the extractor raises.
    Cost: a fixed number of statements for each passage, all by indexes: it grows with the passages, not the store.
    """
    if query is not None and not isinstance(query, str):
        raise InputError(f"a query is text, not {type(query).__name__}")
    listed = [as_passage(passage, i) for i, passage in enumerate(passages)]
    asked, words = _asked(store, query, at)
    memory = store.read_texts if cache is None else cache
    if extractor is not None:
        _extract_ahead(store, listed, extractor, memory)
    with store.reading() as session:
        ledger = store.ledger(session)
        reader = Reader(session, ledger, known_micros(known_at), tuple(scopes), extractor, memory)
        texts: dict[tuple[Any, ...], list[Statement]] = {}
        found: list[list[Statement]] = []
        for passage in listed:
            same = (passage.text, passage.sources, str(passage.published_at))
            if same not in texts:
                texts[same] = reader.statements(passage)
            found.append(texts[same])
        rivals = reader.rivals({statement.key for statements in found for statement in statements})
    judged = [
        (i, statement, judge(statement, rivals.get(statement.key, ()), ledger, asked.window))
        for i, statements in enumerate(found)
        for statement in statements
    ]
    contradictions, renewed = find_contradictions(judged, ledger, asked.window)
    facts: list[list[StatedFact]] = [[] for _ in listed]
    for i, statement, fact in judged:
        facts[i].append(renewed.get((i, statement.identity), fact))
    audits = [_passage_audit(i, passage, _bearing(facts[i], words, ledger)) for i, passage in enumerate(listed)]
    known = None if known_at is None else str(parse_partial_date(known_at))
    return AuditReport(str(asked), known, query, tuple(audits), tuple(contradictions))


def _asked(store: StoreAccess, query: str | None, at: Moment | None) -> tuple[PartialDate, list[str] | None]:
    """The asked time, and the words of the query but for those of time."""
    present = PartialDate.from_micros(to_micros(store.clock()))
    said = None if query is None or not query.strip() else question_time(query, present)
    stated = parse_partial_date(at) if at is not None else None if said is None else said.stated
    return stated or present, None if said is None else question_words(said.rest)


def _extract_ahead(store: StoreAccess, passages: Sequence[Passage], extractor: Extractor, memory: ReadTexts) -> None:
    """Read the claims of texts whose documents are not known, before a transaction is open: it may take its time."""
    with store.reading() as session:
        known = {
            source
            for source in {source for passage in passages for source in passage.sources}
            if session.one("SELECT 1 FROM nugget_documents WHERE source = ? LIMIT 1", (source,)) is not None
        }
    for passage in passages:
        if not known.intersection(passage.sources):
            memory.claims(extractor, passage.document)


def _bearing(facts: Sequence[StatedFact], words: Sequence[str] | None, ledger: Ledger) -> list[StatedFact]:
    """Facts with whether the query asks about them: by name and predicate; where none is, by name or predicate."""
    if words is None:
        return list(facts)
    asked = set(words)

    def strength(fact: StatedFact) -> int:
        names = [fact.object, fact.subject, *ledger.names(normalize_name(fact.subject))]
        named = any(asked.intersection(tokens(name)) for name in names)
        said = bool(asked.intersection(predicate_tokens(ledger.schema.find(fact.predicate))))
        return named + said

    strengths = [strength(fact) for fact in facts]
    least = max(max(strengths, default=0), 1)
    return [replace(fact, bears=own >= least) for fact, own in zip(facts, strengths, strict=True)]


def _passage_audit(position: int, passage: Passage, facts: Sequence[StatedFact]) -> PassageAudit:
    ordered = tuple(sorted(facts, key=lambda fact: (not fact.bears, fact.subject, fact.predicate, fact.object)))
    return PassageAudit(position, passage.id, _verdict([fact for fact in facts if fact.bears]), ordered)


def _verdict(facts: Sequence[StatedFact]) -> str:
    """Of what bears on the query; facts without dates do not keep outdated ones."""
    known = [fact for fact in facts if fact.verdict != "unknown"]
    if any(fact.verdict == "contested" for fact in known):
        return "contested"
    dated = [fact for fact in known if fact.is_dated or fact.verdict in OUTDATED]
    if dated and all(fact.verdict in OUTDATED for fact in dated):
        return min((fact.verdict for fact in dated), key=OUTDATED.index)
    return "current" if known else "unknown"


def is_drop_worthy(passage: PassageAudit, drop: Sequence[str], *, strict: bool = False) -> bool:
    """Whether a passage's verdict says to drop it; strict: whether a single fact that bears does."""
    if strict:
        return any(fact.verdict in drop for fact in passage.bearing)
    return passage.verdict in drop
