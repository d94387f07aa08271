"""Questions to the store: filter by time and state first, then rank, then say why."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from motherlode.core.ports import Progress
from motherlode.core.sql import Session
from motherlode.core.time import EVER, NEVER, PartialDate, parse_partial_date as parse_date, to_micros
from motherlode.errors import InputError
from motherlode.nuggets.access import StoreAccess
from motherlode.nuggets.event_rows import read_state
from motherlode.nuggets.extraction.question_time import question_time
from motherlode.nuggets.hits import CERTAINTIES, Conflict, Evidence, Nugget, NuggetHit
from motherlode.nuggets.ledger import Ledger
from motherlode.nuggets.lexical import Candidate, find_candidates, load_candidates, matched_words, terms_of
from motherlode.nuggets.reading import (
    ANSWERING,
    STATES,
    Filter,
    Moment,
    full_id,
    known_micros,
    read_evidence,
    read_nuggets,
    read_versions,
)
from motherlode.nuggets.vocabulary import Vocabulary
from motherlode.nuggets.words import question_words

__all__ = ["Question", "StoreQuestions", "VectorRanking"]

# What a nugget is worth that may hold, or of which no date is known, against one that surely holds at the asked time.
_WORTH = {"certain": 1.0, "possible": 0.9, "unknown": 0.6}
_RRF = 60.0
_K_SEARCHED = 200  # ranks among which why_not looks


class VectorRanking(Protocol):
    """The late-interaction side of a store: a projection of its versions, ranked by vectors."""

    def rank(self, question: str, allowed: Filter, k: int) -> list[tuple[int, float]]:
        """(number of a version, score), best first, of versions that a filter lets through; larger is better."""
        ...

    def encode(self, question: str) -> Any:
        """Encode a question ahead of `rank`, so that the two can be timed apart."""
        ...

    def advance(self, progress: Progress | None = None) -> int:
        """Take in what the store recorded since, and forget what it erased; how many versions came."""
        ...


@dataclass(frozen=True, slots=True)
class Question:
    """A question as the store takes it: its words but for those of time, and the stretch of time it asks about."""

    text: str
    words: tuple[str, ...]
    window: tuple[int, int]
    stated: PartialDate | None


class StoreQuestions(StoreAccess):
    """The part of a store that answers questions."""

    vectors: VectorRanking | None = None
    """Filled by whoever opens the store with an encoder."""
    purge_copies: Callable[[], bool] | None = None
    """Removes what was erased from indexes beside the database, whether or not questions use them; False: not yet."""
    _vocabulary: Vocabulary | None = None

    def ask(
        self,
        question: str,
        *,
        valid_at: Moment | None = None,
        known_at: Moment | None = None,
        k: int = 10,
        scope: str | Sequence[str] | None = None,
        predicates: Sequence[str] | None = None,
        sources: Sequence[str] | None = None,
        states: Sequence[str] | None = None,
        undated: bool = True,
    ) -> list[NuggetHit]:
        """The best answers, of what may hold at the asked time as it was known at a recorded time.

        valid_at: the time asked about; by default the question's own ("in 2005"), else now. One coarser than a day
            finds what may hold within it. known_at: what the store knew then; by default all it knows
        k: how many at most. scope, predicates, sources (ids of documents), states: only such nuggets; by default every
            scope and predicate, and the states active, superseded and contested
        undated: whether nuggets without dates may answer; they come last

        Of one key, certain answers come before possible ones, and what a person prefers first. No answer for an empty
        store.
        Errors: InputError for k < 1, unknown states, times without zone.
        """
        if k < 1:
            raise InputError(f"k is the number of answers, 1 or more, not {k}")
        with self.reading() as session:
            ledger = self.ledger(session)
            asked = self._asked(question, valid_at)
            allowed = self._filter(ledger, asked, known_at, scope, predicates, sources, states, undated)
            candidates = self._lexical(session, ledger, asked, allowed, k)
            parts = {one.version: {"lexical": one.score} for one in candidates}
            if self.vectors is not None:
                candidates = self._fused(session, asked, allowed, candidates, parts, k)
            chosen = _in_order(candidates)[:k]
            return self._hits(session, ledger, chosen, asked, known_micros(known_at), parts)

    def update_vectors(self, progress: Progress | None = None) -> int:
        """Bring the late-interaction index up to date; how many versions of nuggets it took in.

        Errors: InputError for a store that was opened without an encoder.
        """
        if self.vectors is None:
            raise InputError("this store was opened without an encoder; open_nuggets(…, encoder='minilm')")
        return self.vectors.advance(progress)

    def _asked(self, question: str, valid_at: Moment | None) -> Question:
        """What is asked, and about when."""
        if not isinstance(question, str):
            raise InputError(f"a question is text, not {type(question).__name__}")
        present = PartialDate.from_micros(to_micros(self._clock()))
        said = question_time(question, present)
        stated = said.stated if valid_at is None else parse_date(valid_at)
        window = present.window if stated is None else stated.window
        return Question(said.rest, tuple(question_words(said.rest)), window, stated)

    @staticmethod
    def _filter(
        ledger: Ledger,
        asked: Question,
        known_at: Moment | None,
        scope: str | Sequence[str] | None,
        predicates: Sequence[str] | None,
        sources: Sequence[str] | None,
        states: Sequence[str] | None,
        undated: bool,
    ) -> Filter:
        for state in states or ():
            if state not in STATES:
                raise InputError(f"states are {', '.join(STATES)}, not {state!r}")
        return Filter(
            known_at=known_micros(known_at),
            window=asked.window,
            states=ANSWERING if states is None else tuple(states),
            scopes=None if scope is None else (scope,) if isinstance(scope, str) else tuple(scope),
            predicates=None if predicates is None else tuple(ledger.schema.find(name).name for name in predicates),
            sources=None if sources is None else tuple(sources),
            undated=undated,
        )

    def _lexical(self, session: Session, ledger: Ledger, asked: Question, allowed: Filter, k: int) -> list[Candidate]:
        """Candidates by words; where a name in the question was or became another, by that one too."""
        n_versions = read_state(session)["version"]
        known = self._vocabulary
        if known is None or known.n_versions != n_versions or known.schema is not ledger.schema:
            known = self._vocabulary = Vocabulary.read(session, ledger.schema, n_versions)
        best: dict[int, Candidate] = {}
        for words in (asked.words, *known.renames.other_words(asked.words)):
            terms = terms_of(session, known.groups(words), max(n_versions, 1))
            for one in find_candidates(session, terms, allowed, asked.window, 2 * k):
                held = best.get(one.version)
                if held is None or one.score > held.score:
                    best[one.version] = one
        return sorted(best.values(), key=lambda one: one.order)

    def _fused(
        self,
        session: Session,
        asked: Question,
        allowed: Filter,
        candidates: list[Candidate],
        parts: dict[int, dict[str, float]],
        k: int,
    ) -> list[Candidate]:
        """Reciprocal rank fusion of words and vectors; what only vectors found is checked in the database again."""
        assert self.vectors is not None
        ranked = self.vectors.rank(asked.text, allowed, max(4 * k, 20))
        held = {one.version: one for one in candidates}
        missing = [version for version, _ in ranked if version not in held]
        held |= {one.version: one for one in load_candidates(session, missing, allowed, asked.window)}
        fused = dict.fromkeys(held, 0.0)
        for rank, one in enumerate(candidates, start=1):
            fused[one.version] += 1 / (_RRF + rank)
        for rank, (version, score) in enumerate(ranked, start=1):
            if version in held:
                fused[version] += 1 / (_RRF + rank)
                parts.setdefault(version, {})["vectors"] = score
        return sorted((replace(one, score=fused[version]) for version, one in held.items()), key=lambda one: one.order)

    def _hits(
        self,
        session: Session,
        ledger: Ledger,
        chosen: Sequence[Candidate],
        asked: Question,
        known_at: int | None,
        parts: dict[int, dict[str, float]],
    ) -> list[NuggetHit]:
        nuggets = read_versions(session, [one.version for one in chosen])
        evidence = read_evidence(session, (claim for nugget in nuggets.values() for claim in nugget.claims))
        contests = [c for nugget in nuggets.values() for c in nugget.contests if c.is_on(*asked.window)]
        rivals = read_nuggets(session, (contest.nugget_id for contest in contests), known_at)
        hits = []
        for rank, one in enumerate(chosen, start=1):
            nugget = nuggets[one.version]
            said = tuple(evidence[claim] for claim in nugget.claims if claim in evidence)
            sentence = next((claim.text for claim in said if claim.text), None) or ""
            matched = matched_words(asked.words, nugget, sentence, ledger.schema)
            hits.append(
                NuggetHit(
                    nugget=nugget,
                    rank=rank,
                    score=one.score * _WORTH[one.certainty],
                    certainty=one.certainty,
                    evidence=said,
                    why=_why(matched, nugget, one.certainty, asked),
                    conflict=_conflict(nugget, rivals, asked),
                    parts=parts.get(one.version, {}),
                )
            )
        return hits

    def why_not(
        self,
        nugget: str,
        question: str,
        *,
        valid_at: Moment | None = None,
        known_at: Moment | None = None,
        k: int = 10,
        scope: str | Sequence[str] | None = None,
        predicates: Sequence[str] | None = None,
        sources: Sequence[str] | None = None,
    ) -> str:
        """Why a nugget is not among the answers to a question, asked as `ask` asks it; or at which rank it is.

        nugget: its id, or the first letters of it, six or more
        Errors: InputError for an id that the store does not know.
        """
        with self.reading() as session:
            ledger = self.ledger(session)
            asked = self._asked(question, valid_at)
            allowed = self._filter(ledger, asked, known_at, scope, predicates, sources, None, True)
            name = full_id(session, nugget)
            newest = read_nuggets(session, [name]).get(name)
            found = read_nuggets(session, [name], allowed.known_at).get(name)
            said = [] if found is None else list(read_evidence(session, found.claims).values())
        if found is None and newest is None:
            raise InputError(f"no nugget has the id {nugget!r}; ids come from assert_claims, ask and history")
        if found is None:
            return f"it was not known at {known_at}; it was recorded at {newest and newest.recorded_from}"
        reason = _kept_out(found, said, allowed, asked)
        if reason is not None:
            return reason
        hits = self.ask(
            question, valid_at=valid_at, known_at=known_at, k=_K_SEARCHED, scope=scope, predicates=predicates,
            sources=sources,
        )  # fmt: skip
        place = next((hit for hit in hits if hit.nugget.nugget_id == found.nugget_id), None)
        if place is None:
            sentence = next((one.text for one in said if one.text), None) or ""
            matched = matched_words(asked.words, found, sentence, ledger.schema)
            if matched:
                return f"it has '{' '.join(matched)}' of the question, but {len(hits)} others come first"
            return f"none of the question's words that tell most ({', '.join(asked.words) or 'it has none'}) is in it"
        if place.rank <= k:
            return f"it is there, at rank {place.rank}: {place.why}"
        return f"it is at rank {place.rank}, behind the {k} asked for: {place.why}"


def _kept_out(found: Nugget, said: Sequence[Evidence], allowed: Filter, asked: Question) -> str | None:
    """Which part of a question's filter keeps a nugget out, in words; None: none does."""
    if found.state not in ANSWERING:
        return f"its state is {found.state}: {found.why or 'only active, superseded and contested ones answer'}"
    if allowed.scopes is not None and found.scope not in allowed.scopes:
        return f"its scope is {found.scope}, asked was {', '.join(allowed.scopes)}"
    if allowed.predicates is not None and found.predicate not in allowed.predicates:
        return f"its predicate is {found.predicate}, asked was {', '.join(allowed.predicates)}"
    sources = sorted({one.source for one in said})
    if allowed.sources is not None and not set(sources) & set(allowed.sources):
        return f"{', '.join(sources)} says it, asked was {', '.join(allowed.sources)}"
    if not found.interval.is_possible(*asked.window):
        when = "now" if asked.stated is None else str(asked.stated)
        return f"it does not hold at the asked time ({when}): its interval is {found.interval}"
    return None


def _in_order(candidates: Sequence[Candidate]) -> list[Candidate]:
    """By score and certainty; within one key what is certain first, then what is preferred."""
    ranked = sorted(candidates, key=lambda one: (-one.score * _WORTH[one.certainty], one.start, one.nugget_id))
    by_key: dict[int, list[Candidate]] = {}
    for one in ranked:
        by_key.setdefault(one.key, []).append(one)
    for group in by_key.values():
        group.sort(key=lambda one: (CERTAINTIES.index(one.certainty), not one.preferred))
    turns = {key: iter(group) for key, group in by_key.items()}
    return [next(turns[one.key]) for one in ranked]


def _why(matched_by: Mapping[str, str], nugget: Nugget, certainty: str, asked: Question) -> str:
    """In words: what matched, and how it stands in time."""
    found: dict[str, list[str]] = {}
    for word, where in matched_by.items():
        found.setdefault(where, []).append(word)
    matched = "; ".join(f"{where}: {' '.join(words)}" for where, words in found.items()) or "by vectors"
    when = "now" if asked.stated is None else str(asked.stated)
    held = {
        "certain": f"holds at {when}",
        "possible": f"may hold at {when}",
        "unknown": "no date is known",
    }[certainty]
    more = f"; {nugget.why}" if nugget.why and nugget.interval.is_known else ""
    return f"{matched}; {held}{more}"


def _conflict(nugget: Nugget, rivals: dict[str, Nugget], asked: Question) -> Conflict | None:
    on = [contest for contest in nugget.contests if contest.is_on(*asked.window) and contest.nugget_id in rivals]
    if not on:
        return None
    begin, end = min(contest.begin for contest in on), max(contest.end for contest in on)
    return Conflict(
        tuple(rivals[contest.nugget_id] for contest in on),
        (
            None if begin <= NEVER else PartialDate.from_micros(begin),
            None if end >= EVER else PartialDate.from_micros(end),
        ),
    )
