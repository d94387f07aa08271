"""Propositions of a sentence: who did what, and when. One pass over its chunks.

After a verb group, name phrases are collected as its objects, each with the preposition before it; a time binds to
those collected since the last time, so that "Count of Tripoli from 1187 to 1233, and Prince of Antioch from 1201" gives
each its own. A time at the head of a clause binds to the verbs of that clause. A verb ends the collecting of the verb
before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from motherlode.nuggets.extraction.chunks import Chunk, Kind
from motherlode.nuggets.extraction.time_grammar import Relation, TimeExpression

__all__ = ["Argument", "Proposition", "propositions"]


_GENERATION = 20 * 365 * 86_400_000_000


@dataclass(frozen=True, slots=True)
class Argument:
    """An object: its name phrase, the preposition before it ('' for none), and the time that binds to it."""

    begin: int
    end: int
    preposition: str
    time: TimeExpression | None = None
    is_fronted: bool = False
    rank: int = 0
    """Its place among the objects of the verb that share no joint; 0 is the nearest."""
    lead: tuple[int, int] | None = None
    """A direct object between verb and preposition: "moved *its headquarters* to New York"."""


@dataclass(slots=True)
class Proposition:
    """A verb with its subject (None where the sentence has none) and its objects."""

    verb: Chunk
    subject: Chunk | None
    arguments: list[Argument] = field(default_factory=list)
    time: TimeExpression | None = None
    """Of the verb, where it has no object: "She resigned in 2015"."""
    receiver: Chunk | None = None
    """A pronoun as an object: "made *her* an instructor"."""
    is_reduced: bool = False
    """A participle right behind a noun, which is more often the noun's than not: "a game *called* Go"."""
    follows_passive: bool = False
    """The verb before it, joined by a comma or "and", was passive."""


def propositions(chunks: Sequence[Chunk]) -> list[Proposition]:
    """The propositions of a sentence, in order of their verbs."""
    made: list[Proposition] = []
    fronted: TimeExpression | None = None
    at = 0
    while at < len(chunks):
        each = chunks[at]
        if each.kind is Kind.TIME and _is_fronted(chunks, at):
            fronted = each.time
        elif each.kind is Kind.CLAUSE:
            fronted = None if made else fronted
        elif each.kind is Kind.VERB:
            proposition = Proposition(each, _subject(chunks, at, made))
            joined = at > 0 and chunks[at - 1].kind in (Kind.AND, Kind.COMMA, Kind.TIME)
            proposition.follows_passive = (
                bool(made) and joined and (made[-1].verb.is_passive or made[-1].follows_passive)
            )
            proposition.is_reduced = _is_behind_object(chunks, at, made)
            at = _collect(chunks, at + 1, proposition, fronted)
            if chunks[0].head == "when" and not made:
                fronted = proposition.time  # "When it returned in 1989, Goen became its host"
            made.append(proposition)
            continue
        at += 1
    return made


def _is_fronted(chunks: Sequence[Chunk], at: int) -> bool:
    """Whether a time stands at the head of a clause: nothing or a joint before, a subject and a verb after."""
    if at and chunks[at - 1].kind not in (Kind.AND, Kind.CLAUSE, Kind.COMMA, Kind.OTHER):
        return False
    depth = 0
    for each in chunks[at + 1 :]:
        if each.kind is Kind.VERB and not each.is_loose and not depth:
            return True
        if each.kind is Kind.OPEN:
            depth += 1
        elif each.kind is Kind.CLOSE:
            depth -= 1
        if depth < 0 or each.kind is Kind.TIME or (at and each.kind is Kind.AND):
            return False  # inside brackets: the years of a life before "was a painter"
        if each.kind is Kind.CLAUSE and each.head not in _SUBORDINATE:
            return False
    return False


# "In 2005, when the prison was closed, he was moved": the time is also that of the main clause.
_SUBORDINATE = frozenset({"when", "while", "although", "though", "-", "–", "—", '"', "“", "”"})


def _subject(chunks: Sequence[Chunk], at: int, made: Sequence[Proposition]) -> Chunk | None:
    """The subject of the verb at a place."""
    before = _skip(chunks, at - 1)
    verb = chunks[at]
    if before < 0:
        return None
    last = made[-1].subject if made else None
    previous = chunks[before]
    if made and previous.kind is Kind.COMMA and _is_reduced(chunks, at):
        owner = _skip(chunks, before - 1)
        return chunks[owner] if owner >= 0 and chunks[owner].kind is Kind.NAME else last
    if verb.is_loose or (previous.kind in (Kind.AND, Kind.COMMA, Kind.TIME, Kind.VERB) and made):
        return last if made else _first_name(chunks, at)
    if previous.kind is Kind.CLAUSE and previous.head in ("who", "which", "that"):
        owner = _skip(chunks, before - 1)
        while owner >= 0 and chunks[owner].kind in (Kind.COMMA, Kind.CLOSE):
            owner -= 1
        return chunks[owner] if owner >= 0 and chunks[owner].kind is Kind.NAME else None
    return _noun_before(chunks, before, made)


def _is_behind_object(chunks: Sequence[Chunk], at: int, made: Sequence[Proposition]) -> bool:
    """Whether a verb of one word stands in brackets or right behind an object of the verb before it."""
    verb, before = chunks[at], chunks[at - 1] if at else None
    if before is None or verb.is_loose or verb.is_passive or verb.end - verb.begin != len(verb.head):
        return False
    if before.kind is Kind.OPEN:
        return True
    return bool(made) and before.kind is Kind.NAME and any(each.end == before.end for each in made[-1].arguments)


def _is_reduced(chunks: Sequence[Chunk], at: int) -> bool:
    """Whether a verb is a participle of the noun before its comma: ", composed of songs", ", written by X"."""
    verb, following = chunks[at], chunks[at + 1] if at + 1 < len(chunks) else None
    one_word = not verb.is_passive and verb.end - verb.begin == len(verb.head)
    return (
        one_word
        and following is not None
        and following.kind is Kind.PREPOSITION
        and following.head in ("of", "by", "as")
    )


def _noun_before(chunks: Sequence[Chunk], at: int, made: Sequence[Proposition]) -> Chunk | None:
    """Back from the verb over prepositional phrases, brackets and appositions to the name that it is said of."""
    floor = 0
    for low in range(at, -1, -1):
        if chunks[low].kind in (Kind.VERB,) or (
            chunks[low].kind is Kind.CLAUSE and chunks[low].head not in ("-", "–", "—", '"')
        ):
            floor = low + 1
            break
    # What a verb before has as its objects is no apposition: "after serving ten years, Downs was".
    is_after_verb = floor > 0 and chunks[floor - 1].kind is Kind.VERB
    while at >= floor:
        each = chunks[at]
        if each.kind is Kind.PRONOUN:
            return each
        if each.kind is Kind.CLOSE:
            while at >= floor and chunks[at].kind is not Kind.OPEN:
                at -= 1
        elif each.kind is Kind.NAME:
            before = chunks[at - 1].kind if at > floor else None
            if before is Kind.PREPOSITION and chunks[at - 1].head in ("until", "before", "after", "since", "than"):
                return each  # "until Smith died"
            if before is Kind.PREPOSITION:
                at -= 1  # "the club in London was": the club
            elif before is Kind.COMMA and not is_after_verb and _has_name(chunks, floor, at - 1):
                at -= 1  # an apposition, unless all before it is a phrase at the head
            else:
                return each
        at -= 1
    return made[-1].subject if made and floor and chunks[floor - 1].kind is Kind.VERB else None


def _has_name(chunks: Sequence[Chunk], floor: int, stop: int) -> bool:
    """Whether a name stands there that no preposition governs."""
    return any(
        chunks[at].kind is Kind.NAME
        and chunks[at].head not in ("a", "an", "former")  # "A former mayor, Smith served": an apposition in front
        and (at == floor or chunks[at - 1].kind is not Kind.PREPOSITION)
        for at in range(floor, stop)
    )


def _first_name(chunks: Sequence[Chunk], stop: int) -> Chunk | None:
    return next((each for each in chunks[:stop] if each.kind in (Kind.NAME, Kind.PRONOUN)), None)


def _skip(chunks: Sequence[Chunk], at: int) -> int:
    """Back over brackets and what carries no subject."""
    while at >= 0:
        if chunks[at].kind is Kind.CLOSE:
            while at >= 0 and chunks[at].kind is not Kind.OPEN:
                at -= 1
        elif chunks[at].kind is not Kind.OTHER:
            return at
        at -= 1
    return at


def _collect(chunks: Sequence[Chunk], at: int, proposition: Proposition, fronted: TimeExpression | None) -> int:
    """Read the objects and times after a verb; the index of what is not the verb's any more."""
    bound: list[Argument] = []  # those before the last time
    waiting: list[Argument] = []
    preposition = ""
    lead: tuple[int, int] | None = None
    depth = 0
    rank = rank_at_time = 0
    while at < len(chunks):
        each = chunks[at]
        if each.kind is Kind.OPEN:
            depth += 1
        elif each.kind is Kind.CLOSE:
            depth = max(0, depth - 1)
        elif each.kind is Kind.VERB or (each.kind is Kind.CLAUSE and depth == 0 and not _lists_on(chunks, at)):
            break
        elif each.kind is Kind.TIME:
            if _is_fronted(chunks, at):
                break
            if each.time is not None and not (depth and _is_a_life(chunks[at - 1], each.time)):
                rank_at_time = rank
                bound = _bind(waiting, bound, each.time, proposition)
                waiting = []
        elif depth == 0:
            if each.kind is Kind.PREPOSITION:
                preposition = each.head
            elif each.kind is Kind.NAME:
                if _is_next_subject(chunks, at):
                    break
                before = chunks[at - 1].kind
                joined = before in (Kind.COMMA, Kind.AND, Kind.CLAUSE)
                if waiting and _is_rest_of_place(chunks, at, preposition, waiting[-1]):
                    waiting[-1] = replace(waiting[-1], end=each.end)
                    at += 1
                    continue
                rank = rank if joined else rank + 1
                if not preposition:
                    lead = (each.begin, each.end) if not joined else lead
                waiting.append(
                    Argument(each.begin, each.end, preposition, rank=rank - 1, lead=lead if preposition else None)
                )
            elif each.kind is Kind.PRONOUN:
                if _is_next_subject(chunks, at):
                    break
                rank += 1
                proposition.receiver = proposition.receiver or each
        at += 1
    for argument in waiting:
        # "in 1974 at Boston": what stands behind the verb's own time without a joint has it too.
        own = proposition.time if proposition.time is not None and argument.rank > rank_at_time else None
        is_later = proposition.time is not None and own is None
        bound.append(_timed(argument, own or (None if is_later else fronted), is_fronted=True))
    seen = {(each.begin, each.end, each.time) for each in proposition.arguments}
    proposition.arguments.extend(each for each in bound if (each.begin, each.end, each.time) not in seen)
    if proposition.time is None:
        proposition.time = fronted
    return at


def _is_a_life(before: Chunk, time: TimeExpression) -> bool:
    """Whether a time in brackets is somebody's life: "(née Mullinex; April 23, 1930 – February 11, 2009)"."""
    if before.kind is not Kind.OPEN and time.relation is not Relation.WITHIN:
        return True
    first, last = time.first, time.last
    if first is None or last is None or not first.is_exact or not last.is_exact:
        return False
    return last.earliest - first.earliest > _GENERATION


def _lists_on(chunks: Sequence[Chunk], at: int) -> bool:
    """Whether a semicolon parts the objects of a list: "Arsenal from 1948 to 1950; Chelsea from 1950 to 1954"."""
    if chunks[at].head != ";":
        return False
    for each in chunks[at + 1 :]:
        if each.kind is Kind.TIME:
            return True
        if each.kind not in (Kind.NAME, Kind.AND, Kind.PREPOSITION, Kind.OPEN):
            return False
    return False


def _is_rest_of_place(chunks: Sequence[Chunk], at: int, preposition: str, before: Argument) -> bool:
    """Whether a name behind a comma is the state of the town before it: "in Madison, Indiana"."""
    if preposition not in ("in", "at", "to", "from", "near") or chunks[at - 1].kind is not Kind.COMMA:
        return False
    if before.end != chunks[at - 2].end or before.preposition != preposition:
        return False
    following = chunks[at + 1 : at + 3]
    if following and following[0].kind is Kind.COMMA:
        return len(following) < 2 or following[1].kind not in (Kind.NAME, Kind.AND)
    return not following or following[0].kind in (Kind.OTHER, Kind.TIME, Kind.PREPOSITION)


def _bind(
    waiting: list[Argument], bound: list[Argument], time: TimeExpression, proposition: Proposition
) -> list[Argument]:
    """The arguments that a time binds to: those that wait, else once more the last ones ("and from 1219 to 1233")."""
    if proposition.time is None:
        proposition.time = time
    again = [_timed(each, time) for each in (waiting or bound)]
    proposition.arguments.extend(again)
    return again


def _timed(argument: Argument, time: TimeExpression | None, *, is_fronted: bool = False) -> Argument:
    return Argument(argument.begin, argument.end, argument.preposition, time, is_fronted, argument.rank, argument.lead)


def _is_next_subject(chunks: Sequence[Chunk], at: int) -> bool:
    """Whether a name after a joint is the subject of the next verb: ", and Smith became"."""
    if chunks[at - 1].kind not in (Kind.AND, Kind.COMMA):
        return False
    following = chunks[at + 1] if at + 1 < len(chunks) else None
    return following is not None and following.kind is Kind.VERB and not following.is_loose
