"""From propositions to facts: which relation a verb means, which way round, when, and how sure the pattern is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from motherlode.core.time import PartialDate
from motherlode.nuggets.extraction.aspects import Aspect
from motherlode.nuggets.extraction.chunks import Kind
from motherlode.nuggets.extraction.clauses import Argument, Proposition
from motherlode.nuggets.extraction.lexicon import word_set
from motherlode.nuggets.extraction.roles import is_role, split_role
from motherlode.nuggets.extraction.subjects import Resolved, SubjectResolver
from motherlode.nuggets.extraction.time_grammar import Relation, TimeExpression
from motherlode.nuggets.extraction.verbs import VerbSense, sense_of
from motherlode.nuggets.values import Value

__all__ = ["Fact", "facts_of"]

When = PartialDate | None


@dataclass(frozen=True, slots=True)
class Fact:
    """What a pattern read. trust: 0 to 1, how often the pattern is right."""

    subject: str
    predicate: str
    object: Value
    start: When
    stop: When
    trust: float
    negated: bool = False
    is_event: bool = False
    unit: str | None = None


_COPULAS = frozenset(["is", "was", "were", "are", "been", "be", "being"])
# Patterns' shares of right claims, read in samples of the benchmark's development half.
_TRUST = {"role": 0.95, "typed": 0.93, "open": 0.9, "open_to": 0.88}
_TYPED_NEED_A_NAME = frozenset(
    {"member of", "employer", "educated at", "residence", "headquarters", "spouse", "owned by"}
)
_OPEN_PREPOSITIONS = word_set("to at for in by as from into with on under against through")
_LEADING = re.compile(r"^(?:the|a|an)\s+", re.IGNORECASE)
_OWN = re.compile(r"^(?:his|her|its|their|our|my)\b", re.IGNORECASE)
_NAME_IN = re.compile(r"\b[A-Z0-9ÀÁÂÄÅÆÇÈÉÊÍÎÑÓÔÖØÚÜĆČŁŚŠŻŽ]")
_LIGHT = frozenset(["did", "does", "do", "had", "has", "have", "got", "gets"])


def facts_of(
    sentence: str, proposition: Proposition, resolver: SubjectResolver, published: PartialDate | None
) -> Iterator[Fact]:
    """The facts that one proposition states."""
    verb = proposition.verb
    subject = _subject(sentence, proposition, resolver)
    if subject is None or not verb.is_real:
        return
    if verb.negated and not _says_no_longer(sentence, verb.begin, verb.end):
        return
    arguments = proposition.arguments
    for at, argument in enumerate(arguments):
        words = _extended(sentence, arguments, at)
        yield from _facts(sentence, proposition, argument, words, subject, resolver, published)
    if verb.head == "succeeded" and not verb.is_passive:
        yield from _predecessor(sentence, arguments, subject)


def _subject(sentence: str, proposition: Proposition, resolver: SubjectResolver) -> Resolved | None:
    chunk = proposition.subject
    if chunk is None:
        return None
    return resolver.resolve(sentence[chunk.begin : chunk.end], is_pronoun=chunk.kind is Kind.PRONOUN)


def _says_no_longer(sentence: str, begin: int, end: int) -> bool:
    return "no longer" in sentence[begin : end + 12]


def _extended(sentence: str, arguments: Sequence[Argument], at: int) -> str:
    """The argument's words; of a role, with the "at the bank" that stands right behind it."""
    argument = arguments[at]
    words = sentence[argument.begin : argument.end]
    if at + 1 < len(arguments) and is_role(words):
        behind = arguments[at + 1]
        joint = sentence[argument.end : behind.begin].strip()
        if behind.rank == argument.rank + 1 and joint in ("at", "for", "in", "to", "with", "on", "at the", "under"):
            return sentence[argument.begin : behind.end]
    return words


def _facts(
    sentence: str,
    proposition: Proposition,
    argument: Argument,
    words: str,
    subject: Resolved,
    resolver: SubjectResolver,
    published: PartialDate | None,
) -> Iterator[Fact]:
    verb = proposition.verb
    sense = sense_of(verb.head, argument.preposition)
    if sense.predicate == "member of" and verb.head.startswith(("sign", "re-sign")) and not resolver.is_person:
        sense = VerbSense(None, sense.aspect)
    negated = verb.negated
    start, stop = _bounds(argument.time, sense.aspect, negated=negated, published=published)
    is_dated = start is not None or stop is not None
    trust = subject.trust * _penalty(argument, proposition)
    bare = _LEADING.sub("", words).strip()
    is_passive = verb.is_passive or _continues_passive(proposition)
    copula = verb.head in _COPULAS and not verb.is_passive
    if sense.predicate == "position held":
        holder = _appointed(sentence, proposition, argument, verb.head)
        if holder is not None:
            subject = holder
        elif argument.rank > (0 if argument.preposition in ("", "to") else 1) or (
            verb.head in _APPOINTS and not is_passive
        ):
            sense = VerbSense(None, sense.aspect)
        if sense.predicate is not None and is_role(words):
            yield from _role_facts(bare, words, subject, start, stop, trust, resolver, negated=negated)
            return
        sense = VerbSense(None, sense.aspect)
    if sense.predicate is not None and (
        sense.predicate not in _TYPED_NEED_A_NAME or (_NAME_IN.search(bare) and not _OWN.match(bare))
    ):
        if sense.is_inverse and not verb.is_passive:
            if _NAME_IN.search(bare) and not _OWN.match(bare):
                yield Fact(bare, sense.predicate, subject.name, start, stop, trust * _TRUST["typed"], negated)
        elif is_dated or sense.predicate in _TYPED_NEED_A_NAME:
            yield Fact(subject.name, sense.predicate, bare, start, stop, trust * _TRUST["typed"], negated)
        return
    if not is_dated or negated or verb.head in _LIGHT:
        return
    yield from _open_facts(sentence, argument, bare, subject, (start, stop), trust, verb.head, is_copula=copula)


def _open_facts(
    sentence: str,
    argument: Argument,
    bare: str,
    subject: Resolved,
    bounds: tuple[When, When],
    trust: float,
    head: str,
    *,
    is_copula: bool,
) -> Iterator[Fact]:
    """A dated proposition under the verb's own words."""
    preposition = argument.preposition
    has_name = _NAME_IN.search(bare) is not None
    if _OWN.match(bare) and not has_name:
        return
    if preposition and (preposition not in _OPEN_PREPOSITIONS or not has_name):
        return
    if not preposition and not has_name and len(bare.split()) > 8:
        return
    lead = "" if argument.lead is None else sentence[slice(*argument.lead)]
    if len(lead) > 60:
        lead = ""
    words = " ".join(part for part in ("is" if is_copula else head, _LEADING.sub("", lead), preposition) if part)
    kind = "open_to" if preposition else "open"
    yield Fact(subject.name, words, bare, *bounds, trust * _TRUST[kind], is_event=not is_copula)


_APPOINTS = frozenset(
    {
        "appointed",
        "elected",
        "re-elected",
        "reelected",
        "named",
        "made",
        "chosen",
        "selected",
        "promoted",
        "crowned",
        "hired",
    }
)


def _continues_passive(proposition: Proposition) -> bool:
    """ "He was elected to the Académie, named a senator": the second verb is passive too."""
    return proposition.follows_passive and proposition.verb.end - proposition.verb.begin == len(proposition.verb.head)


def _appointed(sentence: str, proposition: Proposition, argument: Argument, head: str) -> Resolved | None:
    """Who got the position where somebody else gave it: "The king appointed Smith as governor"."""
    if proposition.verb.is_passive or head not in _APPOINTS or argument.preposition not in ("as", "to"):
        return None
    if argument.lead is None or not sentence[argument.lead[0] : argument.lead[0] + 1].isupper():
        return None
    return Resolved(sentence[slice(*argument.lead)], 0.9)


def _penalty(argument: Argument, proposition: Proposition) -> float:
    """Objects further from the verb, and times from the head of the sentence, are bound wrongly more often."""
    penalty = 1.0 if argument.rank <= 1 else 0.85
    if argument.is_fronted and argument.time is not None:
        penalty *= 0.98
    return penalty * (0.97 if proposition.verb.is_loose else 1.0)


def _bounds(
    time: TimeExpression | None, aspect: Aspect, *, negated: bool, published: PartialDate | None
) -> tuple[When, When]:
    if negated:
        if time is None:
            return (None, None) if published is None else (PartialDate.before(published), None)
        return time.first, None
    if time is None or not time.interval.is_known:
        return None, None
    if time.relation is Relation.NO_LONGER:
        return time.bounds()
    # The table of verbs knows better than the nearest cue, except that it holds no end for a verb it does not know.
    chosen = aspect if aspect is not Aspect.HOLDS else Aspect.HOLDS
    return time.bounds(chosen)


def _role_facts(
    bare: str,
    words: str,
    subject: Resolved,
    start: When,
    stop: When,
    trust: float,
    resolver: SubjectResolver,
    *,
    negated: bool,
) -> Iterator[Fact]:
    """X's position, and the organisation's holder of it: (Tim Cook, position held, CEO of Apple), (Apple, CEO, Tim Cook)."""
    sure = trust * _TRUST["role"]
    own = _OWN.match(bare)
    if own is None:
        yield Fact(subject.name, "position held", bare, start, stop, sure, negated)
    split = split_role(words)
    owner: str | None = None
    if split is not None:
        role, owner = split
    else:
        role = bare
        if own is not None:
            possessor = resolver.possessor(own[0]) if own[0].casefold() in ("his", "her", "its", "their") else None
            if possessor is None or possessor.name == subject.name:
                return
            role, owner, sure = bare[own.end() :].strip(), possessor.name, sure * possessor.trust
    if owner and role and owner != subject.name and (start is not None or stop is not None):
        yield Fact(owner, role, subject.name, start, stop, sure, negated)


def _predecessor(sentence: str, arguments: Sequence[Argument], subject: Resolved) -> Iterator[Fact]:
    """X succeeded Y as the CEO: so Y was, until then."""
    direct = [each for each in arguments if not each.preposition]
    roles = [each for each in arguments if each.preposition == "as"]
    if len(direct) != 1 or len(roles) != 1 or roles[0].time is None:
        return
    name, role = (_LEADING.sub("", sentence[each.begin : each.end]) for each in (direct[0], roles[0]))
    stop = roles[0].time.bounds(Aspect.ENDS)[1]
    if stop is not None and name[0].isupper() and is_role(role):
        yield Fact(name, "position held", role, None, stop, subject.trust * 0.88)
